import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { continuityMap } from '#models/imaging/forensics/continuity.ts';
import { copyMap, mostCopyPixels } from '#models/imaging/forensics/copies.ts';
import { cellFeatures, evidenceMaps, featureWidth } from '#models/imaging/forensics/features.ts';
import { gridMap } from '#models/imaging/forensics/grid.ts';
import { noiseMap } from '#models/imaging/forensics/noise.ts';
import { deviations, filtered, median, medianResidual, Sums, windowMean, type Plane } from '#models/imaging/forensics/planes.ts';
import { compressed } from '#training/synthesis/alterations/history.ts';

const size = 96;
const plane = (value: (x: number, y: number) => number, side = size): Plane => ({ width: side, height: side, data: Float32Array.from({ length: side * side }, (_, i) => value(i % side, Math.floor(i / side))) });
const noisy = (seed: number, amount: number, side = size): Plane => {
  const random = new Random(seed);
  return plane(() => 120 + amount * random.normal(), side);
};
const pictureOf = ({ width, height, data }: Plane): Picture => ({ width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.max(0, Math.min(255, Math.round(data[Math.floor(i / 3)]!)))) });
const meanIn = ({ width, data }: Plane, [x1, y1, x2, y2]: readonly [number, number, number, number]): number => {
  let sum = 0;
  for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) sum += data[y * width + x]!;
  return sum / ((x2 - x1) * (y2 - y1));
};

describe('planes', () => {
  test('a filter, a median and a window are what they say at edges too', () => {
    const small: Plane = { width: 3, height: 2, data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    expect([...filtered(small, [0, 0, 0, -0.5, 1, -0.5, 0, 0, 0]).data]).toEqual([-0.5, 0, 0.5, -0.5, 0, 0.5]);
    expect(medianResidual(small).data[0]).toBe(-1);
    expect(new Sums(small).over(1, 0, 3, 2)).toBe(16);
    expect([...windowMean(small, 1).data]).toEqual([3, 3.5, 4, 3, 3.5, 4]);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([])).toBe(0);
  });

  test('deviations are told against values of equal brightness', () => {
    const values = Float32Array.from({ length: 200 }, (_, i) => (i < 100 ? 1 : 10) + (i % 10) / 10);
    values[5] = 4;
    const z = deviations(values, Float32Array.from({ length: 200 }, (_, i) => (i < 100 ? 40 : 200)), { classes: 2, least: 0.1 });
    expect(z[5]).toBeGreaterThan(5);
    expect(Math.max(...z.subarray(100).map(Math.abs))).toBeLessThan(2);
  });
});

describe('noise', () => {
  test('a smoothed place lies far below the rest, a noisier one far above', () => {
    const base = noisy(1, 6);
    const smooth = windowMean(base, 2);
    const data = base.data.map((value, i) => {
      const [x, y] = [i % size, Math.floor(i / size)];
      if (x >= 20 && x < 44 && y >= 20 && y < 44) return smooth.data[i]!;
      return x >= 60 && x < 80 && y >= 60 && y < 80 ? 120 + (value - 120) * 2.5 : value;
    });
    const map = noiseMap({ ...base, data });
    expect(meanIn(map, [26, 26, 38, 38])).toBeLessThan(-3);
    expect(meanIn(map, [65, 65, 75, 75])).toBeGreaterThan(3);
    expect(Math.abs(meanIn(map, [50, 4, 90, 50]))).toBeLessThan(1);
  });

  test('one colour shows nothing', () => expect(noiseMap(plane(() => 77)).data.every((z) => z === 0)).toBe(true));
});

