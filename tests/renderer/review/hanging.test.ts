import { describe, expect, test } from 'vitest';
import type { SeriesSummary, StudyDetail, StudySummary } from '#electron/contract/library.ts';
import { earlierBy, priorsOf } from '#electron/contract/priors.ts';
import { bestBeside } from '#renderer/review/priors.ts';
import { initialReview, reduceReview, type ReviewAction, type ReviewState } from '#renderer/review/state.ts';
import { linkOf } from '#renderer/viewports/linking.ts';

const axialFrames = (letter: string, count: number, step: number, start = 0): SeriesSummary['frames'] => Array.from({ length: count }, (_, i) => ({
  id: `${letter.repeat(64)}-${i}`, name: '', rows: 100, columns: 100, instanceNumber: i, alongMm: start + i * step,
  geometry: { spacingMm: [1, 1], spacingSource: 'PixelSpacing', positionMm: [0, 0, start + i * step], orientation: [1, 0, 0, 0, 1, 0] },
}));
const series = (letter: string, frames: SeriesSummary['frames'], frameOfReference: string | null, modality = 'CT'): SeriesSummary =>
  ({ id: letter, kind: 'stack', modality, description: letter, frameOfReference, sliceSpacingMm: null, statements: [], frames, slide: null });
const thin = series('a', axialFrames('a', 60, 1), 'one');
const thick = series('b', axialFrames('b', 12, 5), 'one');
const elsewhere = series('c', axialFrames('c', 20, 3), 'two');
const mr = series('d', axialFrames('d', 20, 3), null, 'MR');
const coronal = series('e', axialFrames('e', 30, 2).map((frame, i) => ({ ...frame, geometry: { ...frame.geometry, positionMm: [0, i * 3, 100], orientation: [1, 0, 0, 0, 0, -1] } })), 'one');
const study = { id: 'f'.repeat(24), question: null, modalities: ['CT'], date: '2025-06-01', patientId: 'P', birthDate: null } as unknown as StudySummary;
const detail = (...all: SeriesSummary[]): StudyDetail => ({ study, series: all, files: [], statements: [] });
const after = (all: SeriesSummary[], ...actions: ReviewAction[]): ReviewState =>
  actions.reduce(reduceReview, reduceReview(reduceReview(initialReview, { type: 'opening', studyId: study.id }), { type: 'opened', detail: detail(...all), traces: [] }));
const hang = (change: Extract<ReviewAction, { type: 'hang' }>['change']): ReviewAction => ({ type: 'hang', change });
const frames = ({ hanging }: ReviewState): (number | null)[] => hanging.cells.map((cell) => (cell?.kind === 'stack' ? cell.frameAt : null));

describe('hanging', () => {
  test('begins with one cell that shows what is active', () => expect(after([thin]).hanging.cells).toEqual([{ kind: 'stack', seriesId: 'a', frameAt: 30 }]));
  test('fills a larger layout with the series that are not seen yet, then with empty cells', () =>
    expect(after([thin, thick, elsewhere], hang({ type: 'layout', layout: '2x2' })).hanging.cells.map((cell) => cell?.seriesId ?? null)).toEqual(['a', 'b', 'c', null]));
  test('puts a dropped series into its cell and makes it active', () => {
    const state = after([thin, thick, elsewhere, mr], hang({ type: 'layout', layout: '1x2' }), hang({ type: 'place', at: 1, seriesId: 'd' }));
    expect([state.hanging.cells[1]?.seriesId, state.seriesAt, state.hanging.activeAt]).toEqual(['d', 3, 1]);
  });
  test('keeps each cell on its frame while another is active', () => {
    const state = after([thin, elsewhere], hang({ type: 'layout', layout: '1x2' }), { type: 'frame', at: 7 }, hang({ type: 'activate', at: 1 }), { type: 'frame', at: 3 }, hang({ type: 'activate', at: 0 }));
    expect([state.frameAt, frames(state)]).toEqual([7, [7, 3]]);
  });
  test('shows one cell alone and then all again', () => {
    const state = after([thin, thick], hang({ type: 'layout', layout: '1x2' }), hang({ type: 'maximise', at: 1 }));
    expect([state.hanging.isMaximised, state.hanging.activeAt]).toEqual([true, 1]);
    expect(reduceReview(state, hang({ type: 'maximise', at: 1 })).hanging.isMaximised).toBe(false);
  });
});

