import { expect, test } from 'vitest';
import { averageStep } from '#training/optimizers/average.ts';
import { clipFactor, globalNorm } from '#training/optimizers/clip.ts';
import { learningRate } from '#training/optimizers/schedule.ts';

const schedule = { peak: 1, warmupSteps: 10, steps: 110, floor: 0.1 };

test('the rate rises in a straight line to its peak', () => expect([0, 4, 9].map((step) => learningRate(schedule, step))).toEqual([0.1, 0.5, 1]));
test('half way down the cosine it stands between peak and floor', () => expect(learningRate({ ...schedule, steps: 111 }, 60)).toBeCloseTo(0.55, 6));
test('the last update is made at the floor', () => expect(learningRate(schedule, 109)).toBeCloseTo(0.1, 9));
test('a run that is only warm-up does not divide by nothing', () => expect(learningRate({ ...schedule, steps: 10 }, 9)).toBe(1));

test('the norm is taken over all gradients together', () => expect(globalNorm([Float32Array.of(3), Float32Array.of(0, 4)])).toBe(5));
test('a norm below the limit is left alone, one above is brought down to it', () => expect([clipFactor(0.5, 1), clipFactor(4, 1)]).toEqual([1, 0.25]));

test('early weights are soon forgotten, late ones are averaged over long', () => {
  const early = Float32Array.of(0);
  averageStep(early, Float32Array.of(1), 0.999, 0);
  expect(early[0]).toBeCloseTo(0.9, 6);
  const late = Float32Array.of(0);
  averageStep(late, Float32Array.of(1), 0.999, 1e6);
  expect(late[0]).toBeCloseTo(0.001, 6);
});
