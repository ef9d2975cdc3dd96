/** Running an encoded graph on a device. No other file knows ONNX Runtime. */

import { Fault } from '#models/base/fault.ts';

type Ort = typeof import('onnxruntime-node');
type OrtTensor = import('onnxruntime-node').Tensor;
type OrtSession = import('onnxruntime-node').InferenceSession;
type OrtOptions = NonNullable<Parameters<Ort['InferenceSession']['create']>[1]>;

export const devices = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
/** Where a graph runs. `dml` is DirectML (Windows), `coreml` Apple's; CUDA needs libraries that are not bundled. */
export type Device = (typeof devices)[number];

export const elementTypes = ['float32', 'float16', 'int32', 'int64', 'uint8', 'int8', 'uint16', 'bool'] as const;
export type ElementType = (typeof elementTypes)[number];
/** float16 travels as its bits in a Uint16Array, bool as 0 and 1 in a Uint8Array. */
export type TensorData = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array | Int8Array;

/** Values in this process's memory, row-major. */
export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/**
 * Values in the device's memory (WebGPU only). They can be fed, be written in place and be downloaded (`device.ts`), but never read here:
 * the runtime ends the whole process when the bytes of such a tensor are asked for.
 */
export class DeviceTensor {
  readonly dims: readonly number[];
  readonly type: ElementType;
  #tensor: OrtTensor | undefined;

  constructor(tensor: unknown) {
    this.#tensor = tensor as OrtTensor;
    this.dims = this.#tensor.dims;
    this.type = this.#tensor.type as ElementType;
  }

  /** The runtime's own tensor, for `session.ts` alone. */
  get handle(): unknown {
    if (this.#tensor === undefined) throw new Error('This device tensor was disposed of.');
    return this.#tensor;
  }

  /** Gives the device's memory back; nothing else does. */
  dispose(): void {
    this.#tensor?.dispose();
    this.#tensor = undefined;
  }
}

export type Feeds = Readonly<Record<string, Tensor | DeviceTensor>>;

export interface SessionOptions {
  readonly device?: Device;
  /** Threads inside one operator. Absent: one for each physical core. More than there are cores makes everything slower. */
  readonly threads?: number;
  /** Where the files that external initializers name lie. */
  readonly weightsFolder?: string;
  /** Bytes for external initializers that are not on disk; they are copied. */
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** False keeps float32 weights mapped from their file instead of copying them into the faster, blocked order. Default true. */
  readonly prepacking?: boolean;
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Leaves outputs in device memory (WebGPU): all, or those that are named 'gpu-buffer'. Fetch all outputs of such a session. */
  readonly outputLocation?: 'gpu-buffer' | Readonly<Record<string, 'cpu' | 'gpu-buffer'>>;
  /** Refuses a graph of which any node would fall back to the CPU. */
  readonly strict?: boolean;
  /** False gives memory back after each run instead of keeping it for the next: for many graphs side by side, each run now and then (CPU). Default true. */
  readonly arena?: boolean;
  /** Threads that wait for work busily: faster for many small operators, unkind to other programs. Default false. */
  readonly spinning?: boolean;
  /** Further session keys of the runtime, as text. */
  readonly keys?: Readonly<Record<string, string>>;
}

/** A graph ready to run. `release` gives its memory back at once; the garbage collector does not see that memory. */
export interface Session {
  readonly device: Device;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Runs the graph; it holds this thread while it does. Outputs come back as values in host memory, or as device tensors where the session keeps them there.
   *
   * @param feeds    every input by name; arrays on SharedArrayBuffers are refused by the runtime
   * @param fetches  output names, or for each a device tensor to be written in place (null: a new one); absent: all
   */
  run(feeds: Feeds, fetches?: readonly string[] | Readonly<Record<string, DeviceTensor | null>>): Promise<Record<string, Tensor>>;
  /** The same for sessions whose outputs stay on the device. */
  runOnDevice(feeds: Feeds): Promise<Record<string, Tensor | DeviceTensor>>;
  release(): Promise<void>;
}

let loading: Promise<Ort> | undefined;

/** Loads the runtime, with its telemetry off: it reads this variable when it is loaded and would otherwise send usage events to its maker. */
export async function loadRuntime(): Promise<Ort> {
  loading ??= (async () => {
    const host = globalThis as unknown as { process?: { env: Record<string, string | undefined> } };
    if (host.process) host.process.env.ORT_DISABLE_TELEMETRY = '1';
    try {
      const module = await import('onnxruntime-node');
      const ort = 'InferenceSession' in module ? module : (module as { default: Ort }).default;
      // Whatever the runtime would print is thrown as well.
      ort.env.logLevel = 'fatal';
      return ort;
    } catch (cause) {
      throw new Fault({
        code: 'runtime.missing',
        what: 'ONNX Runtime cannot be loaded.',
        why: messageOf(cause),
        mend: 'Run `npm ci` again on this machine; Intel Macs and systems with glibc older than 2.28 are not supported.',
      }, { cause });
    }
  })();
  return loading;
}

export const tensor = (type: ElementType, dims: readonly number[], data: TensorData): Tensor => ({ type, dims, data });
export const float32 = (dims: readonly number[], data: Float32Array): Tensor => ({ type: 'float32', dims, data });

/** int64 values from ordinary numbers. */
export const int64 = (dims: readonly number[], values: ArrayLike<number>): Tensor =>
  ({ type: 'int64', dims, data: BigInt64Array.from({ length: values.length }, (_, i) => BigInt(values[i] as number)) });

/**
 * A session for an encoded graph, or for the path of one.
 *
 * @throws Fault `runtime.session` when the runtime refuses the graph or the device
 */
export async function createSession(model: Uint8Array | string, options: SessionOptions = {}): Promise<Session> {
  const ort = await loadRuntime();
  const device = options.device ?? 'cpu';
  let session: OrtSession;
  try {
    // A Uint8Array and a path are two overloads of one function.
    session = typeof model === 'string'
      ? await ort.InferenceSession.create(model, ortOptions(device, options))
      : await ort.InferenceSession.create(model, ortOptions(device, options));
  } catch (cause) {
    throw new Fault({
      code: 'runtime.session',
      what: `The network cannot be prepared on the device '${device}'.`,
      why: messageOf(cause),
      mend: device === 'cpu' ? 'Check that the model folder is whole (`loupe doctor --model DIR`).' : 'Use --device cpu, or see what `loupe doctor` says of this device.',
    }, { cause });
  }
  return open(ort, session, device);
}

function ortOptions(device: Device, options: SessionOptions): OrtOptions {
  const keys: Record<string, string> = {
    'session.intra_op.allow_spinning': options.spinning === true ? '1' : '0',
    ...(options.prepacking === false ? { 'session.disable_prepacking': '1' } : {}),
    ...(options.strict === true ? { 'session.disable_cpu_ep_fallback': '1' } : {}),
    ...(options.weightsFolder === undefined ? {} : { 'session.model_external_initializers_file_folder_path': options.weightsFolder }),
    ...options.keys,
  };
  return {
    executionProviders: [device],
    executionMode: 'sequential',
    // Measured: with memory patterns the peak is half as large again and nothing is faster; DirectML demands it off.
    enableMemPattern: false,
    enableCpuMemArena: options.arena ?? true,
    graphOptimizationLevel: options.optimization ?? 'all',
    logSeverityLevel: 3,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads, interOpNumThreads: 1 }),
    ...(options.outputLocation === undefined ? {} : { preferredOutputLocation: options.outputLocation }),
    ...(options.externalData === undefined ? {} : { externalData: [...options.externalData] }),
    extra: nested(keys),
  };
}

