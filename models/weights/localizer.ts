/** A localizer's folder: its configuration, that of the tower that it stands on, and the weights of both, so that no other folder is needed to use it. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { fileHash } from './fileHash.ts';
import { isRecord, readJson } from './json.ts';
import { exchange, openSafetensors, readTensor, writeFault, writePartial, type TensorEntry, type WrittenType } from './safetensors.ts';

const kind = 'loupe_localizer';
const mostJson = 8_000_000;
const promptFile = 'prompts.json';

/** What a kind of thing looks like: the mean of many examples, kept beside the weights that made it. */
export interface StoredPrompt {
  readonly kind: string;
  readonly examples: number;
  readonly vector: Float32Array;
}

export interface LocalizerToWrite {
  readonly config: unknown;
  /** config.json and preprocessor_config.json of the checkpoint whose tower it stands on. */
  readonly base: unknown;
  readonly preprocessor: unknown;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }[];
}

/** Writes a folder, whole or not at all. @throws Fault of the writer */
export function saveLocalizer(folder: string, { config, base, preprocessor, tensors }: LocalizerToWrite, dtype: WrittenType = 'F32'): void {
  const [weights, settings] = [join(folder, 'model.safetensors'), join(folder, 'config.json')];
  const partial = (path: string): string => `${path}.${process.pid}.part`;
  try {
    mkdirSync(folder, { recursive: true });
    writePartial(partial(weights), tensors.map((tensor) => ({ ...tensor, dtype })), { format: 'pt' }, basename(weights));
    writeFileSync(partial(settings), `${JSON.stringify({ model_type: kind, localizer: config, base, preprocessor }, null, 2)}\n`, { flush: true });
    exchange(partial(weights), weights);
    exchange(partial(settings), settings);
  } catch (cause) {
    for (const path of [weights, settings]) rmSync(partial(path), { force: true });
    throw cause instanceof Fault ? cause : writeFault(basename(folder), cause);
  }
}

/** Keeps prompts in the localizer's folder. @throws Fault of the writer */
export function savePrompts(folder: string, sha256: string, prompts: readonly StoredPrompt[]): void {
  const path = join(folder, promptFile);
  try {
    writeFileSync(`${path}.part`, `${JSON.stringify({ weights: sha256, prompts: prompts.map(({ kind, examples, vector }) => ({ kind, examples, vector: [...vector].map((x) => Number(x.toPrecision(7))) })) })}\n`, { flush: true });
    exchange(`${path}.part`, path);
  } catch (cause) {
    throw cause instanceof Fault ? cause : writeFault(basename(folder), cause);
  }
}

/** The prompts that are kept there; none where there is no such file. @throws Fault `localizer.kind` for prompts of other weights, or of another width */
function storedPrompts(folder: string, sha256: string): readonly StoredPrompt[] {
  const path = join(folder, promptFile);
  if (!existsSync(path)) return [];
  const kept = readJson(path, mostJson);
  if (!isRecord(kept) || kept.weights !== sha256 || !Array.isArray(kept.prompts)) throw notOne(folder, `Its ${promptFile} belongs to other weights.`);
  return kept.prompts.map((prompt: unknown): StoredPrompt => {
    const { kind, examples, vector } = isRecord(prompt) ? prompt : {};
    const isVector = Array.isArray(vector) && vector.length > 0 && vector.every((x) => typeof x === 'number' && Number.isFinite(x));
    if (typeof kind !== 'string' || !/^[a-z][a-z_]{0,60}$/.test(kind) || typeof examples !== 'number' || !isVector) throw notOne(folder, `Its ${promptFile} is damaged.`);
    return { kind, examples, vector: Float32Array.from(vector as number[]) };
  });
}

export interface OpenedLocalizer {
  /** As they stand in the file; their readers judge them. */
  readonly config: unknown;
  readonly base: unknown;
  readonly preprocessor: unknown;
  /** SHA-256 of the weights' file. */
  readonly sha256: string;
  readonly prompts: readonly StoredPrompt[];
  /** @throws Fault `localizer.kind` where it is missing or of another shape */
  tensor(name: string, shape: readonly number[]): Float32Array;
}

/** @throws Fault `localizer.kind` for a folder of something else, and those of `openSafetensors` */
export function openLocalizerFolder(folder: string): OpenedLocalizer {
  let config: unknown;
  try {
    config = readJson(join(folder, 'config.json'), mostJson);
  } catch (cause) {
    throw notOne(folder, cause instanceof Fault ? cause.why : String(cause));
  }
  if (!isRecord(config) || config.model_type !== kind) throw notOne(folder, 'Its config.json does not speak of a localizer.');
  const path = join(folder, 'model.safetensors');
  const { tensors } = openSafetensors(path);
  const sha256 = fileHash(path);
  return {
    config: config.localizer, base: config.base, preprocessor: config.preprocessor, sha256, prompts: storedPrompts(folder, sha256),
    tensor(name, shape) {
      const entry: TensorEntry | undefined = tensors.get(name);
      if (entry?.shape.join() !== shape.join()) throw notOne(folder, entry ? `${name} is [${entry.shape.join()}] and should be [${shape.join()}].` : `${name} is missing.`);
      return readTensor(entry);
    },
  };
}

const notOne = (folder: string, why: string): Fault =>
  new Fault({ code: 'localizer.kind', what: `${basename(folder)} is no localizer.`, why, mend: 'Give the folder `final` of a run of the recipe dinoR1.' });
