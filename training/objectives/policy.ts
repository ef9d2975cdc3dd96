/**
 * Learning from advantages, as a loss to be minimised, in float64: what the graph of `policyLoss.ts` is checked against, and the words of its terms.
 *
 *   loss = Σ w · ( ℓ(ρ, A) + β · KL ) − Σ e · H,      ρ = exp(logp − old)
 *
 *   clip            ℓ = −min(ρA, clip(ρ, 1 − ε_l, 1 + ε_h)·A)            ∂ℓ/∂logp = −ρA where the minimum is the first, else 0
 *   cispo           ℓ = −sg[clip(ρ)]·A·logp                              ∂ℓ/∂logp = −clip(ρ)·A
 *   sapo            ℓ = −A·(4/τ)·σ,  σ = sigmoid(τ(ρ − 1))               ∂ℓ/∂logp = −4Aρσ(1 − σ)
 *   policyGradient  ℓ = −A·logp                                          ∂ℓ/∂logp = −A
 *
 * A ratio of a sequence is the geometric mean of its tokens' ratios, and the gradient of each token is its share of the sequence's.
 */
import { tokenWeights } from './normaliser.ts';
import type { ObjectiveSwitches } from './switches.ts';

/** What log-ratios are held to below; above they are held at `logRatioCap`. */
export const logRatioFloor = -20;
/** Bounds of a guarded KL estimate: of the log-ratio before exp, and of the value. */
export const klBounds = { logRatio: 20, value: 10 } as const;

/** One completion, token by token. */
export interface PolicySequence {
  /** ln p under the policy as it is now, at the sampling temperature. */
  readonly logprobs: readonly number[];
  /** The same at the beginning of the update; absent: now. */
  readonly old?: readonly number[];
  /** Under the reference; needed where `beta` is not 0. */
  readonly reference?: readonly number[];
  /** Under the sampler; needed for its correction and for the off-policy mask. */
  readonly sampler?: readonly number[];
  /** 1 where a token counts. */
  readonly mask: readonly number[];
  readonly advantage: number;
  /** Of each token's distribution, in nats; needed for the bonus and for `topEntropy`. */
  readonly entropy?: readonly number[];
  /** Learnt by imitation, −imitation · logp, instead of by its advantage. */
  readonly imitation?: number;
}

/** What a step adds to the switches. */
export interface StepContext {
  /** Stands in for `lengthConstant`. */
  readonly maxNewTokens: number;
  /** Where a controller has moved them. */
  readonly beta?: number;
  readonly entropyBonus?: number;
}

/** What each token of a sequence weighs in the loss: all that depends on counts and masks, and on nothing that is trained. */
export interface SequenceWeights {
  readonly policy: readonly number[];
  /** Of the KL term, β included. */
  readonly kl: readonly number[];
  /** Of the entropy bonus, its coefficient included. */
  readonly entropy: readonly number[];
  readonly imitation: readonly number[];
  /** mask / n: the part of a token in its sequence's mean. */
  readonly shares: readonly number[];
}

/** The weights of one optimiser step, for the sequences of its micro-batches, and the entropy below which a token's policy term does not count. */
export interface StepWeights {
  readonly microBatches: readonly (readonly SequenceWeights[])[];
  readonly entropyThreshold: number;
}

export interface PolicyValue {
  readonly loss: number;
  /** ∂loss/∂logp of each token, for each sequence of each micro-batch; without the entropy bonus, which does not go through logp alone. */
  readonly gradients: readonly (readonly (readonly number[])[])[];
}

/** What counts of a completion: nothing of a truncated one where `maskTruncated`, and not the tokens that were given to it. */
export const lossMask = (tokens: number, { finished, given = 0 }: { readonly finished: boolean; readonly given?: number }, { maskTruncated }: Pick<ObjectiveSwitches, 'maskTruncated'>): number[] =>
  Array.from({ length: tokens }, (_, t) => (t >= given && (finished || !maskTruncated) ? 1 : 0));

const countOf = (mask: readonly number[]): number => mask.reduce((sum, m) => sum + m, 0);
const hold = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** The entropy at and above which a token's policy term counts: the (1 − share) quantile, with linear interpolation. */
export function entropyThreshold(entropies: readonly number[], share: number): number {
  if (entropies.length === 0 || share >= 1) return -Infinity;
  const sorted = [...entropies].sort((a, b) => a - b);
  const place = (1 - share) * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below]! + (place - below) * ((sorted[below + 1] ?? sorted[below]!) - sorted[below]!);
}

