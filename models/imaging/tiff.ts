/** The structure of a TIFF or BigTIFF file: its pages and where their tiles or strips lie, every number checked before it is used. */
import { Fault } from '#models/base/fault.ts';

/** Bytes that are read where they are needed, so that a file of gigabytes is never held whole. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `offset` on, fewer than `length` only where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A file that is in memory already. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
});

/** One image of the file, cut into blocks: tiles, or strips as wide as the image. */
export interface TiffPage {
  /** Place in the file's chain of pages; a page that hangs below another (a sub-image) has its parent's. */
  readonly index: number;
  readonly isSubImage: boolean;
  readonly width: number;
  readonly height: number;
  readonly isTiled: boolean;
  readonly blockWidth: number;
  readonly blockHeight: number;
  /** Blocks side by side, and one below the other. */
  readonly across: number;
  readonly down: number;
  readonly compression: number;
  readonly photometric: number;
  readonly predictor: number;
  readonly samplesPerPixel: number;
  /** Bits of each sample, the same for all. */
  readonly bitsPerSample: number;
  /** 1 unsigned, 2 signed, 3 floating point. */
  readonly sampleFormat: number;
  /** Whether each block holds one sample kind only. */
  readonly isPlanar: boolean;
  readonly fillOrder: number;
  /** Meaning of the first sample beyond colour: 0 unspecified, 1 premultiplied alpha, 2 alpha; null where there is none. */
  readonly extraSample: number | null;
  /** Bit 0: a reduced copy; bit 2: a mask. */
  readonly subfileType: number;
  readonly description: string;
  readonly resolution: { readonly x: number; readonly y: number; readonly unit: 'none' | 'inch' | 'centimetre' };
  /** Where each block lies, [planes · down · across]; read on the first call. */
  readonly blocks: () => Promise<BlockTable>;
  /** Quantisation and Huffman tables that all JPEG blocks share. */
  readonly jpegTables: () => Promise<Uint8Array | null>;
  /** Red, then green, then blue, 16 bits each. */
  readonly colourMap: () => Promise<Uint16Array | null>;
}

export interface BlockTable {
  readonly offsets: Float64Array;
  readonly lengths: Float64Array;
}

export interface Tiff {
  readonly source: ByteSource;
  readonly isLittleEndian: boolean;
  readonly pages: readonly TiffPage[];
}

const maxPages = 512;
const maxEntries = 4096;
/** Block tables of one file, all pages together: eight million blocks. */
const maxTableBytes = 128_000_000;
const maxTextBytes = 256_000;
/** Bytes of one value of each field type. */
const sizeOfType: Readonly<Record<number, number>> = {
  1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
};

export function isTiff(bytes: Uint8Array): boolean {
  const isLittle = bytes[0] === 0x49 && bytes[1] === 0x49 && (bytes[2] === 42 || bytes[2] === 43) && bytes[3] === 0;
  return isLittle || (bytes[0] === 0x4d && bytes[1] === 0x4d && bytes[2] === 0 && (bytes[3] === 42 || bytes[3] === 43));
}

/** The pages of a file. Throws `picture.truncated`, `picture.damaged` or `picture.unsupported`; `name` opens each sentence. */
export async function openTiff(source: ByteSource, name = 'The TIFF file'): Promise<Tiff> {
  const start = await source.read(0, 16);
  if (start.length < 8) throw truncated(name);
  if (!isTiff(start)) throw damaged(name, 'It does not begin as a TIFF file does.');
  const isLittleEndian = start[0] === 0x49;
  const view = viewOf(start);
  const isBig = view.getUint16(2, isLittleEndian) === 43;
  if (isBig && (start.length < 16 || view.getUint16(4, isLittleEndian) !== 8)) throw damaged(name, 'Its header is damaged.');
  const file: File = { source, name, isLittleEndian, isBig, tableBytes: 0, visited: new Set() };
  const pages: TiffPage[] = [];
  for (let at = isBig ? bigNumber(view, 8, isLittleEndian) : view.getUint32(4, isLittleEndian); at !== 0;) {
    const { entries, next } = await readDirectory(file, at);
    const index = pages.filter((page) => !page.isSubImage).length;
    pages.push(await readPage(file, entries, { index, isSubImage: false }));
    for (const below of (await numbers(file, entries.get(330), 64)) ?? []) {
      pages.push(await readPage(file, (await readDirectory(file, below)).entries, { index, isSubImage: true }));
    }
    at = next;
  }
  if (pages.length === 0) throw damaged(name, 'It holds no image.');
  return { source, isLittleEndian, pages };
}

