import { describe, expect, test } from 'vitest';
import { guiPoint, setF1 } from '#training/rewards/guiR1.ts';
import { readLiteral } from '#training/rewards/pythonLiteral.ts';
import { rewardOf, scored } from './score.ts';

const K = '<think>It is there.</think>';
const click = (body: string, box: unknown = [40, 40, 80, 90], action = 'click', text = 'no input text') =>
  scored('guiR1', 'published', body, { target: { action, gt_bbox: box, input_text: text } });
const call = (point: string, action = 'click', text = 'no input text'): string => `[{'action': '${action}', 'point': ${point}, 'input_text': '${text}'}]`;
const answered = (list: string): string => `${K}<answer>${list}</answer>`;

describe('as released', () => {
  test.each([
    ['a point in the box', answered(call('[60, 70]')), 1, 1, 1],
    ['a point on the edge', answered(call('[40, 70]')), 1, 0, 0.2],
    ['double quotes', answered('[{"action": "click", "point": [60, 70], "input_text": "no input text"}]'), 1, 0, 0.2],
    ['no think block', `<answer>${call('[60, 70]')}</answer>`, 0, 1, 0.8],
    ['a line end behind it', `${answered(call('[60, 70]'))}\n`, 0, 1, 0.8],
    ['an empty list', answered('[]'), 1, 0, 0.2],
    ['a decimal point', answered(call('[60.5, 70]')), 0, 0, 0],
  ])('%s', (_, completion, format, accuracy, total) => {
    const { reward, parts } = click(completion);
    expect(parts).toEqual({ accuracy, format });
    expect(reward).toBeCloseTo(total, 12);
  });

  test('the direction of a scroll: capitals break the form and not the likeness', () => {
    expect(click(answered(call('[-100, -100]', 'scroll', 'UP')), [0, 0], 'scroll', 'up')).toEqual({ reward: 0.8, parts: { accuracy: 1, format: 0 } });
  });

  test('a target of one point is hit within 140 pixels', () => {
    expect(click(answered(call('[500, 639]')), [500, 500]).parts?.['accuracy']).toBe(1);
    expect(click(answered(call('[500, 640]')), [500, 500]).parts?.['accuracy']).toBe(0);
  });

  test('a name with a slash is never right', () => {
    expect(click(answered(call('[-100, -100]', 'close/delete')), [0, 0], 'close/delete')).toEqual({ reward: 0.2, parts: { accuracy: 0, format: 1 } });
  });

  test('a place that cannot be read hits the corner, and further actions may follow', () => {
    expect(click(answered('[{\'action\': \'click\', \'point\': (3, 4), \'input_text\': \'no input text\'}]'), [10, 10]).reward).toBe(1);
    expect(click(answered(`${call('[60, 70]').slice(0, -1)}, {'action': 'wipe', 'point': [True, 2, 3], 'input_text': 'x'}]`)).parts).toEqual({ accuracy: 1, format: 1 });
  });

  test('a bad target is wrong, and does not throw', () => {
    for (const target of [null, 'x', { action: 'click' }, { action: 'click', gt_bbox: [1, 2, 3], input_text: '' }, '{"action": "click", "gt_bbox": [1], "input_text": ""}']) {
      expect(rewardOf('guiR1', 'published', answered(call('[1, 2]')), { target })).toBe(0.2);
    }
  });

  test.each([['left upper lobe mass', 'right lower lobe nodule', 0.25], ['up', 'upper', 1], ['', 'a', 1], ['[a] b', 'a c', 0.5], ['a b', '', 0]])('token F1 of %j and %j is %d', (a, b, expected) => {
    expect(setF1(a, b)).toBeCloseTo(a === '' ? 0 : expected, 12);
  });

  test.each([
    ['{ [1, 2] x [3,4] }', 3, 4], ['{ [ 1, 2] }', 0, 0], ['{ [1, 2]', 0, 0], ['[1, 2] }', 0, 0], ['{ [1, 2] }\n{ [5, 6] }', 1, 2], ['{ [1, 2] \n }', 1, 2], ['{ [-1, 2] }', 0, 0],
  ])('the point of %j', (answer, x, y) => expect(guiPoint(answer)).toEqual([x, y]));

  test('long hostile answers are read in time that grows with their length', () => {
    for (const piece of ['{[1,', '[1, 1]', '{\'a\':', '(((', '{ [1,1]\n']) {
      const body = piece.repeat(Math.floor(60_000 / piece.length));
      expect(click(answered(body)).reward).toBeLessThanOrEqual(1);
    }
  });
});

describe('literals', () => {
  test.each(['[1, (2,), {\'a\': "b\\n", 1: None}, -3.5, True]', '()', '(1)', '\'a\' "b"', ' [] '])('%s is one', (text) => expect(readLiteral(text)).not.toBeNull());
  test.each(['1+1', '__import__(\'os\')', '[1', 'a', '{1}', '\'a', '[1,,2]', '01', '', '[]x', '[', '('.repeat(5000), 'lambda: 0'])('%s is none', (text) => expect(readLiteral(text)).toBeNull());
  test('parentheses around one value are no tuple', () => expect(readLiteral('(7)')).toEqual({ kind: 'whole', value: 7 }));
});

