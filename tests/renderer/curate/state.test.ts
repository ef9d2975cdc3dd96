import { describe, expect, test } from 'vitest';
import type { CuratedCase } from '#electron/contract/curate.ts';
import { balance, initialCurate, isHeld, labelText, reduceCurate, relabelled, shownCases, type CurateState } from '#renderer/curate/state.ts';

const one = (id: string, change: Partial<CuratedCase> = {}): CuratedCase => ({
  id, studyId: '0'.repeat(24), traceId: 't', target: 'answer', verdict: 'accepted', view: { kind: 'frame', frameId: `${'a'.repeat(64)}-0`, window: null }, viewName: '', question: id, label: { kind: 'yesNo', value: true }, labelId: null, steps: [],
  modality: 'ct', group: 'patient-1', split: 'train', facts: {}, concerns: [], image: { sha256: 'a'.repeat(64), width: 10, height: 10, toSource: { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 }, source: { width: 10, height: 10 } }, weights: [], capturedAt: '', note: '', ...change,
});
const loaded = (...cases: readonly CuratedCase[]): CurateState => reduceCurate(initialCurate, { type: 'loaded', dataset: { index: '', cases: [...cases], labels: [], snapshots: [] } });

describe('the dataset screen', () => {
  test('opens with the newest case', () => expect(loaded(one('a'), one('b')).selectedId).toBe('b'));
  test('moves within what is shown and stops at both ends', () => {
    const state = reduceCurate(loaded(one('a'), one('b'), one('c')), { type: 'move', by: -1 });
    expect([state.selectedId, reduceCurate(state, { type: 'move', by: -9 }).selectedId, reduceCurate(state, { type: 'move', by: 9 }).selectedId]).toEqual(['b', 'a', 'c']);
  });
  test('puts the cursor on what took the place of a removed case', () => {
    const state = reduceCurate(reduceCurate(loaded(one('a'), one('b'), one('c')), { type: 'select', id: 'b' }), { type: 'items', items: [{ kind: 'case', id: 'b', value: null }] });
    expect(state.selectedId).toBe('c');
  });
  test('forgets a check as soon as a case changes', () => {
    const checked = reduceCurate(loaded(one('a')), { type: 'checked', check: { cases: 1, written: 1, withheld: 0, issues: [] } });
    expect(reduceCurate(checked, { type: 'items', items: [{ kind: 'case', id: 'a', value: one('a', { split: 'test' }) }] }).check).toBeNull();
  });
  test('shows what a bar stands for', () => {
    const state = reduceCurate(loaded(one('a'), one('b', { facts: { sex: 'F' } }), one('c', { facts: { sex: 'F' } })), { type: 'filter', filter: { facet: 'sex', value: 'F' } });
    expect(shownCases(state).map(({ id }) => id)).toEqual(['b', 'c']);
    expect(balance(state.cases, 'sex')).toEqual([{ value: 'F', count: 2 }, { value: '—', count: 1 }]);
  });
  test('shows only the withheld on demand, and a released one is not withheld', () => {
    const concern = { code: 'phi.lettering', detail: '', isReleased: false };
    const cases = [one('a', { concerns: [concern] }), one('b', { concerns: [{ ...concern, isReleased: true }] })];
    expect(cases.map(isHeld)).toEqual([true, false]);
    expect(shownCases({ cases, filter: null, isHeldOnly: true }).map(({ id }) => id)).toEqual(['a']);
  });
  test('a history that comes late, for another case, changes nothing', () => {
    const state = loaded(one('a'));
    expect(reduceCurate(state, { type: 'history', id: 'b', versions: [] })).toBe(state);
  });
});

describe('another kind of label', () => {
  test('of a box is the point in its middle, within half its smaller side', () =>
    expect(relabelled({ kind: 'boxes', boxes: [{ label: 'nodule', box: { x1: 10, y1: 20, x2: 30, y2: 60 } }] }, 'points')).toEqual({ kind: 'points', points: [{ label: 'nodule', x: 20, y: 40 }], tolerance: 10 }));
  test('of a point is the box around its tolerance', () =>
    expect(relabelled({ kind: 'points', points: [{ label: 'nodule', x: 20, y: 40 }], tolerance: 5 }, 'boxes')).toEqual({ kind: 'boxes', boxes: [{ label: 'nodule', box: { x1: 15, y1: 35, x2: 25, y2: 45 } }] }));
  test('of a choice keeps its options as a scale', () => expect(relabelled({ kind: 'choice', options: ['mild', 'severe'], right: 1 }, 'ordinal')).toEqual({ kind: 'ordinal', scale: ['mild', 'severe'], value: 'severe' }));
  test('of a negative word is a no', () => expect(relabelled({ kind: 'word', accept: ['normal'], reject: [] }, 'yesNo')).toEqual({ kind: 'yesNo', value: false }));
  test('of a number keeps no unit that it does not know', () => expect(labelText({ label: relabelled({ kind: 'word', accept: ['12 mm'], reject: [] }, 'number') })).toBe('12 ± 0'));
});
