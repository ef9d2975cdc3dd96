/**
 * Finding more like this: boxes of things that look like what example boxes show, without words.
 *
 * After DINO-R1 (arXiv 2505.24025) on a small scale: the patches of a frozen vision tower pass one encoder layer; an example box becomes a prompt vector; the patches that
 * are most like any prompt become queries; two light decoder layers refine their boxes and score them against the prompts.
 *
 *   prompt       v_u = mean over its examples of norm(m + MLP(m ⊕ sine code of the box's four numbers)), m the mean of the tokens inside the box
 *   selection    s_nu = x_n · v_u / √C + b, objectness o_n = max_u s_nu, the N highest become queries, in falling order
 *   decoder      query += attention to the tokens near its box; += attention to the queries; += MLP; box = σ(σ⁻¹(box) + Δ); score = h · v_u / √C + b
 *
 * Departures: one scale; attention weighted by distance from the query's box stands for deformable sampling; a query begins as the token that was selected, not as a row of a
 * learnt table, which some hundred images cannot fill; no text beside the prompts.
 *
 * Shapes: B images, T patches of each, F features of a patch, C inner width, N queries of an image, E examples, U prompts. Boxes are (cx, cy, w, h) as parts of the image's sides.
 */
import { Fault } from '#models/base/fault.ts';
import { Graph, ShapeError, type Value } from '#models/graph/graph.ts';
import { add, concat, div, gather, layerNorm, log, matMul, maximum, mul, neg, reduceMax, reshape, sigmoid, silu, softmax, split, sub, topK, transpose } from '#models/graph/ops.ts';
import type { QwenVlConfig } from './config.ts';
import { denseParameters, type Parameters } from './parameters.ts';
import type { Grid } from './rope.ts';
import { patchFeatures } from './vision.ts';

export interface LocalizerConfig {
  /** Blocks of the tower after which patches are read, from 1; 0 reads their pixels too, which tell edges that a tower need not keep. */
  readonly features: readonly number[];
  /** Pixels of the square to which a picture is brought, a side. */
  readonly side: number;
  readonly width: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  /** N. */
  readonly queries: number;
}

const shape: Readonly<Record<Exclude<keyof LocalizerConfig, 'features'>, readonly [number, number]>> = {
  side: [28, 4096], width: [8, 4096], heads: [1, 64], mlpWidth: [1, 1 << 16], encoderLayers: [0, 64], decoderLayers: [1, 64], queries: [2, 10_000],
};

/** A configuration as a folder holds it. @throws Fault `localizer.config` */
export function parseLocalizerConfig(json: unknown): LocalizerConfig {
  const fields = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  const refuse = (why: string): Fault => new Fault({ code: 'localizer.config', what: 'The localizer cannot be used.', why, mend: 'Take its folder as the run left it.' });
  const isCount = (x: unknown, low: number, high: number): x is number => typeof x === 'number' && Number.isInteger(x) && x >= low && x <= high;
  for (const [name, [low, high]] of Object.entries(shape)) if (!isCount(fields[name], low, high)) throw refuse(`${name} is not a whole number from ${low} to ${high}.`);
  const { features } = fields;
  if (!Array.isArray(features) || features.length === 0 || features.length > 64 || !features.every((block) => isCount(block, 0, 512)) || Math.max(...features) === 0) throw refuse('features is no list of blocks.');
  const config = fields as unknown as LocalizerConfig;
  if (config.width % config.heads !== 0) throw refuse(`A width of ${config.width} cannot be divided among ${config.heads} heads.`);
  return config;
}

/** A localizer on a tower: what its graphs are made of beside their sizes. */
export interface LocalizerMakings {
  readonly config: LocalizerConfig;
  readonly grid: Grid;
  /** F. */
  readonly features: number;
  readonly centres: Float32Array;
}

