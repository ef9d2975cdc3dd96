/** Curves as one picture: panels in two columns, each with its own axis, drawn to be read in a document and on paper. */
import type { SKRSContext2D } from '@napi-rs/canvas';
import { canvas, colours, font, palette } from '#electron/drawing/canvas.ts';

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  readonly smooth?: readonly (readonly [number, number])[];
  /** x, lower, upper. */
  readonly band?: readonly (readonly [number, number, number])[];
  readonly isSparse: boolean;
}

export interface ChartPanel {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly ChartSeries[];
}

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  readonly panels: readonly ChartPanel[];
  /** Upright lines through every panel. */
  readonly marks: readonly number[];
  /** Small, at the foot. */
  readonly note: string;
}

const margin = 28;
const gap = 20;
const card = { width: 560, height: 270 } as const;
const inner = { left: 64, right: 18, top: 64, bottom: 38 } as const;
const header = 76;
const footer = 36;
/** Device pixels for each layout pixel. */
const density = 2;

interface Range { readonly low: number; readonly high: number }

/** The chart as PNG bytes. */
export async function drawChart(chart: Chart): Promise<Uint8Array> {
  const { createCanvas } = await canvas();
  const columns = chart.panels.length > 1 ? 2 : 1;
  const rows = Math.ceil(chart.panels.length / columns);
  const width = 2 * margin + columns * card.width + (columns - 1) * gap;
  const height = margin + header + rows * card.height + (rows - 1) * gap + footer;
  const surface = createCanvas(width * density, height * density);
  const context = surface.getContext('2d');
  context.scale(density, density);
  context.fillStyle = colours.page;
  context.fillRect(0, 0, width, height);
  text(context, chart.title, margin, margin + 22, { size: 22, family: 'LoupeSansBold', colour: colours.text, most: width - 2 * margin });
  text(context, chart.subtitle, margin, margin + 46, { size: 13, colour: colours.muted, most: width - 2 * margin });
  const x = rangeOf(chart.panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([at]) => at))));
  chart.panels.forEach((panel, i) => {
    context.save();
    context.translate(margin + (i % columns) * (card.width + gap), margin + header + Math.floor(i / columns) * (card.height + gap));
    drawPanel(context, panel, { x, xLabel: chart.xLabel, marks: chart.marks });
    context.restore();
  });
  text(context, chart.note, margin, height - 14, { size: 11, colour: colours.faint, most: width - 2 * margin });
  return surface.encode('png');
}

function drawPanel(context: SKRSContext2D, panel: ChartPanel, { x, xLabel, marks }: { readonly x: Range; readonly xLabel: string; readonly marks: readonly number[] }): void {
  context.fillStyle = colours.card;
  context.beginPath();
  context.roundRect(0, 0, card.width, card.height, 10);
  context.fill();
  const size = { width: card.width - inner.left - inner.right, height: card.height - inner.top - inner.bottom };
  const y = valueRange(panel);
  const toX = (value: number): number => inner.left + ((value - x.low) / (x.high - x.low)) * size.width;
  const toY = (value: number): number => inner.top + size.height - ((value - y.low) / (y.high - y.low)) * size.height;

  text(context, panel.title, 18, 26, { size: 14, family: 'LoupeSansBold', colour: colours.text, most: card.width - 160 });
  if (panel.unit !== '') text(context, panel.unit, card.width - inner.right, 26, { size: 11, colour: colours.faint, align: 'right' });
  drawLegend(context, panel);

  context.lineWidth = 1;
  for (const tick of ticks(y, 4)) {
    context.strokeStyle = colours.line;
    line(context, [[inner.left, toY(tick)], [inner.left + size.width, toY(tick)]]);
    text(context, label(tick, y), inner.left - 8, toY(tick) + 4, { size: 11, colour: colours.muted, align: 'right' });
  }
  for (const tick of ticks(x, 6).filter(Number.isInteger)) text(context, label(tick, x), toX(tick), card.height - inner.bottom + 18, { size: 11, colour: colours.muted, align: 'center' });
  text(context, xLabel, card.width - inner.right, card.height - 6, { size: 10, colour: colours.faint, align: 'right' });

  context.save();
  context.beginPath();
  context.rect(inner.left, inner.top - 4, size.width + inner.right, size.height + 8);
  context.clip();
  context.strokeStyle = colours.faint;
  context.setLineDash([3, 4]);
  for (const mark of marks) line(context, [[toX(mark), inner.top], [toX(mark), inner.top + size.height]]);
  context.setLineDash([]);
  panel.series.forEach(({ points, smooth, band, isSparse }, i) => {
    const colour = colourAt(i);
    const shown = (pairs: readonly (readonly [number, number])[]): [number, number][] => pairs.map(([px, py]) => [toX(px), toY(py)]);
    if (band) {
      context.fillStyle = `${colour}22`;
      context.beginPath();
      [...band.map(([at, low]) => [at, low] as const), ...band.map(([at, , high]) => [at, high] as const).reverse()].forEach(([px, py], j) => (j === 0 ? context.moveTo(toX(px), toY(py)) : context.lineTo(toX(px), toY(py))));
      context.closePath();
      context.fill();
    }
    context.lineJoin = 'round';
    context.lineWidth = smooth ? 1 : 2;
    context.strokeStyle = smooth ? `${colour}55` : colour;
    line(context, shown(points));
    if (smooth) {
      context.lineWidth = 2.2;
      context.strokeStyle = colour;
      for (const part of parted(smooth, marks)) line(context, shown(part));
    }
    if (!isSparse && points.length > 1) return;
    for (const [px, py] of shown(points)) {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(px, py, 3.2, 0, 2 * Math.PI);
      context.fill();
    }
  });
  context.restore();
}

