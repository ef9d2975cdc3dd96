import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Calibration } from '#models/clinical/alteration.ts';
import { featureWidth } from '#models/imaging/forensics/features.ts';
import type { Picture } from '#models/imaging/image.ts';
import { levelOf, mostFalseAlarms, openIntegrity, type IntegrityChecker } from '#models/integrity.ts';
import { readAlteration, readerSide } from '#models/integrityReader.ts';
import { alteredRegions } from '#models/integrityRegions.ts';
import type { Answer } from '#models/reasoner.ts';
import { saveCalibration, saveIntegrity } from '#models/weights/integrity.ts';
import { integrityParameters } from '#training/integrityGraph.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';

const config = { features: featureWidth, width: 8, blocks: 1, cells: 28 };
const share = (count: number, high: number) => ({ count, of: 100, low: 0, high });
const calibration: Calibration = { thresholds: { suspected: 0.5, strong: 0.8 }, falseAlarms: { suspected: share(9, 0.16), strong: share(1, 0.054) }, byModality: {}, mostFields: 9 };

describe('a level', () => {
  test('follows the thresholds', () => {
    expect([0.2, 0.5, 0.79, 0.8].map((score) => levelOf(score, 1, calibration).level)).toEqual(['none', 'suspected', 'suspected', 'strong']);
    expect(levelOf(0.9, 4, calibration).why).toBeNull();
  });

  test('is no stronger than the measured false alarms allow', () => {
    const strong = { ...calibration, falseAlarms: { ...calibration.falseAlarms, strong: share(6, mostFalseAlarms.strong + 0.01) } };
    expect(levelOf(0.9, 1, strong)).toMatchObject({ level: 'suspected', why: expect.stringMatching(/up to 9 % of untouched/) });
    const both = { ...strong, falseAlarms: { ...strong.falseAlarms, suspected: share(30, mostFalseAlarms.suspected + 0.05) } };
    expect(levelOf(0.6, 1, both)).toMatchObject({ level: 'none', why: expect.stringMatching(/30 %/) });
    // What is rarer is still named by the weaker word.
    expect(levelOf(0.9, 1, both).level).toBe('suspected');
  });

  test('follows the false alarms of its kind of image, where enough were measured', () => {
    const film = (of: number) => ({ ...calibration, byModality: { xray: { suspected: { count: 11, of, low: 0.1, high: 0.32 }, strong: { count: 5, of, low: 0.04, high: 0.2 } } } });
    expect(levelOf(0.6, 1, film(55), 'xray')).toMatchObject({ level: 'none', why: expect.stringMatching(/32 %.*of this kind/) });
    expect(levelOf(0.9, 1, film(55), 'xray').level).toBe('suspected');
    expect([levelOf(0.9, 1, film(55), 'mri').level, levelOf(0.9, 1, film(12), 'xray').level, levelOf(0.9, 1, film(55), 'toString').level]).toEqual(['strong', 'strong', 'strong']);
  });

  test('is weaker on an image larger than those that were measured, and has no name where nothing was', () => {
    for (const score of [0.6, 0.9]) expect(levelOf(score, 10, calibration)).toMatchObject({ level: 'suspected', why: expect.stringMatching(/10 fields/) });
    expect(levelOf(0.9, 1, null).level).toBe('unexamined');
  });
});

describe('regions', () => {
  const map = (cells: readonly (readonly [number, number, number])[]) => {
    const data = new Float32Array(100);
    for (const [x, y, value] of cells) data[y * 10 + x] = value;
    return { columns: 10, rows: 10, data };
  };
  test('grow from a seed over what is still likely, and are cut at the edge', () => {
    const [first, second] = alteredRegions(map([[8, 8, 0.9], [9, 8, 0.55], [8, 9, 0.5], [0, 0, 0.75], [1, 0, 0.6], [2, 0, 0.51], [3, 0, 0.1]]), { width: 76, height: 75 });
    expect(first!.box).toEqual({ x1: 64, y1: 64, x2: 76, y2: 75 });
    expect(second!.box).toEqual({ x1: 0, y1: 0, x2: 24, y2: 8 });
  });
  test('need a seed and three cells', () => expect(alteredRegions(map([[1, 1, 0.6], [2, 1, 0.6], [5, 5, 0.9]]), { width: 80, height: 80 })).toEqual([]));
});

