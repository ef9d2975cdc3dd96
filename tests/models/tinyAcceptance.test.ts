/** Two tiny models whose every number a separate implementation computed from the architecture's description. */

import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEngine, type Engine, type EnginePrompt } from '#models/engine.ts';
import { mropePositions } from '#models/networks/rope.ts';
import { generate } from '#models/runtime/generate.ts';
import { greedy, logSumExp } from '#models/runtime/sampler.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { deterministicTensor, uniforms, writeDeterministicCheckpoint } from '#tests/support/deterministic.ts';

const decoder = {
  hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 200,
  tie_word_embeddings: true, rope_theta: 1e6, rms_norm_eps: 1e-6, rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] },
  vision_start_token_id: 190, image_token_id: 191, video_token_id: 192, vision_end_token_id: 193, max_position_embeddings: 4096,
};
const tower = { depth: 4, num_heads: 2, patch_size: 14, spatial_merge_size: 2, temporal_patch_size: 2, in_channels: 3 };
const configs = {
  'Qwen2-VL': { model_type: 'qwen2_vl', ...decoder, vision_config: { ...tower, embed_dim: 32, hidden_size: 64, mlp_ratio: 2, hidden_act: 'quick_gelu' } },
  'Qwen2.5-VL': {
    model_type: 'qwen2_5_vl', ...decoder,
    vision_config: { ...tower, hidden_size: 32, out_hidden_size: 64, intermediate_size: 48, window_size: 56, fullatt_block_indexes: [1, 3], hidden_act: 'silu', tokens_per_second: 2 },
  },
};
const expected = {
  'Qwen2-VL': {
    vision: [-3.425094, -0.527083, -1.420544, 2.508383], visionSum: 66.02534, logits: [0.103095, -0.953734, 0.201843, -0.514823],
    argMax: 170, entropy: 4.556284, logProbability: -8.147385, greedy: [170, 193, 197, 43, 182, 85, 168, 178],
  },
  'Qwen2.5-VL': {
    vision: [-3.583534, -2.771967, -0.697103, 1.954001], visionSum: 39.88594, logits: [-1.863701, 0.129453, 0.390433, 0.389585],
    argMax: 191, entropy: 4.258774, logProbability: -6.76314, greedy: [191, 178, 181, 110, 140, 164, 96, 119],
  },
};

const patches = Float32Array.from(uniforms('pixel_values', 24 * 1176), (u) => (u - 0.5) * 4);
const ids = [5, 17, 190, 191, 191, 191, 191, 191, 191, 193, 23, 42];
const close = (actual: ArrayLike<number>, numbers: readonly number[]): void =>
  numbers.forEach((number, i) => expect(Math.abs((actual[i] as number) - number), `element ${i}`).toBeLessThan(2e-4));

test('the formula gives the published embedding', () =>
  close(deterministicTensor('model.embed_tokens.weight', [200, 64]), [-0.215951, 0.221035, 0.060014]));

for (const family of ['Qwen2-VL', 'Qwen2.5-VL'] as const) {
  describe(`the tiny ${family}`, () => {
    let folder: string;
    let engine: Engine;
    let prompt: EnginePrompt;
    const wanted = expected[family];

    beforeAll(async () => {
      folder = writeDeterministicCheckpoint(configs[family]);
      engine = await openEngine(openCheckpoint(folder), { threads: 1 });
      prompt = { ids, grids: [[1, 4, 6]], vision: await engine.see([{ patches, gridThw: [1, 4, 6], resized: { width: 84, height: 56 } }]) };
    });
    afterAll(async () => {
      await engine.release();
      rmSync(folder, { recursive: true });
    });

    test('sees the published rows', () => {
      close(prompt.vision, wanted.vision);
      // A sum of 384 numbers gathers their rounding.
      expect(Math.abs(prompt.vision.reduce((a, b) => a + b, 0) - wanted.visionSum)).toBeLessThan(2e-3);
    });

    test('counts positions by time, row and column', () =>
      expect([...mropePositions(ids, [[1, 4, 6]], engine.config).time]).toEqual([0, 1, 2, 3, 3, 3, 3, 3, 3, 6, 7, 8]));

    test('predicts with the published scores', async () => {
      const { logits } = await engine.read(prompt);
      close(logits, wanted.logits);
      expect(logits.indexOf(Math.max(...logits))).toBe(wanted.argMax);
      const total = logSumExp(logits);
      expect(Math.abs(-logits.reduce((sum, x) => sum + Math.exp(x - total) * (x - total), 0) - wanted.entropy)).toBeLessThan(2e-4);
    });

    test('scores the last token as published', async () =>
      close(await engine.score({ ...prompt, ids: ids.slice(0, -1) }, [42]), [wanted.logProbability]));

    test('writes the published tokens', async () => {
      const options = { sampling: greedy, maxNewTokens: 8, stops: new Set<number>() };
      const [completion] = await generate(engine.network, await engine.read(prompt), 1, options);
      expect(completion?.tokens).toEqual(wanted.greedy);
      // The scorer reads the whole text at once and the writer one token at a time: their probabilities are the same.
      close(await engine.score(prompt, wanted.greedy), completion?.logProbabilities ?? []);
    });

    test('keeps its place when rows end at different times and the cache has to grow', async () => {
      const options = { sampling: { temperature: 1, topK: 0, topP: 1, seed: 2 }, maxNewTokens: 150, stops: new Set([170]) };
      const completions = await generate(engine.network, await engine.read(prompt), 4, options);
      const lengths = completions.map(({ tokens }) => tokens.length);
      expect(new Set(lengths).size).toBeGreaterThan(1);
      expect(Math.max(...lengths)).toBeGreaterThan(130);
      for (const { tokens, logProbabilities } of completions) close(await engine.score(prompt, tokens), logProbabilities);
    });

    test('reads a text without images', async () => {
      const { logits } = await engine.read({ ids: [5, 17, 23, 42, 7], grids: [], vision: new Float32Array(0) });
      close(logits, [1.545774, 0.425688, 0.269061]);
    });

    test('gives several samples of one prompt what each would get alone', async () => {
      const options = { sampling: { temperature: 1, topK: 0, topP: 1, seed: 9 }, maxNewTokens: 12, stops: new Set([170, 178]) };
      const read = await engine.read(prompt);
      const together = await generate(engine.network, read, 5, options);
      const [alone] = await generate(engine.network, read, 1, options);
      expect(together[0]?.tokens).toEqual(alone?.tokens);
      expect(new Set(together.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);
      for (const { tokens, logProbabilities } of together) close(await engine.score(prompt, tokens), logProbabilities);
    });
  });
}
