/** A graph read back from the bytes of an ONNX ModelProto. The bytes are foreign until parsed: every length is checked before it is used. */
import { Fault } from '#models/base/fault.ts';
import { product } from '#models/base/math.ts';
import { irVersion, opset } from './encode.ts';
import { contribOps, Graph, ops, ShapeError, type Attribute, type ConstantData, type DType, type Op, type Value } from './graph.ts';
import { dtypeOf } from './ops.ts';
import { shapeRules } from './shapes.ts';

const damaged = (why: string): Fault => new Fault({
  code: 'onnx.damaged', what: 'The graph cannot be read.', why, mend: 'Write the ONNX file again; it is incomplete or was changed.',
});
const unsupported = (why: string): Fault => new Fault({
  code: 'onnx.unsupported', what: 'The graph uses something that Loupe does not.', why, mend: 'Only graphs that Loupe wrote, or ones of the same few operators and fixed shapes, can be read.',
});

/** No tensor has more axes, no text is longer, and no graph has more parts: a few bytes must not become many objects. */
const mostAxes = 16;
const longestText = 4096;
const mostParts = 1_000_000;

/** One message's fields, in their order. Numbers are kept as such; everything else as a view into the bytes. */
class Fields {
  private at = 0;

  constructor(private readonly bytes: Uint8Array, private readonly parts: { left: number } = { left: mostParts }) {}

  /** Calls the reader of each field that has one; others are passed over. */
  each(readers: Readonly<Record<number, (value: FieldValue) => void>>): void {
    while (this.at < this.bytes.length) {
      const tag = this.varint();
      const wire = Number(tag & 7n);
      const field = Number(tag >> 3n);
      if (this.parts.left-- <= 0) throw unsupported(`The graph has more than ${mostParts} parts.`);
      const content = wire === 0 ? this.varint() : this.take(wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? this.length() : refuseWire(wire));
      const value = new FieldValue(field, content, wire, this.parts);
      readers[field]?.(value);
    }
  }

  /** Every varint of a packed list. */
  packed(): bigint[] {
    const values: bigint[] = [];
    while (this.at < this.bytes.length) values.push(this.varint());
    return values;
  }

  private varint(): bigint {
    let value = 0n;
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw damaged('It ends inside a number.');
      value |= BigInt(byte & 127) << BigInt(7 * i);
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw damaged('A number is longer than ten bytes.');
  }

  private length(): number {
    const length = this.varint();
    if (length > BigInt(this.bytes.length - this.at)) throw damaged(`A field of ${length} bytes begins ${this.bytes.length - this.at} bytes before the end.`);
    return Number(length);
  }

  private take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw damaged('It ends inside a field.');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

const refuseWire = (wire: number): never => {
  throw damaged(`${wire} is not a kind of field.`);
};

const textDecoder = new TextDecoder('utf-8', { fatal: true });

class FieldValue {
  constructor(private readonly field: number, private readonly value: bigint | Uint8Array, private readonly wire: number, private readonly parts: { left: number }) {}

  /** A signed integer that a JavaScript number holds exactly. */
  integer(): number {
    if (typeof this.value !== 'bigint') throw damaged(`Field ${this.field} is not a number.`);
    const value = Number(BigInt.asIntN(64, this.value));
    if (!Number.isSafeInteger(value)) throw unsupported(`Field ${this.field} is ${value}, which is too large.`);
    return value;
  }

  /** The integers of a repeated field, packed or one of them. */
  integers(): readonly number[] {
    if (typeof this.value === 'bigint') return [this.integer()];
    if (this.value.length > 10 * 64) throw unsupported(`Field ${this.field} lists too many numbers.`);
    return new Fields(this.value, this.parts).packed().map((value) => new FieldValue(this.field, value, 0, this.parts).integer());
  }

  float(): number {
    const bytes = this.bytes();
    if (this.wire !== 5) throw damaged(`Field ${this.field} is not a float.`);
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
  }

  text(): string {
    const bytes = this.bytes();
    if (bytes.length > longestText) throw unsupported(`A name of ${bytes.length} bytes.`);
    try {
      return textDecoder.decode(bytes);
    } catch {
      throw damaged('A name is not UTF-8.');
    }
  }

  bytes(): Uint8Array {
    if (typeof this.value === 'bigint') throw damaged(`Field ${this.field} is a number where text or a message should stand.`);
    return this.value;
  }

