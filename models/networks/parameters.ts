/** Where a network's weights come from while its graph is built. */
import type { Value } from '#models/graph/graph.ts';
import { add, gemm } from '#models/graph/ops.ts';

/** Networks ask for weights by their published names; whether these are fed, stored, quantised or adapted is not their business. */
export interface Parameters {
  /** A stored tensor as float32. */
  tensor(name: string, shape: readonly number[]): Value;
  /** x [N, K] · Wᵀ + b with `name`.weight [outputs, K] and, where `bias`, `name`.bias [outputs]. */
  linear(x: Value, name: string, outputs: number, bias: boolean): Value;
}

const manyRows = 256;

/** Dense weights: every linear layer is one Gemm. Each tensor is made once, however often it is asked for. */
export function denseParameters(make: (name: string, shape: readonly number[]) => Value): Parameters {
  const made = new Map<string, Value>();
  const tensor = (name: string, shape: readonly number[]): Value => {
    let value = made.get(name);
    if (!value) made.set(name, (value = make(name, shape)));
    return value;
  };
  return {
    tensor,
    linear(x, name, outputs, bias) {
      const weight = tensor(`${name}.weight`, [outputs, x.shape[1]!]);
      const offset = bias ? tensor(`${name}.bias`, [outputs]) : null;
      // The CPU's Gemm spreads its third factor on one thread, which for many rows takes longer than an addition on all.
      return offset && x.shape[0]! > manyRows
        ? add(gemm(x, weight, null, { transB: true }), offset)
        : gemm(x, weight, offset, { transB: true });
    },
  };
}
