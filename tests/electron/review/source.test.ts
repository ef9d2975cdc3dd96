import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boxFromSource, boxToSource, openSource, sha256OfFile, spread } from '#electron/review/source.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { createPicture, crop } from '#models/imaging/image.ts';
import { encodePng } from '#models/imaging/png.ts';
import { resize } from '#models/imaging/resize.ts';
import { slideFile } from '#tests/support/dicomSlides.ts';
import { pattern } from '#tests/support/pictures.ts';
import { sampleStudy, type SampleName } from '#training/synthesis/samples.ts';

const shared = process.env.LOUPE_SHARED ?? '../shared';
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'loupe-source-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a sample and gives the path that a user would name. */
function sample(name: SampleName): string {
  const root = join(folder, name);
  const { files } = sampleStudy(name);
  for (const [file, bytes] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), bytes);
  }
  return files.size > 1 ? root : join(root, [...files.keys()][0] as string);
}

const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

/** A grey DICOM image with pixels `ratio` times as high as wide. */
const dicomImage = (spacing: readonly [number, number], modality = 'OT'): Uint8Array => writeDicom([
  { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.7' }, { tag: 'x00080018', vr: 'UI', value: '2.25.11' }, { tag: 'x00080060', vr: 'CS', value: modality },
  { tag: 'x00280030', vr: 'DS', value: spacing },
  ...pixelElements({ rows: 40, columns: 60, photometric: 'MONOCHROME2', data: new Uint8Array(2400).map((_, i) => i % 251) }),
] satisfies NewElement[]);

describe('a source', () => {
  test('that is a series shows slices evenly spread along the patient, and says which', async () => {
    const { kind, frames, selection, available } = await openSource(sample('ct-liver'), { slices: 3 });
    expect(kind).toBe('series');
    expect(available).toBe(10);
    expect(frames.map(({ name }) => name)).toEqual(['slice 2 of 10', 'slice 6 of 10', 'slice 9 of 10']);
    expect(selection).toContain('2, 6, 9');
    expect(frames[0]?.window).toMatch(/centre/);
  });

  test('that is a picture is shown whole, pixel for pixel', async () => {
    const picture = createPicture({ width: 33, height: 21 }, [1, 2, 3]);
    const { frames } = await openSource(file('a.png', encodePng(picture)), { slices: 3 });
    expect(frames[0]?.picture).toEqual(picture);
    expect(frames[0]?.source).toEqual({ width: 33, height: 21 });
  });

  test('that is a slide is shown as an overview, whose boxes lie on level 0', async () => {
    const { kind, frames: [frame] } = await openSource(sample('slide'), { slices: 1 });
    expect(kind).toBe('slide');
    expect(Math.max(frame!.picture.width, frame!.picture.height)).toBeLessThanOrEqual(1024);
    const box = boxToSource(frame!, { x1: 0, y1: 0, x2: frame!.picture.width, y2: frame!.picture.height });
    expect(box).toEqual({ x1: 0, y1: 0, x2: frame!.source.width, y2: frame!.source.height });
  });

  test('that is a slide in DICOM is its levels together, read where a region is asked for', async () => {
    const level = pattern(200, 120);
    const series = [slideFile({ picture: level, tile: 32, number: 1, mppX: 0.5 }), slideFile({ picture: resize(level, { width: 100, height: 60 }), tile: 32, number: 2 }), slideFile({ picture: pattern(90, 40), tile: 32, number: 3, flavour: 'LABEL' })];
    mkdirSync(join(folder, 'levels'));
    const paths = series.map((bytes, i) => file(join('levels', `${i}.dcm`), bytes));
    const { kind, frames: [whole], files, statements } = await openSource(join(folder, 'levels'), { slices: 3 });
    expect([kind, whole?.source, whole?.picture, whole?.spacingMm]).toEqual(['slide', { width: 200, height: 120 }, level, [0.0005, 0.0005]]);
    expect(files).toEqual(paths.slice(0, 2));
    expect(statements.join()).toContain('1 file that shows the label or the glass');
    const region = { x: 64, y: 30, width: 50, height: 40 };
    for (const path of [join(folder, 'levels'), paths[0] as string]) {
      const { frames: [part] } = await openSource(path, { slices: 1, region });
      expect(part?.picture).toEqual(crop(level, { x1: 64, y1: 30, x2: 114, y2: 70 }));
      expect(boxToSource(part!, { x1: 0, y1: 0, x2: 50, y2: 40 })).toEqual({ x1: 64, y1: 30, x2: 114, y2: 70 });
    }
    await expect(openSource(paths[2] as string, { slices: 1 })).rejects.toMatchObject({ name: 'Fault', code: 'review.label' });
  });

  test('that is a region of a slide keeps its place', async () => {
    const { frames: [frame], selection } = await openSource(join(folder, 'slide', 'slide.tif'), { slices: 1, region: { x: 256, y: 128, width: 512, height: 256 }, mpp: 1 });
    expect(boxToSource(frame!, { x1: 0, y1: 0, x2: frame!.picture.width, y2: frame!.picture.height })).toEqual({ x1: 256, y1: 128, x2: 768, y2: 384 });
    expect(selection).toContain('µm a pixel');
  });

  test('that is a region of a picture is those pixels, named, with the way back', async () => {
    const picture = createPicture({ width: 40, height: 30 });
    picture.data.forEach((_, i) => (picture.data[i] = (i * 7) % 251));
    const { frames: [frame], selection } = await openSource(file('region.png', encodePng(picture)), { slices: 1, region: { x: 10, y: 5, width: 20, height: 12 } });
    expect(frame?.picture).toEqual(crop(picture, { x1: 10, y1: 5, x2: 30, y2: 17 }));
    expect(boxToSource(frame!, { x1: 0, y1: 0, x2: 20, y2: 12 })).toEqual({ x1: 10, y1: 5, x2: 30, y2: 17 });
    expect([frame?.name, frame?.source, selection]).toMatchObject(['region 20 × 12 at (10, 5)', { width: 40, height: 30 }, expect.stringContaining('Of it the region 20 × 12 at (10, 5).') as unknown]);
  });
  test('whose pixels are not square is made square for the model, and boxes find their way back', async () => {
    const { frames: [frame] } = await openSource(file('tall.dcm', dicomImage([2, 1])), { slices: 1 });
    expect([frame!.picture.width, frame!.picture.height]).toEqual([60, 80]);
    expect(boxToSource(frame!, { x1: 6, y1: 20, x2: 30, y2: 60 })).toEqual({ x1: 6, y1: 10, x2: 30, y2: 30 });
    expect(boxFromSource(frame!, { x1: 6, y1: 10, x2: 30, y2: 30 })).toEqual({ x1: 6, y1: 20, x2: 30, y2: 60 });
  });

  test('that was cut short shows what is left, and says how much', async () => {
    const whole = dicomImage([1, 1]);
    const { frames: [frame], selection } = await openSource(file('short.dcm', whole.slice(0, whole.length - 1200)), { slices: 1 });
    expect(selection).toContain('50 % of its values');
    expect([frame!.picture.width, frame!.picture.height]).toEqual([60, 40]);
    expect(frame!.picture.data.subarray(-1200).every((value) => value === 0)).toBe(true);
  });

  test('takes a window by name or by numbers, and refuses one that it does not have', async () => {
    const path = join(folder, 'ct-liver');
    expect((await openSource(path, { slices: 1, window: 'lung' })).frames[0]?.window).toContain('-600');
    expect((await openSource(path, { slices: 1, window: '30,200' })).frames[0]?.window).toContain('centre 30, width 200');
    await expect(openSource(path, { slices: 1, window: 'Purple' })).rejects.toMatchObject({ code: 'review.window' });
  });

  test('that is a folder of pictures shows some of them', async () => {
    mkdirSync(join(folder, 'album'));
    for (let i = 0; i < 5; i++) file(join('album', `${i}.png`), encodePng(createPicture({ width: 4, height: 4 }, [i, i, i])));
    const { kind, frames } = await openSource(join(folder, 'album'), { slices: 2 });
    expect(kind).toBe('pictures');
    expect(frames.map(({ name }) => name)).toEqual(['1.png', '3.png']);
  });
});

describe('what cannot be asked about is a fault:', () => {
  const refused = (path: string, code: string): Promise<void> => expect(openSource(path, { slices: 1 })).rejects.toMatchObject({ name: 'Fault', code });
  test('a path that does not exist', () => refused(join(folder, 'absent'), 'review.path'));
  test('a file that is no image', async () => await expect(openSource(file('notes.txt', 'hello'), { slices: 1 })).rejects.toMatchObject({ name: 'Fault' }));
  test('an empty file', async () => await expect(openSource(file('empty.dcm', ''), { slices: 1 })).rejects.toMatchObject({ name: 'Fault' }));
  test('a folder without images', () => {
    mkdirSync(join(folder, 'bare'));
    file(join('bare', 'notes.txt'), 'hello');
    return refused(join(folder, 'bare'), 'review.nothing');
  });
  test('a segmentation on its own', () => refused(file('seg.dcm', dicomImage([1, 1], 'SEG')), 'review.segmentation'));
  test('a picture that was cut', async () => {
    const whole = encodePng(createPicture({ width: 50, height: 50 }, [9, 8, 7]));
    for (const length of [10, 40, whole.length - 10]) await expect(openSource(file(`cut${length}.png`, whole.slice(0, length)), { slices: 1 })).rejects.toMatchObject({ name: 'Fault' });
  });
});

test('slices are the middles of equal parts', () => {
  expect(spread(10, 1)).toEqual([5]);
  expect(spread(10, 5)).toEqual([1, 3, 5, 7, 9]);
  expect(spread(3, 5)).toEqual([0, 1, 2]);
  expect(spread(0, 5)).toEqual([]);
});

test('a file is known by the SHA-256 of its bytes', async () => {
  const bytes = new Uint8Array(3_000_000).map((_, i) => i);
  expect(await sha256OfFile(file('big.bin', bytes))).toBe(createHash('sha256').update(bytes).digest('hex'));
});

const liver = join(shared, 'data', 'dicom', 'series_ct_liver');
test.skipIf(!existsSync(liver))('a segmentation in the folder of its series is left out, aloud (skipped where ../shared is absent)', async () => {
  const { frames, statements } = await openSource(liver, { slices: 5 });
  expect(frames).toHaveLength(3);
  expect(statements.join()).toContain('seg_liver.dcm is a segmentation');
});
