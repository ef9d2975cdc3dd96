import { describe, expect, test } from 'vitest';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import { plusOneIou } from '#training/rewards/geometry.ts';
import { cleanText, extractChoice } from '#training/rewards/vlmR1Text.ts';
import type { RewardMode, RewardRow } from '#training/rewards/reward.ts';

const T = '<think>x</think>';
const score = (name: string, mode: RewardMode, completion: string, target?: unknown, extra: Partial<RewardRow> = {}): number | null => (
  scoreRow(findReward(name), mode, { completion, target, ...extra }).reward
);
const answered = (answer: string): string => `${T}<answer>${answer}</answer>`;

test.each([
  [[20, 20, 60, 60], [40, 20, 80, 60], 0.333333], [[0, 0, 50, 50], [49, 49, 90, 90], 0], [[0, 0, 50, 50], [48, 48, 90, 90], 0.000938967],
  [[100, 100, 164, 164], [108, 100, 172, 164], 0.777778], [[0, 0, 1, 1], [0, 0, 1, 1], 0],
] as const)('the plus-one IoU of %j and %j is %d', (a, b, expected) => expect(plusOneIou(a, b)).toBeCloseTo(expected, 6));

test('two boxes without area have no plus-one IoU', () => expect(plusOneIou([5, 5, 5, 5], [5, 5, 5, 5])).toBeNull());

describe('a referred box, as released', () => {
  const braces = (corners: string): string => answered(`{"bbox_2d": ${corners}}`);
  const [file, grid] = [{ width: 560, height: 420 }, [1, 30, 40]];
  test.each([
    [braces('[59, 84, 206, 224]'), { width: 800, height: 600 }, [1, 30, 42], [80, 120, 280, 320], 0.997283],
    [answered('{[81,118,284,314]}'), { width: 800, height: 600 }, [1, 42, 58], [80, 120, 280, 320], 0.99397],
    [braces('["56",84,196,224]'), file, grid, [56, 84, 196, 224], 0],
    [answered('(56,84),(196,224)'), file, grid, [56, 84, 196, 224], 0],
    [answered('[60,84,196,224]'), file, grid, [56, 84, 196, 224], 0.971429],
    [answered('[56 ,84,196,224]'), file, grid, [56, 84, 196, 224], 0],
    [answered('[56.0,84,196,224]'), file, grid, [56, 84, 196, 224], 0],
    [answered('[196,224,56,84]'), file, grid, [56, 84, 196, 224], 0],
    ['[56,84,196,224]', file, grid, [56, 84, 196, 224], 0],
    ['<answer>[56,84,196,224]', file, grid, [56, 84, 196, 224], 0],
    [`<answer>none</answer>${answered('[56,84,196,224]')}`, file, grid, [56, 84, 196, 224], 0],
    [answered('[56,84,196,224] or [0,0,9,9]'), file, grid, '[56, 84, 196, 224]', 1],
    [answered(`[${'9'.repeat(400)},84,196,224]`), file, grid, [56, 84, 196, 224], 0],
  ])('%s scores as the original', (completion, size, cells, target, expected) => {
    expect(score('vlmR1Iou', 'published', completion, target, { size, grid: cells })).toBeCloseTo(expected, 6);
  });

  test('a solution that is not JSON ends the run', () => {
    expect(() => score('vlmR1Iou', 'published', answered('[1,2,3,4]'), 'somewhere')).toThrow(expect.objectContaining({ code: 'reward.throws' }));
    expect(score('vlmR1Iou', 'published', answered('[1,2,3,4]'), '{"box": 1}')).toBe(0);
  });

  test('the grid and the size have to make sense', () => {
    expect(() => score('vlmR1Iou', 'published', answered('[1,2,3,4]'), [1, 2, 3, 4], { grid: [1, 0] })).toThrow('grid');
    expect(() => score('vlmR1Iou', 'published', answered('[1,2,3,4]'), [1, 2, 3, 4], { grid: [1, 2, 2] })).toThrow('size');
  });
});

