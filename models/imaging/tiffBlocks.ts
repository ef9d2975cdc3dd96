/** The tiles and strips of a TIFF page as RGB: unpacked, predictor undone, colours made. */
import { Fault } from '#models/base/fault.ts';
import { areaOf, type BlockPlace } from './area.ts';
import { checkSize, damagedPicture } from './image.ts';
import { inflate } from './inflate.ts';
import { decodeJpeg, readJpegHeader } from './jpeg.ts';
import { decodeJpeg2000 } from './jpeg2000.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from './image.ts';
import type { Tiff, TiffPage } from './tiff.ts';

const compressions: Readonly<Record<number, string>> = {
  1: 'none', 2: 'CCITT', 3: 'CCITT fax 3', 4: 'CCITT fax 4', 5: 'LZW', 6: 'old JPEG', 7: 'JPEG', 8: 'Deflate', 32773: 'PackBits', 32946: 'Deflate',
  33003: 'Aperio JPEG 2000 YCbCr', 33005: 'Aperio JPEG 2000 RGB', 34712: 'JPEG 2000', 34887: 'LERC', 50000: 'Zstandard', 50001: 'WebP',
};
const decodable: readonly number[] = [1, 5, 7, 8, 32773, 32946, 33003, 33005, 34712];
const jpeg2000s: readonly number[] = [33003, 33005, 34712];
const jpeg = 7;

/** Raw bytes of one block, before they become colours. */
const maxBlockBytes = 256_000_000;

/** The name of a page's compression, or its number. */
export const compressionName = ({ compression }: TiffPage): string => compressions[compression] ?? `number ${compression}`;

/** Throws `picture.unsupported` with the reason where a page's blocks cannot become RGB, and `picture.size` where a block is too large. */
export function checkPage(page: TiffPage, name: string): void {
  const why = undecodable(page);
  if (why !== null) throw unsupported(name, why);
  checkSize({ width: page.blockWidth, height: page.blockHeight }, `A piece of ${name.charAt(0).toLowerCase()}${name.slice(1)}`);
  const bytes = rowBytes(page) * page.blockHeight;
  if (bytes > maxBlockBytes) {
    throw new Fault({
      code: 'picture.size',
      what: `${name} cannot be decoded.`,
      why: `One piece of it unpacks to ${Math.round(bytes / 1e6)} MB.`,
      mend: 'Save it as a tiled TIFF with tiles of 256 or 512 pixels.',
    });
  }
}

/** Why a page's blocks cannot become RGB; null where they can. */
function undecodable(page: TiffPage): string | null {
  const { compression, bitsPerSample: bits, photometric, predictor, samplesPerPixel: samples, sampleFormat } = page;
  const isJpegLike = compression === jpeg || jpeg2000s.includes(compression);
  if (!decodable.includes(compression)) return `Its compression (${compressionName(page)}) is not decoded.`;
  if (sampleFormat !== 1 && sampleFormat !== 4) return 'Its samples are not unsigned whole numbers.';
  if (![1, 2, 4, 8, 16].includes(bits) || (isJpegLike && bits !== 8)) return `It has ${bits || 'different numbers of'} bits a sample.`;
  if (photometric === 5) return 'Its colours are printing inks (CMYK), not RGB.';
  if (photometric > 3 && !(photometric === 6 && isJpegLike)) return `Its colour model (${photometric}) is not decoded.`;
  if ((photometric === 2 || photometric === 6) && samples < 3) return `It is said to be in colour, with ${samples} samples a pixel.`;
  if (isJpegLike) {
    if (samples === 2) return 'It has two samples a pixel.';
    return page.isPlanar ? 'Its colours lie in separate JPEG planes.' : null;
  }
  if (page.fillOrder !== 1) return 'Its bits are stored in reverse order.';
  return predictor === 1 || (predictor === 2 && bits >= 8) ? null : `Its predictor (${predictor}) is not decoded.`;
}

