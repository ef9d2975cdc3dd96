/**
 * The grid that block compression leaves: jumps across the borders of its 8 × 8 blocks. A part that was put in afterwards, or from an image with another grid,
 * lacks the grid of the rest, or has its own.
 *
 *   jump at column x  |p(x−1) − p(x) − ½ (p(x−2) − p(x−1)) − ½ (p(x) − p(x+1))|, likewise for rows; a window's strength at phase k is its mean jump there over the mean of all
 */
import { median, type Plane } from './planes.ts';

const block = 8;
/** Windows are four blocks wide and lie one block apart. */
const reach = 2;

export interface GridMap {
  /** The phase of the image's grid, 0 … 7 each way, and how clear it is: 1 where no phase stands out. */
  readonly phase: readonly [number, number];
  readonly clearness: number;
  /** How much weaker the image's own grid is here than elsewhere, or how much stronger another one, in robust deviations; 0 where the image has no grid. */
  readonly plane: Plane;
}

/** From this ratio on an image is taken to have a grid. */
const leastClear = 1.12;

/** Mean jumps by phase over cells of one block: [rows of cells][columns of cells][8]. */
function jumps({ width, height, data }: Plane, isAcross: boolean): { readonly sums: Float64Array; readonly columns: number; readonly rows: number } {
  const [columns, rows] = [Math.ceil(width / block), Math.ceil(height / block)];
  const sums = new Float64Array(columns * rows * block);
  const stride = isAcross ? 1 : width;
  for (let y = isAcross ? 0 : 2; y < (isAcross ? height : height - 1); y++) for (let x = isAcross ? 2 : 0; x < (isAcross ? width - 1 : width); x++) {
    const i = y * width + x;
    const jump = Math.abs(data[i - stride]! - data[i]! - 0.5 * (data[i - 2 * stride]! - data[i - stride]!) - 0.5 * (data[i]! - data[i + stride]!));
    // Edges of things are far above what compression leaves.
    sums[(Math.floor(y / block) * columns + Math.floor(x / block)) * block + (isAcross ? x : y) % block]! += Math.min(jump, 6);
  }
  return { sums, columns, rows };
}

export function gridMap(plane: Plane): GridMap {
  const { width, height } = plane;
  const empty: GridMap = { phase: [0, 0], clearness: 1, plane: { width, height, data: new Float32Array(width * height) } };
  if (width < 4 * block || height < 4 * block) return empty;
  const both = [jumps(plane, true), jumps(plane, false)] as const;
  const whole = both.map(({ sums }) => {
    const total = new Float64Array(block);
    sums.forEach((sum, i) => (total[i % block]! += sum));
    const mean = total.reduce((a, b) => a + b, 0) / block;
    const best = total.indexOf(Math.max(...total));
    return { best, clearness: mean > 0 ? total[best]! / mean : 1 };
  });
  const clearness = Math.min(whole[0]!.clearness, whole[1]!.clearness);
  const phase: readonly [number, number] = [whole[0]!.best, whole[1]!.best];
  if (clearness < leastClear) return { ...empty, phase, clearness };
  const { columns, rows } = both[0];
  const own = new Float64Array(columns * rows);
  const other = new Float64Array(columns * rows);
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
    both.forEach(({ sums }, axis) => {
      const near = new Float64Array(block);
      for (let y = Math.max(0, row - reach); y <= Math.min(rows - 1, row + reach); y++) for (let x = Math.max(0, column - reach); x <= Math.min(columns - 1, column + reach); x++) {
        for (let k = 0; k < block; k++) near[k]! += sums[(y * columns + x) * block + k]!;
      }
      const mean = near.reduce((a, b) => a + b, 0) / block + 0.5;
      const others = near.filter((_, k) => k !== phase[axis]);
      own[row * columns + column]! += near[phase[axis]!]! / mean / 2;
      other[row * columns + column]! += Math.max(...others) / mean / 2;
    });
  }
  const score = own.map((strength, i) => other[i]! - strength);
  const middle = median(score);
  const deviation = Math.max(0.02, 1.4826 * median(score.map((x) => Math.abs(x - middle))));
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    data[y * width + x] = Math.max(-12, Math.min(12, (score[Math.floor(y / block) * columns + Math.floor(x / block)]! - middle) / deviation));
  }
  return { phase, clearness, plane: { width, height, data } };
}
