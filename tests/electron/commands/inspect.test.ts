/** `loupe inspect` shows one update of a run folder. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { command } from '#electron/commands/inspect.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-inspect-'));
const run = join(folder, 'run');

beforeAll(() => {
  mkdirSync(join(run, 'checkpoints', 'step-000002'), { recursive: true });
  writeFileSync(join(run, 'manifest.json'), JSON.stringify({ recipe: { name: 'tiny', seed: 7, stages: [{ steps: 2 }, { steps: 3 }] } }));
  const lines = [4, 2, 1].map((loss, i) => JSON.stringify({ step: i + 1, stage: 0, loss, images: 8 }));
  writeFileSync(join(run, 'metrics.jsonl'), `${lines.join('\n')}\n{"step":4,"lo`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function inspect(path: string, values: Record<string, string> = {}): Promise<{ value: Record<string, unknown>; text: string }> {
  const printed: { value: unknown; text: string | undefined }[] = [];
  await command.run({
    positionals: [path],
    values,
    json: true,
    signal: new AbortController().signal,
    print: (value, text) => printed.push({ value, text }),
    progress: () => undefined,
  });
  expect(printed).toHaveLength(1);
  return { value: printed[0]!.value as Record<string, unknown>, text: printed[0]!.text ?? '' };
}

const fault = (path: string, values?: Record<string, string>): Promise<unknown> =>
  inspect(path, values).then(
    () => null,
    (thrown: unknown) => (thrown instanceof Fault ? thrown.code : thrown),
  );

describe('inspect', () => {
  test('shows the last whole update, although the run is still writing', async () => {
    expect((await inspect(run)).value).toMatchObject({
      recipe: 'tiny',
      seed: 7,
      steps: 5,
      record: { step: 3, loss: 1 },
      checkpoints: ['step-000002'],
    });
  });

  test('shows the update that is asked for, with means up to it and no further', async () => {
    const { value, text } = await inspect(run, { step: '2' });
    expect(value).toMatchObject({ record: { step: 2 }, mean_of_last_50: { loss: 3, images: 8 }, loss_curve: [4, 2] });
    expect(text).toContain('update 2 of 5');
  });

  test('says which updates there are when the one that is asked for is not', async () => {
    expect(await fault(run, { step: '9' })).toBe('run.step');
    await expect(inspect(run, { step: '9' })).rejects.toThrow('the updates 1 to 3');
  });

  test('refuses a folder that is no run, and one that is not there', async () => {
    expect(await fault(folder)).toBe('run.unreadable');
    expect(await fault(join(folder, 'nowhere'))).toBe('run.unreadable');
  });
});
