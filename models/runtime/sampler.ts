/** Choosing the next token from the network's logits. */

import type { Random } from '#models/base/random.ts';

export interface Sampling {
  /** 0 takes the most likely token; 1 is the policy itself. */
  readonly temperature: number;
  /** Only the k most likely tokens; 0: no such limit. */
  readonly topK: number;
  /** Only the most likely tokens that together reach this probability; 1: no such limit. */
  readonly topP: number;
  readonly seed: number;
}

export const greedy: Sampling = { temperature: 0, topK: 0, topP: 1, seed: 0 };

/** Tokens that are never chosen, by id: 1 bans. Shorter than the vocabulary: the rest is allowed. */
export type BanMask = Uint8Array;

/** A mask that bans the given ids and, where a size is given, every row from `size` up to the end of the vocabulary. */
export function banMask(vocabulary: number, ids: Iterable<number>, size = vocabulary): BanMask {
  const mask = new Uint8Array(vocabulary).fill(1, Math.min(size, vocabulary));
  for (const id of ids) if (id >= 0 && id < vocabulary) mask[id] = 1;
  return mask;
}

export interface Choice {
  readonly token: number;
  /** ln p(token) at temperature 1 over the whole vocabulary: what a scorer of the finished text computes, whatever the sampling was. */
  readonly logProbability: number;
  /** Of the distribution at temperature 1 over the whole vocabulary, in nats; where it was asked for. */
  readonly entropy?: number;
}

/**
 * The next token. Temperature comes first, then the k most likely, then the nucleus. Equally likely tokens rank by id, so that the choice is the same everywhere.
 *
 * @param logits  [V]
 * @param random  drawn from once for each token, and not at all when greedy
 */
export function chooseToken(logits: Float32Array, sampling: Sampling, random: Random, banned?: BanMask, wantsEntropy = false): Choice {
  const top = highest(logits);
  const odds = oddsOf(logits, top);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += odds[i] as number;
  // Before the draw, which may write over the exponentials.
  const entropy = wantsEntropy ? Math.log(total) - weightedSum(logits, odds, top) / total : undefined;
  const token = sampling.temperature === 0 ? likeliest(logits, banned) : draw(logits, odds, sampling, random, banned);
  return { token, logProbability: (logits[token] as number) - top - Math.log(total), ...(entropy === undefined ? {} : { entropy }) };
}

/** Σ exp(x − top) · (x − top). */
function weightedSum(logits: Float32Array, odds: Float64Array, top: number): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const weight = odds[i] as number;
    if (weight !== 0) sum += weight * ((logits[i] as number) - top);
  }
  return sum;
}

/** ln softmax(logits / temperature)[token], summed in double precision. */
export function logProbability(logits: Float32Array, token: number, temperature = 1): number {
  if (temperature === 1) return (logits[token] as number) - logSumExp(logits);
  const top = highest(logits);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(((logits[i] as number) - top) / temperature);
  return ((logits[token] as number) - top) / temperature - Math.log(total);
}

/** ln Σ exp(x), safe for any finite x. */
export function logSumExp(logits: Float32Array): number {
  const top = highest(logits);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp((logits[i] as number) - top);
  return top + Math.log(total);
}

function highest(logits: Float32Array): number {
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) if ((logits[i] as number) > top) top = logits[i] as number;
  return top;
}

/** One vocabulary's worth of numbers, used again by every call: exponentials are most of what choosing costs. */
let scratch = new Float64Array(0);

/** exp(x − top) for each logit, valid until the next call. */
function oddsOf(logits: Float32Array, top: number): Float64Array {
  if (scratch.length < logits.length) scratch = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) scratch[i] = Math.exp((logits[i] as number) - top);
  return scratch;
}

/** The id of the largest allowed logit; the first of equals. */
function likeliest(logits: Float32Array, banned: BanMask | undefined): number {
  let best = -1;
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i] as number;
    if ((x > top || best < 0) && banned?.[i] !== 1) {
      best = i;
      top = x;
    }
  }
  if (best < 0) throw new Error('chooseToken: every token is banned.');
  return best;
}

function draw(logits: Float32Array, odds: Float64Array, { temperature, topK, topP }: Sampling, random: Random, banned: BanMask | undefined): number {
  const best = likeliest(logits, banned);
  const top = logits[best] as number;
  // At temperature 1 without bans above the best allowed token the exponentials are those of the policy itself.
  const weights = odds;
  if (temperature !== 1 || odds[best] !== 1) for (let i = 0; i < logits.length; i++) weights[i] = Math.exp(((logits[i] as number) - top) / temperature);
  if (banned) for (let i = 0; i < logits.length; i++) if (banned[i] === 1) weights[i] = 0;
  if (topK === 0 && topP >= 1) return drawFrom(weights, logits.length, random) ?? best;
  const ids: number[] = [];
  for (let i = 0; i < logits.length; i++) if (weights[i] !== 0) ids.push(i);
  const kept = likeliestOf(ids, weights, topK, topP);
  let rest = random.uniform() * kept.reduce((total, id) => total + (weights[id] as number), 0);
  for (const id of kept) {
    rest -= weights[id] as number;
    if (rest < 0) return id;
  }
  return kept.at(-1) as number;
}

/** An index in proportion to its weight; undefined where rounding carried the draw past the end. */
function drawFrom(weights: Float64Array, count: number, random: Random): number | undefined {
  let total = 0;
  for (let i = 0; i < count; i++) total += weights[i] as number;
  let rest = random.uniform() * total;
  for (let i = 0; i < count; i++) {
    rest -= weights[i] as number;
    if (rest < 0 && weights[i] !== 0) return i;
  }
  return undefined;
}

/** The ids that top-k and then the nucleus leave, in falling order of weight. */
function likeliestOf(ids: readonly number[], weights: Float64Array, topK: number, topP: number): readonly number[] {
  const ranked = [...ids].sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
  const first = topK > 0 ? ranked.slice(0, topK) : ranked;
  if (topP >= 1) return first;
  const total = first.reduce((sum, id) => sum + (weights[id] as number), 0);
  let before = 0;
  return first.filter((id, rank) => {
    const keep = rank === 0 || before < topP * total;
    before += weights[id] as number;
    return keep;
  });
}
