import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePicture } from '#models/imaging/picture.ts';
import type { Ask } from '#models/reasoner.ts';
import { startInference, type InferenceClient } from '#electron/workers/inferenceClient.ts';
import { bundleWorker, type BundledWorker } from '#tests/support/workers.ts';

const folder = join(process.env.LOUPE_SHARED ?? '../shared', 'parity', 'qwen2_5_vl-a');

describe.skipIf(!existsSync(folder))('the inference worker (skipped where ../shared is absent)', () => {
  let worker: BundledWorker;
  let client: InferenceClient;
  let ask: Ask;

  beforeAll(async () => {
    worker = await bundleWorker('inference');
    client = startInference(worker.file);
    ask = { frames: [await decodePicture(readFileSync(join(folder, 'image.png')))], question: 'What abnormality is seen?' };
  });
  afterAll(async () => {
    await client?.close();
    worker?.remove();
  });

  test('asked before a model is open, it says so', async () => await expect(client.score(ask, 'yes')).rejects.toMatchObject({ code: 'reasoner.closed' }));

  test('a folder that is no model is a fault on this side too', async () =>
    await expect(client.open({ folder: tmpdir() })).rejects.toMatchObject({ name: 'Fault', code: 'checkpoint.missing' }));

  test('answers as the reasoner does, and streams the text on its way', async () => {
    expect(await client.open({ folder, threads: 1 })).toMatchObject({ family: 'qwen2_5_vl', device: 'cpu' });
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { greedy_tokens: number[]; completion_text: string; completion_logprobs: number[] };
    let text = '';
    const [answer] = await client.sample(ask, 1, { maxNewTokens: 24, isUnrestricted: true, onWritten: (piece) => (text += piece.text) });
    expect(answer?.tokens).toEqual(expected.greedy_tokens);
    expect(answer?.text.startsWith(text)).toBe(true);
    expect(text.length).toBeGreaterThan(10);
    const { logProbabilities } = await client.score(ask, expected.completion_text);
    expect(Math.max(...logProbabilities.map((x, i) => Math.abs(x - (expected.completion_logprobs[i] ?? NaN))))).toBeLessThan(1e-3);
  });

  test('the signal stops it, and the next question is answered', async () => {
    const controller = new AbortController();
    let pieces = 0;
    const [stopped] = await client.sample(ask, 1, {
      maxNewTokens: 3000, signal: controller.signal,
      onWritten: () => {
        if (++pieces === 3) controller.abort();
      },
    });
    expect(stopped?.end).toBe('aborted');
    expect(stopped?.tokens.length).toBeLessThan(3000);
    expect(await client.sample(ask, 2, { maxNewTokens: 4 })).toHaveLength(2);
  });
});
