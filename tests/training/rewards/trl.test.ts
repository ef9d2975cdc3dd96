import { describe, expect, it } from 'vitest';
import { repetition } from '#training/rewards/trl.ts';
import { rewardOf } from './score.ts';

describe('TRL think format', () => {
  const rows: readonly (readonly [string, number, number])[] = [
    ['<think>\nThis is my reasoning.\n</think>\nThis is my answer.', 1, 1],
    ['<think>\nThis is my reasoning.\nThis is my answer.', 0, 0],
    ['<think>a</think><think>b</think>c', 0, 0],
    ['<think></think>', 1, 0],
    [' <think>a</think>b', 0, 1],
    ['<think>a</think>b</think>c', 1, 0],
    ['a\n<think>b</think>c', 0, 0],
  ];
  it.each(rows)('%j earns %d published and %d strict', (completion, published, strict) => {
    expect(rewardOf('trlThinkFormat', 'published', completion)).toBe(published);
    expect(rewardOf('trlThinkFormat', 'strict', completion)).toBe(strict);
  });
});

describe('TRL accuracy', () => {
  const third = { target: '\\frac{1}{3}' };

  it('compares the boxed answer with the gold', () => {
    expect(rewardOf('trlAccuracy', 'published', 'My answer is \\boxed{\\frac{1}{3}}', third)).toBe(1);
    expect(rewardOf('trlAccuracy', 'published', 'My answer is \\boxed{\\frac{1}{2}}', third)).toBe(0);
    expect(rewardOf('trlAccuracy', 'published', 'The final answer is $\\frac{2}{6}$', third)).toBe(1);
    expect(rewardOf('trlAccuracy', 'published', 'My answer is 1/3', third)).toBe(0);
    expect(rewardOf('trlAccuracy', 'published', '\\boxed{0.333333}', third)).toBe(1);
  });

  it('leaves out a gold that is no mathematics, which strict mode does not', () => {
    expect(rewardOf('trlAccuracy', 'published', '\\boxed{A}', { target: 'A' })).toBeNull();
    expect(rewardOf('trlAccuracy', 'strict', '\\boxed{A}', { target: 'A' })).toBe(1);
    expect(rewardOf('trlAccuracy', 'strict', '<think>x</think><answer>A. cyst</answer>', { target: { kind: 'choice', options: ['cyst', 'scar'], right: 0 } })).toBe(1);
    expect(rewardOf('trlAccuracy', 'published', '\\boxed{A}', { target: '$A$' })).toBe(1);
  });

  it('looks past the reasoning where it is told to', () => {
    const inside = '<think> partial \\boxed{\\frac{1}{3}}';
    expect(rewardOf('trlReasoningAccuracy', 'published', `${inside} </think> The final answer is \\boxed{\\frac{1}{3}}`, third)).toBe(1);
    expect(rewardOf('trlReasoningAccuracy', 'published', `${inside} </think> The final answer is \\boxed{\\frac{1}{2}}`, third)).toBe(0);
    expect(rewardOf('trlReasoningAccuracy', 'published', `${inside} but no final answer`, third)).toBe(0);
    expect(rewardOf('trlReasoningAccuracy', 'strict', `${inside} </think> nothing`, third)).toBe(0);
  });
});

describe('TRL cosine', () => {
  const rows: readonly (readonly [string, number, number])[] = [
    ['\\boxed{5}', 0, 1], ['\\boxed{5}', 50, 0.75], ['\\boxed{5}', 100, 0.5], ['\\boxed{5}', 250, 0.5], ['\\boxed{6}', 0, -1],
    ['\\boxed{6}', 50, -0.75], ['\\boxed{6}', 100, -0.5], ['\\boxed{6}', 250, -0.5],
  ];
  it.each(rows)('%s at %d of 100 tokens earns %d in both modes', (completion, tokens, expected) => {
    expect(rewardOf('trlCosine', 'published', completion, { target: '5', tokens, maxTokens: 100 })).toBeCloseTo(expected, 12);
    expect(rewardOf('trlCosine', 'strict', completion, { target: '5', tokens, maxTokens: 100 })).toBeCloseTo(expected, 12);
  });

  it('is silent where the gold is no mathematics, and in strict mode never pays a completion that was cut', () => {
    expect(rewardOf('trlCosine', 'published', '\\boxed{A}', { target: 'A', tokens: 5, maxTokens: 100 })).toBeNull();
    expect(rewardOf('trlCosine', 'strict', '\\boxed{6}', { target: '5', tokens: 100, maxTokens: 100, finished: false })).toBe(-1);
  });
});

describe('TRL repetition', () => {
  it('is minus the share of repeated n-grams', () => {
    expect(repetition([1, 2, 3, 4], 2)).toBe(0);
    expect(repetition([5, 5, 5, 5, 5], 2)).toBe(-0.75);
    expect(rewardOf('trlRepetition', 'published', 'x', { tokenIds: [5, 5, 5, 5, 5], ngram: 2 })).toBe(-0.75);
    expect(rewardOf('trlRepetition', 'published', 'x', { tokenIds: [5, 5, 5, 5, 5] })).toBeCloseTo(-2 / 3, 12);
    expect(rewardOf('trlRepetition', 'published', 'x', { tokenIds: [5, 5] })).toBe(0);
    expect(rewardOf('trlRepetition', 'strict', 'The lung the lung the lung')).toBe(-0.5);
  });

  it('asks for token ids in published mode', () => {
    expect(() => rewardOf('trlRepetition', 'published', 'a b c')).toThrow(expect.objectContaining({ code: 'reward.row' }));
  });
});

describe('soft overlong punishment', () => {
  const rows: readonly (readonly [number, number, number])[] = [[700, 0, 0], [768, 0, 0], [896, -0.5, -0.5], [1000, -0.90625, -0.90625], [1024, -1, -1], [1100, -1, -1.296875]];
  it.each(rows)('of %d tokens, limit 1024 and buffer 256, is %d in TRL and %d in verl', (tokens, trl, verl) => {
    const fields = { tokens, maxTokens: 1024, bufferTokens: 256 };
    expect(rewardOf('trlSoftOverlong', 'published', 'x', fields)).toBeCloseTo(trl, 12);
    expect(rewardOf('verlSoftOverlong', 'published', 'x', fields)).toBeCloseTo(verl, 12);
    expect(rewardOf('verlSoftOverlong', 'strict', 'x', fields)).toBeCloseTo(trl, 12);
  });

  it('has the values of the DAPO paper and of TRL\'s own example', () => {
    expect(rewardOf('trlSoftOverlong', 'published', 'x', { tokens: 18_432, maxTokens: 20_480, bufferTokens: 4096 })).toBe(-0.5);
    expect(rewardOf('trlSoftOverlong', 'published', 'x', { tokens: 18_432, maxTokens: 20_480 })).toBe(-0.5);
    expect(rewardOf('trlSoftOverlong', 'published', 'x', { tokens: 90, maxTokens: 100, bufferTokens: 20 })).toBe(-0.5);
    expect(rewardOf('trlSoftOverlong', 'published', 'x', { tokens: 100, maxTokens: 100, bufferTokens: 0 })).toBe(0);
  });
});
