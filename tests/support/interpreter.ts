/** A graph evaluated operator by operator in float64, written from the operators' definitions: a second opinion on what they compute. */
import type { Attribute, Graph, Node, Value } from '#models/graph/graph.ts';

/** Elements of any type as numbers, row-major. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const made = (shape: readonly number[], data: Float64Array = new Float64Array(sizeOf(shape))): Values => ({ shape, data });

/** How far apart neighbours along each axis lie; 0 along axes that broadcast to `target`. */
function strides(shape: readonly number[], target: readonly number[] = shape): number[] {
  const lead = target.length - shape.length;
  const steps = new Array<number>(target.length).fill(0);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    steps[i + lead] = shape[i] === 1 ? 0 : step;
    step *= shape[i]!;
  }
  return steps;
}

/** Every index of a shape, in row-major order. */
function* indices(shape: readonly number[]): Generator<readonly number[]> {
  const index = shape.map(() => 0);
  for (let n = sizeOf(shape); n > 0; n--) {
    yield index;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

/** An elementwise operator over operands that broadcast to `shape`. */
function elementwise(shape: readonly number[], operands: readonly Values[], f: (...numbers: number[]) => number): Values {
  const steps = operands.map((operand) => strides(operand.shape, shape));
  const result = made(shape);
  let at = 0;
  for (const index of indices(shape)) result.data[at++] = f(...operands.map(({ data }, i) => data[dot(index, steps[i]!)]!));
  return result;
}

/** Each element taken from another place of `x`. */
function rearranged(x: Values, shape: readonly number[], from: (index: readonly number[]) => readonly number[]): Values {
  const steps = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)));
  const result = made(shape);
  let at = 0;
  for (const index of indices(shape)) result.data[at++] = x.data[dot(from(index), steps)]!;
  return result;
}

const permuted = (x: Values, order: readonly number[]): Values =>
  rearranged(x, order.map((axis) => x.shape[axis]!), (index) => x.shape.map((_, axis) => index[order.indexOf(axis)]!));

const swapped = (x: Values): Values => {
  const rank = x.shape.length;
  return permuted(x, x.shape.map((_, i) => (i === rank - 2 ? rank - 1 : i === rank - 1 ? rank - 2 : i)));
};

/** Rows along the last axis, each replaced. */
function byRows(x: Values, width: number, f: (row: Float64Array, index: number) => ArrayLike<number>): Values {
  const rowWidth = x.shape.at(-1)!;
  const count = x.data.length / rowWidth;
  const result = made([...x.shape.slice(0, -1), width]);
  for (let i = 0; i < count; i++) result.data.set(f(x.data.subarray(i * rowWidth, (i + 1) * rowWidth), i), i * width);
  return result;
}

function product(a: Values, b: Values, shape: readonly number[]): Values {
  const [m, n] = [shape.at(-2)!, shape.at(-1)!];
  const inner = a.shape.at(-1)!;
  const lead = shape.slice(0, -2);
  const matrices = (x: Values): Values => made([...x.shape.slice(0, -2), sizeOf(x.shape.slice(-2))], x.data);
  const offsets = (x: Values): number[] => {
    const flat = matrices(x);
    const size = flat.shape.at(-1)!;
    return strides(flat.shape.slice(0, -1), lead).map((step) => step * size);
  };
  const [stepsA, stepsB] = [offsets(a), offsets(b)];
  const result = made(shape);
  let at = 0;
  for (const index of indices(lead)) {
    const [startA, startB] = [dot(index, stepsA), dot(index, stepsB)];
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a.data[startA + i * inner + k]! * b.data[startB + k * n + j]!;
      result.data[at++] = sum;
    }
  }
  return result;
}

/** The error function by its series, and for large arguments by its continued fraction; right to about 1e-15. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 100 && Math.abs(term) > 1e-17; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = (n / 2) / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const mean = (row: ArrayLike<number>): number => Array.from(row).reduce((a, b) => a + b, 0) / row.length;

type Attributes = Readonly<Record<string, Attribute>>;
const integer = (attributes: Attributes, name: string, otherwise?: number): number => {
  const value = attributes[name] ?? otherwise;
  if (typeof value !== 'number') throw new Error(`the attribute ${name} is missing`);
  return value;
};

function reduced(x: Values, axes: Values, shape: readonly number[], start: number, f: (total: number, element: number) => number): Values {
  const gone = new Set(axes.data);
  const kept = x.shape.map((size, axis) => (gone.has(axis) ? 1 : size));
  const steps = strides(kept);
  const result = made(shape);
  result.data.fill(start);
  let at = 0;
  for (const index of indices(x.shape)) {
    const to = dot(index, steps);
    result.data[to] = f(result.data[to]!, x.data[at++]!);
  }
  return result;
}

/** Places along one axis, read from `indexed`. */
const along = (index: readonly number[], axis: number, place: number): number[] => index.map((x, i) => (i === axis ? place : x));

