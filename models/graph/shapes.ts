/** The shape of each operator's results, from its operands alone: what a graph read from bytes is checked against. */
import { product } from '#models/base/math.ts';
import { ShapeError, type Attribute, type DType, type Graph, type Op, type OutputSpec, type Value } from './graph.ts';
import { broadcastShape, dtypeOf } from './ops.ts';

export interface Application {
  readonly op: Op;
  readonly graph: Graph;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** How many results are named. */
  readonly count: number;
}

type Rule = (application: Application) => readonly OutputSpec[];

const refuse = (why: string): never => {
  throw new ShapeError(why);
};

const operand = ({ op, inputs }: Application, at: number): Value => inputs[at] ?? refuse(`${op}: operand ${at} is missing`);
const integer = ({ op, attributes }: Application, name: string, otherwise?: number): number => {
  const value = attributes[name] ?? otherwise;
  return typeof value === 'number' && Number.isInteger(value) ? value : refuse(`${op}: the attribute ${name} is not an integer`);
};
/** The integers of an operand that must be a constant. */
const integers = (application: Application, at: number): readonly number[] => {
  const data = application.graph.constants.get(operand(application, at));
  return data instanceof BigInt64Array && data.length <= 64 ? Array.from(data, Number) : refuse(`${application.op}: operand ${at} is not a short constant of integers`);
};
const axisOf = ({ op }: Application, { shape }: Value, axis: number): number => {
  const positive = axis < 0 ? axis + shape.length : axis;
  return Number.isInteger(positive) && positive >= 0 && positive < shape.length ? positive : refuse(`${op}: [${shape}] has no axis ${axis}`);
};
const typed = (value: Value, ...dtypes: readonly DType[]): Value =>
  dtypes.includes(value.dtype) ? value : refuse(`${value.name} is ${value.dtype}, not ${dtypes.join(' or ')}`);

const same: Rule = (a) => {
  const x = operand(a, 0);
  return [{ shape: x.shape, dtype: x.dtype }];
};

const binary = (dtype?: DType): Rule => (a) => {
  const [x, y] = [operand(a, 0), operand(a, 1)];
  if (x.dtype !== y.dtype) refuse(`${a.op}: ${x.dtype} and ${y.dtype} do not mix`);
  return [{ shape: broadcastShape(x.shape, y.shape, a.op), dtype: dtype ?? x.dtype }];
};

const reduction: Rule = (a) => {
  const x = operand(a, 0);
  const axes = new Set(integers(a, 1).map((axis) => axisOf(a, x, axis)));
  const keep = integer(a, 'keepdims', 1) === 1;
  return [{ shape: x.shape.flatMap((size, i) => (axes.has(i) ? (keep ? [1] : []) : [size])), dtype: x.dtype }];
};

/** The shape of A' · B', either read transposed. */
const multiplied = (a: Application): OutputSpec => {
  const [x, y] = [operand(a, 0), operand(a, 1)];
  if (x.shape.length < 2 || y.shape.length < 2 || x.dtype !== y.dtype) refuse(`${a.op}: [${x.shape}] and [${y.shape}] are not matrices of one type`);
  const matrix = ({ shape }: Value, transposed: boolean): [number, number] => (transposed ? [shape.at(-1)!, shape.at(-2)!] : [shape.at(-2)!, shape.at(-1)!]);
  const [m, k] = matrix(x, integer(a, 'transA', 0) === 1);
  const [k2, n] = matrix(y, integer(a, 'transB', 0) === 1);
  if (k !== k2) refuse(`${a.op}: the inner sizes ${k} and ${k2} differ`);
  return { shape: [...broadcastShape(x.shape.slice(0, -2), y.shape.slice(0, -2), a.op), m, n], dtype: x.dtype };
};

