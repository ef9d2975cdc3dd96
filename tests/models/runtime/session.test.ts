import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { createSession, float32, floats, int64 } from '#models/runtime/session.ts';

const f = (...numbers: number[]): Float32Array => Float32Array.from(numbers);

test('a session computes what its graph says', async () => {
  const graph = new Graph('affine');
  graph.output('y', op.add(op.matMul(graph.input('x', [1, 2]), graph.input('w', [2, 2])), 1));
  const session = await createSession(encodeModel(graph), { threads: 1 });
  const outputs = await session.run({ x: float32([1, 2], f(1, 2)), w: float32([2, 2], f(1, 2, 3, 4)) });
  expect([...floats(outputs, 'y')]).toEqual([8, 11]);
  expect(session.inputs).toEqual(['x', 'w']);
  await session.release();
});

test('only the outputs that are asked for come back', async () => {
  const graph = new Graph('two');
  const x = graph.input('x', [2]);
  graph.output('a', op.add(x, 1));
  graph.output('b', op.mul(x, 2));
  const session = await createSession(encodeModel(graph), { threads: 1 });
  const outputs = await session.run({ x: float32([2], f(1, 2)) }, ['b']);
  expect(Object.keys(outputs)).toEqual(['b']);
  await session.release();
});

test('a session that keeps no memory between runs computes the same, run after run', async () => {
  const graph = new Graph('lean');
  const x = graph.input('x', [64, 64]);
  graph.output('y', op.matMul(op.add(op.matMul(x, x), 1), x));
  const values = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i));
  const [kept, lean] = await Promise.all([true, false].map((arena) => createSession(encodeModel(graph), { threads: 1, arena })));
  const expected = floats(await kept!.run({ x: float32([64, 64], values) }), 'y');
  for (let run = 0; run < 3; run++) expect(floats(await lean!.run({ x: float32([64, 64], values) }), 'y')).toEqual(expected);
  await Promise.all([kept!.release(), lean!.release()]);
});

test('a weight is read from its place inside a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-session-'));
  try {
    const file = new Uint8Array(13 + 8);
    new DataView(file.buffer).setFloat32(13, 1.5, true);
    new DataView(file.buffer).setFloat32(17, -2, true);
    writeFileSync(join(folder, 'weights.bin'), file);
    const graph = new Graph('external');
    graph.output('y', op.mul(graph.input('x', [2]), graph.external('w', [2], 'float32', { location: 'weights.bin', offset: 13, length: 8 })));
    const session = await createSession(encodeModel(graph), { threads: 1, weightsFolder: folder, prepacking: false });
    expect([...floats(await session.run({ x: float32([2], f(2, 3)) }), 'y')]).toEqual([3, -6]);
    await session.release();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a weight file that is missing is a fault, not a crash', async () => {
  const graph = new Graph('missing');
  graph.output('y', op.mul(graph.input('x', [2]), graph.external('w', [2], 'float32', { location: 'absent.bin', offset: 0, length: 8 })));
  await expect(createSession(encodeModel(graph), { weightsFolder: tmpdir() })).rejects.toMatchObject({ code: 'runtime.session' });
});

test('bytes that are no graph are a fault', async () => {
  await expect(createSession(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'runtime.session' });
});

test('a missing input is a fault that names it', async () => {
  const graph = new Graph('input');
  graph.output('y', op.add(graph.input('pixels', [2]), graph.input('bias', [2])));
  const session = await createSession(encodeModel(graph), { threads: 1 });
  await expect(session.run({ pixels: float32([2], f(1, 2)) })).rejects.toThrow(/bias/);
  await session.release();
});

test('a released session refuses to run and may be released twice', async () => {
  const graph = new Graph('gone');
  graph.output('y', op.add(graph.input('x', [1]), 1));
  const session = await createSession(encodeModel(graph), { threads: 1 });
  await session.release();
  await session.release();
  await expect(session.run({ x: float32([1], f(1)) })).rejects.toThrow('released');
});

test('whole numbers become int64', () => expect(int64([3], [1, -2, 3]).data).toEqual(BigInt64Array.of(1n, -2n, 3n)));
