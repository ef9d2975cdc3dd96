/** The slide writer is read back by the slide reader. */
import { describe, expect, test } from 'vitest';
import { createPicture, crop } from '#models/imaging/image.ts';
import { readRegion } from '#models/imaging/slide/region.ts';
import { openSlide } from '#models/imaging/slide/slide.ts';
import { bytesSource } from '#models/imaging/tiff.ts';
import { halved } from '#training/synthesis/phantoms/slide.ts';
import { tiffPyramid } from '#training/synthesis/phantoms/tiffWriter.ts';

function pattern(width: number, height: number) {
  const picture = createPicture({ width, height });
  for (let i = 0; i < picture.data.length; i++) picture.data[i] = (i * 7 + Math.floor(i / 900)) & 255;
  return picture;
}

describe('a written pyramid', () => {
  test('has its levels, its scale and its pixels when it is opened as a slide', async () => {
    const top = pattern(700, 430);
    const half = halved(top);
    const slide = await openSlide(bytesSource(tiffPyramid([{ picture: top, mpp: 0.5 }, { picture: half, mpp: 1 }], 'Pattern')));
    expect(slide.levels.map(({ width, height }) => [width, height])).toEqual([[700, 430], [350, 215]]);
    expect(slide.mpp!.x).toBeCloseTo(0.5, 6);
    expect(slide.mpp!.y).toBeCloseTo(0.5, 6);
    const box = { x1: 230, y1: 200, x2: 330, y2: 290 };
    const seen = await readRegion(slide, { x: box.x1, y: box.y1, width: box.x2 - box.x1, height: box.y2 - box.y1 }, 0.5);
    expect(Buffer.compare(seen.data, crop(top, box).data)).toBe(0);
  });

  test('of one level and one tile keeps its offsets inside the directory entry', async () => {
    const top = pattern(100, 60);
    const slide = await openSlide(bytesSource(tiffPyramid([{ picture: top, mpp: 0.25 }], '')));
    expect(slide.levels).toHaveLength(1);
    expect(Buffer.compare((await readRegion(slide, { x: 0, y: 0, width: 100, height: 60 }, 0.25)).data, top.data)).toBe(0);
  });
});

test('half a picture is the mean of every four pixels', () => {
  const picture = { width: 2, height: 2, data: Uint8Array.of(0, 10, 20, 4, 10, 20, 8, 10, 20, 12, 10, 21) };
  expect(halved(picture)).toEqual({ width: 1, height: 1, data: Uint8Array.of(6, 10, 20) });
});
