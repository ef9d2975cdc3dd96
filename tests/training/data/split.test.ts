import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { distanceOf, pictureHash } from '#training/data/lookAlikes.ts';
import { leaks, splitByGroup } from '#training/data/split.ts';
import { madeUp } from '#tests/support/caseRecords.ts';

/** 300 records of 3 labels in 60 groups of varied size. */
const records: CaseRecord[] = Array.from({ length: 300 }, (_, at) => madeUp({
  id: `case-${at}`, group: `patient-${Math.floor(Math.sqrt(at * 12))}`, label: ['glioma', 'meningioma', 'no_tumour'][at % 3]!, sha256: at.toString(16).padStart(64, '0'),
}));
const shares = { train: 80, val: 10, test: 10 };

describe('a split', () => {
  test('keeps every group whole', () => {
    const split = splitByGroup(records, shares, 1);
    for (const { group } of records) expect(new Set(records.filter((record) => record.group === group).map(({ id }) => split.get(id))).size).toBe(1);
  });

  test('keeps equal files together though their groups differ', () => {
    const twins = records.map((record, at) => (at % 50 === 0 ? { ...record, sha256: 'f'.repeat(64) } : record));
    const split = splitByGroup(twins, shares, 1);
    expect(new Set(twins.filter(({ sha256 }) => sha256.startsWith('f')).map(({ id }) => split.get(id))).size).toBe(1);
  });

  test('comes near its shares for every label', () => {
    const split = splitByGroup(records, shares, 2);
    for (const label of ['glioma', 'meningioma', 'no_tumour']) {
      const mine = records.filter((record) => record.label === label);
      for (const name of ['val', 'test'] as const) {
        const part = mine.filter(({ id }) => split.get(id) === name).length / mine.length;
        expect(part, `${label} ${name}`).toBeGreaterThan(0.05);
        expect(part, `${label} ${name}`).toBeLessThan(0.15);
      }
    }
  });

  test('follows its seed, not the order of the rows', () => {
    const split = splitByGroup(records, shares, 3);
    const shuffled = splitByGroup(new Random(9).shuffled(records), shares, 3);
    expect(records.every(({ id }) => split.get(id) === shuffled.get(id))).toBe(true);
    expect(records.some(({ id }) => split.get(id) !== splitByGroup(records, shares, 4).get(id))).toBe(true);
  });

  test('leaves a split without a share empty', () => {
    expect(new Set(splitByGroup(records, { train: 1, val: 1, test: 0 }, 1).values())).toEqual(new Set(['train', 'val']));
    expect(() => splitByGroup(records, { train: 0, val: 0, test: 0 }, 1)).toThrow(RangeError);
  });
});

const noisy = (seed: number, shift = 0): Picture => {
  const random = new Random(seed);
  const waves = Array.from({ length: 6 }, () => [random.between(1, 9), random.between(1, 9), random.between(0, 6)] as const);
  const data = new Uint8Array(120 * 100 * 3);
  for (let y = 0, at = 0; y < 100; y++) {
    for (let x = 0; x < 120; x++, at += 3) {
      const value = waves.reduce((sum, [a, b, c]) => sum + Math.sin((a * x) / 20 + (b * y) / 20 + c), 0);
      data.fill(Math.max(0, Math.min(255, 128 + 18 * value + shift)), at, at + 3);
    }
  }
  return { width: 120, height: 100, data };
};

describe('leaks', () => {
  const [a, b] = [madeUp({ id: 'a', sha256: '1'.repeat(64) }), madeUp({ id: 'b', split: 'val', sha256: '2'.repeat(64) })];

  test('are found by group and by bytes', () => {
    expect(leaks([a, b])).toEqual([{ kind: 'group', first: 'a', second: 'b', splits: ['train', 'val'] }]);
    expect(leaks([a, { ...b, group: 'other', sha256: a.sha256 }]).map(({ kind }) => kind)).toEqual(['bytes']);
    expect(leaks([a, { ...b, group: 'other' }])).toEqual([]);
    expect(leaks([a, { ...b, split: 'train' }])).toEqual([]);
  });

  test('are found by likeness, brightness aside', () => {
    const other = { ...b, group: 'other' };
    const alike = new Map([['a', [pictureHash(noisy(1))]], ['b', [pictureHash(noisy(1, 6))]]]);
    const unlike = new Map([['a', [pictureHash(noisy(1))]], ['b', [pictureHash(noisy(2))]]]);
    expect(leaks([a, other], alike).map(({ kind }) => kind)).toEqual(['look-alike']);
    expect(leaks([a, other], unlike)).toEqual([]);
  });
});

test('the distance of two picture hashes is the number of bits that differ', () => {
  expect(distanceOf(new Uint32Array(8), new Uint32Array(8).fill(0xffffffff))).toBe(256);
  expect(distanceOf(Uint32Array.of(1, 0, 0, 0, 0, 0, 0, 0x80000000), new Uint32Array(8))).toBe(2);
});
