/** Our computation against the reference implementation's, on the checkpoints that came with its results. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePicture } from '#models/imaging/picture.ts';
import { openReasoner, type Ask, type Reasoner } from '#models/reasoner.ts';

const shared = process.env.LOUPE_SHARED ?? '../shared';

interface Expected {
  readonly input_ids: readonly number[];
  readonly image_grid_thw: readonly number[];
  readonly pixel_values_shape: readonly number[];
  readonly pixel_mean: number;
  readonly pixel_std: number;
  readonly pixel_first_row: readonly number[];
  readonly last_logits: readonly number[];
  readonly greedy_tokens: readonly number[];
  readonly greedy_text: string;
  readonly completion_text: string;
  readonly completion_ids: readonly number[];
  readonly completion_logprobs: readonly number[];
}

const worst = (actual: ArrayLike<number>, wanted: readonly number[]): number =>
  Math.max(...wanted.map((number, i) => Math.abs(number - (actual[i] ?? NaN))));

for (const name of ['qwen2_vl-a', 'qwen2_5_vl-a']) {
  const folder = join(shared, 'parity', name);
  describe.skipIf(!existsSync(folder))(`${name} (skipped where ../shared is absent)`, () => {
    let reasoner: Reasoner;
    let ask: Ask;
    let expected: Expected;

    beforeAll(async () => {
      reasoner = await openReasoner({ folder, threads: 1 });
      const picture = await decodePicture(readFileSync(join(folder, 'image.png')));
      ask = { frames: [picture], question: readFileSync(join(folder, 'prompt.txt'), 'utf8').trimEnd() };
      expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;
    });
    afterAll(() => reasoner?.release());

    test('the prompt becomes the same tokens and the image the same grid', () => {
      const { ids, images } = reasoner.prepare(ask);
      expect(ids).toEqual(expected.input_ids);
      expect(images[0]?.gridThw).toEqual(expected.image_grid_thw);
    });

    test('the image becomes the same numbers', () => {
      const [patches = new Float32Array(0)] = reasoner.prepare(ask).patches;
      const mean = patches.reduce((sum, x) => sum + x, 0) / patches.length;
      const deviation = Math.sqrt(patches.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (patches.length - 1));
      expect(patches.length).toBe(expected.pixel_values_shape.reduce((a, b) => a * b, 1));
      expect(Math.abs(mean - expected.pixel_mean)).toBeLessThan(1e-4);
      expect(Math.abs(deviation - expected.pixel_std)).toBeLessThan(1e-4);
      expect(worst(patches, expected.pixel_first_row)).toBeLessThan(1e-4);
    });

    test('the scores after the prompt agree within a thousandth', async () =>
      expect(worst(await reasoner.logits(ask), expected.last_logits)).toBeLessThan(1e-3));

    test('a given completion is as probable, token for token', async () => {
      const { ids, logProbabilities } = await reasoner.score(ask, expected.completion_text);
      expect(ids).toEqual(expected.completion_ids);
      expect(worst(logProbabilities, expected.completion_logprobs)).toBeLessThan(1e-3);
    });

    test('the greedy answer is the same, token for token', async () => {
      const { tokens, text } = await reasoner.ask(ask, { maxNewTokens: 24, isUnrestricted: true });
      expect(tokens).toEqual(expected.greedy_tokens);
      expect(text).toBe(expected.greedy_text);
    });

    test('neither vision tokens nor rows without text are ever sampled', async () => {
      const answers = await reasoner.sample(ask, 8, { maxNewTokens: 64, sampling: { temperature: 3, topK: 0, topP: 1, seed: 4 } });
      const { config } = reasoner.engine;
      const forbidden = new Set([config.tokens.image, config.tokens.video, config.tokens.visionStart, config.tokens.visionEnd]);
      const written = answers.flatMap(({ tokens }) => tokens);
      expect(written.length).toBeGreaterThan(200);
      expect(written.filter((id) => forbidden.has(id) || id >= reasoner.tokenizer.size)).toEqual([]);
    });

    test('what is streamed is the text, and the signal stops it within one token', async () => {
      const controller = new AbortController();
      let streamed = '';
      let pieces = 0;
      const answer = await reasoner.ask(ask, {
        maxNewTokens: 200, signal: controller.signal,
        onToken(text) {
          streamed += text;
          if (++pieces === 5) controller.abort();
        },
      });
      expect(answer.end).toBe('aborted');
      expect(answer.tokens.length).toBeLessThan(30);
      expect(answer.text.startsWith(streamed)).toBe(true);
    });

    test('many questions side by side are answered as each would be alone', async () => {
      const questions = ['What is seen?', 'Is there an abnormality?', 'Where?', 'A longer question about the size, the place and the number of the nuclei in this image?'];
      const asks = questions.map((question) => ({ ...ask, question }));
      const together = await reasoner.answerMany(asks, { rows: 2, maxNewTokens: 20 });
      for (const [i, one] of asks.entries()) expect(together[i]?.tokens).toEqual((await reasoner.ask(one, { maxNewTokens: 20 })).tokens);
    });

    test('several images in one question keep their own grids', async () => {
      const { ids, images } = reasoner.prepare({ ...ask, frames: [...ask.frames, ...ask.frames] });
      expect(images).toHaveLength(2);
      expect(ids.filter((id) => id === reasoner.engine.config.tokens.image)).toHaveLength(2 * 15);
      expect((await reasoner.logits({ ...ask, frames: [...ask.frames, ...ask.frames] })).every(Number.isFinite)).toBe(true);
    });
  });
}
