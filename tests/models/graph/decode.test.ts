import { describe, expect, it } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { decodeModel } from '#models/graph/decode.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { printGraph } from '#models/graph/print.ts';
import { gradients } from '#training/autodiff/gradient.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { operatorRows } from '#tests/support/operatorRows.ts';

/** Every operator that has rows, and their gradients, in one graph. */
function everything(): Graph {
  const graph = new Graph('everything', { fused: true });
  Object.values(operatorRows).flat().forEach((row, r) => {
    const inputs = row.shapes.map((shape, i) => graph.input(`x${r}.${i}`, shape));
    const y = row.build(inputs);
    graph.output(`y${r}`, y);
    gradients([{ value: y, gradient: graph.input(`c${r}`, y.shape) }], inputs).forEach((gradient, i) => gradient && graph.output(`g${r}.${i}`, gradient));
  });
  const x = graph.input('scores', [2, 5]);
  graph.output('best', op.argMax(x));
  const [values, indices] = op.topK(x, 3);
  graph.output('values', values);
  graph.output('indices', indices);
  graph.output('top', op.reduceMax(x, [1]));
  return graph;
}

const small = (): Graph => {
  const graph = new Graph('small');
  const x = graph.input('x', [2, 3]);
  const w = graph.external('w', [4, 3], 'float32', { location: 'model.safetensors', offset: 123, length: 48 });
  graph.output('y', op.softmax(op.add(op.gemm(x, w, null, { transB: true }), graph.constant(Float32Array.of(1, 2, 3, 4), [4]))));
  return graph;
};

/** A message with one length-delimited field after another. */
const message = (...fields: readonly (readonly [number, Uint8Array | string | number])[]): Uint8Array => Uint8Array.from(fields.flatMap(([field, value]) => {
  if (typeof value === 'number') return [field << 3, ...varint(value)];
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return [(field << 3) | 2, ...varint(bytes.length), ...bytes];
}));
const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]);
const model = (graph: Uint8Array, opset = 18): Uint8Array => message([1, 8], [7, graph], [8, message([1, ''], [2, opset])]);
const inputOf = (name: string, ...shape: number[]): Uint8Array =>
  message([1, name], [2, message([1, message([1, 1], [2, message(...shape.map((size) => [1, message([1, size])] as const))])])]);
const faultOf = (bytes: Uint8Array): string => {
  try {
    decodeModel(bytes);
  } catch (error) {
    if (error instanceof Fault) return `${error.code}: ${error.why}`;
    throw error;
  }
  return 'none';
};

describe('decodeModel', () => {
  it('reads back what encodeModel wrote, byte for byte', () => {
    for (const graph of [small(), everything()]) {
      const bytes = encodeModel(graph);
      expect(Buffer.compare(encodeModel(decodeModel(bytes)), bytes)).toBe(0);
    }
  });

  it('gives a graph with the same listing and the same results', () => {
    const graph = new Graph('g');
    const x = graph.input('x', [2, 3]);
    graph.output('y', op.softmax(op.mul(x, 3)));
    const back = decodeModel(encodeModel(graph));
    expect(printGraph(back)).toBe(printGraph(graph));
    expect(evaluate(back, { x: [1, 2, 3, 4, 5, 6] })).toEqual(evaluate(graph, { x: [1, 2, 3, 4, 5, 6] }));
  });

  it('keeps where weights lie in their file', () => {
    const externals = [...decodeModel(encodeModel(small())).externals].map(([value, place]) => [value.name, place]);
    expect(externals).toEqual([['w', { location: 'model.safetensors', offset: 123, length: 48 }]]);
  });

  it('lets a graph be built on', () => {
    const graph = decodeModel(encodeModel(small()));
    graph.output('twice', op.mul(graph.outputs[0]!.value, 2));
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'twice']);
  });

  it('reads a graph whose outputs are named by the operators that make them', () => {
    const node = message([1, 'x'], [2, 'y'], [4, 'Exp']);
    const graph = decodeModel(model(message([1, node], [2, 'plain'], [11, inputOf('x', 2)], [12, inputOf('y', 2)])));
    expect(graph.outputs.map(({ name, value }) => [name, value.shape])).toEqual([['y', [2]]]);
    expect([...evaluate(graph, { x: [0, 1] })['y']!.data]).toEqual([1, Math.E]);
  });

  it('refuses what is damaged, and says how', () => {
    const bytes = encodeModel(small());
    expect(faultOf(new Uint8Array())).toContain('onnx.damaged: It holds no graph');
    expect(faultOf(bytes.subarray(0, bytes.length - 20))).toContain('onnx.');
    expect(faultOf(Uint8Array.of(8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))).toContain('longer than ten bytes');
    expect(faultOf(Uint8Array.of(58, 200, 1, 0))).toContain('A field of 200 bytes begins 1 bytes before the end');
    expect(faultOf(model(message([1, message([1, 'x'], [2, 'y'], [4, 'Exp'])], [12, inputOf('y', 1)])))).toContain('"x" is read before it is made');
    expect(faultOf(model(message([11, inputOf('x', 1)], [11, inputOf('x', 1)])))).toContain('taken');
    expect(faultOf(model(message([5, message([1, 3], [2, 1], [8, 'c'], [9, Uint8Array.of(1, 2, 3, 4)])])))).toContain('4 bytes instead of 12');
    const gemm = message([1, 'x'], [1, 'x'], [2, 'y'], [4, 'Gemm']);
    expect(faultOf(model(message([1, gemm], [11, inputOf('x', 2, 3)], [12, inputOf('y', 1)])))).toContain('the inner sizes 3 and 2 differ');
  });

  it('refuses what it does not know rather than guess', () => {
    expect(faultOf(model(message([1, message([1, 'x'], [2, 'y'], [4, 'Loop'])], [11, inputOf('x', 1)], [12, inputOf('y', 1)])))).toContain('onnx.unsupported: The operator "Loop"');
    expect(faultOf(model(message([11, inputOf('x', 1)]), 21))).toContain('of set 21, not 18');
    expect(faultOf(model(message([11, inputOf('x', ...new Array<number>(17).fill(1))])))).toContain('more than 16 axes');
  });

  it('does not let axes multiply', () => {
    const indices = message([1, 1], [1, 1], [1, 1], [1, 1], [1, 1], [1, 1], [1, 1], [1, 1], [2, 7], [8, 'i'], [9, new Uint8Array(8)]);
    const nodes = ['a', 'b', 'c', 'd'].map((name, k) => [1, message([1, k === 0 ? 'i' : 'abcd'[k - 1]!], [1, 'i'], [2, name], [4, 'Gather'])] as const);
    expect(faultOf(model(message([5, indices], ...nodes, [12, inputOf('d', 1)])))).toContain('Gather makes a tensor of');
  });

  it('does not let few bytes become many objects', () => {
    const empty = new Uint8Array(2 * 1_000_001);
    for (let i = 0; i < empty.length; i += 2) empty[i] = 10;
    expect(faultOf(model(empty))).toContain('more than 1000000 parts');
  });

  it('answers every cut and every flipped byte with a graph or a Fault', () => {
    const bytes = encodeModel(small());
    for (let end = 0; end < bytes.length; end++) expect(faultOf(bytes.subarray(0, end))).toMatch(/^(onnx\.|none)/);
    const random = new Random(3);
    for (let i = 0; i < 3000; i++) {
      const copy = bytes.slice();
      for (let flips = 1 + random.below(3); flips > 0; flips--) copy[random.below(copy.length)]! ^= 1 << random.below(8);
      expect(faultOf(copy)).toMatch(/^(onnx\.|none)/);
    }
  });
});