const normalised = (operands: number): Rule => (a) => {
  const x = operand(a, 0);
  if (axisOf(a, x, integer(a, 'axis', -1)) !== x.shape.length - 1) refuse(`${a.op}: only the last axis is normalised`);
  for (let i = 1; i < operands; i++) if (operand(a, i).shape.join() !== String(x.shape.at(-1))) refuse(`${a.op}: operand ${i} is not as long as a row`);
  return [{ shape: x.shape, dtype: x.dtype }, { shape: [...x.shape.slice(0, -1), 1], dtype: x.dtype }].slice(0, a.count);
};

export const shapeRules: Readonly<Record<Op, Rule>> = {
  Add: binary(), Sub: binary(), Mul: binary(), Div: binary(), Min: binary(), Max: binary(),
  Less: binary('bool'), Greater: binary('bool'), Equal: binary('bool'),
  Neg: same, Exp: same, Log: same, Sqrt: same, Reciprocal: same, Sigmoid: same, Tanh: same, Erf: same, Identity: same, QuickGelu: same,
  Softmax: (a) => {
    axisOf(a, operand(a, 0), integer(a, 'axis', -1));
    return same(a);
  },
  Where: (a) => {
    const [condition, x, y] = [typed(operand(a, 0), 'bool'), operand(a, 1), operand(a, 2)];
    if (x.dtype !== y.dtype) refuse(`Where: ${x.dtype} and ${y.dtype} do not mix`);
    return [{ shape: broadcastShape(condition.shape, broadcastShape(x.shape, y.shape, 'Where'), 'Where'), dtype: x.dtype }];
  },
  Cast: (a) => [{ shape: operand(a, 0).shape, dtype: dtypeOf(integer(a, 'to')) ?? refuse(`Cast: unknown element type ${String(a.attributes['to'])}`) }],
  MatMul: (a) => [multiplied(a)],
  FusedMatMul: (a) => [multiplied(a)],
  Gemm: (a) => {
    const result = multiplied(a);
    if (result.shape.length !== 2) refuse('Gemm: both factors must have two axes');
    const added = a.inputs[2];
    if (added && broadcastShape(added.shape, result.shape, 'Gemm').join() !== result.shape.join()) refuse(`Gemm: [${added.shape}] is larger than the product`);
    return [result];
  },
  ReduceSum: reduction, ReduceMean: reduction, ReduceMax: reduction,
  Reshape: (a) => {
    const x = operand(a, 0);
    const shape = integers(a, 1);
    if (shape.some((size) => size < 0) || product(shape) !== product(x.shape)) refuse(`Reshape: [${x.shape}] cannot become [${shape}]`);
    return [{ shape, dtype: x.dtype }];
  },
  Transpose: (a) => {
    const x = operand(a, 0);
    const order = a.attributes['perm'];
    if (!Array.isArray(order) || [...(order as number[])].sort((p, q) => p - q).join() !== x.shape.map((_, i) => i).join()) return refuse(`Transpose: perm does not order the axes of [${x.shape}]`);
    return [{ shape: (order as number[]).map((axis) => x.shape[axis]!), dtype: x.dtype }];
  },
  Expand: (a) => {
    const x = operand(a, 0);
    const shape = integers(a, 1);
    if (shape.some((size) => size < 0)) refuse(`Expand: [${shape}] is not a shape`);
    return [{ shape: broadcastShape(x.shape, shape, 'Expand'), dtype: x.dtype }];
  },
  Concat: (a) => {
    const first = operand(a, 0);
    const axis = axisOf(a, first, integer(a, 'axis'));
    let total = 0;
    a.inputs.forEach((_, i) => {
      const { shape, dtype } = operand(a, i);
      if (dtype !== first.dtype || shape.length !== first.shape.length || shape.some((size, at) => at !== axis && size !== first.shape[at])) refuse(`Concat: [${shape}] does not join [${first.shape}]`);
      total += shape[axis]!;
    });
    return [{ shape: first.shape.map((size, i) => (i === axis ? total : size)), dtype: first.dtype }];
  },
  Split: (a) => {
    const x = operand(a, 0);
    const axis = axisOf(a, x, integer(a, 'axis', 0));
    const sizes = integers(a, 1);
    if (sizes.length !== a.count || sizes.some((size) => size < 0) || sizes.reduce((p, q) => p + q, 0) !== x.shape[axis]) refuse(`Split: [${sizes}] do not add up to axis ${axis} of [${x.shape}]`);
    return sizes.map((size) => ({ shape: x.shape.map((full, i) => (i === axis ? size : full)), dtype: x.dtype }));
  },
  Slice: (a) => {
    const x = operand(a, 0);
    const [start, end, axis] = [1, 2, 3].map((at) => integers(a, at)[0] ?? refuse('Slice: one axis, its start and its end are needed')) as [number, number, number];
    if (a.inputs.length > 4 || start < 0 || start >= end || end > (x.shape[axisOf(a, x, axis)] ?? 0)) refuse(`Slice: [${start}, ${end}) does not lie in axis ${axis} of [${x.shape}]`);
    return [{ shape: x.shape.map((size, i) => (i === axisOf(a, x, axis) ? end - start : size)), dtype: x.dtype }];
  },
  Gather: (a) => {
    const [x, indices] = [operand(a, 0), typed(operand(a, 1), 'int64', 'int32')];
    const axis = axisOf(a, x, integer(a, 'axis', 0));
    return [{ shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype }];
  },
  GatherElements: (a) => {
    const [x, indices] = [operand(a, 0), typed(operand(a, 1), 'int64', 'int32')];
    axisOf(a, x, integer(a, 'axis', 0));
    if (indices.shape.length !== x.shape.length) refuse(`GatherElements: [${indices.shape}] has other axes than [${x.shape}]`);
    return [{ shape: indices.shape, dtype: x.dtype }];
  },
  ScatterElements: (a) => {
    const [x, indices, updates] = [operand(a, 0), typed(operand(a, 1), 'int64', 'int32'), operand(a, 2)];
    axisOf(a, x, integer(a, 'axis', 0));
    if (indices.shape.length !== x.shape.length || indices.shape.join() !== updates.shape.join()) refuse(`ScatterElements: [${updates.shape}] at [${indices.shape}] do not fit [${x.shape}]`);
    return same(a);
  },
  ArgMax: (a) => {
    const x = operand(a, 0);
    if (axisOf(a, x, integer(a, 'axis', 0)) !== x.shape.length - 1 || integer(a, 'keepdims', 1) !== 0) refuse('ArgMax: only the last axis is searched, and dropped');
    return [{ shape: x.shape.slice(0, -1), dtype: 'int64' }];
  },
  TopK: (a) => {
    const x = operand(a, 0);
    const k = integers(a, 1)[0] ?? -1;
    const axis = axisOf(a, x, integer(a, 'axis', -1));
    if (k < 0 || k > x.shape[axis]!) refuse(`TopK: ${k} of axis ${axis} of [${x.shape}]`);
    const shape = x.shape.map((size, i) => (i === axis ? k : size));
    return [{ shape, dtype: x.dtype }, { shape, dtype: 'int64' }];
  },
  LayerNormalization: normalised(3),
  SimplifiedLayerNormalization: normalised(2),
  RotaryEmbedding: (a) => {
    const [x, first, cos, sin] = [operand(a, 0), typed(operand(a, 1), 'int64'), operand(a, 2), operand(a, 3)];
    const half = cos.shape[1] ?? 0;
    if (x.shape.length !== 3 || first.shape.join() !== '1' || half === 0 || cos.shape.join() !== `${x.shape[1]},${half}` || cos.shape.join() !== sin.shape.join() || x.shape[2]! % (2 * half) !== 0) {
      refuse(`RotaryEmbedding: tables of [${cos.shape}] do not turn [${x.shape}]`);
    }
    return same(a);
  },
  MatMulNBits: (a) => {
    const x = operand(a, 0);
    if (x.shape.at(-1) !== integer(a, 'K')) refuse(`MatMulNBits: [${x.shape}] does not end in K`);
    return [{ shape: [...x.shape.slice(0, -1), integer(a, 'N')], dtype: x.dtype }];
  },
};
