/**
 * Progressive Thinking Suppression Training (Vision-R1, arXiv 2503.06749, section 3.4): short answers first, longer ones later, at one cost for each prompt.
 *
 * In stage s a completion may have at most L_s tokens and a prompt gets G_s completions, with L_s · G_s the same in every stage. What the cap cuts
 * off has no closing answer tag and earns nothing: that is the whole suppression.
 */
import type { Curriculum, CurriculumMaker } from '#training/records/curriculum.ts';
import { knownOptions, numberOption } from './options.ts';

/** One stage of the schedule. */
export interface LengthStage {
  /** L: the most tokens of one completion. */
  readonly cap: number;
  /** G: completions for each prompt. */
  readonly group: number;
}

/**
 * The stages at a budget of tokens for each prompt; the cap grows by `growth` from one to the next. Published: 65,536 tokens, caps 4096, 8192, 16,384.
 *
 * @throws RangeError where a stage would not have a whole number of completions, or fewer than two: a group of one has nothing to be compared with
 */
export function lengthStages({ budget, firstCap, stages = 3, growth = 2 }: { budget: number; firstCap: number; stages?: number; growth?: number }): LengthStage[] {
  return Array.from({ length: stages }, (_, at) => {
    const cap = firstCap * growth ** at;
    const group = budget / cap;
    if (!Number.isInteger(cap) || !Number.isInteger(group) || group < 2) {
      throw new RangeError(`lengthStages: ${budget} tokens for each prompt give ${group} completions of ${cap} tokens; a group is a whole number from 2`);
    }
    return { cap, group };
  });
}

/** What a stage has shown so far. */
export interface StageProgress {
  readonly steps: number;
  /** Share of the recent groups whose rewards were all equal. */
  readonly deadGroups: number;
  /** Share of the recent completions that the cap cut off. */
  readonly truncated: number;
}

/** A stage is over after its steps, or as soon as both rates are low: the policy has learnt to finish within the cap and still disagrees with itself. */
export const isStageOver = ({ steps, deadGroups, truncated }: StageProgress, { limit, rate = 0.2 }: { limit: number; rate?: number }): boolean =>
  steps >= limit || (steps > 0 && deadGroups < rate && truncated < rate);

/** One bin of the over-thinking meter: completions of more than the edge before and at most `upTo` tokens. */
export interface LengthBin {
  readonly upTo: number;
  readonly share: number;
  /** null in an empty bin. */
  readonly accuracy: number | null;
}

/** Accuracy by length of the completion. What is longer than the last edge counts in an open bin. */
export function accuracyByLength(attempts: readonly { readonly tokens: number; readonly isCorrect: boolean }[], edges: readonly number[]): LengthBin[] {
  return [...edges, Infinity].map((upTo, at) => {
    const inside = attempts.filter(({ tokens }) => tokens <= upTo && tokens > (edges[at - 1] ?? -1));
    return {
      upTo, share: attempts.length > 0 ? inside.length / attempts.length : 0,
      accuracy: inside.length > 0 ? inside.filter(({ isCorrect }) => isCorrect).length / inside.length : null,
    };
  });
}

/** The first cap that the meter suggests: the upper edge of the last bin whose accuracy is within ten points of the best one's; null where nothing was measured. */
export function suggestedCap(bins: readonly LengthBin[], within = 0.1): number | null {
  const best = Math.max(...bins.map(({ accuracy }) => accuracy ?? -1));
  if (best < 0) return null;
  return bins.findLast(({ accuracy, upTo }) => accuracy !== null && accuracy >= best - within && Number.isFinite(upTo))?.upTo ?? null;
}

/**
 * The curriculum within one policy stage. Options: `budget`, `firstCap`, `stages`, `growth`, `steps` (at most so many updates in a stage; by default the
 * policy stage in equal parts) and `window` (groups over which the two rates are taken; 0 goes by the updates alone).
 */
export const lengthStaging: CurriculumMaker = (options, context): Curriculum => {
  const owner = 'the curriculum lengthStaging';
  knownOptions(owner, options, ['budget', 'firstCap', 'stages', 'growth', 'steps', 'window']);
  const whole = { least: 1, most: 1_000_000, whole: true };
  const count = numberOption(owner, options, 'stages', 3, { ...whole, most: 16 });
  const stages = lengthStages({
    budget: numberOption(owner, options, 'budget', 4096, whole), firstCap: numberOption(owner, options, 'firstCap', 256, whole), stages: count,
    growth: numberOption(owner, options, 'growth', 2, { least: 1, most: 16 }),
  });
  const limit = numberOption(owner, options, 'steps', Math.max(1, Math.ceil(context.steps / count)), whole);
  const window = numberOption(owner, options, 'window', 0, { least: 0, most: 100_000, whole: true });
  let state: StagingState = { stage: 0, steps: 0, recent: [] };
  return {
    plan: (plan) => ({ ...plan, rollouts: stages[state.stage]!.group, maxNewTokens: stages[state.stage]!.cap }),
    select(groups) {
      const seen = groups.map(({ rollouts }) => ({
        dead: rollouts.every(({ reward }) => reward === rollouts[0]?.reward),
        truncated: rollouts.filter(({ completion }) => !completion.finished).length / Math.max(1, rollouts.length),
      }));
      const recent = [...state.recent, ...seen].slice(-Math.max(window, 1));
      const rate = (pick: (group: StagingState['recent'][number]) => number): number => recent.reduce((total, group) => total + pick(group), 0) / recent.length;
      const rates = window > 0 && recent.length === window ? { deadGroups: rate(({ dead }) => Number(dead)), truncated: rate(({ truncated }) => truncated) } : { deadGroups: 1, truncated: 1 };
      const steps = state.steps + 1;
      const isOver = state.stage < stages.length - 1 && isStageOver({ steps, ...rates }, { limit });
      state = isOver ? { stage: state.stage + 1, steps: 0, recent: [] } : { ...state, steps, recent };
      return groups;
    },
    save: () => state,
    restore(saved) {
      state = saved as StagingState;
    },
  };
};

interface StagingState {
  readonly stage: number;
  readonly steps: number;
  readonly recent: readonly { readonly dead: boolean; readonly truncated: number }[];
}
