import { describe, expect, it } from 'vitest';
import { Graph } from '#models/graph/graph.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { sftLoss } from '#training/objectives/sft.ts';

const [rows, words] = [4, 5];

function run(scores: ArrayLike<number>, targets: readonly number[], weights: readonly number[]): { readonly loss: number; readonly gradient: Float64Array } {
  const graph = new Graph('g');
  const { loss, gradient } = sftLoss(graph.input('scores', [rows, words]), graph.input('targets', [rows], 'int64'), graph.input('weights', [rows]));
  graph.output('loss', loss);
  graph.output('gradient', gradient);
  const outputs = evaluate(graph, { scores, targets, weights });
  return { loss: outputs['loss']!.data[0]!, gradient: outputs['gradient']!.data };
}

const scores = Array.from({ length: rows * words }, (_, i) => 2 * Math.sin(i * 1.7));
const targets = [0, 3, 3, 4];
const weights = [1, 0.5, 0, 2];

describe('sftLoss', () => {
  it('is the weighted mean of the surprises at the targets', () => {
    const surprises = targets.map((target, row) => {
      const line = scores.slice(row * words, (row + 1) * words);
      return Math.log(line.reduce((sum, z) => sum + Math.exp(z), 0)) - line[target]!;
    });
    const wanted = surprises.reduce((sum, surprise, i) => sum + weights[i]! * surprise, 0) / 3.5;
    expect(run(scores, targets, weights).loss).toBeCloseTo(wanted, 12);
  });

  it('has the gradient that finite differences find', () => {
    const { gradient } = run(scores, targets, weights);
    const h = 1e-5;
    scores.forEach((_, i) => {
      const moved = (by: number): number => run(scores.map((z, j) => (j === i ? z + by : z)), targets, weights).loss;
      expect(gradient[i]).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 8);
    });
  });

  it('neither counts nor moves rows of weight zero', () => {
    const { loss, gradient } = run(scores, targets, weights);
    const other = run(scores.map((z, i) => (Math.floor(i / words) === 2 ? -z * 3 : z)), targets, weights);
    expect(other.loss).toBeCloseTo(loss, 14);
    expect([...gradient.slice(2 * words, 3 * words)].every((x) => x === 0)).toBe(true);
  });

  it('stays finite, with its full gradient, where a target has no probability left', () => {
    const hopeless = scores.map((_, i) => (i === 0 ? -1000 : 0));
    const { loss, gradient } = run(hopeless, [0, 0, 0, 0], [1, 0, 0, 0]);
    expect(loss).toBeCloseTo(37 * Math.LN10, 6);
    expect(gradient[0]).toBe(-1);
  });
});