describe('a referred box, strictly', () => {
  const gold = { kind: 'boxes', boxes: [{ label: 'nodule', box: { x1: 10, y1: 10, x2: 20, y2: 20 } }], matchLabels: false };
  const entry = (corners: readonly number[]): string => JSON.stringify({ bbox_2d: corners, label: 'nodule' });
  test('earns its plain IoU, a single pixel of overlap included', () => {
    expect(score('vlmR1Iou', 'strict', answered(entry([10, 10, 20, 20])), gold)).toBe(1);
    expect(score('vlmR1Iou', 'strict', answered(`[${entry([19, 19, 29, 29])}]`), gold)).toBeCloseTo(1 / 199, 9);
  });
  test('earns nothing beside a second box, without a think block, or reversed', () => {
    for (const completion of [answered(`[${entry([10, 10, 20, 20])},${entry([0, 0, 5, 5])}]`), `<answer>${entry([10, 10, 20, 20])}</answer>`,
      answered(entry([20, 20, 10, 10])), answered('None')]) {
      expect(score('vlmR1Iou', 'strict', completion, gold)).toBe(0);
    }
  });
  test('does not apply where there is not one box to be found', () => {
    for (const boxes of [[], [gold.boxes[0], gold.boxes[0]]]) expect(score('vlmR1Iou', 'strict', answered(entry([10, 10, 20, 20])), { ...gold, boxes })).toBeNull();
  });
  test('is measured in the file where the row names input and file', () => {
    const extra = { size: { width: 100, height: 100 }, input: { width: 200, height: 50 } };
    expect(score('vlmR1Iou', 'strict', answered(entry([20, 5, 40, 10])), gold, extra)).toBe(1);
  });
});

describe('the formats', () => {
  test.each([
    ['<think>a</think><answer>b</answer>', 1], ['<think>a</think><answer>b</answer> ', 0], ['ok <think>a</think><answer>b</answer>', 0],
    ['<think>a</think>\n \n<answer>b</answer>', 1], ['<think>a</think><answer>b</answer><think>c</think><answer>d</answer>', 1],
    ['<think>a</think>b<answer>c</answer>', 0],
    ['<think></think><answer></answer>', 1], ['<think></answer>', 0],
  ])('%j earns %d as released', (completion, expected) => expect(score('vlmR1Format', 'published', completion)).toBe(expected));

  test('strictly, repeated blocks earn nothing and outer blanks are forgiven', () => {
    expect(score('vlmR1Format', 'strict', '<think>a</think><answer>b</answer><think>c</think><answer>d</answer>')).toBe(0);
    expect(score('vlmR1Format', 'strict', ' <think>a</think><answer>b</answer>\n')).toBe(1);
  });

  test.each([
    [answered('{"bbox_2d": [1, 2,3,4]}'), 1, 1], [answered('[1,2,3,4]'), 0, 1], [`so ${answered('{[1,2,3,4]}')} there`, 1, 1],
    [`${T} so <answer>{[1,2,3,4]}</answer>`, 0, 0],
    [answered('{[1,2,3]}'), 0, 0], [`${answered('none')}${answered('{[1,2,3,4]}')}`, 1, 1],
  ])('%j holds a box: qwen %d, internvl %d', (completion, qwen, internvl) => {
    expect(score('vlmR1BoxFormat', 'published', completion)).toBe(qwen);
    expect(score('vlmR1BoxFormat', 'published', completion, undefined, { family: 'internvl' })).toBe(internvl);
  });

  test('the GLM form needs no end of thought, and an unknown family is refused', () => {
    expect(score('vlmR1BoxFormat', 'published', '<think>a<answer>b</answer>', undefined, { family: 'glm' })).toBe(1);
    expect(() => score('vlmR1BoxFormat', 'published', T, undefined, { family: 'constructor' })).toThrow('family');
    expect(score('vlmR1BoxFormat', 'strict', answered('{"bbox_2d": [1, 2, 3, 4], "label": "cyst"}'))).toBe(1);
    expect(score('vlmR1BoxFormat', 'strict', answered('[1, 2, 3, 4]'))).toBe(0);
  });
});

