/** Decodes one frame to its stored values: no rescale, window, palette or colour conversion. */
import { Fault } from '#models/base/fault.ts';
import { damagedStream, unsupportedStream } from './codecFault.ts';
import type { DecodedStream, ExpectedFrame } from './codecFault.ts';
import { decodeHtj2k, decodeJpeg2000, decodeJpegLs } from './codecs.ts';
import type { DicomFile, ImageHeader } from './dicomFile.ts';
import type { Extent, FrameLocations } from './fragments.ts';
import { decodeJpeg } from './jpeg.ts';
import { decodeRle } from './rle.ts';
import type { PixelCodec } from './transferSyntax.ts';

export type StoredValues = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

export interface StoredFrame {
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  /** What the samples mean now: JPEG 2000's colour transforms are undone, subsampled chroma is brought to full size. */
  readonly photometric: string;
  /** Interleaved samples, [rows, columns, samples]. */
  readonly data: StoredValues;
  /** Values that could be read; less than all only where `partial` was asked for. The rest are zero. */
  readonly present: number;
}

const maximumFrameBytes = 1 << 28;

/**
 * Decodes frame `index` (from 0). Throws the file's `imageFault` where there is no image, and Faults `dicom.frame` (no such frame),
 * `dicom.truncated`, `dicom.limits` and those of the decoders. With `partial`, the frame in which the file was cut is given as far as it goes,
 * where its coding lets it.
 */
export async function decodeFrame(file: DicomFile, index: number, { partial = false } = {}): Promise<StoredFrame> {
  const { image, locations, transferSyntax } = file;
  if (!image || !locations || !transferSyntax) throw file.imageFault ?? new TypeError('a file without an image has to say why');
  if (!Number.isInteger(index) || index < 0 || index >= image.frames) {
    throw new Fault({ code: 'dicom.frame', what: `Frame ${index + 1} cannot be shown.`, why: `The image has ${image.frames} frames.`, mend: 'Choose one of them.' });
  }
  checkFrameSize(image);
  return locations.kind === 'native' ? decodeNative(file, image, locations, index, partial) : decodeEncapsulated(file, image, { locations, index, codec: transferSyntax.codec, partial });
}

function checkFrameSize({ rows, columns, samples, bitsAllocated }: ImageHeader): void {
  const bytes = rows * columns * samples * outputBytes(bitsAllocated);
  if (bytes <= maximumFrameBytes) return;
  throw new Fault({
    code: 'dicom.limits', what: 'The frame was not decoded.',
    why: `${rows} × ${columns} pixels of ${samples} × ${bitsAllocated} bits are more than the ${maximumFrameBytes / 1024 / 1024} MB that are decoded at once.`,
    mend: 'If the size is genuine, export the image in tiles or at a lower resolution.',
  });
}

const outputBytes = (bits: number): number => (bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8);

const truncated = (why: string): Fault => new Fault({
  code: 'dicom.truncated', what: 'The frame cannot be shown whole.', why, mend: 'Copy or export the file again: a part of it was lost on the way.',
});

type Native = Extract<FrameLocations, { kind: 'native' }>;
type Encapsulated = Extract<FrameLocations, { kind: 'encapsulated' }>;

