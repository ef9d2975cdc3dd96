import { expect, test } from 'vitest';
import { directiveText, type DirectiveWords } from '#models/clinical/directive.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import { verify } from '#training/rewards/verify.ts';

const right: DirectiveWords = { target: 'nodule', anatomy: 'chest', side: 'left', slice_from: 40, slice_to: 59 };
const target = { kind: 'directive', ...right } as const;
const completion = (json: string): string => `<think>Search.</think><directive>${json}</directive>`;
const earned = (json: string, extra: object = {}): number | null => scoreRow(findReward('directive'), 'strict', { completion: completion(json), target, ...extra }).reward;

test('a directive earns by its slots', () => {
  expect(earned(directiveText(right))).toBeCloseTo(1, 12);
  expect(earned(directiveText({ ...right, side: 'right' }))).toBeCloseTo(0.82, 12);
  expect(earned(directiveText({ ...right, slice_from: 50, slice_to: 69 }))).toBeCloseTo(0.88, 12);
  expect(earned(directiveText({ target: 'lung', anatomy: 'head', side: 'any', slice_from: 1, slice_to: 2 }))).toBeCloseTo(0.1, 12);
});

test.each([
  ['another side', directiveText({ ...right, side: 'both' as 'left' })], ['numbers as words', '{"target":"nodule","anatomy":"chest","side":"left","slice_from":"40","slice_to":"59"}'],
  ['a reversed range', directiveText({ ...right, slice_from: 60 })], ['a further key', '{"target":"nodule","anatomy":"chest","side":"left","slice_from":40,"slice_to":59,"why":"so"}'], ['free text', 'nodules on the left'],
])('%s earns nothing', (_, json) => expect(earned(json)).toBe(0));

test('what a frozen localizer finds by it counts as much as its words', () => {
  const outcomes = { 'nodule/left': 0.6, 'nodule/right': 0.1 };
  expect(earned(directiveText(right), { outcomes })).toBeCloseTo(0.8, 12);
  expect(earned(directiveText({ ...right, side: 'right' }), { outcomes })).toBeCloseTo(0.46, 12);
  expect(earned(directiveText({ ...right, side: 'any' }), { outcomes })).toBeCloseTo(0.41, 12);
  expect(() => earned(directiveText(right), { outcomes: { 'nodule/left': 7 } })).toThrow('outcomes');
});

test('its verifier holds only the whole of it for right', () => {
  expect(verify(completion(directiveText(right)), target)).toEqual({ score: 1, isCorrect: true });
  expect(verify(completion(directiveText({ ...right, slice_to: 58 })), target).isCorrect).toBe(false);
});