describe('linked cells', () => {
  const two = (other: SeriesSummary, ...actions: ReviewAction[]): ReviewState => after([thin, other], hang({ type: 'layout', layout: '1x2' }), ...actions);
  test('of one frame of reference stay within half a slice of each other', () => {
    for (const at of [0, 2, 3, 17, 33, 59]) {
      const along = thick.frames[frames(two(thick, { type: 'frame', at }))[1]!]!.alongMm!;
      expect(Math.abs(along - Math.min(55, at))).toBeLessThanOrEqual(2.5);
    }
  });
  test('of different frames of reference do not follow', () => {
    expect(frames(two(elsewhere, { type: 'frame', at: 3 }))[1]).toBe(10);
    expect(linkOf(thin, elsewhere, {})).toBe('none');
  });
  test('of crossing planes do not follow either: they are lines to each other', () => {
    expect(frames(two(coronal, { type: 'frame', at: 3 }))[1]).toBe(15);
    expect(linkOf(thin, coronal, {})).toBe('lines');
  });
  test('unlinked stay where they are', () => expect(frames(two(thick, hang({ type: 'link', isLinked: false }), { type: 'frame', at: 59 }))[1]).not.toBe(11));
  test('follow across studies once what is seen was linked by hand, with the same offset in millimetres', () => {
    const state = two(elsewhere, { type: 'frame', at: 30 }, hang({ type: 'linkByHand' }), { type: 'frame', at: 36 });
    expect(frames(state)).toEqual([36, 12]);
    expect(linkOf(thin, elsewhere, state.hanging.hand)).toBe('hand');
  });
  test('share a window and its reset when they are of one modality', () => {
    const look = { center: -600, width: 1500, shape: 'LINEAR', isInverted: false, name: 'Lung' } as const;
    const state = after([thin, thick, elsewhere, mr], hang({ type: 'layout', layout: '2x2' }), { type: 'look', look });
    expect(Object.keys(state.looks).sort()).toEqual(['a', 'b', 'c']);
    expect(reduceReview(state, { type: 'look', look: null }).looks).toEqual({});
    expect(Object.keys(after([thin, thick], hang({ type: 'layout', layout: '1x2' }), hang({ type: 'link', isLinked: false }), { type: 'look', look }).looks)).toEqual(['a']);
  });
});

describe('three planes', () => {
  const planes = after([thin, thick], { type: 'frame', at: 20 }, hang({ type: 'layout', layout: 'mpr' }));
  test('meet in the middle of the slice that was seen', () => expect(planes.hanging.crosshair).toEqual([49.5, 49.5, 20]));
  test('bring up the slice that a point lies on', () => {
    const state = reduceReview(planes, hang({ type: 'crosshair', place: [10, 80, 41.3] }));
    expect([state.frameAt, state.hanging.crosshair]).toEqual([41, [10, 80, 41.3]]);
  });
  test('follow the slice that is leafed to, without moving sideways', () => {
    const state = reduceReview(reduceReview(planes, hang({ type: 'crosshair', place: [10, 80, 41.3] })), { type: 'frame', at: 5 });
    expect(state.hanging.crosshair!.map((part) => Math.round(part * 1e6) / 1e6)).toEqual([10, 80, 5]);
  });
  test('end when another series is chosen', () => expect(reduceReview(planes, { type: 'series', at: 1 }).hanging).toMatchObject({ layout: '1x1', crosshair: null, cells: [{ seriesId: 'b' }] }));
});

