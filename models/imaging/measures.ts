/**
 * What is measured on an image: lengths, angles, areas, and statistics of stored values. Every number that is reported comes from here.
 *
 * Places are continuous stored pixels: pixel i covers [i, i + 1). A pixel belongs to a region when its centre lies inside, whatever is shown and however.
 */
import type { FrameGeometry } from '#models/clinical/study.ts';
import type { Point, Size } from './coordinates.ts';

/** How long a pixel is, in what, and who says so. */
export interface Scale {
  /** Units for one pixel to the right. */
  readonly column: number;
  /** Units for one pixel downwards. */
  readonly row: number;
  readonly unit: 'mm' | 'µm' | 'px';
  /** Where the scale comes from, in words for a person. */
  readonly source: string;
  /** What must stand beside every length in this scale; empty where it can be taken as it is. */
  readonly caution: string;
}

/** Projections: what lies nearer to the tube is drawn larger, so a pixel has no one size in the patient. */
const projections = new Set(['CR', 'DX', 'DR', 'RG', 'XA', 'RF', 'MG', 'PX', 'IO']);

/**
 * The scale of a frame. A calibration by hand wins; a detector's spacing is named as such; without any, pixels are counted.
 *
 * @param calibration  millimetres for one pixel, as a person measured it
 */
export function scaleOf({ spacingMm, spacingSource }: Pick<FrameGeometry, 'spacingMm' | 'spacingSource'>, modality: string, calibration: number | null = null): Scale {
  if (calibration !== null && calibration > 0) {
    const aspect = spacingMm && spacingMm[1] > 0 ? spacingMm[0] / spacingMm[1] : 1;
    return { column: calibration, row: calibration * aspect, unit: 'mm', source: 'calibrated by hand on this image', caution: 'calibrated by hand' };
  }
  if (!spacingMm) return { column: 1, row: 1, unit: 'px', source: 'the file gives no scale', caution: '' };
  const measured = { column: spacingMm[1], row: spacingMm[0], unit: 'mm' as const };
  switch (spacingSource) {
    case 'ImagerPixelSpacing': return { ...measured, source: 'Imager Pixel Spacing: at the detector, true sizes are smaller', caution: 'detector plane' };
    case 'NominalScannedPixelSpacing': return { ...measured, source: 'Nominal Scanned Pixel Spacing: on the film that was scanned', caution: 'on the film' };
    case 'UltrasoundRegion': return { ...measured, source: 'ultrasound region calibration', caution: '' };
    case 'PixelSpacing': return projections.has(modality)
      ? { ...measured, source: 'Pixel Spacing of a projection: the magnification is not known', caution: 'projection' }
      : { ...measured, source: 'Pixel Spacing', caution: '' };
    default: return { ...measured, source: spacingSource, caution: '' };
  }
}

/** A slide's scale, from microns for one pixel of level 0. */
export const slideScale = (mpp: { readonly x: number; readonly y: number } | null): Scale => (mpp
  ? { column: mpp.x, row: mpp.y, unit: 'µm', source: 'microns per pixel of the slide', caution: '' }
  : { column: 1, row: 1, unit: 'px', source: 'the file gives no scale', caution: '' });

/** In the scale's unit. */
export const lengthOf = ({ column, row }: Scale, from: Point, to: Point): number => Math.hypot((to.x - from.x) * column, (to.y - from.y) * row);

/** Degrees at the vertex, 0 … 180; null where a leg has no length. */
export function angleAt({ column, row }: Scale, from: Point, vertex: Point, to: Point): number | null {
  const [ax, ay, bx, by] = [(from.x - vertex.x) * column, (from.y - vertex.y) * row, (to.x - vertex.x) * column, (to.y - vertex.y) * row];
  if ((ax === 0 && ay === 0) || (bx === 0 && by === 0)) return null;
  return (Math.abs(Math.atan2(ax * by - ay * bx, ax * bx + ay * by)) * 180) / Math.PI;
}

/** Cobb's angle between two lines, degrees, 0 … 90; null where a line has no length. */
export function cobbAngle(scale: Scale, [a, b]: readonly [Point, Point], [c, d]: readonly [Point, Point]): number | null {
  const angle = angleAt(scale, { x: b.x - a.x, y: b.y - a.y }, { x: 0, y: 0 }, { x: d.x - c.x, y: d.y - c.y });
  return angle === null ? null : Math.min(angle, 180 - angle);
}

/** The line across the middle of another, at a right angle in the patient, of half its length: where the second diameter begins. */
export function acrossMiddle({ column, row }: Scale, from: Point, to: Point): readonly [Point, Point] {
  const [dx, dy] = [(to.x - from.x) * column, (to.y - from.y) * row];
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const half = { x: (-dy / 4) / column, y: (dx / 4) / row };
  return [{ x: middle.x - half.x, y: middle.y - half.y }, { x: middle.x + half.x, y: middle.y + half.y }];
}

export type Region =
  | { readonly kind: 'rectangle' | 'ellipse'; readonly corners: readonly [Point, Point] }
  | { readonly kind: 'polygon'; readonly outline: readonly Point[] };

