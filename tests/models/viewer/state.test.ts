import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { mapPoint, toModel } from '#models/imaging/coordinates.ts';
import { callOf, readAction, type ViewerAction } from '#models/viewer/actions.ts';
import { directiveOf } from '#models/viewer/directive.ts';
import { readLog, replay, type ActLog, type ActStep } from '#models/viewer/log.ts';
import { isSameState, observed, openedViewer, perform, placed, seenIn, shownRegion, slideSide, type Viewer, type ViewerStudy } from '#models/viewer/state.ts';

const study: ViewerStudy = {
  series: [
    { key: '1', modality: 'CT', slices: 9, width: 512, height: 256, mpp: null, presets: [{ name: 'File', center: 0, width: 100 }, { name: 'Lung', center: -600, width: 1500 }] },
    { key: '2', modality: 'SM', slices: 1, width: 40_960, height: 20_480, mpp: 0.25, presets: [] },
  ],
};
const opened = openedViewer(study);
const after = (...actions: readonly ViewerAction[]): Viewer => actions.reduce((viewer, action) => perform(study, viewer, action), opened);
const refused = (code: string): unknown => expect.objectContaining({ code });

describe('the viewer', () => {
  test('begins on the middle slice and shows the whole image', () => {
    expect(opened.now).toMatchObject({ series: '1', slice: 5, window: null, zoom: 1 });
    expect(shownRegion(study, opened.now)).toEqual({ x1: 0, y1: 0, x2: 512, y2: 256 });
  });

  test('leafs within the series', () => {
    expect(after({ name: 'scroll_slice', by: 3 }).now.slice).toBe(8);
    expect(after({ name: 'scroll_slice', by: 30 }).now.slice).toBe(9);
    expect(after({ name: 'scroll_slice', to: 1 }).now.slice).toBe(1);
    expect(() => after({ name: 'scroll_slice', to: 10 })).toThrow(refused('act.slice'));
  });

  test('takes windows by name or number', () => {
    expect(after({ name: 'set_window', preset: 'lung' }).now.window).toEqual({ center: -600, width: 1500, name: 'Lung' });
    expect(after({ name: 'set_window', center: 40, width: 400 }).now.window).toEqual({ center: 40, width: 400, name: null });
    expect(() => after({ name: 'set_window', preset: 'Moon' })).toThrow(refused('act.window'));
    expect(() => after({ name: 'select_series', key: '2' }, { name: 'set_window', center: 40, width: 400 })).toThrow(refused('act.window'));
  });

  test('brings the focus of a zoom into the middle, and keeps to the image', () => {
    expect(shownRegion(study, after({ name: 'zoom', focus: { x: 256, y: 128 }, factor: 4 }).now)).toEqual({ x1: 192, y1: 96, x2: 320, y2: 160 });
    expect(shownRegion(study, after({ name: 'zoom', focus: { x: 0, y: 256 }, factor: 2 }).now)).toEqual({ x1: 0, y1: 128, x2: 256, y2: 256 });
    expect(after({ name: 'zoom', focus: { x: 0, y: 0 }, factor: 0.1 }).now.zoom).toBe(1);
    expect(shownRegion(study, after({ name: 'zoom', focus: { x: 256, y: 128 }, factor: 4 }, { name: 'pan', by: { x: 20, y: -10 } }).now)).toEqual({ x1: 212, y1: 86, x2: 340, y2: 150 });
  });

  test('shows a slide at a magnification', () => {
    const { now } = after({ name: 'select_series', key: '2' }, { name: 'set_level', focus: { x: 20_480, y: 10_240 }, magnification: 20 });
    // At 20×, 0.5 µm a pixel, a screen shows twice as many pixels of level 0 across.
    const { x1, x2 } = shownRegion(study, now);
    expect(x2 - x1).toBe(2 * slideSide);
    expect(() => after({ name: 'set_level', focus: { x: 0, y: 0 }, magnification: 20 })).toThrow(refused('act.level'));
  });

  test('takes steps back one by one, and does nothing after the end', () => {
    const { now, past } = after({ name: 'scroll_slice', by: 1 }, { name: 'point', at: { x: 3, y: 4 } }, { name: 'undo' });
    expect([now.slice, now.marks.length, past.length]).toEqual([6, 0, 1]);
    expect(() => after({ name: 'undo' })).toThrow(refused('act.undo'));
    expect(() => after({ name: 'finish' }, { name: 'undo' })).toThrow(refused('act.done'));
    expect(() => after({ name: 'select_series', key: '3' })).toThrow(refused('act.series'));
    expect(after({ name: 'answer', text: 'B' }).now).toMatchObject({ answer: 'B', isDone: true });
  });

  test('a place goes to the picture and back within a pixel of it, whatever the view', () => {
    const random = Random.named(5, 'views');
    for (let i = 0; i < 300; i++) {
      const { now } = after({ name: 'zoom', focus: { x: random.between(0, 512), y: random.between(0, 256) }, factor: random.between(1, 20) });
      const view = observed(study, now, { width: 168, height: 84 });
      const call = callOf({ name: 'point', at: { x: random.below(169), y: random.below(85) } });
      const there = placed(readAction(call, view.resized), view);
      const back = callOf(seenIn(there, view));
      expect(back).toEqual(call);
      const image = { x: random.between(view.region.x1, view.region.x2), y: random.between(view.region.y1, view.region.y2) };
      const rounded = placed(readAction(callOf({ name: 'point', at: mapPoint(toModel(view), image) }), view.resized), view) as Extract<ViewerAction, { name: 'point' }>;
      expect(Math.abs(rounded.at.x - image.x)).toBeLessThanOrEqual((view.region.x2 - view.region.x1) / 168 / 2 + 1e-9);
    }
  });
});

