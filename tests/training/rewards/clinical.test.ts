import { describe, expect, test } from 'vitest';
import { abstains } from '#training/rewards/clinical.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import type { RewardRow } from '#training/rewards/reward.ts';

const score = (name: string, row: RewardRow) => scoreRow(findReward(name), 'strict', row);
const said = (answer: string, thought = ''): string => `<think>${thought}</think><answer>${answer}</answer>`;

describe('laterality', () => {
  const target = { kind: 'choice', options: ['left eye', 'right eye'], right: 1 };
  const film = { side: 'left', size: { width: 100, height: 100 }, orientation: 'radiological' };
  test('is right where the answer names the side, by words or by letter', () => {
    expect(score('laterality', { completion: said('B'), target }).reward).toBe(1);
    expect(score('laterality', { completion: said('right eye'), target }).reward).toBe(1);
    expect(score('laterality', { completion: said('OD'), side: 'right' }).reward).toBe(1);
    expect(score('laterality', { completion: said('A'), target }).reward).toBe(0);
    expect(score('laterality', { completion: said('left or right'), target }).reward).toBe(0);
  });
  test('is spoilt by a thought that names only the other side', () => {
    expect(score('laterality', { completion: said('B', 'The left disc is pale.'), target })).toEqual({ reward: 0,
      parts: { answer: 1, thought: 0, boxes: 1 } });
    expect(score('laterality', { completion: said('B', 'The left is clear, the right is not.'), target }).reward).toBe(1);
  });
  test('is spoilt by a box in the other half of the body, as the image is turned', () => {
    const box = (x1: number): string => said('left', `{"bbox_2d": [${x1}, 10, ${x1 + 20}, 30], "label": "mass"}`);
    expect(score('laterality', { completion: box(70), ...film }).reward).toBe(1);
    expect(score('laterality', { completion: box(10), ...film }).parts).toEqual({ answer: 1, thought: 1, boxes: 0 });
    expect(score('laterality', { completion: box(10), ...film, orientation: 'image' }).reward).toBe(1);
    expect(score('laterality', { completion: box(40), ...film }).reward).toBe(1);
    expect(() => score('laterality', { completion: box(10), ...film, orientation: 'up' })).toThrow('orientation');
  });
  test('does not apply where no side is asked for', () => {
    expect(score('laterality', { completion: said('yes'), target: { kind: 'yesNo', value: true } }).reward).toBeNull();
    expect(score('laterality', { completion: said('both'), side: 'bilateral' }).reward).toBe(1);
  });
});

describe('evidence', () => {
  const completion = said('melanoma', '{"bbox_2d": [1, 2, 30, 40], "label": "melanoma"}');
  test.each([
    ['naevus', 'melanoma', 1], ['melanoma', 'melanoma', 0], ['naevus', 'naevus', 0], ['naevus', 'Melanoma.', 1],
  ])('hidden %j, control %j: %d', (hidden, control, expected) => {
    expect(score('evidence', { completion, hidden: said(hidden, 'other words'), control: said(control) }).reward).toBe(expected);
  });
  test('is none without a box, or where the box leaves no room for a control', () => {
    expect(score('evidence', { completion: said('melanoma'), hidden: said('naevus'), control: said('melanoma') }).reward).toBe(0);
    expect(score('evidence', { completion, hidden: said('naevus') }).reward).toBe(0);
  });
  test('does not apply before anything was hidden', () => expect(score('evidence', { completion }).reward).toBeNull());
  test('wants texts', () => expect(() => score('evidence', { completion, hidden: 3 })).toThrow('hidden'));
});

describe('abstention', () => {
  const target = { kind: 'yesNo', value: true };
  test.each([['yes', 1], ['no', 0], ['I am not sure.', 0.5], ['It cannot be determined from this image', 0.5],
    ['not sure, perhaps yes', 0]])('%j earns %d', (answer, expected) => {
    expect(score('abstention', { completion: said(answer), target }).reward).toBe(expected);
  });
  test('scores between wrong and right, by the credit that is given', () => {
    expect(score('abstention', { completion: said('unknown'), target, credit: 0.2 }).reward).toBe(0.2);
    expect(() => score('abstention', { completion: said('unknown'), target, credit: 2 })).toThrow('credit');
  });
  test('is the right answer to what has none', () => {
    expect(score('abstention', { completion: said('indeterminate'), unanswerable: true }).reward).toBe(1);
    expect(score('abstention', { completion: said('yes'), unanswerable: true }).reward).toBe(0);
  });
  test('is not read into answers that say more',
    () => expect([abstains('unknown primary tumour'), abstains('no'), abstains('')]).toEqual([false, false, false]));
});

test('a citation is a box', () => {
  expect(score('cited', { completion: said('yes', '{"bbox_2d": [1, 2, 3, 4], "label": "a"}') }).reward).toBe(1);
  expect(score('cited', { completion: said('yes') }).reward).toBe(0);
});
