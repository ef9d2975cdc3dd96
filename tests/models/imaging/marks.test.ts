import { expect, test } from 'vitest';
import type { Box } from '#models/clinical/finding.ts';
import { visitMarks } from '#models/imaging/marks.ts';

/** What is told of marks drawn with `#`. */
function told(...rows: readonly string[]): { box: Box; count: number; seen: number; beyond: number[] }[] {
  const [width, height] = [rows[0]!.length, rows.length];
  const plane = rows.join('');
  const marks: { box: Box; count: number; seen: number; beyond: number[] }[] = [];
  let [seen, beyond]: [number, number[]] = [0, []];
  visitMarks({ width, height }, (i) => plane[i] === '#', {
    begin: () => ([seen, beyond] = [0, []]),
    ink(i, x, y) {
      expect(i).toBe(y * width + x);
      seen++;
    },
    border: (_, i) => beyond.push(i),
    end: (box, count) => marks.push({ box, count, seen, beyond }),
  });
  return marks;
}

test('marks touch along sides and corners, and each pixel is told once', () => {
  const marks = told('#..##', '.#.##', '....#');
  expect(marks.map(({ box, count, seen }) => [box, count, seen])).toEqual([
    [{ x1: 0, y1: 0, x2: 2, y2: 2 }, 2, 2], [{ x1: 3, y1: 0, x2: 5, y2: 3 }, 5, 5],
  ]);
});

test('a border looks two pixels out and stays within the plane', () => {
  expect(told('.....', '.....', '..#..', '.....', '.....')[0]!.beyond.toSorted((a, b) => a - b)).toEqual([2, 10, 14, 22]);
  expect(told('.#').map(({ beyond }) => beyond)).toEqual([[0]]);
});

test('no ink, no mark', () => expect(told('...', '...')).toEqual([]));
