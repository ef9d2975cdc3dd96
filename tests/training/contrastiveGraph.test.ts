import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { Graph } from '#models/graph/graph.ts';
import { parseConfig } from '#models/networks/config.ts';
import { boundedScale, contrastiveParameters, isOfImage, packSentences, unitRows, type ContrastiveConfig } from '#models/networks/contrastive.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';
import { judgementGraph, pairGraph } from '#training/contrastiveGraph.ts';
import type { TrainingGraph } from '#training/graphs.ts';
import { infoNceLoss, pairShares } from '#training/objectives/infoNce.ts';
import { judgementLoss } from '#training/objectives/judgements.ts';

const config = parseConfig({ ...(tinyRecipe.start as { scratch: object }).scratch, hidden_size: 16, num_attention_heads: 1, rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] }, vocab_size: 30, vision_start_token_id: 1, vision_end_token_id: 2, image_token_id: 3, video_token_id: 4, vision_config: { depth: 1, hidden_size: 16, num_heads: 2, intermediate_size: 8, out_hidden_size: 16, patch_size: 14, spatial_merge_size: 2, temporal_patch_size: 2, window_size: 56, fullatt_block_indexes: [0] } });
const contrastive: ContrastiveConfig = { side: 28, embedding: 6, text: { width: 8, depth: 1, heads: 2, mlpWidth: 8, tokens: 5 } };
const random = new Random(9);
const normals = (count: number, factor = 1): Float64Array => Float64Array.from({ length: count }, () => factor * random.normal());

/** The slope of the loss along one direction of all weights, by rule and by finite differences. */
function slopes({ graph, parameters, trained }: TrainingGraph, feeds: Record<string, Float64Array>): readonly [byRule: number, byDifferences: number] {
  const weights = Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, normals(shape.reduce((a, b) => a * b, 1), 0.3).map((x) => x + (/norm\d?\.weight$|ln_q\.weight$/.test(name) ? 1 : 0))]));
  const direction = Object.fromEntries(trained.map(({ name }) => [`parameter.${name}`, normals(weights[`parameter.${name}`]!.length)]));
  const run = (by: number) => evaluate(graph, { ...feeds, ...Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.map((x, i) => x + by * (direction[name]?.[i] ?? 0))])) });
  const here = run(0);
  const h = 1e-6;
  return [
    trained.reduce((total, { name }) => total + here[`gradient.${name}`]!.data.reduce((sum, x, i) => sum + x * direction[`parameter.${name}`]![i]!, 0), 0),
    (run(h)['loss']!.data[0]! - run(-h)['loss']!.data[0]!) / (2 * h),
  ];
}

const patches = (images: number): Float64Array => normals(images * 4 * 588);

describe('gradients', () => {
  test('of pairs are those of finite differences, for every weight and the temperature', () => {
    const made = pairGraph(config, contrastive, { batch: 4 });
    expect(made.trained).toHaveLength(contrastiveParameters(config, contrastive).length);
    const { ids, shares, mask } = packSentences([[5, 6, 7], [8], [5, 6, 7], [9, 10, 11, 12, 13, 14]], contrastive);
    const [byRule, byDifferences] = slopes(made, { patches: patches(4), ids: Float64Array.from(ids, Number), shares: Float64Array.from(shares), mask: Float64Array.from(mask), pairs: Float64Array.from(pairShares(['a', 'b', 'a', 'c'])) });
    expect(Math.abs(byDifferences)).toBeGreaterThan(1e-3);
    expect(Math.abs(byRule - byDifferences) / Math.abs(byDifferences)).toBeLessThan(1e-5);
  });

  test('of judgements are those of finite differences, and reach what makes an image\'s embedding alone', () => {
    const made = judgementGraph(config, contrastive, { batch: 3, margin: 0.5 }, { isTrained: isOfImage });
    expect(made.trained.length).toBe(contrastiveParameters(config, contrastive).filter(({ name }) => isOfImage(name)).length);
    const [byRule, byDifferences] = slopes(made, { patches: patches(9), sign: Float64Array.of(1, -1, 1) });
    expect(Math.abs(byDifferences)).toBeGreaterThan(1e-4);
    expect(Math.abs(byRule - byDifferences) / Math.abs(byDifferences)).toBeLessThan(1e-5);
  });
});

