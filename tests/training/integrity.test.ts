import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePicture } from '#models/imaging/picture.ts';
import { openIntegrity, type IntegrityResult } from '#models/integrity.ts';
import { writePhantomIndex } from '#tests/support/alterationCases.ts';
import { makeAlterations } from '#training/alterationCases.ts';
import { closeArchives, loadBytes, readIndex } from '#training/data/cases.ts';
import { alterationMeasures, answeredCases, calibrate, integrityVerdicts, measured, type AlterationVerdict } from '#training/integrityCases.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import { soFakeR1Evidence } from '#training/recipes/soFakeR1.ts';
import { alterationOf } from '#training/records/alteration.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Recipe } from '#training/records/recipe.ts';
import type { StepRecord } from '#training/records/run.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import { evaluationTurns } from '#training/synthesis/questions.ts';
import { train } from '#training/trainer.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'loupe-integrity-'));
let real: readonly CaseRecord[];
let altered: readonly CaseRecord[];
let index: string;

beforeAll(async () => {
  real = await casesOf([writePhantomIndex(6)], {});
  ({ index } = await makeAlterations(real, join(folder(), 'cases'), { seed: 3, most: 4, kept: false }));
  altered = await readIndex(index);
});
afterAll(() => closeArchives());

describe('made cases', () => {
  test('say what was done, by whom and where, and keep split, subject and licence of their source', async () => {
    expect(altered.length).toBeGreaterThanOrEqual(11);
    for (const record of altered) {
      const { fact, ...truth } = alterationOf(record)!;
      const source = real.find(({ id }) => id === fact.source)!;
      expect([record.split, record.group, record.licenceClass, record.task]).toEqual([source.split, source.group, 'permissive', 'alteration_3']);
      expect(fact).toMatchObject({ isKept: false, generatorVersion: 1, generator: truth.class === 'REAL' ? null : expect.any(String) });
      expect([truth.box !== null, fact.mask !== null, truth.type !== null]).toEqual(new Array(3).fill(truth.class === 'TAMPERED'));
      if (fact.mask === null || !truth.box) continue;
      const mask = await decodePicture(loadBytes({ ...record, file: fact.mask }), fact.mask);
      const white = Array.from({ length: mask.width * mask.height }, (_, i) => i).filter((i) => mask.data[3 * i]! > 127);
      expect(Math.min(...white.map((i) => i % mask.width))).toBe(truth.box.x1);
      expect(Math.max(...white.map((i) => Math.floor(i / mask.width))) + 1).toBe(truth.box.y2);
    }
  });

  test('are the same again for the same seed', async () => {
    const again = await makeAlterations(real, join(folder(), 'cases'), { seed: 3, most: 4, kept: false });
    expect(readFileSync(again.index, 'utf8')).toBe(readFileSync(index, 'utf8'));
    expect(readFileSync(join(dirname(again.index), 'images-0.zip')).equals(readFileSync(join(dirname(index), 'images-0.zip')))).toBe(true);
  });

  test('need two subjects', async () => {
    await expect(makeAlterations(real.slice(0, 1), join(folder(), 'cases'), { seed: 3, most: 4, kept: false })).rejects.toMatchObject({ code: 'alteration.cases' });
  });
});

describe('the network', () => {
  const recipe: Recipe = {
    ...soFakeR1Evidence, stages: [{ ...soFakeR1Evidence.stages[0]!, steps: 10, batch: 4, integrity: { width: 16, blocks: 1, noise: 0 } }], checkpointEvery: 5,
    optimizer: { ...soFakeR1Evidence.optimizer, learningRate: 4e-3, warmupSteps: 2, average: 0 },
  };
  const run = (to: string, options: { until?: number; resume?: boolean } = {}): Promise<number> => train({ recipe, records: altered, run: to, parts: partsOf(recipe, altered), ...options });
  const hashOf = (to: string): string => createHash('sha256').update(readFileSync(join(to, 'final', 'model.safetensors'))).digest('hex');

  test('learns, goes on exactly where it was stopped, and is opened by the door', async () => {
    const [whole, parts] = [join(folder(), 'run'), join(folder(), 'run')];
    await run(whole);
    await run(parts, { until: 5 });
    await run(parts, { resume: true });
    expect(hashOf(parts)).toBe(hashOf(whole));
    const losses = readFileSync(join(whole, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as StepRecord).loss);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    const checker = await openIntegrity(join(whole, 'final'));
    try {
      const verdicts = await integrityVerdicts(checker, altered.slice(0, 3));
      expect(verdicts).toHaveLength(3);
      expect(checker.calibration).toBeNull();
    } finally {
      await checker.release();
    }
  });

  test('learns nothing from generators that are kept back, nor from cases that say nothing', async () => {
    const kept = altered.map((record) => ({ ...record, facts: { alteration: { ...alterationOf(record)!.fact, isKept: true } } }));
    for (const records of [kept, real]) await expect(train({ recipe, records, run: join(folder(), 'run'), parts: partsOf(recipe, records) })).rejects.toMatchObject({ code: 'integrity.cases' });
  });
});

