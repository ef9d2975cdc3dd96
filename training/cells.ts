/** The boxes of an image as targets for its cells: what each shows, and where the edges of that lie. */
import type { Box } from '#models/clinical/finding.ts';
import type { Grid } from '#models/networks/rope.ts';
import type { Example } from './examples.ts';
import type { Bucket } from './graphs.ts';
import { cellHeads, edgeBins, placeBins } from './objectives/cells.ts';
import type { Feed, Packed } from './pack.ts';
import type { CaseBox } from './records/caseRecord.ts';

/** What a cell can show. Where boxes overlap, the rarer thing counts: the red cells of a smear are everywhere. */
export const cellClasses = [
  'nothing', 'something else', 'red_blood_cell', 'left_lung', 'right_lung', 'kidney', 'skin_lesion', 'benign_lesion', 'malignant_lesion', 'retinal_fluid',
  'hard_exudates', 'glioma', 'meningioma', 'pituitary_tumour', 'haemorrhage', 'kidney_tumour', 'white_blood_cell', 'platelet',
] as const;

export const headsOfCells = cellHeads(cellClasses.length);

const classOf = (name: string): number => {
  const at = (cellClasses as readonly string[]).indexOf(name.endsWith('haemorrhage') ? 'haemorrhage' : name);
  return at < 0 ? 1 : at;
};

/** One row for each head, in the order of `headsOfCells`; a target of −1 is not known. */
export type CellTargets = readonly Int32Array[];

/**
 * @param boxes  in pixels of a picture of `size`; null where nobody looked
 * @param grid   of patches; a cell is `mergeSize` of them on a side
 */
export function cellTargets(boxes: readonly CaseBox[] | null, size: { readonly width: number; readonly height: number }, grid: Grid, mergeSize: number): CellTargets {
  const [rows, columns] = [grid[1] / mergeSize, grid[2] / mergeSize];
  const [height, width] = [size.height / rows, size.width / columns];
  const targets = headsOfCells.map(() => new Int32Array(rows * columns).fill(-1));
  const bin = (part: number): number => Math.min(edgeBins - 1, Math.max(0, Math.floor(part * edgeBins)));
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
    const at = row * columns + column;
    [targets[5]![at], targets[6]![at]] = [Math.min(row, placeBins - 1), Math.min(column, placeBins - 1)];
    if (!boxes) continue;
    const cell = { x1: column * width, y1: row * height, x2: (column + 1) * width, y2: (row + 1) * height };
    const shown = shownIn(cell, boxes);
    targets[0]![at] = shown ? classOf(shown.class) : 0;
    const told = toldBy(cell, shown, boxes);
    if (!told) continue;
    const { x1, y1, x2, y2 } = told.box;
    [x1 / size.width, y1 / size.height, x2 / size.width, y2 / size.height].forEach((edge, i) => { targets[1 + i]![at] = bin(edge); });
  }
  return targets;
}

/** The box that a cell speaks for: one whose centre it holds, or one that covers its centre; the rarest class first, then the smallest. */
function shownIn(cell: Box, boxes: readonly CaseBox[]): CaseBox | undefined {
  const holds = (outer: Box, x: number, y: number): boolean => x >= outer.x1 && x < outer.x2 && y >= outer.y1 && y < outer.y2;
  const [x, y] = [(cell.x1 + cell.x2) / 2, (cell.y1 + cell.y2) / 2];
  const candidates = boxes.filter(({ box }) => holds(box, x, y) || holds(cell, (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2));
  const size = ({ box }: CaseBox): number => (box.x2 - box.x1) * (box.y2 - box.y1);
  return candidates.sort((a, b) => classOf(b.class) - classOf(a.class) || size(a) - size(b))[0];
}

/**
 * The box whose edges a cell tells: its own, or the nearest of the rarest kind. Whoever looks at the image as a whole, not yet knowing where to look,
 * then already hears of the thing that is asked for; red cells are never asked for one by one.
 */
function toldBy(cell: Box, shown: CaseBox | undefined, boxes: readonly CaseBox[]): CaseBox | undefined {
  const common = classOf('red_blood_cell');
  if (shown && classOf(shown.class) !== common) return shown;
  const rarest = boxes.reduce((most, { class: name }) => Math.max(most, classOf(name) === classOf('platelet') ? 0 : classOf(name)), 0);
  const distance = ({ box }: CaseBox): number => Math.hypot(box.x1 + box.x2 - cell.x1 - cell.x2, box.y1 + box.y2 - cell.y1 - cell.y2);
  const candidates = rarest === common ? [] : boxes.filter(({ class: name }) => classOf(name) === rarest);
  return candidates.sort((a, b) => distance(a) - distance(b))[0] ?? shown;
}

/** The targets of a batch as the inputs that `supervisedGraph` takes for its loss over cells. */
export function packCells(imageToken: number, { batch, tokens }: Pick<Bucket, 'batch' | 'tokens'>, examples: readonly Pick<Example, 'prefix' | 'cells'>[]): Packed['feeds'] {
  const each = examples[0]!.cells[0]!.length;
  const rows = BigInt64Array.from(examples.flatMap(({ prefix }, b) => prefix.flatMap((id, i) => (id === imageToken ? [BigInt(b * tokens + i)] : []))));
  if (rows.length !== batch * each) throw new RangeError(`packCells: ${rows.length} image tokens for ${batch * each} cells`);
  const feeds: Record<string, Feed> = { 'cell.rows': { type: 'int64', dims: [rows.length], data: rows } };
  headsOfCells.forEach(({ name }, head) => {
    const targets = BigInt64Array.from({ length: rows.length }, (_, i) => BigInt(Math.max(0, examples[Math.floor(i / each)]!.cells[head]![i % each]!)));
    const known = Float32Array.from({ length: rows.length }, (_, i) => (examples[Math.floor(i / each)]!.cells[head]![i % each]! < 0 ? 0 : 1));
    // A mean over the cells that are known; a batch in which nearly none is shall not learn from those few as if they were all.
    const count = Math.max(known.reduce((a, b) => a + b, 0), known.length / 8);
    feeds[`cell.${name}.targets`] = { type: 'int64', dims: [rows.length], data: targets };
    feeds[`cell.${name}.shares`] = { type: 'float32', dims: [rows.length], data: known.map((one) => one / count) };
  });
  return feeds;
}
