import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCanvas } from '@napi-rs/canvas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPixels } from '#electron/library/pixels.ts';
import { mapBox } from '#models/imaging/coordinates.ts';
import { pixelElements, writeDicom } from '#models/imaging/dicom/writer.ts';
import { createPicture, crop } from '#models/imaging/image.ts';
import { encodePng } from '#models/imaging/picture.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'loupe-pixels-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** Rows of a pixel are twice as far apart as columns where that is wished, so that the picture is shown taller than it is stored. */
const dicom = (spacing: readonly [number, number]): Uint8Array => writeDicom([
  { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: '2.25.1' }, { tag: 'x00080060', vr: 'CS', value: 'CT' }, { tag: 'x00280030', vr: 'DS', value: [...spacing] },
  ...pixelElements({ rows: 40, columns: 60, photometric: 'MONOCHROME2', data: Uint16Array.from({ length: 2400 }, (_, i) => (i * 37) % 1000), bitsStored: 16 }),
]);

function plain(): Uint8Array {
  const picture = createPicture({ width: 60, height: 40 });
  picture.data.forEach((_, i) => (picture.data[i] = (i * 31) % 256));
  return encodePng(picture);
}

test.each([['frame.dcm', dicom([1, 1]), 1], ['tall.dcm', dicom([2, 1]), 2], ['picture.png', plain(), 1]] as const)('a region of %s is exactly those pixels, at the window of the whole, and finds its way back', async (name, bytes, stretch) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const pixels = openPixels();
  const [whole, part] = [await pixels.shown(path, 0), await pixels.shown(path, 0, { region: { x: 10, y: 20, width: 30, height: 12 } })];
  expect(part.picture).toEqual(crop(whole.picture, { x1: 10, y1: 20 * stretch, x2: 40, y2: 32 * stretch }));
  expect(mapBox(part.toSource, { x1: 0, y1: 0, x2: 30, y2: 12 * stretch })).toEqual({ x1: 10, y1: 20, x2: 40, y2: 32 });
  expect([part.source, part.window, whole.source]).toEqual([whole.source, whole.window, { width: 60, height: 40 }]);
  await expect(pixels.shown(path, 0, { region: { x: 500, y: 0, width: 9, height: 9 } })).rejects.toMatchObject({ code: 'picture.region' });
});

test('an image that lost pixels on the way says so: by its own word, or by how it is packed', async () => {
  const picture = createCanvas(16, 16).toBuffer('image/jpeg', 80);
  const packed = [{ tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.7' }, { tag: 'x00080018', vr: 'UI', value: '2.25.2' }, ...pixelElements({ rows: 16, columns: 16, photometric: 'RGB', data: new Uint8Array(768) }).filter(({ tag }) => tag !== 'x7fe00010' && tag !== 'x00280004'), { tag: 'x00280004', vr: 'CS', value: 'YBR_FULL_422' }] as const;
  const files = [dicom([1, 1]), writeDicom(packed, { transferSyntaxUid: '1.2.840.10008.1.2.4.50', table: 'basic', frames: [[new Uint8Array(picture)]] })];
  const pixels = openPixels();
  const said = await Promise.all(files.map(async (bytes, i) => {
    writeFileSync(join(folder, `lossy${i}.dcm`), bytes);
    return (await pixels.values(join(folder, `lossy${i}.dcm`), 'a'.repeat(64), 0)).header.isLossy;
  }));
  expect(said).toEqual([false, true]);
});
