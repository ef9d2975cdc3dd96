import { describe, expect, test } from 'vitest';
import { findReward, scoreRow } from '#training/rewards/table.ts';

const score = (name: string, completion: string, target?: unknown) => scoreRow(findReward(name), 'strict', { completion, target });
const box = (x1: number) => ({ label: 'mass', box: { x1, y1: 0, x2: x1 + 10, y2: 10 } });

describe('each kind of gold has its reward, which may be given without its kind', () => {
  test.each([
    ['choice', { options: ['cyst', 'mass'], right: 1 }, 'B', 1], ['yesNo', { value: true }, 'yes', 1],
    ['word', { accept: ['mass'], reject: ['cyst'] }, 'a cyst', 0],
    ['number', { value: 12, tolerance: 1 }, '11.5 mm', 1], ['number', { value: 12, tolerance: 1 }, '10.9 mm', 0],
    ['ordinal', { value: 'mild', scale: ['none', 'mild', 'severe'] }, 'severe', 0.5],
    ['boxes', { boxes: [box(0)], matchLabels: true }, '[{"bbox_2d": [5, 0, 15, 10], "label": "mass"}]', 1 / 3],
    ['text', { text: 'left lung' }, 'left lobe', 0.5],
  ])('%s of %j: %j earns %d', (name, target, answer, expected) => {
    expect(score(name, `<answer>${answer}</answer>`, target).reward).toBeCloseTo(expected, 9);
    expect(score('accuracy', `<answer>${answer}</answer>`, { kind: name, ...target }).reward).toBeCloseTo(expected, 9);
  });

  test.each([
    ['choice', { options: ['cyst'], right: 1 }], ['yesNo', { value: 'yes' }], ['yesNo', { value: true, named: [{ accept: [], reject: [] }] }], ['word', { accept: [], reject: [] }],
    ['number', { value: NaN, tolerance: 0 }],
    ['ordinal', { value: 'grave', scale: ['mild'] }], ['boxes', { boxes: [{ label: 'x' }], matchLabels: true }], ['text', {}], ['text', null],
    ['yesNo', { kind: 'text', text: '' }],
  ])('%s does not take %j', (name, target) => expect(() => score(name, 'x', target)).toThrow(expect.objectContaining({ code: 'reward.row' })));

  test('an unnamed kind is not guessed', () => expect(() => score('accuracy', 'x', { value: true })).toThrow('not a gold'));
  test('correct is what evaluation counts',
    () => expect(score('correct', '<answer>left lobe</answer>', { kind: 'text', text: 'left lung' }).reward).toBe(1));
});

test('a single box earns its IoU, and nothing beside another', () => {
  const target = { boxes: [box(0)], matchLabels: false };
  expect(score('iou', '<answer>[{"bbox_2d": [5, 0, 15, 10]}]</answer>', target).reward).toBeCloseTo(1 / 3, 9);
  expect(score('iou', '<answer>[[0, 0, 10, 10], [50, 50, 60, 60]]</answer>', target).reward).toBe(0);
  expect(score('iou', '<answer>none</answer>', target).reward).toBe(0);
  expect(() => score('iou', '', { boxes: [], matchLabels: false })).toThrow('one box');
});

test('edit similarity looks at the spelling of the answer alone', () => {
  expect(score('editSimilarity', '<think>pT3</think><answer>pT3</answer>', 'pT2').reward).toBeCloseTo(2 / 3, 9);
});

describe('forms', () => {
  test.each([
    ['thinkAnswerFormat', '<think>a</think>\n<answer>b</answer>', 1], ['thinkAnswerFormat', '<answer>b</answer>', 0],
    ['answerFormat', '<answer>b</answer>', 1],
    ['answerFormat', '<answer> </answer>', 0], ['answerFormat', '<think>a</think><answer>b</answer>', 0],
    ['boxedFormat', 'so $\\boxed{\\frac{1}{2}}$.', 1],
    ['boxedFormat', '\\boxed{1} and \\boxed{2}', 0], ['boxedFormat', '\\boxed{1', 0], ['boxedFormat', '\\boxed{} ', 0],
    ['boxedFormat', '\\boxed{1} is it', 0],
    ['fencedJsonFormat', '```json\n[{"bbox_2d": [1, 2, 3, 4], "label": "a"}]\n```', 1], ['fencedJsonFormat', '<answer>None</answer>', 1],
    ['fencedJsonFormat', '[]', 1],
    ['fencedJsonFormat', '```json\n[]\n``` indeed', 0], ['fencedJsonFormat', '[{"bbox_2d": [3, 2, 1, 4], "label": "a"}]', 0],
  ])('%s of %j is %d', (name, completion, expected) => expect(score(name, completion).reward).toBe(expected));

  test('the released think and answer form is a full match', () => {
    expect(scoreRow(findReward('thinkAnswerFormat'), 'published', { completion: '<think>a</think><answer>b</answer>\n' }).reward).toBe(0);
  });
});
