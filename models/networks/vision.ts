/** The vision tower: patches in, one row for each merged cell out, as the decoder takes them. */
import type { Graph, Value } from '#models/graph/graph.ts';
import { add, concat, gather, gelu, gemm, layerNorm, matMul, mul, quickGelu, reduceSum, reshape, rmsNorm, silu, softmax, split, transpose } from '#models/graph/ops.ts';
import { patchWidth, type QwenVlConfig, type VisionConfig } from './config.ts';
import type { Parameters } from './parameters.ts';
import { rotation, visionRotary, type Grid } from './rope.ts';

/** Lengths of the runs of patches that attend to each other, in row order. */
export type Segments = readonly number[];

/** Each time step of each image is one segment. */
export const frameSegments = (grids: readonly Grid[]): Segments => grids.flatMap(([t, h, w]) => new Array<number>(t).fill(h * w));

export interface WindowOrder {
  /** For each place in window order, the merged cell that stands there. */
  readonly cells: Int32Array;
  /** The inverse: for each merged cell in raster order, its place. */
  readonly inverse: Int32Array;
  readonly segments: Segments;
}

/** Merged cells cut into windows of `windowSize` pixels; windows at the right and lower border may be smaller. */
export function windowOrder(grids: readonly Grid[], { windowSize, mergeSize, patchSize }: VisionConfig): WindowOrder {
  const side = Math.floor(windowSize! / mergeSize / patchSize);
  const cells: number[] = [];
  const segments: number[] = [];
  let first = 0;
  for (const [time, gridRows, gridColumns] of grids) {
    const [rows, columns] = [gridRows / mergeSize, gridColumns / mergeSize];
    for (let t = 0; t < time; t++, first += rows * columns) {
      for (let top = 0; top < rows; top += side) for (let left = 0; left < columns; left += side) {
        const before = cells.length;
        for (let y = top; y < Math.min(rows, top + side); y++) for (let x = left; x < Math.min(columns, left + side); x++) cells.push(first + y * columns + x);
        segments.push((cells.length - before) * mergeSize * mergeSize);
      }
    }
  }
  const inverse = new Int32Array(cells.length);
  cells.forEach((cell, place) => (inverse[cell] = place));
  return { cells: Int32Array.from(cells), inverse, segments };
}

/**
 * Attention inside segments. Equal segments become one batch; unequal ones are padded to the longest and the padding is masked.
 *
 * @param q, k, v  [P, H, K], q and k already rotated, q also divided by √K
 * @returns        [P, H·K]
 */
function segmentAttention(q: Value, k: Value, v: Value, segments: Segments): Value {
  const { graph } = q;
  const [patches, heads, width] = q.shape as [number, number, number];
  const longest = Math.max(...segments);
  const equal = segments.every((length) => length === longest);
  const count = segments.length;
  let pad = (x: Value): Value => x;
  let unpad = pad;
  let mask: Value | null = null;
  if (!equal) {
    const rows = new Int32Array(count * longest);
    const places = new Int32Array(patches);
    const masked = new Float32Array(count * longest);
    let row = 0;
    segments.forEach((length, s) => {
      for (let i = 0; i < longest; i++) {
        const at = s * longest + i;
        if (i < length) {
          rows[at] = row;
          places[row++] = at;
        } else masked[at] = -1e9;
      }
    });
    const rowIndices = graph.constant(rows, [rows.length]);
    const placeIndices = graph.constant(places, [patches]);
    pad = (x) => gather(x, rowIndices);
    unpad = (x) => gather(x, placeIndices);
    mask = graph.constant(masked, [count, 1, 1, longest]);
  }
  const headsFirst = (x: Value): Value => transpose(reshape(pad(x), [count, longest, heads, width]), [0, 2, 1, 3]);
  const scores = matMul(headsFirst(q), headsFirst(k), { transB: true });
  const mixed = matMul(softmax(mask ? add(scores, mask) : scores), headsFirst(v));
  return unpad(reshape(transpose(mixed, [0, 2, 1, 3]), [count * longest, heads * width]));
}

/** What a training graph may add to the tower: called with each residual branch, e.g. to drop it for some images. */
export type BranchHook = (branch: Value, block: number) => Value;

/**
 * @param patches  [P, C·T·S·S] in the tower's row order, all images one after the other; or [P, C·S·S] for still images,
 *                 whose T frames are equal, so that the kernel may be summed over them first
 * @returns        [P / merge², hiddenSize], cells in raster order
 */
export function visionTower(graph: Graph, parameters: Parameters, config: QwenVlConfig, patches: Value, grids: readonly Grid[], hook: BranchHook = (x) => x): Value {
  const { width, mergeSize, depth } = config.vision;
  const perCell = mergeSize * mergeSize;
  const { hidden, norm, windows } = towerBlocks(graph, parameters, config, patches, grids, depth, hook);
  const cells = reshape(norm(hidden, 'visual.merger.ln_q'), [patches.shape[0]! / perCell, perCell * width]);
  const inner = gelu(parameters.linear(cells, 'visual.merger.mlp.0', perCell * width, true));
  const merged = parameters.linear(inner, 'visual.merger.mlp.2', config.hiddenSize, true);
  return windows ? gather(merged, graph.constant(windows.inverse, [windows.inverse.length])) : merged;
}

