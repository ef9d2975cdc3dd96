/**
 * Parts of an image that stand in it twice: overlapping blocks of 8 × 8 pixels, each told by its lowest cosine coefficients, in lexicographic order; neighbours in that order
 * that are nearly equal vote for the shift between them, and a shift with enough votes is a copy (after Fridrich et al. 2003).
 */
import type { Plane } from './planes.ts';

const side = 8;
/** Coefficients by rising frequency, the mean last: it is the first to be changed when brightness is matched. */
const order = [[0, 1], [1, 0], [1, 1], [0, 2], [2, 0], [1, 2], [2, 1], [0, 0]] as const;
/** Equal after division by this and rounding. */
const step = 12;
/** Blocks whose squared coefficients but the mean add up to less are equal everywhere. */
const leastDetail = 3200;
const leastShift = 16;
const neighbours = 4;
const mostShifts = 12;
const mostAlike = 6;
/** Most pixels that are searched. */
export const mostCopyPixels = 700 * 700;
/** A block's number fits below this, beside twelve bits in one word. */
const placeSize = 2 ** 19;

export interface Copy {
  readonly dx: number;
  readonly dy: number;
  /** Blocks that voted for it. */
  readonly votes: number;
}

export interface CopyMap {
  /** Strongest shifts first. */
  readonly copies: readonly Copy[];
  /** For each pixel the votes of the strongest shift that covers it, on a scale of logarithms; 0 where none does. */
  readonly plane: Plane;
}

/** [3 waves][8 pixels], orthonormal. */
const waves = [0, 1, 2].map((u) => Float32Array.from({ length: side }, (_, x) => Math.sqrt((u === 0 ? 1 : 2) / side) * Math.cos(((2 * x + 1) * u * Math.PI) / (2 * side))));

/** The coefficients of every block after division and rounding, [blocks, order], and whether a block has enough detail. */
function coefficientsOf({ width, height, data }: Plane): { readonly keys: Int16Array; readonly isRich: Uint8Array } {
  const [columns, rows] = [width - side + 1, height - side + 1];
  const along = waves.map((wave) => {
    const sums = new Float32Array(columns * height);
    for (let y = 0; y < height; y++) for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < side; k++) sum += wave[k]! * data[y * width + x + k]!;
      sums[y * columns + x] = sum;
    }
    return sums;
  });
  const [keys, isRich] = [new Int16Array(columns * rows * order.length), new Uint8Array(columns * rows)];
  for (let block = 0; block < isRich.length; block++) {
    let detail = 0;
    for (let k = 0; k < order.length; k++) {
      const [v, u] = order[k]!;
      const [wave, sums] = [waves[v]!, along[u]!];
      let sum = 0;
      for (let dy = 0; dy < side; dy++) sum += wave[dy]! * sums[block + dy * columns]!;
      if (k < order.length - 1) detail += sum * sum;
      keys[block * order.length + k] = Math.round(sum / step);
    }
    isRich[block] = Number(detail >= leastDetail);
  }
  return { keys, isRich };
}

/** Blocks with detail in the lexicographic order of their coefficients, each held to six bits. */
function inOrder(keys: Int16Array, isRich: Uint8Array): readonly number[] {
  const words = new Uint32Array(isRich.length * 2);
  const part = (block: number, k: number): number => Math.max(0, Math.min(63, keys[block * order.length + k]! + 32));
  let count = 0;
  for (let block = 0; block < isRich.length; block++) {
    if (!isRich[block]) continue;
    let high = 0;
    for (let k = 0; k < 5; k++) high = high * 64 + part(block, k);
    words[2 * count] = (part(block, 5) * 64 + part(block, 6)) * placeSize + block;
    words[2 * count + 1] = high;
    count++;
  }
  new BigUint64Array(words.buffer, 0, count).sort();
  return Array.from({ length: count }, (_, i) => words[2 * i]! % placeSize);
}

/** Blocks of which there are many alike belong to structure that repeats by itself. */
function withoutRepeats(sorted: readonly number[], keys: Int16Array): readonly number[] {
  const isAlike = (a: number, b: number): boolean => {
    for (let k = 0; k < order.length - 1; k++) if (keys[a * order.length + k] !== keys[b * order.length + k]) return false;
    return true;
  };
  const kept: number[] = [];
  for (let from = 0; from < sorted.length;) {
    let to = from + 1;
    while (to < sorted.length && isAlike(sorted[from]!, sorted[to]!)) to++;
    if (to - from <= mostAlike) kept.push(...sorted.slice(from, to));
    from = to;
  }
  return kept;
}

/** @throws RangeError for more than `mostCopyPixels` pixels */
export function copyMap(plane: Plane, leastVotes = 40): CopyMap {
  const { width, height } = plane;
  if (width * height > mostCopyPixels) throw new RangeError(`copyMap: ${width} × ${height} pixels are more than ${mostCopyPixels}`);
  const empty = { copies: [], plane: { width, height, data: new Float32Array(width * height) } };
  const [columns, rows] = [width - side + 1, height - side + 1];
  if (columns < 1 || rows < 1) return empty;
  const { keys, isRich } = coefficientsOf(plane);
  const sorted = withoutRepeats(inOrder(keys, isRich), keys);
  const votes = new Map<number, number>();
  const pairs: { readonly a: number; readonly b: number; readonly shift: number }[] = [];
  for (let i = 0; i < sorted.length; i++) for (let j = i + 1; j <= i + neighbours && j < sorted.length; j++) {
    const [a, b] = sorted[i]! < sorted[j]! ? [sorted[i]!, sorted[j]!] : [sorted[j]!, sorted[i]!];
    let distance = 0;
    for (let k = 0; k < order.length - 1; k++) distance += Math.abs(keys[a * order.length + k]! - keys[b * order.length + k]!);
    if (distance > 2) continue;
    const [dx, dy] = [(b % columns) - (a % columns), Math.floor(b / columns) - Math.floor(a / columns)];
    if (Math.hypot(dx, dy) < leastShift) continue;
    const shift = (dy + height) * 2 * width + dx + width;
    votes.set(shift, (votes.get(shift) ?? 0) + 1);
    pairs.push({ a, b, shift });
  }
  const accepted = new Map([...votes].filter(([, count]) => count >= leastVotes));
  // Structure that repeats by itself has many shifts.
  if (accepted.size === 0 || accepted.size > mostShifts) return empty;
  const marks = new Float32Array(width * height);
  for (const { a, b, shift } of pairs) {
    const count = accepted.get(shift);
    if (count === undefined) continue;
    const strength = Math.log2(1 + count / leastVotes);
    for (const place of [a, b]) {
      const [x, y] = [place % columns, Math.floor(place / columns)];
      for (let dy = 2; dy < side - 2; dy++) for (let dx = 2; dx < side - 2; dx++) {
        const at = (y + dy) * width + x + dx;
        marks[at] = Math.max(marks[at]!, strength);
      }
    }
  }
  const copies = [...accepted].map(([shift, count]): Copy => ({ dx: (shift % (2 * width)) - width, dy: Math.floor(shift / (2 * width)) - height, votes: count })).sort((one, other) => other.votes - one.votes);
  return { copies, plane: { width, height, data: marks } };
}
