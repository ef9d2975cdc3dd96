import { expect, test } from 'vitest';
import type { Trace } from '#electron/contract/review.ts';
import { noJudgement } from '#electron/contract/curate.ts';
import { initialJudging, withBox, withVerdict } from '#renderer/review/judging.ts';
import { currentOf, judgeables, locatedMarks, nextOpenOf, ownTraces, ownerOf, secondsOf } from '#renderer/review/located.ts';
import { initialReview, reduceReview } from '#renderer/review/state.ts';

const frameId = `${'a'.repeat(64)}-3`;
const trace = (id: string, origin?: Trace['origin'], findings: Trace['findings'] = []): Trace =>
  ({ id, studyId: 'c'.repeat(24), views: [{ view: { kind: 'frame', frameId, window: null } }], steps: [], findings, ...(origin ? { origin } : {}) }) as unknown as Trace;
const about = (step: number): Trace['origin'] => ({ kind: 'locate', traceId: 'first', step });
const found = [{ label: 'nodule', frame: 0, boxes: [{ x1: 1, y1: 2, x2: 9, y2: 9 }] }];
const all = [trace('first'), trace('w1', about(2)), trace('other'), trace('w2', about(2), found)];

test('boxes of a second question are tied to the step that it was about', () => {
  expect(locatedMarks(all, 'first', {})).toMatchObject([{ frameId, label: 'nodule', steps: [2], origin: 'second question' }]);
  expect(locatedMarks(all, 'other', {})).toEqual([]);
});

test('a box of a second question is moved and taken away in the judgement of that question', () => {
  const [mark] = locatedMarks(all, 'first', {});
  const owner = ownerOf(all, all[0]!, mark?.id ?? '');
  expect(owner.trace.id).toBe('w2');
  const moved = withBox(undefined, owner.trace, owner.id, { x1: 2, y1: 2, x2: 8, y2: 8 });
  expect(locatedMarks(all, 'first', { w2: moved })).toMatchObject([{ id: mark?.id, box: { x1: 2, y1: 2, x2: 8, y2: 8 }, original: { x1: 1, y1: 2, x2: 9, y2: 9 } }]);
  expect(locatedMarks(all, 'first', { w2: withBox(moved, owner.trace, owner.id, null) })).toEqual([]);
  expect(ownerOf(all, all[0]!, 'anything else')).toEqual({ trace: all[0], id: 'anything else' });
});

test('what a second question found is judged after its step and before the next', () => {
  const step = { kind: 'observation', text: 'A nodule.', findings: [] } as const;
  const first = { ...trace('first'), steps: [step, step, step], answer: 'yes' } as unknown as Trace;
  const second = { ...trace('w2', about(1), found), answer: '[]' } as Trace;
  const traces = [first, second];
  const named = (list: readonly { readonly trace: Trace; readonly at: number }[]): string[] => list.map(({ trace: { id }, at }) => `${id} ${at}`);
  expect(named(judgeables(traces, first))).toEqual(['first 0', 'first 1', 'w2 0', 'first 2', 'first 3']);
  const judging = { ...initialJudging, current: { traceId: 'w2', at: 0 } };
  expect(currentOf(judging, traces, first)).toEqual({ trace: second, at: 0 });
  expect(currentOf(initialJudging, traces, first)).toEqual({ trace: first, at: 0 });
  const accepted = { verdict: 'accepted', text: null } as const;
  const judged = { ...judging, judgements: { first: withVerdict(noJudgement('first', 'c'.repeat(24)), first, 2, accepted), w2: withVerdict(undefined, second, 0, accepted) } };
  expect(named([nextOpenOf(judged, traces, first, { trace: first, at: 1 })])).toEqual(['first 3']);
  expect(named([nextOpenOf(judged, traces, first, { trace: first, at: 3 })])).toEqual(['first 0']);
});

test('the latest second question about a step is the one that counts, and none stands among the answers', () => {
  expect(secondsOf(all, 'first').map(({ id }) => id)).toEqual(['w2']);
  expect(ownTraces(all).map(({ trace: { id }, at }) => [id, at])).toEqual([['first', 0], ['other', 2]]);
});

test('a study opens with the last answer and not with a second question about it', () => {
  const detail = { study: { id: 'c'.repeat(24), question: null }, series: [{ id: 's', frames: [{ id: frameId }] }], files: [], statements: [] } as never;
  const opened = reduceReview(reduceReview(initialReview, { type: 'opening', studyId: 'c'.repeat(24) }), { type: 'opened', detail, traces: all });
  expect(opened.traceAt).toBe(2);
  const shown = reduceReview(opened, { type: 'trace', at: 0 });
  const located = reduceReview({ ...shown, locating: { askId: 'q', traceId: 'first', step: 1 } }, { type: 'located', askId: 'q', traces: [trace('w3', about(1), found)] });
  expect(located).toMatchObject({ traceAt: 0, locating: null, lit: { kind: 'step', step: 1 } });
  expect(located.traces).toHaveLength(5);
});
