/** Grey values as numbers, and the few filters that the search for alterations is made of. */
import type { Picture } from '#models/imaging/image.ts';

/** One number for each pixel, row-major. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Brightness 0 … 255 (Rec. 601). */
export function brightnessPlane({ width, height, data }: Picture): Plane {
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i++) grey[i] = 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!;
  return { width, height, data: grey };
}

/** Each pixel less the median of the nine around it, edges repeated. */
export function medianResidual({ width, height, data }: Plane): Plane {
  const residual = new Float32Array(data.length);
  const nine = new Float32Array(9);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    let count = 0;
    for (let dy = -1; dy <= 1; dy++) {
      const row = Math.min(height - 1, Math.max(0, y + dy)) * width;
      for (let dx = -1; dx <= 1; dx++) {
        const value = data[row + Math.min(width - 1, Math.max(0, x + dx))]!;
        // Kept in order as they come.
        let at = count++;
        for (; at > 0 && nine[at - 1]! > value; at--) nine[at] = nine[at - 1]!;
        nine[at] = value;
      }
    }
    residual[y * width + x] = data[y * width + x]! - nine[4]!;
  }
  return { width, height, data: residual };
}

/** The plane through a 3 × 3 kernel, edges repeated. */
export function filtered({ width, height, data }: Plane, kernel: readonly number[]): Plane {
  const result = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    const [above, here, below] = [Math.max(0, y - 1) * width, y * width, Math.min(height - 1, y + 1) * width];
    for (let x = 0; x < width; x++) {
      const [left, right] = [Math.max(0, x - 1), Math.min(width - 1, x + 1)];
      result[here + x] = kernel[0]! * data[above + left]! + kernel[1]! * data[above + x]! + kernel[2]! * data[above + right]!
        + kernel[3]! * data[here + left]! + kernel[4]! * data[here + x]! + kernel[5]! * data[here + right]!
        + kernel[6]! * data[below + left]! + kernel[7]! * data[below + x]! + kernel[8]! * data[below + right]!;
    }
  }
  return { width, height, data: result };
}

/** Sums over rectangles in constant time. */
export class Sums {
  private readonly table: Float64Array;
  private readonly stride: number;

  constructor({ width, height, data }: Plane) {
    this.stride = width + 1;
    this.table = new Float64Array(this.stride * (height + 1));
    for (let y = 0; y < height; y++) {
      let row = 0;
      for (let x = 0; x < width; x++) {
        row += data[y * width + x]!;
        this.table[(y + 1) * this.stride + x + 1] = this.table[y * this.stride + x + 1]! + row;
      }
    }
  }

  /** Over the half-open rectangle. */
  over(x1: number, y1: number, x2: number, y2: number): number {
    const { table, stride } = this;
    return table[y2 * stride + x2]! - table[y1 * stride + x2]! - table[y2 * stride + x1]! + table[y1 * stride + x1]!;
  }
}

/** The mean over a square window around each pixel, cut at the edges. */
export function windowMean(plane: Plane, radius: number): Plane {
  const { width, height } = plane;
  const sums = new Sums(plane);
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const [x1, y1, x2, y2] = [Math.max(0, x - radius), Math.max(0, y - radius), Math.min(width, x + radius + 1), Math.min(height, y + radius + 1)];
    data[y * width + x] = sums.over(x1, y1, x2, y2) / ((x2 - x1) * (y2 - y1));
  }
  return { width, height, data };
}

/**
 * Each value as its distance from the median of the values whose pixels are about equally bright, in robust deviations (1.4826 · median absolute deviation), bounded to ±12.
 * Classes of brightness hold about equal numbers of pixels.
 *
 * @param least     deviations below this count as this
 * @param flat      a class that deviates less than this tells nothing: 0
 */
export function deviations(values: Float32Array, brightness: Float32Array, { classes, least, flat = 0 }: { readonly classes: number; readonly least: number; readonly flat?: number }): Float32Array {
  const bins = 512;
  const binOf = (i: number): number => Math.min(bins - 1, Math.max(0, Math.floor(brightness[i]! * 2)));
  const counts = new Uint32Array(bins);
  for (let i = 0; i < values.length; i++) counts[binOf(i)]!++;
  const classOf = new Uint8Array(bins);
  for (let bin = 0, before = 0; bin < bins; bin++) {
    classOf[bin] = Math.min(classes - 1, Math.floor(((before + counts[bin]! / 2) * classes) / values.length));
    before += counts[bin]!;
  }
  const members = Array.from({ length: classes }, (): number[] => []);
  for (let i = 0; i < values.length; i++) members[classOf[binOf(i)]!]!.push(i);
  const result = new Float32Array(values.length);
  for (const some of members) {
    const own = Float64Array.from(some, (i) => values[i]!);
    const middle = median(own);
    const deviation = 1.4826 * median(own.map((x) => Math.abs(x - middle)));
    if (deviation >= flat) for (const i of some) result[i] = Math.max(-12, Math.min(12, (values[i]! - middle) / Math.max(least, deviation)));
  }
  return result;
}

/** The middle of the values; 0 for none. Leaves them as they are. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? 0 : sorted[sorted.length >> 1]!;
}
