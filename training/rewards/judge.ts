/** What a judge or a reward model said of a completion, as fields of the row: the loop asks the model, a reward only reads. */
import { isDict } from './python.ts';
import { rowFault, type RewardRow } from './reward.ts';

/** The tiers that a judge may give. WeThink's own are not public. */
export const judgeTiers: readonly number[] = [0, 0.25, 0.5, 0.75, 1];

/** `judge` as one number from 0 to 1, or as a judge prints it, 1.0 or 0.0; null where no judge was at hand. */
export function judgeScore({ judge }: RewardRow): number | null {
  if (judge === undefined || judge === null) return null;
  const said = judge === '1.0' ? 1 : judge === '0.0' ? 0 : judge;
  if (typeof said === 'number' && said >= 0 && said <= 1) return said;
  throw rowFault('Its judge is no number from 0 to 1.', 'Give "judge" as a number, or leave it out where no judge was at hand.');
}

/** `judge` as one of the tiers; null where no judge was at hand. */
export function judgeTier(row: RewardRow): number | null {
  const score = judgeScore(row);
  if (score === null || judgeTiers.includes(score)) return score;
  throw rowFault(`Its judge gave ${score}, which is no tier.`, `Give "judge" as one of ${judgeTiers.join(', ')}.`);
}

export interface Preference {
  /** S(ŷ) of the answer, and S(y) of the reference answer, under the same reward model. */
  readonly answer: number;
  readonly reference: number;
}

/** `judge` as two scores of a reward model; null where none was at hand. */
export function judgePreference({ judge }: RewardRow): Preference | null {
  if (judge === undefined || judge === null) return null;
  if (isDict(judge) && typeof judge.answer === 'number' && typeof judge.reference === 'number') return { answer: judge.answer, reference: judge.reference };
  throw rowFault('Its judge holds no two scores.', 'Give "judge": {"answer": NUMBER, "reference": NUMBER}, or leave it out where no reward model was at hand.');
}
