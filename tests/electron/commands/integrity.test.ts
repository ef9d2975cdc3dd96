/** `loupe integrity` with a network whose weights are random: what it finds means nothing, how it answers does. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandValues } from '#electron/commands/command.ts';
import { command } from '#electron/commands/integrity.ts';
import { Random } from '#models/base/random.ts';
import { featureWidth } from '#models/imaging/forensics/features.ts';
import { createPicture } from '#models/imaging/image.ts';
import { encodePng, isPng } from '#models/imaging/png.ts';
import { saveCalibration, saveIntegrity } from '#models/weights/integrity.ts';
import { writePhantomIndex } from '#tests/support/alterationCases.ts';
import { integrityParameters } from '#training/integrityGraph.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';
import { sampleStudy } from '#training/synthesis/samples.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-integrity-'));
const network = join(folder, 'network');
const picture = join(folder, 'picture.png');
const share = { count: 1, of: 50, low: 0, high: 0.1 };

beforeAll(() => {
  const config = { features: featureWidth, width: 8, blocks: 1, cells: 28 };
  const random = new Random(2);
  saveIntegrity(network, { config, tensors: integrityParameters(config).map(({ name, shape }) => ({ name, shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.1 * random.normal()) })) });
  // Thresholds at 0: every image raises signs.
  saveCalibration(network, { thresholds: { suspected: 0, strong: 0.99 }, falseAlarms: { suspected: share, strong: share }, byModality: {}, mostFields: 4 });
  writeFileSync(picture, encodePng(framePicture(drawPhantom('ct_liver', 5, { size: 224, frames: 1 }).frames[0]!)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly level: string;
  readonly images: readonly { readonly name: string; readonly level: string; readonly why: string | null; readonly sentences: readonly unknown[]; readonly evidence?: unknown }[];
  readonly disclaimer: string;
  readonly files: readonly { readonly pixels: string | null }[];
}
async function integrity(values: CommandValues, positionals: readonly string[] = [picture]): Promise<Told> {
  const printed: unknown[] = [];
  await command.run({ positionals, values: { network, ...values }, json: true, signal: new AbortController().signal, print: (value) => printed.push(value), progress: () => undefined });
  expect(printed).toHaveLength(1);
  return JSON.parse(JSON.stringify(printed[0])) as Told;
}
const refused = (values: CommandValues, positionals?: readonly string[]): Promise<unknown> => integrity(values, positionals).then(() => 'nothing', (error: { code?: string; name: string }) => error.code ?? error.name);

describe('loupe integrity', () => {
  test('tells a level, what speaks for it, and that it is no proof; writes both down', async () => {
    const out = join(folder, 'out');
    const told = await integrity({ out });
    expect(told).toMatchObject({ level: 'suspected', disclaimer: expect.stringMatching(/no proof.*not a medical device/) as string });
    expect(told.images[0]!.sentences.length).toBeGreaterThan(0);
    expect(told.files[0]!.pixels).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(readFileSync(join(out, 'integrity.json'), 'utf8'))).toEqual(told);
    expect(isPng(readFileSync(join(out, 'integrity-1.png')))).toBe(true);
  });

  test.each([['of one colour', { width: 300, height: 260 }, /one colour/], ['that is tiny', { width: 24, height: 24 }, /24 × 24/]])('looks for nothing on an image %s, and says so', async (_, size, why) => {
    const path = join(folder, 'plain.png');
    writeFileSync(path, encodePng(createPicture(size, [90, 90, 90])));
    const told = await integrity({ out: join(folder, 'plain') }, [path]);
    expect(told).toMatchObject({ level: 'unexamined', images: [{ why: expect.stringMatching(why) as string, sentences: [] }] });
    expect(existsSync(join(folder, 'plain', 'integrity-1.png'))).toBe(true);
  });

  test('looks at every slice of a series', async () => {
    const series = join(folder, 'series');
    mkdirSync(series);
    [...sampleStudy('ct-chest', 7).files].slice(0, 3).forEach(([name, bytes]) => writeFileSync(join(series, name.replaceAll('/', '-')), bytes));
    const told = await integrity({}, [series]);
    expect(told.images).toHaveLength(3);
    expect(new Set(told.images.map(({ name }) => name)).size).toBe(3);
  });

  test('makes cases, measures on them, and reads answers to them', async () => {
    const cases = join(folder, 'cases');
    await integrity({ make: cases, data: [writePhantomIndex(3)], most: '2', seed: '4' }, []);
    const index = join(cases, 'index.jsonl');
    const measured = await integrity({ cases: [index] }, []) as unknown as { readonly tables: readonly { readonly generators: string; readonly images: number }[] };
    expect(measured.tables).toMatchObject([{ generators: 'learnt' }]);
    const answers = join(folder, 'answers.jsonl');
    const ids = readFileSync(index, 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as { id: string }).id);
    writeFileSync(answers, ids.map((id) => `${JSON.stringify({ id, text: '<think>Nothing stands out.</think><answer>REAL</answer>' })}\n`).join(''));
    expect(await integrity({ cases: [index], answers }, [])).toMatchObject({ formed: { count: ids.length, of: ids.length }, unborne: { count: 0 }, tables: [{ falseAlarms: { count: 0 } }] });
  });

  test.each([
    ['a missing path', {}, [join(folder, 'none')], 'review.path'], ['no path', {}, [], 'UsageError'], ['a folder that is no network', { network: tmpdir() }, [picture], 'integrity.kind'], ['cases of a split that does not exist', { make: join(folder, 'x'), data: ['y'], split: 'all' }, [], 'UsageError'],
    ['cases without data', { make: join(folder, 'x') }, [], 'UsageError'], ['answers without cases', { answers: 'x' }, [], 'UsageError'],
  ])('refuses %s', async (_, values, positionals, code) => expect(await refused(values as CommandValues, positionals)).toBe(code));
});
