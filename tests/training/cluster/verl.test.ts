import { describe, expect, test } from 'vitest';
import { verlSettings } from '#training/cluster/verl.ts';
import { presets } from '#training/objectives/presets.ts';
import { planOf, policyRecipe } from '#tests/support/clusterJobs.ts';

type Nested = Record<string, Record<string, Record<string, unknown>>>;
const settingsOf = (...given: Parameters<typeof policyRecipe>): Nested => verlSettings(planOf(policyRecipe(...given))).settings as unknown as Nested;

describe('settings for verl', () => {
  test('lie over its own configuration and find the job by its environment', () => {
    expect(verlSettings(planOf(policyRecipe('grpo/verl', { switches: { beta: 0.01 } })))).toMatchSnapshot();
  });

  test.each([
    ['grpo/verl', { loss_agg_mode: 'seq-mean-token-mean', clip_ratio_c: 3, use_kl_loss: false }, { adv_estimator: 'grpo', norm_adv_by_std_in_grpo: true }],
    ['dapo/verl', { loss_agg_mode: 'token-mean', clip_ratio_high: 0.28, clip_ratio_c: 10 }, {}],
    ['drGrpo/verl', { loss_agg_mode: 'seq-mean-token-sum-norm', loss_scale_factor: 32 }, { norm_adv_by_std_in_grpo: false }],
    ['gspo/verl', { policy_loss: { loss_mode: 'gspo' }, clip_ratio_c: 1e9 }, {}],
    ['rloo/verl', {}, { adv_estimator: 'rloo' }],
    ['cispo/verl', { policy_loss: { loss_mode: 'cispo' } }, {}],
    ['sapo/verl', { policy_loss: { loss_mode: 'sapo' }, tau_neg: 1.05 }, {}],
    ['gpg/verl', { policy_loss: { loss_mode: 'gpg' } }, {}],
  ])('of the preset %s', (preset, actor, algorithm) => {
    const { actor_rollout_ref: model, algorithm: found } = settingsOf(preset);
    expect(model!.actor).toMatchObject(actor);
    expect(found).toMatchObject(algorithm);
  });

  test('put the KL term where the recipe has it', () => {
    const reward = settingsOf('grpo/verl', { switches: { beta: 0.01, klPlacement: 'reward', klEstimator: 'k1', klController: { target: 0.1, horizon: 10_000 } } });
    expect(reward.algorithm).toMatchObject({ use_kl_in_reward: true, kl_penalty: 'kl', kl_ctrl: { type: 'adaptive', kl_coef: 0.01, target_kl: 0.1, horizon: 10_000 } });
    expect(reward.actor_rollout_ref!.actor).toMatchObject({ use_kl_loss: false });
    expect(settingsOf('grpo/verl', { switches: { beta: 0.01 }, policy: { reference: 'none' } }).actor_rollout_ref!.actor).toMatchObject({ use_kl_loss: false });
  });

  test('count a step as verl does: once for all updates on its completions', () => {
    expect(settingsOf('grpo/verl', { policy: { iterations: 2, miniBatches: 3 } })).toMatchObject({
      data: { train_batch_size: 6 }, actor_rollout_ref: { actor: { ppo_mini_batch_size: 2, ppo_epochs: 2 } }, trainer: { total_training_steps: 1 },
    });
  });

  test('choose the weights that verl can choose, and refuse any other choice', () => {
    expect(settingsOf('grpo/verl', { trained: '^model\\.' }).actor_rollout_ref!.actor).toMatchObject({ freeze_vision_tower: true });
    expect(settingsOf('grpo/verl', { adapter: { rank: 8, alpha: 16 }, trained: '^model\\.' }).actor_rollout_ref!.model).toMatchObject({ lora_rank: 8, lora_alpha: 16, exclude_modules: '.*visual.*' });
    expect(() => settingsOf('grpo/verl', { trained: '^visual\\.merger\\.' })).toThrowError(expect.objectContaining({ code: 'cluster.trained' }));
  });

  test('are made or refused aloud for every preset, never something between', () => {
    for (const name of presets.keys()) {
      try {
        expect(settingsOf(name).actor_rollout_ref!.rollout).toMatchObject({ n: 4, name: 'vllm' });
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'cluster.objective' });
      }
    }
  });
});
