/**
 * WeThink: questions made from the images themselves, kept where answers agree, and a reward chosen by the form of the question.
 *
 * Source: arXiv 2506.07905, its released data and reviews; the trainer was not released.
 * Defaults: 120,000 questions by a 72 B captioner and a 671 B writer, a third model deciding between them; GRPO n 5 on EasyR1; 0.7 accuracy + 0.3 format, accuracy by rule
 * for choices and blanks and by a judge in tiers for descriptions; straight to rewards, since imitation first lowers it.
 * Departures: label, facts and boxes are the source of the answers and the model only checks, with a third attempt where it wavers; where it never agrees the question is left to readers, unless
 * fewer than 64 are kept.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, maxNewTokens, rewardStage } from './published.ts';

export const weThink = Recipe.parse({
  ...fromLoupeBase,
  name: 'weThink',
  source: 'WeThink (arXiv 2506.07905): synthesized questions, hybrid reward',
  stages: [{
    ...rewardStage, steps: 200, data: { pipeline: 'questionSynthesis', options: { questions: 512, descriptions: 0.2, samples: 2, synergy: 2, temperature: 1, adjudicate: true, least: 64 } },
    policy: { objective: { preset: 'grpo/easyR1' }, rewards: [{ name: 'weThinkHybrid' }], rollouts: 5, maxNewTokens },
  }],
});
