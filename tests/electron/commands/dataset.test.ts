import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { UsageError, type CommandContext, type CommandValues } from '#electron/commands/command.ts';
import { command } from '#electron/commands/dataset.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-dataset-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = Array.from({ length: 60 }, (_, at) => ({
  id: `case-${at}`, archive: 'images.zip', file: `${at}.jpg`, modality: 'ct', set: 's', split: 'train', width: 64, height: 64, task: 't', label: at % 2 ? 'x' : 'y', labels_space: ['x', 'y'],
  question_types: ['finding_class'], facts: {}, group: `patient-${at >> 1}`, licence: 'CC0 1.0', licence_class: at % 3 ? 'permissive' : 'unclear', sha256: at.toString(16).padStart(64, '0'), note: `kept ${at}`,
}));
const index = join(folder, 'index.jsonl');
writeFileSync(index, rows.map((row) => JSON.stringify(row)).join('\n'));

let status: number | void;
async function run(positionals: readonly string[], values: CommandValues = {}): Promise<unknown> {
  let printed: unknown = null;
  const context: CommandContext = {
    positionals, values, json: true, signal: new AbortController().signal, progress: () => undefined,
    print: (value) => {
      printed = value;
    },
  };
  status = await command.run(context);
  return printed;
}

describe('loupe dataset', () => {
  test('lint names what is wrong', async () => {
    expect(await run(['lint', index])).toMatchObject({ cases: 60, errors: 0 });
    expect(status).toBe(0);
    const leaky = join(folder, 'leaky.jsonl');
    writeFileSync(leaky, rows.map((row, at) => JSON.stringify({ ...row, split: at % 2 ? 'train' : 'val' })).join('\n'));
    const { errors, issues } = await run(['lint', leaky]) as { errors: number; issues: { code: string }[] };
    expect([errors, status]).toEqual([30, 10]);
    expect(new Set(issues.map(({ code }) => code))).toContain('leak.group');
  });

  test('split writes the same rows with new splits, patient by patient', async () => {
    const out = join(folder, 'split.jsonl');
    expect(await run(['split', index], { out, shares: '60,20,20', seed: '3' })).toEqual({ out, counts: { train: 36, val: 12, test: 12 } });
    const written = readFileSync(out, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as typeof rows[number]);
    expect(written.map(({ split: _, ...row }) => row)).toEqual(rows.map(({ split: _, ...row }) => row));
    for (let at = 0; at < 60; at += 2) expect(written[at]!.split).toBe(written[at + 1]!.split);
    expect(await run(['lint', out])).toMatchObject({ errors: 0 });
  });

  test.each(['coco', 'csv'])('writes as %s and reads the same rows back', async (as) => {
    const [out, back] = [join(folder, `cases.${as}`), join(folder, `back-${as}.jsonl`)];
    expect(await run(['write', index], { as, out })).toEqual({ out, cases: 60 });
    expect(await run(['read', out], { as, out: back })).toEqual({ out: back, cases: 60 });
    expect(await run(['snapshot', back])).toMatchObject({ hash: (await run(['snapshot', index]) as { hash: string }).hash });
    await expect(run(['read', back], { as, out })).rejects.toMatchObject({ code: 'exchange.form' });
  });

  test('snapshot writes one file, and the licence filter changes its hash', async () => {
    const out = join(folder, 'snapshots');
    const whole = await run(['snapshot', index], { out }) as { hash: string; path: string };
    const part = await run(['snapshot', index], { out, licence: ['permissive'] }) as { hash: string };
    expect(part.hash).not.toBe(whole.hash);
    expect(readdirSync(out).length).toBe(2);
    expect(await run(['snapshot', index])).toMatchObject({ hash: whole.hash, path: null });
  });

  test.each([[[], {}], [['mend', index], {}], [['lint'], {}], [['split', index], {}], [['split', index], { out: 'x', shares: '1,2' }], [['lint', index], { licence: ['free'] }]])(
    'refuses %j %j', async (positionals, values) => {
      await expect(run(positionals, values)).rejects.toThrow(UsageError);
    });

  test('says so when the result cannot be written', async () => {
    await expect(run(['split', index], { out: join(folder, 'none', 'x.jsonl') })).rejects.toMatchObject({ code: 'dataset.write' });
  });
});
