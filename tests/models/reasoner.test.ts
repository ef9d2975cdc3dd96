import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tokenizer } from '#models/language/tokenizer.ts';
import { confidenceOf, openReasoner, parsePatchOptions } from '#models/reasoner.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { readTensor, writeSafetensors } from '#models/weights/safetensors.ts';
import { writeDeterministicCheckpoint } from '#tests/support/deterministic.ts';

const vision = { patchSize: 14, temporalPatchSize: 2, mergeSize: 2 };

describe('image settings', () => {
  test('are read in the published form', () =>
    expect(parsePatchOptions({ min_pixels: 3136, max_pixels: 50176, patch_size: 14, temporal_patch_size: 2, merge_size: 2, image_mean: [0, 0.5, 1], image_std: [1, 2, 3] }, vision))
      .toEqual({ ...vision, minPixels: 3136, maxPixels: 50176, mean: [0, 0.5, 1], std: [1, 2, 3] }));
  test('are read where the bounds are called edges although they count pixels', () =>
    expect(parsePatchOptions({ size: { shortest_edge: 784, longest_edge: 1003520 } }, vision)).toMatchObject({ minPixels: 784, maxPixels: 1003520 }));
  test('have the published defaults where the file is missing', () =>
    expect(parsePatchOptions(null, vision)).toMatchObject({ minPixels: 3136, maxPixels: 12845056, mean: [0.48145466, 0.4578275, 0.40821073] }));
  const refused: readonly (readonly [string, unknown])[] = [
    ['another patch size than the network', { patch_size: 16 }], ['bounds that exclude every image', { min_pixels: 100, max_pixels: 10 }], ['a bound that is no number', { max_pixels: 'many' }],
    ['a mean of two numbers', { image_mean: [0, 1] }], ['a deviation of zero', { image_std: [1, 0, 1] }],
  ];
  for (const [what, json] of refused) test(`are refused with ${what}`, () => expect(() => parsePatchOptions(json, vision)).toThrow(expect.objectContaining({ code: 'preprocessor.invalid' })));
});

describe('confidence', () => {
  /** One token for each letter. */
  const letters = { decode: (ids: readonly number[]) => String.fromCharCode(...ids) } as unknown as Tokenizer;
  const said = (text: string, logOf: (i: number) => number) => ({ text, tokens: [...text].map((letter) => letter.charCodeAt(0)), logProbabilities: [...text].map((_, i) => logOf(i)) });

  test('is the product over the tokens of the answer alone', () => {
    const text = '<think>x</think><answer>yes</answer>';
    const from = text.indexOf('yes');
    const confidence = confidenceOf(said(text, (i) => (i >= from && i < from + 3 ? Math.log(0.5) : Math.log(0.01))), letters);
    expect(confidence?.value).toBeCloseTo(0.125, 9);
    expect(confidence?.tokens).toBe(3);
    expect(confidence?.method).toContain('product');
  });
  test('of a long answer is the geometric mean, so that its length does not decide', () => {
    const text = `<answer>${'[1,2,3,4]'.repeat(5)}</answer>`;
    const confidence = confidenceOf(said(text, () => Math.log(0.9)), letters);
    expect(confidence?.value).toBeCloseTo(0.9, 9);
    expect(confidence?.method).toContain('geometric mean');
  });
  test('is unknown without an answer', () => expect(confidenceOf(said('no tags here', () => -1), letters)).toBeNull());
});

const parity = join(process.env.LOUPE_SHARED ?? '../shared', 'parity', 'qwen2_5_vl-a');

describe('a model folder that cannot answer is a fault:', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'loupe-reasoner-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('no folder', async () => await expect(openReasoner({ folder: join(folder, 'absent') })).rejects.toMatchObject({ code: 'checkpoint.folder' }));

  test('no tokenizer', async () => {
    const bare = writeDeterministicCheckpoint({
      model_type: 'qwen2_vl', hidden_size: 64, intermediate_size: 96, num_hidden_layers: 1, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 60, tie_word_embeddings: true,
      rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] }, rms_norm_eps: 1e-6, vision_start_token_id: 50, vision_end_token_id: 51, image_token_id: 52, video_token_id: 53,
      vision_config: { depth: 1, num_heads: 2, embed_dim: 32, hidden_size: 64, mlp_ratio: 2, patch_size: 14 },
    });
    try {
      await expect(openReasoner({ folder: bare })).rejects.toMatchObject({ code: 'checkpoint.missing', mend: expect.stringContaining('tokenizer.json') as string });
    } finally {
      rmSync(bare, { recursive: true });
    }
  });

  test.skipIf(!existsSync(parity))('no vision weights (skipped where ../shared is absent)', async () => {
    const blind = join(folder, 'blind');
    cpSync(parity, blind, { recursive: true });
    rmSync(join(blind, 'model.safetensors'), { force: true });
    const text = [...openCheckpoint(parity).tensors.values()].filter(({ name }) => !name.startsWith('visual.'));
    writeSafetensors(join(blind, 'model.safetensors'), text.map((entry) => ({ name: entry.name, dtype: 'F32' as const, shape: entry.shape, data: readTensor(entry) })));
    await expect(openReasoner({ folder: blind })).rejects.toMatchObject({ code: 'weights.absent', why: expect.stringContaining('cannot see images') as string });
  });

  test.skipIf(!existsSync(parity))('a frame that no model can look at (skipped where ../shared is absent)', async () => {
    const reasoner = await openReasoner({ folder: parity, threads: 1 });
    const strip = { width: 1000, height: 2, data: new Uint8Array(6000) };
    await expect(reasoner.ask({ frames: [strip], question: 'What is seen?' })).rejects.toMatchObject({ code: 'patches.aspect' });
    await reasoner.release();
  });
});
