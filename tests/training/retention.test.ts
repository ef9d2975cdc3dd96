/** Which checkpoints stay: the newest to go on from, the best to promote, milestones while there is room. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retention, type CheckpointOnDisk, type RetentionRule } from '#training/retention.ts';

/** Checkpoints of ten bytes at steps 10, 20, …, with these scores. */
const run = (...scores: readonly (number | null)[]): CheckpointOnDisk[] => scores.map((score, at) => ({ step: 10 * (at + 1), bytes: 10, score }));
const check = (checkpoints: readonly CheckpointOnDisk[], rule: RetentionRule, keep: readonly number[], isOverBudget = false): void =>
  expect(retention(checkpoints, rule)).toMatchObject({ keep, isOverBudget, bytes: 10 * keep.length });

describe('without a budget', () => {
  test('the newest stay', () => check(run(null, null, null, null), { last: 2, best: 0 }, [30, 40]));
  test('the best stays, although it is old', () => check(run(0.5, 0.9, 0.7, 0.6), { last: 1, best: 1 }, [20, 40]));
  test('several best stay', () => check(run(0.5, 0.9, 0.7, 0.6), { last: 1, best: 2 }, [20, 30, 40]));
  test('one may be both', () => check(run(0.5, 0.6, 0.7), { last: 1, best: 1 }, [30]));
  test('of equal scores the earlier is the best', () => check(run(0.5, 0.9, 0.9, 0.6), { last: 1, best: 1 }, [20, 40]));
  test('a score that is no number counts as none', () => check(run(0.5, NaN, 0.4), { last: 1, best: 1 }, [10, 30]));
  test('milestones stay', () => check(run(null, null, null, null, null, null), { last: 1, best: 0, every: 30 }, [30, 60]));
  test('nothing is kept of nothing', () => check([], { last: 2, best: 1 }, []));
});

describe('within a budget', () => {
  const scored = run(0.1, 0.2, 0.9, 0.8, 0.3, 0.4);
  test('milestones go first, from the oldest', () => check(scored, { last: 2, best: 2, every: 10, budgetBytes: 50 }, [20, 30, 40, 50, 60]));
  test('then the further newest ones', () => check(scored, { last: 2, best: 2, every: 10, budgetBytes: 30 }, [30, 40, 60]));
  test('then the further best ones', () => check(scored, { last: 2, best: 2, every: 10, budgetBytes: 20 }, [30, 60]));
  test('the best and the newest stay, and it is said that they are too much', () => check(scored, { last: 2, best: 2, budgetBytes: 15 }, [30, 60], true));
});

test('whatever the run, the newest stays, nothing is lost from the count, and the budget holds or it is said', () => {
  const checkpoint = fc.record({ step: fc.integer({ min: 1, max: 500 }), bytes: fc.integer({ min: 1, max: 100 }), score: fc.option(fc.double({ min: 0, max: 1, noNaN: true })) });
  const checkpoints = fc.uniqueArray(checkpoint, { selector: ({ step }) => step, minLength: 1, maxLength: 20 });
  const rule = fc.record({ last: fc.integer({ min: 1, max: 4 }), best: fc.integer({ min: 0, max: 3 }), every: fc.integer({ min: 1, max: 50 }), budgetBytes: fc.integer({ min: 1, max: 600 }) });
  fc.assert(fc.property(checkpoints, rule, (all, chosen) => {
    const { keep, remove, bytes, isOverBudget } = retention(all, chosen);
    expect([...keep, ...remove].sort((a, b) => a - b)).toEqual(all.map(({ step }) => step).sort((a, b) => a - b));
    expect(keep).toContain(Math.max(...all.map(({ step }) => step)));
    expect(isOverBudget).toBe(bytes > chosen.budgetBytes);
    if (isOverBudget) expect(keep.length).toBeLessThanOrEqual(2);
  }), { numRuns: 200 });
});

test('a rule that keeps no checkpoint to go on from is refused', () => expect(() => retention([], { last: 0, best: 1 })).toThrow(RangeError));
