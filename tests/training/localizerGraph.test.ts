import { expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { patchCentres, type LocalizerMakings } from '#models/networks/localizer.ts';
import type { Grid } from '#models/networks/rope.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { denseTargets, drawPrompts, packLook, queryTargets, type LocalizerView } from '#training/localizerData.ts';
import { localizerGraph, lookGraph, type LocalizerBucket } from '#training/localizerGraph.ts';

const grid: Grid = [1, 4, 4];
const makings: LocalizerMakings = { config: { features: [1], side: 56, width: 8, heads: 2, mlpWidth: 8, encoderLayers: 1, decoderLayers: 2, queries: 4 }, grid, features: 5, centres: patchCentres(grid, 2) };
const bucket: LocalizerBucket = { batch: 2, grid, examples: 4, prompts: 2 };
const random = new Random(4);
const view = (id: string, things: LocalizerView['things']): LocalizerView => ({ id, things, features: Float32Array.from({ length: 16 * 5 }, () => random.normal()) });
const views = [
  view('a', [{ kind: 'cell', place: [0.3, 0.3, 0.3, 0.3] }, { kind: 'cell', place: [0.7, 0.6, 0.25, 0.3] }, { kind: 'lung', place: [0.5, 0.5, 0.8, 0.9] }]),
  view('b', [{ kind: 'lung', place: [0.4, 0.5, 0.5, 0.7] }]),
];
type Feeds = Record<string, { readonly data: ArrayLike<number | bigint> }>;
const numbers = (feeds: Feeds): Record<string, Float64Array> => Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, Float64Array.from(data as ArrayLike<number>, Number)]));

test.each(['full', 'detached', 'none'] as const)('the loss of matched targets, patches and GRQO (%s) has the gradients of finite differences', (normGrad) => {
  const options = { dense: 0.7, ...(normGrad === 'none' ? {} : { grqo: { alpha: 0.3, beta: 0.2, muted: 0.3, normGrad, clip: null } }) };
  const { graph, parameters, trained } = localizerGraph(makings, bucket, options);
  expect(trained).toHaveLength(parameters.length);
  const weights = Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (/norm\d?\.weight$/.test(name) ? 1 : 0) + random.normal() / 4)]));
  const drawn = drawPrompts(views, 2, 2, random);
  const shown = packLook(makings, bucket, views, drawn);
  const look = lookGraph(makings, bucket);
  const seen = evaluate(look.graph, { ...numbers(shown), ...Object.fromEntries(look.parameters.map(({ name }) => [`parameter.${name}`, weights[`parameter.${name}`]!])) });
  const feeds: Record<string, Float64Array> = { ...numbers(shown), ...numbers(denseTargets(makings.centres, views, drawn.kinds, 2)), rows: seen['rows']!.data, places: Float64Array.of(1, 1), shares: Float64Array.of(0.5, 0.5), reference: Float64Array.from({ length: 8 }, () => random.normal()) };
  for (const layer of [0, 1]) {
    feeds[`begin.${layer}`] = seen[`begin.${layer}`]!.data;
    Object.assign(feeds, numbers(queryTargets({ scores: Float32Array.from(seen[`scores.${layer}`]!.data), boxes: Float32Array.from(seen[`boxes.${layer}`]!.data) }, layer, views, drawn.kinds, 2)));
  }
  const inputs = Object.fromEntries(graph.inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));
  const direction = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.map(() => random.normal())]));
  const run = (by: number) => evaluate(graph, { ...inputs, ...Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.map((x, i) => x + by * direction[name]![i]!)])) });
  const here = run(0);
  const byRule = trained.reduce((total, { name }) => total + here[`gradient.${name}`]!.data.reduce((sum, x, i) => sum + x * direction[`parameter.${name}`]![i]!, 0), 0);
  const h = 1e-6;
  const [after, before] = [run(h), run(-h)];
  const slope = (after['loss']!.data[0]! - before['loss']!.data[0]!) / (2 * h);
  // With the deviation held constant the value and what is learnt differ; the rest must still agree.
  if (normGrad === 'detached') {
    expect(Number.isFinite(byRule)).toBe(true);
    expect(Math.abs(byRule - slope)).toBeGreaterThan(1e-6);
  } else expect(Math.abs(byRule - slope) / Math.max(1, Math.abs(slope))).toBeLessThan(1e-4);
});

test('each thing is told by a patch in its middle, and a thing within another by its own', () => {
  const { 'dense.labels': labels, 'dense.given': given, 'dense.share': share } = numbers(denseTargets(makings.centres, views, ['cell', 'lung'], 2));
  const owners = (b: number): string => Array.from({ length: 16 }, (_, t) => (labels![2 * (16 * b + t)] ? 'c' : labels![2 * (16 * b + t) + 1] ? 'l' : '.')).join('');
  // Four cells of four patches each: the two things lie in patches of the first and the last cell, what is left of the larger one's middle in the others.
  expect(owners(0)).toBe('...c..l..l..c...');
  expect(owners(1)).not.toContain('c');
  expect(given!.reduce((a, b) => a + b, 0)).toBeCloseTo(1 / share![0]!, 5);
});

test('the cheapest assignment gives each thing one query, and every query knows the thing it fits best', () => {
  const boxes = Float32Array.from([[0.3, 0.3, 0.3, 0.3], [0.3, 0.3, 0.28, 0.3], [0.5, 0.5, 0.8, 0.8], [0.7, 0.6, 0.3, 0.3], ...Array.from({ length: 4 }, () => [0.4, 0.5, 0.5, 0.6])].flat());
  const feeds = numbers(queryTargets({ scores: new Float32Array(16), boxes }, 0, views, ['cell', 'lung'], 2));
  expect([...feeds['matched.0.given']!]).toEqual([1, 0, 1, 1, 1, 0, 0, 0]);
  expect([...feeds['nearest.0.labels']!]).toEqual([1, 0, 1, 0, 0, 1, 1, 0, ...[0, 1, 0, 1, 0, 1, 0, 1]]);
  expect(feeds['matched.0.share']![0]).toBeCloseTo(1 / 4, 6);
});

test('on an image without things a query\'s nearest is its own box, under no prompt', () => {
  const boxes = Float32Array.from([0.3, 0.3, 0.2, 0.2, 0.5, 0.5, 0.1, 0.1]);
  const feeds = numbers(queryTargets({ scores: new Float32Array(4), boxes }, 0, [view('c', [])], ['cell'], 2));
  expect([...feeds['nearest.0.boxes']!]).toEqual([...boxes]);
  expect(feeds['nearest.0.labels']!.every((x) => x === 0)).toBe(true);
  expect(feeds['matched.0.given']!.every((x) => x === 0)).toBe(true);
});

test('a batch asks for the kinds that it shows, each by one example or several of its own', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { kinds, examples } = drawPrompts(views, 2, 2, new Random(seed));
    expect([...kinds].sort()).toEqual(['cell', 'lung']);
    examples.forEach((some, u) => {
      expect(some.length === 1 || some.length === 2).toBe(true);
      some.forEach(({ view: at, thing }) => expect(thing.kind === kinds[u] && views[at]!.things.includes(thing)).toBe(true));
    });
  }
});
