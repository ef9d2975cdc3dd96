/** Writing in DICOM pixels: when a person has to look, what is found, and that nothing of it stays where it is made black. */
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { blankedPixels, writingOf } from '#models/imaging/dicom/burnedIn.ts';
import { deidentify, mappingOf } from '#models/imaging/dicom/deidentify.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import type { NewElement } from '#models/imaging/dicom/writer.ts';
import { imageFile } from './fixtures.ts';

GlobalFonts.registerFromPath('node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf', 'DejaVu Sans');
const [rows, columns] = [120, 200];

/** Grey values of a dark frame with words in its upper left. */
function written(words: string): Uint8Array {
  const context = createCanvas(columns, rows).getContext('2d');
  context.fillStyle = '#282828';
  context.fillRect(0, 0, columns, rows);
  context.font = '16px "DejaVu Sans"';
  context.fillStyle = '#ffffff';
  context.fillText(words, 10, 24);
  const { data } = context.getImageData(0, 0, columns, rows);
  return Uint8Array.from({ length: rows * columns }, (_, i) => data[4 * i]!);
}

const kind = (modality: string, sopClass: string, more: readonly NewElement[] = []): NewElement[] => [{ tag: 'x00080016', vr: 'UI', value: sopClass }, { tag: 'x00080060', vr: 'CS', value: modality }, ...more];
const ct = '1.2.840.10008.5.1.4.1.1.2';
const clean = (more: readonly NewElement[]): Uint8Array => imageFile({ rows, columns, photometric: 'MONOCHROME2', data: written('') }, more);

describe('a person has to look', () => {
  test.each([
    ['where writing was found', imageFile({ rows, columns, photometric: 'MONOCHROME2', data: written('DOE^JANE 1964') }, kind('CT', ct)), /row of writing/],
    ['at ultrasound, whatever was found', clean(kind('US', '1.2.840.10008.5.1.4.1.1.6.1')), /usually carry writing/],
    ['at a secondary capture', clean(kind('CT', '1.2.840.10008.5.1.4.1.1.7')), /usually carry writing/],
    ['where the file says so', clean(kind('CT', ct, [{ tag: 'x00280301', vr: 'CS', value: 'YES' }])), /burnt-in annotation/],
    ['at the label of a slide', clean(kind('SM', '1.2.840.10008.5.1.4.1.1.77.1.6', [{ tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY', 'LABEL', 'NONE'] }])), /label of a slide/],
    ['at an eye photograph that does not deny it', clean(kind('OP', '1.2.840.10008.5.1.4.1.1.77.1.5.1')), /does not deny/],
  ])('%s', async (_when, bytes, reason) => {
    const { mustBeSeen, reasons } = await writingOf(readDicom(bytes));
    expect([mustBeSeen, reasons.join(' ')]).toEqual([true, expect.stringMatching(reason)]);
  });
  test('nowhere else', async () => {
    expect(await writingOf(readDicom(clean(kind('CT', ct))))).toEqual({ mustBeSeen: false, reasons: [], found: [] });
    expect((await writingOf(readDicom(clean(kind('OP', '1.2.840.10008.5.1.4.1.1.77.1.5.1', [{ tag: 'x00280301', vr: 'CS', value: 'NO' }]))))).mustBeSeen).toBe(false);
  });
});

test('each place is told once, with the first frame that shows it', async () => {
  const data = new Uint8Array(3 * rows * columns).fill(0x28);
  data.set(written('DOE^JANE'), rows * columns);
  data.set(written('DOE^JANE'), 2 * rows * columns);
  const { found } = await writingOf(readDicom(imageFile({ rows, columns, frames: 3, photometric: 'MONOCHROME2', data }, kind('CT', ct))));
  expect(found).toEqual([{ frame: 1, box: expect.objectContaining({ x1: expect.any(Number) }) }]);
  const { x1, y1, x2, y2 } = found[0]!.box;
  expect(x1 < 14 && y1 < 14 && x2 > 70 && y2 > 24 && y2 < 34).toBe(true);
});

describe('made black', () => {
  const keyed = mappingOf((words) => new Uint8Array(createHmac('sha256', 's').update(words).digest()));
  test('nothing of the writing stays, nothing else changes, and the file says it was cleaned', async () => {
    const source = readDicom(imageFile({ rows, columns, photometric: 'MONOCHROME2', data: written('DOE^JANE 1964') }, kind('CT', ct)));
    const { found } = await writingOf(source);
    const { bytes, codes } = await deidentify(source, { options: [], mapping: keyed, software: 'test', pixels: { kind: 'blank', boxes: found.map(({ box }) => box) } });
    const after = readDicom(bytes);
    expect([after.notes, codes, firstText(after.dataSet, 'x00280301')]).toEqual([[], ['113100', '113101'], 'NO']);
    expect(Buffer.compare(Buffer.from((await decodeFrame(after, 0)).data.buffer), Buffer.from(written('').buffer))).toBe(0);
    expect((await writingOf(after)).found).toEqual([]);
  });

  test.each([
    ['signed grey', { photometric: 'MONOCHROME2', data: Int16Array.from({ length: 16 }, (_, i) => i * 100 - 1024) }, -1024],
    ['inverted grey', { photometric: 'MONOCHROME1', data: Uint16Array.from({ length: 16 }, (_, i) => i * 100) }, 1500],
    ['colour', { photometric: 'RGB', data: Uint8Array.from({ length: 48 }, (_, i) => 5 * i) }, 0],
  ] as const)('%s takes its own black within the rectangle only', async (_kind, pixels, black) => {
    const file = readDicom(imageFile({ rows: 4, columns: 4, ...pixels }));
    const { bytes } = await deidentify(file, { options: [], mapping: keyed, software: 'test', pixels: { kind: 'blank', boxes: [{ x1: 0.6, y1: 1, x2: 2, y2: 2.2 }] } });
    const after = (await decodeFrame(readDicom(bytes), 0)).data;
    const samples = pixels.photometric === 'RGB' ? 3 : 1;
    const changed = [...after].flatMap((value, i) => (value === pixels.data[i] ? [] : [[Math.floor(i / samples) % 4, Math.floor(i / samples / 4)].join()]));
    expect([...new Set(changed)].sort()).toEqual(['0,1', '0,2', '1,1', '1,2']);
    expect(after[(4 + 1) * samples]).toBe(black);
  });

  test('float values are refused by name', async () => {
    const file = readDicom(clean(kind('CT', ct)));
    await expect(blankedPixels({ ...file, image: { ...file.image!, kind: 'float32' } }, [{ x1: 0, y1: 0, x2: 1, y2: 1 }])).rejects.toMatchObject({ code: 'deidentify.blank' });
  });
});
