/**
 * A policy stage as settings of TRL's GRPOConfig (read at 1.13), for any number of processes.
 *
 * What TRL computes in another way is said as a departure; what would make it minimise something else is refused.
 */
import { Fault } from '#models/base/fault.ts';
import type { EnginePlan } from '#training/records/clusterJob.ts';
import type { Setting } from './yaml.ts';

export interface EngineSettings {
  readonly settings: { readonly [name: string]: Setting };
  readonly departures: readonly string[];
}

/**
 * @throws Fault `cluster.objective` for an objective that TRL cannot minimise, `cluster.batch` for batches that do not divide
 */
export function trlSettings(plan: EnginePlan): EngineSettings {
  const { recipe, stage, policy, switches: s } = plan;
  const { optimizer } = recipe;
  const departures = [...commonDepartures(plan)];
  const rows = stage.batch * stage.accumulate * policy.rollouts;
  const rowsOfUpdate = dividedRows(rows, policy.miniBatches);
  const micro = largestDivisor(rowsOfUpdate, stage.batch * policy.rollouts);

  if (s.advantageEpsilon !== 1e-4) departures.push(`TRL adds 1e-4 to the deviation of a group, the recipe ${s.advantageEpsilon}.`);
  if (s.baseline === 'leaveOneOut') {
    if (s.scale !== 'none') throw refused('TRL', 'It has no leave-one-out baseline that is divided by a deviation.');
    departures.push(`Advantages are ${policy.rollouts - 1}/${policy.rollouts} of the recipe's: TRL subtracts the mean of the whole group.`);
  }
  if (s.dynamicSampling && s.dynamicSampling.filter.rule !== 'none') {
    departures.push('TRL does not draw further prompts in place of groups that teach nothing; they add no gradient.');
  }
  if (s.samplerCorrection) departures.push('Completions come from the weights that are trained, so nothing corrects for another sampler.');
  if (s.maskTruncated && !s.countsMasked) departures.push('TRL counts masked completions in its normaliser.');
  if (s.beta > 0) {
    if (s.klPlacement === 'reward' || s.klController) throw refused('TRL', 'Its KL term stands in the loss with a fixed weight.');
    if (s.klEstimator !== 'k3') throw refused('TRL', `Its KL estimator is k3, not ${s.klEstimator}.`);
    if (s.klGuarded) departures.push('TRL does not bound the KL estimate of a token.');
  }
  const warmup = stage.restart ?? optimizer;
  return {
    departures,
    settings: {
      max_steps: stage.steps,
      per_device_train_batch_size: micro,
      gradient_accumulation_steps: rowsOfUpdate / micro,
      generation_batch_size: rows,
      num_iterations: policy.iterations,
      num_generations: policy.rollouts,
      max_completion_length: policy.maxNewTokens,
      temperature: policy.temperature,
      top_p: policy.topP,
      top_k: 0,
      generation_kwargs: { suppress_tokens: [...plan.suppressed] },
      ...objective(plan),
      epsilon: s.surrogate === 'cispo' ? 0.2 : s.clipLow,
      epsilon_high: s.surrogate === 'cispo' ? 1 + s.clipHigh : s.clipHigh,
      delta: s.dualClip !== null && s.delta !== null ? Math.min(s.dualClip, s.delta) : s.dualClip ?? s.delta,
      sapo_temperature_pos: s.sapoTemperature.positive,
      sapo_temperature_neg: s.sapoTemperature.negative,
      scale_rewards: s.scale,
      multi_objective_aggregation: s.combine === 'sumThenNormalize' ? 'sum_then_normalize' : 'normalize_then_sum',
      reward_weights: policy.rewards.map(({ weight }) => weight),
      beta: policy.reference === 'none' ? 0 : s.beta,
      use_bias_correction_kl: s.klBiasCorrection,
      mask_truncated_completions: s.maskTruncated,
      top_entropy_quantile: s.topEntropy,
      off_policy_mask_threshold: s.offPolicyThreshold,
      entropy_coef: s.entropyBonus,
      ...(s.entropyController ? {
        use_adaptive_entropy: true, entropy_target: s.entropyController.target, entropy_coef_delta: s.entropyController.step,
        entropy_coef_min: s.entropyController.least, entropy_coef_max: s.entropyController.most,
      } : {}),
      learning_rate: warmup.learningRate,
      lr_scheduler_type: 'cosine_with_min_lr',
      lr_scheduler_kwargs: { min_lr_rate: optimizer.floor },
      warmup_steps: warmup.warmupSteps,
      optim: 'adamw_torch',
      adam_beta1: optimizer.beta1,
      adam_beta2: optimizer.beta2,
      adam_epsilon: optimizer.epsilon,
      weight_decay: optimizer.weightDecay,
      max_grad_norm: optimizer.clip,
      seed: recipe.seed,
      shuffle_dataset: true,
      save_strategy: 'steps',
      save_steps: recipe.checkpointEvery,
      save_total_limit: 2,
      logging_steps: 1,
      report_to: 'none',
      disable_dropout: true,
      gradient_checkpointing: false,
    },
  };
}

