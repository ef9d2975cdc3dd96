/** `loupe promote`: locked cases, lineages, and a verdict on the disk whether it lets through or not. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { saveAdapter } from '#models/weights/peft.ts';
import { command } from '#electron/commands/promote.ts';
import { writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { closeArchives, readIndex } from '#training/data/cases.ts';
import { snapshotOf, writeSnapshot } from '#training/data/snapshot.ts';
import type { EvaluationLine } from '#training/evaluate.ts';
import { lineageOf, recordLineage } from '#training/lineage.ts';

const base = 'models/weights/loupe-base';
const folder = mkdtempSync(join(tmpdir(), 'loupe-promote-'));
const [candidate, over] = [join(folder, 'candidate'), join(folder, 'over')];
let index: string;
let lock: string;
beforeAll(async () => {
  index = writeTinyIndex(24);
  const rows = readFileSync(index, 'utf8').trim().split('\n').map((line, at) => ({ ...(JSON.parse(line) as object), split: at < 12 ? 'train' : 'val' }));
  writeFileSync(index, rows.map((row) => JSON.stringify(row)).join('\n'));
  lock = writeSnapshot(snapshotOf(await readIndex(index)), folder);
  for (const path of [candidate, over]) {
    mkdirSync(path);
    writeFileSync(join(path, 'model.safetensors'), path);
  }
  const hash = '0'.repeat(64);
  recordLineage(candidate, { recipe: { name: 'grpo', sha256: hash }, data: { snapshot: hash, cases: 12 }, step: 9, seed: 1, tokenizer: hash }, lineageOf(over));
});
afterAll(() => {
  closeArchives();
  for (const path of [folder, dirname(index)]) rmSync(path, { recursive: true, force: true });
});

/** Answers of a model that is right on the first `right` of the twelve cases, and on none without its picture. */
function answers(right: number, name: string): string {
  const lines = (['real', 'blank', 'swapped'] as const).flatMap((run) => Array.from({ length: 12 }, (_, at): EvaluationLine => ({
    id: `p${12 + at}`, task: 'us_breast_3', question_type: 'finding_class', question: 'What?', gold: 'benign', answer: '', correct: run === 'real' && at < right, boxes: null, gold_boxes: null,
    iou: null, text: '', run,
  })));
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

interface Ended { readonly code: string; readonly value: Record<string, unknown> | undefined; readonly progress: string; readonly why: string }

async function promote(values: Record<string, string | readonly string[]>, path = candidate): Promise<Ended> {
  const printed: unknown[] = [];
  const told: string[] = [];
  const outcome = (code: string, why = ''): Ended => ({ code, why, value: printed[0] as Ended['value'], progress: told.join('\n') });
  try {
    await command.run({
      positionals: [path], values: { over, cases: [index], lock, ...values }, json: true, signal: new AbortController().signal, print: (value) => printed.push(value), progress: (text) => void told.push(text),
    });
    return outcome('');
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    return outcome(fault.code, fault.why);
  }
}

test('a better model is promoted, and the verdict names both lineages and the lock', async () => {
  const { code, value } = await promote({ records: answers(11, 'a'), 'over-records': answers(2, 'b') });
  expect(code).toBe('');
  expect(value).toMatchObject({
    decision: 'promoted', reasons: [], mcnemar: { gained: 9, lost: 0 }, validation: { split: 'val', cases: 12, snapshot: expect.stringMatching(/^[0-9a-f]{64}$/) },
    candidate: { name: 'candidate', run: { step: 9 }, parent: { name: 'over' } }, baseline: { name: 'over', run: null },
  });
  expect(JSON.parse(readFileSync(join(candidate, 'promotion.json'), 'utf8'))).toEqual(value);
});

test('a worse one is refused with the table, and the verdict is written all the same', async () => {
  const out = join(folder, 'verdict.json');
  const { code, progress, why } = await promote({ records: answers(2, 'a'), 'over-records': answers(11, 'b'), out });
  expect(code).toBe('promote.refused');
  expect(progress).toMatch(/REFUSED on 12 locked cases/);
  expect(why).toMatch(/^accuracy: -75\.0 points.*image reliance.*ultrasound, finding class: -75\.0 points/);
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ decision: 'refused', candidate: { name: 'candidate' } });
});

describe('nothing is judged', () => {
  const given = { records: '', 'over-records': '' };
  beforeAll(() => Object.assign(given, { records: answers(11, 'c'), 'over-records': answers(2, 'd') }));
  const rows = (change: (row: Record<string, unknown>, at: number) => object): string => {
    const path = join(dirname(index), 'changed.jsonl');
    writeFileSync(path, readFileSync(index, 'utf8').split('\n').map((line, at) => JSON.stringify({ ...(JSON.parse(line) as object), ...change(JSON.parse(line) as Record<string, unknown>, at) })).join('\n'));
    return path;
  };
  const code = async (values: Record<string, string | readonly string[]>, path?: string): Promise<string> => (await promote({ ...given, ...values }, path)).code;

  test('where a label was changed after the lock', async () => expect(await code({ cases: [rows((_, at) => (at === 20 ? { label: 'normal' } : {}))] })).toBe('promote.lock'));
  test('where a case was left out', async () => expect(await code({ cases: [rows((_, at) => (at === 20 ? { split: 'test' } : {}))] })).toBe('promote.lock'));
  test('where the split has no cases', async () => expect(await code({ split: 'test' })).toBe('promote.lock'));
  test('where a patient is trained on too', async () => {
    const cases = rows((row, at) => (at === 20 ? { group: 'g1' } : row));
    expect(await code({ cases: [cases], lock: writeSnapshot(snapshotOf(await readIndex(cases)), folder) })).toBe('promote.leak');
  });
  test('where the weights are not those of the lineage', async () => {
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    writeFileSync(join(broken, 'lineage.json'), readFileSync(join(candidate, 'lineage.json')));
    writeFileSync(join(broken, 'model.safetensors'), 'others');
    expect(await code({}, broken)).toBe('promote.lineage');
  });
  test('where the answers are no answers', async () => expect(await code({ records: index })).toBe('promote.records'));
  test('on the cases that were trained on', async () => await expect(promote({ ...given, split: 'train' })).rejects.toThrow('--split is val or test'));
});

test('an adapter that changes nothing is asked like the model itself, and refused: it is no better', async () => {
  const adapter = join(folder, 'adapter');
  const name = 'model.layers.0.self_attn.q_proj.weight';
  const [out, width] = openCheckpoint(base).tensors.get(name)!.shape as [number, number];
  saveAdapter(adapter, { rank: 2, alpha: 4, pairs: new Map([[name, { a: new Float32Array(2 * width).fill(0.1), b: new Float32Array(2 * out) }]]) });
  const cases = join(dirname(index), 'few.jsonl');
  writeFileSync(cases, readFileSync(index, 'utf8').split('\n').filter((_, at) => at < 2 || at >= 22).join('\n'));
  const few = writeSnapshot(snapshotOf(await readIndex(cases)), folder);
  const { code, why } = await promote({ over: base, cases: [cases], lock: few, 'max-new-tokens': '8' }, adapter);
  expect(code).toBe('promote.refused');
  expect(why).toMatch(/^accuracy: 0\.0 points, interval 0\.0 to 0\.0/);
  const verdict = JSON.parse(readFileSync(join(adapter, 'promotion.json'), 'utf8')) as { mcnemar: object };
  expect(verdict.mcnemar).toEqual({ gained: 0, lost: 0, p: 1 });
}, 60_000);
