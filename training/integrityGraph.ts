/** The integrity network's graph for training: cells, classes and types against what is true of each image. */
import { Graph, type Value } from '#models/graph/graph.ts';
import { add, exp, log, maximum, minimum, mul, neg, sub, sumAll } from '#models/graph/ops.ts';
import { cellSide, featureWidth } from '#models/imaging/forensics/features.ts';
import { integrityNetwork, type IntegrityConfig } from '#models/networks/integrity.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { startGraph, type GraphOptions, type ParameterSpec, type TrainingGraph } from './graphs.ts';
import { classifyLoss } from './objectives/classify.ts';
import type { Stage } from './records/recipe.ts';

/** The network of a stage; its field follows from the stage's pixels. */
export function integrityOf({ integrity, pixels }: Pick<Stage, 'integrity' | 'pixels'>): IntegrityConfig {
  const { width, blocks } = integrity!;
  return { width, blocks, features: featureWidth, cells: Math.round(Math.sqrt(pixels) / cellSide) };
}

export const isOfIntegrity = (name: string): boolean => name.startsWith('integrity.');

/** How much the parts count beside the classes. */
export const integrityParts = { cells: 1, types: 0.3 } as const;

const absolute = (x: Value): Value => maximum(x, neg(x));
/** ln σ(x), for scores of any size. */
const logSigmoid = (x: Value): Value => sub(minimum(x, 0), log(add(exp(neg(absolute(x))), 1)));

/**
 * In: `parameter.NAME`; `features` [B·T, F]; `cell.targets` [B·T, 1], 1 where altered; `cell.weights` [B·T, 1]; `class.targets` [B, 3]; `type.targets` [B, 4], zeros where there is none.
 * Out: `loss`, its parts `cells`, `classes`, `types`, and `gradient.NAME`.
 */
export function integrityGraph(config: IntegrityConfig, batch: number, options: GraphOptions = {}): TrainingGraph {
  const { graph, parameters, finish } = startGraph('integrity', options);
  const count = batch * config.cells ** 2;
  const scores = integrityNetwork(graph, parameters, config, graph.input('features', [count, config.features]), batch);
  const [targets, weights] = [graph.input('cell.targets', [count, 1]), graph.input('cell.weights', [count, 1])];
  const cells = sumAll(mul(neg(add(mul(targets, logSigmoid(scores.cells)), mul(sub(1, targets), logSigmoid(neg(scores.cells))))), weights));
  const classes = classifyLoss(scores.classes, graph.input('class.targets', [batch, 3]));
  const types = classifyLoss(scores.types, graph.input('type.targets', [batch, 4]));
  const parts = { cells: mul(cells, integrityParts.cells), classes: classes.loss, types: mul(types.loss, integrityParts.types) };
  for (const [name, value] of Object.entries(parts)) graph.output(name, value);
  return finish(add(add(parts.cells, parts.classes), parts.types), [
    { value: parts.cells, gradient: graph.scalar(1) }, { value: scores.classes, gradient: classes.gradient }, { value: scores.types, gradient: mul(types.gradient, integrityParts.types) },
  ]);
}

/** The weights of an integrity network. */
export function integrityParameters(config: IntegrityConfig): readonly ParameterSpec[] {
  const graph = new Graph('integrity');
  const made = new Map<string, ParameterSpec>();
  const parameters = denseParameters((name, shape) => {
    made.set(name, { name, shape });
    return graph.input(name, shape);
  });
  integrityNetwork(graph, parameters, config, graph.input('features', [config.cells ** 2, config.features]), 1);
  return [...made.values()];
}
