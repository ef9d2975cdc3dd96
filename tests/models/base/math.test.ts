import { describe, expect, test } from 'vitest';
import { entropyOf, wilson } from '#models/base/math.ts';

describe('entropy', () => {
  const check = (logits: readonly number[], expected: number): void => expect(entropyOf(logits)).toBeCloseTo(expected, 6);
  test('of four equal logits is ln 4', () => check([0, 0, 0, 0], 1.386294));
  test('of falling logits', () => check([2, 1, 0, -1], 0.947537));
  test('of a certain token is 0', () => check([100, 0, 0, 0], 0));
  test('leaves out what is masked', () => check([0, 0, -Infinity], Math.LN2));
});

test('the interval of a share is Wilson\'s, and all there is where nothing was counted', () => {
  const [low, high] = wilson(8, 10);
  expect(low).toBeCloseTo(0.4902, 4);
  expect(high).toBeCloseTo(0.9433, 4);
  expect(wilson(0, 0)).toEqual([0, 1]);
  expect([wilson(0, 30)[0], wilson(30, 30)[1]]).toEqual([0, 1]);
});
