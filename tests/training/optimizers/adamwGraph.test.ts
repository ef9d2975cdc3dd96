/** One graph for a whole training step, its state updated in place on the device. */

import { describe, expect, it, type TestContext } from 'vitest';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import type { Graph, Value } from '#models/graph/graph.ts';
import { causalMask } from '#models/networks/attention.ts';
import { parseConfig } from '#models/networks/config.ts';
import { rowSources } from '#models/networks/qwenVl.ts';
import { decoderRotary, mropePositions } from '#models/networks/rope.ts';
import { createMover } from '#models/runtime/device.ts';
import { createSession, float32, floats, int64, type DeviceTensor, type Tensor } from '#models/runtime/session.ts';
import { deterministicTensor } from '#tests/support/deterministic.ts';
import { kernelErrors } from '#tests/support/kernels.ts';
import { operatorRows } from '#tests/support/operatorRows.ts';
import { whyNoWebGpu } from '#tests/support/vulkan.ts';
import { supervisedGraph, type ParameterSpec } from '#training/graphs.ts';
import { adamwStep } from '#training/optimizers/adamw.ts';
import { adamwGraph, stepScalars, type Trained } from '#training/optimizers/adamwGraph.ts';
import { clipFactor, globalNorm } from '#training/optimizers/clip.ts';

const config = parseConfig({
  model_type: 'qwen2_5_vl', hidden_size: 16, intermediate_size: 24, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 40,
  rms_norm_eps: 1e-6, rope_theta: 1e4, rope_scaling: { type: 'mrope', mrope_section: [2, 1, 1] }, tie_word_embeddings: true,
  vision_start_token_id: 36, image_token_id: 37, video_token_id: 38, vision_end_token_id: 39,
  vision_config: { depth: 1, hidden_size: 16, num_heads: 2, intermediate_size: 24, out_hidden_size: 16, patch_size: 4, window_size: 56, fullatt_block_indexes: [0] },
});
const optimizer = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 };
const limit = 0.5;
const learningRate = 0.01;
const steps = 5;
const grid = [1, 4, 4] as const;
const sequence = [3, 36, 37, 37, 37, 37, 39, 8, 8, 5];
const batch = 2;

interface StepGraph {
  readonly graph: Graph;
  readonly parameters: readonly ParameterSpec[];
  readonly trained: readonly Trained[];
}

/** The training graph with its gradients consumed by the update. */
function stepGraph(fused: boolean): StepGraph {
  const { graph, parameters, trained: specs } = supervisedGraph(config, { batch, grid, tokens: sequence.length, targets: 4 }, { fused });
  const results = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const inputs = new Map(graph.inputs.map((value) => [value.name, value]));
  const trained = specs.map(({ name, shape }) => ({ name, weight: inputs.get(`parameter.${name}`)!, gradient: results.get(`gradient.${name}`)!, decays: shape.length > 1 }));
  graph.outputs.splice(0, graph.outputs.length, ...graph.outputs.filter(({ name }) => name === 'loss'));
  adamwGraph(graph, trained, optimizer, limit);
  return { graph, parameters, trained };
}

const data: Readonly<Record<string, Tensor>> = (() => {
  const random = new Random(2);
  const count = batch * sequence.length;
  const ids = [...sequence, ...sequence.map((id) => (id < 36 ? (id * 7) % 30 : id))];
  const { cos, sin } = decoderRotary(mropePositions(sequence, [grid], config), config);
  const mask = causalMask(sequence.length);
  return {
    patches: float32([batch * 16, 48], Float32Array.from({ length: batch * 16 * 48 }, () => random.normal())),
    ids: int64([count], ids), source: { type: 'int64', dims: [count], data: rowSources(ids, config) },
    cos: float32([count, 1, 8], Float32Array.from([...cos, ...cos])), sin: float32([count, 1, 8], Float32Array.from([...sin, ...sin])),
    mask: float32([batch, 1, 1, sequence.length, sequence.length], Float32Array.from([...mask, ...mask])),
    rows: int64([4], [6, 7, 16, 17]), targets: int64([4], [8, 8, 5, 11]), weights: float32([4], Float32Array.of(1, 1, 1, 0.5)),
  };
})();

const scalars = (count: number): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(stepScalars(optimizer, { count, learningRate })).map(([name, x]) => [name, float32([], Float32Array.of(x as number))]));

const initial = ({ parameters }: StepGraph): Record<string, Tensor> =>
  Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, deterministicTensor(name, shape))]));

/** What one run makes out of what: input name → output name. */
const successors = (trained: readonly Trained[]): readonly (readonly [string, string])[] =>
  trained.flatMap(({ name }) => [[`parameter.${name}`, `next.weight.${name}`], [`first.${name}`, `next.first.${name}`], [`second.${name}`, `next.second.${name}`]] as const);

