/** The folder of an integrity network: its configuration and weights, and what was measured of it, without which its scores have no name. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { fileHash } from './fileHash.ts';
import { isRecord, readJson } from './json.ts';
import { exchange, openSafetensors, readTensor, writeFault, writePartial, type WrittenType } from './safetensors.ts';

const kind = 'loupe_integrity';
const mostJson = 1_000_000;

export interface IntegrityToWrite {
  readonly config: unknown;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }[];
}

function writeFiles(folder: string, files: readonly { readonly name: string; readonly write: (path: string) => void }[]): void {
  const partial = (name: string): string => join(folder, `${name}.${process.pid}.part`);
  try {
    mkdirSync(folder, { recursive: true });
    for (const { name, write } of files) write(partial(name));
    for (const { name } of files) exchange(partial(name), join(folder, name));
  } catch (cause) {
    for (const { name } of files) rmSync(partial(name), { force: true });
    throw cause instanceof Fault ? cause : writeFault(basename(folder), cause);
  }
}

const json = (value: unknown) => (path: string): void => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`, { flush: true });

/** Writes a folder, whole or not at all. @throws Fault of the writer */
export function saveIntegrity(folder: string, { config, tensors }: IntegrityToWrite, dtype: WrittenType = 'F32'): void {
  writeFiles(folder, [
    { name: 'model.safetensors', write: (path) => writePartial(path, tensors.map((tensor) => ({ ...tensor, dtype })), { format: 'pt' }, 'model.safetensors') },
    { name: 'config.json', write: json({ model_type: kind, integrity: config }) },
  ]);
}

/** Puts what was measured beside the weights that it was measured of. */
export const saveCalibration = (folder: string, calibration: unknown): void => writeFiles(folder, [{ name: 'calibration.json', write: json(calibration) }]);

export interface OpenedIntegrity {
  /** As they stand in the files; their readers judge them. Nothing was measured where `calibration` is null. */
  readonly config: unknown;
  readonly calibration: unknown;
  /** SHA-256 of the weights' file. */
  readonly sha256: string;
  /** @throws Fault `integrity.kind` where it is missing or of another shape */
  tensor(name: string, shape: readonly number[]): Float32Array;
}

/** @throws Fault `integrity.kind` for a folder of something else, and those of `openSafetensors` */
export function openIntegrityFolder(folder: string): OpenedIntegrity {
  const read = (name: string): unknown => {
    try {
      return readJson(join(folder, name), mostJson);
    } catch (cause) {
      throw notOne(folder, cause instanceof Fault ? cause.why : String(cause));
    }
  };
  const config = read('config.json');
  if (!isRecord(config) || config.model_type !== kind) throw notOne(folder, 'Its config.json does not speak of an integrity network.');
  const path = join(folder, 'model.safetensors');
  const { tensors } = openSafetensors(path);
  return {
    config: config.integrity, calibration: existsSync(join(folder, 'calibration.json')) ? read('calibration.json') : null, sha256: fileHash(path),
    tensor(name, shape) {
      const entry = tensors.get(name);
      if (entry?.shape.join() !== shape.join()) throw notOne(folder, entry ? `${name} is [${entry.shape.join()}] and should be [${shape.join()}].` : `${name} is missing.`);
      return readTensor(entry);
    },
  };
}

const notOne = (folder: string, why: string): Fault =>
  new Fault({ code: 'integrity.kind', what: `${basename(folder)} is no integrity network.`, why, mend: 'Give the folder `final` of a run of the recipe soFakeR1Evidence.' });
