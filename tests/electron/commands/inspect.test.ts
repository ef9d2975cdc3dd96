/** `loupe inspect` shows one update of a run folder. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { rolloutLine } from '#tests/support/rollouts.ts';
import { lineageOf, recordLineage } from '#training/lineage.ts';
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

describe('inspect of a run that learns by trying', () => {
  const policy = join(folder, 'policy');
  beforeAll(() => {
    mkdirSync(join(policy, 'rollouts'), { recursive: true });
    writeFileSync(join(policy, 'manifest.json'), JSON.stringify({ recipe: { name: 'visionR1', seed: 7, stages: [{ steps: 9 }] } }));
    const lines = [1, 2, 3, 4, 5, 6, 7].map((step) => ({ step, stage: 0, loss: 0, reward: 0.4, frac_reward_zero_std: 0.9, entropy: step === 2 ? 0.05 : 0.5 }));
    writeFileSync(join(policy, 'metrics.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
    const tried = [rolloutLine, { ...rolloutLine, case: 'us-0418' }].map((line) => JSON.stringify({ ...line, step: 6 }));
    writeFileSync(join(policy, 'rollouts', 'step-000006.jsonl'), `${tried.join('\n')}\n{"step":6,`);
    writeFileSync(join(policy, 'rollouts', 'step-000004.jsonl'), '{"step":4}\n{"step":4}\n');
  });

  test('shows what was tried, with rewards, answers and tokens', async () => {
    const { value, text } = await inspect(policy, { step: '6' });
    expect(value['rollouts']).toMatchObject([{ case: 'us-0417', summary: { right: 2, cut: 1 }, completions: [{ reward: 1.46 }, {}, {}, {}] }, { case: 'us-0418' }]);
    expect(text).toContain('us-0417 (us_breast_busi)');
    expect(text).toContain('questions    2 medium');
    expect(text).toMatch(/ 1 {4}1\.46 .* malignant/);
    expect(text).not.toContain('\u001b');
  });

  test('shows one case and as many questions as are asked for', async () => {
    expect((await inspect(policy, { step: '6', case: 'us-0418' })).value['rollouts']).toHaveLength(1);
    expect((await inspect(policy, { step: '6', groups: '1' })).text).toContain('1 more questions were put at this step');
    expect(await fault(policy, { step: '6', case: 'nobody' })).toBe('run.case');
  });

  test('rings the alarms of the step, and tells those before it', async () => {
    const { value, text } = await inspect(policy);
    expect(value).toMatchObject({ alarms: [{ code: 'groups.equal', step: 7 }], alarm_history: [{ code: 'entropy.collapse', step: 2 }, { code: 'groups.equal', step: 5 }] });
    expect(text).toContain('alarms so far  entropy.collapse at 2, groups.equal at 5');
  });

  test('says where there are rollouts when there are none of this step', async () => expect((await inspect(policy, { step: '7' })).text).toContain('--step 6'));

  test('refuses rollouts of another form', async () => expect(await fault(policy, { step: '4' })).toBe('run.rollouts'));

  test('refuses an unknown way of looking', async () => {
    await expect(inspect(policy, { tokens: 'some' })).rejects.toThrow('--tokens takes one of extremes, all, none');
    await expect(inspect(policy, { by: 'length' })).rejects.toThrow('--by takes one of');
  });
});

describe('inspect --lineage', () => {
  const [base, tuned] = [join(folder, 'base'), join(folder, 'tuned')];
  const hash = '0'.repeat(64);
  const lineage = async (path: string) => (await inspect(path, { lineage: true as never })).value;
  beforeAll(() => {
    for (const path of [base, tuned]) {
      mkdirSync(path);
      writeFileSync(join(path, 'model.safetensors'), path);
    }
    recordLineage(tuned, { recipe: { name: 'sft', sha256: hash }, data: { snapshot: hash, cases: 2 }, step: 5, seed: 1, tokenizer: hash }, lineageOf(base));
  });

  test('prints the whole chain', async () => expect(await lineage(tuned)).toMatchObject({ chain: [{ name: 'base', run: null }, { name: 'tuned', run: { step: 5 } }], problems: [] }));
  test('says that weights from elsewhere carry none', async () => expect(await lineage(base)).toMatchObject({ chain: [{ name: 'base' }], problems: [{ code: 'lineage.missing' }] }));
  test('finds weights that are not what they were', async () => {
    writeFileSync(join(tuned, 'model.safetensors'), 'other');
    expect(await lineage(tuned)).toMatchObject({ problems: [{ code: 'lineage.file' }] });
  });
});