/** In the scale's unit, squared. A polygon that crosses itself has no one area: the sum by sign, without its sign. */
export function areaOf({ column, row }: Scale, region: Region): number {
  if (region.kind === 'polygon') {
    let twice = 0;
    region.outline.forEach(({ x, y }, i, { length }) => {
      const next = region.outline[(i + 1) % length] as Point;
      twice += x * next.y - next.x * y;
    });
    return (Math.abs(twice) / 2) * column * row;
  }
  const [a, b] = region.corners;
  const box = Math.abs(b.x - a.x) * column * Math.abs(b.y - a.y) * row;
  return region.kind === 'ellipse' ? (box * Math.PI) / 4 : box;
}

/** Pixels of one row of a region: columns from … to − 1. */
export interface Span {
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

/** The first pixel whose centre is at or behind a place. */
const firstCentre = (place: number): number => Math.ceil(place - 0.5);

/** The pixels whose centres lie inside, row by row. The right and lower edges are exclusive; a polygon is filled by even and odd crossings. */
export function pixelsInside(region: Region, { width, height }: Size): Span[] {
  const spans: Span[] = [];
  const add = (row: number, left: number, right: number): void => {
    const [from, to] = [Math.max(0, firstCentre(left)), Math.min(width, firstCentre(right))];
    if (to > from) spans.push({ row, from, to });
  };
  const ys = region.kind === 'polygon' ? region.outline.map(({ y }) => y) : region.corners.map(({ y }) => y);
  const [top, bottom] = ys.reduce(([low, high], y) => [Math.min(low, y), Math.max(high, y)] as const, [Infinity, -Infinity] as const);
  const [firstRow, lastRow] = [Math.max(0, firstCentre(top)), Math.min(height, firstCentre(bottom))];
  if (region.kind === 'polygon') {
    const { outline } = region;
    for (let row = firstRow; row < lastRow; row++) {
      const y = row + 0.5;
      const crossings: number[] = [];
      for (let i = 0, last = outline.length - 1; i < outline.length; last = i++) {
        const [a, b] = [outline[last] as Point, outline[i] as Point];
        if (a.y <= y !== b.y <= y) crossings.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x));
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) add(row, crossings[i] as number, crossings[i + 1] as number);
    }
    return spans;
  }
  const [a, b] = region.corners;
  const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
  for (let row = firstRow; row < lastRow; row++) {
    if (region.kind === 'rectangle') {
      add(row, left, right);
      continue;
    }
    const up = (row + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2);
    const half = ((right - left) / 2) * Math.sqrt(Math.max(0, 1 - up * up));
    add(row, (left + right) / 2 - half, (left + right) / 2 + half);
  }
  return spans;
}

/** Stored values, [rows, columns], and what they mean. */
export interface MeasuredFrame {
  readonly columns: number;
  readonly values: ArrayLike<number>;
  /** Modality value = stored · slope + intercept. */
  readonly slope: number;
  readonly intercept: number;
  /** Stored values that mean no measurement: left out, and counted. */
  readonly padding: { readonly low: number; readonly high: number } | null;
}

export interface Statistics {
  readonly count: number;
  readonly mean: number;
  /** Of these pixels as a whole: divided by their number, not by one less. */
  readonly deviation: number;
  readonly least: number;
  readonly greatest: number;
  /** Pixels that hold no measurement. */
  readonly left: number;
}

/** Statistics of a region in modality values; null where no pixel of it holds a measurement. */
export function statisticsOf({ columns, values, slope, intercept, padding }: MeasuredFrame, spans: readonly Span[]): Statistics | null {
  let [count, sum, left, least, greatest] = [0, 0, 0, Infinity, -Infinity];
  const each = (visit: (value: number) => void): void => {
    for (const { row, from, to } of spans) for (let at = row * columns + from; at < row * columns + to; at++) visit(values[at] as number);
  };
  each((stored) => {
    if ((padding && stored >= padding.low && stored <= padding.high) || !Number.isFinite(stored)) {
      left++;
      return;
    }
    count++;
    sum += stored;
    if (stored < least) least = stored;
    if (stored > greatest) greatest = stored;
  });
  if (count === 0) return null;
  const mean = sum / count;
  let squares = 0;
  each((stored) => {
    if ((padding && stored >= padding.low && stored <= padding.high) || !Number.isFinite(stored)) return;
    squares += (stored - mean) ** 2;
  });
  const ends = [least * slope + intercept, greatest * slope + intercept] as const;
  return { count, mean: mean * slope + intercept, deviation: Math.sqrt(squares / count) * Math.abs(slope), least: Math.min(...ends), greatest: Math.max(...ends), left };
}

/** The modality value of the pixel under a place; null outside of the image and where nothing was measured. */
export function valueAt({ columns, values, slope, intercept, padding }: MeasuredFrame, { x, y }: Point): number | null {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const stored = column >= 0 && column < columns && row >= 0 ? values[row * columns + column] : undefined;
  if (stored === undefined || !Number.isFinite(stored) || (padding && stored >= padding.low && stored <= padding.high)) return null;
  return stored * slope + intercept;
}

/** The least and the greatest of values, NaN aside; zeros where there is none. */
export function extentOf(values: ArrayLike<number>): { readonly least: number; readonly greatest: number } {
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return least <= greatest ? { least, greatest } : { least: 0, greatest: 0 };
}
