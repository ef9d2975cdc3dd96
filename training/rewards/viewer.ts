/** Whether an action in the viewer is the right one: the target says what has to come of it, and how near is near enough. */
import { clamp } from '#models/base/math.ts';
import { area, iou, type Box } from '#models/clinical/finding.ts';
import type { Point, Size } from '#models/imaging/coordinates.ts';
import { isActionName, type ViewerAction } from '#models/viewer/actions.ts';
import { isDict } from './python.ts';
import { rowFault } from './reward.ts';

/** Places are in the same pixels as those of the action that is judged. */
export type ViewerTarget =
  /** Leads from slice `from` into the range of slices, both ends included; a single one may be missed by one unless it is exact. `of`: the last slice. */
  | { readonly action: 'scroll_slice'; readonly from: number; readonly slices: readonly [number, number]; readonly of?: number; readonly isExact?: boolean }
  | { readonly action: 'set_window'; readonly center: number; readonly width: number; readonly preset?: string }
  | { readonly action: 'zoom'; readonly factor: number; readonly box?: Box }
  /** The region has to lie in the view when it was moved. */
  | { readonly action: 'pan'; readonly region: Box; readonly view: Box }
  | { readonly action: 'set_level'; readonly magnification: number; readonly box?: Box }
  /** In the box, or in one of the spans [row, first column, column behind the last], or near the place. */
  | { readonly action: 'point'; readonly box?: Box; readonly spans?: readonly (readonly [number, number, number])[]; readonly at?: Point }
  | { readonly action: 'box'; readonly box: Box }
  | { readonly action: 'measure'; readonly from: Point; readonly to: Point; readonly tolerance?: number }
  | { readonly action: 'select_series'; readonly key: string }
  | { readonly action: 'undo' | 'finish' }
  | { readonly action: 'answer'; readonly letter?: string; readonly text?: string };

/** @param size  of the picture whose pixels are meant */
export function meets(action: ViewerAction, target: ViewerTarget, size: Size): boolean {
  const near = Math.max(3, 0.02 * Math.hypot(size.width, size.height));
  if (action.name === 'scroll_slice' && target.action === 'scroll_slice') {
    const { from, slices: [first, last], of = Infinity, isExact = false } = target;
    const to = 'to' in action ? action.to : clamp(from + action.by, 1, of);
    const slack = first === last && !isExact ? 1 : 0;
    return to <= of && to >= first - slack && to <= last + slack;
  }
  if (action.name === 'set_window' && target.action === 'set_window') {
    if ('preset' in action) return target.preset !== undefined && action.preset.toLowerCase() === target.preset.toLowerCase();
    return Math.abs(action.center - target.center) <= 0.1 * target.width && Math.abs(action.width - target.width) <= 0.2 * target.width;
  }
  if (action.name === 'zoom' && target.action === 'zoom') {
    return Math.abs(action.factor - target.factor) <= 0.25 * target.factor && (target.box === undefined || holds(target.box, action.focus));
  }
  if (action.name === 'pan' && target.action === 'pan') {
    const { x, y } = action.by;
    const { x1, y1, x2, y2 } = target.view;
    return isWithin(target.region, { x1: x1 + x, y1: y1 + y, x2: x2 + x, y2: y2 + y });
  }
  if (action.name === 'set_level' && target.action === 'set_level') {
    return action.magnification === target.magnification && (target.box === undefined || holds(target.box, action.focus));
  }
  if (action.name === 'point' && target.action === 'point') {
    const { at: { x, y } } = action;
    if (target.box) return holds(target.box, action.at);
    if (target.spans) return target.spans.some(([row, from, to]) => y >= row && y < row + 1 && x >= from && x < to);
    return target.at !== undefined && Math.hypot(x - target.at.x, y - target.at.y) <= near;
  }
  if (action.name === 'box' && target.action === 'box') {
    return iou({ x1: action.from.x, y1: action.from.y, x2: action.to.x, y2: action.to.y }, target.box) >= 0.5;
  }
  if (action.name === 'measure' && target.action === 'measure') {
    const { from, to, tolerance = near } = target;
    const right = distance(from, to);
    const isEnds = (a: Point, b: Point): boolean => distance(a, from) <= tolerance && distance(b, to) <= tolerance;
    return Math.abs(distance(action.from, action.to) - right) <= 0.1 * right && (isEnds(action.from, action.to) || isEnds(action.to, action.from));
  }
  if (action.name === 'select_series' && target.action === 'select_series') return action.key === target.key;
  if (action.name === 'answer' && target.action === 'answer') {
    if (target.letter !== undefined) return action.text.replace(/^\((.)\)$|^(.)[.:)]$/, '$1$2').toUpperCase() === target.letter.toUpperCase();
    return target.text !== undefined && multisetF1(action.text, target.text) >= 0.5;
  }
  return (action.name === 'undo' || action.name === 'finish') && action.name === target.action;
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
/** Edges included. */
export const holds = ({ x1, y1, x2, y2 }: Box, { x, y }: Point): boolean => x >= x1 && x <= x2 && y >= y1 && y <= y2;
export const isWithin = (inner: Box, outer: Box): boolean => inner.x1 >= outer.x1 && inner.y1 >= outer.y1 && inner.x2 <= outer.x2 && inner.y2 <= outer.y2;

