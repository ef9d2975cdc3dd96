import { describe, expect, test } from 'vitest';
import { findReward, scoreRow } from '#training/rewards/table.ts';

const thought = '<think>Mass in segment 8.</think>';

describe('the hard formatting result', () => {
  test.each([
    [`${thought}<answer> Final Answer:B </answer>`, 'B', 'choice', 1],
    [`${thought}<answer>(b)</answer>`, 'B', 'choice', 1],
    [`\n${thought} \n<answer>B.</answer>\r\n`, 'B', 'choice', 1],
    [`${thought}<answer>B: cyst</answer>`, 'B', 'choice', 0],
    ['<answer>B</answer>', 'B', 'choice', 0],
    [`${thought}<answer>B</answer> indeed`, 'B', 'choice', 0],
    [`${thought}<answer>B</answer><answer>B</answer>`, 'B', 'choice', 0],
    ['<think> \n</think><answer>B</answer>', 'B', 'choice', 0],
    [`${thought}so<answer>B</answer>`, 'B', 'choice', 0],
    [`${thought}<answer>final answer: </answer>`, 'B', 'choice', 0],
    ['</think><think><answer></answer>', 'B', 'choice', 0],
    [`${thought}<answer>4.0</answer>`, '4', 'number', 1],
    [`${thought}<answer>4 cm</answer>`, '4', 'number', 0],
    [`${thought}<answer>4e0</answer>`, '4', 'number', 1],
    [`${thought}<answer>4.00001</answer>`, '4', 'number', 0],
    [`${thought}<answer>Right  upper lobe.</answer>`, 'right upper lobe', 'text', 1],
    [`${thought}<answer>left upper lobe</answer>`, 'right upper lobe', 'text', 0],
  ])('of %j against %j (%s) is %d, in both modes', (completion, target, kind, expected) => {
    for (const mode of ['published', 'strict'] as const) {
      expect(scoreRow(findReward('visionR1Reasoning'), mode, { completion, target, kind }).reward).toBe(expected);
    }
  });

  test('is nothing for a completion that the limit cut, whatever it says', () => {
    const row = { completion: `${thought}<answer>B</answer>`, target: 'B', kind: 'choice', finished: false };
    expect(scoreRow(findReward('visionR1Reasoning'), 'strict', row)).toEqual({ reward: 0, parts: { format: 0, correct: 0 } });
  });

  test('reads golds of every kind', () => {
    const score = (answer: string, target: unknown): number | null => (
      scoreRow(findReward('visionR1Reasoning'), 'strict', { completion: `${thought}<answer>${answer}</answer>`, target }).reward
    );
    expect(score('(C)', { kind: 'choice', options: ['cyst', 'mass', 'stone'], right: 2 })).toBe(1);
    expect(score('stone', { kind: 'choice', options: ['cyst', 'mass', 'stone'], right: 2 })).toBe(0);
    expect(score('12.4', { kind: 'number', value: 12, tolerance: 0.5 })).toBe(1);
    expect(score('yes', { kind: 'yesNo', value: true })).toBe(1);
    expect(score('[{"bbox_2d": [0, 0, 10, 10], "label": "stone"}]', {
      kind: 'boxes', boxes: [{ label: 'stone', box: { x1: 0, y1: 0, x2: 10, y2: 10 } }], matchLabels: true,
    })).toBe(1);
  });

  test('asks for a target that it can compare', () => {
    const row = { completion: `${thought}<answer>4</answer>`, target: 'four', kind: 'number' };
    expect(() => scoreRow(findReward('visionR1Reasoning'), 'strict', row)).toThrow('no number');
    expect(() => scoreRow(findReward('visionR1Reasoning'), 'strict', { ...row, target: null })).toThrow('neither a text');
  });
});
