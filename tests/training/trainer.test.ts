import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Fault } from '#models/base/fault.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { mergedTensor, openAdapter } from '#models/weights/peft.ts';
import { readTensor } from '#models/weights/safetensors.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Recipe } from '#training/records/recipe.ts';
import type { StepRecord } from '#training/records/run.ts';
import { train } from '#training/trainer.ts';

let records: readonly CaseRecord[];
beforeAll(async () => {
  records = await casesOf([writeTinyIndex()], {});
});

const newRun = (): string => join(mkdtempSync(join(tmpdir(), 'loupe-run-')), 'run');
const run = (recipe: Recipe, folder: string, options: { until?: number; resume?: boolean } = {}): Promise<number> => train({ recipe, records, run: folder, parts: partsOf(recipe, records), ...options });
const hashOf = (folder: string): string => createHash('sha256').update(readFileSync(join(folder, 'final', 'model.safetensors'))).digest('hex');
const metrics = (folder: string): StepRecord[] => readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as StepRecord);

test('a run that was stopped and resumed gives the same bytes as one that was not', async () => {
  const [whole, parted] = [newRun(), newRun()];
  await run(tinyRecipe, whole);
  await run(tinyRecipe, parted, { until: 2 });
  expect(await run(tinyRecipe, parted, { resume: true })).toBe(4);
  expect(hashOf(parted)).toBe(hashOf(whole));
  expect(metrics(parted).map(({ step, loss }) => [step, loss])).toEqual(metrics(whole).map(({ step, loss }) => [step, loss]));
});

test('runs of one seed begin alike, and their manifests say so by a hash of what is trained', async () => {
  const begun = async (seed: number): Promise<unknown> => {
    const folder = newRun();
    await train({ recipe: { ...tinyRecipe, seed }, records, run: folder, parts: partsOf({ ...tinyRecipe, seed }, records), until: 0, isTrial: true });
    return (JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { start: unknown }).start;
  };
  const first = await begun(3);
  expect(first).toMatchObject({ tensors: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(await begun(3)).toEqual(first);
  expect(await begun(4)).not.toEqual(first);
});

test('the loss falls on a task that can be learnt', async () => {
  const folder = newRun();
  await run({ ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, steps: 40 }], checkpointEvery: 100 }, folder);
  const losses = metrics(folder).map(({ loss }) => loss);
  const average = (part: readonly number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
  expect(average(losses.slice(-5))).toBeLessThan(0.5 * average(losses.slice(0, 5)));
});

test('batches that are added up weigh as one: two halves give the gradient of their mean', async () => {
  const folder = newRun();
  await run({ ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, steps: 1, accumulate: 2 }] }, folder);
  expect(metrics(folder)[0]!.images).toBe(8);
});

test('what the pattern leaves out stays as it was', async () => {
  const first = newRun();
  await run(tinyRecipe, first, { until: 1 });
  const start = { folder: join(first, 'final') };
  const second = newRun();
  await run({ ...tinyRecipe, start, trained: '^visual\\.merger\\.' }, second, { until: 2 });
  const [before, after] = [openCheckpoint(start.folder).tensors, openCheckpoint(join(second, 'final')).tensors];
  const changed = [...before.keys()].filter((name) => {
    const trained = readTensor(after.get(name)!);
    return readTensor(before.get(name)!).some((value, i) => value !== trained[i]);
  });
  expect(changed.length).toBeGreaterThan(0);
  expect(changed.filter((name) => !name.startsWith('visual.merger.'))).toEqual([]);
});

test('an adapter run leaves the base alone and writes a folder that PEFT reads', async () => {
  const first = newRun();
  await run(tinyRecipe, first, { until: 1 });
  const start = { folder: join(first, 'final') };
  const second = newRun();
  await run({ ...tinyRecipe, start, trained: 'self_attn\\.[qv]_proj$', adapter: { rank: 4, alpha: 8 } }, second);
  const base = openCheckpoint(start.folder);
  const adapter = openAdapter(join(second, 'final'));
  expect([...adapter.pairs.keys()].sort()).toEqual([0, 1].flatMap((layer) => ['q', 'v'].map((which) => `model.layers.${layer}.self_attn.${which}_proj.weight`)).sort());
  const name = 'model.layers.1.self_attn.v_proj.weight';
  const before = readTensor(base.tensors.get(name)!);
  expect(mergedTensor(base, adapter, name).some((value, i) => value !== before[i])).toBe(true);
});