/** The loss type, and whether ratios belong to tokens or sequences. */
function objective({ switches: s, policy }: EnginePlan): { readonly [name: string]: Setting } {
  if (s.ratio === 'sequenceToken') throw refused('TRL', 'A sequence ratio has the gradient of the whole sequence there, not of the token alone.');
  const level = { importance_sampling_level: s.ratio };
  switch (s.surrogate) {
    case 'sapo':
      if (s.normaliser !== 'sequenceMean') throw refused('TRL', 'Its SAPO is averaged over sequences.');
      return { loss_type: 'sapo', ...level };
    case 'cispo':
      if (s.clipLow < 1) throw refused('TRL', 'Its CISPO has no floor: clipLow has to be 1.');
      if (s.normaliser !== 'tokenMean') throw refused('TRL', 'Its CISPO is averaged over the tokens of a step.');
      return { loss_type: 'cispo', ...level };
    case 'policyGradient':
      // With one update for each batch of completions the ratio is 1, and the clipped loss has the same gradient.
      if (policy.iterations > 1 || policy.miniBatches > 1) {
        throw refused('TRL', 'It has no loss without a ratio; with one update for each batch of completions the two agree.');
      }
      return { loss_type: normalised(s), ...level };
    case 'clip':
      return { loss_type: normalised(s), ...level };
  }
}

function normalised({ normaliser, counts, lengthConstant }: EnginePlan['switches']): string {
  switch (normaliser) {
    case 'sequenceMean': return 'grpo';
    case 'tokenMean': return counts === 'step' ? 'dapo' : 'bnpo';
    case 'constantLength':
      if (lengthConstant !== null) throw refused('TRL', 'Its length constant is the limit of new tokens.');
      return 'dr_grpo';
    case 'tokenSum': case 'tokenSumConstant': throw refused('TRL', 'None of its losses sums over a sequence without dividing.');
  }
}

/** What no engine does as our own trainer. */
export function commonDepartures({ recipe, stage, policy, switches: s }: EnginePlan): readonly string[] {
  const { augment, optimizer } = recipe;
  const curricula = policy.curricula.map(({ name }) => name).join(', ');
  const isWeighted = Object.values(recipe.setWeights).some((weight) => weight > 0 && weight !== 1);
  return [
    ...(augment.plain < 1 ? ['Pictures are shown as they are: the engine does not augment.'] : []),
    ...(recipe.dropBranches > 0 ? ['No branches are dropped.'] : []),
    ...(optimizer.average > 0 || (stage.average ?? 0) > 0 ? ['The last weights come back, not their moving average.'] : []),
    ...(policy.curricula.length > 0 ? [`Without the curricula ${curricula}: they need the loop of Loupe.`] : []),
    ...(stage.data ? [`The data is that of the export, not of the pipeline ${stage.data.pipeline}.`] : []),
    ...(optimizer.horizon !== undefined && !stage.restart ? ['The learning rate is laid out over this stage alone.'] : []),
    ...(s.overlong ? ['The length limit is not softened; a reward of the table can do that.'] : []),
    ...(isWeighted ? ['Sets are drawn by their weights once, at the export.'] : []),
  ];
}

export function dividedRows(rows: number, miniBatches: number): number {
  if (rows % miniBatches === 0) return rows / miniBatches;
  throw new Fault({
    code: 'cluster.batch', what: 'The stage cannot be handed to the engine.',
    why: `${rows} completions of a step do not divide into ${miniBatches} equal batches.`,
    mend: 'Change batch, accumulate, rollouts or miniBatches.',
  });
}

export function largestDivisor(total: number, limit: number): number {
  for (let divisor = Math.min(total, limit); ; divisor--) if (total % divisor === 0) return divisor;
}

export const refused = (engine: string, why: string): Fault => new Fault({
  code: 'cluster.objective', what: `${engine} cannot minimise this stage's objective.`, why,
  mend: 'Choose another engine, or change the switches of the recipe.',
});
