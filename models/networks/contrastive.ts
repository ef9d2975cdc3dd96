/**
 * Images and sentences in one space: a vision tower and a small text tower whose outputs lie near each other where a sentence is true of an image.
 *
 * After CLIP (Radford et al. 2021) as Perceptual-Initialization (arXiv 2505.14204) and PathoCLIP (arXiv 2505.11404) train it, on a small scale:
 *
 *   image     u = W_i · norm(mean of the tower's rows)
 *   sentence  v = W_t · norm(mean of the text tower's rows over its tokens)
 *   likeness  cos(u, v), and for a choice among sentences softmax(min(exp(s), 100) · cos(u, v))
 *
 * Departures: the image tower is that of the other models here, at the side of its stage; text is read in both directions and averaged over its tokens, which needs no end-of-text row.
 *
 * Shapes: B images or sentences, E shared width, W text width, T tokens of a sentence, padding included.
 */
import { Fault } from '#models/base/fault.ts';
import { Graph, type Value } from '#models/graph/graph.ts';
import { add, div, exp, gather, gelu, layerNorm, matMul, minimum, mul, reduceMean, reduceSum, reshape, softmax, sqrt, transpose } from '#models/graph/ops.ts';
import type { QwenVlConfig } from './config.ts';
import { denseParameters, type Parameters } from './parameters.ts';
import type { Grid } from './rope.ts';
import { visionTower, type BranchHook } from './vision.ts';

export interface ContrastiveConfig {
  /** Pixels of the square to which a picture is brought, a side. */
  readonly side: number;
  /** E. */
  readonly embedding: number;
  readonly text: {
    /** W. */
    readonly width: number;
    readonly depth: number;
    readonly heads: number;
    readonly mlpWidth: number;
    /** T: what a sentence has beyond is cut off. */
    readonly tokens: number;
  };
}

const bounds = { side: [28, 4096], embedding: [2, 4096] } as const;
const textBounds = { width: [8, 4096], depth: [1, 64], heads: [1, 64], mlpWidth: [1, 1 << 16], tokens: [2, 512] } as const;

/** A configuration as a folder holds it. @throws Fault `similar.config` */
export function parseContrastiveConfig(json: unknown): ContrastiveConfig {
  const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const fields = fieldsOf(json);
  const text = fieldsOf(fields['text']);
  const check = (values: Readonly<Record<string, unknown>>, limits: Readonly<Record<string, readonly [number, number]>>): void => {
    for (const [name, [low, high]] of Object.entries(limits)) {
      const value = values[name];
      if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) throw refuse(`${name} is not a whole number from ${low} to ${high}.`);
    }
  };
  check(fields, bounds);
  check(text, textBounds);
  const config = json as ContrastiveConfig;
  if (config.text.width % config.text.heads !== 0) throw refuse(`A text width of ${config.text.width} cannot be divided among ${config.text.heads} heads.`);
  return config;
}

const refuse = (why: string): Fault => new Fault({ code: 'similar.config', what: 'The encoder of images and sentences cannot be used.', why, mend: 'Take its folder as the run left it.' });

/** The patches of one picture. @throws Fault `similar.config` where the tower cannot cut that side */
export function contrastiveGrid({ vision: { patchSize, mergeSize } }: QwenVlConfig, { side }: Pick<ContrastiveConfig, 'side'>): Grid {
  const patches = side / patchSize;
  if (!Number.isInteger(patches) || patches % mergeSize !== 0) throw refuse(`Pictures of ${side} pixels a side cannot be cut into cells of ${patchSize * mergeSize}.`);
  return [1, patches, patches];
}

/**
 * @param patches  [B·P, C·S·S] of still images of one grid
 * @returns        [B, E], not of unit length
 */
export function imageEmbedding(graph: Graph, parameters: Parameters, config: QwenVlConfig, { embedding }: ContrastiveConfig, patches: Value, { batch, grid }: { readonly batch: number; readonly grid: Grid }, hook?: BranchHook): Value {
  const rows = visionTower(graph, parameters, config, patches, new Array<Grid>(batch).fill(grid), hook);
  const pooled = reduceMean(reshape(rows, [batch, rows.shape[0]! / batch, config.hiddenSize]), [1], false);
  return parameters.linear(norm(parameters, pooled, 'similar.image.norm'), 'similar.image.projection', embedding, false);
}

/** Sentences as the text tower takes them. */
export interface Sentences {
  /** [B·T] int64; padding may be any token. */
  readonly ids: Value;
  /** [B, T]: one over the number of tokens at each of them, 0 at padding. */
  readonly shares: Value;
  /** [B, 1, 1, T], added to attention scores: 0 at tokens, −1e9 at padding. */
  readonly mask: Value;
}

