/**
 * What happens to any image between its making and its reading, altered or not: another window, another scale, lossy compression.
 *
 * A plan is drawn once and applied to the untouched and the altered image of a pair alike, so that no trace of it tells them apart.
 */
import type { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';

export interface History {
  /** Grey values become 255 · (x · contrast + brightness)^gamma, x and the result within 0 … 1. */
  readonly window: { readonly contrast: number; readonly brightness: number; readonly gamma: number } | null;
  /** Factor of both sides. */
  readonly scale: number | null;
  /** The usual 1 … 100. */
  readonly quality: number | null;
}

export const unchanged: History = { window: null, scale: null, quality: null };

export function drawHistory(random: Random): History {
  const window = random.chance(0.4) ? { contrast: random.between(0.85, 1.15), brightness: random.between(-0.05, 0.05), gamma: random.between(0.85, 1.18) } : null;
  const scale = random.chance(0.35) ? random.between(0.88, 1.25) : null;
  return { window, scale, quality: random.chance(0.7) ? Math.round(random.between(65, 98)) : null };
}

/** The picture after its history. */
export function processed(picture: Picture, { window, scale, quality }: History): Picture {
  let result = window ? windowed(picture, window) : picture;
  if (scale !== null) result = resize(result, scaled(result, scale));
  return quality === null ? result : compressed(result, quality);
}

const scaled = ({ width, height }: { readonly width: number; readonly height: number }, scale: number): { width: number; height: number } =>
  ({ width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });

/** Where a mask lies after the history: covered where at least half of a pixel was. */
export function processedMask(mask: Uint8Array, size: { readonly width: number; readonly height: number }, { scale }: History): { readonly width: number; readonly height: number; readonly mask: Uint8Array } {
  if (scale === null) return { width: size.width, height: size.height, mask };
  const to = scaled(size, scale);
  const moved = new Uint8Array(to.width * to.height);
  for (let y = 0; y < to.height; y++) for (let x = 0; x < to.width; x++) {
    const [fromX, fromY] = [Math.min(size.width - 1, Math.floor(((x + 0.5) * size.width) / to.width)), Math.min(size.height - 1, Math.floor(((y + 0.5) * size.height) / to.height))];
    moved[y * to.width + x] = mask[fromY * size.width + fromX]!;
  }
  return { ...to, mask: moved };
}

/** The smallest box around all covered pixels; null where none is. */
export function boxAround(mask: Uint8Array, width: number): Box | null {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -1, -1];
  mask.forEach((covered, i) => {
    if (covered === 0) return;
    const x = i % width;
    const y = (i - x) / width;
    [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x + 1), Math.max(y2, y + 1)];
  });
  return x2 > 0 ? { x1, y1, x2, y2 } : null;
}

function windowed({ width, height, data }: Picture, { contrast, brightness, gamma }: NonNullable<History['window']>): Picture {
  const table = Uint8Array.from({ length: 256 }, (_, value) => Math.round(255 * Math.min(1, Math.max(0, ((value / 255 - 0.5) * contrast) + 0.5 + brightness)) ** gamma));
  return { width, height, data: data.map((value) => table[value]!) };
}

// ------------------------------------------------------------------------------------------------------ what JPEG leaves

/** The quantisation tables of the JPEG standard, Annex K, in raster order. */
const luminance = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
  18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
] as const;
const chrominance = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
  ...new Array<number>(32).fill(99),
] as const;

/** A table at a quality, as the Independent JPEG Group scales it. */
function tableAt(base: readonly number[], quality: number): Float64Array {
  const percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return Float64Array.from(base, (step) => Math.min(255, Math.max(1, Math.floor((step * percent + 50) / 100))));
}

const cosines = Float64Array.from({ length: 64 }, (_, i) => Math.cos(((2 * (i % 8) + 1) * (i >> 3) * Math.PI) / 16) * (i >> 3 === 0 ? Math.SQRT1_2 : 1) / 2);

/** One block through the transform, quantisation and back, in place. */
function throughBlock(block: Float64Array, table: Float64Array, spare: Float64Array): void {
  for (let v = 0; v < 8; v++) for (let x = 0; x < 8; x++) {
    let sum = 0;
    for (let y = 0; y < 8; y++) sum += cosines[v * 8 + y]! * block[y * 8 + x]!;
    spare[v * 8 + x] = sum;
  }
  for (let v = 0; v < 8; v++) for (let u = 0; u < 8; u++) {
    let sum = 0;
    for (let x = 0; x < 8; x++) sum += cosines[u * 8 + x]! * spare[v * 8 + x]!;
    const step = table[v * 8 + u]!;
    block[v * 8 + u] = Math.round(sum / step) * step;
  }
  for (let v = 0; v < 8; v++) for (let x = 0; x < 8; x++) {
    let sum = 0;
    for (let u = 0; u < 8; u++) sum += cosines[u * 8 + x]! * block[v * 8 + u]!;
    spare[v * 8 + x] = sum;
  }
  for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) {
    let sum = 0;
    for (let v = 0; v < 8; v++) sum += cosines[v * 8 + y]! * spare[v * 8 + x]!;
    block[y * 8 + x] = sum;
  }
}

/** A plane of values around 0 through all blocks; what lies beyond the edge repeats the last row and column. */
function throughPlane(plane: Float64Array, width: number, height: number, table: Float64Array): void {
  const [block, spare] = [new Float64Array(64), new Float64Array(64)];
  for (let top = 0; top < height; top += 8) for (let left = 0; left < width; left += 8) {
    for (let i = 0; i < 64; i++) block[i] = plane[Math.min(height - 1, top + (i >> 3)) * width + Math.min(width - 1, left + (i & 7))]!;
    throughBlock(block, table, spare);
    for (let i = 0; i < 64; i++) {
      const [x, y] = [left + (i & 7), top + (i >> 3)];
      if (x < width && y < height) plane[y * width + x] = block[i]!;
    }
  }
}

const byte = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));

/** What is left of a picture after JPEG at a quality, without subsampled colour: its pixels, not its file. */
export function compressed({ width, height, data }: Picture, quality: number): Picture {
  const planes = [0, 1, 2].map(() => new Float64Array(width * height)) as [Float64Array, Float64Array, Float64Array];
  let isGrey = true;
  for (let i = 0; i < width * height; i++) {
    const [r, g, b] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    if (r !== g || g !== b) isGrey = false;
    planes[0][i] = 0.299 * r + 0.587 * g + 0.114 * b - 128;
    planes[1][i] = -0.168736 * r - 0.331264 * g + 0.5 * b;
    planes[2][i] = 0.5 * r - 0.418688 * g - 0.081312 * b;
  }
  throughPlane(planes[0], width, height, tableAt(luminance, quality));
  if (!isGrey) for (const plane of planes.slice(1)) throughPlane(plane, width, height, tableAt(chrominance, quality));
  const result = new Uint8Array(data.length);
  for (let i = 0; i < width * height; i++) {
    const y = planes[0][i]! + 128;
    const [cb, cr] = isGrey ? [0, 0] : [planes[1][i]!, planes[2][i]!];
    result[3 * i] = byte(y + 1.402 * cr);
    result[3 * i + 1] = byte(y - 0.344136 * cb - 0.714136 * cr);
    result[3 * i + 2] = byte(y + 1.772 * cb);
  }
  return { width, height, data: result };
}