describe('the door', () => {
  let checker: IntegrityChecker;
  let folder: string;
  beforeAll(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'loupe-integrity-')), 'net');
    const random = new Random(4);
    saveIntegrity(folder, { config, tensors: integrityParameters(config).map(({ name, shape }) => ({ name, shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.1 * random.normal()) })) });
    saveCalibration(folder, calibration);
    checker = await openIntegrity(folder);
  });
  afterAll(() => checker.release());

  const even = (width: number, height: number): Picture => ({ width, height, data: new Uint8Array(width * height * 3).fill(70) });
  test.each([[even(300, 200), /one colour/], [even(40, 400), /40 × 400/]])('says why it does not look', async (picture, why) => {
    const result = await checker.check(picture);
    expect(result).toMatchObject({ level: 'unexamined', why: expect.stringMatching(why), fields: 0, regions: [], claim: { class: 'REAL', box: null } });
  });

  test('looks field by field at any size, mirrored where it is smaller than a field', async () => {
    const whole = framePicture(drawPhantom('ct_liver', 2, { size: 280, frames: 1 }).frames[0]!);
    const told: number[] = [];
    const large = await checker.check(whole, { onField: (done, total) => told.push(done, total) });
    expect(told.slice(-2)).toEqual([4, 4]);
    expect(large).toMatchObject({ cells: { columns: 35, rows: 35 }, level: expect.stringMatching(/none|suspected|strong/) });
    expect(large.cells.data.every((x) => x >= 0 && x <= 1)).toBe(true);
    const small = await checker.check(framePicture(drawPhantom('ct_liver', 2, { size: 100, frames: 1 }).frames[0]!));
    expect(small).toMatchObject({ fields: 1, cells: { columns: 13, rows: 13 } });
    expect(small.maps!.noise).toMatchObject({ width: 100, height: 100 });
  });

  test('stops at once', async () => {
    await expect(checker.check(framePicture(drawPhantom('ct_liver', 2, { size: 280, frames: 1 }).frames[0]!), { signal: AbortSignal.abort() })).rejects.toThrow();
  });

  test('asks a reader about the most suspicious field, and brings its box back to the image', async () => {
    const whole = framePicture(drawPhantom('ct_liver', 2, { size: 320, frames: 1 }).frames[0]!);
    const [columns, rows] = [40, 40];
    const cells = { columns, rows, data: new Float32Array(columns * rows) };
    cells.data[39 * columns + 39] = 0.9;
    const shown: Picture[] = [];
    const says = (text: string) => ({ ask: async ({ frames }: { frames: readonly Picture[] }) => {
      shown.push(frames[0]!);
      return { text } as Answer;
    } });
    const reading = await readAlteration(says('<think>It lies in the lower right. It was copied.</think><answer>TAMPERED, SPLICED,(84,84),(126,168)</answer>'), checker, whole, { cells });
    expect(shown[0]).toMatchObject({ width: readerSide, height: readerSide });
    // The field is the lower right one, 224 of 320 pixels.
    expect(reading.claim).toEqual({ class: 'TAMPERED', type: 'SPLICED', box: { x1: 208, y1: 208, x2: 264, y2: 320 } });
    expect(reading.sentences.map(({ doubt }) => doubt === null)).toEqual([true, false]);
    for (const text of ['TAMPERED', '<answer>TAMPERED</answer>', '<answer>maybe</answer>', '']) expect((await readAlteration(says(text), checker, whole, { cells })).claim).toBeNull();
  });

  test('refuses folders of something else', async () => {
    const other = mkdtempSync(join(tmpdir(), 'loupe-other-'));
    await expect(openIntegrity(other)).rejects.toMatchObject({ code: 'integrity.kind' });
    writeFileSync(join(other, 'config.json'), '{"model_type":"loupe_localizer"}');
    await expect(openIntegrity(other)).rejects.toMatchObject({ code: 'integrity.kind' });
    const wrong = join(other, 'wrong');
    saveIntegrity(wrong, { config: { ...config, width: 7.5 }, tensors: [{ name: 'x', shape: [1], data: new Float32Array(1) }] });
    await expect(openIntegrity(wrong)).rejects.toMatchObject({ code: 'integrity.config' });
  });
});
