/** Weights and pixels that are a formula of their names, so that a reference program can make the same ones without a file in between. */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Graph } from '#models/graph/graph.ts';
import { parseConfig } from '#models/networks/config.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { prefillGraph, visionGraph, type ParametersOf } from '#models/networks/qwenVl.ts';
import { saveCheckpoint, type CheckpointParts } from '#models/weights/checkpoint.ts';
import type { WrittenType } from '#models/weights/safetensors.ts';

/** Uniform in [0, 1): element i of the stream that belongs to `name`. */
export function uniforms(name: string, count: number): Float64Array {
  let h = 2166136261;
  for (const byte of new TextEncoder().encode(name)) h = Math.imul(h ^ byte, 16777619) >>> 0;
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (h + Math.imul(i, 2654435761)) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d) >>> 0;
    x ^= x >>> 15;
    x = Math.imul(x, 0x846ca68b) >>> 0;
    x ^= x >>> 16;
    return (x >>> 0) / 2 ** 32;
  });
}

/** Small biases, norms near one, and matrices whose size grows out of their fan-in not at all: deep enough stacks stay finite because of the norms. */
export function deterministicTensor(name: string, shape: readonly number[]): Float32Array {
  const u = uniforms(name, shape.reduce((a, b) => a * b, 1));
  const [scale, centre] = name.endsWith('.bias') ? [0.2, 0] : shape.length === 1 ? [0.2, 1] : name.includes('patch_embed') ? [0.1, 0] : [0.5, 0];
  return Float32Array.from(u, (x) => centre + scale * (x - 0.5));
}

/** Every tensor that the architecture of a config.json asks for. */
export function tensorShapes(configJson: unknown): ReadonlyMap<string, readonly number[]> {
  const config = parseConfig(configJson);
  const shapes = new Map<string, readonly number[]>();
  const record: ParametersOf = (graph: Graph) => denseParameters((name, shape) => {
    const known = shapes.has(name);
    shapes.set(name, shape);
    return graph.input(known ? `${name} again` : name, shape);
  });
  const side = config.vision.mergeSize;
  visionGraph(config, record, [[1, side, side]]);
  prefillGraph(config, record, { batch: 1, tokens: 4, visionRows: 1 });
  return shapes;
}

/** A checkpoint folder of these weights, in a new temporary folder that the caller removes. */
export function writeDeterministicCheckpoint(config: unknown, parts: Partial<CheckpointParts> = {}, dtype: WrittenType = 'F32'): string {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-model-'));
  const tensors = [...tensorShapes(config)].map(([name, shape]) => ({ name, shape, data: deterministicTensor(name, shape) }));
  saveCheckpoint(folder, { config, generationConfig: null, preprocessor: null, tokenizer: null, tokenizerConfig: null, ...parts }, tensors, dtype);
  return folder;
}
