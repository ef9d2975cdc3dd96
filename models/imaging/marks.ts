/** Connected stretches of ink in a picture, each of its pixels visited once: what finders of writing measure letters by. */
import type { Size } from './coordinates.ts';
import type { Box } from '#models/clinical/finding.ts';

/** What is told of one mark; pixels are indices into the plane, row by row. */
export interface MarkVisitor {
  begin(): void;
  ink(pixel: number, x: number, y: number): void;
  /** A side of an ink pixel that meets none; `beyond` lies two pixels out, within the plane: a smoothed border takes one. */
  border(pixel: number, beyond: number): void;
  /** @param count  ink pixels of the mark */
  end(box: Box, count: number): void;
}

/** Goes over all marks, from top left; ink touches along sides and corners. */
export function visitMarks({ width, height }: Size, isInk: (pixel: number) => boolean, visitor: MarkVisitor): void {
  const seen = new Uint8Array(width * height);
  const stack = new Int32Array(seen.length);
  for (let start = 0; start < seen.length; start++) {
    if (seen[start] || !isInk(start)) continue;
    let [top, count] = [0, 0];
    let [x1, y1, x2, y2] = [width, height, 0, 0];
    visitor.begin();
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
      visitor.ink(i, x, y);
      for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) {
        const [nx, ny] = [x + dx, y + dy];
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        const n = ny * width + nx;
        if (isInk(n)) {
          if (seen[n]) continue;
          seen[n] = 1;
          stack[top++] = n;
        } else if (dx === 0 || dy === 0) {
          visitor.border(i, Math.min(height - 1, Math.max(0, y + 2 * dy)) * width + Math.min(width - 1, Math.max(0, x + 2 * dx)));
        }
      }
    }
    visitor.end({ x1, y1, x2, y2 }, count);
  }
}