describe('measures', () => {
  const verdict = (truth: AlterationVerdict['truth'], said: AlterationVerdict['said'], group = 'a'): AlterationVerdict => ({ group, generator: truth.class === 'REAL' ? null : 'x', isKept: false, truth, said, mask: null });
  const real1 = { class: 'REAL', type: null, box: null } as const;
  const tampered = { class: 'TAMPERED', type: null, box: { x1: 0, y1: 0, x2: 10, y2: 10 } } as const;
  const synthetic = { class: 'FULL_SYNTHETIC', type: null, box: null } as const;

  test('count classes, overlaps and false alarms', () => {
    const measures = alterationMeasures([verdict(real1, real1), verdict(real1, tampered, 'b'), verdict(tampered, { ...tampered, box: { x1: 0, y1: 0, x2: 10, y2: 5 } }), verdict(tampered, real1, 'b'), verdict(synthetic, synthetic, 'c'), verdict(synthetic, null, 'c')]);
    expect(measures.accuracy.mean).toBeCloseTo(0.5);
    expect(measures.boxIou.mean).toBeCloseTo(0.25);
    expect(measures.falseAlarms).toMatchObject({ count: 1, of: 2 });
    expect(measures.recall.FULL_SYNTHETIC).toMatchObject({ count: 1, of: 2 });
    expect(measures.byGenerator).toEqual({ x: expect.objectContaining({ count: 2, of: 4 }) });
    expect(measures.macroF1).toBeCloseTo((0.5 + 0.5 + 2 / 3) / 3);
    expect(measures.maskIou).toBeNull();
  });

  test('give an interval to a share', () => {
    const { low, high } = measured(10, 100);
    expect(low).toBeCloseTo(0.0552, 3);
    expect(high).toBeCloseTo(0.1744, 3);
    expect(measured(0, 0)).toMatchObject({ low: 0, high: 1 });
  });

  test('set thresholds on one half of the subjects and count on the other', async () => {
    const records = Array.from({ length: 80 }, (_, i): CaseRecord => ({ ...real[0]!, id: `r${i}`, group: `g${i}` }));
    let at = 0;
    // Scores that rise from image to image; the door itself is tested elsewhere.
    const checker = { check: async () => ({ score: (at++ % 80) / 100, fields: 1 + (at % 3), maps: {} }) as unknown as IntegrityResult };
    const { thresholds, falseAlarms, byModality, mostFields } = await calibrate(checker, records);
    expect(thresholds.suspected).toBeGreaterThan(0.6);
    expect(thresholds.strong).toBeGreaterThanOrEqual(thresholds.suspected);
    expect(falseAlarms.suspected.of).toBe(40);
    expect(falseAlarms.suspected.count).toBeLessThan(12);
    expect(byModality['ct']!.suspected).toEqual(falseAlarms.suspected);
    expect(mostFields).toBe(3);
    await expect(calibrate(checker, records.slice(0, 30))).rejects.toMatchObject({ code: 'integrity.cases' });
  });
});

test('answers of a model are read in their form, and its sentences held against the cues of the region', () => {
  const tampered = altered.find((record) => alterationOf(record)?.class === 'TAMPERED')!;
  const untouched = altered.find((record) => alterationOf(record)?.class === 'REAL')!;
  const { fact: { cues }, box } = alterationOf(tampered)!;
  const place = `(${box!.x1},${box!.y1}),(${box!.x2},${box!.y2})`;
  const unborne = cues.includes('grid') ? 'It was copied.' : 'The compression grid breaks off.';
  const answers = new Map([[tampered.id, `<think>${unborne} Something is there.</think><answer>TAMPERED,${place}</answer>`], [untouched.id, '<answer>REAL</answer>'], ['nobody', 'x']]);
  const { verdicts, formed, unborne: doubts } = answeredCases(altered, answers);
  expect(verdicts.map(({ truth, said }) => [truth.class, said?.class])).toEqual(expect.arrayContaining([['TAMPERED', 'TAMPERED'], ['REAL', 'REAL']]));
  expect([formed.count, formed.of]).toEqual([1, 2]);
  expect([doubts.count, doubts.of]).toEqual([1, 2]);
  expect(alterationMeasures(verdicts).boxIou.mean).toBeCloseTo(1);
});

test('a case asks one question, whose own completion earns full marks', () => {
  for (const record of altered) {
    const [turn, ...more] = evaluationTurns(record, 'alteration', { width: 168, height: 168 });
    expect(more).toEqual([]);
    expect(scoreRow(findReward('soFakeR1Alteration'), 'strict', { completion: turn!.completion, target: turn!.gold }).reward).toBeGreaterThan(0.95);
    expect(evaluationTurns(record, 'modality', { width: 168, height: 168 })).toEqual([]);
  }
});
