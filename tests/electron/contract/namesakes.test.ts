import { expect, test } from 'vitest';
import type { StudySummary } from '#electron/contract/library.ts';
import { areOthers, namesakesOf, personKey, withNamesakes } from '#electron/contract/namesakes.ts';

const person = (patient: string, patientId: string, birthDate: string | null = null) => ({ patient, patientId, birthDate });

test.each([
  ['the same, written otherwise', person('DOE, JANE', '17'), person('Doe, Jane ', ' 17'), false],
  ['one that lost its name', person('DOE, JANE', '17'), person('', '17'), false],
  ['one that lost its number', person('DOE, JANE', '17'), person('DOE, JANE', ''), false],
  ['a name that changed', person('DOE, JANE', '17', '1980-01-01'), person('ROE, JANE', '17', '1980-01-01'), false],
  ['other numbers', person('DOE, JANE', '17'), person('DOE, JANE', '18'), true],
  ['one number of two hospitals', person('DOE, JANE', '17', '1980-01-01'), person('SMITH, ANN', '17', '1955-05-05'), true],
  ['other names without numbers', person('DOE, JANE', ''), person('ROE, RICHARD', ''), true],
  ['nobody', person('', ''), person('', ''), false],
])('two files of %s', (_, a, b, expected) => {
  expect(areOthers(a, b)).toBe(expected);
  expect(areOthers(b, a)).toBe(expected);
  if (expected) expect(personKey({ ...a, patientId: a.patientId === b.patientId ? '' : a.patientId })).not.toBe(personKey({ ...b, patientId: a.patientId === b.patientId ? '' : b.patientId }));
});

test('studies with one number know each other, whichever came first', () => {
  const [a, b, c, d] = [['a'], ['b', 'a'], ['c'], ['d', 'a']].map(([id, sameNumberAs]) => ({ id, ...(sameNumberAs ? { sameNumberAs } : {}) }) as StudySummary) as [StudySummary, StudySummary, StudySummary, StudySummary];
  expect(namesakesOf(a, [a, b, c, d])).toEqual([b, d]);
  expect(namesakesOf(b, [a, b, c, d])).toEqual([a, d]);
  expect(namesakesOf(c, [a, b, c, d])).toEqual([]);
  expect(withNamesakes([a, b, c])).toEqual(new Set(['a', 'b']));
  expect(withNamesakes([b, c])).toEqual(new Set());
});
