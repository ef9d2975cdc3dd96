/** The page read as a state of `models/viewer`, and brought into one, over the same bus that keys and menus use (`review.ts`). */
import type { FrameHeader } from '#electron/contract/frame.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import type { Box } from '#models/clinical/finding.ts';
import { windowPresets } from '#models/imaging/dicom/voi.ts';
import type { ViewerMark, ViewerState, ViewerStudy } from '#models/viewer/state.ts';
import { drawings, newDrawing, putDrawings, type Drawing } from '#renderer/viewports/drawings.ts';
import { bus, review, stage } from './review.ts';
import { currentSeries, type ReviewState, type ShownLook } from './state.ts';

/** Series are named by their place in the strip, from 1. */
const keyOf = (at: number): string => String(at + 1);
const placeOfKey = (key: string): number => Number(key) - 1;

/** The named windows of a series; the one that is shown brings those of its file. */
function presetsOf(series: SeriesSummary, header: FrameHeader | null): ViewerStudy['series'][number]['presets'] {
  const own = header && series.frames.some(({ id }) => id === header.id) ? header.presets : windowPresets[series.modality] ?? [];
  const seen = new Set<string>();
  return own.filter(({ name }) => name !== '' && !seen.has(name.toLowerCase()) && seen.add(name.toLowerCase())).map(({ name, center, width }) => ({ name: name.slice(0, 80), center, width })).slice(0, 100);
}

export const studyOf = (series: readonly SeriesSummary[], header: FrameHeader | null): ViewerStudy => ({
  series: series.map((one, at) => ({
    key: keyOf(at), modality: one.modality, slices: Math.max(1, one.frames.length), width: one.slide?.width ?? one.frames[0]?.columns ?? 1, height: one.slide?.height ?? one.frames[0]?.rows ?? 1,
    mpp: one.slide?.mpp?.x ?? null, presets: presetsOf(one, header),
  })),
});

/** The zoom at which everything is seen, in CSS pixels for one of the image. */
function wholeZoom(): number {
  const { canvas } = stage;
  if (!canvas) return 1;
  const view = canvas.view();
  canvas.setView({ ...view, zoom: null });
  const whole = canvas.zoom();
  canvas.setView(view);
  return whole;
}

/** The part of the image that is on the screen, in its pixels. */
export function visibleBox(): Box | null {
  const { canvas, slide } = stage;
  const series = currentSeries(review.get());
  if (slide && !canvas) {
    const { x, y, width, height } = slide.visibleRegion();
    return { x1: x, y1: y, x2: x + width, y2: y + height };
  }
  const frame = series?.frames[review.get().frameAt];
  if (!canvas || !frame) return null;
  const element = document.querySelector<HTMLElement>('.cell[aria-current=true] canvas.image');
  const corners = [canvas.toImage({ x: 0, y: 0 }), canvas.toImage({ x: element?.clientWidth ?? 0, y: element?.clientHeight ?? 0 })];
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const box = { x1: Math.max(0, Math.floor(Math.min(...xs))), y1: Math.max(0, Math.floor(Math.min(...ys))), x2: Math.min(frame.columns, Math.ceil(Math.max(...xs))), y2: Math.min(frame.rows, Math.ceil(Math.max(...ys))) };
  return box.x2 > box.x1 && box.y2 > box.y1 ? box : { x1: 0, y1: 0, x2: frame.columns, y2: frame.rows };
}

/** What the page shows, as a state; null where nothing does. Marks are those that were set through `showState`. */
export function readState(marks: readonly ViewerMark[] = []): { readonly study: ViewerStudy; readonly state: ViewerState } | null {
  const { detail, seriesAt, frameAt, looks } = review.get();
  const series = detail?.series[seriesAt];
  const box = visibleBox();
  if (!detail || !series || !box) return null;
  const study = studyOf(detail.series, stage.header);
  const own = study.series[seriesAt]!;
  const look = looks[series.id];
  const { canvas } = stage;
  const zoom = canvas ? canvas.zoom() / wholeZoom() : Math.min(own.width / (box.x2 - box.x1), own.height / (box.y2 - box.y1));
  const middle = canvas ? canvas.view().middle : { x: (box.x1 + box.x2) / 2 / own.width, y: (box.y1 + box.y2) / 2 / own.height };
  const state: ViewerState = {
    series: own.key, slice: frameAt + 1, window: look ? { center: look.center, width: look.width, name: look.name } : null, zoom: Math.max(1, zoom), middle, marks, answer: null, isDone: false,
  };
  return { study, state };
}

