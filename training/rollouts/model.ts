/** The network in training as one that can also be asked: it sees, reads and writes with the weights that are in memory at the moment. */
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import { patchWidth, type QwenVlConfig } from '#models/networks/config.ts';
import { loraParameters, type LoraSpec } from '#models/networks/lora.ts';
import { denseParameters, type Parameters } from '#models/networks/parameters.ts';
import { decodeGraph, patchCount, prefillGraph, rowSources, scoreGraph, type ParametersOf } from '#models/networks/qwenVl.ts';
import { decoderRotary, mropePositions, type Grid } from '#models/networks/rope.ts';
import { visionTower } from '#models/networks/vision.ts';
import type { Network } from '#models/runtime/generate.ts';
import { bucket, ownersOf, type Prefilled } from '#models/runtime/kvCache.ts';
import { createSession, float32, floats, int64, type Device, type Session, type Tensor } from '#models/runtime/session.ts';
import { SessionCache } from '#models/runtime/sessionCache.ts';

/** A prompt in numbers: one still image and the tokens around it, up to where the completion begins. */
export interface EncodedPrompt {
  readonly ids: readonly number[];
  readonly grid: Grid;
  /** [P, C·S·S], one frame. */
  readonly patches: Float32Array;
}

/** Weights by name; a later version replaces the arrays or what is in them. */
export type Weights = ReadonlyMap<string, Float32Array>;

export interface LiveModel {
  readonly config: QwenVlConfig;
  readonly network: Network;
  /** From now on these weights; sessions that hold older ones are closed. */
  use(weights: Weights): Promise<void>;
  /** The tower's rows for one image, [P / merge², hiddenSize]. */
  see(prompt: Pick<EncodedPrompt, 'grid' | 'patches'>): Promise<Float32Array>;
  read(prompt: Pick<EncodedPrompt, 'ids' | 'grid'>, vision: Float32Array): Promise<Prefilled>;
  /** ln p of each token of a completion at the temperature, 1 where absent. */
  score(prompt: Pick<EncodedPrompt, 'ids' | 'grid'>, vision: Float32Array, completion: readonly number[], temperature?: number): Promise<Float32Array>;
  release(): Promise<void>;
}

export interface LiveModelOptions {
  readonly config: QwenVlConfig;
  readonly device?: Device;
  readonly lora?: LoraSpec;
}

/** Up to this many weights of the decoder a writing session gets copies of its own, in the order that its kernels read fastest. */
const storedWeights = 400_000_000;
/** Up to this many a token of some rows is too little work to be shared by threads. */
const smallWeights = 20_000_000;

const input = (name: string): string => `parameter.${name}`;
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The weights that a session is fed, with their shapes. */
type Used = Map<string, readonly number[]>;

/**
 * Reading and seeing take their weights as inputs: such sessions outlive every update. Writing runs hundreds of times between two updates, so its sessions
 * hold the weights as constants and are opened anew after each (measured on two cores with 2.4 million weights: 30 ms once against 1 ms a token).
 */
