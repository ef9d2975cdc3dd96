import { expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { lookAlikes, pictureHash, pictureHashes } from '#training/data/lookAlikes.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { leaks } from '#training/data/split.ts';

const noisy = (seed: number, shift = 0): Picture => {
  const random = new Random(seed);
  const coarse = Array.from({ length: 16 * 17 }, () => random.below(200));
  return { width: 170, height: 160, data: Uint8Array.from({ length: 170 * 160 * 3 }, (_, i) => Math.min(255, coarse[Math.floor(Math.floor(i / 3 / 170) / 10) * 17 + Math.floor((Math.floor(i / 3) % 170) / 10)]! + shift)) };
};
const hashed = (id: string, picture: Picture) => ({ id, hashes: pictureHashes(picture) });
const turned = ({ width, height, data }: Picture): Picture => ({ width: height, height: width, data: Uint8Array.from({ length: data.length }, (_, i) => {
  const [x, y] = [Math.floor(i / 3) % height, Math.floor(Math.floor(i / 3) / height)];
  return data[((height - 1 - x) * width + y) * 3 + (i % 3)]!;
}) });
const mirrored = ({ width, height, data }: Picture): Picture => ({ width, height, data: Uint8Array.from({ length: data.length }, (_, i) => {
  const [x, y] = [Math.floor(i / 3) % width, Math.floor(Math.floor(i / 3) / width)];
  return data[(y * width + width - 1 - x) * 3 + (i % 3)]!;
}) });

test('a brighter copy is a look-alike, another picture is not', () => {
  expect(lookAlikes([hashed('a', noisy(1)), hashed('b', noisy(1, 12)), hashed('c', noisy(2))])).toEqual([{ first: 'a', second: 'b', distance: expect.any(Number) }]);
});

test('so is a mirrored and a turned one, whichever comes first', () => {
  // Smooth as an image is: a cell's neighbours do not all differ.
  const image: Picture = { width: 170, height: 160, data: Uint8Array.from({ length: 170 * 160 * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % 170, Math.floor(i / 510)];
    return 128 + 60 * Math.sin(x / 19 + y / 31) + 50 * Math.cos(y / 23 - x / 47);
  }) };
  for (const copy of [mirrored(image), turned(image), mirrored(turned(turned(turned(image))))]) {
    expect(lookAlikes([hashed('a', image), hashed('b', copy)])).toHaveLength(1);
    expect(lookAlikes([hashed('b', copy), hashed('a', image)])).toHaveLength(1);
    expect(lookAlikes([{ id: 'a', hashes: [pictureHash(image)] }, { id: 'b', hashes: [pictureHash(copy)] }]), 'not by the first hash alone').toEqual([]);
  }
});

test('leaks between splits are found by the same function, only across splits', () => {
  const [a, b] = [madeUp({ id: 'a', split: 'train', group: '1', sha256: '1'.repeat(64) }), madeUp({ id: 'b', split: 'val', group: '2', sha256: '2'.repeat(64) })];
  const hashes = new Map([['a', pictureHashes(noisy(1))], ['b', pictureHashes(noisy(1, 6))]]);
  expect(leaks([a, b], hashes)).toEqual([{ kind: 'look-alike', first: 'a', second: 'b', splits: ['train', 'val'], distance: lookAlikes([...hashes].map(([id, all]) => ({ id, hashes: all })))[0]!.distance }]);
  expect(leaks([a, { ...b, split: 'train' }], hashes)).toEqual([]);
});
