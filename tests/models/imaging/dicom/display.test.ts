import { describe, expect, test } from 'vitest';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { availableVois, defaultVoi, modalityTransform, toDisplay } from '#models/imaging/dicom/display.ts';
import type { DisplayOptions } from '#models/imaging/dicom/display.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import type { NewElement, NewPixels } from '#models/imaging/dicom/writer.ts';
import { imageFile } from './fixtures.ts';

const number = (tag: NewElement['tag'], value: number | readonly number[]): NewElement => ({ tag, vr: 'DS', value });
const word = (tag: NewElement['tag'], value: number | readonly number[]): NewElement => ({ tag, vr: 'US', value });
const code = (tag: NewElement['tag'], value: string): NewElement => ({ tag, vr: 'CS', value });

const row = (data: NewPixels['data'], photometric: NewPixels['photometric'] = 'MONOCHROME2'): NewPixels =>
  ({ rows: 1, columns: photometric === 'RGB' ? data.length / 3 : data.length, photometric, data });

/** The red channel of the picture of a one-row image. */
async function levels(pixels: NewPixels, more: readonly NewElement[] = [], options?: DisplayOptions): Promise<number[]> {
  const file = readDicom(imageFile(pixels, more));
  const picture = toDisplay(file, await decodeFrame(file, 0), options);
  expect(picture.data).toHaveLength(picture.width * picture.height * 3);
  return Array.from({ length: picture.width }, (_, x) => picture.data[x * 3]!);
}

describe('grey images', () => {
  test('the file’s window maps modality values, rescaled', async () => {
    const rescale = [number('x00281052', -1024), number('x00281053', 2), number('x00281050', 0), number('x00281051', 257), code('x00281056', 'LINEAR')];
    // 512 · 2 − 1024 = 0 lies half a step above the middle of the ramp from −128.5 to 127.5.
    expect(await levels(row(Uint16Array.of(0, 449, 512, 576, 4000)), rescale)).toEqual([0, 2, 128, 255, 255]);
  });

  test('a window of width 1 over fractions is a ramp, not a step', async () => {
    const window = [number('x00281052', 0), number('x00281053', 0.01), number('x00281050', 0.5), number('x00281051', 1)];
    expect(await levels(row(Uint16Array.of(0, 25, 50, 100)), window)).toEqual([0, 64, 128, 255]);
    expect(await levels(row(Uint16Array.of(0, 25, 50, 100)), [...window, code('x00281056', 'LINEAR')])).toEqual([0, 255, 255, 255]);
  });

  test('a modality table comes before a rescale', async () => {
    const table: NewElement = { tag: 'x00283000', vr: 'SQ', value: [[word('x00283002', [3, 10, 16]), { tag: 'x00283006', vr: 'US', value: [0, 500, 1000] }]] };
    const file = readDicom(imageFile(row(Uint16Array.of(9, 10, 11, 12, 99)), [table, number('x00281053', 7)]));
    const { apply } = modalityTransform(file);
    expect([9, 10, 11, 12, 99].map(apply)).toEqual([0, 0, 500, 1000, 1000]);
  });

  test('a VOI table gives brightness where there is no window', async () => {
    const table: NewElement = { tag: 'x00283010', vr: 'SQ', value: [[word('x00283002', [3, 1, 8]), { tag: 'x00283003', vr: 'LO', value: 'Contrast' }, { tag: 'x00283006', vr: 'US', value: [255, 0, 51] }]] };
    expect(await levels(row(Uint8Array.of(0, 1, 2, 3, 4)), [table])).toEqual([255, 255, 0, 51, 51]);
    const file = readDicom(imageFile(row(Uint8Array.of(0, 1)), [table]));
    expect(defaultVoi(file, await decodeFrame(file, 0))).toMatchObject({ kind: 'table', name: 'Contrast' });
  });

  test('MONOCHROME1 and an inverse presentation are turned round', async () => {
    expect(await levels(row(Uint8Array.of(0, 100, 255), 'MONOCHROME1'))).toEqual([255, 155, 0]);
    expect(await levels(row(Uint8Array.of(0, 100, 255)), [code('x20500020', 'INVERSE')])).toEqual([255, 155, 0]);
    expect(await levels(row(Uint8Array.of(0, 100, 255), 'MONOCHROME1'), [code('x20500020', 'INVERSE')])).toEqual([255, 155, 0]);
  });

  test('padding is black and does not stretch the range', async () => {
    const padding: NewElement = { tag: 'x00280120', vr: 'SS', value: -2000 };
    expect(await levels(row(Int16Array.of(-2000, 0, 50, 100)), [padding])).toEqual([0, 0, 128, 255]);
    expect(await levels(row(Int16Array.of(-2000, 0, 50, 100), 'MONOCHROME1'), [padding])).toEqual([0, 255, 128, 0]);
    const limit: NewElement = { tag: 'x00280121', vr: 'SS', value: -1000 };
    expect(await levels(row(Int16Array.of(-1500, 0, 50, 100)), [padding, limit])).toEqual([0, 0, 128, 255]);
  });

  test('without window the range of the values is used, eight-bit values as they are', async () => {
    expect(await levels(row(Uint16Array.of(1000, 1500, 2000)))).toEqual([0, 128, 255]);
    expect(await levels(row(Uint8Array.of(10, 20, 30)))).toEqual([10, 20, 30]);
  });

  test('CT without a window is shown for soft tissue', async () => {
    const file = readDicom(imageFile(row(Int16Array.of(-1024, 40, 3000)), [code('x00080060', 'CT'), number('x00281053', 1), number('x00281052', 0)]));
    const frame = await decodeFrame(file, 0);
    expect(defaultVoi(file, frame)).toMatchObject({ name: 'Soft tissue', window: { center: 40, width: 400 } });
    expect(availableVois(file, frame).map(({ name }) => name)).toEqual(expect.arrayContaining(['Lung', 'Bone', 'Brain', 'All values']));
  });

  test('several windows of a file are offered by their names, unusable ones are not', async () => {
    const file = readDicom(imageFile(row(Uint16Array.of(1, 2)), [
      number('x00281050', [40, 450, 7]), number('x00281051', [350, 1500, 0]), { tag: 'x00281055', vr: 'LO', value: ['SOFT', 'BONE', 'NONE'] },
    ]));
    expect(availableVois(file, await decodeFrame(file, 0)).map(({ name }) => name)).toEqual(['SOFT', 'BONE', 'All values']);
  });

  test('a chosen window is used in place of the file’s', async () => {
    const voi = { kind: 'window', name: 'mine', window: { center: 100, width: 100, shape: 'LINEAR_EXACT' } } as const;
    expect(await levels(row(Uint16Array.of(50, 100, 150)), [number('x00281050', 0), number('x00281051', 10)], { voi })).toEqual([0, 128, 255]);
  });

  test('the frame’s own window and rescale go before the image’s', async () => {
    const groups: NewElement = { tag: 'x52009230', vr: 'SQ', value: [0, 1].map((frame): NewElement[] => [
      { tag: 'x00289132', vr: 'SQ', value: [[number('x00281050', 100 + 100 * frame), number('x00281051', 100), code('x00281056', 'LINEAR_EXACT')]] },
      { tag: 'x00289145', vr: 'SQ', value: [[number('x00281052', 0), number('x00281053', 1 + frame)]] },
    ]) };
    const file = readDicom(imageFile({ rows: 1, columns: 1, frames: 2, photometric: 'MONOCHROME2', data: Uint16Array.of(100, 100) }, [groups]));
    const grey = [0, 1].map(async (index) => toDisplay(file, await decodeFrame(file, index), { index }).data[0]);
    expect(await Promise.all(grey)).toEqual([128, 128]);
  });
});

