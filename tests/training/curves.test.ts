/** Which metrics become which curve, and how they are smoothed. */
import { expect, test } from 'vitest';
import { curvesOf, type CurveSeries } from '#training/curves.ts';
import type { MetricsLine } from '#training/health.ts';

const lines = (count: number, values: (step: number) => MetricsLine): MetricsLine[] => Array.from({ length: count }, (_, at) => ({ step: at + 1, stage: 0, ...values(at + 1) }));
const series = (all: readonly MetricsLine[], title: string): readonly CurveSeries[] => curvesOf(all).panels.find((panel) => panel.title === title)?.series ?? [];

test('a supervised run has curves of what it measured and no empty ones', () => {
  const { panels, steps } = curvesOf(lines(30, () => ({ loss: 1, grad_norm: 2, learning_rate: 1e-4, images: 8 })));
  expect(panels.map(({ title }) => title)).toEqual(['Loss', 'Gradient norm before clipping', 'Learning rate']);
  expect(steps).toBe(30);
});

test('each reward has its own curve, named as in the recipe', () => {
  const run = lines(10, () => ({ reward: 1, 'rewards/visionR1/format/mean': 0.5, 'rewards/answer/mean': 0.4, 'rewards/answer/std': 0.1, 'rewards//mean': 1 }));
  expect(series(run, 'Reward').map(({ name }) => name)).toEqual(['all rewards', 'visionR1/format', 'answer']);
});

test('validation is shown in percent, as dots where it was measured now and then', () => {
  const run = lines(40, (step) => (step % 10 === 0 ? { eval_macro_accuracy: step / 100, eval_image_reliance: 0.2 } : {}));
  expect(series(run, 'Validation')).toEqual([
    { name: 'macro accuracy', points: [[10, 10], [20, 20], [30, 30], [40, 40]], isSparse: true },
    { name: 'image reliance', points: [[10, 20], [20, 20], [30, 20], [40, 20]], isSparse: true },
  ]);
});

test('the shortest and the longest completion lie around the mean', () => {
  const [mean] = series(lines(10, (step) => ({ 'completions/mean_length': 50 + step, 'completions/min_length': 10, 'completions/max_length': 90 })), 'Length of completions');
  expect(mean!.band!.slice(0, 2)).toEqual([[1, 10, 90], [2, 10, 90]]);
});

test('what is no number leaves a gap, and a foreign value is no number', () => {
  const [loss] = series([{ step: 1, loss: 2 }, { step: 2, loss: null }, { step: 3, loss: 'x' }, { step: 'a', loss: 7 }, { step: 4, loss: 1 }], 'Loss');
  expect(loss!.points).toEqual([[1, 2], [4, 1]]);
});

test('a mean runs over neighbours of its own stage and never across', () => {
  const run = lines(400, (step) => ({ stage: step <= 200 ? 0 : 1, loss: step <= 200 ? 10 : 2 }));
  const [loss] = series(run, 'Loss');
  expect(new Set(loss!.smooth!.map(([x, y]) => (x <= 200 ? y === 10 : y === 2)))).toEqual(new Set([true]));
  expect(curvesOf(run).stages).toEqual([201]);
});

test('a mean takes out what jumps and keeps what rises', () => {
  const [loss] = series(lines(400, (step) => ({ loss: step + (step % 2 === 0 ? 50 : -50) })), 'Loss');
  const inner = loss!.smooth!.slice(20, -20);
  expect(Math.max(...inner.map(([x, y]) => Math.abs(y - x)))).toBeLessThan(3);
});

test('a scheduled rate is drawn as it was', () => expect(series(lines(400, () => ({ learning_rate: 1 })), 'Learning rate')[0]!.smooth).toBeUndefined());

test('a long run is drawn by means, with its first and its last update in place', () => {
  const [reward] = series(lines(10_000, (step) => ({ reward: step, reward_std: 1 })), 'Reward');
  expect(reward!.points).toHaveLength(1200);
  expect(reward!.points[0]![0]).toBeLessThan(10);
  expect(reward!.points.at(-1)![0]).toBeGreaterThan(9990);
  expect(reward!.band!.every(([, low, high]) => high - low >= 2)).toBe(true);
});

test('a run without lines has no curves', () => expect(curvesOf([])).toEqual({ panels: [], stages: [], steps: 0 }));
