/** Overlaps of boxes as the released rewards measure them, and the cheapest assignment of one set of boxes to another. */
import { area, iou, type Box } from '#models/clinical/finding.ts';

/** [x1, y1, x2, y2] */
export type Corners = readonly [number, number, number, number];

export const boxOf = ([x1, y1, x2, y2]: Corners): Box => ({ x1, y1, x2, y2 });
export const cornersOf = ({ x1, y1, x2, y2 }: Box): Corners => [x1, y1, x2, y2];

/** Four finite numbers. */
export const isCorners = (value: unknown): value is Corners => Array.isArray(value) && value.length === 4 && value.every(Number.isFinite);

/** Corners in order: the box has width and height. */
export const isProper = ([x1, y1, x2, y2]: Corners): boolean => x1 < x2 && y1 < y2;

/** Plain intersection over union, 0 … 1. */
export const plainIou = (a: Corners, b: Corners): number => iou(boxOf(a), boxOf(b));

/**
 * The IoU of VLM-R1: last pixels inclusive when it intersects, exclusive when it measures, so that an overlap of one pixel or less counts as none.
 * null where it divides by zero.
 */
export function plusOneIou(a: Corners, b: Corners): number | null {
  const [left, top] = [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  const [right, bottom] = [Math.min(a[2] - 1, b[2] - 1), Math.min(a[3] - 1, b[3] - 1)];
  const shared = left < right && top < bottom ? (right - left + 1) * (bottom - top + 1) : 0;
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return union === 0 ? null : shared / union;
}

/** Generalized IoU, −1 … 1: IoU less the share of the common hull that neither box covers. */
export function generalizedIou(a: Corners, b: Corners): number {
  const overlap = plainIou(a, b);
  const hull = area({ x1: Math.min(a[0], b[0]), y1: Math.min(a[1], b[1]), x2: Math.max(a[2], b[2]), y2: Math.max(a[3], b[3]) });
  const sum = area(boxOf(a)) + area(boxOf(b));
  const union = sum / (1 + overlap);
  return hull > 0 ? overlap - (hull - union) / hull : 0;
}

/** A box in the model's input pixels, in the file's. */
export const rescaled = (corners: Corners, from: Size, to: Size): Corners => [
  (corners[0] / from.width) * to.width, (corners[1] / from.height) * to.height,
  (corners[2] / from.width) * to.width, (corners[3] / from.height) * to.height,
];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The assignment of rows to columns with the least total cost, each used at most once, min(rows, columns) pairs in the order of the rows.
 * Hungarian method with potentials, O(rows² · columns). A cost that is not finite counts as very dear.
 */
export function assignment(cost: readonly (readonly number[])[]): { readonly row: number; readonly column: number }[] {
  const [rows, columns] = [cost.length, cost[0]?.length ?? 0];
  if (rows > columns) {
    const turned = Array.from({ length: columns }, (_, column) => cost.map((line) => line[column] as number));
    return assignment(turned).map(({ row, column }) => ({ row: column, column: row })).sort((a, b) => a.row - b.row);
  }
  const [rowPotential, columnPotential] = [new Float64Array(rows + 1), new Float64Array(columns + 1)];
  const rowOf = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    const least = new Float64Array(columns + 1).fill(Infinity);
    const cameFrom = new Int32Array(columns + 1);
    const isUsed = new Uint8Array(columns + 1);
    rowOf[0] = row;
    let column = 0;
    do {
      isUsed[column] = 1;
      const at = rowOf[column] as number;
      let [step, next] = [Infinity, 0];
      for (let j = 1; j <= columns; j++) {
        if (isUsed[j]) continue;
        const price = cost[at - 1]?.[j - 1] as number;
        const reduced = (Number.isFinite(price) ? price : 1e15) - (rowPotential[at] as number) - (columnPotential[j] as number);
        if (reduced < (least[j] as number)) [least[j], cameFrom[j]] = [reduced, column];
        if ((least[j] as number) < step) [step, next] = [least[j] as number, j];
      }
      for (let j = 0; j <= columns; j++) {
        if (isUsed[j]) {
          rowPotential[rowOf[j] as number] = (rowPotential[rowOf[j] as number] as number) + step;
          columnPotential[j] = (columnPotential[j] as number) - step;
        } else least[j] = (least[j] as number) - step;
      }
      column = next;
    } while (rowOf[column] !== 0);
    for (; column !== 0; column = cameFrom[column] as number) rowOf[column] = rowOf[cameFrom[column] as number] as number;
  }
  const pairs = Array.from(rowOf).flatMap((row, column) => (column > 0 && row > 0 ? [{ row: row - 1, column: column - 1 }] : []));
  return pairs.sort((a, b) => a.row - b.row);
}
