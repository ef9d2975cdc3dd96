import { describe, expect, it } from 'vitest';
import type { VisionConfig } from '#models/networks/config.ts';
import type { Grid } from '#models/networks/rope.ts';
import { frameSegments, windowOrder } from '#models/networks/vision.ts';

// Windows of two by two merged cells.
const tower = { windowSize: 112, mergeSize: 2, patchSize: 28 } as VisionConfig;
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('windows', () => {
  it('hold neighbouring cells; those at the right and lower border may be smaller', () => {
    // 3 rows of 5 cells.
    const { cells, segments } = windowOrder([[1, 6, 10]], tower);
    expect([...cells]).toEqual([0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14]);
    expect(segments).toEqual([16, 16, 8, 8, 8, 4]);
  });

  it.each([[[[1, 4, 6]]], [[[3, 6, 10]]], [[[1, 2, 2], [2, 8, 6], [1, 10, 4]]]] as readonly (readonly [readonly Grid[]])[])('cover every cell of %j once, and the inverse leads back', (grids) => {
    const { cells, inverse, segments } = windowOrder(grids, tower);
    expect([...cells].sort((a, b) => a - b)).toEqual(Array.from({ length: cells.length }, (_, i) => i));
    cells.forEach((cell, place) => expect(inverse[cell]).toBe(place));
    expect(sum(segments)).toBe(sum(grids.map(([t, h, w]) => t * h * w)));
  });

  it('never join frames or images', () => {
    const grids: readonly Grid[] = [[2, 4, 4], [1, 4, 8]];
    const { segments } = windowOrder(grids, tower);
    expect(segments).toEqual([16, 16, 16, 16]);
    expect(frameSegments(grids)).toEqual([16, 16, 32]);
  });
});
