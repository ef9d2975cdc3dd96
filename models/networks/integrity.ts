/**
 * Telling altered images: for each cell of an image how likely it was altered, and for the image whether it is untouched, tampered with or synthetic, and how.
 *
 *   x       = norm(features · W);  x += MLP(x)
 *   blocks  x += MLP(norm(x ⊕ its eight neighbours at distance d ⊕ the image's mean)), d = 1, 2, 4 …
 *   cell    a = norm(x) · w
 *   image   z = mean(x) ⊕ Σ softmax(a) x, then MLP to three classes and four types
 *
 * The most suspicious cells speak for the image, so that a small alteration is not lost in the mean.
 * Shapes: B images, h × w cells each, F features of a cell, C inner width.
 */
import { Fault } from '#models/base/fault.ts';
import { ShapeError, type Graph, type Value } from '#models/graph/graph.ts';
import { add, concat, expand, layerNorm, mul, reduceMean, reduceSum, reshape, silu, slice, softmax } from '#models/graph/ops.ts';
import type { Parameters } from './parameters.ts';

export interface IntegrityConfig {
  /** F. */
  readonly features: number;
  /** C. */
  readonly width: number;
  readonly blocks: number;
  /** Cells of a field that is read at once, a side. */
  readonly cells: number;
}

const bounds: Readonly<Record<keyof IntegrityConfig, readonly [number, number]>> = { features: [1, 4096], width: [8, 1024], blocks: [1, 16], cells: [4, 128] };

/** A configuration as a folder holds it. @throws Fault `integrity.config` */
export function parseIntegrityConfig(json: unknown): IntegrityConfig {
  const fields = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  for (const [name, [low, high]] of Object.entries(bounds)) {
    const value = fields[name];
    if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) continue;
    throw new Fault({ code: 'integrity.config', what: 'The integrity network cannot be used.', why: `${name} is not a whole number from ${low} to ${high}.`, mend: 'Take its folder as the run left it.' });
  }
  const { features, width, blocks, cells } = fields as unknown as IntegrityConfig;
  return { features, width, blocks, cells };
}

export interface IntegrityScores {
  /** [B·h·w, 1] */
  readonly cells: Value;
  /** [B, 3], in the order of `alterationClasses` */
  readonly classes: Value;
  /** [B, 4], in the order of `alterationTypes` */
  readonly types: Value;
}

/** @param features [B·h·w, F] @throws ShapeError */
export function integrityNetwork(graph: Graph, parameters: Parameters, { width, blocks, cells, features: count }: IntegrityConfig, features: Value, batch: number): IntegrityScores {
  const tokens = cells * cells;
  if (features.shape[0] !== batch * tokens || features.shape[1] !== count) throw new ShapeError(`integrity: features [${features.shape}] for ${batch} images of ${tokens} cells of ${count}`);
  const linear = (x: Value, name: string, outputs: number): Value => parameters.linear(x, `integrity.${name}`, outputs, true);
  const norm = (x: Value, name: string): Value => layerNorm(x, parameters.tensor(`integrity.${name}.weight`, [x.shape[1]!]), parameters.tensor(`integrity.${name}.bias`, [x.shape[1]!]), 1e-5);
  const mlp = (x: Value, name: string, inner: number): Value => linear(silu(linear(x, `${name}.inner`, inner)), `${name}.outer`, width);

  let x = norm(linear(features, 'input', width), 'input.norm');
  x = add(x, mlp(silu(linear(features, 'detail', 2 * width)), 'begin', 2 * width));
  for (let block = 0; block < blocks; block++) {
    const name = `block.${block}`;
    const mean = expand(reduceMean(reshape(x, [batch, tokens, width]), [1]), [batch, tokens, width]);
    const seen = concat([...neighbours(graph, x, { batch, cells, width, distance: 2 ** block }), reshape(mean, [batch * tokens, width])], 1);
    x = add(x, mlp(norm(seen, `${name}.norm`), name, 2 * width));
  }
  const scores = linear(norm(x, 'cell.norm'), 'cell', 1);
  const rows = reshape(x, [batch, tokens, width]);
  const attention = softmax(reshape(scores, [batch, tokens, 1]), 1);
  const image = norm(concat([reduceMean(rows, [1], false), reduceSum(mul(rows, attention), [1], false)], 1), 'image.norm');
  const inner = silu(linear(image, 'image', width));
  return { cells: scores, classes: linear(inner, 'class', 3), types: linear(inner, 'type', 4) };
}

/** Each cell and the eight around it at a distance, as nine values [B·h·w, C]; beyond the edge they are 0. */
function neighbours(graph: Graph, x: Value, { batch, cells, width, distance }: { readonly batch: number; readonly cells: number; readonly width: number; readonly distance: number }): readonly Value[] {
  const zeros = (shape: readonly number[]): Value => graph.constant(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  const shifted = (value: Value, axis: number, by: number): Value => {
    if (by === 0) return value;
    const size = Math.min(cells, Math.abs(by));
    const edge = zeros(value.shape.map((full, i) => (i === axis ? size : full)));
    if (size === cells) return edge;
    return by > 0 ? concat([slice(value, axis, by, cells), edge], axis) : concat([edge, slice(value, axis, 0, cells + by)], axis);
  };
  const square = reshape(x, [batch, cells, cells, width]);
  return [-distance, 0, distance].flatMap((dy) => {
    const row = shifted(square, 1, dy);
    return [-distance, 0, distance].map((dx) => reshape(shifted(row, 2, dx), [batch * cells * cells, width]));
  });
}
