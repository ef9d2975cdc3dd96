import { describe, expect, it } from 'vitest';
import { rewardOf } from './score.ts';

const modes = ['published', 'strict'] as const;

describe('Skywork-R1V3', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['<think>x</think>\\boxed{B}', 1], ['<think>x</think>\\boxed{C}', 0.2], ['\\boxed{B}', 0.8], ['B', 0],
  ];
  it.each(rows)('pays %s for B with %d in both modes', (completion, expected) => {
    for (const mode of modes) expect(rewardOf('skyworkR1V3', mode, completion, { target: 'B' })).toBeCloseTo(expected, 12);
  });

  /** Completion, target, the accuracy that the released rule gives and the one that strict mode gives. */
  const holes: readonly (readonly [string, string, number, number])[] = [
    ['\\boxed{\\frac{3}{4}}', '\\frac{3}{4}', 0, 1],
    ['\\boxed{B. Pneumothorax}', 'B', 0, 1],
    ['\\boxed{0.75}', '3/4', 0, 1],
    ['\\boxed{\\sqrt2}', '2', 1, 0],
    ['\\boxed{ b }', 'B', 1, 0],
    ['\\boxed{A}\\boxed{B}', 'B', 1, 1],
  ];
  it.each(holes)('%s for %s: the rule says %d, strict mode %d', (completion, target, published, strict) => {
    expect(rewardOf('skyworkR1V3', 'published', `<think>x</think>${completion}`, { target })).toBeCloseTo(0.2 + 0.8 * published, 12);
    expect(rewardOf('skyworkR1V3', 'strict', `<think>x</think>${completion}`, { target })).toBeCloseTo(0.2 + 0.8 * strict, 12);
  });

  it('takes an empty box for an empty solution in published mode, and refuses such a target in strict mode', () => {
    expect(rewardOf('skyworkR1V3', 'published', '\\boxed{}', { target: '' })).toBeCloseTo(0.8, 12);
    expect(() => rewardOf('skyworkR1V3', 'strict', '\\boxed{1}', { target: '' })).toThrow(expect.objectContaining({ code: 'reward.row' }));
    expect(rewardOf('skyworkR1V3', 'strict', '\\boxed{}', { target: '1' })).toBe(0);
  });

  it('wants each tag once for the format', () => {
    for (const mode of modes) expect(rewardOf('skyworkR1V3', mode, '<think>x</think><think>y</think>\\boxed{C}', { target: 'B' })).toBe(0);
  });
});
