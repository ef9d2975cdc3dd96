import { describe, expect, test } from 'vitest';
import { bucket, KvCache, type Prefilled } from '#models/runtime/kvCache.ts';
import { float32 } from '#models/runtime/session.ts';

const shape = { layers: 1, kvHeads: 2, headWidth: 2 };

/** A prompt of `tokens` tokens whose keys and values tell their head and place: head·100 + place. */
function prompt(tokens: number, stride: number, offset = 0): Prefilled {
  const rows = Float32Array.from({ length: 2 * stride * 2 }, (_, i) => offset + Math.floor(i / (stride * 2)) * 100 + Math.floor((i % (stride * 2)) / 2));
  return { logits: new Float32Array(3), keys: [rows], values: [rows.map((x) => -x)], stride, tokens, nextPosition: tokens };
}

const newest = (rows: number, value: number) => ({
  'key.0': float32([rows, 2, 1, 2], Float32Array.from({ length: rows * 4 }, (_, i) => value + i)),
  'value.0': float32([rows, 2, 1, 2], Float32Array.from({ length: rows * 4 }, (_, i) => -value - i)),
});
const read = (cache: KvCache, name: string): number[] => [...cache.feeds[name]?.data as Float32Array];
const open = (cache: KvCache, name: string): number[] => read(cache, name).map((x) => Number(x === 0));

describe('the prefix', () => {
  test('is copied without the padding of its prompt, and only its tokens are open', () => {
    const cache = new KvCache(shape, { rows: 2, prefix: 4, slots: 2, sharedPrefix: true });
    cache.setPrefix(0, prompt(3, 5));
    expect(read(cache, 'prefix.key.0')).toEqual([0, 0, 1, 1, 2, 2, 0, 0, 100, 100, 101, 101, 102, 102, 0, 0]);
    expect(open(cache, 'prefixMask')).toEqual([1, 1, 1, 0]);
  });
  test('of one row leaves the others alone', () => {
    const cache = new KvCache(shape, { rows: 2, prefix: 3, slots: 2, sharedPrefix: false });
    cache.setPrefix(0, prompt(3, 3));
    cache.append([0, 1], newest(2, 1));
    cache.setPrefix(1, prompt(1, 1, 7));
    expect(open(cache, 'prefixMask')).toEqual([1, 1, 1, 1, 0, 0]);
    expect(open(cache, 'slotMask')).toEqual([1, 0, 0, 0]);
    expect([cache.written(0), cache.written(1)]).toEqual([1, 0]);
  });
  test('that is too long is refused', () => {
    const cache = new KvCache(shape, { rows: 1, prefix: 2, slots: 2, sharedPrefix: true });
    expect(() => cache.setPrefix(0, prompt(3, 3))).toThrow('do not fit');
  });
});

test('each row writes into its own next slot', () => {
  const cache = new KvCache(shape, { rows: 2, prefix: 1, slots: 2, sharedPrefix: true });
  cache.append([1], newest(2, 10));
  cache.append([0, 1], newest(2, 20));
  expect(read(cache, 'slot.key.0')).toEqual([20, 21, 0, 0, 22, 23, 0, 0, 14, 15, 24, 25, 16, 17, 26, 27]);
  expect(read(cache, 'slot.value.0')[8]).toBe(-14);
  expect(open(cache, 'slotMask')).toEqual([1, 0, 1, 1]);
  expect(cache.hasRoom).toBe(false);
});

test('a larger cache holds what the smaller one held, row by row', () => {
  const cache = new KvCache(shape, { rows: 2, prefix: 2, slots: 1, sharedPrefix: false });
  cache.setPrefix(0, prompt(1, 1, 3));
  cache.setPrefix(1, prompt(2, 2, 50));
  cache.append([1], newest(2, 10));
  const moved = cache.moved([1], 3);
  expect(moved.size).toMatchObject({ rows: 1, slots: 3 });
  expect(read(moved, 'prefix.key.0')).toEqual([50, 50, 51, 51, 150, 150, 151, 151]);
  expect(read(moved, 'slot.key.0')).toEqual([14, 15, 0, 0, 0, 0, 16, 17, 0, 0, 0, 0]);
  expect(open(moved, 'slotMask')).toEqual([1, 0, 0]);
  expect(moved.written(0)).toBe(1);
  expect(moved.hasRoom).toBe(true);
});

test('sizes are few, never too small, and at most a quarter larger than asked once they are large', () => {
  const sizes = Array.from({ length: 5000 }, (_, i) => bucket(i + 1));
  expect(sizes.filter((size, i) => size < i + 1 || (i > 256 && size > 1.26 * (i + 1)))).toEqual([]);
  expect(new Set(sizes).size).toBeLessThan(24);
});
