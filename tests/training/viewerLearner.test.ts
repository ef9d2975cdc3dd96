import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';
import { preflight } from '#training/preflight.ts';
import { drawsItsOwn, partsOf } from '#training/prepare.ts';
import { Recipe } from '#training/records/recipe.ts';
import type { StepRecord } from '#training/records/run.ts';
import { train } from '#training/trainer.ts';
import { worthTrying, type Curation } from '#training/viewer/curation.ts';

const pixels = 56 * 56;
const act = { cases: 1, families: ['slice'], maxNewTokens: 8 };
const stages = [
  { learns: 'act', steps: 3, pixels, batch: 2, tokens: 512, targets: 256, act: { ...act, level: 'format' } },
  { learns: 'act', steps: 1, pixels, batch: 2, act: { ...act, level: 'action', rollouts: 2 } },
  { learns: 'act', steps: 1, pixels, batch: 1, act: { ...act, level: 'task', rollouts: 2 } },
];
const recipe: Recipe = Recipe.parse({ ...tinyRecipe, name: 'acts', objective: undefined, dropBranches: 0, stages });
const newRun = (): string => join(mkdtempSync(join(tmpdir(), 'loupe-act-')), 'run');
const metrics = (folder: string): StepRecord[] => readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as StepRecord);

test('the three stages run one after the other, and a run that was paused goes on to the same weights', async () => {
  const parts = partsOf(recipe, []);
  const [whole, paused] = [newRun(), newRun()];
  expect(await train({ recipe, records: [], run: whole, parts })).toBe(5);
  const lines = metrics(whole);
  expect(lines.map(({ stage }) => stage)).toEqual([0, 0, 0, 1, 2]);
  expect(lines[2]!.loss).toBeLessThan(lines[0]!.loss);
  expect(lines[3]).toMatchObject({ reward: 0, accuracy: 0, 'rewards/format': 0, frac_reward_zero_std: 1 });
  // Nothing is ever ended by a model that writes noise: every task takes all of its steps.
  expect(lines[4]).toMatchObject({ 'act/success': 0, 'act/steps': 12 });
  await train({ recipe, records: [], run: paused, parts, until: 2 });
  await train({ recipe, records: [], run: paused, parts, resume: true });
  const weights = (folder: string): string => readFileSync(join(folder, 'final', 'model.safetensors')).toString('base64');
  expect(weights(paused) === weights(whole)).toBe(true);
  expect(openCheckpoint(join(whole, 'final')).tensors.size).toBeGreaterThan(0);
});

test('a gate ends a stage early: the next one begins where its own updates are counted from, and what was seen stands in the line', async () => {
  const [format, action] = stages as [(typeof stages)[0], (typeof stages)[1]];
  const gated = Recipe.parse({
    ...recipe, name: 'gated',
    // Whatever is written passes the first gate; a model that writes noise gains nothing, which ends the second one.
    stages: [{ ...format, act: { ...format.act, gate: { every: 1, moments: 2, form: 0 } } }, { ...action, steps: 3, act: { ...action.act, reference: 'previousStage', gate: { every: 2, moments: 2, gain: 0.01 } } }],
  });
  const run = newRun();
  expect(await train({ recipe: gated, records: [], run, parts: partsOf(gated, []) })).toBe(6);
  const lines = metrics(run);
  expect(lines.map(({ step, stage }) => [step, stage])).toEqual([[1, 0], [4, 1], [5, 1]]);
  expect(lines[0]).toMatchObject({ 'act/held_format': 0 });
  expect(lines[2]).toMatchObject({ 'act/held_accuracy': 0 });
  // No try earned anything: the first update is where the reference is, and weight decay moves the second one away.
  expect(lines[1]!['kl']).toBeCloseTo(0, 6);
  expect(lines[2]!['kl']).toBeGreaterThan(lines[1]!['kl']!);
});

test('moments that are always right or never right are left out, and a stage that keeps none says so', async () => {
  expect(worthTrying([0, 10, 3, 9, 1], 10)).toEqual([2, 3, 4]);
  const curated = Recipe.parse({ ...recipe, name: 'curated', stages: [{ ...stages[1], act: { ...stages[1]!.act, curation: { moments: 3, tries: 2 } } }] });
  const run = newRun();
  await expect(train({ recipe: curated, records: [], run, parts: partsOf(curated, []) })).rejects.toMatchObject({ code: 'act.curation', why: expect.stringContaining('right at 0 whenever it tries') as string });
  const { tries, moments } = JSON.parse(readFileSync(join(run, 'stages', '1', 'curation.json'), 'utf8')) as Curation;
  expect([tries, moments.map(({ right, isKept }) => [right, isKept])]).toEqual([2, [[0, false], [0, false], [0, false]]]);
});

test('studies of its own need no cases, and are tried before the run like others', async () => {
  const parts = partsOf(recipe, []);
  const asked: number[] = [];
  const report = await preflight({ recipe, records: [], parts, attempt: (stage) => Promise.resolve(void asked.push(stage)) });
  expect([report.problems, asked.length, report.stages.map(({ largest }) => largest.grid)]).toEqual([[], 1, [[4, 4], [4, 4], [4, 4]]]);
  expect([drawsItsOwn(recipe), drawsItsOwn(tinyRecipe), drawsItsOwn({ ...recipe, stages: [...tinyRecipe.stages, ...recipe.stages] })]).toEqual([true, false, false]);
});

test('a stage that learns to drive needs to know how, and no other may', () => {
  expect(Recipe.safeParse({ ...recipe, stages: [{ ...stages[0], act: undefined }] }).success).toBe(false);
  expect(Recipe.safeParse({ ...recipe, stages: [{ ...tinyRecipe.stages[0], act: stages[0]!.act }] }).success).toBe(false);
});
