/**
 * A policy stage as overrides of verl's `ppo_trainer` configuration (read in its 0.7 layout: FSDP actor, vLLM rollouts, Ray).
 *
 * What verl computes in another way is said as a departure; what would make it minimise something else is refused.
 */
import { Fault } from '#models/base/fault.ts';
import type { EnginePlan } from '#training/records/clusterJob.ts';
import { commonDepartures, dividedRows, refused, type EngineSettings } from './trl.ts';
import type { Setting } from './yaml.ts';

/** Where the job folder lies is known only there: `run.sh` says it in the environment. */
const inJob = (path: string): string => `\${oc.env:LOUPE_JOB}/${path}`;

/** @throws Fault `cluster.objective`, `cluster.batch`, `cluster.trained` for a choice of weights that verl cannot make */
export function verlSettings(plan: EnginePlan): EngineSettings {
  const { recipe, stage, policy, switches: s } = plan;
  const { optimizer } = recipe;
  const departures = [...commonDepartures(plan)];
  const prompts = stage.batch * stage.accumulate;
  if (s.advantageEpsilon !== 1e-6) departures.push(`verl adds 1e-6 to the deviation of a group, the recipe ${s.advantageEpsilon}.`);
  if (s.scale === 'batch' || s.combine === 'normalizeThenSum') throw refused('verl', 'It normalises the sum of the rewards within a group.');
  if (s.baseline === 'leaveOneOut' && s.scale !== 'none') throw refused('verl', 'Its leave-one-out baseline is not divided by a deviation.');
  if (s.dynamicSampling && s.dynamicSampling.filter.rule !== 'none') {
    departures.push('Groups that teach nothing are kept: drawing others in their place is a recipe of its own in verl (recipe/dapo).');
  }
  if (s.maskTruncated) departures.push('Truncated completions are learnt from: verl does not mask them.');
  if (s.topEntropy < 1 || s.offPolicyThreshold !== null || s.delta !== null) {
    throw refused('verl', 'It masks neither tokens of low entropy nor sequences that went off policy, and has no two-sided clip.');
  }
  if (s.entropyController) throw refused('verl', 'Its entropy bonus has a fixed weight.');
  if (s.klBiasCorrection && s.beta > 0) throw refused('verl', 'Its KL term is not multiplied by the ratio.');
  if (s.counts !== 'microBatchBySequences') departures.push('verl weighs micro-batches by their sequences.');
  departures.push('verl does not keep the policy from sampling the tokens that stand for images; a completion that holds one spoils its row.');

  const usesKl = s.beta > 0 && policy.reference !== 'none';
  const warmup = stage.restart ?? optimizer;
  const updatesOfStep = policy.iterations * policy.miniBatches;
  return {
    departures,
    settings: {
      hydra: { searchpath: ['pkg://verl.trainer.config'] },
      defaults: ['ppo_trainer', '_self_'],
      data: {
        train_files: inJob('data/train.parquet'),
        val_files: inJob('data/val.parquet'),
        train_batch_size: prompts,
        max_prompt_length: plan.promptTokens,
        max_response_length: policy.maxNewTokens,
        truncation: 'error',
        image_key: 'images',
        prompt_key: 'prompt',
        shuffle: true,
        seed: recipe.seed,
      },
      actor_rollout_ref: {
        model: { path: inJob('checkpoint'), ...adapterOf(plan) },
        actor: {
          ...weightsOf(plan),
          optim: {
            lr: warmup.learningRate, lr_warmup_steps: warmup.warmupSteps, lr_scheduler_type: 'cosine', min_lr_ratio: optimizer.floor,
            weight_decay: optimizer.weightDecay, betas: [optimizer.beta1, optimizer.beta2], clip_grad: optimizer.clip,
          },
          grad_clip: optimizer.clip,
          ppo_mini_batch_size: dividedRows(prompts, policy.miniBatches),
          ppo_micro_batch_size_per_gpu: 1,
          ppo_epochs: policy.iterations,
          clip_ratio: s.clipLow, clip_ratio_low: s.clipLow, clip_ratio_high: s.clipHigh,
          // It cannot be switched off; no ratio reaches e^20.
          clip_ratio_c: s.dualClip ?? 1e9,
          policy_loss: { loss_mode: lossMode(plan) },
          ...(s.surrogate === 'sapo' ? { tau_pos: s.sapoTemperature.positive, tau_neg: s.sapoTemperature.negative } : {}),
          ...aggregation(plan),
          entropy_coeff: s.entropyBonus,
          use_kl_loss: usesKl && s.klPlacement === 'loss',
          ...(usesKl && s.klPlacement === 'loss' ? { kl_loss_coef: s.beta, kl_loss_type: klNames[s.klEstimator] } : {}),
          checkpoint: { save_contents: ['model', 'optimizer', 'extra', 'hf_model'] },
        },
        rollout: {
          name: 'vllm', n: policy.rollouts, temperature: policy.temperature, top_p: policy.topP, top_k: -1,
          tensor_model_parallel_size: 1, log_prob_micro_batch_size_per_gpu: 1,
        },
        ref: { log_prob_micro_batch_size_per_gpu: 1 },
      },
      algorithm: {
        adv_estimator: s.baseline === 'leaveOneOut' ? 'rloo' : 'grpo',
        norm_adv_by_std_in_grpo: s.scale === 'group',
        use_kl_in_reward: usesKl && s.klPlacement === 'reward',
        ...(usesKl && s.klPlacement === 'reward' ? {
          kl_penalty: klNames[s.klEstimator],
          kl_ctrl: s.klController
            ? { type: 'adaptive', kl_coef: s.beta, target_kl: s.klController.target, horizon: s.klController.horizon }
            : { type: 'fixed', kl_coef: s.beta },
        } : {}),
      },
      custom_reward_function: { path: inJob('loupe_rewards.py'), name: 'compute_score' },
      trainer: {
        project_name: 'loupe', experiment_name: recipe.name, logger: ['console'],
        total_training_steps: Math.ceil(stage.steps / updatesOfStep), total_epochs: 1_000_000,
        save_freq: Math.max(1, Math.ceil(recipe.checkpointEvery / updatesOfStep)), test_freq: -1, val_before_train: false,
        default_local_dir: inJob('run'), nnodes: 1, n_gpus_per_node: 1, resume_mode: 'auto',
      },
    },
  };
}

