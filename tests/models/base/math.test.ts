import { describe, expect, test } from 'vitest';
import { entropyOf } from '#models/base/math.ts';

describe('entropy', () => {
  const check = (logits: readonly number[], expected: number): void => expect(entropyOf(logits)).toBeCloseTo(expected, 6);
  test('of four equal logits is ln 4', () => check([0, 0, 0, 0], 1.386294));
  test('of falling logits', () => check([2, 1, 0, -1], 0.947537));
  test('of a certain token is 0', () => check([100, 0, 0, 0], 0));
  test('leaves out what is masked', () => check([0, 0, -Infinity], Math.LN2));
});
