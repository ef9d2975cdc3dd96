import { describe, expect, test } from 'vitest';
import { difficultyOf, kMeans, passRate, tiered, tiersOf, zScores } from '#training/curricula/difficulty.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { input, scripted } from './scriptedPolicy.ts';

test('three groups of a line of numbers are found in rising order', () => {
  expect(kMeans([0.1, 0.9, 0.5, 0.12, 0.88, 0.52], 3).groups).toEqual([0, 2, 1, 0, 2, 1]);
  expect(kMeans([1, 1], 3)).toEqual({ centres: [1], groups: [0, 0] });
});

test('z-scores of equal values are 0', () => {
  expect(zScores([3, 3])).toEqual([0, 0]);
  expect(zScores([1, 3])).toEqual([-1, 1]);
});

describe('tiers', () => {
  test('follow the errors where nobody has rated', () => {
    expect(tiersOf([{ errorRate: 0.9 }, { errorRate: 0.1 }, { errorRate: 0.5 }])).toEqual(['hard', 'easy', 'medium']);
  });
  test('follow errors and ratings alike where all are rated', () => {
    expect(tiersOf([{ errorRate: 0.5, rating: 1 }, { errorRate: 0.5, rating: 5 }, { errorRate: 0.5, rating: 3 }])).toEqual(['easy', 'hard', 'medium']);
  });
  test('are medium where there is no difference', () => expect(tiersOf([{ errorRate: 0.5 }, { errorRate: 0.5 }])).toEqual(['medium', 'medium']));
});

test('the difficulty of a group is named by its share of right answers', () => {
  expect([0, 1 / 8, 2 / 8, 3 / 8, 5 / 8, 6 / 8, 7 / 8, 1].map(difficultyOf)).toEqual(['all-false', 'hard', 'hard', 'medium', 'medium', 'easy', 'easy', 'all-true']);
});

const records = [madeUp({ id: 'never', set: 'a' }), madeUp({ id: 'always', set: 'b' }), madeUp({ id: 'sometimes', set: 'c' })];
const policy = scripted(({ record: { id } }, at) => `<answer>${id === 'always' || (id === 'sometimes' && at % 2 === 0) ? 'glioma' : 'meningioma'}</answer>`).policy;
const kept = async (pipeline: typeof passRate, options: object): Promise<string[]> =>
  (await pipeline(input(policy, { questions: 3, ...options }, records))).turns.map(({ record }) => record.id).sort();

describe('questions by pass rate', () => {
  test('that some attempts answer are kept', async () => expect(await kept(passRate, { keep: 'some' })).toEqual(['sometimes']));
  test('that any attempt answers are kept', async () => expect(await kept(passRate, { keep: 'any' })).toEqual(['always', 'sometimes']));
  test('are counted', async () => {
    expect((await passRate(input(policy, { questions: 3, samples: 2 }, records))).report).toEqual({ dropped_always_right: 1, dropped_never_right: 1, kept: 1, written: 6 });
  });
});

describe('questions by tier', () => {
  test.each([['easy', 'always'], ['medium', 'sometimes'], ['hard', 'never']] as const)('%s', async (tier, id) => expect(await kept(tiered, { tier })).toEqual([id]));
});