function decodeNative(file: DicomFile, image: ImageHeader, locations: Native, index: number, partial: boolean): StoredFrame {
  const { value, frameBits, subsampled } = locations;
  const startBit = index * frameBits;
  const availableBits = Math.max(0, Math.min(frameBits, value.length * 8 - startBit));
  if (availableBits < frameBits && (!partial || availableBits <= 0)) {
    throw truncated(`${Math.floor(availableBits / 8)} of its ${Math.ceil(frameBits / 8)} bytes are in the file.`);
  }
  const { bytes, littleEndian } = file.dataSet;
  const { rows, columns, samples, bitsAllocated } = image;
  const words = Math.floor(availableBits / bitsAllocated);
  const total = Math.floor(frameBits / bitsAllocated);
  if (bitsAllocated % 8 !== 0) {
    const source = bytes.subarray(value.offset, value.offset + value.length);
    const packed = unpackBits(source, { startBit, count: words, bits: bitsAllocated });
    return finish(image, ordered(padTo(packed, total), image), words);
  }
  const from = value.offset + startBit / 8;
  const source = bytes.subarray(from, from + (words * bitsAllocated) / 8);
  // Words of two bytes hold eight-bit samples too where the value is OW, and big endian swaps them.
  const swappedPairs = !littleEndian && bitsAllocated === 8 && file.dataSet.parsed['x7fe00010']?.vr === 'OW';
  const typed = toWords(swappedPairs ? swapPairs(bytes, value, from, source.length) : source, image, { littleEndian, total });
  if (subsampled) return finish(image, repeatChroma(typed, { rows, columns }), Math.floor(words / 4) * 6);
  return finish(image, samples > 1 && image.planar === 1 ? interleavePlanes(typed, samples) : typed, words);
}

const ordered = (data: StoredValues, image: ImageHeader): StoredValues => (image.samples > 1 && image.planar === 1 ? interleavePlanes(data, image.samples) : data);

function padTo(data: Uint8Array | Uint16Array | Uint32Array, total: number): StoredValues {
  if (data.length === total) return data;
  const out = data instanceof Uint8Array ? new Uint8Array(total) : data instanceof Uint16Array ? new Uint16Array(total) : new Uint32Array(total);
  out.set(data);
  return out;
}

/** Values of `bits` bits that lie end to end, least significant bit first: one-bit segmentations, twelve-bit images. */
function unpackBits(bytes: Uint8Array, { startBit, count, bits }: { startBit: number; count: number; bits: number }): Uint8Array | Uint16Array | Uint32Array {
  const out = bits <= 8 ? new Uint8Array(count) : bits <= 16 ? new Uint16Array(count) : new Uint32Array(count);
  if (bits === 1) {
    for (let i = 0, bit = startBit; i < count; i++, bit++) out[i] = (bytes[bit >> 3]! >> (bit & 7)) & 1;
    return out;
  }
  if (bits === 12) {
    for (let i = 0, at = startBit / 8; i < count; i++, at += 1.5) {
      const byte = Math.floor(at);
      out[i] = byte === at ? bytes[byte]! | ((bytes[byte + 1]! & 15) << 8) : (bytes[byte]! >> 4) | (bytes[byte + 1]! << 4);
    }
    return out;
  }
  for (let i = 0, bit = startBit; i < count; i++, bit += bits) {
    let value = 0;
    for (let taken = 0; taken < bits;) {
      const at = bit + taken;
      const within = at % 8;
      const take = Math.min(8 - within, bits - taken);
      value += ((bytes[Math.floor(at / 8)]! >> within) & ((1 << take) - 1)) * 2 ** taken;
      taken += take;
    }
    out[i] = value;
  }
  return out;
}

/** `length` bytes from `from` with the two bytes of each word exchanged; words are counted from the value's beginning. */
function swapPairs(bytes: Uint8Array, value: Extent, from: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const at = from - value.offset + i;
    out[i] = bytes[value.offset + (at ^ 1)] ?? 0;
  }
  return out;
}

/** Bytes as numbers of the image's allocated size, `total` of them; what the bytes do not reach is zero. */
function toWords(bytes: Uint8Array, { bitsAllocated, kind }: ImageHeader, { littleEndian, total }: { littleEndian: boolean; total: number }): StoredValues {
  const size = bitsAllocated / 8;
  if (size === 3) {
    const view = Uint32Array.from({ length: total }, (_, i) => {
      const [a, b, c] = [bytes[i * 3] ?? 0, bytes[i * 3 + 1] ?? 0, bytes[i * 3 + 2] ?? 0];
      return littleEndian ? a | (b << 8) | (c << 16) : (a << 16) | (b << 8) | c;
    });
    return view;
  }
  const copy = new Uint8Array(total * size);
  copy.set(bytes.subarray(0, copy.length));
  if (!littleEndian) reverseWords(copy, size);
  if (kind === 'float32') return new Float32Array(copy.buffer);
  if (kind === 'float64') return new Float64Array(copy.buffer);
  return size === 1 ? copy : size === 2 ? new Uint16Array(copy.buffer) : new Uint32Array(copy.buffer);
}

