/** The folder of an encoder of images and sentences: its configuration, that of the model whose tower and vocabulary it has, and all its weights. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { fileHash } from './fileHash.ts';
import { isRecord, readJson } from './json.ts';
import { exchange, openSafetensors, readTensor, writeFault, writePartial, type TensorEntry, type WrittenType } from './safetensors.ts';

const kind = 'loupe_similar';
const mostJson = 8_000_000;
const mostTokenizer = 64_000_000;

export interface SimilarToWrite {
  readonly config: unknown;
  /** config.json and preprocessor_config.json of the model whose tower it has. */
  readonly base: unknown;
  readonly preprocessor: unknown;
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }[];
}

/** Writes a folder, whole or not at all. @throws Fault of the writer */
export function saveSimilar(folder: string, { config, base, preprocessor, tokenizer, tokenizerConfig, tensors }: SimilarToWrite, dtype: WrittenType = 'F32'): void {
  const weights = join(folder, 'model.safetensors');
  const texts = ([
    ['config.json', { model_type: kind, similar: config, base, preprocessor }], ['tokenizer.json', tokenizer], ['tokenizer_config.json', tokenizerConfig],
  ] as const).map(([name, value]) => ({ path: join(folder, name), value }));
  const partial = (path: string): string => `${path}.${process.pid}.part`;
  try {
    mkdirSync(folder, { recursive: true });
    writePartial(partial(weights), tensors.map((tensor) => ({ ...tensor, dtype })), { format: 'pt' }, basename(weights));
    for (const { path, value } of texts) writeFileSync(partial(path), `${JSON.stringify(value, null, 1)}\n`, { flush: true });
    for (const path of [weights, ...texts.map((text) => text.path)]) exchange(partial(path), path);
  } catch (cause) {
    for (const path of [weights, ...texts.map((text) => text.path)]) rmSync(partial(path), { force: true });
    throw cause instanceof Fault ? cause : writeFault(basename(folder), cause);
  }
}

export interface OpenedSimilar {
  /** As they stand in the files; their readers judge them. */
  readonly config: unknown;
  readonly base: unknown;
  readonly preprocessor: unknown;
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
  /** SHA-256 of the weights' file. */
  readonly sha256: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** @throws Fault `similar.kind` where it is missing or of another shape */
  tensor(name: string, shape: readonly number[]): Float32Array;
}

/** Whether a folder says that it is one. */
export function isSimilarFolder(folder: string): boolean {
  try {
    const config = readJson(join(folder, 'config.json'), mostJson);
    return isRecord(config) && config.model_type === kind;
  } catch {
    return false;
  }
}

/** @throws Fault `similar.kind` for a folder of something else, and those of `openSafetensors` */
export function openSimilarFolder(folder: string): OpenedSimilar {
  const read = (name: string, most: number): unknown => {
    try {
      return readJson(join(folder, name), most);
    } catch (cause) {
      throw notOne(folder, cause instanceof Fault ? cause.why : String(cause));
    }
  };
  const config = read('config.json', mostJson);
  if (!isRecord(config) || config.model_type !== kind) throw notOne(folder, 'Its config.json does not speak of one.');
  const path = join(folder, 'model.safetensors');
  const { tensors } = openSafetensors(path);
  return {
    config: config.similar, base: config.base, preprocessor: config.preprocessor, sha256: fileHash(path), tensors,
    tokenizer: read('tokenizer.json', mostTokenizer), tokenizerConfig: read('tokenizer_config.json', mostJson),
    tensor(name, shape) {
      const entry = tensors.get(name);
      if (entry?.shape.join() !== shape.join()) throw notOne(folder, entry ? `${name} is [${entry.shape.join()}] and should be [${shape.join()}].` : `${name} is missing.`);
      return readTensor(entry);
    },
  };
}

const notOne = (folder: string, why: string): Fault =>
  new Fault({ code: 'similar.kind', what: `${basename(folder)} is no encoder of images and sentences.`, why, mend: 'Give the folder `final` of a run of the recipe pathoClip or perceptualInitialization.' });
