/** Why a case must not enter training before a person has looked: names in its text, writing in its pixels, a modality that nobody said. */
import type { Concern, CuratedCase } from '#electron/contract/curate.ts';
import type { Box } from '#models/clinical/finding.ts';

export interface Evidence {
  readonly fields: readonly { readonly name: string; readonly tag: string; readonly value: string }[];
  readonly burnedIn: 'YES' | 'NO' | null;
  /** The code of its modality says that its machine often writes into the picture. */
  readonly isOftenBurned: boolean;
  /** Rows of writing, in pixels of the picture. */
  readonly lettering: readonly Box[];
}

/** Concerns as the case stands; what a person released stays released for as long as it says the same. */
export function concernsOf(one: Pick<CuratedCase, 'question' | 'label' | 'steps' | 'modality' | 'note'>, { fields, burnedIn, isOftenBurned, lettering }: Evidence, before: readonly Concern[] = []): Concern[] {
  const found: { code: string; detail: string }[] = [];
  if (one.modality === null) found.push({ code: 'modality', detail: 'The file does not say how the image was made: choose a modality.' });
  if (burnedIn === 'YES') found.push({ code: 'phi.burned', detail: 'The file says that its pixels carry burnt-in annotation (0028,0301).' });
  else if (isOftenBurned && burnedIn === null) found.push({ code: 'phi.unsaid', detail: 'Machines of this kind often write into the picture, and the file does not deny it (0028,0301).' });
  if (lettering.length > 0) found.push({ code: 'phi.lettering', detail: `${lettering.length === 1 ? 'A row of writing stands' : `${lettering.length} rows of writing stand`} in the pixels, the first at ${placeOf(lettering[0] as Box)}.` });
  const text = textOf(one);
  for (const { name, tag, value } of fields) {
    if (partsOf(value).some((part) => containsWord(text, part))) found.push({ code: `phi.text.${tag.replace(/\W/g, '')}`, detail: `The text holds what the file states as ${name} ${tag}.` });
  }
  const shaped = shapes.find(([, pattern]) => pattern.test(text));
  if (shaped) found.push({ code: 'phi.shape', detail: `The text holds what looks like ${shaped[0]}.` });
  return found.map(({ code, detail }) => ({ code, detail, isReleased: before.some((known) => known.code === code && known.detail === detail && known.isReleased) }));
}

export const isWithheld = ({ concerns }: Pick<CuratedCase, 'concerns'>): boolean => concerns.some(({ isReleased }) => !isReleased);

const placeOf = ({ x1, y1, x2, y2 }: Box): string => `(${Math.round(x1)}, ${Math.round(y1)}) to (${Math.round(x2)}, ${Math.round(y2)})`;

/** Everything of a case that is words. */
function textOf({ question, label, steps }: Pick<CuratedCase, 'question' | 'label' | 'steps'>): string {
  const words = label.kind === 'word' ? [...label.accept, ...label.reject] : label.kind === 'choice' || label.kind === 'choices' ? label.options : label.kind === 'ordinal' ? label.scale
    : label.kind === 'boxes' ? label.boxes.map((box) => box.label) : label.kind === 'points' ? label.points.map((point) => point.label) : [];
  return [question, ...words, ...steps.map((step) => step.text)].join('\n').toLowerCase();
}

/** The parts of a name or number that would betray it: `DOE^JANE` as both; parts of fewer than three letters are too common. */
const partsOf = (value: string): readonly string[] => [...new Set(value.toLowerCase().split(/[\^=,;/\\\s]+/).filter((part) => part.length >= 3))];

function containsWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const isWhole = !/[\p{L}\p{N}]/u.test(text[at - 1] ?? ' ') && !/[\p{L}\p{N}]/u.test(text[at + word.length] ?? ' ');
    if (isWhole) return true;
  }
  return false;
}

const shapes: readonly (readonly [string, RegExp])[] = [
  ['a date', /\b(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}\b|\b\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d\b/],
  ['an e-mail address', /[\w.]{1,64}@[\w-]{1,64}\.\w{2,10}/],
  ['a telephone or record number', /(?:\d[\s-]?){8,}/],
  ['a name with its title', /\b(?:mr|mrs|ms|dr|prof)\.?\s[a-z]{3,}/],
];