/** Turns the bytes of each word of 2, 4 or 8 round, in place. */
function reverseWords(bytes: Uint8Array, size: number): void {
  for (let at = 0; at + size <= bytes.length && size > 1; at += size) {
    for (let low = at, high = at + size - 1; low < high; low++, high--) {
      const byte = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = byte;
    }
  }
}

/** Y1 Y2 Cb Cr for each two pixels becomes Y Cb Cr for each. */
function repeatChroma(data: StoredValues, { rows, columns }: { rows: number; columns: number }): StoredValues {
  const out = data instanceof Uint16Array ? new Uint16Array(rows * columns * 3) : new Uint8Array(rows * columns * 3);
  let from = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x += 2, from += 4) {
      const at = (y * columns + x) * 3;
      const [cb, cr] = [data[from + 2]!, data[from + 3]!];
      out[at] = data[from]!;
      out[at + 1] = cb;
      out[at + 2] = cr;
      if (x + 1 >= columns) continue;
      out[at + 3] = data[from + 1]!;
      out[at + 4] = cb;
      out[at + 5] = cr;
    }
  }
  return out;
}

function interleavePlanes(planes: StoredValues, samples: number): StoredValues {
  const out = planes.slice();
  const pixels = planes.length / samples;
  for (let s = 0; s < samples; s++) for (let i = 0, at = s; i < pixels; i++, at += samples) out[at] = planes[s * pixels + i]!;
  return out;
}

interface EncapsulatedQuestion {
  readonly locations: Encapsulated;
  readonly index: number;
  readonly codec: PixelCodec;
  readonly partial: boolean;
}

async function decodeEncapsulated(file: DicomFile, image: ImageHeader, { locations, index, codec, partial }: EncapsulatedQuestion): Promise<StoredFrame> {
  const cut = partial && index === locations.frames.length && locations.cut.length > 0;
  const fragments = cut ? locations.cut : locations.frames[index];
  if (!fragments) throw truncated(`Its compressed bytes are missing: ${locations.missing ?? 'the pixel data hold fewer frames than stated'}.`);
  const stream = join(file.dataSet.bytes, fragments);
  const { rows, columns, samples, bitsAllocated } = image;
  const expected: ExpectedFrame = { rows, columns, samples, bitsAllocated, partial: cut };
  const count = rows * columns * samples;
  switch (codec) {
    case 'native': {
      if (stream.length * 8 < count * bitsAllocated) throw damagedStream('It is shorter than the stated size.');
      const words = bitsAllocated % 8 === 0 ? toWords(stream, image, { littleEndian: true, total: count }) : unpackBits(stream, { startBit: 0, count, bits: bitsAllocated });
      return finish(image, ordered(words, image), count);
    }
    case 'rle': return finish(image, decodeRleFrame(stream, image, count), count);
    case 'jpeg': case 'jpegLossless': return fromStream(image, decodeJpeg(stream, expected));
    case 'jpegLs': return fromStream(image, await decodeJpegLs(stream, expected));
    case 'jpeg2000': return fromStream(image, await decodeJpeg2000(stream, expected));
    case 'htj2k': return fromStream(image, await decodeHtj2k(stream, expected));
  }
}

