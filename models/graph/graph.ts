/** A computation as a value: tensors that flow through operators, with every shape known while it is built. */
import { product } from '#models/base/math.ts';

/** Element types, by ONNX's names. Networks compute in float32; the 16-bit ones only store weights. */
export type DType = 'float32' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'bool';

/** The operators that graphs may use: standard ONNX, opset 18, and the named extensions of ONNX Runtime. */
export const ops = [
  'Add', 'Sub', 'Mul', 'Div', 'Neg', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Sigmoid', 'Tanh', 'Erf', 'Min', 'Max', 'Identity',
  'Less', 'Greater', 'Equal', 'Where', 'Cast',
  'MatMul', 'Gemm', 'Softmax', 'ReduceSum', 'ReduceMean', 'ReduceMax',
  'Reshape', 'Transpose', 'Expand', 'Concat', 'Split', 'Slice',
  'Gather', 'GatherElements', 'ScatterElements', 'ArgMax', 'TopK',
  'LayerNormalization', 'SimplifiedLayerNormalization', 'QuickGelu', 'MatMulNBits', 'FusedMatMul', 'RotaryEmbedding',
] as const;
export type Op = (typeof ops)[number];

/** The operators of ONNX Runtime's own domain; every other one is standard. */
export const contribOps: ReadonlySet<Op> = new Set<Op>(['QuickGelu', 'MatMulNBits', 'FusedMatMul', 'RotaryEmbedding']);

export type Attribute = number | readonly number[] | string;
/** Attributes that ONNX types as float; all other numbers are written as integers. */
export const floatAttributes: ReadonlySet<string> = new Set(['epsilon', 'alpha', 'beta']);

/** One tensor flowing. `node` made it; inputs, constants and stored weights have none. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly node: Node | null;
}

/** One operator applied. An empty optional input is `null`. */
export interface Node {
  readonly op: Op;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export type ConstantData = Float32Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor that lies in a weights file: the location is relative to the folder that the session is given. */
export interface ExternalData {
  readonly location: string;
  /** Absolute byte offset in the file, and the length in bytes. */
  readonly offset: number;
  readonly length: number;
}

export interface OutputSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The value's name; one is made where it is absent. */
  readonly name?: string;
}

/** Thrown while a graph is built: a programming error, with the shapes in its message. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** A graph while it is built. Nodes stand in the order in which they were applied, which is an order in which they can run. */
export class Graph {
  readonly inputs: Value[] = [];
  readonly nodes: Node[] = [];
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  readonly constants = new Map<Value, ConstantData>();
  readonly externals = new Map<Value, ExternalData>();
  private readonly names = new Set<string>();
  private readonly scalars = new Map<string, Value>();
  private readonly shapeConstants = new Map<string, Value>();

  /** Whether operators may be built from ONNX Runtime's fused ones, which its CPU has; otherwise from what every device has. */
  readonly fused: boolean;

  constructor(readonly name: string, { fused = false }: { readonly fused?: boolean } = {}) {
    this.fused = fused;
  }

  /** A tensor fed at each run. */
  input(name: string, shape: readonly number[], dtype: DType = 'float32'): Value {
    const value = this.value(this.claim(name), shape, dtype, null);
    this.inputs.push(value);
    return value;
  }

  /** A tensor whose elements are part of the graph; called `name`, or by a free name that begins with `stem`. */
  constant(data: ConstantData, shape: readonly number[], stem = 'constant', name?: string): Value {
    if (data.length !== product(shape)) throw new ShapeError(`constant: ${data.length} elements do not fill [${shape}]`);
    const dtype = data instanceof Float32Array ? 'float32' : data instanceof BigInt64Array ? 'int64' : data instanceof Int32Array ? 'int32' : 'uint8';
    const value = this.value(name === undefined ? this.unique(stem) : this.claim(name), shape, dtype, null);
    this.constants.set(value, data);
    return value;
  }

  /** A float32 scalar, []; the same number gives the same value. */
  scalar(x: number): Value {
    const key = String(x);
    let value = this.scalars.get(key);
    if (!value) this.scalars.set(key, (value = this.constant(Float32Array.of(x), [], 'scalar')));
    return value;
  }

  /** A vector of int64, as shapes and axes are given to operators. */
  integers(numbers: readonly number[]): Value {
    const key = numbers.join();
    let value = this.shapeConstants.get(key);
    if (!value) this.shapeConstants.set(key, (value = this.constant(BigInt64Array.from(numbers, BigInt), [numbers.length], 'integers')));
    return value;
  }

  /** A tensor that stays in its weights file. */
  external(name: string, shape: readonly number[], dtype: DType, data: ExternalData): Value {
    const value = this.value(this.claim(name), shape, dtype, null);
    this.externals.set(value, data);
    return value;
  }

  apply(op: Op, inputs: readonly (Value | null)[], outputs: readonly OutputSpec[], attributes: Readonly<Record<string, Attribute>> = {}): readonly Value[] {
    for (const input of inputs) {
      if (input && input.graph !== this) throw new ShapeError(`${op}: ${input.name} belongs to the graph ${input.graph.name}, not to ${this.name}`);
    }
    const made: Value[] = [];
    const node: Node = { op, inputs, outputs: made, attributes };
    for (const { shape, dtype, name } of outputs) made.push(this.value(name === undefined ? this.unique(op) : this.claim(name), shape, dtype, node));
    this.nodes.push(node);
    return made;
  }

  /** Names a result. One value may leave under several names. */
  output(name: string, value: Value): void {
    this.outputs.push({ name: this.claim(name), value });
  }

  private value(name: string, shape: readonly number[], dtype: DType, node: Node | null): Value {
    if (shape.some((size) => !Number.isInteger(size) || size < 0)) throw new ShapeError(`${name}: [${shape}] is not a shape`);
    return { graph: this, name, shape, dtype, node };
  }

  /** Inputs, outputs, weights and inner values share one namespace in ONNX. */
  private claim(name: string): string {
    if (this.names.has(name)) throw new ShapeError(`${this.name}: the name ${name} is taken`);
    this.names.add(name);
    return name;
  }

  private unique(stem: string): string {
    let number = this.names.size;
    while (this.names.has(`${stem}_${number}`)) number++;
    return this.claim(`${stem}_${number}`);
  }
}
