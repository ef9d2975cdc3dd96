/**
 * Pictures that are nearly the same, told by two measures: a hash of their brightness, and, where an encoder has seen them, the likeness of their vectors. One function for the library's
 * near-duplicates and for leaks between the splits of a data set.
 */
import type { Picture } from '#models/imaging/image.ts';

export interface LookedAt {
  readonly id: string;
  readonly hash: PictureHash;
  /** Of unit length, as `models/similar.ts` gives it. */
  readonly vector?: Float32Array;
}

export interface LookAlike {
  readonly first: string;
  readonly second: string;
  /** Bits of 256 that differ. */
  readonly distance: number;
  /** Cosine of their vectors; null where one has none. */
  readonly likeness: number | null;
}

export interface LookAlikeOptions {
  /** Alike by their hashes within so many bits. */
  readonly maxDistance?: number;
  /** Alike by their vectors from this cosine on, whatever the hashes say: turned, mirrored, cropped copies. Absent: hashes alone decide. */
  readonly leastLikeness?: number;
  /** Pairs that are of interest at all; absent: all. */
  readonly isPair?: (first: string, second: string) => boolean;
}

/** Bits of 256 within which two pictures count as one. */
export const sameWithin = 10;

export function lookAlikes(items: readonly LookedAt[], { maxDistance = sameWithin, leastLikeness, isPair = () => true }: LookAlikeOptions = {}): LookAlike[] {
  const found: LookAlike[] = [];
  for (const [at, one] of items.entries()) for (let other = at + 1; other < items.length; other++) {
    const two = items[other]!;
    if (!isPair(one.id, two.id)) continue;
    const distance = distanceOf(one.hash, two.hash);
    const isByHash = distance <= maxDistance;
    if (!isByHash && leastLikeness === undefined) continue;
    const likeness = one.vector && two.vector ? one.vector.reduce((sum, x, i) => sum + x * two.vector![i]!, 0) : null;
    if (isByHash || (likeness !== null && likeness >= leastLikeness!)) found.push({ first: one.id, second: two.id, distance, likeness });
  }
  return found;
}

/** 256 bits, as eight 32-bit words: which of two neighbouring cells of a 17 x 16 brightness grid is brighter. */
export type PictureHash = Uint32Array;

export function pictureHash({ width, height, data }: Picture): PictureHash {
  const [columns, rows] = [17, 16];
  const sums = new Float64Array(columns * rows);
  const counts = new Float64Array(columns * rows);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height) * columns;
    for (let x = 0, at = y * width * 3; x < width; x++, at += 3) {
      const cell = row + Math.floor((x * columns) / width);
      sums[cell]! += data[at]! + 2 * data[at + 1]! + data[at + 2]!;
      counts[cell]!++;
    }
  }
  const hash = new Uint32Array(8);
  for (let bit = 0; bit < 256; bit++) {
    const at = Math.floor(bit / 16) * columns + (bit % 16);
    // A margin of one grey level keeps flat background from flipping bits by noise.
    const isDarker = sums[at]! / Math.max(1, counts[at]!) + 4 < sums[at + 1]! / Math.max(1, counts[at + 1]!);
    if (isDarker) hash[bit >> 5]! |= 1 << (bit & 31);
  }
  return hash;
}

/** How many of the 256 bits differ. */
export function distanceOf(a: PictureHash, b: PictureHash): number {
  let bits = 0;
  for (let word = 0; word < 8; word++) {
    let v = a[word]! ^ b[word]!;
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    bits += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return bits;
}
