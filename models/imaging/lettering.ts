/** Does a picture carry burnt-in lettering? Scanners and people write names and dates into pixels, where no header tells of them. */
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from './image.ts';
import { visitMarks } from './marks.ts';

/** Sides of a letter, in pixels. */
const [least, most] = [5, 72];
/** Letters in a row from which on it is taken for writing. */
const shortestRow = 4;

/**
 * Rows of evenly bright, sharply bordered marks of one height on one line: printed letters look so and tissue hardly does. Bright writing on dark and dark
 * writing on bright are both found; each row as the box around it, in pixels of the picture. It misses handwriting and writing of fewer than four letters.
 */
export function lettering({ width, height, data }: Picture): readonly Box[] {
  const grey = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) grey[i] = ((data[at] as number) * 77 + (data[at + 1] as number) * 150 + (data[at + 2] as number) * 29) >> 8;
  return [...rowsOf(marksOf(grey, width, height, true)), ...rowsOf(marksOf(grey, width, height, false))];
}

/** Connected pixels of the extreme brightness that are the size of a letter and stand out from what surrounds them. */
function marksOf(grey: Uint8Array, width: number, height: number, isBright: boolean): readonly Box[] {
  const marks: Box[] = [];
  let [edge, contrast] = [0, 0];
  visitMarks({ width, height }, (i) => (isBright ? (grey[i] as number) >= 200 : (grey[i] as number) <= 64), {
    begin: () => ([edge, contrast] = [0, 0]),
    ink: () => undefined,
    border(i, beyond) {
      edge++;
      contrast += Math.abs((grey[i] as number) - (grey[beyond] as number));
    },
    end(box, count) {
      const [w, h] = [box.x2 - box.x1, box.y2 - box.y1];
      const isLetter = h >= least && h <= most && w <= most && w * 8 >= h && w <= 2.2 * h && count >= 6 && count <= 0.92 * w * h + (w < 5 ? w * h : 0);
      // A filled disc has as many border pixels as its outline is long; strokes have far more border for their area.
      if (isLetter && edge > 0 && contrast / edge >= 90 && (edge / count > 0.5 || h <= 14)) marks.push(box);
    },
  });
  return marks;
}

/** Marks of like height that follow each other on a line. */
function rowsOf(marks: readonly Box[]): readonly Box[] {
  const sorted = marks.toSorted((a, b) => a.x1 - b.x1);
  const rows: { box: Box; count: number; last: Box; heights: number }[] = [];
  for (const mark of sorted) {
    const h = mark.y2 - mark.y1;
    const row = rows.find(({ last, heights, count }) => {
      const mean = heights / count;
      const gap = mark.x1 - last.x2;
      const shared = Math.min(mark.y2, last.y2) - Math.max(mark.y1, last.y1);
      return gap >= -1 && gap <= 1.6 * Math.max(mean, h) && h <= 1.7 * mean && mean <= 1.7 * h && shared >= 0.55 * Math.min(h, last.y2 - last.y1);
    });
    if (row) {
      row.box = { x1: row.box.x1, y1: Math.min(row.box.y1, mark.y1), x2: mark.x2, y2: Math.max(row.box.y2, mark.y2) };
      row.count++;
      row.heights += h;
      row.last = mark;
    } else rows.push({ box: { x1: mark.x1, y1: mark.y1, x2: mark.x2, y2: mark.y2 }, count: 1, last: mark, heights: h });
  }
  return rows.filter(({ count, box }) => count >= shortestRow && box.x2 - box.x1 >= 1.5 * (box.y2 - box.y1)).map(({ box }) => box);
}
