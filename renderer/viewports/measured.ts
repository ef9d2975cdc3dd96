/** What a drawing says beside itself: its measures, in the words of the field. */
import type { WiredFrame } from '#electron/contract/frame.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import { angleAt, areaOf, cobbAngle, lengthOf, pixelsInside, statisticsOf, valueAt, type Region, type Scale } from '#models/imaging/measures.ts';
import type { Point } from '#models/imaging/coordinates.ts';

/** A length with three digits that count, in the unit that suits its size. */
export function lengthText(value: number, { unit, caution }: Scale): string {
  const text = unit === 'px' ? `${value.toFixed(1)} px` : unit === 'µm' && value >= 1000 ? `${(value / 1000).toFixed(2)} mm` : unit === 'µm' ? `${value.toFixed(value < 100 ? 1 : 0)} µm` : `${value.toFixed(value < 10 ? 2 : 1)} mm`;
  return caution === '' ? text : `${text} (${caution})`;
}

export function areaText(value: number, { unit, caution }: Scale): string {
  const text = unit === 'px' ? `${value.toFixed(0)} px²` : unit === 'µm' ? (value >= 1e5 ? `${(value / 1e6).toFixed(3)} mm²` : `${value.toFixed(0)} µm²`) : value >= 100 ? `${(value / 100).toFixed(2)} cm²` : `${value.toFixed(1)} mm²`;
  return caution === '' ? text : `${text} (${caution})`;
}

const number = (value: number): string => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(1));

export function regionOf({ kind, points }: Pick<Annotation, 'kind' | 'points'>): Region | null {
  if (kind === 'freehand') return points.length >= 3 ? { kind: 'polygon', outline: points } : null;
  const [a, b] = points;
  return (kind === 'rectangle' || kind === 'ellipse') && a && b ? { kind, corners: [a, b] } : null;
}

/** The lines of text of a drawing. @param frame  the stored values under it; null where there are none to be read, as on slides */
export function measuredLines(annotation: Pick<Annotation, 'kind' | 'points' | 'text' | 'millimetres'>, scale: Scale, frame: WiredFrame | null): readonly string[] {
  const { kind, points, text, millimetres } = annotation;
  const own = text === '' ? [] : [text];
  const [a, b, c, d] = points as readonly (Point | undefined)[];
  if (!a) return own;
  if (kind === 'arrow' || kind === 'key') return own;
  if (kind === 'probe') {
    const value = frame && frame.header.samples === 1 ? valueAt(measurable(frame), a) : null;
    return [...own, ...(value === null ? [] : [`${number(value)}${unitOf(frame)}`]), `x ${Math.floor(a.x)}, y ${Math.floor(a.y)}`];
  }
  if (kind === 'calibration') return [...own, millimetres === null ? 'How long is this?' : `${number(millimetres)} mm, calibrated by hand`];
  if (!b) return own;
  if (kind === 'length') return [...own, lengthText(lengthOf(scale, a, b), scale)];
  if (kind === 'bidirectional') {
    const long = lengthOf(scale, a, b);
    const short = c && d ? lengthOf(scale, c, d) : null;
    return [...own, `L ${lengthText(Math.max(long, short ?? 0), scale)}`, ...(short === null ? [] : [`W ${lengthText(Math.min(long, short), scale)}`])];
  }
  if (kind === 'angle' || kind === 'cobb') {
    const angle = kind === 'angle' ? (c ? angleAt(scale, a, b, c) : null) : c && d ? cobbAngle(scale, [a, b], [c, d]) : null;
    return angle === null ? own : [...own, `${angle.toFixed(1)}°${kind === 'cobb' ? ' Cobb' : ''}`];
  }
  const region = regionOf(annotation);
  if (!region) return own;
  const lines = [...own, `Area ${areaText(areaOf(scale, region), scale)}`];
  if (!frame || frame.header.samples !== 1) return lines;
  const { header } = frame;
  const statistics = statisticsOf(measurable(frame), pixelsInside(region, { width: header.columns, height: header.rows }));
  if (!statistics) return [...lines, 'No measured pixel'];
  return [
    ...lines, `Mean ${number(statistics.mean)}${unitOf(frame)} · SD ${number(statistics.deviation)}`, `${number(statistics.least)} … ${number(statistics.greatest)} · ${statistics.count} px`,
    ...(statistics.left > 0 ? [`${statistics.left} px without measurement left out`] : []),
  ];
}

const unitOf = (frame: WiredFrame | null): string => (frame && frame.header.unit !== '' ? ` ${frame.header.unit}` : '');

const measurable = ({ header: { columns, slope, intercept, padding }, values }: WiredFrame): Parameters<typeof valueAt>[0] => ({ columns, slope, intercept, padding, values });

/** `118, 90: 41 HU` */
export function probeText({ header, values }: WiredFrame, point: Point): string {
  const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
  if (x < 0 || y < 0 || x >= header.columns || y >= header.rows) return '';
  if (header.samples === 3) return `${x}, ${y}: ${[0, 1, 2].map((channel) => values[(y * header.columns + x) * 3 + channel]).join(' ')}`;
  const value = valueAt(measurable({ header, values }), point);
  return `${x}, ${y}: ${value === null ? 'not measured' : `${Math.round(value * 100) / 100}${header.unit === '' ? '' : ` ${header.unit}`}`}`;
}