const klNames: Readonly<Record<EnginePlan['switches']['klEstimator'], string>> = { k1: 'kl', abs: 'abs', k2: 'mse', k3: 'low_var_kl' };

function lossMode({ switches: s }: EnginePlan): string {
  if (s.surrogate === 'clip') {
    if (s.ratio === 'sequence') throw refused('verl', 'The gradient of its sequence ratio is that of the token alone (sequenceToken).');
    return s.ratio === 'sequenceToken' ? 'gspo' : 'vanilla';
  }
  if (s.ratio !== 'token') throw refused('verl', `Its ${s.surrogate} has a ratio for each token.`);
  return s.surrogate === 'policyGradient' ? 'gpg' : s.surrogate;
}

function aggregation({ switches: s, policy }: EnginePlan): { readonly [name: string]: Setting } {
  switch (s.normaliser) {
    case 'sequenceMean': return { loss_agg_mode: 'seq-mean-token-mean' };
    case 'tokenMean': return { loss_agg_mode: 'token-mean' };
    case 'tokenSum': return { loss_agg_mode: 'seq-mean-token-sum' };
    case 'tokenSumConstant': case 'constantLength':
      return { loss_agg_mode: 'seq-mean-token-sum-norm', loss_scale_factor: s.lengthConstant ?? policy.maxNewTokens };
  }
}

/** Which weights are trained, among the choices that verl has: all, or all but the tower. */
function weightsOf(plan: EnginePlan): { readonly [name: string]: Setting } {
  switch (trainedPattern(plan)) {
    case '.': return { freeze_vision_tower: false };
    case '^model\\.': case '^model\\.|^lm_head': return { freeze_vision_tower: true };
    default: throw new Fault({
      code: 'cluster.trained', what: 'verl cannot train this choice of weights.',
      why: `It trains everything or leaves the tower out; the recipe says ${trainedPattern(plan)}.`,
      mend: 'Say "." or "^model\\\\." in the recipe, or choose TRL.',
    });
  }
}

const trainedPattern = ({ recipe, stage }: EnginePlan): string => stage.trained ?? recipe.trained;

function adapterOf(plan: EnginePlan): { readonly [name: string]: Setting } {
  const { adapter } = plan.recipe;
  if (!adapter) return {};
  const exclude = trainedPattern(plan) === '.' ? null : '.*visual.*';
  return { lora_rank: adapter.rank, lora_alpha: adapter.alpha, target_modules: 'all-linear', exclude_modules: exclude };
}