/** A whole page as a picture. Throws `picture.size` where it is too large for that, and as `readBlock` does. */
export async function readPage(tiff: Tiff, page: TiffPage, name = 'The TIFF page'): Promise<Picture> {
  checkSize(page, name);
  return readArea(tiff, page, { x1: 0, y1: 0, x2: page.width, y2: page.height }, { name });
}

/** The pixels of a page inside a box of whole numbers; what lies outside the page, or in a tile that the file leaves out, is white. */
export async function readArea(tiff: Tiff, page: TiffPage, box: Box, { name = 'The TIFF page' }: { name?: string } = {}): Promise<Picture> {
  checkPage(page, name);
  return areaOf(page, box, (at) => readBlock(tiff, page, at, name), name);
}

/**
 * One block as RGB: always blockWidth wide, and as high as the page goes on (a tile: always blockHeight). Null where the file leaves it out.
 * Throws `picture.truncated`, `picture.damaged` or `picture.unsupported`.
 */
export async function readBlock(tiff: Tiff, page: TiffPage, { column, row }: BlockPlace, name = 'The TIFF page'): Promise<Picture | null> {
  checkPage(page, name);
  const height = page.isTiled ? page.blockHeight : Math.min(page.blockHeight, page.height - row * page.blockHeight);
  const size = { width: page.blockWidth, height };
  const what = `${name}: ${page.isTiled ? 'the tile' : 'the strip'} at column ${column}, row ${row}`;
  if (page.compression === jpeg) {
    const file = await readJpegBlock(tiff, page, { column, row }, name);
    if (!file) return null;
    const header = readJpegHeader(file, what);
    if (header.width !== size.width || header.height < height || header.height > page.blockHeight) {
      throw damagedPicture(what, `It is ${header.width} × ${header.height} pixels instead of ${size.width} × ${height}.`);
    }
    const picture = await decodeJpeg(file, what);
    return { ...size, data: picture.data.subarray(0, size.width * height * 3) };
  }
  const planes: Uint8Array[] = [];
  for (let plane = 0; plane < (page.isPlanar ? page.samplesPerPixel : 1); plane++) {
    const packed = await readPacked(tiff, page, { column, row, plane }, what);
    if (!packed) return null;
    if (jpeg2000s.includes(page.compression)) {
      const isYcc = page.compression === 33003 || page.photometric === 6;
      return decodeJpeg2000(packed, { ...size, samples: page.samplesPerPixel, isYcc, name: what });
    }
    const bytes = unpack(packed, page.compression, rowBytes(page) * height, what);
    planes.push(page.predictor === 2 ? undoDifferences(bytes, page, { height, isLittleEndian: tiff.isLittleEndian }) : bytes);
  }
  return { ...size, data: toRgb(planes, page, { height, isLittleEndian: tiff.isLittleEndian, colourMap: await page.colourMap(), what }) };
}

/** Whether `readSamples` can read a page. */
export function hasSamples({ compression, bitsPerSample: bits, sampleFormat, predictor, fillOrder, samplesPerPixel }: TiffPage): boolean {
  if (compression === jpeg) return bits === 8 && samplesPerPixel === 1;
  if (!decodable.includes(compression) || jpeg2000s.includes(compression) || fillOrder !== 1) return false;
  if (sampleFormat === 3) return bits === 32 && predictor === 1;
  return (sampleFormat === 1 || sampleFormat === 4) && (bits === 8 || bits === 16) && (predictor === 1 || predictor === 2);
}

/**
 * The values of one sample of each pixel in a block as they are stored, sized as `readBlock` says: bytes, 16-bit numbers or 32-bit floating-point ones.
 * Null where the file leaves the block out. Throws `picture.unsupported` where `hasSamples` says no, and as `readBlock` does.
 */