/** Token F1 that counts how often a word stands. */
export function multisetF1(said: string, right: string): number {
  const words = (text: string): string[] => text.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const [a, b] = [words(said), words(right)];
  const left = new Map<string, number>();
  for (const word of b) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of a) {
    const count = left.get(word) ?? 0;
    if (count > 0) shared++;
    left.set(word, count - 1);
  }
  return a.length + b.length === 0 ? 0 : (2 * shared) / (a.length + b.length);
}

const isFinite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isPoint = (value: unknown): value is Point => isDict(value) && isFinite(value['x']) && isFinite(value['y']);
const isBox = (value: unknown): value is Box => isDict(value) && ['x1', 'y1', 'x2', 'y2'].every((edge) => isFinite(value[edge])) && area(value as unknown as Box) > 0;
const isPair = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(isFinite);
const isSpan = (value: unknown): boolean => Array.isArray(value) && value.length === 3 && value.every(isFinite);
const absentOr = (check: (value: unknown) => boolean) => (value: unknown): boolean => value === undefined || check(value);
const isText = (value: unknown): value is string => typeof value === 'string';

type Fields = Readonly<Record<string, unknown>>;
const forms: { readonly [N in ViewerTarget['action']]: (fields: Fields) => boolean } = {
  scroll_slice: ({ from, slices, of, isExact }) => isFinite(from) && isPair(slices) && absentOr(isFinite)(of) && absentOr((value) => typeof value === 'boolean')(isExact),
  set_window: ({ center, width, preset }) => isFinite(center) && isFinite(width) && width > 0 && absentOr(isText)(preset),
  zoom: ({ factor, box }) => isFinite(factor) && factor > 0 && absentOr(isBox)(box),
  pan: ({ region, view }) => isBox(region) && isBox(view),
  set_level: ({ magnification, box }) => isFinite(magnification) && magnification > 0 && absentOr(isBox)(box),
  point: ({ box, spans, at }) => isBox(box) || (Array.isArray(spans) && spans.length <= 100_000 && spans.every(isSpan)) || isPoint(at),
  box: ({ box }) => isBox(box),
  measure: ({ from, to, tolerance }) => isPoint(from) && isPoint(to) && absentOr(isFinite)(tolerance),
  select_series: ({ key }) => isText(key),
  undo: () => true,
  finish: () => true,
  answer: ({ letter, text }) => isText(letter) || isText(text),
};

/** The target of a row. Fault `reward.row` where it is none. */
export function viewerTarget(target: unknown): ViewerTarget {
  if (isDict(target) && isActionName(target['action']) && forms[target['action']](target)) return target as unknown as ViewerTarget;
  throw rowFault('Its target is no action of the viewer.', 'Give {"action": NAME, …} with what has to come of it: docs/rewards.md says the fields of each action.');
}
