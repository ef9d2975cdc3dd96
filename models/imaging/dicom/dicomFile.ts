/** Reads a DICOM file: its elements, its image description and what is wrong with it. Pixels are decoded later, frame by frame. */
import { Fault } from '#models/base/fault.ts';
import type { FaultFields } from '#models/base/fault.ts';
import { element, firstNumber, firstText, has, items, numbers, parseElements, spell, text, texts } from './elements.ts';
import type { DataSet, Tag } from './elements.ts';
import { locateFrames } from './fragments.ts';
import type { FrameLocations } from './fragments.ts';
import { inflate } from './inflate.ts';
import { explicitBigEndian, explicitLittleEndian, implicitLittleEndian, transferSyntaxName, transferSyntaxOf } from './transferSyntax.ts';
import type { TransferSyntax } from './transferSyntax.ts';

/** How the pixels are described by the file. */
export interface ImageHeader {
  readonly rows: number;
  readonly columns: number;
  /** As stated, or as many as the pixel data hold where the statement is no number. */
  readonly frames: number;
  readonly samples: number;
  readonly photometric: string;
  /** 0: a pixel's samples lie together; 1: plane after plane. */
  readonly planar: 0 | 1;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly kind: 'integer' | 'float32' | 'float64';
}

export interface DicomFile {
  readonly hasPreamble: boolean;
  /** As stated in the file meta information; null where nothing is stated. */
  readonly transferSyntaxUid: string | null;
  /** The syntax that is in effect; null where the stated one is not decoded here. */
  readonly transferSyntax: TransferSyntax | null;
  /** How the elements are encoded, as found. */
  readonly encoding: { readonly explicit: boolean; readonly littleEndian: boolean };
  readonly meta: DataSet | null;
  readonly dataSet: DataSet;
  /** Null where the file carries no image or its description cannot be used: `imageFault` then says why. */
  readonly image: ImageHeader | null;
  readonly imageFault: Fault | null;
  /** Where each frame's bytes lie; null where there is no image. */
  readonly locations: FrameLocations | null;
  /** Frames whose bytes are all there; at most `image.frames`. */
  readonly wholeFrames: number;
  /** The functional groups of each frame (5200,9230), read when first asked for; [] where there are none. */
  frameGroups(): readonly DataSet[];
  /** Damage and contradictions that were found, each with a stable code. */
  readonly notes: readonly FaultFields[];
}

const maximumFrames = 1_000_000;
const reexport = 'Export the file again from where it came; if it stays so, its writer is at fault.';

/** Makes a note or a fault of the DICOM reader. */
const noted = (code: string, what: string, why: string, mend = reexport): FaultFields => ({ code, what, why, mend });

/**
 * Reads everything but the pixels. Throws Fault `dicom.unrecognised` for bytes that are not DICOM and `dicom.limits` for absurd ones;
 * other damage is told in `notes`, and what could be read is there.
 */