/** `{ 'session.intra_op.x': '1' }` as the nested objects that the binding flattens again. */
function nested(keys: Readonly<Record<string, string>>): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(keys)) {
    const parts = path.split('.');
    let node = tree;
    for (const part of parts.slice(0, -1)) node = (node[part] ??= {}) as Record<string, unknown>;
    node[parts.at(-1) as string] = value;
  }
  return tree;
}

function open(ort: Ort, session: OrtSession, device: Device): Session {
  let released = false;
  const run = async (feeds: Feeds, fetches?: readonly string[] | Readonly<Record<string, DeviceTensor | null>>): Promise<Record<string, Tensor | DeviceTensor>> => {
    if (released) throw new Error('This session was released.');
    const fed: Record<string, OrtTensor> = {};
    for (const name in feeds) {
      const value = feeds[name] as Tensor | DeviceTensor;
      fed[name] = value instanceof DeviceTensor ? value.handle as OrtTensor : wrapped(ort, value);
    }
    let results: Readonly<Record<string, OrtTensor>>;
    try {
      results = fetches === undefined ? await session.run(fed)
        : Array.isArray(fetches) ? await session.run(fed, fetches as string[])
          : await session.run(fed, handles(fetches as Readonly<Record<string, DeviceTensor | null>>));
    } catch (cause) {
      throw new Fault({
        code: 'runtime.run',
        what: `The network failed while it ran on the device '${device}'.`,
        why: messageOf(cause),
        mend: 'Close other programs if memory is short; otherwise try --device cpu.',
      }, { cause });
    }
    const shown: Record<string, Tensor | DeviceTensor> = {};
    for (const name in results) {
      const value = results[name] as OrtTensor;
      shown[name] = value.location === 'cpu'
        ? { type: value.type as ElementType, dims: value.dims, data: value.data as TensorData }
        : new DeviceTensor(value);
    }
    return shown;
  };
  return {
    device,
    inputs: session.inputNames,
    outputs: session.outputNames,
    run: run as Session['run'],
    runOnDevice: run,
    async release() {
      if (released) return;
      released = true;
      await session.release();
    },
  };
}

/** The runtime's view of tensors that are fed again and again: caches and weights. It shares their memory, so what is written into them is seen. */
const views = new WeakMap<Tensor, OrtTensor>();

function wrapped(ort: Ort, value: Tensor): OrtTensor {
  const known = views.get(value);
  if (known) return known;
  const view = new ort.Tensor(value.type, value.data as Float32Array, value.dims);
  if (value.data.length >= 1024) views.set(value, view);
  return view;
}

const handles = (fetches: Readonly<Record<string, DeviceTensor | null>>): Record<string, OrtTensor | null> =>
  Object.fromEntries(Object.entries(fetches).map(([name, target]) => [name, target === null ? null : target.handle as OrtTensor]));

/** The runtime's message without the place in its own sources. */
const messageOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\s+/g, ' ').replace(/^.*\/onnxruntime_src\/.* was false\. /, '').trim().slice(0, 600);

/** The float32 values of an output. */
export function floats(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`floats: '${name}' is not a float32 output.`);
  return data;
}
