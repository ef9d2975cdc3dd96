import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Estimate } from '#electron/contract/finetune.ts';
import { estimate } from '#electron/finetune/estimate.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-estimate-test-'));
const made: { value: Estimate | null } = { value: null };
const told: string[] = [];
const of = (minutes: number | null): Promise<Estimate> => estimate({
  plan: { name: '', recipe: 'small', data: 'index', model: null, steps: 40, minutes, seed: 1 }, source: { id: 'index', kind: 'index', name: '', path: index }, model: null, ownRecipes: folder, runsFolder: folder,
}, { signal: new AbortController().signal, tell: ({ what }) => told.push(what) });
const index = writeTinyIndex();

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'small.json'), JSON.stringify({ ...tinyRecipe, name: 'small' }));
  made.value = await of(null);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('an estimate is the updates and what is beside them: start, cases, opening and checkpoints', () => {
  const { steps, stepSeconds, besideSeconds, totalSeconds, problems } = made.value as Estimate;
  expect([steps, stepSeconds.length, problems.filter(({ severity }) => severity === 'error')]).toEqual([40, 1, []]);
  expect(besideSeconds).toBeGreaterThan(0);
  expect(totalSeconds).toBeCloseTo(besideSeconds + 40 * (stepSeconds[0] ?? 0), 6);
  expect([...new Set(told)]).toEqual(['cases', 'stages']);
});

test('a run that is ended by the clock takes no longer than that and what is beside', async () => {
  const { besideSeconds, totalSeconds } = await of(1 / 60_000);
  expect(totalSeconds).toBeCloseTo(besideSeconds + 0.001, 6);
});
