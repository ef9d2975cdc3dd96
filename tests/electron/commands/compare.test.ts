import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '#electron/commands/compare.ts';
import type { CommandContext, CommandValues } from '#electron/commands/command.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';

async function compare(positionals: readonly string[], values: CommandValues = {}): Promise<{ value: unknown; text: string }> {
  let shown: { value: unknown; text: string } | undefined;
  const context: CommandContext = {
    positionals, values, json: false, signal: new AbortController().signal, progress: () => undefined,
    print: (value, text) => {
      shown = { value, text: text ?? '' };
    },
  };
  await command.run(context);
  return shown!;
}

const folder = mkdtempSync(join(tmpdir(), 'loupe-compare-'));

/** `right` of ten questions about each modality. */
function records(name: string, right: Readonly<Record<string, number>>): string {
  const path = join(folder, `${name}.jsonl`);
  const lines = Object.entries(right).flatMap(([modality, count]) => Array.from({ length: 10 }, (_, at) => ({ id: `${modality}${at}`, task: modality, modality, question_type: 'finding_class', correct: at < count, run: 'real' })));
  writeFileSync(path, [...lines, { ...lines[0]!, correct: false, run: 'blank' }].map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

test('records of several models become a table of train by test, blank pictures aside', async () => {
  const { text, value } = await compare([`ct=${records('a', { ct: 9, mri: 4 })}`, `mri=${records('b', { ct: 3, mri: 8 })}`]);
  expect(text.split('\n').slice(0, 4).map((line) => line.trim().split(/\s+/))).toEqual([
    ['trained', 'on', 'ct', 'mri', 'mean'], ['ct', '(90.0)', '(40.0)', '65.0'], ['mri', '(30.0)', '(80.0)', '55.0'], ['mean', '60.0', '60.0', '60.0'],
  ]);
  expect(value).toMatchObject({ rows: ['ct', 'mri'], columns: ['ct', 'mri'] });
});

test('a second table is subtracted cell by cell', async () => {
  const { text, value } = await compare([`ct=${records('c', { ct: 9, mri: 4 })}`], { against: [`ct=${records('d', { ct: 7, mri: 5 })}`] });
  expect(text).toMatch(/ct\s+\+20\.0\s+-10\.0/);
  expect(value).toMatchObject({ difference: { diagonal: [expect.closeTo(20, 6)] } });
  const [e, f] = [records('e', { ct: 1 }), records('f', { ct: 1 })];
  await expect(compare([`ct=${e}`, `mri=${f}`], { against: [`ct=${f}`, `xray=${f}`] })).rejects.toMatchObject({ code: 'compare.tables' });
});

test('one model stands against all, paired by question with an interval, also where it was asked more', async () => {
  const base = `base=${records('g', { ct: 2, mri: 5, xray: 1 })}`;
  const { text, value } = await compare([`ct=${records('h', { ct: 10, mri: 5 })}`, `mri=${records('i', { ct: 1, mri: 5 })}`], { against: [base] });
  expect(value).toMatchObject({ paired: { columns: ['ct', 'mri'], whole: [{ n: 20, gained: 8, lost: 0, points: expect.closeTo(40, 6) }, { n: 20, gained: 0, lost: 1, points: expect.closeTo(-5, 6) }] } });
  expect(text).toMatch(/ct\s+\+80\.0\*\s+0\.0\s+\+40\.0\* \(\+20\.0 to \+60\.0\)\s+8\s+0\s+20/);
  expect(text).toMatch(/mri\s+-10\.0\s+0\.0\s+-5\.0 \(-15\.0 to 0\.0\)/);
  await expect(compare([base], { against: [`ct=${records('j', { ct: 1 })}`] })).rejects.toMatchObject({ code: 'compare.tables', why: expect.stringContaining('finding_class about mri0') });
});

test('of rounds the one that brought less than half a point is the last', async () => {
  const rounds = [`base=${records('r0', { ct: 5 })}`, `one=${records('r1', { ct: 7 })}`, `two=${records('r2', { ct: 7 })}`];
  const { text, value } = await compare(rounds, { rounds: true });
  expect(value).toMatchObject({ last: 'two', rounds: [{ accuracy: 0.5, n: 10 }, { accuracy: 0.7 }, { accuracy: 0.7 }] });
  expect(text).toContain('two brought less than half a point');
  expect(text).toMatch(/one .* n 10 {2}\+20\.0 \(0\.0 to \+50\.0\) on the one before/);
  expect((await compare(rounds.slice(0, 2), { rounds: true })).value).toMatchObject({ last: null });
});

test('a file that holds no records is a fault that names the line', async () => {
  const path = join(folder, 'bad.jsonl');
  writeFileSync(path, '{"id": 1}\n');
  await expect(compare([`x=${path}`])).rejects.toMatchObject({ code: 'compare.records', why: 'Line 1 is not a record.' });
  await expect(compare([`x=${join(folder, 'absent')}`])).rejects.toMatchObject({ code: 'compare.records' });
  await expect(compare([])).rejects.toThrow('Name records');
});

/** Eight steps of one prompt whose completion lists as many boxes as `count` says. */
function run(name: string, count: (step: number) => number): string {
  const path = join(folder, name);
  mkdirSync(join(path, 'rollouts'), { recursive: true });
  writeFileSync(join(path, 'manifest.json'), JSON.stringify({ recipe: { name, seed: 1, stages: [{ steps: 8 }] } }));
  for (let step = 1; step <= 8; step++) {
    const boxes = Array.from({ length: count(step) }, (_, at) => ({ label: 'cell', box: [at, 0, at + 5, 5] }));
    const line = {
      step, stage: 0, prompt: 'p', case: 'c', set: 's', question_type: 'localization_cells', question: 'Where?', answer: '[]', size: { width: 56, height: 56 }, prompt_tokens: 9,
      gold: { kind: 'boxes', boxes: [{ label: 'cell', box: { x1: 0, y1: 0, x2: 5, y2: 5 } }], matchLabels: false },
      completions: [{ text: 'x', tokens: [1, 2], logprobs: [-1, -1], pieces: ['x', ''], finished: true, reward: 0.5, rewards: {}, parts: {}, correct: true, advantage: 0, boxes }],
    };
    writeFileSync(join(path, 'rollouts', `step-00000${step}.jsonl`), `${JSON.stringify(line)}\n`);
  }
  return path;
}

test('runs show their boxes for each image over time, and a list that grows for its own sake', async () => {
  const { text, value } = await compare([run('apAlone', (step) => step), run('odLength', () => 2)]);
  expect(text).toContain('apAlone (apAlone)');
  expect(text).toContain('the list may be growing for its own sake');
  expect(value).toMatchObject([{ verdict: { growth: 5, isSuspicious: true } }, { verdict: { growth: 1, isSuspicious: false } }]);
  await expect(compare([join(folder, 'nowhere')])).rejects.toMatchObject({ code: 'run.unreadable' });
});

test('the meter of lengths says how often each was right, and which cap that speaks for', async () => {
  const { text, value } = await compare([run('lengths', () => 1)], { length: true });
  expect(text).toContain('to 8 tokens  100.0 % of all  100.0 % right');
  expect(value).toMatchObject([{ completions: 8, cap: 8 }]);
});

test('a checkpoint is chosen on permissive cases of the val split alone', async () => {
  const path = join(folder, 'entropic');
  mkdirSync(path);
  writeFileSync(join(path, 'manifest.json'), JSON.stringify({ recipe: tinyRecipe }));
  const index = writeTinyIndex();
  await expect(compare([path], { entropy: true, cases: [index] })).rejects.toMatchObject({ code: 'compare.empty', why: expect.stringContaining('no case of the val split under the licence permissive') });
  const [line] = readFileSync(index, 'utf8').split('\n');
  writeFileSync(index, `${line!.replace('"split":"train"', '"split":"val"').replace('"permissive"', '"non_commercial"')}\n`);
  await expect(compare([path], { entropy: true, cases: [index] })).rejects.toMatchObject({ why: expect.stringContaining('under the licence permissive') });
  await expect(compare([path], { entropy: true, cases: [index], licence: ['non_commercial'] })).rejects.toMatchObject({ why: expect.stringContaining('kept no checkpoint') });
  await expect(compare([path], { entropy: true, cases: [index], licence: ['free'] })).rejects.toThrow('--licence is one of');
});
