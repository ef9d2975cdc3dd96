import { expect, test } from 'vitest';
import type { WiredFrame } from '#electron/contract/frame.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import type { NamedView } from '#renderer/review/asked.ts';
import { factsOf, measuringOn } from '#renderer/review/facts.ts';
import type { Drawing } from '#renderer/viewports/drawings.ts';

const frameId = `${'a'.repeat(64)}-0`;
const drawing = (kind: Annotation['kind'], points: Annotation['points'], change: Partial<Annotation> = {}): Drawing =>
  ({ studyId: 's', annotation: { id: `drawing-${kind}`, frameId, kind, points, text: '', colour: '#ffffff', isLocked: false, isHidden: false, millimetres: null, changedAt: '', ...change } });
const series = { kind: 'stack', modality: 'CT', slide: null, frames: [{ id: frameId, geometry: { spacingMm: [0.5, 0.5], spacingSource: 'PixelSpacing', positionMm: null, orientation: null } }] } as unknown as SeriesSummary;
const views = [{ view: { kind: 'frame', frameId, window: null }, seriesAt: 0, number: 1, of: 1, isPrior: false }] as readonly NamedView[];
const frame = { header: { samples: 1, columns: 10, rows: 10, slope: 2, intercept: -1000, padding: null, unit: 'HU' }, values: Int16Array.from({ length: 100 }, () => 520) } as unknown as WiredFrame;
const facts = (...all: Drawing[]) => factsOf(all, views, [series], { frameOf: () => Promise.resolve(frame), calibrationOf: () => null });

test('drawings become values with their units and the source of their scale', async () => {
  expect(await facts(drawing('length', [{ x: 0, y: 0 }, { x: 30, y: 40 }]))).toEqual([{ name: 'length 1', value: 25, unit: 'mm', source: 'Pixel Spacing', view: 0, drawingId: 'drawing-length' }]);
  expect((await facts(drawing('rectangle', [{ x: 2, y: 2 }, { x: 6, y: 4 }]))).map(({ name, value, unit }) => [name, value, unit])).toEqual([['area 1', 2, 'mm²'], ['mean 1', 40, 'HU']]);
  expect((await facts(drawing('angle', [{ x: 1, y: 0 }, { x: 0, y: 0 }, { x: 0, y: 1 }], { text: 'carina' }))).map(({ name, value, unit }) => [name, value, unit])).toEqual([['carina, angle 1', 90, '°']]);
});

test('arrows, hidden drawings and those on other images measure nothing here', () => {
  const line = [{ x: 0, y: 0 }, { x: 1, y: 1 }];
  expect(measuringOn([drawing('arrow', line), drawing('length', line, { isHidden: true }), drawing('length', line, { frameId: `${'b'.repeat(64)}-0` })], views)).toEqual([]);
});
