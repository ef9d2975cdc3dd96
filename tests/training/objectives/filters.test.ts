import { expect, it } from 'vitest';
import { keepsGroup } from '#training/objectives/filters.ts';
import type { GroupFilter } from '#training/objectives/switches.ts';

const groups = { a: [1, 1, 1, 1], b: [0, 0, 0], c: [1, 0, 0], d: [0.5, 0.5] };
const kept = (filter: GroupFilter): string => Object.entries(groups).filter(([, metric]) => keepsGroup(filter, metric)).map(([name]) => name).join('');

it('verl keeps what differs, EasyR1 what is neither hopeless nor solved, ours what differs enough', () => {
  expect(kept({ rule: 'none' })).toBe('abcd');
  expect(kept({ rule: 'deviation' })).toBe('c');
  expect(kept({ rule: 'mean', low: 0.01, high: 0.99 })).toBe('cd');
  expect(kept({ rule: 'outcome', spread: 0.02 })).toBe('c');
});

it('EasyR1\'s bounds are strict: one success in a hundred is dropped', () => {
  const metric = [1, ...new Array<number>(99).fill(0)];
  expect(keepsGroup({ rule: 'mean', low: 0.01, high: 0.99 }, metric)).toBe(false);
  expect(keepsGroup({ rule: 'outcome', spread: 0.02 }, metric)).toBe(true);
});

it('a group of one passes verl\'s rule alone', () => {
  expect(keepsGroup({ rule: 'deviation' }, [1])).toBe(true);
  expect(keepsGroup({ rule: 'outcome', spread: 0.02 }, [1])).toBe(false);
});

it('continuous metrics must spread by more than noise, and an empty group is never kept', () => {
  const ours = { rule: 'outcome', spread: 0.02 } as const;
  expect(keepsGroup(ours, [0.51, 0.52, 0.515, 0.51])).toBe(false);
  expect(keepsGroup(ours, [0.51, 0.62, 0.4, 0.51])).toBe(true);
  for (const filter of [ours, { rule: 'none' }, { rule: 'deviation' }, { rule: 'mean', low: 0, high: 1 }] as const) expect(keepsGroup(filter, [])).toBe(false);
});
