/** What is written down of an answer, so that a stranger can tell which bytes, which weights, which prompt, which seed, and who. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { asJson, sha256, type Json, type JsonObject } from './canonical.ts';
import { leafHash, merkleRoot } from './merkle.ts';

export interface HashedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** One picture that the model was given. */
export interface RecordedFrame {
  /** As in `slice 12 of 38`. */
  readonly name: string;
  /** SHA-256 of the file that it comes from, and its place in it: a frame from 0, or a slide's region in level-0 pixels. */
  readonly source: string;
  readonly index: number;
  readonly region: JsonObject | null;
  /** How grey values or channels became what is seen: as it is said to people, and as it was asked for (null: as the file says). */
  readonly window: string | null;
  readonly asked: JsonObject | null;
  readonly sourceSize: { readonly width: number; readonly height: number };
  /** Pixels of the picture to pixels of the source. */
  readonly toSource: Json;
  /** The picture after windowing and squaring, as 8-bit RGB: its size and the SHA-256 of its bytes. */
  readonly picture: { readonly width: number; readonly height: number; readonly sha256: string };
  readonly resized: { readonly width: number; readonly height: number };
  readonly grid: readonly number[];
  /** SHA-256 of the network's input: little-endian float32, [P, 3·T·S·S]. */
  readonly tensor: string;
  /** What it was to the question, where there were several: `current`, `prior`, `lateral`. */
  readonly slot?: string;
}

/** `loupe.answer/1`: every field becomes a salted hash of its own. */
export interface AnswerRecord {
  readonly format: 'loupe.answer/1';
  readonly disclaimer: string;
  readonly id: string;
  readonly at: string;
  /** Who asked: an account's name. */
  readonly who: { readonly name: string; readonly method: string };
  readonly software: { readonly name: 'loupe'; readonly version: string; readonly build: string };
  readonly study: JsonObject;
  readonly question: string;
  readonly sources: readonly HashedFile[];
  readonly frames: readonly RecordedFrame[];
  readonly model: {
    readonly name: string;
    readonly family: string;
    readonly boxes: string;
    /** Weights, adapters, configuration, tokenizer, template: all that decides what the network computes. */
    readonly files: readonly HashedFile[];
    /** Merkle root over the files' names and hashes, in order of names. */
    readonly root: string;
  };
  readonly prompt: { readonly ids: readonly number[]; readonly sha256: string; readonly system: string | null };
  readonly sampling: { readonly temperature: number; readonly topP: number; readonly topK: number; readonly seed: number; readonly maxNewTokens: number };
  readonly output: { readonly tokens: readonly number[]; readonly logProbabilities: readonly number[]; readonly text: string; readonly end: string };
  readonly reading: {
    readonly parsed: boolean; readonly answer: string | null; readonly steps: Json; readonly findings: Json; readonly flags: Json; readonly confidence: Json; readonly probe: Json;
    /** Why it was asked although its images lie outside of what the model was trained on; absent: they lie within. */
    readonly override?: Json;
  };
  readonly machine: { readonly device: string; readonly runtime: string; readonly node: string; readonly platform: string; readonly processor: string };
  readonly timing: JsonObject;
}

/** Of files that are said to be a model's. */
export const modelRoot = (files: readonly HashedFile[]): string =>
  merkleRoot(files.map(({ name, sha256: hash }) => leafHash(Buffer.from(`${name}\0${hash}`)))).toString('hex');

const decisive = /(?:\.safetensors|\.onnx|\.onnx_data|\.data|\.jinja)$|^(?:config|generation_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|chat_template|vocab|special_tokens_map|added_tokens|adapter_config|model\.safetensors\.index)\.json$|^merges\.txt$/;

/** The files of a model's folder that decide what it computes, hashed. In order of names. */
export async function modelFiles(folder: string): Promise<readonly HashedFile[]> {
  const names = readdirSync(folder).filter((name) => decisive.test(name)).sort();
  return Promise.all(names.map((name) => hashedFile(join(folder, name))));
}

const known = new Map<string, Promise<string>>();

/** A file's hash; one that keeps its size and time is read once. */
export async function hashedFile(path: string, name = basename(path)): Promise<HashedFile> {
  const { size, mtimeMs } = await stat(path);
  const key = `${path}\0${size}\0${mtimeMs}`;
  const hash = known.get(key) ?? hashOfFile(path);
  known.set(key, hash);
  return { name, bytes: size, sha256: await hash };
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** SHA-256 of numbers in little-endian order, or of bytes; hexadecimal. */
export const hashOf = (data: Float32Array | Int32Array | Uint8Array | string): string =>
  sha256(typeof data === 'string' ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toString('hex');

export interface AnswerParts extends Omit<AnswerRecord, 'format' | 'disclaimer' | 'model' | 'prompt' | 'machine' | 'software'> {
  readonly software: { readonly version: string; readonly build: string };
  readonly model: Omit<AnswerRecord['model'], 'root'>;
  readonly prompt: { readonly ids: readonly number[]; readonly system: string | null };
  readonly machine: Pick<AnswerRecord['machine'], 'device' | 'runtime'>;
}

export function answerRecord({ software, model, prompt, machine, ...parts }: AnswerParts): AnswerRecord {
  return {
    format: 'loupe.answer/1', disclaimer: 'Research use only, not a medical device.', ...parts,
    software: { name: 'loupe', ...software },
    model: { ...model, root: modelRoot(model.files) },
    prompt: { ...prompt, sha256: hashOf(Int32Array.from(prompt.ids)) },
    machine: { ...machine, node: process.version, platform: `${process.platform} ${process.arch}`, processor: cpus()[0]?.model.trim() ?? '' },
  };
}

export const recordJson = (record: AnswerRecord): JsonObject => asJson(record) as JsonObject;

/** Which program this is: the SHA-256 over the names and bytes of its bundle. `sources` where it runs from sources. */
export function buildHash(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    if (!existsSync(join(folder, 'cli.mjs'))) continue;
    const hash = createHash('sha256');
    const names = [folder, join(folder, 'workers')].flatMap((below) => (existsSync(below) ? readdirSync(below).filter((name) => /\.(?:mjs|cjs)$/.test(name)).map((name) => join(below, name)) : [])).sort();
    for (const name of names) hash.update(`${name.slice(folder.length)}\0`).update(readFileSync(name));
    return hash.digest('hex');
  }
  return 'sources';
}

const asks = (path: string): boolean => path === 'question' || /^prompt\/(?:ids|sha256)$/.test(path);

/** What a capsule that leaves may withhold, and the fields that each word covers. */
export const withheldFields = {
  /** Who it is about, who asked and when, the names of files, what was asked (the prompt's tokens spell it), and hashes by which somebody who has a file could tell whose it is. */
  identity: (path: string): boolean => /^(?:study|who|sources)(?:\/|$)/.test(path) || /^frames\/\d+\/(?:source|name)$/.test(path) || path === 'at' || asks(path),
  /** What would tell a known picture, and where in its file it lies. */
  pictures: (path: string): boolean => /^frames\/\d+\/(?:picture\/sha256|tensor|source)$/.test(path) || /^sources\/\d+\/sha256$/.test(path),
  /** What was asked, and what the model wrote: its words, its tokens, what was read from them. */
  text: (path: string): boolean => asks(path) || /^(?:output\/(?:text|tokens)|reading\/(?:answer|steps|findings|flags|override))(?:\/|$)/.test(path),
} as const satisfies Readonly<Record<string, (path: string) => boolean>>;

export type Withheld = keyof typeof withheldFields;
