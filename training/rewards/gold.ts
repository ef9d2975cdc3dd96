/** The right answer to one question, in a form that a program can check. */
import { AlterationClaim } from '#models/clinical/alteration.ts';
import { DirectiveWords } from '#models/clinical/directive.ts';
import type { Box } from '#models/clinical/finding.ts';
import { rowFault } from './reward.ts';

export interface LabelledBox {
  readonly label: string;
  readonly box: Box;
}

export interface LabelledPoint {
  readonly label: string;
  readonly x: number;
  readonly y: number;
}

/** Any of `accept` is right; naming any of `reject` is wrong. Both hold every spelling that counts. */
export interface Wordings {
  readonly accept: readonly string[];
  readonly reject: readonly string[];
}

export type Gold =
  /** One of lettered options: `options[0]` is A. `right` is the index of the right one. */
  | { readonly kind: 'choice'; readonly options: readonly string[]; readonly right: number }
  /** Several of lettered options; `right` are the indices of all that apply, which may be none. */
  | { readonly kind: 'choices'; readonly options: readonly string[]; readonly right: readonly number[] }
  /** `named`: what a yes has to go on to name, as the finding and its place; each of them as a word is. */
  | { readonly kind: 'yesNo'; readonly value: boolean; readonly named?: readonly Wordings[] | undefined }
  | ({ readonly kind: 'word' } & Wordings)
  | { readonly kind: 'number'; readonly value: number; readonly tolerance: number }
  /** One word of an ordered scale; a neighbour earns part. */
  | { readonly kind: 'ordinal'; readonly value: string; readonly scale: readonly string[] }
  /** Boxes in the pixels that the question is about. With `matchLabels` a box counts only under the right label. */
  | { readonly kind: 'boxes'; readonly boxes: readonly LabelledBox[]; readonly matchLabels: boolean }
  /** Places in the pixels that the question is about; a claimed point counts within `tolerance` pixels. */
  | { readonly kind: 'points'; readonly points: readonly LabelledPoint[]; readonly tolerance: number }
  /** What was done to an image, its box in the pixels that the question is about. */
  | ({ readonly kind: 'alteration' } & Readonly<AlterationClaim>)
  /** What a sentence asks a detector to seek. */
  | ({ readonly kind: 'directive' } & Readonly<DirectiveWords>)
  | { readonly kind: 'text'; readonly text: string };

export const letterOf = (index: number): string => String.fromCharCode(65 + index);

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText);
const isWordings = (value: unknown): boolean => {
  const { accept, reject } = Object(value) as { accept?: unknown; reject?: unknown };
  return isTexts(accept) && accept.length > 0 && isTexts(reject);
};
const isFinite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isLabelledBox = (value: unknown): boolean => {
  const { label, box } = Object(value) as { label?: unknown; box?: unknown };
  const { x1, y1, x2, y2 } = Object(box) as Record<string, unknown>;
  return isText(label) && [x1, y1, x2, y2].every(isFinite);
};

const isLabelledPoint = (value: unknown): boolean => {
  const { label, x, y } = Object(value) as Record<string, unknown>;
  return isText(label) && isFinite(x) && isFinite(y);
};

type Fields = Readonly<Record<string, unknown>>;

/** What each kind of gold holds, in words, and the test for it. */
export const goldKinds: { readonly [K in Gold['kind']]: { readonly form: string; readonly holds: (target: Fields) => boolean } } = {
  choice: {
    form: '{options: [TEXT], right: INDEX}',
    holds: ({ options, right }) => isTexts(options) && options.length <= 26
      && Number.isInteger(right) && (right as number) >= 0 && (right as number) < options.length,
  },
  choices: {
    form: '{options: [TEXT], right: [INDEX]}',
    holds: ({ options, right }) => isTexts(options) && options.length <= 26 && Array.isArray(right) && new Set(right).size === right.length
      && right.every((index) => Number.isInteger(index) && (index as number) >= 0 && (index as number) < options.length),
  },
  yesNo: {
    form: '{value: BOOLEAN, named: [{accept: [TEXT], reject: [TEXT]}] or nothing}',
    holds: ({ value, named }) => typeof value === 'boolean' && (named === undefined || (Array.isArray(named) && named.length <= 8 && named.every(isWordings))),
  },
  word: { form: '{accept: [TEXT], reject: [TEXT]}', holds: isWordings },
  number: { form: '{value: NUMBER, tolerance: NUMBER}', holds: ({ value, tolerance }) => isFinite(value) && isFinite(tolerance) && tolerance >= 0 },
  ordinal: { form: '{value: TEXT, scale: [TEXT]}', holds: ({ value, scale }) => isTexts(scale) && isText(value) && scale.includes(value) },
  boxes: {
    form: '{boxes: [{label, box: {x1, y1, x2, y2}}], matchLabels: BOOLEAN}',
    holds: ({ boxes, matchLabels }) => Array.isArray(boxes) && boxes.length <= 1000 && boxes.every(isLabelledBox) && typeof matchLabels === 'boolean',
  },
  points: {
    form: '{points: [{label, x, y}], tolerance: PIXELS}',
    holds: ({ points, tolerance }) => Array.isArray(points) && points.length <= 1000 && points.every(isLabelledPoint) && isFinite(tolerance) && tolerance > 0,
  },
  alteration: { form: '{class: NAME, type: NAME or null, box: {x1, y1, x2, y2} or null}', holds: (target) => AlterationClaim.safeParse(target).success },
  directive: { form: '{target, anatomy, side, slice_from, slice_to}', holds: ({ kind: _kind, ...words }) => DirectiveWords.safeParse(words).success },
  text: { form: '{text: TEXT}', holds: ({ text }) => isText(text) },
};

/** True where the value is a gold, "kind" included. */
export function isGold(value: unknown): value is Gold {
  const fields = Object(value) as Fields;
  return isText(fields.kind) && Object.hasOwn(goldKinds, fields.kind) && goldKinds[fields.kind as Gold['kind']].holds(fields);
}

/**
 * The target as a gold. With `kind` the target may leave its "kind" out, and has to be of that kind.
 * Fault `reward.row` where it is not one.
 */
export function goldOf<K extends Gold['kind']>(target: unknown, kind: K): Extract<Gold, { kind: K }>;
export function goldOf(target: unknown, kind?: Gold['kind']): Gold;
export function goldOf(target: unknown, kind?: Gold['kind']): Gold {
  const gold: unknown = kind !== undefined && typeof target === 'object' && target !== null && !('kind' in target) ? { ...target, kind } : target;
  if (isGold(gold) && (kind === undefined || gold.kind === kind)) return gold;
  const forms = Object.entries(goldKinds).filter(([name]) => kind === undefined || name === kind).map(([name, { form }]) => `${name} ${form}`);
  throw rowFault('Its target is not a gold of the kind that the reward reads.', `Give as target: ${forms.join(', or ')}.`);
}
