import { describe, expect, test } from 'vitest';
import { createPicture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { expectations, pattern, sha256 } from '#tests/support/pictures.ts';

describe('bicubic resizing', () => {
  for (const { from, to, sha256: expected } of expectations.resized) {
    test(`${from.join(' × ')} to ${to.join(' × ')} equals Pillow bit for bit`, () =>
      expect(sha256(resize(pattern(...from), { width: to[0], height: to[1] }).data)).toBe(expected));
  }

  for (const { from, to, box: [x1, y1, x2, y2], sha256: expected } of expectations.resizedBoxes) {
    test(`the part from (${x1}, ${y1}) to (${x2}, ${y2}) equals Pillow bit for bit`, () =>
      expect(sha256(resize(pattern(...from), { width: to[0], height: to[1] }, { x1, y1, x2, y2 }).data)).toBe(expected));
  }

  test('an even colour stays what it is at any size', () => {
    const { data } = resize(createPicture({ width: 33, height: 17 }, [0, 128, 255]), { width: 70, height: 5 });
    for (let i = 0; i < data.length; i += 3) expect([data[i], data[i + 1], data[i + 2]]).toEqual([0, 128, 255]);
  });

  test('the same size gives the same pixels, in an array of their own', () => {
    const picture = pattern(9, 9);
    const same = resize(picture, picture);
    expect(same.data).toEqual(picture.data);
    expect(same.data).not.toBe(picture.data);
  });

  test('overshoot at a sharp edge is clamped to 8 bits', () => {
    const edge = { width: 4, height: 1, data: Uint8Array.from([0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255]) };
    const { data } = resize(edge, { width: 16, height: 1 });
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual([0, 0, 0, 0, 0, 0, 21, 88, 167, 234, 255, 255, 255, 255, 255, 255]);
  });

  test('a box that leaves the picture is a mistake of the caller', () =>
    expect(() => resize(pattern(4, 4), { width: 2, height: 2 }, { x1: 0, y1: 0, x2: 5, y2: 4 })).toThrow(RangeError));
});