describe('detection', () => {
  const mitosis = (corners: readonly number[]) => ({ bbox_2d: corners, label: 'mitotic figure' });
  const [first, second] = [mitosis([100, 100, 180, 180]), mitosis([300, 320, 380, 400])];
  const necrosis = { bbox_2d: [500, 500, 600, 620], label: 'necrosis' };
  const fence = (items: readonly unknown[]): string => `\`\`\`json\n${JSON.stringify(items)}\n\`\`\``;
  const target = fence([first, second, necrosis]);
  const gold = {
    kind: 'boxes', matchLabels: true,
    boxes: [first, second, necrosis].map(({ bbox_2d: [x1, y1, x2, y2], label }) => ({ label, box: { x1, y1, x2, y2 } })),
  };
  const shifted = [mitosis([108, 100, 188, 180]), mitosis([308, 320, 388, 400])];
  const giant = { bbox_2d: [10, 10, 50, 50], label: 'giant cell' };

  test.each([
    ['all three exact', [first, second, necrosis], 1, 1, 1, 1],
    ['one missing', [first, necrosis], 0.752475, 0.752475, 0.752475, 0.716667],
    ['only one given', [first], 0.252475, 0.252475, 0.252475, 0.433333],
    ['each twice', [first, second, necrosis, first, second, necrosis], 1, 1, 0.5, 0.925],
    ['one of an absent class', [first, second, necrosis, giant], 1, 1, 0.75, 0.9625],
    ['two shifted', [...shifted, necrosis], 0.85, 1, 0.85, 0.915152],
    ['a false one in second place', [first, mitosis([700, 700, 780, 780]), second, necrosis], 0.917492, 0.917492, 0.688119, 0.9625],
  ])('%s, as released', (_, items, ap, ap50, odLength, weighted) => {
    for (const wanted of [target, gold]) {
      expect(score('vlmR1Ap', 'published', answered(fence(items)), wanted)).toBeCloseTo(ap, 5);
      expect(score('vlmR1Ap50', 'published', answered(fence(items)), wanted)).toBeCloseTo(ap50, 5);
      expect(score('vlmR1OdLength', 'published', answered(fence(items)), wanted)).toBeCloseTo(odLength, 5);
      expect(score('vlmR1WeightedSum', 'published', answered(fence(items)), wanted)).toBeCloseTo(weighted, 5);
    }
    expect(score('vlmR1Accuracy', 'published', answered(fence(items)), target, { method: 'odLength' })).toBeCloseTo(odLength, 5);
  });

  test('an absent target: prose is praised as released and not in strict mode', () => {
    const absent = { kind: 'boxes', boxes: [], matchLabels: true };
    const both = (completion: string): (number | null)[] =>
      [score('vlmR1Ap', 'published', completion, 'None'), score('vlmR1OdLength', 'strict', completion, absent)];
    expect(both(answered('None'))).toEqual([1, 1]);
    expect(both(answered('[]'))).toEqual([1, 1]);
    expect(both(answered('I see no such thing'))).toEqual([1, 0]);
    expect(both(answered('```json\n[{"bbox\n```'))).toEqual([1, 0]);
    expect(both(`${T}<answer>None`)).toEqual([0, 0]);
    expect(both(answered(fence([first])))).toEqual([0, 0]);
  });

  test('entries that the release cannot use are dropped, yet counted by odLength', () => {
    const items = [first, second, necrosis, { label: 'necrosis' }, 'necrosis', { bbox_2d: ['1', 2, 3, 4], label: 'necrosis' }];
    expect(score('vlmR1Ap', 'published', answered(fence(items)), target)).toBe(1);
    expect(score('vlmR1OdLength', 'published', answered(fence(items)), target)).toBe(0.5);
    expect(score('vlmR1Ap', 'published', answered(fence(['x'])), target)).toBe(0);
    expect(score('vlmR1OdLength', 'strict', answered(fence(items)), gold)).toBe(0);
  });

  test('a broken solution ends the run, and so does a first match without a label', () => {
    const throws = expect.objectContaining({ code: 'reward.throws' });
    expect(() => score('vlmR1Ap', 'published', answered(fence([first])), '```json\n[{\n```')).toThrow(throws);
    expect(() => score('vlmR1Ap', 'published', answered(fence([first])), '```json\n[{"label": "x"}]\n```')).toThrow(throws);
    expect(() => score('vlmR1WeightedSum', 'published', answered(fence([{ bbox_2d: first.bbox_2d }])), target)).toThrow(throws);
  });

  test('the weighted sum reads lower case, gives a later box without a label the label before it, and takes none for None', () => {
    expect(score('vlmR1WeightedSum', 'published', fence([first, { bbox_2d: second.bbox_2d }, necrosis]), target)).toBeCloseTo(1, 9);
    expect(score('vlmR1WeightedSum', 'published', answered('NONE.'), 'None')).toBe(1);
    expect(score('vlmR1WeightedSum', 'published', answered('nothing'), 'None')).toBe(0);
  });

  test('strict odLength does not depend on the order of the boxes, and duplicates cost', () => {
    const extra = mitosis([700, 700, 780, 780]);
    const orders = [[first, extra, second, necrosis],
      [necrosis, second, extra, first]].map((items) => score('vlmR1OdLength', 'strict', answered(fence(items)), gold));
    expect(orders[0]).toBe(orders[1]);
    expect(score('vlmR1OdLength', 'strict', answered(fence([first, second, necrosis])), gold)).toBe(1);
    expect(score('vlmR1OdLength', 'strict', answered(fence([first, second, necrosis, first, second, necrosis])), gold)).toBe(0.5);
    expect(score('vlmR1WeightedSum', 'strict', answered(fence([{ ...first, label: 'necrosis' }, second, necrosis])), gold)).toBeLessThan(0.8);
  });

  test('strict odLength without its factor is what an ablation learns under: further boxes of the right things are free', () => {
    const doubled = answered(fence([first, second, necrosis, first, second, necrosis]));
    expect(score('vlmR1OdLength', 'strict', doubled, gold)).toBeCloseTo(0.5, 9);
    expect(score('vlmR1OdLength', 'strict', doubled, gold, { lengthFactor: false })).toBeCloseTo(1, 9);
  });

  test('average precision alone has no strict mode', () => {
    expect(() => score('vlmR1Ap', 'strict', answered('None'), gold)).toThrow(expect.objectContaining({ code: 'reward.mode' }));
  });
});