export async function readSamples(tiff: Tiff, page: TiffPage, at: BlockPlace & { readonly sample: number }, name = 'The TIFF page'): Promise<Samples | null> {
  if (!hasSamples(page)) throw unsupported(name, undecodable(page) ?? 'Its values are not read one by one.');
  checkSize({ width: page.blockWidth, height: page.blockHeight }, `A piece of ${name.charAt(0).toLowerCase()}${name.slice(1)}`);
  const { column, row, sample } = at;
  const height = page.isTiled ? page.blockHeight : Math.min(page.blockHeight, page.height - row * page.blockHeight);
  const size = { width: page.blockWidth, height };
  if (page.compression === jpeg) {
    const picture = await readBlock(tiff, page, at, name);
    return picture && { ...size, values: picture.data.filter((_, i) => i % 3 === 0) };
  }
  const what = `${name}: ${page.isTiled ? 'the tile' : 'the strip'} at column ${column}, row ${row}`;
  const packed = await readPacked(tiff, page, { column, row, plane: page.isPlanar ? sample : 0 }, what);
  if (!packed) return null;
  const unpacked = unpack(packed, page.compression, rowBytes(page) * height, what);
  const bytes = page.predictor === 2 ? undoDifferences(unpacked, page, { height, isLittleEndian: tiff.isLittleEndian }) : unpacked;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [step, first] = page.isPlanar ? [1, 0] : [page.samplesPerPixel, sample];
  const count = size.width * height;
  const { bitsPerSample: bits } = page;
  if (bits === 8) return { ...size, values: Uint8Array.from({ length: count }, (_, i) => bytes[i * step + first] as number) };
  if (bits === 16) return { ...size, values: Uint16Array.from({ length: count }, (_, i) => view.getUint16((i * step + first) * 2, tiff.isLittleEndian)) };
  return { ...size, values: Float32Array.from({ length: count }, (_, i) => view.getFloat32((i * step + first) * 4, tiff.isLittleEndian)) };
}

/** @see readSamples */
export interface Samples {
  readonly width: number;
  readonly height: number;
  /** [height · width] */
  readonly values: Uint8Array | Uint16Array | Float32Array;
}

/**
 * A JPEG block as a file of its own, ready for any decoder: the shared tables put back, and a note on whether its colours are RGB already.
 * Nothing is decoded. Null where the file leaves the block out.
 */
export async function readJpegBlock(tiff: Tiff, page: TiffPage, { column, row }: BlockPlace, name = 'The TIFF page'): Promise<Uint8Array | null> {
  const what = `${name}: ${page.isTiled ? 'the tile' : 'the strip'} at column ${column}, row ${row}`;
  const packed = await readPacked(tiff, page, { column, row, plane: 0 }, what);
  if (!packed) return null;
  if (packed[0] !== 0xff || packed[1] !== 0xd8) throw damagedPicture(what, 'It does not begin as a JPEG does.');
  const shared = withoutFrame((await page.jpegTables()) ?? new Uint8Array(0));
  const note = page.samplesPerPixel === 3 ? adobeNote(page.photometric === 2 ? 0 : 1) : new Uint8Array(0);
  const file = new Uint8Array(packed.length + note.length + shared.length);
  file.set([0xff, 0xd8]);
  file.set(note, 2);
  file.set(shared, 2 + note.length);
  file.set(packed.subarray(2), 2 + note.length + shared.length);
  return file;
}

/** Tables are stored as a JPEG file of their own; here they are without its start and end marks. */
function withoutFrame(tables: Uint8Array): Uint8Array {
  if (tables[0] !== 0xff || tables[1] !== 0xd8) return new Uint8Array(0);
  const hasEnd = tables.length >= 4 && tables.at(-2) === 0xff && tables.at(-1) === 0xd9;
  return tables.subarray(2, hasEnd ? tables.length - 2 : tables.length);
}

/** The marker segment by which a JPEG says how its colours were made: 0 as they are, 1 YCbCr. */
const adobeNote = (transform: 0 | 1): Uint8Array => Uint8Array.of(0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform);

async function readPacked(
  { source }: Tiff,
  page: TiffPage,
  { column, row, plane }: BlockPlace & { readonly plane: number },
  what: string,
): Promise<Uint8Array | null> {
  if (!(column >= 0 && row >= 0 && column < page.across && row < page.down)) {
    throw new RangeError(`readBlock: column ${column}, row ${row} of a page of ${page.across} × ${page.down} blocks`);
  }
  const { offsets, lengths } = await page.blocks();
  const index = (plane * page.down + row) * page.across + column;
  const [offset, length] = [offsets[index]!, lengths[index]!];
  if (length === 0) return null;
  // A packed block may be a little larger than its pixels, never much.
  if (length > 2 * rowBytes(page) * page.blockHeight + 1_000_000) throw damagedPicture(what, `It claims ${length} bytes.`);
  if (offset + length > source.size) throw truncated(what);
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) throw truncated(what);
  return bytes;
}

