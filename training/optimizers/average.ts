/** The exponential moving average of weights, which is what gets evaluated and shipped. */

/**
 * average ← d·average + (1 − d)·weights, with d rising from 0 towards `decay` as (1 + t) / (10 + t), so that early weights are soon forgotten.
 *
 * @param count  t ≥ 0, how many averages were taken before
 */
export function averageStep(average: Float32Array, weights: Float32Array, decay: number, count: number): void {
  const keep = Math.min(decay, (1 + count) / (10 + count));
  for (let i = 0; i < average.length; i++) average[i] = weights[i]! + keep * (average[i]! - weights[i]!);
}
