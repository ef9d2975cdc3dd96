/** A localizer's folder: its configuration, its weights, the hash of the tower that it stands on, and the prompts that were stored with it. */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { isRecord, readJson } from './json.ts';
import { exchange, openSafetensors, readTensor, writeFault, writePartial, type WrittenType } from './safetensors.ts';

const kind = 'loupe_localizer';
const mostJson = 8_000_000;

export interface LocalizerWeights<Config> {
  readonly config: Config;
  /** `weightsHash` of the tower's weights. */
  readonly tower: string;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }[];
}

/** SHA-256 over names and float32 values, in the order of the names. */
export function weightsHash(weights: ReadonlyMap<string, Float32Array>): string {
  const hash = createHash('sha256');
  for (const [name, values] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${name}\0`).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
}

/** Writes a folder, whole or not at all. @throws Fault `checkpoint.write` */
export function saveLocalizer<Config>(folder: string, { config, tower, tensors }: LocalizerWeights<Config>, dtype: WrittenType = 'F32'): void {
  const [weights, settings] = [join(folder, 'model.safetensors'), join(folder, 'config.json')];
  const partial = (path: string): string => `${path}.${process.pid}.part`;
  try {
    mkdirSync(folder, { recursive: true });
    writePartial(partial(weights), tensors.map((tensor) => ({ ...tensor, dtype })), { format: 'pt' }, basename(weights));
    writeFileSync(partial(settings), `${JSON.stringify({ model_type: kind, localizer: config, tower_sha256: tower }, null, 2)}\n`, { flush: true });
    exchange(partial(weights), weights);
    exchange(partial(settings), settings);
  } catch (cause) {
    for (const path of [weights, settings]) rmSync(partial(path), { force: true });
    throw cause instanceof Fault ? cause : writeFault(basename(folder), cause);
  }
}

export interface OpenedLocalizer {
  /** As it stands in the file; its reader judges it. */
  readonly config: unknown;
  readonly tower: string;
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/** @throws Fault `localizer.kind` for a folder of something else, and those of `openSafetensors` */
export function openLocalizerFolder(folder: string): OpenedLocalizer {
  let config: unknown;
  try {
    config = readJson(join(folder, 'config.json'), mostJson);
  } catch (cause) {
    throw notOne(folder, cause instanceof Fault ? cause.why : String(cause));
  }
  if (!isRecord(config) || config.model_type !== kind || typeof config.tower_sha256 !== 'string') throw notOne(folder, 'Its config.json does not speak of a localizer.');
  const { tensors } = openSafetensors(join(folder, 'model.safetensors'));
  return { config: config.localizer, tower: config.tower_sha256, weights: new Map([...tensors].map(([name, entry]) => [name, readTensor(entry)])) };
}

const notOne = (folder: string, why: string): Fault =>
  new Fault({ code: 'localizer.kind', what: `${basename(folder)} is no localizer.`, why, mend: 'Give the folder `final` of a run of the recipe dinoR1.' });