export function readDicom(bytes: Uint8Array): DicomFile {
  const notes: FaultFields[] = [];
  const start = findStart(bytes);
  const meta = start.metaAt === null ? null : parseElements(bytes, { explicit: true, littleEndian: true, position: start.metaAt, onlyGroup: 0x0002 });
  const transferSyntaxUid = (meta && firstText(meta.dataSet, 'x00020010')?.replace(/[^0-9.]/g, '')) || null;
  const at = meta ? meta.position : 0;
  if (meta?.damage) notes.push(noted('dicom.truncated', 'The file meta information is damaged.', `Reading it ended early: ${meta.damage}.`));
  if (meta && !transferSyntaxUid) {
    notes.push(noted('dicom.noTransferSyntax', 'The file does not state its transfer syntax.', 'Element (0002,0010) is absent, so the encoding was recognised from the bytes.'));
  }

  const stated = transferSyntaxUid ? transferSyntaxOf(transferSyntaxUid) : undefined;
  let body = bytes;
  let position = at;
  if (stated?.deflated) {
    const inflated = inflate(bytes.subarray(at));
    if (inflated.damaged) notes.push(noted('dicom.truncated', 'The deflated data set is damaged.', 'The deflate stream breaks off or contradicts itself.'));
    body = inflated.bytes;
    position = 0;
  }

  const encoding = meta ? encodingBehindMeta(body, position, stated ?? null) : encodingAt(body, position) ?? { explicit: true, littleEndian: true };
  // A syntax that is not known here is explicit little endian outside, as every syntax since the second is.
  const expected = stated ?? (transferSyntaxUid ? explicitLittleEndian : null);
  if (expected && (expected.explicit !== encoding.explicit || expected.littleEndian !== encoding.littleEndian)) {
    notes.push(noted('dicom.encodingMismatch', 'The data set is not encoded as its transfer syntax says.', `It states ${expected.name} but begins ${describeEncoding(encoding)}; it was read as found.`));
  }
  const { dataSet, damage } = parseElements(body, { ...encoding, position, untilTag: 'x7fe00010' });
  if (damage) notes.push(noted('dicom.truncated', 'The data set is damaged.', `Reading it ended early: ${damage}. What came before was kept.`));
  if (start.metaAt === null && Object.keys(dataSet.parsed).length < 2) throw unrecognised('Its first bytes look like a data set, but no elements follow.');

  const inEffect = stated ?? (transferSyntaxUid ? null : nativeSyntax(encoding));
  const image = describeImage({ dataSet, sopClass: sopClassOf(dataSet, meta?.dataSet), transferSyntax: inEffect, transferSyntaxUid, notes });
  let groups: readonly DataSet[] | null = null;
  const frameGroups = (): readonly DataSet[] => (groups ??= items(dataSet, 'x52009230'));
  return {
    frameGroups, hasPreamble: start.hasPreamble, transferSyntaxUid, transferSyntax: inEffect, encoding, meta: meta?.dataSet ?? null, dataSet, notes, ...image,
  };
}

const nativeSyntax = ({ explicit, littleEndian }: { explicit: boolean; littleEndian: boolean }): TransferSyntax =>
  !littleEndian ? explicitBigEndian : explicit ? explicitLittleEndian : implicitLittleEndian;

const describeEncoding = ({ explicit, littleEndian }: { explicit: boolean; littleEndian: boolean }): string =>
  `${explicit ? 'with explicit' : 'with implicit'} value representations, ${littleEndian ? 'little' : 'big'} endian`;

const sopClassOf = (dataSet: DataSet, meta: DataSet | undefined): string | undefined =>
  firstText(dataSet, 'x00080016') ?? (meta && firstText(meta, 'x00020002'));

const unrecognised = (why: string): Fault => new Fault({
  code: 'dicom.unrecognised',
  what: 'The file cannot be read as DICOM.',
  why,
  mend: 'Check that this is a DICOM file; if it is, it is damaged at its beginning and has to be exported again.',
});

interface Start {
  readonly hasPreamble: boolean;
  /** Where group 0002 begins; null where the file has none. */
  readonly metaAt: number | null;
}

/** A file begins with preamble and DICM, with group 0002 at once, or with the data set itself. */
function findStart(bytes: Uint8Array): Start {
  if (bytes.length >= 132 && bytes[128] === 0x44 && bytes[129] === 0x49 && bytes[130] === 0x43 && bytes[131] === 0x4d) {
    return { hasPreamble: true, metaAt: 132 };
  }
  if (bytes.length >= 8 && bytes[0] === 2 && bytes[1] === 0 && isRepresentation(bytes, 4)) return { hasPreamble: false, metaAt: 0 };
  if (!encodingAt(bytes, 0)) throw unrecognised('It has neither the mark DICM at byte 128 nor a data set at its beginning.');
  return { hasPreamble: false, metaAt: null };
}

const representations = new Set(
  'AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV'.split(' '));

const isRepresentation = (bytes: Uint8Array, at: number): boolean =>
  representations.has(String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0));

/** How the data set behind the meta information is encoded: its first element shows whether it has representations, the syntax the byte order. */
function encodingBehindMeta(bytes: Uint8Array, at: number, stated: TransferSyntax | null): { explicit: boolean; littleEndian: boolean } {
  if (at + 8 > bytes.length) return stated ?? explicitLittleEndian;
  const explicit = isRepresentation(bytes, at + 4);
  const guess = encodingAt(bytes, at);
  if (explicit && guess?.explicit) return guess;
  return { explicit, littleEndian: explicit ? stated?.littleEndian ?? true : true };
}

