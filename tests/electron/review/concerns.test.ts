import { expect, test } from 'vitest';
import { concernsOf } from '#electron/review/concerns.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';

function ramp(): Picture {
  const picture = createPicture({ width: 20, height: 20 });
  picture.data.forEach((_, i) => (picture.data[i] = 20 + (i % 200)));
  return picture;
}
const codes = (...given: Parameters<typeof concernsOf>): string[] => concernsOf(...given).map(({ code }) => code);
const boxed = (x2: number, frame = 0): Parameters<typeof concernsOf>[0] => [{ label: 'lung', frame, boxes: [{ x1: 0, y1: 0, x2, y2: 20 }] }];

test('a box of more than 60 % of its picture is noted, once', () => {
  expect(codes(boxed(12), [ramp()])).toEqual([]);
  expect(codes(boxed(13), [ramp()])).toEqual(['box.large']);
  expect(codes([...boxed(13), ...boxed(13)], [ramp()])).toEqual(['box.large']);
});

test('a box of next to nothing is noted, and one that two things share', () => {
  expect(concernsOf([{ label: 'nodule', frame: 0, boxes: [{ x1: 3, y1: 3, x2: 3.1, y2: 3.1 }] }], [ramp()]).map(({ code }) => code)).toEqual(['box.tiny']);
  const at = (label: string, x1: number, frame = 0): Parameters<typeof concernsOf>[0][number] => ({ label, frame, boxes: [{ x1, y1: 0, x2: x1 + 5, y2: 5 }] });
  expect(concernsOf([at('left lung', 2), at('right lung', 2)], [ramp()])).toEqual([{ code: 'box.duplicate', detail: 'left lung and right lung have the same box.' }]);
  expect(codes([at('cell', 2), at('cell', 2.05)], [ramp()])).toEqual(['box.duplicate']);
  expect(codes([at('cell', 2), at('cell', 9)], [ramp()])).toEqual([]);
  // The answer says again what a step said, and each of two images has its own.
  expect(codes([at('cell', 2), at('cell', 2)], [ramp()])).toEqual([]);
  expect(codes([at('left lung', 2), at('right lung', 2, 1)], [ramp(), ramp()])).toEqual([]);
});

test('a picture with nothing to see is noted, and of several the one that it is', () => {
  expect(codes([], [createPicture({ width: 9, height: 9 }, [80, 81, 82])])).toEqual(['image.blank']);
  expect(concernsOf([], [ramp(), createPicture({ width: 9, height: 9 })])).toEqual([{ code: 'image.blank', detail: 'Image 2: the image shows next to nothing with this window.' }]);
});

test('a picture of black and white alone is noted', () => {
  const picture = createPicture({ width: 20, height: 20 });
  picture.data.fill(255, 0, 600);
  expect(codes([], [picture])).toEqual(['image.saturated']);
});
