/** The picture of curves: what is drawn where, and the axes. */
import { expect, test } from 'vitest';
import { decodePng } from '#models/imaging/png.ts';
import { drawChart, rangeOf, ticks, type ChartPanel } from '#electron/review/chart.ts';

const panel = (change: Partial<ChartPanel['series'][number]> = {}): ChartPanel => ({
  title: 'Reward', unit: '', series: [{ name: 'all', points: [[1, 0], [50, 0.5], [100, 1]], isSparse: false, ...change }],
});
const draw = async (panels: readonly ChartPanel[], marks: readonly number[] = []) => decodePng(await drawChart({ title: 'run', subtitle: 'a run', xLabel: 'update', panels, marks, note: '' }));

/** How many pixels have about this colour, by columns. */
function columnsOf({ width, height, data }: Awaited<ReturnType<typeof draw>>, [r, g, b]: readonly [number, number, number]): number[] {
  const columns = new Array<number>(width).fill(0);
  for (let y = 170; y < height; y++) for (let x = 0; x < width; x++) {
    const at = 3 * (y * width + x);
    if (Math.abs(data[at]! - r) + Math.abs(data[at + 1]! - g) + Math.abs(data[at + 2]! - b) < 24) columns[x]!++;
  }
  return columns;
}

test('one panel is one column wide, two stand beside each other', async () => {
  const [one, two] = [await draw([panel()]), await draw([panel(), panel()])];
  expect(two.width).toBeGreaterThan(1.8 * one.width);
  expect(two.height).toBe(one.height);
});

test('the curve runs over the whole width of its panel, in its colour', async () => {
  const picture = await draw([panel()]);
  const columns = columnsOf(picture, [0x4c, 0xc9, 0xff]).flatMap((count, x) => (count > 0 ? [x] : []));
  expect(columns[0]!).toBeLessThan(0.17 * picture.width);
  expect(columns.at(-1)!).toBeGreaterThan(0.89 * picture.width);
});

test('a single measure is a dot, and a value that never changes is a level line', async () => {
  expect(columnsOf(await draw([panel({ points: [[7, 0.3]], isSparse: true })]), [0x4c, 0xc9, 0xff]).filter((count) => count > 0).length).toBeGreaterThan(5);
  expect(columnsOf(await draw([panel({ points: [[1, 2], [9, 2]] })]), [0x4c, 0xc9, 0xff]).filter((count) => count > 0).length).toBeGreaterThan(500);
});

test('ticks are round numbers within the range', () => {
  expect(ticks({ low: 0, high: 1 }, 4)).toEqual([0, 0.5, 1]);
  expect(ticks({ low: 0.03, high: 0.19 }, 4)).toEqual([0.05, 0.1, 0.15]);
  expect(ticks({ low: -0.06, high: 0.06 }, 4)).toEqual([-0.05, 0, 0.05]);
  expect(ticks({ low: 1, high: 4600 }, 6)).toEqual([1000, 2000, 3000, 4000]);
});

test('a range is never empty', () => {
  expect(rangeOf([])).toEqual({ low: 0, high: 1 });
  expect(rangeOf([0, 0])).toEqual({ low: -0.5, high: 0.5 });
  expect(rangeOf([4])).toEqual({ low: 2, high: 6 });
});
