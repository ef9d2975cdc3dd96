import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { createPicture } from '#models/imaging/image.ts';
import { encodePng } from '#models/imaging/png.ts';
import { likeness, openSimilar, type Similar } from '#models/similar.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { closeArchives } from '#training/data/cases.ts';
import { judgedPicture, openJudgements } from '#training/judgements.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { Recipe } from '#training/records/recipe.ts';
import type { StepRecord } from '#training/records/run.ts';
import { measureSimilar } from '#training/similarCases.ts';
import { drawnShape, drawShape, shapeDistance } from '#training/synthesis/shapes.ts';
import { train } from '#training/trainer.ts';

const encoder = { embedding: 16, text: { width: 16, depth: 1, heads: 2, mlpWidth: 16, tokens: 12 } };
const pair = { learns: 'pair', steps: 2, pixels: 56 * 56, batch: 6, similar: { encoder } };
const judge = { learns: 'judge', steps: 2, pixels: 56 * 56, batch: 8, similar: { encoder, judgements: { from: 'shapes' } } };
const recipeOf = (stages: readonly object[]): Recipe => Recipe.parse({ ...tinyRecipe, name: 'similar', stages, dropBranches: 0, checkpointEvery: 100, optimizer: { ...tinyRecipe.optimizer, learningRate: 2e-3, average: 0.5 } });
const newRun = (): string => join(mkdtempSync(join(tmpdir(), 'loupe-similar-')), 'run');
const hashes = (run: string, stage: number) => JSON.parse(readFileSync(join(run, 'stages', `${stage}.json`), 'utf8')) as { image: string; text: string };
const metrics = (run: string): StepRecord[] => readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as StepRecord);

let records: readonly CaseRecord[];
beforeAll(async () => void (records = await casesOf([writeTinyIndex(12)], {})));
afterAll(() => closeArchives());
const run = async (stages: readonly object[], folder = newRun(), options: { until?: number; resume?: boolean } = {}): Promise<string> => {
  const recipe = recipeOf(stages);
  await train({ recipe, records, run: folder, parts: partsOf(recipe, records), ...options });
  return folder;
};

/** The share of held-out judgements of shapes that an encoder gets right. */
async function rightOn(similar: Similar, count: number): Promise<number> {
  let right = 0;
  const random = new Random(99);
  for (let i = 0; i < count; i++) {
    const three = [drawnShape(random), drawnShape(random), drawnShape(random)] as const;
    const [reference, left, right_] = await Promise.all(three.map((shape) => similar.image(drawShape(shape, 56, random)))) as [Float32Array, Float32Array, Float32Array];
    if ((likeness(reference, right_) > likeness(reference, left)) === (shapeDistance(three[0], three[2]) < shapeDistance(three[0], three[1]))) right++;
  }
  return right / count;
}

describe('a stage of judgements', () => {
  test('makes an encoder right on held-out ones more often, by five points and more, than random weights are', async () => {
    const random = await openSimilar(join(await run([{ ...judge, steps: 1, restart: undefined }].map((stage) => ({ ...stage, trained: '^nothing$' })), newRun()), 'final'), { threads: 2 });
    const learnt = await openSimilar(join(await run([{ ...judge, steps: 40, batch: 16 }]), 'final'), { threads: 2 });
    const [before, after] = [await rightOn(random, 150), await rightOn(learnt, 150)];
    expect(after).toBeGreaterThanOrEqual(before + 0.05);
    await random.release();
    await learnt.release();
  });

  test('hands exactly its image weights to the pairs, which begin like those of the baseline in everything else', async () => {
    const [both, baseline] = [await run([judge, pair]), await run([pair])];
    expect(hashes(both, 1).text).toBe(hashes(baseline, 1).text);
    expect(hashes(both, 2).text, 'judgements do not touch the text tower').toBe(hashes(baseline, 1).text);
    expect(hashes(both, 2).image).not.toBe(hashes(both, 1).image);
    expect(hashes(both, 1).image).toBe(hashes(baseline, 1).image);
    // A stage of judgements alone ends with what the pairs began with.
    const alone = await run([judge, { ...pair, steps: 1 }], newRun(), { until: 2 });
    const resumed = await run([judge, { ...pair, steps: 1 }], alone, { resume: true });
    expect(hashes(resumed, 2)).toEqual(hashes(both, 2));
  });

  test('goes on after a stop to the same bytes', async () => {
    const [whole, parted] = [await run([judge, pair]), await run([judge, pair], newRun(), { until: 3 })];
    await run([judge, pair], parted, { resume: true });
    expect(readFileSync(join(parted, 'final', 'model.safetensors')).equals(readFileSync(join(whole, 'final', 'model.safetensors')))).toBe(true);
  });
});