/**
 * What every patch has become after some of the tower's blocks, side by side, each brought to a mean square of one; what lies behind the last of them is not computed.
 *
 * @param after  numbers of blocks, from 1; 0 for the patches themselves, as they come
 * @returns      [P, F], rows in the order of `patches`: `width` columns for a block, those of `patches` for 0
 */
export function patchFeatures(graph: Graph, parameters: Parameters, config: QwenVlConfig, patches: Value, grids: readonly Grid[], after: readonly number[]): Value {
  const { width, mergeSize } = config.vision;
  const [count, perCell] = [patches.shape[0]!, mergeSize * mergeSize];
  const ones = graph.constant(new Float32Array(width).fill(1), [width]);
  const levels: Value[] = [];
  const { windows } = towerBlocks(graph, parameters, config, patches, grids, Math.max(...after), (branch) => branch, (hidden, block) => {
    if (after.includes(block + 1)) levels.push(rmsNorm(hidden, ones, 1e-6));
  });
  const rows = concat(levels, 1);
  const columns = rows.shape[1]!;
  const inOrder = windows ? reshape(gather(reshape(rows, [count / perCell, perCell * columns]), graph.constant(windows.inverse, [windows.inverse.length])), [count, columns]) : rows;
  return after.includes(0) ? concat([patches, inOrder], 1) : inOrder;
}

/** The first `depth` blocks, rows in window order where there are windows; `told` hears what each block gives. */
function towerBlocks(
  graph: Graph, parameters: Parameters, config: QwenVlConfig, patches: Value, grids: readonly Grid[], depth: number, hook: BranchHook, told?: (hidden: Value, block: number) => void,
): { readonly hidden: Value; readonly norm: (x: Value, name: string) => Value; readonly windows: WindowOrder | null } {
  const tower = config.vision;
  const { width, heads, mergeSize } = tower;
  const headWidth = width / heads;
  const old = config.family === 'qwen2_vl';
  const count = patches.shape[0]!;
  const perCell = mergeSize * mergeSize;
  const norm = (x: Value, name: string): Value => old
    ? layerNorm(x, parameters.tensor(`${name}.weight`, [width]), parameters.tensor(`${name}.bias`, [width]), 1e-6)
    : rmsNorm(x, parameters.tensor(`${name}.weight`, [width]), 1e-6);

  const frames = frameSegments(grids);
  const isFull = (block: number): boolean => tower.fullAttentionBlocks.includes(block);
  const windows = old || Array.from({ length: tower.depth }, (_, i) => i).every(isFull) ? null : windowOrder(grids, tower);

  const inOrder = (x: Value, columns: number): Value => windows
    ? reshape(gather(reshape(x, [count / perCell, perCell * columns]), graph.constant(windows.cells, [windows.cells.length])), [count, columns])
    : x;
  const { cos, sin } = visionRotary(grids, tower);
  const angles = (table: Float32Array): Value => reshape(inOrder(graph.constant(table, [count, headWidth]), headWidth), [count, 1, headWidth]);
  const [cosines, sines] = [angles(cos), angles(sin)];
  const turn = rotation(cosines, sines);
  const turnQuery = rotation(cosines, sines, 1 / Math.sqrt(headWidth));

  const kernel = parameters.tensor('visual.patch_embed.proj.weight', [width, tower.channels, tower.temporalPatchSize, tower.patchSize, tower.patchSize]);
  const columns = patches.shape[1]!;
  const isStill = columns * tower.temporalPatchSize === patchWidth(config);
  const filters = reshape(isStill ? reduceSum(kernel, [2]) : kernel, [width, columns]);
  let hidden = gemm(inOrder(patches, columns), filters, null, { transB: true });

  for (let block = 0; block < depth; block++) {
    const name = `visual.blocks.${block}`;
    const qkv = reshape(parameters.linear(norm(hidden, `${name}.norm1`), `${name}.attn.qkv`, 3 * width, true), [count, 3 * heads, headWidth]);
    const [q, k, v] = split(qkv, [heads, heads, heads], 1);
    const mixed = segmentAttention(turnQuery(q!), turn(k!), v!, windows && !isFull(block) ? windows.segments : frames);
    hidden = add(hidden, hook(parameters.linear(mixed, `${name}.attn.proj`, width, true), block));
    hidden = add(hidden, hook(mlp(norm(hidden, `${name}.norm2`), `${name}.mlp`), block));
    told?.(hidden, block);
  }

  function mlp(x: Value, name: string): Value {
    if (old) return parameters.linear(quickGelu(parameters.linear(x, `${name}.fc1`, tower.mlpWidth, true)), `${name}.fc2`, width, true);
    const gate = silu(parameters.linear(x, `${name}.gate_proj`, tower.mlpWidth, true));
    return parameters.linear(mul(gate, parameters.linear(x, `${name}.up_proj`, tower.mlpWidth, true)), `${name}.down_proj`, width, true);
  }

  return { hidden, norm, windows };
}
