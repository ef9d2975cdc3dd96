/**
 * Perceptual-Initialization: an image encoder learns judgements of likeness before it learns sentences, beside the matched baseline that learns sentences alone.
 *
 * Source: arXiv 2505.14204 and the authors' later release, which keeps the recipe. Defaults: margin 0.05, AdamW 5e-4 with decay 0.1, betas 0.9 and 0.98, gradient norm 3, cosine to 0, everything
 * trainable at the second stage, the text tower never from the first.
 * Departures: a tower of 0.8 million weights at 84 pixels; batches of 64 with equal meanings as joint positives; a temperature that begins at 0.07, not at its bound; minutes in place of epochs.
 * The judgements of the built-in recipe are derived from colours, edges and layout of the run's own images. They are no person's: those come from a folder that the page of odd ones out writes.
 */
import { Recipe } from '#training/records/recipe.ts';

/** A tower a quarter as large as the built-in one, from nothing. The decoder belongs to the form of a configuration and is never built. */
const scratch = {
  model_type: 'qwen2_5_vl', hidden_size: 128, intermediate_size: 128, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1,
  max_position_embeddings: 512, rms_norm_eps: 1e-6, rope_theta: 10000, rope_scaling: { type: 'mrope', mrope_section: [8, 12, 12] }, tie_word_embeddings: true,
  vision_config: {
    depth: 4, hidden_size: 128, num_heads: 4, intermediate_size: 344, out_hidden_size: 128, patch_size: 14, spatial_merge_size: 2, temporal_patch_size: 2,
    window_size: 112, fullatt_block_indexes: [0, 1, 2, 3],
  },
};

export const encoder = { embedding: 128, text: { width: 128, depth: 2, heads: 4, mlpWidth: 256, tokens: 32 } } as const;
const pixels = 84 * 84;
const pairs = { learns: 'pair', steps: 300, pixels, batch: 64, similar: { encoder }, average: 0.99 } as const;
const warmupSteps = 25;
const learningRate = 5e-4;

const recipe = (name: string, source: string, stages: readonly object[]): Recipe => Recipe.parse({
  name,
  source: `Perceptual-Initialization (arXiv 2505.14204), ${source}`,
  seed: 71,
  start: { scratch, vocabulary: 1200 },
  trained: '.',
  stages,
  optimizer: { learningRate, warmupSteps, floor: 0, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.1, clip: 3, average: 0.99 },
  dropBranches: 0,
  localAttention: 3,
  augment: { plain: 0, zoom: 1.3, aspect: 1.15, shift: 0.08, turn: 8, colour: 0.2, erase: 0 },
  setWeights: {},
  answerWeight: 1,
  checkpointEvery: 400,
});

export const perceptualInitialization = recipe('perceptualInitialization', 'judgements, then pairs', [
  { learns: 'judge', steps: 100, pixels, batch: 32, similar: { encoder, judgements: { from: 'looks' } } },
  { ...pairs, restart: { learningRate, warmupSteps } },
]);
export const perceptualBaseline = recipe('perceptualBaseline', 'the matched baseline: the same pairs from random weights', [pairs]);
