import { describe, expect, test } from 'vitest';
import { evaluationAnswer } from '#training/rewards/medR1.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import type { RewardMode } from '#training/rewards/reward.ts';

const thought = '<think>Dark fluid.</think>';
const score = (name: string, mode: RewardMode, completion: string, target: unknown = '<answer> C </answer>') =>
  scoreRow(findReward(name), mode, { completion, target });
const gold = { kind: 'choice', options: ['cyst', 'mass', 'stone', 'gas'], right: 2 };

describe('as released', () => {
  test.each([
    [`${thought}<answer>C</answer>`, 1, 1], [`${thought}<answer>c</answer>`, 0, 1], ['C', 1, 0], [`${thought}<answer>\nC\n</answer>`, 0, 1],
    [`${thought}<answer>C</answer>\n`, 1, 0], [`${thought}<answer>B</answer><answer>C</answer>`, 0, 1],
    ['<think>is it <answer>C</answer>?</think><answer>B</answer>', 1, 1],
  ])('%j: accuracy %d, think format %d', (completion, accuracy, format) => {
    expect(score('medR1Think', 'published', completion)).toEqual({ reward: accuracy + format, parts: { accuracy, format } });
    expect(score('medR1Accuracy', 'published', completion).reward).toBe(accuracy);
    expect(score('medR1ThinkFormat', 'published', completion).reward).toBe(format);
    expect(score('medR1Think', 'published', completion, gold).reward).toBe(accuracy + format);
  });

  test.each([[' <answer>C</answer>', 1], ['<answer>C</answer> ', 0], [`${thought}<answer>C</answer>`, 0], ['<answer>', 0]])(
    '%j: no-think format %d', (completion, format) => expect(score('medR1NoThinkFormat', 'published', completion).reward).toBe(format),
  );

  test('the evaluation takes word characters alone, over line ends', () => {
    expect(evaluationAnswer('<answer>C)</answer>')).toBeNull();
    expect(evaluationAnswer('<answer>CT</answer>')).toBe('CT');
    expect(evaluationAnswer('<answer>\n C\n</answer>')).toBe('C');
    expect(score('medR1Evaluation', 'published', '<answer>\nC\n</answer>').reward).toBe(1);
    expect(score('medR1Evaluation', 'published', 'C').reward).toBe(0);
  });

  test.each([
    ['Edema|Mass', 'Edema and Mass', 2], ['Edema|Mass', 'Mass', 1], ['Edema|Mass', 'Mass, Nodule', 0], ['No Finding', 'No Finding', 0.25],
    ['No Finding', 'normal', 0],
    ['No Finding', 'No Finding, Mass', 0], ['Edema|Mass', 'Masses', 1], ['Mass|No Finding', 'Mass', 0],
  ])('labels %j answered by %j: %d', (target, answer, expected) => {
    expect(score('medR1MultiLabel', 'published', `<answer>${answer}</answer>`, target).reward).toBe(expected);
  });
});

describe('strict', () => {
  test.each([
    [`${thought}<answer>C</answer>\n`, 1, 1], [`${thought}<answer>(c)</answer>`, 0, 1], [`${thought}<answer>C)</answer>`, 1, 1],
    [`${thought}<answer>\nC.\n</answer>`, 1, 1],
    ['C', 0, 0], [`${thought}<answer>B</answer><answer>C</answer>`, 0, 0], [`${thought}<answer>E</answer>`, 0, 1],
    [`${thought}<answer>C or D</answer>`, 0, 1],
    ['<answer>C</answer>', 1, 0], ['<think></think><answer>C</answer>', 1, 0],
  ])('%j: accuracy %d, think format %d', (completion, accuracy, format) => {
    expect(score('medR1Think', 'strict', completion, gold).parts).toEqual({ accuracy, format });
  });

  test('the no-think format forgives outer blanks and no think block', () => {
    expect(score('medR1NoThink', 'strict', ' <answer>C</answer> ', gold).reward).toBe(2);
    expect(score('medR1NoThink', 'strict', `${thought}<answer>C</answer>`, gold).parts).toEqual({ accuracy: 1, format: 0 });
  });

  test('several labels earn their share, and nothing beside a wrong one', () => {
    const labels = { kind: 'word', accept: ['Edema', 'Mass'], reject: ['Nodule', 'No Finding'] };
    const multi = (answer: string): number | null => score('medR1MultiLabel', 'strict', `<answer>${answer}</answer>`, labels).reward;
    expect([multi('oedema, mass'), multi('Mass'), multi('Masses'), multi('Mass and nodule')]).toEqual([1, 0.5, 0, 0]);
  });

  test('wants a gold for its target', () => expect(() => score('medR1Accuracy', 'strict', 'C', 'C')).toThrow('not a gold'));
});
