/** Writes DICOM Part 10 files for samples and fixtures: explicit little endian, native or already compressed pixels. */
import { concatenated } from '#models/base/bytes.ts';
import { Fault } from '#models/base/fault.ts';
import type { Tag } from './elements.ts';

/** One element to write. Text is UTF-8 under ISO_IR 192, which the writer declares; sequences hold items; OB and OW hold bytes as they are. */
export type NewElement =
  | { readonly tag: Tag; readonly vr: TextVr; readonly value: string | readonly string[] }
  | { readonly tag: Tag; readonly vr: 'DS' | 'IS' | NumberVr; readonly value: number | readonly number[] }
  | { readonly tag: Tag; readonly vr: 'OB' | 'OW' | 'OF' | 'OD' | 'OV' | 'UN'; readonly value: Uint8Array }
  | { readonly tag: Tag; readonly vr: 'SQ'; readonly value: readonly (readonly NewElement[])[] };

type TextVr = 'AE' | 'AS' | 'CS' | 'DA' | 'DT' | 'LO' | 'LT' | 'PN' | 'SH' | 'ST' | 'TM' | 'UC' | 'UI' | 'UR' | 'UT';
type NumberVr = 'US' | 'SS' | 'UL' | 'SL' | 'FL' | 'FD' | 'AT';

/** Fragments of each frame, and the offset table that finds them. */
export interface EncapsulatedPixels {
  readonly transferSyntaxUid: string;
  readonly frames: readonly (readonly Uint8Array[])[];
  readonly table: 'basic' | 'extended' | 'none';
}

const explicitLittleEndianUid = '1.2.840.10008.1.2.1';
/** Names this writer in the meta information; a UUID-derived UID under 2.25. */
const implementationUid = '2.25.196478136541806528811743953720487413105';

const longForm = new Set(['OB', 'OW', 'OF', 'OD', 'OV', 'SQ', 'UC', 'UN', 'UR', 'UT']);
const sizes: Readonly<Record<NumberVr, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8, AT: 4 };

/**
 * A whole file from the elements of its data set, in any order; SOP Class and Instance UID have to be among them.
 * `encapsulated` adds compressed Pixel Data and states its transfer syntax. Throws Fault `dicom.write`.
 */
export function writeDicom(elements: readonly NewElement[], encapsulated?: EncapsulatedPixels): Uint8Array {
  const sopClassUid = uidOf(elements, 'x00080016');
  const sopInstanceUid = uidOf(elements, 'x00080018');
  return partTen({ sopClassUid, sopInstanceUid, transferSyntaxUid: encapsulated?.transferSyntaxUid ?? explicitLittleEndianUid }, dataSet(elements, encapsulated));
}

/** An encoded data set as a file: an empty preamble and the meta information before it, nothing of an earlier file's among it. */
export function partTen(
  { sopClassUid, sopInstanceUid, transferSyntaxUid }: { readonly sopClassUid: string; readonly sopInstanceUid: string; readonly transferSyntaxUid: string },
  body: readonly Uint8Array[],
): Uint8Array {
  const meta = encodeAll([
    { tag: 'x00020001', vr: 'OB', value: Uint8Array.of(0, 1) },
    { tag: 'x00020002', vr: 'UI', value: sopClassUid },
    { tag: 'x00020003', vr: 'UI', value: sopInstanceUid },
    { tag: 'x00020010', vr: 'UI', value: transferSyntaxUid },
    { tag: 'x00020012', vr: 'UI', value: implementationUid },
    { tag: 'x00020013', vr: 'SH', value: 'LOUPE' },
  ]);
  const groupLength = encode({ tag: 'x00020000', vr: 'UL', value: meta.length });
  const preamble = new Uint8Array(132);
  preamble.set([0x44, 0x49, 0x43, 0x4d], 128);
  return concatenated([preamble, groupLength, meta, ...body]);
}

