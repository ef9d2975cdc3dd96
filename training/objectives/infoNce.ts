/**
 * Images and sentences that belong together, told from those of the rest of a batch (symmetric InfoNCE, van den Oord et al. 2018, Radford et al. 2021), to be minimised.
 *
 *   z = scale · cos(u_i, v_j)        loss = ½ (CE over rows of z + CE over columns of z)
 *
 * Targets are the identity where every sentence stands once. Sentences of local labels repeat: those that mean the same share their rows' and columns' mass equally
 * (Yang et al. 2022, UniCL), so that no true sentence is pushed away from an image of which it is true.
 */
import type { Value } from '#models/graph/graph.ts';
import { add, mul, swap } from '#models/graph/ops.ts';
import { classifyLoss } from './classify.ts';
import type { SeededLoss } from './sft.ts';

/**
 * @param scores  z, [B, B]: images by rows, sentences by columns
 * @param shares  [B, B], see `pairShares`; rows and columns add up to one
 */
export function infoNceLoss(scores: Value, shares: Value): SeededLoss {
  const rows = classifyLoss(scores, shares);
  const columns = classifyLoss(swap(scores), swap(shares));
  return { loss: mul(add(rows.loss, columns.loss), 0.5), gradient: mul(add(rows.gradient, swap(columns.gradient)), 0.5) };
}

/** Equal parts for all that mean the same. [B, B] */
export function pairShares(meanings: readonly string[]): Float32Array {
  const count = meanings.length;
  const shares = new Float32Array(count * count);
  const members = new Map<string, number[]>();
  meanings.forEach((meaning, i) => members.set(meaning, [...members.get(meaning) ?? [], i]));
  for (const all of members.values()) for (const i of all) for (const j of all) shares[i * count + j] = 1 / all.length;
  return shares;
}
