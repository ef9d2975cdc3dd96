/** Rotary positions: in the vision tower by row and column, in the decoder by time, row and column (M-RoPE). */
import type { Value } from '#models/graph/graph.ts';
import { add, concat, mul, neg, reshape, rotary, slice, split } from '#models/graph/ops.ts';
import type { QwenVlConfig, VisionConfig } from './config.ts';

/** Time steps, rows and columns of patches of one image or clip, before merging. */
export type Grid = readonly [time: number, rows: number, columns: number];

/** Cosines and sines, [N, K] each; channels j and j + K/2 share an angle. */
export interface RotaryTable {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * x · cos + rotateHalf(x) · sin over the last axis, with rotateHalf([a, b]) = [−b, a].
 *
 * @param x         [..., K]
 * @param cos, sin  broadcast against x
 */
export function rotate(x: Value, cos: Value, sin: Value): Value {
  const half = x.shape.at(-1)! / 2;
  const [a, b] = split(x, [half, half], -1);
  return add(mul(x, cos), mul(concat([neg(b!), a!], -1), sin));
}

/**
 * `rotate` by fixed angles, with its result scaled: the scale costs nothing, for it goes into the tables.
 *
 * @param cos, sin  [N, 1, K]
 * @returns         a function of x [N, heads, K]
 */
export function rotation(cos: Value, sin: Value, scale = 1): (x: Value) => Value {
  const scaled = (table: Value): Value => (scale === 1 ? table : mul(table, scale));
  if (!cos.graph.fused) {
    const [c, s] = [scaled(cos), scaled(sin)];
    return (x) => rotate(x, c, s);
  }
  const [rows, , width] = cos.shape as [number, number, number];
  const half = (table: Value): Value => scaled(reshape(slice(table, 2, 0, width / 2), [rows, width / 2]));
  const [c, s] = [half(cos), half(sin)];
  return (x) => rotary(x, c, s);
}

/**
 * Angles of the patches in the tower's row order: 2×2 blocks in raster order, and within a block in raster order.
 * Half of the angles turn with the row, half with the column; both restart in every time step.
 */
export function visionRotary(grids: readonly Grid[], { width, heads, mergeSize }: VisionConfig): RotaryTable {
  const headWidth = width / heads;
  const quarter = headWidth / 4;
  const frequencies = Array.from({ length: quarter }, (_, i) => 10000 ** ((-2 * i) / (headWidth / 2)));
  const patches = grids.reduce((total, [t, h, w]) => total + t * h * w, 0);
  const cos = new Float32Array(patches * headWidth);
  const sin = new Float32Array(patches * headWidth);
  let row = 0;
  for (const [time, rows, columns] of grids) {
    for (let t = 0; t < time; t++) {
      for (let by = 0; by < rows; by += mergeSize) for (let bx = 0; bx < columns; bx += mergeSize) {
        for (let y = by; y < by + mergeSize; y++) for (let x = bx; x < bx + mergeSize; x++) {
          const at = row++ * headWidth;
          for (let j = 0; j < headWidth; j++) {
            const k = j % (2 * quarter);
            const angle = (k < quarter ? y : x) * frequencies[k % quarter]!;
            cos[at + j] = Math.cos(angle);
            sin[at + j] = Math.sin(angle);
          }
        }
      }
    }
  }
  return { cos, sin };
}

/** A place in the sequence on each of the three axes. */
export interface Positions {
  readonly time: Int32Array;
  readonly row: Int32Array;
  readonly column: Int32Array;
  /** The position that follows the last token, on every axis. */
  readonly next: number;
}

/**
 * Positions of a sequence with images and clips: text counts on all axes, an image token stands at its row and column.
 *
 * @param grids             of the images and clips, in the order of their placeholders
 * @param secondsPerStep    of the clips, in their order; 1 where absent
 */
export function mropePositions(ids: ArrayLike<number>, grids: readonly Grid[], config: QwenVlConfig, secondsPerStep: readonly number[] = []): Positions {
  const { mergeSize, tokensPerSecond } = config.vision;
  const [time, row, column] = [new Int32Array(ids.length), new Int32Array(ids.length), new Int32Array(ids.length)];
  let next = 0;
  let image = 0;
  let clip = 0;
  for (let i = 0; i < ids.length;) {
    const isVideo = ids[i] === config.tokens.video;
    if (ids[i] !== config.tokens.image && !isVideo) {
      time[i] = row[i] = column[i] = next++;
      i++;
      continue;
    }
    const grid = grids[image++];
    if (!grid) throw new RangeError('mropePositions: more image placeholders than images');
    const [steps, rows, columns] = [grid[0], grid[1] / mergeSize, grid[2] / mergeSize];
    const pace = isVideo && tokensPerSecond !== null ? (secondsPerStep[clip] ?? 1) * tokensPerSecond : 1;
    if (isVideo) clip++;
    let largest = next;
    for (let t = 0; t < steps; t++) for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++, i++) {
      time[i] = next + Math.trunc(t * pace);
      row[i] = next + y;
      column[i] = next + x;
      largest = Math.max(largest, time[i]!, row[i]!, column[i]!);
    }
    next = largest + 1;
  }
  return { time, row, column, next };
}

/** Cosines and sines for given positions, [N, K]: each frequency turns with the axis that its section names. */
export function decoderRotary({ time, row, column }: Pick<Positions, 'time' | 'row' | 'column'>, { headWidth, ropeTheta, mropeSection }: QwenVlConfig): RotaryTable {
  const half = headWidth / 2;
  const count = time.length;
  const cos = new Float32Array(count * headWidth);
  const sin = new Float32Array(count * headWidth);
  const axes = [time, row, column];
  const axisOf = mropeSection.flatMap((size, axis) => new Array<number>(size).fill(axis));
  for (let j = 0; j < half; j++) {
    const frequency = ropeTheta ** ((-2 * j) / headWidth);
    const axis = axes[axisOf[j]!]!;
    let last = -1;
    let [c, s] = [0, 0];
    for (let i = 0; i < count; i++) {
      const position = axis[i]!;
      if (position !== last) {
        // The reference computes the angle in float32.
        const angle = Math.fround(position * Math.fround(frequency));
        [c, s, last] = [Math.cos(angle), Math.sin(angle), position];
      }
      const at = i * headWidth + j;
      cos[at] = cos[at + half] = c;
      sin[at] = sin[at + half] = s;
    }
  }
  return { cos, sin };
}