function dataSet(elements: readonly NewElement[], encapsulated: EncapsulatedPixels | undefined): Uint8Array[] {
  const charset: NewElement = { tag: 'x00080005', vr: 'CS', value: 'ISO_IR 192' };
  const all = elements.some(({ tag }) => tag === 'x00080005') ? elements : [charset, ...elements];
  if (!encapsulated) return [encodeAll(all)];
  const offsets = frameOffsets(encapsulated);
  const extended: NewElement[] = encapsulated.table === 'extended' ? [
    { tag: 'x7fe00001', vr: 'OV', value: words64(offsets) },
    { tag: 'x7fe00002', vr: 'OV', value: words64(encapsulated.frames.map((fragments) => fragments.reduce((total, fragment) => total + fragment.length, 0))) },
  ] : [];
  return [encodeAll([...all, ...extended]), ...encapsulatedValue(encapsulated, offsets)];
}

function uidOf(elements: readonly NewElement[], tag: Tag): string {
  const found = elements.find((element) => element.tag === tag);
  if (typeof found?.value !== 'string') {
    throw new Fault({ code: 'dicom.write', what: 'The DICOM file was not written.', why: `Element ${tag} is missing.`, mend: 'Give it SOP Class UID and SOP Instance UID.' });
  }
  return found.value;
}

/** Elements in ascending order of their tags, as the standard asks. */
function encodeAll(elements: readonly NewElement[]): Uint8Array {
  return concatenated([...elements].sort((a, b) => (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0)).map(encode));
}

function encode(element: NewElement): Uint8Array {
  const value = padded(valueOf(element), element.vr === 'UI' || element.vr.startsWith('O') || element.vr === 'UN' ? 0 : 0x20);
  const header = new Uint8Array(longForm.has(element.vr) ? 12 : 8);
  const view = new DataView(header.buffer);
  view.setUint16(0, parseInt(element.tag.slice(1, 5), 16), true);
  view.setUint16(2, parseInt(element.tag.slice(5), 16), true);
  header[4] = element.vr.charCodeAt(0);
  header[5] = element.vr.charCodeAt(1);
  if (header.length === 12) {
    view.setUint32(8, value.length, true);
  } else {
    if (value.length > 0xffff) throw new Fault({ code: 'dicom.write', what: 'The DICOM file was not written.', why: `The value of ${element.tag} is longer than ${element.vr} can be.`, mend: 'Shorten it.' });
    view.setUint16(6, value.length, true);
  }
  return concatenated([header, value]);
}

function valueOf(element: NewElement): Uint8Array {
  switch (element.vr) {
    case 'OB': case 'OW': case 'OF': case 'OD': case 'OV': case 'UN': return element.value;
    case 'SQ': return concatenated(element.value.flatMap((item) => {
      const content = encodeAll(item);
      return [itemHeader(0xe000, content.length), content];
    }));
    case 'DS': return utf8(list(element.value).map(decimalString).join('\\'));
    case 'IS': return utf8(list(element.value).map((value) => String(Math.trunc(value))).join('\\'));
    case 'US': case 'SS': case 'UL': case 'SL': case 'FL': case 'FD': case 'AT': return binary(element.vr, list(element.value));
    default: return utf8(list(element.value).join('\\'));
  }
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value as readonly T[] : [value as T]);

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The nearest decimal in at most 16 characters, DS's limit. */
export function decimalString(value: number): string {
  const plain = String(value);
  if (plain.length <= 16) return plain;
  for (let digits = 16; digits > 0; digits--) {
    const shorter = String(Number(value.toPrecision(digits)));
    if (shorter.length <= 16) return shorter;
    const exponent = value.toExponential(digits - 1);
    if (exponent.length <= 16) return exponent;
  }
  return '0';
}

function binary(vr: NumberVr, values: readonly number[]): Uint8Array {
  const size = sizes[vr];
  const out = new Uint8Array(values.length * size);
  const view = new DataView(out.buffer);
  values.forEach((value, i) => {
    const at = i * size;
    if (vr === 'US') view.setUint16(at, value, true);
    else if (vr === 'SS') view.setInt16(at, value, true);
    else if (vr === 'UL') view.setUint32(at, value, true);
    else if (vr === 'SL') view.setInt32(at, value, true);
    else if (vr === 'FL') view.setFloat32(at, value, true);
    else if (vr === 'FD') view.setFloat64(at, value, true);
    else {
      view.setUint16(at, value >>> 16, true);
      view.setUint16(at + 2, value & 0xffff, true);
    }
  });
  return out;
}

