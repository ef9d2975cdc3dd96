/** Which of three images is the odd one out: what a reader answered, what that says about pairs, and which answers may be learnt from. */
import { z } from 'zod';

const name = z.string().min(1).max(300);
const place = z.number().int().min(0).max(2);

/** One answer on the page. */
export const OddAnswer = z.object({
  id: name,
  /** ISO 8601. */
  at: z.string().max(40),
  rater: name,
  /** From showing to answering. */
  seconds: z.number().nonnegative().max(86_400),
  /** Three different images, as they were shown from left to right. */
  images: z.tuple([name, name, name]).refine((images) => new Set(images).size === 3, 'must be three different images'),
  /** Which of them; null: the reader could not tell. */
  odd: place.nullable(),
  /** The answer that this question puts again without saying so. */
  repeats: name.optional(),
  modality: z.string().max(40).optional(),
  /** Pixels of the screen for one of the page. */
  screenScale: z.number().positive().max(16).optional(),
});
export type OddAnswer = z.infer<typeof OddAnswer>;

/** One two-alternative judgement: which of two images is closer to a third, with the votes for each. */
export const Judgement = z.object({
  id: name, ref: name, left: name, right: name,
  left_vote: z.number().int().nonnegative(), right_vote: z.number().int().nonnegative(), votes: z.number().int().positive(),
  split: z.enum(['train', 'val', 'test']),
});
export type Judgement = z.infer<typeof Judgement>;

/** "A is closer to B than to C." */
export interface CloserFact {
  readonly ref: string;
  readonly closer: string;
  readonly farther: string;
}

/** With C odd among A, B and C: A prefers B over C, and B prefers A over C. */
export function factsOfOdd(images: readonly [string, string, string], odd: number): readonly [CloserFact, CloserFact] {
  const [a, b] = images.filter((_, at) => at !== odd) as [string, string];
  const farther = images[odd]!;
  return [{ ref: a, closer: b, farther }, { ref: b, closer: a, farther }];
}

/** Least share of repeats that a reader must answer alike, and least share of readers that must agree on three images. */
export const leastConsistency = 0.7;
export const leastAgreement = 2 / 3;
/** Repeats before a reader's consistency says anything. */
export const leastRepeats = 3;

export interface RaterReport {
  readonly rater: string;
  readonly answers: number;
  readonly undecided: number;
  readonly repeats: number;
  /** Share of repeats answered as the first time; null before the first one. */
  readonly consistency: number | null;
  /** Whether this reader's answers are used. */
  readonly isUsed: boolean;
}

export interface GatedJudgements {
  readonly judgements: readonly Judgement[];
  readonly raters: readonly RaterReport[];
  /** Sets of three images that were answered at all, and what became of them. */
  readonly triples: { readonly answered: number; readonly used: number; readonly contradicted: number; readonly disagreed: number; readonly undecided: number; readonly ofUnusedRaters: number };
  /** The same three images with more than one odd one: by one reader, or by several. */
  readonly contradictions: readonly { readonly images: readonly string[]; readonly odd: readonly string[]; readonly kind: 'repeat' | 'readers' }[];
  /** Images about which the used judgements go round in a circle: closer to B than to C, to C than to D, to D than to B. */
  readonly circles: readonly string[];
}

/**
 * What of many answers may be learnt from: a reader counts whose repeats agree (`leastConsistency`); three images count where at least two thirds of their readers name the
 * same odd one, and a single reader does not contradict the own repeat.
 */
