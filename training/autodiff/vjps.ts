/** One rule for each operator: from the gradient of its outputs to the gradients of its inputs. */
import type { Attribute, Op, Value } from '#models/graph/graph.ts';
import {
  add, concat, div, exp, expand, gatherElements, gemm, greater, equal, cast, less, matMul, mul, neg, reciprocal, reduceMean, reduceSum, reshape,
  scatterAddElements, split, sqrt, sub, transpose, sigmoid, where, type Transposed,
} from '#models/graph/ops.ts';

export interface Applied {
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Whether input i leads to something that is trained; a rule may leave out the others. */
  readonly wanted: readonly boolean[];
}

/**
 * Local algebra only: a rule never mentions broadcasting, for the driver sums each result back to its input's shape.
 * `grad` is the gradient of the first output, `grads` those of all (absent where nothing flows back).
 */
export type Rule = (applied: Applied, grad: Value, grads: readonly (Value | undefined)[]) => readonly (Value | undefined)[];

const axis = (attributes: Applied['attributes']): number => attributes['axis'] as number;

/** Zeros of a shape: a scalar zero, spread. */
const zeros = (like: Value, shape: readonly number[]): Value => expand(like.graph.scalar(0), shape);

const share = (a: Value, b: Value, chosen: Value, grad: Value): readonly Value[] => {
  const first = where(chosen, grad, 0);
  const tie = mul(where(equal(a, b), grad, 0), 0.5);
  return [add(first, tie), sub(grad, add(first, tie))];
};

/** A reduced axis comes back with size 1, so that the gradient spreads over it. */
const keepDims = ({ inputs: [x, axesInput], output, attributes }: Applied, grad: Value): Value => {
  if (attributes['keepdims'] === 1) return grad;
  if (output.shape.length === 0) return reshape(grad, x!.shape.map(() => 1));
  const axes = new Set(Array.from(x!.graph.constants.get(axesInput!) as BigInt64Array, Number));
  return reshape(grad, x!.shape.map((size, i) => (axes.has(i) ? 1 : size)));
};

/** Y = A'·B' with A' and B' read transposed where the attributes say so: dA' = dY·B'ᵀ, dB' = A'ᵀ·dY. */
function productRule({ inputs: [a, b], attributes, wanted }: Applied, grad: Value, product: (a: Value, b: Value, transposed: Transposed) => Value): readonly (Value | undefined)[] {
  const [ta, tb] = [attributes['transA'] === 1, attributes['transB'] === 1];
  const da = (): Value => (ta ? product(b!, grad, { transA: tb, transB: true }) : product(grad, b!, { transB: !tb }));
  const db = (): Value => (tb ? product(grad, a!, { transA: true, transB: ta }) : product(a!, grad, { transA: !ta }));
  return [wanted[0] ? da() : undefined, wanted[1] ? db() : undefined];
}

const normParts = (x: Value, epsilon: number): { readonly normal: Value; readonly inverse: Value } => {
  const inverse = reciprocal(sqrt(add(reduceMean(mul(x, x), [-1]), epsilon)));
  return { normal: mul(x, inverse), inverse };
};
const allButLast = (x: Value): number[] => x.shape.slice(0, -1).map((_, i) => i);
const sumRows = (x: Value): Value => (x.shape.length === 1 ? x : reduceSum(x, allButLast(x), false));

