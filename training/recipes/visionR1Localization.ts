/**
 * Vision-R1 for localization: boxes praised by format, recall and precision, under rules that tighten.
 *
 * Source: arXiv 2503.18013 and its released trainer (a copy of R1-V's).
 * Defaults: G 4, KL 0.2 in the paper and 0.04 in the script, lr 1e-6, temperature 1, 512 tokens, one epoch of 49,000 images, 16 a step; the rules
 * change at update 1500, at half of the run for a good model and never for a weak one; no thinking, the answer is JSON.
 * Departures: strict rewards (idle boxes cost, labels count, plain IoU); the rules change when the running means of precision and recall exceed 0.75; the JSON stands in
 * the answer block that the built-in checkpoint writes.
 */
import { Recipe } from '#training/records/recipe.ts';
import { boxQuestions, fromLoupeBase, maxNewTokens, rewardStage } from './published.ts';

export const visionR1Localization = Recipe.parse({
  ...fromLoupeBase,
  name: 'visionR1Localization',
  source: 'Vision-R1 (arXiv 2503.18013): criterion-driven box rewards, progressive rule refinement',
  stages: [{
    ...rewardStage, steps: 200, direct: 1,
    policy: {
      objective: { preset: 'grpo/r1v' }, rewards: [{ name: 'visionR1Localization' }], rollouts: 4, maxNewTokens, questionTypes: boxQuestions,
      curricula: [{ name: 'refinement', options: { by: 'means', window: 100, threshold: 0.75 } }],
    },
  }],
});
