import { describe, expect, test } from 'vitest';
import { float, int, intOf, isDict, loads, lstrip, pattern, round, rstrip, split, splitlines, strip } from '#training/rewards/python.ts';

describe('blanks', () => {
  test('are those of str.isspace: separators too, the byte order mark not', () => {
    expect(strip('\x1c\x85\u2028 a\u200b\u3000')).toBe('a\u200b');
    expect(strip('\ufeffa ')).toBe('\ufeffa');
    expect(split(' a\x1fb\u00a0 c ')).toEqual(['a', 'b', 'c']);
    expect(lstrip(' a ')).toBe('a ');
    expect(rstrip('a..', '.')).toBe('a');
  });
  test('end lines at every separator that splitlines knows', () => {
    expect(splitlines('a\r\nb\x0bc\u2028d\n')).toEqual(['a', 'b', 'c', 'd']);
    expect(splitlines('')).toEqual([]);
  });
});

describe('numbers from text', () => {
  test.each([
    ['', null], [' ', null], ['0x10', null], [' 7 ', 7], ['1e2', 100], ['1_000', 1000], ['1__0', null], ['1_', null], ['.', null], ['1.', 1],
    ['-.5', -0.5], ['+1e-1', 0.1],
    ['nan', NaN], ['-Infinity', -Infinity], ['infinit', null], ['1e999', Infinity], ['٣.5', 3.5], ['1 2', null],
  ])('float(%j) is %d', (text, expected) => expect(float(text)).toEqual(expected));
  test.each([['7', 7], [' -1_0 ', -10], ['7.0', null], ['', null], ['１２', 12], ['+', null]])('int(%j) is %d',
    (text, expected) => expect(int(text)).toBe(expected));
  test('int of a parsed value cuts the fraction, reads text and counts truth', () => {
    expect([intOf(2.9), intOf(-2.9), intOf('4'), intOf(true), intOf(null), intOf('4.5'), intOf(NaN)]).toEqual([2, -2, 4, 1, null, null, null]);
  });
  test('long digits are read in linear time', () => {
    const before = process.cpuUsage().user;
    expect(float(`${'1'.repeat(60_000)}x`)).toBeNull();
    expect(float(`${'1_'.repeat(30_000)}x`)).toBeNull();
    expect((process.cpuUsage().user - before) / 1000).toBeLessThan(5000);
  });
});

test.each([[2.5, 0, 2], [3.5, 0, 4], [-2.5, 0, -2], [0.5, 0, 0], [2.675, 2, 2.67], [0.125, 2, 0.12], [0.375, 2, 0.38], [1e22, 2, 1e22],
  [266 / 28, 0, 10], [70 / 28, 0, 2]])(
  'round(%d, %d) is %d: an exact half goes to the even neighbour', (value, digits, expected) => expect(round(value, digits) + 0).toBe(expected),
);

describe('json.loads', () => {
  test('takes NaN and the infinities, outside strings only', () => {
    expect(loads('[NaN, -Infinity, Infinity, "NaN", {"§a": NaN}]')).toEqual([NaN, -Infinity, Infinity, 'NaN', { '§a': NaN }]);
    expect(loads('"\\"NaN"')).toBe('"NaN');
  });
  test.each(['', '[1,]', "['a']", '{"a": 1,}', '\ufeff[]', '01', '[1] 2', '"a\nb"', 'nan', 'aNaN', '-NaN', '\u00a0[]'])('refuses %j',
    (text) => expect(loads(text)).toBeUndefined());
  test('keeps the last of two equal keys and owns __proto__', () => {
    expect(loads('{"a": 1, "a": 2}')).toEqual({ a: 2 });
    const value = loads('{"__proto__": [1], "n": NaN}');
    expect(isDict(value) && Object.keys(value)).toEqual(['__proto__', 'n']);
  });
  test('gives up on deep nesting and is quick on damage', () => {
    const before = process.cpuUsage().user;
    expect(loads('['.repeat(30_000) + ']'.repeat(30_000))).toBeUndefined();
    expect(loads('["'.repeat(30_000))).toBeUndefined();
    expect(loads(`"${'\\"'.repeat(30_000)}`)).toBeUndefined();
    expect(loads(`[${'NaN,'.repeat(15_000)}NaN]`)).toHaveLength(15_001);
    expect((process.cpuUsage().user - before) / 1000).toBeLessThan(5000);
  });
});

describe('patterns', () => {
  test('the dot stops at line feeds alone, and with DOTALL nowhere', () => {
    expect(pattern('a.b').test('a\rb')).toBe(true);
    expect(pattern('a.b').test('a\u2028b')).toBe(true);
    expect(pattern('a.b').test('a\nb')).toBe(false);
    expect(pattern('a.b', 's').test('a\nb')).toBe(true);
  });
  test('the dollar also stands before a last line feed, the end of the text does not', () => {
    expect(pattern('b$').test('ab\n')).toBe(true);
    expect(pattern('b$').test('ab\n\n')).toBe(false);
    expect(pattern('\\A(?:a|ab)\\Z').test('ab')).toBe(true);
    expect(pattern('\\A(?:a|ab)\\Z').test('ab\n')).toBe(false);
  });
  test('words, digits and their borders are those of Unicode', () => {
    expect('naïve ٣'.match(pattern('\\w+', 'g'))).toEqual(['naïve', '٣']);
    expect(pattern('\\bno\\b').test('não no')).toBe(true);
    expect(pattern('\\bn').test('én')).toBe(false);
    expect(pattern('^\\d$').test('٣')).toBe(true);
  });
  test('blanks inside a class, named groups and lone brackets are carried over', () => {
    expect(pattern('[^\\s\\d]+').exec(' 1ab\x1c')?.[0]).toBe('ab');
    expect(pattern('(?P<x>\\w)]').exec('a]')?.groups?.['x']).toBe('a');
    expect(pattern('[[.$]+').exec('a[.$')?.[0]).toBe('[.$');
  });
});
