/** Which devices are here, whether they compute rightly, and moving values to and from them. */

import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import type { Value } from '#models/graph/graph.ts';
import { Graph } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import type { Device, DeviceTensor, Session, Tensor } from './session.ts';
import { createSession, devices, float32, floats, loadRuntime } from './session.ts';

export interface DeviceState {
  readonly device: Device;
  /** The runtime on this platform knows it. */
  readonly supported: boolean;
  /** Its libraries come with this installation. */
  readonly bundled: boolean;
}

/** Every device by name, and whether the runtime here has it. Being listed does not mean that the machine has the hardware: `selfTest` tells. */
export async function listDevices(): Promise<readonly DeviceState[]> {
  const backends = new Map((await loadRuntime()).listSupportedBackends().map(({ name, bundled }) => [name, bundled]));
  return devices.map((device) => ({ device, supported: backends.has(device), bundled: backends.get(device) ?? false }));
}

/** The versions that decide what a graph computes. */
export async function runtimeVersion(): Promise<string> {
  const { env } = await loadRuntime();
  return `onnxruntime-node ${env.versions.node ?? env.versions.common}`;
}

export interface OperatorCheck {
  readonly operator: string;
  /** Largest difference from the CPU, relative to the largest value; null when the device refused the operator. */
  readonly error: number | null;
  readonly passed: boolean;
}

export interface SelfTest {
  readonly device: Device;
  readonly works: boolean;
  /** Fused operators that agree with the CPU here and may be used in place of their primitives. */
  readonly fused: ReadonlySet<string>;
  readonly checks: readonly OperatorCheck[];
  /** Why the device does not work, where it does not. */
  readonly why?: string;
}

/** The largest relative difference from the CPU that counts as rounding; int8 activations make quantised products coarser. */
const tolerance = 2e-4;

type Trial = (x: Value, w: Value) => Value;

/** Small graphs over x [8, 64] and w [64, 64], one for each operator that must be right before it is used. The first needs no fused operator. */
const trials: Readonly<Record<string, Trial>> = {
  primitives: (x, w) => op.softmax(op.add(op.gemm(x, w, null, { transB: true }), op.matMul(x, op.swap(w)))),
  SimplifiedLayerNormalization: (x, w) => op.rmsNorm(x, op.reshape(op.slice(w, 0, 0, 1), [64]), 1e-6),
  LayerNormalization: (x, w) => op.layerNorm(x, op.reshape(op.slice(w, 0, 0, 1), [64]), op.reshape(op.slice(w, 0, 1, 2), [64]), 1e-6),
  QuickGelu: (x) => x.graph.apply('QuickGelu', [x], [{ shape: x.shape, dtype: x.dtype }], { alpha: 1.702 })[0] as Value,
  MatMulNBits: (x) => {
    const bytes = Uint8Array.from({ length: 64 * 2 * 16 }, (_, i) => (i * 37 + 11) & 255);
    const packed = x.graph.constant(bytes, [64, 2, 16]);
    const scales = x.graph.constant(Float32Array.from({ length: 128 }, (_, i) => 0.01 + 0.0001 * i), [128]);
    return op.matMulNBits(x, packed, scales, null, { k: 64, n: 64, bits: 4, blockSize: 32 });
  },
};

export const selfTestedOperators: readonly string[] = Object.keys(trials).slice(1);

const results = new Map<Device, Promise<SelfTest>>();

/** Compares the device with the CPU, operator by operator, once for each process. The CPU is the reference and passes by definition. */
export function selfTest(device: Device): Promise<SelfTest> {
  let result = results.get(device);
  if (!result) results.set(device, (result = device === 'cpu' ? Promise.resolve(reference()) : compare(device)));
  return result;
}

const reference = (): SelfTest => ({
  device: 'cpu', works: true, fused: new Set(selfTestedOperators),
  checks: Object.keys(trials).map((operator) => ({ operator, error: 0, passed: true })),
});

