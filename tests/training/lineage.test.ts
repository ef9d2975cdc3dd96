/** The chain of hashes beside weights: written, read back, and every way of tampering with it told apart. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '#models/base/fault.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import { train } from '#training/trainer.ts';
import { chainOf, checkLineage, contentHash, lineageOf, lineageText, lineageWriter, recordLineage } from '#training/lineage.ts';
import type { LineageRun } from '#training/records/lineage.ts';
import type { Recipe } from '#training/records/recipe.ts';

const zeros = '0'.repeat(64);
const runOf = (name: string, step = 10): LineageRun => ({
  recipe: { name, sha256: contentHash({ name }) }, data: { snapshot: zeros, cases: 7 }, step, seed: 3, tokenizer: zeros,
});

let root: string;
let base: string;
let tuned: string;
let adapter: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'loupe-lineage-'));
  [base, tuned, adapter] = ['base', 'tuned', 'adapter'].map((name) => join(root, name)) as [string, string, string];
  const write = (folder: string, files: Readonly<Record<string, string>>): void => {
    mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  };
  write(base, { 'model.safetensors': 'base weights', 'config.json': '{}', 'tokenizer.json': '{}', 'README.md': 'a card' });
  write(tuned, { 'model.safetensors': 'tuned weights', 'config.json': '{}', 'tokenizer.json': '{}', 'trainer.safetensors': 'moments' });
  write(adapter, { 'adapter_model.safetensors': 'factors', 'adapter_config.json': '{}' });
  recordLineage(tuned, runOf('sft'), lineageOf(base));
  recordLineage(adapter, runOf('grpo', 200), lineageOf(tuned));
});

const codes = (folder: string, parentFolder?: string): string[] => checkLineage(folder, parentFolder === undefined ? {} : { parentFolder }).map(({ code }) => code);

test('an adapter tells its whole chain, from the base on', () => {
  const chain = chainOf(lineageOf(adapter));
  expect(chain.map(({ name, kind }) => [name, kind])).toEqual([['base', 'checkpoint'], ['tuned', 'checkpoint'], ['adapter', 'adapter']]);
  expect(chain.map(({ run }) => run?.recipe.name ?? null)).toEqual([null, 'sft', 'grpo']);
  expect(chain[0]!.files.map(({ name }) => name)).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  expect(chain[1]!.files.map(({ name }) => name)).not.toContain('trainer.safetensors');
  expect(chain[2]!.parent!.hash).toBe(lineageOf(tuned).hash);
});

test('what was not touched holds, with and without its parent', () => {
  expect(codes(tuned)).toEqual([]);
  expect(codes(adapter)).toEqual([]);
  expect(codes(adapter, tuned)).toEqual([]);
  expect(codes(tuned, base)).toEqual([]);
});

test('a folder may be moved, and its card may change', () => {
  const moved = join(root, 'moved');
  cpSync(adapter, moved, { recursive: true });
  writeFileSync(join(moved, 'README.md'), 'a new card');
  expect(codes(moved, tuned)).toEqual([]);
});

describe('tampering is found', () => {
  test('in the weights', () => {
    writeFileSync(join(adapter, 'adapter_model.safetensors'), 'factorz');
    expect(codes(adapter)).toEqual(['lineage.file']);
  });
  test('where a file is gone', () => {
    rmSync(join(tuned, 'tokenizer.json'));
    expect(codes(tuned)).toEqual(['lineage.file']);
  });
  test('where a file was added', () => {
    writeFileSync(join(tuned, 'chat_template.jinja'), 'x');
    expect(checkLineage(tuned)).toEqual([{ code: 'lineage.file', message: 'chat_template.jinja was added to tuned.' }]);
  });
  test.each([
    ['in what it says of itself', (text: string) => text.replace('"step": 200', '"step": 100')],
    ['in what it says of an ancestor', (text: string) => text.replace('"step": 10,', '"step": 11,')],
    ['where an ancestor is left out', (text: string) => JSON.stringify({ ...(JSON.parse(text) as object), parent: null })],
    ['where it is cut', (text: string) => text.slice(0, 300)],
    ['where it is something else', () => '[]'],
  ])('%s', (_, change) => {
    const path = join(adapter, 'lineage.json');
    const before = readFileSync(path, 'utf8');
    const after = change(before);
    expect(after).not.toBe(before);
    writeFileSync(path, after);
    expect(codes(adapter)).toEqual(['lineage.damaged']);
    let code = 'none';
    try {
      lineageOf(adapter);
    } catch (fault) {
      code = (fault as Fault).code;
    }
    expect(code).toBe('lineage.damaged');
  });
  test('where the record is gone', () => {
    rmSync(join(adapter, 'lineage.json'));
    expect(codes(adapter)).toEqual(['lineage.missing']);
  });
  test('in the base that it is put upon', () => {
    expect(codes(adapter, base)).toContain('lineage.parent');
    writeFileSync(join(base, 'model.safetensors'), 'another base');
    expect(codes(tuned, base)).toEqual(['lineage.parent']);
    expect(codes(base, base)).toEqual(['lineage.missing']);
  });
});

test('a run that began from nothing has no parent, and says so when one is asked for', () => {
  recordLineage(tuned, runOf('scratch'), null);
  expect(codes(tuned)).toEqual([]);
  expect(checkLineage(tuned, { parentFolder: base })).toEqual([{ code: 'lineage.parent', message: 'tuned names nothing that it was made of.' }]);
});

test('a folder without weights is refused', () => {
  mkdirSync(join(root, 'empty'));
  for (const folder of ['empty', 'nowhere']) expect(() => lineageOf(join(root, folder))).toThrow(/is no model/);
});

test('content has one hash whatever the order of its fields', () => {
  expect(contentHash({ a: 1, b: { c: [1, 2], d: 'x' } })).toBe(contentHash({ b: { d: 'x', c: [1, 2] }, a: 1 }));
  expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
});

test('every folder of weights that a run makes carries its lineage, an adapter too', async () => {
  const records = await casesOf([writeTinyIndex(6)], {});
  const first = join(root, 'first');
  await train({ recipe: tinyRecipe, records, run: first, parts: partsOf(tinyRecipe, records), until: 1 });
  const recipe = { ...tinyRecipe, name: 'second', start: { folder: join(first, 'final') }, trained: 'self_attn\\.[qv]_proj$', adapter: { rank: 2, alpha: 4 } };
  const second = join(root, 'second');
  await train({ recipe, records, run: second, parts: partsOf(recipe, records), until: 2 });
  const made = join(second, 'final');
  expect(checkLineage(made, { parentFolder: join(first, 'final') })).toEqual([]);
  expect(checkLineage(join(second, 'checkpoints', 'step-000002'))).toEqual([]);
  expect(chainOf(lineageOf(made)).map(({ kind, run }) => [kind, run?.recipe.name, run?.step, run?.data.cases])).toEqual([['checkpoint', 'tiny', 1, 6], ['adapter', 'second', 2, 6]]);
});

test('a network that takes no weight from the start of its recipe names no parent', () => {
  const { learns: _learns, ...shape } = tinyRecipe.stages[0]!;
  const recipe: Recipe = { ...tinyRecipe, start: { folder: base }, stages: [{ ...shape, learns: 'integrity', integrity: { width: 8, blocks: 1, noise: 0 } }] };
  lineageWriter({ recipe, records: [], tokenizer: {} })(tuned, 5);
  expect(lineageOf(tuned)).toMatchObject({ parent: null, run: { step: 5 } });
  lineageWriter({ recipe: { ...recipe, stages: tinyRecipe.stages }, records: [], tokenizer: {} })(tuned, 5);
  expect(lineageOf(tuned).parent).toMatchObject({ name: 'base' });
});

test.skipIf(!existsSync('models/weights/loupe-integrity/lineage.json'))('the integrity network that is built in is what its lineage says, and was made of nothing before it', () => {
  expect(checkLineage('models/weights/loupe-integrity')).toEqual([]);
  expect(lineageOf('models/weights/loupe-integrity').parent).toBeNull();
});

test('people read it as a tree', () => {
  const lines = lineageText(lineageOf(adapter)).split('\n');
  expect(lines[0]).toMatch(/^base \(checkpoint\) {2}[0-9a-f]{12}$/);
  expect(lines[1]).toBe('    from elsewhere');
  expect(lines.find((line) => line.includes('└ adapter (adapter)'))).toBeDefined();
  expect(lines.find((line) => line.includes('made by grpo'))).toMatch(/seed 3, step 200, on snapshot 000000000000 of 7 cases$/);
});
