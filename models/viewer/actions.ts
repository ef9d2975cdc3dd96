/** What a program may do in the viewer: one table of actions, each with three fields, read strictly. Anything else is refused with its reason. */
import { Fault } from '#models/base/fault.ts';
import type { Point, Size } from '#models/imaging/coordinates.ts';

export const actionNames = [
  'scroll_slice', 'set_window', 'zoom', 'pan', 'set_level', 'point', 'box', 'measure', 'select_series', 'undo', 'finish', 'answer',
] as const;
export type ActionName = (typeof actionNames)[number];

/** An action as it is written: by a model, in a log, in training data. Points are pixels of the picture that was looked at. */
export interface ActionCall {
  readonly action: ActionName;
  readonly point: readonly [number, number];
  readonly input_text: string;
}

/** What stands in a field that the action does not use. */
export const noPoint: readonly [number, number] = [-100, -100];
export const noText = 'no input text';

/** An action with its arguments read. Points and distances are in the pixels of `view` pictures, or of the image once they were placed. */
export type ViewerAction =
  | { readonly name: 'scroll_slice'; readonly by: number }
  /** `to`: counted from 1. */
  | { readonly name: 'scroll_slice'; readonly to: number }
  | { readonly name: 'set_window'; readonly preset: string }
  | { readonly name: 'set_window'; readonly center: number; readonly width: number }
  | { readonly name: 'zoom'; readonly focus: Point; readonly factor: number }
  | { readonly name: 'pan'; readonly by: Point }
  | { readonly name: 'set_level'; readonly focus: Point; readonly magnification: number }
  | { readonly name: 'point'; readonly at: Point }
  | { readonly name: 'box' | 'measure'; readonly from: Point; readonly to: Point }
  | { readonly name: 'select_series'; readonly key: string }
  | { readonly name: 'undo' }
  | { readonly name: 'finish' }
  | { readonly name: 'answer'; readonly text: string };

interface ActionRow {
  /** What the point says; null: it is `noPoint`. */
  readonly point: string | null;
  /** What the text says; null: it is `noText`. */
  readonly text: string | null;
  readonly example: string;
  readonly summary: string;
}

/** The table. Whoever describes the actions, to a model or to a person, reads it here. */
export const actionTable: Readonly<Record<ActionName, ActionRow>> = {
  scroll_slice: { point: null, text: 'how many slices on or back, or which slice, counted from 1', example: '"+5", "-3", "=42"', summary: 'leaf through the series' },
  set_window: { point: null, text: 'the name of a preset, or centre/width in the values of the image', example: '"Lung", "-600/1500"', summary: 'change how grey values are shown' },
  zoom: { point: 'what comes into the middle', text: 'the factor', example: '"2.0"', summary: 'enlarge or reduce' },
  pan: { point: null, text: 'how far the view moves, in pixels to the right and downwards', example: '"40,-25"', summary: 'move the view' },
  set_level: { point: 'what comes into the middle', text: 'the magnification', example: '"5x", "20x"', summary: 'choose the magnification of a slide' },
  point: { point: 'the place', text: null, example: '', summary: 'mark a place' },
  box: { point: 'the upper left corner', text: 'the lower right corner', example: '"180,140"', summary: 'draw a box' },
  measure: { point: 'one end', text: 'the other end', example: '"180,140"', summary: 'measure a length' },
  select_series: { point: null, text: 'the key of the series', example: '"2"', summary: 'show another series' },
  undo: { point: null, text: null, example: '', summary: 'take the last step back' },
  finish: { point: null, text: null, example: '', summary: 'say that it is done' },
  answer: { point: null, text: 'the answer, or the letter of an option', example: '"B"', summary: 'answer, and end' },
};

/** The longest text of an action. */
const longestText = 500;
const mostZoom = 64;

export const isActionName = (name: unknown): name is ActionName => actionNames.some((known) => known === name);

