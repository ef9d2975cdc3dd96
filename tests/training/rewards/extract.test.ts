import { describe, expect, test } from 'vitest';
import { answerOf, boxAnswerOf, boxesIn, normalise } from '#training/rewards/extract.ts';

describe('the answer of a completion', () => {
  const check = (completion: string, answer: string): void => expect(answerOf(completion)).toBe(answer);
  test('stands between the last answer tags', () => check('<answer>A</answer> no: <answer> B </answer> text', 'B'));
  test('may be cut off', () => check('<think>x</think><answer>glio', 'glio'));
  test('follows "Answer:" where there are no tags', () => check('I think.\nanswer: C\nBye', 'C'));
  test('is otherwise the last line', () => check('First.\n\nglioma\n\n', 'glioma'));
  test('is never taken from a thought that did not end', () => check('<think>\nIt is a glioma', ''));
  test('is what follows the thought', () => check('<think>no</think>\nyes', 'yes'));
});

describe('boxes in a text', () => {
  test('are read with their labels', () => {
    expect(boxesIn('[{"bbox_2d":[1,2,3,4],"label":"a"},{"bbox_2d": [5, 6, 7.5, 8], "label": "b"}]')).toEqual([
      { label: 'a', box: { x1: 1, y1: 2, x2: 3, y2: 4 } }, { label: 'b', box: { x1: 5, y1: 6, x2: 7.5, y2: 8 } },
    ]);
  });
  test('are read from a list that was cut off', () => expect(boxesIn('[{"bbox_2d":[1,2,3,4],"label":"a"},{"bbox_2d":[5,6').map(({ label }) => label)).toEqual(['a']));
  test('without a label of their own have none', () => expect(boxesIn('[1,2,3,4] and [[5,6,7,8]]').map(({ label }) => label)).toEqual(['', '']));
  test('turned inside out, or of three or five numbers, are dropped', () => expect(boxesIn('[5,5,1,1] [1,2,3] [1,2,3,4,5] [a,b,c,d] [1,1,1,9]')).toEqual([]));
  test('are at most 64', () => expect(boxesIn('[1,2,3,4]'.repeat(100)).length).toBe(64));
  test('are looked for in the whole text where there is no answer tag', () => {
    expect(boxesIn(boxAnswerOf('```json\n[{"bbox_2d":[1,2,3,4],"label":"a"}]\n```'))).toHaveLength(1);
    expect(boxesIn(boxAnswerOf('<think>[9,9,10,10]</think>\n[1,2,3,4]'))).toHaveLength(1);
  });
});

test('text is compared without case, punctuation, underscores or American spelling', () => {
  expect(normalise('Pituitary_Tumor.')).toBe('pituitary tumour');
  expect(normalise('  sub-dural   HEMORRHAGE! ')).toBe('sub dural haemorrhage');
  expect(normalise('3.5 mm, 12%')).toBe('3.5 mm 12%');
});
