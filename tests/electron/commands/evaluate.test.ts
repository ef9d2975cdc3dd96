/** `loupe evaluate` with an adapter: what is asked is the base with it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '#electron/commands/evaluate.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { saveAdapter } from '#models/weights/peft.ts';
import { writeTinyIndex } from '#tests/support/tinyTraining.ts';
import type { EvaluationLine } from '#training/evaluate.ts';

const base = 'models/weights/loupe-base';
const layer = 'model.layers.3.mlp.down_proj.weight';
const folder = mkdtempSync(join(tmpdir(), 'loupe-evaluate-'));
let index: string;
beforeAll(() => {
  index = writeTinyIndex(2);
});
afterAll(() => {
  for (const path of [folder, dirname(index)]) rmSync(path, { recursive: true, force: true });
});

/** An adapter of one layer; `strength` 0 leaves it as it is. */
function adapterOf(strength: number, name = layer): string {
  const [out, width] = openCheckpoint(base).tensors.get(layer)!.shape as [number, number];
  const path = join(folder, `${name}-${strength}`);
  saveAdapter(path, { rank: 1, alpha: 1, pairs: new Map([[name, { a: new Float32Array(width).fill(strength), b: new Float32Array(out).fill(strength) }]]) });
  return path;
}

async function answers(adapter?: string): Promise<readonly string[]> {
  const records = join(folder, 'records.jsonl');
  await command.run({
    positionals: [], values: { model: base, cases: [index], max: '1', 'max-new-tokens': '12', records, ...(adapter === undefined ? {} : { adapter }) },
    json: true, signal: new AbortController().signal, print: () => undefined, progress: () => undefined,
  });
  return readFileSync(records, 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as EvaluationLine).text);
}

test('an adapter is put upon the model for as long as it is asked', async () => {
  const plain = await answers();
  expect(plain.length).toBeGreaterThan(0);
  expect(await answers(adapterOf(0))).toEqual(plain);
  expect(await answers(adapterOf(3))).not.toEqual(plain);
  expect(await answers()).toEqual(plain);
});

test('an adapter for another network is refused', async () => {
  await expect(answers(adapterOf(0, 'model.layers.77.mlp.down_proj.weight'))).rejects.toMatchObject({ code: expect.stringMatching(/^adapter\./) });
});