/** A mean that stops at a border and begins anew behind it is not joined across. */
const parted = (points: readonly (readonly [number, number])[], borders: readonly number[]): (readonly (readonly [number, number])[])[] =>
  [-Infinity, ...borders].map((from, i) => points.filter(([x]) => x >= from && x < (borders[i] ?? Infinity)));

const colourAt = (i: number): string => palette[i % palette.length]!;

/** Names in one row below the title, each with its first and last value. */
function drawLegend(context: SKRSContext2D, { series }: ChartPanel): void {
  let left = 18;
  const right = card.width - inner.right;
  for (const [i, { name, points, smooth }] of series.entries()) {
    const last = (smooth ?? points).at(-1)![1];
    const first = (smooth ?? points)[0]![1];
    const said = series.length > 3 ? `${name} ${brief(last)}` : `${name} ${brief(first)} → ${brief(last)}`;
    context.font = font(11);
    const width = context.measureText(said).width;
    if (left + 14 + width > right) {
      text(context, `+ ${series.length - i} more`, left, 46, { size: 11, colour: colours.faint });
      return;
    }
    context.fillStyle = colourAt(i);
    context.beginPath();
    context.arc(left + 4, 42, 4, 0, 2 * Math.PI);
    context.fill();
    text(context, said, left + 14, 46, { size: 11, colour: colours.muted });
    left += 14 + width + 16;
  }
}

interface TextStyle {
  readonly size: number;
  readonly family?: 'LoupeSans' | 'LoupeSansBold' | 'LoupeMono';
  readonly colour: string;
  readonly align?: 'left' | 'center' | 'right';
  /** Layout pixels; longer text ends in an ellipsis. */
  readonly most?: number;
}

function text(context: SKRSContext2D, said: string, x: number, y: number, { size, family = 'LoupeSans', colour, align = 'left', most = Infinity }: TextStyle): void {
  context.font = font(size, family);
  context.fillStyle = colour;
  context.textAlign = align;
  let shown = said;
  while (shown.length > 1 && context.measureText(shown).width > most) shown = `${shown.slice(0, -2)}…`;
  context.fillText(shown, x, y);
  context.textAlign = 'left';
}

function line(context: SKRSContext2D, points: readonly (readonly [number, number])[]): void {
  context.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.stroke();
}

/** From the least to the greatest value, never empty. */
export function rangeOf(values: readonly number[]): Range {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (!(low <= high)) return { low: 0, high: 1 };
  return low < high ? { low, high } : { low: low - (Math.abs(low) || 1) / 2, high: high + (Math.abs(high) || 1) / 2 };
}

/** The panel's values with a little air; from 0 where they come near it. Raw values that only spike do not squeeze the smoothed curve: their 1st and 99th percentiles count. */
function valueRange({ series }: ChartPanel): Range {
  const values = series.flatMap(({ points, smooth, band }) => [
    ...trimmed(points.map(([, y]) => y)), ...(smooth ?? []).map(([, y]) => y), ...trimmed((band ?? []).map(([, low]) => low)), ...trimmed((band ?? []).map(([, , high]) => high)),
  ]);
  const { low, high } = rangeOf(values);
  const air = 0.06 * (high - low);
  const from = low >= 0 && low < 0.5 * high ? 0 : low - air;
  return { low: from, high: high + air };
}

function trimmed(values: readonly number[]): readonly number[] {
  if (values.length < 100) return values;
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[Math.floor(0.01 * sorted.length)]!, sorted[Math.ceil(0.99 * sorted.length) - 1]!];
}

/** Round values within a range, about `count` of them: 1, 2 or 5 times a power of ten apart. */
export function ticks({ low, high }: Range, count: number): readonly number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw * 0.999) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const result: number[] = [];
  for (let i = first; i * step <= high + 1e-9 * step; i++) result.push(Number((i * step).toPrecision(12)));
  return result;
}

/** A tick's value, with as many digits as tell it from its neighbours. */
function label(value: number, { low, high }: Range): string {
  const most = Math.max(Math.abs(low), Math.abs(high));
  if (value !== 0 && (most < 1e-3 || most >= 1e6)) return value.toExponential(1).replace('e+', 'e');
  return String(Number(value.toPrecision(6))).replace(/\B(?=(\d{3})+(?!\d)(?<!\.\d*))/g, ' ');
}

const brief = (value: number): string => (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6) ? value.toExponential(1).replace('e+', 'e') : String(Number(value.toPrecision(3))));
