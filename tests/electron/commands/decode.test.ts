import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeFile } from '#electron/commands/decode.ts';
import type { Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { fluorescence } from '#tests/support/fluorescence.ts';
import { pattern, tilesOf } from '#tests/support/pictures.ts';
import { makeTiff } from '#tests/support/tiff.ts';

const folder = join(process.env['LOUPE_SHARED'] ?? '../shared', 'data/dicom');
const slides = join(process.env['LOUPE_SHARED'] ?? '../shared', 'data/wsi');
const here = existsSync(join(folder, 'manifest.json'));

interface Entry {
  readonly file: string;
  readonly expect: string;
  readonly pixels?: Record<string, unknown> & { readonly tolerance: number };
  readonly [field: string]: unknown;
}

const entries = here ? (JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { files: Entry[] }).files : [];
const entry = (file: string): Entry => entries.find((found) => found.file === file)!;
const listener = { signal: new AbortController().signal, progress: (): void => undefined };

const decoded = new Map<string, Promise<Record<string, unknown>>>();

/** Each file is decoded once, however many tests look at it. */
function decode(file: string): Promise<Record<string, unknown>> {
  const known = decoded.get(file) ?? describeFile(join(folder, file), listener);
  decoded.set(file, known);
  return known;
}

/** What the manifest says of a file beyond what the file itself holds. */
const editorial = new Set(['file', 'source_repository', 'source_path', 'licence', 'obligation', 'tags', 'expect', 'pixels', 'why', 'same_pixels_group', 'pixels_partial', 'pixels_if_inferred']);

describe.skipIf(!here)('loupe decode over the reference files (skipped where ../shared is absent)', () => {
  test.each(entries.filter((found) => found.expect === 'decode').map((found) => found.file))('%s decodes to the reference pixels', async (file) => {
    const found = await decode(file);
    const { agreeing_decoders: _agreeing, alternative_sha256: _alternative, note: _note, tolerance, ...pixels } = entry(file).pixels!;
    // Every lossy file is met bit by bit too: the reference decoders and ours do the same integer arithmetic.
    expect({ tolerance, ...(found['pixels'] as object) }).toMatchObject({ tolerance, ...pixels });
    expect(found).not.toHaveProperty('fault');
  });

  test.each(entries.filter(({ file }) => file !== 'bad_no_file_meta.dcm').map(({ file }) => file))('the header of %s is read as the manifest states it', async (file) => {
    const found = await decode(file);
    const stated = Object.fromEntries(Object.entries(entry(file)).filter(([name]) => !editorial.has(name)));
    expect(found).toMatchObject(stated);
  });

  test.each(entries.filter((found) => found.expect === 'no_image').map((found) => found.file))('%s is recognised as carrying no image', async (file) => {
    const found = await decode(file);
    expect(found['fault']).toMatchObject({ code: 'dicom.noImage' });
    expect(found).not.toHaveProperty('pixels');
  });

  test('a file that begins with a stray byte is refused', async () => {
    await expect(decode('bad_no_file_meta.dcm')).rejects.toMatchObject({ code: 'dicom.unrecognised' });
  });

  test('pixels that were cut are reported, and the bytes that are there are given', async () => {
    const found = await decode('bad_truncated_pixels.dcm');
    expect(found).toMatchObject({ fault: { code: 'dicom.truncated' }, pixels_partial: entry('bad_truncated_pixels.dcm')['pixels_partial'] });
  });

  test('a file that ends inside its compressed pixels is reported, with the frames that are whole', async () => {
    const found = await decode('bad_truncated_j2k_frames.dcm');
    expect(found).toMatchObject({ fault: { code: 'dicom.truncated' } });
    expect((found['pixels_partial'] as { frames: number }).frames).toBeGreaterThan(0);
  });

  test('a number of frames that is no number is reported, and the frames are counted', async () => {
    const found = await decode('bad_value_for_vr.dcm');
    expect(found).toMatchObject({ fault: { code: 'dicom.badValue' }, pixels_if_inferred: entry('bad_value_for_vr.dcm')['pixels_if_inferred'] });
  });

  test('delimiter bytes inside a code stream do not end the element', async () => {
    const found = await decode('bad_j2k_embedded_delimiter.dcm');
    expect(found['fault'] ?? found['pixels']).toBeDefined();
    expect(found).toMatchObject({ rows: 1024, columns: 256 });
  });
});

describe.skipIf(!existsSync(join(slides, 'manifest.json')))('loupe decode over the reference slides (skipped where ../shared is absent)', () => {
  test('each page of a tiled TIFF is described, with its pixels', async () => {
    const manifest = JSON.parse(readFileSync(join(slides, 'manifest.json'), 'utf8')) as { files: { file: string; pages?: { pixels: object }[] }[] };
    const boxes = manifest.files.find(({ file }) => file === 'boxes.tiff')!;
    expect(await describeFile(join(slides, 'boxes.tiff'), listener)).toMatchObject({ pages: boxes.pages });
  });

  test('a TIFF that cannot be decoded is reported', async () => {
    expect(await describeFile(join(slides, 'unopenable.tiff'), listener)).toMatchObject({ fault: { code: 'picture.unsupported' } });
  });
});

test('a slide is described by its levels, its scale, its objective and what lies beside it; a fluorescence slide by its channels', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-decode-'));
  const picture = pattern(64, 32);
  const half = resize(picture, { width: 32, height: 16 });
  const tiled = (of: Picture, description: string) => ({ ...of, tile: [16, 16] as const, blocks: tilesOf(of, [16, 16]), description });
  writeFileSync(join(folder, 'x.svs'), makeTiff([
    tiled(picture, 'Aperio Image Library v12\r\n64x32 (16x16) RAW|AppMag = 40|MPP = 0.2525'), tiled(half, 'Aperio Image Library v12'), { ...pattern(20, 20), blocks: [pattern(20, 20).data], description: 'label 20x20', subfileType: 1 },
  ]));
  expect(await describeFile(join(folder, 'x.svs'), listener)).toMatchObject({ slide: {
    width: 64, height: 32, mpp: [0.2525, 0.2525], mpp_source: 'aperio', objective: 40, beside: ['label 20 × 20'],
    levels: [{ width: 64, height: 32, tile: [16, 16], downsample: 1 }, { width: 32, height: 16, tile: [16, 16], downsample: 2 }],
  } });
  writeFileSync(join(folder, 'cells.ome.tif'), fluorescence({ side: 64, levels: 2, mpp: 0.5 }));
  expect(await describeFile(join(folder, 'cells.ome.tif'), listener)).toMatchObject({ slide: { mpp: [0.5, 0.5], channels: ['DAPI #3060ff', 'CD3 #30e060', 'PanCK #ff4030'] } });
  rmSync(folder, { recursive: true });
});

test('a file that is not there is a fault', async () => {
  await expect(describeFile('no/such/file.dcm', listener)).rejects.toMatchObject({ code: 'file.unreadable' });
});

test('a file that is no image is a fault', async () => {
  await expect(describeFile('package.json', listener)).rejects.toMatchObject({ code: 'dicom.unrecognised' });
});
