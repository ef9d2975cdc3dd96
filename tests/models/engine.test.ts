/** Checkpoints of many shapes against what the transformers library computes for them (tests/fixtures/reference/make.py). */

import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEngine, type Engine, type EnginePrompt } from '#models/engine.ts';
import { generate } from '#models/runtime/generate.ts';
import { greedy, logSumExp } from '#models/runtime/sampler.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import type { WrittenType } from '#models/weights/safetensors.ts';
import { uniforms, writeDeterministicCheckpoint } from '#tests/support/deterministic.ts';

interface Case {
  readonly config: unknown;
  readonly dtype: WrittenType;
  readonly media: readonly (readonly ['image' | 'video', readonly [number, number, number]])[];
  readonly ids: readonly number[];
  readonly vision: Readonly<Record<string, { readonly first: readonly number[]; readonly last: readonly number[]; readonly sum: number }>>;
  readonly logits: readonly number[];
  readonly argmax: number;
  readonly logsumexp: number;
  readonly completion: readonly number[];
  readonly logprobs: readonly number[];
  readonly greedy: readonly number[];
}

const { cases } = JSON.parse(readFileSync('tests/fixtures/reference/expected.json', 'utf8')) as { cases: Readonly<Record<string, Case>> };

const close = (actual: ArrayLike<number>, wanted: readonly number[], tolerance = 5e-4): void =>
  wanted.forEach((number, i) => expect(Math.abs(number - (actual[i] ?? NaN)), `element ${i}`).toBeLessThan(tolerance));

for (const [name, wanted] of Object.entries(cases)) {
  describe(name, () => {
    let folder: string;
    let engine: Engine;
    let prompt: EnginePrompt;
    const images = wanted.media.map(([, gridThw], index) => ({
      gridThw, resized: { width: gridThw[2] * 14, height: gridThw[1] * 14 },
      patches: Float32Array.from(uniforms(`pixels ${name} ${index}`, gridThw[0] * gridThw[1] * gridThw[2] * 1176), (u) => (u - 0.5) * 4),
    }));

    beforeAll(async () => {
      folder = writeDeterministicCheckpoint(wanted.config, {}, wanted.dtype);
      engine = await openEngine(openCheckpoint(folder), { threads: 1 });
      const vision = images.length === 0 ? new Float32Array(0) : await engine.see(images);
      prompt = { ids: wanted.ids, grids: images.map(({ gridThw }) => gridThw), vision };
    });
    afterAll(async () => {
      await engine?.release();
      rmSync(folder, { recursive: true });
    });

    for (const [kind, rows] of Object.entries(wanted.vision)) {
      test(`the tower sees the same in each ${kind}`, async () => {
        const seen = await engine.see(images.filter((_, i) => wanted.media[i]?.[0] === kind));
        close(seen, rows.first);
        close(seen.subarray(seen.length - engine.config.hiddenSize), rows.last);
        expect(Math.abs(seen.reduce((a, b) => a + b, 0) - rows.sum)).toBeLessThan(1e-5 * seen.length);
      });
    }

    test('the scores after the prompt are the same', async () => {
      const { logits } = await engine.read(prompt);
      close(logits, wanted.logits);
      expect(logits.indexOf(Math.max(...logits))).toBe(wanted.argmax);
      expect(Math.abs(logSumExp(logits) - wanted.logsumexp)).toBeLessThan(5e-4);
    });

    test('a given completion is as probable', async () => close(await engine.score(prompt, wanted.completion), wanted.logprobs));

    test('the greedy tokens are the same', async () => {
      const [completion] = await generate(engine.network, await engine.read(prompt), 1, { sampling: greedy, maxNewTokens: 12, stops: new Set() });
      expect(completion?.tokens).toEqual(wanted.greedy);
    });
  });
}

describe('a prompt that the network cannot read is a fault:', () => {
  let folder: string;
  let engine: Engine;
  const { config: whole } = cases['text alone'] as { config: { readonly text_config: object } };
  const config = { ...whole, text_config: { ...whole.text_config, max_position_embeddings: 64 } };
  const none = { grids: [], vision: new Float32Array(0) };
  beforeAll(async () => {
    folder = writeDeterministicCheckpoint(config);
    engine = await openEngine(openCheckpoint(folder), { threads: 1 });
  });
  afterAll(async () => {
    await engine.release();
    rmSync(folder, { recursive: true });
  });

  test('a placeholder without an image', async () => await expect(engine.read({ ids: [5, 292, 7], ...none })).rejects.toMatchObject({ code: 'prompt.images' }));
  test('an image without a placeholder', async () =>
    await expect(engine.read({ ids: [5, 7], grids: [[1, 2, 2]], vision: new Float32Array(64) })).rejects.toMatchObject({ code: 'prompt.images' }));
  test('a token that the vocabulary does not have', async () => await expect(engine.read({ ids: [5, 300], ...none })).rejects.toMatchObject({ code: 'prompt.token' }));
  test('no token at all', async () => await expect(engine.read({ ids: [], ...none })).rejects.toMatchObject({ code: 'prompt.empty' }));
  test('more tokens than it has positions', async () =>
    await expect(engine.read({ ids: new Array<number>(65).fill(5), ...none })).rejects.toMatchObject({ code: 'prompt.length' }));
  test('and it writes only up to its last position', async () => {
    const read = await engine.read({ ids: new Array<number>(58).fill(5), ...none });
    const [completion] = await generate(engine.network, read, 1, { sampling: greedy, maxNewTokens: 50, stops: new Set() });
    expect(completion).toMatchObject({ end: 'length' });
    expect(completion?.tokens).toHaveLength(6);
  });
});
