/** PNG, decoded row by row so that a small file can never unpack into more memory than its picture, and encoded for overlays and fixtures. */
import { zlibSync } from 'fflate';
import { concatenated } from '#models/base/bytes.ts';
import { Fault } from '#models/base/fault.ts';
import { checkSize, damagedPicture } from './image.ts';
import { inflate } from './inflate.ts';
import type { Picture } from './image.ts';

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export const isPng = (bytes: Uint8Array): boolean => bytes.length >= 8 && signature.every((byte, i) => bytes[i] === byte);

/**
 * A PNG as RGB: grey repeated, palette looked up, 16-bit samples cut to their upper byte, transparency laid over black.
 * Throws `picture.truncated`, `picture.damaged`, `picture.unsupported` or `picture.size`; `name` opens each sentence.
 */
export function decodePng(bytes: Uint8Array, name = 'The PNG picture'): Picture {
  const { header, palette, transparency, data } = readChunks(bytes, name);
  const picture = { width: header.width, height: header.height, data: new Uint8Array(header.width * header.height * 3) };
  const paint = painter(picture, header, { palette, transparency });
  const passes = header.interlaced ? interlacedPasses(header) : [{ x: 0, y: 0, stepX: 1, stepY: 1, width: header.width, height: header.height }];
  unpackRows(data, { passes, bitsPerPixel: header.depth * channelsOf[header.colour]!, paint, name });
  return picture;
}

/**
 * A picture as PNG, always the same bytes for the same pixels; grey where red, green and blue agree everywhere.
 * `level` is zlib's, 0 … 9.
 */
export function encodePng({ width, height, data }: Picture, { level = 6 }: { level?: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 } = {}): Uint8Array {
  checkSize({ width, height }, 'The picture');
  const isGrey = everyPixelGrey(data);
  const channels = isGrey ? 1 : 3;
  const stride = width * channels;
  const samples = isGrey ? Uint8Array.from({ length: width * height }, (_, i) => data[i * 3]!) : data;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, isGrey ? 0 : 2, 0, 0, 0], 8);
  const packed = zlibSync(filterRows(samples, { stride, height, channels }), { level });
  return concatenated([Uint8Array.from(signature), chunk('IHDR', header), chunk('IDAT', packed), chunk('IEND', new Uint8Array(0))]);
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  readonly colour: number;
  readonly interlaced: boolean;
}

const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOf: Readonly<Record<number, readonly number[]>> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

interface Chunks {
  readonly header: Header;
  /** RGB triples. */
  readonly palette: Uint8Array | null;
  readonly transparency: Uint8Array | null;
  readonly data: readonly Uint8Array[];
}

function readChunks(bytes: Uint8Array, name: string): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | null = null;
  let palette: Uint8Array | null = null;
  let transparency: Uint8Array | null = null;
  const data: Uint8Array[] = [];
  for (let at = signature.length; ;) {
    if (at + 12 > bytes.length) throw truncated(name);
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (length > bytes.length - at - 12) throw truncated(name);
    const body = bytes.subarray(at + 8, at + 8 + length);
    const isCritical = (bytes[at + 4]! & 0x20) === 0;
    if ((isCritical || type === 'tRNS') && crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      throw damagedPicture(name, `The check sum of its ${type} chunk is wrong.`);
    }
    if (!header && type !== 'IHDR') throw damagedPicture(name, 'It does not begin with its header.');
    if (type === 'IHDR') header = readHeader(body, name);
    else if (type === 'PLTE') palette = body;
    else if (type === 'tRNS') transparency = body;
    else if (type === 'IDAT') data.push(body);
    else if (type === 'IEND') break;
    else if (isCritical) throw unsupported(name, `It needs the unknown chunk ${JSON.stringify(type)}.`);
    at += 12 + length;
  }
  if (!header) throw damagedPicture(name, 'It has no header.');
  if (header.colour === 3 && (!palette || palette.length < 3 || palette.length % 3 !== 0)) throw damagedPicture(name, 'Its palette is missing or damaged.');
  return { header, palette, transparency, data };
}

function readHeader(body: Uint8Array, name: string): Header {
  if (body.length !== 13) throw damagedPicture(name, 'Its header has a wrong length.');
  const view = new DataView(body.buffer, body.byteOffset, 13);
  const [depth, colour, compression, filter, interlace] = [body[8]!, body[9]!, body[10]!, body[11]!, body[12]!];
  checkSize({ width: view.getUint32(0), height: view.getUint32(4) }, name);
  if (!depthsOf[colour]?.includes(depth)) throw damagedPicture(name, `Its header asks for colour type ${colour} with ${depth} bits, which does not exist.`);
  if (compression !== 0 || filter !== 0 || interlace > 1) throw unsupported(name, 'Its header asks for an unknown way of packing.');
  return { width: view.getUint32(0), height: view.getUint32(4), depth, colour, interlaced: interlace === 1 };
}

