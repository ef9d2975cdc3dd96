import { expect, test } from 'vitest';
import { averagePrecision, iouThresholds } from '#training/rewards/averagePrecision.ts';
import type { Corners } from '#training/rewards/geometry.ts';

const of = (...boxes: Corners[]) => boxes.map((box) => ({ label: 'a', box }));
const [one, two]: Corners[] = [[0, 0, 10, 10], [50, 50, 60, 60]] as [Corners, Corners];

test('the thresholds are ten, from a half to 0.95', () => {
  expect(iouThresholds).toHaveLength(10);
  expect(iouThresholds[9]).toBe(0.95);
});

test('equal scores stand in input order, so a false box costs more the earlier it comes', () => {
  const away: Corners = [80, 80, 90, 90];
  const score = (...boxes: Corners[]): number => averagePrecision(of(...boxes), of(one, two)).all;
  expect(score(one, two, away)).toBeCloseTo(1, 9);
  expect(score(one, away, two)).toBeLessThan(1);
  expect(score(away, one, two)).toBeLessThan(score(one, away, two));
});

test('a looser box counts at the lower thresholds only', () => {
  expect(averagePrecision(of([0, 0, 10, 7]), of(one))).toEqual({ all: expect.closeTo(0.5, 9) as number, at50: expect.closeTo(1, 9) as number });
});

test('classes are averaged, and those that the gold does not name are not seen', () => {
  const gold = [...of(one), { label: 'b', box: two }];
  expect(averagePrecision(of(one), gold).all).toBeCloseTo(0.5, 9);
  expect(averagePrecision([...of(one), { label: 'b', box: two }, { label: 'c', box: one }], gold).all).toBeCloseTo(1, 9);
});

test('reversed gold boxes do not count, and without any other there is no value', () => {
  expect(averagePrecision(of(one), of(one, [60, 50, 50, 60])).all).toBeCloseTo(1, 9);
  expect(averagePrecision(of(one), of([60, 50, 50, 60])).all).toBe(-1);
});

test('at most a hundred boxes of a class are looked at', () => {
  const idle = Array.from({ length: 100 }, (): Corners => [80, 80, 90, 90]);
  expect(averagePrecision(of(...idle, one), of(one)).all).toBe(0);
  expect(averagePrecision(of(...idle.slice(1), one), of(one)).all).toBeCloseTo(0.01, 9);
});
