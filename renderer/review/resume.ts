/** A study as it was left, as a value, and back. Pure. */
import type { ReviewDraft } from '#electron/contract/session.ts';
import type { Region } from '#electron/contract/review.ts';
import { wholeView, type View } from '#renderer/viewports/view.ts';
import { noAsking } from './asked.ts';
import { layouts, type Cell } from './hanging.ts';
import type { ReviewState } from './state.ts';

/** What is on the screen and not in the state: how each cell's image lies, and the part of a slide that is seen. */
export interface OnScreen {
  readonly views: ReadonlyMap<number, View>;
  readonly slideRegion: Region | null;
}

/** Null while there is nothing to leave. */
export function draftOf(state: ReviewState, { views, slideRegion }: OnScreen): ReviewDraft | null {
  const series = state.detail?.series[state.seriesAt];
  if (!state.detail || !series) return null;
  const { frameAt, hanging, looks, channels, priors, question, asked, traces, traceAt } = state;
  const { scope, region, slices, areFactsSent } = asked;
  return {
    seriesId: series.id, frameAt, question: question.slice(0, 4000), looks: { ...looks }, channels: Object.fromEntries(Object.entries(channels).map(([id, settings]) => [id, [...settings]])), priors: [...new Set(Object.values(priors).map(({ id }) => id))].slice(0, 8),
    hanging: { ...hanging, cells: [...hanging.cells], hand: { ...hanging.hand }, crosshair: hanging.crosshair && [...hanging.crosshair] },
    asked: { scope, region, slices, areFactsSent }, traceId: traces[traceAt]?.id ?? null, views: hanging.cells.map((_, at) => movedView(views.get(at))), slideRegion: series.slide ? slideRegion : null,
  };
}

/** Null for an image that is seen whole, as it came. */
const movedView = (view: View | undefined): View | null => (view === undefined || JSON.stringify(view) === JSON.stringify(wholeView) ? null : view);

/** The opened study as the draft left it; what is not there any more is as if nobody had hung it. */
export function resumed(state: ReviewState, draft: ReviewDraft): ReviewState {
  const { detail } = state;
  if (!detail) return state;
  const known = new Map(detail.series.map((series) => [series.id, series]));
  const isThere = (cell: Cell | null): cell is Cell => cell !== null && known.has(cell.seriesId) && (cell.kind === 'plane' || cell.frameAt < (known.get(cell.seriesId)?.frames.length ?? 0));
  const { hanging, asked } = draft;
  const [rows, columns] = layouts[hanging.layout];
  const cells = hanging.cells.map((cell) => (isThere(cell) ? cell : null));
  const active = cells[hanging.activeAt];
  const seriesAt = detail.series.findIndex(({ id }) => id === draft.seriesId);
  const isWhole = seriesAt >= 0 && active?.seriesId === draft.seriesId && cells.length === rows * columns && draft.frameAt < (detail.series[seriesAt]?.frames.length ?? 0);
  const traceAt = state.traces.findIndex(({ id }) => id === draft.traceId);
  const frames = new Set(detail.series.flatMap((series) => series.frames.map(({ id }) => id)));
  const region = asked.region && frames.has(asked.region.frameId) ? asked.region : null;
  return {
    ...state, question: draft.question, looks: Object.fromEntries(Object.entries(draft.looks).filter(([id]) => known.has(id))), traceAt: traceAt >= 0 ? traceAt : state.traceAt,
    channels: Object.fromEntries(Object.entries(draft.channels).filter(([id, settings]) => known.get(id)?.slide?.channels?.length === settings.length && settings.every(({ at }, i) => at === i))),
    asked: { ...noAsking, ...asked, region, scope: asked.scope === 'region' && !region ? 'view' : asked.scope, isMarking: false },
    ...(isWhole ? { seriesAt, frameAt: draft.frameAt, hanging: { ...hanging, cells } } : {}),
  };
}
