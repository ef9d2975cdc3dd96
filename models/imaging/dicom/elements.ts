/** The elements of a data set: parsed by `dicom-parser` under limits, and read as text, numbers or items within bounds. */
import dicomParser from 'dicom-parser';
import type { ByteStream as ParserStream, DataSet as ParserDataSet, Element as ParserElement } from 'dicom-parser';
import { Fault } from '#models/base/fault.ts';
import { decodeText, latin1 } from './characterSet.ts';

/** A tag as `dicom-parser` spells it: 'x00280010'. */
export type Tag = `x${string}`;

/** One element: where its value lies in the data set's bytes. `length` never reaches past their end. */
export interface Element {
  readonly tag: Tag;
  /** Undefined in implicit data sets, where only a dictionary would know. */
  readonly vr: string | undefined;
  readonly offset: number;
  readonly length: number;
  /** The bytes that the header promises; more than `length` where the file was cut. */
  readonly statedLength: number;
  readonly undefinedLength: boolean;
}

/** The elements of one level, and what is needed to read their values. */
export interface DataSet {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  readonly characterSets: readonly string[];
  readonly parsed: Readonly<Record<string, ParserElement>>;
}

export interface ParseOptions {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
  /** Where the first element begins. */
  readonly position: number;
  /** Parsing ends behind this tag's header. */
  readonly untilTag?: Tag;
  /** Parsing ends before the first element of another group. */
  readonly onlyGroup?: number;
  /** More elements than this, those inside sequences counted, are a Fault: each costs about 300 bytes. */
  readonly maximumElements?: number;
}

export interface ParseResult {
  readonly dataSet: DataSet;
  /** Where the element after the last one begins. */
  readonly position: number;
  /** Why parsing ended early, in the parser's words; what came before is in `dataSet`. */
  readonly damage: string | null;
}

const usualMaximumElements = 1_500_000;
const maximumDepth = 96;

// The package exports more than its declarations say.
interface ParserInternals {
  readonly ByteStream: new (parser: unknown, bytes: Uint8Array, position: number) => ParserStream;
  readonly DataSet: new (parser: unknown, bytes: Uint8Array, elements: Record<string, ParserElement>) => ParserDataSet;
  readonly littleEndianByteArrayParser: unknown;
  readonly bigEndianByteArrayParser: unknown;
  readDicomElementExplicit(stream: ParserStream, warnings: string[], untilTag?: string): ParserElement;
  readDicomElementImplicit(stream: ParserStream, untilTag?: string): ParserElement;
  readSequenceItemsImplicit(stream: ParserStream, element: ParserElement): void;
}
const parser = dicomParser as unknown as ParserInternals;

/** Long-length value representations that `dicom-parser` takes for short ones; UN has the same layout. */
const unknownToParser = new Set(['OV', 'SV', 'UV']);

const tooMany = (why: string): Fault => new Fault({
  code: 'dicom.limits',
  what: 'The DICOM data set was not read.',
  why,
  mend: 'If the file is genuine, export it again from the archive; otherwise treat it as hostile.',
});

/** A byte stream that counts elements and open items, since the parser itself bounds neither. */
class GuardedStream extends parser.ByteStream {
  maximumElements = usualMaximumElements;
  private elements = 0;
  private readonly itemEnds: number[] = [];
  private group = 0;
  private word = 0;

  override readUint16 = (): number => {
    const value = this.byteArrayParser.readUint16(this.byteArray, this.position);
    this.position += 2;
    this.group = this.word;
    this.word = value;
    return value;
  };

  override readUint32 = (): number => {
    this.count();
    const value = this.byteArrayParser.readUint32(this.byteArray, this.position);
    this.position += 4;
    if (this.group === 0xfffe && this.word === 0xe000) this.enter(value);
    if (this.group === 0xfffe && this.word === 0xe00d) this.itemEnds.pop();
    this.group = this.word = 0;
    return value;
  };

  override readFixedString = (length: number): string => {
    this.count();
    if (this.position + length > this.byteArray.length) throw new RangeError('the file ends inside an element header');
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.byteArray[this.position + i] as number);
    this.position += length;
    if (this.group === 0xfffe && this.word === 0xe00d) this.itemEnds.pop();
    return unknownToParser.has(text) ? 'UN' : text;
  };

  private count(): void {
    if (++this.elements > this.maximumElements) throw tooMany(`It holds more than ${this.maximumElements} elements.`);
  }

  private enter(length: number): void {
    while (this.itemEnds.length > 0 && (this.itemEnds[this.itemEnds.length - 1] as number) <= this.position) this.itemEnds.pop();
    this.itemEnds.push(length === 0xffffffff ? Infinity : this.position + length);
    if (this.itemEnds.length > maximumDepth) throw tooMany(`Its sequences are nested more than ${maximumDepth} deep.`);
  }
}

