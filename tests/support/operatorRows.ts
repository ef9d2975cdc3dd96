/** Small applications of each operator, with broadcasting where it broadcasts: what its gradient rule and its kernels are tried on. */
import type { Op, Value } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';

export interface OperatorRow {
  readonly name: string;
  /** Shapes of the float inputs. */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (inputs: readonly Value[]) => Value;
  /** Inputs are drawn between 0.5 and 2 rather than around zero. */
  readonly positive?: true;
  /** Only graphs of fused operators have it. */
  readonly fused?: true;
}

type Build = OperatorRow['build'];
const row = (name: string, shapes: OperatorRow['shapes'], build: Build, more: Partial<OperatorRow> = {}): OperatorRow => ({ name, shapes, build, ...more });
const fused = { fused: true } as const;
const positive = { positive: true } as const;

const integers = (x: Value, numbers: readonly number[], shape: readonly number[] = [numbers.length]): Value => x.graph.constant(BigInt64Array.from(numbers, BigInt), shape);
const one = (name: string, f: (x: Value) => Value, more: Partial<OperatorRow> = {}): readonly OperatorRow[] =>
  [row(`${name} of a matrix`, [[3, 4]], ([x]) => f(x!), more), row(`${name} of a scalar`, [[]], ([x]) => f(x!), more)];

/** The ways in which two operands may meet. */
const two = (name: string, f: (a: Value, b: Value) => Value, more: Partial<OperatorRow> = {}): readonly OperatorRow[] => [
  row(`${name} of equal shapes`, [[2, 3], [2, 3]], ([a, b]) => f(a!, b!), more),
  row(`${name} with a row`, [[2, 3, 4], [4]], ([a, b]) => f(a!, b!), more),
  row(`${name} with a column`, [[2, 3], [2, 1]], ([a, b]) => f(a!, b!), more),
  row(`${name} of a row with a column`, [[1, 3], [4, 1]], ([a, b]) => f(a!, b!), more),
  row(`${name} with a scalar on the left`, [[], [2, 3]], ([a, b]) => f(a!, b!), more),
  row(`${name} of a tensor with itself`, [[2, 3]], ([a]) => f(a!, a!), more),
];

const products = (f: (a: Value, b: Value, transposed: op.Transposed) => Value, what: string, more: Partial<OperatorRow> = {}): readonly OperatorRow[] =>
  [[false, false], [true, false], [false, true], [true, true]].map(([transA, transB]) =>
    row(`${what}${transA ? ', left transposed' : ''}${transB ? ', right transposed' : ''}`, [transA ? [4, 3] : [3, 4], transB ? [2, 4] : [4, 2]], ([a, b]) => f(a!, b!, { transA: transA!, transB: transB! }), more));

