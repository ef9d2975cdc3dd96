import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { Graph } from '#models/graph/graph.ts';
import { neg, reshape, sumAll, mul } from '#models/graph/ops.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { gradients } from '#training/autodiff/gradient.ts';
import { costOf, detectionLoss, overlapOf, queryCost } from '#training/objectives/detection.ts';
import { grqoLoss, type GrqoOptions } from '#training/objectives/grqo.ts';

const published = { clip: null } as const;

interface Numbers {
  readonly rewards: readonly number[];
  readonly policy?: readonly number[];
  readonly reference?: readonly number[];
}

/** Loss, advantages and gradients of one image's queries, in float64. */
function grqo({ rewards, policy = rewards.map(() => 0), reference = policy }: Numbers, options: GrqoOptions) {
  const graph = new Graph('grqo');
  const shape = [1, rewards.length];
  const inputs = ['rewards', 'policy', 'reference'].map((name) => graph.input(name, shape));
  const { loss, advantages, kl, seeds } = grqoLoss(inputs[0]!, inputs[1]!, inputs[2]!, options);
  graph.output('loss', loss);
  graph.output('advantages', advantages);
  graph.output('kl', kl);
  gradients(seeds, inputs.slice(0, 2)).forEach((gradient, i) => {
    if (gradient) graph.output(['toRewards', 'toPolicy'][i]!, gradient);
  });
  const result = evaluate(graph, { rewards: Float64Array.from(rewards), policy: Float64Array.from(policy), reference: Float64Array.from(reference) });
  const of = (name: string): number[] => Array.from(result[name]?.data ?? []);
  return { loss: of('loss')[0]!, advantages: of('advantages'), kl: of('kl'), toRewards: of('toRewards'), toPolicy: of('toPolicy') };
}
const close = (values: readonly number[], wanted: readonly number[], digits = 6): void => {
  expect(values).toHaveLength(wanted.length);
  values.forEach((value, i) => expect(value, `number ${i}`).toBeCloseTo(wanted[i]!, digits));
};

const rewards = [-1, -1.5, -4, -3.5];
const policy = [1, 0.5, 0, -1];
const reference = [0.5, 0.5, 0.2, -2];

describe('GRQO', () => {
  test('praises by how far a reward lies from the mean of its image, in sample deviations', () => {
    close(grqo({ rewards }, { alpha: 1, beta: 0, muted: 1, ...published }).advantages, [1.01905, 0.67937, -1.01905, 0], 5);
    expect(grqo({ rewards }, { alpha: 1, beta: 0, muted: 1, ...published }).loss).toBeCloseTo(-0.169842, 6);
    expect(grqo({ rewards }, { alpha: 1, beta: 0, muted: 2, ...published }).loss).toBeCloseTo(-0.424604, 6);
  });

  test('pulls objectness towards the reference from one side', () => {
    const { kl, loss } = grqo({ rewards, policy, reference }, { alpha: 0, beta: 1, muted: 1, ...published });
    close(kl, [0.0122646, 0, 0.0046597, 0.2568964]);
    expect(loss).toBeCloseTo(0.0684552, 6);
  });

  test('weighs both as the release does', () => expect(grqo({ rewards, policy, reference }, { alpha: 0.01, beta: 0.04, muted: 1, ...published }).loss).toBeCloseTo(0.00103979, 8));

  test('says nothing where all rewards are equal, and stays finite', () => {
    for (const normGrad of ['full', 'detached'] as const) {
      const { advantages, toRewards, loss } = grqo({ rewards: [-2, -2, -2] }, { muted: 1, normGrad });
      expect([...advantages, ...toRewards, loss].every((value) => Math.abs(value) < 1e-12)).toBe(true);
    }
  });

  test('says nothing where every query is muted', () => expect(grqo({ rewards }, { alpha: 1, beta: 0, muted: 9, ...published }).loss).toBeCloseTo(0, 12));

  test('refuses to mute nobody, and a group of one', () => {
    expect(() => grqo({ rewards }, { muted: 0 })).toThrow('muting');
    expect(() => grqo({ rewards: [1] }, { muted: 1 })).toThrow('two queries');
  });

  test('holds objectness to ±6, where the published divergence explodes', () => {
    const apart = { rewards: [-1, -2], policy: [-8, 0], reference: [8, 0] };
    expect(grqo(apart, { alpha: 0, beta: 2, muted: 1, ...published }).kl[0]).toBeGreaterThan(2900);
    expect(grqo(apart, { alpha: 0, beta: 2, muted: 1 }).kl[0]).toBeLessThan(400);
  });

  test.each(['full', 'detached'] as const)('has the gradients of finite differences where mean and deviation are %s', (normGrad) => {
    const random = new Random(3);
    const draw = (): number[] => Array.from({ length: 7 }, () => random.normal());
    const at = { rewards: draw(), policy: draw(), reference: draw() };
    const options = { alpha: 0.7, beta: 0.3, muted: 3, normGrad, ...published };
    const { toRewards, toPolicy } = grqo(at, options);
    const h = 1e-6;
    const slope = (name: 'rewards' | 'policy', i: number): number => {
      const moved = (by: number): number => grqo({ ...at, [name]: at[name].map((x, j) => (j === i ? x + by : x)) }, options).loss;
      return (moved(h) - moved(-h)) / (2 * h);
    };
    close(toPolicy, at.policy.map((_, i) => slope('policy', i)), 8);
    if (normGrad === 'full') close(toRewards, at.rewards.map((_, i) => slope('rewards', i)), 8);
    else {
      const mean = at.rewards.reduce((a, b) => a + b, 0) / 7;
      const deviation = Math.sqrt(at.rewards.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 6);
      close(toRewards, at.rewards.map((_, i) => (i < 4 ? -0.7 / (7 * deviation) : 0)), 8);
    }
  });

  test('with full gradients pulls low rewards up among the kept, and pushes the muted down', () => {
    const { toRewards } = grqo({ rewards: [-0.5, -3, -2, -2.5] }, { alpha: 1, beta: 0, muted: 2 });
    expect(toRewards[1]).toBeLessThan(0);
    expect(toRewards[2]).toBeGreaterThan(0);
    expect(toRewards[3]).toBeGreaterThan(0);
  });
});