/** One judgement over vectors as they come. */
function judged(reference: readonly number[], left: readonly number[], right: readonly number[], sign: number): { loss: number; difference: number } {
  const graph = new Graph('judged');
  const input = (name: string, values: readonly number[]) => unitRows(graph.input(name, [1, values.length]));
  const { loss, differences } = judgementLoss({ reference: input('r', reference), left: input('a', left), right: input('b', right) }, graph.input('sign', [1, 1]), 0.05);
  graph.output('loss', loss);
  graph.output('differences', differences);
  const out = evaluate(graph, { r: Float64Array.from(reference), a: Float64Array.from(left), b: Float64Array.from(right), sign: Float64Array.of(sign) });
  return { loss: out['loss']!.data[0]!, difference: out['differences']!.data[0]! };
}

describe('a judgement', () => {
  test('costs what the release computes: nothing where right by the margin, the whole distance and the margin where wrong', () => {
    const [r, a, b] = [[1, 0, 0], [1, 1, 0], [1, 0.2, 0]];
    expect(judged(r, a, b, 1).difference).toBeCloseTo(0.2928932 - 0.0194193, 6);
    expect(judged(r, a, b, 1).loss).toBe(0);
    expect(judged(r, a, b, -1).loss).toBeCloseTo(0.3234739, 6);
    expect(judged(r, b, b, 1).loss).toBeCloseTo(0.05, 8);
  });

  test('does not care how long any vector is', () => {
    const plain = judged([1, 0, 0], [1, 1, 0], [1, 0.2, 0], -1).loss;
    expect(judged([7, 0, 0], [0.1, 0.1, 0], [300, 60, 0], -1).loss).toBeCloseTo(plain, 9);
  });
});

/** The loss of a batch whose images and sentences are the same unit vectors. */
function identityLoss(scale: number, meanings = ['a', 'b', 'c']): number {
  const graph = new Graph('identity');
  const scores = graph.input('cosines', [3, 3]);
  graph.output('loss', infoNceLoss(scores, graph.input('pairs', [3, 3])).loss);
  const logarithm = new Graph('scale');
  logarithm.output('scale', boundedScale(logarithm.input('s', [1])));
  const bounded = evaluate(logarithm, { s: Float64Array.of(Math.log(scale)) })['scale']!.data[0]!;
  return evaluate(graph, { cosines: Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]).map((x) => x * bounded), pairs: Float64Array.from(pairShares(meanings)) })['loss']!.data[0]!;
}

describe('pairs', () => {
  test('of a batch that is told apart perfectly cost nothing as the scale grows, and no more changes beyond 100', () => {
    expect(identityLoss(1)).toBeCloseTo(Math.log(Math.E + 2) - 1, 6);
    expect(identityLoss(10)).toBeLessThan(1e-3);
    expect(identityLoss(100)).toBeLessThan(1e-6);
    expect(identityLoss(250)).toBe(identityLoss(100));
  });

  test('that mean the same share their mass equally, rows and columns adding up to one', () => {
    const shares = pairShares(['a', 'b', 'a', 'a']);
    expect([...shares.subarray(0, 4)].map((x) => Number(x.toFixed(4)))).toEqual([0.3333, 0, 0.3333, 0.3333]);
    for (let i = 0; i < 4; i++) {
      expect(shares.subarray(4 * i, 4 * i + 4).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      expect([0, 1, 2, 3].reduce((sum, row) => sum + shares[4 * row + i]!, 0)).toBeCloseTo(1, 6);
    }
  });
});

test('a sentence is cut at its last place, and one without a word is still a number', () => {
  const { ids, shares, mask } = packSentences([[1, 2, 3, 4, 5, 6, 7], []], contrastive);
  expect([...ids].map(Number)).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 0, 0]);
  expect([...shares].map((x) => Number(x.toFixed(3)))).toEqual([0.2, 0.2, 0.2, 0.2, 0.2, 1, 0, 0, 0, 0]);
  expect(mask[5]).toBe(0);
  expect(mask[6]).toBeLessThan(-1e8);
});
