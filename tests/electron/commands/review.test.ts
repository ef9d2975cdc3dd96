import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Command, CommandValues } from '#electron/commands/command.ts';
import { command as generate } from '#electron/commands/generate.ts';
import { command as review } from '#electron/commands/review.ts';
import { command as score } from '#electron/commands/score.ts';
import { chooseFrame } from '#electron/review/review.ts';
import type { Answer } from '#models/reasoner.ts';

const model = join(process.env.LOUPE_SHARED ?? '../shared', 'parity', 'qwen2_5_vl-a');
const image = join(model, 'image.png');

/** Runs a command as the terminal would, with --json. */
async function run(command: Command, values: CommandValues, positionals: readonly string[] = []): Promise<Record<string, unknown>> {
  const printed: unknown[] = [];
  await command.run({ values, positionals, json: true, signal: new AbortController().signal, print: (value) => printed.push(value), progress: () => undefined });
  expect(printed).toHaveLength(1);
  return JSON.parse(JSON.stringify(printed[0])) as Record<string, unknown>;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(!existsSync(model))('the commands on a small checkpoint (skipped where ../shared is absent)', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'loupe-review-'))));
  afterAll(() => rmSync(folder, { recursive: true }));
  const expected = (): Record<string, unknown> => JSON.parse(readFileSync(join(model, 'expected.json'), 'utf8')) as Record<string, unknown>;

  test('loupe generate gives what the reference implementation gives', async () => {
    const wanted = expected();
    const result = await run(generate, { model, image: [image], prompt: 'What abnormality is seen?', greedy: true, 'max-new-tokens': '24', logits: true });
    expect(result).toMatchObject({ input_ids: wanted.input_ids, image_grid_thw: wanted.image_grid_thw, tokens: wanted.greedy_tokens, text: wanted.greedy_text, pixel_values: { shape: wanted.pixel_values_shape } });
    expect(result.last_logits).toHaveLength((wanted.last_logits as number[]).length);
  });

  test('loupe generate repeats itself with a seed and differs with another', async () => {
    const draw = async (seed: string): Promise<unknown> => (await run(generate, { model, prompt: 'Hello', temperature: '1', seed, 'max-new-tokens': '12' })).tokens;
    const first = await draw('5');
    expect(await draw('5')).toEqual(first);
    expect(await draw('6')).not.toEqual(first);
  });

  test('loupe score gives the log-probability of each token', async () => {
    const wanted = expected();
    const result = await run(score, { model, image: [image], prompt: 'What abnormality is seen?', completion: wanted.completion_text as string });
    expect(result.completion_ids).toEqual(wanted.completion_ids);
    (wanted.completion_logprobs as number[]).forEach((x, i) => expect((result.logprobs as number[])[i]).toBeCloseTo(x, 3));
  });

  test('loupe review writes a trace and an overlay that name what they come from', async () => {
    const out = join(folder, 'out');
    const result = await run(review, { ask: 'What is seen?', model, out, 'max-new-tokens': '16' }, [image]);
    expect(readdirSync(out).sort()).toEqual(['overlay.png', 'picture-1.png', 'trace.json']);
    expect(JSON.parse(readFileSync(join(out, 'trace.json'), 'utf8'))).toEqual(result);
    expect(result).toMatchObject({
      format: 'loupe.trace/1', question: 'What is seen?', parsed: false,
      source: { kind: 'picture', files: [{ name: 'image.png', sha256: sha256(readFileSync(image)) }] },
      model: { name: 'qwen2_5_vl-a', files: [{ name: 'model.safetensors', sha256: sha256(readFileSync(join(model, 'model.safetensors'))) }] },
      sampling: { temperature: 0, max_new_tokens: 16 }, machine: { device: 'cpu' },
    });
    expect((result.completion as { tokens: number[]; logprobs: number[] }).logprobs).toHaveLength((result.completion as { tokens: number[] }).tokens.length);
  });

  test('the same question gives the same trace, times aside', async () => {
    const ask = async (): Promise<unknown> => {
      const { timing, asked_at: at, ...rest } = await run(review, { ask: 'What is seen?', model, 'max-new-tokens': '8' }, [image]);
      expect([typeof timing, at]).toEqual(['object', expect.stringMatching(/^\d{4}-.*Z$/)]);
      return rest;
    };
    expect(await ask()).toEqual(await ask());
  });

  test('a place that cannot be written is a fault and leaves nothing half-written', async () => {
    const blocked = join(folder, 'blocked');
    writeFileSync(blocked, 'a file where the folder should be');
    await expect(run(review, { ask: 'What?', model, out: join(blocked, 'x'), 'max-new-tokens': '2' }, [image])).rejects.toMatchObject({ code: 'review.write' });
    expect(readFileSync(blocked, 'utf8')).toBe('a file where the folder should be');
  });

  test('a wrong command line is told as such', async () => {
    await expect(run(review, { model }, [image])).rejects.toThrow('--ask is missing');
    await expect(run(review, { ask: 'x', model }, [])).rejects.toThrow('PATH is missing');
    await expect(run(review, { ask: 'x', model, device: 'abacus' }, [image])).rejects.toThrow('abacus');
    await expect(run(review, { ask: 'x', model, greedy: true, temperature: '1' }, [image])).rejects.toThrow('exclude');
    await expect(run(review, { ask: 'x', model, region: '1,2' }, [image])).rejects.toThrow('--region');
  });

  test('a missing image and a missing model are faults', async () => {
    await expect(run(generate, { model, image: [join(folder, 'absent.png')], prompt: 'x' })).rejects.toMatchObject({ code: 'file.unreadable' });
    await expect(run(generate, { model: join(folder, 'absent'), prompt: 'x' })).rejects.toMatchObject({ code: 'checkpoint.folder' });
  });
});

describe('which slice speaks for a series', () => {
  const said = (answer: string | null, value: number) => ({ answer: { trace: { answer } } as unknown as Answer, confidence: { value, tokens: 1, method: '' } });
  test('one that finds something, however sure the others are that there is nothing', () => {
    expect(chooseFrame([said('no', 0.99), said('yes, a cyst', 0.4), said('none', 0.9)]).chosen).toBe(1);
    expect(chooseFrame([said('[]', 0.99), said('[{"bbox_2d":[1,2,3,4],"label":"lesion"}]', 0.2)]).chosen).toBe(1);
  });
  test('the surest of those that find something', () => expect(chooseFrame([said('glioma', 0.3), said('meningioma', 0.6)]).chosen).toBe(1));
  test('the surest denial where all deny', () => expect(chooseFrame([said('normal', 0.3), said('No abnormality', 0.6), said(null, 1)]).chosen).toBe(1));
});
