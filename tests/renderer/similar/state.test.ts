import { describe, expect, test } from 'vitest';
import type { SimilarHit, Telling } from '#electron/contract/similar.ts';
import { bySureness, countsOf, ensembleOf, frameOfKey, initialSimilar, reduceSimilar, seenShare, type SimilarAction, type SimilarScreenState } from '#renderer/similar/state.ts';

const after = (...actions: readonly SimilarAction[]): SimilarScreenState => actions.reduce(reduceSimilar, initialSimilar);
const hit = (at: number): SimilarHit => ({ studyId: `${at}`.repeat(24), seriesId: 's', key: `${at}`.repeat(64), likeness: 1 - at / 10, description: '', modalities: [], date: null, isSample: false });

describe('words as they are typed', () => {
  test('become classes with wordings; what is empty counts for nothing, and a class without wordings has its name', () => {
    expect(ensembleOf({ classes: [{ name: ' normal ', synonyms: ' healthy,, no finding ' }, { name: 'mass', synonyms: '' }, { name: '', synonyms: 'cyst, cysts' }, { name: '', synonyms: ' ' }], templates: 'CLASSNAME.\n\n A film of CLASSNAME ' })).toEqual({
      classes: [{ name: 'normal', synonyms: ['healthy', 'no finding'] }, { name: 'mass', synonyms: ['mass'] }, { name: 'cyst', synonyms: ['cyst', 'cysts'] }], templates: ['CLASSNAME.', 'A film of CLASSNAME'],
    });
  });
  test('that cannot be used leave nothing of what others told', () => {
    const telling: Telling = { pictures: [], classes: [], confusion: null, accuracy: null };
    expect(after({ type: 'told', telling }, { type: 'wordsFailed', fault: { code: 'zeroshot.prompts', what: '', why: '', mend: '' } }).telling).toBeNull();
  });
});

describe('what was found', () => {
  test('begins at the nearest, and a step leads no further than its ends', () => {
    const found = after({ type: 'found', sought: { by: 'sentence', text: 'x' }, hits: [hit(1), hit(2)] }, { type: 'move', by: 5 });
    expect(found.selected).toBe(1);
    expect(reduceSimilar(found, { type: 'move', by: -9 }).selected).toBe(0);
    expect(reduceSimilar(found, { type: 'duplicates', duplicates: [] }).hits).toBeNull();
  });
  test('has a picture to show, a slide by its first frame', () => {
    expect(frameOfKey('a'.repeat(64))).toBe(`${'a'.repeat(64)}-0`);
    expect(frameOfKey('x-3')).toBe('x-3');
  });
});

describe('what was told', () => {
  const picture = (id: string, name: string | null, probabilities: number[]) => ({ id, studyId: null, key: null, name, probabilities, label: null, why: null });
  const telling: Telling = { classes: ['a', 'b'], pictures: [picture('1', null, []), picture('2', 'b', [0.4, 0.6]), picture('3', 'b', [0.1, 0.9])], confusion: null, accuracy: null };
  test('is counted by class, and the surest come first', () => {
    expect(countsOf(telling)).toEqual([{ name: 'b', count: 2 }, { name: 'a', count: 0 }]);
    expect(bySureness(telling.pictures).map(({ id }) => id)).toEqual(['3', '2', '1']);
  });
});

describe('the odd one out', () => {
  test('shows what was chosen until the next images are there', () => {
    const state = after({ type: 'question', question: { questionId: 'q', images: ['a', 'b', 'c'] } }, { type: 'chosen', chosen: 1 });
    expect(state.chosen).toBe(1);
    expect(reduceSimilar(state, { type: 'question', question: { questionId: 'r', images: ['a', 'b', 'c'] } }).chosen).toBeNull();
  });
});

test('an empty library is wholly seen', () => {
  expect(seenShare({ studies: { seen: 0, total: 0 } })).toBe(1);
  expect(seenShare({ studies: { seen: 1, total: 4 } })).toBe(0.25);
});
