/** What the review screen knows, and how it changes. */
import type { SeriesSummary, StudyDetail, StudySummary } from '#electron/contract/library.ts';
import { regionsOf } from '#electron/contract/regions.ts';
import type { AnswerPart, Trace } from '#electron/contract/review.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { ChannelSetting } from '#renderer/viewports/channels.ts';
import { noAsking, type Asking } from './asked.ts';
import type { ReviewDraft } from '#electron/contract/session.ts';
import { lookedAt, noHanging, reduceHanging, rehung, type Hanging, type HangingChange, type Hung } from './hanging.ts';
import { resumed } from './resume.ts';

/** How grey values are shown by hand; null in its place: as the frame says. */
export interface ShownLook {
  readonly center: number;
  readonly width: number;
  readonly shape: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID' | 'RANGE';
  readonly isInverted: boolean;
  readonly name: string | null;
}

export interface ReviewState {
  readonly studyId: string | null;
  readonly detail: StudyDetail | null;
  readonly fault: { readonly what: string; readonly why: string; readonly mend: string } | null;
  readonly seriesAt: number;
  readonly frameAt: number;
  /** What hangs where; the active cell shows `seriesAt` and `frameAt`. */
  readonly hanging: Hanging;
  /** Earlier studies that were brought in, by the series of theirs that stand behind the study's own. */
  readonly priors: Readonly<Record<string, StudySummary>>;
  /** By series, so that each keeps its window. */
  readonly looks: Readonly<Record<string, ShownLook>>;
  /** By series: the channels of its slide, where a person changed them. */
  readonly channels: Readonly<Record<string, readonly ChannelSetting[]>>;
  readonly traces: readonly Trace[];
  readonly traceAt: number;
  readonly question: string;
  /** What the next question is about. */
  readonly asked: Asking;
  /** A second question that is being answered, about a step of the answer that is shown. */
  readonly locating: { readonly askId: string; readonly traceId: string; readonly step: number } | null;
  /** The question that is being answered. */
  readonly asking: { readonly askId: string; readonly question: string; readonly part: AnswerPart | null } | null;
  /** The question was not put to the model, and why; a person's reason sends it all the same. */
  readonly blocked: { readonly why: string; readonly isUnstated: boolean } | null;
  /** The reason that was given for this study: it goes with every further question about it. */
  readonly override: string | null;
  readonly areMarksShown: boolean;
  /** What the pointer is on: a step of the trace, or one box. */
  readonly lit: { readonly kind: 'step'; readonly step: number } | { readonly kind: 'mark'; readonly id: string } | null;
}

export type ReviewAction =
  | { readonly type: 'opening'; readonly studyId: string }
  | { readonly type: 'opened'; readonly detail: StudyDetail; readonly traces: readonly Trace[] }
  /** The study as it was left. */
  | { readonly type: 'channels'; readonly channels: readonly ChannelSetting[] | null }
  /** More of the open study came in. */
  | { readonly type: 'grown'; readonly detail: StudyDetail }
  | { readonly type: 'resume'; readonly draft: ReviewDraft }
  | { readonly type: 'failed'; readonly fault: ReviewState['fault'] }
  | { readonly type: 'series'; readonly at: number }
  | { readonly type: 'frame'; readonly at: number }
  | { readonly type: 'hang'; readonly change: HangingChange }
  | { readonly type: 'prior'; readonly study: StudySummary; readonly series: readonly SeriesSummary[] }
  /** For the active cell, and with linked cells for all of its modality. */
  | { readonly type: 'look'; readonly look: ShownLook | null }
  | { readonly type: 'question'; readonly question: string }
  | { readonly type: 'about'; readonly change: Partial<Asking> }
  | { readonly type: 'locating'; readonly locating: ReviewState['locating'] }
  | { readonly type: 'located'; readonly askId: string; readonly traces: readonly Trace[] }
  | { readonly type: 'asking'; readonly askId: string; readonly question: string }
  | { readonly type: 'part'; readonly part: AnswerPart }
  | { readonly type: 'answered'; readonly trace: Trace }
  | { readonly type: 'unanswered'; readonly askId: string }
  | { readonly type: 'blocked'; readonly blocked: ReviewState['blocked'] }
  | { readonly type: 'override'; readonly reason: string | null }
  | { readonly type: 'trace'; readonly at: number }
  | { readonly type: 'marks'; readonly areShown: boolean }
  | { readonly type: 'lit'; readonly lit: ReviewState['lit'] };

export const initialReview: ReviewState = {
  studyId: null, detail: null, fault: null, seriesAt: 0, frameAt: 0, hanging: noHanging, priors: {}, looks: {}, channels: {}, traces: [], traceAt: -1, question: '', asked: noAsking, locating: null, asking: null, blocked: null, override: null, areMarksShown: true, lit: null,
};

