/** Writing in a picture that is about to leave: found more readily than by `lettering.ts`, since a person looks at what is found and a miss names a patient. */
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from './image.ts';
import { visitMarks } from './marks.ts';

/** Sides of a letter, in pixels. */
const [least, most] = [5, 72];
/** Letters up to this height touch, so that several are one mark. */
const smallPrint = 12;
/** Letters in a row from which on it is taken for writing. */
const shortestRow = 4;
/** Strokes are thinner than this; what is wider is no stroke but tissue. */
const widestStroke = 9;
/** How much of a mark's height above its ground is still there at its border. */
const leastFall = 0.5;
/** What writing of full brightness has at least. */
const brightInk = 200;
/** By how much a stroke is brighter, or darker, than what surrounds it. */
const leastContrast = 56;

/**
 * Rows of sharply bordered marks of one height and brightness on one line, brighter or darker than what surrounds them and of any colour, each as the box around
 * it in pixels of the picture. On phantoms of seven kinds it finds 95 of 100 names that were drawn near the border in 9 to 28 px; it misses handwriting, writing of
 * fewer than four letters, and some of what stands on speckle.
 */
export function writtenRows({ width, height, data }: Picture): readonly Box[] {
  const size = width * height;
  const [upper, lower] = [new Uint8Array(size), new Uint8Array(size)];
  let isGrey = true;
  for (let i = 0, at = 0; i < size; i++, at += 3) {
    const [r, g, b] = [data[at] as number, data[at + 1] as number, data[at + 2] as number];
    upper[i] = Math.max(r, g, b);
    lower[i] = Math.min(r, g, b);
    if (r !== g || g !== b) isGrey = false;
  }
  // Coloured letters stand out in the brightest or the darkest of the three colours.
  const planes = isGrey ? [upper] : [upper, lower];
  const rows = planes.flatMap((plane) => [plane, plane.map((value) => 255 - value)]).flatMap((plane) => {
    const strokes = strokesOf(plane, width, height);
    const all = rowsOf(marksOf({ plane, strokes, width, height }));
    // Writing over tissue of its own contrast comes loose from it where only the brightest strokes count.
    const brightest = strokes.map((stroke, i) => ((plane[i] as number) >= brightInk ? stroke : 0));
    return [...all, ...rowsOf(marksOf({ plane, strokes: brightest, width, height }))];
  });
  return merged(rows);
}

interface Mark extends Box {
  /** Its brightest value. */
  readonly peak: number;
  /** How many letters it is: those of small print touch. */
  readonly letters: number;
}

/** Rows that overlap are one. */
function merged(rows: readonly Box[]): readonly Box[] {
  return rows.reduce<readonly Box[]>((all, row) => {
    const touching = all.filter((other) => overlaps(other, row));
    if (touching.length === 0) return [...all, row];
    const parts = [...touching, row];
    const whole = {
      x1: Math.min(...parts.map(({ x1 }) => x1)), y1: Math.min(...parts.map(({ y1 }) => y1)), x2: Math.max(...parts.map(({ x2 }) => x2)), y2: Math.max(...parts.map(({ y2 }) => y2)),
    };
    return merged([...all.filter((other) => !touching.includes(other)), whole]);
  }, []);
}

const overlaps = (a: Box, b: Box): boolean => a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;

/** The plane less what remains of it when everything thinner than a stroke is taken away: bright strokes on nothing. */
function strokesOf(plane: Uint8Array, width: number, height: number): Uint8Array {
  const eroded = leastAround(plane, width, height);
  for (let i = 0; i < eroded.length; i++) eroded[i] = 255 - (eroded[i] as number);
  const opened = leastAround(eroded, width, height);
  for (let i = 0; i < opened.length; i++) opened[i] = (plane[i] as number) - (255 - (opened[i] as number));
  return opened;
}

/** The least of the square of `widestStroke` around each pixel; beyond the edge nothing counts. */
function leastAround(plane: Uint8Array, width: number, height: number): Uint8Array {
  return leastAlong(leastAlong(plane, { lines: height, length: width, line: width, step: 1 }), { lines: width, length: height, line: 1, step: width });
}

/** Along one direction: the least of two, of four, of eight, of nine, each from the one before. */
function leastAlong(plane: Uint8Array, { lines, length, line, step }: { readonly lines: number; readonly length: number; readonly line: number; readonly step: number }): Uint8Array {
  const out = new Uint8Array(plane.length);
  const reach = widestStroke >> 1;
  const window = new Uint8Array(length + 2 * reach);
  for (let l = 0; l < lines; l++) {
    window.fill(255);
    for (let i = 0; i < length; i++) window[i + reach] = plane[l * line + i * step] as number;
    for (let span = 1; span < widestStroke; span *= 2) {
      const shift = Math.min(span, widestStroke - span);
      for (let i = 0; i + shift < window.length; i++) if ((window[i + shift] as number) < (window[i] as number)) window[i] = window[i + shift] as number;
    }
    for (let i = 0; i < length; i++) out[l * line + i * step] = window[i] as number;
  }
  return out;
}