/** Whether the page still shows what a state says: a reader who leafs or windows in between has taken over. */
export function isShown(state: ViewerState): boolean {
  const { detail, seriesAt, frameAt, looks } = review.get();
  const look = looks[detail?.series[seriesAt]?.id ?? ''];
  return keyOf(seriesAt) === state.series && frameAt + 1 === state.slice && look?.center === state.window?.center && look?.width === state.window?.width;
}

/** Drawings that stand for marks, in the marks' order. */
export type MarkDrawings = readonly Drawing[];

const kinds = { point: 'probe', box: 'rectangle', measure: 'length' } as const;

/** Drawings added or taken away so that they are those of the marks. */
function showMarks(marks: readonly ViewerMark[], drawn: MarkDrawings, by: string): MarkDrawings {
  const { detail } = review.get();
  const gone = drawn.slice(marks.length).filter(({ annotation }) => drawings.get().all.some((one) => one.annotation.id === annotation.id));
  const added = marks.slice(drawn.length).flatMap((mark) => {
    const frame = detail?.series[placeOfKey(mark.series)]?.frames[mark.slice - 1];
    return detail && frame ? [newDrawing(detail.study.id, frame.id, kinds[mark.kind], mark.points, by)] : [];
  });
  putDrawings([...gone.map((drawing) => ({ before: drawing, after: null })), ...added.map((drawing) => ({ before: null, after: drawing }))]);
  return [...drawn.slice(0, marks.length), ...added];
}

/**
 * Brings the page into a state.
 *
 * @param file  the windows that the reader had, by series
 * @param by    stands beside what is drawn: it is not the reader's own
 */
export async function showState(state: ViewerState, drawn: MarkDrawings, file: ReviewState['looks'], by: string): Promise<MarkDrawings> {
  const at = placeOfKey(state.series);
  if (review.get().seriesAt !== at) bus.toSeries(at);
  bus.toSlice(state.slice - 1);
  const { detail, looks } = review.get();
  const series = detail?.series[at];
  if (!series) return drawn;
  const look = looks[series.id];
  if (state.window === null ? look !== undefined : look?.center !== state.window.center || look.width !== state.window.width) {
    bus.look(state.window === null ? null : keptLook(file[series.id], state.window));
  }
  const next = showMarks(state.marks, drawn, by);
  await settled(series, state.slice - 1);
  lookAt(state, series);
  return next;
}

/** The reader's own window where it is that one; its curve and inversion are no part of a state. */
const keptLook = (before: ShownLook | undefined, { center, width, name }: NonNullable<ViewerState['window']>): ShownLook =>
  (before && before.center === center && before.width === width ? before : { center, width, name, shape: 'LINEAR', isInverted: before?.isInverted ?? false });

function lookAt({ zoom, middle }: ViewerState, series: SeriesSummary): void {
  const { canvas, slide } = stage;
  if (canvas) {
    if (zoom <= 1) canvas.setView({ ...canvas.view(), zoom: null, middle: { x: 0.5, y: 0.5 } });
    else canvas.setView({ ...canvas.view(), zoom: wholeZoom() * zoom, middle });
  } else if (slide && series.slide) {
    const { width, height } = series.slide;
    const [wide, high] = [width / zoom, height / zoom];
    slide.show({ x: middle.x * width - wide / 2, y: middle.y * height - high / 2, width: wide, height: high });
  }
}

const longestWaitMs = 5000;

/** Until the slice is on the canvas. */
async function settled({ frames, slide }: SeriesSummary, at: number): Promise<void> {
  const wanted = frames[at]?.id;
  for (const began = performance.now(); performance.now() - began < longestWaitMs;) {
    if (slide ? stage.slide !== null : stage.canvas?.frame()?.header.id === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