/** The cells follow whatever changes the active one. */
export function reduceReview(state: ReviewState, action: ReviewAction): ReviewState {
  const next = reduceStudy(state, action);
  const isElsewhere = next.detail !== state.detail || next.seriesAt !== state.seriesAt || next.frameAt !== state.frameAt;
  return next.detail && isElsewhere && action.type !== 'hang' && action.type !== 'prior' && action.type !== 'resume' && action.type !== 'grown' ? { ...next, hanging: rehung(hungOf(state), hungOf(next)) } : next;
}

const hungOf = ({ detail, seriesAt, frameAt, hanging }: ReviewState): Hung => ({ series: detail?.series ?? [], seriesAt, frameAt, hanging });

function reduceStudy(state: ReviewState, action: ReviewAction): ReviewState {
  switch (action.type) {
    case 'opening': return action.studyId === state.studyId && !state.fault ? state : { ...initialReview, asking: state.asking, areMarksShown: state.areMarksShown, studyId: action.studyId };
    case 'opened': {
      const { detail, traces } = action;
      if (detail.study.id !== state.studyId) return state;
      const frames = detail.series[0]?.frames.length ?? 0;
      const last = traces.findLastIndex(({ origin }) => !origin);
      const next: ReviewState = { ...state, hanging: noHanging, priors: {}, detail, traces, traceAt: last, asked: noAsking, locating: null, seriesAt: 0, frameAt: frames >> 1, question: detail.study.question ?? '', fault: null };
      return last >= 0 ? shownTrace(next, last) : next;
    }
    case 'grown': return grown(state, action.detail);
    case 'resume': return resumed(state, action.draft);
    case 'failed': return { ...state, fault: action.fault };
    case 'series': {
      const chosen = state.detail?.series[action.at];
      return chosen && action.at !== state.seriesAt ? { ...state, seriesAt: action.at, frameAt: chosen.frames.length >> 1, lit: null } : state;
    }
    case 'frame': {
      const last = (currentSeries(state)?.frames.length ?? 1) - 1;
      const at = Math.min(last, Math.max(0, action.at));
      return at === state.frameAt ? state : { ...state, frameAt: at };
    }
    case 'hang': {
      if (!state.detail) return state;
      const { seriesAt, frameAt, hanging } = reduceHanging(hungOf(state), action.change);
      return { ...state, seriesAt, frameAt, hanging, lit: seriesAt === state.seriesAt ? state.lit : null };
    }
    case 'prior': {
      const { detail } = state;
      const [chosen] = action.series;
      if (!detail || !chosen) return state;
      const known = new Set(detail.series.map(({ id }) => id));
      const added = action.series.filter(({ id }) => !known.has(id));
      const shown = currentSeries(state);
      const look = shown && shown.modality === chosen.modality ? state.looks[shown.id] : undefined;
      // Compared are two images at one window, not two windows.
      const next = { ...state, looks: look ? { ...state.looks, [chosen.id]: look } : state.looks, detail: { ...detail, series: [...detail.series, ...added] }, priors: { ...state.priors, ...Object.fromEntries(action.series.map(({ id }) => [id, action.study])) } };
      return { ...next, hanging: reduceHanging(hungOf(next), { type: 'beside prior', seriesId: chosen.id }).hanging };
    }
    case 'look': {
      const ids = lookedAt(hungOf(state));
      if (ids.length === 0) return state;
      const others = Object.entries(state.looks).filter(([id]) => !ids.includes(id));
      return { ...state, looks: Object.fromEntries([...others, ...(action.look ? ids.map((id) => [id, action.look as ShownLook] as const) : [])]) };
    }
    case 'channels': {
      const series = currentSeries(state);
      if (!series?.slide?.channels) return state;
      const { [series.id]: _old, ...others } = state.channels;
      return { ...state, channels: action.channels ? { ...others, [series.id]: action.channels } : others };
    }
    case 'question': return { ...state, question: action.question };
    case 'about': return { ...state, asked: { ...state.asked, ...action.change } };
    case 'locating': return { ...state, locating: action.locating };
    case 'located': {
      const here = action.traces.filter(({ studyId }) => studyId === state.studyId);
      const [first] = here;
      const isShown = first?.origin?.traceId === currentTrace(state)?.id;
      return {
        ...state, locating: state.locating?.askId === action.askId ? null : state.locating, traces: [...state.traces, ...here],
        lit: isShown && first?.origin ? { kind: 'step', step: first.origin.step } : state.lit,
      };
    }
    case 'asking': return { ...state, asking: { askId: action.askId, question: action.question, part: null }, blocked: null, lit: null };
    case 'part': return state.asking?.askId === action.part.askId ? { ...state, asking: { ...state.asking, part: action.part } } : state;
    case 'answered': {
      if (action.trace.studyId !== state.studyId) return { ...state, asking: null };
      return shownTrace({ ...state, asking: null, traces: [...state.traces, action.trace] }, state.traces.length);
    }
    case 'unanswered': return state.asking?.askId === action.askId ? { ...state, asking: null } : state;
    case 'blocked': return { ...state, blocked: action.blocked };
    case 'override': return { ...state, override: action.reason };
    case 'trace': return state.traces[action.at] ? shownTrace(state, action.at) : state;
    case 'marks': return { ...state, areMarksShown: action.areShown };
    case 'lit': return { ...state, lit: action.lit };
  }
}

