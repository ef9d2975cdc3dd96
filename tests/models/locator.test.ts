import { describe, expect, test } from 'vitest';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import { fieldAround, fieldSideOf, fieldsOf, meanPrompt, sweep, withoutCopies, withoutExamples, type Field, type FoundBox, type Locator, type Prompt } from '#models/locator.ts';

const box = (x1: number, y1: number, size = 10) => ({ x1, y1, x2: x1 + size, y2: y1 + size });

describe('fields', () => {
  test('cover everything, share at least a quarter with their neighbours and end at the border', () => {
    for (const [width, height, side] of [[100, 100, 40], [1000, 37, 50], [40, 40, 40], [30, 20, 40], [101, 99, 33]] as const) {
      const fields = fieldsOf({ width, height }, side);
      const seen = new Uint8Array(width * height);
      for (const { x, y, width: w, height: h } of fields) {
        expect(x >= 0 && y >= 0 && x + w <= width && y + h <= height).toBe(true);
        for (let row = y; row < y + h; row++) seen.fill(1, row * width + x, row * width + x + w);
      }
      expect(seen.every((one) => one === 1)).toBe(true);
      const row = fields.filter(({ y }) => y === 0);
      row.slice(1).forEach(({ x }, i) => expect(x - row[i]!.x).toBeLessThanOrEqual(Math.ceil(side * 0.75)));
    }
  });
});

describe('an example', () => {
  test('is seen in a field six times its size, in the middle as far as the picture reaches', () => {
    const side = fieldSideOf([box(100, 100), box(0, 0, 20), box(5, 5)]);
    expect(side).toBe(60);
    expect(fieldAround(box(100, 100), side, { width: 400, height: 130 })).toEqual({ x: 75, y: 70, width: 60, height: 60 });
    expect(fieldAround(box(0, 0), side, { width: 400, height: 30 })).toEqual({ x: 0, y: 0, width: 60, height: 30 });
    expect(fieldSideOf([])).toBeGreaterThan(0);
  });

  test('counts as often as it was drawn, and is not found again', () => {
    expect([...meanPrompt([{ examples: 1, vector: Float32Array.of(0, 4) }, { examples: 3, vector: Float32Array.of(4, 0) }]).vector]).toEqual([3, 1]);
    expect(withoutExamples([{ box: box(0, 0), score: 1 }, { box: box(50, 50), score: 0.4 }], [box(1, 0)])).toHaveLength(1);
  });
});

test('of boxes that overlap by more than half the best is kept', () => {
  const found: FoundBox[] = [{ box: box(0, 0), score: 0.5 }, { box: box(1, 0), score: 0.9 }, { box: box(8, 0), score: 0.4 }];
  expect(withoutCopies(found).map(({ score }) => score)).toEqual([0.9, 0.4]);
});

describe('a sweep', () => {
  /** Sees white squares of ten pixels by their upper left corners. */
  const things = [[5, 5], [33, 40], [60, 61], [88, 12]] as const;
  const drawn = (): Picture => {
    const picture = createPicture({ width: 100, height: 80 }, [0, 0, 0]);
    for (const [x, y] of things) for (let row = y; row < Math.min(80, y + 10); row++) picture.data.fill(255, (row * 100 + x) * 3, (row * 100 + x + 10) * 3);
    return picture;
  };
  const whole = drawn();
  const cut = ({ x, y, width, height }: Field): Picture => {
    const picture = createPicture({ width, height }, [0, 0, 0]);
    for (let row = 0; row < height; row++) picture.data.set(whole.data.subarray(((y + row) * 100 + x) * 3, ((y + row) * 100 + x + width) * 3), row * width * 3);
    return picture;
  };
  const eye: Pick<Locator, 'see' | 'find'> = {
    see: ({ width, height, data }) => Promise.resolve({ width, height, features: Float32Array.from(data) }),
    find({ width, height, features }) {
      const found: FoundBox[] = [];
      const isLit = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < width && y < height && features[(y * width + x) * 3]! > 0;
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (isLit(x, y) && !isLit(x - 1, y) && !isLit(x, y - 1)) {
        let [right, bottom] = [x, y];
        while (isLit(right, y)) right++;
        while (isLit(x, bottom)) bottom++;
        found.push({ box: { x1: x, y1: y, x2: right, y2: bottom }, score: 0.9 });
      }
      return Promise.resolve([found]);
    },
  };
  const prompt: Prompt = { vector: new Float32Array(1), examples: 1 };

  test('finds each thing once and whole, wherever fields cut it', async () => {
    const told: number[] = [];
    const found = await sweep(eye, [prompt], whole, 40, (field) => Promise.resolve(cut(field)), { onField: (done) => told.push(done) });
    expect(found.map(({ box: { x1, y1, x2, y2 } }) => [x1, y1, x2 - x1, y2 - y1]).sort((a, b) => a[0]! - b[0]!)).toEqual([[5, 5, 10, 10], [33, 40, 10, 10], [60, 61, 10, 10], [88, 12, 10, 10]]);
    expect(told).toEqual(Array.from({ length: told.length }, (_, i) => i + 1));
  });

  test('stops at its signal', async () => {
    const controller = new AbortController();
    await expect(sweep(eye, [prompt], whole, 20, (field) => Promise.resolve(cut(field)), { signal: controller.signal, onField: (done) => done === 2 && controller.abort() })).rejects.toThrow();
  });
});
