/** The graphs that run a Qwen-VL checkpoint: see, read the prompt, write a token, score a text. */
import { Graph, type Value } from '#models/graph/graph.ts';
import { concat, exp, gather, gatherElements, gemm, log, mul, reduceMax, reduceSum, reshape, sub } from '#models/graph/ops.ts';
import { batchAttention, causalMask, slotAttention, type KeepKeyValue } from './attention.ts';
import { patchWidth, type QwenVlConfig } from './config.ts';
import { decoder } from './decoder.ts';
import type { Parameters } from './parameters.ts';
import type { Grid } from './rope.ts';
import { visionTower } from './vision.ts';

/** Makes a network's weights in a graph: external files for inference, inputs for training. */
export type ParametersOf = (graph: Graph) => Parameters;

export const patchCount = (grids: readonly Grid[]): number => grids.reduce((total, [t, h, w]) => total + t * h * w, 0);

const embedding = (parameters: Parameters, { vocabularySize, hiddenSize }: QwenVlConfig): Value => parameters.tensor('model.embed_tokens.weight', [vocabularySize, hiddenSize]);

/**
 * Rows for the decoder: the embeddings of the ids, with vision rows in the places of their placeholders.
 *
 * @param ids     [N] int64
 * @param vision  [M, hiddenSize]
 * @param source  [N] int64: i where token i keeps its embedding, N + j where it is vision row j
 */
export function embed(parameters: Parameters, config: QwenVlConfig, ids: Value, vision: Value | null, source: Value | null): Value {
  const rows = gather(embedding(parameters, config), ids);
  return vision && source ? gather(concat([rows, vision], 0), source) : rows;
}

/** For `embed`: where each row comes from. Placeholders take vision rows in order. */
export function rowSources(ids: ArrayLike<number>, { tokens }: QwenVlConfig): BigInt64Array {
  let vision = 0;
  return BigInt64Array.from({ length: ids.length }, (_, i) => BigInt(ids[i] === tokens.image || ids[i] === tokens.video ? ids.length + vision++ : i));
}

/** Scores over the vocabulary, [N, V]. */
export function logits(parameters: Parameters, config: QwenVlConfig, hidden: Value): Value {
  return config.tiedHead
    ? gemm(hidden, embedding(parameters, config), null, { transB: true })
    : parameters.linear(hidden, 'lm_head', config.vocabularySize, false);
}

/**
 * The log-probability of one token in each row.
 *
 * @param scores  [N, V]
 * @param tokens  [N] int64
 * @returns       [N]
 */
export function tokenLogProbs(scores: Value, tokens: Value): Value {
  const count = scores.shape[0]!;
  const shifted = sub(scores, reduceMax(scores, [1]));
  const chosen = gatherElements(shifted, reshape(tokens, [count, 1]), 1);
  return reshape(sub(chosen, log(reduceSum(exp(shifted), [1]))), [count]);
}

/** In: `patches` [P, C·T·S·S]. Out: `vision` [P / merge², hiddenSize]. */
export function visionGraph(config: QwenVlConfig, parametersOf: ParametersOf, grids: readonly Grid[]): Graph {
  const graph = new Graph('vision');
  const patches = graph.input('patches', [patchCount(grids), patchWidth(config)]);
  graph.output('vision', visionTower(graph, parametersOf(graph), config, patches, grids));
  return graph;
}

interface SequenceShape {
  readonly batch: number;
  readonly tokens: number;
  /** Vision rows of the whole batch; 0 for text alone. */
  readonly visionRows: number;
}

/** The inputs that every whole-sequence graph takes, and the decoder's rows for them. */
function readSequence(graph: Graph, parameters: Parameters, config: QwenVlConfig, { batch, tokens, visionRows }: SequenceShape, keep?: KeepKeyValue): Value {
  const count = batch * tokens;
  const ids = graph.input('ids', [count], 'int64');
  const [vision, source] = visionRows > 0 ? [graph.input('vision', [visionRows, config.hiddenSize]), graph.input('source', [count], 'int64')] : [null, null];
  const cos = graph.input('cos', [count, 1, config.headWidth]);
  const sin = graph.input('sin', [count, 1, config.headWidth]);
  const mask = graph.constant(causalMask(tokens), [tokens, tokens], 'causal');
  return decoder(parameters, config, embed(parameters, config, ids, vision, source), batchAttention(config, { batch, tokens, cos, sin, mask, ...(keep ? { keep } : {}) }));
}

