import { describe, expect, test } from 'vitest';
import { createPicture } from '#models/imaging/image.ts';
import { brightnessOf, hullOf, inReadingOrder, placeOf, places, shareOf, sideOf, wholeBox } from '#training/synthesis/measure.ts';

const size = { width: 100, height: 200 };
const box = (x1: number, y1: number, x2: number, y2: number): { x1: number; y1: number; x2: number; y2: number } => ({ x1, y1, x2, y2 });

describe('brightness', () => {
  test('is measured by region, as luma from 0 to 1', () => {
    const picture = createPicture({ width: 64, height: 48 });
    for (let y = 0; y < 24; y++) for (let x = 32; x < 64; x++) picture.data.fill(255, (y * 64 + x) * 3, (y * 64 + x) * 3 + 3);
    const { whole, left, right, upper, lower, quarters, asymmetry } = brightnessOf(picture);
    expect([whole, left, right, upper, lower].map((value) => Number(value.toFixed(6)))).toEqual([0.25, 0, 0.5, 0.5, 0]);
    expect(quarters.upperRight).toBeCloseTo(1, 6);
    expect(asymmetry).toBeCloseTo(0.5, 6);
  });

  test('weighs green most and blue least', () => {
    const [red, green, blue] = [[255, 0, 0], [0, 255, 0], [0, 0, 255]].map((colour) => brightnessOf(createPicture({ width: 20, height: 20 }, colour as [number, number, number])).whole);
    expect(green! > red! && red! > blue!).toBe(true);
    expect(red! + green! + blue!).toBeCloseTo(1, 6);
  });
});

describe('the place of a box', () => {
  test.each([
    [box(0, 0, 10, 10), 'upper left'], [box(45, 95, 55, 105), 'centre'], [box(90, 190, 100, 200), 'lower right'], [box(45, 0, 55, 10), 'upper middle'], [box(0, 95, 10, 105), 'middle left'],
  ])('%j is %s', (where, name) => {
    expect(placeOf(where, size)).toBe(name);
    expect(places).toContain(name);
  });

  test('has no side when it straddles the middle', () => {
    expect([box(0, 0, 40, 9), box(60, 0, 99, 9), box(30, 0, 70, 9)].map((where) => sideOf(where, size))).toEqual(['left', 'right', null]);
  });
});

test('boxes become whole, stay inside and keep at least a pixel', () => {
  expect(wholeBox(box(-3, 1.4, 99.7, 250), size)).toEqual(box(0, 1, 100, 200));
  expect(wholeBox(box(99.9, 10.1, 99.95, 10.2), size)).toEqual(box(99, 10, 100, 11));
});

test('reading order goes down by bands and then to the right', () => {
  const items = [box(50, 4, 60, 14), box(0, 9, 10, 19), box(20, 190, 30, 200)].map((where) => ({ box: where }));
  expect(inReadingOrder(items, size).map((item) => item.box.x1)).toEqual([0, 50, 20]);
});

test('shares and hulls', () => {
  expect(shareOf(box(0, 0, 50, 100), size)).toBe(25);
  expect(hullOf([box(5, 5, 9, 9), box(1, 7, 6, 20)])).toEqual(box(1, 5, 9, 20));
});
