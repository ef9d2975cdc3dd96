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

const asking = (name: string, way: string, direct: number, reward: string): Recipe => Recipe.parse({
  ...fromLoupeBase,
  name,
  source: `Med-R1 (arXiv 2503.13939), ${way}`,
  stages: [{ ...rewardStage, steps: 200, direct, policy: { ...policy, rewards: [{ name: reward }] } }],
});

export const medR1 = asking('medR1', 'thinking before the answer', 0, 'medR1Think');
export const medR1NoThink = asking('medR1NoThink', 'the answer alone', 1, 'medR1NoThink');
