/** What a program can measure on the pixels: brightness by region, symmetry, and the place and size of boxes. */
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';

/** Mean brightness (luma, 0 … 1) by region of the picture. */
export interface Brightness {
  readonly whole: number;
  readonly left: number;
  readonly right: number;
  readonly upper: number;
  readonly lower: number;
  readonly quarters: { readonly upperLeft: number; readonly upperRight: number; readonly lowerLeft: number; readonly lowerRight: number };
  /** Mean absolute difference between the picture and its mirror image, on a coarse grid: 0 is symmetric. */
  readonly asymmetry: number;
}

const cells = 16;

/** Measures a picture of at least 2 x 2 pixels; one pass. */
export function brightnessOf({ width, height, data }: Picture): Brightness {
  const sums = new Float64Array(cells * cells);
  const counts = new Float64Array(cells * cells);
  const column = Uint8Array.from({ length: width }, (_, x) => Math.floor((x * cells) / width));
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor((y * cells) / height) * cells;
    for (let x = 0; x < width; x++, at += 3) {
      const cell = row + column[x]!;
      sums[cell]! += 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
      counts[cell]!++;
    }
  }
  const grid = sums.map((total, cell) => (counts[cell]! > 0 ? total / counts[cell]! / 255 : 0));
  return brightnessOfGrid(grid);
}

/** @param grid [16 · 16] mean brightness of each cell, row by row */
export function brightnessOfGrid(grid: Float64Array): Brightness {
  const half = cells / 2;
  const meanOf = (x1: number, y1: number, x2: number, y2: number): number => {
    let total = 0;
    for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) total += grid[y * cells + x]!;
    return total / ((x2 - x1) * (y2 - y1));
  };
  let difference = 0;
  for (let y = 0; y < cells; y++) for (let x = 0; x < half; x++) difference += Math.abs(grid[y * cells + x]! - grid[y * cells + cells - 1 - x]!);
  const quarters = {
    upperLeft: meanOf(0, 0, half, half), upperRight: meanOf(half, 0, cells, half), lowerLeft: meanOf(0, half, half, cells),
    lowerRight: meanOf(half, half, cells, cells),
  };
  return {
    whole: meanOf(0, 0, cells, cells),
    left: meanOf(0, 0, half, cells), right: meanOf(half, 0, cells, cells), upper: meanOf(0, 0, cells, half), lower: meanOf(0, half, cells, cells),
    quarters, asymmetry: difference / (cells * half),
  };
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The ninth of the picture that holds the box's centre, in words: "upper left", "centre", "lower middle". */
export function placeOf({ x1, y1, x2, y2 }: Box, { width, height }: Size): string {
  const column = third((x1 + x2) / 2 / width);
  const row = third((y1 + y2) / 2 / height);
  if (column === 1 && row === 1) return 'centre';
  return `${['upper', 'middle', 'lower'][row]!} ${['left', 'middle', 'right'][column]!}`.replace('middle middle', 'centre');
}

export const places = [
  'upper left', 'upper middle', 'upper right', 'middle left', 'centre', 'middle right', 'lower left', 'lower middle', 'lower right',
] as const;

const third = (part: number): 0 | 1 | 2 => (part < 0.4 ? 0 : part > 0.6 ? 2 : 1);

/** Which half holds nearly all of the box; null where it straddles the middle. */
export function sideOf({ x1, x2 }: Box, { width }: Size): 'left' | 'right' | null {
  const middle = (x1 + x2) / 2 / width;
  return middle < 0.44 ? 'left' : middle > 0.56 ? 'right' : null;
}

/** Share of the picture that the box covers, in percent. */
export const shareOf = ({ x1, y1, x2, y2 }: Box, { width, height }: Size): number => (100 * (x2 - x1) * (y2 - y1)) / (width * height);

/** Whole pixels within the picture, at least one wide and high. */
export function wholeBox(box: Box, { width, height }: Size): Box {
  const x1 = Math.min(Math.max(0, Math.round(box.x1)), width - 1);
  const y1 = Math.min(Math.max(0, Math.round(box.y1)), height - 1);
  return { x1, y1, x2: Math.min(width, Math.max(x1 + 1, Math.round(box.x2))), y2: Math.min(height, Math.max(y1 + 1, Math.round(box.y2))) };
}

/** Reading order: by quarters of the height from top to bottom, within one from left to right. */
export const inReadingOrder = <T extends { readonly box: Box }>(items: readonly T[], { height }: Size): T[] => {
  const band = ({ y1, y2 }: Box): number => Math.floor((4 * (y1 + y2)) / 2 / height);
  return [...items].sort((a, b) => band(a.box) - band(b.box) || a.box.x1 - b.box.x1 || a.box.y1 - b.box.y1);
};

/** The smallest box around all of them. */
export const hullOf = (boxes: readonly Box[]): Box => ({
  x1: Math.min(...boxes.map((box) => box.x1)), y1: Math.min(...boxes.map((box) => box.y1)),
  x2: Math.max(...boxes.map((box) => box.x2)), y2: Math.max(...boxes.map((box) => box.y2)),
});