/** The factor of each token's policy term that makes up for a sampler that is not the trainer. */
export function samplerWeights({ logprobs, old = logprobs, sampler, mask }: Pick<PolicySequence, 'logprobs' | 'old' | 'sampler' | 'mask'>, correction: ObjectiveSwitches['samplerCorrection']): readonly number[] {
  if (correction === null) return mask.map(() => 1);
  if (!sampler) throw new RangeError('samplerWeights: the sampler\'s log-probabilities are missing.');
  const { level, beyond, cap, floor } = correction;
  const gaps = old.map((x, t) => mask[t]! * (x - sampler[t]!));
  const bounded = (weight: number): number => {
    const isBeyond = weight > cap || (floor !== null && weight < floor);
    return !isBeyond ? weight : beyond === 'mask' ? 0 : hold(weight, floor ?? 0, cap);
  };
  const whole = gaps.reduce((a, b) => a + b, 0);
  return gaps.map((gap) => bounded(Math.exp(level === 'sequence' ? whole : gap)));
}

/**
 * The estimate of the KL divergence of one token and its derivatives.
 *
 * @param x  logp − ref
 */
export function klEstimate(x: number, { klEstimator, klGuarded }: Pick<ObjectiveSwitches, 'klEstimator' | 'klGuarded'>): { readonly value: number; readonly gradient: number } {
  const { logRatio, value: bound } = klBounds;
  const isOutside = klGuarded && Math.abs(x) > logRatio;
  const at = klGuarded ? hold(x, -logRatio, logRatio) : x;
  const [value, slope] = {
    k1: [at, 1], abs: [Math.abs(at), Math.sign(at)], k2: [(at * at) / 2, at], k3: [Math.exp(-at) + at - 1, 1 - Math.exp(-at)],
  }[klEstimator] as [number, number];
  const isCut = klGuarded && Math.abs(value) > bound;
  return { value: isCut ? Math.sign(value) * bound : value, gradient: isOutside || isCut ? 0 : slope };
}

/** The policy term of one token and its derivative with respect to ln ρ (for `cispo` and `policyGradient`: with respect to logp, at fixed ρ). */
export function surrogateTerm(ratio: number, logprob: number, advantage: number, switches: ObjectiveSwitches): { readonly value: number; readonly gradient: number } {
  const { surrogate, clipLow, clipHigh, dualClip, delta, sapoTemperature } = switches;
  const held = hold(ratio, 1 - clipLow, 1 + clipHigh);
  switch (surrogate) {
    case 'policyGradient': return { value: -advantage * logprob, gradient: -advantage };
    case 'cispo': return { value: -held * advantage * logprob, gradient: -held * advantage };
    case 'sapo': {
      const temperature = advantage > 0 ? sapoTemperature.positive : sapoTemperature.negative;
      const gate = 1 / (1 + Math.exp(-temperature * (ratio - 1)));
      return { value: (-advantage * 4 * gate) / temperature, gradient: -4 * advantage * ratio * gate * (1 - gate) };
    }
    case 'clip': {
      const free = -advantage * (delta === null ? ratio : Math.min(ratio, delta));
      const most = dualClip !== null && advantage < 0 ? -advantage * dualClip : Infinity;
      const isActive = free >= -advantage * held && (delta === null || ratio <= delta) && free <= most;
      return { value: Math.min(Math.max(free, -advantage * held), most), gradient: isActive ? -advantage * ratio : 0 };
    }
  }
}

