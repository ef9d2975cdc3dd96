import { describe, expect, it } from 'vitest';
import { answerTypes } from '#training/rewards/vlaaThinking.ts';
import { rewardOf } from './score.ts';

const said = (answer: string): string => `<think>x</think><answer>${answer}</answer>`;
const modes = ['published', 'strict'] as const;

describe('VLAA-Thinking mixed reward', () => {
  const preferences: readonly (readonly [number, number, number, number])[] = [[1.2, 0.9, 1, 0.259182], [0.9, 0.9, 3, 0], [-0.4, -1.4, 2, 0.864665], [0.2, 0.9, 1, 0]];
  it.each(preferences)('pays an open answer of %d against %d at beta %d with %d', (answer, reference, beta, expected) => {
    for (const mode of modes) expect(rewardOf('vlaaMixed', mode, said('a report'), { answerType: 'open', target: 'x', judge: { answer, reference }, beta })).toBeCloseTo(expected, 6);
  });

  it('leaves an open answer unscored where no reward model was at hand', () => {
    for (const mode of modes) expect(rewardOf('vlaaMixed', mode, said('a report'), { target: { kind: 'text', text: 'x' } })).toBeNull();
  });

  it('takes a judge who only agrees or does not for a margin of one or none', () => {
    const target = { kind: 'text', text: 'x' };
    for (const mode of modes) {
      expect(rewardOf('vlaaMixed', mode, said('a report'), { target, judge: '1.0' })).toBeCloseTo(1 - Math.exp(-1), 12);
      expect(rewardOf('vlaaMixed', mode, said('a report'), { target, judge: 0 })).toBe(0);
    }
  });

  it.each(['A', 'A)', '(a)'])('takes %s for the option A', (answer) => {
    expect(rewardOf('vlaaMixed', 'published', said(answer), { answerType: 'choice', target: 'A' })).toBe(1);
  });

  it('pays nothing of any type without an answer block', () => {
    const targets = { digit: '3', choice: 'A', expression: '1/2', box: [0.1, 0.2, 0.7, 0.5], open: 'x' };
    for (const answerType of answerTypes) for (const mode of modes) {
      const row = { answerType, target: targets[answerType], judge: { answer: 2, reference: 1 } };
      expect(rewardOf('vlaaMixed', mode, `<think>x</think>${String(targets[answerType])}`, row)).toBe(0);
    }
  });

  it('counts in digits', () => {
    for (const mode of modes) {
      expect(rewardOf('vlaaMixed', mode, said('3'), { answerType: 'digit', target: '3' })).toBe(1);
      expect(rewardOf('vlaaMixed', mode, said('three'), { answerType: 'digit', target: '3' })).toBe(0);
    }
    expect(rewardOf('vlaaMixed', 'published', said('3 or 4'), { answerType: 'digit', target: '3' })).toBe(1);
    expect(rewardOf('vlaaMixed', 'strict', said('3 or 4'), { answerType: 'digit', target: '3' })).toBe(0);
  });

  it('measures boxes in shares of the image by plain IoU', () => {
    const row = { answerType: 'box', target: [0.1, 0.2, 0.7, 0.5] };
    for (const mode of modes) {
      expect(rewardOf('vlaaMixed', mode, said('[0.1, 0.2, 0.7, 0.5]'), row)).toBe(1);
      expect(rewardOf('vlaaMixed', mode, said('[0.4, 0.2, 1.0, 0.5]'), row)).toBeCloseTo(1 / 3, 6);
      expect(rewardOf('vlaaMixed', mode, said('none'), row)).toBe(0);
    }
  });

  it('divides a gold box by the size of the image in published mode, and reads pixels in strict mode', () => {
    const target = { kind: 'boxes', boxes: [{ label: 'lung', box: { x1: 10, y1: 20, x2: 70, y2: 50 } }], matchLabels: false };
    expect(rewardOf('vlaaMixed', 'published', said('[0.1, 0.2, 0.7, 0.5]'), { target, size: { width: 100, height: 100 } })).toBe(1);
    expect(rewardOf('vlaaMixed', 'strict', said('[{"bbox_2d":[10,20,70,50],"label":"lung"}]'), { target })).toBe(1);
  });

  it('compares expressions by value', () => {
    for (const mode of modes) {
      expect(rewardOf('vlaaMixed', mode, said('\\frac{2}{4}'), { answerType: 'expression', target: '1/2' })).toBe(1);
      expect(rewardOf('vlaaMixed', mode, said('2/3'), { answerType: 'expression', target: '1/2' })).toBe(0);
    }
  });

  it('does not guess the type from a text', () => {
    expect(() => rewardOf('vlaaMixed', 'published', said('3'), { target: '3' })).toThrow(expect.objectContaining({ code: 'reward.row' }));
  });
});
