/** Whatever is withheld of a value, the rest proves against the same hash; and nothing else does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonical } from '#electron/audit/canonical.ts';
import { openedHash, openingOf, treeHash, withheldPaths } from '#electron/audit/openings.ts';

const salt = Buffer.alloc(32, 1);
const whole = { title: 'Film of A', list: [{ name: 'a', at: { source: 'x', frame: 0 } }, { name: 'b', at: { source: 'y', frame: 1 } }], words: ['one', 'two'], none: null, empty: {} };
const shown = { ...whole, title: 'Film', list: whole.list.map((item) => ({ ...item, at: { ...item.at, source: 'z' } })) };
const opening = openingOf(whole, shown, salt);

describe('a value with parts withheld', () => {
  test('has the hash of the whole', () => expect(openedHash(shown, opening)).toBe(treeHash(whole, salt)));
  test('says which parts', () => expect(withheldPaths(opening)).toEqual(['title', 'list/0/at/source', 'list/1/at/source']));
  test('holds nothing of what is withheld, and no salt that leads to it', () => expect([canonical(opening).includes(salt.toString('hex')), canonical(shown).includes('Film of A')]).toEqual([false, false]));
  test('is opened with one salt where nothing is withheld', () => expect(openingOf(whole, whole, salt)).toBe(`o${salt.toString('hex')}`));
  test('keeps a withheld part that has another form there', () => {
    const other = { ...whole, list: [] };
    expect([openedHash(other, openingOf(whole, other, salt)), withheldPaths(openingOf(whole, other, salt))]).toEqual([treeHash(whole, salt), ['list']]);
  });
});

describe('it does not prove', () => {
  test.each<[string, unknown, unknown]>([
    ['another open value', { ...shown, words: ['one'] }, opening], ['a member too many', { ...shown, more: 1 }, opening], ['a member too few', { title: shown.title, list: shown.list, words: shown.words }, opening],
    ['a list in another order', { ...shown, list: shown.list.toReversed() }, opening], ['a list as an object', { ...shown, list: { ...shown.list } }, opening], ['nonsense', shown, 5], ['a salt that is none', shown, 'o12'], ['nothing', shown, null],
    ['an opening of less', shown, { title: (opening as Record<string, string>)['title'] }],
  ])('%s', (_, value, how) => expect(openedHash(value, how)).not.toBe(treeHash(whole, salt)));
});

test('whatever is replaced', () => {
  const replaced = (value: unknown, pick: () => boolean): unknown => {
    if (pick()) return 'replaced';
    if (Array.isArray(value)) return value.map((item: unknown) => replaced(item, pick));
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replaced(item, pick)])) : value;
  };
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), fc.infiniteStream(fc.nat({ max: 9 })), (given, numbers) => {
    const value: unknown = JSON.parse(JSON.stringify(given));
    const copy = replaced(value, () => numbers.next().value === 0);
    expect(openedHash(copy, openingOf(value, copy, salt))).toBe(treeHash(value, salt));
  }), { numRuns: 300 });
});
