/**
 * A directive: what a reader wants found, in words of a closed vocabulary, so that a fast detector can search slice by slice while a slow model thinks.
 * It is written by a model, and so is nothing until its form and its words were checked here; what is refused is told, and never repaired.
 */
import { z } from 'zod';

export const directiveSides = ['left', 'right', 'midline', 'any'] as const;
export type DirectiveSide = (typeof directiveSides)[number];

/** Of the patient, not of the picture. Slices are counted from 1, as the window shows them; both ends are searched. */
export const DirectiveWords = z.strictObject({
  target: z.string().min(1).max(60), anatomy: z.string().min(1).max(60), side: z.enum(directiveSides), slice_from: z.int().min(0).max(1_000_000), slice_to: z.int().min(0).max(1_000_000),
}).refine(({ slice_from: from, slice_to: to }) => from <= to, { path: ['slice_to'], message: 'lies before slice_from' });
export type DirectiveWords = z.infer<typeof DirectiveWords>;

interface Target {
  /** Where it can be. */
  readonly anatomy: string;
  /** Its names in a sentence, in lower case; a longer one hides a shorter one within it. */
  readonly names: readonly string[];
  /** Other things lie in it, and are named with it: `a spot in the lung`. */
  readonly isPlace?: boolean;
}

/** What can be sought. Names are names: what a thing looks like or does is left to the model. */
export const directiveTargets: Readonly<Record<string, Target>> = {
  lung: { anatomy: 'chest', names: ['lung', 'lungs'], isPlace: true },
  nodule: { anatomy: 'chest', names: ['nodule', 'nodules', 'lung nodule', 'lung nodules'] },
  breast_lesion: { anatomy: 'breast', names: ['breast lesion', 'breast lesions'] },
  red_blood_cell: { anatomy: 'blood', names: ['red blood cell', 'red blood cells', 'red cell', 'red cells', 'erythrocyte', 'erythrocytes'] },
  white_blood_cell: { anatomy: 'blood', names: ['white blood cell', 'white blood cells', 'white cell', 'white cells', 'leukocyte', 'leukocytes'] },
  platelet: { anatomy: 'blood', names: ['platelet', 'platelets', 'thrombocyte', 'thrombocytes'] },
  haemorrhage: { anatomy: 'head', names: ['haemorrhage', 'haemorrhages', 'hemorrhage', 'hemorrhages'] },
  brain_tumour: { anatomy: 'head', names: ['brain tumour', 'brain tumours', 'brain tumor', 'brain tumors'] },
  skin_lesion: { anatomy: 'skin', names: ['skin lesion', 'skin lesions'] },
  exudate: { anatomy: 'retina', names: ['exudate', 'exudates', 'hard exudate', 'hard exudates'] },
};

export const directiveAnatomies: readonly string[] = [...new Set(Object.values(directiveTargets).map(({ anatomy }) => anatomy))].sort();

export const targetName = (target: string): string => directiveTargets[target]?.names[0] ?? target;

const longest = 4000;
const [thinkEnd, open, close] = ['</think>', '<directive>', '</directive>'];

/** Trimmed, in lower case, with single spaces: how words are compared. */
export const plainWord = (text: string): string => text.trim().toLowerCase().replace(/\s+/g, ' ');

/**
 * The directive of a completion `<think>…</think><directive>{JSON}</directive>`; null for any other text. The JSON has exactly the five keys; numbers are whole and no words.
 */
export function readDirective(completion: string): DirectiveWords | null {
  const text = completion.trim();
  if (text.length > longest || !text.startsWith('<think>') || !text.endsWith(close)) return null;
  const thought = text.indexOf(thinkEnd);
  const rest = thought < 0 ? '' : text.slice(thought + thinkEnd.length).trimStart();
  if (!rest.startsWith(open) || text.slice('<think>'.length, thought).includes('<think>')) return null;
  const inner = rest.slice(open.length, -close.length);
  if (inner.includes('<')) return null;
  try {
    const words: unknown = JSON.parse(inner);
    const parsed = DirectiveWords.safeParse(words);
    if (!parsed.success) return null;
    return { ...parsed.data, target: plainWord(parsed.data.target), anatomy: plainWord(parsed.data.anatomy) };
  } catch {
    return null;
  }
}

/** The directive as a model writes it. */
export const directiveText = ({ target, anatomy, side, slice_from, slice_to }: DirectiveWords): string => `{"target": "${target}", "anatomy": "${anatomy}", "side": "${side}", "slice_from": ${slice_from}, "slice_to": ${slice_to}}`;

