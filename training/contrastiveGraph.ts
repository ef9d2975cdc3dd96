/** The graphs of an encoder of images and sentences: loss and gradients of judgements, and of pairs. */
import type { Graph, Value } from '#models/graph/graph.ts';
import { matMul, mul, split } from '#models/graph/ops.ts';
import type { QwenVlConfig } from '#models/networks/config.ts';
import { boundedScale, contrastiveGrid, imageEmbedding, scaleName, sentenceEmbedding, sentenceInputs, unitRows, type ContrastiveConfig } from '#models/networks/contrastive.ts';
import type { Parameters } from '#models/networks/parameters.ts';
import { infoNceLoss } from './objectives/infoNce.ts';
import { judgementLoss } from './objectives/judgements.ts';
import { branchDropper, startGraph, type GraphOptions, type TrainingGraph } from './graphs.ts';

function images(graph: Graph, parameters: Parameters, config: QwenVlConfig, contrastive: ContrastiveConfig, batch: number, { dropBranches = false }: GraphOptions): Value {
  const grid = contrastiveGrid(config, contrastive);
  const { channels, patchSize, depth } = config.vision;
  const patches = graph.input('patches', [batch * grid[1] * grid[2], channels * patchSize * patchSize]);
  return unitRows(imageEmbedding(graph, parameters, config, contrastive, patches, { batch, grid }, dropBranches ? branchDropper(graph, depth, batch) : undefined));
}

/**
 * In: `parameter.NAME`; `patches` of 3N images, first all references, then all left, then all right ones; `sign` [N, 1]; with `dropBranches` also `keep` [depth, 3N].
 * Out: `loss`, `differences` [N, 1], `gradient.NAME` of what makes an image's embedding.
 */
export function judgementGraph(config: QwenVlConfig, contrastive: ContrastiveConfig, { batch, margin }: { readonly batch: number; readonly margin: number }, options: GraphOptions = {}): TrainingGraph {
  const { graph, parameters, finish } = startGraph('judgements', options);
  const [reference, left, right] = split(images(graph, parameters, config, contrastive, 3 * batch, options), [batch, batch, batch], 0) as [Value, Value, Value];
  const { loss, differences } = judgementLoss({ reference, left, right }, graph.input('sign', [batch, 1]), margin);
  graph.output('differences', differences);
  return finish(loss, [{ value: loss, gradient: graph.scalar(1) }]);
}

/**
 * In: `parameter.NAME`; `patches` of B images; `ids`, `shares`, `mask` of B sentences (`packSentences`); `pairs` [B, B] (`pairShares`); with `dropBranches` also `keep` [depth, B].
 * Out: `loss`, `scores` [B, B], `gradient.NAME`.
 */
export function pairGraph(config: QwenVlConfig, contrastive: ContrastiveConfig, { batch }: { readonly batch: number }, options: GraphOptions = {}): TrainingGraph {
  const { graph, parameters, finish } = startGraph('pairs', options);
  const shown = images(graph, parameters, config, contrastive, batch, options);
  const said = unitRows(sentenceEmbedding(parameters, config, contrastive, sentenceInputs(graph, contrastive, batch)));
  const scores = mul(matMul(shown, said, { transB: true }), boundedScale(parameters.tensor(scaleName, [1])));
  const { loss, gradient } = infoNceLoss(scores, graph.input('pairs', [batch, batch]));
  graph.output('scores', scores);
  return finish(loss, [{ value: scores, gradient }]);
}
