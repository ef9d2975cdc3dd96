import { expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Grid } from '#models/networks/rope.ts';
import { classesOf, isClassified, labelTargets, packViews } from '#training/labels.ts';
import { phantomRecords } from '#training/synthesis/phantoms.ts';
import { madeUp } from '#tests/support/caseRecords.ts';

const first = madeUp({ task: 't', labelsSpace: ['a', 'b'], label: 'a' });
const second = { ...first, id: 'other', label: 'b' };
const grid: Grid = [1, 4, 4];
const view = (record: typeof first, value: number) => ({ record, patches: new Float32Array(16 * 3).fill(value) });
const classes = new Map([['t/a', 0], ['t/b', 1]]);

test('a task of one label, and a label that says nothing, are not learnt', () => {
  expect([first, { ...first, labelsSpace: ['a'] }, { ...first, label: 'unspecified' }].map(isClassified)).toEqual([true, false, false]);
});

test('every label of a task is a class, those of drawn pictures as well', () => {
  const all = [...classesOf([first, second, { ...first, task: 'single', labelsSpace: ['a'] }]).keys()];
  expect(all).toEqual([...all].sort());
  expect(all.filter((name) => !name.startsWith('phantom_'))).toEqual(['t/a', 't/b']);
  for (const { record } of [...phantomRecords(20, 3)].filter(({ record: { labelsSpace } }) => labelsSpace.length > 1)) {
    expect(all).toEqual(expect.arrayContaining(record.labelsSpace.map((label) => `${record.task}/${label}`)));
  }
});

test('smoothing spreads its part over the labels of the task', () => {
  const { feeds } = packViews([view(first, 1)], grid, classes, { mix: 0, smoothing: 0.2 }, new Random(1));
  expect([...feeds['targets']!.data].map((x) => Math.round(Number(x) * 1000) / 1000)).toEqual([0.9, 0.1]);
});

test('a mixed image carries each label in the part of its patches', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { feeds } = packViews([view(first, 0), view(second, 1)], grid, classes, { mix: 1, smoothing: 0 }, new Random(seed));
    const patches = feeds['patches']!.data as Float32Array;
    const targets = feeds['targets']!.data as Float32Array;
    for (const b of [0, 1]) {
      const ones = patches.subarray(b * 48, (b + 1) * 48).reduce((a, x) => a + x, 0) / 48;
      expect(targets[b * 2 + 1]).toBeCloseTo(ones, 6);
    }
  }
});

test('beside the answers an image has its smoothed label, and one that nothing can be told by has a row of zeros', () => {
  const { data, dims } = labelTargets([first, { ...second, label: 'unspecified' }, second], classes, 0.2)['labels.targets']!;
  expect(dims).toEqual([3, 2]);
  expect([...data as Float32Array].map((x) => Number(x.toFixed(6)))).toEqual([0.9, 0.1, 0, 0, 0.1, 0.9]);
});
