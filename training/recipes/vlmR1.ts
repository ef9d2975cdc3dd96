/**
 * VLM-R1: referring boxes by IoU, and detection by average precision with and without a factor for the length of the list.
 *
 * Source: arXiv 2504.07615 and its repository at 90052f4.
 * Defaults: G 8, clip 0.2, one pass, lr 1e-6 (adapters 1e-5), 2048 tokens, KL 0.04 for referring boxes and 0 for detection, temperature 1 in the code.
 * Departures: strict rewards; the JSON needs no code fence. `vlmR1OvdAp` is the ablation: average precision alone, under which every further box is free;
 * `loupe compare` shows the boxes for each image over time of both runs.
 */
import { Recipe } from '#training/records/recipe.ts';
import { boxQuestions, fromLoupeBase, maxNewTokens, rewardStage } from './published.ts';

const policy = { rollouts: 8, maxNewTokens, objective: { preset: 'grpo/vlmR1' } } as const;

const single = ['localization_lesion', 'localization_lungs', 'localization_organ'];

export const vlmR1Rec = Recipe.parse({
  ...fromLoupeBase,
  name: 'vlmR1Rec',
  source: 'VLM-R1 (arXiv 2504.07615), referring expressions',
  stages: [{
    ...rewardStage, steps: 200, data: { pipeline: 'questionSets', options: { questionTypes: single, questions: 512, boxes: 1 } },
    policy: { ...policy, questionTypes: single, rewards: [{ name: 'vlmR1Iou' }, { name: 'vlmR1BoxFormat' }] },
  }],
});

/** Nothing pulls towards the reference. */
const detection = (name: string, way: string, options: Readonly<Record<string, unknown>>): Recipe => Recipe.parse({
  ...fromLoupeBase,
  name,
  source: `VLM-R1 (arXiv 2504.07615), ${way}`,
  stages: [{
    ...rewardStage, steps: 200,
    policy: { ...policy, questionTypes: boxQuestions, reference: 'none', objective: { preset: 'grpo/vlmR1', switches: { beta: 0 } }, rewards: [{ name: 'vlmR1OdLength', options }, { name: 'vlmR1Format' }] },
  }],
});

export const vlmR1Ovd = detection('vlmR1Ovd', 'open-vocabulary detection under odLength', {});
export const vlmR1OvdAp = detection('vlmR1OvdAp', 'the ablation: detection under average precision alone', { lengthFactor: false });
