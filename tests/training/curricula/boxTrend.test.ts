import { describe, expect, test } from 'vitest';
import { boxTrend, hackingVerdict, type ClaimedBoxes } from '#training/curricula/boxTrend.ts';

const claim = (count: number, gold: number, changes: Partial<ClaimedBoxes> = {}): ClaimedBoxes =>
  ({ boxes: Array.from({ length: count }, (_, at) => ({ label: 'cell', box: [at, 0, at + 5, 5] })), gold, tokens: 20 * count, reward: 0.5, isReadable: true, ...changes });

describe('boxes over time', () => {
  test('are counted for each image and against those that are there', () => {
    const [point] = boxTrend([{ step: 7, claimed: [claim(6, 2), claim(2, 2), claim(1, 0), claim(0, 0, { isReadable: false })] }]);
    expect(point).toEqual({ step: 7, boxes_per_image: 2.25, claimed_per_true: 2, duplicates: 0, completion_tokens: 45, reward: 0.5, unreadable_negatives: 0.5 });
  });

  test('that repeat another of the same completion are duplicates', () => {
    const twice = { label: 'cell', box: [1, 1, 4, 4] };
    expect(boxTrend([{ step: 1, claimed: [claim(0, 1, { boxes: [twice, twice, twice, { label: 'x', box: [1, 1, 4, 4] }] })] }])[0]!.duplicates).toBe(0.5);
  });

  test('have no point where nothing about boxes was asked', () => expect(boxTrend([{ step: 1, claimed: [] }])).toEqual([]));
});

describe('listing instead of finding', () => {
  const run = (boxes: (step: number) => number, reward: (step: number) => number) =>
    hackingVerdict(boxTrend(Array.from({ length: 8 }, (_, step) => ({ step, claimed: [claim(boxes(step), 2, { reward: reward(step) })] }))));

  test('is suspected where the list grows and the reward does not fall', () => {
    expect(run((step) => 2 + step, () => 0.7)).toEqual({ growth: 8.5 / 2.5, isSuspicious: true });
  });
  test('is not where the list stays as long', () => expect(run(() => 3, (step) => step / 8)!.isSuspicious).toBe(false));
  test('is not where longer lists earn less', () => expect(run((step) => 2 + step, (step) => 1 - step / 8)!.isSuspicious).toBe(false));
  test('cannot be told from three steps', () => expect(hackingVerdict([])).toBeNull());
});
