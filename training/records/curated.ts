/** What a person judged about one image, as a row of an index carries it: a question, its checkable answer, and the reasoning that was accepted. */
import { z } from 'zod';
import { alterationText } from '#models/clinical/alteration.ts';
import { directiveText } from '#models/clinical/directive.ts';
import { StepKind } from '#models/clinical/trace.ts';
import { isGold, letterOf, type Gold } from '#training/rewards/gold.ts';
import { pointList } from '#training/rewards/points.ts';
import { verifyAnswer } from '#training/rewards/verify.ts';
import type { CaseRecord } from './caseRecord.ts';

/** The question type, and the name of the fact, under which it stands. */
export const curatedType = 'curated';

const word = z.string().min(1).max(200);

/**
 * The answer without its places: boxes stand in the row, so that they move with the picture, and a point is the middle of a box whose half side is the
 * tolerance.
 */
export const CuratedGold = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('choice'), options: z.array(word).min(2).max(26), right: z.number().int().nonnegative() }),
  z.object({ kind: z.literal('choices'), options: z.array(word).min(1).max(26), right: z.array(z.number().int().nonnegative()).max(26) }),
  z.object({ kind: z.literal('yesNo'), value: z.boolean() }),
  z.object({ kind: z.literal('word'), accept: z.array(word).min(1).max(100), reject: z.array(word).max(1000) }),
  z.object({ kind: z.literal('number'), value: z.number(), tolerance: z.number().nonnegative(), unit: z.string().max(20).default('') }),
  z.object({ kind: z.literal('ordinal'), value: word, scale: z.array(word).min(2).max(100) }),
  z.object({ kind: z.literal('boxes'), matchLabels: z.boolean() }),
  z.object({ kind: z.literal('points') }),
]);
export type CuratedGold = z.infer<typeof CuratedGold>;

export const Curated = z.object({
  question: z.string().trim().min(1).max(4000),
  gold: CuratedGold,
  /** Sentences that hold at any size of the picture. */
  steps: z.array(z.object({ kind: StepKind, text: z.string().min(1).max(1000) })).max(32).default([]),
  /** Where it comes from: the answer that was judged and by which weights it was given. */
  origin: z.object({ trace: z.string(), target: z.string(), verdict: z.string(), judgedAt: z.string(), weights: z.array(z.string()) }).optional(),
});
export type Curated = z.infer<typeof Curated>;

/** What was judged about a record; null where it carries nothing of the kind, or something malformed. */
export function curatedOf({ questionTypes, facts }: Pick<CaseRecord, 'questionTypes' | 'facts'>): Curated | null {
  if (!questionTypes.includes(curatedType)) return null;
  return Curated.safeParse(facts[curatedType]).data ?? null;
}

interface Place {
  readonly label: string;
  readonly box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
}

/** The checkable answer with its places in, in the pixels of those. */
export function goldOfCurated({ gold }: Pick<Curated, 'gold'>, places: readonly Place[]): Gold {
  switch (gold.kind) {
    case 'boxes': return { kind: 'boxes', boxes: places.map(({ label, box }) => ({ label, box })), matchLabels: gold.matchLabels };
    case 'points': return {
      kind: 'points', points: places.map(({ label, box: { x1, y1, x2, y2 } }) => ({ label, x: (x1 + x2) / 2, y: (y1 + y2) / 2 })),
      tolerance: Math.max(1, ...places.map(({ box }) => Math.min(box.x2 - box.x1, box.y2 - box.y1) / 2)),
    };
    case 'number': return { kind: 'number', value: gold.value, tolerance: gold.tolerance };
    default: return gold;
  }
}

/** The answer as the model is to write it. */
export function answerOfGold(gold: Gold): string {
  switch (gold.kind) {
    case 'choice': return letterOf(gold.right);
    case 'choices': return gold.right.length === 0 ? 'none' : [...gold.right].sort((a, b) => a - b).map(letterOf).join(', ');
    case 'yesNo': return gold.value ? 'yes' : 'no';
    case 'word': return gold.accept[0] ?? '';
    case 'number': return String(gold.value);
    case 'ordinal': return gold.value;
    case 'boxes': return JSON.stringify(gold.boxes.map(({ label, box: { x1, y1, x2, y2 } }) => ({ bbox_2d: [x1, y1, x2, y2], label })));
    case 'points': return pointList(gold.points);
    case 'alteration': return alterationText(gold);
    case 'directive': return directiveText(gold);
    case 'text': return gold.text;
  }
}

/** The question as it is put: options that it does not name itself are listed below it, by letter. */
export function questionOf({ question, gold }: Pick<Curated, 'question' | 'gold'>): string {
  if (gold.kind !== 'choice' && gold.kind !== 'choices') return question;
  const isListed = gold.options.every((option, index) => question.includes(`${letterOf(index)}. ${option}`) || question.includes(`${letterOf(index)}) ${option}`));
  return isListed ? question : [question, ...gold.options.map((option, index) => `${letterOf(index)}. ${option}`)].join('\n');
}

/** Why a record's judged answer cannot be used; null where its own verifier gives its own answer full marks. */
export function curatedFlaw(record: Pick<CaseRecord, 'questionTypes' | 'facts' | 'boxes'>): string | null {
  if (!record.questionTypes.includes(curatedType)) return null;
  const parsed = Curated.safeParse(record.facts[curatedType]);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `its judged answer is malformed: ${issue?.path.join('.') || 'the fact'}: ${issue?.message ?? 'it does not fit'}`;
  }
  const curated = parsed.data;
  const { gold } = curated;
  if ((gold.kind === 'boxes' || gold.kind === 'points') && record.boxes === null) return `its answer is of ${gold.kind}, but the row carries none`;
  const places = (record.boxes ?? []).map(({ class: name, box }) => ({ label: name.replaceAll('_', ' '), box }));
  const whole = goldOfCurated(curated, places);
  if (!isGold(whole)) return `its answer of the kind ${gold.kind} contradicts itself`;
  const { score } = verifyAnswer(answerOfGold(whole), whole);
  return score >= 1 - 1e-9 ? null : `its verifier gives its own answer ${Math.round(score * 1000) / 1000} instead of 1`;
}
