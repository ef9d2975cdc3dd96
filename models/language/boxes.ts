/**
 * Boxes as models write them, found in running text. Four spellings, whatever the model:
 *
 *   [{"bbox_2d":[x1,y1,x2,y2],"label":"…"}]   also in a ```json fence, also one object alone, also `point_2d`
 *   <|object_ref_start|>…<|object_ref_end|><|box_start|>(x1,y1),(x2,y2)<|box_end|>
 *   (x1,y1),(x2,y2)                            the same after a decoder left the control tokens out
 *   [x1,y1,x2,y2]                              where the caller says that numbers alone are a box
 *
 * What the numbers mean is the caller's to know. The time is linear in the length of the text, whatever it says.
 */

/** A box or point in the model's own numbers. */
export interface WrittenBox {
  readonly label: string;
  /** Four numbers of a box, two of a point; anything else where what was written is no box. */
  readonly numbers: readonly number[];
}

/** A stretch of the text, cut at the boxes. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  /** `text` is what a reader may see in its place: the label of a reference, or bare coordinates as they stand. */
  | { readonly kind: 'boxes'; readonly text: string; readonly boxes: readonly WrittenBox[] };

/** The text in pieces; together they cover all of it. */
export function cutBoxes(text: string, { bareNumbers = false }: { readonly bareNumbers?: boolean } = {}): readonly Piece[] {
  const pieces: Piece[] = [];
  // Brackets that never close could each be followed to the end of the text; the budget keeps the whole linear.
  const budget = { left: 4 * text.length + 1000 };
  const opening = /[[{(`<]/g;
  let done = 0;
  for (let found = opening.exec(text); found; found = opening.exec(text)) {
    const read = readAt(text, found.index, budget, bareNumbers);
    if (!read) continue;
    if (found.index > done) pieces.push({ kind: 'text', text: text.slice(done, found.index) });
    pieces.push({ kind: 'boxes', text: read.shown, boxes: read.boxes });
    done = opening.lastIndex = read.end;
  }
  if (done < text.length) pieces.push({ kind: 'text', text: text.slice(done) });
  return pieces;
}

interface Reading {
  readonly end: number;
  readonly shown: string;
  readonly boxes: readonly WrittenBox[];
}

function readAt(text: string, at: number, budget: { left: number }, bareNumbers: boolean): Reading | null {
  const character = text[at];
  if (character === '[' || character === '{') return readJson(text, at, budget, bareNumbers);
  if (character === '`') return readFence(text, at, budget, bareNumbers);
  if (character === '(') return readPair(text, at);
  return readReference(text, at);
}

/** What matches exactly at a place, or null. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

const fenceStart = /```(?:json|JSON)?\s{0,16}/y;
const fenceEnd = /\s{0,16}```/y;

function readFence(text: string, at: number, budget: { left: number }, bareNumbers: boolean): Reading | null {
  const start = matchAt(fenceStart, text, at);
  if (!start) return null;
  const inner = at + start[0].length;
  const read = text[inner] === '[' || text[inner] === '{' ? readJson(text, inner, budget, bareNumbers) : null;
  if (!read) return null;
  return { ...read, end: read.end + (matchAt(fenceEnd, text, read.end)?.[0].length ?? 0) };
}

function readJson(text: string, at: number, budget: { left: number }, bareNumbers: boolean): Reading | null {
  const end = closingOf(text, at, budget);
  if (end === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text.slice(at, end));
  } catch {
    return null;
  }
  const boxes = boxesOf(value, bareNumbers);
  return boxes && { end, shown: '', boxes };
}

/** Lists of boxes are two brackets deep inside their own; nothing that nests much deeper is one. */
const deepest = 8;

/** The place after the bracket that closes the one at `at`, brackets in texts aside; null where there is none. */
function closingOf(text: string, at: number, budget: { left: number }): number | null {
  let depth = 0;
  let isText = false;
  for (let i = at; i < text.length && budget.left > 0; i++, budget.left--) {
    const code = text.charCodeAt(i);
    if (isText) {
      if (code === 92) i++;
      else if (code === 34) isText = false;
    } else if (code === 34) isText = true;
    else if (code === 91 || code === 123) {
      if (++depth > deepest) return null;
    } else if ((code === 93 || code === 125) && --depth === 0) return i + 1;
  }
  return null;
}

const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every((item) => typeof item === 'number');

function boxesOf(value: unknown, bareNumbers: boolean): readonly WrittenBox[] | null {
  if (bareNumbers && isNumbers(value) && value.length === 4) return [{ label: '', numbers: value }];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.every(isItem) ? items.map(boxOf) : null;
}

type Item = { readonly bbox_2d?: unknown; readonly point_2d?: unknown; readonly label?: unknown };

const isItem = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && (Object.hasOwn(value, 'bbox_2d') || Object.hasOwn(value, 'point_2d'));

function boxOf({ bbox_2d, point_2d, label }: Item): WrittenBox {
  const [written, length] = bbox_2d === undefined ? [point_2d, 2] : [bbox_2d, 4];
  return { label: typeof label === 'string' ? label.trim() : '', numbers: isNumbers(written) && written.length === length ? written : [] };
}

const number = String.raw`\s{0,4}(-?\d{1,9}(?:\.\d{1,9})?)\s{0,4}`;
const pair = new RegExp(String.raw`\(${number},${number}\)\s{0,4},?\s{0,4}\(${number},${number}\)`, 'y');

function readPair(text: string, at: number): Reading | null {
  const found = matchAt(pair, text, at);
  return found && { end: at + found[0].length, shown: found[0], boxes: [{ label: '', numbers: found.slice(1, 5).map(Number) }] };
}

const labelOpen = '<|object_ref_start|>';
const labelClose = '<|object_ref_end|>';
const longestLabel = 500;
const boxOpen = /\s{0,4}<\|box_start\|>\s{0,4}/y;
const boxClose = /\s{0,4}<\|box_end\|>/y;

/** A label, if there is one, and the boxes that follow it. */
function readReference(text: string, at: number): Reading | null {
  let label = '';
  let end = at;
  if (text.startsWith(labelOpen, at)) {
    const inner = text.slice(at + labelOpen.length, at + labelOpen.length + longestLabel + labelClose.length);
    const length = inner.indexOf(labelClose);
    if (length < 0) return null;
    label = inner.slice(0, length).trim();
    end += labelOpen.length + length + labelClose.length;
  }
  const boxes: WrittenBox[] = [];
  for (;;) {
    const open = matchAt(boxOpen, text, end);
    const inner = open && readPair(text, end + open[0].length);
    const close = inner && matchAt(boxClose, text, inner.end);
    if (!inner || !close) break;
    boxes.push({ label, numbers: inner.boxes[0]?.numbers ?? [] });
    end = inner.end + close[0].length;
  }
  return end === at ? null : { end, shown: label, boxes };
}