function decodeRleFrame(stream: Uint8Array, image: ImageHeader, count: number): StoredValues {
  const { samples, bitsAllocated } = image;
  if (bitsAllocated === 1) {
    const packed = decodeRle(stream, { pixels: Math.ceil(count / 8), samples: 1, bytesPerSample: 1 });
    return unpackBits(packed, { startBit: 0, count, bits: 1 });
  }
  if (bitsAllocated % 8 !== 0) throw unsupportedStream(`Run-length coding of ${bitsAllocated} allocated bits is not defined.`);
  const unpacked = decodeRle(stream, { pixels: count / samples, samples, bytesPerSample: bitsAllocated / 8 });
  return toWords(unpacked, image, { littleEndian: true, total: count });
}

function join(bytes: Uint8Array, fragments: readonly Extent[]): Uint8Array {
  const [first] = fragments;
  if (first && fragments.length === 1) return bytes.subarray(first.offset, first.offset + first.length);
  const out = new Uint8Array(fragments.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const { offset, length } of fragments) {
    out.set(bytes.subarray(offset, offset + length), at);
    at += length;
  }
  return out;
}

/** Brings a decoder's samples to the image's allocated size and settles what its colours mean. */
function fromStream(image: ImageHeader, { data, precision, colour, rows }: DecodedStream): StoredFrame {
  const bits = Math.max(image.bitsStored, precision);
  const wide = image.bitsAllocated <= 8 ? (data instanceof Uint8Array ? data : Uint8Array.from(data))
    : image.bitsAllocated <= 16 ? (data instanceof Uint8Array ? Uint16Array.from(data) : new Uint16Array(data.buffer, data.byteOffset, data.length))
      : Uint32Array.from(data);
  const settled: ImageHeader = { ...image, bitsStored: bits, highBit: bits - 1 };
  const frame = finish(settled, wide, rows * image.columns * image.samples);
  const ybr = image.photometric.startsWith('YBR');
  if (image.samples === 3 && colour === 'ycc' && !ybr) return { ...frame, data: fullYbrToRgb(frame.data), photometric: 'RGB' };
  if (image.samples === 3 && colour === 'rgb' && ybr) return { ...frame, photometric: 'RGB' };
  return frame;
}

/** BT.601 at full range, as JPEG defines it, for eight-bit samples. */
export function fullYbrToRgb(data: StoredValues): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let i = 0; i + 2 < data.length; i += 3) {
    const y = data[i]!;
    const cb = data[i + 1]! - 128;
    const cr = data[i + 2]! - 128;
    out[i] = limit(y + 1.402 * cr);
    out[i + 1] = limit(y - 0.344136 * cb - 0.714136 * cr);
    out[i + 2] = limit(y + 1.772 * cb);
  }
  return out;
}

const limit = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : Math.round(value));

/** Keeps the stored bits alone, moved down from the high bit, and extends the sign. */
function finish(image: ImageHeader, data: StoredValues, present: number): StoredFrame {
  const { rows, columns, samples, photometric } = image;
  return { rows, columns, samples, photometric, data: image.kind === 'integer' ? storedBits(data, image) : data, present };
}

function storedBits(data: StoredValues, { bitsAllocated, bitsStored, highBit, signed }: ImageHeader): StoredValues {
  const container = data.BYTES_PER_ELEMENT * 8;
  if (bitsStored < bitsAllocated || highBit !== bitsStored - 1 || bitsAllocated < container) {
    const below = highBit + 1 - bitsStored;
    const left = 32 - bitsStored;
    if (signed) for (let i = 0; i < data.length; i++) data[i] = ((data[i]! >>> below) << left) >> left;
    else for (let i = 0; i < data.length; i++) data[i] = ((data[i]! >>> below) << left) >>> left;
  }
  if (!signed) return data;
  const { buffer, byteOffset, length } = data;
  return container === 8 ? new Int8Array(buffer, byteOffset, length) : container === 16 ? new Int16Array(buffer, byteOffset, length) : new Int32Array(buffer, byteOffset, length);
}
