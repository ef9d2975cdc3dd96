/** The JSON header of a safetensors file, read by a scanner of its own: bounded in depth and memory, and aware of names that come twice. */
import { Fault } from '#models/base/fault.ts';

/** Bits of one element of each storage type that the format knows. */
const bitsOfType = {
  BOOL: 8, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6,
  U16: 16, I16: 16, F16: 16, BF16: 16, U32: 32, I32: 32, F32: 32, U64: 64, I64: 64, F64: 64, C64: 64,
} as const;

export type StorageType = keyof typeof bitsOfType;

export const isStorageType = (name: string): name is StorageType => Object.hasOwn(bitsOfType, name);

/** Bytes of a tensor of this type and shape; null where they are not whole or no exact integer. */
export function byteSize(dtype: StorageType, shape: readonly number[]): number | null {
  let bits: number = bitsOfType[dtype];
  for (const size of shape) {
    bits *= size;
    if (!Number.isSafeInteger(bits)) return null;
  }
  return Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : null;
}

export interface HeaderEntry {
  readonly name: string;
  readonly dtype: StorageType;
  readonly shape: readonly number[];
  /** Relative to the first byte after the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly HeaderEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Our own bounds, far above any real checkpoint: they keep a hostile header from filling the memory. */
const limits = { tensors: 500_000, dimensions: 32, depth: 32, metadata: 100_000 } as const;

/**
 * The entries of a header, in the order in which the file names them.
 *
 * @param bytes     the header alone: the N bytes after the length
 * @param fileName  how messages call the file
 * @throws Fault `weights.header` where it is no header, `weights.dtype`, `weights.shape`, `weights.duplicate`
 */
export function parseHeader(bytes: Uint8Array, fileName: string): Header {
  const scanner = new Scanner(bytes, fileName);
  const entries: HeaderEntry[] = [];
  const names = new Set<string>();
  let metadata: ReadonlyMap<string, string> = new Map();

  scanner.object((name) => {
    if (names.has(name)) throw duplicateFault(fileName, name);
    names.add(name);
    if (name === '__metadata__') {
      metadata = readMetadata(scanner, fileName);
      return;
    }
    if (entries.length >= limits.tensors) throw scanner.fault(`It names more than ${limits.tensors} tensors.`);
    entries.push(readEntry(scanner, name, fileName));
  });
  scanner.finish();
  return { entries, metadata };
}

function readMetadata(scanner: Scanner, fileName: string): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  scanner.object((key) => {
    if (metadata.has(key)) throw duplicateFault(fileName, `__metadata__.${key}`);
    if (metadata.size >= limits.metadata) throw scanner.fault('Its metadata has too many entries.');
    metadata.set(key, scanner.string());
  });
  return metadata;
}

function readEntry(scanner: Scanner, name: string, fileName: string): HeaderEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((key) => {
    if ((key === 'dtype' && dtype !== undefined) || (key === 'shape' && shape) || (key === 'data_offsets' && offsets)) {
      throw duplicateFault(fileName, `${name}.${key}`);
    }
    if (key === 'dtype') dtype = scanner.string();
    else if (key === 'shape') shape = scanner.integers(limits.dimensions);
    else if (key === 'data_offsets') offsets = scanner.integers(2);
    else scanner.skip(0);
  });
  if (dtype === undefined || !shape || !offsets) throw scanner.fault(`The entry ${shown(name)} lacks its dtype, shape or data_offsets.`);
  if (!isStorageType(dtype)) {
    throw new Fault({
      code: 'weights.dtype',
      what: `${fileName} cannot be opened.`,
      why: `The tensor ${shown(name)} has the storage type ${shown(dtype)}, which the format does not know.`,
      mend: 'Save the checkpoint again as float32, float16 or bfloat16.',
    });
  }
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || end < begin) throw scanner.fault(`The data_offsets of ${shown(name)} are not a begin and an end.`);
  if (byteSize(dtype, shape) !== end - begin) {
    throw new Fault({
      code: 'weights.shape',
      what: `${fileName} cannot be opened.`,
      why: `The tensor ${shown(name)} is ${dtype} [${shape.join(', ')}], which does not fill its ${end - begin} bytes exactly.`,
      mend: 'The file is damaged: fetch or save it again.',
    });
  }
  return { name, dtype, shape, begin, end };
}

const duplicateFault = (fileName: string, name: string): Fault => new Fault({
  code: 'weights.duplicate',
  what: `${fileName} cannot be opened.`,
  why: `Its header says ${shown(name)} twice, so it is not clear which one holds.`,
  mend: 'Save the checkpoint again with a name for each tensor.',
});

/** A name for a message: quoted, and short even where the file's is not. */
export const shown = (name: string): string => JSON.stringify(name.length > 120 ? `${name.slice(0, 117)}…` : name);

const Byte = {
  Tab: 9, Newline: 10, Return: 13, Space: 32, Quote: 34, Comma: 44, Zero: 48, Nine: 57, Colon: 58,
  Open: 91, Backslash: 92, Close: 93, OpenBrace: 123, CloseBrace: 125,
} as const;

