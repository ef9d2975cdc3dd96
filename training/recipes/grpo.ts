/**
 * Plain GRPO from the built-in checkpoint: what it can already do, it does more reliably, praised by the verifiers that also measure it.
 *
 * Source: Shao et al. 2024 (GRPO), with the switches of `training/objectives` named `grpo`: mean over sequences, k3 pull of 0.01 to the start.
 * Departures: completions that met the limit are not learnt; the images are shown as they are stored.
 */
import { Recipe } from '#training/records/recipe.ts';

const common = {
  source: 'GRPO (arXiv 2402.03300) on verified answers',
  seed: 31,
  start: { folder: 'models/weights/loupe-base' },
  dropBranches: 0,
  localAttention: 0,
  augment: { plain: 1, zoom: 1, aspect: 1, shift: 0, turn: 0, colour: 0, erase: 0 },
  setWeights: {},
  answerWeight: 1,
  checkpointEvery: 50,
} as const;

const stage = {
  learns: 'policy', steps: 400, pixels: 168 * 168, batch: 4, accumulate: 4,
  policy: { objective: { preset: 'grpo' }, rewards: [{ name: 'accuracy' }], rollouts: 8, maxNewTokens: 160 },
} as const;

/** Every weight is trained. */
export const grpo = Recipe.parse({
  ...common, name: 'grpo', trained: '.', stages: [stage],
  optimizer: { learningRate: 1e-5, warmupSteps: 10, floor: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clip: 1, average: 0.9 },
});

/** An adapter of rank 16 on the decoder's linear layers is trained; the reference is the base without it. */
export const grpoLora = Recipe.parse({
  ...common, name: 'grpoLora', trained: '^model\\.layers\\.\\d+\\.(self_attn|mlp)\\.', adapter: { rank: 16, alpha: 32 }, stages: [stage],
  optimizer: { learningRate: 2e-4, warmupSteps: 10, floor: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clip: 1, average: 0.9 },
});