export const operatorRows: Readonly<Partial<Record<Op, readonly OperatorRow[]>>> = {
  Add: two('a sum', op.add),
  Sub: two('a difference', op.sub),
  Mul: two('a product', op.mul),
  Div: two('a quotient', op.div, positive),
  Min: two('a minimum', op.minimum).slice(0, 5),
  Max: two('a maximum', op.maximum).slice(0, 5),
  Neg: one('the negative', op.neg),
  Exp: one('the exponential', op.exp),
  Log: one('the logarithm', op.log, positive),
  Sqrt: one('the root', op.sqrt, positive),
  Reciprocal: one('the reciprocal', op.reciprocal, positive),
  Sigmoid: one('the sigmoid', op.sigmoid),
  Tanh: one('the hyperbolic tangent', op.tanh),
  Erf: one('the error function', op.erf),
  Identity: one('the same', op.identity),
  Where: [
    row('a choice', [[3, 4], [3, 4]], ([a, b]) => op.where(op.less(a!, b!), op.mul(a!, 2), op.mul(b!, 3))),
    row('a choice between a row and a column', [[4], [3, 1], [3, 4]], ([a, b, c]) => op.where(op.greater(c!, 0), a!, op.mul(b!, c!))),
    row('a clip', [[3, 4]], ([x]) => op.clip(x!, -0.5, 0.5)),
  ],
  Cast: [row('a cast to the same numbers', [[3, 4]], ([x]) => x!.graph.apply('Cast', [x!], [{ shape: x!.shape, dtype: 'float32' }], { to: 1 })[0]!)],

  MatMul: [
    ...products(op.matMul, 'a matrix product'),
    row('a batch of products', [[2, 3, 4, 2], [2, 3, 2, 5]], ([a, b]) => op.matMul(a!, b!)),
    row('a batch against one matrix', [[2, 3, 4, 2], [2, 5]], ([a, b]) => op.matMul(a!, b!)),
    row('batches that broadcast both ways', [[2, 1, 4, 2], [3, 2, 5]], ([a, b]) => op.matMul(a!, b!)),
    row('a matrix with itself', [[3, 3]], ([a]) => op.matMul(a!, a!)),
  ],
  FusedMatMul: [
    ...products(op.matMul, 'a fused product', fused).slice(1),
    row('a batch of fused products', [[2, 3, 4, 2], [2, 3, 5, 2]], ([a, b]) => op.matMul(a!, b!, { transB: true }), fused),
    row('fused batches that broadcast', [[2, 1, 2, 4], [3, 5, 2]], ([a, b]) => op.matMul(a!, b!, { transA: true, transB: true }), fused),
  ],
  Gemm: [
    ...products((a, b, transposed) => op.gemm(a, b, null, transposed), 'a Gemm'),
    ...([[2], [1, 2], [3, 1], [3, 2], []] as const).map((bias) => row(`a Gemm with [${bias}] added`, [[3, 4], [2, 4], bias], ([a, b, c]) => op.gemm(a!, b!, c, { transB: true }))),
  ],
  Softmax: [
    row('a softmax of rows', [[3, 4]], ([x]) => op.softmax(x!)),
    row('a softmax along the middle', [[2, 3, 4]], ([x]) => op.softmax(x!, 1)),
  ],
  ReduceSum: [
    row('a sum that keeps its axis', [[2, 3, 4]], ([x]) => op.reduceSum(x!, [1])),
    row('a sum that drops its axes', [[2, 3, 4]], ([x]) => op.reduceSum(x!, [0, 2], false)),
    row('the sum of all', [[2, 3]], ([x]) => op.sumAll(x!)),
  ],
  ReduceMean: [
    row('a mean that keeps its axis', [[2, 3, 4]], ([x]) => op.reduceMean(x!, [-1])),
    row('a mean that drops its axes', [[2, 3, 4]], ([x]) => op.reduceMean(x!, [0, 1], false)),
  ],
  Reshape: [row('another shape', [[2, 6]], ([x]) => op.reshape(x!, [3, 4]))],
  Transpose: [
    row('exchanged axes', [[2, 3]], ([x]) => op.transpose(x!, [1, 0])),
    row('axes in a circle', [[2, 3, 4]], ([x]) => op.transpose(x!, [1, 2, 0])),
  ],
  Expand: [
    row('a spread axis', [[3, 1]], ([x]) => op.expand(x!, [3, 4])),
    row('a spread scalar', [[]], ([x]) => op.expand(x!, [2, 3])),
    row('a new leading axis', [[3]], ([x]) => op.expand(x!, [2, 3])),
  ],
  Concat: [
    row('joined rows', [[2, 3], [1, 3], [2, 3]], (parts) => op.concat(parts, 0)),
    row('a tensor joined to itself', [[2, 3]], ([x]) => op.concat([x!, x!], 1)),
  ],
  Split: [
    row('a difference of parts', [[2, 6]], ([x]) => {
      const [a, b] = op.split(x!, [3, 3], 1);
      return op.mul(a!, op.neg(b!));
    }),
    row('one part, the others unused', [[6, 2]], ([x]) => op.split(x!, [1, 2, 3], 0)[1]!),
  ],
  Slice: [
    row('the beginning', [[5, 2]], ([x]) => op.slice(x!, 0, 0, 2)),
    row('the middle', [[2, 5]], ([x]) => op.slice(x!, 1, 1, 3)),
    row('the end', [[2, 5]], ([x]) => op.slice(x!, -1, 4, 5)),
  ],
  Gather: [
    row('rows, some twice', [[4, 3]], ([x]) => op.gather(x!, integers(x!, [2, 0, 2, 3, 2]))),
    row('rows by a matrix of indices', [[4, 3]], ([x]) => op.gather(x!, integers(x!, [1, 0, 0, 3], [2, 2]))),
    row('elements of a vector by 32-bit indices', [[4]], ([x]) => op.gather(x!, x!.graph.constant(Int32Array.of(3, 3, 1), [3]))),
  ],
  GatherElements: [
    row('one element of each row', [[3, 4]], ([x]) => op.gatherElements(x!, integers(x!, [2, 0, 3], [3, 1]), 1)),
    row('elements along the first axis, some twice', [[3, 2]], ([x]) => op.gatherElements(x!, integers(x!, [2, 0, 2, 1], [2, 2]), 0)),
  ],
  ScatterElements: [
    row('elements added, some twice', [[3, 4], [3, 2]], ([x, y]) => op.scatterAddElements(x!, integers(x!, [2, 2, 0, 1, 3, 3], [3, 2]), y!, 1)),
  ],
  LayerNormalization: [
    row('a layer norm', [[3, 5], [5], [5]], ([x, w, b]) => op.layerNorm(x!, w!, b!, 1e-6)),
    row('a layer norm of three axes', [[2, 3, 5], [5], [5]], ([x, w, b]) => op.layerNorm(x!, w!, b!, 1e-2)),
    row('a layer norm of a vector', [[5], [5], [5]], ([x, w, b]) => op.layerNorm(x!, w!, b!, 1e-6)),
  ],
  SimplifiedLayerNormalization: [
    row('an RMS norm', [[3, 5], [5]], ([x, w]) => op.rmsNorm(x!, w!, 1e-6)),
    row('an RMS norm of three axes with a large epsilon', [[2, 3, 5], [5]], ([x, w]) => op.rmsNorm(x!, w!, 0.5)),
    row('an RMS norm that hands its root on', [[3, 5], [5]], ([x, w]) => op.rmsNorm(x!, w!, 0.1), fused),
  ],
  QuickGelu: [
    row('a SiLU', [[3, 4]], ([x]) => op.silu(x!), fused),
    row('a quick GELU', [[3, 4]], ([x]) => op.quickGelu(x!), fused),
  ],
  RotaryEmbedding: [
    row('turned heads', [[3, 2, 4]], ([x]) => {
      const angles = [0, 0.5, 1, -0.3, 2, 0.1];
      const table = (f: (angle: number) => number): Value => x!.graph.constant(Float32Array.from(angles, f), [3, 2]);
      return op.rotary(x!, table(Math.cos), table(Math.sin));
    }, fused),
  ],
};