const padded = (value: Uint8Array, filler: number): Uint8Array => (value.length % 2 === 0 ? value : concatenated([value, Uint8Array.of(filler)]));

function itemHeader(element: number, length: number): Uint8Array {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint16(0, 0xfffe, true);
  view.setUint16(2, element, true);
  view.setUint32(4, length, true);
  return header;
}

/** Where each frame's first item begins, counted from the first item behind the offset table. */
function frameOffsets({ frames }: EncapsulatedPixels): number[] {
  let at = 0;
  return frames.map((fragments) => {
    const offset = at;
    for (const fragment of fragments) at += 8 + fragment.length + (fragment.length % 2);
    return offset;
  });
}

function words64(values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 8);
  const view = new DataView(out.buffer);
  values.forEach((value, i) => view.setBigUint64(i * 8, BigInt(value), true));
  return out;
}

function encapsulatedValue({ frames, table }: EncapsulatedPixels, offsets: readonly number[]): Uint8Array[] {
  const header = Uint8Array.of(0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff);
  const basic = table === 'basic' ? binary('UL', offsets) : new Uint8Array(0);
  return [
    header, itemHeader(0xe000, basic.length), basic,
    ...frames.flatMap((fragments) => fragments.flatMap((fragment) => {
      const even = padded(fragment, 0);
      return [itemHeader(0xe000, even.length), even];
    })),
    itemHeader(0xe0dd, 0),
  ];
}

/** Pixels to be written natively: one typed array of all frames, [frames, rows, columns, samples]. */
export interface NewPixels {
  readonly rows: number;
  readonly columns: number;
  /** 1 by default. */
  readonly frames?: number;
  readonly photometric: 'MONOCHROME1' | 'MONOCHROME2' | 'RGB';
  /** 8-bit arrays for grey or RGB, 16-bit ones for grey. */
  readonly data: Uint8Array | Uint16Array | Int16Array;
  /** All bits of the array by default. */
  readonly bitsStored?: number;
}

/** The Image Pixel elements for native pixels. Throws Fault `dicom.write` where the data do not fill the stated size. */
export function pixelElements({ rows, columns, frames = 1, photometric, data, bitsStored }: NewPixels): NewElement[] {
  const samples = photometric === 'RGB' ? 3 : 1;
  const allocated = data.BYTES_PER_ELEMENT * 8;
  const needed = rows * columns * samples * frames;
  if (data.length !== needed || rows < 1 || rows > 65535 || columns < 1 || columns > 65535 || (samples === 3 && allocated !== 8)) {
    throw new Fault({
      code: 'dicom.write', what: 'The image was not written.', why: `${frames} × ${rows} × ${columns} × ${samples} makes ${needed} values of ${allocated} bits; there are ${data.length}.`,
      mend: 'Give as many values as the size needs: 8 or 16 bits for grey, 8 for RGB.',
    });
  }
  const stored = bitsStored ?? allocated;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return [
    { tag: 'x00280002', vr: 'US', value: samples },
    { tag: 'x00280004', vr: 'CS', value: photometric },
    ...(samples === 3 ? [{ tag: 'x00280006', vr: 'US', value: 0 } as const] : []),
    ...(frames > 1 ? [{ tag: 'x00280008', vr: 'IS', value: frames } as const] : []),
    { tag: 'x00280010', vr: 'US', value: rows },
    { tag: 'x00280011', vr: 'US', value: columns },
    { tag: 'x00280100', vr: 'US', value: allocated },
    { tag: 'x00280101', vr: 'US', value: stored },
    { tag: 'x00280102', vr: 'US', value: stored - 1 },
    { tag: 'x00280103', vr: 'US', value: data instanceof Int16Array ? 1 : 0 },
    { tag: 'x7fe00010', vr: allocated > 8 ? 'OW' : 'OB', value: bytes },
  ];
}
