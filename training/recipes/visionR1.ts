/**
 * Vision-R1 for reasoning: a cold start bridged between picture and words, then GRPO under a length that grows.
 *
 * Source: arXiv 2503.06749; data of the cold start from its repository's train.yaml; RL was run with EasyR1.
 * Defaults: cold start 2 epochs on 200,000 traces, lr 5e-6, batch 32. Then stages of 100 updates with caps 4096, 8192 (and 16,384, unused) tokens at 16, 8 (and
 * 4) completions: 65,536 tokens a prompt; clip 0.2, KL 0.01, temperature 1; 1 where form and answer both hold, else 0; no system prompt.
 * Departures: the model bridges for itself instead of a 72 B captioner and a 671 B reasoner, on 256 questions; the guard against descriptions that give the answer
 * away is off, because the built-in checkpoint describes by naming the finding; where fewer than 128 traces survive, known reasoning fills up; 512 tokens a prompt
 * in caps of 32, 64 and 128; the rates suit seven million weights; medical questions in place of mathematics.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, imitationStage, rewardStage } from './published.ts';

export const visionR1 = Recipe.parse({
  ...fromLoupeBase,
  name: 'visionR1',
  source: 'Vision-R1 (arXiv 2503.06749): modality bridging, then progressive thinking suppression',
  stages: [
    { ...imitationStage, steps: 40, data: { pipeline: 'bridging', options: { questions: 256, guard: false, attempts: 2, least: 128 } } },
    {
      ...rewardStage, steps: 150,
      policy: {
        objective: { preset: 'grpo/easyR1', switches: { clipHigh: 0.2 } }, rewards: [{ name: 'visionR1Reasoning' }], rollouts: 16, maxNewTokens: 32,
        curricula: [{ name: 'lengthStaging', options: { budget: 512, firstCap: 32, stages: 3, window: 64 } }],
      },
    },
  ],
});
