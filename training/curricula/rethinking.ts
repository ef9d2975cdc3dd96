/**
 * Forced rethinking (VL-Rethinker, arXiv 2504.08837): some first answers are continued with a trigger such as "Wait, does it seem right?", and where the
 * second look ends right, the whole of it takes the first answer's place in its group. An auxiliary loss holds on to what worked:
 *
 *   L = L_pg + 0.05 · L_sft,   L_sft = −(Σ log-probabilities of rethought rows with A > 0) / (their tokens)
 *
 * Choices and thresholds are those of the released code, lengths are options. Departure: an answer in tags is taken up again before its `</think>`, so that the
 * whole stays one reasoning with one answer; the released code continues after the first answer and lets the last box count.
 */
import type { Random } from '#models/base/random.ts';
import type { Curriculum, CurriculumMaker, CurriculumTools } from '#training/records/curriculum.ts';
import type { Completion, Group, Rollout } from '#training/records/policy.ts';
import { knownOptions, numberOption } from './options.ts';

export const triggers = {
  bare: '\n\nWait', question: '\n\nWait, does it seem right?', correct: '\n\nWait, there might be a mistake', verify: '\n\nWait, let\'s double check',
} as const;
export type Trigger = keyof typeof triggers;

/** A first answer as the choice reads it. */
export interface FirstAnswer {
  readonly text: string;
  readonly tokens: number;
  /** Ended with the end of its turn. */
  readonly finished: boolean;
  readonly isCorrect: boolean;
}

export interface RethinkingLimits {
  /** The most tokens of a completion, first and second look together. */
  readonly maxTokens: number;
  /** Tokens that are kept free for the second look; the released code reserves 1024 of its 2048. */
  readonly reserve: number;
  /** The fewest tokens of a second look that count as one; 30 in the released code. */
  readonly least: number;
  /** Part of the answers of a question that is not already easy which are left alone; 0.35 in the released code. */
  readonly skip?: number;
}

/** The text that the second look continues; it ends with the trigger. */
export interface Rethinking {
  readonly trigger: Trigger;
  readonly forced: string;
}

/**
 * Whether, and how, an answer is looked at again; null leaves it as it is.
 *
 * @param groupMean  share of its group that is right
 */
export function chooseRethinking(answer: FirstAnswer, groupMean: number, { maxTokens, reserve, skip = 0.35 }: RethinkingLimits, random: Random): Rethinking | null {
  if (!answer.finished || answer.tokens > maxTokens - reserve) return null;
  if (groupMean > 0.7 ? !answer.isCorrect : random.chance(skip)) return null;
  const text = reopened(answer.text);
  if (text === '') return null;
  const trigger: Trigger = random.chance(0.5) ? (random.chance(0.4) ? 'bare' : 'question') : answer.isCorrect ? 'verify' : 'correct';
  const kept = (random.chance(0.5) ? cutBack(text) : '') || text;
  return { trigger, forced: `${kept}${triggers[trigger]}` };
}

/** The answer up to where its reasoning ends in tags; as it is without them, and '' where nothing stands before its answer tag. */
export function reopened(text: string): string {
  const end = [text.lastIndexOf('</think>'), text.indexOf('<answer>')].find((at) => at >= 0);
  return end === undefined ? text : text.slice(0, end).trimEnd();
}

/** The answer without its end: from the last "Wait", then from the last box, then from the first "answer", then from the last blank line. */
export function cutBack(text: string): string {
  const upTo = (kept: string, at: number): string => (at < 0 ? kept : kept.slice(0, at));
  let kept = upTo(text, text.lastIndexOf('Wait'));
  kept = upTo(kept, kept.lastIndexOf('\\boxed'));
  kept = upTo(kept, kept.toLowerCase().indexOf('answer'));
  return upTo(kept, kept.lastIndexOf('\n\n'));
}

export interface SecondLook {
  /** The whole completion: what was kept of the first answer, the trigger, and what followed. */
  readonly text: string;
  /** Tokens after the trigger. */
  readonly tokens: number;
  readonly isCorrect: boolean;
}

/** Which second looks take their first answer's place: right ones of a fair length with at most four waits, two for each question. */
export function keptSecondLooks<T extends SecondLook>(looks: readonly T[], { reserve, least }: RethinkingLimits, perQuestion = 2): T[] {
  return looks.filter(({ text, tokens, isCorrect }) => isCorrect && tokens > least && tokens < reserve && 1 + waitsIn(text) <= 4).slice(0, perQuestion);
}

/** How often a text waits, letter case aside. */
export const waitsIn = (text: string): number => text.toLowerCase().split('wait').length - 1;

/** One row of the step's batch, as the auxiliary loss reads it. */
export interface RethoughtRow {
  readonly logprobs: readonly number[];
  readonly advantage: number;
  readonly rethought: boolean;
}