describe('a stage of pairs', () => {
  test('learns which sentence belongs to which picture', async () => {
    const folder = await run([{ ...pair, steps: 40, batch: 8 }]);
    const losses = metrics(folder).map(({ loss }) => loss);
    const mean = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0) / some.length;
    expect(mean(losses.slice(-8))).toBeLessThan(mean(losses.slice(0, 8)) - 0.1);
    const similar = await openSimilar(join(folder, 'final'), { threads: 2 });
    const { retrieval, images, leftOut } = await measureSimilar(similar, records);
    expect([images, leftOut]).toEqual([12, []]);
    expect(retrieval.map(({ direction }) => direction)).toEqual(['image to sentence', 'sentence to image']);
    expect(retrieval[0]!.meaning[0]!.recall.mean).toBeGreaterThan(0.7);

    const said = await similar.sentence('  a   malignant lesion ');
    expect(Math.hypot(...said)).toBeCloseTo(1, 5);
    expect(await similar.sentence('A malignant lesion.'), 'as the sentences stand that were learnt from').toEqual(said);
    await expect(similar.sentence('   ')).rejects.toMatchObject({ code: 'similar.sentence' });
    await expect(similar.image(createPicture({ width: 60, height: 40 }, [90, 91, 92]))).rejects.toMatchObject({ code: 'similar.blank' });
    await similar.release();
  });

  test('cannot be made of one image, nor stand beside a stage that writes', async () => {
    const recipe = recipeOf([pair]);
    await expect(train({ recipe, records: records.slice(0, 1), run: newRun(), parts: partsOf(recipe, records) })).rejects.toMatchObject({ code: 'pairs.few' });
    await expect(run([pair, { ...tinyRecipe.stages[0]! }])).rejects.toMatchObject({ code: 'train.stages' });
  });

  test('leaves a folder that is no other kind of model', async () => {
    await expect(openSimilar('models/weights/loupe-base')).rejects.toMatchObject({ code: 'similar.kind' });
    await expect(openSimilar(join(tmpdir(), 'nowhere-at-all'))).rejects.toMatchObject({ code: 'similar.kind' });
  });
});

describe('judgements of a folder', () => {
  const written = (rows: readonly object[]): string => {
    const folder = mkdtempSync(join(tmpdir(), 'loupe-judgements-'));
    mkdirSync(join(folder, 'images'));
    for (const name of ['a', 'b', 'c']) writeFileSync(judgedPicture(folder, name), encodePng(createPicture({ width: 8, height: 8 }, [10, 20, 30])));
    writeFileSync(join(folder, 'judgements.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return folder;
  };
  const row = (change: object = {}) => ({ id: 'x', ref: 'a', left: 'b', right: 'c', left_vote: 0, right_vote: 2, votes: 2, split: 'train', ...change });
  const open = (rows: readonly object[], leastVotes = 1) => openJudgements({ from: 'folder', folder: written(rows), margin: 0.05, leastVotes }, { records: [], seed: 1, pictureOf: () => Promise.reject(new Error('none')) });

  test('leave out equal votes, too few votes and missing pictures, and count them', async () => {
    const source = open([row(), row({ left_vote: 1, right_vote: 1 }), row({ right_vote: 1, votes: 1 }), row({ ref: 'gone' }), row({ ref: '../../etc/passwd' }), row({ split: 'val' })], 2);
    expect(source.left).toEqual({ equalVotes: 1, fewVotes: 1, missing: 2 });
    expect(await source.draw(new Random(1))).toEqual({ names: ['a', 'b', 'c'], isRight: true });
    expect((await source.picture('a')).width).toBe(8);
  });

  test('say what is wrong where nothing is left, or a line is damaged', () => {
    expect(() => open([row({ left_vote: 1, right_vote: 1 })])).toThrow(expect.objectContaining({ code: 'judgements.few' }));
    expect(() => open([{ ref: 'a' }])).toThrow(expect.objectContaining({ code: 'judgements.read' }));
    expect(existsSync(join(tmpdir(), 'no-such-judgements'))).toBe(false);
    expect(() => openJudgements({ from: 'folder', folder: join(tmpdir(), 'no-such-judgements'), margin: 0.05, leastVotes: 1 }, { records: [], seed: 1, pictureOf: () => Promise.reject(new Error('none')) })).toThrow(expect.objectContaining({ code: 'judgements.read' }));
  });
});
