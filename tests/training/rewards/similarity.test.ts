import { expect, test } from 'vitest';
import { closest } from '#training/rewards/closest.ts';
import { editDistance, indelRatio, longestCompared } from '#training/rewards/similarity.ts';

test.each([['gleason 8', 'gleason 7', 0.888889], ['invasive', 'in situ', 0.533333], ['', '', 1], ['', 'a', 0], ['pT3', 'pT2', 0.666667],
  ['a😀', 'b😀', 0.5]])(
  'the Indel likeness of %j and %j is %d', (a, b, expected) => expect(indelRatio(a, b)).toBeCloseTo(expected, 6),
);

test('the edit distance counts a substitution once', () => {
  expect([editDistance('kitten', 'sitting'), editDistance('', 'abc'), editDistance('a', 'a')]).toEqual([3, 3, 0]);
});

test('the nearest name is the one with the fewest edits',
  () => expect(closest('vlmr1odlenght', ['vlmR1OdLength', 'vlmR1Ap', 'iou'])).toBe('vlmR1OdLength'));

test('long texts are cut, not compared for ever', () => {
  const start = 'ab'.repeat(longestCompared / 2);
  expect(indelRatio(`${start}${'x'.repeat(100_000)}`, `${start}${'y'.repeat(100_000)}`)).toBe(1);
  expect(editDistance(`a${start}`, `b${start}${'y'.repeat(100_000)}`)).toBe(1);
});
