import { describe, expect, test } from 'vitest';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import type { RewardMode, RewardRow } from '#training/rewards/reward.ts';

const score = (name: string, mode: RewardMode, row: RewardRow): number | null => scoreRow(findReward(name), mode, row).reward;

describe('length along a cosine', () => {
  test.each([[0, 1], [200, 0.954396], [512, 0.75], [700, 0.613669], [1300, 0.584396]])('%d tokens earn %d as released', (tokens, expected) => {
    expect(score('vlmR1Length', 'published', { completion: 'x', tokens })).toBeCloseTo(expected, 6);
  });

  test('strictly, right answers lose with length, wrong ones gain, and neither beyond the greatest length', () => {
    const of = (answer: string, tokens: number): number | null => (
      score('vlmR1Length', 'strict', { completion: `<answer>${answer}</answer>`, tokens, maxTokens: 100, target: { kind: 'yesNo', value: true } })
    );
    expect([of('yes', 0), of('yes', 100), of('yes', 900), of('no', 0), of('no', 100), of('no', 900)]).toEqual([1, 0.5, 0.5, -0.5, 0, 0]);
  });

  test('the tokens have to be counted', () => expect(() => score('vlmR1Length', 'published', { completion: 'x' })).toThrow('tokens'));
});

describe('repetition', () => {
  const entry = (x: number): string => `{"bbox_2d": [${x}, 2, 30, 4], "label": "a"}`;
  test.each([
    ['no mitoses are seen in this field '.repeat(3), -0.5625], ['one two three four five', 0], ['', 0], ['one two three four five six', 0],
    [`\`\`\`json\n[${entry(1)}, ${entry(1)}, ${entry(2)}, ${entry(2)}]\n\`\`\``, -0.5],
    [`here [${entry(1)}, ${entry(1)}] are two`, -0.5], [`\`\`\`[${entry(1)}]\`\`\``, 0],
    [`\`\`\`json [${entry(1)}, ${entry(1)}, {"bbox \`\`\``, -0.5],
    ['```json []``` and so and so and so and so and so and so', -0.555556], ['```json [{"label": "a"}]```', 0],
  ])('of %j is %d', (completion, expected) => expect(score('vlmR1Repetition', 'published', { completion })).toBeCloseTo(expected, 5));

  test('a list of bare values ends the released run and is read as words strictly', () => {
    expect(() => score('vlmR1Repetition', 'published', { completion: '```json [1]```' })).toThrow(expect.objectContaining({ code: 'reward.throws' }));
    expect(score('vlmR1Repetition', 'strict', { completion: '```json [1]```' })).toBe(0);
  });
});
