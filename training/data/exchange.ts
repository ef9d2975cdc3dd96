/**
 * An index as other programs write labels down, and back: COCO for boxes, a CSV of questions and answers for spreadsheets. What these have no field for rides along
 * as a member or column named `loupe`, so that nothing is lost; what they do have a field for may have been changed there and counts.
 */
import { Fault } from '#models/base/fault.ts';
import { IndexRow } from '#training/records/caseRecord.ts';
import { Coco, Rest } from '#training/records/coco.ts';

export const exchangeForms = ['coco', 'csv'] as const;
export type ExchangeForm = (typeof exchangeForms)[number];

/** What COCO says by itself: the picture's name and size, its boxes. */
type OfCoco = 'file' | 'width' | 'height' | 'boxes';

/** COCO writes widths: sums of them come back as they were only in so many decimals. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

export function toCoco(rows: readonly IndexRow[]): string {
  const names = [...new Set(rows.flatMap(({ boxes }) => (boxes ?? []).map((box) => box.class)))].sort();
  const images = rows.map(({ file, width, height, boxes, ...rest }, i) => ({ id: i + 1, file_name: file, width, height, loupe: { ...rest, ...(boxes ? { boxes: true } : {}) } }));
  const annotations = rows.flatMap(({ boxes }, i) => (boxes ?? []).map(({ class: name, box: [x1, y1, x2, y2] }) => {
    const [x, y, w, h] = [rounded(x1), rounded(y1), rounded(x2 - x1), rounded(y2 - y1)];
    return { image_id: i + 1, category_id: names.indexOf(name) + 1, bbox: [x, y, w, h], area: rounded(w * h), iscrowd: 0 };
  })).map((annotation, i) => ({ id: i + 1, ...annotation }));
  return `${JSON.stringify({ info: { description: 'Cases of Loupe' }, images, annotations, categories: names.map((name, i) => ({ id: i + 1, name })) }, null, 1)}\n`;
}

/** @throws Fault `exchange.form`, `exchange.row` */
export function fromCoco(text: string): readonly IndexRow[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw formFault('It is no JSON.', cause);
  }
  const read = Coco.safeParse(json);
  if (!read.success) throw formFault(read.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  const { images, annotations, categories } = read.data;
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const boxes = new Map<number, NonNullable<IndexRow['boxes']>>();
  for (const { image_id: image, category_id: category, bbox: [x, y, w, h] } of annotations) {
    const name = names.get(category);
    if (name === undefined) throw formFault(`An annotation is of category ${category}, which is not there.`);
    boxes.set(image, [...boxes.get(image) ?? [], { class: name, box: [x, y, rounded(x + w), rounded(y + h)] }]);
  }
  return images.map(({ id, file_name: file, width, height, loupe }) => {
    const { boxes: wasLookedFor, ...rest } = loupe ?? {};
    const own = boxes.get(id) ?? (wasLookedFor === true ? [] : undefined);
    return rowOf({ ...rest, file, width, height, ...(own ? { boxes: own } : {}) } satisfies Partial<Record<OfCoco, unknown>>, file);
  });
}

const columns = ['id', 'image', 'question', 'answer', 'split', 'loupe'] as const;

export function toCsv(rows: readonly IndexRow[]): string {
  const lines = rows.map(({ id, file, label, split, ...rest }) => [id, file, questionOf(rest.facts) ?? rest.task, label, split, JSON.stringify(rest)]);
  return [columns, ...lines].map((cells) => `${cells.map(cell).join(',')}\r\n`).join('');
}

/** @throws Fault `exchange.form`, `exchange.row` */
export function fromCsv(text: string): readonly IndexRow[] {
  const [head, ...lines] = cellsOf(text);
  if (head?.join() !== columns.join()) throw formFault(`Its first line is not ${columns.join(',')}.`);
  return lines.map((cells, i) => {
    if (cells.length !== columns.length) throw formFault(`Line ${i + 2} has ${cells.length} cells instead of ${columns.length}.`);
    const [id = '', file = '', question = '', label = '', split = '', loupe = ''] = cells;
    let rest: Record<string, unknown>;
    try {
      rest = Rest.parse(JSON.parse(loupe));
    } catch (cause) {
      throw formFault(`What line ${i + 2} carries in its last cell is no row of an index.`, cause);
    }
    const facts = Rest.safeParse(rest['facts']);
    return rowOf({ ...rest, ...(facts.success && questionOf(facts.data) !== undefined ? { facts: { ...facts.data, question } } : {}), id, file, label, split }, id);
  });
}

const questionOf = (facts: Readonly<Record<string, unknown>>): string | undefined => (typeof facts['question'] === 'string' ? facts['question'] : undefined);

/** A spreadsheet would compute what begins like a formula: it gets an apostrophe, which reading takes away. */
const cell = (text: string): string => {
  const safe = /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** RFC 4180, in one pass. */
function cellsOf(text: string): readonly (readonly string[])[] {
  const lines: string[][] = [];
  let line: string[] = [];
  let at = 0;
  while (at < text.length) {
    let value = '';
    if (text[at] === '"') {
      for (at++; ; at++) {
        const next = text.indexOf('"', at);
        if (next < 0) throw formFault('A quotation in it has no end.');
        value += text.slice(at, next);
        at = next + 1;
        if (text[at] !== '"') break;
        value += '"';
      }
    } else {
      const end = /[,\r\n]|$/g;
      end.lastIndex = at;
      const next = end.exec(text)?.index ?? text.length;
      value = text.slice(at, next);
      at = next;
    }
    line.push(/^'+[=+\-@\t\r]/.test(value) ? value.slice(1) : value);
    if (text[at] === ',' && at + 1 < text.length) at++;
    else {
      lines.push(line);
      line = [];
      at += text.startsWith('\r\n', at) ? 2 : 1;
    }
  }
  return lines;
}

function rowOf(value: unknown, name: string): IndexRow {
  const read = IndexRow.safeParse(value);
  if (read.success) return read.data;
  throw new Fault({
    code: 'exchange.row', what: `The case ${name} cannot be read back.`, why: read.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    mend: 'A file from elsewhere does not say where its pictures lie, whose they are and what may be done with them: write its rows as an index.jsonl.',
  });
}

const formFault = (why: string, cause?: unknown): Fault => new Fault({ code: 'exchange.form', what: 'The file cannot be read as cases.', why, mend: 'Give a file that `loupe dataset write` wrote.' }, { cause });
