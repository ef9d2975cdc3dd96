/** The drawing kernel: coverage is exact, noise has the statistics it claims, and boxes hold what was drawn. */
import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import {
  blob, blurred, boxOfField, boxOfMask, ellipse, enclosedArea, field, filled, fractalNoise, harmonics, isInside, longAxis, paint, smoothNoise,
    softened, speckle, stroke, whiteNoise,
} from '#training/synthesis/phantoms/drawing.ts';
import type { Mask, Point } from '#training/synthesis/phantoms/drawing.ts';

const total = (data: Float32Array): number => data.reduce((a, b) => a + b, 0);
const meanOf = (data: Float32Array): number => total(data) / data.length;
function deviationOf(data: Float32Array): number {
  const mean = meanOf(data);
  return Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length);
}
const at = ({ x, y, width, height, data }: Mask, px: number, py: number): number =>
  (px < x || py < y || px >= x + width || py >= y + height ? 0 : data[(py - y) * width + px - x]!);

describe('a filled outline', () => {
  test('covers as much as it encloses, whatever its shape and place', () => {
    const random = new Random(1);
    for (let k = 0; k < 60; k++) {
      const outline = blob(random.between(-40, 40), random.between(-40, 40), random.between(0.4, 30), random.between(0.4, 30),
        random.between(0, 3), harmonics(random, 0.1, 5));
      const area = enclosedArea(outline);
      expect(Math.abs(total(filled(outline).data) - area)).toBeLessThan(1e-3 * area + 1e-3);
    }
  });

  test('covers half of a pixel that its edge halves, and nothing beyond', () => {
    const mask = filled([[1, 1], [3.5, 1], [3.5, 2], [1, 2]]);
    expect([0, 1, 2, 3, 4].map((x) => at(mask, x, 1))).toEqual([0, 1, 1, 0.5, 0]);
    expect(at(mask, 2, 0)).toBe(0);
    expect(at(mask, 2, 2)).toBe(0);
  });

  test('agrees with supersampling along slanted edges', () => {
    const triangle: Point[] = [[0.3, 0.2], [9.1, 3.7], [2.4, 8.8]];
    const mask = filled(triangle);
    for (let y = 0; y < 10; y++) {
      for (let x = 0; x < 10; x++) {
        let hits = 0;
        for (let k = 0; k < 400; k++) if (isInside(triangle, x + ((k % 20) + 0.5) / 20, y + (Math.floor(k / 20) + 0.5) / 20)) hits++;
        expect(Math.abs(at(mask, x, y) - hits / 400)).toBeLessThan(0.03);
      }
    }
  });

  test('may hang over the edge of the picture', () => {
    const picture = field(8, 8);
    paint(picture, filled(ellipse(0, 4, 3, 3)), 1);
    expect(picture.data[4 * 8]).toBe(1);
    expect(total(picture.data)).toBeCloseTo(Math.PI * 9 / 2, 0);
    paint(picture, filled(ellipse(-50, -50, 3, 3)), 5);
    expect(Math.max(...picture.data)).toBe(1);
  });

  test('keeps its sum when it is softened', () => {
    const outline = ellipse(10.3, 12.1, 5, 3);
    expect(total(softened(outline, 2).data)).toBeCloseTo(total(filled(outline).data), 0);
  });
});

describe('boxes', () => {
  test('hold the pixels that are at least half covered, right and lower edge exclusive', () => {
    const box = boxOfMask({ width: 20, height: 20 }, filled([[2, 3], [7.4, 3], [7.4, 9.6], [2, 9.6]]));
    expect(box).toEqual({ x1: 2, y1: 3, x2: 7, y2: 10 });
  });

  test('are cut at the picture and absent where nothing is seen', () => {
    expect(boxOfMask({ width: 10, height: 10 }, filled(ellipse(0, 5, 3, 3)))).toEqual({ x1: 0, y1: 2, x2: 3, y2: 8 });
    expect(boxOfMask({ width: 10, height: 10 }, filled(ellipse(40, 5, 3, 3)))).toBeNull();
    expect(boxOfField(field(4, 4))).toBeNull();
  });
});

describe('noise', () => {
  test('is white with mean 0 and variance 1', () => {
    const noise = whiteNoise(new Random(3), 40_000);
    expect(meanOf(noise)).toBeCloseTo(0, 1);
    expect(deviationOf(noise)).toBeCloseTo(1, 1);
  });

  test('keeps a variance of about 1 when it is smooth or fractal', () => {
    for (const noise of [smoothNoise(new Random(4), 300, 300, 6), smoothNoise(new Random(5), 300, 300, 9, 3),
      fractalNoise(new Random(6), 300, 300, 16, 4)]) {
      expect(Math.abs(meanOf(noise.data))).toBeLessThan(0.25);
      expect(deviationOf(noise.data)).toBeGreaterThan(0.9);
      expect(deviationOf(noise.data)).toBeLessThan(1.1);
    }
  });

  test('is smooth within a cell and independent across several', () => {
    const { data, width } = smoothNoise(new Random(7), 256, 256, 8);
    let near = 0;
    let far = 0;
    for (let i = 0; i < data.length - 40; i++) {
      near += data[i]! * data[i + 1]!;
      far += i % width < width - 40 ? data[i]! * data[i + 40]! : 0;
    }
    expect(near / data.length).toBeGreaterThan(0.9);
    expect(Math.abs(far / data.length)).toBeLessThan(0.1);
  });

  test('of speckle is Rayleigh distributed: its mean over its deviation is 1.91', () => {
    const { data } = speckle(new Random(8), 400, 400, 1.2, 0.7);
    expect(meanOf(data)).toBeCloseTo(1, 1);
    expect(meanOf(data) / deviationOf(data)).toBeCloseTo(1.913, 1);
  });
});

describe('blurring', () => {
  test('spreads a point into a bell of the stated width, narrow and wide', () => {
    for (const sigma of [1, 2.5, 6]) {
      const point = field(81, 81);
      point.data[40 * 81 + 40] = 1;
      const { data } = blurred(point, sigma);
      let variance = 0;
      for (let i = 0; i < data.length; i++) variance += data[i]! * ((i % 81) - 40) ** 2;
      expect(total(data)).toBeCloseTo(1, 2);
      expect(Math.sqrt(variance) / sigma).toBeGreaterThan(0.9);
      expect(Math.sqrt(variance) / sigma).toBeLessThan(1.1);
    }
  });

  test('leaves an even field as it is, edges included', () => {
    expect(blurred(field(30, 20, 7), 3).data.every((value) => Math.abs(value - 7) < 1e-4)).toBe(true);
    expect(blurred(field(30, 20, 7), 9).data.every((value) => Math.abs(value - 7) < 1e-3)).toBe(true);
  });
});

describe('curves', () => {
  test('are as wide as they should be and fade when they are thinner than a pixel', () => {
    const wide = field(20, 20);
    stroke(wide, [[10, -5], [10, 25]], 3);
    expect(total(wide.data.subarray(200, 220))).toBeCloseTo(6, 5);
    const thin = field(20, 20);
    stroke(thin, [[10.5, -5], [10.5, 25]], 0.1);
    expect(Math.max(...thin.data)).toBeCloseTo(0.2, 5);
  });

  test('tell the long axis of an ellipse', () => {
    expect(longAxis(ellipse(5, 5, 12, 4, 0.7))).toBeCloseTo(24, 0);
  });
});
