/** Ways in which the decoder's tokens attend: over a whole batch at once, or one new token against a cache. */
import type { Value } from '#models/graph/graph.ts';
import { add, concat, matMul, mul, reduceSum, reshape, softmax, split, swap, transpose } from '#models/graph/ops.ts';
import type { QwenVlConfig } from './config.ts';
import type { Attend } from './decoder.ts';
import { rotate, rotation } from './rope.ts';

/** Called with each layer's rotated keys and its values, [B, kvHeads, T, K], e.g. to keep them. */
export type KeepKeyValue = (key: Value, value: Value, layer: number) => void;

/**
 * Every token of B sequences of T tokens at once. Query heads that share a key-value head are folded into rows.
 *
 * @param cos, sin  [B·T, 1, K]
 * @param mask      added to the scores: [T, T], or [B, 1, 1, T, T]
 */
export function batchAttention(config: QwenVlConfig, { batch, tokens, cos, sin, mask, keep }: { batch: number; tokens: number; cos: Value; sin: Value; mask: Value; keep?: KeepKeyValue }): Attend {
  const { heads, kvHeads, headWidth } = config;
  const group = heads / kvHeads;
  const turn = rotation(cos, sin);
  const turnQuery = rotation(cos, sin, 1 / Math.sqrt(headWidth));
  const rowMask = reshape(mask, mask.shape.length === 2 ? [tokens, 1, tokens] : [batch, 1, tokens, 1, tokens]);
  return (q, k, v, layer) => {
    // With one key-value head none of these transpositions moves an element.
    const byHead = (x: Value): Value => transpose(reshape(x, [batch, tokens, kvHeads, headWidth]), [0, 2, 1, 3]);
    const key = byHead(turn(reshape(k, [batch * tokens, kvHeads, headWidth])));
    const value = byHead(v);
    keep?.(key, value, layer);
    const queries = transpose(reshape(turnQuery(reshape(q, [batch * tokens, heads, headWidth])), [batch, tokens, kvHeads, group, headWidth]), [0, 2, 1, 3, 4]);
    const scores = matMul(reshape(queries, [batch, kvHeads, tokens * group, headWidth]), key, { transB: true });
    const weights = softmax(add(reshape(scores, [batch, kvHeads, tokens, group, tokens]), rowMask));
    const mixed = matMul(reshape(weights, [batch, kvHeads, tokens * group, tokens]), value);
    return reshape(transpose(reshape(mixed, [batch, kvHeads, tokens, group, headWidth]), [0, 2, 1, 3, 4]), [batch * tokens, heads * headWidth]);
  };
}

/**
 * B prefixes of P tokens, each followed by G branches of L tokens: a branch's token sees its prefix and its own branch up to itself, and nothing of the other
 * branches. The same as `batchAttention` under such a mask, without the work that the mask would throw away: G·L·(P + L) + P² instead of (P + G·L)².
 *
 * @param cos, sin    [B·(P + G·L), 1, K]
 * @param prefixMask  added to the branches' scores of their prefix, [B, 1, 1, P]: closes a shorter prefix's padding
 */
export function branchAttention(config: QwenVlConfig, { batch, prefix, branches, length, cos, sin, prefixMask }: {
  batch: number; prefix: number; branches: number; length: number; cos: Value; sin: Value; prefixMask: Value;
}): Attend {
  const { heads, kvHeads, headWidth } = config;
  const group = heads / kvHeads;
  const [own, tokens] = [branches * length, prefix + branches * length];
  const turn = rotation(cos, sin);
  const turnQuery = rotation(cos, sin, 1 / Math.sqrt(headWidth));
  const { graph } = prefixMask;
  const causal = (count: number): Value => reshape(graph.constant(causalMask(count), [count, count]), [count, 1, count]);
  const [prefixCausal, branchCausal] = [causal(prefix), causal(length)];
  return (q, k, v) => {
    const byHead = (x: Value): Value => transpose(reshape(x, [batch, tokens, kvHeads, headWidth]), [0, 2, 1, 3]);
    const [prefixKeys, branchKeys] = split(byHead(turn(reshape(k, [batch * tokens, kvHeads, headWidth]))), [prefix, own], 2) as [Value, Value];
    const [prefixValues, branchValues] = split(byHead(v), [prefix, own], 2) as [Value, Value];
    const queries = transpose(reshape(turnQuery(reshape(q, [batch * tokens, heads, headWidth])), [batch, tokens, kvHeads, group, headWidth]), [0, 2, 1, 3, 4]);
    const [prefixQueries, branchQueries] = split(queries, [prefix, own], 2) as [Value, Value];

    const prefixScores = reshape(matMul(reshape(prefixQueries, [batch, kvHeads, prefix * group, headWidth]), prefixKeys, { transB: true }), [batch, kvHeads, prefix, group, prefix]);
    const prefixMixed = matMul(reshape(softmax(add(prefixScores, prefixCausal)), [batch, kvHeads, prefix * group, prefix]), prefixValues);

    /** One product for all branches of a prefix, or one for each branch. */
    const [together, apart] = [[batch, kvHeads, own * group], [batch, kvHeads, branches, length * group]];
    const perBranch = (x: Value): Value => reshape(x, [batch, kvHeads, branches, length, headWidth]);
    const toward = add(matMul(reshape(branchQueries, [...together, headWidth]), prefixKeys, { transB: true }), prefixMask);
    const within = add(reshape(matMul(reshape(branchQueries, [...apart, headWidth]), perBranch(branchKeys), { transB: true }), [batch, kvHeads, branches, length, group, length]), branchCausal);
    const [toPrefix, toOwn] = split(softmax(concat([toward, reshape(within, [...together, length])], -1)), [prefix, length], -1) as [Value, Value];
    const branchMixed = add(matMul(toPrefix, prefixValues), reshape(matMul(reshape(toOwn, [...apart, length]), perBranch(branchValues)), [...together, headWidth]));

    const mixed = concat([reshape(prefixMixed, [batch, kvHeads, prefix, group, headWidth]), reshape(branchMixed, [batch, kvHeads, own, group, headWidth])], 2);
    return reshape(transpose(mixed, [0, 2, 1, 3, 4]), [batch * tokens, heads * headWidth]);
  };
}

