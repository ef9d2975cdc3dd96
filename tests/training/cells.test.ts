import { expect, test } from 'vitest';
import { cellClasses, cellTargets, headsOfCells } from '#training/cells.ts';

const size = { width: 112, height: 56 };
const classOf = (name: (typeof cellClasses)[number]): number => cellClasses.indexOf(name);
const of = (name: string, targets: ReturnType<typeof cellTargets>): number[] => [...targets[headsOfCells.findIndex((head) => head.name === name)]!];

test('each cell says the box that covers its centre, and where that box ends in parts of the side', () => {
  // Two rows of four cells, 28 pixels each.
  const targets = cellTargets([{ class: 'white_blood_cell', box: { x1: 28, y1: 0, x2: 84, y2: 28 } }], size, [1, 4, 8], 2);
  expect(of('class', targets)).toEqual([0, classOf('white_blood_cell'), classOf('white_blood_cell'), 0, 0, 0, 0, 0]);
  expect(of('left', targets)).toEqual(new Array(8).fill(8));
  expect(of('right', targets)).toEqual(new Array(8).fill(24));
  expect(of('bottom', targets)).toEqual(new Array(8).fill(16));
});

test('a cell that shows nothing tells of the nearest thing, and where there is only the common kind, each tells its own', () => {
  const lungs = [{ class: 'right_lung', box: { x1: 0, y1: 0, x2: 28, y2: 56 } }, { class: 'right_lung', box: { x1: 84, y1: 0, x2: 112, y2: 56 } }];
  expect(of('left', cellTargets(lungs, size, [1, 4, 8], 2)).slice(0, 4)).toEqual([0, 0, 24, 24]);
  const red = [{ class: 'red_blood_cell', box: { x1: 0, y1: 0, x2: 28, y2: 28 } }];
  expect(of('left', cellTargets(red, size, [1, 4, 8], 2)).slice(0, 4)).toEqual([0, -1, -1, -1]);
});

test('a thing smaller than a cell is told by the cell that holds its centre, and the rarer of two things counts', () => {
  const targets = cellTargets([
    { class: 'red_blood_cell', box: { x1: 0, y1: 0, x2: 28, y2: 28 } }, { class: 'platelet', box: { x1: 2, y1: 2, x2: 8, y2: 8 } },
  ], size, [1, 4, 8], 2);
  expect(of('class', targets)).toEqual([classOf('platelet'), 0, 0, 0, 0, 0, 0, 0]);
});

test('an image that nobody boxed tells its cells only where they are', () => {
  const targets = cellTargets(null, size, [1, 4, 8], 2);
  expect(of('class', targets)).toEqual(new Array(8).fill(-1));
  expect(of('row', targets)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(of('column', targets)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
});
