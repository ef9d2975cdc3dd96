import { describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import { stretched } from '#training/rewards/visionR1Localization.ts';
import type { RewardMode, RewardRow } from '#training/rewards/reward.ts';

const size = { width: 200, height: 100 };
const targets = [[20, 20, 60, 60], [100, 10, 140, 50], [150, 60, 190, 95]] as const;
const solution = targets.map((box) => ['gland', box]);
const boxes = (list: readonly (readonly number[])[], label = 'gland'): string => JSON.stringify(list.map((box) => ({ bbox_2d: box, label })));
const score = (completion: string, extra: Partial<RewardRow> = {}, mode: RewardMode = 'published') => (
  scoreRow(findReward('visionR1Localization'), mode, { completion, target: solution, size, ...extra })
);
const gold = (list: readonly (readonly number[])[] = targets, label = 'gland') => ({
  kind: 'boxes', matchLabels: true, boxes: list.map(([x1, y1, x2, y2]) => ({ label, box: { x1, y1, x2, y2 } })),
});
const strict = (completion: string, extra: Partial<RewardRow> = {}) => score(completion, { target: gold(), ...extra }, 'strict');

describe('the released rewards', () => {
  test('stretch between two thresholds, both of which keep their value', () => {
    expect([stretched(0.75, [0.5, 0.75]), stretched(0.76, [0.5, 0.75]), stretched(0.49, [0.5, 0.75]), stretched(0.5, [0.5, 0.75])])
      .toEqual([0.75, 1, 0, 0.5]);
  });

  test.each([
    ['two of three, one of them short', [targets[0], [100, 10, 140, 46]], [2.6167, 2.6667, 2.6167], [0.6667, 0.6667, 0.6667], [0.95, 1, 0.95]],
    ['all three, one of them narrow', [targets[0], targets[1], [150, 60, 175, 95]], [2.875, 2.875, 2.3333], [1, 1, 0.6667], [0.875, 0.875, 0.6667]],
    ['all three, two of them far off', [targets[0], [110, 20, 150, 60], [170, 60, 199, 95]], [1.9065, 1.3333, 1.3333], [0.3333, 0, 0],
      [0.5732, 0.3333, 0.3333]],
    ['three perfect and four idle', [...targets, ...Array.from({ length: 4 }, () => [0, 0, 5, 5])], [3, 3, 3], [1, 1, 1], [1, 1, 1]],
    ['reversed corners', [[60, 60, 20, 20]], [1, 1, 1], [0, 0, 0], [0, 0, 0]],
  ])('pay for %s by step: off, 0, 1500', (_, list, totals, recalls, precisions) => {
    [undefined, 0, 1500].forEach((step, index) => {
      const { reward, parts } = score(boxes(list), step === undefined ? {} : { step });
      expect(reward).toBeCloseTo(totals[index] as number, 4);
      expect(parts?.recall).toBeCloseTo(recalls[index] as number, 4);
      expect(parts?.precision).toBeCloseTo(precisions[index] as number, 4);
    });
  });

  test('pay nothing for prose', () => expect(score('There are three glands.').reward).toBe(0));

  test('read a fence, integers in text, decimals cut off, and entries in the release’s own spelling outside JSON', () => {
    expect(score(`\`\`\`json\n${boxes(targets)}\n\`\`\``).reward).toBe(3);
    expect(score(boxes(targets).replace('20,20,60', '"20",20.9,60')).parts?.recall).toBe(1);
    const entries = targets.map(([x1, y1, x2, y2]) => `{"bbox_2d": [${x1}, ${y1}, ${x2}, ${y2}], "label": "gland"}`).join(' and ');
    expect(score(entries).parts).toEqual({ format: 0, recall: 1, precision: 1 });
    expect(score(entries.replaceAll(', ', ',')).parts).toEqual({ format: 0, recall: 0, precision: 0 });
  });

  test('take five copies of one object and wrong labels without complaint', () => {
    expect(score(boxes(Array.from({ length: 5 }, () => targets[0])), { target: [['gland', targets[0]]] }).reward).toBe(3);
    expect(score(boxes(targets, 'vessel')).reward).toBe(3);
  });

  test('turn the format round on images without targets, and end the run where boxes are claimed there', () => {
    expect(score('[]', { target: [] }).parts).toEqual({ format: 0, recall: 1, precision: 1 });
    expect(score('broken', { target: [] }).parts).toEqual({ format: 1, recall: 1, precision: 1 });
    expect(() => score(boxes(targets), { target: [] })).toThrow(expect.objectContaining({ code: 'reward.throws' }));
  });

  test('measure in file pixels what was said in input pixels', () => {
    const doubled = targets.map((box) => box.map((value) => value * 2));
    expect(score(boxes(doubled), { input: { width: 400, height: 200 } }).reward).toBe(3);
    expect(score(boxes(targets), { grid: [1, 10, 20] }).parts?.precision).toBeLessThan(0.5);
  });

  test('throw where the solution’s label is missing from the table of labels', () => {
    expect(() => score(boxes(targets), { labelIds: { vessel: 1 } })).toThrow(Fault);
    expect(score(boxes(targets), { labelIds: '{"Gland": 1}' }).reward).toBe(3);
  });

  test('take a gold in place of a solution', () => expect(score(boxes(targets), { target: gold() }).reward).toBe(3));
});

describe('the strict rewards', () => {
  test('let idle boxes cost precision', () => {
    const { parts } = strict(boxes([...targets, ...Array.from({ length: 4 }, () => [0, 0, 5, 5])]));
    expect(parts?.precision).toBeCloseTo(3 / 7, 9);
    expect(parts?.recall).toBe(1);
  });

  test('count a pair only under the right label', () => {
    expect(strict(boxes(targets, 'vessel')).parts).toEqual({ format: 1, recall: 0, precision: 0 });
    expect(strict(boxes(targets, 'Gland')).reward).toBe(3);
  });

  test('give everything to [] and nothing to a box on an image without targets', () => {
    expect(strict('[]', { target: gold([]) }).reward).toBe(3);
    expect(strict(boxes(targets), { target: gold([]) }).reward).toBe(0);
    expect(strict('broken', { target: gold([]) }).reward).toBe(0);
  });

  test.each([
    ['an object instead of a list', '{"bbox_2d": [20, 20, 60, 60], "label": "gland"}'], ['decimals', boxes([[20.5, 20, 60, 60]])],
    ['a box outside the image', boxes([[20, 20, 60, 101]])], ['reversed corners', boxes([[60, 60, 20, 20]])],
    ['a box without a label', '[{"bbox_2d": [20, 20, 60, 60]}]'],
    ['prose', 'three glands'],
  ])('give nothing for %s', (_, completion) => expect(strict(completion).reward).toBe(0));

  test('read the list from the one answer block where there is one', () => {
    expect(strict(`<think>x</think><answer>${boxes(targets)}</answer>`).reward).toBe(3);
    expect(strict(`<answer>${boxes(targets)}</answer><answer>[]</answer>`).reward).toBe(0);
  });

  test('follow the phase, with the paper’s thresholds for recall', () => {
    const twoOfThree = boxes([targets[0], targets[1]]);
    expect(strict(twoOfThree, { phase: 'beginner' }).parts?.recall).toBeCloseTo(2 / 3, 9);
    expect(strict(twoOfThree, { phase: 'advanced' }).parts?.recall).toBe(0);
    expect(() => strict(twoOfThree, { phase: 'expert' })).toThrow('phase');
  });

  test('take a near centre for a hit on small targets, if asked to', () => {
    const target = gold([[10, 10, 20, 20]]);
    const near = boxes([[14, 14, 24, 24]]);
    expect(strict(near, { target, smallBoxes: true }).parts?.recall).toBe(1);
    expect(strict(near, { target }).parts?.recall).toBe(0);
  });

  test('match each target once, by the cheapest assignment', () => {
    const two = gold([[0, 0, 20, 20], [10, 0, 30, 20]]);
    expect(strict(boxes([[10, 0, 30, 20], [0, 0, 20, 20]]), { target: two }).reward).toBe(3);
  });
});
