import { describe, expect, test } from 'vitest';
import { trlSettings } from '#training/cluster/trl.ts';
import { presets } from '#training/objectives/presets.ts';
import { planOf, policyRecipe } from '#tests/support/clusterJobs.ts';

const settingsOf = (...given: Parameters<typeof policyRecipe>): Record<string, unknown> => trlSettings(planOf(policyRecipe(...given))).settings;

describe('settings for TRL', () => {
  test('say every switch of the objective, also where it is the default there', () => {
    expect(trlSettings(planOf(policyRecipe('grpo/vlmR1')))).toMatchSnapshot();
  });

  test.each([
    ['grpo/trl', { loss_type: 'grpo', scale_rewards: 'group', epsilon: 0.2, epsilon_high: 0.2, delta: null, beta: 0 }],
    ['dapo/trl', { loss_type: 'dapo', epsilon_high: 0.28, mask_truncated_completions: true }],
    ['drGrpo/trl', { loss_type: 'dr_grpo', scale_rewards: 'none' }],
    ['gspo/trl', { loss_type: 'grpo', importance_sampling_level: 'sequence', epsilon: 3e-4, epsilon_high: 4e-4 }],
    ['bnpo/trl', { loss_type: 'bnpo' }],
    ['cispo/trl', { loss_type: 'cispo', epsilon_high: 5 }],
    ['sapo/trl', { loss_type: 'sapo', sapo_temperature_pos: 1, sapo_temperature_neg: 1.05 }],
    ['dapo', { loss_type: 'dapo', delta: 10 }],
  ])('of the preset %s', (preset, wanted) => expect(settingsOf(preset)).toMatchObject(wanted));

  test('share the completions of a step among its updates', () => {
    expect(settingsOf('grpo/trl')).toMatchObject({ per_device_train_batch_size: 8, gradient_accumulation_steps: 3, generation_batch_size: 24, num_generations: 4, max_steps: 6 });
    expect(settingsOf('grpo/trl', { policy: { miniBatches: 2, iterations: 3 } })).toMatchObject({ per_device_train_batch_size: 6, gradient_accumulation_steps: 2, generation_batch_size: 24, num_iterations: 3 });
    expect(() => settingsOf('grpo/trl', { policy: { miniBatches: 5 } })).toThrowError(expect.objectContaining({ code: 'cluster.batch' }));
  });

  test('begin the learning rate where the stage does', () => {
    expect(settingsOf('grpo/trl', { stage: { restart: { learningRate: 5e-6, warmupSteps: 1 } } })).toMatchObject({ learning_rate: 5e-6, warmup_steps: 1 });
  });

  test.each(['rloo', 'gspo/easyR1', 'cispo/easyR1', 'cispo/verl', 'tokenSum'])('are refused where TRL would minimise something else: %s', (name) => {
    const [preset, switches] = name === 'tokenSum' ? ['grpo/trl', { normaliser: 'tokenSum' } as const] : [name, {}];
    expect(() => settingsOf(preset, { switches })).toThrowError(expect.objectContaining({ code: 'cluster.objective' }));
  });

  test('need a loss with a ratio as soon as completions are learnt from more than once', () => {
    expect(settingsOf('gpg')).toMatchObject({ loss_type: 'dapo' });
    expect(() => settingsOf('gpg', { policy: { iterations: 2 } })).toThrowError(expect.objectContaining({ code: 'cluster.objective' }));
  });

  test('are made or refused aloud for every preset, never something between', () => {
    for (const name of presets.keys()) {
      try {
        expect(settingsOf(name)).toMatchObject({ generation_kwargs: { suppress_tokens: [7, 9] }, reward_weights: [0.9] });
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'cluster.objective' });
      }
    }
  });
});

test('what TRL computes in another way is said', () => {
  const { departures } = trlSettings(planOf(policyRecipe('grpo/verl', { dropBranches: 0.1, setWeights: { a: 2 }, policy: { curricula: [{ name: 'replay' }] }, switches: { maskTruncated: true } })));
  for (const words of [/adds 1e-4/, /branches/, /curricula replay/, /Sets are drawn/, /masked completions/]) expect(departures.join('\n')).toMatch(words);
  expect(trlSettings(planOf(policyRecipe('grpo/vlmR1'))).departures).toEqual([]);
});