  fields(): Fields {
    return new Fields(this.bytes(), this.parts);
  }
}

interface RawNode {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

interface RawTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: Uint8Array | null;
  readonly external: ReadonlyMap<string, string>;
}

interface RawInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const elementType = (number: number): DType => {
  const dtype = dtypeOf(number);
  if (!dtype) throw unsupported(`The element type ${number} is not one that graphs use.`);
  return dtype;
};

function dimension(shape: number[], size: number): void {
  if (size < 0) throw damaged(`A size of ${size}.`);
  if (shape.push(size) > mostAxes) throw unsupported(`A tensor of more than ${mostAxes} axes.`);
}

function readAttribute(fields: Fields): readonly [string, Attribute] {
  let name = '';
  let type = 0;
  let float: number | undefined;
  let integer: number | undefined;
  let text: string | undefined;
  const integers: number[] = [];
  fields.each({
    1: (value) => (name = value.text()), 20: (value) => (type = value.integer()),
    2: (value) => (float = value.float()), 3: (value) => (integer = value.integer()), 4: (value) => (text = value.text()),
    8: (value) => {
      integers.push(...value.integers());
      if (integers.length > 64) throw unsupported(`The attribute ${name} lists too many numbers.`);
    },
  });
  const value = type === 1 ? float : type === 2 ? integer : type === 3 ? text : type === 7 ? integers : undefined;
  if (value === undefined) throw unsupported(`The attribute ${name} is of a kind (${type}) that no operator here has.`);
  return [name, value];
}

function readNode(fields: Fields): RawNode {
  const node = { inputs: [] as string[], outputs: [] as string[], name: '', op: '', domain: '', attributes: {} as Record<string, Attribute> };
  fields.each({
    1: (value) => node.inputs.push(value.text()), 2: (value) => node.outputs.push(value.text()),
    3: (value) => (node.name = value.text()), 4: (value) => (node.op = value.text()), 7: (value) => (node.domain = value.text()),
    5: (value) => {
      const [name, attribute] = readAttribute(value.fields());
      Object.defineProperty(node.attributes, name, { value: attribute, enumerable: true, configurable: true });
    },
  });
  return node;
}

function readTensor(fields: Fields): RawTensor {
  const shape: number[] = [];
  const external = new Map<string, string>();
  let name = '';
  let type = 0;
  let data: Uint8Array | null = null;
  let isExternal = false;
  fields.each({
    1: (value) => value.integers().forEach((size) => dimension(shape, size)),
    2: (value) => (type = value.integer()), 8: (value) => (name = value.text()), 9: (value) => (data = value.bytes()),
    14: (value) => (isExternal = value.integer() === 1),
    13: (value) => {
      let [key, text] = ['', ''];
      value.fields().each({ 1: (part) => (key = part.text()), 2: (part) => (text = part.text()) });
      external.set(key, text);
    },
  });
  if (isExternal !== external.size > 0) throw damaged(`The weight ${name} is half in the graph and half in a file.`);
  return { name, shape, dtype: elementType(type), data, external };
}

function readInput(fields: Fields): RawInput {
  const shape: number[] = [];
  let name = '';
  let type = 0;
  const sizes = (value: FieldValue): void => value.fields().each({
    1: (dimensionValue) => {
      let size: number | undefined;
      dimensionValue.fields().each({ 1: (number) => (size = number.integer()) });
      if (size === undefined) throw unsupported(`The input ${name} has a size that is left open.`);
      dimension(shape, size);
    },
  });
  fields.each({
    1: (value) => (name = value.text()),
    2: (value) => value.fields().each({ 1: (tensorType) => tensorType.fields().each({ 1: (number) => (type = number.integer()), 2: sizes }) }),
  });
  return { name, shape, dtype: elementType(type) };
}

const bytesPerElement: Readonly<Record<DType, number>> = { float32: 4, float16: 2, bfloat16: 2, int64: 8, int32: 4, int8: 1, uint8: 1, bool: 1 };

function constantData({ name, shape, dtype, data }: RawTensor): ConstantData {
  const length = product(shape) * bytesPerElement[dtype];
  if (!data || data.length !== length) throw damaged(`The constant ${name} [${shape}] has ${data?.length ?? 0} bytes instead of ${length}.`);
  // A copy: the elements must lie at a multiple of their size.
  const buffer = data.slice().buffer;
  switch (dtype) {
    case 'float32': return new Float32Array(buffer);
    case 'int64': return new BigInt64Array(buffer);
    case 'int32': return new Int32Array(buffer);
    case 'uint8': return new Uint8Array(buffer);
    default: throw unsupported(`The constant ${name} is ${dtype}.`);
  }
}

const naturalNumber = (text: string | undefined, what: string): number => {
  const number = Number(text);
  if (text === undefined || !/^\d{1,15}$/.test(text) || !Number.isSafeInteger(number)) throw damaged(`${what} is ${JSON.stringify(text)}.`);
  return number;
};

/**
 * The graph of a model's bytes. Names of values stay, except where a value has the name of an output, which the output keeps.
 *
 * @throws Fault `onnx.damaged` or `onnx.unsupported`
 */
export function decodeModel(bytes: Uint8Array): Graph {
  let graphFields: Fields | null = null;
  let version = 0;
  const opsets = new Map<string, number>();
  new Fields(bytes).each({
    1: (value) => (version = value.integer()), 7: (value) => (graphFields = value.fields()),
    8: (value) => {
      let [domain, number] = ['', 0];
      value.fields().each({ 1: (part) => (domain = part.text()), 2: (part) => (number = part.integer()) });
      opsets.set(domain, number);
    },
  });
  if (!graphFields) throw damaged('It holds no graph.');
  if (version < 3 || version > irVersion + 5) throw unsupported(`The file format's version is ${version}.`);
  if (opsets.get('') !== opset || (opsets.get('com.microsoft') ?? 1) !== 1) throw unsupported(`The operators are of set ${opsets.get('') ?? 'unknown'}, not ${opset}.`);

  const nodes: RawNode[] = [];
  const tensors: RawTensor[] = [];
  const inputs: RawInput[] = [];
  const outputs: string[] = [];
  let graphName = '';
  (graphFields as Fields).each({
    1: (value) => nodes.push(readNode(value.fields())), 2: (value) => (graphName = value.text()), 5: (value) => tensors.push(readTensor(value.fields())),
    11: (value) => inputs.push(readInput(value.fields())),
    12: (value) => value.fields().each({ 1: (name) => outputs.push(name.text()) }),
  });
  const graph = new Graph(graphName, { fused: nodes.some(({ domain }) => domain !== '') });
  try {
    build(graph, nodes, tensors, inputs, outputs);
  } catch (cause) {
    if (cause instanceof ShapeError) throw new Fault({ code: 'onnx.damaged', what: 'The graph cannot be read.', why: cause.message, mend: 'Write the ONNX file again; its operators do not fit together.' }, { cause });
    throw cause;
  }
  return graph;
}

const known: ReadonlySet<string> = new Set(ops);

function build(graph: Graph, nodes: readonly RawNode[], tensors: readonly RawTensor[], inputs: readonly RawInput[], outputNames: readonly string[]): void {
  const values = new Map<string, Value>();
  const define = (name: string, value: Value): void => {
    if (name === '' || values.has(name)) throw damaged(`The name ${JSON.stringify(name)} is given twice or empty.`);
    values.set(name, value);
  };
  const valueOf = (name: string): Value => {
    const value = values.get(name);
    if (!value) throw damaged(`The value ${JSON.stringify(name)} is read before it is made.`);
    return value;
  };
  const isOutput = new Set(outputNames);
  if (isOutput.size !== outputNames.length) throw damaged('Two outputs have one name.');

  for (const { name, shape, dtype } of inputs) define(name, graph.input(name, shape, dtype));
  for (const tensor of tensors) {
    const { name, shape, dtype, external } = tensor;
    if (external.size === 0) {
      define(name, graph.constant(constantData(tensor), shape, 'constant', name));
      continue;
    }
    const length = naturalNumber(external.get('length'), `the length of ${name}`);
    if (length !== product(shape) * bytesPerElement[dtype]) throw damaged(`The weight ${name} [${shape}] has ${length} bytes.`);
    const location = external.get('location') ?? '';
    if (location === '') throw damaged(`The weight ${name} lies in no file.`);
    define(name, graph.external(name, shape, dtype, { location, offset: naturalNumber(external.get('offset') ?? '0', `the offset of ${name}`), length }));
  }
  const marked = new Map<string, Value>();
  for (const node of nodes) {
    const [result] = node.outputs;
    // How the encoder names a result.
    if (node.op === 'Identity' && node.name === `output.${result}` && isOutput.has(result!) && !values.has(result!) && !marked.has(result!)) {
      marked.set(result!, valueOf(node.inputs[0] ?? ''));
      continue;
    }
    if (!known.has(node.op) || (node.domain !== '') !== contribOps.has(node.op as Op) || (node.domain !== '' && node.domain !== 'com.microsoft')) throw unsupported(`The operator ${JSON.stringify(`${node.domain}${node.domain && '.'}${node.op}`)}.`);
    const op = node.op as Op;
    const operands = node.inputs.map((name) => (name === '' ? null : valueOf(name)));
    const specs = shapeRules[op]({ op, graph, inputs: operands, attributes: node.attributes, count: node.outputs.length });
    if (node.outputs.length === 0 || node.outputs.length > specs.length) throw damaged(`${op} has ${node.outputs.length} results.`);
    for (const { shape } of specs) if (shape.length > mostAxes || !Number.isSafeInteger(product(shape))) throw unsupported(`${op} makes a tensor of [${shape.slice(0, mostAxes)}].`);
    const made = graph.apply(op, operands, specs.slice(0, node.outputs.length).map((spec, i) => (isOutput.has(node.outputs[i]!) ? spec : { ...spec, name: node.outputs[i]! })), node.attributes);
    node.outputs.forEach((name, i) => define(name, made[i]!));
  }
  for (const name of outputNames) {
    const value = marked.get(name) ?? valueOf(name);
    if (graph.inputs.some((input) => input.name === name)) throw unsupported(`The input ${name} is also an output.`);
    graph.output(name, value);
  }
}