function softmaxed(x: Values): Values {
  return byRows(x, x.shape.at(-1)!, (row) => {
    const top = Math.max(...row);
    const powers = Array.from(row, (value) => Math.exp(value - top));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((value) => value / total);
  });
}

function apply({ op, outputs, attributes }: Node, inputs: readonly Values[]): readonly Values[] {
  const [a, b, c] = inputs as [Values, Values, Values];
  const shape = outputs[0]!.shape;
  const map = (f: (...numbers: number[]) => number): readonly Values[] => [elementwise(shape, inputs, f)];
  switch (op) {
    case 'Add': return map((x, y) => x + y);
    case 'Sub': return map((x, y) => x - y);
    case 'Mul': return map((x, y) => x * y);
    case 'Div': return map((x, y) => x / y);
    case 'Min': return map(Math.min);
    case 'Max': return map(Math.max);
    case 'Less': return map((x, y) => Number(x < y));
    case 'Greater': return map((x, y) => Number(x > y));
    case 'Equal': return map((x, y) => Number(x === y));
    case 'Where': return map((condition, x, y) => (condition ? x : y));
    case 'Neg': return map((x) => -x);
    case 'Exp': return map(Math.exp);
    case 'Log': return map(Math.log);
    case 'Sqrt': return map(Math.sqrt);
    case 'Reciprocal': return map((x) => 1 / x);
    case 'Sigmoid': return map(sigmoid);
    case 'Tanh': return map(Math.tanh);
    case 'Erf': return map(erf);
    case 'Identity': return [a];
    case 'QuickGelu': return map((x) => x * sigmoid(integer(attributes, 'alpha') * x));
    case 'Cast': {
      const type = outputs[0]!.dtype;
      if (type === 'bool') return map((x) => Number(x !== 0));
      return type === 'float32' ? [a] : map(Math.trunc);
    }
    case 'MatMul': return [product(a, b, shape)];
    case 'FusedMatMul': return [product(attributes['transA'] ? swapped(a) : a, attributes['transB'] ? swapped(b) : b, shape)];
    case 'Gemm': {
      const y = product(attributes['transA'] ? swapped(a) : a, attributes['transB'] ? swapped(b) : b, shape);
      return [inputs.length > 2 ? elementwise(shape, [y, c], (p, q) => p + q) : y];
    }
    case 'Softmax': {
      const axis = integer(attributes, 'axis');
      const order = a.shape.map((_, i) => i).filter((i) => i !== axis).concat(axis);
      return [permuted(softmaxed(permuted(a, order)), order.map((_, i) => order.indexOf(i)))];
    }
    case 'ReduceSum': return [reduced(a, b, shape, 0, (x, y) => x + y)];
    case 'ReduceMax': return [reduced(a, b, shape, -Infinity, Math.max)];
    case 'ReduceMean': {
      const sum = reduced(a, b, shape, 0, (x, y) => x + y);
      return [made(shape, sum.data.map((x) => (x * sum.data.length) / a.data.length))];
    }
    case 'Reshape': return [made(shape, a.data)];
    case 'Transpose': return [permuted(a, attributes['perm'] as readonly number[])];
    case 'Expand': return [elementwise(shape, [a], (x) => x)];
    case 'Concat': {
      const axis = integer(attributes, 'axis');
      const starts = inputs.map((_, i) => inputs.slice(0, i).reduce((total, x) => total + x.shape[axis]!, 0));
      const result = made(shape);
      const steps = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
      inputs.forEach((x, i) => {
        let at = 0;
        for (const index of indices(x.shape)) result.data[dot(along(index, axis, index[axis]! + starts[i]!), steps)] = x.data[at++]!;
      });
      return [result];
    }
    case 'Split': {
      const axis = integer(attributes, 'axis');
      let start = 0;
      return outputs.map((output) => {
        const from = start;
        start += output.shape[axis]!;
        return rearranged(a, output.shape, (index) => along(index, axis, index[axis]! + from));
      });
    }
    case 'Slice': {
      const [start, axis] = [b.data[0]!, inputs[3]!.data[0]!];
      return [rearranged(a, shape, (index) => along(index, axis, index[axis]! + start))];
    }
    case 'Gather': {
      const axis = integer(attributes, 'axis');
      const rank = b.shape.length;
      const steps = b.shape.map((_, i) => sizeOf(b.shape.slice(i + 1)));
      return [rearranged(a, shape, (index) => [...index.slice(0, axis), b.data[dot(index.slice(axis, axis + rank), steps)]!, ...index.slice(axis + rank)])];
    }
    case 'GatherElements': {
      const axis = integer(attributes, 'axis');
      let at = 0;
      return [rearranged(a, shape, (index) => along(index, axis, b.data[at++]!))];
    }
    case 'ScatterElements': {
      if (attributes['reduction'] !== 'add') throw new Error('scattered elements are added');
      const axis = integer(attributes, 'axis');
      const result = made(shape, a.data.slice());
      const steps = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
      let at = 0;
      for (const index of indices(b.shape)) {
        result.data[dot(along(index, axis, b.data[at]!), steps)]! += c.data[at]!;
        at++;
      }
      return [result];
    }
    case 'ArgMax': return [made(shape, byRows(a, 1, (row) => [row.indexOf(Math.max(...row))]).data)];
    case 'TopK': {
      const k = shape.at(-1)!;
      const order = (row: Float64Array): number[] => Array.from(row.keys()).sort((i, j) => row[j]! - row[i]! || i - j).slice(0, k);
      return [byRows(a, k, (row) => order(row).map((i) => row[i]!)), byRows(a, k, order)];
    }
    case 'LayerNormalization': {
      const epsilon = integer(attributes, 'epsilon');
      return [byRows(a, a.shape.at(-1)!, (row) => {
        const centre = mean(row);
        const inverse = 1 / Math.sqrt(mean(row.map((x) => (x - centre) ** 2)) + epsilon);
        return row.map((x, i) => (x - centre) * inverse * b.data[i]! + c.data[i]!);
      })];
    }
    case 'SimplifiedLayerNormalization': {
      const inverse = (row: Float64Array): number => 1 / Math.sqrt(mean(row.map((x) => x * x)) + integer(attributes, 'epsilon'));
      return [byRows(a, a.shape.at(-1)!, (row) => row.map((x, i) => x * inverse(row) * b.data[i]!)), byRows(a, 1, (row) => [inverse(row)])];
    }
    case 'RotaryEmbedding': {
      const [cos, sin] = [c, inputs[3]!];
      const half = cos.shape[1]!;
      return [byRows(a, a.shape[2]!, (row, position) => row.map((x, i) => {
        const channel = i % (2 * half);
        const turn = position * half + (channel % half);
        return channel < half ? x * cos.data[turn]! - row[i + half]! * sin.data[turn]! : x * cos.data[turn]! + row[i - half]! * sin.data[turn]!;
      }))];
    }
    case 'MatMulNBits': {
      const [k, n, bits, block] = (['K', 'N', 'bits', 'block_size'] as const).map((name) => integer(attributes, name)) as [number, number, number, number];
      if (bits !== 4) throw new Error('only 4 bits are unpacked here');
      const blocks = Math.ceil(k / block);
      const zeroPoints = inputs[3];
      const nibble = (data: Float64Array, row: number, rowBytes: number, i: number): number => (data[row * rowBytes + (i >> 1)]! >> (4 * (i & 1))) & 15;
      return [byRows(a, n, (row) => Array.from({ length: n }, (_, j) => {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          const at = Math.floor(i / block);
          const zero = zeroPoints ? nibble(zeroPoints.data, j, Math.ceil(blocks / 2), at) : 8;
          sum += row[i]! * c.data[j * blocks + at]! * (nibble(b.data, j, (blocks * block) / 2, i) - zero);
        }
        return sum;
      }))];
    }
  }
}

/** The values of every output by name; `feeds` holds each input by name. */
export function evaluate(graph: Graph, feeds: Readonly<Record<string, ArrayLike<number | bigint>>>): Readonly<Record<string, Values>> {
  const known = new Map<Value, Values>();
  for (const input of graph.inputs) {
    const data = feeds[input.name];
    if (!data || data.length !== sizeOf(input.shape)) throw new Error(`${input.name} [${input.shape}] is not fed`);
    known.set(input, made(input.shape, Float64Array.from(data as ArrayLike<number>, Number)));
  }
  for (const [value, data] of graph.constants) known.set(value, made(value.shape, Float64Array.from(data as ArrayLike<number>, Number)));
  for (const node of graph.nodes) {
    const results = apply(node, node.inputs.filter((input) => input !== null).map((input) => known.get(input)!));
    node.outputs.forEach((output, i) => {
      const result = results[i]!;
      if (result.shape.join() !== output.shape.join() && sizeOf(result.shape) !== sizeOf(output.shape)) throw new Error(`${node.op} made [${result.shape}] where [${output.shape}] was declared`);
      known.set(output, made(output.shape, result.data));
    });
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, known.get(value)!]));
}