describe('answers in words', () => {
  const options = { kind: 'choice', options: ['in situ', 'benign', 'invasive', 'normal'], right: 2 };
  test.each([
    ['C', 1, 1], ['(C)', 0, 1], ['C: invasive', 1, 1], ['C - invasive', 0, 1], ['Grade C disease', 0, 0], ['either A or C.', 1, 0],
    ['C\nbecause of the stroma', 0, 1],
    ['**C**', 0, 1], ['C)', 0, 1], ['C or D', 1, 0], ['', 0, 0], ['B', 0, 0], ['invasive', 0, 1],
  ])('the choice %j against C: %d as released, %d strictly', (answer, published, strict) => {
    const completion = answered(answer);
    if (answer !== 'C or D') expect(score('vlmR1Choice', 'published', completion, 'C')).toBe(published);
    expect(score('vlmR1Choice', 'strict', completion, options)).toBe(strict);
  });

  test('of several letters the one with the best signs is chosen, the first on ties', () => {
    expect(extractChoice('I first thought of A. The correct answer is B.')).toBe('B');
    expect(extractChoice('A. or B. and so on and on')).toBe('A');
    expect(extractChoice('A, B')).toBe('B');
    expect(extractChoice('nothing here')).toBeNull();
  });

  test.each([['None seen', false, 1, 1], ['abnormal', false, 1, 0], ['present', true, 0, 1], ['eyes', true, 1, 0], ['Yes.', true, 1, 1]])(
    'yes or no: %j against %s: %d as released, %d strictly', (answer, value, published, strict) => {
      expect(score('vlmR1YesNo', 'published', answered(answer), value ? 'yes' : 'no')).toBe(published);
      expect(score('vlmR1YesNo', 'strict', answered(answer), { kind: 'yesNo', value })).toBe(strict);
    },
  );

  test('neither yes nor no on both sides agrees, as released',
    () => expect(score('vlmR1YesNo', 'published', answered('absent'), 'indeterminate')).toBe(1));

  test.each([['Gleason 8', 'Gleason 7', 0.888889], ['benign', 'malignant', 0.4], ['12.0', '12', 1], ['13', '12', 0], ['(B)', 'B', 0], ['B.', 'B', 1],
    ['metastatic', 'nonmetastatic', 0.869565]])(
    'by default %j against %j earns %d as released',
      (answer, right, expected) => expect(score('vlmR1Default', 'published', answered(answer), right)).toBeCloseTo(expected, 5),
  );

  test('strictly, likeness of spelling earns nothing', () => {
    expect(score('vlmR1Default', 'strict', answered('Gleason 8'), { kind: 'text', text: 'Gleason 7' })).toBe(0);
    expect(score('vlmR1Default', 'strict', answered('benign'), { kind: 'word', accept: ['malignant'], reject: ['benign'] })).toBe(0);
    expect(score('vlmR1Default', 'strict', answered('12.0'), { kind: 'number', value: 12, tolerance: 0 })).toBe(1);
    expect(score('vlmR1Default', 'strict', '12.0', { kind: 'number', value: 12, tolerance: 0 })).toBe(0);
  });

  test('numbers apply only between numbers', () => {
    expect(score('vlmR1Numeric', 'published', answered('1_0'), '10')).toBe(1);
    expect(score('vlmR1Numeric', 'published', answered('ten'), '10')).toBeNull();
    expect(score('vlmR1AllMatch', 'published', answered('Left Lung.'), 'left lung')).toBe(1);
    expect(score('vlmR1AllMatch', 'strict', answered('Left-lung.'), { kind: 'text', text: 'left lung' })).toBe(1);
  });

  test('a judge’s print is taken as it stands, and equality of texts without one', () => {
    expect(score('vlmR1Judge', 'published', answered('a cyst'), 'cyst', { judge: ' 1.0\n' })).toBe(1);
    expect(score('vlmR1Judge', 'published', answered('a cyst'), 'cyst', { judge: 'I think it is right' })).toBe(0);
    expect(score('vlmR1Accuracy', 'published', answered('cyst'), 'cyst', { method: 'llm' })).toBe(1);
  });

  test('texts are cleaned of line ends, blanks, stops and capitals', () => {
    expect(cleanText('<answer>a</answer><answer> B\n\nc d..</answer>')).toBe('b c d');
    expect(cleanText('x\r\ny')).toBe('x y');
  });
});
