/** The viewer as a value: what is shown of a study, and how each action changes it. Pure: the same steps from the same start lead to the same state everywhere. */
import { Fault } from '#models/base/fault.ts';
import { clamp } from '#models/base/math.ts';
import type { Box } from '#models/clinical/finding.ts';
import { clampBox, invert, mapPoint, toModel, type ModelView, type Point, type Size } from '#models/imaging/coordinates.ts';
import { mapped, type ViewerAction } from './actions.ts';

/** A series as far as the viewer must know it. */
export interface ViewerSeries {
  readonly key: string;
  readonly modality: string;
  readonly slices: number;
  /** Of every slice, in pixels; a slide's level 0. */
  readonly width: number;
  readonly height: number;
  /** Microns for one pixel of a slide's level 0; null for all else. */
  readonly mpp: number | null;
  /** Windows by name; the first is what the file asks for. Empty for colour. */
  readonly presets: readonly { readonly name: string; readonly center: number; readonly width: number }[];
}

export interface ViewerStudy {
  readonly series: readonly ViewerSeries[];
}

export interface ViewerWindow {
  readonly center: number;
  readonly width: number;
  /** Null: given as numbers. */
  readonly name: string | null;
}

/** Something that was marked, in pixels of its slice. */
export interface ViewerMark {
  readonly kind: 'point' | 'box' | 'measure';
  readonly series: string;
  /** Counted from 1. */
  readonly slice: number;
  readonly points: readonly Point[];
}

export interface ViewerState {
  readonly series: string;
  /** Counted from 1. */
  readonly slice: number;
  /** Null: as the file says. */
  readonly window: ViewerWindow | null;
  /** 1 shows the whole image; `middle` is in shares of its sides. */
  readonly zoom: number;
  readonly middle: Point;
  readonly marks: readonly ViewerMark[];
  readonly answer: string | null;
  readonly isDone: boolean;
}

/** A state, and those before it that can be gone back to, the latest last. */
export interface Viewer {
  readonly now: ViewerState;
  readonly past: readonly ViewerState[];
}

/** A view shows at least so many image pixels across. */
const leastAcross = 8;
/** On a slide one screen shows so many pixels of the chosen magnification. */
export const slideSide = 512;

const stateFault = (code: string, what: string, why: string, mend: string): Fault => new Fault({ code, what, why, mend });

/** The first series, its middle slice, as the file says. Throws RangeError for a study without series. */
export function openedViewer({ series: [first] }: ViewerStudy): Viewer {
  if (!first) throw new RangeError('openedViewer: the study has no series');
  return { now: { series: first.key, slice: (first.slices >> 1) + 1, window: null, zoom: 1, middle: { x: 0.5, y: 0.5 }, marks: [], answer: null, isDone: false }, past: [] };
}

export function seriesOf({ series }: ViewerStudy, key: string): ViewerSeries {
  const found = series.find((one) => one.key === key);
  if (found) return found;
  throw stateFault('act.series', 'That series is not here.', `The study has no series '${key.slice(0, 40)}'.`, `Its series are ${series.slice(0, 20).map((one) => one.key).join(', ')}.`);
}

/** The part of the image that is shown, whole pixels. */
export function shownRegion(study: ViewerStudy, { series: key, zoom, middle }: ViewerState): Box {
  const { width, height } = seriesOf(study, key);
  const span = (size: number, at: number): readonly [number, number] => {
    const length = Math.min(size, Math.max(1, Math.round(size / zoom)));
    const from = clamp(Math.round(at * size - length / 2), 0, size - length);
    return [from, from + length];
  };
  const [x1, x2] = span(width, middle.x);
  const [y1, y2] = span(height, middle.y);
  return { x1, y1, x2, y2 };
}

/** How a picture of the view lies on the image: recorded with every step, so that points can be taken back. */
export const observed = (study: ViewerStudy, state: ViewerState, resized: Size): ModelView => ({ region: shownRegion(study, state), resized });

/** An action whose points are pixels of the picture, with its points in pixels of the image. */
export function placed(action: ViewerAction, view: ModelView): ViewerAction {
  const back = invert(toModel(view));
  return mapped(action, (point) => mapPoint(back, point));
}

/** A placed action with its points in pixels of a picture. */
export const seenIn = (action: ViewerAction, view: ModelView): ViewerAction => mapped(action, (point) => mapPoint(toModel(view), point));

/**
 * Does a placed action. Faults: `act.done` after the end, `act.series`, `act.slice`, `act.window`, `act.level`, `act.undo` where it does not apply.
 */
export function perform(study: ViewerStudy, { now, past }: Viewer, action: ViewerAction): Viewer {
  if (now.isDone) throw stateFault('act.done', 'The steps have ended.', 'Nothing is done after finish or answer.', 'Begin anew.');
  if (action.name === 'undo') {
    const before = past.at(-1);
    if (!before) throw stateFault('act.undo', 'There is nothing to take back.', 'No step was done before it.', 'Do something else.');
    return { now: before, past: past.slice(0, -1) };
  }
  return { now: changed(study, now, action), past: [...past, now] };
}