const rowBytes = ({ blockWidth, isPlanar, samplesPerPixel, bitsPerSample }: TiffPage): number =>
  Math.ceil((blockWidth * (isPlanar ? 1 : samplesPerPixel) * bitsPerSample) / 8);

function unpack(packed: Uint8Array, compression: number, length: number, what: string): Uint8Array {
  if (compression === 1) {
    if (packed.length < length) throw damagedPicture(what, `It holds ${packed.length} bytes instead of ${length}.`);
    return packed.subarray(0, length);
  }
  const out = new Uint8Array(length);
  let filled = 0;
  if (compression === 5) filled = unpackLzw(packed, out, what);
  else if (compression === 32773) filled = unpackBits(packed, out);
  else {
    try {
      inflate([packed], (part) => {
        const wanted = part.subarray(0, length - filled);
        out.set(wanted, filled);
        filled += wanted.length;
        return filled < length;
      });
    } catch (cause) {
      throw damagedPicture(what, 'Its compressed data are damaged.', { cause });
    }
  }
  if (filled < length) throw damagedPicture(what, `It unpacks to ${filled} bytes instead of ${length}.`);
  return out;
}

/** TIFF's LZW: codes of 9 to 12 bits, high bits first. Returns how many bytes were written. */
function unpackLzw(packed: Uint8Array, out: Uint8Array, what: string): number {
  const prefix = new Uint16Array(4096);
  const suffix = new Uint8Array(4096);
  const lengths = new Uint16Array(4096);
  for (let i = 0; i < 256; i++) {
    suffix[i] = i;
    lengths[i] = 1;
  }
  let next = 258;
  let bits = 9;
  let previous = -1;
  let filled = 0;
  for (let at = 0, held = 0, holding = 0; filled < out.length;) {
    while (holding < bits && at < packed.length) {
      held = ((held << 8) | packed[at++]!) & 0xffffff;
      holding += 8;
    }
    if (holding < bits) break;
    const code = (held >> (holding - bits)) & ((1 << bits) - 1);
    holding -= bits;
    if (code === 257) break;
    if (code === 256) {
      next = 258;
      bits = 9;
      previous = -1;
      continue;
    }
    if (code > next || (code === next && previous < 0) || (code >= 256 && previous < 0)) throw damagedPicture(what, 'Its compressed data are damaged.');
    const known = code < next ? code : previous;
    const length = lengths[known]! + (code < next ? 0 : 1);
    let first = known;
    for (let to = filled + lengths[known]! - 1, from = known; to >= filled; to--, from = prefix[from]!) {
      if (to < out.length) out[to] = suffix[from]!;
      first = from;
    }
    if (code === next && filled + length - 1 < out.length) out[filled + length - 1] = suffix[first]!;
    filled += length;
    if (previous >= 0 && next < 4096) {
      prefix[next] = previous;
      suffix[next] = suffix[first]!;
      lengths[next] = lengths[previous]! + 1;
      next++;
    }
    previous = code;
    // The writer widens its codes one entry early.
    if (next >= (1 << bits) - 1 && bits < 12) bits++;
  }
  return Math.min(filled, out.length);
}

/** Runs and literals, a signed count before each. Returns how many bytes were written. */
function unpackBits(packed: Uint8Array, out: Uint8Array): number {
  let filled = 0;
  for (let at = 0; at < packed.length && filled < out.length;) {
    const count = packed[at++]!;
    if (count === 128) continue;
    const length = Math.min(count < 128 ? count + 1 : 257 - count, out.length - filled);
    if (count < 128) {
      const literal = packed.subarray(at, at + length);
      out.set(literal, filled);
      filled += literal.length;
      at += count + 1;
    } else {
      if (at >= packed.length) break;
      out.fill(packed[at++]!, filled, filled + length);
      filled += length;
    }
  }
  return filled;
}

