/** Graphs that learn from advantages, or only score: image and question once for each prompt, its completions as branches behind them. */
import type { Graph, Value } from '#models/graph/graph.ts';
import { gather } from '#models/graph/ops.ts';
import { batchAttention, branchAttention } from '#models/networks/attention.ts';
import type { QwenVlConfig } from '#models/networks/config.ts';
import { bucket as bucketSize } from '#models/runtime/kvCache.ts';
import { decoder } from '#models/networks/decoder.ts';
import type { Parameters } from '#models/networks/parameters.ts';
import { embed, logits } from '#models/networks/qwenVl.ts';
import type { Segment } from './autodiff/gradient.ts';
import { startGraph, tower, bucketName, type Bucket, type GraphOptions, type TrainingGraph } from './graphs.ts';
import { policyLoss, scoreTokens, type PolicyLossOptions, type TokenScores } from './objectives/policyLoss.ts';

/** `targets`: completion tokens over the whole batch; a sequence of the bucket holds a prompt and its branches. */
export interface PolicyBucket extends Bucket {
  /** S: completions over the whole batch. */
  readonly sequences: number;
  /** Where every sequence keeps its prompt and its completions at fixed places: then no token is compared with another completion's. `tokens` is P + G·L. */
  readonly branches?: Branches;
}

/** Places for a prompt of P tokens, and G completions of L tokens each. */
export interface Branches {
  readonly prefix: number;
  readonly count: number;
  readonly length: number;
}

/**
 * A bucket's tokens and branches for prompts with their completions, whichever costs less: completions one after the other, compared with all and masked,
 * or each at a place of its own, as long as the longest.
 */
export function layoutOf(config: QwenVlConfig, asked: readonly { readonly prompt: readonly number[]; readonly completions: readonly (readonly number[])[] }[]): Pick<PolicyBucket, 'tokens' | 'branches'> {
  const { hiddenSize, mlpWidth, heads, kvHeads, headWidth } = config;
  const row = 2 * hiddenSize * (2 * (heads + kvHeads) * headWidth + 3 * mlpWidth);
  // Two products, and what the softmax costs beside them.
  const pair = heads * (4 * headWidth + 64);
  const tight = bucketSize(Math.max(...asked.map(({ prompt, completions }) => completions.reduce((sum, { length }) => sum + length - 1, prompt.length))));
  const branches: Branches = {
    prefix: bucketSize(Math.max(...asked.map(({ prompt }) => prompt.length)), 16),
    count: Math.max(...asked.map(({ completions }) => completions.length)),
    length: bucketSize(Math.max(1, ...asked.flatMap(({ completions }) => completions.map(({ length }) => length - 1))), 16),
  };
  const { prefix, count, length } = branches;
  const tokens = prefix + count * length;
  const masked = tight * row + tight ** 2 * pair;
  const apart = tokens * row + (prefix ** 2 + count * length * (prefix + length)) * pair;
  return apart < masked ? { tokens, branches } : { tokens: tight };
}

export const policyBucketName = (bucket: PolicyBucket): string =>
  `${bucketName(bucket)}-${bucket.sequences}${bucket.branches ? `-${bucket.branches.prefix}+${bucket.branches.count}x${bucket.branches.length}` : ''}`;

export interface ScoreOptions extends Pick<GraphOptions, 'lora' | 'fused'> {
  /** At which the completions were sampled; scores are divided by it. Default 1. */
  readonly temperature?: number;
  /** `tower` reads patches; `rows` reads what a frozen tower made of them once. */
  readonly vision?: 'tower' | 'rows';
}

export interface PolicyOptions extends ScoreOptions, Pick<GraphOptions, 'isTrained' | 'dropBranches'>, Pick<PolicyLossOptions, 'switches' | 'imitates'> {
  /** Keeps of each decoder layer only the rows that it reads, and computes the rest again in the backward pass: a third more work, a part of the memory. */
  readonly recomputes?: boolean;
}

