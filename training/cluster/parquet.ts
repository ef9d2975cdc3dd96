/**
 * Apache Parquet, as much of the format as a table of prompts needs: required columns, lists of records, one row group, plain values, no compression.
 *
 * Source: the parquet-format specification (file layout, PLAIN encoding, RLE levels, Thrift compact protocol of the metadata).
 */
import { concatenated } from '#models/base/bytes.ts';
import { Fault } from '#models/base/fault.ts';

/** A column's type; every value is there. Records nest, lists hold any of the others but no further list. */
export type ColumnType = Leaf | { readonly record: Columns } | { readonly list: Exclude<ColumnType, { readonly list: unknown }> };
export type Columns = Readonly<Record<string, ColumnType>>;

/** A row by column name. `int64` takes a safe integer. */
export type Row = Readonly<Record<string, unknown>>;

const physical = { boolean: 0, int64: 2, double: 5, bytes: 6, text: 6 } as const;
type Leaf = keyof typeof physical;

const fits: Readonly<Record<Leaf, (value: unknown) => boolean>> = {
  boolean: (value) => typeof value === 'boolean', int64: Number.isSafeInteger, double: (value) => typeof value === 'number',
  bytes: (value) => value instanceof Uint8Array, text: (value) => typeof value === 'string',
};

/** A column as it is stored: the values of one leaf of all rows, with the levels that say where lists begin. */
interface LeafColumn {
  readonly path: readonly string[];
  readonly type: Leaf;
  readonly isRepeated: boolean;
  readonly values: unknown[];
  /** 0 where a row begins, 1 within its list. */
  readonly repetition: number[];
  /** 1 for a value, 0 for an empty list. */
  readonly definition: number[];
}

/**
 * A whole file.
 *
 * @throws Fault `parquet.value` for a value that is not of its column's type
 */
export function encodeParquet(columns: Columns, rows: readonly Row[]): Uint8Array {
  const leaves = leavesOf(columns, [], false);
  for (const row of rows) for (const [name, type] of Object.entries(columns)) append(leaves, [name], type, row[name], 0);
  const magic = new TextEncoder().encode('PAR1');
  const parts: Uint8Array[] = [magic];
  let offset = magic.length;
  const chunks = leaves.map((leaf) => {
    const page = pageOf(leaf);
    const chunk = { leaf, offset, length: page.length };
    parts.push(page);
    offset += page.length;
    return chunk;
  });
  const footer = footerOf(columns, rows.length, chunks);
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint32(0, footer.length, true);
  return concatenated([...parts, footer, tail, magic]);
}

function leavesOf(columns: Columns, above: readonly string[], isRepeated: boolean): LeafColumn[] {
  return Object.entries(columns).flatMap(([name, type]) => leavesOfType(type, [...above, name], isRepeated));
}

function leavesOfType(type: ColumnType, path: readonly string[], isRepeated: boolean): LeafColumn[] {
  if (typeof type === 'string') return [{ path, type, isRepeated, values: [], repetition: [], definition: [] }];
  // The three levels that the specification asks of a list: the group, its repeated middle, the element.
  return 'list' in type ? leavesOfType(type.list, [...path, 'list', 'element'], true) : leavesOf(type.record, path, isRepeated);
}

function append(leaves: readonly LeafColumn[], path: readonly string[], type: ColumnType, value: unknown, repetition: number): void {
  if (typeof type === 'string') {
    const leaf = leaves.find((candidate) => candidate.path.join('\0') === path.join('\0'))!;
    leaf.values.push(checked(value, type, path));
    leaf.repetition.push(repetition);
    leaf.definition.push(1);
  } else if ('record' in type) {
    if (typeof value !== 'object' || value === null) throw wrongValue(path, 'a record');
    for (const [name, inner] of Object.entries(type.record)) append(leaves, [...path, name], inner, (value as Row)[name], repetition);
  } else {
    if (!Array.isArray(value)) throw wrongValue(path, 'a list');
    const prefix = [...path, 'list', 'element'];
    value.forEach((element, at) => append(leaves, prefix, type.list, element, at === 0 ? repetition : 1));
    if (value.length > 0) return;
    for (const leaf of leaves.filter((candidate) => prefix.every((name, at) => candidate.path[at] === name))) {
      leaf.repetition.push(repetition);
      leaf.definition.push(0);
    }
  }
}

function checked(value: unknown, type: Leaf, path: readonly string[]): unknown {
  if (!fits[type](value)) throw wrongValue(path, type);
  return value;
}

const wrongValue = (path: readonly string[], type: string): Fault => new Fault({
  code: 'parquet.value', what: 'The table cannot be written.',
  why: `A value of ${path.join('.')} is not ${type}.`,
  mend: 'This is a defect of the export: report it.',
});

/** One data page (version 1) with all values of a column, behind its header. */
function pageOf({ type, isRepeated, values, repetition, definition }: LeafColumn): Uint8Array {
  const body = concatenated([...(isRepeated ? [levels(repetition), levels(definition)] : []), ...plain(type, values)]);
  const header = new Thrift();
  header.i32(1, 0); // DATA_PAGE
  header.i32(2, body.length);
  header.i32(3, body.length);
  header.open(5);
  header.i32(1, definition.length);
  header.i32(2, 0); // PLAIN
  header.i32(3, 3); // definition levels: RLE
  header.i32(4, 3); // repetition levels: RLE
  header.close();
  header.stop();
  return concatenated([header.bytes(), body]);
}