/** What reading one file needs to know and to keep. */
interface File {
  readonly source: ByteSource;
  readonly name: string;
  readonly isLittleEndian: boolean;
  readonly isBig: boolean;
  /** Spent so far, against `maxTableBytes`. */
  tableBytes: number;
  readonly visited: Set<number>;
}

/** A field of a directory: its values lie at `offset` of the file. */
interface Entry {
  readonly type: number;
  readonly count: number;
  readonly offset: number;
}

async function readDirectory(file: File, at: number): Promise<{ entries: ReadonlyMap<number, Entry>; next: number }> {
  const { source, name, isLittleEndian, isBig, visited } = file;
  if (visited.has(at)) throw damaged(name, 'Its pages form a circle.');
  if (visited.size >= maxPages) throw damaged(name, `It claims to have more than ${maxPages} pages.`);
  visited.add(at);
  const countBytes = isBig ? 8 : 2;
  const head = await readExactly(file, at, countBytes);
  const count = isBig ? bigNumber(viewOf(head), 0, isLittleEndian) : viewOf(head).getUint16(0, isLittleEndian);
  if (count === 0 || count > maxEntries) throw damaged(name, `A page claims to have ${count} fields.`);
  const entryBytes = isBig ? 20 : 12;
  const nextBytes = isBig ? 8 : 4;
  const body = await readExactly(file, at + countBytes, count * entryBytes);
  const view = viewOf(body);
  const entries = new Map<number, Entry>();
  for (let i = 0; i < count; i++) {
    const from = i * entryBytes;
    const type = view.getUint16(from + 2, isLittleEndian);
    const values = isBig ? bigNumber(view, from + 4, isLittleEndian) : view.getUint32(from + 4, isLittleEndian);
    const bytes = values * (sizeOfType[type] ?? 1);
    const inline = at + countBytes + from + (isBig ? 12 : 8);
    const isInline = bytes <= nextBytes;
    const offset = isInline ? inline : isBig ? bigNumber(view, from + 12, isLittleEndian) : view.getUint32(from + 8, isLittleEndian);
    entries.set(view.getUint16(from, isLittleEndian), { type, count: values, offset });
  }
  // Some writers end the file right after the last field; that is the end of the chain.
  const tail = await source.read(at + countBytes + count * entryBytes, nextBytes);
  const next = tail.length < nextBytes ? 0 : isBig ? bigNumber(viewOf(tail), 0, isLittleEndian) : viewOf(tail).getUint32(0, isLittleEndian);
  return { entries, next };
}

async function readPage(file: File, entries: ReadonlyMap<number, Entry>, place: { index: number; isSubImage: boolean }): Promise<TiffPage> {
  const { name } = file;
  const one = async (tag: number, absent: number): Promise<number> => (await numbers(file, entries.get(tag), 1))?.[0] ?? absent;
  const width = await one(256, 0);
  const height = await one(257, 0);
  if (!(Number.isInteger(width) && Number.isInteger(height)) || width < 1 || height < 1 || width > 2 ** 31 || height > 2 ** 31) {
    throw damaged(name, `A page is said to be ${width} × ${height} pixels.`);
  }
  const samplesPerPixel = await one(277, 1);
  const bits = (await numbers(file, entries.get(258), 64)) ?? Float64Array.of(1);
  const isTiled = entries.has(322);
  const blockWidth = isTiled ? await one(322, 0) : width;
  const blockHeight = isTiled ? await one(323, 0) : Math.min(height, await one(278, height));
  if (!(blockWidth >= 1 && blockHeight >= 1 && blockWidth <= 2 ** 31 && blockHeight <= 2 ** 31)) {
    throw damaged(name, 'A page has tiles of an impossible size.');
  }
  if (samplesPerPixel < 1 || samplesPerPixel > 64) throw damaged(name, `A page claims to have ${samplesPerPixel} samples a pixel.`);
  // Tiles are multiples of 16 by the standard; far smaller ones would make millions of a small file.
  if (isTiled && blockWidth * blockHeight < 256) throw damaged(name, `A page has tiles of ${blockWidth} × ${blockHeight} pixels.`);
  const across = Math.ceil(width / blockWidth);
  const down = Math.ceil(height / blockHeight);
  const isPlanar = samplesPerPixel > 1 && (await one(284, 1)) === 2;
  const rational = async (tag: number): Promise<number> => (await rationals(file, entries.get(tag)))?.[0] ?? 0;
  const unit = await one(296, 2);
  return {
    ...place,
    width,
    height,
    isTiled,
    blockWidth,
    blockHeight,
    across,
    down,
    compression: await one(259, 1),
    photometric: await one(262, samplesPerPixel >= 3 ? 2 : 1),
    predictor: await one(317, 1),
    samplesPerPixel,
    bitsPerSample: bits.every((value) => value === bits[0]) ? bits[0]! : 0,
    sampleFormat: await one(339, 1),
    isPlanar,
    fillOrder: await one(266, 1),
    extraSample: (await numbers(file, entries.get(338), 64))?.[0] ?? null,
    subfileType: await one(254, 0),
    description: await text(file, entries.get(270)),
    resolution: { x: await rational(282), y: await rational(283), unit: unit === 3 ? 'centimetre' : unit === 2 ? 'inch' : 'none' },
    blocks: once(() => readBlocks(file, entries, { isTiled, count: across * down * (isPlanar ? samplesPerPixel : 1) })),
    jpegTables: once(() => raw(file, entries.get(347), maxTextBytes)),
    colourMap: once(async () => {
      const map = await numbers(file, entries.get(320), 3 * 65536);
      return map ? Uint16Array.from(map) : null;
    }),
  };
}

