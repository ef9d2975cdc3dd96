import { expect, test } from 'vitest';
import { personName, readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, items, numbers, texts } from '#models/imaging/dicom/elements.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import { decimalString, pixelElements, writeDicom } from '#models/imaging/dicom/writer.ts';
import { identity, imageFile } from './fixtures.ts';

test('what is written is read back: text, numbers, nested items', () => {
  const file = readDicom(writeDicom([
    ...identity(),
    { tag: 'x00100010', vr: 'PN', value: 'Wang^XiaoDong=王^小東' },
    { tag: 'x00280030', vr: 'DS', value: [0.123456789012345678, 1e-7] },
    { tag: 'x00200013', vr: 'IS', value: 12 },
    { tag: 'x00189073', vr: 'FD', value: Math.PI },
    { tag: 'x00280009', vr: 'AT', value: 0x00181063 },
    { tag: 'x00080008', vr: 'CS', value: ['DERIVED', 'SECONDARY'] },
    { tag: 'x52009229', vr: 'SQ', value: [[{ tag: 'x00289110', vr: 'SQ', value: [[{ tag: 'x00180050', vr: 'DS', value: 2.5 }]] }], []] },
  ]));
  const { dataSet } = file;
  expect(personName(dataSet, 'x00100010')).toBe('Wang^XiaoDong=王^小東');
  expect(numbers(dataSet, 'x00280030', 'DS')).toEqual([expect.closeTo(0.123456789012345678, 13), 1e-7]);
  expect(numbers(dataSet, 'x00200013', 'IS')).toEqual([12]);
  expect(numbers(dataSet, 'x00189073', 'FD')).toEqual([Math.PI]);
  expect(texts(dataSet, 'x00080008')).toEqual(['DERIVED', 'SECONDARY']);
  const [first, second] = items(dataSet, 'x52009229');
  expect(numbers(items(first!, 'x00289110')[0]!, 'x00180050', 'DS')).toEqual([2.5]);
  expect(Object.keys(second!.parsed)).toEqual([]);
  expect(file.notes).toEqual([]);
  expect(file.imageFault?.code).toBe('dicom.noImage');
  expect(file.transferSyntax?.name).toBe('Explicit VR Little Endian');
});

test.each([
  ['8-bit grey', 'MONOCHROME2', Uint8Array.from([0, 1, 2, 253, 254, 255]), 1],
  ['16-bit grey', 'MONOCHROME1', Uint16Array.from([0, 1, 256, 40000, 65534, 65535]), 1],
  ['signed 16-bit grey', 'MONOCHROME2', Int16Array.from([-32768, -1024, -1, 0, 1, 32767]), 1],
  ['two frames', 'MONOCHROME2', Uint16Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), 2],
] as const)('%s pixels come back as they were', async (_name, photometric, data, frames) => {
  const file = readDicom(imageFile({ rows: 2, columns: 3, frames, photometric, data }));
  expect(file.image).toMatchObject({ rows: 2, columns: 3, frames, photometric });
  for (let frame = 0; frame < frames; frame++) {
    expect((await decodeFrame(file, frame)).data).toEqual(data.slice(frame * 6, frame * 6 + 6));
  }
});

test('an RGB image of odd length is padded and comes back', async () => {
  const data = Uint8Array.from({ length: 27 }, (_, i) => i * 9);
  const bytes = imageFile({ rows: 3, columns: 3, photometric: 'RGB', data });
  expect(bytes.length % 2).toBe(0);
  const frame = await decodeFrame(readDicom(bytes), 0);
  expect(frame).toMatchObject({ samples: 3, photometric: 'RGB', data });
});

test('fewer stored than allocated bits are stated', () => {
  const file = readDicom(imageFile({ rows: 1, columns: 2, photometric: 'MONOCHROME2', data: Uint16Array.of(0, 4095), bitsStored: 12 }));
  expect(file.image).toMatchObject({ bitsAllocated: 16, bitsStored: 12, highBit: 11 });
});

test('pixels that do not fill the stated size are refused', () => {
  expect(() => pixelElements({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data: new Uint8Array(3) })).toThrow(expect.objectContaining({ code: 'dicom.write' }));
});

test('a file without its identity is refused', () => {
  expect(() => writeDicom([{ tag: 'x00080060', vr: 'CS', value: 'OT' }])).toThrow(expect.objectContaining({ code: 'dicom.write' }));
});

test('a value that is too long for its representation is refused', () => {
  expect(() => writeDicom([...identity(), { tag: 'x00081030', vr: 'LO', value: 'x'.repeat(70000) }])).toThrow(expect.objectContaining({ code: 'dicom.write' }));
});

test('elements are written in the order of their tags', () => {
  const file = readDicom(writeDicom([{ tag: 'x00200013', vr: 'IS', value: 1 }, ...identity()]));
  const tags = Object.keys(file.dataSet.parsed);
  expect(tags).toEqual([...tags].sort());
  expect(firstText(file.dataSet, 'x00080005')).toBe('ISO_IR 192');
});

test('decimal strings keep to sixteen characters and as many digits as fit', () => {
  expect(decimalString(0.1)).toBe('0.1');
  expect(decimalString(-1 / 3)).toBe('-0.3333333333333');
  expect(decimalString(1.23456789012345e-100)).toBe('1.23456789e-100');
  for (const value of [Math.PI * 1e20, -Math.E * 1e-20, 123456789.123456789, -0.000123456789012345]) {
    expect(decimalString(value).length).toBeLessThanOrEqual(16);
    expect(Math.abs(Number(decimalString(value)) / value - 1)).toBeLessThan(1e-8);
  }
});
