import { describe, expect, it } from 'vitest';
import { rewardOf } from './score.ts';

describe('the mathematical answer', () => {
  /** Completion, target, published, strict. */
  const rows: readonly (readonly [string, unknown, number, number])[] = [
    ['<think>x</think>\\boxed{\\frac{1}{2}}', '0.5', 1, 1],
    ['\\boxed{3/6}', '1/2', 0, 1],
    ['\\boxed{50%}', '50', 1, 0],
    ['\\boxed{no}', 'on', 1, 0],
    ['\\boxed{5 mm}', '5 cm', 0, 0],
    ['\\boxed{5 cm}', '5 meter', 1, 0],
    ['<think>x</think><answer>\\boxed{\\{1,2\\}}</answer>', '\\{2,1\\}', 0, 1],
    ['<think>x</think><answer>7.25</answer>', { kind: 'number', value: 7.2, tolerance: 0.1 }, 0, 1],
    ['<think>so \\boxed{4}', '4', 1, 0],
    ['\\boxed{x^2+2x+1}', '(x+1)^2', 1, 1],
    ['none', 'none', 1, 0],
    ['<think>x</think><answer>-5</answer>', '5', 0, 0],
  ];
  it.each(rows)('%s for %j earns %d published and %d strict', (completion, target, published, strict) => {
    expect(rewardOf('mathExpression', 'published', completion, { target })).toBe(published);
    expect(rewardOf('mathExpression', 'strict', completion, { target })).toBe(strict);
  });
});