describe('copies', () => {
  const texture = windowMean(noisy(5, 60), 1);
  test('a moved part is found with its shift, both places marked', () => {
    const data = texture.data.slice();
    for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) data[(y + 60) * size + x + 56] = texture.data[(y + 8) * size + x + 6]!;
    const { copies, plane: marks } = copyMap({ ...texture, data });
    expect(copies[0]).toMatchObject({ dx: 50, dy: 52 });
    expect(copies).toHaveLength(1);
    expect(meanIn(marks, [60, 64, 80, 84])).toBeGreaterThan(1);
    expect(meanIn(marks, [10, 12, 30, 32])).toBeGreaterThan(1);
    expect(meanIn(marks, [50, 0, 90, 40])).toBe(0);
  });

  test('a patch of 64 pixels moved by 80 is found with that shift, and its places cover what was copied by four fifths', () => {
    const wide = { width: 224, height: 160 };
    const random = new Random(4);
    const smooth = windowMean({ ...wide, data: Float32Array.from({ length: wide.width * wide.height }, () => 100 + 60 * random.normal()) }, 1);
    const data = smooth.data.slice();
    const [left, top, side, shift] = [30, 50, 64, 80];
    for (let y = top; y < top + side; y++) for (let x = left; x < left + side; x++) data[y * wide.width + x + shift] = smooth.data[y * wide.width + x]!;
    const { copies, plane: marks } = copyMap({ ...wide, data });
    expect([Math.abs(copies[0]!.dx), Math.abs(copies[0]!.dy)]).toEqual([shift, 0]);
    let [both, either] = [0, 0];
    for (let y = 0; y < wide.height; y++) for (let x = 0; x < wide.width; x++) {
      const isCopied = y >= top && y < top + side && ((x >= left && x < left + side) || (x >= left + shift && x < left + shift + side));
      const isMarked = marks.data[y * wide.width + x]! > 0;
      both += Number(isCopied && isMarked);
      either += Number(isCopied || isMarked);
    }
    expect(both / either).toBeGreaterThanOrEqual(0.8);
  });

  test('texture, one colour and a chequerboard hold no copies', () => {
    for (const flat of [texture, plane(() => 10), plane((x, y) => ((x >> 3) + (y >> 3)) % 2 * 200)]) expect(copyMap(flat).copies).toEqual([]);
  });

  test('an image smaller than a block has none, one too large is refused', () => {
    expect(copyMap(plane(() => 1, 5)).copies).toEqual([]);
    expect(() => copyMap({ width: mostCopyPixels, height: 2, data: new Float32Array(0) })).toThrow(RangeError);
  });
});

describe('grid', () => {
  const side = 160;
  const scene = plane((x, y) => 110 + 30 * Math.sin(x / 9) + 25 * Math.cos(y / 7), side);
  const random = new Random(3);
  const grained = { ...scene, data: scene.data.map((value) => value + 5 * random.normal()) };
  const greyOf = ({ width, height, data }: Picture): Plane => ({ width, height, data: Float32Array.from({ length: width * height }, (_, i) => data[3 * i]!) });
  test('compression leaves a grid at its phase, none is found without it', () => {
    expect(gridMap(grained).clearness).toBeLessThan(1.12);
    expect(gridMap(grained).plane.data.every((z) => z === 0)).toBe(true);
    const found = gridMap(greyOf(compressed(pictureOf(grained), 60)));
    expect(found.phase).toEqual([0, 0]);
    expect(found.clearness).toBeGreaterThan(1.12);
  });

  test('a part with another grid stands out', () => {
    const whole = greyOf(compressed(pictureOf(grained), 50));
    const data = whole.data.slice();
    for (let y = 0; y < 56; y++) for (let x = 0; x < 56; x++) data[(y + 80) * side + x + 80] = whole.data[(y + 13) * side + x + 21]!;
    const { plane: z } = gridMap({ ...whole, data });
    expect(meanIn(z, [96, 96, 124, 124])).toBeGreaterThan(3);
    expect(Math.abs(meanIn(z, [8, 8, 64, 64]))).toBeLessThan(2);
  });
});

test('a thing in one slice alone stands out, one that runs through does not', () => {
  const [before, slice, after] = [noisy(1, 2), noisy(2, 2), noisy(3, 2)];
  for (let y = 20; y < 32; y++) for (let x = 20; x < 32; x++) slice.data[y * size + x]! += 40;
  for (const each of [before, slice, after]) for (let y = 60; y < 72; y++) for (let x = 60; x < 72; x++) each.data[y * size + x]! += 40;
  const map = continuityMap(before, slice, after);
  expect(meanIn(map, [23, 23, 29, 29])).toBeGreaterThan(6);
  expect(Math.abs(meanIn(map, [63, 63, 69, 69]))).toBeLessThan(2);
  expect(() => continuityMap(before, noisy(1, 1, 10), after)).toThrow(RangeError);
});

test('features are finite numbers for every cell, of one colour and of an odd size too', () => {
  for (const [picture, cells] of [[pictureOf(noisy(1, 5)), 144], [pictureOf(plane(() => 200)), 144], [{ width: 13, height: 9, data: new Uint8Array(351) }, 4]] as const) {
    const features = cellFeatures(picture, evidenceMaps(picture));
    expect(features).toHaveLength(cells * featureWidth);
    expect(features.every(Number.isFinite)).toBe(true);
  }
});
