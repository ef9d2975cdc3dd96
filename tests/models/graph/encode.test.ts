import { describe, expect, it } from 'vitest';
import { encodeModel, reachable } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { createSession, float32, floats } from '#models/runtime/session.ts';

const includes = (bytes: Uint8Array, text: string): boolean => Buffer.from(bytes).includes(text);

describe('encodeModel', () => {
  it('leaves out what no output depends on', () => {
    const graph = new Graph('g');
    const x = graph.input('x', [2]);
    const used = op.exp(x);
    op.mul(op.tanh(x), graph.constant(Float32Array.of(7, 7), [2], 'unused'));
    graph.output('y', used);
    expect(reachable(graph).has(used)).toBe(true);
    const bytes = encodeModel(graph);
    expect(['Exp', 'Tanh', 'unused'].map((text) => includes(bytes, text))).toEqual([true, false, false]);
  });

  it('writes negative, large and fractional attributes and names outside ASCII as the runtime reads them', async () => {
    const graph = new Graph('Lösung');
    const x = graph.input('größe', [1, 3]);
    const y = x.graph.apply('Softmax', [x], [{ shape: [1, 3], dtype: 'float32' }], { axis: -1 })[0]!;
    graph.output('μ', graph.apply('QuickGelu', [y], [{ shape: [1, 3], dtype: 'float32' }], { alpha: 0.3 })[0]!);
    const session = await createSession(encodeModel(graph), { threads: 1 });
    const output = floats(await session.run({ größe: float32([1, 3], Float32Array.of(0, Math.log(2), Math.log(5))) }), 'μ');
    await session.release();
    [1, 2, 5].forEach((weight, i) => expect(output[i]).toBeCloseTo((weight / 8) / (1 + Math.exp(-0.3 * (weight / 8))), 6));
  });

  it('writes constants of any size without changing them', async () => {
    const graph = new Graph('g');
    const data = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i));
    const x = graph.input('x', []);
    graph.output('y', op.add(graph.constant(data, [5000]), x));
    graph.output('z', op.add(graph.constant(data.subarray(10, 13), [3]), x));
    const session = await createSession(encodeModel(graph), { threads: 1 });
    const outputs = await session.run({ x: float32([], Float32Array.of(0)) });
    await session.release();
    expect(floats(outputs, 'y')).toEqual(data);
    expect(floats(outputs, 'z')).toEqual(data.slice(10, 13));
  });

  it('gives the same bytes for the same graph', () => {
    const build = (): Uint8Array => {
      const graph = new Graph('g');
      const x = graph.input('x', [3, 2]);
      graph.output('y', op.matMul(x, op.swap(x)));
      return encodeModel(graph);
    };
    expect(build()).toEqual(build());
  });
});