describe('what a query costs', () => {
  const [target, other] = [[0.3, 0.3, 0.4, 0.4], [0.75, 0.75, 0.3, 0.3]] as const;
  test.each([
    ['the right prompt at the right place', [3, -3], 0, target, -1.99989],
    ['the wrong prompt elsewhere', [3, -3], 1, other, 9.48503],
    ['no opinion at the right place', [0, 0], 0, target, -1.82671],
  ] as const)('%s', (_name, scores, prompt, wanted, cost) => {
    expect(costOf(scores, target, { prompt, box: wanted }, [true, true])).toBeCloseTo(cost, 4);
    const graph = new Graph('cost');
    const [s, b, l, t] = [graph.input('s', [1, 2]), graph.input('b', [1, 4]), graph.input('l', [1, 2]), graph.input('t', [1, 4])];
    graph.output('cost', queryCost({ scores: s, boxes: b }, { labels: l, boxes: t }, graph.constant(Float32Array.of(0.5, 0.5), [1, 2])));
    const label = Float64Array.of(Number(prompt === 0), Number(prompt === 1));
    expect(evaluate(graph, { s: Float64Array.from(scores), b: Float64Array.from(target), l: label, t: Float64Array.from(wanted) })['cost']!.data[0]).toBeCloseTo(cost, 4);
  });

  test('leaves empty places out', () => expect(costOf([3, -3, 50], target, { prompt: 0, box: target }, [true, true, false])).toBeCloseTo(-1.99989, 4));

  test('knows how far boxes are that do not meet', () => {
    expect(overlapOf(target, target)).toEqual({ iou: expect.closeTo(1, 9), giou: expect.closeTo(1, 9) });
    expect(overlapOf(target, other)).toEqual({ iou: 0, giou: expect.closeTo(-0.609375, 9) });
  });
});

test('costs, matched losses and GRQO together have the gradients of finite differences', () => {
  const random = new Random(11);
  const [queries, prompts] = [6, 3];
  const graph = new Graph('all');
  const scores = graph.input('scores', [queries, prompts]);
  const boxes = graph.input('boxes', [queries, 4]);
  const fixed = (shape: readonly number[], draw: () => number) => graph.constant(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw), shape);
  const targets = { labels: fixed([queries, prompts], () => Number(random.chance(0.4))), boxes: fixed([queries, 4], () => random.between(0.2, 0.5)), given: fixed([queries, 1], () => Number(random.chance(0.6))), share: graph.scalar(0.5) };
  const supervised = detectionLoss({ scores, boxes }, targets, fixed([1, prompts], () => 1));
  const reward = neg(reshape(queryCost({ scores, boxes }, targets, fixed([1, prompts], () => 1 / prompts)), [1, queries]));
  const objectness = reshape(sumAll(scores), [1, 1]);
  const { loss } = grqoLoss(reward, mul(objectness, fixed([1, queries], () => random.normal() / 4)), fixed([1, queries], () => random.normal()), { alpha: 0.5, beta: 0.5, muted: 2 });
  graph.output('supervised', supervised);
  graph.output('grqo', loss);
  const seeds = [supervised, loss].map((value) => ({ value, gradient: graph.scalar(1) }));
  gradients(seeds, [scores, boxes]).forEach((gradient, i) => graph.output(`gradient${i}`, gradient!));
  const at = [Float64Array.from({ length: queries * prompts }, () => random.normal()), Float64Array.from({ length: queries * 4 }, () => random.between(0.25, 0.6))] as const;
  const run = (which: number, i: number, by: number): number => {
    const moved = at.map((values, w) => values.map((x, j) => (w === which && j === i ? x + by : x)));
    const result = evaluate(graph, { scores: moved[0]!, boxes: moved[1]! });
    return result['supervised']!.data[0]! + result['grqo']!.data[0]!;
  };
  const here = evaluate(graph, { scores: at[0], boxes: at[1] });
  at.forEach((values, which) => values.forEach((_, i) => {
    const slope = (run(which, i, 1e-6) - run(which, i, -1e-6)) / 2e-6;
    expect(Math.abs(here[`gradient${which}`]!.data[i]! - slope) / Math.max(1, Math.abs(slope)), `${which}.${i}`).toBeLessThan(1e-4);
  }));
});
