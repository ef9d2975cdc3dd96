import { expect, test } from 'vitest';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { expandSegments, paletteOf } from '#models/imaging/dicom/lookUpTable.ts';
import { imageFile } from './fixtures.ts';
import type { NewElement } from '#models/imaging/dicom/writer.ts';

const wide = { count: 8, bits: 16 };

test('a discrete and a linear segment fill a palette', () => {
  expect([...expandSegments(Uint16Array.of(0, 2, 100, 200, 1, 4, 1000), wide)]).toEqual([100, 200, 400, 600, 800, 1000, 1000, 1000]);
});

test('an indirect segment repeats earlier ones', () => {
  expect([...expandSegments(Uint16Array.of(0, 2, 5, 6, 1, 2, 10, 2, 2, 0, 0), wide)]).toEqual([5, 6, 8, 10, 5, 6, 8, 10]);
});

test('in an eight-bit palette the offset of an indirect segment has four bytes', () => {
  expect([...expandSegments(Uint16Array.of(0, 2, 5, 6, 2, 1, 0, 0, 0, 0), { count: 4, bits: 8 })]).toEqual([5, 6, 5, 6]);
});

test.each([
  ['code that does not exist', [7, 1, 0]],
  ['line without a beginning', [1, 4, 10]],
  ['list that is cut short', [0, 5, 1]],
  ['reference to itself', [0, 1, 1, 2, 1, 6, 0]],
  ['reference ahead', [0, 1, 1, 2, 1, 600, 0]],
  ['nothing', []],
])('a segmented palette with a %s is a fault', (_name, data) => {
  expect(() => expandSegments(Uint16Array.from(data), wide)).toThrow(expect.objectContaining({ code: 'dicom.lut' }));
});

test('references cannot multiply beyond the stated entries', () => {
  const data = Uint16Array.of(0, 1, 1, 1, 65535, 9, ...Array.from({ length: 2000 }, () => [2, 2, 0, 0]).flat());
  expect(expandSegments(data, wide)).toHaveLength(8);
});

const channel = (offset: number, descriptor: readonly number[], values: Uint8Array): NewElement[] => [
  { tag: `x0028110${offset}`, vr: 'US', value: descriptor },
  { tag: `x0028120${offset}`, vr: 'OW', value: values },
];
const paletteFile = (descriptor: readonly number[], values: Uint8Array): Uint8Array =>
  imageFile({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: Uint8Array.of(0) }, [1, 2, 3].flatMap((offset) => channel(offset, descriptor, values)));

test('sixteen-bit entries are brought to eight bits', () => {
  const palette = paletteOf(readDicom(paletteFile([2, 0, 16], new Uint8Array(Uint16Array.of(0xff00, 0x80ff).buffer))).dataSet, false);
  expect([...palette!.red]).toEqual([255, 128]);
});

test('entries that say sixteen bits but use eight are taken as they are', () => {
  const palette = paletteOf(readDicom(paletteFile([2, 5, 16], new Uint8Array(Uint16Array.of(255, 7).buffer))).dataSet, false);
  expect(palette).toMatchObject({ first: 5 });
  expect([...palette!.green]).toEqual([255, 7]);
});

test('eight-bit entries packed as bytes are read', () => {
  expect([...paletteOf(readDicom(paletteFile([4, 0, 8], Uint8Array.of(1, 2, 3, 4))).dataSet, false)!.blue]).toEqual([1, 2, 3, 4]);
});

test('an image without a palette has none', () => {
  expect(paletteOf(readDicom(imageFile({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: Uint8Array.of(0) })).dataSet, false)).toBeNull();
});

test('a palette without entries is a fault', () => {
  expect(() => paletteOf(readDicom(paletteFile([4, 0, 8], new Uint8Array(0))).dataSet, false)).toThrow(expect.objectContaining({ code: 'dicom.lut' }));
});
