import { describe, expect, test } from 'vitest';
import { createPicture, crop, flipHorizontal, flipVertical, fromGrey, paste, rotate } from '#models/imaging/image.ts';
import { faultCode, pattern } from '#tests/support/pictures.ts';
import type { Picture } from '#models/imaging/image.ts';

/** The first channel as rows of numbers. */
const rows = ({ width, height, data }: Picture): number[][] =>
  Array.from({ length: height }, (_, y) => Array.from({ length: width }, (__, x) => data[(y * width + x) * 3]!));

const picture = fromGrey({ width: 3, height: 2 }, [1, 2, 3, 4, 5, 6]);

describe('a picture', () => {
  test('is filled with the colour that was asked for', () =>
    expect([...createPicture({ width: 2, height: 1 }, [1, 2, 3]).data]).toEqual([1, 2, 3, 1, 2, 3]));

  test('of grey values has them in all three channels', () => expect([...picture.data.subarray(0, 6)]).toEqual([1, 1, 1, 2, 2, 2]));

  test('without pixels, or with too many, is refused', async () => {
    expect(await faultCode(() => createPicture({ width: 0, height: 5 }))).toBe('picture.size');
    expect(await faultCode(() => createPicture({ width: 2.5, height: 5 }))).toBe('picture.size');
    expect(await faultCode(() => createPicture({ width: 100_000, height: 1001 }))).toBe('picture.size');
  });
});

describe('turning and flipping', () => {
  test('a horizontal flip mirrors each row', () => expect(rows(flipHorizontal(picture))).toEqual([[3, 2, 1], [6, 5, 4]]));
  test('a vertical flip swaps the rows', () => expect(rows(flipVertical(picture))).toEqual([[4, 5, 6], [1, 2, 3]]));
  test('a quarter turn is clockwise', () => expect(rows(rotate(picture, 1))).toEqual([[4, 1], [5, 2], [6, 3]]));
  test('three quarters are one quarter back', () => expect(rows(rotate(picture, -1))).toEqual(rows(rotate(picture, 3))));
  test('four quarter turns change nothing', () => expect(rows([1, 1, 1, 1].reduce(rotate, picture))).toEqual(rows(picture)));
  test('two quarters are both flips', () => expect(rows(rotate(picture, 2))).toEqual([[6, 5, 4], [3, 2, 1]]));
});

describe('cutting and pasting', () => {
  test('a crop takes the whole pixels that its box touches', () => expect(rows(crop(picture, { x1: 0.5, y1: 1, x2: 1.5, y2: 2 }))).toEqual([[4, 5]]));
  test('a crop over the edge keeps what is there', () => expect(rows(crop(picture, { x1: 2, y1: -5, x2: 9, y2: 9 }))).toEqual([[3], [6]]));
  test('a crop beside the picture is refused', async () =>
    expect(await faultCode(() => crop(picture, { x1: 3, y1: 0, x2: 9, y2: 2 }))).toBe('picture.region'));

  test('a part pasted back where it was cut gives the same picture', () => {
    const whole = pattern(20, 10);
    const part = crop(whole, { x1: 3, y1: 2, x2: 11, y2: 9 });
    expect(paste(whole, part, { x: 3, y: 2 }).data).toEqual(whole.data);
  });

  test('what hangs over the edge is not pasted', () => expect(rows(paste(picture, fromGrey({ width: 2, height: 2 }, [7, 8, 9, 10]), { x: -1, y: 1 })))
    .toEqual([[1, 2, 3], [8, 5, 6]]));
});