/**
 * Parses the elements of `bytes` from `position`. Damage ends the parse and is told; limits on count and depth are a Fault
 * (`dicom.limits`). The value of `untilTag` is not entered.
 */
export function parseElements(bytes: Uint8Array, { explicit, littleEndian, position, untilTag, onlyGroup, maximumElements }: ParseOptions): ParseResult {
  const parsed: Record<string, ParserElement> = {};
  let damage: string | null = null;
  let reached = position;
  if (position < bytes.length) {
    const stream = new GuardedStream(littleEndian ? parser.littleEndianByteArrayParser : parser.bigEndianByteArrayParser, bytes, position);
    stream.maximumElements = maximumElements ?? usualMaximumElements;
    try {
      while (stream.position < bytes.length) {
        reached = stream.position;
        if (onlyGroup !== undefined && reached + 2 <= bytes.length && groupAt(bytes, reached, littleEndian) !== onlyGroup) break;
        const element = explicit
          ? parser.readDicomElementExplicit(stream, [], untilTag)
          : parser.readDicomElementImplicit(stream, untilTag);
        parsed[element.tag] = element;
        if (element.tag === untilTag) break;
        if (stream.position > bytes.length) throw new RangeError(`the file ends inside element ${spell(element.tag)}`);
        reached = stream.position;
      }
    } catch (error) {
      if (error instanceof Fault) throw error;
      damage = describe(error);
    }
  }
  const charset: DataSet = { bytes, littleEndian, characterSets: [], parsed };
  return { dataSet: { ...charset, characterSets: texts(charset, 'x00080005') }, position: reached, damage };
}

const groupAt = (bytes: Uint8Array, at: number, littleEndian: boolean): number =>
  littleEndian ? (bytes[at] as number) | ((bytes[at + 1] as number) << 8) : ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/** The parser throws strings, errors and, on deep nesting, the engine's own RangeError. */
function describe(error: unknown): string {
  const text = typeof error === 'string' ? error : error instanceof Error ? error.message : String(error);
  return text.replace(/^dicomParser[.:][\w.]*:? ?/, '');
}

/** '(0028,0010)' of 'x00280010'. */
export const spell = (tag: string): string => `(${tag.slice(1, 5)},${tag.slice(5)})`.toUpperCase();

/** The element, with its extent cut to the bytes that exist; undefined where absent. */
export function element(dataSet: DataSet, tag: Tag): Element | undefined {
  const found = dataSet.parsed[tag];
  if (!found) return undefined;
  const offset = Math.min(found.dataOffset, dataSet.bytes.length);
  const undefinedLength = found.hadUndefinedLength === true;
  const length = Math.max(0, Math.min(found.length, dataSet.bytes.length - offset));
  return { tag, vr: vrOf(dataSet, found), offset, length, statedLength: found.length, undefinedLength };
}

/** The representation as written: the guarded stream shows some to the parser as UN. */
function vrOf(dataSet: DataSet, found: ParserElement): string | undefined {
  if (found.vr !== 'UN' || found.dataOffset < 8) return found.vr;
  return latin1(dataSet.bytes.subarray(found.dataOffset - 8, found.dataOffset - 6));
}

export const has = (dataSet: DataSet, tag: Tag): boolean => dataSet.parsed[tag] !== undefined;

/** The value's bytes as they stand; empty where absent. */
export function rawBytes(dataSet: DataSet, tag: Tag): Uint8Array {
  const found = element(dataSet, tag);
  return found ? dataSet.bytes.subarray(found.offset, found.offset + found.length) : new Uint8Array(0);
}

const maximumText = 1 << 20;

/** The whole text of an element in the data set's character set, trailing padding removed; '' where absent. */
export function text(dataSet: DataSet, tag: Tag, { personName = false } = {}): string {
  const bytes = rawBytes(dataSet, tag).subarray(0, maximumText);
  return decodeText(bytes, dataSet.characterSets, { personName }).replace(/[\0 ]+$/, '');
}