/** One pass over the picture: every `stepX`-th pixel of every `stepY`-th row, from (x, y) on. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
  readonly width: number;
  readonly height: number;
}

function interlacedPasses({ width, height }: Header): Pass[] {
  const starts = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] as const;
  return starts
    .map(([x, y, stepX, stepY]) => ({ x, y, stepX, stepY, width: Math.ceil((width - x) / stepX), height: Math.ceil((height - y) / stepY) }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

type Paint = (row: Uint8Array, pass: Pass, y: number) => void;

/** Inflates slice by slice, undoes each row's filter as soon as it is whole, and stops after the last row. */
function unpackRows(
  data: readonly Uint8Array[],
  { passes, bitsPerPixel, paint, name }: { passes: readonly Pass[]; bitsPerPixel: number; paint: Paint; name: string },
): void {
  const pixelBytes = Math.max(1, bitsPerPixel >> 3);
  const rowBytes = (pass: Pass): number => Math.ceil((pass.width * bitsPerPixel) / 8);
  const longest = Math.max(...passes.map(rowBytes));
  let row = new Uint8Array(longest);
  let above = new Uint8Array(longest);
  let filter = -1;
  let filled = 0;
  let passIndex = 0;
  let y = 0;
  const take = (piece: Uint8Array): boolean => {
    for (let at = 0; at < piece.length && passIndex < passes.length;) {
      const pass = passes[passIndex]!;
      const length = rowBytes(pass);
      if (filter < 0) {
        filter = piece[at++]!;
        continue;
      }
      const part = Math.min(length - filled, piece.length - at);
      row.set(piece.subarray(at, at + part), filled);
      at += part;
      filled += part;
      if (filled < length) continue;
      if (filter > 4) throw damagedPicture(name, `Row ${y} has the unknown filter ${filter}.`);
      undoFilter(filter, { row, above, length, pixelBytes });
      paint(row, pass, y);
      [row, above] = [above, row];
      filter = -1;
      filled = 0;
      if (++y === pass.height) {
        passIndex++;
        y = 0;
        above.fill(0);
      }
    }
    return passIndex < passes.length;
  };
  try {
    if (inflate(data, take)) return;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw damagedPicture(name, 'Its compressed data are damaged.', { cause });
  }
  throw damagedPicture(name, 'Its data end before the last row.');
}

function undoFilter(
  filter: number,
  { row, above, length, pixelBytes }: { row: Uint8Array; above: Uint8Array; length: number; pixelBytes: number },
): void {
  if (filter === 1) {
    for (let i = pixelBytes; i < length; i++) row[i] = row[i]! + row[i - pixelBytes]!;
  } else if (filter === 2) {
    for (let i = 0; i < length; i++) row[i] = row[i]! + above[i]!;
  } else if (filter === 3) {
    for (let i = 0; i < length; i++) row[i] = row[i]! + (((i < pixelBytes ? 0 : row[i - pixelBytes]!) + above[i]!) >> 1);
  } else if (filter === 4) {
    for (let i = 0; i < pixelBytes && i < length; i++) row[i] = row[i]! + above[i]!;
    for (let i = pixelBytes; i < length; i++) row[i] = row[i]! + paeth(row[i - pixelBytes]!, above[i]!, above[i - pixelBytes]!);
  }
}

function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - corner - corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** How a row of samples becomes RGB in the picture. */
function painter(
  { width, data }: { width: number; data: Uint8Array },
  { depth, colour }: Header,
  { palette, transparency }: { palette: Uint8Array | null; transparency: Uint8Array | null },
): Paint {
  const sampleBytes = depth === 16 ? 2 : 1;
  const put = (at: number, red: number, green: number, blue: number): void => {
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
  };
  const over = (value: number, alpha: number): number => Math.round((value * alpha) / 255);
  const target = (pass: Pass, y: number): number => ((pass.y + y * pass.stepY) * width + pass.x) * 3;
  if (colour === 0 || colour === 3) {
    const table = colour === 3 ? paletteTable(palette!, transparency) : greyTable(depth, transparency);
    const clear = colour === 0 && depth === 16 && transparency && transparency.length >= 2 ? transparency[0]! * 256 + transparency[1]! : -1;
    return (row, pass, y) => {
      const mask = 2 ** Math.min(depth, 8) - 1;
      for (let i = 0, to = target(pass, y); i < pass.width; i++, to += pass.stepX * 3) {
        const sample = depth >= 8 ? row[i * sampleBytes]! : (row[(i * depth) >> 3]! >> (8 - depth - ((i * depth) & 7))) & mask;
        const isClear = clear >= 0 && row[i * 2]! * 256 + row[i * 2 + 1]! === clear;
        if (!isClear) put(to, table[sample * 3]!, table[sample * 3 + 1]!, table[sample * 3 + 2]!);
      }
    };
  }
  if (colour === 2) {
    const clear = transparency && transparency.length >= 6 ? transparency : null;
    const isClear = (row: Uint8Array, from: number): boolean => clear !== null && (sampleBytes === 2
      ? clear.subarray(0, 6).every((byte, k) => row[from + k] === byte)
      : row[from] === clear[1] && row[from + 1] === clear[3] && row[from + 2] === clear[5]);
    return (row, pass, y) => {
      for (let i = 0, from = 0, to = target(pass, y); i < pass.width; i++, from += 3 * sampleBytes, to += pass.stepX * 3) {
        if (!isClear(row, from)) put(to, row[from]!, row[from + sampleBytes]!, row[from + 2 * sampleBytes]!);
      }
    };
  }
  const channels = channelsOf[colour]!;
  return (row, pass, y) => {
    for (let i = 0, from = 0, to = target(pass, y); i < pass.width; i++, from += channels * sampleBytes, to += pass.stepX * 3) {
      const alpha = row[from + (channels - 1) * sampleBytes]!;
      const [green, blue] = channels === 2 ? [from, from] : [from + sampleBytes, from + 2 * sampleBytes];
      put(to, over(row[from]!, alpha), over(row[green]!, alpha), over(row[blue]!, alpha));
    }
  };
}

