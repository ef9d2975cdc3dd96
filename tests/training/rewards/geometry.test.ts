import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { assignment, generalizedIou, plainIou, rescaled } from '#training/rewards/geometry.ts';

test('generalized IoU falls below zero with the gap between boxes', () => {
  expect(generalizedIou([0, 0, 10, 10], [0, 0, 10, 10])).toBe(1);
  expect(generalizedIou([0, 0, 10, 10], [10, 0, 20, 10])).toBe(0);
  expect(generalizedIou([0, 0, 10, 10], [20, 0, 30, 10])).toBeCloseTo(-1 / 3, 12);
  expect(generalizedIou([100, 10, 140, 50], [110, 20, 150, 60])).toBeCloseTo(0.3113, 4);
  expect(plainIou([0, 0, 10, 10], [0, 0, 10, 5])).toBe(0.5);
});

test('a box follows its image from one size to another',
  () => expect(rescaled([10, 10, 20, 20], { width: 100, height: 50 }, { width: 200, height: 25 })).toEqual([20, 5, 40, 10]));

describe('the cheapest assignment', () => {
  const total = (cost: readonly (readonly number[])[]): number =>
    assignment(cost).reduce((sum, { row, column }) => sum + (cost[row]?.[column] as number), 0);
  /** Every way to give each of the first rows a column of its own. */
  function least(cost: readonly (readonly number[])[], row = 0, used: readonly number[] = []): number {
    if (row === cost.length) return 0;
    return Math.min(...(cost[row] as number[]).map((price, column) =>
      (used.includes(column) ? Infinity : price + least(cost, row + 1, [...used, column]))));
  }

  test('is as cheap as the cheapest of all, for any shape', () => {
    const random = new Random(3);
    for (let round = 0; round < 60; round++) {
      const [rows, columns] = [1 + (round % 4), 1 + ((round >> 2) % 5)];
      const cost = Array.from({ length: rows }, () => Array.from({ length: columns }, () => (random.uint32() % 2001) / 100 - 10));
      const turned = Array.from({ length: columns }, (_, column) => cost.map((line) => line[column] as number));
      expect(assignment(cost)).toHaveLength(Math.min(rows, columns));
      expect(total(cost)).toBeCloseTo(rows <= columns ? least(cost) : least(turned), 9);
      expect(new Set(assignment(cost).map(({ column }) => column)).size).toBe(Math.min(rows, columns));
    }
  });
  test('of nothing is nothing, and costs without a value end it not', () => {
    expect(assignment([])).toEqual([]);
    expect(assignment([[NaN, 1], [Infinity, NaN]])).toHaveLength(2);
  });
});
