import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '#electron/contract/audit.ts';
import { briefly, byDay, canOpen, initialAudit, noFilter, reduceAudit, targetOf, toggled, wiredFilter } from '#renderer/audit/state.ts';

const entry = (seq: number, change: Partial<AuditEntry> = {}): AuditEntry => ({
  seq, at: '2026-03-01T10:00:00.000Z', kind: 'ask', actor: { id: 'x', method: 'os', isSelf: true }, software: { version: '1', build: 'b' }, studies: [], subject: {}, body: '{}', hash: 'a'.repeat(64), prev: 'b'.repeat(64), isSigned: true, ...change,
});
const page = (...seqs: readonly number[]): readonly AuditEntry[] => seqs.map((seq) => entry(seq));

describe('the audit screen', () => {
  const first = reduceAudit(initialAudit, { type: 'fetched', isMore: false, entries: page(9, 8), next: 8, matching: 4 });
  test('selects the latest entry, and adds earlier ones below it', () => {
    const more = reduceAudit(first, { type: 'fetched', isMore: true, entries: page(8, 7, 6), next: null, matching: 4 });
    expect([first.selectedSeq, more.entries.map(({ seq }) => seq), more.selectedSeq]).toEqual([9, [9, 8, 7, 6], 9]);
  });
  test('keeps the selected entry when new ones come in', () => {
    const chosen = reduceAudit(first, { type: 'select', seq: 8 });
    expect(reduceAudit(chosen, { type: 'fetched', isMore: false, entries: page(10, 9, 8), next: null, matching: 5 }).selectedSeq).toBe(8);
  });
  test('moves within what is shown and stops at both ends', () => {
    expect(reduceAudit(first, { type: 'move', by: 5 }).selectedSeq).toBe(8);
    expect(reduceAudit(first, { type: 'move', by: -5 }).selectedSeq).toBe(9);
  });
  test('empties the list when a filter changes: what is shown always fits it', () => expect(reduceAudit(first, { type: 'filter', change: { kinds: ['sign'] } })).toMatchObject({ entries: [], isFetching: true, filter: { kinds: ['sign'] } }));
  test('a new check forgets the verdict of the last one', () => {
    const verified = { ...first, verdict: { isWhole: true } as never };
    expect(reduceAudit(verified, { type: 'verifying', done: 0, of: 0 }).verdict).toBeNull();
  });
  test('what is new since a moment is forgotten with the moment', () => expect(reduceAudit({ ...first, changes: { entries: 1 } as never }, { type: 'since', since: '2026-01-01T00:00' }).changes).toBeNull());
});

describe('a filter', () => {
  const now = new Date(2026, 2, 15, 13, 30);
  const on = (year: number, month: number, day: number): string => new Date(year, month - 1, day).toISOString();
  test('without a time asks for all of it', () => expect(wiredFilter(noFilter, now)).toEqual({ kinds: [], studyId: null, from: null, to: null }));
  test('of today begins at local midnight, of seven days six days before', () => {
    expect(wiredFilter({ ...noFilter, span: 'today' }, now).from).toBe(on(2026, 3, 15));
    expect(wiredFilter({ ...noFilter, span: 'week' }, now).from).toBe(on(2026, 3, 9));
  });
  test('from day to day holds both days', () => expect(wiredFilter({ ...noFilter, span: 'own', from: '2026-03-01', to: '2026-03-02' }, now)).toMatchObject({ from: on(2026, 3, 1), to: on(2026, 3, 3) }));
  test('with half a date leaves that end open', () => expect(wiredFilter({ ...noFilter, span: 'own', from: '2026-03', to: '' }, now)).toMatchObject({ from: null, to: null }));
  test('takes a kind in and out', () => expect([toggled([], 'ask'), toggled(['ask', 'sign'], 'ask')]).toEqual([['ask'], ['sign']]));
});

describe('an entry', () => {
  const studies = [{ id: '0'.repeat(24), name: 'S' }];
  test('of a signature leads to its report, of a view to its study, of a key nowhere', () => {
    expect(targetOf(entry(1, { kind: 'sign', subject: { report: 'r' }, studies }))).toMatchObject({ screen: 'report', reportId: 'r' });
    expect(targetOf(entry(1, { kind: 'view', studies }))).toMatchObject({ screen: 'review', studyId: studies[0]?.id });
    expect(targetOf(entry(1, { kind: 'key' }))).toBeNull();
  });
  test('says its body in one line, long hashes cut short', () => expect(briefly(JSON.stringify({ argument: 'b'.repeat(64), content: 'a'.repeat(64), method: 'review.ask', tokens: 12, deep: { x: 1 } }))).toBe('review.ask · content aaaaaaaa… · tokens 12'));
  test('whose body cannot be read is shown as it is', () => expect(briefly('{')).toBe('{'));
  test('stands below its local day', () => {
    const at = (hour: number, day: number): string => new Date(2026, 2, day, hour).toISOString();
    expect(byDay([entry(2, { at: at(1, 15) }), entry(1, { at: at(23, 14) }), entry(0, { at: at(22, 14) })]).map(({ day, entries }) => [day, entries.length])).toEqual([['2026-03-15', 1], ['2026-03-14', 2]]);
  });
});

test('a key is opened by any passphrase that is there, and made by a long one given twice', () => {
  expect([canOpen('passphrase', '', ''), canOpen('passphrase', 'x', ''), canOpen('system', '', '')]).toEqual([false, true, true]);
  expect([canOpen('none', 'ten signs!', 'ten signs?'), canOpen('none', 'too short', 'too short'), canOpen('none', 'ten signs!', 'ten signs!')]).toEqual([false, false, true]);
});
