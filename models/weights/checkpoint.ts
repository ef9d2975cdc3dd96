/** A model folder as published: configuration, tokenizer and weights, in one file or in shards. Opened by headers alone, written whole or not at all. */
import { lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import type { ExternalData } from '#models/graph/graph.ts';
import { shown } from './header.ts';
import { isRecord, readJson } from './json.ts';
import { exchange, openSafetensors, reason, writeFault, writePartial, type TensorEntry, type TensorToWrite, type WrittenType } from './safetensors.ts';

export interface Checkpoint {
  /** Absolute, with links resolved. */
  readonly folder: string;
  readonly config: unknown;
  /** Null where the folder has none; so are the three that follow. */
  readonly generationConfig: unknown;
  readonly preprocessor: unknown;
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
  readonly chatTemplate: string | null;
  /** By canonical name: `model.layers.0…`, `visual.blocks.0…`, `lm_head.weight`. A tied head is absent. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Bytes that a file of the folder may have; the published ones stay below a third of it. */
const most = { tokenizer: 32_000_000, index: 32_000_000, other: 8_000_000, template: 1_000_000 } as const;

/**
 * Opens a folder. Reads the small files and the headers; weights stay on the disk.
 *
 * @throws Fault `checkpoint.folder` no such folder, `checkpoint.missing` a file, `checkpoint.outside` a file that lies outside the folder or is linked there,
 *   `checkpoint.json`, `checkpoint.index`, `checkpoint.pickle`, `checkpoint.names` two spellings of one tensor, and those of `openSafetensors`
 */
export function openCheckpoint(path: string): Checkpoint {
  const folder = realFolder(path);
  const json = (name: string, limit: number = most.other): unknown => (existsIn(folder, name) ? readJson(insideFolder(folder, name), limit) : null);
  const config = readJson(insideFolder(folder, 'config.json'), most.other);
  if (!isRecord(config)) throw indexFault('config.json', 'It is no JSON object.');
  const tokenizerConfig = json('tokenizer_config.json');
  const tensors = canonicalTensors(weightFiles(folder));
  if (tiesHead(config) && tensors.has('model.embed_tokens.weight')) tensors.delete('lm_head.weight');
  return {
    folder,
    config,
    generationConfig: json('generation_config.json'),
    preprocessor: json('preprocessor_config.json') ?? imageProcessorOf(json('processor_config.json')),
    tokenizer: json('tokenizer.json', most.tokenizer),
    tokenizerConfig,
    chatTemplate: chatTemplateOf(folder, json('chat_template.json'), tokenizerConfig),
    tensors,
  };
}

/** Newer folders keep the image processor's settings inside the processor's. */
const imageProcessorOf = (processor: unknown): unknown => (isRecord(processor) ? processor.image_processor ?? null : null);

/** The template of the processor comes before that of the tokenizer, a file of its own before both. */
function chatTemplateOf(folder: string, processorTemplate: unknown, tokenizerConfig: unknown): string | null {
  if (existsIn(folder, 'chat_template.jinja')) {
    const path = insideFolder(folder, 'chat_template.jinja');
    if (statSync(path).size > most.template) throw indexFault('chat_template.jinja', 'It is too long for a template.');
    return readFileSync(path, 'utf8');
  }
  for (const holder of [processorTemplate, tokenizerConfig]) {
    const template = isRecord(holder) ? holder.chat_template : undefined;
    if (typeof template === 'string') return template;
    if (!Array.isArray(template)) continue;
    const named = template.filter(isRecord).find(({ name }) => name === 'default');
    if (typeof named?.template === 'string') return named.template;
  }
  return null;
}

/** Whether the output head shares the embedding's weights: said at the top or, in newer files, for the text side. */
function tiesHead(config: Readonly<Record<string, unknown>>): boolean {
  const own = config.tie_word_embeddings;
  const text = isRecord(config.text_config) ? config.text_config.tie_word_embeddings : undefined;
  return (own ?? text) === true;
}

/** The tensors of all weight files, by the names of the files. */
function weightFiles(folder: string): readonly TensorEntry[] {
  if (existsIn(folder, 'model.safetensors')) return [...openSafetensors(insideFolder(folder, 'model.safetensors')).tensors.values()];
  if (existsIn(folder, 'model.safetensors.index.json')) return shards(folder);
  if (existsIn(folder, 'pytorch_model.bin') || existsIn(folder, 'pytorch_model.bin.index.json')) {
    throw new Fault({
      code: 'checkpoint.pickle',
      what: `The checkpoint in ${shown(basename(folder))} cannot be opened.`,
      why: 'Its weights are a Python pickle, a format that can run code while it is read.',
      mend: 'Save it again as safetensors.',
    });
  }
  throw missingFault('model.safetensors', 'There are no weights: neither model.safetensors nor model.safetensors.index.json.');
}

function shards(folder: string): readonly TensorEntry[] {
  const indexName = 'model.safetensors.index.json';
  const index = readJson(insideFolder(folder, indexName), most.index);
  const map = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map)) throw indexFault(indexName, 'It has no weight_map.');
  const files = new Map<string, ReadonlyMap<string, TensorEntry>>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string') throw indexFault(indexName, `It gives no file for ${shown(tensor)}.`);
    let shard = files.get(file);
    if (!shard) files.set(file, shard = openSafetensors(insideFolder(folder, file)).tensors);
    if (!shard.has(tensor)) throw indexFault(indexName, `It says that ${shown(tensor)} is in ${shown(file)}, which does not have it.`);
  }
  return [...files.values()].flatMap((shard) => [...shard.values()]);
}