/** −1e9 above the diagonal, [T, T]: a token sees itself and what came before. */
export function causalMask(tokens: number): Float32Array {
  const mask = new Float32Array(tokens * tokens);
  for (let i = 0; i < tokens; i++) mask.fill(-1e9, i * tokens + i + 1, (i + 1) * tokens);
  return mask;
}

export interface SlotCache {
  /** A prefix for each of O owners, [O, kvHeads, P, K]: one for all rows, one for each, or each for as many rows that follow one another. */
  readonly prefixKeys: Value;
  readonly prefixValues: Value;
  /** What the rows have written since, [G, kvHeads, L, K]. */
  readonly slotKeys: Value;
  readonly slotValues: Value;
}

/**
 * One new token in each of G rows against its prefix, its slots and itself. The new key and value leave through `keep`; their owner writes them into the next slot.
 *
 * @param cos, sin    [G, 1, K]
 * @param prefixMask  added to the prefix's scores, [O, 1, 1, P]
 * @param slotMask    added to the slots' scores, [1 or G, 1, 1, L]
 */
export function slotAttention(config: QwenVlConfig, { rows, cos, sin, prefixMask, slotMask, cache, keep }: {
  rows: number; cos: Value; sin: Value; prefixMask: Value; slotMask: Value; cache: (layer: number) => SlotCache; keep: KeepKeyValue;
}): Attend {
  const { heads, kvHeads, headWidth } = config;
  const group = heads / kvHeads;
  const shape = [rows, kvHeads, group, headWidth];
  return (q, k, v, layer) => {
    const { prefixKeys, prefixValues, slotKeys, slotValues } = cache(layer);
    const owners = prefixKeys.shape[0]!;
    const isShared = owners < rows;
    const each = rows / owners;
    const prefix = prefixKeys.shape[2]!;
    const slots = slotKeys.shape[2]!;
    const query = reshape(rotate(reshape(mul(q, 1 / Math.sqrt(headWidth)), [rows, heads, headWidth]), cos, sin), shape);
    const key = reshape(rotate(reshape(k, [rows, kvHeads, headWidth]), cos, sin), [rows, kvHeads, 1, headWidth]);
    const value = reshape(v, [rows, kvHeads, 1, headWidth]);
    keep(key, value, layer);

    // A shared prefix turns the small products of its rows into one with as many times the rows.
    const fold = (x: Value): Value => (isShared ? reshape(transpose(reshape(x, [owners, each, kvHeads, group, x.shape[3]!]), [0, 2, 1, 3, 4]), [owners, kvHeads, each * group, x.shape[3]!]) : x);
    const unfold = (x: Value): Value => (isShared ? reshape(transpose(reshape(x, [owners, kvHeads, each, group, x.shape[3]!]), [0, 2, 1, 3, 4]), [rows, kvHeads, group, x.shape[3]!]) : x);
    const toward = matMul(fold(query), swap(prefixKeys));
    const scores = concat([
      isShared ? unfold(add(toward, prefixMask)) : add(toward, prefixMask),
      add(matMul(query, swap(slotKeys)), slotMask),
      reduceSum(mul(query, key), [-1]),
    ], -1);
    const [toPrefix, toSlots, toSelf] = split(softmax(scores), [prefix, slots, 1], -1);
    const mixed = add(add(unfold(matMul(fold(toPrefix!), prefixValues)), matMul(toSlots!, slotValues)), mul(toSelf!, value));
    return reshape(mixed, [rows, heads * headWidth]);
  };
}
