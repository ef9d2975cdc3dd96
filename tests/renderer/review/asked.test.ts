import { describe, expect, test } from 'vitest';
import type { StudyDetail, StudySummary } from '#electron/contract/library.ts';
import { chosenSlices, noAsking, parseSlices, planOf, sliceText, spread, surroundings, toggledSlice, type Asking } from '#renderer/review/asked.ts';
import { initialReview, type ReviewState } from '#renderer/review/state.ts';

const frameId = (letter: string, index: number): string => `${letter.repeat(64)}-${index}`;
const series = (letter: string, count: number): StudyDetail['series'][number] => ({ id: letter, kind: 'stack', slide: null, frames: Array.from({ length: count }, (_, i) => ({ id: frameId(letter, i), columns: 200, rows: 100 })) }) as unknown as StudyDetail['series'][number];
const prior = { id: 'd'.repeat(24) } as StudySummary;
const stack = (seriesId: string, frameAt: number) => ({ kind: 'stack', seriesId, frameAt }) as const;

const state = (asked: Partial<Asking>, change: Partial<ReviewState> = {}): ReviewState => ({
  ...initialReview, studyId: 'c'.repeat(24), detail: { study: { id: 'c'.repeat(24) } as StudySummary, series: [series('a', 12), series('b', 8)], files: [], statements: [] }, frameAt: 4,
  priors: { b: prior }, asked: { ...noAsking, ...asked }, hanging: { ...initialReview.hanging, layout: '1x2', cells: [stack('a', 4), stack('b', 6)] }, ...change,
});
const names = (plan: ReturnType<typeof planOf>): unknown => plan?.views.map(({ view, number, of }) => [view.kind === 'frame' ? view.frameId.slice(0, 1) : 's', number, of]);

describe('what is sent', () => {
  test('is the image on the screen, with its window', () => {
    const look = { center: 1, width: 2, shape: 'LINEAR', isInverted: false, name: null } as const;
    const plan = planOf(state({}, { looks: { a: look } }), null);
    expect(names(plan)).toEqual([['a', 5, 12]]);
    expect(plan).toMatchObject({ selection: { rule: 'view', of: 12 }, views: [{ view: { frameId: frameId('a', 4), window: look } }] });
  });

  test('is a marked place with its surroundings, on the slice that it was marked on', () => {
    const plan = planOf(state({ scope: 'region', region: { frameId: frameId('a', 2), box: { x1: 50, y1: 20, x2: 130, y2: 60 } } }), null);
    expect(plan?.views).toMatchObject([{ number: 3, view: { frameId: frameId('a', 2), marked: { x: 50, y: 20, width: 80, height: 40 }, region: { x: 38, y: 8, width: 104, height: 64 } } }]);
    expect(planOf(state({ scope: 'region' }), null)).toBeNull();
    expect(planOf(state({ scope: 'region', region: { frameId: frameId('a', 2), box: { x1: 500, y1: 0, x2: 600, y2: 9 } } }), null)).toBeNull();
  });

  test('are the named slices, or slices spread over all of them', () => {
    expect(names(planOf(state({ scope: 'slices', slices: '2-3, 9' }), null))).toEqual([['a', 2, 12], ['a', 3, 12], ['a', 9, 12]]);
    expect(planOf(state({ scope: 'slices' }), null)).toMatchObject({ selection: { rule: 'spread', of: 12 }, views: [{ number: 2 }, { number: 4 }, { number: 7 }, { number: 9 }, { number: 11 }] });
    expect(planOf(state({ scope: 'slices', slices: '3-99' }), null)).toBeNull();
  });

  test('are both studies, the asked one first, the earlier one by its own study', () => {
    const plan = planOf(state({ scope: 'cells' }), null);
    expect(names(plan)).toEqual([['a', 5, 12], ['b', 7, 8]]);
    expect(plan?.views.map(({ view, isPrior }) => [view.studyId, isPrior])).toEqual([[undefined, false], [prior.id, true]]);
    const turned = state({ scope: 'cells' }, { seriesAt: 1, frameAt: 6, hanging: { ...initialReview.hanging, layout: '1x2', cells: [stack('b', 6), stack('a', 4)] } });
    expect(names(planOf(turned, null))).toEqual([['a', 5, 12], ['b', 7, 8]]);
  });

  test('is the image of the earlier study where that one is on the screen', () => {
    expect(planOf(state({}, { seriesAt: 1, frameAt: 0 }), null)?.views[0]).toMatchObject({ isPrior: true, view: { studyId: prior.id } });
  });
});

describe('numbers of slices', () => {
  test('are read as people write them, and refused where they name none', () => {
    expect([parseSlices('3-5, 9', 12), parseSlices('9;3', 12), parseSlices('7 – 8', 12), parseSlices('2 4', 12)]).toEqual([[3, 4, 5, 9], [3, 9], [7, 8], [2, 4]]);
    for (const text of ['', 'all', '0', '13', '5-3', '1-2-3', '-4']) expect(parseSlices(text, 12), text).toBeNull();
  });
  test('are said as runs', () => expect(sliceText([1, 2, 3, 5, 6, 9])).toBe('1–3, 5, 6, 9'));
  test('are spread where there are more than one question takes', () => {
    expect(spread(25)).toEqual([3, 8, 13, 18, 23]);
    expect(chosenSlices('1-100', 200)).toMatchObject({ isSpread: true });
    expect(chosenSlices('1-100', 200)?.numbers).toHaveLength(32);
  });
  test('gain and lose one at a time', () => {
    expect(toggledSlice('3-5', 4, 12)).toBe('3, 5');
    expect(toggledSlice('3, 5', 4, 12)).toBe('3-5');
    expect(toggledSlice('3', 3, 12)).toBe('');
  });
});

describe('the surroundings of a place', () => {
  const size = { width: 200, height: 100 };
  test('are a little more on each side, and never too small to show anything', () => {
    expect(surroundings({ x1: 100, y1: 50, x2: 102, y2: 51 }, size)).toEqual({ x: 77, y: 26, width: 48, height: 49 });
  });
  test('stay on the image and keep their size where they can', () => {
    expect(surroundings({ x1: 0, y1: 0, x2: 10, y2: 10 }, size)).toEqual({ x: 0, y: 0, width: 48, height: 48 });
    expect(surroundings({ x1: 0, y1: 0, x2: 200, y2: 100 }, size)).toEqual({ x: 0, y: 0, width: 200, height: 100 });
  });
});
