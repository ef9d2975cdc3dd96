import { describe, expect, test } from 'vitest';
import { leftDirection, sideOfBox, type Placement } from '#models/imaging/sides.ts';

const unknown: Placement = { modality: 'CT', bodyPart: null, laterality: null, viewPosition: null, orientation: null, patientOrientation: null };
const size = { width: 200, height: 100 };
const box = (x1: number, x2: number, y1 = 40, y2 = 60) => ({ x1, y1, x2, y2 });

describe('the direction of the patient\'s left', () => {
  test('is that of the row on an axial slice, of the column on one that lies on its side, and turned round on a mirrored one', () => {
    expect(leftDirection({ ...unknown, orientation: [1, 0, 0, 0, 1, 0] })).toMatchObject({ x: 1, y: 0 });
    expect(leftDirection({ ...unknown, orientation: [0, 1, 0, 1, 0, 0] })).toMatchObject({ x: 0, y: 1 });
    expect(leftDirection({ ...unknown, orientation: [-1, 0, 0, 0, 1, 0] })).toMatchObject({ x: -1 });
  });
  test('is not known on a sagittal slice, nor where the file says nothing', () => {
    expect(leftDirection({ ...unknown, orientation: [0, 1, 0, 0, 0, -1] })).toBeNull();
    expect(leftDirection(unknown)).toBeNull();
    expect(leftDirection({ ...unknown, modality: 'US', viewPosition: 'AP' })).toBeNull();
  });
  test('of a film is what the file states, or the convention for its view, and not known from the side', () => {
    expect(leftDirection({ ...unknown, modality: 'DX', patientOrientation: ['R', 'F'], viewPosition: 'PA' })).toMatchObject({ x: -1, source: 'Patient Orientation' });
    expect(leftDirection({ ...unknown, modality: 'CR', viewPosition: 'AP' })).toMatchObject({ x: 1, source: 'convention for this View Position' });
    expect(leftDirection({ ...unknown, modality: 'DX', patientOrientation: ['P', 'F'] })).toBeNull();
    expect(leftDirection({ ...unknown, modality: 'DX', viewPosition: 'LL' })).toBeNull();
  });
});

test('a box is on a side where most of it lies there, and on none across the middle', () => {
  const left = { x: 1, y: 0, source: 'Patient Orientation' } as const;
  expect([box(10, 60), box(140, 190), box(60, 145), box(95, 108), box(60, 190)].map((one) => sideOfBox(left, one, size))).toEqual(['right', 'left', null, null, null]);
  expect(sideOfBox({ ...left, x: -1 }, box(10, 60), size)).toBe('left');
  expect(sideOfBox({ ...left, x: 0, y: 1 }, box(10, 60, 70, 90), size)).toBe('left');
});
