/** The safetensors container: a strict reader that leaves the data where it lies, and a writer whose file is whole or absent. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { toBrains, toHalves, widenBrains, widenHalves } from './halves.ts';
import { byteSize, parseHeader, shown, type HeaderEntry, type StorageType } from './header.ts';

/** One tensor, where it lies on the disk. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: StorageType;
  readonly shape: readonly number[];
  /** Absolute path. */
  readonly file: string;
  /** From the first byte of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface SafetensorsFile {
  /** By the names of the file, in the order of their data. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The longest header that the format allows. */
const longestHeader = 100_000_000;

/**
 * The tensors of a file. Reads the header alone, so that the size of the weights costs nothing.
 *
 * @param path  absolute
 * @throws Fault `weights.missing`, `weights.truncated`, `weights.header`, `weights.holes`, `weights.dtype`, `weights.shape`, `weights.duplicate`
 */
export function openSafetensors(path: string): SafetensorsFile {
  const name = basename(path);
  return withFile(path, (file) => {
    const { size } = fstatSync(file);
    if (size < 8) throw truncatedFault(name, `It has ${size} bytes, too few to say how long its header is.`);
    const length = new DataView(readAt(file, 0, 8, name).buffer).getBigUint64(0, true);
    if (length > BigInt(longestHeader)) {
      throw new Fault({
        code: 'weights.header',
        what: `${name} cannot be opened.`,
        why: `It claims a header of ${length} bytes; the format allows ${longestHeader}.`,
        mend: 'The file is damaged or no safetensors file: fetch or save it again.',
      });
    }
    const dataBase = 8 + Number(length);
    if (dataBase > size) throw truncatedFault(name, `Its header should end at byte ${dataBase}, but the file ends at ${size}.`);
    const { entries, metadata } = parseHeader(readAt(file, 8, Number(length), name), name);
    const ordered = entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
    checkCoverage(ordered, size - dataBase, name);
    const tensors = new Map(ordered.map(({ name: tensor, dtype, shape, begin, end }): [string, TensorEntry] =>
      [tensor, { name: tensor, dtype, shape, file: path, offset: dataBase + begin, byteLength: end - begin }]));
    return { tensors, metadata };
  });
}

/** The data of the tensors, in order, must begin at 0, touch, and end with the file: no holes, no overlaps, nothing left over. */
function checkCoverage(ordered: readonly HeaderEntry[], dataLength: number, fileName: string): void {
  let at = 0;
  for (const { name, begin, end } of ordered) {
    if (begin !== at) {
      const why = begin > at ? `There are ${begin - at} bytes that belong to no tensor before` : `The tensor before it overlaps by ${at - begin} bytes with`;
      throw holesFault(fileName, `${why} ${shown(name)}.`);
    }
    at = end;
  }
  if (at > dataLength) throw truncatedFault(fileName, `Its tensors need ${at} bytes of data, but it has ${dataLength}.`);
  if (at < dataLength) throw holesFault(fileName, `After its last tensor there are ${dataLength - at} bytes that belong to none.`);
}

/** Bytes read at a time while 16-bit values are widened: keeps the extra memory small beside the result. */
const chunkBytes = 8 * 1024 * 1024;

/**
 * The values of a tensor, widened to float32. Float64 is rounded.
 *
 * @returns shape product values, row-major
 * @throws Fault `weights.dtype` for integers and 8-bit floats, `weights.missing`, `weights.truncated` where the file changed since it was opened
 */
export function readTensor(entry: TensorEntry): Float32Array {
  const { dtype, byteLength } = entry;
  const name = basename(entry.file);
  return withFile(entry.file, (file) => {
    if (dtype === 'F32') {
      const values = new Float32Array(byteLength / 4);
      readInto(file, new Uint8Array(values.buffer), entry.offset, name);
      return values;
    }
    if (dtype === 'F16' || dtype === 'BF16') {
      const values = new Float32Array(byteLength / 2);
      const widen = dtype === 'F16' ? widenHalves : widenBrains;
      inChunks(file, entry, (bytes, from) => widen(new Uint16Array(bytes.buffer, 0, bytes.length / 2), values, from / 2));
      return values;
    }
    if (dtype === 'F64') {
      const values = new Float32Array(byteLength / 8);
      inChunks(file, entry, (bytes, from) => values.set(new Float64Array(bytes.buffer, 0, bytes.length / 8), from / 8));
      return values;
    }
    throw new Fault({
      code: 'weights.dtype',
      what: `The tensor ${shown(entry.name)} of ${name} cannot be used.`,
      why: `It is stored as ${dtype}, which is no floating-point type of 16 bits or more.`,
      mend: 'Use a checkpoint in float32, float16 or bfloat16.',
    });
  });
}

