/** The odd one of three images: which question comes next, and what was answered so far. */
import { join } from 'node:path';
import type { OddReport } from '#electron/contract/similar.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import type { Random } from '#models/base/random.ts';
import { gateAnswers, leastRepeats, OddAnswer, type GatedJudgements } from '#training/records/judgement.ts';
import type { Place } from './finder.ts';

/** Share of questions that put an earlier one again, and how many others lie between at least. */
const repeatShare = 0.1;
const leastBetween = 5;
/** Threes from which the one is taken that the encoder is least sure of. */
const candidates = 24;

export interface OddQuestionDraft {
  readonly images: readonly [string, string, string];
  readonly repeats: string | null;
}

/** Cosines of the pairs AB, AC, BC of three pictures. */
export type Closeness = (triples: readonly (readonly [string, string, string])[]) => Promise<readonly (readonly [number, number, number])[]>;

/**
 * One of ten questions repeats an earlier one in another order; of the rest half are drawn at random, and half are those of many in which the two best guesses lie nearest.
 *
 * @throws Fault `similar.few`
 */
export async function nextQuestion(places: readonly Place[], answers: readonly OddAnswer[], closeness: Closeness, random: Random): Promise<OddQuestionDraft> {
  const studies = new Set(places.map(({ studyId }) => studyId));
  if (studies.size < 3) throw new Fault({ code: 'similar.few', what: 'There is no question to put.', why: `Pictures of ${studies.size === 1 ? 'one study' : `${studies.size} studies`} were seen, and a question shows three.`, mend: 'Import more studies, or wait until the library was seen.' });
  const known = new Set(places.map(({ key }) => key));
  const repeated = new Set(answers.flatMap(({ repeats }) => repeats ?? []));
  const open = answers.slice(0, Math.max(0, answers.length - leastBetween)).filter(({ id, odd, repeats, images }) => odd !== null && repeats === undefined && !repeated.has(id) && images.every((image) => known.has(image)));
  if (open.length > 0 && random.chance(repeatShare)) {
    const again = random.pick(open);
    return { images: random.shuffled(again.images) as [string, string, string], repeats: again.id };
  }
  const asked = new Set(answers.map(({ images }) => [...images].sort().join()));
  const drawn = Array.from({ length: candidates }, () => threeOf(places, random)).filter((three) => !asked.has([...three].sort().join()));
  if (drawn.length === 0) return { images: threeOf(places, random), repeats: null };
  if (random.chance(0.5)) return { images: drawn[0]!, repeats: null };
  const cosines = await closeness(drawn);
  // The odd one is outside the nearest pair: unsure where the two nearest pairs are equally near.
  const doubt = cosines.map((three) => {
    const [, middle, best] = [...three].sort((a, b) => a - b) as [number, number, number];
    return best - middle;
  });
  return { images: drawn[doubt.indexOf(Math.min(...doubt))]!, repeats: null };
}

/** Pictures of three studies. */
function threeOf(places: readonly Place[], random: Random): [string, string, string] {
  for (;;) {
    const three = [random.pick(places), random.pick(places), random.pick(places)] as const;
    if (new Set(three.map(({ studyId }) => studyId)).size === 3) return [three[0].key, three[1].key, three[2].key];
  }
}

type Line = OddAnswer | { readonly withdrawn: string };

export interface OddAnswers {
  all(): readonly OddAnswer[];
  put(answer: OddAnswer): void;
  /** Takes back this reader's last answer. @throws Fault `similar.nothing` */
  withdraw(rater: string): void;
  gated(): GatedJudgements;
  close(): void;
}

export function openOddAnswers(folder: string): OddAnswers {
  const journal = openJournal<Line>(join(folder, 'oddAnswers.jsonl'), (value) => {
    const { withdrawn } = (value ?? {}) as { withdrawn?: unknown };
    return typeof withdrawn === 'string' ? { withdrawn } : OddAnswer.parse(value);
  });
  const answers = new Map<string, OddAnswer>();
  const take = (line: Line): void => {
    if ('withdrawn' in line) answers.delete(line.withdrawn);
    else answers.set(line.id, line);
  };
  journal.entries.forEach(take);
  const write = (line: Line): void => {
    journal.append(line);
    take(line);
  };
  return {
    all: () => [...answers.values()],
    put: write,
    withdraw(rater) {
      const last = [...answers.values()].findLast((answer) => answer.rater === rater);
      if (!last) throw new Fault({ code: 'similar.nothing', what: 'There is no answer to take back.', why: 'Nothing was answered yet.', mend: 'Answer a question first.' });
      write({ withdrawn: last.id });
    },
    gated: () => gateAnswers([...answers.values()]),
    close: () => journal.close(),
  };
}

/** How one reader stands, and what can be learnt from all of them. */
export function reportOf(answers: readonly OddAnswer[], gated: GatedJudgements, rater: string): OddReport {
  const own = gated.raters.find((one) => one.rater === rater);
  const seconds = answers.filter((answer) => answer.rater === rater).map((answer) => answer.seconds).sort((a, b) => a - b);
  return {
    answers: own?.answers ?? 0, undecided: own?.undecided ?? 0, repeats: own?.repeats ?? 0, consistency: own?.consistency ?? null, isUsed: own?.isUsed ?? false,
    repeatsMissing: Math.max(0, leastRepeats - (own?.repeats ?? 0)), medianSeconds: seconds[seconds.length >> 1] ?? null, raters: gated.raters.length, triples: gated.triples,
    judgements: gated.judgements.length, contradictions: gated.contradictions.slice(0, 50).map(({ images, odd, kind }) => ({ images: [...images], odd: [...odd], kind })), circles: gated.circles.length,
  };
}
