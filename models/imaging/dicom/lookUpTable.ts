/** Look-up tables of a data set: modality and VOI sequences, palettes plain and segmented. */
import { Fault } from '#models/base/fault.ts';
import { element, firstNumber, has, items, numbers, rawBytes, text } from './elements.ts';
import type { DataSet, Tag } from './elements.ts';
import type { LookUpTable } from './voi.ts';

const damaged = (why: string): Fault => new Fault({
  code: 'dicom.lut', what: 'A look-up table cannot be used.', why, mend: 'Export the file again from where it came; if it stays so, its writer is at fault.',
});

/** The tables of a Modality LUT (0028,3000) or VOI LUT (0028,3010) sequence that can be used; others are left out. @param signed pixel values are signed */
export function tablesOf(dataSet: DataSet, sequence: Tag, signed: boolean): LookUpTable[] {
  return items(dataSet, sequence).flatMap((item): LookUpTable[] => {
    const descriptor = describe(item, 'x00283002', signed);
    if (!descriptor) return [];
    const values = entries(item, 'x00283006', descriptor);
    if (values.length < 1) return [];
    return [{ first: descriptor.first, bits: descriptor.bits, values, explanation: text(item, 'x00283003') }];
  });
}

interface Descriptor {
  readonly count: number;
  readonly first: number;
  readonly bits: number;
}

/** Number of entries (0 stands for 65536), first value mapped, bits an entry; the second is signed where the pixels are. */
function describe(dataSet: DataSet, tag: Tag, signed: boolean): Descriptor | null {
  const [count, first, bits] = numbers(dataSet, tag, 'US').map((value) => value & 0xffff);
  if (count === undefined || first === undefined || bits === undefined || bits < 1 || bits > 16) return null;
  return { count: count === 0 ? 65536 : count, first: signed && first > 32767 ? first - 65536 : first, bits };
}

/** Entries as numbers: words of the data set's byte order, or bytes where that is what the length means. */
function entries(dataSet: DataSet, tag: Tag, { count, bits }: Descriptor): Uint16Array {
  const bytes = rawBytes(dataSet, tag);
  if (bits <= 8 && bytes.length < count * 2) return Uint16Array.from(bytes.subarray(0, count));
  return words(bytes, dataSet.littleEndian).subarray(0, count);
}

function words(bytes: Uint8Array, littleEndian: boolean): Uint16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, i) => view.getUint16(i * 2, littleEndian));
}

/** Three tables of equal length; entry i gives the colour of value `first` + i, 8 bit. */
export interface Palette {
  readonly first: number;
  readonly red: Uint8Array;
  readonly green: Uint8Array;
  readonly blue: Uint8Array;
}

/** The palette of a PALETTE COLOR image or a supplemental one; null where there is none. Throws Fault `dicom.lut` where it is damaged. */
export function paletteOf(dataSet: DataSet, signed: boolean): Palette | null {
  if (!has(dataSet, 'x00281101')) return null;
  const red = channel(dataSet, ['x00281101', 'x00281201', 'x00281221'], signed);
  const green = channel(dataSet, ['x00281102', 'x00281202', 'x00281222'], signed);
  const blue = channel(dataSet, ['x00281103', 'x00281203', 'x00281223'], signed);
  return { first: red.first, red: red.values, green: green.values, blue: blue.values };
}

function channel(dataSet: DataSet, [descriptorTag, plainTag, segmentedTag]: readonly [Tag, Tag, Tag], signed: boolean): { first: number; values: Uint8Array } {
  const descriptor = describe(dataSet, descriptorTag, signed);
  if (!descriptor) throw damaged('A palette has no usable descriptor.');
  const segmented = (element(dataSet, segmentedTag)?.length ?? 0) > 0;
  const values = segmented ? expandSegments(segmentsOf(dataSet, segmentedTag, descriptor), descriptor) : entries(dataSet, plainTag, descriptor);
  if (values.length === 0) throw damaged('A palette has no entries.');
  // Some writers say 16 bits and use 8; the largest entry tells.
  const wide = descriptor.bits > 8 && values.some((value) => value > 255);
  return { first: descriptor.first, values: Uint8Array.from(values, (value) => (wide ? value >> 8 : value)) };
}

const segmentsOf = (dataSet: DataSet, tag: Tag, { bits }: Descriptor): Uint16Array => {
  const bytes = rawBytes(dataSet, tag);
  return bits <= 8 ? Uint16Array.from(bytes) : words(bytes, dataSet.littleEndian);
};

/**
 * Expands a segmented palette (PS3.3, C.7.9.2): 0 lists values, 1 draws a line to a value, 2 repeats earlier segments.
 * Throws Fault `dicom.lut` where a segment reaches outside; exactly `count` entries come out.
 */
export function expandSegments(data: Uint16Array, { count, bits }: { count: number; bits: number }): Uint16Array {
  const out = new Uint16Array(count);
  let filled = 0;
  const put = (value: number): void => {
    if (filled < count) out[filled++] = value;
  };
  // An offset counts bytes and has four of them: two entries of a 16-bit table, four of an 8-bit one.
  const wide = bits > 8;
  const offsetEntries = wide ? 2 : 4;
  const targetAt = (at: number): number => (wide ? (data[at]! + data[at + 1]! * 65536) / 2 : data[at]! + data[at + 1]! * 256 + data[at + 2]! * 65536 + data[at + 3]! * 16777216);
  const run = (from: number, to: number, segments: number, nested: boolean): void => {
    let at = from;
    for (let done = 0; done < segments && at + 1 < to && filled < count; done++) {
      const code = data[at]!;
      const length = data[at + 1]!;
      if (code === 0) {
        if (at + 2 + length > to) throw damaged('A discrete segment is cut short.');
        for (let i = 0; i < length; i++) put(data[at + 2 + i]!);
        at += 2 + length;
      } else if (code === 1) {
        if (at + 3 > to || filled === 0) throw damaged('A linear segment has no end, or nothing before it.');
        const start = out[filled - 1]!;
        const end = data[at + 2]!;
        for (let i = 1; i <= length; i++) put(Math.round(start + ((end - start) * i) / length));
        at += 3;
      } else if (code === 2 && !nested) {
        if (at + 2 + offsetEntries > to) throw damaged('An indirect segment is cut short.');
        const target = targetAt(at + 2);
        if (target >= at || !Number.isInteger(target)) throw damaged('An indirect segment does not point back to a segment.');
        run(target, at, length, true);
        at += 2 + offsetEntries;
      } else {
        throw damaged(`A segment has the code ${code}.`);
      }
    }
  };
  run(0, data.length, Infinity, false);
  if (filled === 0) throw damaged('A segmented palette has no entries.');
  return out.fill(out[filled - 1]!, filled);
}

/** Slope and intercept of a rescale, from the first source that states them. */
export function rescaleOf(sources: readonly DataSet[]): { readonly slope: number; readonly intercept: number } | null {
  for (const source of sources) {
    const slope = firstNumber(source, 'x00281053', 'DS');
    const intercept = firstNumber(source, 'x00281052', 'DS');
    if (slope !== undefined || intercept !== undefined) return { slope: slope ?? 1, intercept: intercept ?? 0 };
  }
  return null;
}
