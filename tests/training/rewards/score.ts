/** Scores one row by the name of the reward: what the tests of the published systems share. */
import { findReward, scoreRow } from '#training/rewards/table.ts';
import type { RewardMode, RewardResult } from '#training/rewards/reward.ts';

/** Name, mode, completion and the other fields of the row. */
export function scored(name: string, mode: RewardMode, completion: string, fields: Readonly<Record<string, unknown>> = {}): RewardResult {
  return scoreRow(findReward(name), mode, { completion, ...fields });
}

/** The reward alone. */
export const rewardOf = (name: string, mode: RewardMode, completion: string, fields: Readonly<Record<string, unknown>> = {}): number | null => (
  scored(name, mode, completion, fields).reward
);
