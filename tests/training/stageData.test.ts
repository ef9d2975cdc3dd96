import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { ChosenTurnLine } from '#training/records/chosenTurn.ts';
import { Recipe } from '#training/records/recipe.ts';
import { train } from '#training/trainer.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';

let records: readonly CaseRecord[];
let parts: CheckpointParts;
beforeAll(async () => {
  records = await casesOf([writeTinyIndex()], {});
  parts = partsOf(tinyRecipe, records);
});

const newRun = (): string => join(mkdtempSync(join(tmpdir(), 'loupe-data-')), 'run');
/** Two updates on data that a pipeline made. */
const recipeOf = (pipeline: string, options: Readonly<Record<string, unknown>>): Recipe => Recipe.parse({
  ...tinyRecipe, dropBranches: 0, checkpointEvery: 1, stages: [{ ...tinyRecipe.stages[0]!, steps: 2, batch: 2, tokens: 300, targets: 250, data: { pipeline, options } }],
});
const dataOf = (run: string): string => readFileSync(join(run, 'stages', '1', 'data.jsonl'), 'utf8');
const weightsOf = (run: string): Buffer => readFileSync(join(run, 'final', 'model.safetensors'));

test('a stage learns from what its pipeline made, which stays with the run', async () => {
  const run = newRun();
  expect(await train({ recipe: recipeOf('captions', {}), records, run, parts })).toBe(2);
  const lines = dataOf(run).trim().split('\n').map((line) => ChosenTurnLine.parse(JSON.parse(line)));
  expect(lines.map(({ case: id }) => id)).toEqual(records.map(({ id }) => id));
  expect(JSON.parse(readFileSync(join(run, 'stages', '1', 'data.json'), 'utf8'))).toMatchObject({ pipeline: 'captions', kept: records.length });
});

test('a resumed run learns from the data that it was begun with, and ends with the same weights', async () => {
  const recipe = recipeOf('questionSets', { questions: 6 });
  const [whole, parted] = [newRun(), newRun()];
  await train({ recipe, records, run: whole, parts });
  await train({ recipe, records, run: parted, parts, until: 1 });
  await train({ recipe, records, run: parted, parts, resume: true });
  expect(dataOf(parted)).toBe(dataOf(whole));
  expect(weightsOf(parted).equals(weightsOf(whole))).toBe(true);
});

test('data that was changed or cut is not gone on with', async () => {
  const recipe = recipeOf('questionSets', { questions: 4 });
  const run = newRun();
  await train({ recipe, records, run, parts, until: 1 });
  writeFileSync(join(run, 'stages', '1', 'data.jsonl'), dataOf(run).slice(0, -20));
  await expect(train({ recipe, records, run, parts, resume: true })).rejects.toMatchObject({ code: 'train.changed' });
});

test('a pipeline that keeps nothing ends the run with its counts, before anything is learnt', async () => {
  const run = newRun();
  await expect(train({ recipe: recipeOf('questionSets', { form: 'description', questions: 4 }), records, run, parts })).rejects.toMatchObject({ code: 'curriculum.empty' });
  expect(existsSync(join(run, 'metrics.jsonl'))).toBe(false);
});

test('a pipeline without a name in the table, and an option that it does not know, are faults', async () => {
  await expect(train({ recipe: recipeOf('dreams', {}), records, run: newRun(), parts })).rejects.toMatchObject({ code: 'curriculum.name' });
  await expect(train({ recipe: recipeOf('captions', { colour: 1 }), records, run: newRun(), parts })).rejects.toMatchObject({ code: 'curriculum.option' });
});
