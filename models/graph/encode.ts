/** A graph as the bytes of an ONNX ModelProto, written field by field (protocol buffers: varints and length-delimited fields). */
import { contribOps, floatAttributes, type Attribute, type ConstantData, type Graph, type Node, type Value } from './graph.ts';
import { onnxType } from './ops.ts';

/** The standard operator set that `Op` names, and the file format's own version. */
export const opset = 18;
export const irVersion = 8;

const text = new TextEncoder();

/**
 * Collects fields. A nested message is complete before it is written into its parent, so its length is known; long data is kept
 * by reference until `finish` copies it once.
 */
class Message {
  /** What is complete, in order; `open` follows, filled up to `used`. */
  private readonly sealed: Uint8Array[] = [];
  private sealedLength = 0;
  private open = new Uint8Array(48);
  private used = 0;

  varint(field: number, value: number): this {
    this.raw(field << 3);
    this.raw(value);
    return this;
  }

  float(field: number, value: number): this {
    this.raw((field << 3) | 5);
    this.copy(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  data(field: number, value: Uint8Array | string | Message): this {
    this.raw((field << 3) | 2);
    if (typeof value === 'string') this.characters(value);
    else if (value instanceof Message) {
      this.raw(value.sealedLength + value.used);
      for (const part of value.sealed) this.append(part);
      this.copy(value.open.subarray(0, value.used));
    } else {
      this.raw(value.length);
      this.append(value);
    }
    return this;
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.sealedLength + this.used);
    let at = 0;
    for (const part of this.sealed) {
      bytes.set(part, at);
      at += part.length;
    }
    bytes.set(this.open.subarray(0, this.used), at);
    return bytes;
  }

  /** A varint of a safe integer; negative numbers take ten bytes, as two's complement of 64 bits. */
  private raw(value: number): void {
    this.reserve(10);
    let rest = value;
    if (rest < 0) {
      // The low 63 bits in nine groups of seven, by floor division; the sign bit alone in the tenth.
      for (let i = 0; i < 9; i++) {
        const next = Math.floor(rest / 128);
        this.open[this.used++] = (rest - next * 128) | 128;
        rest = next;
      }
      this.open[this.used++] = 1;
      return;
    }
    while (rest > 127) {
      this.open[this.used++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.open[this.used++] = rest;
  }

  /** The length and the bytes of a text; names are ASCII as a rule. */
  private characters(value: string): void {
    const { length } = value;
    for (let i = 0; i < length; i++) {
      if (value.charCodeAt(i) < 128) continue;
      const bytes = text.encode(value);
      this.raw(bytes.length);
      this.copy(bytes);
      return;
    }
    this.raw(length);
    this.reserve(length);
    for (let i = 0; i < length; i++) this.open[this.used++] = value.charCodeAt(i);
  }

  private append(bytes: Uint8Array): void {
    if (bytes.length < 1024) {
      this.copy(bytes);
      return;
    }
    this.sealed.push(this.open.subarray(0, this.used), bytes);
    this.sealedLength += this.used + bytes.length;
    this.open = new Uint8Array(48);
    this.used = 0;
  }

  private copy(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.open.set(bytes, this.used);
    this.used += bytes.length;
  }

  private reserve(count: number): void {
    if (this.used + count <= this.open.length) return;
    const larger = new Uint8Array(Math.max(2 * this.open.length, this.used + count));
    larger.set(this.open.subarray(0, this.used));
    this.open = larger;
  }
}

const bytesOf = (data: ConstantData): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function attribute(name: string, value: Attribute): Message {
  const message = new Message().data(1, name);
  if (typeof value === 'string') return message.data(4, value).varint(20, 3);
  if (typeof value !== 'number') {
    for (const item of value) message.varint(8, item);
    return message.varint(20, 7);
  }
  return floatAttributes.has(name) ? message.float(2, value).varint(20, 1) : message.varint(3, value).varint(20, 2);
}

function nodeMessage(node: Node, index: number): Message {
  const message = new Message();
  for (const input of node.inputs) message.data(1, input?.name ?? '');
  for (const output of node.outputs) message.data(2, output.name);
  message.data(3, `${node.op}.${index}`).data(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) message.data(5, attribute(name, value));
  return contribOps.has(node.op) ? message.data(7, 'com.microsoft') : message;
}

function tensor(value: Value): Message {
  const message = new Message();
  for (const size of value.shape) message.varint(1, size);
  return message.varint(2, onnxType(value.dtype)).data(8, value.name);
}

function valueInfo(name: string, { shape, dtype }: Value): Message {
  const dimensions = new Message();
  for (const size of shape) dimensions.data(1, new Message().varint(1, size));
  const tensorType = new Message().varint(1, onnxType(dtype)).data(2, dimensions);
  return new Message().data(1, name).data(2, new Message().data(1, tensorType));
}

const keyValue = (key: string, value: string): Message => new Message().data(1, key).data(2, value);

/** The nodes, constants and weights that the outputs depend on; what nothing reads is left out. */
export function reachable(graph: Graph): ReadonlySet<Value> {
  const seen = new Set<Value>(graph.outputs.map(({ value }) => value));
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((output) => seen.has(output))) continue;
    for (const input of node.inputs) if (input) seen.add(input);
    for (const output of node.outputs) seen.add(output);
  }
  return seen;
}

/** The model's bytes. Weights named by `external` stay in their files; the session is told their folder. */
export function encodeModel(graph: Graph): Uint8Array {
  const used = reachable(graph);
  const message = new Message();
  let index = 0;
  for (const node of graph.nodes) if (used.has(node.outputs[0]!)) message.data(1, nodeMessage(node, index++));
  for (const { name, value } of graph.outputs) {
    message.data(1, new Message().data(1, value.name).data(2, name).data(3, `output.${name}`).data(4, 'Identity'));
  }
  message.data(2, graph.name);
  for (const [value, data] of graph.constants) if (used.has(value)) message.data(5, tensor(value).data(9, bytesOf(data)));
  for (const [value, { location, offset, length }] of graph.externals) {
    if (!used.has(value)) continue;
    message.data(5, tensor(value).data(13, keyValue('location', location)).data(13, keyValue('offset', String(offset)))
      .data(13, keyValue('length', String(length))).varint(14, 1));
  }
  for (const value of graph.inputs) message.data(11, valueInfo(value.name, value));
  for (const { name, value } of graph.outputs) message.data(12, valueInfo(name, value));
  return new Message().varint(1, irVersion).data(2, 'loupe').data(7, message)
    .data(8, new Message().data(1, '').varint(2, opset))
    .data(8, new Message().data(1, 'com.microsoft').varint(2, 1))
    .finish();
}
