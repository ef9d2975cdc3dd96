import { describe, expect, it } from 'vitest';
import { rewardOf, scored } from './score.ts';

const modes = ['published', 'strict'] as const;
const waits = (count: number): string => 'Wait, again. '.repeat(count);

describe('VL-Rethinker', () => {
  /** Completion, further fields, and what both modes pay for the truth B. */
  const rows: readonly (readonly [string, Readonly<Record<string, unknown>>, number])[] = [
    [`${waits(0)}\\boxed{B}`, { finished: true }, 1],
    [`${waits(1)}\\boxed{B}`, { finished: true }, 1.1],
    [`${waits(2)}\\boxed{B}`, { finished: true }, 1.1],
    [`${waits(3)}\\boxed{B}`, { finished: true }, 0.4],
    [`${waits(6)}\\boxed{B}`, { finished: true }, -0.1],
    ['\\boxed{B}', { finished: false }, -0.1],
    ['\\boxed{A}', { finished: true }, 0],
    [`${waits(1)}\\boxed{B}`, { finished: true, rethought: true }, 1],
  ];
  it.each(rows)('pays %j with %j by %d in both modes', (completion, fields, expected) => {
    for (const mode of modes) expect(rewardOf('vlRethinker', mode, completion, { target: 'B', ...fields })).toBeCloseTo(expected, 12);
  });

  it('reads the end token where the row does not say whether it ended', () => {
    expect(rewardOf('vlRethinker', 'published', '\\boxed{B}<|im_end|>', { target: 'B' })).toBe(1);
    expect(rewardOf('vlRethinker', 'published', '\\boxed{B}', { target: 'B' })).toBeCloseTo(-0.1, 12);
  });

  it('overwrites the missing end by the bonus in published mode only', () => {
    const row = { target: 'B', finished: false };
    expect(rewardOf('vlRethinker', 'published', `${waits(1)}\\boxed{B}`, row)).toBe(1.1);
    expect(rewardOf('vlRethinker', 'strict', `${waits(1)}\\boxed{B}`, row)).toBe(-0.1);
  });

  const passes: readonly (readonly [string, string])[] = [['\\boxed{Benign}', 'B'], ['\\boxed{AB}', 'A'], ['\\boxed{B', 'B'], ['it is boxed B', 'B']];
  it.each(passes)('lets %s pass for %s in published mode only', (completion, target) => {
    expect(rewardOf('vlRethinker', 'published', completion, { target, finished: true })).toBe(1);
    expect(rewardOf('vlRethinker', 'strict', completion, { target, finished: true })).toBeLessThanOrEqual(0);
  });

  it('throws without a box in published mode, as the release does, and calls it invalid in strict mode', () => {
    expect(() => rewardOf('vlRethinker', 'published', 'B', { target: 'B', finished: true })).toThrow(expect.objectContaining({ code: 'reward.throws' }));
    expect(rewardOf('vlRethinker', 'strict', 'B', { target: 'B', finished: true })).toBe(-0.1);
  });

  it('compares other answers as mathematics', () => {
    for (const mode of modes) {
      expect(rewardOf('vlRethinker', mode, '\\boxed{\\dfrac{2}{4}}', { target: '0.5', finished: true })).toBe(1);
      expect(rewardOf('vlRethinker', mode, '\\boxed{7}', { target: '8', finished: true })).toBe(0);
    }
    expect(scored('vlRethinker', 'published', '\\boxed{7', { target: '8', finished: true }).parts).toEqual({ correctness: -1, valid: 1 });
  });

  it('takes the letter followed by a stop, a bracket or a colon, and an answer block, in strict mode', () => {
    for (const answer of ['\\boxed{B. cyst}', '\\boxed{B) cyst}', '\\boxed{B: cyst}', '<think>x</think><answer>B</answer>']) {
      expect(rewardOf('vlRethinker', 'strict', answer, { target: 'B', finished: true })).toBe(1);
    }
  });
});
