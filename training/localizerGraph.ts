/** The localizer's graphs: what a tower makes of patches, what the queries find, and what is learnt from their targets. */
import { Graph, type Value } from '#models/graph/graph.ts';
import { add, gather, mul, neg, reshape, sumAll } from '#models/graph/ops.ts';
import { boxCodeWidth, highestColumn, localizer, type Located, type LocalizerConfig, type LocalizerMakings, type Prompts } from '#models/networks/localizer.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import type { Grid } from '#models/networks/rope.ts';
import { detectionLoss, queryCost, type Held } from './objectives/detection.ts';
import { grqoLoss } from './objectives/grqo.ts';
import type { LocateStage } from './records/recipe.ts';
import { startGraph, type GraphOptions, type ParameterSpec, type TrainingGraph } from './graphs.ts';

/** Every size of a localizer's batch. */
export interface LocalizerBucket {
  readonly batch: number;
  readonly grid: Grid;
  /** Places for examples, and for prompts. */
  readonly examples: number;
  readonly prompts: number;
}

const tokensOf = ({ grid: [, rows, columns] }: Pick<LocalizerBucket, 'grid'>): number => rows * columns;
export const queriesOf = (config: LocalizerConfig, bucket: Pick<LocalizerBucket, 'grid'>): number => Math.min(config.queries, tokensOf(bucket));

/** What the inputs share: `features` [B·T, F]; `pool` [E, B·T], `codes` [E, code], `mix` [U, E], `open` [U] (0, or −1e9 for an empty place). */
function inputsOf(graph: Graph, bucket: LocalizerBucket, width: number): { readonly features: Value; readonly prompts: Extract<Prompts, { readonly pool: Value }> } {
  const rows = bucket.batch * tokensOf(bucket);
  return {
    features: graph.input('features', [rows, width]),
    prompts: {
      pool: graph.input('pool', [bucket.examples, rows]), codes: graph.input('codes', [bucket.examples, boxCodeWidth]), mix: graph.input('mix', [bucket.prompts, bucket.examples]), open: graph.input('open', [bucket.prompts]),
    },
  };
}

export interface LookGraph {
  readonly graph: Graph;
  readonly parameters: readonly ParameterSpec[];
}

/** What the weights as they are find: `objectness` [B, T], `rows` [B·N], and `begin.L`, `scores.L`, `boxes.L` of each layer. With `objectnessOnly` the first alone. */
export function lookGraph({ config, features, centres }: LocalizerMakings, bucket: LocalizerBucket, { objectnessOnly = false, ...options }: GraphOptions & { readonly objectnessOnly?: boolean } = {}): LookGraph {
  const { graph, parameters, made } = startGraph('look', options);
  const inputs = inputsOf(graph, bucket, features);
  const located = localizer(graph, parameters, objectnessOnly ? { ...config, decoderLayers: 0 } : config, { ...inputs, centres, batch: bucket.batch });
  graph.output('objectness', located.objectness);
  if (!objectnessOnly) {
    graph.output('rows', located.rows);
    located.layers.forEach(({ scores, boxes }, layer) => {
      graph.output(`begin.${layer}`, located.begins[layer]!);
      graph.output(`scores.${layer}`, scores);
      graph.output(`boxes.${layer}`, boxes);
    });
  }
  return { graph, parameters: made() };
}

/**
 * Loss and gradients of a batch whose queries were chosen (`rows`, `begin.L`) and matched by an earlier look.
 * In beside those: `places` [1, U] (1 at prompts that are there) and `shares` [1, U] (1/n there); targets `dense` of every patch and `matched.L` of every query
 * (`.labels` `.boxes` `.given` `.share`, see `Held`); with GRQO `nearest.L.labels` `nearest.L.boxes` and `reference` [B, N].
 * Out: `loss`, its parts `dense`, `matched`, `grqo`, `kl`, and `gradient.NAME`.
 */
export function localizerGraph({ config, features, centres }: LocalizerMakings, bucket: LocalizerBucket, { grqo, dense }: Pick<LocateStage, 'grqo' | 'dense'>, options: GraphOptions = {}): TrainingGraph {
  const { graph, parameters, finish } = startGraph('localizer', options);
  const { batch, prompts: places } = bucket;
  const queries = queriesOf(config, bucket);
  const count = batch * queries;
  const given = inputsOf(graph, bucket, features);
  const chosen = { rows: graph.input('rows', [count], 'int64'), boxes: Array.from({ length: config.decoderLayers }, (_, layer) => graph.input(`begin.${layer}`, [count, 4])) };
  const located = localizer(graph, parameters, config, { ...given, centres, batch, chosen });
  const there = graph.input('places', [1, places]);
  const held = (name: string, rows: number): Held => ({
    labels: graph.input(`${name}.labels`, [rows, places]), boxes: graph.input(`${name}.boxes`, [rows, 4]), given: graph.input(`${name}.given`, [rows, 1]), share: graph.input(`${name}.share`, []),
  });
  const sum = (values: readonly Value[]): Value => values.reduce((a, b) => add(a, b));
  const everywhere = mul(detectionLoss(located, held('dense', batch * tokensOf(bucket)), there), dense);
  const matched = sum(located.layers.map((layer, at) => detectionLoss(layer, held(`matched.${at}`, count), there)));
  graph.output('dense', everywhere);
  graph.output('matched', matched);
  const supervised = add(everywhere, matched);
  const seeds = [{ value: supervised, gradient: graph.scalar(1) }];
  if (!grqo) return finish(supervised, seeds);

  const shares = graph.input('shares', [1, places]);
  const policy = objectnessOf(located, given.prompts.open, { batch, queries });
  const reference = graph.input('reference', [batch, queries]);
  const terms = located.layers.map((layer, at) => {
    const nearest = { labels: graph.input(`nearest.${at}.labels`, [count, places]), boxes: graph.input(`nearest.${at}.boxes`, [count, 4]) };
    const reward = neg(reshape(queryCost(layer, nearest, shares), [batch, queries]));
    return grqoLoss(reward, policy, reference, { alpha: grqo.alpha, beta: grqo.beta, muted: Math.max(1, Math.round(queries * grqo.muted)), normGrad: grqo.normGrad, clip: grqo.clip });
  });
  const group = sum(terms.map(({ loss }) => loss));
  graph.output('grqo', group);
  graph.output('kl', mul(sumAll(terms[0]!.kl), 1 / count));
  return finish(add(supervised, group), [...seeds, ...terms.flatMap((term) => term.seeds)]);
}

/** The objectness of the chosen queries, through which a gradient flows. */
const objectnessOf = ({ scores, rows }: Located, open: Value, { batch, queries }: { readonly batch: number; readonly queries: number }): Value =>
  reshape(highestColumn(add(gather(scores, rows), reshape(open, [1, open.shape[0]!]))), [batch, queries]);

/** The weights of a localizer for any batch. */
export function localizerParameters(makings: LocalizerMakings): readonly ParameterSpec[] {
  const graph = new Graph('localizer');
  const made = new Map<string, ParameterSpec>();
  const parameters = denseParameters((name, shape) => {
    made.set(name, { name, shape });
    return graph.input(name, shape);
  });
  const bucket: LocalizerBucket = { batch: 1, grid: makings.grid, examples: 1, prompts: 1 };
  const inputs = inputsOf(graph, bucket, makings.features);
  localizer(graph, parameters, makings.config, { ...inputs, centres: makings.centres, batch: 1 });
  return [...made.values()];
}