/**
 * The auxiliary loss and its gradient with respect to each token's log-probability: −weight over the learnt tokens of rethought rows that paid off, else 0.
 * The released code clamps a value above 10 to [−1, 1], where its gradient is gone: the same here.
 *
 * @returns  `gradients[i]` is that of every token of row i
 */
export function rethinkingLoss(rows: readonly RethoughtRow[], weight = 0.05): { readonly loss: number; readonly gradients: readonly number[] } {
  const isLearnt = ({ rethought, advantage }: RethoughtRow): boolean => rethought && advantage > 0;
  const learnt = rows.filter(isLearnt);
  const tokens = learnt.reduce((total, { logprobs }) => total + logprobs.length, 0);
  const value = tokens > 0 ? -learnt.reduce((total, { logprobs }) => total + logprobs.reduce((a, b) => a + b, 0), 0) / tokens : 0;
  const isClamped = value > 10;
  return { loss: weight * (isClamped ? 1 : value), gradients: rows.map((row) => (isLearnt(row) && !isClamped ? -weight / tokens : 0)) };
}

/**
 * The curriculum. Options: `reserve` and `least` (tokens of a second look), `skip`, `perQuestion` (2), `temperature` of the second look (0.9) and
 * `imitation` (0.05, the weight of the auxiliary loss; 0 leaves it out).
 */
export const rethinking: CurriculumMaker = (options): Curriculum => {
  const owner = 'the curriculum rethinking';
  knownOptions(owner, options, ['reserve', 'least', 'skip', 'perQuestion', 'temperature', 'imitation']);
  const tokens = { least: 1, most: 65_536, whole: true };
  const reserve = numberOption(owner, options, 'reserve', 64, tokens);
  const least = numberOption(owner, options, 'least', 4, { ...tokens, least: 0 });
  const skip = numberOption(owner, options, 'skip', 0.35, { least: 0, most: 1 });
  const perQuestion = numberOption(owner, options, 'perQuestion', 2, { ...tokens, most: 64 });
  const temperature = numberOption(owner, options, 'temperature', 0.9, { least: 0.01, most: 10 });
  const imitation = numberOption(owner, options, 'imitation', 0.05, { least: 0, most: 10 });
  const rethought = new WeakSet<Completion>();

  const lookAgain = async (group: Group, tools: CurriculumTools): Promise<Group> => {
    const { prompt, rollouts } = group;
    const { policy, plan, random } = tools;
    const limits = { maxTokens: plan.maxNewTokens + reserve, reserve, least, skip };
    const groupMean = rollouts.filter(({ isCorrect }) => isCorrect).length / Math.max(1, rollouts.length);
    const looks: (SecondLook & { readonly at: number; readonly rollout: Rollout })[] = [];
    for (const [at, { completion, isCorrect }] of rollouts.entries()) {
      const first = { text: completion.text, tokens: completion.tokens.length, finished: completion.finished, isCorrect };
      const chosen = chooseRethinking(first, groupMean, limits, random);
      if (!chosen) continue;
      const [second] = await policy.sample(prompt, { count: 1, temperature, topP: plan.topP, maxNewTokens: reserve, seed: random.uint32(), forced: chosen.forced });
      if (!second) continue;
      const [judged] = await tools.judge(prompt, [second], { rethought: true });
      if (!judged) continue;
      // Tokens are not cut where the forced text ends, so its part of them is taken from its part of the text.
      const after = Math.round(second.tokens.length * (1 - Math.min(1, chosen.forced.length / Math.max(1, second.text.length))));
      looks.push({ at, rollout: judged, text: second.text, tokens: after, isCorrect: judged.isCorrect && second.finished });
    }
    const kept = new Map(keptSecondLooks(looks, limits, perQuestion).map(({ at, rollout }) => [at, rollout]));
    for (const { completion } of kept.values()) rethought.add(completion);
    return { prompt, rollouts: rollouts.map((rollout, at) => kept.get(at) ?? rollout) };
  };

  return {
    async extend(groups, tools) {
      const extended: Group[] = [];
      for (const group of groups) extended.push(await lookAgain(group, tools));
      return extended;
    },
    /** What paid off stands in its group a second time, to be imitated; its weight makes up for the step's mean, which runs over all tokens. */
    select(groups) {
      if (imitation === 0) return groups;
      const tokensOf = (rollouts: readonly Rollout[]): number => rollouts.reduce((total, { completion }) => total + completion.tokens.length, 0);
      const paid = groups.map(({ rollouts }) => rollouts.filter(({ completion, advantage }) => rethought.has(completion) && advantage > 0));
      const learnt = tokensOf(paid.flat());
      if (learnt === 0) return groups;
      const weight = imitation * ((tokensOf(groups.flatMap(({ rollouts }) => rollouts)) + learnt) / learnt);
      return groups.map(({ prompt, rollouts }, at) => ({ prompt, rollouts: [...rollouts, ...paid[at]!.map((rollout) => ({ ...rollout, imitation: weight }))] }));
    },
  };
};
