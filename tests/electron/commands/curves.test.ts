/** `loupe curves` draws the measures of a run folder. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fault } from '#models/base/fault.ts';
import { isPng } from '#models/imaging/png.ts';
import { command } from '#electron/commands/curves.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-curves-'));
const run = join(folder, 'run');
beforeAll(() => {
  mkdirSync(run);
  writeFileSync(join(run, 'manifest.json'), JSON.stringify({ recipe: { name: 'tiny', seed: 7, stages: [{ steps: 20 }] } }));
  writeFileSync(join(run, 'metrics.jsonl'), Array.from({ length: 12 }, (_, at) => JSON.stringify({ step: at + 1, stage: 0, loss: 1 / (at + 1), reward: at })).join('\n'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function draw(path: string, out: string): Promise<unknown> {
  const printed: unknown[] = [];
  await command.run({ positionals: [path], values: { out }, json: true, signal: new AbortController().signal, print: (value) => printed.push(value), progress: () => undefined });
  return printed[0];
}
const code = (path: string, out: string): Promise<unknown> => draw(path, out).then(() => 'none', (fault: Fault) => fault.code);

test('writes a PNG and says what is on it', async () => {
  const out = join(folder, 'curves.png');
  expect(await draw(run, out)).toEqual({ out, panels: [{ title: 'Reward', series: ['all rewards'] }, { title: 'Loss', series: ['loss'] }], stages: [], steps: 12 });
  expect(isPng(readFileSync(out))).toBe(true);
});

test('refuses a folder that is no run, a run without measures, and a place that cannot be written to', async () => {
  expect(await code(folder, join(folder, 'x.png'))).toBe('run.unreadable');
  expect(await code(run, join(folder, 'nowhere', 'x.png'))).toBe('curves.write');
  writeFileSync(join(run, 'metrics.jsonl'), '');
  expect(await code(run, join(folder, 'x.png'))).toBe('curves.empty');
});