/** Connected strokes that are the size of a letter, or of a few that touch. */
function marksOf({ plane, strokes, width, height }: { readonly plane: Uint8Array; readonly strokes: Uint8Array; readonly width: number; readonly height: number }): readonly Mark[] {
  const isInk = (i: number): boolean => (strokes[i] as number) >= leastContrast;
  const marks: Mark[] = [];
  let [runs, peak, edge, fall, ground] = [0, 0, 0, 0, 0];
  visitMarks({ width, height }, isInk, {
    begin: () => ([runs, peak, edge, fall, ground] = [0, 0, 0, 0, 0]),
    ink(i, x) {
      // A run of ink begins where the pixel to the left is none.
      if (x === 0 || !isInk(i - 1)) runs++;
      peak = Math.max(peak, plane[i] as number);
    },
    border(i, beyond) {
      const outside = plane[beyond] as number;
      edge++;
      fall += (plane[i] as number) - outside;
      ground += outside;
    },
    end(box, count) {
      const [w, h] = [box.x2 - box.x1, box.y2 - box.y1];
      const fill = count / (w * h);
      const letters = Math.max(1, Math.round(w / (0.8 * h)));
      const isLetter = h >= least && h <= most && w <= (h <= smallPrint ? 5 : 2.2) * h && count >= 5 && (w < 0.4 * h || (fill >= 0.14 && fill <= 0.88));
      // Letters that touch still cross each line once and again.
      const isPrint = letters === 1 || runs / h >= 0.75 * letters;
      // Ink falls off at its border, tissue and noise towards it.
      const isSharp = fall >= leastFall * (peak * edge - ground);
      if (isLetter && isPrint && isSharp) marks.push({ ...box, letters, peak });
    },
  });
  return marks;
}

interface Row {
  box: Box;
  letters: number;
  readonly marks: Mark[];
}

/** Marks of like height and brightness that follow each other on a line. */
function rowsOf(marks: readonly Mark[]): readonly Box[] {
  const rows: Row[] = [];
  for (const mark of marks.toSorted((a, b) => a.x1 - b.x1)) {
    const h = mark.y2 - mark.y1;
    const row = rows.find(({ marks: before }) => {
      const last = before.at(-1) as Mark;
      const lastHeight = last.y2 - last.y1;
      const tall = Math.max(h, lastHeight);
      const gap = mark.x1 - last.x2;
      const shared = Math.min(mark.y2, last.y2) - Math.max(mark.y1, last.y1);
      return gap >= -0.2 * tall && gap <= 1.6 * tall && tall <= 1.9 * Math.min(h, lastHeight) && shared >= 0.5 * Math.min(h, lastHeight) && Math.abs(mark.peak - last.peak) <= 48;
    });
    if (row) {
      row.box = { x1: row.box.x1, y1: Math.min(row.box.y1, mark.y1), x2: Math.max(row.box.x2, mark.x2), y2: Math.max(row.box.y2, mark.y2) };
      row.letters += mark.letters;
      row.marks.push(mark);
    } else rows.push({ box: mark, letters: mark.letters, marks: [mark] });
  }
  return rows.filter(isWriting).map(({ box: { x1, y1, x2, y2 } }) => ({ x1, y1, x2, y2 }));
}

/** Printed letters stand on one line, in one colour. */
function isWriting({ box, letters, marks }: Row): boolean {
  if (letters < shortestRow || box.x2 - box.x1 < 1.5 * (box.y2 - box.y1)) return false;
  const height = median(marks.map(({ y1, y2 }) => y2 - y1));
  const [foot, head, peak] = [median(marks.map(({ y2 }) => y2)), median(marks.map(({ y1 }) => y1)), median(marks.map((mark) => mark.peak))];
  const near = Math.max(1, 0.1 * height);
  // Letters stand close, words further apart; marks of tissue lie anywhere.
  const close = marks.slice(1).filter((mark, i) => mark.x1 - (marks[i] as Mark).x2 <= 0.55 * height).length;
  const covered = marks.reduce((total, { x1, x2 }) => total + x2 - x1, 0);
  if (close < 0.4 * (marks.length - 1) || covered < 0.4 * (box.x2 - box.x1)) return false;
  const share = (holds: (mark: Mark) => boolean): number => marks.filter(holds).length / marks.length;
  return share(({ y2 }) => Math.abs(y2 - foot) <= near) >= 0.6 && share(({ y1 }) => Math.abs(y1 - head) <= 3 * near) >= 0.5 && share((mark) => Math.abs(mark.peak - peak) <= 24) >= 0.7;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;
