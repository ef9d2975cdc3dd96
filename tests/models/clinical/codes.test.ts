import { expect, test } from 'vitest';
import { codes, findCode } from '#models/clinical/codes.ts';

test('no code and no meaning stands in the table twice', () => {
  expect(new Set(codes.map(({ scheme, value }) => `${scheme} ${value}`)).size).toBe(codes.length);
  expect(new Set(codes.map(({ meaning }) => meaning)).size).toBe(codes.length);
});
/** The check digit of SNOMED CT identifiers: Verhoeff's, over the dihedral group of ten. */
test('every SNOMED CT identifier has its right check digit', () => {
  const times = (a: number, b: number): number => (a < 5 ? (b < 5 ? (a + b) % 5 : 5 + ((a + b) % 5)) : b < 5 ? 5 + ((a - b + 5) % 5) : (a - b + 5) % 5);
  const step = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
  const turned = (digit: number, by: number): number => (by === 0 ? digit : turned(step[digit] as number, by - 1));
  const isRight = (value: string): boolean => [...value].reverse().reduce((sum, digit, at) => times(sum, turned(Number(digit), at % 8)), 0) === 0;
  expect(isRight('73211009')).toBe(true);
  expect(codes.filter(({ value }) => !isRight(value)).map(({ meaning }) => meaning)).toEqual([]);
});
test('a code under another meaning is not found', () => expect(findCode({ scheme: 'SCT', value: '24028007', meaning: 'Left' })).toBeUndefined());
