import { describe, expect, test } from 'vitest';
import { averagePrecisionAt, type ImageResult, type LocatedImage, measuresOf, precisionDifference, sensitivityAt, separation } from '#training/localizing.ts';

const box = (x1: number, size = 10) => ({ x1, y1: 0, x2: x1 + size, y2: size });
const found = (...boxes: readonly (readonly [number, number])[]): ImageResult['found'] => boxes.map(([x1, score]) => ({ box: box(x1), score }));

describe('average precision', () => {
  test('is 1 where every thing is met before anything else', () => expect(averagePrecisionAt([{ gold: [box(0), box(50)], found: found([50, 0.9], [0, 0.8], [200, 0.1]) }], 0.5)).toBeCloseTo(1, 9));
  test('is 0 where nothing is', () => expect(averagePrecisionAt([{ gold: [box(0)], found: found([40, 0.9]) }], 0.5)).toBe(0));
  test('ranks boxes of all images together', () => {
    const images = [{ gold: [box(0)], found: found([0, 0.5]) }, { gold: [], found: found([0, 0.9]) }];
    expect(averagePrecisionAt(images, 0.5)).toBeCloseTo(0.5, 9);
  });
  test('counts a second box on a thing as wrong', () => expect(averagePrecisionAt([{ gold: [box(0), box(90)], found: found([0, 0.9], [1, 0.8], [90, 0.7]) }], 0.5)).toBeCloseTo((51 + 50 * (2 / 3)) / 101, 6));
  test('knows nothing where there is nothing to find', () => expect(averagePrecisionAt([{ gold: [], found: found([0, 0.9]) }], 0.5)).toBeNull());
  test('forgives a looser box at a lower overlap', () => {
    const images = [{ gold: [box(0)], found: found([5, 0.9]) }];
    expect([averagePrecisionAt(images, 0.5), averagePrecisionAt(images, 0.3)]).toEqual([0, expect.closeTo(1, 9)]);
  });
});

test('sensitivity counts what is met before the false boxes are too many', () => {
  const images = [{ gold: [box(0), box(50)], found: found([0, 0.9], [100, 0.8], [50, 0.7], [150, 0.6]) }, { gold: [box(0)], found: found([100, 0.85], [0, 0.2]) }];
  expect(sensitivityAt(images, 0.5, 0.3)).toBeCloseTo(1 / 3, 9);
  expect(sensitivityAt(images, 1, 0.3)).toBeCloseTo(2 / 3, 9);
  expect(sensitivityAt(images, 2, 0.3)).toBe(1);
  expect(measuresOf('cell', images)).toMatchObject({ kind: 'cell', images: 2, things: 3 });
});

test('prompts of two kinds lie apart by their cosines', () => {
  const vector = (...x: number[]) => Float32Array.from(x);
  expect(separation([{ kind: 'a', vector: vector(1, 0) }, { kind: 'a', vector: vector(2, 0) }, { kind: 'b', vector: vector(1, 1) }])).toEqual({ within: expect.closeTo(1, 6) as number, between: expect.closeTo(Math.SQRT1_2, 6) as number });
  expect(separation([{ kind: 'a', vector: vector(1, 0) }])).toBeNull();
});

test('two recipes are compared on the same images, drawn whole: no difference is none, a better one lies above it', () => {
  const run = (isRight: (at: number) => boolean): LocatedImage[] => Array.from({ length: 12 }, (_, at) => ({
    id: String(at), set: at < 6 ? 'a' : 'b', kinds: new Map([['thing', { gold: [box(0)], found: found([isRight(at) ? 0 : 200, 0.5 + at / 100]) }], ...(at < 6 ? [['other', { gold: [], found: [] }] as const] : [])]),
  }));
  const [half, all] = [run((at) => at % 2 === 0), run(() => true)];
  expect(precisionDifference([half, half], [half], 0.5).difference).toEqual({ mean: 0, ci: [0, 0] });
  const { before, after, difference } = precisionDifference([half], [all, all], 0.5, { resamples: 200 });
  expect([before, after]).toEqual([averagePrecisionAt(half.map(({ kinds }) => kinds.get('thing')!), 0.5), 1]);
  expect(difference.ci[0]).toBeGreaterThan(0);
  expect(difference.ci[0]).toBeLessThanOrEqual(difference.mean);
  expect(precisionDifference([half], [all, all], 0.5, { resamples: 200 }).difference).toEqual(difference);
});