/** The open study with what came in since it was opened; what is seen stays in its place, whatever its series are called now. */
function grown(state: ReviewState, next: StudyDetail): ReviewState {
  const before = state.detail;
  if (!before || next.study.id !== before.study.id || next.study.files === before.study.files) return state;
  const detail: StudyDetail = { ...next, series: [...next.series, ...before.series.filter(({ id }) => id in state.priors)] };
  const frameOf = (seriesId: string, at: number): string => before.series.find(({ id }) => id === seriesId)?.frames[at]?.id ?? '';
  const renamed = new Map(before.series.flatMap(({ id, frames }) => {
    const place = frames[0] && placeOf(detail, frames[0].id);
    return place ? [[id, (detail.series[place.seriesAt] as SeriesSummary).id] as const] : [];
  }));
  const byName = <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> => Object.fromEntries(Object.entries(values).map(([id, value]) => [renamed.get(id) ?? id, value]));
  const cells = state.hanging.cells.map((cell) => {
    const seriesId = cell && renamed.get(cell.seriesId);
    if (!cell || seriesId === undefined || seriesId === null) return null;
    return cell.kind === 'plane' ? { ...cell, seriesId } : { ...cell, seriesId, frameAt: placeOf(detail, frameOf(cell.seriesId, cell.frameAt))?.frameAt ?? cell.frameAt };
  });
  const place = placeOf(detail, before.series[state.seriesAt]?.frames[state.frameAt]?.id ?? '');
  if (!place || !cells[state.hanging.activeAt]) {
    const anew: ReviewState = { ...state, detail, hanging: noHanging, seriesAt: 0, frameAt: (detail.series[0]?.frames.length ?? 0) >> 1 };
    return { ...anew, hanging: rehung(hungOf(state), hungOf(anew)) };
  }
  return { ...state, detail, ...place, hanging: { ...state.hanging, cells, hand: byName(state.hanging.hand) }, looks: byName(state.looks), channels: byName(state.channels) };
}

export const currentSeries = ({ detail, seriesAt }: Pick<ReviewState, 'detail' | 'seriesAt'>): SeriesSummary | undefined => detail?.series[seriesAt];
export const currentTrace = ({ traces, traceAt }: Pick<ReviewState, 'traces' | 'traceAt'>): Trace | undefined => traces[traceAt];

/** Chooses a trace and turns to the image that it is about. */
function shownTrace(state: ReviewState, at: number): ReviewState {
  const view = state.traces[at]?.views[0]?.view;
  const place = view && state.detail ? placeOf(state.detail, view.kind === 'frame' ? view.frameId : `${view.slideId}-0`) : null;
  return { ...state, traceAt: at, lit: null, ...(place ?? {}) };
}

export function placeOf({ series }: StudyDetail, frameId: string): { readonly seriesAt: number; readonly frameAt: number } | null {
  for (const [seriesAt, { frames }] of series.entries()) {
    const frameAt = frames.findIndex(({ id }) => id === frameId);
    if (frameAt >= 0) return { seriesAt, frameAt };
  }
  return null;
}

/** Bright on grey, and told apart by people who confuse red and green: neighbours differ in lightness as well as in hue. */
export const palette = ['#4cc9ff', '#ffb531', '#7ef29a', '#ff6fae', '#c9a4ff', '#fff06a', '#ff8552', '#6a9bff', '#c6f06a', '#ff5c6c'] as const;

/** One box of an answer: which finding, which frame, which steps cite it. */
export interface TraceMark {
  readonly id: string;
  readonly frameId: string;
  readonly box: Box;
  readonly label: string;
  readonly colour: string;
  /** Indices into the trace's steps. */
  readonly steps: readonly number[];
}

/** Every box of a trace once, one colour for each label. */
export function marksOf(trace: Pick<Trace, 'findings' | 'steps' | 'views'>): readonly TraceMark[] {
  const colours = new Map<string, string>();
  return regionsOf(trace).map((region) => {
    if (!colours.has(region.label)) colours.set(region.label, palette[colours.size % palette.length] as string);
    return { ...region, colour: colours.get(region.label) as string };
  });
}

/** The marks that a lit step or box lights. */
export function litMarks(marks: readonly TraceMark[], lit: ReviewState['lit']): ReadonlySet<string> {
  if (!lit) return new Set();
  return new Set(lit.kind === 'mark' ? [lit.id] : marks.filter(({ steps }) => steps.includes(lit.step)).map(({ id }) => id));
}
