import { appendFileSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { openAdapter, saveAdapter } from '#models/weights/peft.ts';
import { readTensor } from '#models/weights/safetensors.ts';
import { writeJob } from '#training/cluster/job.ts';
import { openReturned, scopeOf, startOf, takeOver } from '#training/cluster/returned.ts';
import { command } from '#electron/commands/import.ts';
import { checkLineage, chainOf, lineageOf } from '#training/lineage.ts';
import { partsFor, policyRecipe, seal, temporary, writeResult, writeStart } from '#tests/support/clusterJobs.ts';

const folder = temporary('return');
afterAll(() => rmSync(folder, { recursive: true }));
const start = writeStart(join(folder, 'start'));
let count = 0;

/** A job of its own with a sealed result. */
function returned(change: Parameters<typeof writeResult>[1] = {}): string {
  const job = join(folder, `job${count++}`);
  writeJob(job, partsFor('trl', start));
  writeResult(job, change);
  seal(job);
  return job;
}

const fresh = (): string => join(folder, `model${count++}`);
const take = (job: string, out = fresh()): string => {
  const back = openReturned(job);
  return takeOver(back, startOf(back), out);
};
const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });

describe('a checkpoint that comes back', () => {
  test('is taken over under our names, with the small files of its start', () => {
    const model = openCheckpoint(take(returned()));
    expect([...model.tensors.keys()].sort()).toEqual(['model.layers.0.self_attn.q_proj.weight', 'visual.merger.mlp.0.weight']);
    expect([...readTensor(model.tensors.get('model.layers.0.self_attn.q_proj.weight')!)].slice(0, 3)).toEqual([0.5, 0.5625, 0.625]);
    expect(model.config).toEqual({ ...(openCheckpoint(start).config as object), torch_dtype: 'float32' });
    expect([model.tokenizer, model.chatTemplate]).toEqual([{ version: '1.0' }, 'TEMPLATE']);
    expect(model.preprocessor).toMatchObject({ min_pixels: 3136, max_pixels: 3136 });
  });

  test('gets its lineage: the start, the recipe, the data, the updates, and the job beside it', async () => {
    const [job, out] = [returned(), fresh()];
    let printed: unknown;
    await command.run({ positionals: [job], values: { out }, json: true, signal: new AbortController().signal, progress: () => undefined, print: (value) => void (printed = value) });
    const lineage = lineageOf(out);
    expect(printed).toMatchObject({ model: out, kind: 'checkpoint', engine: 'trl', steps: 6, lineage: lineage.hash });
    expect(chainOf(lineage).map(({ name }) => name)).toEqual(['start', out.split('/').at(-1)]);
    expect(lineage.run).toMatchObject({ recipe: { name: 'elsewhere' }, data: { snapshot: '5'.repeat(64), cases: 2 }, step: 6, seed: 3 });
    expect(checkLineage(out, { parentFolder: start })).toEqual([]);
    expect(JSON.parse(readFileSync(join(out, 'cluster.json'), 'utf8'))).toMatchObject({ engine: 'trl', versions: { trl: '1.13.0' }, steps: 6 });
    for (const name of readdirSync(out)) expect(readFileSync(join(out, name), 'latin1')).not.toContain('/another/machine');
  });

  test('gets what it was trained on: from the job, or as a person says; where neither does, that is told', async () => {
    const run = async (job: string, values: Record<string, string> = {}): Promise<{ readonly scope: unknown; readonly text: string; readonly out: string }> => {
      const out = fresh();
      let told = { scope: null as unknown, text: '' };
      await command.run({ positionals: [job], values: { out, ...values }, json: false, signal: new AbortController().signal, progress: () => undefined, print: (value, text = '') => void (told = { scope: (value as { scope: unknown }).scope, text }) });
      return { ...told, out };
    };
    const scope = { format: 'loupe.scope/1', trained: [{ modality: 'ct', bodyParts: ['chest'] }], locates: [] };
    const first = await run(returned());
    expect([first.scope, JSON.parse(readFileSync(join(first.out, 'scope.json'), 'utf8'))]).toEqual([scope, scope]);
    expect(first.text).toContain('Trained on: ct: chest');
    expect((await run(returned(), { trained: 'xray: Hand, foot; mri' })).scope).toMatchObject({ trained: [{ modality: 'xray', bodyParts: ['hand', 'foot'] }, { modality: 'mri', bodyParts: [] }], statedBy: expect.any(String) });
    await expect(run(returned(), { trained: 'chest films' })).rejects.toThrow('--trained');
    // A job of before jobs said it.
    const { folder: job, ...old } = openReturned(returned());
    expect(scopeOf({ folder: job, job: { ...old.job, files: old.job.files.filter(({ path }) => path !== 'scope.json') } })).toBeNull();
  });

  test('is found where the weights of its start did not travel, if these are at hand', () => {
    const job = join(folder, `job${count++}`);
    writeJob(job, partsFor('trl', start, policyRecipe('grpo/vlmR1'), false));
    writeResult(job);
    seal(job);
    const back = openReturned(job);
    expect(() => startOf(back)).toThrowError(code('import.damaged'));
    expect(takeOver(back, startOf(back, start), fresh())).toMatch(/model/);
    const other = writeStart(join(folder, `other${count++}`));
    appendFileSync(join(other, 'model.safetensors'), ' ');
    expect(() => startOf(back, other)).toThrowError(code('import.stranger'));
  });

  test.each([
    ['import.shape', { shape: [4, 2] }], ['import.shape', { extra: true }], ['import.shape', { drop: true }], ['import.numbers', { change: NaN }], ['import.numbers', { change: Infinity }],
  ] as const)('is refused with %s: %j', (wanted, change) => {
    const [job, out] = [returned(change), fresh()];
    expect(() => take(job, out)).toThrowError(code(wanted));
    expect([existsSync(out), readdirSync(folder).filter((name) => name.endsWith('.part'))]).toEqual([false, []]);
  });

  test('is not written over another folder', () => {
    expect(() => take(returned(), start)).toThrowError(code('import.folder'));
  });
});