/** The values of a multi-valued text element, each without its padding; [] where absent or empty. */
export function texts(dataSet: DataSet, tag: Tag): string[] {
  const whole = text(dataSet, tag);
  return whole === '' && rawBytes(dataSet, tag).length === 0 ? [] : whole.split('\\').map((value) => value.replace(/\0/g, '').trim());
}

/** The first value; undefined where absent or empty. */
export const firstText = (dataSet: DataSet, tag: Tag): string | undefined => texts(dataSet, tag)[0] || undefined;

const binarySizes: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8, UV: 8, SV: 8, OW: 2, OF: 4, OD: 8, OL: 4, OV: 8, AT: 4 };

/**
 * The values of a numeric element, without negative zeros; [] where absent. `implicitVr` is the representation that the dictionary gives (DS, IS, US, SS, UL, SL,
 * FL, FD, UV), used where the data set does not say. A decimal or integer string that is no number becomes NaN, so that it can be reported.
 */
export function numbers(dataSet: DataSet, tag: Tag, implicitVr: string): number[] {
  const found = element(dataSet, tag);
  if (!found || found.length === 0) return [];
  const stated = found.vr !== undefined && (found.vr in binarySizes || found.vr === 'DS' || found.vr === 'IS') ? found.vr : implicitVr;
  const size = binarySizes[stated];
  if (size === undefined) {
    return texts(dataSet, tag).filter((value) => value !== '').map((value) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) + 0 : NaN));
  }
  const view = new DataView(dataSet.bytes.buffer, dataSet.bytes.byteOffset + found.offset, found.length);
  const count = Math.min(Math.floor(found.length / size), 1 << 20);
  return Array.from({ length: count }, (_, i) => readBinary(view, i * size, stated, dataSet.littleEndian));
}

function readBinary(view: DataView, at: number, vr: string, littleEndian: boolean): number {
  switch (vr) {
    case 'SS': return view.getInt16(at, littleEndian);
    case 'UL': case 'OL': case 'AT': return view.getUint32(at, littleEndian);
    case 'SL': return view.getInt32(at, littleEndian);
    case 'FL': case 'OF': return view.getFloat32(at, littleEndian);
    case 'FD': case 'OD': return view.getFloat64(at, littleEndian);
    case 'UV': case 'OV': return Number(view.getBigUint64(at, littleEndian));
    case 'SV': return Number(view.getBigInt64(at, littleEndian));
    default: return view.getUint16(at, littleEndian);
  }
}

/** The first number; undefined where absent or not a number. */
export function firstNumber(dataSet: DataSet, tag: Tag, implicitVr: string): number | undefined {
  const value = numbers(dataSet, tag, implicitVr)[0];
  return value === undefined || Number.isNaN(value) ? undefined : value;
}

/** The items of a sequence; [] where absent or not a sequence. */
export function items(dataSet: DataSet, tag: Tag): DataSet[] {
  const parsed = dataSet.parsed[tag];
  if (!parsed) return [];
  const found = parsed.items ?? itemsOfUnknown(dataSet, parsed);
  return found.flatMap((item) => {
    if (!item.dataSet) return [];
    const inner: DataSet = { ...dataSet, parsed: item.dataSet.elements };
    const own = texts(inner, 'x00080005');
    return [own.length > 0 ? { ...inner, characterSets: own } : inner];
  });
}

/** A sequence that passed through a system which did not know its tag: UN with a length, the items implicit little endian (PS3.5, 6.2.2). */
function itemsOfUnknown(dataSet: DataSet, parsed: ParserElement): ParserElement[] {
  const { bytes } = dataSet;
  const at = parsed.dataOffset;
  const end = at + parsed.length;
  const isSequence = parsed.length >= 8 && end <= bytes.length && groupAt(bytes, at, true) === 0xfffe && groupAt(bytes, at + 2, true) === 0xe000;
  if (!isSequence) return [];
  const sequence: ParserElement = { tag: parsed.tag, length: parsed.length, dataOffset: at };
  try {
    parser.readSequenceItemsImplicit(new GuardedStream(parser.littleEndianByteArrayParser, bytes, at), sequence);
  } catch (error) {
    if (error instanceof Fault) throw error;
    return [];
  }
  return sequence.items ?? [];
}

/** The tags of one level, in the file's order. */
export const tags = (dataSet: DataSet): Tag[] => Object.keys(dataSet.parsed) as Tag[];