/**
 * Reads prompts and fills their caches. Padding goes to the right: causality hides it.
 *
 * In: `ids` [B·T], with images `vision` [M, hiddenSize] and `source` [B·T], `cos` `sin` [B·T, 1, K], `last` [B] (row of each prompt's last token).
 * Out: `logits` [B, V], and for each layer i `key.i` and `value.i` [B, kvHeads, T, K].
 */
export function prefillGraph(config: QwenVlConfig, parametersOf: ParametersOf, shape: SequenceShape): Graph {
  const graph = new Graph('prefill');
  const parameters = parametersOf(graph);
  const hidden = readSequence(graph, parameters, config, shape, (key, value, layer) => {
    graph.output(`key.${layer}`, key);
    graph.output(`value.${layer}`, value);
  });
  const last = graph.input('last', [shape.batch], 'int64');
  graph.output('logits', logits(parameters, config, gather(hidden, last)));
  return graph;
}

/**
 * The log-probabilities of given tokens. In: as `prefillGraph`, with `rows` [K] (the rows that predict) and `targets` [K] (what they should predict).
 * Out: `logprobs` [K], at the temperature (default 1).
 */
export function scoreGraph(config: QwenVlConfig, parametersOf: ParametersOf, { targets, temperature = 1, ...shape }: SequenceShape & { readonly targets: number; readonly temperature?: number }): Graph {
  const graph = new Graph('score');
  const parameters = parametersOf(graph);
  const hidden = readSequence(graph, parameters, config, shape);
  const rows = graph.input('rows', [targets], 'int64');
  const scores = logits(parameters, config, gather(hidden, rows));
  graph.output('logprobs', tokenLogProbs(temperature === 1 ? scores : mul(scores, 1 / temperature), graph.input('targets', [targets], 'int64')));
  return graph;
}

export interface DecodeShape {
  readonly rows: number;
  /** Tokens of the prefix, and of the slots behind it. */
  readonly prefix: number;
  readonly slots: number;
  readonly sharedPrefix: boolean;
  /** Prefixes that the rows share evenly; absent: one for all with `sharedPrefix`, else one for each. */
  readonly owners?: number;
  readonly sharedSlotMask?: boolean;
  /** Built from the CPU's fused operators; false for every other device. */
  readonly fused?: boolean;
}

/**
 * Writes one token in each of G rows.
 *
 * In: `ids` [G], `cos` `sin` [G, 1, K], `prefixMask` [O, 1, 1, P] for O owners, `slotMask` [1 or G, 1, 1, L] (0 open, −1e9 closed) and for each layer i
 * `prefix.key.i` `prefix.value.i` [O, kvHeads, P, K], `slot.key.i` `slot.value.i` [G, kvHeads, L, K].
 * Out: `logits` [G, V], and for each layer i `key.i` `value.i` [G, kvHeads, 1, K] for the next slot.
 */
export function decodeGraph(config: QwenVlConfig, parametersOf: ParametersOf, { rows, prefix, slots, sharedPrefix, owners = sharedPrefix ? 1 : rows, sharedSlotMask = true, fused = false }: DecodeShape): Graph {
  const graph = new Graph('decode', { fused });
  const parameters = parametersOf(graph);
  const { kvHeads, headWidth } = config;
  const ids = graph.input('ids', [rows], 'int64');
  const cos = graph.input('cos', [rows, 1, headWidth]);
  const sin = graph.input('sin', [rows, 1, headWidth]);
  const prefixMask = graph.input('prefixMask', [owners, 1, 1, prefix]);
  const slotMask = graph.input('slotMask', [sharedSlotMask ? 1 : rows, 1, 1, slots]);
  const hidden = decoder(parameters, config, embed(parameters, config, ids, null, null), slotAttention(config, {
    rows, cos, sin, prefixMask, slotMask,
    cache: (layer) => ({
      prefixKeys: graph.input(`prefix.key.${layer}`, [owners, kvHeads, prefix, headWidth]),
      prefixValues: graph.input(`prefix.value.${layer}`, [owners, kvHeads, prefix, headWidth]),
      slotKeys: graph.input(`slot.key.${layer}`, [rows, kvHeads, slots, headWidth]),
      slotValues: graph.input(`slot.value.${layer}`, [rows, kvHeads, slots, headWidth]),
    }),
    keep: (key, value, layer) => {
      graph.output(`key.${layer}`, key);
      graph.output(`value.${layer}`, value);
    },
  }));
  graph.output('logits', logits(parameters, config, hidden));
  return graph;
}
