/** Rewards that belong to no single system: the verifiers that evaluation uses, one for each kind of gold. Strict mode only. */
import type { Gold } from './gold.ts';
import { goldOf } from './gold.ts';
import type { NamedReward, RewardRow } from './reward.ts';
import { verify } from './verify.ts';

const source = 'Loupe: the verifiers that evaluation uses';

const verified = (row: RewardRow, kind?: Gold['kind']): { reward: number } => ({ reward: verify(row.completion, goldOf(row.target, kind)).score });

export const genericRewards = [
  {
    name: 'accuracy', source, reads: ['target: a Gold of any kind, with its "kind"'],
    summary: 'How well the answer agrees with the gold, by the verifier of its kind, 0 to 1.',
    modes: { strict: (row) => verified(row) },
  },
] as const satisfies readonly NamedReward[];