/** Reads JSON at a position that moves; every method leaves it after what was read, or throws. */
class Scanner {
  private at = 0;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(private readonly bytes: Uint8Array, private readonly fileName: string) {}

  fault(why: string): Fault {
    return new Fault({ code: 'weights.header', what: `${this.fileName} cannot be opened.`, why, mend: 'The file is damaged or no safetensors file: fetch or save it again.' });
  }

  /** Calls `entry` with each key of an object; `entry` reads the value. */
  object(entry: (key: string) => void): void {
    this.expect(Byte.OpenBrace);
    if (this.peek() === Byte.CloseBrace) {
      this.at++;
      return;
    }
    for (;;) {
      const key = this.string();
      this.expect(Byte.Colon);
      entry(key);
      if (this.peek() !== Byte.Comma) break;
      this.at++;
    }
    this.expect(Byte.CloseBrace);
  }

  /** An array of at most `most` integers, none negative. */
  integers(most: number): number[] {
    const result: number[] = [];
    this.expect(Byte.Open);
    if (this.peek() === Byte.Close) {
      this.at++;
      return result;
    }
    for (;;) {
      if (result.length >= most) throw this.fault(`A list of numbers at byte ${this.at} of its header is longer than ${most}.`);
      result.push(this.integer());
      if (this.peek() !== Byte.Comma) break;
      this.at++;
    }
    this.expect(Byte.Close);
    return result;
  }

  string(): string {
    if (this.peek() !== Byte.Quote) throw this.unexpected();
    const start = this.at++;
    let isPlain = true;
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === undefined || byte < 32) throw this.unexpected();
      this.at++;
      if (byte === Byte.Quote) break;
      if (byte === Byte.Backslash) {
        isPlain = false;
        this.at++;
      }
    }
    try {
      const text = this.decoder.decode(this.bytes.subarray(isPlain ? start + 1 : start, isPlain ? this.at - 1 : this.at));
      const value = isPlain ? text : JSON.parse(text) as string;
      if (!isPlain && /\p{Surrogate}/u.test(value)) throw new SyntaxError('half a character');
      return value;
    } catch (cause) {
      if (cause instanceof SyntaxError || cause instanceof TypeError) throw this.fault(`The text at byte ${start} of its header is not valid.`);
      throw cause;
    }
  }

  /** Passes over any value. */
  skip(depth: number): void {
    if (depth > limits.depth) throw this.fault('Its header is nested too deeply.');
    const byte = this.peek();
    if (byte === Byte.OpenBrace) return this.object(() => this.skip(depth + 1));
    if (byte === Byte.Quote) return void this.string();
    if (byte === Byte.Open) return this.skipArray(depth);
    const start = this.at;
    while (isWordByte(this.bytes[this.at])) this.at++;
    const word = String.fromCharCode(...this.bytes.subarray(start, Math.min(this.at, start + 64)));
    if (this.at - start > 64 || !/^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(word)) throw this.unexpected(start);
  }

  private skipArray(depth: number): void {
    this.expect(Byte.Open);
    if (this.peek() === Byte.Close) {
      this.at++;
      return;
    }
    for (;;) {
      this.skip(depth + 1);
      if (this.peek() !== Byte.Comma) break;
      this.at++;
    }
    this.expect(Byte.Close);
  }

  /** Nothing but white space may follow. */
  finish(): void {
    if (this.peek() !== undefined) throw this.unexpected();
  }

  private integer(): number {
    this.peek();
    const start = this.at;
    let value = 0;
    for (let byte = this.bytes[this.at]; byte !== undefined && byte >= Byte.Zero && byte <= Byte.Nine; byte = this.bytes[++this.at]) {
      value = value * 10 + (byte - Byte.Zero);
      if (value > Number.MAX_SAFE_INTEGER) throw this.fault(`The number at byte ${start} of its header is too large.`);
    }
    const digits = this.at - start;
    if (digits === 0 || (digits > 1 && this.bytes[start] === Byte.Zero)) throw this.unexpected(start);
    return value;
  }

  /** The next byte that is no white space, without passing it. */
  private peek(): number | undefined {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte !== Byte.Space && byte !== Byte.Newline && byte !== Byte.Return && byte !== Byte.Tab) return byte;
      this.at++;
    }
  }

  private expect(byte: number): void {
    if (this.peek() !== byte) throw this.unexpected();
    this.at++;
  }

  private unexpected(at = this.at): Fault {
    return this.fault(at >= this.bytes.length ? 'Its header ends in the middle of an entry.' : `Its header is not valid JSON at byte ${at}.`);
  }
}

/** Letters, digits, sign and point: what a JSON number or word is made of. */
const isWordByte = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 48 && byte <= 57) || (byte >= 97 && byte <= 122) || byte === 69 || byte === 43 || byte === 45 || byte === 46);
