/** Adapters added up: the sum changes a base exactly as its parts do, and a smaller rank keeps what is largest. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { openCheckpoint, saveCheckpoint } from '#models/weights/checkpoint.ts';
import { mergedTensor, openAdapter, saveAdapter } from '#models/weights/peft.ts';
import { readTensor } from '#models/weights/safetensors.ts';
import { UsageError } from '#electron/commands/command.ts';
import { command } from '#electron/commands/combine.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { lowRank } from '#training/combine.ts';
import { checkLineage, lineageOf, recordLineage } from '#training/lineage.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import { train } from '#training/trainer.ts';

const root = mkdtempSync(join(tmpdir(), 'loupe-combine-'));
const [base, one, two, tuned] = ['base', 'one', 'two', 'tuned'].map((name) => join(root, name)) as [string, string, string, string];
afterAll(() => rmSync(root, { recursive: true }));

const random = new Random(5);
const normal = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
const q = 'model.layers.0.self_attn.q_proj.weight';
const k = 'model.layers.0.self_attn.k_proj.weight';
const shapeOf = (name: string): [number, number] => openCheckpoint(base).tensors.get(name)!.shape as [number, number];
const pairOf = (name: string, rank: number) => ({ a: normal(rank * shapeOf(name)[1]), b: normal(shapeOf(name)[0] * rank) });

beforeAll(async () => {
  const records = await casesOf([writeTinyIndex()], { splits: ['train'] });
  const recipe = { ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, steps: 1 }] };
  await train({ recipe, records, run: join(root, 'run'), parts: partsOf(recipe, records) });
  const made = openCheckpoint(join(root, 'run', 'final'));
  const tensors = [...made.tensors].map(([name, entry]) => ({ name, shape: entry.shape, data: readTensor(entry) }));
  saveCheckpoint(base, made, tensors, 'F32');
  saveAdapter(one, { rank: 2, alpha: 6, pairs: new Map([[q, pairOf(q, 2)], [k, pairOf(k, 2)]]) });
  saveAdapter(two, { rank: 3, alpha: 3, pairs: new Map([[q, pairOf(q, 3)]]) });
  for (const tensor of tensors) if (tensor.name === q || tensor.name.endsWith('norm.weight')) tensor.data[1]! += 0.25;
  saveCheckpoint(tuned, made, tensors, 'F32');
});

async function combine(name: string, parts: readonly string[], values: Readonly<Record<string, string | string[]>> = {}): Promise<{ adapter: string; rank: number; lost: number }> {
  let printed: unknown = null;
  await command.run({
    positionals: parts, values: { base, out: join(root, name), ...values }, json: true, signal: new AbortController().signal, progress: () => undefined,
    print: (value) => {
      printed = value;
    },
  });
  return printed as { adapter: string; rank: number; lost: number };
}

const changeOf = (adapter: string, name: string): Float32Array => {
  const own = readTensor(openCheckpoint(base).tensors.get(name)!);
  return mergedTensor(openCheckpoint(base), openAdapter(adapter), name).map((value, i) => value - own[i]!);
};
const distance = (x: Float32Array, y: Float32Array): number => Math.max(...x.map((value, i) => Math.abs(value - y[i]!)));

test('the sum changes every weight by the weighted changes of its parts, also where only one has a part in it', async () => {
  const { rank, lost } = await combine('sum', [one, two], { weight: ['0.5', '-2'] });
  expect([rank, lost]).toEqual([5, 0]);
  const [x, y] = [changeOf(one, q), changeOf(two, q)];
  expect(distance(changeOf(join(root, 'sum'), q), x.map((value, i) => 0.5 * value - 2 * y[i]!))).toBeLessThan(1e-5);
  expect(distance(changeOf(join(root, 'sum'), k), changeOf(one, k).map((value) => 0.5 * value))).toBeLessThan(1e-5);
});

test('without weights the mean is taken, and a rank that suffices loses nothing', async () => {
  const { rank, lost } = await combine('mean', [one, two], { rank: '5' });
  expect(rank).toBe(5);
  expect(lost).toBeLessThan(1e-9);
  const [x, y] = [changeOf(one, q), changeOf(two, q)];
  expect(distance(changeOf(join(root, 'mean'), q), x.map((value, i) => (value + y[i]!) / 2))).toBeLessThan(1e-4);
});

test('a smaller rank loses what it says, and is as near as any of that rank can be', () => {
  for (const [rows, columns] of [[7, 4], [4, 7]] as const) {
    const matrix = normal(rows * columns);
    const { a, b, squares } = lowRank(matrix, rows, columns, 2);
    const rest = matrix.map((value, at) => value - [0, 1].reduce((sum, r) => sum + b[Math.floor(at / columns) * 2 + r]! * a[r * columns + (at % columns)]!, 0));
    const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
    expect(squares.reduce((sum, value) => sum + value, 0)).toBeCloseTo(square(matrix), 4);
    expect(square(rest)).toBeCloseTo(squares[2]! + squares[3]!, 4);
  }
});

test('a checkpoint takes part by what it differs from the base, tensors that are no matrices as a whole', async () => {
  await expect(combine('whole', [tuned])).rejects.toMatchObject({ code: 'combine.rank' });
  const { lost } = await combine('difference', [tuned], { rank: '1' });
  expect(lost).toBeLessThan(1e-9);
  for (const name of openCheckpoint(base).tensors.keys()) {
    expect(distance(mergedTensor(openCheckpoint(base), openAdapter(join(root, 'difference')), name), readTensor(openCheckpoint(tuned).tensors.get(name)!)), name).toBeLessThan(1e-5);
  }
});

test('the lineage names every part, and a changed part is found out', async () => {
  const zeros = '0'.repeat(64);
  recordLineage(one, { recipe: { name: 'r', sha256: zeros }, data: { snapshot: zeros, cases: 1 }, step: 1, seed: 1, tokenizer: zeros }, lineageOf(base));
  await combine('told', [one, two], { weight: ['1', '0.5'] });
  const told = join(root, 'told');
  expect(checkLineage(told, { parentFolder: base })).toEqual([]);
  expect(lineageOf(told).parts!.map(({ weight, lineage }) => [weight, lineage.name, lineage.run?.recipe.name ?? null])).toEqual([[1, 'one', 'r'], [0.5, 'two', null]]);
  const path = join(told, 'lineage.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"cases": 1', '"cases": 2'));
  expect(checkLineage(told).map(({ code }) => code)).toEqual(['lineage.damaged']);
});

test('wrong words and places are refused', async () => {
  await expect(combine('x', [])).rejects.toThrow(UsageError);
  await expect(combine('x', [one], { weight: ['1', '2'] })).rejects.toThrow(UsageError);
  await expect(combine('one', [two])).rejects.toMatchObject({ code: 'combine.folder' });
  await expect(combine('x', [join(root, 'difference'), one])).rejects.toMatchObject({ code: 'combine.replaced' });
});