/** Each sample was stored as its difference from its left neighbour. */
function undoDifferences(bytes: Uint8Array, page: TiffPage, { height, isLittleEndian }: { height: number; isLittleEndian: boolean }): Uint8Array {
  const step = page.isPlanar ? 1 : page.samplesPerPixel;
  const stride = rowBytes(page);
  const result = bytes.slice();
  for (let y = 0; y < height; y++) {
    if (page.bitsPerSample === 8) {
      for (let i = y * stride + step; i < (y + 1) * stride; i++) result[i] = result[i]! + result[i - step]!;
    } else {
      const [low, high] = isLittleEndian ? [0, 1] : [1, 0];
      for (let i = y * stride + step * 2; i < (y + 1) * stride; i += 2) {
        const sum = result[i + low]! + result[i + high]! * 256 + result[i - step * 2 + low]! + result[i - step * 2 + high]! * 256;
        result[i + low] = sum;
        result[i + high] = sum >> 8;
      }
    }
  }
  return result;
}

interface Colouring {
  readonly height: number;
  readonly isLittleEndian: boolean;
  readonly colourMap: Uint16Array | null;
  readonly what: string;
}

/** Samples to RGB: 16 bits cut to their upper byte, fewer than 8 stretched, white-is-zero inverted, alpha laid over black. */
function toRgb(planes: readonly Uint8Array[], page: TiffPage, { height, isLittleEndian, colourMap, what }: Colouring): Uint8Array {
  const { blockWidth: width, samplesPerPixel, bitsPerSample: bits, photometric, isPlanar } = page;
  const stride = rowBytes(page);
  const perPixel = isPlanar ? 1 : samplesPerPixel;
  const upper = bits === 16 && isLittleEndian ? 1 : 0;
  const sample = (x: number, y: number, s: number): number => {
    const plane = isPlanar ? planes[s]! : planes[0]!;
    const index = x * perPixel + (isPlanar ? 0 : s);
    if (bits === 8) return plane[y * stride + index]!;
    if (bits === 16) return plane[y * stride + index * 2 + upper]!;
    return (plane[y * stride + ((index * bits) >> 3)]! >> (8 - bits - ((index * bits) & 7))) & (2 ** bits - 1);
  };
  if (bits === 8 && photometric === 2 && samplesPerPixel === 3 && !isPlanar) return planes[0]!;
  const data = new Uint8Array(width * height * 3);
  const isColour = photometric === 2 || photometric === 6;
  const colours = isColour ? 3 : 1;
  const hasAlpha = samplesPerPixel > colours && page.extraSample === 2;
  const stretch = bits < 8 ? 255 / (2 ** bits - 1) : 1;
  if (photometric === 3 && (!colourMap || colourMap.length < 3 * 2 ** bits || bits === 16)) {
    throw damagedPicture(what, 'Its palette is missing or too short.');
  }
  const paletteSize = photometric === 3 ? colourMap!.length / 3 : 0;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const alpha = hasAlpha ? (sample(x, y, colours) * stretch) / 255 : 1;
      const first = sample(x, y, 0);
      for (let c = 0; c < 3; c++) {
        const value = photometric === 3
          ? colourMap![c * paletteSize + first]! >> 8
          : (isColour && c > 0 ? sample(x, y, c) : first) * stretch;
        data[to + c] = Math.round((photometric === 0 ? 255 - value : value) * alpha);
      }
    }
  }
  return data;
}

const truncated = (what: string): Fault => new Fault({
  code: 'picture.truncated',
  what: `${what} cannot be decoded.`,
  why: 'It lies behind the end of the file, so the last part of the file is missing.',
  mend: 'Copy the file again.',
});

const unsupported = (name: string, why: string): Fault => new Fault({
  code: 'picture.unsupported',
  what: `${name} cannot be decoded.`,
  why,
  mend: 'Save it as TIFF with JPEG, LZW or Deflate compression, 8 bits a sample, grey or RGB.',
});
