/**
 * So-Fake-R1: telling untouched, tampered and synthetic images, and where they were altered.
 *
 * Source: arXiv 2505.18660. Of the release no code, rates, sizes or reward formulas are public; the paper adapts a vision-language model by LoRA, first to imitate, then by GRPO,
 * and turns its box into a mask with a frozen segmenter.
 * Departures: a small network learns beside it to point at altered cells; masks grow on its map; cases are made by `loupe integrity --make` from real images of the same subjects' split.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase, imitationStage, rewardStage } from './published.ts';

/** The network that points at altered cells. */
export const soFakeR1Evidence = Recipe.parse({
  name: 'soFakeR1Evidence',
  source: 'So-Fake-R1 (arXiv 2505.18660): the detector that sweeps first',
  seed: 14,
  start: { folder: 'models/weights/loupe-base' },
  trained: '^integrity\\.',
  stages: [{ learns: 'integrity', steps: 900, pixels: 224 * 224, batch: 12, integrity: { width: 64, blocks: 3, noise: 0.1 } }],
  optimizer: { learningRate: 2e-3, warmupSteps: 40, floor: 0.02, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.02, clip: 1, average: 0.98 },
  dropBranches: 0,
  localAttention: 0,
  augment: { plain: 1, zoom: 1, aspect: 1, shift: 0, turn: 0, colour: 0, erase: 0 },
  setWeights: {},
  answerWeight: 1,
  checkpointEvery: 300,
});

/** An adapter that answers in the grammar over an image with its maps: first by imitation, then by the reward of form, class and place. Cases come from `loupe integrity --make … --evidence`. */
export const soFakeR1 = Recipe.parse({
  ...fromLoupeBase,
  name: 'soFakeR1',
  source: 'So-Fake-R1 (arXiv 2505.18660)',
  seed: 15,
  adapter: { rank: 16, alpha: 32 },
  stages: [
    { ...imitationStage, steps: 140, restart: { learningRate: 1e-3, warmupSteps: 10 } },
    {
      ...rewardStage, steps: 40, restart: { learningRate: 2e-4, warmupSteps: 4 },
      policy: { objective: { preset: 'grpo' }, rewards: [{ name: 'soFakeR1Alteration' }], rollouts: 8, maxNewTokens: 96, reference: 'previousStage' },
    },
  ],
});