test('the tower learns from labels alone, and the layer that helped it is not shipped', async () => {
  const folder = newRun();
  const stage = { ...tinyRecipe.stages[0]!, learns: 'classify' as const, steps: 40, mix: 0.2, smoothing: 0.1 };
  await run({ ...tinyRecipe, stages: [stage, { ...tinyRecipe.stages[0]!, steps: 1 }], checkpointEvery: 100 }, folder);
  const losses = metrics(folder).filter(({ stage: at }) => at === 0).map(({ loss }) => loss);
  expect(Math.min(...losses.slice(-10))).toBeLessThan(0.8 * losses[0]!);
  expect([...openCheckpoint(join(folder, 'final')).tensors.keys()].filter((name) => name.startsWith('classifier'))).toEqual([]);
});

test('places and labels are learnt beside the answers, and their layers are not shipped', async () => {
  const folder = newRun();
  const stage = { ...tinyRecipe.stages[0]!, steps: 40, cells: 0.5, labels: 0.5 };
  await run({ ...tinyRecipe, stages: [stage], checkpointEvery: 100 }, folder);
  const losses = metrics(folder);
  for (const which of ['cells_loss', 'labels_loss'] as const) {
    const mean = (some: typeof losses): number => some.reduce((total, line) => total + line[which]!, 0) / some.length;
    expect(mean(losses.slice(-8)), which).toBeLessThan(0.9 * mean(losses.slice(0, 4)));
  }
  expect([...openCheckpoint(join(folder, 'final')).tensors.keys()].filter((name) => /^(cells|classifier)\./.test(name))).toEqual([]);
});

test('synthetic images join a stage that asks for them', async () => {
  const folder = newRun();
  const stage = { ...tinyRecipe.stages[0]!, steps: 1, phantoms: 2, setWeights: { us_breast_busi: 0 } };
  // With the cases' own set left out, there is nothing to draw but the synthetic ones.
  expect(await run({ ...tinyRecipe, stages: [stage] }, folder)).toBe(1);
  expect(metrics(folder)[0]!.images).toBe(4);
});

test('a disk that fills up ends the run with a clear fault and leaves no half checkpoint', async () => {
  const folder = newRun();
  const index = writeTinyIndex();
  const recipe = join(mkdtempSync(join(tmpdir(), 'loupe-recipe-')), 'tiny.json');
  writeFileSync(recipe, JSON.stringify(tinyRecipe));
  spawnSync('node', ['electron/loupe.mjs', '--help']);
  // Files of this process may grow to 40 blocks of 1024 bytes: the metrics fit, a checkpoint does not.
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `ulimit -f 40; exec node electron/loupe.mjs train ${recipe} --data ${index} --out ${folder} --json`], { encoding: 'utf8', env: { ...process.env, LOUPE_DATA: join(folder, '..', 'data') } });
  expect(status, stderr).toBe(1);
  expect((JSON.parse(stdout) as { fault: { code: string } }).fault.code).toMatch(/write/);
  expect(readdirSync(join(folder, 'checkpoints'))).toEqual([]);
});

test('a folder that holds a run is not overwritten, and another recipe does not resume it', async () => {
  const folder = newRun();
  await run(tinyRecipe, folder, { until: 1 });
  const codeOf = (attempt: Promise<unknown>): Promise<string> => attempt.then(() => 'none', (fault: unknown) => (fault as Fault).code);
  expect(await codeOf(run(tinyRecipe, folder))).toBe('train.exists');
  expect(await codeOf(run({ ...tinyRecipe, seed: 4 }, folder, { resume: true }))).toBe('train.changed');
});

test('only whole checkpoints are left behind, and no more than two', async () => {
  const folder = newRun();
  await run({ ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, steps: 3 }], checkpointEvery: 1 }, folder);
  expect(readdirSync(join(folder, 'checkpoints')).sort()).toEqual(['step-000002', 'step-000003']);
  expect(existsSync(join(folder, 'final', 'tokenizer.json'))).toBe(true);
});
