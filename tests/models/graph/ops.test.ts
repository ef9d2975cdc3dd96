import { describe, expect, it } from 'vitest';
import { Graph, ShapeError, type Value } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { kernelErrors } from '#tests/support/kernels.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { operatorRows } from '#tests/support/operatorRows.ts';

const all = Object.values(operatorRows).flat();

describe('operators on the CPU', () => {
  it('and their gradients compute what a plain float64 evaluation of the same graph does', async () => {
    const errors = await kernelErrors(all.filter(({ fused }) => !fused));
    expect(errors.size).toBeGreaterThan(200);
    expect([...errors].filter(([, error]) => !(error < 2e-6))).toEqual([]);
  });

  it('do so in graphs of fused operators as well', async () => {
    expect([...await kernelErrors(all, { fused: true })].filter(([, error]) => !(error < 2e-6))).toEqual([]);
  });
});

describe('shapes', () => {
  const input = (...shape: number[]): Value => new Graph('g').input('x', shape);
  const pair = (a: number[], b: number[]): [Value, Value] => {
    const graph = new Graph('g');
    return [graph.input('a', a), graph.input('b', b)];
  };

  it('follow numpy where operands broadcast', () => {
    expect(op.broadcastShape([2, 1, 4], [3, 1])).toEqual([2, 3, 4]);
    expect(op.broadcastShape([], [5])).toEqual([5]);
    expect(op.add(...pair([4, 1], [3])).shape).toEqual([4, 3]);
  });

  it('that do not fit are refused where the operator is applied, with both shapes in the message', () => {
    expect(() => op.add(...pair([2, 3], [2]))).toThrow('[2,3] and [2] do not broadcast');
    expect(() => op.matMul(...pair([2, 3], [2, 3]))).toThrow('a is [2,3] and b is [2,3], so 3 would have to equal 2');
    expect(() => op.gemm(...pair([2, 3], [4, 5]))).toThrow(ShapeError);
    expect(() => op.gemm(...pair([2, 3, 4], [4, 5]))).toThrow('must be matrices');
    expect(() => op.reshape(input(2, 3), [5])).toThrow('cannot become [5]');
    expect(() => op.transpose(input(2, 3), [0, 0])).toThrow('does not order the axes');
    expect(() => op.slice(input(2, 3), 1, 2, 4)).toThrow('[2, 4) does not lie in axis 1');
    expect(() => op.split(input(2, 5), [2, 2], 1)).toThrow('do not add up to axis 1');
    expect(() => op.concat(pair([2, 3], [3, 3]), 1)).toThrow('does not join');
    expect(() => op.softmax(input(2), 1)).toThrow('has no axis 1');
    expect(() => op.rotary(input(3, 2, 4), input(3, 2), input(3, 4))).toThrow('half its width');
  });

  it('of different element types do not mix', () => {
    const graph = new Graph('g');
    expect(() => op.add(graph.input('x', [2]), graph.input('i', [2], 'int64'))).toThrow('x is float32 and i is int64');
  });

  it('of different graphs do not mix', () => {
    expect(() => op.add(input(2), input(2))).toThrow('belongs to the graph');
  });
});

describe('transpose', () => {
  it('becomes a reshape where only axes of size 1 move', () => {
    const graph = new Graph('g');
    const x = graph.input('x', [2, 1, 3]);
    expect(op.transpose(x, [1, 0, 2]).node!.op).toBe('Reshape');
    expect(op.transpose(x, [0, 2, 1]).node!.op).toBe('Reshape');
    expect(op.transpose(x, [2, 1, 0]).node!.op).toBe('Transpose');
    expect(op.transpose(x, [0, 1, 2])).toBe(x);
  });
});

describe('fused graphs', () => {
  it('compute the same as portable ones, with fewer operators', () => {
    const build = (fused: boolean): Graph => {
      const graph = new Graph('g', { fused });
      const [x, w] = [graph.input('x', [3, 4]), graph.input('w', [2, 4])];
      graph.output('y', op.silu(op.matMul(x, w, { transB: true })));
      return graph;
    };
    const [portable, fused] = [build(false), build(true)];
    expect(fused.nodes.length).toBeLessThan(portable.nodes.length);
    const feeds = { x: Array.from({ length: 12 }, (_, i) => Math.sin(i)), w: Array.from({ length: 8 }, (_, i) => Math.cos(i)) };
    const [a, b] = [evaluate(portable, feeds)['y']!.data, evaluate(fused, feeds)['y']!.data];
    a.forEach((x, i) => expect(b[i]).toBeCloseTo(x, 12));
  });

  it('read a factor transposed by an operator of their own; portable graphs by a transposition', () => {
    for (const fused of [false, true]) {
      const graph = new Graph('g', { fused });
      op.matMul(graph.input('a', [2, 3]), graph.input('b', [4, 3]), { transB: true });
      expect(graph.nodes.map((node) => node.op)).toEqual(fused ? ['FusedMatMul'] : ['Transpose', 'MatMul']);
    }
  });
});