export function gateAnswers(answers: readonly OddAnswer[]): GatedJudgements {
  const raters = ratersOf(answers);
  const used = new Set(raters.filter(({ isUsed }) => isUsed).map(({ rater }) => rater));
  const triples = groupBy(answers, ({ images }) => [...images].sort().join('\n'));
  const counts = { answered: triples.size, used: 0, contradicted: 0, disagreed: 0, undecided: 0, ofUnusedRaters: 0 };
  const judgements: Judgement[] = [];
  const contradictions: { images: readonly string[]; odd: readonly string[]; kind: 'repeat' | 'readers' }[] = [];
  for (const [key, given] of [...triples].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const images = key.split('\n');
    const votes = new Map<string, number>();
    let [isContradicted, isUsed] = [false, false];
    for (const [rater, own] of groupBy(given, (answer) => answer.rater)) {
      const odd = [...new Set(own.flatMap((answer) => (answer.odd === null ? [] : [answer.images[answer.odd]!])))];
      if (odd.length > 1) {
        contradictions.push({ images, odd, kind: 'repeat' });
        isContradicted = true;
      }
      if (!used.has(rater)) continue;
      isUsed = true;
      // Who contradicts himself has no vote on these three.
      if (odd.length === 1) votes.set(odd[0]!, (votes.get(odd[0]!) ?? 0) + 1);
    }
    const total = [...votes.values()].reduce((a, b) => a + b, 0);
    if (votes.size > 1) contradictions.push({ images, odd: [...votes.keys()], kind: 'readers' });
    const [winner, most] = [...votes].reduce<readonly [string, number]>((best, one) => (one[1] > best[1] ? one : best), ['', 0]);
    if (!isUsed) counts.ofUnusedRaters++;
    else if (total === 0) counts[isContradicted ? 'contradicted' : 'undecided']++;
    else if (most / total < leastAgreement - 1e-9) counts.disagreed++;
    else {
      counts.used++;
      for (const [i, { ref, closer, farther }] of factsOfOdd(images as [string, string, string], images.indexOf(winner)).entries()) {
        // Who thinks the reference itself is the odd one says nothing about which of the others is closer to it.
        const [forCloser, forFarther] = [votes.get(farther) ?? 0, votes.get(closer) ?? 0];
        const isRight = (fingerprint(key) + i) % 2 === 1;
        judgements.push({
          id: `${fingerprint(key).toString(36)}-${i}`, ref, left: isRight ? farther : closer, right: isRight ? closer : farther,
          left_vote: isRight ? forFarther : forCloser, right_vote: isRight ? forCloser : forFarther, votes: forCloser + forFarther, split: fingerprint(key) % 5 === 0 ? 'val' : 'train',
        });
      }
    }
  }
  return { judgements, raters, triples: counts, contradictions, circles: circlesOf(judgements) };
}

function ratersOf(answers: readonly OddAnswer[]): RaterReport[] {
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  return [...groupBy(answers, ({ rater }) => rater)].map(([rater, own]) => {
    const again = own.flatMap((answer) => {
      const first = answer.repeats === undefined ? undefined : byId.get(answer.repeats);
      return first && first.odd !== null && answer.odd !== null ? [first.images[first.odd] === answer.images[answer.odd]] : [];
    });
    const consistency = again.length === 0 ? null : again.filter((same) => same).length / again.length;
    return {
      rater, answers: own.length, undecided: own.filter(({ odd }) => odd === null).length, repeats: again.length, consistency,
      isUsed: again.length >= leastRepeats && consistency! >= leastConsistency - 1e-9,
    };
  }).sort((a, b) => (a.rater < b.rater ? -1 : 1));
}

/** References whose "closer than" cannot be brought into an order. */
function circlesOf(judgements: readonly Judgement[]): string[] {
  const found: string[] = [];
  for (const [ref, own] of groupBy(judgements, (judgement) => judgement.ref)) {
    const farther = new Map<string, string[]>();
    for (const { left, right, left_vote, right_vote } of own) {
      const [near, far] = left_vote > right_vote ? [left, right] : [right, left];
      farther.set(near, [...farther.get(near) ?? [], far]);
    }
    // Take away, again and again, what nothing is closer than; what remains goes round.
    const open = new Set([...farther.keys(), ...[...farther.values()].flat()]);
    for (let before = -1; before !== open.size;) {
      before = open.size;
      for (const image of open) if (!(farther.get(image) ?? []).some((other) => open.has(other))) open.delete(image);
    }
    if (open.size > 0) found.push(ref);
  }
  return found.sort();
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** FNV-1a: spreads three images over sides and splits, the same way each time. */
function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
