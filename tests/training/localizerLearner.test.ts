import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePicture } from '#models/imaging/picture.ts';
import { openLocator, type Locator } from '#models/locator.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { openSafetensors, readTensor } from '#models/weights/safetensors.ts';
import { thingsRecipe, writeThings } from '#tests/support/drawnThings.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';
import { closeArchives, loadBytes } from '#training/data/cases.ts';
import { kindPrompts, locateCases } from '#training/locateCases.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Recipe } from '#training/records/recipe.ts';
import type { StepRecord } from '#training/records/run.ts';
import { train } from '#training/trainer.ts';

const newRun = (): string => join(mkdtempSync(join(tmpdir(), 'loupe-locate-')), 'run');
let index: string;
let records: readonly CaseRecord[];
let base: string;
const run = (recipe: Recipe, folder: string, options: { until?: number; resume?: boolean } = {}): Promise<number> => train({ recipe, records, run: folder, parts: partsOf(recipe, records), ...options });
const metrics = (folder: string): StepRecord[] => readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as StepRecord);
const hashOf = (folder: string): string => createHash('sha256').update(readFileSync(join(folder, 'final', 'model.safetensors'))).digest('hex');

beforeAll(async () => {
  index = writeThings(20);
  records = await casesOf([index], { splits: ['train'] });
  // A tower with random weights keeps colours and places apart well enough.
  base = join(newRun(), 'final');
  const recipe: Recipe = { ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, phantoms: 4, steps: 1 }] };
  await train({ recipe, records: [], run: join(base, '..'), parts: partsOf(recipe, records) });
});
afterAll(() => closeArchives());

describe('a localizer', () => {
  let locator: Locator;
  let held: readonly CaseRecord[];
  let folder: string;

  beforeAll(async () => {
    folder = newRun();
    await run(thingsRecipe(base, { steps: 90 }), folder);
    locator = await openLocator(join(folder, 'final'));
    held = await casesOf([index], { splits: ['val'] });
  });
  afterAll(() => locator.release());

  test('learns: matched and dense losses fall', () => {
    const lines = metrics(folder);
    for (const name of ['matched_loss', 'dense_loss']) {
      const mean = (some: readonly StepRecord[]): number => some.reduce((sum, line) => sum + line[name]!, 0) / some.length;
      expect(mean(lines.slice(-10))).toBeLessThan(0.6 * mean(lines.slice(0, 10)));
    }
  });

  test('finds the things of held-out pictures by stored prompts, kind by kind', async () => {
    const prompts = await kindPrompts(locator, records);
    expect(prompts.map(({ kind }) => kind)).toEqual(['green_square', 'red_square']);
    const { stored, separation, images } = await locateCases(locator, held, prompts);
    expect(images).toBe(4);
    for (const { kind, ap30 } of stored) expect(ap30, kind).toBeGreaterThan(0.35);
    expect(separation!.within).toBeGreaterThan(separation!.between);
  });

  test('finds the same with the same picture and box, in its pixels', async () => {
    const record = held.find(({ boxes }) => boxes!.length === 3)!;
    const seen = await locator.see(await decodePicture(loadBytes(record), record.file));
    const prompt = await locator.prompt(seen, [record.boxes![0]!.box]);
    const [found] = await locator.find(seen, [prompt], { least: 0.05 });
    expect(await locator.find(seen, [prompt], { least: 0.05 })).toEqual([found]);
    expect(found!.length).toBeGreaterThan(0);
    for (const { box: { x1, y1, x2, y2 }, score } of found!) expect(x1 >= 0 && y1 >= 0 && x2 <= 112 && y2 <= 112 && x1 < x2 && y1 < y2 && score >= 0.05 && score <= 1).toBe(true);
  });

  test('leaves out what is more like a counter-example', async () => {
    const seen = await locator.see(await decodePicture(loadBytes(held[0]!), held[0]!.file));
    const prompt = await locator.prompt(seen, [held[0]!.boxes![0]!.box]);
    expect(await locator.find(seen, [prompt], { least: 0, unlike: [{ ...prompt, vector: prompt.vector.map((x) => x * 1.5) }] })).toEqual([expect.any(Array)]);
    const [kept] = await locator.find(seen, [prompt], { least: 0.5, unlike: [prompt] });
    const [all] = await locator.find(seen, [prompt], { least: 0.5 });
    expect(kept, 'what is exactly as like both is kept').toEqual(all);
  });

  test('says so where nothing was drawn, or nothing lies under the box', async () => {
    const seen = await locator.see(await decodePicture(loadBytes(held[0]!), held[0]!.file));
    await expect(locator.prompt(seen, [])).rejects.toMatchObject({ code: 'locate.none' });
    await expect(locator.prompt(seen, [{ x1: 500, y1: 500, x2: 510, y2: 510 }])).rejects.toMatchObject({ code: 'locate.outside' });
    await expect(locator.prompt(seen, [{ x1: 50, y1: 50, x2: 40, y2: 60 }])).rejects.toMatchObject({ code: 'locate.outside' });
  });

  test('is a folder of its own, and another folder is none', async () => {
    await expect(openLocator(base)).rejects.toMatchObject({ code: 'localizer.kind' });
    await expect(openLocator(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'localizer.kind' });
    const before = openCheckpoint(base).tensors;
    const { tensors } = openSafetensors(join(folder, 'final', 'model.safetensors'));
    const tower = [...tensors.values()].filter(({ name }) => name.startsWith('visual.'));
    expect(tower.length).toBeGreaterThan(5);
    for (const entry of tower) expect([...readTensor(entry)], entry.name).toEqual([...readTensor(before.get(entry.name)!)]);
  });
});

describe('a run that locates with GRQO', () => {
  test('stopped and resumed gives the same bytes as one that was not', async () => {
    const recipe = thingsRecipe(base, { steps: 8, isGrouped: true });
    const [whole, parted] = [newRun(), newRun()];
    await run(recipe, whole);
    await run(recipe, parted, { until: 4 });
    expect(await run(recipe, parted, { resume: true })).toBe(8);
    expect(hashOf(parted)).toBe(hashOf(whole));
  });

  test('holds to the weights of the epoch\'s start: the divergence is nothing at first and again at the next', async () => {
    const folder = newRun();
    await run(thingsRecipe(base, { steps: 6, isGrouped: true }), folder);
    const kl = metrics(folder).map((line) => line['objectness_kl']!);
    // Sixteen images, four in a batch.
    expect(kl[0]).toBeLessThan(1e-6);
    expect(kl[3]).toBeGreaterThan(1e-6);
    expect(kl[4]).toBeLessThan(1e-6);
  });

  test('is refused without any box, and beside stages that write', async () => {
    const recipe = thingsRecipe(base, { steps: 1 });
    await expect(train({ recipe, records: records.map((record) => ({ ...record, boxes: null })), run: newRun(), parts: partsOf(recipe, records) })).rejects.toMatchObject({ code: 'locate.boxes' });
    await expect(run({ ...recipe, stages: [...recipe.stages, tinyRecipe.stages[0]!] }, newRun())).rejects.toMatchObject({ code: 'train.stages' });
  });
});
