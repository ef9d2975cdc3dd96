/** What was drawn on the images of a question, as measured values with their units and where their scale comes from. */
import type { WiredFrame } from '#electron/contract/frame.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import type { Fact } from '#electron/contract/review.ts';
import { aspectOf } from '#models/imaging/coordinates.ts';
import { angleAt, areaOf, cobbAngle, lengthOf, pixelsInside, scaleOf, slideScale, statisticsOf, valueAt } from '#models/imaging/measures.ts';
import type { Drawing } from '#renderer/viewports/drawings.ts';
import { regionOf } from '#renderer/viewports/measured.ts';
import type { NamedView } from './asked.ts';

const frameIdOf = ({ view }: NamedView): string => (view.kind === 'frame' ? view.frameId : `${view.slideId}-0`);

/** Drawings that measure something, on the images of the question. */
export const measuringOn = (all: readonly Drawing[], views: readonly NamedView[]): readonly Drawing[] =>
  all.filter(({ annotation: { frameId, kind, isHidden } }) => !isHidden && kind !== 'arrow' && kind !== 'calibration' && kind !== 'key' && views.some((view) => frameIdOf(view) === frameId));

export interface FactSources {
  /** Stored values of a frame, for values and their mean. */
  readonly frameOf: (frameId: string) => Promise<WiredFrame>;
  /** Millimetres for one pixel where a person calibrated that frame. */
  readonly calibrationOf: (all: readonly Drawing[], frameId: string, aspect: number) => number | null;
}

export async function factsOf(all: readonly Drawing[], views: readonly NamedView[], series: readonly SeriesSummary[], { frameOf, calibrationOf }: FactSources): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const [at, { annotation }] of measuringOn(all, views).entries()) {
    const view = views.findIndex((one) => frameIdOf(one) === annotation.frameId);
    const own = series[views[view]?.seriesAt ?? -1];
    const frame = own?.frames.find(({ id }) => id === annotation.frameId);
    if (!own || !frame) continue;
    const scale = own.slide ? slideScale(own.slide.mpp) : scaleOf(frame.geometry, own.modality, calibrationOf(all, annotation.frameId, aspectOf(frame.geometry)));
    const add = (name: string, value: number | null, unit: string, source: string): void => {
      if (value !== null && Number.isFinite(value)) facts.push({ name: `${annotation.text === '' ? name : `${annotation.text.slice(0, 60)}, ${name}`} ${at + 1}`, value, unit, source: source.slice(0, 200), view, drawingId: annotation.id });
    };
    const { kind, points: [a, b, c, d] } = annotation;
    if (!a) continue;
    if (kind === 'length' && b) add('length', lengthOf(scale, a, b), scale.unit, scale.source);
    if (kind === 'bidirectional' && b && c && d) {
      const [one, other] = [lengthOf(scale, a, b), lengthOf(scale, c, d)];
      add('long axis', Math.max(one, other), scale.unit, scale.source);
      add('short axis', Math.min(one, other), scale.unit, scale.source);
    }
    if (kind === 'angle' && b && c) add('angle', angleAt(scale, a, b, c), '°', scale.source);
    if (kind === 'cobb' && b && c && d) add('Cobb angle', cobbAngle(scale, [a, b], [c, d]), '°', scale.source);
    const region = regionOf(annotation);
    if (region) add('area', areaOf(scale, region), `${scale.unit}²`, scale.source);
    if (own.slide || own.kind !== 'stack' || (!region && kind !== 'probe')) continue;
    const { header, values } = await frameOf(annotation.frameId);
    if (header.samples !== 1) continue;
    const measured = { columns: header.columns, slope: header.slope, intercept: header.intercept, padding: header.padding, values };
    if (kind === 'probe') add('value', valueAt(measured, a), header.unit, 'stored value');
    else if (region) add('mean', statisticsOf(measured, pixelsInside(region, { width: header.columns, height: header.rows }))?.mean ?? null, header.unit, 'stored values');
  }
  return facts;
}
