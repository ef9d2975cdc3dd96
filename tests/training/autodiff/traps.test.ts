/** What the runtime does that a training graph must not rely on. */

import { expect, it } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { createSession, float32, floats } from '#models/runtime/session.ts';

it('arrays on SharedArrayBuffers are refused with a fault, not read', async () => {
  const graph = new Graph('g');
  graph.output('y', op.exp(graph.input('x', [4])));
  const session = await createSession(encodeModel(graph), { threads: 1 });
  try {
    await expect(session.run({ x: float32([4], new Float32Array(new SharedArrayBuffer(16))) })).rejects.toThrow(Fault);
  } finally {
    await session.release();
  }
});

it('weights with equal elements stay two weights, each with its own product', async () => {
  const graph = new Graph('g');
  const weight = new Float32Array(64 * 64).fill(0.5);
  const x = graph.input('x', [8, 64]);
  const [a, b] = [graph.constant(weight, [64, 64]), graph.constant(weight.slice(), [64, 64])];
  graph.output('y', op.sub(op.gemm(op.gemm(x, a, null, { transB: true }), b, null, { transB: true }), op.gemm(x, b, null, { transB: true })));
  const session = await createSession(encodeModel(graph), { threads: 2 });
  try {
    const y = floats(await session.run({ x: float32([8, 64], new Float32Array(512).fill(1)) }), 'y');
    expect(y.every((value) => value === 64 * 32 * 0.5 - 32)).toBe(true);
  } finally {
    await session.release();
  }
});
