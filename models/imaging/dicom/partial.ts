/** A DICOM file that is read where it is needed: its header at once, a frame's bytes when that frame is wanted. For files of many tiles. */
import { Fault } from '#models/base/fault.ts';
import type { ByteSource } from '#models/imaging/tiff.ts';
import { readDicom, type DicomFile, type ImageHeader } from './dicomFile.ts';
import { element, rawBytes, type Element } from './elements.ts';
import { byOffsets, locateFrames, offsetsIn, type Extent, type FrameLocations } from './fragments.ts';
import { decodeFrame, type StoredFrame } from './frame.ts';

export interface PartialDicom {
  /** Its data set's bytes end where the pixels begin; it has no locations, and takes all its frames for whole. */
  readonly file: DicomFile;
  readonly source: ByteSource;
  /** Where each frame lies in the source; found when first asked for, which may take a walk through the whole file. */
  locations(): Promise<FrameLocations>;
  /** The pieces of one compressed frame: by the file's offset table where that holds true, else as `locations` says. Undefined where it is not there, null in a file without compression. */
  pieces(index: number): Promise<readonly Extent[] | undefined | null>;
}

const firstRead = 1 << 20;
/** Functional groups of a hundred thousand tiles take some 60 MB; nothing honest comes near this. */
const mostHeader = 512 << 20;

/** Reads the header. Throws as `readDicom` does, the image's own fault, and `dicom.unsupported` for what has to be read whole: a deflated data set. */
export async function openDicom(source: ByteSource): Promise<PartialDicom> {
  for (let length = firstRead; ; length *= 4) {
    const file = readDicom(await source.read(0, Math.min(length, source.size)));
    if (file.transferSyntax?.deflated) throw unsupported('Its data set is deflated as a whole.');
    const value = element(file.dataSet, 'x7fe00010');
    if (file.image && value) return partial(file, file.image, value, source);
    if (length >= source.size || length >= mostHeader) throw file.imageFault ?? unsupported('Its pixels are not stored as whole numbers.');
  }
}

const unsupported = (why: string): Fault => new Fault({ code: 'dicom.unsupported', what: 'The file cannot be read in parts.', why, mend: 'Export it again as Explicit VR Little Endian, JPEG or JPEG 2000.' });

function partial(file: DicomFile, image: ImageHeader, value: Element, source: ByteSource): PartialDicom {
  const { dataSet } = file;
  // The groups of the frames are read before the bytes behind the header are let go.
  file.frameGroups();
  const extended = element(dataSet, 'x7fe00001') ? rawBytes(dataSet, 'x7fe00001').slice() : null;
  let found: Promise<FrameLocations> | undefined;
  let table: Promise<OffsetTable | null> | undefined;
  const locations = (): Promise<FrameLocations> => found ??= value.undefinedLength ? locateFragments(source, value.offset, { frames: image.frames, extended })
    : Promise.resolve(locateFrames({ dataSet, value: { ...value, length: Math.min(value.statedLength, source.size - value.offset) }, header: image, statedFrames: image.frames, encapsulated: false }));
  return {
    source, locations,
    async pieces(index) {
      if (!value.undefinedLength) return null;
      const offsets = found ? null : await (table ??= offsetTable(source, value.offset, { frames: image.frames, extended }));
      const pieces = offsets && await piecesByTable(source, offsets, index);
      if (pieces) return pieces;
      const all = await locations();
      return all.kind === 'encapsulated' ? all.frames[index] : undefined;
    },
    file: {
      ...file, locations: null, wholeFrames: image.frames, dataSet: { ...dataSet, bytes: dataSet.bytes.slice(0, value.offset) },
      // What is said to be cut was cut by our reading of a part.
      notes: file.notes.filter(({ code }) => code !== 'dicom.truncated'),
    },
  };
}

interface OffsetTable {
  /** Where the first frame's first item begins, and each frame's counted from there; rising. */
  readonly first: number;
  readonly offsets: readonly number[];
}

/** The offset table of encapsulated pixels; null where it is absent, or says what cannot be. */
async function offsetTable(source: ByteSource, start: number, { frames, extended }: { readonly frames: number; readonly extended: Uint8Array | null }): Promise<OffsetTable | null> {
  const item = await itemAt(source, start);
  if (item === null) return null;
  const offsets = extended ? offsetsIn(extended, 8) : offsetsIn(await source.read(start + 8, Math.min(item, 4 * frames)), 4);
  const isRising = offsets.every((offset, i) => (i === 0 ? offset === 0 : offset > (offsets[i - 1] as number)));
  return offsets.length === frames && isRising ? { first: start + 8 + item, offsets } : null;
}

/** The items from one frame's offset up to the next one's; null where they do not end exactly there. */
async function piecesByTable(source: ByteSource, { first, offsets }: OffsetTable, index: number): Promise<readonly Extent[] | null> {
  const offset = offsets[index];
  if (offset === undefined) return null;
  const next = offsets[index + 1];
  const end = next === undefined ? source.size : first + next;
  const pieces: Extent[] = [];
  let at = first + offset;
  while (at < end) {
    const length = await itemAt(source, at);
    // Behind the last frame stands the delimiter.
    if (length === null && next === undefined && pieces.length > 0) return pieces;
    if (length === null || at + 8 + length > end || pieces.length >= mostFragments) return null;
    pieces.push({ offset: at + 8, length });
    at += 8 + length;
  }
  return at === end && pieces.length > 0 ? pieces : null;
}

