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

/**
 * `judge` as two scores of a reward model; null where none was at hand. A judge who says only whether the answer agrees stands for a margin of 1 or
 * of none:
 * his verdict against a reference of 0.
 */
export function judgePreference(row: RewardRow): Preference | null {
  const { judge } = row;
  if (typeof judge === 'number' || typeof judge === 'string') return { answer: judgeScore(row) ?? 0, reference: 0 };
  if (judge === undefined || judge === null) return null;
  const { answer, reference } = isDict(judge) ? judge : {};
  if (typeof answer === 'number' && typeof reference === 'number') return { answer, reference };
  throw rowFault('Its judge holds no two scores.', 'Give "judge": {"answer": NUMBER, "reference": NUMBER}, or leave it out.');
}
