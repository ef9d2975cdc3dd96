/** A data set of drawn pictures and a recipe that trains on it in seconds. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { Random } from '#models/base/random.ts';
import { encodePng } from '#models/imaging/png.ts';
import type { Recipe } from '#training/records/recipe.ts';

/** Bright above is "malignant", bright below is "benign": learnable from the picture alone. */
export function writeTinyIndex(count = 12): string {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-tiny-'));
  const files: Record<string, Uint8Array> = {};
  const rows = Array.from({ length: count }, (_, i) => {
    const random = Random.named(7, `picture${i}`);
    const malignant = i % 2 === 0;
    const side = 64;
    const data = new Uint8Array(side * side * 3);
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) data.fill((y < side / 2) === malignant ? 170 + random.below(60) : 30 + random.below(60), (y * side + x) * 3, (y * side + x) * 3 + 3);
    const bytes = encodePng({ width: side, height: side, data });
    files[`p${i}.png`] = bytes;
    return {
      id: `p${i}`, archive: 'images.zip', file: `p${i}.png`, modality: 'ultrasound', set: 'us_breast_busi', split: 'train', width: side, height: side, task: 'us_breast_3',
      label: malignant ? 'malignant' : 'benign', labels_space: ['normal', 'benign', 'malignant'], question_types: ['modality', 'finding_class'], facts: { body_part: 'breast' },
      group: `g${i}`, licence_class: 'permissive', sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'images.zip'), zipSync(files, { level: 0 }));
  const path = join(folder, 'index.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

export const tinyRecipe: Recipe = {
  name: 'tiny', source: 'test', objective: 'sft', seed: 3, trained: '.',
  start: {
    vocabulary: 400,
    scratch: {
      model_type: 'qwen2_5_vl', hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1,
      max_position_embeddings: 512, rms_norm_eps: 1e-6, rope_theta: 10000, rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] }, tie_word_embeddings: true,
      vision_config: {
        depth: 2, hidden_size: 32, num_heads: 2, intermediate_size: 48, out_hidden_size: 32, patch_size: 14, spatial_merge_size: 2, temporal_patch_size: 2,
        window_size: 56, fullatt_block_indexes: [1],
      },
    },
  },
  stages: [{ learns: 'answer', cells: 0, labels: 0, phantoms: 0, mix: 0, smoothing: 0, steps: 4, pixels: 56 * 56, batch: 4, accumulate: 1, tokens: 128, targets: 64, turns: 2, direct: 1 }],
  optimizer: { learningRate: 3e-3, warmupSteps: 2, floor: 0.1, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.05, clip: 1, average: 0.9 },
  dropBranches: 0.1, localAttention: 3,
  augment: { plain: 0.5, zoom: 1.1, aspect: 1.1, shift: 0.05, turn: 5, colour: 0.1, erase: 0.2 },
  setWeights: {}, answerWeight: 2, checkpointEvery: 2,
};
