import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { acrossMiddle, angleAt, areaOf, cobbAngle, lengthOf, pixelsInside, scaleOf, slideScale, statisticsOf, valueAt, type MeasuredFrame, type Region, type Scale } from '#models/imaging/measures.ts';

const mm = (column: number, row: number): Scale => ({ column, row, unit: 'mm', source: '', caution: '' });
const at = (x: number, y: number): { x: number; y: number } => ({ x, y });
const size = { width: 32, height: 24 };

describe('a scale', () => {
  const rows = [
    ['a CT by its pixel spacing', 'PixelSpacing', [0.7, 0.5], 'CT', 'mm', /^Pixel Spacing$/, ''],
    ['a film by its detector', 'ImagerPixelSpacing', [0.14, 0.14], 'DX', 'mm', /detector/, 'detector plane'],
    ['an angiogram by its detector', 'ImagerPixelSpacing', [0.2, 0.2], 'XA', 'mm', /true sizes are smaller/, 'detector plane'],
    ['an angiogram by pixel spacing', 'PixelSpacing', [0.2, 0.2], 'XA', 'mm', /magnification is not known/, 'projection'],
    ['a scanned film', 'NominalScannedPixelSpacing', [0.1, 0.1], 'CR', 'mm', /film/, 'on the film'],
    ['an ultrasound by its region', 'UltrasoundRegion', [0.08, 0.06], 'US', 'mm', /region/, ''],
    ['a picture without any', 'none', null, 'IMG', 'px', /no scale/, ''],
  ] as const;
  test.each(rows)('of %s says its unit and where it comes from', (_, spacingSource, spacing, modality, unit, source, caution) => {
    const scale = scaleOf({ spacingMm: spacing ? [spacing[0], spacing[1]] : null, spacingSource }, modality);
    expect([scale.unit, scale.caution]).toEqual([unit, caution]);
    expect(scale.source).toMatch(source);
    expect([scale.row, scale.column]).toEqual(spacing ?? [1, 1]);
  });
  test('that a person calibrated wins over the file, and keeps the shape of its pixels', () =>
    expect(scaleOf({ spacingMm: [0.4, 0.2], spacingSource: 'ImagerPixelSpacing' }, 'XA', 0.1)).toMatchObject({ column: 0.1, row: 0.2, unit: 'mm', caution: 'calibrated by hand' }));
  test('of a slide is in microns, of a slide without one in pixels', () => {
    expect(slideScale({ x: 0.25, y: 0.25 })).toMatchObject({ column: 0.25, unit: 'µm' });
    expect(slideScale(null)).toMatchObject({ column: 1, unit: 'px' });
  });
});

describe('a length', () => {
  test('of 3 columns of 1 mm and 2 rows of 2 mm is 5 mm', () => expect(lengthOf(mm(1, 2), at(10, 10), at(13, 12))).toBe(5));
  test('does not depend on which end comes first', () => expect(lengthOf(mm(0.7, 0.9), at(1, 2), at(9, 4))).toBe(lengthOf(mm(0.7, 0.9), at(9, 4), at(1, 2))));
});

describe('an angle', () => {
  test('between right and down is 90°', () => expect(angleAt(mm(1, 1), at(5, 0), at(0, 0), at(0, 7))).toBeCloseTo(90, 9));
  test('is taken in millimetres, not in pixels', () => expect(angleAt(mm(1, Math.sqrt(3)), at(1, 0), at(0, 0), at(1, 1))).toBeCloseTo(60, 9));
  test('of a straight line is 180°', () => expect(angleAt(mm(1, 1), at(-3, 0), at(0, 0), at(2, 0))).toBeCloseTo(180, 9));
  test('with an empty leg is none', () => expect(angleAt(mm(1, 1), at(2, 2), at(2, 2), at(3, 3))).toBeNull());
  test('after Cobb is that of the lines, whichever way they were drawn', () => {
    const tilt = Math.tan((25 * Math.PI) / 180);
    expect(cobbAngle(mm(1, 1), [at(0, 0), at(10, 0)], [at(0, 20), at(10, 20 + 10 * tilt)])).toBeCloseTo(25, 9);
    expect(cobbAngle(mm(1, 1), [at(10, 0), at(0, 0)], [at(0, 20), at(10, 20 + 10 * tilt)])).toBeCloseTo(25, 9);
  });
  test('across the middle is a right one in the patient', () => {
    const scale = mm(0.5, 2);
    const [a, b] = acrossMiddle(scale, at(0, 0), at(40, 10));
    expect(angleAt(scale, at(a.x - b.x, a.y - b.y), at(0, 0), at(40, 10))).toBeCloseTo(90, 9);
    expect(lengthOf(scale, a, b)).toBeCloseTo(lengthOf(scale, at(0, 0), at(40, 10)) / 2, 9);
  });
});

describe('an area', () => {
  test('of a box of 4 × 3 pixels of 0.5 mm is 3 mm²', () => expect(areaOf(mm(0.5, 0.5), { kind: 'rectangle', corners: [at(6, 5), at(2, 2)] })).toBe(3));
  test('of an ellipse is π a b', () => expect(areaOf(mm(1, 2), { kind: 'ellipse', corners: [at(0, 0), at(8, 6)] })).toBeCloseTo(Math.PI * 4 * 6, 9));
  test('of a triangle is half its box, either way round', () => {
    const outline = [at(0, 0), at(6, 0), at(0, 4)];
    expect(areaOf(mm(1, 1), { kind: 'polygon', outline })).toBe(12);
    expect(areaOf(mm(1, 1), { kind: 'polygon', outline: outline.toReversed() })).toBe(12);
  });
});