async function compare(device: Device): Promise<SelfTest> {
  const state = (await listDevices()).find((candidate) => candidate.device === device);
  if (state?.supported !== true) {
    return { device, works: false, fused: new Set(), checks: [], why: 'The runtime for this platform was built without it.' };
  }
  const checks: OperatorCheck[] = [];
  let why: string | undefined;
  for (const [operator, trial] of Object.entries(trials)) {
    const wanted = await evaluate('cpu', trial);
    let error: number | null = null;
    try {
      error = relativeError(await evaluate(device, trial), wanted);
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      why ??= thrown.why;
    }
    checks.push({ operator, error, passed: error !== null && error < tolerance });
    // Without the plain operators nothing else is worth asking, and a missing driver is asked for only once.
    if (operator === 'primitives' && error === null) break;
  }
  const works = checks[0]?.passed === true;
  return {
    device, works, checks,
    fused: new Set(works ? checks.slice(1).filter(({ passed }) => passed).map(({ operator }) => operator) : []),
    ...(works ? {} : { why: why ?? 'It computes something other than the CPU.' }),
  };
}

async function evaluate(device: Device, trial: Trial): Promise<Float32Array> {
  const graph = new Graph('selfTest');
  graph.output('y', trial(graph.input('x', [8, 64]), graph.input('w', [64, 64])));
  const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const random = new Random(11);
  const feeds = Object.fromEntries(graph.inputs.map((value) => [value.name, normal(random, value.shape)] as const)
    .filter((_, i) => used.has(graph.inputs[i] as Value)));
  // An input that no node reads would have to be fed all the same on some devices, so it is not declared.
  for (let i = graph.inputs.length - 1; i >= 0; i--) if (!used.has(graph.inputs[i] as Value)) graph.inputs.splice(i, 1);
  const session = await createSession(encodeModel(graph), { device, threads: 1 });
  try {
    return floats(await session.run(feeds), 'y');
  } finally {
    await session.release();
  }
}

const normal = (random: Random, shape: readonly number[]): Tensor =>
  float32(shape, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()));

function relativeError(actual: Float32Array, wanted: Float32Array): number {
  let largest = 1e-9;
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    largest = Math.max(largest, Math.abs(wanted[i] as number));
    const difference = Math.abs((actual[i] as number) - (wanted[i] as number));
    if (!(difference <= worst)) worst = difference;
  }
  return worst / largest;
}

/**
 * The device to use: the one that is asked for, after its self-test, or with `auto` the CPU, which is always right.
 *
 * @throws Fault `runtime.device` when the device that was asked for does not work here
 */
export async function chooseDevice(wish: Device | 'auto'): Promise<SelfTest> {
  if (wish === 'auto') return selfTest('cpu');
  const result = await selfTest(wish);
  if (result.works) return result;
  throw new Fault({
    code: 'runtime.device',
    what: `The device '${wish}' cannot be used.`,
    why: result.why ?? 'It computes something other than the CPU.',
    mend: 'Use --device cpu, or install the driver that `loupe doctor` names.',
  });
}

/** Moves values into device memory and back, by sessions that compute nothing: the only way that the runtime survives (WebGPU only). */
export interface Mover {
  upload(value: Tensor): Promise<DeviceTensor>;
  download(value: DeviceTensor): Promise<Tensor>;
  release(): Promise<void>;
}

/** One session for each shape and direction, made at its first use. Only float32 moves. */
export function createMover(device: Device): Mover {
  const sessions = new Map<string, Promise<Session>>();
  const sessionFor = (dims: readonly number[], direction: 'up' | 'down'): Promise<Session> => {
    const key = `${direction}:${dims.join()}`;
    let session = sessions.get(key);
    if (!session) {
      const graph = new Graph('identity');
      graph.output('y', op.identity(graph.input('x', dims)));
      session = createSession(encodeModel(graph), { device, ...(direction === 'up' ? { outputLocation: 'gpu-buffer' } : {}) });
      sessions.set(key, session);
    }
    return session;
  };
  return {
    async upload(value) {
      return (await (await sessionFor(value.dims, 'up')).runOnDevice({ x: value })).y as DeviceTensor;
    },
    async download(value) {
      return (await (await sessionFor(value.dims, 'down')).run({ x: value })).y as Tensor;
    },
    async release() {
      await Promise.all([...sessions.values()].map(async (session) => (await session).release()));
      sessions.clear();
    },
  };
}
