import { describe, expect, test } from 'vitest';
import type { WiredFrame } from '#electron/contract/frame.ts';
import { Random } from '#models/base/random.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import { scaleOf, slideScale } from '#models/imaging/measures.ts';
import { magnificationOf, objectives, zoomOf } from '#renderer/viewports/magnification.ts';
import { measuredLines } from '#renderer/viewports/measured.ts';

// The page's modules look for their window when they are loaded.
Object.assign(globalThis, { window: globalThis });
const { calibrationOf, changesOf, noDrawings, reduceDrawings, reversed } = await import('#renderer/viewports/drawings.ts');
type Drawing = Parameters<typeof calibrationOf>[0][number];
type Step = Parameters<typeof changesOf>[0][number];

const drawing = (id: string, change: Partial<Annotation> = {}): Drawing => ({
  studyId: 'a'.repeat(24),
  annotation: { id, frameId: `${'b'.repeat(64)}-0`, kind: 'length', points: [{ x: 1, y: 2 }, { x: 4, y: 6 }], text: '', colour: '#ffe45c', isLocked: false, isHidden: false, millimetres: null, changedAt: '', ...change },
});

describe('gestures', () => {
  test('undone to the last lead back to the start, and redone to where they were', () => {
    const draw = new Random(11);
    let state = noDrawings;
    const done: (readonly Step[])[] = [];
    for (let i = 0; i < 50; i++) {
      const known = state.all[draw.below(Math.max(1, state.all.length))];
      const dice = draw.uniform();
      const steps: readonly Step[] = !known || dice < 0.6 ? [{ before: null, after: drawing(`drawing-${i}`) }]
        : dice < 0.85 ? [{ before: known, after: drawing(known.annotation.id, { points: [{ x: draw.uniform(), y: draw.uniform() }, { x: 9, y: 9 }] }) }] : [{ before: known, after: null }];
      state = reduceDrawings(state, { type: 'steps', steps });
      done.push(steps);
    }
    const end = state.all;
    expect(end.length).toBeGreaterThan(3);
    const byId = (all: readonly Drawing[]): Drawing[] => [...all].sort((a, b) => (a.annotation.id < b.annotation.id ? -1 : 1));
    for (const steps of done.toReversed()) state = reduceDrawings(state, { type: 'steps', steps: reversed(steps) });
    expect(state.all).toEqual(noDrawings.all);
    for (const steps of done) state = reduceDrawings(state, { type: 'steps', steps });
    expect(byId(state.all)).toEqual(byId(end));
  });
  test('are written down as what is there after them', () =>
    expect([...changesOf([{ before: null, after: drawing('one') }, { before: drawing('two'), after: null }]).values()]).toEqual([[{ kind: 'put', annotation: drawing('one').annotation }, { kind: 'drop', id: 'two' }]]));
  test('that take the chosen drawing away leave nothing chosen', () => {
    const state = { ...noDrawings, all: [drawing('one')], selectedId: 'one' };
    expect(reduceDrawings(state, { type: 'steps', steps: [{ before: drawing('one'), after: null }] }).selectedId).toBeNull();
  });
});

describe('a calibration', () => {
  const line = drawing('one', { kind: 'calibration', points: [{ x: 0, y: 0 }, { x: 30, y: 20 }], millimetres: 25 });
  test('says how long a pixel is, with its shape', () => expect(calibrationOf([line], line.annotation.frameId, 2)).toBe(0.5));
  test('counts for its own image alone', () => expect(calibrationOf([line], 'another', 2)).toBeNull());
});

const ct = scaleOf({ spacingMm: [0.5, 0.5], spacingSource: 'PixelSpacing' }, 'CT');
const frame = {
  header: { rows: 4, columns: 4, samples: 1, slope: 1, intercept: -1000, unit: 'HU', padding: null }, values: Int16Array.from({ length: 16 }, (_, i) => 1000 + i * 10),
} as unknown as WiredFrame;
const say = (kind: Annotation['kind'], points: Annotation['points'], scale = ct, change: Partial<Annotation> = {}): readonly string[] => measuredLines({ kind, points, text: '', millimetres: null, ...change }, scale, frame);

describe('a drawing says', () => {
  const [a, b, c] = [{ x: 0, y: 0 }, { x: 3, y: 4 }, { x: 3, y: 0 }];
  test('its length in millimetres', () => expect(say('length', [a, b])).toEqual(['2.50 mm']));
  test('its length in pixels where there is no scale', () => expect(say('length', [a, b], slideScale(null))).toEqual(['5.0 px']));
  test('that its millimetres are those of the detector', () => expect(say('length', [a, b], scaleOf({ spacingMm: [1, 1], spacingSource: 'ImagerPixelSpacing' }, 'XA'))).toEqual(['5.00 mm (detector plane)']));
  test('its length in microns on a slide', () => expect(say('length', [a, b], slideScale({ x: 0.5, y: 0.5 }))).toEqual(['2.5 µm']));
  test('its angle', () => expect(say('angle', [a, c, b])).toEqual(['90.0°']));
  test('the longer diameter first', () => expect(say('bidirectional', [a, c, a, { x: 0, y: 8 }])).toEqual(['L 4.00 mm', 'W 1.50 mm']));
  test('the statistics of its pixels in Hounsfield units', () => expect(say('rectangle', [{ x: 1, y: 1 }, { x: 3, y: 3 }])).toEqual(['Area 1.0 mm²', 'Mean 75.0 HU · SD 20.6', '50.0 … 100.0 · 4 px']));
  test('the value of its place', () => expect(say('probe', [{ x: 2.5, y: 1.5 }])).toEqual(['60.0 HU', 'x 2, y 1']));
  test('its own text first', () => expect(say('length', [a, b], ct, { text: 'node' })).toEqual(['node', '2.50 mm']));
});

describe('magnification', () => {
  test('of 0.25 µm per screen pixel is forty times', () => expect(magnificationOf(0.25, 1)).toBe(40));
  test('jumps to what an objective would show, within one percent', () => {
    for (const objective of objectives) for (const mpp of [0.2527, 0.5021]) expect(mpp / zoomOf(mpp, objective) / (10 / objective)).toBeCloseTo(1, 9);
  });
});
