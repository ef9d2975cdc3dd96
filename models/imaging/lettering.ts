/** Does a picture carry burnt-in lettering? Scanners and people write names and dates into pixels, where no header tells of them. */
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from './image.ts';

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

interface MarkBox extends Box {
  readonly pixels: number;
}

/** Connected pixels of the extreme brightness that are the size of a letter and stand out from what surrounds them. */
function marksOf(grey: Uint8Array, width: number, height: number, isBright: boolean): readonly MarkBox[] {
  const isInk = (i: number): boolean => (isBright ? (grey[i] as number) >= 200 : (grey[i] as number) <= 64);
  const seen = new Uint8Array(grey.length);
  const stack = new Int32Array(grey.length);
  const marks: MarkBox[] = [];
  for (let start = 0; start < grey.length; start++) {
    if (seen[start] || !isInk(start)) continue;
    let [top, count, edge, contrast] = [0, 0, 0, 0];
    let [x1, y1, x2, y2] = [width, height, 0, 0];
    stack[top++] = start;
    seen[start] = 1;
    while (top > 0) {
      const i = stack[--top] as number;
      const [x, y] = [i % width, (i / width) | 0];
      count++;
      x1 = Math.min(x1, x);
      x2 = Math.max(x2, x + 1);
      y1 = Math.min(y1, y);
      y2 = Math.max(y2, y + 1);
      for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) {
        const [nx, ny] = [x + dx, y + dy];
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        const n = ny * width + nx;
        if (isInk(n)) {
          if (!seen[n]) {
            seen[n] = 1;
            stack[top++] = n;
          }
        } else if (dx === 0 || dy === 0) {
          // Two pixels out: a smoothed border takes one.
          const [fx, fy] = [Math.min(width - 1, Math.max(0, x + 2 * dx)), Math.min(height - 1, Math.max(0, y + 2 * dy))];
          edge++;
          contrast += Math.abs((grey[i] as number) - (grey[fy * width + fx] as number));
        }
      }
    }
    const [w, h] = [x2 - x1, y2 - y1];
    const isLetter = h >= least && h <= most && w <= most && w * 8 >= h && w <= 2.2 * h && count >= 6 && count <= 0.92 * w * h + (w < 5 ? w * h : 0);
    // A filled disc has as many border pixels as its outline is long; strokes have far more border for their area.
    if (isLetter && edge > 0 && contrast / edge >= 90 && (edge / count > 0.5 || h <= 14)) marks.push({ x1, y1, x2, y2, pixels: count });
  }
  return marks;
}

/** Marks of like height that follow each other on a line. */
function rowsOf(marks: readonly MarkBox[]): readonly Box[] {
  const sorted = marks.toSorted((a, b) => a.x1 - b.x1);
  const rows: { box: Box; count: number; last: MarkBox; heights: number }[] = [];
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
