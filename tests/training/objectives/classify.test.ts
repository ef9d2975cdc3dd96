import { expect, it } from 'vitest';
import { Graph } from '#models/graph/graph.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { classifyLoss } from '#training/objectives/classify.ts';

it.each([['all rows have a label', [0.8, 0.1, 0.1, 0, 0.5, 0.5]], ['one row has none', [0.8, 0.1, 0.1, 0, 0, 0]]])('the cross-entropy against soft targets has the value of its formula and the gradient that finite differences find when %s', (_, targets) => {
  const graph = new Graph('g');
  const { loss, gradient } = classifyLoss(graph.input('scores', [2, 3]), graph.input('targets', [2, 3]));
  graph.output('loss', loss);
  graph.output('gradient', gradient);
  const scores = [1, -0.5, 2, 0.3, 0, -2];
  const run = (z: readonly number[]) => evaluate(graph, { scores: z, targets });
  const outputs = run(scores);
  const surprise = (z: readonly number[], t: readonly number[]): number => t.reduce((sum, share, i) => sum + share * (Math.log(z.reduce((all, x) => all + Math.exp(x), 0)) - z[i]!), 0);
  expect(outputs['loss']!.data[0]).toBeCloseTo((surprise(scores.slice(0, 3), targets.slice(0, 3)) + surprise(scores.slice(3), targets.slice(3))) / 2, 12);
  const h = 1e-5;
  scores.forEach((_, i) => {
    const moved = (by: number): number => run(scores.map((z, j) => (j === i ? z + by : z)))['loss']!.data[0]!;
    expect(outputs['gradient']!.data[i]).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 8);
  });
});