/** @param microBatches  with the log-probabilities and entropies of the last scoring; `sampler` where it is corrected for */
export function stepWeights(microBatches: readonly (readonly PolicySequence[])[], switches: ObjectiveSwitches, { maxNewTokens, beta = switches.beta, entropyBonus = switches.entropyBonus }: StepContext): StepWeights {
  const all = microBatches.flat();
  const perToken = tokenWeights(microBatches.map((sequences) => sequences.map(({ mask }) => countOf(mask))), switches, maxNewTokens);
  const active = all.reduce((sum, { mask }) => sum + countOf(mask), 0);
  const pull = switches.klPlacement === 'loss' ? beta : 0;
  return {
    entropyThreshold: switches.topEntropy < 1 ? entropyThreshold(all.flatMap(activeEntropies), switches.topEntropy) : -Infinity,
    microBatches: microBatches.map((sequences, b) => sequences.map((sequence, s) => {
      const { mask, imitation } = sequence;
      const [weight, count] = [perToken[b]![s]!, countOf(mask)];
      const correction = samplerWeights(sequence, switches.samplerCorrection);
      return {
        policy: mask.map((m, t) => (imitation === undefined ? m * weight * correction[t]! : 0)),
        kl: mask.map((m) => m * weight * pull),
        entropy: mask.map((m) => (m * entropyBonus) / Math.max(1, active)),
        imitation: mask.map((m) => m * weight * (imitation ?? 0)),
        shares: mask.map((m) => m / Math.max(1, count)),
      };
    })),
  };
}

function activeEntropies({ entropy, mask }: PolicySequence): readonly number[] {
  if (!entropy) throw new RangeError('stepWeights: topEntropy needs the entropies of the last scoring.');
  return entropy.filter((_, t) => mask[t]! > 0);
}

/** The loss of one optimiser step and its gradient, token by token; the gradients of micro-batches are to be added up. */
export function policyObjective(microBatches: readonly (readonly PolicySequence[])[], switches: ObjectiveSwitches, context: StepContext): PolicyValue {
  const weights = stepWeights(microBatches, switches, context);
  let loss = 0;
  const gradients = microBatches.map((sequences, b) => sequences.map((sequence, s) => {
    const { value, gradient } = sequenceTerms(sequence, weights.microBatches[b]![s]!, switches, weights.entropyThreshold);
    loss += value;
    return gradient;
  }));
  return { loss, gradients };
}

function sequenceTerms(sequence: PolicySequence, weights: SequenceWeights, switches: ObjectiveSwitches, threshold: number): { readonly value: number; readonly gradient: readonly number[] } {
  const { logprobs, old = logprobs, reference, sampler, mask, advantage, entropy } = sequence;
  const { ratio: level, logRatioCap, surrogate, offPolicyThreshold, klBiasCorrection } = switches;
  const mean = (numbers: readonly number[]): number => numbers.reduce((sum, x, t) => sum + weights.shares[t]! * x, 0);
  const gaps = logprobs.map((x, t) => x - old[t]!);
  const held = gaps.map((gap) => hold(gap, logRatioFloor, logRatioCap));
  const together = mean(held);
  const isOffPolicy = offPolicyThreshold !== null && advantage < 0 && mean(logprobs.map((x, t) => sampler![t]! - x)) > offPolicyThreshold;
  let value = 0;
  const direct = new Array<number>(mask.length).fill(0);
  /** With respect to ln ρ of each token. */
  const throughRatio = new Array<number>(mask.length).fill(0);
  mask.forEach((m, t) => {
    if (m === 0) return;
    const ratio = Math.exp(level === 'token' ? held[t]! : Math.min(together, logRatioCap));
    const term = surrogateTerm(ratio, logprobs[t]!, advantage, switches);
    const weight = isOffPolicy || (entropy !== undefined && entropy[t]! < threshold) ? 0 : weights.policy[t]!;
    value += weight * term.value - weights.imitation[t]! * logprobs[t]!;
    (surrogate === 'cispo' || surrogate === 'policyGradient' ? direct : throughRatio)[t]! += weight * term.gradient;
    direct[t]! -= weights.imitation[t]!;
    if (weights.kl[t] !== 0) {
      const kl = klEstimate(logprobs[t]! - reference![t]!, switches);
      const factor = weights.kl[t]! * (klBiasCorrection ? ratio : 1);
      value += factor * kl.value;
      direct[t]! += factor * kl.gradient;
      if (klBiasCorrection) throughRatio[t]! += factor * kl.value;
    }
    if (weights.entropy[t] !== 0) value -= weights.entropy[t]! * entropy![t]!;
  });
  const whole = throughRatio.reduce((a, b) => a + b, 0);
  return { value, gradient: direct.map((g, t) => g + (gaps[t] === held[t] ? (level === 'sequence' ? whole * weights.shares[t]! : throughRatio[t]!) : 0)) };
}
