import { describe, expect, test } from 'vitest';
import type { StudyDetail } from '#electron/contract/library.ts';
import type { Trace } from '#electron/contract/review.ts';
import { initialReview, litMarks, marksOf, reduceReview, type ReviewState } from '#renderer/review/state.ts';

const frameId = (letter: string, index: number): string => `${letter.repeat(64)}-${index}`;
const study = { id: 'c'.repeat(24), question: 'Where?' } as StudyDetail['study'];
const series = (letter: string, count: number): StudyDetail['series'][number] => ({ id: letter, frames: Array.from({ length: count }, (_, i) => ({ id: frameId(letter, i) })) }) as unknown as StudyDetail['series'][number];
const detail: StudyDetail = { study, series: [series('a', 9), series('b', 1)], files: [], statements: [] };
const box = { x1: 0, y1: 0, x2: 10, y2: 10 };
const trace = (change: Partial<Trace> = {}): Trace => ({
  id: 't', studyId: study.id, views: [{ view: { kind: 'frame', frameId: frameId('a', 7), window: null } }],
  steps: [{ kind: 'observation', text: 'A nodule is seen.', findings: [0] }, { kind: 'knowledge', text: 'Such things grow.', findings: [] }, { kind: 'conclusion', text: 'Malignant.', findings: [] }],
  findings: [{ label: 'nodule', frame: 0, boxes: [box] }], ...change,
}) as Trace;
const opened = (traces: readonly Trace[] = []): ReviewState =>
  reduceReview(reduceReview(initialReview, { type: 'opening', studyId: study.id }), { type: 'opened', detail, traces });

describe('opening a study', () => {
  test('shows the middle image of the first series, with the question that suits it', () => expect(opened()).toMatchObject({ seriesAt: 0, frameAt: 4, question: 'Where?' }));
  test('that was asked about shows the image of the last answer', () => expect(opened([trace()])).toMatchObject({ frameAt: 7, traceAt: 0 }));
  test('that came too late, after another was opened, changes nothing', () => {
    const other = reduceReview(initialReview, { type: 'opening', studyId: 'd'.repeat(24) });
    expect(reduceReview(other, { type: 'opened', detail, traces: [] })).toBe(other);
  });
});

describe('leafing', () => {
  test('stops at both ends', () => {
    expect(reduceReview(opened(), { type: 'frame', at: 99 }).frameAt).toBe(8);
    expect(reduceReview(opened(), { type: 'frame', at: -1e9 }).frameAt).toBe(0);
  });
  test('to a series that is not there changes nothing', () => {
    const state = opened();
    expect(reduceReview(state, { type: 'series', at: 2 })).toBe(state);
  });
  test('a window belongs to its series and is there when one comes back', () => {
    const look = { center: 1, width: 2, shape: 'LINEAR', isInverted: false, name: null } as const;
    const changed = reduceReview(opened(), { type: 'look', look });
    const away = reduceReview(changed, { type: 'series', at: 1 });
    expect([away.looks.b, reduceReview(away, { type: 'series', at: 0 }).looks.a]).toEqual([undefined, look]);
  });
});

describe('an answer', () => {
  test('to a question about a study that was left is kept for it and not shown here', () => {
    const state = reduceReview(opened(), { type: 'asking', askId: 'q', question: 'Where?' });
    expect(reduceReview(state, { type: 'answered', trace: trace({ studyId: 'e'.repeat(24) }) })).toMatchObject({ asking: null, traces: [] });
  });
  test('grows only by its own parts', () => {
    const state = reduceReview(opened(), { type: 'asking', askId: 'q', question: 'Where?' });
    expect(reduceReview(state, { type: 'part', part: { askId: 'other', phase: 'writing', text: 'x', steps: [], tokensPerSecond: null } })).toBe(state);
  });
});

describe('boxes and steps', () => {
  const ids = (of: Trace, lit: ReviewState['lit']): number => litMarks(marksOf(of), lit).size;

  test('a box that a step cites is tied to it', () => expect(marksOf(trace())).toMatchObject([{ label: 'nodule', steps: [0], frameId: frameId('a', 7) }]));
  test('the same box named twice is one mark', () =>
    expect(marksOf(trace({ findings: [{ label: 'nodule', frame: 0, boxes: [box] }, { label: 'nodule', frame: 0, boxes: [box] }] }))).toHaveLength(1));
  test('a box of the answer belongs to the step that names it', () => {
    const of = trace({ steps: [{ kind: 'observation', text: 'The right LUNG lies left.', findings: [] }, { kind: 'conclusion', text: 'Done.', findings: [] }], findings: [{ label: 'right lung', frame: 0, boxes: [box] }] });
    expect(marksOf(of)[0]?.steps).toEqual([0]);
  });
  test('and otherwise to the conclusion', () => {
    const of = trace({ steps: [{ kind: 'observation', text: 'Grey.', findings: [] }, { kind: 'conclusion', text: 'Done.', findings: [] }] });
    expect(marksOf(of)[0]?.steps).toEqual([1]);
  });
  test('a lit step lights its boxes, and a step without boxes none', () => {
    expect(ids(trace(), { kind: 'step', step: 0 })).toBe(1);
    expect(ids(trace(), { kind: 'step', step: 1 })).toBe(0);
  });
});