/** Levels of one bit as runs, behind their length in bytes. */
function levels(values: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < values.length;) {
    let end = at + 1;
    while (end < values.length && values[end] === values[at]) end++;
    bytes.push(...varint(BigInt(end - at) << 1n), values[at]!);
    at = end;
  }
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length, true);
  return concatenated([length, Uint8Array.from(bytes)]);
}

function plain(type: Leaf, values: readonly unknown[]): Uint8Array[] {
  if (type === 'boolean') {
    const bits = new Uint8Array(Math.ceil(values.length / 8));
    values.forEach((value, at) => {
      if (value === true) bits[at >> 3]! |= 1 << (at & 7);
    });
    return [bits];
  }
  if (type === 'text' || type === 'bytes') return values.flatMap((value) => {
    const bytes = type === 'text' ? new TextEncoder().encode(value as string) : value as Uint8Array;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length, true);
    return [length, bytes];
  });
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of (values as readonly number[]).entries()) {
    if (type === 'double') view.setFloat64(8 * at, value, true);
    else view.setBigInt64(8 * at, BigInt(value), true);
  }
  return [bytes];
}

/** Where a column lies in the file, in bytes. */
interface Chunk {
  readonly leaf: LeafColumn;
  readonly offset: number;
  readonly length: number;
}

/** FileMetaData: the schema as a flattened tree, then where each column lies. */
function footerOf(columns: Columns, rows: number, chunks: readonly Chunk[]): Uint8Array {
  const schema: ((out: Thrift) => void)[] = [(out) => {
    out.text(4, 'schema');
    out.i32(5, Object.keys(columns).length);
  }];
  const visit = (name: string, type: ColumnType): void => {
    if (typeof type === 'string') {
      schema.push((out) => {
        out.i32(1, physical[type]);
        out.i32(3, 0); // REQUIRED
        out.text(4, name);
        if (type !== 'text') return;
        out.i32(6, 0); // UTF8
        out.open(10);
        out.open(1);
        out.close();
        out.close();
      });
      return;
    }
    const isList = 'list' in type;
    schema.push((out) => {
      out.i32(3, 0);
      out.text(4, name);
      out.i32(5, isList ? 1 : Object.keys(type.record).length);
      if (!isList) return;
      out.i32(6, 3); // LIST
      out.open(10);
      out.open(3);
      out.close();
      out.close();
    });
    if (!isList) return Object.entries(type.record).forEach(([inner, innerType]) => visit(inner, innerType));
    schema.push((out) => {
      out.i32(3, 2); // REPEATED
      out.text(4, 'list');
      out.i32(5, 1);
    });
    visit('element', type.list);
  };
  Object.entries(columns).forEach(([name, type]) => visit(name, type));

  const out = new Thrift();
  out.i32(1, 1);
  out.records(2, schema);
  out.i64(3, rows);
  out.records(4, [(group) => {
    group.records(1, chunks.map(({ leaf, offset, length }) => (chunk: Thrift) => {
      chunk.i64(2, offset);
      chunk.open(3);
      chunk.i32(1, physical[leaf.type]);
      chunk.i32s(2, leaf.isRepeated ? [0, 3] : [0]); // PLAIN, RLE
      chunk.texts(3, leaf.path);
      chunk.i32(4, 0); // UNCOMPRESSED
      chunk.i64(5, leaf.definition.length);
      chunk.i64(6, length);
      chunk.i64(7, length);
      chunk.i64(9, offset);
      chunk.close();
    }));
    group.i64(2, chunks.reduce((total, { length }) => total + length, 0));
    group.i64(3, rows);
  }]);
  out.text(6, 'loupe');
  out.stop();
  return out.bytes();
}

/** Seven bits at a time, lowest first. */
function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 127n) | 128);
  }
}

/** Writes one struct of the Thrift compact protocol: fields in rising order of their ids. */
class Thrift {
  private readonly out: number[] = [];
  private readonly lastIds: number[] = [0];

  bytes(): Uint8Array {
    return Uint8Array.from(this.out);
  }

  i32(id: number, value: number): void {
    this.field(id, 5);
    this.zigzag(value);
  }

  i64(id: number, value: number): void {
    this.field(id, 6);
    this.zigzag(value);
  }

  text(id: number, value: string): void {
    this.field(id, 8);
    this.string(value);
  }

  i32s(id: number, values: readonly number[]): void {
    this.list(id, 5, values.length);
    values.forEach((value) => this.zigzag(value));
  }

  texts(id: number, values: readonly string[]): void {
    this.list(id, 8, values.length);
    values.forEach((value) => this.string(value));
  }

  /** A list of structs, each written by its own function. */
  records(id: number, writers: readonly ((out: Thrift) => void)[]): void {
    this.list(id, 12, writers.length);
    for (const write of writers) {
      this.lastIds.push(0);
      write(this);
      this.close();
    }
  }

  /** Opens a struct field; `close` ends it. */
  open(id: number): void {
    this.field(id, 12);
    this.lastIds.push(0);
  }

  close(): void {
    this.lastIds.pop();
    this.stop();
  }

  stop(): void {
    this.out.push(0);
  }

  private field(id: number, type: number): void {
    const delta = id - this.lastIds.at(-1)!;
    this.lastIds[this.lastIds.length - 1] = id;
    this.out.push((delta << 4) | type);
  }

  private list(id: number, type: number, length: number): void {
    this.field(id, 9);
    if (length < 15) this.out.push((length << 4) | type);
    else this.out.push(0xf0 | type, ...varint(BigInt(length)));
  }

  private string(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.out.push(...varint(BigInt(bytes.length)), ...bytes);
  }

  private zigzag(value: number): void {
    const wide = BigInt(value);
    this.out.push(...varint(wide < 0n ? -2n * wide - 1n : 2n * wide));
  }
}