async function readBlocks(
  file: File,
  entries: ReadonlyMap<number, Entry>,
  { isTiled, count }: { isTiled: boolean; count: number },
): Promise<BlockTable> {
  file.tableBytes += count * 16;
  if (file.tableBytes > maxTableBytes) throw damaged(file.name, `A page claims to have ${count} blocks.`);
  const offsets = await numbers(file, entries.get(isTiled ? 324 : 273), count);
  const lengths = await numbers(file, entries.get(isTiled ? 325 : 279), count);
  if (offsets?.length !== count || lengths?.length !== count) {
    throw damaged(file.name, `A page needs ${count} blocks, but places are given for ${Math.min(offsets?.length ?? 0, lengths?.length ?? 0)}.`);
  }
  return { offsets, lengths };
}

/** Up to `most` whole numbers of a field; null where it is absent or of another kind. */
async function numbers(file: File, entry: Entry | undefined, most: number): Promise<Float64Array | null> {
  if (!entry) return null;
  const { type, offset } = entry;
  const size = sizeOfType[type];
  if (!size || ![1, 3, 4, 6, 8, 9, 13, 16, 17, 18].includes(type)) return null;
  const count = Math.min(entry.count, most);
  const view = viewOf(await readExactly(file, offset, count * size));
  const isLittle = file.isLittleEndian;
  return Float64Array.from({ length: count }, (_, i) => {
    if (type === 3) return view.getUint16(i * 2, isLittle);
    if (type === 4 || type === 13) return view.getUint32(i * 4, isLittle);
    if (type === 1) return view.getUint8(i);
    if (type === 6) return view.getInt8(i);
    if (type === 8) return view.getInt16(i * 2, isLittle);
    if (type === 9) return view.getInt32(i * 4, isLittle);
    return bigNumber(view, i * 8, isLittle);
  });
}

async function rationals(file: File, entry: Entry | undefined): Promise<number[] | null> {
  if (entry?.type !== 5 || entry.count < 1) return null;
  const view = viewOf(await readExactly(file, entry.offset, 8));
  const value = view.getUint32(0, file.isLittleEndian) / view.getUint32(4, file.isLittleEndian);
  return Number.isFinite(value) ? [value] : null;
}

async function raw(file: File, entry: Entry | undefined, most: number): Promise<Uint8Array | null> {
  if (!entry) return null;
  if (entry.count > most) throw damaged(file.name, 'A field is impossibly long.');
  return readExactly(file, entry.offset, entry.count);
}

async function text(file: File, entry: Entry | undefined): Promise<string> {
  if (entry?.type !== 2) return '';
  const bytes = await readExactly(file, entry.offset, Math.min(entry.count, maxTextBytes));
  return new TextDecoder('utf-8').decode(bytes).replace(/\0+$/, '');
}

async function readExactly({ source, name }: File, offset: number, length: number): Promise<Uint8Array> {
  if (!(offset >= 0 && length >= 0 && offset + length <= source.size)) throw truncated(name);
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) throw truncated(name);
  return bytes;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A 64-bit number; beyond 2^53 it is larger than any file and fails the checks all the same. */
const bigNumber = (view: DataView, at: number, isLittle: boolean): number => Number(view.getBigUint64(at, isLittle));

const truncated = (name: string): Fault => new Fault({
  code: 'picture.truncated',
  what: `${name} cannot be read.`,
  why: 'It refers to bytes behind its own end, so its last part is missing.',
  mend: 'Copy the file again.',
});

const damaged = (name: string, why: string): Fault => new Fault({
  code: 'picture.damaged',
  what: `${name} cannot be read.`,
  why,
  mend: 'Copy or export the file again.',
});
