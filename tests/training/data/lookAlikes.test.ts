import { expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { lookAlikes, pictureHash } from '#training/data/lookAlikes.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { leaks } from '#training/data/split.ts';

const noisy = (seed: number, shift = 0): Picture => {
  const random = new Random(seed);
  const coarse = Array.from({ length: 16 * 17 }, () => random.below(200));
  return { width: 170, height: 160, data: Uint8Array.from({ length: 170 * 160 * 3 }, (_, i) => Math.min(255, coarse[Math.floor(Math.floor(i / 3 / 170) / 10) * 17 + Math.floor((Math.floor(i / 3) % 170) / 10)]! + shift)) };
};
const unit = (...numbers: number[]): Float32Array => Float32Array.from(numbers, (x) => x / Math.hypot(...numbers));

test('a brighter copy is a look-alike by its hash, another picture is not', () => {
  const items = [{ id: 'a', hash: pictureHash(noisy(1)) }, { id: 'b', hash: pictureHash(noisy(1, 12)) }, { id: 'c', hash: pictureHash(noisy(2)) }];
  expect(lookAlikes(items)).toEqual([{ first: 'a', second: 'b', distance: expect.any(Number), likeness: null }]);
});

test('a copy that its hash does not know is one by its vector', () => {
  const items = [{ id: 'a', hash: pictureHash(noisy(1)), vector: unit(1, 0.01) }, { id: 'b', hash: pictureHash(noisy(2)), vector: unit(1, 0) }, { id: 'c', hash: pictureHash(noisy(3)), vector: unit(0, 1) }];
  expect(lookAlikes(items)).toEqual([]);
  expect(lookAlikes(items, { leastLikeness: 0.995 }).map(({ first, second }) => [first, second])).toEqual([['a', 'b']]);
});

test('leaks between splits are found by the same function, only across splits', () => {
  const [a, b] = [madeUp({ id: 'a', split: 'train', group: '1', sha256: '1'.repeat(64) }), madeUp({ id: 'b', split: 'val', group: '2', sha256: '2'.repeat(64) })];
  const hashes = new Map([['a', pictureHash(noisy(1))], ['b', pictureHash(noisy(1, 6))]]);
  expect(leaks([a, b], hashes)).toEqual([{ kind: 'look-alike', first: 'a', second: 'b', splits: ['train', 'val'], distance: lookAlikes([...hashes].map(([id, hash]) => ({ id, hash })))[0]!.distance }]);
  expect(leaks([a, { ...b, split: 'train' }], hashes)).toEqual([]);
});
