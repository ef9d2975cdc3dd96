/**
 * Supervised fine-tuning, as a loss to be minimised.
 *
 *   loss = Σ w · ( logΣexp(z) − z[target] ) / Σ w
 *
 * The gradient with respect to the scores z has a closed form, w · (softmax(z) − onehot(target)) / Σ w, which is given
 * with the loss: differentiating the formula operator by operator would pass over the [N, V] scores five more times.
 */
import type { Value } from '#models/graph/graph.ts';
import { gatherElements, log, maximum, mul, neg, reciprocal, reshape, scatterAddElements, softmax, sumAll } from '#models/graph/ops.ts';

export interface SeededLoss {
  /** [] */
  readonly loss: Value;
  /** d loss / d scores, [N, V]. */
  readonly gradient: Value;
}

/**
 * @param scores   [N, V]
 * @param targets  [N] int64
 * @param weights  [N]  0 where a row does not count
 */
export const sftLoss = (scores: Value, targets: Value, weights: Value): SeededLoss => sharedLoss(scores, targets, mul(weights, reciprocal(sumAll(weights))));

/** The same for weights that are shares already: Σ share · surprise. */
export function sharedLoss(scores: Value, targets: Value, shares: Value): SeededLoss {
  const count = scores.shape[0]!;
  const columns = reshape(targets, [count, 1]);
  const share = reshape(shares, [count, 1]);
  // One pass over the scores serves the loss and its gradient. A probability below float32's range counts as 1e-37: 85 nats.
  const probabilities = softmax(scores);
  const surprise = neg(log(maximum(gatherElements(probabilities, columns, 1), 1e-37)));
  return {
    loss: sumAll(mul(surprise, share)),
    gradient: scatterAddElements(mul(probabilities, share), columns, neg(share), 1),
  };
}
