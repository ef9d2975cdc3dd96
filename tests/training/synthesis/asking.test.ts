import { expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Turn } from '#training/records/turn.ts';
import { askedForms, asDirect, weighted } from '#training/synthesis/asking.ts';

const turn = (style: Turn['style']): Turn => ({
  questionType: 'modality', task: null, question: 'Which modality?', completion: '<think>\nSeen.\n</think>\n<answer>CT</answer>', answer: 'CT', gold: { kind: 'word', accept: ['CT'], reject: [] }, style, weight: 1,
});
const styles = (turns: readonly Turn[]): string[] => turns.map(({ style }) => style);

test('a policy is asked with reasoning wherever there is such a form, or by chance only for answers', () => {
  const random = new Random(1);
  expect(styles(askedForms([turn('direct'), turn('reasoned')], 0, random))).toEqual(['reasoned']);
  expect(styles(askedForms([turn('direct')], 0, random))).toEqual(['direct']);
  expect(styles(askedForms([turn('direct'), turn('reasoned')], 1, random))).toEqual(['direct', 'direct']);
  expect(askedForms([], 0.5, random)).toEqual([]);
  const short = Array.from({ length: 400 }, () => styles(askedForms([turn('reasoned')], 0.25, random))[0]).filter((style) => style === 'direct').length;
  expect(short).toBeGreaterThan(70);
  expect(short).toBeLessThan(130);
});

test('the short form asks for the answer alone and keeps the gold', () => {
  const short = asDirect(turn('reasoned'));
  expect(short).toMatchObject({ question: 'Which modality? Answer directly.', completion: '<answer>CT</answer>', gold: turn('direct').gold });
  expect(asDirect(short)).toBe(short);
});

test('what weighs nothing is never drawn', () => {
  const random = new Random(2);
  const drawn = Array.from({ length: 300 }, () => weighted([0, 1, 3, 0], random));
  expect(new Set(drawn)).toEqual(new Set([1, 2]));
  expect(drawn.filter((at) => at === 2).length).toBeGreaterThan(180);
});
