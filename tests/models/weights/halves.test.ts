import { describe, expect, test } from 'vitest';
import { toBrains, toHalves, widenBrains, widenHalves } from '#models/weights/halves.ts';

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
const wide = (widen: (source: Uint16Array, target: Float32Array) => void, source: Uint16Array): Float32Array => {
  const target = new Float32Array(source.length);
  widen(source, target);
  return target;
};

/** The value of a half by its definition. */
function halfValue(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const size = exponent === 31 ? (fraction ? NaN : Infinity) : exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -size : size;
}

describe('a half', () => {
  test('widens to its defined value, all 65,536 of them', () => {
    const values = wide(widenHalves, all);
    expect([...all].filter((half) => !Object.is(values[half], halfValue(half)) && !(Number.isNaN(values[half]) && Number.isNaN(halfValue(half))))).toEqual([]);
  });

  test('survives widening and narrowing', () => {
    const back = toHalves(wide(widenHalves, all));
    expect([...all].filter((half) => back[half] !== half && !Number.isNaN(halfValue(half)))).toEqual([]);
  });

  test('is the nearest one; a value in the middle goes to the even one, also where the steps are of 2^-24', () => {
    for (const half of [0, 1, 2, 3, 511, 1022, 1023, 1024, 1025, 2047, 2048, 15360, 15361, 31742]) {
      const [low, high] = [halfValue(half), halfValue(half + 1)];
      const middle = (low + high) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      const near = (value: number, nudge: number): number => value * (1 + nudge * 2 ** -22);
      expect([...toHalves(Float32Array.of(middle, near(middle, -1), near(middle, 1), -middle))]).toEqual([even, half, half + 1, even | 0x8000]);
    }
  });

  test('overflows to infinity at 65,520 and keeps NaN', () => {
    expect([...toHalves(Float32Array.of(65504, 65519.99, 65520, Infinity, -Infinity, NaN))]).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7e00]);
  });
});

describe('a bfloat16', () => {
  test('is the upper half of a float32 and survives a round trip', () => {
    const values = wide(widenBrains, all);
    expect(values[0x3f80]).toBe(1);
    const back = toBrains(values);
    expect([...all].filter((brain) => back[brain] !== brain && !Number.isNaN(values[brain]))).toEqual([]);
    expect(Number.isNaN(wide(widenBrains, toBrains(Float32Array.of(NaN)))[0])).toBe(true);
  });

  test('rounds a value in the middle to the even one', () => {
    expect([...toBrains(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -8 - 2 ** -20))]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x3f80]);
  });
});