const columns = size.width;
const values = Int16Array.from({ length: columns * size.height }, (_, i) => (i % columns) * 10 - Math.floor(i / columns) * 3);
const frame: MeasuredFrame = { columns, values, slope: 1, intercept: -1024, padding: null };

describe('the pixels of a region', () => {
  test('of whole pixels are exactly those', () => expect(pixelsInside({ kind: 'rectangle', corners: [at(3, 2), at(7, 4)] }, size)).toEqual([{ row: 2, from: 3, to: 7 }, { row: 3, from: 3, to: 7 }]));
  test('are those whose centres lie inside', () => expect(pixelsInside({ kind: 'rectangle', corners: [at(3.4, 2.6), at(7.6, 4.4)] }, size)).toEqual([{ row: 3, from: 3, to: 8 }]));
  test('end at the edge of the image', () => expect(pixelsInside({ kind: 'rectangle', corners: [at(-9, -9), at(99, 1)] }, size)).toEqual([{ row: 0, from: 0, to: 32 }]));
  test('of a ring leave out the hole that its outline crosses back over', () => {
    const outline = [at(0, 0), at(9, 0), at(9, 9), at(0, 9), at(0, 0), at(3, 3), at(6, 3), at(6, 6), at(3, 6), at(3, 3)];
    const count = pixelsInside({ kind: 'polygon', outline }, size).reduce((sum, { from, to }) => sum + to - from, 0);
    expect(count).toBe(81 - 9);
  });

  /** By brute force: every centre is asked for itself. */
  const isInside = (region: Region, x: number, y: number): boolean => {
    if (region.kind === 'polygon') {
      let inside = false;
      region.outline.forEach((a, i) => {
        const b = region.outline[(i + 1) % region.outline.length]!;
        if (a.y <= y !== b.y <= y && x < a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x)) inside = !inside;
      });
      return inside;
    }
    const [{ x: ax, y: ay }, { x: bx, y: by }] = region.corners;
    if (region.kind === 'rectangle') return x >= Math.min(ax, bx) && x < Math.max(ax, bx) && y >= Math.min(ay, by) && y < Math.max(ay, by);
    return ((x - (ax + bx) / 2) / ((bx - ax) / 2)) ** 2 + ((y - (ay + by) / 2) / ((by - ay) / 2)) ** 2 < 1;
  };

  test('and their statistics are those of the definition, for any region', () => {
    const generator = new Random(5);
    const draw = (): number => generator.uniform();
    const place = (): { x: number; y: number } => at(draw() * 40 - 4, draw() * 32 - 4);
    for (let round = 0; round < 60; round++) {
      const region: Region = round % 3 === 0 ? { kind: 'polygon', outline: Array.from({ length: 3 + (round % 7) }, place) } : { kind: round % 3 === 1 ? 'rectangle' : 'ellipse', corners: [place(), place()] };
      const inside: number[] = [];
      for (let y = 0; y < size.height; y++) for (let x = 0; x < size.width; x++) if (isInside(region, x + 0.5, y + 0.5)) inside.push((values[y * columns + x] as number) - 1024);
      const found = statisticsOf(frame, pixelsInside(region, size));
      if (inside.length === 0) {
        expect(found).toBeNull();
        continue;
      }
      const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
      const deviation = Math.sqrt(inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length);
      expect(found).toMatchObject({ count: inside.length, least: Math.min(...inside), greatest: Math.max(...inside), left: 0 });
      expect(found!.mean).toBeCloseTo(mean, 8);
      expect(found!.deviation).toBeCloseTo(deviation, 8);
    }
  });
});

describe('statistics', () => {
  const region = pixelsInside({ kind: 'rectangle', corners: [at(0, 0), at(4, 1)] }, size);
  test('of 0, 10, 20, 30 with an intercept of −1024', () => {
    expect(statisticsOf(frame, region)).toEqual({ count: 4, mean: 15 - 1024, deviation: Math.sqrt(125), least: -1024, greatest: -994, left: 0 });
  });
  test('with a falling slope keep least below greatest', () => expect(statisticsOf({ ...frame, slope: -2, intercept: 0 }, region)).toMatchObject({ least: -60, greatest: 0, deviation: 2 * Math.sqrt(125) }));
  test('leave padding out and count it', () => expect(statisticsOf({ ...frame, padding: { low: 25, high: 99 } }, region)).toMatchObject({ count: 3, mean: 10 - 1024, left: 1 }));
  test('of nothing but padding are none', () => expect(statisticsOf({ ...frame, padding: { low: -9999, high: 9999 } }, region)).toBeNull());
  test('of a large offset lose no digits', () =>
    expect(statisticsOf({ columns: 4, values: Float64Array.of(1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3), slope: 1, intercept: 0, padding: null }, [{ row: 0, from: 0, to: 4 }])!.deviation).toBeCloseTo(Math.sqrt(1.25), 9));
});

describe('a value', () => {
  test('is that of the pixel under the place', () => expect(valueAt(frame, at(3.99, 2.01))).toBe(30 - 6 - 1024));
  test('beside the image is none', () => {
    expect(valueAt(frame, at(-0.1, 2))).toBeNull();
    expect(valueAt(frame, at(32, 2))).toBeNull();
    expect(valueAt(frame, at(3, 24))).toBeNull();
  });
});