/** How the element at `at` is encoded; null where no data set can begin so. */
function encodingAt(bytes: Uint8Array, at: number): { explicit: boolean; littleEndian: boolean } | null {
  if (at + 8 > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  // Data sets begin in group 0008, directories in 0004, old ones with group lengths, a bare pixel object in 0028.
  const plausible = (group: number): boolean => group <= 0x0028 && group % 2 === 0;
  const explicit = isRepresentation(bytes, at + 4);
  if (explicit && plausible(view.getUint16(0, true))) return { explicit, littleEndian: true };
  if (explicit && plausible(view.getUint16(0, false))) return { explicit, littleEndian: false };
  const length = view.getUint32(4, true);
  if (plausible(view.getUint16(0, true)) && (length <= bytes.length - at - 8 || length === 0xffffffff)) return { explicit: false, littleEndian: true };
  return null;
}

/** Storage classes, by the beginning of their UID, whose objects carry no image. */
const imageless = ['1.2.840.10008.1.3.10', ...['88.', '481.3', '481.4', '481.5', '481.6', '481.7', '481.8', '481.9', '66.1', '66.2', '66.3', '66.5', '11.', '104.', '9.'].map(
  (ending) => `1.2.840.10008.5.1.4.1.1.${ending}`), '1.2.840.10008.5.1.4.1.1.66'];

const isImageless = (sopClass: string | undefined): boolean =>
  sopClass !== undefined && imageless.some((prefix) => sopClass === prefix || (sopClass.startsWith(prefix) && prefix !== '1.2.840.10008.5.1.4.1.1.66'));

type ImagePart = Pick<DicomFile, 'image' | 'imageFault' | 'locations' | 'wholeFrames'>;

interface ImageQuestion {
  readonly dataSet: DataSet;
  readonly sopClass: string | undefined;
  readonly transferSyntax: TransferSyntax | null;
  readonly transferSyntaxUid: string | null;
  readonly notes: FaultFields[];
}

/** Reads the image description and finds the frames; faults become `imageFault`, slips become notes. */
function describeImage({ dataSet, sopClass, transferSyntax, transferSyntaxUid, notes }: ImageQuestion): ImagePart {
  const none = (fields: FaultFields): ImagePart => ({ image: null, imageFault: new Fault(fields), locations: null, wholeFrames: 0 });
  const pixelTag = (['x7fe00010', 'x7fe00008', 'x7fe00009'] as const).find((tag) => has(dataSet, tag) && (element(dataSet, tag)?.statedLength ?? 0) > 0);
  if (!pixelTag) {
    const cut = notes.find(({ code }) => code === 'dicom.truncated');
    if (cut && !isImageless(sopClass)) return none({ ...cut, what: 'The image is missing.', why: `${cut.why} No pixel data came before.` });
    return none(noted('dicom.noImage', 'The file carries no image.', `It has no pixel data${sopClass ? `; its SOP class is ${sopClass}` : ''}.`, 'Open one of the images of its study instead.'));
  }
  if (!has(dataSet, 'x00280010') && !has(dataSet, 'x00280011')) {
    return none(noted('dicom.noImage', 'The file carries no image.', 'It has pixel data but neither rows nor columns.', 'Open one of the images of its study instead.'));
  }
  const description = readHeader(dataSet, pixelTag, notes);
  if (description instanceof Fault) return { image: null, imageFault: description, locations: null, wholeFrames: 0 };
  if (!transferSyntax) {
    const uid = transferSyntaxUid ?? '';
    return none(noted('dicom.transferSyntax', 'The pixels cannot be decoded.', `They use the transfer syntax ${uid} (${transferSyntaxName(uid)}), which is not decoded yet.`,
      'Export the file from the archive as Explicit VR Little Endian or JPEG 2000.'));
  }
  const value = element(dataSet, pixelTag);
  if (!value) return none(noted('dicom.noImage', 'The file carries no image.', 'It has no pixel data.'));

  const { header: unframed, statedFrames } = description;
  const located = locateFrames({ dataSet, value, header: unframed, statedFrames, encapsulated: value.undefinedLength });
  const frames = statedFrames ?? Math.max(1, located.whole);
  if (frames > maximumFrames) {
    return none(noted('dicom.limits', 'The image was not read.', `It states ${frames} frames; at most ${maximumFrames} are read.`));
  }
  const wholeFrames = Math.min(located.whole, frames);
  if (wholeFrames === frames && located.missing) {
    notes.push(noted('dicom.truncated', 'The pixel data have no proper end.', `All frames were found, but ${located.missing}.`));
  }
  if (wholeFrames < frames) {
    notes.push(noted('dicom.truncated', 'The pixel data are cut short.', `${wholeFrames} of ${frames} ${frames === 1 ? 'frame is' : 'frames are'} whole${located.missing ? `: ${located.missing}` : ''}.`));
  }
  return { image: { ...unframed, frames }, imageFault: null, locations: located, wholeFrames };
}

interface Description {
  readonly header: Omit<ImageHeader, 'frames'>;
  /** Null where the statement is no number. */
  readonly statedFrames: number | null;
}

function readHeader(dataSet: DataSet, pixelTag: Tag, notes: FaultFields[]): Description | Fault {
  const integer = (tag: Tag): number | undefined => firstNumber(dataSet, tag, 'US');
  const wrong = (why: string): Fault => new Fault(noted('dicom.header', 'The image cannot be decoded.', why));
  const rows = integer('x00280010');
  const columns = integer('x00280011');
  if (!rows || !columns || rows < 1 || columns < 1) return wrong(`Its size is stated as ${rows ?? 'nothing'} rows by ${columns ?? 'nothing'} columns.`);
  const kind = pixelTag === 'x7fe00008' ? 'float32' : pixelTag === 'x7fe00009' ? 'float64' : 'integer';
  const samples = integer('x00280002') ?? 1;
  if (samples < 1 || samples > 4) return wrong(`It states ${samples} samples for each pixel; 1 to 4 are decoded.`);
  const bitsAllocated = kind === 'float32' ? 32 : kind === 'float64' ? 64 : integer('x00280100') ?? 0;
  if (kind === 'integer' && (bitsAllocated < 1 || bitsAllocated > 32)) return wrong(`It states ${bitsAllocated} allocated bits; 1 to 32 are decoded.`);
  let bitsStored = kind === 'integer' ? integer('x00280101') ?? bitsAllocated : bitsAllocated;
  if (bitsStored < 1 || bitsStored > bitsAllocated) {
    notes.push(noted('dicom.badValue', 'Bits Stored (0028,0101) was not used.', `It says ${bitsStored}, outside 1 to the ${bitsAllocated} bits allocated.`));
    bitsStored = bitsAllocated;
  }
  let highBit = kind === 'integer' ? integer('x00280102') ?? bitsStored - 1 : bitsStored - 1;
  if (highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    notes.push(noted('dicom.badValue', 'High Bit (0028,0102) was not used.', `It says ${highBit}, which does not fit ${bitsStored} stored in ${bitsAllocated} allocated bits.`));
    highBit = bitsStored - 1;
  }
  const photometric = firstText(dataSet, 'x00280004')?.toUpperCase() ?? (samples === 3 ? 'RGB' : 'MONOCHROME2');
  const framesText = text(dataSet, 'x00280008');
  let statedFrames: number | null = 1;
  if (has(dataSet, 'x00280008') && framesText !== '') {
    const value = numbers(dataSet, 'x00280008', 'IS')[0];
    statedFrames = value !== undefined && Number.isInteger(value) && value >= 1 ? value : null;
    if (statedFrames === null) {
      notes.push(noted('dicom.badValue', `Number of Frames ${spell('x00280008')} was not used.`, `It says '${framesText.slice(0, 40)}', which is no count; the frames were counted in the pixel data.`));
    }
  }
  return {
    header: {
      rows, columns, samples, photometric, planar: integer('x00280006') === 1 ? 1 : 0, bitsAllocated, bitsStored, highBit,
      signed: kind === 'integer' && integer('x00280103') === 1, kind,
    },
    statedFrames,
  };
}

/** A person's name, its component groups parted by '='; empty groups at its end are left out. */
export const personName = (dataSet: DataSet, tag: Tag): string => text(dataSet, tag, { personName: true }).trim().replace(/=+$/, '');

/** The specific character sets as written, empty first value included; null where absent. */
export const characterSets = (dataSet: DataSet): readonly string[] | null => (has(dataSet, 'x00080005') ? texts(dataSet, 'x00080005') : null);