function changed(study: ViewerStudy, state: ViewerState, action: Exclude<ViewerAction, { name: 'undo' }>): ViewerState {
  const series = seriesOf(study, state.series);
  switch (action.name) {
    case 'scroll_slice': {
      if ('by' in action) return { ...state, slice: clamp(state.slice + action.by, 1, series.slices) };
      if (action.to > series.slices) throw stateFault('act.slice', 'That slice is not here.', `The series has ${series.slices} slices, not ${action.to}.`, `Name one from 1 to ${series.slices}.`);
      return { ...state, slice: action.to };
    }
    case 'set_window': return { ...state, window: windowOf(series, action) };
    case 'zoom': return zoomedTo(state, series, state.zoom * action.factor, action.focus);
    case 'set_level': {
      if (series.mpp === null) throw stateFault('act.level', 'This image has no magnification.', 'Only a slide with a known scale has.', 'Use zoom with a factor.');
      // One pixel of the wanted magnification is 10 / m microns wide.
      const across = (slideSide * (10 / action.magnification)) / series.mpp;
      return zoomedTo(state, series, Math.max(series.width, series.height) / across, action.focus);
    }
    case 'pan': {
      const { width, height } = series;
      return { ...state, middle: { x: clamp(state.middle.x + action.by.x / width, 0, 1), y: clamp(state.middle.y + action.by.y / height, 0, 1) } };
    }
    case 'point': return { ...state, marks: [...state.marks, markOf(state, 'point', [action.at])] };
    case 'box': case 'measure': return { ...state, marks: [...state.marks, markOf(state, action.name, [action.from, action.to])] };
    case 'select_series': {
      const next = seriesOf(study, action.key);
      return { ...state, series: next.key, slice: (next.slices >> 1) + 1, window: null, zoom: 1, middle: { x: 0.5, y: 0.5 } };
    }
    case 'finish': return { ...state, isDone: true };
    case 'answer': return { ...state, answer: action.text, isDone: true };
  }
}

const markOf = ({ series, slice }: ViewerState, kind: ViewerMark['kind'], points: readonly Point[]): ViewerMark => ({ kind, series, slice, points });

function zoomedTo(state: ViewerState, { width, height }: ViewerSeries, zoom: number, { x, y }: Point): ViewerState {
  const most = Math.max(1, Math.min(width, height) / leastAcross);
  return { ...state, zoom: clamp(zoom, 1, most), middle: { x: clamp(x / width, 0, 1), y: clamp(y / height, 0, 1) } };
}

/** @throws Fault `act.window` where no preset has the name, or the image has no grey values */
export function windowOf({ presets }: Pick<ViewerSeries, 'presets'>, action: Extract<ViewerAction, { name: 'set_window' }>): ViewerWindow {
  if (presets.length === 0) throw stateFault('act.window', 'This image has no window.', 'Its colours are shown as they are stored.', 'Leave the window out.');
  if (!('preset' in action)) return { center: action.center, width: action.width, name: null };
  const found = presets.find(({ name }) => name.toLowerCase() === action.preset.toLowerCase());
  if (found) return { center: found.center, width: found.width, name: found.name };
  throw stateFault(
    'act.window', 'That window is not here.', `No preset of this series is called '${action.preset.slice(0, 40)}'.`,
    `Name one of ${presets.slice(0, 20).map(({ name }) => name).join(', ')}, or give centre/width.`,
  );
}

/** A mark's box in the pixels of its slice. */
export const boxOfMark = ({ points }: Pick<ViewerMark, 'points'>, size: Size): Box => clampBox({
  x1: Math.min(...points.map(({ x }) => x)), y1: Math.min(...points.map(({ y }) => y)), x2: Math.max(...points.map(({ x }) => x)), y2: Math.max(...points.map(({ y }) => y)),
}, size);

/** Whether two states show the same; places may differ by a hundredth of a pixel's share. */
export function isSameState(a: ViewerState, b: ViewerState): boolean {
  const near = (x: number, y: number): boolean => Math.abs(x - y) <= 1e-6 * Math.max(1, Math.abs(x));
  const isNear = (p: Point, q: Point): boolean => near(p.x, q.x) && near(p.y, q.y);
  return a.series === b.series && a.slice === b.slice && a.answer === b.answer && a.isDone === b.isDone
    && a.window?.center === b.window?.center && a.window?.width === b.window?.width && near(a.zoom, b.zoom) && isNear(a.middle, b.middle)
    && a.marks.length === b.marks.length && a.marks.every((mark, i) => {
      const other = b.marks[i];
      return other !== undefined && mark.kind === other.kind && mark.series === other.series && mark.slice === other.slice
        && mark.points.length === other.points.length && mark.points.every((point, j) => isNear(point, other.points[j] ?? { x: NaN, y: NaN }));
    });
}