/** `null` marks an operator through which no gradient flows: comparisons, integers, or one used for inference only. */
export const vjps: Record<Op, Rule | null> = {
  Add: (_, grad) => [grad, grad],
  Sub: ({ wanted }, grad) => [grad, wanted[1] ? neg(grad) : undefined],
  Mul: ({ inputs: [a, b], wanted }, grad) => [wanted[0] ? mul(grad, b!) : undefined, wanted[1] ? mul(grad, a!) : undefined],
  Div: ({ inputs: [, b], output, wanted }, grad) => {
    const scaled = div(grad, b!);
    return [scaled, wanted[1] ? neg(mul(scaled, output)) : undefined];
  },
  Neg: (_, grad) => [neg(grad)],
  Exp: ({ output }, grad) => [mul(grad, output)],
  Log: ({ inputs: [x] }, grad) => [div(grad, x!)],
  Sqrt: ({ output }, grad) => [mul(div(grad, output), 0.5)],
  Reciprocal: ({ output }, grad) => [neg(mul(grad, mul(output, output)))],
  Sigmoid: ({ output: y }, grad) => [mul(grad, mul(y, sub(1, y)))],
  Tanh: ({ output: y }, grad) => [mul(grad, sub(1, mul(y, y)))],
  /** d erf(x) = 2/√π · exp(−x²). */
  Erf: ({ inputs: [x] }, grad) => [mul(grad, mul(exp(neg(mul(x!, x!))), 2 / Math.sqrt(Math.PI)))],
  /** At a tie each side takes half. */
  Min: ({ inputs: [a, b] }, grad) => share(a!, b!, less(a!, b!), grad),
  Max: ({ inputs: [a, b] }, grad) => share(a!, b!, greater(a!, b!), grad),
  Identity: (_, grad) => [grad],
  Less: null,
  Greater: null,
  Equal: null,
  Where: ({ inputs: [condition], wanted }, grad) => [undefined, wanted[1] ? where(condition!, grad, 0) : undefined, wanted[2] ? where(condition!, 0, grad) : undefined],
  Cast: ({ inputs: [x] }, grad) => [cast(grad, x!.dtype)],

  MatMul: (applied, grad) => productRule(applied, grad, matMul),
  FusedMatMul: (applied, grad) => productRule(applied, grad, matMul),
  /** Y = A'·B' + c, with A' and B' read transposed where the attributes say so. */
  Gemm: (applied, grad) => [
    ...productRule(applied, grad, (a, b, transposed) => gemm(a, b, null, transposed)),
    applied.inputs[2] && applied.wanted[2] ? grad : undefined,
  ],
  /** y = softmax(x) along `axis`, so dx = y ⊙ (dy − Σ y ⊙ dy). */
  Softmax: ({ output: y, attributes }, grad) => {
    const weighted = mul(y, grad);
    const total = reduceSum(weighted, [axis(attributes)]);
    return [sub(weighted, mul(y, total))];
  },
  ReduceSum: (applied, grad) => [expand(keepDims(applied, grad), applied.inputs[0]!.shape)],
  ReduceMean: (applied, grad) => {
    const x = applied.inputs[0]!;
    const count = x.shape.reduce((a, b) => a * b, 1) / applied.output.shape.reduce((a, b) => a * b, 1);
    return [expand(mul(keepDims(applied, grad), 1 / count), x.shape)];
  },
  /** Used to shift exponents only, where its gradient cancels. */
  ReduceMax: null,

  Reshape: ({ inputs: [x] }, grad) => [reshape(grad, x!.shape)],
  Transpose: ({ attributes }, grad) => {
    const order = attributes['perm'] as readonly number[];
    return [transpose(grad, order.map((_, i) => order.indexOf(i)))];
  },
  /** The driver sums what was spread. */
  Expand: (_, grad) => [grad],
  Concat: ({ inputs, attributes }, grad) => split(grad, inputs.map((x) => x.shape[axis(attributes)]!), axis(attributes)),
  Split: ({ outputs, attributes }, _, grads) => [
    concat(outputs.map((output, i) => grads[i] ?? zeros(output, output.shape)), axis(attributes)),
  ],
  Slice: ({ inputs: [x, start, , at], output }, grad) => {
    const constants = x!.graph.constants;
    const [from, along] = [start!, at!].map((value) => Number((constants.get(value) as BigInt64Array)[0])) as [number, number];
    const pad = (size: number): Value[] => (size === 0 ? [] : [zeros(x!, x!.shape.map((full, i) => (i === along ? size : full)))]);
    return [concat([...pad(from), grad, ...pad(x!.shape[along]! - from - output.shape[along]!)], along)];
  },
  /**
   * Rows that were read go back where they came from, added up where a row was read twice. By ScatterElements, which adds one number after the
   * other: the CPU's ScatterND adds rows on all threads at once without waiting and loses some of those that meet.
   */
  Gather: ({ inputs: [x, indices], attributes }, grad) => {
    if (axis(attributes) !== 0) throw new Error('Gather has a gradient along axis 0 only: transpose first.');
    const rows = indices!.shape.reduce((a, b) => a * b, 1);
    const count = x!.shape[0]!;
    const width = x!.shape.slice(1).reduce((a, b) => a * b, 1);
    const places = expand(reshape(indices!, [rows, 1]), [rows, width]);
    return [reshape(scatterAddElements(zeros(x!, [count, width]), places, reshape(grad, [rows, width]), 0), x!.shape)];
  },
  GatherElements: ({ inputs: [x, indices], attributes }, grad) => [scatterAddElements(zeros(x!, x!.shape), indices!, grad, axis(attributes))],
  ScatterElements: ({ inputs: [, indices], attributes, wanted }, grad) => [grad, undefined, wanted[2] ? gatherElements(grad, indices!, axis(attributes)) : undefined],
  ArgMax: null,
  TopK: null,

  /** With x̂ = (x − mean)/σ and g = dy ⊙ w: dx = (g − mean(g) − x̂ · mean(g ⊙ x̂)) / σ. */
  LayerNormalization: ({ inputs: [x, weight], attributes, wanted }, grad) => {
    const { normal, inverse } = normParts(sub(x!, reduceMean(x!, [-1])), attributes['epsilon'] as number);
    const g = mul(grad, weight!);
    const dx = mul(sub(sub(g, reduceMean(g, [-1])), mul(normal, reduceMean(mul(g, normal), [-1]))), inverse);
    return [dx, wanted[1] ? sumRows(mul(grad, normal)) : undefined, wanted[2] ? sumRows(grad) : undefined];
  },
  /**
   * With r = 1/√(mean(x²) + ε), e = dy ⊙ x and s = Σ e ⊙ w over the last axis: dx = r · (dy ⊙ w − x · r² · s / D), dw = Σ r · e over the rows.
   * Unless the operator gave r, it is computed again: that output is wrong on WebGPU.
   */
  SimplifiedLayerNormalization: ({ inputs: [x, weight], outputs, attributes, wanted }, grad) => {
    const inverse = outputs[1] ?? reciprocal(sqrt(add(reduceMean(mul(x!, x!), [-1]), attributes['epsilon'] as number)));
    const width = x!.shape.at(-1)!;
    const rows = x!.shape.reduce((a, b) => a * b, 1) / width;
    const e = reshape(mul(grad, x!), [rows, width]);
    const along = (): Value => reshape(gemm(e, reshape(weight!, [width, 1])), inverse.shape);
    const dx = (): Value => mul(sub(mul(grad, weight!), mul(x!, mul(mul(mul(inverse, inverse), 1 / width), along()))), inverse);
    const dw = (): Value => reshape(gemm(reshape(inverse, [rows, 1]), e, null, { transA: true }), [width]);
    return [wanted[0] ? dx() : undefined, wanted[1] ? dw() : undefined];
  },
  /** y = x · s with s = sigmoid(alpha · x), so y' = s + alpha · y · (1 − s) = s · (1 + alpha · (x − y)). s is computed again: it was never kept. */
  QuickGelu: ({ inputs: [x], output: y, attributes }, grad) => {
    const alpha = attributes['alpha'] as number;
    const scaled = (value: Value): Value => (alpha === 1 ? value : mul(value, alpha));
    return [mul(grad, mul(sigmoid(scaled(x!)), add(scaled(sub(x!, y)), 1)))];
  },
  MatMulNBits: null,
  /** A turn is undone by the turn back. */
  RotaryEmbedding: ({ inputs: [, first, cos, sin], output }, grad) => [
    grad.graph.apply('RotaryEmbedding', [grad, first!, cos!, neg(sin!)], [{ shape: output.shape, dtype: output.dtype }])[0],
  ],
};
