/**
 * Med-R1: GRPO on medical questions, thinking aloud or answering at once; one specialist for each modality or family of questions shows what carries over.
 *
 * Source: arXiv 2503.13939 and its released trainer (a copy of R1-V's).
 * Defaults: G 4, KL 0.04, lr 1e-6, temperature 1, 256 tokens, images of 384 x 384, one or two epochs; accuracy + format, each 0 or 1.
 * Departures: every kind of checkable answer, not letters alone; splits by patient. A specialist is a copy of the recipe whose curriculum `specialist` names
 * `modalities` or `families`; `loupe compare` prints the tables of train by test from the records of `loupe evaluate`.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, maxNewTokens, rewardStage } from './published.ts';

const policy = { objective: { preset: 'grpo/r1v' }, rollouts: 4, maxNewTokens, curricula: [{ name: 'specialist', options: {} }] } as const;

export const medR1 = Recipe.parse({
  ...fromLoupeBase,
  name: 'medR1',
  source: 'Med-R1 (arXiv 2503.13939), thinking before the answer',
  stages: [{ ...rewardStage, steps: 200, direct: 0, policy: { ...policy, rewards: [{ name: 'medR1Think' }] } }],
});

export const medR1NoThink = Recipe.parse({
  ...fromLoupeBase,
  name: 'medR1NoThink',
  source: 'Med-R1 (arXiv 2503.13939), the answer alone',
  stages: [{ ...rewardStage, steps: 200, direct: 1, policy: { ...policy, rewards: [{ name: 'medR1NoThink' }] } }],
});
