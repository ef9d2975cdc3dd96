/**
 * Telling images apart, as a loss to be minimised: cross-entropy against soft targets (label smoothing, mixed images).
 *
 *   loss = −mean over images of Σ t · log softmax(z)
 *
 * Its gradient with respect to the scores z is (softmax(z) · Σt − t) / N. A row of zeros, an image without a label, counts for nothing.
 */
import type { Value } from '#models/graph/graph.ts';
import { exp, log, mul, reduceMax, reduceSum, softmax, sub, sumAll } from '#models/graph/ops.ts';
import type { SeededLoss } from './sft.ts';

/**
 * @param scores   [N, C]
 * @param targets  [N, C]  each row adds up to one, or is zero
 */
export function classifyLoss(scores: Value, targets: Value): SeededLoss {
  const share = 1 / scores.shape[0]!;
  const shifted = sub(scores, reduceMax(scores, [1]));
  const logProbabilities = sub(shifted, log(reduceSum(exp(shifted), [1])));
  return { loss: mul(sumAll(mul(targets, logProbabilities)), -share), gradient: mul(sub(mul(softmax(scores), reduceSum(targets, [1])), targets), share) };
}
