/** The operators as functions from values to values, each with its shape rule. */
import { product } from '#models/base/math.ts';
import { ShapeError, type Attribute, type DType, type Graph, type Op, type Value } from './graph.ts';

/** The shape that two operands share after numpy's broadcasting. */
export function broadcastShape(a: readonly number[], b: readonly number[], what = 'broadcast'): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new ShapeError(`${what}: [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** A tensor, or a number that becomes a float32 scalar. */
export type Operand = Value | number;

const graphOf = (...operands: readonly Operand[]): Graph => {
  const value = operands.find((x): x is Value => typeof x !== 'number');
  if (!value) throw new ShapeError('at least one operand must be a tensor');
  return value.graph;
};
const lift = (graph: Graph, x: Operand): Value => (typeof x === 'number' ? graph.scalar(x) : x);

function binary(op: Op, a: Operand, b: Operand, dtype?: DType): Value {
  const graph = graphOf(a, b);
  const left = lift(graph, a);
  const right = lift(graph, b);
  if (left.dtype !== right.dtype) throw new ShapeError(`${op}: ${left.name} is ${left.dtype} and ${right.name} is ${right.dtype}`);
  return graph.apply(op, [left, right], [{ shape: broadcastShape(left.shape, right.shape, op), dtype: dtype ?? left.dtype }])[0]!;
}

const unary = (op: Op, x: Value, attributes: Record<string, Attribute> = {}): Value =>
  x.graph.apply(op, [x], [{ shape: x.shape, dtype: x.dtype }], attributes)[0]!;

export const add = (a: Operand, b: Operand): Value => binary('Add', a, b);
export const sub = (a: Operand, b: Operand): Value => binary('Sub', a, b);
export const mul = (a: Operand, b: Operand): Value => binary('Mul', a, b);
export const div = (a: Operand, b: Operand): Value => binary('Div', a, b);
export const minimum = (a: Operand, b: Operand): Value => binary('Min', a, b);
export const maximum = (a: Operand, b: Operand): Value => binary('Max', a, b);
export const less = (a: Operand, b: Operand): Value => binary('Less', a, b, 'bool');
export const greater = (a: Operand, b: Operand): Value => binary('Greater', a, b, 'bool');
export const equal = (a: Operand, b: Operand): Value => binary('Equal', a, b, 'bool');
export const neg = (x: Value): Value => unary('Neg', x);
export const exp = (x: Value): Value => unary('Exp', x);
export const log = (x: Value): Value => unary('Log', x);
export const sqrt = (x: Value): Value => unary('Sqrt', x);
export const reciprocal = (x: Value): Value => unary('Reciprocal', x);
export const sigmoid = (x: Value): Value => unary('Sigmoid', x);
export const tanh = (x: Value): Value => unary('Tanh', x);
export const erf = (x: Value): Value => unary('Erf', x);
export const identity = (x: Value): Value => unary('Identity', x);

/** `condition` (bool) chooses between `yes` and `no`; all three broadcast. */
export function where(condition: Value, yes: Operand, no: Operand): Value {
  const graph = condition.graph;
  const [a, b] = [lift(graph, yes), lift(graph, no)];
  const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape, 'Where'), 'Where');
  return graph.apply('Where', [condition, a, b], [{ shape, dtype: a.dtype }])[0]!;
}

const onnxTypes: Readonly<Record<DType, number>> = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10, bfloat16: 16 };
/** The number by which ONNX knows an element type. */
export const onnxType = (dtype: DType): number => onnxTypes[dtype];
/** The element type that ONNX knows by this number, where graphs use it. */
export const dtypeOf = (number: number): DType | undefined => (Object.keys(onnxTypes) as DType[]).find((dtype) => onnxTypes[dtype] === number);

export const cast = (x: Value, dtype: DType): Value =>
  x.dtype === dtype ? x : x.graph.apply('Cast', [x], [{ shape: x.shape, dtype }], { to: onnxType(dtype) })[0]!;

/** x · sigmoid(alpha · x). */
const gated = (x: Value, alpha: number): Value =>
  x.graph.fused ? unary('QuickGelu', x, { alpha }) : mul(x, sigmoid(alpha === 1 ? x : mul(x, alpha)));
/** x · sigmoid(x). */
export const silu = (x: Value): Value => gated(x, 1);
/** x · sigmoid(1.702 x), the GELU of Qwen2-VL's vision blocks. */
export const quickGelu = (x: Value): Value => gated(x, 1.702);
/** x · Φ(x) by the error function. */
export const gelu = (x: Value): Value => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
/** x held between `low` and `high`; its gradient is zero outside. */
export const clip = (x: Value, low: number, high: number): Value => where(less(x, low), low, where(greater(x, high), high, x));

/** Which factors of a product are read with their last two axes exchanged. */
export interface Transposed {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** Batched matrix product [..., M, K] · [..., K, N]; the leading sizes broadcast. */
export function matMul(a: Value, b: Value, { transA = false, transB = false }: Transposed = {}): Value {
  if (a.shape.length < 2 || b.shape.length < 2) throw new ShapeError(`matMul: ${a.name} is [${a.shape}] and ${b.name} is [${b.shape}]; both need two axes`);
  if ((transA || transB) && !a.graph.fused) return matMul(transA ? swap(a) : a, transB ? swap(b) : b);
  const [m, k] = transA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const [k2, n] = transB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  if (k !== k2) {
    throw new ShapeError(
      `matMul: the inner sizes differ: ${a.name} is [${a.shape}] and ${b.name} is [${b.shape}], ` +
      `so ${k} would have to equal ${k2}. If one is stored transposed, wrap it in swap().`);
  }
  const lead = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matMul');
  const output = { shape: [...lead, m, n], dtype: a.dtype };
  return (transA || transB
    ? a.graph.apply('FusedMatMul', [a, b], [output], { transA: Number(transA), transB: Number(transB) })
    : a.graph.apply('MatMul', [a, b], [output]))[0]!;
}

/** A · B + c for two-dimensional A and B, either of which may be read transposed. `c` broadcasts. */
export function gemm(a: Value, b: Value, c: Value | null = null, { transA = false, transB = false }: Transposed = {}): Value {
  if (a.shape.length !== 2 || b.shape.length !== 2) throw new ShapeError(`gemm: ${a.name} is [${a.shape}] and ${b.name} is [${b.shape}]; both must be matrices`);
  const [m, k] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
  const [k2, n] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
  if (k !== k2) throw new ShapeError(`gemm: the inner sizes differ: ${a.name} [${a.shape}]${transA ? 'ᵀ' : ''} and ${b.name} [${b.shape}]${transB ? 'ᵀ' : ''}`);
  if (c) broadcastShape(c.shape, [m, n], 'gemm');
  return a.graph.apply('Gemm', c ? [a, b, c] : [a, b], [{ shape: [m, n], dtype: a.dtype }], { transA: Number(transA), transB: Number(transB) })[0]!;
}

const axisOf = (x: Value, axis: number): number => {
  const positive = axis < 0 ? axis + x.shape.length : axis;
  if (positive < 0 || positive >= x.shape.length) throw new ShapeError(`${x.name} [${x.shape}] has no axis ${axis}`);
  return positive;
};

export const softmax = (x: Value, axis = -1): Value => unary('Softmax', x, { axis: axisOf(x, axis) });

function reduce(op: Op, x: Value, axes: readonly number[], keep: boolean): Value {
  const reduced = new Set(axes.map((axis) => axisOf(x, axis)));
  const shape = x.shape.flatMap((size, i) => (reduced.has(i) ? (keep ? [1] : []) : [size]));
  return x.graph.apply(op, [x, x.graph.integers([...reduced].sort((a, b) => a - b))], [{ shape, dtype: x.dtype }], { keepdims: Number(keep) })[0]!;
}
export const reduceSum = (x: Value, axes: readonly number[], keep = true): Value => reduce('ReduceSum', x, axes, keep);
export const reduceMean = (x: Value, axes: readonly number[], keep = true): Value => reduce('ReduceMean', x, axes, keep);
export const reduceMax = (x: Value, axes: readonly number[], keep = true): Value => reduce('ReduceMax', x, axes, keep);
/** Every element added up, []. */
export const sumAll = (x: Value): Value => (x.shape.length === 0 ? x : reduceSum(x, x.shape.map((_, i) => i), false));

export function reshape(x: Value, shape: readonly number[]): Value {
  if (product(shape) !== product(x.shape)) throw new ShapeError(`reshape: ${x.name} [${x.shape}] cannot become [${shape}]`);
  if (shape.join() === x.shape.join()) return x;
  // A shape in between leaves no trace.
  if (x.node?.op === 'Reshape') return reshape(x.node.inputs[0]!, shape);
  return x.graph.apply('Reshape', [x, x.graph.integers(shape)], [{ shape, dtype: x.dtype }])[0]!;
}

export function transpose(x: Value, order: readonly number[]): Value {
  if ([...order].sort((a, b) => a - b).join() !== x.shape.map((_, i) => i).join()) throw new ShapeError(`transpose: [${order}] does not order the axes of [${x.shape}]`);
  // Where only axes of size 1 move, every element stays.
  const moving = order.filter((axis) => x.shape[axis] !== 1);
  if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)) return reshape(x, order.map((axis) => x.shape[axis]!));
  return x.graph.apply('Transpose', [x], [{ shape: order.map((axis) => x.shape[axis]!), dtype: x.dtype }], { perm: order })[0]!;
}
/** The last two axes exchanged. */
export const swap = (x: Value): Value => {
  const rank = x.shape.length;
  return transpose(x, x.shape.map((_, i) => (i === rank - 2 ? rank - 1 : i === rank - 1 ? rank - 2 : i)));
};

export function expand(x: Value, shape: readonly number[]): Value {
  const target = broadcastShape(x.shape, shape, 'expand');
  if (target.join() === x.shape.join()) return x;
  return x.graph.apply('Expand', [x, x.graph.integers(target)], [{ shape: target, dtype: x.dtype }])[0]!;
}

export function concat(values: readonly Value[], axis: number): Value {
  const first = values[0];
  if (!first) throw new ShapeError('concat: nothing to join');
  if (values.length === 1) return first;
  const at = axisOf(first, axis);
  for (const value of values) {
    if (value.shape.length !== first.shape.length || value.shape.some((size, i) => i !== at && size !== first.shape[i])) {
      throw new ShapeError(`concat: ${value.name} [${value.shape}] does not join [${first.shape}] along axis ${at}`);
    }
  }
  const shape = first.shape.map((size, i) => (i === at ? values.reduce((total, value) => total + value.shape[at]!, 0) : size));
  return first.graph.apply('Concat', values, [{ shape, dtype: first.dtype }], { axis: at })[0]!;
}

/** Cuts along `axis` into parts of the given sizes. */
export function split(x: Value, sizes: readonly number[], axis: number): readonly Value[] {
  const at = axisOf(x, axis);
  if (sizes.reduce((a, b) => a + b, 0) !== x.shape[at]) throw new ShapeError(`split: [${sizes}] do not add up to axis ${at} of [${x.shape}]`);
  const outputs = sizes.map((size) => ({ shape: x.shape.map((full, i) => (i === at ? size : full)), dtype: x.dtype }));
  return x.graph.apply('Split', [x, x.graph.integers(sizes)], outputs, { axis: at });
}

/** The half-open range [start, end) of one axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const at = axisOf(x, axis);
  if (start < 0 || end > x.shape[at]! || start >= end) throw new ShapeError(`slice: [${start}, ${end}) does not lie in axis ${at} of [${x.shape}]`);
  const { graph } = x;
  const shape = x.shape.map((size, i) => (i === at ? end - start : size));
  return graph.apply('Slice', [x, graph.integers([start]), graph.integers([end]), graph.integers([at])], [{ shape, dtype: x.dtype }])[0]!;
}

/** Rows (or what lies along `axis`) chosen by an integer tensor; the indices' shape takes the axis's place. */
export function gather(x: Value, indices: Value, axis = 0): Value {
  const at = axisOf(x, axis);
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
  return x.graph.apply('Gather', [x, indices], [{ shape, dtype: x.dtype }], { axis: at })[0]!;
}

/** out[i, j] = x[i, indices[i, j]] for axis 1, and so on for other axes. */
export function gatherElements(x: Value, indices: Value, axis: number): Value {
  return x.graph.apply('GatherElements', [x, indices], [{ shape: indices.shape, dtype: x.dtype }], { axis: axisOf(x, axis) })[0]!;
}

/** `x` with updates[i, j] added at [i, indices[i, j]] (axis 1). */
export function scatterAddElements(x: Value, indices: Value, updates: Value, axis: number): Value {
  return x.graph.apply('ScatterElements', [x, indices, updates], [{ shape: x.shape, dtype: x.dtype }], { axis: axisOf(x, axis), reduction: 'add' })[0]!;
}

/** The index of the largest element along the last axis, as int64 without that axis. */
export const argMax = (x: Value): Value =>
  x.graph.apply('ArgMax', [x], [{ shape: x.shape.slice(0, -1), dtype: 'int64' }], { axis: x.shape.length - 1, keepdims: 0 })[0]!;

/** The k largest along the last axis, in falling order: values, then indices (int64). */
export function topK(x: Value, k: number): readonly [Value, Value] {
  const shape = [...x.shape.slice(0, -1), k];
  const [values, indices] = x.graph.apply('TopK', [x, x.graph.integers([k])], [{ shape, dtype: x.dtype }, { shape, dtype: 'int64' }], { axis: x.shape.length - 1 });
  return [values!, indices!];
}

/** (x − mean) / sqrt(variance + epsilon) · weight + bias over the last axis. */
export const layerNorm = (x: Value, weight: Value, bias: Value, epsilon: number): Value =>
  x.graph.apply('LayerNormalization', [x, weight, bias], [{ shape: x.shape, dtype: x.dtype }], { axis: x.shape.length - 1, epsilon })[0]!;

/** x / sqrt(mean(x²) + epsilon) · weight over the last axis. A fused graph also takes the reciprocal of that root from the operator, for its gradient. */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const outputs = [{ shape: x.shape, dtype: x.dtype }];
  if (x.graph.fused) outputs.push({ shape: [...x.shape.slice(0, -1), 1], dtype: x.dtype });
  return x.graph.apply('SimplifiedLayerNormalization', [x, weight], outputs, { axis: x.shape.length - 1, epsilon, stash_type: 1 })[0]!;
}

/**
 * Channels j and j + K/2 of each head turned by the angle of their row; fused graphs only.
 *
 * @param x         [N, heads, K]
 * @param cos, sin  [N, K/2]
 */
export function rotary(x: Value, cos: Value, sin: Value): Value {
  const [rows, heads, width] = x.shape as [number, number, number];
  if (x.shape.length !== 3 || [cos, sin].some((table) => table.shape.join() !== `${rows},${width / 2}`)) {
    throw new ShapeError(`rotary: ${x.name} [${x.shape}] needs tables of [rows, half its width], not [${cos.shape}] and [${sin.shape}]`);
  }
  const { graph } = x;
  const shape = [1, rows, heads * width];
  const first = graph.integers([0]);
  return reshape(graph.apply('RotaryEmbedding', [reshape(x, shape), first, cos, sin], [{ shape, dtype: x.dtype }])[0]!, x.shape);
}

/** x · Wᵀ with W [N, K] kept as 4- or 8-bit integers in blocks along K, each block with its scale (weight-only quantisation). */
export function matMulNBits(x: Value, packed: Value, scales: Value, zeroPoints: Value | null, { k, n, bits, blockSize, accuracyLevel = 0 }: { k: number; n: number; bits: number; blockSize: number; accuracyLevel?: number }): Value {
  if (x.shape.at(-1) !== k) throw new ShapeError(`matMulNBits: ${x.name} [${x.shape}] does not end in ${k}`);
  return x.graph.apply('MatMulNBits', zeroPoints ? [x, packed, scales, zeroPoints] : [x, packed, scales],
    [{ shape: [...x.shape.slice(0, -1), n], dtype: x.dtype }], { K: k, N: n, bits, block_size: blockSize, accuracy_level: accuracyLevel })[0]!;
}
