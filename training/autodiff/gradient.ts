/** Reverse-mode differentiation: adds to a graph the nodes that compute gradients. */
import type { Graph, Node, Value } from '#models/graph/graph.ts';
import { add, mul, reduceSum, reshape, slice } from '#models/graph/ops.ts';
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

/** Nodes of a graph by their places, [from, to): what a forward pass made between two moments. */
export interface Segment {
  readonly from: number;
  readonly to: number;
}

/**
 * The gradients of the seeded values with respect to `wanted`, in its order; `undefined` where nothing flows.
 * Only nodes between a wanted value and a seed get backward nodes: what is frozen costs nothing.
 *
 * @param segments  whose inner values are computed again when the backward pass comes to them (Chen et al. 2016), instead of being kept until then;
 *                  in the order of the graph, without overlap
 */
export function gradients(seeds: readonly Seed[], wanted: readonly Value[], segments: readonly Segment[] = []): readonly (Value | undefined)[] {
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
  const again = new Map<Node, Node>();
  const awaited = new Set<Value>();
  for (let i = forward.length - 1; i >= 0; i--) {
    const segment = segments.find(({ from, to }) => to - 1 === i && from < to);
    if (segment) {
      const finished = wanted.flatMap((value) => grads.get(value) ?? []).filter((grad) => !awaited.has(grad));
      recompute(graph, forward.slice(segment.from, segment.to), grads, finished, again);
      for (const grad of finished) awaited.add(grad);
    }
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
    const { inputs: read, outputs } = again.get(node) ?? node;
    const results = rule(
      { inputs: read as readonly Value[], output: outputs[0]!, outputs, attributes: node.attributes, wanted: inputs.map((input) => leads.has(input)) }, first, outputGrads);
    results.forEach((grad, at) => {
      const input = inputs[at]!;
      if (grad && leads.has(input)) accumulate(input, grad);
    });
  }
  prune(graph, new Set(again.values()), [...grads.values()]);
  return wanted.map((value) => grads.get(value));
}

/**
 * Applies nodes a second time, to inputs that depend on the gradient which has come this far: a runtime can then neither merge them with the first ones
 * nor compute them before the backward pass is here. They also wait for what is `finished`, whose operands a runtime would otherwise keep to the end.
 */
function recompute(graph: Graph, nodes: readonly Node[], grads: ReadonlyMap<Value, Value>, finished: readonly Value[], again: Map<Node, Node>): void {
  const arrived = nodes.flatMap(({ outputs }) => outputs).map((output) => grads.get(output)).find((grad) => grad !== undefined);
  if (!arrived) return;
  const corner = (x: Value): Value => reshape(x.shape.reduce((part, size, axis) => (size === 1 ? part : slice(part, axis, 0, 1)), x), []);
  const nothing = mul([arrived, ...finished].map(corner).reduce((a, b) => add(a, b)), 0);
  const inner = new Set(nodes);
  const copies = new Map<Value, Value>();
  const copyOf = (value: Value): Value => {
    let copy = copies.get(value);
    if (!copy) copies.set(value, (copy = value.node === null || inner.has(value.node) || value.dtype !== 'float32' ? value : add(value, nothing)));
    return copy;
  };
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => input && copyOf(input));
    const outputs = graph.apply(node.op, inputs, node.outputs.map(({ shape, dtype }) => ({ shape, dtype })), node.attributes);
    node.outputs.forEach((output, i) => copies.set(output, outputs[i]!));
    again.set(node, outputs[0]!.node!);
  }
}

/** Removes those of `nodes` whose outputs nothing reads. */
function prune(graph: Graph, nodes: ReadonlySet<Node>, kept: readonly Value[]): void {
  if (nodes.size === 0) return;
  const read = new Set<Value>([...kept, ...graph.outputs.map(({ value }) => value)]);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (nodes.has(node) && !node.outputs.some((output) => read.has(output))) graph.nodes.splice(i, 1);
    else for (const input of node.inputs) if (input) read.add(input);
  }
}
