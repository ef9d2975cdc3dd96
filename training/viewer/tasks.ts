/** What is asked of whoever drives the viewer, and what is right at any moment of it: known from the drawing, so that no judge is needed. */
import type { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import { mapBox, mapPoint, toModel, type ModelView, type Point } from '#models/imaging/coordinates.ts';
import type { ViewerAction } from '#models/viewer/actions.ts';
import { openedViewer, shownRegion, type Viewer, type ViewerState } from '#models/viewer/state.ts';
import { isWithin, type ViewerTarget } from '#training/rewards/viewer.ts';
import { lesionAt, type ViewerCase } from './cases.ts';

export const families = ['slice', 'window', 'find', 'zoom', 'measure', 'whole'] as const;
export type Family = (typeof families)[number];

export interface Goals {
  /** Both ends included, counted from 1. */
  readonly slices: readonly [number, number] | null;
  readonly window: { readonly preset: string; readonly center: number; readonly width: number } | null;
  readonly isZoomed: boolean;
  readonly isMeasured: boolean;
  /** The letter; null: the task ends with `finish`. */
  readonly answer: string | null;
}

export interface ViewerTask {
  readonly id: string;
  readonly family: Family;
  readonly instruction: string;
  readonly case: ViewerCase;
  readonly start: ViewerState;
  readonly goals: Goals;
}

/** How often the lesion is to be enlarged, and from where on it counts as enlarged. */
export const wantedZoom = 3;
const zoomedFrom = 0.75 * wantedZoom;
/** Slices that are leafed on while nothing is found. */
const stride = 2;

const half = 'say in which half of the image it is. A: left, B: right.';

/** Draws a task of the family on a case; null where the case does not suit it. */
export function taskOf(family: Family, one: ViewerCase, random: Random): ViewerTask | null {
  const { now } = openedViewer(one.study);
  const [series] = one.study.series;
  const count = one.slices.length;
  const shown = one.lesions.flatMap((lesion, at) => (lesion ? [at + 1] : []));
  const range: readonly [number, number] = [shown[0]!, shown.at(-1)!];
  const none: Goals = { slices: null, window: null, isZoomed: false, isMeasured: false, answer: null };
  const made = (instruction: string, slice: number, goals: Partial<Goals>): ViewerTask => ({
    id: `${one.id}/${family}/${slice}/${goals.slices?.join('-') ?? ''}${goals.window?.preset ?? ''}`, family, instruction, case: one, start: { ...now, slice }, goals: { ...none, ...goals },
  });
  const onLesion = random.pick(shown.filter((slice) => shown.length < 3 || (slice !== range[0] && slice !== range[1])));
  if (count === 1 && family !== 'zoom' && family !== 'measure') return null;
  const presets = (series?.presets ?? []).slice(1).filter(({ name }) => ['Soft tissue', 'Lung', 'Bone', 'Liver'].includes(name));
  switch (family) {
    case 'slice': {
      const wanted = 1 + random.below(count);
      const start = 1 + ((wanted - 1 + 1 + random.below(count - 1)) % count);
      return made(`Show slice ${wanted}.`, start, { slices: [wanted, wanted] });
    }
    case 'window': {
      if (presets.length === 0) return null;
      const { name, center, width } = random.pick(presets);
      return made(`Set the ${name.toLowerCase()} window.`, 1 + random.below(count), { window: { preset: name, center, width } });
    }
    case 'find': return made('Find the lesion.', 1, { slices: range });
    case 'zoom': return made('Zoom in on the lesion.', onLesion, { slices: range, isZoomed: true });
    case 'measure': return made('Measure the width of the lesion.', onLesion, { slices: range, isMeasured: true });
    case 'whole': {
      const preset = one.id.includes('ct_chest') ? 'Lung' : 'Soft tissue';
      const window = presets.find(({ name }) => name === preset);
      const widest = shown.map((slice) => one.lesions[slice - 1]!).reduce((a, b) => (b.x2 - b.x1 > a.x2 - a.x1 ? b : a));
      const middle = (widest.x1 + widest.x2) / 2;
      return made(
        `Find the lesion, ${window ? `set the ${preset.toLowerCase()} window, ` : ''}zoom in on it, measure its width and ${half}`, 1,
        { slices: range, window: window ? { preset, center: window.center, width: window.width } : null, isZoomed: true, isMeasured: true, answer: middle < (series?.width ?? 0) / 2 ? 'A' : 'B' },
      );
    }
  }
}

const isOn = ({ goals: { slices } }: ViewerTask, { slice }: ViewerState): boolean => slices === null || (slice >= slices[0] && slice <= slices[1]);
const isWindowed = ({ goals: { window } }: ViewerTask, state: ViewerState): boolean =>
  window === null || (state.window !== null && Math.abs(state.window.center - window.center) <= 0.1 * window.width && Math.abs(state.window.width - window.width) <= 0.2 * window.width);
function isEnlarged(task: ViewerTask, state: ViewerState): boolean {
  const lesion = lesionAt(task.case, state);
  return lesion !== null && state.zoom >= zoomedFrom && isWithin(lesion, shownRegion(task.case.study, state));
}

/** The required views that are on the screen: [on the slices and in the window, enlarged]. Those that the task does not ask for are left out. */
export function requiredViews(task: ViewerTask, state: ViewerState): readonly boolean[] {
  const isShown = isOn(task, state) && isWindowed(task, state);
  return [isShown, ...(task.goals.isZoomed ? [isShown && isEnlarged(task, state)] : [])];
}

/** The ends of the lesion's width, in pixels of its slice. */
export function widthOf({ x1, x2, y1, y2 }: Box): { readonly from: Point; readonly to: Point } {
  const y = (y1 + y2) / 2;
  return { from: { x: x1, y }, to: { x: x2, y } };
}

/** What is still to be done before the end. */
export interface Progress {
  readonly isLocated: boolean;
}

/**
 * Every action that is right now, as targets in pixels of the picture; the first is what a demonstration does.
 *
 * @param progress  what was already marked rightly
 */
export function rightActions(task: ViewerTask, { now, past }: Viewer, view: ModelView, { isLocated }: Progress): readonly ViewerTarget[] {
  const { goals, case: one } = task;
  const before = past.at(-1);
  const lesion = lesionAt(one, now);
  const seen = lesion && mapBox(toModel(view), lesion);
  const right: ViewerTarget[] = [];
  const undone = (isBetter: (state: ViewerState) => boolean): ViewerTarget[] => (before && isBetter(before) ? [{ action: 'undo' }] : []);
  if (goals.slices && !isOn(task, now)) {
    const [first, last] = goals.slices;
    const slices: readonly [number, number] = first === last ? [first, last] : now.slice < first ? [now.slice + 1, last] : [first, now.slice - 1];
    right.push({ action: 'scroll_slice', from: now.slice, slices, of: one.slices.length, ...(first === last ? { isExact: true } : {}) }, ...undone((state) => isOn(task, state)));
  }
  if (!isWindowed(task, now)) right.push({ action: 'set_window', ...goals.window! }, ...undone((state) => isWindowed(task, state) && state.slice === now.slice));
  if (right.length > 0) return right;
  if (goals.isZoomed && !isEnlarged(task, now)) {
    const isVisible = lesion !== null && isWithin(lesion, shownRegion(one.study, now));
    const factor = wantedZoom / now.zoom;
    return isVisible && seen && factor > 1.05
      ? [{ action: 'zoom', factor, box: seen }, ...(now.zoom > 1 ? undone(({ zoom }) => zoom === 1) : [])]
      : [{ action: 'undo' }];
  }
  if (goals.isMeasured && !isLocated && lesion) {
    if (!isWithin(lesion, shownRegion(one.study, now))) return [{ action: 'undo' }];
    const { from, to } = widthOf(lesion);
    return [{ action: 'measure', from: mapPoint(toModel(view), from), to: mapPoint(toModel(view), to) }];
  }
  return [goals.answer === null ? { action: 'finish' } : { action: 'answer', letter: goals.answer }];
}

/** How a demonstration does what is right: whole pixels, the usual words. */
export function demonstrated(task: ViewerTask, { now }: Viewer, target: ViewerTarget): ViewerAction {
  switch (target.action) {
    case 'scroll_slice': {
      const [first, last] = target.slices;
      if (first === last) return { name: 'scroll_slice', to: first };
      return { name: 'scroll_slice', by: now.slice < first ? Math.min(stride, last - now.slice) : -Math.min(stride, now.slice - first) };
    }
    case 'set_window': return { name: 'set_window', preset: target.preset ?? '' };
    case 'zoom': return { name: 'zoom', focus: middleOf(target.box!), factor: target.factor };
    case 'measure': return { name: 'measure', from: target.from, to: target.to };
    case 'answer': return { name: 'answer', text: task.goals.answer ?? '' };
    case 'undo': return { name: 'undo' };
    default: return { name: 'finish' };
  }
}

const middleOf = ({ x1, y1, x2, y2 }: Box): Point => ({ x: (x1 + x2) / 2, y: (y1 + y2) / 2 });

/** Draws tasks of the families in turn, each on a case by chance. At least one family has to suit the cases. */
export function* tasksOf(cases: readonly ViewerCase[], random: Random, only: readonly Family[] = families): Generator<ViewerTask> {
  for (let at = 0; ; at++) {
    const task = taskOf(only[at % only.length]!, random.pick(cases), random);
    if (task) yield task;
  }
}
