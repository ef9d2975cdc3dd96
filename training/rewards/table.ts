/** The one table of named rewards, one array for each family. */
import { Fault } from '#models/base/fault.ts';
import { clinicalRewards } from './clinical.ts';
import { closest } from './closest.ts';
import { directiveRewards } from './directive.ts';
import { easyR1Rewards } from './easyR1.ts';
import { genericRewards } from './generic.ts';
import { guiR1Rewards } from './guiR1.ts';
import { mathRewards } from './mathExpression.ts';
import { medR1Rewards } from './medR1.ts';
import { mobileR1Rewards } from './mobileR1.ts';
import { openVlThinkerRewards } from './openVlThinker.ts';
import { pathoR1Rewards } from './pathoR1.ts';
import { longestText, rowFault, type NamedReward, type RewardMode, type RewardResult, type RewardRow } from './reward.ts';
import { skyworkRewards } from './skyworkR1V3.ts';
import { soFakeR1Rewards } from './soFakeR1.ts';
import { trlRewards } from './trl.ts';
import { visionR1Rewards } from './visionR1.ts';
import { visionR1LocalizationRewards } from './visionR1Localization.ts';
import { vlaaRewards } from './vlaaThinking.ts';
import { vlmR1Rewards } from './vlmR1.ts';
import { vlmR1LengthRewards } from './vlmR1Length.ts';
import { vlRethinkerRewards } from './vlRethinker.ts';
import { weThinkRewards } from './weThink.ts';

const table = [
  ...genericRewards,
  ...vlmR1Rewards,
  ...vlmR1LengthRewards,
  ...clinicalRewards,
  ...medR1Rewards,
  ...visionR1Rewards,
  ...visionR1LocalizationRewards,
  ...mathRewards,
  ...trlRewards,
  ...easyR1Rewards,
  ...openVlThinkerRewards,
  ...vlaaRewards,
  ...pathoR1Rewards,
  ...weThinkRewards,
  ...skyworkRewards,
  ...vlRethinkerRewards,
  ...soFakeR1Rewards,
  ...directiveRewards,
  ...guiR1Rewards,
  ...mobileR1Rewards,
] as const;

/** A reward of the table, for recipes: a misspelt name does not compile. */
export type RewardName = (typeof table)[number]['name'];

export const rewards: readonly NamedReward[] = table;

const byName: ReadonlyMap<string, NamedReward> = new Map(rewards.map((reward) => [reward.name, reward]));

/** The reward of that name; Fault `reward.name` where there is none. */
export function findReward(name: string): NamedReward {
  const found = byName.get(name);
  if (found) return found;
  throw new Fault({
    code: 'reward.name', what: `There is no reward '${name.slice(0, 80)}'.`, why: `The nearest name is ${closest(name, [...byName.keys()])}.`,
    mend: '`loupe reward --list` shows all of them.',
  });
}

/**
 * Scores one row. Faults: `reward.mode` where the reward lacks the mode, `reward.row` where the row cannot be scored,
 * `reward.throws` where the released code throws (published mode only).
 */
export function scoreRow(reward: NamedReward, mode: RewardMode, row: RewardRow): RewardResult {
  const score = reward.modes[mode];
  if (!score) throw new Fault({
    code: 'reward.mode', what: `The reward ${reward.name} has no ${mode} mode.`,
    why: mode === 'published' ? 'There is no released code that it could equal.' : 'It is kept for comparison only.',
    mend: `Use ${Object.keys(reward.modes).join(' or ')}.`,
  });
  if (typeof row.completion !== 'string') throw rowFault('It has no completion.', 'Give "completion" as text.');
  if (row.completion.length > longestText) throw rowFault(
    `The completion has ${row.completion.length} characters.`, `Give at most ${longestText}.`,
  );
  return score(row);
}