describe('strict, in the viewer', () => {
  const size = { width: 200, height: 100 };
  const say = (action: string, point: readonly number[], text: string): string => answered(JSON.stringify([{ action, point, input_text: text }]));
  const none = [-100, -100];
  const blank = 'no input text';
  const parts = (completion: string, target: unknown) => scored('guiR1', 'strict', completion, { target, size }).parts;

  test.each([
    ['scroll into the range', say('scroll_slice', none, '+5'), { action: 'scroll_slice', from: 3, slices: [7, 9] }, 1],
    ['scroll beyond it', say('scroll_slice', none, '=10'), { action: 'scroll_slice', from: 3, slices: [7, 9] }, 0],
    ['one beside a single slice', say('scroll_slice', none, '=8'), { action: 'scroll_slice', from: 3, slices: [7, 7] }, 1],
    ['a preset', say('set_window', none, 'lung'), { action: 'set_window', preset: 'Lung', center: -600, width: 1500 }, 1],
    ['a window near enough', say('set_window', none, '-450/1200'), { action: 'set_window', center: -600, width: 1500 }, 1],
    ['a centre too far', say('set_window', none, '-449/1500'), { action: 'set_window', center: -600, width: 1500 }, 0],
    ['a zoom', say('zoom', [50, 50], '2.5'), { action: 'zoom', factor: 2, box: { x1: 50, y1: 40, x2: 60, y2: 60 } }, 1],
    ['a zoom elsewhere', say('zoom', [49, 50], '2.0'), { action: 'zoom', factor: 2, box: { x1: 50, y1: 40, x2: 60, y2: 60 } }, 0],
    ['a pan', say('pan', none, '40,0'), { action: 'pan', region: { x1: 120, y1: 10, x2: 130, y2: 20 }, view: { x1: 0, y1: 0, x2: 100, y2: 50 } }, 1],
    ['a level', say('set_level', [5, 5], '20x'), { action: 'set_level', magnification: 20 }, 1],
    ['another level', say('set_level', [5, 5], '10x'), { action: 'set_level', magnification: 20 }, 0],
    ['a place in the box, on its edge', say('point', [10, 10], blank), { action: 'point', box: { x1: 10, y1: 10, x2: 20, y2: 20 } }, 1],
    ['a place in a mask', say('point', [12, 10], blank), { action: 'point', spans: [[10, 12, 15]] }, 1],
    ['a place beside a pixel', say('point', [14, 10], blank), { action: 'point', at: { x: 10, y: 10 } }, 1],
    ['a box', say('box', [10, 10], '20,20'), { action: 'box', box: { x1: 10, y1: 10, x2: 20, y2: 30 } }, 1],
    ['a length, ends turned round', say('measure', [60, 10], '10,10'), { action: 'measure', from: { x: 10, y: 11 }, to: { x: 61, y: 10 } }, 1],
    ['a length of another size', say('measure', [10, 10], '55,10'), { action: 'measure', from: { x: 10, y: 10 }, to: { x: 60, y: 10 } }, 0],
    ['a series', say('select_series', none, '2'), { action: 'select_series', key: '2' }, 1],
    ['the end', say('finish', none, blank), { action: 'finish' }, 1],
    ['a letter', say('answer', none, '(b)'), { action: 'answer', letter: 'B' }, 1],
    ['a text', say('answer', none, 'the left lung'), { action: 'answer', text: 'left lung' }, 1],
  ])('%s', (_, completion, target, accuracy) => expect(parts(completion, target)).toEqual({ accuracy, format: 1 }));

  test.each([
    ['another name', say('delete_study', none, blank)], ['no point where there must be one', say('zoom', none, '2.0')], ['a point outside the picture', say('point', [201, 5], blank)],
    ['two actions', answered('[{"action":"finish","point":[-100,-100],"input_text":"no input text"},{"action":"finish","point":[-100,-100],"input_text":"no input text"}]')],
    ['an empty list', answered('[]')], ['Python quotes', answered(call('[-100, -100]', 'finish'))], ['no think block', '<answer>[]</answer>'],
  ])('%s earns nothing', (_, completion) => expect(parts(completion, { action: 'finish' })).toEqual({ accuracy: 0, format: 0 }));

  test('blanks around it are forgiven', () => expect(parts(` ${say('finish', none, blank)}\n`, { action: 'finish' })).toEqual({ accuracy: 1, format: 1 }));

  test('a target that is no action is refused', () => {
    for (const target of [null, 'finish', { action: 'click' }, { action: 'box' }, { action: 'scroll_slice', from: 1, slices: [1] }]) {
      expect(() => parts(say('finish', none, blank), target)).toThrow(expect.objectContaining({ code: 'reward.row' }));
    }
    expect(() => scored('guiR1', 'strict', say('finish', none, blank), { target: { action: 'finish' } })).toThrow(expect.objectContaining({ code: 'reward.row' }));
  });
});
