/** From a map of how likely each cell was altered to regions: seeds where it is highest, grown over what is still likely beside them. */
import type { Box } from '#models/clinical/finding.ts';
import { cellSide } from '#models/imaging/forensics/features.ts';

/** Likelihoods 0 … 1 of cells of 8 × 8 pixels, row by row. */
export interface CellMap {
  readonly columns: number;
  readonly rows: number;
  readonly data: Float32Array;
}

export interface AlteredRegion {
  /** In pixels of the image. */
  readonly box: Box;
  /** The mean likelihood of its cells. */
  readonly score: number;
  /** Its cells, as indices into the map. */
  readonly cells: readonly number[];
}

/** A region begins at a cell of at least `seed` and takes in neighbours of at least `grow`. */
export interface RegionOptions {
  readonly seed?: number;
  readonly grow?: number;
  /** Fewer cells are no region. */
  readonly leastCells?: number;
}

/** Connected regions, the one with the most likelihood in all first. Boxes are cut at the image's edges. */
export function alteredRegions({ columns, rows, data }: CellMap, { width, height }: { readonly width: number; readonly height: number }, { seed = 0.7, grow = 0.5, leastCells = 3 }: RegionOptions = {}): AlteredRegion[] {
  const taken = new Uint8Array(data.length);
  const regions: (AlteredRegion & { readonly sum: number })[] = [];
  for (let start = 0; start < data.length; start++) {
    if (taken[start] || data[start]! < seed) continue;
    taken[start] = 1;
    const cells = [start];
    for (let at = 0; at < cells.length; at++) {
      const [x, y] = [cells[at]! % columns, Math.floor(cells[at]! / columns)];
      for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1]] as const) {
        const [nx, ny] = [x + dx, y + dy];
        const next = ny * columns + nx;
        if (nx < 0 || ny < 0 || nx >= columns || ny >= rows || taken[next] || data[next]! < grow) continue;
        taken[next] = 1;
        cells.push(next);
      }
    }
    if (cells.length < leastCells) continue;
    const sum = cells.reduce((total, cell) => total + data[cell]!, 0);
    const xs = cells.map((cell) => cell % columns);
    const ys = cells.map((cell) => Math.floor(cell / columns));
    const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity) * cellSide;
    const most = (values: readonly number[], size: number): number => Math.min(size, (values.reduce((a, b) => Math.max(a, b), 0) + 1) * cellSide);
    regions.push({ box: { x1: least(xs), y1: least(ys), x2: most(xs, width), y2: most(ys, height) }, score: sum / cells.length, sum, cells });
  }
  return regions.sort((a, b) => b.sum - a.sum).map(({ box, score, cells }) => ({ box, score, cells }));
}
