/** What persons drew, as measurements with their numbers, units and where the scale comes from. */
import { decodeFrameBytes, type WiredFrame } from '#electron/contract/frame.ts';
import type { FrameSummary, SeriesSummary, StudyDetail } from '#electron/contract/library.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import type { Measurement, Quantity } from '#models/clinical/report.ts';
import type { Point } from '#models/imaging/coordinates.ts';
import { angleAt, areaOf, cobbAngle, lengthOf, pixelsInside, scaleOf, slideScale, statisticsOf, valueAt, type Region, type Scale } from '#models/imaging/measures.ts';

type Value = Measurement['values'][number];

export interface MeasuringOptions {
  readonly detail: StudyDetail;
  /** Who drew them, as this workstation knows its persons. */
  readonly by: string;
  /** Stored values of a frame, as the viewer gets them. */
  readonly values: (frameId: string) => Promise<Uint8Array>;
}

/** Whatever has a number, in the order in which it was drawn. Calibrations are no measurements: they are what others are measured by. */
export async function measurementsOf(annotations: readonly Annotation[], { detail, by, values }: MeasuringOptions): Promise<readonly Measurement[]> {
  const frames = new Map<string, Promise<WiredFrame | null>>();
  const frameOf = (frameId: string): Promise<WiredFrame | null> => {
    const known = frames.get(frameId) ?? values(frameId).then((bytes) => decodeFrameBytes(new Uint8Array(bytes).buffer)).catch(() => null);
    frames.set(frameId, known);
    return known;
  };
  const found: Measurement[] = [];
  for (const annotation of annotations) {
    const { id, frameId, kind, points, text, isHidden, changedAt } = annotation;
    const place = frameIn(detail, frameId);
    if (isHidden || kind === 'calibration' || kind === 'key' || !place) continue;
    const needsPixels = (kind === 'probe' || kind === 'rectangle' || kind === 'ellipse' || kind === 'freehand') && place.series.kind !== 'slide';
    const scale = scaleFor(place, annotations);
    const [source = '', frame = '0'] = frameId.split('-');
    found.push({
      id: `m-${id}`, label: text, kind, place: { source, frame: Number(frame) }, points: points.map(({ x, y }) => ({ x, y })), values: [...valuesOf(annotation, scale, needsPixels ? await frameOf(frameId) : null)],
      spacing: { source: scale.calibrated ? 'calibration' : place.series.kind === 'slide' && scale.unit !== 'px' ? 'SlideResolution' : place.frame?.geometry.spacingSource ?? 'none', text: scale.source, caution: scale.caution },
      author: { kind: 'person', name: by }, at: changedAt, tracking: `m-${id}`,
    });
  }
  return found;
}

interface Placed {
  readonly series: SeriesSummary;
  readonly frame: FrameSummary | undefined;
}

export function frameIn({ series }: Pick<StudyDetail, 'series'>, frameId: string): Placed | undefined {
  for (const one of series) {
    const frame = one.frames.find(({ id }) => id === frameId);
    if (frame || (one.slide && frameId === `${one.slide.id}-0`)) return { series: one, frame };
  }
  return undefined;
}

function scaleFor({ series, frame }: Placed, annotations: readonly Annotation[]): Scale & { readonly calibrated: boolean } {
  if (series.slide || !frame) return { ...slideScale(series.slide?.mpp ?? null), calibrated: false };
  const { spacingMm } = frame.geometry;
  const aspect = spacingMm && spacingMm[1] > 0 ? spacingMm[0] / spacingMm[1] : 1;
  const line = annotations.findLast(({ frameId, kind, millimetres }) => frameId === frame.id && kind === 'calibration' && millimetres !== null);
  const [from, to] = line?.points ?? [];
  const pixels = from && to ? Math.hypot(to.x - from.x, (to.y - from.y) * aspect) : 0;
  const calibration = line?.millimetres && pixels > 0 ? line.millimetres / pixels : null;
  return { ...scaleOf(frame.geometry, series.modality, calibration), calibrated: calibration !== null };
}