describe('a folder is refused', () => {
  test.each([
    ['import.job', 'has no manifest', (job: string) => rmSync(join(job, 'job.json'))],
    ['import.job', 'has a manifest that is no JSON', (job: string) => writeFileSync(join(job, 'job.json'), '{')],
    ['import.job', 'has a manifest that names files outside', (job: string) => writeFileSync(join(job, 'job.json'), readFileSync(join(job, 'job.json'), 'utf8').replace('"recipe.json"', '"../recipe.json"'))],
    ['import.result', 'was never sealed', (job: string) => rmSync(join(job, 'result/returned.json'))],
    ['import.result', 'has a seal that is cut off', (job: string) => writeFileSync(join(job, 'result/returned.json'), readFileSync(join(job, 'result/returned.json'), 'utf8').slice(0, 100))],
    ['import.stranger', 'holds the result of another job', (job: string) => seal(job, { jobHash: '0'.repeat(64) })],
    ['import.stranger', 'has a manifest that was changed after the run', (job: string) => appendFileSync(join(job, 'job.json'), '\n')],
    ['import.stranger', 'holds the other kind of weights', (job: string) => seal(job, { kind: 'adapter' })],
    ['import.damaged', 'has weights that were changed', (job: string) => appendFileSync(join(job, 'result/model/model.safetensors'), 'x')],
    ['import.damaged', 'lacks a sealed file', (job: string) => rmSync(join(job, 'result/model/config.json'))],
    ['import.damaged', 'has weights that were added', (job: string) => copyFileSync(join(job, 'result/model/model.safetensors'), join(job, 'result/model/more.safetensors'))],
    ['import.damaged', 'has another recipe', (job: string) => appendFileSync(join(job, 'recipe.json'), ' ')],
    ['checkpoint.outside', 'links to weights elsewhere', (job: string) => {
      rmSync(join(job, 'result/model/model.safetensors'));
      symlinkSync(join(start, 'model.safetensors'), join(job, 'result/model/model.safetensors'));
    }],
  ] as const)('with %s where it %s', (wanted, _, harm) => {
    const job = returned();
    harm(job);
    expect(() => openReturned(job)).toThrowError(code(wanted));
  });

  test('that is not the one that was exported', () => {
    const job = returned();
    const kept = join(folder, `kept${count++}`);
    cpSync(job, kept, { recursive: true });
    expect(openReturned(job, kept).job.engine).toBe('trl');
    writeJob(join(folder, 'another'), partsFor('trl', start, policyRecipe('grpo/vlmR1', { seed: 4 })));
    expect(() => openReturned(job, join(folder, 'another'))).toThrowError(code('import.stranger'));
    expect(() => openReturned(join(folder, 'nowhere'))).toThrowError(code('import.job'));
  });
});

describe('an adapter that comes back', () => {
  const adapterJob = (size = 4): string => {
    const job = join(folder, `job${count++}`);
    writeJob(job, partsFor('trl', start, policyRecipe('grpo/vlmR1', { adapter: { rank: 2, alpha: 4 }, trained: '^model\\.' })));
    mkdirSync(join(job, 'result/model'), { recursive: true });
    saveAdapter(join(job, 'result/model'), {
      rank: 2, alpha: 4, baseModel: '/another/machine/checkpoint',
      pairs: new Map([['model.layers.0.self_attn.q_proj.weight', { a: new Float32Array(2 * size).fill(0.1), b: new Float32Array(4 * 2).fill(0.2) }]]),
    });
    seal(job, { kind: 'adapter' });
    return job;
  };

  test('names its start instead of a path of the machine that it comes from', () => {
    const adapter = openAdapter(take(adapterJob()));
    expect(adapter.config.base_model_name_or_path).toBe('start');
    expect([...adapter.pairs.keys()]).toEqual(['model.layers.0.self_attn.q_proj.weight']);
  });

  test('has to fit its start', () => {
    const [job, out] = [adapterJob(6), fresh()];
    expect(() => take(job, out)).toThrowError(code('adapter.base'));
    expect(existsSync(out)).toBe(false);
  });
});