const formFault = (why: string): Fault => new Fault({
  code: 'act.form', what: 'This is no action of the viewer.', why, mend: 'Give one object with "action", "point" [x, y] and "input_text", nothing more.',
});
const argumentFault = (code: 'act.point' | 'act.text', name: ActionName, why: string): Fault => {
  const { point, text, example } = actionTable[name];
  return new Fault({
    code, what: `The action ${name} cannot be done.`, why,
    mend: `Its point is ${point ?? `unused: ${JSON.stringify(noPoint)}`}; its text is ${text === null ? `unused: ${JSON.stringify(noText)}` : `${text}${example ? `, as in ${example}` : ''}`}.`,
  });
};

/**
 * The three fields of a foreign value. Faults: `act.form` where it has others, `act.name` where the action is not in the table.
 */
export function readCall(value: unknown): ActionCall {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw formFault(`It is ${Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`}.`);
  const { action, point, input_text: text, ...more } = value as Readonly<Record<string, unknown>>;
  const [extra] = Object.keys(more);
  if (extra !== undefined) throw formFault(`It has a field '${extra.slice(0, 40)}'.`);
  if (typeof action !== 'string') throw formFault('Its "action" is no text.');
  if (typeof text !== 'string') throw formFault('Its "input_text" is no text.');
  if (text.length > longestText) throw formFault(`Its "input_text" has ${text.length} characters; at most ${longestText} are read.`);
  if (!Array.isArray(point) || point.length !== 2 || !point.every((one) => Number.isInteger(one))) throw formFault('Its "point" is not two whole numbers.');
  if (!isActionName(action)) {
    throw new Fault({
      code: 'act.name', what: `The viewer has no action '${action.slice(0, 40)}'.`, why: 'Only the actions of its table are ever done.', mend: `Use one of ${actionNames.join(', ')}.`,
    });
  }
  return { action, point: [point[0] as number, point[1] as number], input_text: text };
}

/**
 * The action that three fields mean, points still in pixels of the picture.
 * Faults as `readCall`, and `act.point`, `act.text` where an argument is missing, unreadable or out of bounds.
 *
 * @param size  of the picture that was looked at: points lie inside it
 */
export function readAction(value: unknown, size: Size): ViewerAction {
  const call = readCall(value);
  const { action: name, input_text: text } = call;
  const [x, y] = call.point;
  const row = actionTable[name];
  const isUnused = x === noPoint[0] && y === noPoint[1];
  if (row.point === null && !isUnused) throw argumentFault('act.point', name, `It takes no point, and has [${x}, ${y}].`);
  if (row.text === null && text !== noText) throw argumentFault('act.text', name, 'It takes no text, and has one.');
  if (row.point !== null && isUnused) throw argumentFault('act.point', name, 'Its point is missing.');
  if (row.point !== null && !isInside({ x, y }, size)) throw argumentFault('act.point', name, `[${x}, ${y}] lies outside the picture of ${size.width} × ${size.height} pixels.`);
  if (row.text !== null && (text === noText || text.trim() === '')) throw argumentFault('act.text', name, 'Its text is missing.');
  const refuse = (why: string): Fault => argumentFault('act.text', name, why);
  const unread = (): Fault => refuse(`'${text.slice(0, 40)}' cannot be read.`);
  switch (name) {
    case 'scroll_slice': {
      const [, sign, digits] = /^([+=-])(\d{1,6})$/.exec(text.trim()) ?? [];
      if (sign === undefined) throw unread();
      const count = Number(digits);
      if (sign === '=') {
        if (count === 0) throw refuse('Slices are counted from 1.');
        return { name, to: count };
      }
      if (count === 0) throw refuse('It would not move.');
      return { name, by: sign === '-' ? -count : count };
    }
    case 'set_window': {
      const [, center, width] = /^(-?\d{1,6}(?:\.\d{1,3})?)\s*\/\s*(\d{1,6}(?:\.\d{1,3})?)$/.exec(text.trim()) ?? [];
      if (center === undefined) {
        if (text.includes('/')) throw unread();
        return { name, preset: text.trim() };
      }
      if (!(Number(width) >= 1)) throw refuse('A window is at least 1 wide.');
      return { name, center: Number(center), width: Number(width) };
    }
    case 'zoom': {
      const factor = positive(text);
      if (factor === null) throw unread();
      if (factor > mostZoom || factor < 1 / mostZoom) throw refuse(`A factor of ${text.trim()} is beyond ${mostZoom}.`);
      return { name, focus: { x, y }, factor };
    }
    case 'set_level': {
      const magnification = /x$/i.test(text.trim()) ? positive(text.trim().slice(0, -1)) : null;
      if (magnification === null) throw unread();
      return { name, focus: { x, y }, magnification };
    }
    case 'pan': {
      const by = pair(text);
      if (!by) throw unread();
      if (Math.abs(by.x) > size.width || Math.abs(by.y) > size.height) throw refuse('The view would move by more than itself.');
      return { name, by };
    }
    case 'box': case 'measure': {
      const to = pair(text);
      if (!to) throw unread();
      if (!isInside(to, size)) throw refuse(`${text.trim()} lies outside the picture of ${size.width} × ${size.height} pixels.`);
      if (name === 'box' && (to.x <= x || to.y <= y)) throw refuse('The lower right corner is not to the right of and below the upper left one.');
      if (to.x === x && to.y === y) throw refuse('Both ends are the same place.');
      return { name, from: { x, y }, to };
    }
    case 'point': return { name, at: { x, y } };
    case 'select_series': return { name, key: text.trim() };
    case 'answer': return { name, text: text.trim() };
    case 'undo': return { name };
    case 'finish': return { name };
  }
}

const isInside = ({ x, y }: Point, { width, height }: Size): boolean => x >= 0 && y >= 0 && x <= width && y <= height;

const positive = (text: string): number | null => {
  const value = /^\d{1,4}(?:\.\d{1,4})?$/.test(text.trim()) ? Number(text.trim()) : 0;
  return value > 0 ? value : null;
};

function pair(text: string): Point | null {
  const [, x, y] = /^(-?\d{1,6})\s*,\s*(-?\d{1,6})$/.exec(text.trim()) ?? [];
  return x === undefined || y === undefined ? null : { x: Number(x), y: Number(y) };
}

/** The action as it is written; the inverse of `readAction` for whole pixels. */
export function callOf(action: ViewerAction): ActionCall {
  const whole = ({ x, y }: Point): [number, number] => [Math.round(x), Math.round(y)];
  const { name } = action;
  const of = (point: readonly [number, number], text: string): ActionCall => ({ action: name, point, input_text: text });
  switch (action.name) {
    case 'scroll_slice': return of(noPoint, 'to' in action ? `=${action.to}` : `${action.by > 0 ? '+' : ''}${action.by}`);
    case 'set_window': return of(noPoint, 'preset' in action ? action.preset : `${action.center}/${action.width}`);
    case 'zoom': return of(whole(action.focus), action.factor.toFixed(1));
    case 'pan': return of(noPoint, whole(action.by).join());
    case 'set_level': return of(whole(action.focus), `${action.magnification}x`);
    case 'point': return of(whole(action.at), noText);
    case 'box': case 'measure': return of(whole(action.from), whole(action.to).join());
    case 'select_series': return of(noPoint, action.key);
    case 'answer': return of(noPoint, action.text);
    case 'undo': return of(noPoint, noText);
    case 'finish': return of(noPoint, noText);
  }
}

/** The same action with its places mapped, as from the picture that was looked at to the image. */
export function mapped(action: ViewerAction, map: (point: Point) => Point): ViewerAction {
  switch (action.name) {
    case 'zoom': case 'set_level': return { ...action, focus: map(action.focus) };
    case 'point': return { ...action, at: map(action.at) };
    case 'box': case 'measure': return { ...action, from: map(action.from), to: map(action.to) };
    case 'pan': {
      const [origin, there] = [map({ x: 0, y: 0 }), map(action.by)];
      return { ...action, by: { x: there.x - origin.x, y: there.y - origin.y } };
    }
    default: return action;
  }
}