interface Course {
  readonly losses: readonly number[];
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/** Five steps on the CPU, each from a copy of what the last one made. */
async function byCopies(fused: boolean): Promise<Course> {
  const step = stepGraph(fused);
  const session = await createSession(encodeModel(step.graph), { threads: 1 });
  let state = initial(step);
  for (const { name, weight } of step.trained) for (const moment of ['first', 'second']) state[`${moment}.${name}`] = float32(weight.shape, new Float32Array(weight.shape.reduce((a, b) => a * b, 1)));
  const losses: number[] = [];
  try {
    for (let count = 1; count <= steps; count++) {
      const outputs = await session.run({ ...data, ...scalars(count), ...state });
      losses.push(floats(outputs, 'loss')[0]!);
      state = { ...state, ...Object.fromEntries(successors(step.trained).map(([input, output]) => [input, outputs[output]!])) };
    }
  } finally {
    await session.release();
  }
  return { losses, weights: new Map(step.trained.map(({ name }) => [name, state[`parameter.${name}`]!.data as Float32Array])) };
}

/** Five steps by the gradients' graph and the optimizer of host arrays. */
async function byHost(): Promise<Course> {
  const { graph, parameters, trained } = supervisedGraph(config, { batch, grid, tokens: sequence.length, targets: 4 });
  const session = await createSession(encodeModel(graph), { threads: 1 });
  const weights = new Map(parameters.map(({ name, shape }) => [name, deterministicTensor(name, shape)]));
  const moments = new Map(trained.map(({ name }) => [name, { first: new Float32Array(weights.get(name)!.length), second: new Float32Array(weights.get(name)!.length) }]));
  const losses: number[] = [];
  try {
    for (let count = 1; count <= steps; count++) {
      const outputs = await session.run({ ...data, ...Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)])) });
      losses.push(floats(outputs, 'loss')[0]!);
      const gradientScale = clipFactor(globalNorm(trained.map(({ name }) => floats(outputs, `gradient.${name}`))), limit);
      for (const { name, shape } of trained) {
        adamwStep(weights.get(name)!, floats(outputs, `gradient.${name}`), moments.get(name)!, optimizer, { count, learningRate, gradientScale, decays: shape.length > 1 });
      }
    }
  } finally {
    await session.release();
  }
  return { losses, weights };
}

/** Five steps on WebGPU: weights and moments stay in device memory and are written over. */
async function inPlace(): Promise<Course> {
  const step = stepGraph(false);
  const mover = createMover('webgpu');
  const session = await createSession(encodeModel(step.graph), { device: 'webgpu' });
  const state: Record<string, DeviceTensor> = {};
  const losses: number[] = [];
  try {
    for (const [name, value] of Object.entries(initial(step))) state[name] = await mover.upload(value);
    for (const { name, weight } of step.trained) for (const moment of ['first', 'second']) {
      state[`${moment}.${name}`] = await mover.upload(float32(weight.shape, new Float32Array(weight.shape.reduce((a, b) => a * b, 1))));
    }
    const targets = Object.fromEntries(successors(step.trained).map(([input, output]) => [output, state[input]!]));
    for (let count = 1; count <= steps; count++) {
      const outputs = await session.run({ ...data, ...scalars(count), ...state }, { loss: null, ...targets });
      losses.push(floats(outputs, 'loss')[0]!);
    }
    const weights = new Map<string, Float32Array>();
    for (const { name } of step.trained) weights.set(name, (await mover.download(state[`parameter.${name}`]!)).data as Float32Array);
    return { losses, weights };
  } finally {
    Object.values(state).forEach((value) => value.dispose());
    await session.release();
    await mover.release();
  }
}

/** How far two courses lie apart after all steps, relative to how far the weights went. */
function difference(a: Course, b: Course): number {
  let [apart, gone] = [0, 0];
  for (const [name, weights] of a.weights) {
    const start = deterministicTensor(name, [...(stepShapes.get(name) ?? [])]);
    weights.forEach((x, i) => {
      apart += (x - b.weights.get(name)![i]!) ** 2;
      gone += (x - start[i]!) ** 2;
    });
  }
  return Math.sqrt(apart / gone);
}
const stepShapes = new Map(supervisedGraph(config, { batch, grid, tokens: sequence.length, targets: 4 }).parameters.map(({ name, shape }) => [name, shape]));

/** The inputs that a value depends on. */
function sourcesOf(value: Value): ReadonlySet<Value> {
  const seen = new Set<Value>();
  const open: Value[] = [value];
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const input of next.node?.inputs ?? []) if (input) open.push(input);
  }
  return seen;
}

const skipWithoutWebGpu = async (context: TestContext): Promise<void> => {
  const why = await whyNoWebGpu();
  if (why !== null) context.skip(why);
};

describe('the training step in one graph', () => {
  it('makes every new weight depend on every gradient, so that writing in place changes nothing', () => {
    const { graph, trained } = stepGraph(false);
    for (const { name, value } of graph.outputs.filter((output) => output.name.startsWith('next.'))) {
      const sources = sourcesOf(value);
      expect(trained.filter(({ gradient }) => !sources.has(gradient)).map((other) => other.name), name).toEqual([]);
    }
  });

  it('takes the same course as gradients and an optimizer on host arrays', async () => {
    const [copies, host] = [await byCopies(true), await byHost()];
    copies.losses.forEach((loss, i) => expect(loss).toBeCloseTo(host.losses[i]!, 5));
    expect(copies.losses.at(-1)!).toBeLessThan(copies.losses[0]!);
    expect(difference(host, copies)).toBeLessThan(1e-3);
  });

  it('recomputes the root of a norm where the device may give it wrongly', () => {
    for (const node of stepGraph(false).graph.nodes) if (node.op === 'SimplifiedLayerNormalization') expect(node.outputs.length).toBe(1);
  });

  it('takes the same course on WebGPU in place as on the CPU by copies', async (context) => {
    await skipWithoutWebGpu(context);
    const [device, copies] = [await inPlace(), await byCopies(false)];
    device.losses.forEach((loss, i) => expect(Math.abs(loss / copies.losses[i]! - 1)).toBeLessThan(1e-5));
    expect(difference(copies, device)).toBeLessThan(1e-3);
  }, 300_000);

  it('is made of operators that WebGPU computes rightly', async (context) => {
    await skipWithoutWebGpu(context);
    const errors = await kernelErrors(Object.values(operatorRows).flat().filter(({ fused }) => !fused), { device: 'webgpu' });
    expect([...errors].filter(([, error]) => !(error < 1e-5))).toEqual([]);
  }, 300_000);
});
