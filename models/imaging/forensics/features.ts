/**
 * What the integrity network reads of an image: for each cell of 8 × 8 pixels the statistics of its fine detail, how these compare with the rest of the image,
 * what the three maps say, and the detail itself.
 */
import type { Picture } from '#models/imaging/image.ts';
import { copyMap, mostCopyPixels, type CopyMap } from './copies.ts';
import { gridMap, type GridMap } from './grid.ts';
import { noiseMap } from './noise.ts';
import { brightnessPlane, filtered, median, medianResidual, Sums, type Plane } from './planes.ts';

/** Pixels of a cell, a side. */
export const cellSide = 8;
/** Statistics are of the cell and so many pixels around it. */
const margin = 4;
/** The detail is read this far around the cell. */
const detailMargin = 2;
const detailSide = cellSide + 2 * detailMargin;

const kernels = {
  across: [0, 0, 0, -0.5, 1, -0.5, 0, 0, 0],
  down: [0, -0.5, 0, 0, 1, 0, 0, -0.5, 0],
  both: [-0.25, 0.5, -0.25, 0.5, -1, 0.5, -0.25, 0.5, -0.25],
} as const;
const lags = [[1, 0], [0, 1], [2, 0], [0, 2], [1, 1]] as const;

const statistics = 28;
/** Numbers for each cell. */
export const featureWidth = statistics + detailSide * detailSide;

/** Maps that are computed without anything learnt; positive and negative values alike are evidence, in robust deviations but for the copies. */
export interface EvidenceMaps {
  readonly noise: Plane;
  readonly copies: CopyMap;
  readonly grid: GridMap;
}

/** Copies are not searched for in an image of more than `mostCopyPixels`. */
export function evidenceMaps(picture: Picture): EvidenceMaps {
  const plane = brightnessPlane(picture);
  const { width, height } = plane;
  const copies = width * height <= mostCopyPixels ? copyMap(plane) : { copies: [], plane: { width, height, data: new Float32Array(width * height) } };
  return { noise: noiseMap(plane), copies, grid: gridMap(plane) };
}

/** @returns [cells, featureWidth], cells row by row; a picture whose sides are no multiples of a cell has its last cells cut short */
export function cellFeatures(picture: Picture, maps: EvidenceMaps = evidenceMaps(picture)): Float32Array {
  const plane = brightnessPlane(picture);
  const { width, height } = plane;
  const [columns, rows] = [Math.ceil(width / cellSide), Math.ceil(height / cellSide)];
  const details = [medianResidual(plane), filtered(plane, kernels.across), filtered(plane, kernels.down), filtered(plane, kernels.both)] as const;
  const squares = details.map((detail) => sumsOf(detail, (x) => x * x));
  const sizes = [details[0], details[3]].map((detail) => sumsOf(detail, Math.abs));
  const products = lags.map(([dx, dy]) => new Sums(product(details[3], dx, dy)));
  const still = sumsOf(details[0], (x) => Number(Math.abs(x) < 0.5));
  const [level, power] = [new Sums(plane), sumsOf(plane, (x) => x * x)];
  const saturated = sumsOf(plane, (x) => Number(x < 1 || x > 254));
  const colours = [0, 2].map((channel) => new Sums({ width, height, data: Float32Array.from({ length: width * height }, (_, i) => Math.abs(picture.data[3 * i + channel]! - picture.data[3 * i + 1]!)) }));
  const [noise, copies, grid] = [new Sums(maps.noise), new Sums(maps.copies.plane), new Sums(maps.grid.plane)];
  const overall = Math.sqrt(squares[3]!.over(0, 0, width, height) / (width * height)) + 1;

  const result = new Float32Array(columns * rows * featureWidth);
  const energies: number[][] = [[], [], [], []];
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
    const at = (row * columns + column) * featureWidth;
    const [x1, y1, x2, y2] = [Math.max(0, column * cellSide - margin), Math.max(0, row * cellSide - margin), Math.min(width, (column + 1) * cellSide + margin), Math.min(height, (row + 1) * cellSide + margin)];
    const count = (x2 - x1) * (y2 - y1);
    const mean = (sums: Sums): number => sums.over(x1, y1, x2, y2) / count;
    const inside = (sums: Sums): number => {
      const [a, b, c, d] = [column * cellSide, row * cellSide, Math.min(width, (column + 1) * cellSide), Math.min(height, (row + 1) * cellSide)];
      return sums.over(a, b, c, d) / ((c - a) * (d - b));
    };
    const rms = squares.map((sums) => Math.sqrt(Math.max(0, mean(sums))));
    const logs = squares.map((sums) => 0.5 * Math.log(Math.max(0, mean(sums)) + 0.05));
    logs.forEach((value, k) => energies[k]!.push(value));
    const brightness = mean(level);
    const values = [
      ...logs, 0, 0, 0, 0,
      mean(sizes[0]!) / (rms[0]! + 0.1), mean(sizes[1]!) / (rms[3]! + 0.1),
      ...products.map((sums) => mean(sums) / (rms[3]! ** 2 + 0.1)),
      brightness / 128 - 1, 0.5 * Math.log(Math.max(0, mean(power) - brightness ** 2) + 1) - 2,
      mean(noise) / 4, inside(noise) / 4, extreme(maps.noise, x1, y1, x2, y2) / 4,
      inside(copies), mean(copies),
      inside(grid) / 4, maps.grid.clearness - 1,
      mean(saturated), mean(colours[0]!) / 32, mean(colours[1]!) / 32, mean(still),
    ];
    result.set(values, at);
    for (let dy = 0; dy < detailSide; dy++) for (let dx = 0; dx < detailSide; dx++) {
      const [x, y] = [Math.min(width - 1, Math.max(0, column * cellSide - detailMargin + dx)), Math.min(height - 1, Math.max(0, row * cellSide - detailMargin + dy))];
      result[at + statistics + dy * detailSide + dx] = Math.max(-3, Math.min(3, details[3].data[y * width + x]! / overall));
    }
  }
  const usual = energies.map(median);
  for (let cell = 0; cell < columns * rows; cell++) for (let k = 0; k < 4; k++) result[cell * featureWidth + 4 + k] = result[cell * featureWidth + k]! - usual[k]!;
  return result;
}

const sumsOf = ({ width, height, data }: Plane, value: (x: number) => number): Sums => new Sums({ width, height, data: data.map(value) });

/** Each pixel times the one so far to the right and below. */
function product({ width, height, data }: Plane, dx: number, dy: number): Plane {
  const result = new Float32Array(data.length);
  for (let y = 0; y + dy < height; y++) for (let x = 0; x + dx < width; x++) result[y * width + x] = data[y * width + x]! * data[(y + dy) * width + x + dx]!;
  return { width, height, data: result };
}

/** The value farthest from 0. */
function extreme({ width, data }: Plane, x1: number, y1: number, x2: number, y2: number): number {
  let most = 0;
  for (let y = y1; y < y2; y += 2) for (let x = x1; x < x2; x += 2) if (Math.abs(data[y * width + x]!) > Math.abs(most)) most = data[y * width + x]!;
  return most;
}
