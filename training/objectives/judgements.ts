/**
 * Which of two images is closer to a third, as it was judged (Perceptual-Initialization, arXiv 2505.14204), to be minimised.
 *
 *   d₀ = 1 − cos(reference, left)   d₁ = 1 − cos(reference, right)   s = 1 where the right one was judged closer, −1 where the left one was
 *   loss = mean over judgements of max(0, m − s (d₀ − d₁))
 */
import type { Value } from '#models/graph/graph.ts';
import { maximum, mul, reduceMean, reduceSum, sub } from '#models/graph/ops.ts';

export interface JudgementLoss {
  readonly loss: Value;
  /** d₀ − d₁, [N, 1]: above 0 where the right one is the closer one. */
  readonly differences: Value;
}

/**
 * @param reference, left, right  [N, E], rows of unit length
 * @param sign                    s, [N, 1]
 * @param margin                  m; 0.05 in the release
 */
export function judgementLoss({ reference, left, right }: { readonly reference: Value; readonly left: Value; readonly right: Value }, sign: Value, margin: number): JudgementLoss {
  const cosine = (x: Value): Value => reduceSum(mul(reference, x), [1]);
  const differences = sub(cosine(right), cosine(left));
  return { loss: reduceMean(maximum(sub(margin, mul(sign, differences)), 0), [0, 1], false), differences };
}
