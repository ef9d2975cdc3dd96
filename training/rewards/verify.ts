/** Does an answer agree with the gold? One verifier for each kind, all linear in the answer, none of which runs what it reads. */
import { parseAlteration } from '#models/clinical/alteration.ts';
import { readDirective } from '#models/clinical/directive.ts';
import { iou } from '#models/clinical/finding.ts';
import { directiveSlots } from './directive.ts';
import { answerOf, boxAnswerOf, boxesIn, normalise } from './extract.ts';
import { letterOf, type Gold, type LabelledBox } from './gold.ts';
import { matchPoints, pointsIn } from './points.ts';

export interface Verdict {
  /** 0 … 1. */
  readonly score: number;
  readonly isCorrect: boolean;
}

type Of<K extends Gold['kind']> = Extract<Gold, { kind: K }>;
type Verifiers = { readonly [K in Gold['kind']]: (answer: string, gold: Of<K>) => number };

/** How well an answer agrees with its gold, 0 … 1. */
export const verifiers: Verifiers = {
  /** The letter decides; without one, the option's own words. */
  choice(answer, { options, right }) {
    const letter = leadingLetter(answer);
    if (letter !== null) return letter === letterOf(right) ? 1 : 0;
    return verifiers.word(answer, { kind: 'word', accept: [options[right] ?? ''], reject: options.filter((_, index) => index !== right) });
  },

  /** The letters decide, or the options' own words: the share that both name among all that either names; nothing for nothing is 1. */
  choices(answer, { options, right }) {
    const letters = leadingLetters(answer, options.length);
    const named = namedIn(normalise(answer), options.map(normalise));
    const said = letters ?? new Set(options.flatMap((option, index) => (named.includes(normalise(option)) ? [index] : [])));
    const either = new Set([...said, ...right]);
    if (either.size === 0) return isNone(answer) ? 1 : 0;
    return right.filter((index) => said.has(index)).length / either.size;
  },

  /** The first word that says yes or no decides; a yes that has to name something names it, and nothing else of its kind. */
  yesNo(answer, { value, named = [] }) {
    const first = normalise(answer).split(' ').find((word) => word in polarity);
    if (first === undefined || polarity[first] !== value) return 0;
    return !value || named.every((wordings) => verifiers.word(answer, { kind: 'word', ...wordings }) === 1) ? 1 : 0;
  },

  /** Exactly an accepted wording, or a sentence that names one and no rejected one; a longer wording hides a shorter one within it. */
  word(answer, { accept, reject }) {
    const said = normalise(answer);
    const right = new Set(accept.map(normalise));
    const wrong = new Set(reject.map(normalise).filter((wording) => !right.has(wording)));
    if (right.has(said)) return 1;
    if (said === '' || wrong.has(said)) return 0;
    const named = namedIn(said, [...right, ...wrong]);
    return named.some((wording) => right.has(wording)) && !named.some((wording) => wrong.has(wording)) ? 1 : 0;
  },

  /** The first number, as digits or as a word up to twenty and with its sign, lies within the tolerance. */
  number(answer, { value, tolerance }) {
    const said = normalise(signed(answer)).split(' ').map(numberOf).find((number) => number !== null);
    return said !== undefined && said !== null && Math.abs(said - value) <= tolerance + 1e-9 ? 1 : 0;
  },

  /** 1 at the right word, falling evenly to 0 at the far end of the scale. */
  ordinal(answer, { value, scale }) {
    const said = namedIn(normalise(answer), scale.map(normalise));
    const at = scale.findIndex((word) => normalise(word) === said[0]);
    const right = scale.indexOf(value);
    if (said.length !== 1 || at < 0 || right < 0) return 0;
    return scale.length < 2 ? 1 : 1 - Math.abs(at - right) / (scale.length - 1);
  },

  /** The mean IoU of matched pairs over the larger count, so that idle and missing boxes cost alike; no box for none is 1. */
  boxes(answer, { boxes, matchLabels }) {
    const claimed = boxesIn(answer);
    const most = Math.max(claimed.length, boxes.length);
    if (most === 0) return isNone(answer) ? 1 : 0;
    return matchBoxes(claimed, boxes, matchLabels).reduce((total, { overlap }) => total + overlap, 0) / most;
  },

  /** Pairs within the tolerance over the larger count; no point for none is 1. */
  points(answer, { points, tolerance }) {
    const claimed = pointsIn(answer);
    const most = Math.max(claimed.length, points.length);
    if (most === 0) return isNone(answer) ? 1 : 0;
    return matchPoints(claimed, points, tolerance) / most;
  },

  /** The right class, and for a tampered image the IoU of the boxes. */
  alteration(answer, { class: name, box }) {
    const claim = parseAlteration(answer);
    if (claim?.class !== name || !claim.isWellFormed) return 0;
    return name !== 'TAMPERED' ? 1 : claim.box && box ? iou(claim.box, box) : 0;
  },

  /** The slots that are right, of the whole completion. */
  directive(answer, right) {
    const said = readDirective(answer);
    return said ? directiveSlots(said, right) : 0;
  },

  /** The harmonic mean of word precision and recall. */
  text: (answer, { text }) => wordF1(answer, text),
};

const thresholds: Readonly<Record<Gold['kind'], number>> = { choice: 1, choices: 1, yesNo: 1, word: 1, number: 1, ordinal: 1, boxes: 0.5, points: 0.5, alteration: 0.5, directive: 1, text: 0.5 };

