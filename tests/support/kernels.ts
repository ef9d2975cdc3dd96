/** Every row of operators and its gradients in one graph, so that one session on a device tries them all. */
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph, type Value } from '#models/graph/graph.ts';
import { createSession, float32, floats, type Device, type Tensor } from '#models/runtime/session.ts';
import { gradients } from '#training/autodiff/gradient.ts';
import { evaluate } from './interpreter.ts';
import type { OperatorRow } from './operatorRows.ts';

/** The largest difference of each output of each row from the interpreter's, relative to the largest value of that output (or to 1). */
export async function kernelErrors(rows: readonly OperatorRow[], { device = 'cpu', fused = false, threads = 2 }: { device?: Device; fused?: boolean; threads?: number } = {}): Promise<ReadonlyMap<string, number>> {
  const graph = new Graph('kernels', { fused });
  const random = new Random(5);
  const feeds: Record<string, Tensor> = {};
  const feed = (name: string, shape: readonly number[], positive: boolean): Value => {
    const size = shape.reduce((a, b) => a * b, 1);
    feeds[name] = float32(shape, Float32Array.from({ length: size }, () => (positive ? random.between(0.5, 2) : random.normal())));
    return graph.input(name, shape);
  };
  rows.forEach((row, r) => {
    const inputs = row.shapes.map((shape, i) => feed(`row${r}.x${i}`, shape, row.positive === true));
    const y = row.build(inputs);
    graph.output(`row${r}.y`, y);
    gradients([{ value: y, gradient: feed(`row${r}.c`, y.shape, false) }], inputs)
      .forEach((gradient, i) => gradient && graph.output(`row${r}.gradient${i}`, gradient));
  });
  const wanted = evaluate(graph, Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, data])));
  const session = await createSession(encodeModel(graph), { device, threads });
  try {
    const outputs = await session.run(feeds);
    return new Map(graph.outputs.map(({ name }) => {
      const actual = floats(outputs, name);
      const { data } = wanted[name]!;
      const scale = data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - actual[i]!)), actual.length === data.length ? 0 : Infinity);
      return [`${rows[Number(/^row(\d+)/.exec(name)![1])]!.name}: ${name.replace(/^row\d+\./, '')}`, worst / scale] as const;
    }));
  } finally {
    await session.release();
  }
}
