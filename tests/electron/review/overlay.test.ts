import { describe, expect, test } from 'vitest';
import { palette } from '#electron/drawing/canvas.ts';
import { colourOf, freePlace } from '#electron/drawing/marks.ts';
import { drawOverlay, type OverlayInput } from '#electron/review/overlay.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';

const grey = (width: number, height: number): Picture => createPicture({ width, height }, [90, 90, 90]);

const input = (width: number, height: number, more: Partial<OverlayInput> = {}): OverlayInput => ({
  title: 'film.dcm · DX', question: 'Is there an abnormality, and where?', confidence: 0.8, notes: ['a note'],
  frames: [{ picture: grey(width, height), name: 'whole image' }],
  trace: {
    raw: '', parsed: true, answer: 'pneumonia', steps: [{ kind: 'observation', text: 'Both lungs are in view.', findings: [0] }],
    findings: [{ label: 'right lung', frame: 0, boxes: [{ x1: width * 0.25, y1: height * 0.25, x2: width * 0.75, y2: height * 0.75 }] }],
  },
  ...more,
});

const rgb = (hex: string): number[] => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** Where a colour appears: the smallest rectangle around its pixels, in device pixels. */
function extent({ width, height, data }: Picture, colour: readonly number[], to = width): { x1: number; y1: number; x2: number; y2: number } {
  const box = { x1: Infinity, y1: Infinity, x2: -Infinity, y2: -Infinity };
  const [red = 0, green = 0, blue = 0] = colour;
  for (let y = 0; y < height; y++) for (let x = 0, at = y * width * 3; x < to; x++, at += 3) {
    if (Math.abs(data[at]! - red) > 3 || Math.abs(data[at + 1]! - green) > 3 || Math.abs(data[at + 2]! - blue) > 3) continue;
    if (x < box.x1) box.x1 = x;
    if (x > box.x2) box.x2 = x;
    if (y < box.y1) box.y1 = y;
    box.y2 = y;
  }
  return box;
}

describe('the overlay', () => {
  for (const [width, height] of [[224, 224], [600, 200], [64, 160]] as const) {
    test(`draws the box of a ${width} × ${height} image on the pixels that it names`, async () => {
      const picture = await decodePicture(await drawOverlay(input(width, height)));
      const image = extent(picture, [90, 90, 90]);
      const box = extent(picture, rgb(palette[0]), image.x2 + 1);
      const scale = (image.x2 + 1 - image.x1) / width;
      // The line is 4.5 device pixels wide and stands on the edge; the tag lies above the box.
      expect(Math.abs(box.x1 - (image.x1 + 0.25 * width * scale))).toBeLessThan(5);
      expect(Math.abs(box.x2 - (image.x1 + 0.75 * width * scale))).toBeLessThan(5);
      expect(Math.abs(box.y2 - (image.y1 + 0.75 * height * scale))).toBeLessThan(5);
    });
  }

  test('says on every picture that it is no medical device', async () => {
    const { width, height, data } = await decodePicture(await drawOverlay(input(100, 100)));
    const banner = data.subarray((height - 60) * width * 3, (height - 58) * width * 3);
    expect([...banner.subarray(0, 3)]).toEqual(rgb('#2a210f'));
    const text = extent({ width, height, data }, rgb('#f5b84b'));
    expect(text.y2).toBeGreaterThan(height - 60);
  });

  test('holds a long question, many steps, many boxes and an answer that does not fit the format', async () => {
    const boxes = Array.from({ length: 40 }, (_, i) => ({ x1: (i % 8) * 12, y1: Math.floor(i / 8) * 20, x2: (i % 8) * 12 + 10, y2: Math.floor(i / 8) * 20 + 14 }));
    const long = input(100, 100, {
      question: 'word '.repeat(300),
      trace: {
        raw: 'x'.repeat(5000), parsed: false, answer: null, steps: Array.from({ length: 30 }, () => ({ kind: 'knowledge' as const, text: 'step '.repeat(80), findings: [] })),
        findings: [{ label: 'a label that is far too long to be drawn beside a box of ten pixels', frame: 0, boxes }],
      },
    });
    const { width, height } = await decodePicture(await drawOverlay(long));
    expect(width).toBeLessThan(4000);
    expect(height).toBeLessThan(8000);
  });

  test('shows all frames of a series, each once', async () => {
    const frames = Array.from({ length: 7 }, (_, i) => ({ picture: createPicture({ width: 50, height: 50 }, [20 * i + 40, 0, 0]), name: `slice ${i + 1}` }));
    const picture = await decodePicture(await drawOverlay(input(50, 50, { frames, main: 3, trace: { raw: '', parsed: true, answer: 'no', steps: [], findings: [] } })));
    for (let i = 0; i < 7; i++) expect(extent(picture, [20 * i + 40, 0, 0]).x1).toBeLessThan(Infinity);
  });
});

test('a label keeps its colour, and the first ten labels differ', () => {
  const labels = ['a', 'b', 'a', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  const colours = colourOf(labels.map((label) => ({ label, frame: 0, boxes: [] })));
  expect(colours.size).toBe(10);
  expect(new Set(colours.values()).size).toBe(10);
});

describe('a tag', () => {
  const image = { x: 0, y: 0, width: 200, height: 200 };
  const size = { width: 60, height: 20 };
  const overlaps = (a: { x: number; y: number }, b: { x: number; y: number }): boolean => Math.abs(a.x - b.x) < 60 && Math.abs(a.y - b.y) < 20;

  test('stands above its box where there is room', () => expect(freePlace({ x: 50, y: 80, width: 70, height: 40 }, size, image, [])).toMatchObject({ x: 50, y: 57 }));
  test('goes below when the box touches the upper edge', () => expect(freePlace({ x: 50, y: 0, width: 70, height: 40 }, size, image, []).y).toBe(43));
  test('goes inside when the box fills the image', () => {
    const place = freePlace({ x: 0, y: 0, width: 200, height: 200 }, size, image, []);
    expect(place.x).toBeGreaterThanOrEqual(0);
    expect(place.y).toBeGreaterThanOrEqual(0);
  });
  test('gives way to the tags that are there', () => {
    const taken = [freePlace({ x: 50, y: 80, width: 70, height: 40 }, size, image, [])];
    const next = freePlace({ x: 52, y: 82, width: 70, height: 40 }, size, image, taken);
    expect(overlaps(next, taken[0] as { x: number; y: number })).toBe(false);
  });
});
