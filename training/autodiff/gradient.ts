/** Reverse-mode differentiation: adds to a graph the nodes that compute gradients. */
import type { Value } from '#models/graph/graph.ts';
import { add, reduceSum, reshape } from '#models/graph/ops.ts';
import { vjps } from './vjps.ts';

/** Where backward begins: a value and the gradient of the loss with respect to it, of the same shape. */
export interface Seed {
  readonly value: Value;
  readonly gradient: Value;
}

/** What was broadcast in the forward pass is summed in the backward pass. */
function sumBack(grad: Value, shape: readonly number[]): Value {
  const lead = grad.shape.length - shape.length;
  const axes = grad.shape.flatMap((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? [i] : []));
  return reshape(axes.length > 0 ? reduceSum(grad, axes) : grad, shape);
}

/**
 * The gradients of the seeded values with respect to `wanted`, in its order; `undefined` where nothing flows.
 * Only nodes between a wanted value and a seed get backward nodes: what is frozen costs nothing.
 */
export function gradients(seeds: readonly Seed[], wanted: readonly Value[]): readonly (Value | undefined)[] {
  const graph = seeds[0]!.value.graph;
  const leads = new Set<Value>(wanted);
  for (const node of graph.nodes) if (node.inputs.some((input) => input && leads.has(input))) node.outputs.forEach((output) => leads.add(output));

  const grads = new Map<Value, Value>();
  const accumulate = (value: Value, grad: Value): void => {
    const before = grads.get(value);
    const summed = sumBack(grad, value.shape);
    grads.set(value, before ? add(before, summed) : summed);
  };
  for (const { value, gradient } of seeds) accumulate(value, gradient);

  const forward = [...graph.nodes];
  for (let i = forward.length - 1; i >= 0; i--) {
    const node = forward[i]!;
    const outputGrads = node.outputs.map((output) => grads.get(output));
    const first = outputGrads.find((grad) => grad !== undefined);
    if (!first || !node.outputs.some((output) => leads.has(output))) continue;
    const rule = vjps[node.op];
    if (!rule) {
      if (node.outputs.some((output) => output.dtype === 'float32')) throw new Error(`${node.op} has no gradient rule, yet ${node.outputs[0]!.name} lies on the way to a trained value.`);
      continue;
    }
    const inputs = node.inputs as readonly Value[];
    const results = rule(
      { inputs, output: node.outputs[0]!, outputs: node.outputs, attributes: node.attributes, wanted: inputs.map((input) => leads.has(input)) }, first, outputGrads);
    results.forEach((grad, at) => {
      const input = inputs[at]!;
      if (grad && leads.has(input)) accumulate(input, grad);
    });
  }
  return wanted.map((value) => grads.get(value));
}
