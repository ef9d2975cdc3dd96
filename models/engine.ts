/** A checkpoint that runs: its graphs, made for the sizes that are asked for and kept while they are used. */

import { Fault } from '#models/base/fault.ts';
import { product } from '#models/base/math.ts';
import { encodeModel } from '#models/graph/encode.ts';
import type { DType, Graph, Value } from '#models/graph/graph.ts';
import { add, cast, matMulNBits } from '#models/graph/ops.ts';
import type { VisionInput } from '#models/imaging/patches.ts';
import { parseConfig, type QwenVlConfig } from '#models/networks/config.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { decodeGraph, prefillGraph, rowSources, scoreGraph, visionGraph, type ParametersOf } from '#models/networks/qwenVl.ts';
import { decoderRotary, mropePositions, type Grid } from '#models/networks/rope.ts';
import { chooseDevice } from '#models/runtime/device.ts';
import type { Network } from '#models/runtime/generate.ts';
import { bucket, ownersOf, type Prefilled } from '#models/runtime/kvCache.ts';
import { createSession, float32, floats, int64, type Device, type Feeds, type Session, type Tensor } from '#models/runtime/session.ts';
import { SessionCache } from '#models/runtime/sessionCache.ts';
import { externalData, requireTensor, type Checkpoint } from '#models/weights/checkpoint.ts';
import { readTensor, type TensorEntry } from '#models/weights/safetensors.ts';

export interface EngineOptions {
  readonly device?: Device | 'auto';
  /** Absent: one thread for each physical core. */
  readonly threads?: number;
  /** For quantised checkpoints: 4 rounds activations to 8 bits and is several times faster (default), 0 keeps them as they are. */
  readonly accuracyLevel?: 0 | 4;
}

/** A prompt in numbers. Grids stand in the order of their placeholders. */
export interface EnginePrompt {
  readonly ids: readonly number[];
  readonly grids: readonly Grid[];
  /** Rows of the vision tower for all images, in order, [M, hiddenSize]; empty without images. */
  readonly vision: Float32Array;
  /** Seconds between time steps of each clip, in order; 1 where absent. */
  readonly secondsPerStep?: readonly number[];
}

