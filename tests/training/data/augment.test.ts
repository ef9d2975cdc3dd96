import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { augment, type AugmentOptions } from '#training/data/augment.ts';
import type { Flips } from '#training/records/caseRecord.ts';

const still: AugmentOptions = { plain: 1, zoom: 1.3, aspect: 1.2, shift: 0.1, turn: 20, colour: 0.3, erase: 1 };
const moving: AugmentOptions = { ...still, plain: 0, turn: 0, colour: 0, erase: 0 };
const anyWay: Flips = { horizontal: true, vertical: true, quarterTurns: true };
const never: Flips = { horizontal: false, vertical: false, quarterTurns: false };

/** A dark picture with one white rectangle, and the box of it. */
function marked(box: { x1: number; y1: number; x2: number; y2: number }, width = 80, height = 60): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let y = box.y1; y < box.y2; y++) data.fill(255, (y * width + box.x1) * 3, (y * width + box.x2) * 3);
  return { width, height, data };
}

/** The tightest box around what is brighter than half. */
function brightBox({ width, height, data }: Picture) {
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    if (data[(y * width + x) * 3]! < 128) continue;
    [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x + 1), Math.max(y2, y + 1)];
  }
  return { x1, y1, x2, y2 };
}

const box = { x1: 20, y1: 15, x2: 45, y2: 30 };
const boxes = [{ class: 'lesion', box }];

test('a plain draw without mirrors is the picture itself', () => {
  const source = marked(box);
  const { picture, boxes: moved } = augment(source, boxes, source, never, still, new Random(1));
  expect([...picture.data]).toEqual([...source.data]);
  expect(moved).toEqual(boxes);
});

describe('a box stays on what it boxes', () => {
  test.each([['mirrored and turned by quarters', still, anyWay, { width: 80, height: 80 }, 80, 80], ['zoomed, stretched and moved', moving, never, { width: 100, height: 70 }, 80, 60],
    ['all at once', moving, anyWay, { width: 60, height: 60 }, 80, 80]] as const)('%s', (_, options, flips, size, width, height) => {
    for (let seed = 0; seed < 40; seed++) {
      const { picture, boxes: moved, complete } = augment(marked(box, width, height), boxes, size, flips, options, new Random(seed));
      if (!complete) continue;
      const seen = brightBox(picture);
      for (const edge of ['x1', 'y1', 'x2', 'y2'] as const) expect(Math.abs(moved![0]!.box[edge] - seen[edge])).toBeLessThan(1.6);
    }
  });
});

test('a view that cuts a box away says so', () => {
  const corner = { x1: 0, y1: 0, x2: 6, y2: 6 };
  const views = Array.from({ length: 60 }, (_, seed) => augment(marked(corner), [{ class: 'lesion', box: corner }], { width: 80, height: 60 }, never, { ...moving, shift: 0.3 }, new Random(seed)));
  expect(views.some(({ complete, boxes: left }) => !complete && left!.length === 0)).toBe(true);
  expect(views.every(({ complete, boxes: left }) => !complete || left!.length === 1)).toBe(true);
});

test('an image that nobody annotated stays so', () => expect(augment(marked(box), null, { width: 28, height: 28 }, anyWay, moving, new Random(2)).boxes).toBeNull());

test('what is erased never covers a box', () => {
  const white = marked({ x1: 0, y1: 0, x2: 80, y2: 60 });
  const options = { ...moving, erase: 1, zoom: 1, aspect: 1, shift: 0 };
  for (let seed = 0; seed < 40; seed++) {
    const { picture } = augment(white, boxes, white, never, options, new Random(seed));
    for (let y = box.y1; y < box.y2; y++) for (let x = box.x1; x < box.x2; x++) expect(picture.data[(y * 80 + x) * 3]).toBe(255);
  }
});
