import { appendFileSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openVectors, type StoredPicture } from '#electron/similar/store.ts';
import { Random } from '#models/base/random.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'loupe-vectors-'));
const unit = (numbers: readonly number[]): Float32Array => Float32Array.from(numbers, (x) => x / Math.hypot(...numbers));
/** Hashes that depend on the key alone, or on what it shows. */
const hashesOf = (seed: number): Uint32Array[] => {
  const random = new Random(seed);
  return Array.from({ length: 8 }, () => Uint32Array.from({ length: 8 }, () => random.uint32()));
};
const stored = (key: string, numbers: readonly number[], studyId = key, shows = key.charCodeAt(0) * 1000 + key.length): StoredPicture => ({ key, studyId, seriesId: 's', hashes: hashesOf(shows), vector: unit(numbers) });
const encoder = 'a'.repeat(64);

test('the nearest come first, and what is not wanted takes no place', async () => {
  const vectors = await openVectors(folder(), encoder, 3);
  for (const picture of [stored('a', [1, 0, 0]), stored('b', [1, 0.2, 0]), stored('c', [0, 1, 0]), stored('d', [-1, 0, 0])]) await vectors.put(picture);
  const hits = await vectors.nearest(unit([1, 0.05, 0]), 3);
  expect(hits.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
  expect(hits[0]!.likeness).toBeCloseTo(unit([1, 0.05, 0])[0]!, 5);
  expect((await vectors.nearest(unit([1, 0, 0]), 2, ({ key }) => key > 'b')).map(({ key }) => key)).toEqual(['c', 'd']);
  vectors.close();
});

test('it finds exactly what a search through all vectors finds', async () => {
  const vectors = await openVectors(folder(), encoder, 12);
  const random = new Random(5);
  const all = Array.from({ length: 300 }, (_, i) => stored(`k${i}`, Array.from({ length: 12 }, () => random.normal())));
  for (const picture of all) await vectors.put(picture);
  for (let round = 0; round < 5; round++) {
    const query = unit(Array.from({ length: 12 }, () => random.normal()));
    const score = ({ vector }: StoredPicture): number => vector.reduce((sum, x, i) => sum + x * query[i]!, 0);
    expect((await vectors.nearest(query, 10)).map(({ key }) => key)).toEqual([...all].sort((a, b) => score(b) - score(a)).slice(0, 10).map(({ key }) => key));
  }
  vectors.close();
});

test('what was seen is there again after a start, what was forgotten is not, and a damaged line costs its picture alone', async () => {
  const place = folder();
  const first = await openVectors(place, encoder, 2);
  for (const picture of [stored('a', [1, 0]), stored('b', [0, 1]), stored('c', [1, 1])]) await first.put(picture);
  first.finish({ studyId: 'a', left: [{ key: 'x', code: 'similar.blank', why: 'It shows one colour.' }] });
  await first.forget(['b']);
  first.close();
  appendFileSync(join(place, readdirSync(place)[0]!), '{"kind":"picture","key":"d","studyId":"d","seriesId":"s","hashes":[[1]],"vector":"AAAA"}\n{"kind":"pict');
  const again = await openVectors(place, encoder, 2);
  expect([...again.pictures.keys()]).toEqual(['a', 'c']);
  expect(again.studies.get('a')!.left[0]!.why).toBe('It shows one colour.');
  expect((await again.nearest(unit([0, 1]), 5)).map(({ key }) => key)).toEqual(['c', 'a']);
  again.close();
});

test('vectors of another encoder are of no use and are removed', async () => {
  const place = folder();
  const first = await openVectors(place, encoder, 2);
  await first.put(stored('a', [1, 0]));
  first.close();
  const other = await openVectors(place, 'b'.repeat(64), 2);
  expect(other.pictures.size).toBe(0);
  expect(readdirSync(place)).toEqual([`vectors-${'b'.repeat(16)}.jsonl`]);
  other.close();
});

test('near-duplicates are of different studies, whatever their vectors', async () => {
  const vectors = await openVectors(folder(), encoder, 2);
  for (const picture of [stored('a', [1, 0], '1', 7), stored('b', [0, 1], '1', 7), stored('c', [1, 0.2], '2', 7), stored('d', [1, 0], '3', 8)]) await vectors.put(picture);
  expect(vectors.nearDuplicates()).toEqual([{ first: 'a', second: 'c', distance: 0 }, { first: 'b', second: 'c', distance: 0 }]);
  vectors.close();
});
