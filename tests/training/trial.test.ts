/** The trial with the largest batch, and the look that `loupe train` takes before a run. */
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '#electron/commands/train.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { preflight } from '#training/preflight.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import { largestBatchTrial } from '#training/trial.ts';

const trials = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('loupe-trial-'));

test('an update with the largest batch is made, and nothing of it stays', async () => {
  const records = await casesOf([writeTinyIndex(6)], {});
  const parts = partsOf(tinyRecipe, records);
  const before = trials();
  const recipe = { ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, steps: 400, from: 'start' as const }] };
  const report = await preflight({ recipe, records, parts, attempt: largestBatchTrial({ recipe, parts }) });
  expect(report.trial).toMatchObject({ stage: 0 });
  expect(report.problems).toEqual([]);
  expect(trials()).toEqual(before);
});

const folder = mkdtempSync(join(tmpdir(), 'loupe-train-'));
async function loupeTrain(values: Record<string, string | boolean>, recipe: object = tinyRecipe): Promise<{ value: Record<string, unknown>; progress: string }> {
  const path = join(folder, `recipe${readdirSync(folder).length}.json`);
  writeFileSync(path, JSON.stringify(recipe));
  const printed: unknown[] = [];
  const told: string[] = [];
  await command.run({
    positionals: [path], values: { data: [writeTinyIndex(6)], ...values }, json: true, signal: new AbortController().signal, print: (value) => printed.push(value), progress: (text) => void told.push(text),
  });
  return { value: printed[0] as Record<string, unknown>, progress: told.join('\n') };
}

test('loupe train --check looks at every case and begins nothing', async () => {
  expect((await loupeTrain({ check: true })).value).toMatchObject({ cases: 6, checked: 6, problems: [], trial: { stage: 0 } });
});

test('a run that would look for a fitting question for ever is not begun', async () => {
  const run = join(folder, 'refused');
  await expect(loupeTrain({ out: run }, { ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, tokens: 20 }] })).rejects.toThrow(expect.objectContaining({ code: 'preflight.failed' }) as Error);
  expect(existsSync(run)).toBe(false);
});

test('what is only worth a look is told, and the run goes on', async () => {
  const { value, progress } = await loupeTrain({ out: join(folder, 'run'), steps: '1' }, { ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, targets: 12 }] });
  expect(progress).toContain('warning tokens.');
  expect(value).toMatchObject({ steps: 1 });
});
