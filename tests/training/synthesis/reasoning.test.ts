import { expect, test } from 'vitest';
import { boxList, completionOf, conclude, listed, observe } from '#training/synthesis/reasoning.ts';

const lung = { label: 'right lung', box: { x1: 12, y1: 30, x2: 100, y2: 180 } };

test('a completion has one step per line, with the boxes it cites at the end of the line', () => {
  expect(completionOf([observe('the lung is in view', [lung]), conclude('that is option B')], 'B')).toBe([
    '<think>', 'Observation: The lung is in view. [{"bbox_2d":[12,30,100,180],"label":"right lung"}]', 'Conclusion: That is option B.', '</think>', '<answer>B</answer>',
  ].join('\n'));
});

test('without steps the answer stands alone', () => expect(completionOf([], 'yes')).toBe('<answer>yes</answer>'));
test('no box is an empty list', () => expect(boxList([])).toBe('[]'));
test('words are joined as people do', () => expect([['a'], ['a', 'b'], ['a', 'b', 'c']].map((words) => listed(words))).toEqual(['a', 'a and b', 'a, b and c']));
