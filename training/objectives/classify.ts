/**
 * Telling images apart, as a loss to be minimised: cross-entropy against soft targets (label smoothing, mixed images).
 *
 *   loss = −mean over images of Σ t · log softmax(z)
 *
 * Its gradient with respect to the scores z is (softmax(z) − t) / N for targets that add up to one.
 */
import type { Value } from '#models/graph/graph.ts';
import { exp, log, mul, reduceMax, reduceSum, softmax, sub, sumAll } from '#models/graph/ops.ts';
import type { SeededLoss } from './sft.ts';

/**
 * @param scores   [N, C]
 * @param targets  [N, C]  each row adds up to one
 */
export function classifyLoss(scores: Value, targets: Value): SeededLoss {
  const share = 1 / scores.shape[0]!;
  const shifted = sub(scores, reduceMax(scores, [1]));
  const logProbabilities = sub(shifted, log(reduceSum(exp(shifted), [1])));
  return { loss: mul(sumAll(mul(targets, logProbabilities)), -share), gradient: mul(sub(softmax(scores), targets), share) };
}
