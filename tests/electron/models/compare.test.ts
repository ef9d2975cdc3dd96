import { describe, expect, test } from 'vitest';
import { commonPicture, differenceOf } from '#electron/models/compare.ts';
import { createPicture } from '#models/imaging/image.ts';
import type { PatchOptions } from '#models/imaging/patches.ts';

const side = (answer: string | null, value: number | null, boxes: readonly (readonly [string, number])[]): Parameters<typeof differenceOf>[0][0] => ({
  answer, confidence: value === null ? null : { value, method: 'product' }, findings: boxes.map(([label, x1]) => ({ label, frame: 0, boxes: [{ x1, y1: 0, x2: x1 + 10, y2: 10 }] })),
});

describe('two answers', () => {
  test('are the same whatever their letter case and last full stop', () => expect(differenceOf([side('Left lung.', 0.5, []), side('left  lung', 0.75, [])])).toEqual({ sameAnswer: true, confidence: 0.25, boxes: [] }));
  test('that are none are not the same', () => expect(differenceOf([side(null, null, []), side(null, 0.5, [])])).toEqual({ sameAnswer: false, confidence: null, boxes: [] }));
  test('that are lists of boxes are the same where they name the same', () => {
    expect(differenceOf([side('[{"a":1}]', null, [['lung', 0]]), side('[{"a":2}]', null, [['Lung', 2]])]).sameAnswer).toBe(true);
    expect(differenceOf([side('[{"a":1}]', null, [['lung', 0]]), side('[]', null, [])]).sameAnswer).toBe(false);
  });
  test('part where their boxes do', () =>
    expect(differenceOf([side('a', null, [['Lung', 0], ['heart', 0]]), side('a', null, [['lung', 5]])]).boxes).toEqual([{ label: 'lung', iou: expect.closeTo(1 / 3) }, { label: 'heart', iou: null }]));
});

describe('the picture that both are given', () => {
  const options = (maxPixels: number): PatchOptions => ({ patchSize: 14, temporalPatchSize: 2, mergeSize: 2, minPixels: 784, maxPixels, mean: [0, 0, 0], std: [1, 1, 1] });
  const picture = createPicture({ width: 300, height: 200 });
  test('is the picture itself where both would bring it to one size', () => expect(commonPicture(picture, [options(1e6), options(2e6)])).toBe(picture));
  test('is brought to the smaller size where one may see less', () => {
    const { width, height } = commonPicture(picture, [options(1e6), options(20_000)]);
    expect([width, height]).toEqual([168, 112]);
  });
});
