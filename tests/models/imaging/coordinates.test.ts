import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aspectOf, boxFromText, boxToText, compose, fitted, fromPatient, identity, invert, lengthMm, mapBox, mapPoint, patientPlane, toLevel0, toModel,
  toPatient, toScreen, toText, wholeOf,
} from '#models/imaging/coordinates.ts';
import { parseCompletion } from '#models/language/parse.ts';
import type { Affine, BoxConvention, Display, ModelView, Size } from '#models/imaging/coordinates.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { FrameGeometry } from '#models/clinical/study.ts';

const side = fc.integer({ min: 1, max: 100_000 });
const size: fc.Arbitrary<Size> = fc.record({ width: side, height: side });
const unit = fc.double({ min: 0, max: 1, noNaN: true });

/** A box on an image, at least a thousandth of a pixel wide and high. */
const boxOn = ({ width, height }: Size): fc.Arbitrary<Box> => fc.tuple(unit, unit, unit, unit).map(([a, b, c, d]) => {
  const [x1, y1] = [a * (width - 0.001), b * (height - 0.001)];
  return { x1, y1, x2: x1 + 0.001 + c * (width - 0.001 - x1), y2: y1 + 0.001 + d * (height - 0.001 - y1) };
});

const display: fc.Arbitrary<Display> = fc.record({
  source: size,
  pixelAspect: fc.double({ min: 0.1, max: 10, noNaN: true }),
  isFlippedHorizontally: fc.boolean(),
  isFlippedVertically: fc.boolean(),
  quarters: fc.constantFrom(0, 1, 2, 3),
  zoom: fc.double({ min: 0.01, max: 64, noNaN: true }),
  centre: fc.record({ x: fc.integer({ min: -5000, max: 5000 }), y: fc.integer({ min: -5000, max: 5000 }) }),
});

/** A region of whole pixels, and a size that the network could bring it to. */
const modelView: fc.Arbitrary<ModelView> = fc.tuple(size, unit, unit, unit, unit, fc.integer({ min: 1, max: 128 }), fc.integer({ min: 1, max: 128 }))
  .map(([{ width, height }, a, b, c, d, rows, columns]) => {
    const [x1, y1] = [Math.floor(a * (width - 1)), Math.floor(b * (height - 1))];
    const region = { x1, y1, x2: x1 + 1 + Math.floor(c * (width - 1 - x1)), y2: y1 + 1 + Math.floor(d * (height - 1 - y1)) };
    return { region, resized: { width: columns * 28, height: rows * 28 } };
  });

const regionSize = ({ region }: ModelView): Size => ({ width: region.x2 - region.x1, height: region.y2 - region.y1 });
const inRegion = (view: ModelView): fc.Arbitrary<Box> => boxOn(regionSize(view)).map(({ x1, y1, x2, y2 }) => {
  const { x1: left, y1: top } = view.region;
  return { x1: left + x1, y1: top + y1, x2: left + x2, y2: top + y2 };
});

const worst = (a: Box, b: Box): number => Math.max(Math.abs(a.x1 - b.x1), Math.abs(a.y1 - b.y1), Math.abs(a.x2 - b.x2), Math.abs(a.y2 - b.y2));
const thereAndBack = (map: Affine, box: Box): Box => mapBox(invert(map), mapBox(map, box));
const isUpright = ({ x1, y1, x2, y2 }: Box): boolean => x1 <= x2 && y1 <= y2;

const check = <T>(arbitrary: fc.Arbitrary<T>, law: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, (value) => { law(value); }), { numRuns: 500, seed: 7 });

describe('affine maps', () => {
  test('a map followed by its inverse leaves every point where it was', () => check(fc.tuple(display, unit, unit), ([shown, a, b]) => {
    const point = { x: a * shown.source.width, y: b * shown.source.height };
    const back = mapPoint(compose(toScreen(shown), invert(toScreen(shown))), point);
    expect(Math.hypot(back.x - point.x, back.y - point.y)).toBeLessThan(1e-3);
  }));

  test('maps apply in the order in which they are composed', () => {
    expect(mapPoint(compose({ ...identity, x0: 1 }, { ...identity, xx: 10 }), { x: 2, y: 0 })).toEqual({ x: 30, y: 0 });
  });

  test('a map that flattens the plane has no inverse', () => expect(() => invert({ ...identity, yy: 0 })).toThrow(RangeError));
});