describe('colour images', () => {
  test('RGB stays, and the stored frame is not shared', async () => {
    const file = readDicom(imageFile(row(Uint8Array.of(1, 2, 3, 4, 5, 6), 'RGB')));
    const frame = await decodeFrame(file, 0);
    const picture = toDisplay(file, frame);
    expect([...picture.data]).toEqual([1, 2, 3, 4, 5, 6]);
    picture.data[0] = 99;
    expect(frame.data[0]).toBe(1);
  });

  test('full-range YBR becomes RGB', async () => {
    const file = readDicom(imageFile(row(Uint8Array.of(76, 85, 255, 150, 44, 21), 'RGB'), [code('x00280004', 'YBR_FULL')]));
    const { data } = toDisplay(file, await decodeFrame(file, 0));
    // Pure red and pure green, within rounding.
    expect(Math.abs(data[0]! - 255) + data[1]! + data[2]!).toBeLessThan(4);
    expect(data[3]! + Math.abs(data[4]! - 255) + data[5]!).toBeLessThan(6);
  });

  test('a palette colours its indices, and is held at its ends', async () => {
    const channels = [1, 2, 3].flatMap((i): NewElement[] => [word(`x0028110${i}`, [3, 5, 8]), { tag: `x0028120${i}`, vr: 'OW', value: Uint8Array.of(10 * i, 20 * i, 30 * i, 0) }]);
    const file = readDicom(imageFile(row(Uint8Array.of(0, 5, 6, 7, 200)), [code('x00280004', 'PALETTE COLOR'), ...channels]));
    const { data } = toDisplay(file, await decodeFrame(file, 0));
    expect([...data]).toEqual([10, 20, 30, 10, 20, 30, 20, 40, 60, 30, 60, 90, 30, 60, 90]);
  });

  test('a palette image without its palette is a fault', async () => {
    const file = readDicom(imageFile(row(Uint8Array.of(0, 5)), [code('x00280004', 'PALETTE COLOR')]));
    const frame = await decodeFrame(file, 0);
    expect(() => toDisplay(file, frame)).toThrow(expect.objectContaining({ code: 'dicom.photometric' }));
  });

  test('a supplemental palette colours the values from its first on', async () => {
    const channels = [1, 2, 3].flatMap((i): NewElement[] => [word(`x0028110${i}`, [2, 1000, 8]), { tag: `x0028120${i}`, vr: 'OW', value: Uint8Array.of(i, 100 + i) }]);
    const file = readDicom(imageFile(row(Uint16Array.of(0, 999, 1000, 1001)), [code('x00089205', 'MIXED'), number('x00281050', 500), number('x00281051', 1000), ...channels]));
    const { data } = toDisplay(file, await decodeFrame(file, 0));
    expect([...data.slice(6)]).toEqual([1, 2, 3, 101, 102, 103]);
    expect(data[3]).toBe(data[4]);
  });
});
