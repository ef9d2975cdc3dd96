/** Training graphs: the network, a loss and the gradients of what is trained, for one bucket of shapes. */
import { Graph, type Value } from '#models/graph/graph.ts';
import { gather, mul, reduceMean, reshape, rmsNorm } from '#models/graph/ops.ts';
import { batchAttention } from '#models/networks/attention.ts';
import { patchWidth, type QwenVlConfig } from '#models/networks/config.ts';
import { decoder } from '#models/networks/decoder.ts';
import { loraParameters, type LoraSpec } from '#models/networks/lora.ts';
import { denseParameters, type Parameters } from '#models/networks/parameters.ts';
import { embed, logits, patchCount } from '#models/networks/qwenVl.ts';
import type { Grid } from '#models/networks/rope.ts';
import { visionTower, type BranchHook } from '#models/networks/vision.ts';
import { gradients, type Seed, type Segment } from './autodiff/gradient.ts';
import { headsOfCells } from './cells.ts';
import { cellsLoss } from './objectives/cells.ts';
import { classifyLoss } from './objectives/classify.ts';
import { sftLoss } from './objectives/sft.ts';

/** Every size that a graph fixes. Batches of one bucket share a graph. */
export interface Bucket {
  /** Sequences in the batch, each with one still image of this grid (absent: text alone). */
  readonly batch: number;
  readonly grid: Grid | null;
  /** Tokens of a sequence, padding included. */
  readonly tokens: number;
  /** Rows over the whole batch whose next token counts. */
  readonly targets: number;
}

export const bucketName = ({ batch, grid, tokens, targets }: Bucket): string => `${batch}x${grid ? `${grid[1]}x${grid[2]}` : 'text'}-${tokens}-${targets}`;

/** A weight that a graph reads, in the order of first use. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface TrainingGraph {
  readonly graph: Graph;
  readonly parameters: readonly ParameterSpec[];
  /** The parameters that have an output `gradient.NAME`. */
  readonly trained: readonly ParameterSpec[];
}

export interface GraphOptions {
  /** By weight name; what is frozen gets no gradient and costs no backward pass. Default: all. */
  readonly isTrained?: (name: string) => boolean;
  /** Adds the input `keep` for stochastic depth in the vision tower. */
  readonly dropBranches?: boolean;
  readonly lora?: LoraSpec;
  /** Built from the CPU's fused operators (default); false for every other device. */
  readonly fused?: boolean;
  /** The factor of the loss over cells; 0 (default) leaves it and its heads out. */
  readonly cells?: number;
  /** Tells the labels of all tasks apart beside writing, by a linear layer over the tower's rows; absent leaves it out. */
  readonly labels?: { readonly classes: number; readonly factor: number };
}

/**
 * In: `parameter.NAME` for each weight; `patches` [B·P, C·S·S] (still images, one frame); `ids` [B·T]; `source` [B·T] (see `embed`); `cos` `sin` [B·T, 1, K];
 * `mask` [B, 1, 1, T, T] added to the attention scores; `rows` [N] into the B·T rows; `targets` [N]; `weights` [N];
 * with `dropBranches` also `keep` [depth, B]: the factor of each image's residual branches in each block (0 drops);
 * with `cells`, which reads the rows of vision halfway through the decoder: `cell.rows` [M] into the B·T rows, and `cell.HEAD.targets` `cell.HEAD.shares` [M].
 * Out: `loss` [] without that of the cells, which is `cells` [], and `gradient.NAME` for each weight that `isTrained`.
 */
export function supervisedGraph(config: QwenVlConfig, bucket: Bucket, options: GraphOptions = {}): TrainingGraph {
  const { batch, grid, tokens, targets } = bucket;
  const { graph, parameters, finish } = startGraph(`supervised-${bucketName(bucket)}`, options);
  const count = batch * tokens;
  const vision = grid ? tower(graph, parameters, config, { batch, grid }, options) : null;
  const source = grid ? graph.input('source', [count], 'int64') : null;
  const ids = graph.input('ids', [count], 'int64');
  const cos = graph.input('cos', [count, 1, config.headWidth]);
  const sin = graph.input('sin', [count, 1, config.headWidth]);
  const mask = graph.input('mask', [batch, 1, 1, tokens, tokens]);
  const middle = Math.ceil(config.layers / 2) - 1;
  let halfway: Value | undefined;
  const hidden = decoder(parameters, config, embed(parameters, config, ids, vision, source), batchAttention(config, { batch, tokens, cos, sin, mask }),
    (rows, layer) => { if (layer === middle) halfway = rows; });
  const scores = logits(parameters, config, gather(hidden, graph.input('rows', [targets], 'int64')));
  const { loss, gradient } = sftLoss(scores, graph.input('targets', [targets], 'int64'), graph.input('weights', [targets]));
  const beside = grid && options.cells ? cellSeeds(graph, parameters, config, { batch, grid }, halfway!, options.cells) : [];
  const told = grid && options.labels ? labelSeeds(graph, parameters, config, batch, vision!, options.labels) : [];
  return finish(loss, [{ value: scores, gradient }, ...beside, ...told]);
}