describe('the screen', () => {
  test('a box comes back from any zoom, pan, turn, flip and aspect within a thousandth of a source pixel', () =>
    check(display.chain((shown) => boxOn(shown.source).map((box) => [shown, box] as const)), ([shown, box]) => {
      expect(isUpright(mapBox(toScreen(shown), box))).toBe(true);
      expect(worst(thereAndBack(toScreen(shown), box), box)).toBeLessThan(1e-3);
    }));

  test('a quarter turn puts the upper left corner at the upper right', () => {
    const turned = toScreen(fitted({ width: 100, height: 50 }, { width: 50, height: 100 }, { quarters: 1 }));
    expect(mapPoint(turned, { x: 0, y: 0 })).toEqual({ x: 50, y: 0 });
    expect(mapPoint(turned, { x: 100, y: 0 })).toEqual({ x: 50, y: 100 });
  });

  test('a flip mirrors before the turn, as a radiographer means it', () => {
    const shown: Display = { ...fitted({ width: 4, height: 2 }, { width: 2, height: 4 }, { quarters: 1 }), isFlippedHorizontally: true };
    expect(mapPoint(toScreen(shown), { x: 0, y: 0 })).toEqual({ x: 2, y: 4 });
  });

  test('the fitted image touches the screen and keeps its true shape', () => {
    const [source, screen] = [{ width: 100, height: 100 }, { width: 400, height: 400 }];
    const shown = fitted(source, screen, { pixelAspect: aspectOf({ spacingMm: [2, 1] }) });
    expect(mapBox(toScreen(shown), wholeOf(source))).toEqual({ x1: 100, y1: 0, x2: 300, y2: 400 });
  });
});

describe('the network', () => {
  test('a box in a region comes back from the resized input within a thousandth of a source pixel', () =>
    check(modelView.chain((view) => inRegion(view).map((box) => [view, box] as const)), ([view, box]) =>
      expect(worst(thereAndBack(toModel(view), box), box)).toBeLessThan(1e-3)));

  test('the region fills the input', () => check(modelView, (view) => {
    const { x1, y1, x2, y2 } = mapBox(toModel(view), view.region);
    expect([x1, y1]).toEqual([0, 0]);
    expect(x2).toBeCloseTo(view.resized.width, 6);
    expect(y2).toBeCloseTo(view.resized.height, 6);
  }));

  test('a place on the screen and a place in the input are one place of the source', () => {
    const shown = fitted({ width: 512, height: 512 }, { width: 1024, height: 1024 }, { quarters: 2 });
    const view = { region: { x1: 128, y1: 128, x2: 384, y2: 384 }, resized: { width: 504, height: 504 } };
    const path = compose(invert(toScreen(shown)), toModel(view));
    expect(mapPoint(path, { x: 512, y: 512 })).toEqual({ x: 252, y: 252 });
  });
});

describe('the text of a box', () => {
  const conventions: readonly BoxConvention[] = ['absolute-resized', 'relative-1000'];

  for (const convention of conventions) {
    test(`${convention}: a box comes back within half a unit of its text, and is never empty or inverted`, () =>
      check(modelView.chain((view) => inRegion(view).map((box) => [view, box] as const)), ([view, box]) => {
        const numbers = boxToText(box, view, convention);
        const read = boxFromText(numbers, view, convention);
        const unitOfText = mapBox(invert(toText(convention, view.resized)), { x1: 0, y1: 0, x2: 1, y2: 1 });
        const { width, height } = regionSize(view);
        const pixelsX = (unitOfText.x2 * width) / view.resized.width;
        const pixelsY = (unitOfText.y2 * height) / view.resized.height;
        expect(numbers.every(Number.isInteger)).toBe(true);
        expect(read?.isClamped).toBe(false);
        expect(isUpright(read!.box)).toBe(true);
        // A box thinner than a unit is widened to one, so its edges may move by a whole unit.
        const slackX = box.x2 - box.x1 < pixelsX ? 1 : 0.5;
        const slackY = box.y2 - box.y1 < pixelsY ? 1 : 0.5;
        expect(Math.max(Math.abs(read!.box.x1 - box.x1), Math.abs(read!.box.x2 - box.x2))).toBeLessThanOrEqual(slackX * pixelsX + 1e-6);
        expect(Math.max(Math.abs(read!.box.y1 - box.y1), Math.abs(read!.box.y2 - box.y2))).toBeLessThanOrEqual(slackY * pixelsY + 1e-6);
      }));

    test(`${convention}: where a unit is smaller than a source pixel, whole-pixel boxes come back within half a pixel`, () => {
      const small = fc.tuple(fc.integer({ min: 2, max: 999 }), fc.integer({ min: 2, max: 999 }))
        .chain(([width, height]) => fc.tuple(fc.constant({ width, height }), fc.nat(width - 2), fc.nat(height - 2), unit, unit));
      check(small, ([{ width, height }, x1, y1, a, b]) => {
        const box = { x1, y1, x2: x1 + 1 + Math.floor(a * (width - 1 - x1)), y2: y1 + 1 + Math.floor(b * (height - 1 - y1)) };
        const view = { region: wholeOf({ width, height }), resized: { width: Math.ceil(width / 28) * 28, height: Math.ceil(height / 28) * 28 } };
        expect(worst(boxFromText(boxToText(box, view, convention), view, convention)!.box, box)).toBeLessThanOrEqual(0.5);
      });
    });
  }

  test('the parser of completions puts boxes where the kernel does', () => {
    const numbers = fc.tuple(fc.nat(1200), fc.nat(1200), fc.nat(1200), fc.nat(1200));
    check(fc.tuple(modelView, numbers, fc.constantFrom(...conventions)), ([{ region, resized }, [x1, y1, x2, y2], convention]) => {
      const source = { width: region.x2 - region.x1, height: region.y2 - region.y1 };
      const text = `<think>\nObservation: It is here. [{"bbox_2d":[${x1},${y1},${x2},${y2}],"label":"it"}]\n</think>\n<answer>yes</answer>`;
      const [parsed] = parseCompletion(text, convention, resized, source).findings.flatMap(({ boxes }) => boxes);
      const expected = boxFromText([x1, y1, x2, y2], { region: wholeOf(source), resized }, convention);
      expect(parsed === undefined).toBe(expected === null);
      if (parsed && expected) expect(worst(parsed, expected.box)).toBeLessThan(1e-6);
    });
  });

  const view: ModelView = { region: { x1: 100, y1: 200, x2: 300, y2: 300 }, resized: { width: 112, height: 56 } };

  test('Qwen2.5-VL writes pixels of the resized region', () =>
    expect(boxToText({ x1: 150, y1: 225, x2: 250, y2: 275 }, view, 'absolute-resized')).toEqual([28, 14, 84, 42]));

  test('Qwen2-VL writes thousandths of the region', () =>
    expect(boxToText({ x1: 150, y1: 225, x2: 250, y2: 275 }, view, 'relative-1000')).toEqual([250, 250, 750, 750]));

  test('a box that hangs over the edge is cut, and says so', () =>
    expect(boxFromText([-28, 0, 56, 112], view, 'absolute-resized')).toEqual({ box: { x1: 100, y1: 200, x2: 200, y2: 300 }, isClamped: true }));

  test('inverted, empty, outside and unreadable boxes show nothing', () => {
    for (const numbers of [[9, 0, 3, 9], [3, 3, 3, 9], [200, 200, 300, 300], [NaN, 0, 1, 1], [0, 0, Infinity, 1]] as const) {
      expect(boxFromText(numbers, view, 'absolute-resized')).toBeNull();
    }
  });
});

