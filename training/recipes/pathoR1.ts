/**
 * Patho-R1: captions, then reasoning, then rewards for choices, on blood smears and tissue sections.
 *
 * Source: arXiv 2505.11404 and reports about it; neither training nor reward code was released.
 * Defaults: 3.5 million figures with captions, 500,000 reasoned samples, 10,000 choices under GRPO (1 where form and answer hold) or DAPO (1 or −1, short enough too);
 * rates and sizes are not public.
 * Departures: captions from labels, facts and boxes; reasoning known from the same; options are asked as letters, or as a list of names where there are too few letters.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, imitationStage, maxNewTokens, rewardStage } from './published.ts';

const sets = ['micro_blood_pbc', 'micro_bccd_boxes', 'micro_lung_lc25000'];

const begins = [
  { ...imitationStage, steps: 30, data: { pipeline: 'captions', options: { sets } } },
  { ...imitationStage, steps: 60, data: { pipeline: 'questionSets', options: { sets, questions: 1024 } } },
] as const;

const choices = { ...rewardStage, steps: 120, data: { pipeline: 'questionSets', options: { sets, questions: 512, form: 'choice' } } } as const;

export const pathoR1 = Recipe.parse({
  ...fromLoupeBase,
  name: 'pathoR1',
  source: 'Patho-R1 (arXiv 2505.11404), GRPO',
  stages: [...begins, { ...choices, policy: { objective: { preset: 'grpo' }, rewards: [{ name: 'pathoR1Grpo' }], rollouts: 8, maxNewTokens } }],
});

export const pathoR1Dapo = Recipe.parse({
  ...fromLoupeBase,
  name: 'pathoR1Dapo',
  source: 'Patho-R1 (arXiv 2505.11404), DAPO',
  stages: [...begins, {
    ...choices, policy: { objective: { preset: 'dapo' }, rewards: [{ name: 'pathoR1Dapo', options: { buffer: 32 } }], rollouts: 8, maxNewTokens, reference: 'none' },
  }],
});