/** The classifier over the tower's rows beside the answers; its loss becomes the output `labels`. */
function labelSeeds(graph: Graph, parameters: Parameters, config: QwenVlConfig, batch: number, rows: Value, { classes, factor }: { classes: number; factor: number }): readonly Seed[] {
  const pooled = reduceMean(reshape(rows, [batch, rows.shape[0]! / batch, config.hiddenSize]), [1], false);
  const scores = parameters.linear(pooled, 'classifier', classes, true);
  const { loss, gradient } = classifyLoss(scores, graph.input('labels.targets', [batch, classes]));
  graph.output('labels', mul(loss, factor));
  return [{ value: scores, gradient: mul(gradient, factor) }];
}

/** The heads over cells; their loss becomes the output `cells`. */
function cellSeeds(graph: Graph, parameters: Parameters, config: QwenVlConfig, { batch, grid }: { batch: number; grid: Grid }, hidden: Value, factor: number): readonly Seed[] {
  const count = patchCount(new Array<Grid>(batch).fill(grid)) / config.vision.mergeSize ** 2;
  const rows = rmsNorm(gather(hidden, graph.input('cell.rows', [count], 'int64')), parameters.tensor('cells.norm.weight', [config.hiddenSize]), config.normEpsilon);
  const scores = headsOfCells.map(({ name, bins }) => parameters.linear(rows, `cells.${name}`, bins, true));
  const inputs = (what: 'targets' | 'shares', dtype: 'int64' | 'float32') => headsOfCells.map(({ name }) => graph.input(`cell.${name}.${what}`, [count], dtype));
  const { loss, seeds } = cellsLoss(headsOfCells, scores, inputs('targets', 'int64'), inputs('shares', 'float32'), factor);
  graph.output('cells', loss);
  return seeds;
}

/**
 * The vision tower alone, with a linear layer over the mean of an image's rows: `classifier.weight` [C, hiddenSize] and `classifier.bias` [C].
 * In: `parameter.NAME`, `patches`, `keep` as above; `targets` [B, C], soft labels that add up to one. Out: `loss`, `gradient.NAME`.
 */
export function classifierGraph(config: QwenVlConfig, { batch, grid, classes }: { readonly batch: number; readonly grid: Grid; readonly classes: number }, options: GraphOptions = {}): TrainingGraph {
  const { graph, parameters, finish } = startGraph(`classifier-${batch}x${grid[1]}x${grid[2]}`, options);
  const rows = tower(graph, parameters, config, { batch, grid }, options);
  const pooled = reduceMean(reshape(rows, [batch, rows.shape[0]! / batch, config.hiddenSize]), [1], false);
  const scores = parameters.linear(pooled, 'classifier', classes, true);
  const { loss, gradient } = classifyLoss(scores, graph.input('targets', [batch, classes]));
  return finish(loss, [{ value: scores, gradient }]);
}

/** A graph whose weights are inputs, and what closes it: the loss and a gradient for each trained weight that it reaches. */
export function startGraph(name: string, { isTrained = () => true, lora, fused = true }: GraphOptions) {
  const graph = new Graph(name, { fused });
  const made = new Map<ParameterSpec, Value>();
  const dense = denseParameters((weight, shape) => {
    const value = graph.input(`parameter.${weight}`, shape);
    made.set({ name: weight, shape }, value);
    return value;
  });
  const finish = (loss: Value, seeds: readonly Seed[], segments: readonly Segment[] = []): TrainingGraph => {
    const wanted = [...made.keys()].filter((spec) => isTrained(spec.name));
    const results = gradients(seeds, wanted.map((spec) => made.get(spec)!), segments);
    graph.output('loss', loss);
    const trained = wanted.filter((spec, i) => {
      const result = results[i];
      if (result) graph.output(`gradient.${spec.name}`, result);
      return result !== undefined;
    });
    return { graph, parameters: [...made.keys()], trained };
  };
  return { graph, parameters: lora ? loraParameters(dense, lora) : dense, finish, made: (): readonly ParameterSpec[] => [...made.keys()] };
}

/** The vision rows of a batch of still images of one grid. */
export function tower(graph: Graph, parameters: Parameters, config: QwenVlConfig, { batch, grid }: { batch: number; grid: Grid }, { dropBranches = false }: GraphOptions): Value {
  const grids = new Array<Grid>(batch).fill(grid);
  const patches = graph.input('patches', [patchCount(grids), patchWidth(config) / config.vision.temporalPatchSize]);
  return visionTower(graph, parameters, config, patches, grids, dropBranches ? branchDropper(graph, config.vision.depth, batch) : undefined);
}

/** Stochastic depth: each image's branch is multiplied by its factor for that block. */
export function branchDropper(graph: Graph, depth: number, batch: number): BranchHook {
  const keep = graph.input('keep', [depth, batch]);
  return (branch, block) => {
    const [rows, width] = branch.shape as [number, number];
    const factor = reshape(gather(keep, graph.constant(BigInt64Array.of(BigInt(block)), [1])), [batch, 1, 1]);
    return reshape(mul(reshape(branch, [batch, rows / batch, width]), factor), [rows, width]);
  };
}