/** Scores a bare answer. An answer is correct at score 1; boxes and free text already at 0.5. */
export function verifyAnswer(answer: string, gold: Gold): Verdict {
  const score = (verifiers[gold.kind] as (answer: string, gold: Gold) => number)(answer, gold);
  return { score, isCorrect: score >= thresholds[gold.kind] - 1e-9 };
}

/** Scores the answer part of a completion. */
export const verify = (completion: string, gold: Gold): Verdict => verifyAnswer(
  gold.kind === 'directive' ? completion : gold.kind === 'boxes' || gold.kind === 'points' ? boxAnswerOf(completion) : answerOf(completion), gold,
);

/** One gold box and the claimed box that was matched to it. */
export interface Match {
  /** Index into the gold boxes. */
  readonly gold: number;
  readonly claimed: number;
  readonly overlap: number;
}

/** Pairs claimed with gold boxes, each used once, best overlap first; only pairs that overlap. */
export function matchBoxes(claimed: readonly LabelledBox[], gold: readonly LabelledBox[], matchLabels: boolean): Match[] {
  const pairs: Match[] = [];
  gold.forEach((wanted, goldIndex) => claimed.forEach((claim, claimedIndex) => {
    if (matchLabels && normalise(claim.label) !== normalise(wanted.label)) return;
    const overlap = iou(claim.box, wanted.box);
    if (overlap > 0) pairs.push({ gold: goldIndex, claimed: claimedIndex, overlap });
  }));
  pairs.sort((a, b) => b.overlap - a.overlap || a.gold - b.gold || a.claimed - b.claimed);
  const [usedGold, usedClaims] = [new Set<number>(), new Set<number>()];
  return pairs.filter(({ gold: goldIndex, claimed: claimedIndex }) => {
    if (usedGold.has(goldIndex) || usedClaims.has(claimedIndex)) return false;
    usedGold.add(goldIndex);
    usedClaims.add(claimedIndex);
    return true;
  });
}

const polarity: Readonly<Record<string, boolean>> = Object.assign(Object.create(null) as object, {
  yes: true, true: true, present: true, no: false, false: false, absent: false, none: false, not: false,
});

const numberWords = [
  'zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve', 'thirteen', 'fourteen', 'fifteen',
  'sixteen', 'seventeen', 'eighteen', 'nineteen', 'twenty',
];

/** A minus that stands directly before a digit and behind no word or number (`COVID-19`, `3-4`) stays with its number, as a sign that `normalise` keeps; so does the word. */
const signed = (answer: string): string => answer.slice(0, 4000).replace(/(?<![\p{L}\p{N}.)\]%])[-−–‐‑﹣－](?=\.?\d)|\bminus +(?=\.?\d)/giu, ' minus').replace(/minus\./g, 'minus0.');

function numberOf(word: string): number | null {
  if (word.startsWith('minus')) {
    const size = numberOf(word.slice('minus'.length));
    return size === null ? null : -size;
  }
  if (word === 'none' || word === 'no') return 0;
  const at = numberWords.indexOf(word);
  if (at >= 0) return at;
  const digits = /^(\d{1,9}(?:\.\d{1,6})?)\.?(?:%|px|mm|cm)?\.?$/.exec(word);
  return digits ? Number(digits[1]) : null;
}

/** A single capital letter that stands alone at the start: `B`, `(B)`, `B.`, `B: glioma`, `Option B`. */
function leadingLetter(answer: string): string | null {
  const match = /^\s*(?:[Oo]ption\s+)?[([]?([A-Z])[)\].:,]?(?=\s|$)/.exec(answer.slice(0, 40));
  return match?.[1] ?? null;
}

/** Capital letters joined by commas, blanks or `and`, and nothing else; null where the answer is anything else. */
function leadingLetters(answer: string, count: number): ReadonlySet<number> | null {
  const words = answer.slice(0, 200).split(/[\s,;.()]+|and/).filter((word) => word !== '');
  if (words.length === 0 || !words.every((word) => /^[A-Z]$/.test(word))) return null;
  const indices = words.map((word) => word.charCodeAt(0) - 65);
  return indices.every((index) => index < count) ? new Set(indices) : null;
}

const isNone = (answer: string): boolean => answer.replace(/\s/g, '') === '[]' || /^(none|no|nothing|absent)\b/.test(normalise(answer));

/** Which wordings stand in the text as whole words; one inside a longer found one is not counted. */
function namedIn(text: string, wordings: readonly string[]): string[] {
  let rest = ` ${text} `;
  const found: string[] = [];
  for (const wording of [...new Set(wordings)].sort((a, b) => b.length - a.length)) {
    if (wording === '' || !rest.includes(` ${wording} `)) continue;
    found.push(wording);
    rest = rest.replaceAll(` ${wording} `, ' | ');
  }
  return found;
}

function wordF1(answer: string, text: string): number {
  const [said, wanted] = [normalise(answer), normalise(text)].map((side) => side.split(' ').filter((word) => word !== '')) as [string[], string[]];
  if (said.length === 0 || wanted.length === 0) return said.length === wanted.length ? 1 : 0;
  const counts = new Map<string, number>();
  for (const word of wanted) counts.set(word, (counts.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of said) {
    const left = counts.get(word) ?? 0;
    if (left > 0) {
      shared++;
      counts.set(word, left - 1);
    }
  }
  return (2 * shared) / (said.length + wanted.length);
}
