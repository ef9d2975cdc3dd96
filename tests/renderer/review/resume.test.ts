import { expect, test } from 'vitest';
import { ReviewDraft, Session, withChange, type Place } from '#electron/contract/session.ts';
import { planOf } from '#renderer/review/asked.ts';
import { draftOf, resumed, type OnScreen } from '#renderer/review/resume.ts';
import { initialReview, reduceReview, type ReviewState } from '#renderer/review/state.ts';
import { changedChannel, firstChannels } from '#renderer/viewports/channels.ts';
import { wholeView, type View } from '#renderer/viewports/view.ts';

const studyId = 'c'.repeat(24);
const frames = (letter: string, count: number): object[] => Array.from({ length: count }, (_, i) => ({ id: `${letter.repeat(64)}-${i}`, rows: 64, columns: 64, geometry: { spacingMm: null, positionMm: null, orientation: null } }));
const detail = (...series: readonly [string, number][]): ReviewState['detail'] =>
  ({ study: { id: studyId, question: 'What is it?' }, series: series.map(([id, count]) => ({ id, modality: 'CT', frames: frames(id, count), slide: null })), files: [], statements: [] }) as never;
const opened = (of: ReviewState['detail']): ReviewState => reduceReview(reduceReview(initialReview, { type: 'opening', studyId }), { type: 'opened', detail: of as never, traces: [] });
const look = { center: -600, width: 1500, shape: 'LINEAR', isInverted: false, name: 'Lung' } as const;

const nothingSeen: OnScreen = { views: new Map(), slideRegion: null };
const enlarged: View = { zoom: 3.5, middle: { x: 0.25, y: 0.75 }, quarters: 1, isFlippedHorizontally: true, isFlippedVertically: false };
const seen: OnScreen = { views: new Map([[0, wholeView], [1, enlarged]]), slideRegion: null };

/** Two series beside each other, the second one active at its third slice, with a window and a half-written question. */
function left(): ReviewState {
  let state = opened(detail(['a', 5], ['b', 9]));
  state = reduceReview(state, { type: 'hang', change: { type: 'layout', layout: '1x2' } });
  state = reduceReview(state, { type: 'hang', change: { type: 'activate', at: 1 } });
  state = reduceReview(state, { type: 'frame', at: 2 });
  state = reduceReview(state, { type: 'look', look });
  state = reduceReview(state, { type: 'question', question: 'Is there a nod' });
  return reduceReview(state, { type: 'about', change: { scope: 'slices', slices: '2-4' } });
}

test('a study is again as it was left: layout, slice, window, the question that was not sent and what it is about', () => {
  const before = left();
  // Through the file, as it is kept.
  const draft = ReviewDraft.parse(JSON.parse(JSON.stringify(draftOf(before, seen))));
  const after = resumed(opened(detail(['a', 5], ['b', 9])), draft);
  for (const key of ['seriesAt', 'frameAt', 'hanging', 'looks', 'question', 'asked'] as const) expect(after[key], key).toEqual(before[key]);
  // How an image lies is kept beside the state; one that is seen whole needs no word.
  expect(draft.views).toEqual([null, enlarged]);
});

test('what is gone since is as if nobody had hung it, and nothing breaks', () => {
  const draft = draftOf(left(), nothingSeen) as ReviewDraft;
  const without = resumed(opened(detail(['a', 5])), draft);
  expect(without).toMatchObject({ seriesAt: 0, hanging: { layout: '1x1' }, question: 'Is there a nod', looks: {} });
  const shorter = resumed(opened(detail(['a', 5], ['b', 1])), draft);
  expect(shorter).toMatchObject({ seriesAt: 0, hanging: { layout: '1x1' } });
  const marked = resumed(opened(detail(['a', 5], ['b', 9])), { ...draft, asked: { ...draft.asked, scope: 'region', region: { frameId: 'gone', box: { x1: 0, y1: 0, x2: 1, y2: 1 } } } });
  expect(marked.asked).toMatchObject({ scope: 'view', region: null, isMarking: false });
  expect(draftOf(initialReview, nothingSeen)).toBeNull();
});

test('the last fifty studies are remembered, the latest first, and a study once', () => {
  const draft = draftOf(left(), nothingSeen) as ReviewDraft;
  const place: Place = { screen: 'review', studyId, library: { query: '', modality: null, status: null, selectedId: null, sort: { key: 'added', isDescending: true } } };
  let session = Session.parse({});
  for (let i = 0; i < 60; i++) session = withChange(session, { place: { ...place, studyId: i.toString(16).padStart(24, '0') }, draft });
  session = withChange(session, { place: { ...place, studyId: (40).toString(16).padStart(24, '0') }, draft: { ...draft, question: 'again' } });
  expect(session.drafts).toHaveLength(50);
  expect(session.drafts[0]).toMatchObject({ studyId: (40).toString(16).padStart(24, '0'), draft: { question: 'again' } });
  expect(new Set(session.drafts.map((one) => one.studyId)).size).toBe(50);
  expect(withChange(session, { place: { ...place, screen: 'library', studyId: null }, draft: null }).drafts).toHaveLength(50);
  expect(Session.parse(JSON.parse(JSON.stringify(session)))).toEqual(session);
});

test('the channels of a fluorescence slide are again as they were left, and as the file has them where it has others now', () => {
  const channels = ['DAPI', 'CD3'].map((name) => ({ name, colour: '#3060ff', low: 0, high: 100, most: 255 }));
  const slide = (own: typeof channels): ReviewState['detail'] => {
    const of = detail(['a', 1]) as NonNullable<ReviewState['detail']>;
    return { ...of, series: of.series.map((series) => ({ ...series, slide: { id: 'a'.repeat(64), channels: own } })) } as never;
  };
  const settings = changedChannel(firstChannels(channels), 1, { isShown: false, colour: '#00ff00' });
  const before = reduceReview(opened(slide(channels)), { type: 'channels', channels: settings });
  const draft = ReviewDraft.parse(JSON.parse(JSON.stringify(draftOf(before, nothingSeen))));
  expect(resumed(opened(slide(channels)), draft).channels).toEqual({ a: settings });
  expect(resumed(opened(slide(channels.slice(0, 1))), draft).channels).toEqual({});
  // What is asked about names exactly what is seen.
  expect(planOf(before, null)?.views[0]?.view).toMatchObject({ kind: 'slide', channels: [{ at: 0, colour: '#3060ff', low: 0, high: 100 }] });
  expect(planOf(opened(slide(channels)), null)?.views[0]?.view).not.toHaveProperty('channels');
});
