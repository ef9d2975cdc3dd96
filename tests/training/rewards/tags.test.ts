import { describe, expect, test } from 'vitest';
import { allBlocks, fences, firstBlock, isThinkAnswer, lastBlock, standInOrder, strictBlocks, strictThinkAnswer } from '#training/rewards/tags.ts';

describe('blocks as a pattern finds them', () => {
  test('the first one ends at the nearest closing tag', () => {
    expect(firstBlock('<answer>a<answer>b</answer>c</answer>')).toBe('a<answer>b');
    expect(firstBlock('</answer><answer>a')).toBeNull();
    expect(firstBlock('<think>a</think>', { tag: 'think' })).toBe('a');
  });
  test('within one line a block that crosses lines is passed over', () => {
    expect(firstBlock('<answer>a\n</answer><answer>b</answer>', { acrossLines: false })).toBe('b');
    expect(firstBlock('<answer>\n<answer>b</answer>', { acrossLines: false })).toBe('b');
  });
  test('all of them follow one another', () => {
    expect(allBlocks('<answer>a</answer> <answer>b</answer></answer>')).toEqual(['a', 'b']);
    expect(lastBlock('<answer>a</answer><answer>b')).toBe('a');
    expect(fences('```json\n[1]\n``` ```json [2]```')).toEqual(['\n[1]\n', ' [2]']);
  });
  test('a full match holds only from the first character to the last', () => {
    expect(isThinkAnswer('<think>\n</think>\x1c<answer></answer>')).toBe(true);
    expect(isThinkAnswer('<think></think><answer></think></answer>')).toBe(true);
    expect(isThinkAnswer('<think></think><answer>')).toBe(false);
    expect(isThinkAnswer('<think></think></answer>')).toBe(false);
  });
  test('parts in order need not touch', () => {
    expect(standInOrder('a1b22c', ['a', /\d+/, 'b', /\d+/, 'c'])).toBe(true);
    expect(standInOrder('a1bc', ['a', /\d+/, 'b', /\d+/, 'c'])).toBe(false);
  });
});

describe('strict blocks', () => {
  test('are at most one thought and exactly one answer', () => {
    expect(strictBlocks(' <think> a </think>\n<answer> b </answer>\n')).toEqual({ think: 'a', answer: 'b' });
    expect(strictBlocks('<answer>b</answer>')).toEqual({ think: null, answer: 'b' });
  });
  test.each([
    'b', '<answer>b', '<answer>b</answer>c', 'a<answer>b</answer>', '<think>a</think>c<answer>b</answer>', '<answer>b</answer><think>a</think>',
    '<think>a</think><think>a</think><answer>b</answer>', '<think>a<answer>b</answer></think>', '<answer>b</answer><answer>b</answer>',
    '<think>a<answer>b</answer>',
    '</think><think><answer>b</answer>', '</answer><answer>',
  ])('are not %j', (completion) => expect(strictBlocks(completion)).toBeNull());
  test('need a thought that says something where one is asked for', () => {
    expect(strictThinkAnswer('<think> </think><answer>b</answer>')).toBeNull();
    expect(strictThinkAnswer('<think>a</think><answer></answer>')).toEqual({ think: 'a', answer: '' });
  });
});

test('hostile completions are read in linear time', () => {
  const before = process.cpuUsage().user;
  for (const piece of ['<answer>', '<answer>\n', '</think>', '</think><answer>', '<think></think><answer>', '```json', '</think> ']) {
    const text = `<think>${piece.repeat(8000)}`.slice(0, 65_000);
    for (const completion of [text, `${text}</answer>`]) {
      firstBlock(completion, { acrossLines: false });
      allBlocks(completion);
      fences(completion);
      isThinkAnswer(completion);
      strictBlocks(completion);
    }
  }
  expect((process.cpuUsage().user - before) / 1000).toBeLessThan(10_000);
});
