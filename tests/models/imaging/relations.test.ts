import { describe, expect, test } from 'vitest';
import type { FrameGeometry } from '#models/clinical/study.ts';
import { patientPlane, toPatient, type PatientPlane } from '#models/imaging/coordinates.ts';
import { areParallel, cutLine, middleOfFrame, nearestFrame, type PlacedPlane } from '#models/imaging/relations.ts';

const geometry = (positionMm: [number, number, number], orientation: FrameGeometry['orientation']): FrameGeometry => ({ spacingMm: [1, 1], spacingSource: 'PixelSpacing', positionMm, orientation });
const plane = (...given: Parameters<typeof geometry>): PatientPlane => patientPlane(geometry(...given))!;
const placed = (one: PatientPlane, width = 100, height = 80): PlacedPlane => ({ plane: one, size: { width, height } });
const axial = placed(plane([0.5, 0.5, 30], [1, 0, 0, 0, 1, 0]));
const near = (point: { x: number; y: number }, x: number, y: number): void => {
  expect(point.x).toBeCloseTo(x, 9);
  expect(point.y).toBeCloseTo(y, 9);
};

describe('the line of a cut', () => {
  test('of a coronal frame 20 mm behind the front is the row at 20', () => {
    const [a, b] = cutLine(axial, placed(plane([0.5, 20, 99.5], [1, 0, 0, 0, 0, -1]), 100, 100))!;
    expect(a.y).toBeCloseTo(20, 9);
    expect(b.y).toBeCloseTo(20, 9);
    expect([a.x, b.x].sort((x, y) => x - y).map(Math.round)).toEqual([0, 100]);
  });
  test('ends where the other frame ends', () => {
    const [a, b] = cutLine(axial, placed(plane([30.5, 20, 99.5], [1, 0, 0, 0, 0, -1]), 25, 100))!;
    expect([a.x, b.x].sort((x, y) => x - y).map((x) => Math.round(x * 1e6) / 1e6)).toEqual([30, 55]);
  });
  test('lies in both planes, for an oblique one', () => {
    const [c, s] = [Math.cos(0.6), Math.sin(0.6)];
    const oblique = placed(plane([10, 10, 20], [c, 0, s, 0, c, s * 0]), 90, 90);
    const other = { ...oblique, plane: plane([10, 10, 20], [c, 0, s, 0, 1, 0]) };
    const line = cutLine(axial, other)!;
    for (const point of line) {
      const place = toPatient(axial.plane, point);
      const normal = [-s, 0, c];
      const origin = other.plane.origin;
      expect(Math.abs(normal.reduce((sum, part, i) => sum + part * (place[i]! - origin[i]!), 0))).toBeLessThan(1e-9);
    }
  });
  test('of a frame that does not reach it is none', () => expect(cutLine(axial, placed(plane([0.5, 20, 20], [1, 0, 0, 0, 0, -1]), 100, 10))).toBeNull());
  test('of a parallel frame is none', () => {
    const above = placed(plane([0.5, 0.5, 60], [1, 0, 0, 0, 1, 0]));
    expect(areParallel(axial.plane, above.plane)).toBe(true);
    expect(cutLine(axial, above)).toBeNull();
  });
});

describe('the nearest frame', () => {
  const frames = Array.from({ length: 10 }, (_, i) => ({ rows: 80, columns: 100, geometry: geometry([0.5, 0.5, 5 * i], [1, 0, 0, 0, 1, 0]) }));
  test('to a place is the one whose plane is', () => expect(nearestFrame(frames, [50, 40, 22])).toEqual({ at: 4, distanceMm: expect.closeTo(2, 9) }));
  test('of a stack without geometry is none', () => expect(nearestFrame([{ geometry: { spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null } }], [0, 0, 0])).toBeNull());
  test('to its own middle is the frame itself', () => {
    const middle = middleOfFrame(frames[7]!)!;
    near({ x: middle[0], y: middle[1] }, 50, 40);
    expect(nearestFrame(frames, middle)).toMatchObject({ at: 7 });
  });
});