/** The length of the item that begins here; null where none does. */
async function itemAt(source: ByteSource, at: number): Promise<number | null> {
  const header = await source.read(at, 8);
  if (header.length < 8) return null;
  const view = new DataView(header.buffer, header.byteOffset, 8);
  const length = view.getUint32(4, true);
  return view.getUint32(0, true) === 0xe000fffe && length !== 0xffffffff ? length : null;
}

const chunk = 1 << 18;
const mostFragments = 1_000_000;

/** Walks the items of encapsulated pixels through the file, a chunk at a time. */
async function locateFragments(source: ByteSource, start: number, { frames, extended }: { readonly frames: number; readonly extended: Uint8Array | null }): Promise<FrameLocations> {
  let held = { from: 0, bytes: new Uint8Array(0) };
  const headerAt = async (at: number): Promise<DataView | null> => {
    if (at < held.from || at + 8 > held.from + held.bytes.length) held = { from: at, bytes: Uint8Array.from(await source.read(at, chunk)) };
    return at + 8 <= held.from + held.bytes.length ? new DataView(held.bytes.buffer, at - held.from, 8) : null;
  };
  const items: { offset: number; length: number; itemOffset: number; whole: boolean }[] = [];
  let end: 'delimiter' | 'cut' | 'broken' = 'cut';
  for (let at = start; ;) {
    const header = await headerAt(at);
    if (!header) break;
    const [group, number, length] = [header.getUint16(0, true), header.getUint16(2, true), header.getUint32(4, true)];
    if (group === 0xfffe && number === 0xe0dd) {
      end = 'delimiter';
      break;
    }
    if (group !== 0xfffe || number !== 0xe000 || length === 0xffffffff || items.length >= mostFragments) {
      end = 'broken';
      break;
    }
    if (at + 8 + length > source.size) break;
    items.push({ offset: at + 8, length, itemOffset: at, whole: true });
    at += 8 + length;
  }
  const [table, ...fragments] = items;
  const groups: readonly (readonly Extent[])[] = fragments.length <= frames || !table ? fragments.map((fragment) => [fragment])
    : byOffsets(fragments, extended ? offsetsIn(extended, 8) : offsetsIn(await source.read(table.offset, table.length), 4), table.offset + table.length) ?? [];
  return { kind: 'encapsulated', frames: groups, cut: [], whole: groups.length, missing: end === 'delimiter' ? null : end === 'cut' ? 'the file ends inside the pixel data' : 'the chain of fragments is broken' };
}

/** The bytes of a compressed frame as they are stored; null where the frame is not compressed, or lies in pieces. Throws `dicom.truncated`. */
export async function packedFrame({ source, ...part }: PartialDicom, index: number): Promise<Uint8Array | null> {
  const pieces = await part.pieces(index);
  if (pieces === null) return null;
  const [first, ...more] = pieces ?? [];
  if (!first) throw missing(index);
  return more.length > 0 ? null : wholly(source, first, index);
}

/** Decodes frame `index` (from 0) as `decodeFrame` does, reading its bytes alone. */
export async function decodePartialFrame({ file, source, ...part }: PartialDicom, index: number): Promise<StoredFrame> {
  const extents = await part.pieces(index);
  if (extents === null) {
    const locations = await part.locations();
    if (locations.kind !== 'native') throw missing(index);
    const { value, frameBits } = locations;
    const from = Math.floor((index * frameBits) / 8);
    const bytes = await wholly(source, { offset: value.offset + from, length: Math.min(value.length, Math.ceil(((index + 1) * frameBits) / 8)) - from }, index);
    if ((index * frameBits) % 8 !== 0) throw unsupported('Its frames do not begin on whole bytes.');
    return decodeFrame(alone(file, bytes, { ...locations, value: { offset: 0, length: bytes.length } }), 0);
  }
  if (!extents) throw missing(index);
  const parts = await Promise.all(extents.map((extent) => wholly(source, extent, index)));
  let at = 0;
  const placed = parts.map(({ length }) => {
    const extent = { offset: at, length };
    at += length;
    return extent;
  });
  const bytes = new Uint8Array(at);
  placed.forEach(({ offset }, i) => bytes.set(parts[i] as Uint8Array, offset));
  return decodeFrame(alone(file, bytes, { kind: 'encapsulated', frames: [placed], cut: [], whole: 1, missing: null }), 0);
}

/** The file as if it had this one frame and no other bytes. */
const alone = (file: DicomFile, bytes: Uint8Array, locations: FrameLocations): DicomFile =>
  ({ ...file, locations, wholeFrames: 1, image: file.image && { ...file.image, frames: 1 }, dataSet: { ...file.dataSet, bytes } });

async function wholly(source: ByteSource, { offset, length }: Extent, index: number): Promise<Uint8Array> {
  const bytes = length > 0 ? await source.read(offset, length) : new Uint8Array(0);
  if (bytes.length < length || length <= 0) throw missing(index);
  return bytes;
}

const missing = (index: number): Fault => new Fault({
  code: 'dicom.truncated', what: `Frame ${index + 1} cannot be shown.`, why: 'Its bytes are not in the file.', mend: 'Copy or export the file again: a part of it was lost on the way.',
});
