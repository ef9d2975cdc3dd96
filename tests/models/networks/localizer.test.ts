import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { Graph } from '#models/graph/graph.ts';
import { boxCode, boxCodeWidth, boxWeights, localizer, parseLocalizerConfig, patchCentres, promptGraph, type LocalizerConfig } from '#models/networks/localizer.ts';
import { denseParameters, type Parameters } from '#models/networks/parameters.ts';
import type { Grid } from '#models/networks/rope.ts';
import { evaluate } from '#tests/support/interpreter.ts';

const grid: Grid = [1, 4, 4];
const centres = patchCentres(grid, 2);
const config: LocalizerConfig = { features: [1], side: 56, width: 8, heads: 2, mlpWidth: 8, encoderLayers: 1, decoderLayers: 2, queries: 5 };
const [tokens, features] = [16, 6];

/** The same random weights for every graph. */
const weightsOf = (graph: Graph): Parameters => denseParameters((name, shape) => {
  const random = Random.named(1, name);
  return graph.constant(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (name.endsWith('norm.weight') ? 1 : random.normal() / 3)), shape);
});
const random = new Random(2);
const draw = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());
const boxes = [[0.5, 0.5, 0.5, 0.5], [0.2, 0.3, 0.3, 0.2]] as const;
const shown = (batch: number) => ({ features: draw(batch * tokens * features) });

/** A run over `batch` images, its prompts drawn on the first image or given as vectors. */
function look(batch: number, feeds: Record<string, Float64Array>, stored?: Float64Array, open = [0, 0]) {
  const graph = new Graph('look');
  const prompts = stored
    ? { vectors: graph.input('vectors', [2, 8]), open: graph.input('open', [2]) }
    : { pool: graph.input('pool', [2, batch * tokens]), codes: graph.input('codes', [2, boxCodeWidth]), mix: graph.input('mix', [2, 2]), open: graph.input('open', [2]) };
  const { prompts: vectors, scores, boxes: proposals, objectness, rows, begins, layers } = localizer(graph, weightsOf(graph), config, { features: graph.input('features', [batch * tokens, features]), centres, batch, prompts });
  for (const [name, value] of Object.entries({ vectors, scores, proposals, objectness, rows, begin: begins[0]!, last: layers[1]!.boxes, named: layers[1]!.scores })) graph.output(name === 'vectors' ? 'made' : `${name}.out`, value);
  const pool = new Float64Array(2 * batch * tokens);
  boxes.forEach((box, e) => pool.set(boxWeights(box, centres, grid), e * batch * tokens));
  const drawn = { pool, codes: Float64Array.from(boxes.flatMap((box) => [...boxCode(box)])), mix: Float64Array.of(1, 0, 0, 1) };
  return evaluate(graph, { ...feeds, open: Float64Array.from(open), ...(stored ? { vectors: stored } : drawn) });
}

describe('patches and boxes', () => {
  test('patches lie in cells, cells in rows', () => {
    expect([...centres.slice(0, 10)]).toEqual([0.125, 0.125, 0.375, 0.125, 0.125, 0.375, 0.375, 0.375, 0.625, 0.125]);
  });

  test('a box shares in patches by what it covers of them', () => {
    const weights = boxWeights([0.25, 0.125, 0.5, 0.25], centres, grid);
    expect([...weights.slice(0, 4)].map((x) => Number(x.toFixed(6)))).toEqual([0.5, 0.5, 0, 0]);
    expect([...boxWeights([2, 2, 0.1, 0.1], centres, grid)].every((x) => x === 0)).toBe(true);
  });

  test('boxes that differ have codes that differ', () => {
    expect(boxCode(boxes[0])).toHaveLength(boxCodeWidth);
    expect(boxCode([0.5, 0.5, 0.5, 0.5])).not.toEqual(boxCode([0.5, 0.5, 0.5, 0.51]));
  });
});

describe('the localizer', () => {
  test('chooses the patches with the highest objectness, in falling order, image by image', () => {
    const found = look(2, shown(2));
    const objectness = found['objectness.out']!.data;
    const rows = Array.from(found['rows.out']!.data);
    for (const b of [0, 1]) {
      const own = Array.from(objectness.slice(b * tokens, (b + 1) * tokens));
      const wanted = own.map((x, t) => ({ x, t: b * tokens + t })).sort((one, other) => other.x - one.x).slice(0, 5).map(({ t }) => t);
      expect(rows.slice(b * 5, b * 5 + 5)).toEqual(wanted);
    }
    rows.forEach((row, i) => expect(found['begin.out']!.data.slice(4 * i, 4 * i + 4)).toEqual(found['proposals.out']!.data.slice(4 * row, 4 * row + 4)));
  });

  test('gives boxes within the image', () => {
    for (const x of look(1, shown(1))['last.out']!.data) expect(x > 0 && x < 1).toBe(true);
  });

  test('finds with stored prompts what it finds with the boxes that they were made of', () => {
    const picture = shown(1);
    const drawn = look(1, picture);
    const stored = look(1, picture, drawn['made']!.data);
    for (const name of ['scores.out', 'last.out', 'named.out']) stored[name]!.data.forEach((x, i) => expect(x).toBeCloseTo(drawn[name]!.data[i]!, 9));
  });

  test('does not choose by the empty place of a prompt', () => {
    const picture = shown(1);
    const found = look(1, picture, undefined, [0, -1e9]);
    const scores = found['scores.out']!.data;
    found['objectness.out']!.data.forEach((x, t) => expect(x).toBeCloseTo(scores[2 * t]!, 9));
  });

  test('treats each image as if it stood alone', () => {
    const both = shown(2);
    const vectors = draw(16);
    const [together, alone] = [look(2, both, vectors), look(1, { features: both.features.slice(tokens * features) }, vectors)];
    alone['last.out']!.data.forEach((x, i) => expect(x).toBeCloseTo(together['last.out']!.data[20 + i]!, 9));
  });

  test('makes a single example\'s vector by itself as among others', () => {
    const picture = shown(1);
    const graph = new Graph('prompt');
    graph.output('vector', promptGraph(graph, weightsOf(graph), config, { features: graph.input('features', [tokens, features]), centres, pool: graph.input('pool', [1, tokens]), codes: graph.input('codes', [1, boxCodeWidth]) }));
    const { vector } = evaluate(graph, { ...picture, pool: Float64Array.from(boxWeights(boxes[1], centres, grid)), codes: Float64Array.from(boxCode(boxes[1])) });
    const made = look(1, picture)['made']!.data.slice(8);
    vector!.data.forEach((x, i) => expect(x).toBeCloseTo(made[i]!, 9));
  });

  test.each([
    ['no object', null, 'side'], ['a size that is no number', { ...config, width: 'wide' }, 'width'], ['no blocks', { ...config, features: [] }, 'features'], ['heads that do not divide it', { ...config, heads: 3 }, 'divided'],
  ])('refuses a configuration with %s', (_name, json, why) => {
    expect(() => parseLocalizerConfig(json)).toThrow(expect.objectContaining({ code: 'localizer.config', why: expect.stringContaining(why) as string }) as Error);
  });
});