/** The published spelling of a tensor's name, whatever release wrote it. */
export function canonicalName(name: string): string {
  if (name.startsWith('model.language_model.')) return `model.${name.slice('model.language_model.'.length)}`;
  if (name.startsWith('model.visual.')) return name.slice('model.'.length);
  if (name.startsWith('language_model.')) return `model.${name.slice('language_model.'.length)}`;
  return name;
}

function canonicalTensors(entries: readonly TensorEntry[]): Map<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  for (const entry of entries) {
    const name = canonicalName(entry.name);
    if (tensors.has(name)) {
      throw new Fault({
        code: 'checkpoint.names',
        what: 'The checkpoint cannot be opened.',
        why: `The tensor ${shown(name)} is there twice: in two spellings or in two files.`,
        mend: 'Save the checkpoint again from one version of one program.',
      });
    }
    tensors.set(name, { ...entry, name });
  }
  return tensors;
}

/**
 * The tensor of a name and shape that the architecture asks for.
 *
 * @throws Fault `weights.absent`, `weights.shape`
 */
export function requireTensor({ tensors, folder }: Checkpoint, name: string, shape: readonly number[]): TensorEntry {
  const entry = tensors.get(name);
  if (!entry) {
    throw new Fault({
      code: 'weights.absent',
      what: `The checkpoint in ${shown(basename(folder))} cannot be used.`,
      why: `It has no tensor ${shown(name)}${name.startsWith('visual.') ? ', so it cannot see images' : ''}.`,
      mend: 'Import the complete checkpoint of a Qwen2-VL or Qwen2.5-VL model.',
    });
  }
  if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis])) {
    throw new Fault({
      code: 'weights.shape',
      what: `The checkpoint in ${shown(basename(folder))} cannot be used.`,
      why: `The tensor ${shown(name)} is [${entry.shape.join(', ')}], but its config.json asks for [${shape.join(', ')}].`,
      mend: 'Weights and config.json belong to different models: fetch both from one place.',
    });
  }
  return entry;
}

/** Where an ONNX graph whose session is told `folder` finds a tensor: pointed at, never copied. */
export function externalData({ file, offset, byteLength }: TensorEntry, folder: string): ExternalData {
  const location = relative(folder, file);
  if (location === '' || isAbsolute(location) || location.split(sep)[0] === '..') throw outsideFault(basename(file));
  return { location: location.split(sep).join('/'), offset, length: byteLength };
}

export interface CheckpointParts {
  readonly config: unknown;
  readonly generationConfig: unknown;
  readonly preprocessor: unknown;
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
}

