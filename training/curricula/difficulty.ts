/**
 * Which questions are worth asking, by how often the model as it stands answers them: tiers of difficulty by source (OpenVLThinker, arXiv 2503.17352), and the
 * share of right attempts (GUI-R1's curation, VL-Rethinker's pass@8).
 */
import type { DataPipeline } from '#training/records/curriculum.ts';
import { choiceOption, knownOptions } from './options.ts';
import { attempts, forEachQuestion, questionOf, resultOf, rightOf, Tally, writingOptions, type Outcome } from './writing.ts';

export type Tier = 'easy' | 'medium' | 'hard';
export const tiers = ['easy', 'medium', 'hard'] as const satisfies readonly Tier[];

/** One-dimensional k-means from evenly spread starts; the groups in rising order of their means. Deterministic. */
export function kMeans(values: readonly number[], k: number): { readonly centres: readonly number[]; readonly groups: readonly number[] } {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const count = Math.min(k, sorted.length);
  let centres = Array.from({ length: count }, (_, at) => sorted[count === 1 ? 0 : Math.round((at * (sorted.length - 1)) / (count - 1))]!);
  let groups: number[] = [];
  for (let round = 0; round < 100; round++) {
    groups = values.map((value) => centres.reduce((best, centre, at) => (Math.abs(value - centre) < Math.abs(value - centres[best]!) ? at : best), 0));
    const next = centres.map((centre, at) => {
      const members = values.filter((_, i) => groups[i] === at);
      return members.length > 0 ? members.reduce((a, b) => a + b, 0) / members.length : centre;
    });
    if (next.every((centre, at) => centre === centres[at])) break;
    centres = next;
  }
  return { centres, groups };
}

/** How far each value lies above the mean, in (population) deviations; all 0 where they are equal. */
export function zScores(values: readonly number[]): number[] {
  const mean = values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  const deviation = Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / Math.max(1, values.length));
  return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
}

/** A source of questions: how often the model errs there, and how hard readers say it is, where they have said so. */
export interface Source {
  readonly errorRate: number;
  readonly rating?: number;
}

/** Each source's tier: the mean of its z-scores, in three groups. With fewer distinct difficulties than three the hardest group is hard and the easiest easy. */
export function tiersOf(sources: readonly Source[]): Tier[] {
  const errors = zScores(sources.map(({ errorRate }) => errorRate));
  const isRated = sources.every(({ rating }) => rating !== undefined);
  const ratings = isRated ? zScores(sources.map(({ rating }) => rating!)) : errors;
  const { centres, groups } = kMeans(errors.map((error, at) => (error + ratings[at]!) / 2), 3);
  return groups.map((group) => (centres.length === 1 ? 'medium' : group === centres.length - 1 ? 'hard' : group === 0 ? 'easy' : 'medium'));
}

/**
 * Questions of one tier. A source is a set under one question type. Options: `samples` (4), `tier` (the one that is kept).
 * The rating is the record's fact `difficulty` where every source has one.
 */
export const tiered: DataPipeline = async (input) => {
  const owner = 'the pipeline tiered';
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'samples', 'tier']);
  const tally = new Tally();
  const attempt = attempts(owner, input, tally, { samples: 4, temperature: 1 });
  const tier = choiceOption(owner, options, 'tier', tiers, 'medium');
  const asked = await forEachQuestion(owner, input, async (prompt, seed) => {
    const written = await attempt(prompt, seed);
    const wrong = written.length - rightOf(prompt, written).length;
    return { prompt, source: `${prompt.record.set}/${prompt.turn.questionType}`, errorRate: wrong / Math.max(1, written.length), rating: prompt.record.facts['difficulty'] };
  });
  const names = [...new Set(asked.map(({ source }) => source))];
  const sources = names.map((name): Source => {
    const members = asked.filter(({ source }) => source === name);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const ratings = members.flatMap(({ rating }) => (typeof rating === 'number' && Number.isFinite(rating) ? [rating] : []));
    return { errorRate: mean(members.map(({ errorRate }) => errorRate)), ...(ratings.length > 0 ? { rating: mean(ratings) } : {}) };
  });
  const tierOf = new Map(tiersOf(sources).map((one, at) => [names[at]!, one]));
  for (const name of names) tally.add(`sources_${tierOf.get(name)!}`);
  const outcomes = asked.map(({ prompt, source }): Outcome => (tierOf.get(source) === tier ? { lesson: questionOf(prompt) } : { lost: prompt }));
  tally.add('kept', outcomes.filter(({ lesson }) => lesson !== undefined).length);
  return resultOf(owner, options, outcomes, tally);
};

/**
 * Questions by how often the model answers them: `some` drops those that are always or never right (as GUI-R1 curates), `any` only those that are never right
 * (as VL-Rethinker keeps by pass@8). Options: `samples` (8), `keep`.
 */
export const passRate: DataPipeline = async (input) => {
  const owner = 'the pipeline passRate';
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'samples', 'keep']);
  const tally = new Tally();
  const attempt = attempts(owner, input, tally, { samples: 8, temperature: 1 });
  const keep = choiceOption(owner, options, 'keep', ['some', 'any'], 'some');
  const outcomes = await forEachQuestion(owner, input, async (prompt, seed): Promise<Outcome> => {
    const written = await attempt(prompt, seed);
    const right = rightOf(prompt, written).length;
    const dropped = right === 0 ? 'never_right' : keep === 'some' && right === written.length ? 'always_right' : null;
    tally.add(dropped === null ? 'kept' : `dropped_${dropped}`);
    return dropped === null ? { lesson: questionOf(prompt) } : { lost: prompt };
  });
  return resultOf(owner, options, outcomes, tally);
};

/** How hard a question is for the policy, by the share of its group that was right. The labels and edges are the released code's. */
export function difficultyOf(groupMean: number): 'all-false' | 'hard' | 'medium' | 'easy' | 'all-true' {
  if (groupMean < 1 / 8) return 'all-false';
  if (groupMean < 3 / 8) return 'hard';
  if (groupMean < 6 / 8) return 'medium';
  return groupMean < 1 ? 'easy' : 'all-true';
}
