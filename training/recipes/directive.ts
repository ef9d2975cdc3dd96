/**
 * A reader's sentence becomes a directive: imitation of the form, then rewards for the slots.
 *
 * Source: CognitiveDrone-R1 (arXiv 2503.01378), whose slow model rewrites instructions for a fast one; it is prompted there and not trained.
 * Defaults: none published for training. Departures: a directive in a closed vocabulary in place of a sentence; GRPO on the project's reward `directive`; sentences and truths
 * are made by `training/synthesis/directives.ts`; an adapter on the decoder, so that the base goes on answering questions as before.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, imitationStage, rewardStage } from './published.ts';

const adapted = { trained: '^model\\.layers\\.\\d+\\.(self_attn|mlp)\\.', adapter: { rank: 32, alpha: 64 } } as const;
const learnsForm = { ...imitationStage, batch: 8, turns: 4, tokens: 640, targets: 400, steps: 260, restart: { learningRate: 3e-3, warmupSteps: 20 }, data: { pipeline: 'directives', options: { questions: 16_000 } } } as const;
const learnsSlots = {
  ...rewardStage, steps: 40, restart: { learningRate: 3e-4, warmupSteps: 5 }, data: { pipeline: 'directives', options: { questions: 2048 } },
  policy: { objective: { preset: 'grpo' }, rewards: [{ name: 'directive' }], rollouts: 8, temperature: 0.5, maxNewTokens: 112, reference: 'previousStage' },
} as const;

const recipe = (name: string, source: string, stages: readonly object[]): Recipe => Recipe.parse({ ...fromLoupeBase, ...adapted, name, source: `CognitiveDrone-R1 (arXiv 2503.01378), ${source}`, seed: 71, stages });

export const directive = recipe('directive', 'imitation, then rewards', [learnsForm, learnsSlots]);
export const directiveSupervised = recipe('directiveSupervised', 'the ablation: imitation alone', [learnsForm]);
