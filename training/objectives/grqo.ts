/**
 * Group Relative Query Optimization (DINO-R1, arXiv 2505.24025), as a loss to be minimised: all queries of an image are one group, praised by how well each fits some target.
 *
 *   r̂_i  = −min_j cost_ij                                  every query, not only the matched ones
 *   Â_i  = (r̂_i − mean r̂) / (sample deviation of r̂ + 2·10⁻⁹), 0 where all are equal; then 0 for the last `muted` queries
 *   KL_i = q_i / p_i − ln q_i + ln p_i − 1, p_i = σ(objectness) + 2·10⁻⁹, q_i the same token's under the reference
 *   loss = mean over images and queries of ( −α·Â_i + β·KL_i )
 *
 * Queries stand in falling objectness. Muting is what makes the first term do anything: the mean of a standardised vector is 0, its gradient too.
 * `normGrad` says whether mean and deviation are differentiated: `full` as published (kept queries below the mean are pushed up, muted ones down), or `detached` (every
 * kept query is pulled alike by 1/(N·deviation)).
 * Departure: with `clip` (default 6; null as published) both objectness logits are held to ±6, since KL is one-sided and explodes where p falls to 0 while q is high.
 */
import type { Value } from '#models/graph/graph.ts';
import { add, clip as held, div, greater, log, maximum, mul, reduceMean, reduceSum, sigmoid, sqrt, sub, sumAll, where } from '#models/graph/ops.ts';

export interface GrqoOptions {
  readonly alpha?: number;
  readonly beta?: number;
  /** Of N queries, 1 … N − 1; more mute all. */
  readonly muted: number;
  readonly normGrad?: 'full' | 'detached';
  readonly clip?: number | null;
}

export interface GrqoLoss {
  /** [] */
  readonly loss: Value;
  /** Where gradients begin. */
  readonly seeds: readonly { readonly value: Value; readonly gradient: Value }[];
  /** [B, N], after muting. */
  readonly advantages: Value;
  /** [B, N] */
  readonly kl: Value;
}

const guard = 2e-9;
/** Below this variance all rewards count as equal. */
const leastVariance = 1e-12;

/**
 * @param rewards    [B, N]  r̂
 * @param policy     [B, N]  objectness logits of the queries
 * @param reference  [B, N]  those of the same tokens under the reference
 */
export function grqoLoss(rewards: Value, policy: Value, reference: Value, { alpha = 0.01, beta = 0.04, muted, normGrad = 'full', clip = 6 }: GrqoOptions): GrqoLoss {
  const { graph } = rewards;
  const [batch, queries] = rewards.shape as [number, number];
  if (queries < 2) throw new RangeError('grqoLoss: a group needs at least two queries.');
  if (!Number.isInteger(muted) || muted < 1) throw new RangeError(`grqoLoss: of ${queries} queries at least one is muted, not ${muted}; without muting the advantages add up to nothing.`);
  const kept = graph.constant(Float32Array.from({ length: queries }, (_, i) => (i < queries - muted ? 1 : 0)), [1, queries]);
  const away = sub(rewards, reduceMean(rewards, [1]));
  const variance = mul(reduceSum(mul(away, away), [1]), 1 / (queries - 1));
  const deviation = add(sqrt(maximum(variance, leastVariance)), guard);
  const isSpread = greater(variance, leastVariance);
  const advantages = mul(where(isSpread, div(away, deviation), 0), kept);

  const logits = (x: Value): Value => (clip === null ? x : held(x, -clip, clip));
  const [p, q] = [add(sigmoid(logits(policy)), guard), add(sigmoid(logits(reference)), guard)];
  const kl = sub(add(sub(div(q, p), log(q)), log(p)), 1);
  const share = 1 / (batch * queries);
  const praised = mul(sumAll(advantages), -alpha * share);
  const pulled = mul(sumAll(kl), beta * share);
  const loss = add(praised, pulled);
  const one = graph.scalar(1);
  if (normGrad === 'full') return { loss, advantages, kl, seeds: [{ value: loss, gradient: one }] };
  return { loss, advantages, kl, seeds: [{ value: pulled, gradient: one }, { value: rewards, gradient: mul(where(isSpread, div(kept, deviation), 0), -alpha * share) }] };
}
