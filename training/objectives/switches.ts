/** Every decision in which policy-optimisation objectives differ, as one flat set: a named algorithm is a row of it. */

/** How groups without a learning signal are told from the others, before anything is learnt from them. */
export type GroupFilter =
  | { readonly rule: 'none' }
  /** verl's DAPO recipe: the metric's population deviation is above zero, or the group has one member. */
  | { readonly rule: 'deviation' }
  /** EasyR1's online filtering: low < mean of the metric < high. */
  | { readonly rule: 'mean'; readonly low: number; readonly high: number }
  /** 0 < successes < G where the metric is binary; else a population deviation above `spread`. */
  | { readonly rule: 'outcome'; readonly spread: number };

/** Dynamic sampling (DAPO): groups without a signal are replaced by others until there are enough, or the attempts are used up. */
export interface DynamicSampling {
  readonly filter: GroupFilter;
  /** Generation batches for one step at most; 0 is without bound. What exists by then is trained on. */
  readonly attempts: number;
}

/** A penalty that rises from 0 at `maxNewTokens − buffer` tokens to −factor at `maxNewTokens`. */
export interface OverlongShaping {
  readonly buffer: number;
  readonly factor: number;
  /** Whether the penalty stops at −factor (EasyR1, TRL) or goes on falling beyond the limit (verl). */
  readonly floored: boolean;
}

/** exp(Σ(old − sampler)) of a sequence, or exp(old − sampler) of a token, multiplies the policy term where sampler and trainer differ. */
export interface SamplerCorrection {
  readonly level: 'sequence' | 'token';
  /** What happens above `cap` (and below `floor`): `mask` drops the policy term, `truncate` holds the weight at the bound. */
  readonly beyond: 'mask' | 'truncate';
  readonly cap: number;
  readonly floor: number | null;
}

/** The weight of the KL term follows the measured KL: k ← k · (1 + clip(KL / target − 1, ±0.2) · sequences / horizon). */
export interface KlController {
  readonly target: number;
  readonly horizon: number;
}

/** After each step the entropy bonus grows by `step` where the entropy is at most `target`, else it shrinks; within [least, most]. */
export interface EntropyController {
  readonly target: number;
  readonly step: number;
  readonly least: number;
  readonly most: number;
}

export interface ObjectiveSwitches {
  // Rewards to advantages.

  /** How several rewards become one number: weighted sum first, or each normalised in its group, then summed and normalised over the batch (GDPO). */
  readonly combine: 'sumThenNormalize' | 'normalizeThenSum';
  /** What is subtracted: the group's mean, or the mean of the others (RLOO). */
  readonly baseline: 'group' | 'leaveOneOut';
  /** What it is divided by, plus `advantageEpsilon`: the sample deviation of the group or of the batch, or nothing (Dr. GRPO). */
  readonly scale: 'group' | 'batch' | 'none';
  readonly advantageEpsilon: number;
  /** A group of one: advantage 0 (TRL), its reward as it is (verl), or a fault (EasyR1). */
  readonly singleton: 'zero' | 'reward' | 'refuse';

  // The policy term of a token.

  /**
   * `clip`: −min(ρA, clip(ρ)·A). `cispo`: −sg[clip(ρ)]·A·logp. `sapo`: −A·(4/τ)·sigmoid(τ(ρ − 1)). `policyGradient`: −A·logp.
   * All read the ratio ρ = exp(logp − old).
   */
  readonly surrogate: 'clip' | 'cispo' | 'sapo' | 'policyGradient';
  /**
   * `token`: a ratio for each token. `sequence`: exp of the mean log-ratio, whose gradient flows through the mean (GSPO in TRL and EasyR1).
   * `sequenceToken`: the same value, with the gradient of the token alone (GSPO in verl, `gspo_token` in EasyR1).
   */
  readonly ratio: 'token' | 'sequence' | 'sequenceToken';
  /** ρ is held within [1 − clipLow, 1 + clipHigh]. CISPO's absolute cap c without a floor is clipLow 1, clipHigh c − 1. */
  readonly clipLow: number;
  readonly clipHigh: number;
  /** Dual clip: where A < 0 the term is at most −A times this. Above 1; null is off. */
  readonly dualClip: number | null;
  /** TRL's two-sided clip: ρ is at most this in the unclipped branch, whatever the sign of A. Above 1 + clipHigh; null is off. */
  readonly delta: number | null;
  readonly sapoTemperature: { readonly positive: number; readonly negative: number };
  /** Log-ratios are held at or below this before exp, and never below −20. */
  readonly logRatioCap: number;
  /** `current`: with one update for each batch of rollouts old is the policy itself, ρ = 1. `rescored`: by the training graph before the first update. */
  readonly old: 'current' | 'rescored';

  // From tokens to one number.

  /**
   * `sequenceMean`: mean over sequences of the mean over tokens. `tokenMean`: mean over all tokens. `constantLength`: sum / (sequences · lengthConstant).
   * `tokenSum`: mean over sequences of the sum. `tokenSumConstant`: sum / lengthConstant (verl; grows with the batch).
   */
  readonly normaliser: 'sequenceMean' | 'tokenMean' | 'constantLength' | 'tokenSum' | 'tokenSumConstant';
  /** L_max or L_scale of the two constant normalisers; null: the limit of new tokens. */
  readonly lengthConstant: number | null;
  /**
   * What the normaliser counts. `step`: the whole optimiser step, so that micro-batches add up exactly. The others count a micro-batch and weigh it
   * equally (TRL's bnpo), by its tokens (EasyR1) or by its sequences (verl's FSDP actor).
   */
  readonly counts: 'step' | 'microBatch' | 'microBatchByTokens' | 'microBatchBySequences';
  /** Whether a sequence without any counted token still counts as a sequence (TRL, EasyR1) or not (verl). */
  readonly countsMasked: boolean;

  // The reference.

  /** Weight of the KL term; 0 needs no reference. */
  readonly beta: number;
  /** x = logp − ref: `k1` x, `abs` |x|, `k2` x²/2, `k3` e^−x + x − 1. */
  readonly klEstimator: 'k1' | 'abs' | 'k2' | 'k3';
  readonly klPlacement: 'loss' | 'reward';
  /** Holds x within ±20 and the estimate within ±10, with gradient zero outside (EasyR1, verl). */
  readonly klGuarded: boolean;
  /** Multiplies the estimate by ρ, through which the gradient flows too (TRL). */
  readonly klBiasCorrection: boolean;
  readonly klController: KlController | null;

  // Which completions and tokens count.

  /** Completions that met the length limit keep their place in the group's statistics, but none of their tokens is learnt. */
  readonly maskTruncated: boolean;
  /** Part of the tokens, those of highest entropy, whose policy term counts; 1 is all. */
  readonly topEntropy: number;
  /** A sequence with A < 0 is dropped where mean(sampler − logp) is above this (TRL); null is off. */
  readonly offPolicyThreshold: number | null;
  readonly samplerCorrection: SamplerCorrection | null;
  readonly dynamicSampling: DynamicSampling | null;
  readonly overlong: OverlongShaping | null;

  // Entropy.

  /** The loss falls by this times the mean entropy. */
  readonly entropyBonus: number;
  readonly entropyController: EntropyController | null;
}
