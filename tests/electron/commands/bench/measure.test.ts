/** Medians, and that the contenders of a comparison take turns. */

import { describe, expect, test } from 'vitest';
import { alternate, sampleOf } from '#electron/commands/bench/measure.ts';

describe('a sample', () => {
  test.each([
    { times: [3], median: 3 },
    { times: [9, 1, 2], median: 2 },
    { times: [4, 1, 100, 2], median: 3 },
  ])('of $times has the median $median', ({ times, median }) => {
    expect(sampleOf(times)).toEqual({ median_ms: median, min_ms: Math.min(...times), max_ms: Math.max(...times), runs: times.length });
  });
});

test('contenders take turns, and the first round does not count', async () => {
  const turns: string[] = [];
  const contender = (name: string) => async (): Promise<number> => {
    turns.push(name);
    return turns.length === 1 || turns.length === 2 ? 1000 : 5;
  };
  const samples = await alternate([contender('ours'), contender('theirs')], 2);
  expect(turns).toEqual(['ours', 'theirs', 'ours', 'theirs', 'ours', 'theirs']);
  expect(samples.map(({ max_ms: most }) => most)).toEqual([5, 5]);
});