const lengthUnits = { 'mm': 'mm', 'µm': 'um', 'px': '{pixels}' } as const;
const areaUnits = { 'mm': 'mm2', 'µm': 'um2', 'px': '{pixels}2' } as const;

function valuesOf({ kind, points }: Pick<Annotation, 'kind' | 'points'>, scale: Scale, frame: WiredFrame | null): readonly Value[] {
  const [a, b, c, d] = points as readonly (Point | undefined)[];
  const length = (quantity: Quantity, value: number): Value => ({ quantity, value: rounded(value), unit: lengthUnits[scale.unit] });
  const angle = (quantity: Quantity, value: number | null): readonly Value[] => (value === null ? [] : [{ quantity, value: rounded(value), unit: 'deg' }]);
  if (!a) return [];
  switch (kind) {
    case 'arrow': case 'calibration': case 'key': return [];
    case 'probe': {
      const value = frame && frame.header.samples === 1 ? valueAt(measurable(frame), a) : null;
      return value === null || !frame ? [] : [{ quantity: 'value', value: rounded(value), unit: valueUnit(frame) }];
    }
    case 'length': return b ? [length('length', lengthOf(scale, a, b))] : [];
    case 'bidirectional': {
      if (!b) return [];
      const one = lengthOf(scale, a, b);
      if (!c || !d) return [length('longAxis', one)];
      const other = lengthOf(scale, c, d);
      return [length('longAxis', Math.max(one, other)), length('shortAxis', Math.min(one, other))];
    }
    case 'angle': return b && c ? angle('angle', angleAt(scale, a, b, c)) : [];
    case 'cobb': return b && c && d ? angle('cobbAngle', cobbAngle(scale, [a, b], [c, d])) : [];
    case 'rectangle': case 'ellipse': case 'freehand': {
      const region: Region | null = kind === 'freehand' ? (points.length >= 3 ? { kind: 'polygon', outline: points } : null) : b ? { kind, corners: [a, b] } : null;
      if (!region) return [];
      const area: Value = { quantity: 'area', value: rounded(areaOf(scale, region)), unit: areaUnits[scale.unit] };
      const statistics = frame && frame.header.samples === 1 ? statisticsOf(measurable(frame), pixelsInside(region, { width: frame.header.columns, height: frame.header.rows })) : null;
      if (!statistics || !frame) return [area];
      const unit = valueUnit(frame);
      const { mean, deviation, least, greatest, count } = statistics;
      return [
        area, { quantity: 'mean', value: rounded(mean), unit }, { quantity: 'deviation', value: rounded(deviation), unit }, { quantity: 'least', value: rounded(least), unit },
        { quantity: 'greatest', value: rounded(greatest), unit }, { quantity: 'count', value: count, unit: '{pixels}' },
      ];
    }
  }
}

/** UCUM. What has no unit in the file has none here. */
const valueUnit = ({ header: { unit } }: WiredFrame): string => (unit === 'HU' ? "[hnsf'U]" : unit === '' || unit === 'US' ? '1' : unit.slice(0, 20));

/** Nothing on these images is known to more than six digits behind the point. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

const measurable = ({ header: { columns, slope, intercept, padding }, values }: WiredFrame): Parameters<typeof valueAt>[0] => ({ columns, slope, intercept, padding, values });

/** What was measured under the same name then and now. */
export function changesSince(before: readonly Measurement[], now: readonly Measurement[]): readonly { label: string; quantity: Quantity; before: number; now: number; unit: string }[] {
  const nameOf = ({ label }: Measurement): string => label.trim().toLowerCase();
  return now.flatMap((one) => {
    const then = nameOf(one) === '' ? undefined : before.findLast((other) => nameOf(other) === nameOf(one) && other.kind === one.kind);
    return one.values.flatMap(({ quantity, value, unit }) => {
      const earlier = then?.values.find((other) => other.quantity === quantity && other.unit === unit);
      return earlier && ['length', 'longAxis', 'shortAxis', 'area', 'angle', 'cobbAngle', 'mean'].includes(quantity) ? [{ label: one.label, quantity, before: earlier.value, now: value, unit }] : [];
    });
  });
}
