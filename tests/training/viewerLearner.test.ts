import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';
import { partsOf } from '#training/prepare.ts';
import { Recipe } from '#training/records/recipe.ts';
import type { StepRecord } from '#training/records/run.ts';
import { train } from '#training/trainer.ts';

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

test('a stage that learns to drive needs to know how, and no other may', () => {
  expect(Recipe.safeParse({ ...recipe, stages: [{ ...stages[0], act: undefined }] }).success).toBe(false);
  expect(Recipe.safeParse({ ...recipe, stages: [{ ...tinyRecipe.stages[0], act: stages[0]!.act }] }).success).toBe(false);
});
