/** Where each frame's bytes lie: native pixels by arithmetic, encapsulated ones by their items and offset tables. */
import { element, rawBytes } from './elements.ts';
import type { DataSet, Element } from './elements.ts';
import type { ImageHeader } from './dicomFile.ts';

/** A stretch of the data set's bytes. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

export type FrameLocations = {
  /** Frames whose bytes are all there. */
  readonly whole: number;
  /** What is missing, in words; null where nothing is. */
  readonly missing: string | null;
} & (
  | { readonly kind: 'native'; readonly value: Extent; /** Each frame's size; frames of 1 or 12 bits need not begin on a byte. */ readonly frameBits: number; readonly subsampled: boolean }
  | { readonly kind: 'encapsulated'; /** The fragments of each whole frame. */ readonly frames: readonly (readonly Extent[])[];
      /** What is there of the frame behind them; [] where nothing is. */ readonly cut: readonly Extent[] }
);

interface Question {
  readonly dataSet: DataSet;
  readonly value: Element;
  readonly header: Omit<ImageHeader, 'frames'>;
  /** Null where the file does not say it. */
  readonly statedFrames: number | null;
  readonly encapsulated: boolean;
}

export function locateFrames(question: Question): FrameLocations {
  return question.encapsulated ? locateEncapsulated(question) : locateNative(question);
}

function locateNative({ value, header, statedFrames }: Question): FrameLocations {
  const { rows, columns, samples, bitsAllocated, photometric } = header;
  const full = rows * columns * samples * bitsAllocated;
  const halved = rows * Math.ceil(columns / 2) * 4 * bitsAllocated;
  // Some writers label full chroma as 4:2:2; the length tells.
  const holdsFull = value.length * 8 >= full * (statedFrames ?? 1);
  const subsampled = photometric.endsWith('_422') && samples === 3 && !holdsFull;
  const frameBits = subsampled ? halved : full;
  const whole = Math.floor((value.length * 8) / frameBits);
  const needed = Math.ceil((frameBits * (statedFrames ?? 1)) / 8);
  return {
    kind: 'native', value: { offset: value.offset, length: value.length }, frameBits, subsampled, whole,
    missing: value.length < needed ? `${value.length} of ${needed} bytes are present` : null,
  };
}

const maximumFragments = 1_000_000;

function locateEncapsulated({ dataSet, value, statedFrames }: Question): FrameLocations {
  const { items, end } = readItems(dataSet, value.offset);
  const [table, ...fragments] = items;
  const first = table ? table.offset + table.length : value.offset;
  const groups = groupFragments({ dataSet, table, fragments, first, statedFrames });
  const wholeOf = (group: readonly Fragment[]): boolean => group.length > 0 && group.every((fragment) => fragment.whole);
  const wholeCount = groups.findIndex((group) => !wholeOf(group));
  const whole = wholeCount === -1 ? groups.length : wholeCount;
  return {
    kind: 'encapsulated', frames: groups.slice(0, whole), cut: groups[whole] ?? [], whole,
    missing: end === 'delimiter' ? null : end === 'cut' ? 'the file ends inside the pixel data' : 'the chain of fragments is broken',
  };
}

export interface Fragment extends Extent {
  /** All its bytes are in the file. */
  readonly whole: boolean;
  /** Where its item begins, as offset tables count. */
  readonly itemOffset: number;
}

/** Walks the items of encapsulated pixel data by their lengths alone, so that delimiter bytes inside a code stream mean nothing. */
function readItems(dataSet: DataSet, start: number): { readonly items: Fragment[]; readonly end: 'delimiter' | 'cut' | 'broken' } {
  const { bytes, littleEndian } = dataSet;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Fragment[] = [];
  let at = start;
  while (at + 8 <= bytes.length) {
    const group = view.getUint16(at, littleEndian);
    const number = view.getUint16(at + 2, littleEndian);
    const length = view.getUint32(at + 4, littleEndian);
    if (group === 0xfffe && number === 0xe0dd) return { items, end: 'delimiter' };
    if (group !== 0xfffe || number !== 0xe000 || length === 0xffffffff || items.length >= maximumFragments) return { items, end: 'broken' };
    const offset = at + 8;
    const whole = offset + length <= bytes.length;
    items.push({ offset, length: whole ? length : bytes.length - offset, whole, itemOffset: at });
    if (!whole) return { items, end: 'cut' };
    at = offset + length;
  }
  return { items, end: 'cut' };
}

