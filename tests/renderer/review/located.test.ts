import { expect, test } from 'vitest';
import type { Trace } from '#electron/contract/review.ts';
import { locatedMarks, ownTraces, secondsOf } from '#renderer/review/located.ts';
import { initialReview, reduceReview } from '#renderer/review/state.ts';

const frameId = `${'a'.repeat(64)}-3`;
const trace = (id: string, origin?: Trace['origin'], findings: Trace['findings'] = []): Trace =>
  ({ id, studyId: 'c'.repeat(24), views: [{ view: { kind: 'frame', frameId, window: null } }], steps: [], findings, ...(origin ? { origin } : {}) }) as unknown as Trace;
const about = (step: number): Trace['origin'] => ({ kind: 'locate', traceId: 'first', step });
const found = [{ label: 'nodule', frame: 0, boxes: [{ x1: 1, y1: 2, x2: 9, y2: 9 }] }];
const all = [trace('first'), trace('w1', about(2)), trace('other'), trace('w2', about(2), found)];

test('boxes of a second question are tied to the step that it was about, and are nobody\'s to move', () => {
  expect(locatedMarks(all, 'first')).toMatchObject([{ frameId, label: 'nodule', steps: [2], origin: 'second question' }]);
  expect(locatedMarks(all, 'other')).toEqual([]);
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