/** A checkpoint on a device. Nothing here knows text or pictures: ids, patches and numbers only. */
export interface Engine {
  readonly config: QwenVlConfig;
  readonly device: Device;
  readonly network: Network;
  /** What the tower sees: rows for the decoder, all images one after the other, [M, hiddenSize]. */
  see(images: readonly VisionInput[]): Promise<Float32Array>;
  /** Reads a prompt: the scores after its last token and what the decoder remembers of it. */
  read(prompt: EnginePrompt): Promise<Prefilled>;
  /** ln p of each completion token, given the prompt and the tokens before it. */
  score(prompt: EnginePrompt, completion: readonly number[]): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Up to this many parameters the weights are widened to float32 once and fed to the graphs that come in many sizes; larger ones stay mapped from their file. */
const fedParameters = 150_000_000;

/** Up to this many weights a token is written on one thread. */
const smallParameters = 20_000_000;

export async function openEngine(checkpoint: Checkpoint, options: EngineOptions = {}): Promise<Engine> {
  const config = parseConfig(checkpoint.config);
  // The tower's first tensor tells a text model from one that can see, before anything is computed.
  requireTensor(checkpoint, 'visual.patch_embed.proj.weight', [config.vision.width, config.vision.channels, config.vision.temporalPatchSize, config.vision.patchSize, config.vision.patchSize]);
  const { device, fused } = await chooseDevice(options.device ?? 'auto');
  if (!fused.has('SimplifiedLayerNormalization') || (config.family === 'qwen2_vl' && !fused.has('LayerNormalization'))) throw unsuited(device, 'Its layer norm differs from that of the CPU.');
  const quantization = quantizationOf(checkpoint, options.accuracyLevel ?? 4);
  if (quantization && !fused.has('MatMulNBits')) throw unsuited(device, 'Its product with quantised weights differs from that of the CPU.');
  const weights = weightsOf(checkpoint, quantization);
  const total = [...checkpoint.tensors.values()].reduce((sum, { shape }) => sum + product(shape), 0);
  const isFed = device === 'cpu' && total <= fedParameters && !quantization;
  const cache = new SessionCache(isFed ? 48 : 3);
  const threads = options.threads === undefined ? {} : { threads: options.threads };

  // One token of a small network is too little work to be shared: waking a second thread costs more than it saves.
  const isSmall = device === 'cpu' && total <= smallParameters;

  const open = async (graph: Graph, narrower: { readonly threads?: number } = {}): Promise<Session> =>
    createSession(encodeModel(graph), { device, weightsFolder: checkpoint.folder, ...narrower, ...threads });
  /** A graph whose size changes from case to case: with fed weights it opens in milliseconds. */
  const sized = async (key: string, build: (parametersOf: ParametersOf) => Graph, feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> => {
    if (!isFed) return (await cache.get(key, () => open(build(weights.stored)))).run(feeds);
    const names = fedNames;
    const session = await cache.get(key, () => {
      const used = new Set<string>();
      names.set(key, used);
      return open(build(weights.fed(used)));
    });
    const all: Record<string, Feeds[string]> = { ...feeds };
    for (const name of names.get(key) ?? []) all[weightInput(name)] = weights.values(name);
    return session.run(all);
  };
  const fedNames = new Map<string, Set<string>>();

  const rotary = (positions: ArrayLike<number>): { cos: Float32Array; sin: Float32Array } => {
    const axis = Int32Array.from(positions);
    return decoderRotary({ time: axis, row: axis, column: axis }, config);
  };

  const network: Network = {
    cache: { layers: config.layers, kvHeads: config.kvHeads, headWidth: config.headWidth },
    vocabulary: config.vocabularySize,
    maxPositions: config.maxPositions,
    rotary,
    decodeSession: (size) => cache.get(`decode ${size.rows} ${size.prefix} ${size.slots} ${ownersOf(size)}`,
      () => open(decodeGraph(config, weights.stored, { ...size, sharedSlotMask: false, fused: device === 'cpu' }), isSmall ? { threads: 1 } : {})),
  };

  /** What every whole-sequence graph is fed: the prompt, then a completion whose tokens are text whatever their ids, then padding. */
  const sequence = (prompt: EnginePrompt, completion: readonly number[], tokens: number, visionRows: number): { feeds: Record<string, Tensor>; next: number } => {
    const { ids } = prompt;
    const padded = new Int32Array(tokens);
    padded.set(ids);
    const positions = mropePositions(ids, prompt.grids, config, prompt.secondsPerStep);
    const along = (axis: Int32Array): Int32Array => Int32Array.from({ length: tokens }, (_, i) => axis[i] ?? positions.next + i - ids.length);
    const { cos, sin } = decoderRotary({ time: along(positions.time), row: along(positions.row), column: along(positions.column) }, config);
    const feeds: Record<string, Tensor> = { cos: float32([tokens, 1, config.headWidth], cos), sin: float32([tokens, 1, config.headWidth], sin) };
    if (visionRows > 0) {
      const vision = new Float32Array(visionRows * config.hiddenSize);
      vision.set(prompt.vision);
      feeds.vision = float32([visionRows, config.hiddenSize], vision);
      feeds.source = { type: 'int64', dims: [tokens], data: rowSources(padded, config) };
    }
    padded.set(completion, ids.length);
    feeds.ids = int64([tokens], padded);
    return { feeds, next: positions.next };
  };

  const sizesOf = (prompt: EnginePrompt, count: number): { tokens: number; visionRows: number } => {
    const rows = prompt.vision.length / config.hiddenSize;
    checkPrompt(prompt, rows, count, config);
    return { tokens: bucket(count, 32), visionRows: rows === 0 ? 0 : bucket(rows, 16) };
  };

  return {
    config, device, network,
    async see(images) {
      const grids = images.map(({ gridThw }) => gridThw);
      const rows = images.map(({ patches }) => patches);
      const patches = rows.length === 1 ? rows[0] as Float32Array : joined(rows);
      const width = patches.length / grids.reduce((sum, grid) => sum + product(grid), 0);
      const count = patches.length / width;
      const outputs = await sized(`vision ${grids.map((grid) => grid.join('x')).join()}`, (parametersOf) => visionGraph(config, parametersOf, grids), {
        patches: float32([count, width], patches),
      });
      return floats(outputs, 'vision');
    },
    async read(prompt) {
      const { tokens, visionRows } = sizesOf(prompt, prompt.ids.length);
      const { feeds, next } = sequence(prompt, [], tokens, visionRows);
      const outputs = await sized(`prefill ${tokens} ${visionRows}`, (parametersOf) => prefillGraph(config, parametersOf, { batch: 1, tokens, visionRows }), {
        ...feeds, last: int64([1], [prompt.ids.length - 1]),
      });
      const layers = Array.from({ length: config.layers }, (_, layer) => layer);
      return {
        logits: floats(outputs, 'logits'), keys: layers.map((layer) => floats(outputs, `key.${layer}`)), values: layers.map((layer) => floats(outputs, `value.${layer}`)),
        stride: tokens, tokens: prompt.ids.length, nextPosition: next,
      };
    },
    async score(prompt, completion) {
      if (completion.length === 0) return new Float32Array(0);
      const { tokens, visionRows } = sizesOf(prompt, prompt.ids.length + completion.length);
      const targets = bucket(completion.length, 16);
      const { feeds } = sequence(prompt, completion, tokens, visionRows);
      const rows = new Int32Array(targets).map((_, i) => (i < completion.length ? prompt.ids.length - 1 + i : 0));
      const wanted = new Int32Array(targets);
      wanted.set(completion);
      const outputs = await sized(`score ${tokens} ${visionRows} ${targets}`, (parametersOf) => scoreGraph(config, parametersOf, { batch: 1, tokens, visionRows, targets }), {
        ...feeds, rows: int64([targets], rows), targets: int64([targets], wanted),
      });
      return floats(outputs, 'logprobs').slice(0, completion.length);
    },
    release: () => cache.release(),
  };
}

const unsuited = (device: Device, why: string): Fault => new Fault({ code: 'runtime.device', what: `The device '${device}' cannot be used.`, why, mend: 'Use --device cpu.' });

const weightInput = (name: string): string => `weight:${name}`;

const dtypes: Readonly<Record<string, DType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** The checkpoint's tensors as graphs take them: pointed at in their file, or fed as float32. Linear layers may be quantised. */
function weightsOf(checkpoint: Checkpoint, quantization: Quantization | null): { stored: ParametersOf; fed: (used: Set<string>) => ParametersOf; values: (name: string) => Tensor } {
  const memory = new Map<string, Tensor>();
  const external = (graph: Graph, entry: TensorEntry, dtype: DType): Value => graph.external(weightInput(entry.name), entry.shape, dtype, externalData(entry, checkpoint.folder));
  return {
    stored: (graph) => {
      const dense = denseParameters((name, shape) => {
        const entry = requireTensor(checkpoint, name, shape);
        return cast(external(graph, entry, dtypeOf(entry.dtype, name)), 'float32');
      });
      if (!quantization) return dense;
      return {
        tensor: dense.tensor,
        linear(x, name, outputs, bias) {
          const packed = checkpoint.tensors.get(`${name}.weight.packed`);
          if (!packed) return dense.linear(x, name, outputs, bias);
          const k = x.shape.at(-1) as number;
          const bits = ((packed.shape[2] ?? 0) * 8) / quantization.blockSize;
          const blocks = Math.ceil(k / quantization.blockSize);
          requireTensor(checkpoint, packed.name, [outputs, blocks, (quantization.blockSize * bits) / 8]);
          const scales = requireTensor(checkpoint, `${name}.weight.scales`, [outputs * blocks]);
          const zeros = checkpoint.tensors.get(`${name}.weight.zeros`);
          const product = matMulNBits(x, external(graph, packed, 'uint8'), external(graph, scales, 'float32'), zeros ? external(graph, zeros, 'uint8') : null, {
            k, n: outputs, bits, blockSize: quantization.blockSize, accuracyLevel: quantization.accuracyLevel,
          });
          return bias ? add(product, dense.tensor(`${name}.bias`, [outputs])) : product;
        },
      };
    },
    fed: (used) => (graph) => denseParameters((name, shape) => {
      dtypeOf(requireTensor(checkpoint, name, shape).dtype, name);
      used.add(name);
      return graph.input(weightInput(name), shape);
    }),
    values(name) {
      let value = memory.get(name);
      if (!value) {
        const entry = checkpoint.tensors.get(name);
        if (!entry) throw new Error(`weights: ${name} was not asked for when the graph was built.`);
        memory.set(name, (value = float32(entry.shape, readTensor(entry))));
      }
      return value;
    },
  };
}

interface Quantization {
  readonly blockSize: number;
  /** 4: activations are rounded to 8 bits too, which is several times faster; 0: they stay float32. */
  readonly accuracyLevel: number;
}

/** The name by which config.json says that Loupe quantised the linear layers. */
export const quantizationMethod = 'loupe-nbits';

/** How the checkpoint is quantised; null where it is not. */
function quantizationOf({ config }: Checkpoint, accuracyLevel: number): Quantization | null {
  const stated = typeof config === 'object' && config !== null ? (config as Readonly<Record<string, unknown>>).quantization_config : undefined;
  if (stated === undefined || stated === null) return null;
  const { quant_method: method, block_size: blockSize } = stated as Readonly<Record<string, unknown>>;
  if (method === quantizationMethod && typeof blockSize === 'number' && [16, 32, 64, 128].includes(blockSize)) return { blockSize, accuracyLevel };
  throw new Fault({
    code: 'config.unsupported', what: 'The checkpoint cannot be used.', why: `Its weights are quantised by the method ${JSON.stringify(method)}.`,
    mend: 'Take the checkpoint in its original precision; `loupe quantize` makes it smaller.',
  });
}

function dtypeOf(dtype: string, name: string): DType {
  const known = dtypes[dtype];
  if (known) return known;
  throw new Fault({
    code: 'weights.dtype', what: 'The checkpoint cannot be used.', why: `The tensor '${name}' is stored as ${dtype}; F32, F16 and BF16 are understood.`,
    mend: 'Save the checkpoint again in one of these types; Loupe quantises by itself.',
  });
}

/** The images' rows and the placeholders must agree, and everything must fit the positions that the network was made for. */
function checkPrompt({ ids, grids }: EnginePrompt, rows: number, count: number, { tokens, vision, maxPositions, vocabularySize }: QwenVlConfig): void {
  const stranger = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (stranger !== undefined) throw promptFault('prompt.token', `The prompt has the token ${stranger}, but the model knows ${vocabularySize}.`, 'The tokenizer and the weights belong to different models.');
  const places = ids.reduce((total, id) => total + Number(id === tokens.image || id === tokens.video), 0);
  const wanted = grids.reduce((total, grid) => total + product(grid) / vision.mergeSize ** 2, 0);
  if (places !== wanted || rows !== wanted) {
    throw promptFault('prompt.images', `The prompt has ${places} places for image tokens, and its images need ${wanted}.`, 'Give one image for each image placeholder of the prompt.');
  }
  if (ids.length === 0) throw promptFault('prompt.empty', 'It has no tokens.', 'Ask a question.');
  if (count > maxPositions) {
    throw promptFault('prompt.length', `It has ${count} tokens with its images, and the model was made for ${maxPositions}.`, 'Send fewer or smaller images, or a shorter question.');
  }
}

const promptFault = (code: string, why: string, mend: string): Fault => new Fault({ code, what: 'The model cannot read this prompt.', why, mend });

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
