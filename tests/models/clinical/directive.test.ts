import { describe, expect, test } from 'vitest';
import { directiveRefusal, directiveText, readDirective, sideNamed, slicesNamed, targetsNamed, type DirectiveWords } from '#models/clinical/directive.ts';

const words: DirectiveWords = { target: 'nodule', anatomy: 'chest', side: 'left', slice_from: 10, slice_to: 20 };
const written = (json: string): string => `<think>A nodule on the left.</think><directive>${json}</directive>`;

describe('a directive is read', () => {
  test('where the whole completion is one thought and one directive', () => {
    expect(readDirective(written(directiveText(words)))).toEqual(words);
    expect(readDirective(`  ${written(directiveText({ ...words, target: '  Nodule ' }))}\n`)).toEqual(words);
  });

  test.each([
    ['a side outside the vocabulary', written(directiveText({ ...words, side: 'both' as 'left' }))],
    ['numbers as words', written('{"target": "nodule", "anatomy": "chest", "side": "left", "slice_from": "10", "slice_to": "20"}')],
    ['a range that runs backwards', written(directiveText({ ...words, slice_from: 21 }))],
    ['true for a number', written('{"target": "nodule", "anatomy": "chest", "side": "left", "slice_from": 1, "slice_to": true}')],
    ['a key too many', written('{"target": "nodule", "anatomy": "chest", "side": "left", "slice_from": 10, "slice_to": 20, "size": 3}')],
    ['a key too few', written('{"target": "nodule", "anatomy": "chest", "side": "left", "slice_from": 10}')],
    ['free text', 'Look for nodules on the left.'],
    ['no thought', `<directive>${directiveText(words)}</directive>`],
    ['two directives', `${written(directiveText(words))}<directive>${directiveText(words)}</directive>`],
    ['words after it', `${written(directiveText(words))} Done.`],
    ['a list', written('[1, 2]')],
    ['a text without end', `<think>${'x'.repeat(1e6)}`],
  ])('and not where it is %s', (_, completion) => {
    expect(readDirective(completion)).toBeNull();
  });
});

describe('a sentence is held against it', () => {
  const context = { text: 'any nodules on the left?', slices: 40, laterality: null } as const;

  test('and lets a fitting one pass', () => {
    expect(directiveRefusal(words, context)).toBeNull();
    expect(directiveRefusal({ ...words, side: 'any' }, { ...context, text: 'the spiculated thing' })).toBeNull();
  });

  test.each([
    ['no nodules on the left', 'right'], ['there are no nodules in the left lung', 'right'], ['never mind the right', 'left'], ['without nodules on the right side', 'left'],
  ] as const)('“%s” becomes no search on the other side', (text, side) => {
    expect(directiveRefusal({ ...words, side }, { ...context, text })?.code).toBe('side');
  });

  test('and refuses what lies outside the vocabulary, the file\'s side or the series', () => {
    expect(directiveRefusal(null, context)?.code).toBe('form');
    expect(directiveRefusal({ ...words, target: 'unicorn' }, context)?.code).toBe('target');
    expect(directiveRefusal({ ...words, target: 'constructor' }, context)?.code).toBe('target');
    expect(directiveRefusal({ ...words, anatomy: 'head' }, context)?.code).toBe('anatomy');
    expect(directiveRefusal(words, { ...context, laterality: 'right' })?.code).toBe('laterality');
    expect(directiveRefusal({ ...words, slice_to: 41 }, context)?.code).toBe('range');
    expect(directiveRefusal({ ...words, slice_from: 0 }, context)?.code).toBe('range');
    expect(directiveRefusal(words, { ...context, text: 'nodules in slices 25 to 30' })?.code).toBe('range');
    expect(directiveRefusal({ ...words, target: 'lung' }, context)?.code).toBe('target');
    expect(directiveRefusal(words, { ...context, text: 'a round spot in the left lung' })).toBeNull();
  });

  test('by the names, the side and the slices that it gives in words', () => {
    expect(targetsNamed('White cells, not lung nodules!')).toEqual(['nodule', 'white_blood_cell']);
    expect([sideNamed('Left-sided'), sideNamed('both the left and the right'), sideNamed('right away, please')]).toEqual(['left', null, null]);
    expect([slicesNamed('slices 10 to 20'), slicesNamed('slice 7'), slicesNamed('slices 20-10'), slicesNamed('none'), slicesNamed('the 3 slices after slice 4')]).toEqual([[10, 20], [7, 7], null, null, null]);
  });
});
