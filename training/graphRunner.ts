/** Training graphs of many shapes, each made when it is first met and run with weights that are fed. */
import { encodeModel } from '#models/graph/encode.ts';
import type { Graph } from '#models/graph/graph.ts';
import { createSession, float32, type Device, type Feeds, type Tensor } from '#models/runtime/session.ts';
import { SessionCache } from '#models/runtime/sessionCache.ts';
import type { ParameterSpec } from './graphs.ts';
import type { Weights } from './rollouts/model.ts';

/** Sessions give their activations' memory back, so that those of all common shapes stay open. */
const openGraphs = 24;

export interface BuiltGraph {
  readonly graph: Graph;
  readonly parameters: readonly ParameterSpec[];
  /** The parameters that have an output `gradient.NAME`; absent for a graph that only scores. */
  readonly trained?: readonly ParameterSpec[];
}

export interface GraphRunner {
  /** Runs the graph of this key, made by `build` where there is none, with the weights that it reads by name. */
  run(key: string, build: () => BuiltGraph, feeds: Feeds, weights: Weights): Promise<{ readonly outputs: Record<string, Tensor>; readonly trained: readonly ParameterSpec[] }>;
  release(): Promise<void>;
}

export function createGraphRunner(device: Device): GraphRunner {
  const sessions = new SessionCache(openGraphs);
  const compiled = new Map<string, Required<Pick<BuiltGraph, 'parameters' | 'trained'>>>();
  return {
    async run(key, build, feeds, weights) {
      const session = await sessions.get(key, () => {
        const { graph, parameters, trained = [] } = build();
        compiled.set(key, { parameters, trained });
        return createSession(encodeModel(graph), { device, arena: false });
      });
      const { parameters, trained } = compiled.get(key)!;
      const outputs = await session.run({ ...feeds, ...Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)])) });
      return { outputs, trained };
    },
    release: () => sessions.release(),
  };
}
