import { describe, expect, it } from 'vitest';
import { Random } from '#models/base/random.ts';
import { Graph } from '#models/graph/graph.ts';
import { parseConfig, patchWidth, type VisionConfig } from '#models/networks/config.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import type { Grid } from '#models/networks/rope.ts';
import { frameSegments, patchFeatures, windowOrder } from '#models/networks/vision.ts';
import { evaluate } from '#tests/support/interpreter.ts';

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

describe('features of patches', () => {
  // Windows of two by two cells; no block sees beyond its window.
  const config = parseConfig({
    model_type: 'qwen2_5_vl', hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, rope_scaling: { type: 'mrope', mrope_section: [1, 1, 2] }, vocab_size: 10,
    vision_config: { depth: 2, hidden_size: 16, num_heads: 2, intermediate_size: 16, out_hidden_size: 16, patch_size: 2, spatial_merge_size: 2, temporal_patch_size: 2, window_size: 8, fullatt_block_indexes: [] },
  });
  const grid: Grid = [1, 4, 8];
  const width = patchWidth(config) / 2;
  const random = new Random(6);
  const patches = Float64Array.from({ length: 32 * width }, () => random.normal());
  const features = (at: Float64Array, after: readonly number[]): Float64Array => {
    const graph = new Graph('features');
    const parameters = denseParameters((name, shape) => graph.constant(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, ((own) => () => own.normal() / 4)(Random.named(2, name))), shape));
    graph.output('features', patchFeatures(graph, parameters, config, graph.input('patches', [32, width]), [grid], after));
    return evaluate(graph, { patches: at })['features']!.data;
  };

  it('stand in the order of the patches, also where blocks see windows', () => {
    const before = features(patches, [1, 2]);
    expect(before).toHaveLength(32 * 32);
    for (const patch of [0, 13, 31]) {
      const moved = features(patches.map((x, i) => (Math.floor(i / width) === patch ? x + 1 : x)), [1, 2]);
      const changed = Array.from({ length: 32 }, (_, row) => row).filter((row) => moved.slice(row * 32, row * 32 + 32).some((x, i) => Math.abs(x - before[row * 32 + i]!) > 1e-9));
      // Two rows of four cells, four patches each: a window is two cells of either row.
      const cell = Math.floor(patch / 4);
      const window = [0, 1, 4, 5].map((other) => other + (cell % 4 < 2 ? 0 : 2));
      expect(changed).toEqual(window.flatMap((own) => [0, 1, 2, 3].map((i) => 4 * own + i)));
    }
  });

  it('have a mean square of one at each depth, and the first depth is the same alone', () => {
    const both = features(patches, [1, 2]);
    for (let part = 0; part < 64; part++) expect(both.slice(part * 16, part * 16 + 16).reduce((sum, x) => sum + x * x, 0) / 16).toBeCloseTo(1, 3);
    const first = features(patches, [1]);
    for (let row = 0; row < 32; row++) first.slice(row * 16, row * 16 + 16).forEach((x, i) => expect(x).toBeCloseTo(both[row * 32 + i]!, 9));
  });
});
