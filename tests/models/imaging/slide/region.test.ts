import { describe, expect, test } from 'vitest';
import { createPicture, crop } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { readRegion, readRegionAt } from '#models/imaging/slide/region.ts';
import { openSlide } from '#models/imaging/slide/slide.ts';
import { bytesSource } from '#models/imaging/tiff.ts';
import { faultCode, pattern, tilesOf } from '#tests/support/pictures.ts';
import { makeTiff } from '#tests/support/tiff.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Slide } from '#models/imaging/slide/slide.ts';

const base = pattern(160, 96);
/** Each level has a colour of its own, so that a region tells which one it was read from. */
const levels: readonly Picture[] = [base, createPicture({ width: 80, height: 48 }, [2, 2, 2]), createPicture({ width: 40, height: 24 }, [4, 4, 4])];
const open = (pictures: readonly Picture[], perCentimetre?: number): Promise<Slide> => openSlide(bytesSource(makeTiff(pictures.map((picture) =>
  ({ ...picture, tile: [16, 16], blocks: tilesOf(picture, [16, 16]), ...(perCentimetre ? { perCentimetre } : {}) })))), 'test.tiff');

describe('a region of a slide', () => {
  test('at the slide’s own scale has the very pixels of level 0', async () => {
    const slide = await open(levels, 20_000);
    expect(await readRegion(slide, { x: 13, y: 7, width: 70, height: 50 }, 0.5)).toEqual(crop(base, { x1: 13, y1: 7, x2: 83, y2: 57 }));
  });

  test('is drawn from the smallest level that need not be enlarged', async () => {
    const slide = await open(levels, 20_000);
    const levelAt = async (mpp: number): Promise<number> => (await readRegion(slide, { x: 32, y: 0, width: 96, height: 96 }, mpp)).data[0]!;
    expect([await levelAt(1), await levelAt(1.9), await levelAt(2), await levelAt(4)]).toEqual([2, 2, 4, 4]);
  });

  test('at half the scale equals the whole level made smaller, up to the slide’s edge', async () => {
    const slide = await open([base], 20_000);
    const whole = resize(base, { width: 80, height: 48 });
    expect(await readRegion(slide, { x: 0, y: 0, width: 160, height: 96 }, 1)).toEqual(whole);
    expect(await readRegion(slide, { x: 40, y: 20, width: 60, height: 40 }, 1)).toEqual(crop(whole, { x1: 20, y1: 10, x2: 50, y2: 30 }));
    expect(await readRegion(slide, { x: 100, y: 56, width: 60, height: 40 }, 1)).toEqual(crop(whole, { x1: 50, y1: 28, x2: 80, y2: 48 }));
  });

  test('finer than the slide is enlarged from level 0', async () => {
    const { width, height } = await readRegion(await open([base], 20_000), { x: 10, y: 10, width: 20, height: 10 }, 0.25);
    expect([width, height]).toEqual([40, 20]);
  });

  test('that hangs over the slide’s edge is white there', async () => {
    const slide = await open([base], 20_000);
    const { data, width } = await readRegion(slide, { x: -10, y: -10, width: 30, height: 30 }, 0.5);
    expect([...data.subarray(0, 3)]).toEqual([255, 255, 255]);
    const inside = data.subarray((15 * width + 15) * 3, (15 * width + 15) * 3 + 3);
    expect([...inside]).toEqual([...base.data.subarray((5 * 160 + 5) * 3, (5 * 160 + 5) * 3 + 3)]);
  });

  test('can be asked for by its size where the scale is unknown', async () => {
    const slide = await open([base]);
    expect(await faultCode(() => readRegion(slide, { x: 0, y: 0, width: 10, height: 10 }, 1))).toBe('slide.scale');
    const half = { width: 80, height: 48 };
    expect(await readRegionAt(slide, { x: 0, y: 0, width: 160, height: 96 }, half)).toEqual(resize(base, half));
  });

  test('beside the slide, empty or unreadable is refused', async () => {
    const slide = await open([base], 20_000);
    for (const [x, y, width, height] of [[160, 0, 5, 5], [0, 0, 0, 5], [NaN, 0, 5, 5], [0, -9, 5, 9]] as const) {
      expect(await faultCode(() => readRegion(slide, { x, y, width, height }, 0.5))).toBe('slide.region');
    }
  });

  test('too large for the memory is refused before anything is read', async () => {
    const slide = await open([base], 20_000);
    expect(await faultCode(() => readRegion(slide, { x: 0, y: 0, width: 1e9, height: 1e9 }, 1e6))).toBe('slide.region');
    expect(await faultCode(() => readRegion(slide, { x: 0, y: 0, width: 160, height: 96 }, 0.001))).toBe('picture.size');
  });
});
