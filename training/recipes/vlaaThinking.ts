/**
 * VLAA-Thinking: does imitation help or hurt before learning by rewards? Three runs on the data of one pipeline.
 *
 * Source: arXiv 2504.11468; no training or reward code was released.
 * Defaults: SFT 190 or 985 updates of 128 with the tower frozen; GRPO G 4, temperature 0.8, 512 completions a step, 49 updates, rate between 5e-7 and its peak
 * with 3 % warm-up, adaptive KL from 1e-3 to the target 5e-4; an answer that cannot be extracted earns nothing.
 * Departures: the model writes and verifies for itself; a question that it gets wrong counts as hard; known reasoning fills up to 128 lessons; nine answer kinds of
 * ours in place of five; free text, which needs a reward model, is not asked.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, imitationStage, maxNewTokens, rewardStage } from './published.ts';

const questions = 256;

/** Lessons that are imitated; the tower is held still. */
const imitation = { ...imitationStage, steps: 40, trained: '^model\\.', data: { pipeline: 'distillation', options: { questions, part: 'imitation', least: 128 } } } as const;

const rewards = {
  ...rewardStage, steps: 100, data: { pipeline: 'distillation', options: { questions, part: 'rewards', least: 64 } },
  policy: {
    objective: { preset: 'grpo', switches: { beta: 1e-3, klController: { target: 5e-4, horizon: 10_000 } } }, rewards: [{ name: 'vlaaMixed' }], rollouts: 4, temperature: 0.8, maxNewTokens,
  },
} as const;

const source = 'VLAA-Thinking (arXiv 2504.11468)';

export const vlaaThinking = Recipe.parse({ ...fromLoupeBase, name: 'vlaaThinking', source: `${source}, imitation, then rewards`, stages: [imitation, rewards] });
export const vlaaThinkingSft = Recipe.parse({ ...fromLoupeBase, name: 'vlaaThinkingSft', source: `${source}, imitation alone`, stages: [imitation] });
export const vlaaThinkingRl = Recipe.parse({ ...fromLoupeBase, name: 'vlaaThinkingRl', source: `${source}, rewards alone`, stages: [rewards] });