interface GroupQuestion {
  readonly dataSet: DataSet;
  readonly table: Fragment | undefined;
  readonly fragments: readonly Fragment[];
  /** Where the first fragment's item begins: offsets count from here. */
  readonly first: number;
  readonly statedFrames: number | null;
}

/** The fragments of each frame: by the extended table, the basic table, one by one, all in one, or by the marks of the code streams. */
function groupFragments({ dataSet, table, fragments, first, statedFrames }: GroupQuestion): readonly (readonly Fragment[])[] {
  const extended = element(dataSet, 'x7fe00001');
  if (extended) {
    const groups = byOffsets(fragments, offsetsIn(rawBytes(dataSet, 'x7fe00001'), 8, dataSet.littleEndian), first);
    if (groups && (statedFrames === null || groups.length === statedFrames)) return groups;
  }
  if (table && table.whole && table.length >= 4) {
    const groups = byOffsets(fragments, offsetsIn(dataSet.bytes.subarray(table.offset, table.offset + table.length), 4, dataSet.littleEndian), first);
    if (groups && (statedFrames === null || groups.length === statedFrames)) return groups;
  }
  if (statedFrames === 1) return [fragments];
  if (statedFrames === null || fragments.length <= statedFrames) return fragments.map((fragment) => [fragment]);
  return byMarks(dataSet, fragments);
}

/** The offsets of a table, of four or eight bytes each. */
export function offsetsIn(bytes: Uint8Array, size: 4 | 8, littleEndian = true): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.min(Math.floor(bytes.length / size), maximumFragments);
  return Array.from({ length: count }, (_, i) => (size === 4 ? view.getUint32(i * 4, littleEndian) : Number(view.getBigUint64(i * 8, littleEndian))));
}

/** Null where the table contradicts the fragments: every offset has to be the beginning of one, in order. Frames beyond a cut are absent. */
export function byOffsets(fragments: readonly Fragment[], offsets: readonly number[], first: number): Fragment[][] | null {
  if (offsets.length === 0 || offsets[0] !== 0) return null;
  const indexAt = new Map(fragments.map((fragment, index) => [fragment.itemOffset - first, index]));
  const end = fragments.length === 0 ? 0 : (fragments[fragments.length - 1] as Fragment).itemOffset - first;
  const starts: number[] = [];
  for (const offset of offsets) {
    const index = indexAt.get(offset);
    if (index === undefined && offset <= end) return null;
    if (index !== undefined && starts.length > 0 && index <= (starts[starts.length - 1] as number)) return null;
    starts.push(index ?? fragments.length);
  }
  return starts.map((begin, i) => fragments.slice(begin, starts[i + 1] ?? fragments.length));
}

/** A frame begins where a fragment opens with a start-of-image mark (JPEG, JPEG-LS) or a code stream's beginning (JPEG 2000). */
function byMarks({ bytes }: DataSet, fragments: readonly Fragment[]): Fragment[][] {
  const groups: Fragment[][] = [];
  for (const fragment of fragments) {
    const [a, b, c, d] = bytes.subarray(fragment.offset, fragment.offset + Math.min(4, fragment.length));
    const begins = (a === 0xff && b === 0xd8 && c === 0xff) || (a === 0xff && b === 0x4f && c === 0xff && d === 0x51) || (a === 0 && b === 0 && c === 0 && d === 0x0c);
    const group = groups[groups.length - 1];
    if (begins || !group) groups.push([fragment]);
    else group.push(fragment);
  }
  return groups;
}
