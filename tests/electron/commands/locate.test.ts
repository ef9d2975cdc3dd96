/** `loupe locate` with a localizer whose weights are random: what it finds means nothing, how it answers does. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandValues } from '#electron/commands/command.ts';
import { command } from '#electron/commands/locate.ts';
import { createPicture } from '#models/imaging/image.ts';
import { encodePng, isPng } from '#models/imaging/png.ts';
import { parseConfig } from '#models/networks/config.ts';
import { featureParameters, localizerMakings, type LocalizerConfig } from '#models/networks/localizer.ts';
import { saveLocalizer } from '#models/weights/localizer.ts';
import { writeThings } from '#tests/support/drawnThings.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';
import { initialWeights } from '#training/initialize.ts';
import { localizerParameters } from '#training/localizerGraph.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-locate-'));
const localizer = join(folder, 'localizer');
const picture = join(folder, 'picture.png');

beforeAll(() => {
  const base = { ...(tinyRecipe.start as { scratch: object }).scratch, vocab_size: 400 };
  const config: LocalizerConfig = { features: [1, 2], side: 56, width: 16, heads: 2, mlpWidth: 16, encoderLayers: 1, decoderLayers: 1, queries: 8 };
  const network = parseConfig(base);
  const specs = [...featureParameters(network, config), ...localizerParameters(localizerMakings(network, config))];
  const weights = initialWeights(network, specs, 3);
  saveLocalizer(localizer, { config, base, preprocessor: { image_mean: [0.5, 0.5, 0.5], image_std: [0.25, 0.25, 0.25] }, tensors: specs.map(({ name, shape }) => ({ name, shape, data: weights.get(name)! })) });
  const shown = createPicture({ width: 120, height: 80 }, [90, 120, 150]);
  for (let i = 0; i < shown.data.length; i += 21) shown.data[i] = 30;
  writeFileSync(picture, encodePng(shown));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function locate(values: CommandValues, positionals: readonly string[] = [picture]): Promise<{ frames: { name: string; found: { box: number[]; score: number }[] }[] }> {
  const printed: unknown[] = [];
  await command.run({ positionals, values: { localizer: [localizer], ...values }, json: true, signal: new AbortController().signal, print: (value) => printed.push(value), progress: () => undefined });
  expect(printed).toHaveLength(1);
  return JSON.parse(JSON.stringify(printed[0])) as Awaited<ReturnType<typeof locate>>;
}
const refused = (values: CommandValues, positionals?: readonly string[]): Promise<unknown> => locate(values, positionals).then(() => 'nothing', (error: { code?: string; name: string }) => error.code ?? error.name);

describe('loupe locate', () => {
  test('tells boxes with scores in pixels of the picture, and not the example again', async () => {
    const { frames: [frame] } = await locate({ like: ['10,10,40,40'], least: '0' });
    expect(frame!.found.length).toBeGreaterThan(0);
    for (const { box: [x1, y1, x2, y2], score } of frame!.found) expect(x1! >= 0 && y1! >= 0 && x2! <= 120 && y2! <= 80 && x1! < x2! && y1! < y2! && score >= 0 && score <= 1).toBe(true);
  });

  test('is silent where nothing is like enough', async () => expect((await locate({ like: ['10,10,40,40'], least: '0.99' })).frames[0]!.found).toEqual([]));

  test('goes field by field, within the picture', async () => {
    const { frames: [frame] } = await locate({ like: ['10,10,40,40'], least: '0', field: '50' });
    for (const { box: [x1, y1, x2, y2] } of frame!.found) expect(x1! >= 0 && y1! >= 0 && x2! <= 120 && y2! <= 80).toBe(true);
  });

  test('writes what it found and a picture of it', async () => {
    const out = join(folder, 'out');
    const record = await locate({ like: ['10,10,40,40', '60,20,90,50'], unlike: ['0,60,20,80'], least: '0', out });
    expect(JSON.parse(readFileSync(join(out, 'found.json'), 'utf8'))).toEqual(record);
    expect(isPng(readFileSync(join(out, 'overlay.png')))).toBe(true);
    writeFileSync(join(folder, 'file'), '');
    expect(await refused({ like: ['10,10,40,40'], out: join(folder, 'file', 'out') })).toBe('storage.write');
  });

  test.each([
    ['no example', {}, 'UsageError'], ['an example of three numbers', { like: ['1,2,3'] }, 'UsageError'], ['an example upside down', { like: ['10,40,40,10'] }, 'UsageError'], ['an example of words', { like: ['a,b,c,d'] }, 'UsageError'],
    ['an example and a kind', { like: ['1,1,9,9'], kind: 'lung' }, 'UsageError'], ['a kind that is not known', { kind: 'lung' }, 'locate.kind'],
    ['an example beside the picture', { like: ['500,500,520,520'] }, 'locate.outside'], ['a folder that is no localizer', { like: ['1,1,9,9'], localizer: [tmpdir()] }, 'localizer.kind'],
  ])('refuses %s', async (_name, values, code) => expect(await refused(values)).toBe(code));

  test('seeks nothing where there is nothing: an example of one colour is refused, and an image of one colour gives no boxes', async () => {
    const even = join(folder, 'even.png');
    writeFileSync(even, encodePng(createPicture({ width: 120, height: 80 }, [90, 120, 150])));
    for (const field of [{}, { field: '50' }]) expect(await refused({ like: ['10,10,40,40'], least: '0', ...field }, [even])).toBe('locate.blank');
    await locate({ cases: [writeThings(10)], keep: true }, []);
    for (const field of [{}, { field: '50' }]) expect((await locate({ kind: 'green_square', least: '0', ...field }, [even])).frames).toEqual([expect.objectContaining({ isBlank: true, found: [] })]);
    rmSync(join(localizer, 'prompts.json'));
  });

  test('measures cases that have boxes, and refuses those without', async () => {
    const index = writeThings(10);
    const measured = await locate({ cases: [index] }, []) as unknown as { measures: { stored: { kind: string; images: number }[]; images: number } }[];
    expect(measured[0]!.measures.images).toBe(2);
    expect(measured[0]!.measures.stored.map(({ kind }) => kind)).toEqual(['green_square', 'red_square']);
    await locate({ cases: [index], keep: true }, []);
    expect((await locate({ kind: 'green_square', least: '0' })).frames[0]!.found.length).toBeGreaterThan(0);
    expect(await refused({ kind: 'lung' })).toBe('locate.kind');
    // Prompts of other weights would find anything but what they are called.
    const prompts = join(localizer, 'prompts.json');
    writeFileSync(prompts, readFileSync(prompts, 'utf8').replace(/"weights":"./, '"weights":"x'));
    expect(await refused({ kind: 'green_square' })).toBe('localizer.kind');
    rmSync(prompts);
    const bare = join(folder, 'bare.jsonl');
    writeFileSync(bare, readFileSync(index, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.stringify({ ...JSON.parse(line) as object, boxes: undefined })).join('\n'));
    expect(await refused({ cases: [bare] }, [])).toBe('locate.cases');
  });
});
