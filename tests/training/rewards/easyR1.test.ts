import { describe, expect, it } from 'vitest';
import { normaliseDapo } from '#training/rewards/easyR1.ts';
import { rewardOf, scored } from './score.ts';

/** Completion, truth, OpenVLThinker, EasyR1 r1v; as the released functions gave them. */
const executed: readonly (readonly [string, string, number, number])[] = [
  ['<think>x</think> The lesion fits. <answer>C</answer>', 'C', 1, 0.5],
  ['<think>x</think><answer>C</answer>', 'C', 0.5, 1],
  ['<think>x</think> ok <answer>c</answer>', 'C', 1, 0.5],
  ['<think>x</think> ok <answer>(C)</answer>', 'C', 1, 0.5],
  ['<think>x</think> ok <answer>A</answer>', 'C', 0, 0],
  ['<think>x</think> ok <answer>\nC</answer>', 'C', 0, 0],
  ['C', 'C', 1, 0.5],
  ['<think>x</think> ok <answer>3/6</answer>', '1/2', 0, 0],
  ['<think>x</think> ok <answer>0.25</answer>', '1/4', 1, 0.5],
];

describe('OpenVLThinker and EasyR1 r1v, published', () => {
  it.each(executed)('%j for %s earns %d and %d', (completion, target, total, stock) => {
    expect(rewardOf('openVlThinkerR1v', 'published', completion, { target })).toBe(total);
    expect(rewardOf('easyR1R1v', 'published', completion, { target })).toBe(stock);
  });

  it('log the format that OpenVLThinker does not add', () => {
    expect(scored('openVlThinkerR1v', 'published', '<think>x</think><answer>C</answer>', { target: 'C' }).parts).toEqual({ accuracy: 0.5, format: 1 });
  });

  it('write a gold out as the release has it', () => {
    const target = { kind: 'choice', options: ['a', 'b', 'c'], right: 2 };
    expect(rewardOf('easyR1R1v', 'published', '<think>x</think><answer>C</answer>', { target })).toBe(1);
  });
});

describe('OpenVLThinker and EasyR1 r1v, strict', () => {
  const target = { kind: 'choice', options: ['cyst', 'abscess', 'tumour'], right: 2 };

  it('pay the answer within its blocks, across lines, and nothing without them', () => {
    expect(rewardOf('easyR1R1v', 'strict', '<think>x</think><answer>\nC</answer>', { target })).toBe(1);
    expect(rewardOf('easyR1R1v', 'strict', 'C', { target })).toBe(0);
    expect(rewardOf('easyR1R1v', 'strict', '<think>x</think><answer>C</answer><answer>A</answer>', { target })).toBe(0);
    expect(rewardOf('openVlThinkerR1v', 'strict', '<think>x</think><answer>C</answer>', { target })).toBe(1);
    expect(rewardOf('openVlThinkerR1v', 'strict', '<think>x</think> ok <answer>\nC</answer>', { target })).toBe(1);
    expect(rewardOf('openVlThinkerR1v', 'strict', 'C', { target })).toBe(0);
    expect(rewardOf('openVlThinkerR1v', 'strict', '<think>x</think><answer>A</answer><answer>C</answer>', { target })).toBe(0);
  });

  it('add a tenth for words that lead to a right answer, and never to a wrong one', () => {
    const words = ' The rim enhances and the centre does not. ';
    expect(rewardOf('openVlThinkerR1v', 'strict', `<think>x</think>${words}<answer>C</answer>`, { target })).toBeCloseTo(1.1, 12);
    expect(rewardOf('openVlThinkerR1v', 'strict', `<think>x</think>${words}<answer>A</answer>`, { target })).toBe(0);
  });

  it('know that 3/6 is 1/2', () => {
    expect(rewardOf('openVlThinkerR1v', 'strict', '<think>x</think> ok <answer>3/6</answer>', { target: '1/2' })).toBe(1);
  });
});

describe('EasyR1 math', () => {
  it('mixes 0.9 and 0.1 in both modes', () => {
    for (const mode of ['published', 'strict'] as const) {
      expect(rewardOf('easyR1Math', mode, '<think>x</think> so \\boxed{\\frac{1}{2}}', { target: '1/2' })).toBeCloseTo(1, 12);
      expect(rewardOf('easyR1Math', mode, '<think>x</think> so \\boxed{2}', { target: '1/2' })).toBeCloseTo(0.1, 12);
      expect(rewardOf('easyR1Math', mode, 'nothing', { target: '1/2' })).toBe(0);
    }
  });

  it('pays a box within the reasoning in published mode only', () => {
    const completion = '<think>first \\boxed{5}</think> I am not sure.';
    expect(rewardOf('easyR1Math', 'published', completion, { target: '5' })).toBeCloseTo(0.9, 12);
    expect(rewardOf('easyR1Math', 'strict', completion, { target: '5' })).toBe(0);
  });

  it('drops blanks around angle brackets first, as the release does', () => {
    expect(rewardOf('easyR1Math', 'published', ' < think > x < / think > \\boxed{5}', { target: '5' })).toBeCloseTo(1, 12);
  });
});

describe('EasyR1 dapo', () => {
  const length = { tokens: 700, maxTokens: 1024, bufferTokens: 256 };

  it('pays plus or minus one, less the soft overlong punishment', () => {
    expect(rewardOf('easyR1Dapo', 'published', 'So.\nAnswer: 12', { target: '12', ...length })).toBe(1);
    expect(rewardOf('easyR1Dapo', 'published', 'So.\nanswer : 13', { target: '12', ...length })).toBe(-1);
    expect(rewardOf('easyR1Dapo', 'published', 'Answer: 12', { target: '12', ...length, tokens: 896 })).toBe(0.5);
    expect(rewardOf('easyR1Dapo', 'published', 'Answer: 12', { target: '12', ...length, tokens: 1100, overlongFactor: 0.5 })).toBe(0.5);
  });

  it('looks at the last match within the last 300 characters', () => {
    expect(rewardOf('easyR1Dapo', 'published', `Answer: 12${' x'.repeat(200)}`, { target: '12', ...length })).toBe(-1);
    expect(rewardOf('easyR1Dapo', 'published', 'Answer: 11\nAnswer: 12', { target: '12', ...length })).toBe(1);
  });

  it('normalises as the release does', () => {
    expect(normaliseDapo('x = $\\frac12$')).toBe('\\frac{1}{2}');
    expect(normaliseDapo('1,234 dollars')).toBe('1234');
    expect(normaliseDapo('the issue')).toBe('theis');
    expect(normaliseDapo('\\boxed{\\text{an owl}}')).toBe('owl');
    expect(normaliseDapo('so $a+b$ and $c$')).toBe('a+b');
  });

  it('asks for one stated answer in strict mode and compares by meaning', () => {
    expect(rewardOf('easyR1Dapo', 'strict', '<think>x</think><answer>0.5</answer>', { target: '1/2', ...length })).toBe(1);
    expect(rewardOf('easyR1Dapo', 'strict', 'So.\nAnswer: 0.5', { target: '1/2', ...length })).toBe(1);
    expect(rewardOf('easyR1Dapo', 'strict', 'Answer: 0.5 perhaps\nor not', { target: '1/2', ...length })).toBe(-1);
    expect(rewardOf('easyR1Dapo', 'strict', '<think>x</think><answer>1/2</answer>', { target: '1/2', ...length, finished: false })).toBe(0);
  });

  it('asks for the lengths that it reads', () => {
    expect(() => rewardOf('easyR1Dapo', 'published', 'Answer: 1', { target: '1' })).toThrow(expect.objectContaining({ code: 'reward.row' }));
  });
});
