import { expect, test } from 'vitest';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { placementOf } from '#models/imaging/dicom/placement.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';

const written = (...elements: NewElement[]): ReturnType<typeof placementOf> => placementOf(readDicom(writeDicom([
  { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.1.1' }, { tag: 'x00080018', vr: 'UI', value: '2.25.1' }, ...elements,
  ...pixelElements({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data: Uint16Array.of(0, 1, 2, 3), bitsStored: 16 }),
])));

test('a film says how it lies and what it shows', () => {
  const film = written({ tag: 'x00080060', vr: 'CS', value: 'DX' }, { tag: 'x00180015', vr: 'CS', value: 'CHEST' }, { tag: 'x00185101', vr: 'CS', value: 'PA' }, { tag: 'x00200020', vr: 'CS', value: ['L', 'F'] });
  expect(film).toEqual({ modality: 'DX', bodyPart: 'CHEST', laterality: null, viewPosition: 'PA', orientation: null, patientOrientation: ['L', 'F'] });
});

test('a slice says it by its orientation', () => {
  expect(written({ tag: 'x00080060', vr: 'CS', value: 'CT' }, { tag: 'x00200037', vr: 'DS', value: [1, 0, 0, 0, 1, 0] })).toMatchObject({ modality: 'CT', orientation: [1, 0, 0, 0, 1, 0], patientOrientation: null });
});

test('the side of a paired part is read, and what is no side is none', () => {
  expect(written({ tag: 'x00200060', vr: 'CS', value: 'R' }).laterality).toBe('right');
  expect(written({ tag: 'x00200062', vr: 'CS', value: 'L' }).laterality).toBe('left');
  expect(written({ tag: 'x00200060', vr: 'CS', value: 'U' })).toMatchObject({ laterality: null, bodyPart: null, viewPosition: null, modality: '' });
});