/** The bytes of a tensor as they lie in the file. */
export function readTensorBytes(entry: TensorEntry): Uint8Array<ArrayBuffer> {
  return withFile(entry.file, (file) => readAt(file, entry.offset, entry.byteLength, basename(entry.file)));
}

function inChunks(file: number, { offset, byteLength, file: path }: TensorEntry, use: (bytes: Uint8Array<ArrayBuffer>, from: number) => void): void {
  const buffer = new Uint8Array(Math.min(chunkBytes, byteLength));
  for (let from = 0; from < byteLength; from += chunkBytes) {
    const bytes = buffer.subarray(0, Math.min(chunkBytes, byteLength - from));
    readInto(file, bytes, offset + from, basename(path));
    use(bytes, from);
  }
}

export type WrittenType = 'F32' | 'F16' | 'BF16';

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: WrittenType;
  readonly shape: readonly number[];
  /** Row-major; a function is called when its tensor's turn comes, so that not all need be in memory at once. */
  readonly data: Float32Array | (() => Float32Array);
}

const bytesOf: Readonly<Record<WrittenType, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Data begins at a multiple of this, and each tensor too, as far as the rule against holes allows. */
const alignment = 64;

/**
 * Writes a file, whole or not at all: the data goes beside it under another name, which is then exchanged.
 * Tensors whose length is a multiple of 64 bytes come first, then 32, and so on, so that each begins as aligned as it can be.
 *
 * @throws Fault `weights.duplicate`, `weights.shape`, `weights.range` where a finite value has no finite half, `weights.write` where the disk refuses
 */
export function writeSafetensors(path: string, tensors: Iterable<TensorToWrite>, metadata: Readonly<Record<string, string>> = {}): void {
  const partial = `${path}.${process.pid}.part`;
  writePartial(partial, tensors, metadata, basename(path));
  exchange(partial, path);
}

/** The same under a name that the caller exchanges later. Leaves nothing behind where it fails. */
export function writePartial(partial: string, tensors: Iterable<TensorToWrite>, metadata: Readonly<Record<string, string>>, fileName: string): void {
  const ordered = inWritingOrder(tensors, fileName);
  let file: number | undefined;
  try {
    file = openSync(partial, 'w');
    writeAll(file, headerBytes(ordered, metadata));
    for (const tensor of ordered) writeAll(file, dataBytes(tensor, fileName));
    fsyncSync(file);
    closeSync(file);
  } catch (cause) {
    if (file !== undefined) closeQuietly(file);
    rmSync(partial, { force: true });
    throw cause instanceof Fault ? cause : writeFault(fileName, cause);
  }
}

/** Puts a finished file in its place, in one step. */
export function exchange(partial: string, path: string): void {
  try {
    renameSync(partial, path);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw writeFault(basename(path), cause);
  }
}

function inWritingOrder(tensors: Iterable<TensorToWrite>, fileName: string): readonly TensorToWrite[] {
  const names = new Set<string>();
  const all = [...tensors];
  for (const { name, dtype, shape, data } of all) {
    if (names.has(name) || name === '__metadata__') {
      throw new Fault({
        code: 'weights.duplicate', what: `${fileName} is not written.`, why: `Two tensors would be called ${shown(name)}.`, mend: 'Give each tensor its own name.',
      });
    }
    names.add(name);
    if (byteSize(dtype, shape) === null || (typeof data !== 'function' && data.length !== elements(shape))) throw shapeFault(fileName, name, shape);
  }
  return all.toSorted((a, b) => grain(b) - grain(a));
}

/** The largest power of two, up to the alignment, that divides a tensor's length. */
function grain({ dtype, shape }: TensorToWrite): number {
  const length = elements(shape) * bytesOf[dtype];
  let size = alignment;
  while (length % size !== 0) size /= 2;
  return size;
}

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The length and the header, padded with spaces so that the data begins aligned. */
function headerBytes(tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const parts: string[] = [];
  if (Object.keys(metadata).length > 0) parts.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = at + elements(shape) * bytesOf[dtype];
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [at, end] })}`);
    at = end;
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`);
  const length = Math.ceil((8 + json.length) / alignment) * alignment - 8;
  const bytes = new Uint8Array(8 + length).fill(32);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

