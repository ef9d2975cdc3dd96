import { describe, expect, test } from 'vitest';
import type { StudySummary } from '#electron/contract/library.ts';
import { initialLibrary, modalityCounts, reduceLibrary, shownStudies, type LibraryState } from '#renderer/library/state.ts';

const study = (n: number, change: Partial<StudySummary> = {}): StudySummary => ({
  id: n.toString(16).padStart(24, '0'), kind: 'radiology', patient: `Family${n}, Given`, patientId: `P${n}`, birthDate: null, sex: null, date: '2020-01-01', description: 'Chest', accession: `A${n}`,
  modalities: ['CT'], series: 1, images: n, files: n, bytes: 1, status: 'new', isSample: false, addedAt: '2026-01-01T00:00:00Z', cover: null, question: null, ...change,
});
const loaded = (...studies: readonly StudySummary[]): LibraryState => reduceLibrary(initialLibrary, { type: 'loaded', studies });
const shown = (state: LibraryState): readonly string[] => shownStudies(state).map(({ patientId }) => patientId);
const filtered = (state: LibraryState, query: string): readonly string[] => shown(reduceLibrary(state, { type: 'filter', filter: { query } }));

describe('the filter', () => {
  const state = loaded(study(1), study(2, { description: 'Liver with contrast' }), study(3, { modalities: ['MR'], status: 'asked' }));
  test('finds every word anywhere, in any order and case', () => expect(filtered(state, 'CONTRAST family2')).toEqual(['P2']));
  test('finds by accession number and date', () => expect([filtered(state, 'a3'), filtered(state, '2020-01')]).toEqual([['P3'], ['P1', 'P2', 'P3']]));
  test('joins words with modality and status', () =>
    expect(shown(reduceLibrary(state, { type: 'filter', filter: { modality: 'MR', status: 'asked' } }))).toEqual(['P3']));
  test('reads what was prepared when the studies came, and none of their fields again', () => {
    let reads = 0;
    const watched = (one: StudySummary): StudySummary => new Proxy(one, {
      get(target, field) {
        if (['patient', 'patientId', 'description', 'accession', 'date'].includes(String(field))) reads++;
        return Reflect.get(target, field) as unknown;
      },
    });
    const many = loaded(...Array.from({ length: 10_000 }, (_, n) => watched(study(n))));
    reads = 0;
    const found = ['f', 'fa', 'family99', 'family999 chest'].map((query) => shownStudies(reduceLibrary(many, { type: 'filter', filter: { query } })).length);
    expect([found, reads]).toEqual([[10_000, 10_000, 111, 11], 0]);
  });
  test('gives the same list for the same state', () => expect(shownStudies(state)).toBe(shownStudies(state)));
});

describe('the list', () => {
  test('sorts by a column, and by the same column the other way round', () => {
    const once = reduceLibrary(loaded(study(2), study(10), study(1)), { type: 'sort', key: 'images' });
    expect([shown(once), shown(reduceLibrary(once, { type: 'sort', key: 'images' }))]).toEqual([['P10', 'P2', 'P1'], ['P1', 'P2', 'P10']]);
  });
  test('keeps the cursor in the place of a study that was removed', () => {
    const state = reduceLibrary(loaded(study(1), study(2), study(3)), { type: 'select', id: study(2).id });
    expect(reduceLibrary(state, { type: 'changed', studies: [], removed: [study(2).id] }).selectedId).toBe(study(3).id);
  });
  test('moves the cursor within what is shown', () => {
    const state = loaded(study(1), study(2));
    const first = reduceLibrary(state, { type: 'move', by: 1 });
    expect(first.selectedId).toBe(study(1).id);
    expect(reduceLibrary(reduceLibrary(first, { type: 'move', by: 5 }), { type: 'move', by: 5 }).selectedId).toBe(study(2).id);
  });
  test('counts modalities, most first', () => expect(modalityCounts(loaded(study(1), study(2), study(3, { modalities: ['MR', 'CT'] })))).toEqual([['CT', 3], ['MR', 1]]));
});