export function localizerMakings({ vision: { patchSize, mergeSize, width, depth, channels } }: QwenVlConfig, config: LocalizerConfig): LocalizerMakings {
  const patches = config.side / patchSize;
  if (!Number.isInteger(patches) || patches % mergeSize !== 0 || Math.max(...config.features) > depth) {
    throw new Fault({ code: 'localizer.config', what: 'The localizer does not fit this tower.', why: `It reads pictures of ${config.side} pixels and blocks ${config.features.join(', ')}; the tower has ${depth} blocks and cells of ${patchSize * mergeSize} pixels.`, mend: 'Give the model that its run began from.' });
  }
  const grid: Grid = [1, patches, patches];
  return { config, grid, features: config.features.reduce((sum, block) => sum + (block === 0 ? channels * patchSize * patchSize : width), 0), centres: patchCentres(grid, mergeSize) };
}

/** The tower's weights that its features need. */
export function featureParameters(config: QwenVlConfig, localizerConfig: LocalizerConfig): readonly { readonly name: string; readonly shape: readonly number[] }[] {
  const specs: { name: string; shape: readonly number[] }[] = [];
  const graph = new Graph('features');
  const parameters = denseParameters((name, tensor) => {
    specs.push({ name, shape: tensor });
    return graph.input(name, tensor);
  });
  const { grid } = localizerMakings(config, localizerConfig);
  patchFeatures(graph, parameters, config, graph.input('patches', [grid[1] * grid[2], config.vision.channels * config.vision.patchSize ** 2]), [grid], localizerConfig.features);
  return specs;
}

/** How many sine and cosine waves tell one of a box's four numbers. */
const waves = 16;
export const boxCodeWidth = 4 * 2 * waves;

/** The four numbers of a box as waves of falling frequency. */
export function boxCode(box: readonly number[]): Float32Array {
  const code = new Float32Array(boxCodeWidth);
  box.forEach((x, i) => {
    for (let wave = 0; wave < waves; wave++) {
      const angle = Math.PI * x * 20 ** (1 - wave / (waves - 1));
      code[(i * waves + wave) * 2] = Math.sin(angle);
      code[(i * waves + wave) * 2 + 1] = Math.cos(angle);
    }
  });
  return code;
}

/** The centres of patches as parts of the sides, [T, 2], in the tower's row order: merged cells in raster order, the patches of each one after the other. */
export function patchCentres([, rows, columns]: Grid, mergeSize: number): Float32Array {
  const centres = new Float32Array(rows * columns * 2);
  let at = 0;
  for (let y = 0; y < rows; y += mergeSize) for (let x = 0; x < columns; x += mergeSize) for (let dy = 0; dy < mergeSize; dy++) for (let dx = 0; dx < mergeSize; dx++) {
    centres[at++] = (x + dx + 0.5) / columns;
    centres[at++] = (y + dy + 0.5) / rows;
  }
  return centres;
}

/**
 * How the tokens of one image share in an example: by the part of each patch that the box covers, adding up to one.
 *
 * @param box  (cx, cy, w, h)
 * @returns    [T]
 */
export function boxWeights([cx, cy, w, h]: readonly [number, number, number, number], centres: Float32Array, [, rows, columns]: Grid): Float32Array {
  const weights = new Float32Array(centres.length / 2);
  const overlap = (low: number, high: number, centre: number, size: number): number => Math.max(0, Math.min(high, centre + size / 2) - Math.max(low, centre - size / 2));
  let total = 0;
  for (let t = 0; t < weights.length; t++) {
    weights[t] = overlap(cx - w / 2, cx + w / 2, centres[2 * t]!, 1 / columns) * overlap(cy - h / 2, cy + h / 2, centres[2 * t + 1]!, 1 / rows);
    total += weights[t]!;
  }
  return total > 0 ? weights.map((weight) => weight / total) : weights;
}

