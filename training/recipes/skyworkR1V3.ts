/**
 * Skywork-R1V3: a cold start that makes doubt reachable, rewards alone after that, and at last the connector by itself.
 *
 * Source: arXiv 2507.06167, third version.
 * Defaults: 12,000 traces that end right; GRPO with 32 samples a prompt, clip 0.2, no KL, lr 1e-5 (1e-6 is safe), every module trained, mean over a sequence first;
 * 0.8 accuracy + 0.2 format; then the connector on 10,000 mixed questions, 2 epochs, batch 64, lr 1e-5, cosine with 3 % warm-up.
 * Departures: the traces are two attempts of the model joined by a doubt; 8 samples a prompt. `loupe compare --entropy` reads the entropy at the words of doubt
 * from the kept checkpoints, all of them, and says which one it speaks for, beside the one that validation chooses.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, imitationStage, maxNewTokens, rewardStage } from './published.ts';

export const skyworkR1V3 = Recipe.parse({
  ...fromLoupeBase,
  name: 'skyworkR1V3',
  source: 'Skywork-R1V3 (arXiv 2507.06167): cold start, rewards, connector alone',
  keep: { every: fromLoupeBase.checkpointEvery },
  stages: [
    { ...imitationStage, steps: 40, data: { pipeline: 'secondThoughts', options: { questions: 256, samples: 4, least: 64 } } },
    {
      ...rewardStage, steps: 150,
      policy: { objective: { preset: 'grpo', switches: { beta: 0 } }, reference: 'none', rewards: [{ name: 'skyworkR1V3' }], rollouts: 8, maxNewTokens },
    },
    { ...imitationStage, steps: 30, trained: '^visual\\.merger\\.', direct: 0.3, data: { pipeline: 'questionSets', options: { questions: 512 } } },
  ],
});
