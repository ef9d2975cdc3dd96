import { describe, expect, it } from 'vitest';
import { rewardOf } from './score.ts';

const choice = { kind: 'choice', options: ['cyst', 'scar', 'tumour'], right: 2 };
const modes = ['published', 'strict'] as const;

describe('WeThink hybrid reward', () => {
  it('mixes 0.7 for the answer and 0.3 for the tags', () => {
    for (const mode of modes) {
      expect(rewardOf('weThinkHybrid', mode, '<think>x</think><answer>C</answer>', { target: choice })).toBeCloseTo(1, 12);
      expect(rewardOf('weThinkHybrid', mode, '<think>x</think><answer>A</answer>', { target: choice })).toBeCloseTo(0.3, 12);
    }
  });

  it('pays a right letter without tags in published mode only', () => {
    expect(rewardOf('weThinkHybrid', 'published', 'The answer is C', { target: choice })).toBeCloseTo(0.7, 12);
    expect(rewardOf('weThinkHybrid', 'strict', 'The answer is C', { target: choice })).toBe(0);
  });

  it('takes the judge\'s verdict where the answer is described', () => {
    const target = { kind: 'text', text: 'A rim-enhancing lesion.' };
    for (const mode of modes) {
      expect(rewardOf('weThinkHybrid', mode, '<think>x</think><answer>a lesion</answer>', { target, judge: 0.5 })).toBeCloseTo(0.65, 12);
      expect(rewardOf('weThinkHybrid', mode, '<think>x</think><answer>a lesion</answer>', { target: 'x', method: 'judge', judge: 1 })).toBeCloseTo(1, 12);
      expect(rewardOf('weThinkHybrid', mode, '<think>x</think><answer>a lesion</answer>', { target })).toBeNull();
    }
    expect(rewardOf('weThinkHybrid', 'strict', 'a lesion', { target, judge: 1 })).toBe(0);
  });

  it('reads a verdict as a judge prints it', () => {
    const said = (judge: unknown): number | null => rewardOf('weThinkHybrid', 'strict', '<think>x</think><answer>a</answer>', { target: 'x', method: 'judge', judge });
    expect([said('1.0'), said('0.0')]).toEqual([1, 0.3]);
    expect(() => said('yes')).toThrow(expect.objectContaining({ code: 'reward.row' }));
  });

  it('asks the judge for one of its tiers in strict mode', () => {
    expect(() => rewardOf('weThinkHybrid', 'strict', '<think>x</think><answer>a</answer>', { target: 'x', method: 'judge', judge: 0.6 })).toThrow(expect.objectContaining({ code: 'reward.row' }));
    expect(() => rewardOf('weThinkHybrid', 'published', 'x', { target: 'x', method: 'judge', judge: 7 })).toThrow(expect.objectContaining({ code: 'reward.row' }));
  });

  it('grades what is filled in by rule', () => {
    for (const mode of modes) expect(rewardOf('weThinkHybrid', mode, '<think>x</think><answer>0.5</answer>', { target: '1/2' })).toBeCloseTo(1, 12);
  });
});