export interface LocalizerInputs {
  /** [B·T, F] */
  readonly features: Value;
  /** [T, 2], from `patchCentres` */
  readonly centres: Float32Array;
  readonly batch: number;
  readonly prompts: Prompts;
  /** What an earlier run of the same weights chose: in training nothing is learnt through the choice itself. Absent: chosen here. */
  readonly chosen?: {
    /** [B·N] int64 into the B·T tokens */
    readonly rows: Value;
    /** Where each decoder layer begins, [B·N, 4] each. */
    readonly boxes: readonly Value[];
  };
}

export type Prompts =
  /** Stored vectors, [U, C]. */
  | { readonly vectors: Value; readonly open: Value }
  | {
    /** [E, B·T], from `boxWeights` over the image that the example is on; [E, code]; [U, E] whose rows average the examples of a prompt. */
    readonly pool: Value;
    readonly codes: Value;
    readonly mix: Value;
    /** [U]: 0 for a prompt that is there, −1e9 for an empty place. */
    readonly open: Value;
  };

export interface Located {
  /** [U, C] */
  readonly prompts: Value;
  /** Of every patch: scores [B·T, U], those of empty places included, and boxes [B·T, 4]. */
  readonly scores: Value;
  readonly boxes: Value;
  /** [B, T]: the highest score of a prompt that is there. */
  readonly objectness: Value;
  /** [B·N] */
  readonly rows: Value;
  /** Where each decoder layer begins, and what each gives: scores [B·N, U], boxes [B·N, 4]. */
  readonly begins: readonly Value[];
  readonly layers: readonly { readonly scores: Value; readonly boxes: Value }[];
}

/** The prior logit of a score: one in a hundred. */
export const priorScore = -4.595;
/** A patch's box before anything is learnt: around its centre, an eighth of the image wide. */
const priorSide = 0.125;

const logit = (x: number): number => Math.log(x / (1 - x));

/** The whole network over a batch: encoder, prompts, selection, decoder, as the head of this file says. Prompts are shared by all images. @throws ShapeError */
export function localizer(graph: Graph, parameters: Parameters, config: LocalizerConfig, { features, centres, batch, prompts, chosen }: LocalizerInputs): Located {
  const { width, queries } = config;
  const tokens = centres.length / 2;
  if (features.shape[0] !== batch * tokens) throw new ShapeError(`localizer: ${features.shape[0]} features for ${batch} images of ${tokens} patches`);
  const layers = layersOf(parameters, config);
  const x = encoded(graph, layers, config, features, centres, batch);

  const vectors = 'vectors' in prompts ? prompts.vectors : promptVectors(layers, x, prompts);
  const score = (rows: Value, name: string): Value => add(mul(matMul(layers.norm(layers.linear(rows, name, width), `${name}.norm`), vectors, { transB: true }), 1 / Math.sqrt(width)), parameters.tensor(`localizer.${name}.score.bias`, [1]));
  const scores = score(x, 'objectness');
  const anchors = new Float32Array(batch * tokens * 4);
  for (let at = 0; at < batch * tokens; at++) anchors.set([logit(centres[2 * (at % tokens)]!), logit(centres[2 * (at % tokens) + 1]!), logit(priorSide), logit(priorSide)], 4 * at);
  const boxes = sigmoid(add(graph.constant(anchors, [batch * tokens, 4]), layers.mlp(x, 'proposal', width, 4)));

  const highest = reduceMax(add(scores, prompts.open), [1]);
  const objectness = reshape(highest, [batch, tokens]);
  const rows = chosen ? chosen.rows : rowsOf(graph, objectness, Math.min(queries, tokens));
  const perImage = rows.shape[0]! / batch;

  let query = layers.linear(gather(x, rows), 'query', width);
  const begins: Value[] = [chosen ? chosen.boxes[0]! : gather(boxes, rows)];
  const given: { readonly scores: Value; readonly boxes: Value }[] = [];
  for (let layer = 0; layer < config.decoderLayers; layer++) {
    const name = `decoder.${layer}`;
    const from = begins[layer]!;
    const place = layers.mlp(boxLogits(from), `${name}.place`, width, width);
    const placed = add(query, place);
    query = layers.norm(add(query, layers.attention(placed, x, x, `${name}.look`, batch, nearness(graph, from, centres, { batch, perImage, heads: config.heads }))), `${name}.norm1`);
    const again = add(query, place);
    query = layers.norm(add(query, layers.attention(again, again, query, `${name}.others`, batch)), `${name}.norm2`);
    query = layers.norm(add(query, layers.mlp(query, `${name}.mlp`, config.mlpWidth, width)), `${name}.norm3`);
    const refined = sigmoid(add(boxLogits(from), layers.mlp(query, `${name}.box`, width, 4)));
    given.push({ scores: score(query, `${name}.class`), boxes: refined });
    if (layer + 1 < config.decoderLayers) begins.push(chosen ? chosen.boxes[layer + 1]! : refined);
  }
  return { prompts: vectors, scores, boxes, objectness, rows, begins, layers: given };
}