describe('the slide', () => {
  test('a box comes back from any level within a thousandth of a pixel of level 0', () =>
    check(size.chain((level0) => fc.tuple(fc.constant(level0), size, boxOn(level0))), ([level0, level, box]) =>
      expect(worst(mapBox(toLevel0(level, level0), mapBox(invert(toLevel0(level, level0)), box)), box)).toBeLessThan(1e-3)));
});

describe('the patient', () => {
  const geometry: FrameGeometry = {
    spacingMm: [0.5, 0.25], spacingSource: 'PixelSpacing', positionMm: [-100, -50, 30], orientation: [1, 0, 0, 0, 1, 0],
  };

  test('the stated position is the centre of the first pixel', () =>
    expect(toPatient(patientPlane(geometry)!, { x: 0.5, y: 0.5 })).toEqual([-100, -50, 30]));

  test('the second spacing runs along the row, the first along the column', () => {
    expect(toPatient(patientPlane(geometry)!, { x: 4.5, y: 0.5 })).toEqual([-99, -50, 30]);
    expect(toPatient(patientPlane(geometry)!, { x: 0.5, y: 4.5 })).toEqual([-100, -48, 30]);
    expect(lengthMm(geometry, { x: 0, y: 0 }, { x: 12, y: 8 })).toBe(5);
  });

  test('a place in front of the plane is told by how far', () =>
    expect(fromPatient(patientPlane(geometry)!, [-99, -48, 37])).toEqual({ x: 4.5, y: 4.5, distanceMm: 7 }));

  test('a point of any tilted frame comes back within a thousandth of a source pixel', () => {
    const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
    const spacing = fc.double({ min: 0.01, max: 5, noNaN: true });
    const place = fc.double({ min: -2000, max: 2000, noNaN: true });
    check(fc.tuple(angle, angle, spacing, spacing, place, place, place, side, side), ([a, b, rows, columns, px, py, pz, x, y]) => {
      const plane = patientPlane({
        spacingMm: [rows, columns],
        spacingSource: 'PixelSpacing',
        positionMm: [px, py, pz],
        orientation: [Math.cos(a), Math.sin(a), 0, -Math.sin(a) * Math.cos(b), Math.cos(a) * Math.cos(b), Math.sin(b)],
      })!;
      const back = fromPatient(plane, toPatient(plane, { x, y }));
      expect(Math.hypot(back.x - x, back.y - y)).toBeLessThan(1e-3);
      expect(Math.abs(back.distanceMm)).toBeLessThan(1e-6);
    });
  });

  test('a frame without position, or whose directions span no plane, has no place in the patient', () => {
    expect(patientPlane({ ...geometry, positionMm: null })).toBeNull();
    expect(patientPlane({ ...geometry, orientation: [1, 0, 0, 1, 0, 0] })).toBeNull();
    expect(patientPlane({ ...geometry, spacingMm: [0, 1] })).toBeNull();
  });
});