/** What the model is asked. A single picture is one slice. */
export const directiveQuestion = (sentence: string, slices: number, shown: number): string => `Directive. ${slices} slices, ${shown} shown. ${sentence.replace(/\s+/g, ' ').trim().slice(0, longestSentence)}`;
export const longestSentence = 400;

/** Targets whose names stand in a text as whole words; a name within a longer found one does not count. */
export function targetsNamed(text: string): readonly string[] {
  let rest = ` ${text.toLowerCase().slice(0, longest).replace(/[^a-z0-9]+/g, ' ')} `;
  const found = new Set<string>();
  for (const { target, name } of namesByLength) {
    if (!rest.includes(` ${name} `)) continue;
    found.add(target);
    rest = rest.replaceAll(` ${name} `, '  ');
  }
  return [...found];
}
const namesByLength = Object.entries(directiveTargets).flatMap(([target, { names }]) => names.map((name) => ({ target, name }))).sort((a, b) => b.name.length - a.name.length);

/** The side that a text speaks of; null where it speaks of none, or of both. */
export function sideNamed(text: string): 'left' | 'right' | null {
  const plain = text.toLowerCase().slice(0, longest).replace(/\bright (?:away|now|after|before)\b/g, ' ');
  const [isLeft, isRight] = [/\bleft(?:-sided)?\b/.test(plain), /\bright(?:-sided)?\b/.test(plain)];
  return isLeft === isRight || /\b(?:both|bilateral\w{0,3})\b/.test(plain) ? null : isLeft ? 'left' : 'right';
}

/** The range that a text gives in figures, as in `slices 10 to 20`; null where it gives none, or counts from one: `after slice 4`. */
export function slicesNamed(text: string): readonly [number, number] | null {
  const match = /(?<!\b(?:after|before|from|since|beyond) {1,2})\b(?:slices?|images?|sl\.|im\.?) {0,2}(\d{1,6})(?: {0,2}(?:to|through|until|and|-|–) {0,2}(\d{1,6}))?\b/i.exec(text.slice(0, longest));
  if (!match) return null;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return from <= to ? [from, to] : null;
}

export interface DirectiveContext {
  /** The reader's sentence. */
  readonly text: string;
  readonly slices: number;
  /** The side that the file names for the whole series; null where it names none. */
  readonly laterality: 'left' | 'right' | null;
}

export const directiveRefusals = ['form', 'target', 'anatomy', 'side', 'laterality', 'range'] as const;
export interface DirectiveRefusal {
  readonly code: (typeof directiveRefusals)[number];
  readonly why: string;
}

/**
 * Why a directive may not be followed; null: it may. A side, a thing or a range that the sentence names may not become another one:
 * `no nodules on the left` is no search on the right.
 */
export function directiveRefusal(words: DirectiveWords | null, { text, slices, laterality }: DirectiveContext): DirectiveRefusal | null {
  const refuse = (code: DirectiveRefusal['code'], why: string): DirectiveRefusal => ({ code, why });
  if (!words) return refuse('form', 'The model wrote no directive in the agreed form.');
  const { target, anatomy, side, slice_from: from, slice_to: to } = words;
  const known = Object.hasOwn(directiveTargets, target) ? directiveTargets[target] : undefined;
  if (!known) return refuse('target', `“${target}” is not among what can be sought.`);
  if (known.anatomy !== anatomy) return refuse('anatomy', `A ${targetName(target)} does not lie in “${anatomy}”.`);
  const named = targetsNamed(text);
  const [only] = named.map((name) => ({ name, ...directiveTargets[name]! }));
  if (only && named.length === 1 && only.name !== target && !(only.isPlace === true && only.anatomy === anatomy)) return refuse('target', `The sentence names ${targetName(only.name)}, the directive ${targetName(target)}.`);
  const said = sideNamed(text);
  if (said !== null && (side === 'left' || side === 'right') && side !== said) return refuse('side', `The sentence speaks of the ${said} side, the directive of the ${side}.`);
  if (laterality !== null && (side === 'left' || side === 'right') && side !== laterality) return refuse('laterality', `The file says that this is the ${laterality} side, the directive asks for the ${side}.`);
  if (from < 1 || to > slices) return refuse('range', `Slices ${from} to ${to} are not all among the ${slices} of this series.`);
  const range = slicesNamed(text);
  if (range && (to < range[0] || from > range[1])) return refuse('range', `The sentence names slices ${range[0]} to ${range[1]}, the directive ${from} to ${to}.`);
  return null;
}
