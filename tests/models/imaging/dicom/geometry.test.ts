import { expect, test } from 'vitest';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import type { DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { frameGeometry, isotropicSize, pixelAspect } from '#models/imaging/dicom/geometry.ts';
import type { NewElement } from '#models/imaging/dicom/writer.ts';
import { imageFile } from './fixtures.ts';

const decimal = (tag: NewElement['tag'], value: readonly number[]): NewElement => ({ tag, vr: 'DS', value });
const image = (more: readonly NewElement[], frames = 1): DicomFile =>
  readDicom(imageFile({ rows: 1, columns: 2, frames, photometric: 'MONOCHROME2', data: new Uint8Array(2 * frames) }, more));

test('spacing, position and orientation are read as stated', () => {
  const file = image([decimal('x00280030', [0.5, 0.25]), decimal('x00200032', [-10, 20, 30.5]), decimal('x00200037', [1, 0, 0, 0, 1, 0])]);
  expect(frameGeometry(file)).toEqual({ spacingMm: [0.5, 0.25], spacingSource: 'PixelSpacing', positionMm: [-10, 20, 30.5], orientation: [1, 0, 0, 0, 1, 0] });
});

test('what is not stated is null', () => {
  expect(frameGeometry(image([]))).toEqual({ spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null });
});

test('the detector’s spacing stands in for a calibrated one, and says so', () => {
  expect(frameGeometry(image([decimal('x00181164', [0.14, 0.14])]))).toMatchObject({ spacingMm: [0.14, 0.14], spacingSource: 'ImagerPixelSpacing' });
  expect(frameGeometry(image([decimal('x00182010', [0.1, 0.2])]))).toMatchObject({ spacingMm: [0.1, 0.2], spacingSource: 'NominalScannedPixelSpacing' });
});

const region = (delta: number, unit = 3): NewElement[] => [
  { tag: 'x00186024', vr: 'US', value: unit }, { tag: 'x00186026', vr: 'US', value: unit },
  { tag: 'x0018602c', vr: 'FD', value: delta }, { tag: 'x0018602e', vr: 'FD', value: -2 * delta },
];

test('ultrasound regions in centimetres give millimetres, direction aside', () => {
  expect(frameGeometry(image([{ tag: 'x00186011', vr: 'SQ', value: [region(0.02)] }]))).toMatchObject({ spacingMm: [0.4, 0.2], spacingSource: 'UltrasoundRegion' });
});

test('ultrasound regions that differ, or are in other units, give no spacing', () => {
  expect(frameGeometry(image([{ tag: 'x00186011', vr: 'SQ', value: [region(0.02), region(0.03)] }])).spacingMm).toBeNull();
  expect(frameGeometry(image([{ tag: 'x00186011', vr: 'SQ', value: [region(0.02, 4)] }])).spacingMm).toBeNull();
});

test('impossible spacings and orientations are not used', () => {
  const file = image([decimal('x00280030', [0, 0.25]), decimal('x00200037', [1, 0, 0, 1, 0, 0])]);
  expect(frameGeometry(file)).toMatchObject({ spacingMm: null, orientation: null });
});

test('each frame has its own position, and shares what is stated once', () => {
  const own = (z: number): NewElement[] => [{ tag: 'x00209113', vr: 'SQ', value: [[decimal('x00200032', [0, 0, z])]] }];
  const file = image([
    { tag: 'x52009229', vr: 'SQ', value: [[{ tag: 'x00289110', vr: 'SQ', value: [[decimal('x00280030', [2, 1])]] }, { tag: 'x00209116', vr: 'SQ', value: [[decimal('x00200037', [0, 1, 0, 0, 0, -1])]] }]] },
    { tag: 'x52009230', vr: 'SQ', value: [own(1), own(2.5)] },
  ], 2);
  expect(frameGeometry(file, 1)).toEqual({ spacingMm: [2, 1], spacingSource: 'PixelSpacing', positionMm: [0, 0, 2.5], orientation: [0, 1, 0, 0, 0, -1] });
});

test('aspect comes from spacing, else from the stated ratio, else is square', () => {
  expect(pixelAspect(image([decimal('x00280030', [0.5, 0.25])]))).toBe(2);
  expect(pixelAspect(image([{ tag: 'x00280034', vr: 'IS', value: [4, 3] }]))).toBeCloseTo(4 / 3, 12);
  expect(pixelAspect(image([]))).toBe(1);
});

test('the isotropic size keeps the finer direction', () => {
  expect(isotropicSize({ columns: 100, rows: 50 }, 2)).toEqual({ width: 100, height: 100 });
  expect(isotropicSize({ columns: 100, rows: 50 }, 0.5)).toEqual({ width: 200, height: 50 });
  for (const slip of [NaN, 0, -1, 1e9, 1e-9]) expect(isotropicSize({ columns: 100, rows: 50 }, slip)).toEqual({ width: 100, height: 50 });
});