/**
 * In: `parameter.NAME`; `patches` [B·P, C·S·S], or `vision` [B·cells, D]; `ids`, `source` [B·T]; `cos`, `sin` [B·T, 1, K]; `mask` [B, 1, 1, T, T], or with branches `prefixMask` [B, 1, 1, P];
 * `rows` [N] into the B·T rows, `targets` [N]; and what `policyInputs` names for the switches.
 * Out: `loss` [], `logprobs` and `entropy` [N] at the temperature, and `gradient.NAME` for each weight that `isTrained`.
 *
 * The gradients of micro-batches add up to that of the step, for the weights that are fed count the whole step.
 */
export function policyGraph(config: QwenVlConfig, bucket: PolicyBucket, options: PolicyOptions): TrainingGraph {
  const { switches, temperature = 1, imitates = false, recomputes = false } = options;
  const { graph, parameters, finish } = startGraph(`policy-${policyBucketName(bucket)}`, options);
  const { scores, tokens, layers } = forward(graph, parameters, config, bucket, options);
  const { loss, gradient } = policyLoss(graph, tokens, { switches, temperature, sequences: bucket.sequences, imitates });
  return finish(loss, [{ value: scores, gradient }], recomputes ? layers : []);
}

/** The same inputs, without those of the loss. Out: `logprobs` and `entropy` [N]. Without `lora` it scores the base under an adapter: the reference. */
export function policyScoreGraph(config: QwenVlConfig, bucket: PolicyBucket, options: ScoreOptions = {}): Omit<TrainingGraph, 'trained'> {
  const { graph, parameters, made } = startGraph(`policy-score-${policyBucketName(bucket)}`, options);
  forward(graph, parameters, config, bucket, options);
  return { graph, parameters: made() };
}

interface Forward {
  readonly scores: Value;
  readonly tokens: TokenScores;
  /** The nodes of each decoder layer. */
  readonly layers: readonly Segment[];
}

/** The network over the packed sequences up to its scores. */
function forward(graph: Graph, parameters: Parameters, config: QwenVlConfig, bucket: PolicyBucket, options: ScoreOptions & Pick<GraphOptions, 'dropBranches'>): Forward {
  const { batch, grid, tokens, targets, branches } = bucket;
  const count = batch * tokens;
  const vision = grid === null ? null : options.vision === 'rows' ? graph.input('vision', [batch * visionRows(config, grid), config.hiddenSize])
    : tower(graph, parameters, config, { batch, grid }, options);
  const source = grid ? graph.input('source', [count], 'int64') : null;
  const ids = graph.input('ids', [count], 'int64');
  const cos = graph.input('cos', [count, 1, config.headWidth]);
  const sin = graph.input('sin', [count, 1, config.headWidth]);
  const read = embed(parameters, config, ids, vision, source);
  const attend = branches
    ? branchAttention(config, { batch, prefix: branches.prefix, branches: branches.count, length: branches.length, cos, sin, prefixMask: graph.input('prefixMask', [batch, 1, 1, branches.prefix]) })
    : batchAttention(config, { batch, tokens, cos, sin, mask: graph.input('mask', [batch, 1, 1, tokens, tokens]) });
  const ends = [graph.nodes.length];
  const hidden = decoder(parameters, config, read, attend, () => ends.push(graph.nodes.length));
  const scores = logits(parameters, config, gather(hidden, graph.input('rows', [targets], 'int64')));
  const scored = scoreTokens(scores, graph.input('targets', [targets], 'int64'), options.temperature ?? 1);
  graph.output('logprobs', scored.logprobs);
  graph.output('entropy', scored.entropy);
  return { scores, tokens: scored, layers: ends.slice(1).map((to, i) => ({ from: ends[i]!, to })) };
}

/** Decoder rows of one image. */
export const visionRows = (config: QwenVlConfig, grid: NonNullable<Bucket['grid']>): number => (grid[0] * grid[1] * grid[2]) / config.vision.mergeSize ** 2;
