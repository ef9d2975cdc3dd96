import { describe, expect, test } from 'vitest';
import { firstPhase, nextPhase, phaseAt, refinement, type PhaseState } from '#training/curricula/refinement.ts';
import type { StepPlan } from '#training/records/curriculum.ts';
import type { Group } from '#training/records/policy.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { completion, promptOf, random } from './scriptedPolicy.ts';

const scores = (precision: number, recall: number, count: number): PhaseState['recent'] => Array.from({ length: count }, () => ({ precision, recall }));

describe('the phase of the box rules', () => {
  test('changes at update 1500 as released', () => {
    expect([0, 1499, 1500, 9000].map((step) => phaseAt(step))).toEqual(['beginner', 'beginner', 'advanced', 'advanced']);
  });

  test('changes once the means of the last hundred questions both exceed 0.75', () => {
    const almost = nextPhase(firstPhase, scores(0.8, 0.75, 100), 4);
    expect(almost.phase).toBe('beginner');
    const good = nextPhase(almost, scores(0.8, 0.9, 100), 5);
    expect(good).toMatchObject({ phase: 'advanced', changedAt: 5 });
    expect(nextPhase(good, scores(0, 0, 100), 6), 'it never goes back').toMatchObject({ phase: 'advanced', changedAt: 5 });
  });

  test('does not change on fewer questions than the window, nor for a weak model', () => {
    expect(nextPhase(firstPhase, scores(1, 1, 99), 1).phase).toBe('beginner');
    let state = firstPhase;
    for (let step = 0; step < 50; step++) state = nextPhase(state, scores(0.7, 0.9, 20), step);
    expect(state).toMatchObject({ phase: 'beginner', changedAt: null });
    expect(state.recent.length).toBe(100);
  });
});

test('the curriculum tells its reward the phase, leaves other rewards alone, and can be resumed', () => {
  const use = (name: string) => ({ name, weight: 1, mode: 'strict' as const, options: { kept: 1 } });
  const plan: StepPlan = { rollouts: 2, temperature: 1, topP: 1, maxNewTokens: 8, rewards: [use('boxReward'), use('format')] };
  const group: Group = {
    prompt: promptOf(madeUp()),
    rollouts: [{ completion: completion('[]'), rewards: {}, parts: { 'boxReward.precision': 0.9, 'boxReward.recall': 0.8 }, reward: 1.7, isCorrect: true, advantage: 0 }],
  };
  const place = { step: 0, steps: 10 };
  const made = refinement({ reward: 'boxReward', window: 2 }, { seed: 1, steps: 10 });
  const phases = (): unknown[] => made.plan!(plan, place).rewards.map(({ options }) => options['phase']);
  expect(phases()).toEqual(['beginner', undefined]);
  for (let step = 0; step < 2; step++) made.select!([group], { place, random: random(), plan, policy: undefined as never, judge: undefined as never });
  expect(phases()).toEqual(['advanced', undefined]);
  expect(made.plan!(plan, place).rewards[0]!.options['kept']).toBe(1);
  const again = refinement({ reward: 'boxReward', window: 2 }, { seed: 1, steps: 10 });
  again.restore!(JSON.parse(JSON.stringify(made.save!())));
  expect(again.plan!(plan, place)).toEqual(made.plan!(plan, place));
});

test('by the share of the stage the rules change halfway', () => {
  const made = refinement({ by: 'share', reward: 'boxReward' }, { seed: 1, steps: 4 });
  const plan: StepPlan = { rollouts: 2, temperature: 1, topP: 1, maxNewTokens: 8, rewards: [{ name: 'boxReward', weight: 1, mode: 'strict', options: {} }] };
  expect([0, 1, 2, 3].map((step) => made.plan!(plan, { step, steps: 4 }).rewards[0]!.options['phase'])).toEqual(['beginner', 'beginner', 'advanced', 'advanced']);
});