const fileNames: Readonly<Record<keyof CheckpointParts, string>> = {
  config: 'config.json', generationConfig: 'generation_config.json', preprocessor: 'preprocessor_config.json',
  tokenizer: 'tokenizer.json', tokenizerConfig: 'tokenizer_config.json',
};

/**
 * Writes a folder that `openCheckpoint` and the Python libraries read. Every file is finished under another name before the first one takes its place,
 * so a full disk leaves the folder as it was; other files in it are not touched.
 *
 * @param tensors  dtype is that of the file unless a tensor names its own
 * @throws Fault `weights.write` and those of `writeSafetensors`
 */
export function saveCheckpoint(
  folder: string,
  parts: CheckpointParts,
  tensors: Iterable<Omit<TensorToWrite, 'dtype'> & { readonly dtype?: WrittenType }>,
  dtype: WrittenType,
): void {
  const finished: { readonly partial: string; readonly path: string }[] = [];
  const reserve = (name: string): string => {
    const path = join(folder, name);
    const partial = `${path}.${process.pid}.part`;
    finished.push({ partial, path });
    return partial;
  };
  const config = isRecord(parts.config) ? { ...parts.config, [('dtype' in parts.config ? 'dtype' : 'torch_dtype')]: torchNames[dtype] } : parts.config;
  try {
    mkdirSync(folder, { recursive: true });
    const weights = reserve('model.safetensors');
    writePartial(weights, [...tensors].map((tensor) => ({ ...tensor, dtype: tensor.dtype ?? dtype })), { format: 'pt' }, 'model.safetensors');
    for (const [part, name] of Object.entries(fileNames) as [keyof CheckpointParts, string][]) {
      const value = part === 'config' ? config : parts[part];
      if (value !== null && value !== undefined) writeFileSync(reserve(name), `${JSON.stringify(value, null, 2)}\n`, { flush: true });
    }
    for (const { partial, path } of finished) exchange(partial, path);
  } catch (cause) {
    for (const { partial } of finished) rmSync(partial, { force: true });
    throw cause instanceof Fault ? cause : writeFault(basename(folder), cause);
  }
}

const torchNames: Readonly<Record<WrittenType, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

function realFolder(path: string): string {
  try {
    const folder = realpathSync(resolve(path));
    if (statSync(folder).isDirectory()) return folder;
  } catch (cause) {
    throw folderFault(path, reason(cause).replace('file', 'folder'), cause);
  }
  throw folderFault(path, 'It is no folder.');
}

/** Whether the folder names such a file; a link that leads nowhere counts, so that its target is missed aloud. */
const existsIn = (folder: string, name: string): boolean => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined;

/**
 * The real path of a file that a checkpoint names. It must lie in the folder, also after links are followed: a weights file elsewhere could be
 * anything on this machine, and the runtime refuses to map it.
 */
export function insideFolder(folder: string, name: string): string {
  if (name === '' || name.includes('\0') || isAbsolute(name) || /(?:^|[\\/])\.\.(?:[\\/]|$)|^[A-Za-z]:/.test(name)) throw outsideFault(name);
  let real: string;
  try {
    real = realpathSync(join(folder, name));
  } catch (cause) {
    throw missingFault(name, reason(cause), cause);
  }
  if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw outsideFault(name);
  return real;
}

const folderFault = (path: string, why: string, cause?: unknown): Fault =>
  new Fault({ code: 'checkpoint.folder', what: `${shown(path)} cannot be opened as a model.`, why, mend: 'Choose the folder that holds config.json and model.safetensors.' }, { cause });

const missingFault = (name: string, why: string, cause?: unknown): Fault =>
  new Fault({ code: 'checkpoint.missing', what: `${shown(name)} cannot be read.`, why, mend: 'Put the complete checkpoint into the folder.' }, { cause });

const outsideFault = (name: string): Fault => new Fault({
  code: 'checkpoint.outside',
  what: `${shown(name)} is not opened.`,
  why: 'It lies outside the model folder, or a link leads there.',
  mend: 'Copy or hard-link the file into the folder.',
});

const indexFault = (name: string, why: string): Fault =>
  new Fault({ code: 'checkpoint.index', what: `${name} cannot be used.`, why, mend: 'The file is damaged: fetch or save the checkpoint again.' });
