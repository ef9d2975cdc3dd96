/** A replay is equal, or says where it parts and how close the choice was. */
import { expect, test } from 'vitest';
import { compareTokens } from '#electron/audit/compare.ts';

const recorded = { tokens: [1, 2, 3], logProbabilities: [-0.1, -0.2, -0.7] };

test('equal tokens are equal, however the odds drift', () => {
  const result = compareTokens(recorded, { tokens: [1, 2, 3], logProbabilities: [-0.1, -0.25, -0.7] }, [-0.1, -0.25, -0.7]);
  expect(result).toMatchObject({ isEqual: true, tokens: 3, difference: null });
  expect(result.largestDrift).toBeCloseTo(0.05, 12);
});

test('the first difference comes with its gap of probability', () => {
  const result = compareTokens(recorded, { tokens: [1, 9, 4], logProbabilities: [-0.1, Math.log(0.5), -1] }, [-0.1, Math.log(0.49), -3]);
  expect(result).toMatchObject({ isEqual: false, difference: { at: 1, recorded: 2, replayed: 9 } });
  expect(result.difference?.gap?.probability).toBeCloseTo(0.01, 12);
  expect(result.difference?.gap?.nats).toBeCloseTo(Math.log(0.5 / 0.49), 12);
});

test('an answer that ends earlier differs where it ends', () => {
  expect(compareTokens(recorded, { tokens: [1, 2], logProbabilities: [-0.1, -0.2] }, [-0.1, -0.2, -0.7]).difference).toEqual({ at: 2, recorded: 3, replayed: null, gap: null });
});