/** 256 RGB triples; an index past the palette's end is black. */
function paletteTable(palette: Uint8Array, transparency: Uint8Array | null): Uint8Array {
  const table = new Uint8Array(768);
  for (let i = 0; i < Math.min(768, palette.length); i++) table[i] = Math.round((palette[i]! * (transparency?.[Math.floor(i / 3)] ?? 255)) / 255);
  return table;
}

function greyTable(depth: number, transparency: Uint8Array | null): Uint8Array {
  const top = 2 ** Math.min(depth, 8) - 1;
  const table = Uint8Array.from({ length: 768 }, (_, i) => Math.min(255, Math.floor(i / 3) * (255 / top)));
  if (depth <= 8 && transparency && transparency.length >= 2) table.fill(0, transparency[1]! * 3, transparency[1]! * 3 + 3);
  return table;
}

function everyPixelGrey(data: Uint8Array): boolean {
  for (let i = 0; i < data.length; i += 3) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
  return true;
}

/** Each row behind the filter whose result is smallest in sum: differences pack better than values. */
function filterRows(samples: Uint8Array, { stride, height, channels }: { stride: number; height: number; channels: number }): Uint8Array {
  const result = new Uint8Array((stride + 1) * height);
  const zeros = new Uint8Array(stride);
  const trials = [0, 1, 2, 4].map((filter) => ({ filter, row: new Uint8Array(stride) }));
  for (let y = 0; y < height; y++) {
    const row = samples.subarray(y * stride, (y + 1) * stride);
    const above = y === 0 ? zeros : samples.subarray((y - 1) * stride, y * stride);
    let best = trials[0]!;
    let least = Infinity;
    for (const trial of trials) {
      const cost = applyFilter(trial.filter, { row, above, channels, out: trial.row });
      if (cost < least) [best, least] = [trial, cost];
    }
    result[y * (stride + 1)] = best.filter;
    result.set(best.row, y * (stride + 1) + 1);
  }
  return result;
}

/** Returns the sum of the filtered bytes' distances from zero. */
function applyFilter(
  filter: number,
  { row, above, channels, out }: { row: Uint8Array; above: Uint8Array; channels: number; out: Uint8Array },
): number {
  let cost = 0;
  for (let i = 0; i < row.length; i++) {
    const left = i < channels ? 0 : row[i - channels]!;
    const up = above[i]!;
    const guess = filter === 0 ? 0 : filter === 1 ? left : filter === 2 ? up : paeth(left, up, i < channels ? 0 : above[i - channels]!);
    const value = (row[i]! - guess) & 255;
    out[i] = value;
    cost += value < 128 ? value : 256 - value;
  }
  return cost;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = crcTable[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const result = new Uint8Array(12 + body.length);
  const view = new DataView(result.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) result[4 + i] = type.charCodeAt(i);
  result.set(body, 8);
  view.setUint32(8 + body.length, crc32(result.subarray(4, 8 + body.length)));
  return result;
}

const truncated = (name: string): Fault => new Fault({
  code: 'picture.truncated',
  what: `${name} cannot be decoded.`,
  why: 'It ends before its last chunk.',
  mend: 'Copy or export the file again.',
});

const unsupported = (name: string, why: string): Fault => new Fault({
  code: 'picture.unsupported',
  what: `${name} cannot be decoded.`,
  why,
  mend: 'Export it as an ordinary PNG or JPEG.',
});
