/**
 * From the rewards of a group of completions to their advantages.
 *
 *   A_i = (r_i − mean) / (deviation + ε)      GRPO; the sample deviation of the group, or of the batch
 *   A_i =  r_i − mean                         Dr. GRPO
 *   A_i =  r_i − mean of the others           RLOO
 */
import { Fault } from '#models/base/fault.ts';
import type { ObjectiveSwitches } from './switches.ts';

export type AdvantageSwitches = Pick<ObjectiveSwitches, 'combine' | 'baseline' | 'scale' | 'advantageEpsilon' | 'singleton'>;

/** What each reward function gave to one completion; null where it does not apply. */
export type RewardRow = readonly (number | null)[];

export interface Judged {
  /** The weighted sum of what applied; null where nothing did. */
  readonly rewards: readonly (number | null)[];
  /** 0 where nothing applied. */
  readonly advantages: readonly number[];
}

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** Sample deviation, divisor n − 1; 0 for fewer than two numbers, and exactly 0 for equal ones. */
export function sampleDeviation(numbers: readonly number[]): number {
  if (numbers.length < 2 || numbers.every((x) => x === numbers[0])) return 0;
  const middle = mean(numbers);
  return Math.sqrt(numbers.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (numbers.length - 1));
}

const present = (numbers: readonly (number | null)[]): number[] => numbers.filter((x): x is number => x !== null);

/** The weighted sum of the rewards that applied to a completion; null where none did. */
export const weightedReward = (row: RewardRow, weights: readonly number[]): number | null =>
  row.every((reward) => reward === null) ? null : row.reduce<number>((sum, reward, k) => sum + weights[k]! * (reward ?? 0), 0);

/**
 * Advantages of all groups of a batch.
 *
 * @param groups   for each prompt its completions, for each of these what every reward function gave
 * @param weights  of the reward functions
 * @throws Fault `objective.group` for a group in which at most one completion has a reward, where `singleton` refuses it
 */
export function judge(groups: readonly (readonly RewardRow[])[], weights: readonly number[], switches: AdvantageSwitches): readonly Judged[] {
  for (const row of groups.flat()) if (row.length !== weights.length) throw new RangeError(`judge: ${row.length} rewards and ${weights.length} weights`);
  const totals = groups.map((group) => group.map((row) => weightedReward(row, weights)));
  if (switches.combine === 'normalizeThenSum') return normalizedFirst(groups, totals, weights, switches);
  const spread = switches.scale === 'batch' ? sampleDeviation(present(totals.flat())) : null;
  return totals.map((rewards) => ({ rewards, advantages: groupAdvantages(rewards, switches, spread) }));
}

/** Advantages within one group. `batchSpread` replaces the group's own deviation. */
export function groupAdvantages(rewards: readonly (number | null)[], { baseline, scale, advantageEpsilon, singleton }: AdvantageSwitches, batchSpread: number | null = null): number[] {
  const scored = present(rewards);
  if (scored.length < 2) {
    if (singleton === 'refuse') {
      throw new Fault({
        code: 'objective.group', what: `A group of ${rewards.length} completions has ${scored.length} with a reward.`,
        why: 'An advantage compares a completion with others of the same prompt.', mend: 'Sample at least two completions for each prompt, or choose an objective that lets single ones pass.',
      });
    }
    const scaleOf = scale === 'group' && baseline === 'group' ? 1 + advantageEpsilon : 1;
    return rewards.map((reward) => (reward === null || singleton === 'zero' ? 0 : reward / scaleOf));
  }
  // Equal rewards say nothing; without this their mean's rounding would.
  if (scored.every((reward) => reward === scored[0])) return rewards.map(() => 0);
  const middle = mean(scored);
  const divisor = scale === 'none' ? 1 : (scale === 'batch' ? batchSpread ?? sampleDeviation(scored) : sampleDeviation(scored)) + advantageEpsilon;
  // r − (Σ − r)/(n − 1) = (r − mean) · n/(n − 1)
  const factor = baseline === 'leaveOneOut' ? scored.length / (scored.length - 1) : 1;
  return rewards.map((reward) => (reward === null ? 0 : ((reward - middle) * factor) / divisor));
}

/** GDPO: each reward function is normalised within its group, their weighted sum over the batch. */
function normalizedFirst(groups: readonly (readonly RewardRow[])[], totals: readonly (readonly (number | null)[])[], weights: readonly number[], switches: AdvantageSwitches): readonly Judged[] {
  const within: AdvantageSwitches = { ...switches, baseline: 'group', scale: 'group', singleton: 'zero' };
  const sums = groups.map((group) => {
    const columns = weights.map((_, k) => groupAdvantages(group.map((row) => row[k]!), within));
    return group.map((row, i) => weightedReward(row.map((reward, k) => (reward === null ? null : columns[k]![i]!)), weights));
  });
  const scored = present(sums.flat());
  const [middle, spread] = [scored.length > 0 ? mean(scored) : 0, sampleDeviation(scored)];
  return sums.map((group, g) => ({
    rewards: totals[g]!, advantages: group.map((sum) => (sum === null || spread === 0 ? 0 : (sum - middle) / (spread + switches.advantageEpsilon))),
  }));
}
