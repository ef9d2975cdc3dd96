import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contradictionsOf, fingerprintOf } from '#electron/integrity/fingerprint.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { encodePng } from '#models/imaging/png.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-prints-'));
const put = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const dicom = (data: Uint16Array, more: readonly NewElement[] = []): Uint8Array => writeDicom([
  { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: '1.2.3.4' }, { tag: 'x0020000d', vr: 'UI', value: '1.2.3' }, { tag: 'x0020000e', vr: 'UI', value: '1.2.3.1' },
  ...pixelElements({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data, bitsStored: 12 }), ...more,
]);

describe('a fingerprint', () => {
  test('stays with the pixels when the file around them changes', async () => {
    const picture = { width: 9, height: 7, data: Uint8Array.from({ length: 189 }, (_, i) => i) };
    const [one, other] = await Promise.all([fingerprintOf(put('a.png', encodePng(picture, { level: 1 }))), fingerprintOf(put('b.png', encodePng(picture, { level: 9 })))]);
    expect(one.file).not.toBe(other.file);
    expect(one.pixels).toBe(other.pixels);
    const data = picture.data.slice();
    data[20]!++;
    expect((await fingerprintOf(put('c.png', encodePng({ ...picture, data })))).pixels).not.toBe(one.pixels);
  });

  test('of an image in DICOM tells its pixels and its identifier apart', async () => {
    const values = Uint16Array.of(1, 2, 3, 4);
    const [first, renamed, repainted] = await Promise.all([
      fingerprintOf(put('a.dcm', dicom(values))), fingerprintOf(put('b.dcm', dicom(values, [{ tag: 'x00100020', vr: 'LO', value: 'OTHER' }]))), fingerprintOf(put('c.dcm', dicom(Uint16Array.of(1, 2, 3, 9)))),
    ]);
    expect(renamed).toMatchObject({ pixels: first.pixels, instance: first.instance });
    expect(repainted).toMatchObject({ instance: first.instance });
    expect(repainted.pixels).not.toBe(first.pixels);
  });

  test('of a file that holds no image is that of the file alone; a missing one is a fault', async () => {
    expect(await fingerprintOf(put('x.bin', Uint8Array.of(1, 2, 3)))).toMatchObject({ pixels: null, instance: null });
    await expect(fingerprintOf(join(folder, 'none'))).rejects.toMatchObject({ code: 'integrity.file' });
  });
});

test('a header is held against its pixels', () => {
  const told = (least: number, greatest: number, more: readonly NewElement[] = []): readonly string[] => contradictionsOf(readDicom(dicom(Uint16Array.of(1, 2, 3, 4), more)), least, greatest);
  expect(told(1, 4)).toEqual([]);
  expect(told(1, 5000)[0]).toMatch(/12 bits/);
  expect(told(1, 4, [{ tag: 'x00280106', vr: 'US', value: 0 }, { tag: 'x00280107', vr: 'US', value: 4 }])).toEqual(['The header says that the smallest stored value is 0; it is 1.']);
  expect(told(1, 4, [{ tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY'] }, { tag: 'x00082111', vr: 'ST', value: 'resampled' }])[0]).toMatch(/derived/);
});
