/** Answers as the strict rewards read them: one option letter, one first word, a list of boxes that is whole or nothing. */
import { normalise } from './extract.ts';
import { letterOf, type Gold, type LabelledBox } from './gold.ts';
import { boxOf, isCorners, isProper } from './geometry.ts';
import { isDict } from './python.ts';
import { verifyAnswer } from './verify.ts';

/**
 * The option letter of an answer: `B`, `(B)`, `B)`, `B.`, `B:`, `B - text`, `**B**`, in capitals, at its beginning, and no second one after it. null
 * otherwise.
 * A later capital counts as a second letter where no word follows it directly: `B: A mass` is B, `B or C` is none.
 */
export function optionLetter(answer: string, options: number): string | null {
  const plain = answer.slice(0, 4000).replaceAll('*', '').trim();
  const first = /^(?:[Oo]ption )?[([]?([A-Z])(?![\p{L}\p{N}])/u.exec(plain);
  const last = letterOf(options - 1);
  const letter = first?.[1];
  if (first === null || letter === undefined || letter > last) return null;
  for (const { 0: other } of plain.slice(first[0].length).matchAll(/(?<![\p{L}\p{N}])[A-Z](?![\p{L}\p{N}]| [\p{L}\p{N}])/gu)) {
    if (other <= last && other !== letter) return null;
  }
  return letter;
}

/** 1 for the right letter, or without any letter for the right option's own words; 0 for everything else. */
export function scoreChoice(answer: string, gold: Extract<Gold, { kind: 'choice' }>): number {
  const letter = optionLetter(answer, gold.options.length);
  if (letter !== null) return letter === letterOf(gold.right) ? 1 : 0;
  const reject = gold.options.filter((_, index) => index !== gold.right);
  const hasLetter = /(?<![\p{L}\p{N}])[A-Z](?![\p{L}\p{N}])/u.test(answer.slice(0, 4000).replace(/(?<![\p{L}\p{N}])A (?=\p{Ll})/gu, ''));
  return hasLetter ? 0 : verifyAnswer(answer, { kind: 'word', accept: [gold.options[gold.right] ?? ''], reject }).score;
}

/** The first word decides, and then what a yes has to name. */
export function scoreYesNo(answer: string, gold: Extract<Gold, { kind: 'yesNo' }>): number {
  const opening = verifyAnswer(normalise(answer).split(' ')[0] ?? '', { kind: 'yesNo', value: gold.value });
  return opening.isCorrect ? verifyAnswer(answer, gold).score : 0;
}

/** Free text counts only where it is the same, spelling aside: likeness of letters is no measure of likeness of meaning. */
export const scoreText = (answer: string, gold: Extract<Gold, { kind: 'text' }>): number => Number(normalise(answer) === normalise(gold.text));

/** Scores a bare answer of any kind but boxes, with the holes of the released rewards closed. */
export function scoreAnswer(answer: string, gold: Gold): number {
  switch (gold.kind) {
    case 'choice': return scoreChoice(answer, gold);
    case 'yesNo': return scoreYesNo(answer, gold);
    case 'text': return scoreText(answer, gold);
    default: return verifyAnswer(answer, gold).score;
  }
}

/** The most boxes that an answer may hold. */
export const mostBoxes = 256;

/**
 * The boxes of an answer: `None`, or a JSON list of {"bbox_2d": [x1, y1, x2, y2], "label": TEXT}, bare or as one ```json fence and nothing else.
 * null where it is anything else, be it in one entry: corners that are not numbers, or not in order, or a label that is no text.
 */
export function strictBoxes(answer: string): LabelledBox[] | null {
  const plain = answer.trim();
  if (plain === 'None') return [];
  const isFenced = plain.startsWith('```json') && plain.endsWith('```') && plain.length >= 10;
  let list: unknown;
  try {
    list = JSON.parse(isFenced ? plain.slice('```json'.length, -'```'.length) : plain) as unknown;
  } catch {
    return null;
  }
  if (!Array.isArray(list) || list.length > mostBoxes) return null;
  const boxes = list.map((item: unknown) => {
    if (!isDict(item) || !isCorners(item.bbox_2d) || !isProper(item.bbox_2d) || typeof item.label !== 'string') return null;
    return { label: item.label, box: boxOf(item.bbox_2d) };
  });
  return boxes.every((box) => box !== null) ? boxes : null;
}

/** Whether a claimed label is the wanted one, spelling aside. */
export const sameLabel = (claimed: string, wanted: string): boolean => normalise(claimed) === normalise(wanted);
