import { describe, expect, test } from 'vitest';
import { accuracyByLength, isStageOver, lengthStages, lengthStaging, suggestedCap } from '#training/curricula/staging.ts';
import type { StepPlan } from '#training/records/curriculum.ts';
import type { Group } from '#training/records/policy.ts';
import { completion, promptOf, random } from './scriptedPolicy.ts';
import { madeUp } from '#tests/support/caseRecords.ts';

describe('the length stages', () => {
  test('are those of the paper at its budget of 65,536 tokens for each prompt', () => {
    expect(lengthStages({ budget: 65_536, firstCap: 4096 })).toEqual([{ cap: 4096, group: 16 }, { cap: 8192, group: 8 }, { cap: 16_384, group: 4 }]);
  });

  test('fit a workstation at a budget of 4,096', () => {
    expect(lengthStages({ budget: 4096, firstCap: 256 })).toEqual([{ cap: 256, group: 16 }, { cap: 512, group: 8 }, { cap: 1024, group: 4 }]);
  });

  test('always cost the same for each prompt', () => {
    for (const { cap, group } of lengthStages({ budget: 1536, firstCap: 48, stages: 4 })) expect(cap * group).toBe(1536);
  });

  test('refuse a budget that does not divide, and a group of one', () => {
    expect(() => lengthStages({ budget: 1000, firstCap: 256 })).toThrow(/whole number/);
    expect(() => lengthStages({ budget: 512, firstCap: 256 })).toThrow(/1 completions of 512/);
  });

  test('end after their steps, or as soon as few groups are dead and few completions cut', () => {
    expect(isStageOver({ steps: 100, deadGroups: 1, truncated: 1 }, { limit: 100 })).toBe(true);
    expect(isStageOver({ steps: 10, deadGroups: 0.1, truncated: 0.19 }, { limit: 100 })).toBe(true);
    expect(isStageOver({ steps: 10, deadGroups: 0.1, truncated: 0.2 }, { limit: 100 })).toBe(false);
  });
});

describe('the over-thinking meter', () => {
  const attempts = (tokens: number, right: number, of: number): { tokens: number; isCorrect: boolean }[] => Array.from({ length: of }, (_, at) => ({ tokens, isCorrect: at < right }));

  test('suggests the upper edge of the last bin within ten points of the best, as the cold-started model of the paper would have', () => {
    const bins = accuracyByLength([...attempts(3000, 41, 100), ...attempts(6000, 28, 100), ...attempts(9000, 7, 100)], [4096, 8192, 16_384]);
    expect(bins.map(({ accuracy }) => accuracy)).toEqual([0.41, 0.28, 0.07, null]);
    expect(suggestedCap(bins)).toBe(4096);
  });

  test('suggests a longer one where long answers are as good, and none where nothing was measured', () => {
    expect(suggestedCap(accuracyByLength([...attempts(10, 5, 10), ...attempts(30, 5, 10)], [20, 40]))).toBe(40);
    expect(suggestedCap(accuracyByLength([], [20, 40]))).toBeNull();
  });
});

describe('the curriculum of growing lengths', () => {
  const plan: StepPlan = { rollouts: 8, temperature: 1, topP: 1, maxNewTokens: 128, rewards: [] };
  const group = (rewards: readonly number[], finished: boolean): Group => ({
    prompt: promptOf(madeUp()),
    rollouts: rewards.map((reward) => ({ completion: completion('x', finished), rewards: {}, parts: {}, reward, isCorrect: reward > 0, advantage: 0 })),
  });
  const tools = { place: { step: 0, steps: 6 }, random: random(), plan, policy: undefined as never, judge: undefined as never };

  test('moves on by updates, changing cap and group together', () => {
    const made = lengthStaging({ budget: 384, firstCap: 24, stages: 3 }, { seed: 1, steps: 6 });
    const seen = Array.from({ length: 6 }, () => {
      const { rollouts, maxNewTokens } = made.plan!(plan, tools.place);
      made.select!([group([0, 0], false)], tools);
      return [maxNewTokens, rollouts];
    });
    expect(seen).toEqual([[24, 16], [24, 16], [48, 8], [48, 8], [96, 4], [96, 4]]);
  });

  test('moves on early once the window shows living groups and whole completions', () => {
    const made = lengthStaging({ budget: 384, firstCap: 24, stages: 2, steps: 100, window: 2 }, { seed: 1, steps: 200 });
    made.select!([group([0, 1], true)], tools);
    expect(made.plan!(plan, tools.place).maxNewTokens).toBe(24);
    made.select!([group([0, 1], true)], tools);
    expect(made.plan!(plan, tools.place).maxNewTokens).toBe(48);
  });

  test('goes on where it stood after being restored', () => {
    const made = lengthStaging({ budget: 384, firstCap: 24, stages: 3 }, { seed: 1, steps: 3 });
    made.select!([group([0, 1], true)], tools);
    const again = lengthStaging({ budget: 384, firstCap: 24, stages: 3 }, { seed: 1, steps: 3 });
    again.restore!(JSON.parse(JSON.stringify(made.save!())));
    expect(again.plan!(plan, tools.place)).toEqual(made.plan!(plan, tools.place));
    expect(again.plan!(plan, tools.place).maxNewTokens).toBe(48);
  });

  test('refuses an option that it does not know', () => {
    expect(() => lengthStaging({ budgets: 384 }, { seed: 1, steps: 3 })).toThrow('The options of the curriculum lengthStaging cannot be used.');
  });
});
