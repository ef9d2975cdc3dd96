/**
 * DINO-R1: a localizer that finds more of what example boxes show, with and without group relative query optimization.
 *
 * Source: arXiv 2505.24025 and its release. Defaults: α 0.01, β 0.04, the third of the queries with the lowest objectness muted, the reference renewed each epoch, AdamW 4e-4 with decay 1e-4,
 * gradient norm 0.1.
 * Departures: `models/networks/localizer.ts` and, beside matching, patches in the middle of a thing learn to tell it; no text, no denoising; a cosine in place of steps.
 */
import { Recipe } from '#training/records/recipe.ts';

const locate = {
  localizer: { features: [0, 2, 4, 6], width: 128, heads: 4, mlpWidth: 256, encoderLayers: 1, decoderLayers: 2, queries: 96 },
  views: 4, examples: 3, dense: 1,
} as const;

const recipe = (name: string, source: string, grqo: object): Recipe => Recipe.parse({
  name,
  source: `DINO-R1 (arXiv 2505.24025), ${source}`,
  seed: 61,
  start: { folder: 'models/weights/loupe-base' },
  trained: '^localizer\\.',
  stages: [{ learns: 'locate', steps: 1800, pixels: 224 * 224, batch: 8, locate: { ...locate, ...grqo } }],
  optimizer: { learningRate: 4e-4, warmupSteps: 50, floor: 0.02, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 1e-4, clip: 0.1, average: 0.99 },
  dropBranches: 0,
  localAttention: 0,
  augment: { plain: 0, zoom: 1.3, aspect: 1.15, shift: 0.08, turn: 0, colour: 0.15, erase: 0 },
  setWeights: {},
  answerWeight: 1,
  checkpointEvery: 480,
});

export const dinoR1 = recipe('dinoR1', 'matched targets and GRQO', { grqo: { alpha: 0.01, beta: 0.04, muted: 1 / 3 } });
export const dinoR1Supervised = recipe('dinoR1Supervised', 'the ablation: matched targets alone', {});
