import { describe, expect, test } from 'vitest';
import { meaningRanks, ownRanks, recallAt } from '#training/retrieval.ts';

const vectors = (...rows: readonly (readonly number[])[]): Float32Array[] => rows.map((row) => Float32Array.from(row));

describe('recall', () => {
  const texts = vectors([1, 0], [0, 1], [0.6, 0.8]);
  const images = vectors([0.8, 0.6], [0, 1], [1, 0]);

  test('from sentence to image counts whose own image is among the first k', () => {
    const ranks = ownRanks(texts, images);
    expect(recallAt(ranks, 3, [1, 2]).map(({ recall }) => Number((100 * recall).toFixed(4)))).toEqual([33.3333, 66.6667]);
  });

  test('at more than there are candidates is refused as published, and takes all of them and says so in strict mode', () => {
    const ranks = ownRanks(texts, images);
    expect(() => recallAt(ranks, 3, [5], { mode: 'published' })).toThrow(expect.objectContaining({ code: 'retrieval.k' }));
    const warned: (readonly [number, number])[] = [];
    expect(recallAt(ranks, 3, [5], { onClamp: (k, candidates) => warned.push([k, candidates]) })).toEqual([{ k: 3, recall: 1 }]);
    expect(warned).toEqual([[5, 3]]);
  });

  test('counts ties as the query\'s own', () => {
    expect(ownRanks(vectors([1, 0], [1, 0]), vectors([1, 0], [1, 0]))).toEqual([1, 1]);
    expect(ownRanks(vectors([1, 0]), vectors([0, 1], [1, 0]))).toEqual([2]);
  });

  test('by meaning takes any candidate that says the same', () => {
    expect(meaningRanks(vectors([1, 0], [0, 1]), vectors([0, 1], [1, 0]), ['x', 'x'])).toEqual([1, 1]);
    expect(meaningRanks(vectors([1, 0], [0, 1]), vectors([0, 1], [1, 0]), ['x', 'y'])).toEqual([2, 2]);
  });
});
