import { describe, expect, it } from 'vitest';
import { rewardOf } from './score.ts';

const target = { kind: 'choice', options: ['adenocarcinoma', 'lymphoma', 'benign'], right: 1 };
const modes = ['published', 'strict'] as const;

describe('Patho-R1', () => {
  it('pays the GRPO set only where format and letter are both right', () => {
    for (const mode of modes) {
      expect(rewardOf('pathoR1Grpo', mode, '<think>x</think><answer>B</answer>', { target })).toBe(1);
      expect(rewardOf('pathoR1Grpo', mode, '<think>x</think><answer>A</answer>', { target })).toBe(0);
      expect(rewardOf('pathoR1Grpo', mode, '<answer>B</answer>', { target })).toBe(0);
      expect(rewardOf('pathoR1Grpo', mode, 'B', { target })).toBe(0);
    }
  });

  it('pays the DAPO set 1 where letter and length are both right, else -1', () => {
    const short = { target, tokens: 100, maxTokens: 1000, bufferTokens: 200 };
    for (const mode of modes) {
      expect(rewardOf('pathoR1Dapo', mode, '<think>x</think><answer>B</answer>', short)).toBe(1);
      expect(rewardOf('pathoR1Dapo', mode, '<think>x</think><answer>A</answer>', short)).toBe(-1);
      expect(rewardOf('pathoR1Dapo', mode, '<think>x</think><answer>B</answer>', { ...short, tokens: 801 })).toBe(-1);
      expect(rewardOf('pathoR1Dapo', mode, '<think>x</think><answer>B</answer>', { ...short, finished: false })).toBe(-1);
      expect(rewardOf('pathoR1Dapo', mode, 'B', short)).toBe(-1);
    }
  });

  it('takes the article of a sentence for an option in published mode only', () => {
    const first = { kind: 'choice', options: ['adenocarcinoma', 'lymphoma'], right: 0 };
    const completion = '<think>x</think><answer>A lymphoma</answer>';
    expect(rewardOf('pathoR1Grpo', 'published', completion, { target: first })).toBe(1);
    expect(rewardOf('pathoR1Grpo', 'strict', '<think>x</think><answer>B</answer><answer>A</answer>', { target })).toBe(0);
  });
});