/** The vector of one example on one image, [1, C], as `localizer` makes it: `pool` [1, T], `codes` [1, code]. */
export function promptGraph(graph: Graph, parameters: Parameters, config: LocalizerConfig, { features, centres, pool, codes }: { readonly features: Value; readonly centres: Float32Array; readonly pool: Value; readonly codes: Value }): Value {
  const layers = layersOf(parameters, config);
  return layers.norm(exampleVectors(layers, encoded(graph, layers, config, features, centres, 1), pool, codes), 'prompt.norm');
}

/** The patches of all images after the encoder, [B·T, C]. */
function encoded(graph: Graph, layers: Layers, { width, mlpWidth, heads, encoderLayers }: LocalizerConfig, features: Value, centres: Float32Array, batch: number): Value {
  const tokens = centres.length / 2;
  const code = new Float32Array(batch * tokens * 4 * waves);
  for (let t = 0; t < tokens; t++) code.set(boxCode([centres[2 * t]!, centres[2 * t + 1]!]).subarray(0, 4 * waves), t * 4 * waves);
  for (let b = 1; b < batch; b++) code.copyWithin(b * tokens * 4 * waves, 0, tokens * 4 * waves);
  let x = add(layers.linear(layers.norm(features, 'input.norm'), 'input', width), layers.linear(graph.constant(code, [batch * tokens, 4 * waves]), 'place', width));
  const near = neighbourhood(graph, centres, heads);
  for (let layer = 0; layer < encoderLayers; layer++) {
    const name = `encoder.${layer}`;
    x = layers.norm(add(x, layers.attention(x, x, x, `${name}.attention`, batch, near)), `${name}.norm1`);
    x = layers.norm(add(x, layers.mlp(x, `${name}.mlp`, mlpWidth, width)), `${name}.norm2`);
  }
  return x;
}

/** How far patches lie from each other, squared, in patches: the first heads look at their neighbours, the last one everywhere. [1, heads, T, T] */
function neighbourhood(graph: Graph, centres: Float32Array, heads: number): Value {
  const tokens = centres.length / 2;
  const side = Math.sqrt(tokens);
  const bias = new Float32Array(heads * tokens * tokens);
  for (let head = 0; head + 1 < heads; head++) for (let a = 0; a < tokens; a++) for (let b = 0; b < tokens; b++) {
    const distance = ((centres[2 * a]! - centres[2 * b]!) * side) ** 2 + ((centres[2 * a + 1]! - centres[2 * b + 1]!) * side) ** 2;
    bias[(head * tokens + a) * tokens + b] = -distance / (2 * 4 ** head);
  }
  return graph.constant(bias, [1, heads, tokens, tokens]);
}

/** A prompt for each row of `mix`. */
function promptVectors(layers: Layers, x: Value, { pool, codes, mix }: Extract<Prompts, { readonly pool: Value }>): Value {
  return matMul(mix, layers.norm(exampleVectors(layers, x, pool, codes), 'prompt.norm'));
}