describe('a prior', () => {
  const other = (change: Partial<StudySummary>): StudySummary => ({ ...study, id: 'e'.repeat(24), date: '2024-10-01', ...change });
  test('is an earlier study of the same person and modality, the latest first', () => {
    const all = [study, other({ id: '1' }), other({ id: '2', date: '2025-01-01' }), other({ id: '3', date: '2026-01-01' }), other({ id: '4', patientId: 'Q' }), other({ id: '5', modalities: ['MR'] }), other({ id: '6', date: null })];
    expect(priorsOf(study, all).map(({ id }) => id)).toEqual(['2', '1']);
  });
  test('is none without an ID, or with another birthday', () => {
    expect(priorsOf({ ...study, patientId: ' ' }, [other({ patientId: ' ' })])).toEqual([]);
    expect(priorsOf({ ...study, birthDate: '1950-01-01' }, [other({ birthDate: '1951-01-01' })])).toEqual([]);
  });
  test('hangs at the right of what is seen, linked by hand', () => {
    const before = { ...elsewhere, id: 'p' };
    const state = after([thin], { type: 'frame', at: 30 }, { type: 'prior', study: other({}), series: [before] });
    expect(state.hanging).toMatchObject({ layout: '1x2', activeAt: 0, isLinked: true });
    expect(state.detail!.series.map(({ id }) => id)).toEqual(['a', 'p']);
    expect(frames(reduceReview(state, { type: 'frame', at: 36 }))).toEqual([36, 12]);
  });
  test('comes at the window that is on', () => {
    const look = { center: -600, width: 1500, shape: 'LINEAR', isInverted: false, name: 'Lung' } as const;
    expect(after([thin], { type: 'look', look }, { type: 'prior', study: other({}), series: [{ ...elsewhere, id: 'p' }] }).looks).toEqual({ a: look, p: look });
  });
  test('brings the series that suits best', () => expect(bestBeside(thin, [mr, { ...elsewhere, description: 'x' }, { ...thick, description: 'a' }]).map(({ id }) => id)).toEqual(['b', 'c', 'd']));
  test('says how much earlier it was', () => expect([earlierBy('2025-06-01', '2025-05-31'), earlierBy('2025-06-01', '2024-10-01'), earlierBy('2025-06-01', '2020-06-01')]).toEqual(['1 day earlier', '8 months earlier', '5 years earlier']));
});

describe('a study that grows while it is open', () => {
  const grown = (files: number, ...all: SeriesSummary[]): ReviewAction => ({ type: 'grown', detail: { ...detail(...all), study: { ...study, files } } });
  const more = series('a', [...axialFrames('z', 3, 1, -3), ...thin.frames], 'one');

  test('stays on the image that is seen, whatever its place and its series are called now', () => {
    const before = after([thin], { type: 'frame', at: 7 }, { type: 'look', look: { center: 0, width: 1, shape: 'LINEAR', isInverted: false, name: null } });
    const next = reduceReview(before, grown(63, series('y', thick.frames, 'one'), { ...more, id: 'renamed' }));
    expect([next.seriesAt, next.frameAt, next.hanging.cells, Object.keys(next.looks)]).toEqual([1, 10, [{ kind: 'stack', seriesId: 'renamed', frameAt: 10 }], ['renamed']]);
    // The keys go on from there.
    expect(frames(reduceReview(next, { type: 'frame', at: 11 }))).toEqual([11]);
  });
  test('keeps its other cells and the earlier study beside it', () => {
    const before = after([thin, thick], hang({ type: 'layout', layout: '1x2' }), { type: 'prior', study: { ...study, id: 'p' }, series: [elsewhere] });
    const next = reduceReview(before, grown(99, more, thick));
    expect(next.hanging.cells).toEqual(before.hanging.cells.map((cell) => (cell?.kind === 'stack' && cell.seriesId === 'a' ? { ...cell, frameAt: cell.frameAt + 3 } : cell)));
    expect(next.detail?.series.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });
  test('is left alone by news of another study or of nothing new, and begins anew where its image is gone', () => {
    const before = after([thin]);
    expect(reduceReview(before, { type: 'grown', detail: { ...detail(more), study: { ...study, id: 'other', files: 9 } } })).toBe(before);
    expect(reduceReview(before, { type: 'grown', detail: detail(more) })).toBe(before);
    expect(reduceReview(before, grown(12, thick)).hanging.cells).toEqual([{ kind: 'stack', seriesId: 'b', frameAt: 6 }]);
  });
});
