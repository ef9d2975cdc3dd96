/**
 * OpenVLThinker: rounds of light imitation and learning by rewards; each round restarts from the base with the best reasoning of the one before.
 *
 * Source: arXiv 2503.17352 and its repository at 6997b47 (forks of LLaMA-Factory and EasyR1).
 * Defaults: three rounds; SFT lr 5e-6, one epoch, tower and connector frozen; GRPO n 5, temperature 1, top-p 0.99, clip 0.2 and 0.3, dual clip 3, k3 with 1e-2, lr 1e-6,
 * 3,000 questions of middle difficulty with the tower frozen, then 6,000 hard ones with it trained; reasoning of four samples, the right ones, one of them.
 * Departures: the first round's reasoning is the base's own (no text-only reasoner is at hand); tiers by error alone where nobody has rated; strict reward,
 * without the penalty for answering right after the reasoning; known reasoning fills up to 96 lessons, other questions a tier of fewer than 32.
 * The checkpoint that ends a round stays (steps 105, 210, 315): `loupe evaluate` asks each, `loupe compare --rounds` says which round was worth it.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, imitationStage, maxNewTokens, rewardStage } from './published.ts';

const policy = { objective: { preset: 'grpo/openVlThinker' }, rewards: [{ name: 'openVlThinkerR1v' }], rollouts: 5, topP: 0.99, maxNewTokens } as const;

const [imitated, medium, hard] = [25, 40, 40] as const;

const rounds = ([['shortest', true], ['secondLongest', false], ['secondLongest', false]] as const).flatMap(([select, trim]) => [
  {
    ...imitationStage, from: 'start' as const, steps: imitated, trained: '^model\\.',
    data: { pipeline: 'selfReasoning', options: { questions: 192, samples: 4, temperature: 0.6, select, trim, least: 96 } },
  },
  { ...rewardStage, steps: medium, trained: '^(?!visual\\.(?!merger))', data: { pipeline: 'tiered', options: { questions: 192, samples: 4, tier: 'medium', least: 32 } }, policy },
  { ...rewardStage, steps: hard, data: { pipeline: 'tiered', options: { questions: 192, samples: 4, tier: 'hard', least: 32 } }, policy },
]);

export const openVlThinker = Recipe.parse({
  ...fromLoupeBase,
  name: 'openVlThinker',
  source: 'OpenVLThinker (arXiv 2503.17352): rounds of imitation and rewards, each from the base',
  stages: rounds,
  checkpointEvery: 35,
  keep: { every: imitated + medium + hard },
});