/** @returns [B, E], not of unit length */
export function sentenceEmbedding(parameters: Parameters, { vocabularySize }: Pick<QwenVlConfig, 'vocabularySize'>, { embedding, text: { width, depth, heads, mlpWidth, tokens } }: ContrastiveConfig, { ids, shares, mask }: Sentences): Value {
  const batch = shares.shape[0]!;
  const name = 'similar.text';
  // One row of numbers instead of a matrix, so that positions, like biases, do not decay.
  const positions = reshape(parameters.tensor(`${name}.positions`, [tokens * width]), [1, tokens, width]);
  let hidden = reshape(add(reshape(gather(parameters.tensor(`${name}.embed_tokens.weight`, [vocabularySize, width]), ids), [batch, tokens, width]), positions), [batch * tokens, width]);
  const apart = (x: Value): Value => transpose(reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  for (let block = 0; block < depth; block++) {
    const at = `${name}.blocks.${block}`;
    const seen = norm(parameters, hidden, `${at}.norm1`);
    const [q, k, v] = (['q', 'k', 'v'] as const).map((part) => apart(parameters.linear(seen, `${at}.attn.${part}`, width, true))) as [Value, Value, Value];
    const attention = softmax(add(matMul(mul(q, 1 / Math.sqrt(width / heads)), k, { transB: true }), mask));
    hidden = add(hidden, parameters.linear(reshape(transpose(matMul(attention, v), [0, 2, 1, 3]), [batch * tokens, width]), `${at}.attn.proj`, width, true));
    const inner = gelu(parameters.linear(norm(parameters, hidden, `${at}.norm2`), `${at}.mlp.fc1`, mlpWidth, true));
    hidden = add(hidden, parameters.linear(inner, `${at}.mlp.fc2`, width, true));
  }
  const mean = reshape(matMul(reshape(shares, [batch, 1, tokens]), reshape(hidden, [batch, tokens, width])), [batch, width]);
  return parameters.linear(norm(parameters, mean, `${name}.norm`), `${name}.projection`, embedding, false);
}

/** The name of s, the logarithm of the scale of likeness. [1] */
export const scaleName = 'similar.scale';
/** The largest scale; what is learnt beyond changes nothing. */
export const mostScale = 100;
/** min(exp(s), 100). [1] → [1] */
export const boundedScale = (logarithm: Value): Value => minimum(exp(logarithm), mostScale);

/** Rows of unit length; a row of zeros stays one. [N, E] → [N, E] */
export const unitRows = (x: Value): Value => div(x, sqrt(add(reduceSum(mul(x, x), [1]), 1e-12)));

const norm = (parameters: Parameters, x: Value, name: string): Value => layerNorm(x, parameters.tensor(`${name}.weight`, [x.shape[1]!]), parameters.tensor(`${name}.bias`, [x.shape[1]!]), 1e-5);

/** Names that belong to this network beside those of the tower. */
export const isOfContrastive = (name: string): boolean => name.startsWith('similar.');
/** What a stage of judgements trains: all that makes an image's embedding. */
export const isOfImage = (name: string): boolean => name.startsWith('visual.') || name.startsWith('similar.image.');

/** Every weight of the network, in the order of use. */
export function contrastiveParameters(config: QwenVlConfig, contrastive: ContrastiveConfig): readonly { readonly name: string; readonly shape: readonly number[] }[] {
  const specs: { name: string; shape: readonly number[] }[] = [];
  const graph = new Graph('contrastive');
  const parameters = denseParameters((name, shape) => {
    specs.push({ name, shape });
    return graph.input(name, shape);
  });
  const grid = contrastiveGrid(config, contrastive);
  const { channels, patchSize } = config.vision;
  imageEmbedding(graph, parameters, config, contrastive, graph.input('patches', [grid[1] * grid[2], channels * patchSize * patchSize]), { batch: 1, grid });
  sentenceEmbedding(parameters, config, contrastive, sentenceInputs(graph, contrastive, 1));
  parameters.tensor(scaleName, [1]);
  return specs;
}

/** The inputs `ids`, `shares` and `mask` of a graph. */
export const sentenceInputs = (graph: Graph, { text: { tokens } }: ContrastiveConfig, batch: number): Sentences =>
  ({ ids: graph.input('ids', [batch * tokens], 'int64'), shares: graph.input('shares', [batch, tokens]), mask: graph.input('mask', [batch, 1, 1, tokens]) });

/** Token ids as those inputs; a sentence without a token is one padding token, so that its mean is a number. */
export function packSentences(sentences: readonly (readonly number[])[], { text: { tokens } }: ContrastiveConfig): { readonly ids: BigInt64Array; readonly shares: Float32Array; readonly mask: Float32Array } {
  const ids = new BigInt64Array(sentences.length * tokens);
  const shares = new Float32Array(sentences.length * tokens);
  const mask = new Float32Array(sentences.length * tokens).fill(-1e9);
  sentences.forEach((sentence, b) => {
    const kept = sentence.length === 0 ? [0] : sentence.slice(0, tokens);
    kept.forEach((id, t) => {
      ids[b * tokens + t] = BigInt(id);
      shares[b * tokens + t] = 1 / kept.length;
      mask[b * tokens + t] = 0;
    });
  });
  return { ids, shares, mask };
}
