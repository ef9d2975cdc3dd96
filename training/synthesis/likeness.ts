/**
 * How alike two pictures are by what a program can measure: colours, edges, and where it is light and dark. Stands in for people's judgements where there are none;
 * what is learnt from it is called derived, never a person's.
 */
import type { Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';

/** Three independent measures of a picture, each a vector whose Euclidean distance counts. */
export type Looks = readonly [colours: Float32Array, edges: Float32Array, layout: Float32Array];

const side = 48;
const [bins, directions, cells] = [4, 8, 8];

export function looksOf(picture: Picture): Looks {
  const { data } = resize(picture, { width: side, height: side });
  const count = side * side;
  const grey = Float32Array.from({ length: count }, (_, i) => (data[3 * i]! + 2 * data[3 * i + 1]! + data[3 * i + 2]!) / 4 / 255);
  const colours = new Float32Array(bins ** 3);
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [0, 1, 2].map((channel) => Math.min(bins - 1, (data[3 * i + channel]! * bins) >> 8)) as [number, number, number];
    colours[(r * bins + g) * bins + b]! += 1 / count;
  }
  const edges = new Float32Array(directions + 1);
  for (let y = 1; y < side - 1; y++) for (let x = 1; x < side - 1; x++) {
    const [dx, dy] = [grey[y * side + x + 1]! - grey[y * side + x - 1]!, grey[(y + 1) * side + x]! - grey[(y - 1) * side + x]!];
    const strength = Math.hypot(dx, dy);
    // Half a turn: an edge from dark to light runs like one from light to dark.
    const direction = Math.floor((((Math.atan2(dy, dx) + Math.PI) % Math.PI) / Math.PI) * directions) % directions;
    edges[direction]! += strength / count;
    edges[directions]! += strength / count;
  }
  const layout = new Float32Array(cells * cells);
  for (let i = 0; i < count; i++) layout[Math.floor((Math.floor(i / side) * cells) / side) * cells + Math.floor(((i % side) * cells) / side)]! += grey[i]! / (count / cells ** 2);
  return [colours.map(Math.sqrt), edges, layout];
}

/** Relative differences below this are a draw: that measure has no vote. */
const draw = 0.05;

/**
 * Which of two pictures each measure finds closer to the reference.
 *
 * @returns votes for the left and for the right one, three at most together
 */
export function closerByLooks(reference: Looks, left: Looks, right: Looks): { readonly left: number; readonly right: number } {
  const votes = { left: 0, right: 0 };
  reference.forEach((own, at) => {
    const [a, b] = [distance(own, left[at]!), distance(own, right[at]!)];
    if (Math.abs(a - b) <= draw * Math.max(a, b)) return;
    votes[a < b ? 'left' : 'right']++;
  });
  return votes;
}

const distance = (a: Float32Array, b: Float32Array): number => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0));