function dataBytes({ name, dtype, shape, data }: TensorToWrite, fileName: string): Uint8Array {
  const values = typeof data === 'function' ? data() : data;
  if (values.length !== elements(shape)) throw shapeFault(fileName, name, shape);
  const stored = dtype === 'F32' ? values : dtype === 'F16' ? toHalves(values) : toBrains(values);
  if (stored instanceof Uint16Array) checkRange(values, stored, dtype === 'F16' ? 0x7c00 : 0x7f80, { fileName, name, dtype });
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

/** A weight that turned into an infinity would spoil every answer without a word. */
function checkRange(values: Float32Array, stored: Uint16Array, infinity: number, { fileName, name, dtype }: { fileName: string; name: string; dtype: string }): void {
  for (let i = 0; i < stored.length; i++) {
    if (((stored[i] as number) & 0x7fff) === infinity && Number.isFinite(values[i])) {
      throw new Fault({
        code: 'weights.range',
        what: `${fileName} is not written.`,
        why: `The tensor ${shown(name)} holds ${values[i]}, which is too large for ${dtype}.`,
        mend: 'Store the checkpoint as float32.',
      });
    }
  }
}

function withFile<T>(path: string, use: (file: number) => T): T {
  let file: number;
  try {
    // A pipe would keep the opening waiting for a writer for ever.
    if (!statSync(path).isFile()) throw new Error('It is no plain file');
    file = openSync(path, 'r');
  } catch (cause) {
    throw new Fault({
      code: 'weights.missing', what: `${basename(path)} cannot be opened.`, why: reason(cause), mend: 'Check that the file is there and may be read.',
    }, { cause });
  }
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, position: number, length: number, fileName: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  readInto(file, bytes, position, fileName);
  return bytes;
}

/** One call of the system moves less than 2 GiB, so a large tensor takes several. */
const largestRead = 1024 * 1024 * 1024;

function readInto(file: number, bytes: Uint8Array, position: number, fileName: string): void {
  let done = 0;
  while (done < bytes.length) {
    let count: number;
    try {
      count = readSync(file, bytes, done, Math.min(largestRead, bytes.length - done), position + done);
    } catch (cause) {
      throw new Fault({ code: 'weights.missing', what: `${fileName} cannot be read.`, why: reason(cause), mend: 'Check that it is a file and may be read.' }, { cause });
    }
    if (count === 0) throw truncatedFault(fileName, `It ends at byte ${position + done}, in the middle of what was to be read.`);
    done += count;
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, Math.min(largestRead, bytes.length - done));
}

function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // The first failure is the one to report; a file that is closed already is as good as closed.
  }
}

/** What the operating system said, in a sentence. */
export function reason(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') return 'There is no such file.';
  if (code === 'ENOSPC') return 'The disk is full.';
  if (code === 'EACCES' || code === 'EPERM') return 'The system does not permit it.';
  if (code === 'EISDIR') return 'It is a folder.';
  return cause instanceof Error ? `${cause.message}.` : 'The system did not say why.';
}

export const writeFault = (fileName: string, cause: unknown): Fault =>
  new Fault({ code: 'weights.write', what: `${fileName} could not be written.`, why: reason(cause), mend: 'Make room or choose another folder; nothing was left half-written.' }, { cause });

const truncatedFault = (fileName: string, why: string): Fault =>
  new Fault({ code: 'weights.truncated', what: `${fileName} cannot be opened.`, why, mend: 'The file is cut short: fetch or save it again.' });

const holesFault = (fileName: string, why: string): Fault =>
  new Fault({ code: 'weights.holes', what: `${fileName} cannot be opened.`, why, mend: 'The file is damaged: fetch or save it again.' });

const shapeFault = (fileName: string, name: string, shape: readonly number[]): Fault => new Fault({
  code: 'weights.shape', what: `${fileName} is not written.`, why: `The tensor ${shown(name)} has not the [${shape.join(', ')}] values that its shape says.`, mend: 'This is a mistake of the caller: shape and data must agree.',
});
