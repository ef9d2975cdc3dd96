import { describe, expect, test } from 'vitest';
import type { FrameHeader } from '#electron/contract/frame.ts';
import { writeDicom, pixelElements } from '#models/imaging/dicom/writer.ts';
import { edgeLetters, lettersOf, scaleBar } from '#renderer/viewports/orientation.ts';
import { mapPoint, moved, toImage, toScreen, wholeView, zoomedAt, type Stage } from '#renderer/viewports/view.ts';
import { dragged, paint, type Look } from '#renderer/viewports/windowing.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { toDisplay } from '#models/imaging/dicom/display.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';

const stage: Stage = { image: { width: 200, height: 100 }, aspect: 1, screen: { width: 400, height: 400 } };
const near = (point: { x: number; y: number }, x: number, y: number): void => {
  expect(point.x).toBeCloseTo(x, 6);
  expect(point.y).toBeCloseTo(y, 6);
};

describe('a view', () => {
  test('fits the whole image into the middle', () => {
    near(mapPoint(toScreen(wholeView, stage), { x: 0, y: 0 }), 0, 100);
    near(mapPoint(toScreen(wholeView, stage), { x: 200, y: 100 }), 400, 300);
  });
  test('shows pixels that are not square at their true shape', () =>
    near(mapPoint(toScreen(wholeView, { ...stage, aspect: 2 }), { x: 200, y: 100 }), 400, 400));
  test('rotated by a quarter has its top at the right', () =>
    near(mapPoint(toScreen({ ...wholeView, quarters: 1 }, stage), { x: 100, y: 0 }), 300, 200));
  test('mirrored has its left at the right', () =>
    near(mapPoint(toScreen({ ...wholeView, isFlippedHorizontally: true }, stage), { x: 0, y: 50 }), 400, 200));
  test('enlarged keeps what is under the pointer under the pointer', () => {
    for (const view of [wholeView, { ...wholeView, quarters: 3 as const, isFlippedVertically: true }]) {
      const pointer = { x: 250, y: 220 };
      const before = mapPoint(toImage(view, stage), pointer);
      near(mapPoint(toScreen(zoomedAt(view, stage, pointer, 1.7), stage), before), pointer.x, pointer.y);
    }
  });
  test('moves with the hand, and its middle stays on the image', () => {
    near(mapPoint(toScreen(moved(wholeView, stage, { x: 30, y: -20 }), stage), { x: 100, y: 50 }), 230, 180);
    expect(moved(wholeView, stage, { x: 9999, y: 0 }).middle.x).toBe(0);
  });
});

describe('windowing', () => {
  const rows = 8;
  const columns = 8;
  const stored = Int16Array.from({ length: 64 }, (_, i) => -1000 + i * 40);
  const bytes = writeDicom([
    { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: '1.2.3' }, { tag: 'x00080060', vr: 'CS', value: 'CT' },
    { tag: 'x00281052', vr: 'DS', value: -24 }, { tag: 'x00281053', vr: 'DS', value: 1 }, ...pixelElements({ rows, columns, photometric: 'MONOCHROME2', data: stored }),
  ]);

  test.each(['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const)('paints the page as the model sees it (%s)', async (shape) => {
    const file = readDicom(bytes);
    const frame = await decodeFrame(file, 0);
    const { data } = toDisplay(file, frame, { voi: { kind: 'window', name: '', window: { center: 40, width: 400, shape } } });
    const header = { rows, columns, samples: 1, type: 'int16', slope: 1, intercept: -24, padding: null, least: -1000, greatest: 1520 } as unknown as FrameHeader;
    const pixels = new Uint32Array(64);
    paint({ header, values: frame.data }, { center: 40, width: 400, shape, isInverted: false, name: null }, pixels);
    expect([...pixels].map((pixel) => pixel & 0xff)).toEqual([...data].filter((_, i) => i % 3 === 0));
  });

  test('never becomes narrower than its curve can use', () => {
    const look: Look = { center: 0, width: 10, shape: 'LINEAR', isInverted: false, name: 'Lung' };
    expect(dragged(look, { center: 0, width: -5 })).toMatchObject({ width: 1, name: null });
  });
});

describe('letters at the edges', () => {
  const axial = { orientation: [1, 0, 0, 0, 1, 0] as [number, number, number, number, number, number] };
  test('an axial slice has the patient\'s right at the left and the front on top', () =>
    expect(edgeLetters(axial, toScreen(wholeView, stage))).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' }));
  test('mirroring exchanges them', () =>
    expect(edgeLetters(axial, toScreen({ ...wholeView, isFlippedHorizontally: true }, stage))).toMatchObject({ left: 'L', right: 'R' }));
  test('a quarter turn brings the front to the right', () =>
    expect(edgeLetters(axial, toScreen({ ...wholeView, quarters: 1 }, stage))).toMatchObject({ right: 'A', top: 'R' }));
  test('a projection goes by the letters that it states', () =>
    expect(edgeLetters({ orientation: null }, toScreen({ ...wholeView, isFlippedHorizontally: true }, stage), ['L', 'F'])).toEqual({ left: 'L', right: 'R', top: 'H', bottom: 'F' }));
  test('an oblique direction names its parts by size', () => expect(lettersOf([0.8, -0.5, 0.2])).toBe('LAH'));
  test('nothing is guessed where the file is silent', () => expect(edgeLetters({ orientation: null }, toScreen(wholeView, stage))).toBeNull());
});

describe('the scale bar', () => {
  test('is a round length of at most a quarter of the view', () => expect(scaleBar(0.5, 800)).toEqual({ pixels: 200, label: '10 cm' }));
  test('goes down to micrometres', () => expect(scaleBar(0.00025, 1000)?.label).toBe('50 µm'));
  test('is left out without a scale', () => expect(scaleBar(NaN, 800)).toBeNull());
});