export function createLiveModel({ config, device = 'cpu', lora }: LiveModelOptions): LiveModel {
  const fused = device === 'cpu';
  const sized = new SessionCache(24);
  const writing = new SessionCache(8);
  const fed = new Map<string, Used>();
  let weights: Weights = new Map();
  const views = new Map<string, Tensor>();

  const adapted = (parameters: Parameters): Parameters => (lora ? loraParameters(parameters, lora) : parameters);
  const valuesOf = (name: string, shape: readonly number[]): Float32Array => {
    const values = weights.get(name);
    if (values?.length !== sizeOf(shape)) throw new Error(`live model: ${name} is not there as [${shape}].`);
    return values;
  };
  const viewsOf = (used: Used): Record<string, Tensor> => Object.fromEntries([...used].map(([name, shape]) => {
    let view = views.get(name);
    if (!view) views.set(name, (view = float32(shape, valuesOf(name, shape))));
    return [input(name), view];
  }));
  const fedTo = (used: Used): ParametersOf => (graph) => adapted(denseParameters((name, shape) => {
    used.set(name, shape);
    return graph.input(input(name), shape);
  }));
  const run = async (key: string, build: (parametersOf: ParametersOf) => Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> => {
    const session = await sized.get(key, () => {
      const used: Used = new Map();
      fed.set(key, used);
      return createSession(encodeModel(build(fedTo(used))), { device });
    });
    return session.run({ ...viewsOf(fed.get(key)!), ...feeds });
  };

  const decodeSession: Network['decodeSession'] = (size) => writing.get(`${size.rows} ${size.prefix} ${size.slots} ${ownersOf(size)}`, async () => {
    const total = [...weights].reduce((sum, [name, values]) => sum + (name.startsWith('visual.') ? 0 : values.length), 0);
    const used: Used = new Map();
    const stored: ParametersOf = (graph) => adapted(denseParameters((name, shape) => graph.constant(valuesOf(name, shape), shape, 'weight', input(name))));
    const isStored = total <= storedWeights;
    const graph = decodeGraph(config, isStored ? stored : fedTo(used), { ...size, sharedSlotMask: false, fused });
    const session = await createSession(encodeModel(graph), { device, ...(device === 'cpu' && total <= smallWeights ? { threads: 1 } : {}) });
    if (isStored) return session;
    const run: Session['run'] = (feeds, fetches) => session.run({ ...viewsOf(used), ...feeds }, fetches);
    return { ...session, run };
  });

  const sequence = (prompt: Pick<EncodedPrompt, 'ids' | 'grid'>, vision: Float32Array, completion: readonly number[], tokens: number, visionRows: number): { feeds: Record<string, Tensor>; next: number } => {
    const { ids, grid } = prompt;
    const padded = new Int32Array(tokens);
    padded.set(ids);
    const positions = mropePositions(ids, [grid], config);
    const along = (axis: Int32Array): Int32Array => Int32Array.from({ length: tokens }, (_, i) => axis[i] ?? positions.next + i - ids.length);
    const { cos, sin } = decoderRotary({ time: along(positions.time), row: along(positions.row), column: along(positions.column) }, config);
    const rows = new Float32Array(visionRows * config.hiddenSize);
    rows.set(vision);
    const source = rowSources(padded, config);
    padded.set(completion, ids.length);
    return {
      next: positions.next,
      feeds: {
        cos: float32([tokens, 1, config.headWidth], cos), sin: float32([tokens, 1, config.headWidth], sin),
        vision: float32([visionRows, config.hiddenSize], rows), source: { type: 'int64', dims: [tokens], data: source }, ids: int64([tokens], padded),
      },
    };
  };
  const rowsOf = (vision: Float32Array): number => bucket(vision.length / config.hiddenSize, 16);

  return {
    config,
    network: {
      cache: { layers: config.layers, kvHeads: config.kvHeads, headWidth: config.headWidth }, vocabulary: config.vocabularySize, maxPositions: config.maxPositions, decodeSession,
      rotary(positions) {
        const axis = Int32Array.from(positions);
        return decoderRotary({ time: axis, row: axis, column: axis }, config);
      },
    },
    async use(next) {
      weights = next;
      views.clear();
      await writing.release();
    },
    async see({ grid, patches }) {
      const count = patchCount([grid]);
      const outputs = await run(`vision ${grid.join('x')}`, (parametersOf) => {
        const graph = new Graph('vision', { fused });
        graph.output('vision', visionTower(graph, parametersOf(graph), config, graph.input('patches', [count, patchWidth(config) / config.vision.temporalPatchSize]), [grid]));
        return graph;
      }, { patches: float32([count, patches.length / count], patches) });
      return floats(outputs, 'vision');
    },
    async read(prompt, vision) {
      const [tokens, visionRows] = [bucket(prompt.ids.length, 32), rowsOf(vision)];
      const { feeds, next } = sequence(prompt, vision, [], tokens, visionRows);
      const outputs = await run(`prefill ${tokens} ${visionRows}`, (parametersOf) => prefillGraph(config, parametersOf, { batch: 1, tokens, visionRows }), { ...feeds, last: int64([1], [prompt.ids.length - 1]) });
      const layers = Array.from({ length: config.layers }, (_, layer) => layer);
      return {
        logits: floats(outputs, 'logits'), keys: layers.map((layer) => floats(outputs, `key.${layer}`)), values: layers.map((layer) => floats(outputs, `value.${layer}`)),
        stride: tokens, tokens: prompt.ids.length, nextPosition: next,
      };
    },
    async score(prompt, vision, completion, temperature = 1) {
      if (completion.length === 0) return new Float32Array(0);
      const [tokens, visionRows, targets] = [bucket(prompt.ids.length + completion.length, 32), rowsOf(vision), bucket(completion.length, 16)];
      const { feeds } = sequence(prompt, vision, completion, tokens, visionRows);
      const rows = new Int32Array(targets).map((_, i) => (i < completion.length ? prompt.ids.length - 1 + i : 0));
      const wanted = new Int32Array(targets);
      wanted.set(completion);
      const outputs = await run(`score ${tokens} ${visionRows} ${targets} ${temperature}`, (parametersOf) => scoreGraph(config, parametersOf, { batch: 1, tokens, visionRows, targets, temperature }), {
        ...feeds, rows: int64([targets], rows), targets: int64([targets], wanted),
      });
      return floats(outputs, 'logprobs').slice(0, completion.length);
    },
    async release() {
      await sized.release();
      await writing.release();
    },
  };
}
