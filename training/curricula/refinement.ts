/**
 * Progressive rule refinement (Vision-R1 for localization, arXiv 2503.18013): the thresholds of the box reward first stretch what a beginner achieves
 * and later ask for more. The thresholds are the reward's own; here is decided when they change.
 *
 * Published: the rules change at update 1500, in the paper at a share of the run (a half for a model that is already good, never for a weak one).
 * Departure: they change when the running means of precision and recall, over the last hundred questions, both exceed 0.75, and never otherwise.
 */
import type { Curriculum, CurriculumMaker, StepPlan } from '#training/records/curriculum.ts';
import { switchStep } from '#training/rewards/visionR1Localization.ts';
import { choiceOption, knownOptions, numberOption } from './options.ts';

export type Phase = 'beginner' | 'advanced';

/** The released code's rule: by the update, counted from 0. */
export const phaseAt = (step: number, switchAt = switchStep): Phase => (step < switchAt ? 'beginner' : 'advanced');

/** What the controller remembers. */
export interface PhaseState {
  readonly phase: Phase;
  /** Of the last questions, oldest first. */
  readonly recent: readonly { readonly precision: number; readonly recall: number }[];
  /** The update at which the rules changed; null while they have not. */
  readonly changedAt: number | null;
}

export const firstPhase: PhaseState = { phase: 'beginner', recent: [], changedAt: null };

/** The controller after a step's questions. Once advanced it stays so. */
export function nextPhase(
  state: PhaseState, seen: PhaseState['recent'], step: number, { window = 100, threshold = 0.75 }: { window?: number; threshold?: number } = {},
): PhaseState {
  const recent = [...state.recent, ...seen].slice(-window);
  if (state.phase === 'advanced' || recent.length < window) return { ...state, recent };
  const mean = (pick: (score: PhaseState['recent'][number]) => number): number => recent.reduce((total, score) => total + pick(score), 0) / recent.length;
  const isGood = mean(({ precision }) => precision) > threshold && mean(({ recall }) => recall) > threshold;
  return isGood ? { phase: 'advanced', recent, changedAt: step } : { ...state, recent };
}

/**
 * The curriculum. Options: `reward` (whose rules are refined), `by` (`means`, or `share` of the stage), `window`, `threshold`, `share`.
 * The reward's rows are told the phase and, for the released rule, an update on that side of its switch.
 */
export const refinement: CurriculumMaker = (options): Curriculum => {
  const owner = 'the curriculum refinement';
  knownOptions(owner, options, ['reward', 'by', 'window', 'threshold', 'share']);
  const reward = typeof options['reward'] === 'string' ? options['reward'] : 'visionR1Localization';
  const by = choiceOption(owner, options, 'by', ['means', 'share'], 'means');
  const window = numberOption(owner, options, 'window', 100, { least: 1, most: 100_000, whole: true });
  const threshold = numberOption(owner, options, 'threshold', 0.75, { least: 0, most: 1 });
  const share = numberOption(owner, options, 'share', 0.5, { least: 0, most: 1 });
  let state = firstPhase;
  const told = (plan: StepPlan, phase: Phase): StepPlan => ({
    ...plan, rewards: plan.rewards.map((use) => (use.name === reward ? { ...use, options: { ...use.options, ...phaseFields(phase) } } : use)),
  });
  return {
    plan: (plan, { step, steps }) => told(plan, by === 'share' ? phaseAt(step, Math.ceil(share * steps)) : state.phase),
    select(groups, { place }) {
      const seen = groups.map(({ rollouts }) => {
        const mean = (part: string): number => rollouts.reduce((total, { parts }) => total + (parts[`${reward}.${part}`] ?? 0), 0) / Math.max(1, rollouts.length);
        return { precision: mean('precision'), recall: mean('recall') };
      });
      state = nextPhase(state, seen, place.step, { window, threshold });
      return groups;
    },
    save: () => state,
    restore(saved) {
      state = saved as PhaseState;
    },
  };
};

/** How a row is told its phase: by name for the strict reward, by an update on that side of the switch for the published one. */
const phaseFields = (phase: Phase): Readonly<Record<string, unknown>> => ({ phase, step: phase === 'beginner' ? 0 : switchStep });