describe('a log', () => {
  const actions: readonly ViewerAction[] = [
    { name: 'scroll_slice', to: 3 }, { name: 'set_window', preset: 'Lung' }, { name: 'zoom', focus: { x: 100, y: 50 }, factor: 3 }, { name: 'measure', from: { x: 60, y: 40 }, to: { x: 110, y: 40 } },
    { name: 'undo' }, { name: 'scroll_slice', to: 99 }, { name: 'finish' },
  ];
  const size = { width: 168, height: 84 };
  const logOf = (): ActLog => {
    let viewer = opened;
    const steps = actions.map((action): ActStep => {
      const view = observed(study, viewer.now, size);
      const call = callOf(action);
      const base = { at: '2026-01-01T00:00:00Z', call, view, sentence: '' };
      try {
        viewer = perform(study, viewer, placed(readAction(call, size), view));
        return { ...base, after: viewer.now, fault: null };
      } catch {
        return { ...base, after: null, fault: { code: 'act.slice', what: 'a', why: 'b', mend: 'c' } };
      }
    });
    return { kind: 'loupe-act', version: 1, id: 'log-1', studyId: null, startedAt: '2026-01-01T00:00:00Z', instruction: 'Find it.', driver: { kind: 'model', name: 'm' }, study, start: opened.now, steps, end: 'finished' };
  };

  test('is done again with the same states, also from its file', () => {
    const log = readLog(JSON.stringify(logOf()));
    const { states, differences } = replay(log);
    expect(differences).toEqual([]);
    expect(states.at(-1)).toMatchObject({ slice: 3, isDone: true });
    expect(isSameState(states[4]!, states[3]!)).toBe(false);
    expect(isSameState(states[5]!, states[3]!)).toBe(true);
  });

  test('that was changed says at which step', () => {
    const log = logOf();
    const changed: ActLog = { ...log, steps: log.steps.map((step, at) => (at === 1 ? { ...step, after: { ...step.after!, slice: 4 } } : step)) };
    expect(replay(changed).differences).toEqual([{ step: 2, why: 'It leads to another state.' }]);
    const other: ActLog = { ...log, steps: log.steps.map((step, at) => (at === 0 ? { ...step, call: { action: 'scroll_slice', point: [-100, -100], input_text: '=4' } } : step)) };
    expect(replay(other).differences.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 7]);
  });

  test.each(['', '{', 'null', '{"kind":"loupe-act"}', '[]', JSON.stringify({ kind: 'loupe-act', version: 2 })])('that is %j is none', (text) => {
    expect(() => readLog(text)).toThrow(refused('act.log'));
  });
});

describe('the boxes of an answer', () => {
  const box = { x1: 100, y1: 50, x2: 140, y2: 70 };

  test('are visited: slice, window, near, across the longer side', () => {
    const planned = directiveOf(study, opened.now, [{ series: '1', slice: 7, box, label: 'lung nodule' }]);
    expect(planned.map(({ action }) => action.name)).toEqual(['scroll_slice', 'set_window', 'zoom', 'measure', 'finish']);
    const { now } = after(...planned.map(({ action }) => action));
    expect(now).toMatchObject({ slice: 7, window: { name: 'Lung' }, isDone: true, marks: [{ kind: 'measure', slice: 7, points: [{ x: 100, y: 60 }, { x: 140, y: 60 }] }] });
    const shown = shownRegion(study, now);
    expect([shown.x1 < box.x1, shown.x2 > box.x2, (shown.x1 + shown.x2) / 2]).toEqual([true, true, 120]);
  });

  test('none is nothing but the end', () => expect(directiveOf(study, opened.now, []).map(({ action }) => action.name)).toEqual(['finish']));

  test('many are cut, and each step can be done', () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ series: i % 2 === 0 ? '1' : '2', slice: 1, box: { x1: i, y1: 0, x2: i + 2, y2: 9 }, label: 'x' }));
    const planned = directiveOf(study, opened.now, many);
    expect(after(...planned.map(({ action }) => action)).now.marks).toHaveLength(8);
  });
});
