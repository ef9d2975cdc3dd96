/**
 * AdamW as part of the training graph, for state that stays on the device: one run reads weights and moments and gives the next ones.
 *
 *   ĝ = g · min(1, limit / ‖all gradients‖)
 *   m ← β₁m + (1−β₁)ĝ      v ← β₂v + (1−β₂)ĝ²
 *   w ← w − η·( m̂ / (√v̂ + ε) + λ·w ),   m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ)
 *
 * A run may write each result over what it was made from. That is safe because of the clip factor: it depends on every gradient, and every
 * update on it, so no weight can change before the backward pass has read all of them. Without it the runtime may overwrite a weight that
 * another gradient still needs, and nothing reports it.
 */
import type { Graph, Value } from '#models/graph/graph.ts';
import { add, div, minimum, mul, sqrt, sub, sumAll } from '#models/graph/ops.ts';
import type { AdamwOptions } from './adamw.ts';

export interface Trained {
  readonly name: string;
  /** The graph's input. */
  readonly weight: Value;
  readonly gradient: Value;
  /** Whether λ applies: to matrices, not to norms and biases. */
  readonly decays: boolean;
}

/** Numbers that change from step to step, as the graph's scalar inputs. */
export interface StepScalars {
  /** η */
  readonly rate: number;
  /** 1 / (1 − β₁ᵗ) and 1 / (1 − β₂ᵗ) */
  readonly firstCorrection: number;
  readonly secondCorrection: number;
}

/** @param count  t ≥ 1, how many updates there were, this one included */
export const stepScalars = ({ beta1, beta2 }: AdamwOptions, { count, learningRate }: { readonly count: number; readonly learningRate: number }): StepScalars =>
  ({ rate: learningRate, firstCorrection: 1 / (1 - beta1 ** count), secondCorrection: 1 / (1 - beta2 ** count) });

/**
 * Adds the update. In: `first.NAME` and `second.NAME` of each weight's shape; `rate`, `firstCorrection`, `secondCorrection` [].
 * Out: `next.weight.NAME`, `next.first.NAME`, `next.second.NAME`, and `norm` [], the norm of all gradients before clipping.
 *
 * @param limit  of the norm of all gradients together
 */
export function adamwGraph(graph: Graph, trained: readonly Trained[], { beta1, beta2, epsilon, weightDecay }: AdamwOptions, limit: number): void {
  const rate = graph.input('rate', []);
  const firstCorrection = graph.input('firstCorrection', []);
  const secondCorrection = graph.input('secondCorrection', []);
  const squares = trained.map(({ gradient }) => sumAll(mul(gradient, gradient)));
  const norm = sqrt(addUp(squares));
  const factor = minimum(div(limit, add(norm, 1e-12)), 1);
  for (const { name, weight, gradient, decays } of trained) {
    const clipped = mul(gradient, factor);
    const first = add(mul(graph.input(`first.${name}`, weight.shape), beta1), mul(clipped, 1 - beta1));
    const second = add(mul(graph.input(`second.${name}`, weight.shape), beta2), mul(mul(clipped, clipped), 1 - beta2));
    const step = div(mul(first, firstCorrection), add(sqrt(mul(second, secondCorrection)), epsilon));
    graph.output(`next.weight.${name}`, sub(weight, mul(decays ? add(step, mul(weight, weightDecay)) : step, rate)));
    graph.output(`next.first.${name}`, first);
    graph.output(`next.second.${name}`, second);
  }
  graph.output('norm', norm);
}

/** A balanced tree: hundreds of numbers are added with little rounding and in few steps. */
function addUp(values: readonly Value[]): Value {
  if (values.length === 1) return values[0]!;
  const half = values.length >> 1;
  return add(addUp(values.slice(0, half)), addUp(values.slice(half)));
}