function exampleVectors(layers: Layers, x: Value, pool: Value, codes: Value): Value {
  const inside = matMul(pool, x);
  const width = inside.shape[1]!;
  return add(layers.mlp(concat([inside, codes], 1), 'prompt', width, width), inside);
}

/** The rows with the highest objectness, in falling order, counted over all images. */
function rowsOf(graph: Graph, objectness: Value, count: number): Value {
  const [batch, tokens] = objectness.shape as [number, number];
  const [, indices] = topK(objectness, count);
  return reshape(add(indices, graph.constant(BigInt64Array.from({ length: batch }, (_, b) => BigInt(b * tokens)), [batch, 1])), [batch * count]);
}

/** σ⁻¹ of a box's numbers, held away from the ends. */
function boxLogits(boxes: Value): Value {
  const held = maximum(boxes, 1e-4);
  return log(div(held, maximum(sub(1, held), 1e-4)));
}

/** How far each token lies from each query's box, in half sides, squared: the first heads look near, the last one everywhere. [B, heads, N, T] */
function nearness(graph: Graph, boxes: Value, centres: Float32Array, { batch, perImage, heads }: { readonly batch: number; readonly perImage: number; readonly heads: number }): Value {
  const tokens = centres.length / 2;
  const [cx, cy, w, h] = split(boxes, [1, 1, 1, 1], 1) as [Value, Value, Value, Value];
  const axis = (offset: number): Value => graph.constant(Float32Array.from({ length: tokens }, (_, t) => centres[2 * t + offset]!), [1, tokens]);
  const part = (centre: Value, size: Value, offset: number): Value => {
    const away = div(sub(axis(offset), centre), maximum(mul(size, 0.5), 0.02));
    return mul(away, away);
  };
  const distance = reshape(add(part(cx, w, 0), part(cy, h, 1)), [batch, 1, perImage, tokens]);
  const steepness = Float32Array.from({ length: heads }, (_, head) => (head + 1 === heads ? 0 : 2 / 4 ** head));
  return neg(mul(distance, graph.constant(steepness, [1, heads, 1, 1])));
}

interface Layers {
  linear(x: Value, name: string, outputs: number): Value;
  norm(x: Value, name: string): Value;
  mlp(x: Value, name: string, inner: number, outputs: number): Value;
  /** Rows of B images after one another; `bias` [B, heads, rows of q, rows of k]. */
  attention(q: Value, k: Value, v: Value, name: string, batch: number, bias?: Value): Value;
}

function layersOf(parameters: Parameters, { width, heads }: LocalizerConfig): Layers {
  const linear = (x: Value, name: string, outputs: number): Value => parameters.linear(x, `localizer.${name}`, outputs, true);
  return {
    linear,
    norm: (x, name) => layerNorm(x, parameters.tensor(`localizer.${name}.weight`, [x.shape[1]!]), parameters.tensor(`localizer.${name}.bias`, [x.shape[1]!]), 1e-5),
    mlp: (x, name, inner, outputs) => linear(silu(linear(x, `${name}.inner`, inner)), `${name}.outer`, outputs),
    attention(q, k, v, name, batch, bias) {
      const apart = (x: Value, part: string, factor = 1): Value => {
        const projected = linear(x, `${name}.${part}`, width);
        return transpose(reshape(factor === 1 ? projected : mul(projected, factor), [batch, x.shape[0]! / batch, heads, width / heads]), [0, 2, 1, 3]);
      };
      const scores = matMul(apart(q, 'q', 1 / Math.sqrt(width / heads)), apart(k, 'k'), { transB: true });
      const mixed = matMul(softmax(bias ? add(scores, bias) : scores), apart(v, 'v'));
      return linear(reshape(transpose(mixed, [0, 2, 1, 3]), q.shape), `${name}.out`, width);
    },
  };
}

/** The highest of some columns as a chain of comparisons, through which a gradient flows. [M, U] → [M, 1] */
export const highestColumn = (x: Value): Value => split(x, new Array<number>(x.shape[1]!).fill(1), 1).reduce((a, b) => maximum(a, b));
