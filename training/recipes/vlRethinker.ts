/**
 * VL-Rethinker: replay of samples that teach, then second looks forced on answers during rollouts.
 *
 * Source: arXiv 2504.08837, third version, and its released trainer.
 * Defaults: 8 answers a question, questions with a non-zero pass@8, 512 pairs a batch, memory emptied after 1024 questions; clip 0.2 and 0.35, no KL, rewards minus their
 * mean, mean over tokens, lr 1e-6, temperature 1, top-p 0.95, 2048 tokens; second looks at temperature 0.9, at most two a question, imitation with 0.05.
 * Departures: the replay of the paper, not of the released code; strict reward; an answer in tags is reopened before its reasoning ended.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, maxNewTokens, rewardStage } from './published.ts';

const data = { pipeline: 'passRate', options: { questions: 256, samples: 8, keep: 'any', least: 32 } } as const;
const replay = { name: 'replay', options: { alpha: 1, episode: 64 } } as const;
const policy = {
  objective: { preset: 'bnpo', switches: { scale: 'none', clipHigh: 0.35, beta: 0 } }, reference: 'none', rewards: [{ name: 'vlRethinker' }], rollouts: 8, topP: 0.95, maxNewTokens,
} as const;

export const vlRethinker = Recipe.parse({
  ...fromLoupeBase,
  name: 'vlRethinker',
  source: 'VL-Rethinker (arXiv 2504.08837): selective sample replay, then forced rethinking',
  stages: [
    { ...rewardStage, steps: 100, data, policy: { ...policy, curricula: [replay] } },
    {
      ...rewardStage, steps: 100, data,
      policy: { ...policy, curricula: [replay, { name: 'rethinking', options: { reserve: 64, least: 4, temperature: 0.9, perQuestion: 2, imitation: 0.05 } }] },
    },
  ],
});
