import { describe, expect, test } from 'vitest';
import type { Judgement } from '#electron/contract/curate.ts';
import type { Trace } from '#electron/contract/review.ts';
import { currentAt, initialJudging, judgedAt, judgedMarks, nextOpen, reduceJudging, withBox, withVerdict } from '#renderer/review/judging.ts';
import { marksOf } from '#renderer/review/state.ts';

const frameId = `${'a'.repeat(64)}-0`;
const trace = {
  id: 't', studyId: '0'.repeat(24), answer: 'yes', views: [{ view: { kind: 'frame', frameId, window: null } }], findings: [{ label: 'nodule', frame: 0, boxes: [{ x1: 1, y1: 2, x2: 30, y2: 40 }] }],
  steps: [{ kind: 'observation', text: 'A nodule is seen.', findings: [0] }, { kind: 'conclusion', text: 'Malignant.', findings: [] }],
} as unknown as Trace;
const accepted = { verdict: 'accepted', text: null } as const;
const [mark] = marksOf(trace);
const id = mark?.id ?? '';

describe('verdicts', () => {
  test('belong to steps, and the one after the last step to the answer', () => {
    const judgement = withVerdict(withVerdict(undefined, trace, 0, accepted), trace, 2, { verdict: 'rejected', text: null });
    expect([0, 1, 2].map((at) => judgedAt(judgement, trace, at)?.verdict)).toEqual(['accepted', undefined, 'rejected']);
  });
  test('can be taken back without a trace in the judgement', () => expect(withVerdict(withVerdict(undefined, trace, 0, accepted), trace, 0, null).steps).toEqual({}));
  test('lead to the next that waits, round the end, and nowhere when all were judged', () => {
    const judgement = withVerdict(undefined, trace, 1, accepted);
    expect([nextOpen(judgement, trace, 0), nextOpen(judgement, trace, 2), nextOpen(withVerdict(withVerdict(judgement, trace, 0, accepted), trace, 2, accepted), trace, 0)]).toEqual([2, 0, null]);
  });
  test('begin at the first step that waits', () => {
    const state = reduceJudging(initialJudging, { type: 'judgement', traceId: 't', value: withVerdict(undefined, trace, 0, accepted) });
    expect(currentAt(state, trace)).toBe(1);
    expect(currentAt(reduceJudging(state, { type: 'current', traceId: 't', at: 2 }), trace)).toBe(2);
    expect(currentAt(reduceJudging(state, { type: 'current', traceId: 'another', at: 2 }), trace)).toBe(1);
  });
});

describe('boxes', () => {
  const moved = { x1: 5, y1: 6, x2: 35, y2: 44 };
  test('of the model keep their original when they are moved', () =>
    expect(judgedMarks(trace, withBox(undefined, trace, id, moved))).toMatchObject([{ box: moved, original: { x1: 1, y1: 2, x2: 30, y2: 40 }, by: 'model', steps: [0] }]));
  test('of the model are gone when they are rejected, and back when that is taken back', () => {
    const gone = withBox(undefined, trace, id, null);
    expect(judgedMarks(trace, gone)).toEqual([]);
    expect(judgedMarks(trace, withBox(gone, trace, id, mark?.box ?? null))).toHaveLength(1);
  });
  test('of a person can be moved and taken away, and the same label has the same colour', () => {
    const added: Judgement = { ...withVerdict(undefined, trace, 0, null), added: [{ id: 'own', frameId, step: 0, label: 'nodule', box: moved }] };
    expect(judgedMarks(trace, added).map(({ by, colour, original }) => [by, colour, original])).toEqual([['model', mark?.colour, null], ['person', mark?.colour, null]]);
    expect(withBox(added, trace, 'own', { ...moved, x1: 9 }).added[0]?.box.x1).toBe(9);
    expect(withBox(added, trace, 'own', null).added).toEqual([]);
  });
  test('fifty edits undone one by one lead back to the beginning', () => {
    let state = initialJudging;
    const values: (Judgement | null)[] = [null];
    for (let at = 0; at < 50; at++) {
      values.push(at % 2 ? withBox(values.at(-1) ?? undefined, trace, id, { ...moved, x2: 50 + at }) : withVerdict(values.at(-1) ?? undefined, trace, at % 3, accepted));
      state = reduceJudging(state, { type: 'judgement', traceId: 't', value: values.at(-1) as Judgement });
    }
    for (let at = 49; at >= 0; at--) state = reduceJudging(state, { type: 'judgement', traceId: 't', value: values[at] as Judgement | null });
    expect(state).toEqual(initialJudging);
  });
});
