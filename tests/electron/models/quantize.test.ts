import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareCheckpoints, quantizeCheckpoint } from '#electron/models/quantize.ts';
import { openEngine } from '#models/engine.ts';
import { dequantizeMatrix, quantizeMatrix } from '#models/runtime/quantize.ts';
import { openCheckpoint, saveCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';
import { readTensor } from '#models/weights/safetensors.ts';
import { writeDeterministicCheckpoint } from '#tests/support/deterministic.ts';

const config = {
  model_type: 'qwen2_5_vl', hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 200, tie_word_embeddings: false,
  rope_theta: 1e6, rms_norm_eps: 1e-6, rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] }, max_position_embeddings: 512,
  vision_start_token_id: 190, image_token_id: 191, video_token_id: 192, vision_end_token_id: 193,
  vision_config: { depth: 2, num_heads: 2, hidden_size: 32, out_hidden_size: 64, intermediate_size: 48, window_size: 56, fullatt_block_indexes: [1], patch_size: 14 },
};
const prompt = { ids: [5, 17, 23, 42, 7], grids: [], vision: new Float32Array(0) };

describe('a quantised checkpoint', () => {
  let folder: string;
  let out: string;
  let original: Checkpoint;
  beforeAll(() => {
    folder = writeDeterministicCheckpoint(config);
    out = mkdtempSync(join(tmpdir(), 'loupe-quantized-'));
    original = openCheckpoint(folder);
  });
  afterAll(() => [folder, out].forEach((path) => rmSync(path, { recursive: true })));

  for (const isSymmetric of [true, false]) {
    test(`computes exactly what its rounded weights say (${isSymmetric ? 'symmetric' : 'with zero points'})`, async () => {
      const options = { bits: 4, blockSize: 32, isSymmetric } as const;
      quantizeCheckpoint(original, join(out, 'q'), options);
      const rounded = [...original.tensors.values()].map((entry) => {
        const data = readTensor(entry);
        const [rows = 0, columns = 0] = entry.shape;
        const isLinear = entry.shape.length === 2 && entry.name.endsWith('.weight') && !entry.name.includes('embed');
        const bits = entry.name === 'lm_head.weight' ? 8 : 4;
        return { name: entry.name, shape: entry.shape, data: isLinear ? dequantizeMatrix(quantizeMatrix(data, rows, columns, { ...options, bits }), rows, columns, { ...options, bits }) : data };
      });
      saveCheckpoint(join(out, 'rounded'), { config, generationConfig: null, preprocessor: null, tokenizer: null, tokenizerConfig: null }, rounded, 'F32');
      const quantized = await openEngine(openCheckpoint(join(out, 'q')), { threads: 1, accuracyLevel: 0 });
      const plain = await openEngine(openCheckpoint(join(out, 'rounded')), { threads: 1 });
      const [a, b] = [(await quantized.read(prompt)).logits, (await plain.read(prompt)).logits];
      expect(Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? NaN))))).toBeLessThan(2e-3);
      const image = { patches: new Float32Array(24 * 1176).map((_, i) => Math.sin(i)), gridThw: [1, 4, 6] as const, resized: { width: 84, height: 56 } };
      const [seen, wanted] = [await quantized.see([image]), await plain.see([image])];
      expect(Math.max(...seen.map((x, i) => Math.abs(x - (wanted[i] ?? NaN))))).toBeLessThan(2e-3);
      await quantized.release();
      await plain.release();
    });
  }

  test('differs less from its original with 8 bits than with 4, and the report says by how much', async () => {
    const report = async (bits: 4 | 8) => {
      quantizeCheckpoint(original, join(out, `q${bits}`), { bits, blockSize: 32, isSymmetric: true });
      return compareCheckpoints(original, openCheckpoint(join(out, `q${bits}`)), { prompts: 8, tokens: 8 });
    };
    const [four, eight] = [await report(4), await report(8)];
    expect(four.prompts).toBe(8);
    expect(eight.meanDifference).toBeLessThan(four.meanDifference / 4);
    expect(eight.meanDivergence).toBeLessThan(four.meanDivergence);
    expect(eight.maxDifference).toBeGreaterThan(0);
  });

  test('says so in its config.json and is refused a second rounding', () => {
    const place = join(out, 'q4');
    expect(JSON.parse(readFileSync(join(place, 'config.json'), 'utf8'))).toMatchObject({ quantization_config: { bits: 4, block_size: 32 } });
    expect(() => quantizeCheckpoint(openCheckpoint(place), join(out, 'again'), { bits: 4, blockSize: 32, isSymmetric: true })).toThrow(expect.objectContaining({ code: 'quantize.twice' }));
    expect(readdirSync(place).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('of a foreign kind is refused by name', async () => {
    const foreign = writeDeterministicCheckpoint({ ...config, quantization_config: { quant_method: 'gptq' } });
    await expect(openEngine(openCheckpoint(foreign))).rejects.toMatchObject({ code: 'config.unsupported', why: expect.stringContaining('gptq') as string });
    rmSync(foreign, { recursive: true });
  });
});
