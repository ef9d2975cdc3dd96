/** Reads a PDF of ours back from its bytes: its text, its pictures, what is attached and what is said of it. Nothing is taken from how it was written. */
import { inflateSync } from 'node:zlib';

export interface PdfText {
  readonly pages: readonly PdfPage[];
  readonly attachments: ReadonlyMap<string, Uint8Array>;
  /** The alternative text of each picture of the structure tree, in reading order. */
  readonly figures: readonly string[];
  /** The tags of the structure tree in reading order, indented by depth. */
  readonly tags: readonly string[];
  readonly title: string;
  readonly language: string;
  readonly isTagged: boolean;
}

export interface PdfPage {
  /** What is read aloud: a line for each height. */
  readonly text: string;
  /** What stands around it: banner, page number, repeated heads. */
  readonly around: string;
  readonly images: readonly PdfImage[];
}

/** A drawn picture: its rows as they are stored, PNG's filters still on them. */
export interface PdfImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

class Name {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
class Reference {
  readonly id: number;
  constructor(id: number) {
    this.id = id;
  }
}
type Dictionary = ReadonlyMap<string, Value>;
type Value = null | boolean | number | string | Name | Reference | Dictionary | readonly Value[];

const mostBytes = 1 << 30;
const mostDepth = 100;

/** @throws Error in words where it is no PDF, is cut, or points where nothing is */
export function readPdf(bytes: Uint8Array): PdfText {
  const file = openFile(bytes);
  const root = file.dictionary(file.trailer.get('Root'));
  const info = file.dictionary(file.trailer.get('Info'));
  const kids = file.list(file.dictionary(root.get('Pages')).get('Kids')).map((kid) => file.dictionary(kid));
  const fonts = new Map<number, ReadonlyMap<number, string>>();
  const tree = file.optional(root.get('StructTreeRoot'));
  const tags: string[] = [];
  const figures: string[] = [];
  const walk = (value: Value | undefined, depth: number): void => {
    if (depth > mostDepth) throw new Error('its structure is nested too deeply.');
    const resolved = file.resolve(value);
    if (Array.isArray(resolved)) for (const item of resolved) walk(item as Value, depth);
    else if (resolved instanceof Map) {
      const element = resolved as Dictionary;
      const tag = element.get('S');
      if (!(tag instanceof Name)) return;
      tags.push(`${'  '.repeat(depth)}${tag.name}`);
      if (tag.name === 'Figure') figures.push(textOf(file.resolve(element.get('Alt'))));
      walk(element.get('K'), depth + 1);
    }
  };
  walk(tree?.get('K'), 0);
  const marked = file.optional(root.get('MarkInfo'))?.get('Marked');
  return {
    pages: kids.map((kid) => ({ ...pageText(file, kid, fonts), images: pageImages(file, kid) })),
    attachments: attachmentsOf(file, root), figures, tags,
    title: textOf(file.resolve(info.get('Title'))), language: textOf(file.resolve(root.get('Lang'))), isTagged: marked === true && tags.length > 0,
  };
}

interface PdfFile {
  readonly trailer: Dictionary;
  resolve(value: Value | undefined): Value;
  dictionary(value: Value | undefined): Dictionary;
  optional(value: Value | undefined): Dictionary | null;
  list(value: Value | undefined): readonly Value[];
  /** The bytes of a stream, inflated. */
  stream(value: Value | undefined): Uint8Array;
}

function openFile(bytes: Uint8Array): PdfFile {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  if (!source.startsWith('%PDF-')) throw new Error('it does not begin as one.');
  const end = source.lastIndexOf('startxref');
  if (end < 0 || !source.trimEnd().endsWith('%%EOF')) throw new Error('its end is missing.');
  const table = Number(/^startxref\s+(\d+)/.exec(source.slice(end, end + 40))?.[1]);
  const head = /^xref\s+0 (\d+)\s+/.exec(source.slice(table, table + 60));
  if (!head) throw new Error('its table of objects is missing.');
  const count = Number(head[1]);
  if (table + head[0].length + 20 * count > source.length) throw new Error('its table of objects is cut.');
  const offsets = Array.from({ length: count }, (_, i) => Number(source.slice(table + head[0].length + 20 * i, table + head[0].length + 20 * i + 10)));
  const after = parser(source, source.indexOf('trailer', table) + 7);
  const objects = new Map<number, { value: Value; dataAt: number }>();

  const objectOf = (id: number): { value: Value; dataAt: number } => {
    const known = objects.get(id);
    if (known) return known;
    const offset = offsets[id];
    const opening = offset === undefined ? null : new RegExp(`^${id} 0 obj\\s`).exec(source.slice(offset, offset + 30));
    if (offset === undefined || !opening) throw new Error(`object ${id} is not where it should be.`);
    const reader = parser(source, offset + opening[0].length);
    const value = reader.value(0);
    const stream = /^\s*stream\r?\n/.exec(source.slice(reader.at(), reader.at() + 20));
    const found = { value, dataAt: stream ? reader.at() + stream[0].length : -1 };
    objects.set(id, found);
    return found;
  };
  const resolve = (value: Value | undefined, depth = 0): Value => {
    if (depth > 8) throw new Error('its references run in a circle.');
    return value instanceof Reference ? resolve(objectOf(value.id).value, depth + 1) : value ?? null;
  };
  const optional = (value: Value | undefined): Dictionary | null => {
    const found = resolve(value);
    return found instanceof Map ? found : null;
  };
  const dictionary = (value: Value | undefined): Dictionary => {
    const found = optional(value);
    if (!found) throw new Error('a dictionary is missing.');
    return found;
  };
  const trailer = after.value(0);
  if (!(trailer instanceof Map)) throw new Error('its trailer is missing.');
  return {
    trailer: trailer as Dictionary, resolve, dictionary, optional,
    list: (value) => {
      const found = resolve(value);
      return Array.isArray(found) ? (found as readonly Value[]) : [];
    },
    stream: (value) => {
      if (!(value instanceof Reference)) throw new Error('a stream is missing.');
      const { value: head_, dataAt } = objectOf(value.id);
      const length = head_ instanceof Map ? resolve(head_.get('Length') as Value) : null;
      if (typeof length !== 'number' || dataAt < 0 || dataAt + length > bytes.length) throw new Error(`the data of object ${value.id} is cut.`);
      const data = bytes.subarray(dataAt, dataAt + length);
      return head_ instanceof Map && head_.get('Filter') instanceof Name ? inflateSync(data, { maxOutputLength: mostBytes }) : data;
    },
  };
}

const delimiter = /[\s()<>[\]{}/%]/;

function parser(source: string, start: number): { value(depth: number): Value; at(): number } {
  let at = start;
  const skip = (): void => {
    while (/\s/.test(source[at] ?? '')) at++;
  };
  const token = (): string => {
    const from = at;
    while (at < source.length && !delimiter.test(source[at] as string)) at++;
    return source.slice(from, at);
  };
  const literal = (): string => {
    let text = '';
    for (let open = 1; ; at++) {
      const letter = source[at];
      if (letter === undefined) throw new Error('a text has no end.');
      if (letter === '\\') {
        const next = source[++at] ?? '';
        text += { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }[next] ?? next;
        continue;
      }
      if (letter === '(') open++;
      if (letter === ')' && --open === 0) break;
      text += letter;
    }
    at++;
    return text;
  };
  const value = (depth: number): Value => {
    if (depth > mostDepth) throw new Error('its values are nested too deeply.');
    skip();
    if (source.startsWith('<<', at)) {
      at += 2;
      const entries = new Map<string, Value>();
      for (;;) {
        skip();
        if (source.startsWith('>>', at)) break;
        const name = value(depth + 1);
        if (!(name instanceof Name)) throw new Error('a dictionary is damaged.');
        entries.set(name.name, value(depth + 1));
      }
      at += 2;
      return entries;
    }
    const letter = source[at];
    if (letter === '<') {
      const close = source.indexOf('>', at);
      const text = Buffer.from(source.slice(at + 1, close), 'hex').toString('latin1');
      at = close + 1;
      return text;
    }
    if (letter === '(') {
      at++;
      return literal();
    }
    if (letter === '[') {
      at++;
      const items: Value[] = [];
      for (skip(); source[at] !== ']'; skip()) {
        if (at >= source.length) throw new Error('a list has no end.');
        items.push(value(depth + 1));
      }
      at++;
      return items;
    }
    if (letter === '/') {
      at++;
      return new Name(token().replace(/#([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
    }
    const reference = /^(\d+) 0 R(?![\w])/.exec(source.slice(at, at + 20));
    if (reference) {
      at += reference[0].length;
      return new Reference(Number(reference[1]));
    }
    const word = token();
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    if (!/^[+-]?[\d.]+$/.test(word)) throw new Error(`“${word.slice(0, 20)}” is no value.`);
    return Number(word);
  };
  return { value, at: () => at };
}

/** A text string: UTF-16 where it says so, else Latin. */
function textOf(value: Value): string {
  if (typeof value !== 'string') return '';
  return value.startsWith('\xfe\xff') ? Buffer.from(value.slice(2), 'latin1').swap16().toString('utf16le') : value;
}

function attachmentsOf(file: PdfFile, root: Dictionary): ReadonlyMap<string, Uint8Array> {
  return new Map(file.list(root.get('AF')).map((item) => {
    const specification = file.dictionary(item);
    return [textOf(file.resolve(specification.get('UF'))), file.stream(file.dictionary(specification.get('EF')).get('F'))] as const;
  }));
}

/** What is drawn on a page as letters, in the order in which it is drawn. */
function pageText(file: PdfFile, page: Dictionary, fonts: Map<number, ReadonlyMap<number, string>>): Pick<PdfPage, 'text' | 'around'> {
  const content = Buffer.from(file.stream(page.get('Contents'))).toString('latin1');
  const named = file.optional(file.dictionary(page.get('Resources')).get('Font'));
  const found = { text: '', around: '' };
  const heights = { text: Number.NaN, around: Number.NaN };
  const open: string[] = [];
  let letters: ReadonlyMap<number, string> = new Map();
  let height = Number.NaN;
  for (const [operation, tag, y, font, shown = ''] of content.matchAll(/\/(\w+) (?:<<[^]*?>> BDC|BMC)|\bEMC\b|1 0 0 1 \S+ (\S+) Tm|\/(\S+) \S+ Tf|\[([^\]]*)\] TJ/g)) {
    if (tag !== undefined) {
      open.push(tag);
      // What is one element's is one line at least.
      if (operation.includes('/MCID')) heights.text = Number.NaN;
    } else if (operation === 'EMC') open.pop();
    else if (y !== undefined) height = Number(y);
    else if (font !== undefined) letters = lettersOf(file, named?.get(font), fonts);
    else {
      const where = open.includes('Artifact') ? 'around' : 'text';
      if (found[where] !== '' && !(Math.abs(height - heights[where]) <= 0.5)) found[where] += '\n';
      heights[where] = height;
      for (const [, codes = ''] of shown.matchAll(/<([0-9a-f]*)>/g)) for (const [code] of codes.matchAll(/.{4}/g)) found[where] += letters.get(Number.parseInt(code, 16)) ?? '\ufffd';
    }
  }
  return found;
}

/** What each sign of a font stands for, by its own table. */
function lettersOf(file: PdfFile, font: Value | undefined, known: Map<number, ReadonlyMap<number, string>>): ReadonlyMap<number, string> {
  if (!(font instanceof Reference)) throw new Error('a font is missing.');
  const before = known.get(font.id);
  if (before) return before;
  const table = Buffer.from(file.stream(file.dictionary(font).get('ToUnicode'))).toString('latin1');
  const letters = new Map<number, string>();
  for (const [, first = '', , list = ''] of table.matchAll(/<([0-9a-f]+)> <([0-9a-f]+)> \[([^\]]*)\]/gi)) {
    [...list.matchAll(/<([0-9a-f ]*)>/gi)].forEach(([, units = ''], i) => {
      letters.set(Number.parseInt(first, 16) + i, String.fromCharCode(...units.split(' ').filter(Boolean).map((unit) => Number.parseInt(unit, 16))));
    });
  }
  known.set(font.id, letters);
  return letters;
}

function pageImages(file: PdfFile, page: Dictionary): readonly PdfImage[] {
  const objects = file.optional(file.dictionary(page.get('Resources')).get('XObject'));
  return [...objects?.values() ?? []].flatMap((reference) => {
    const head = file.dictionary(reference);
    const [width, height] = [file.resolve(head.get('Width')), file.resolve(head.get('Height'))];
    return typeof width === 'number' && typeof height === 'number' ? [{ width, height, data: file.stream(reference) }] : [];
  });
}
