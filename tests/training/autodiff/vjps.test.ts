import { describe, expect, it } from 'vitest';
import { Random } from '#models/base/random.ts';
import { Graph, ops, type Op, type Value } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { evaluate, type Values } from '#tests/support/interpreter.ts';
import { operatorRows, type OperatorRow } from '#tests/support/operatorRows.ts';
import { gradients } from '#training/autodiff/gradient.ts';
import { vjps } from '#training/autodiff/vjps.ts';

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

interface Trial {
  readonly graph: Graph;
  readonly inputs: readonly Value[];
}

/** y and the gradients of Σ y ⊙ c with respect to every input. */
function build({ shapes, build: f, fused }: OperatorRow): Trial {
  const graph = new Graph('trial', { fused: fused === true });
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const y = f(inputs);
  const cotangent = graph.input('c', y.shape);
  graph.output('y', y);
  gradients([{ value: y, gradient: cotangent }], inputs).forEach((gradient, i) => {
    if (gradient) graph.output(`gradient${i}`, gradient);
  });
  return { graph, inputs };
}

/** The slope of Σ y ⊙ c along one random direction: by the rules, and by a central difference in float64. */
function slopes(row: OperatorRow, seed: number): { readonly byRule: number; readonly byDifference: number; readonly scale: number } {
  const random = new Random(seed);
  const draw = (shape: readonly number[]): Float64Array => Float64Array.from({ length: sizeOf(shape) }, () => (row.positive ? random.between(0.5, 2) : random.normal()));
  const { graph, inputs } = build(row);
  const c = Float64Array.from({ length: sizeOf(graph.inputs.find(({ name }) => name === 'c')!.shape) }, () => random.normal());
  const at = inputs.map(({ shape }) => draw(shape));
  const direction = inputs.map(({ shape }) => Float64Array.from({ length: sizeOf(shape) }, () => random.normal()));
  const run = (step: number): Readonly<Record<string, Values>> =>
    evaluate(graph, { c, ...Object.fromEntries(inputs.map(({ name }, i) => [name, at[i]!.map((x, j) => x + step * direction[i]![j]!)])) });
  const here = run(0);
  const parts = inputs.map((input, i) => {
    const gradient = here[`gradient${i}`];
    expect(gradient?.shape, `the gradient of ${input.name}`).toEqual(input.shape);
    return dot(gradient!.data, direction[i]!);
  });
  const h = 1e-5;
  const byDifference = (dot(run(h)['y']!.data, c) - dot(run(-h)['y']!.data, c)) / (2 * h);
  return { byRule: parts.reduce((a, b) => a + b, 0), byDifference, scale: parts.reduce((a, b) => a + Math.abs(b), 1) };
}

describe('gradient rules', () => {
  it('exist for every operator, as a rule or as null', () => {
    expect(Object.keys(vjps).sort()).toEqual([...ops].sort());
  });

  it('are each tried by at least one row', () => {
    const untried = ops.filter((name) => vjps[name] !== null && (operatorRows[name]?.length ?? 0) === 0);
    expect(untried).toEqual([]);
  });

  it('are tried by rows that do apply the operator', () => {
    for (const [name, rows] of Object.entries(operatorRows)) {
      const applied = rows.some((row) => build(row).graph.nodes.some((node) => node.op === name));
      expect(applied, name).toBe(true);
    }
  });

  for (const [name, rows] of Object.entries(operatorRows)) {
    for (const row of rows) {
      it(`${name} agrees with finite differences: ${row.name}`, () => {
        for (let seed = 1; seed <= 4; seed++) {
          const { byRule, byDifference, scale } = slopes(row, seed);
          expect(Math.abs(byRule - byDifference) / scale).toBeLessThan(1e-7);
        }
      });
    }
  }

  it('refuse to pass through an operator that has none', () => {
    const graph = new Graph('g');
    const x = graph.input('x', [2, 3]);
    const y = op.reduceMax(x, [1]);
    expect(() => gradients([{ value: y, gradient: y }], [x])).toThrow('ReduceMax has no gradient rule');
  });

  it('give half to each side of a tie between a minimum or maximum', () => {
    for (const f of [op.minimum, op.maximum]) {
      const { graph } = build({ name: '', shapes: [[2], [2]], build: ([a, b]) => f(a!, b!) });
      const results = evaluate(graph, { x0: [1, 2], x1: [1, 5], c: [1, 1] });
      const [first, second] = [results['gradient0']!.data[0], results['gradient1']!.data[0]];
      expect([first, second]).toEqual([0.5, 0.5]);
    }
  });
});

describe('gradients', () => {
  const count = (graph: Graph, name: Op): number => graph.nodes.filter((node) => node.op === name).length;

  it('cost nothing for what is frozen', () => {
    const graph = new Graph('g');
    const [x, w, v] = [graph.input('x', [4, 3]), graph.input('w', [3, 3]), graph.input('v', [3, 3])];
    const y = op.gemm(op.gemm(x, w), v);
    const before = count(graph, 'Gemm');
    gradients([{ value: y, gradient: graph.input('c', [4, 3]) }], [v]);
    expect(count(graph, 'Gemm') - before).toBe(1);
  });

  it('of a value that several operators read are added up', () => {
    const graph = new Graph('g');
    const x = graph.input('x', [2]);
    const y = op.add(op.mul(x, x), op.mul(x, 3));
    graph.output('gradient', gradients([{ value: y, gradient: graph.input('c', [2]) }], [x])[0]!);
    expect([...evaluate(graph, { x: [2, -1], c: [1, 10] })['gradient']!.data]).toEqual([7, 10]);
  });

  it('of several seeds are added up, and what no seed reaches has none', () => {
    const graph = new Graph('g');
    const [x, other] = [graph.input('x', [2]), graph.input('other', [2])];
    const c = graph.input('c', [2]);
    const [gradient, none] = gradients([{ value: op.mul(x, 2), gradient: c }, { value: op.mul(x, 5), gradient: c }], [x, other]);
    expect(none).toBeUndefined();
    graph.output('gradient', gradient!);
    expect([...evaluate(graph, { x: [0, 0], other: [0, 0], c: [1, 1] })['gradient']!.data]).toEqual([7, 7]);
  });

  it('have the shape of what they belong to after every kind of broadcasting', () => {
    for (const rows of Object.values(operatorRows)) for (const row of rows) {
      const { graph, inputs } = build(row);
      inputs.forEach((input, i) => expect(graph.outputs.find(({ name }) => name === `gradient${i}`)?.value.shape, row.name).toEqual(input.shape));
    }
  });
});
