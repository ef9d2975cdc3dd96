import { describe, expect, it } from 'vitest';
import { Graph, ShapeError } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';

describe('a graph', () => {
  it('has one namespace for inputs, weights, constants, results and outputs', () => {
    const graph = new Graph('g');
    const x = graph.input('mask', [2]);
    expect(() => graph.input('mask', [2])).toThrow('the name mask is taken');
    expect(() => graph.external('mask', [2], 'float32', { location: 'w', offset: 0, length: 8 })).toThrow('taken');
    expect(() => graph.constant(Float32Array.of(1), [1], 'c', 'mask')).toThrow('taken');
    expect(() => graph.output('mask', op.exp(x))).toThrow('taken');
  });

  it('finds free names for what it makes itself', () => {
    const graph = new Graph('g');
    const x = graph.input('Exp_2', [2]);
    const y = op.exp(x);
    const z = op.exp(y);
    expect(new Set([x.name, y.name, z.name]).size).toBe(3);
  });

  it('makes each scalar and each list of integers once', () => {
    const graph = new Graph('g');
    expect(graph.scalar(0.5)).toBe(graph.scalar(0.5));
    expect(graph.integers([1, 2])).toBe(graph.integers([1, 2]));
    expect(graph.scalar(0)).not.toBe(graph.scalar(1));
  });

  it('refuses a constant that does not fill its shape, and a shape that is none', () => {
    const graph = new Graph('g');
    expect(() => graph.constant(new Float32Array(3), [2, 2])).toThrow(ShapeError);
    expect(() => graph.input('x', [2, -1])).toThrow('is not a shape');
    expect(() => graph.input('z', [1.5])).toThrow('is not a shape');
  });
});
