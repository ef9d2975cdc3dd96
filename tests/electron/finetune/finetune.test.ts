import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EventName, Payload, Publish } from '#electron/contract/events.ts';
import type { Plan, Run } from '#electron/contract/finetune.ts';
import { openFinetune, type Finetune, type FinetuneOptions } from '#electron/finetune/finetune.ts';
import { openShelf, type Shelf } from '#electron/models/shelf.ts';
import { launchProcess, type Carrier } from '#electron/workers/supervisor.ts';
import { connectTraining } from '#electron/workers/trainingClient.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { bundleWorker, type BundledWorker } from '#tests/support/workers.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let worker: BundledWorker;
let index: string;
const folders: string[] = [];
const carriers: Carrier[] = [];
beforeAll(async () => {
  worker = await bundleWorker('training');
  index = writeTinyIndex();
});
afterAll(() => {
  worker?.remove();
  [dirname(index), ...folders].forEach((folder) => rmSync(folder, { recursive: true, force: true }));
});

interface Opened {
  readonly finetune: Finetune;
  readonly shelf: Shelf;
  readonly folder: string;
  readonly told: { readonly [E in EventName]?: Payload<E>[] };
  readonly models: () => number;
  until(runId: string, isWanted: (run: Run) => boolean): Promise<Run>;
}

/** The service as the workstation builds it, with real training processes. */
function open(folder = mkdtempSync(join(tmpdir(), 'loupe-finetune-')), extra: Partial<FinetuneOptions> = {}): Opened {
  folders.push(folder);
  mkdirSync(join(folder, 'recipes'), { recursive: true });
  writeFileSync(join(folder, 'recipes', 'tiny.json'), JSON.stringify({ ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0], steps: 8 }] }));
  writeFileSync(join(folder, 'indexes.jsonl'), `${JSON.stringify({ path: index })}\n`);
  const told: Record<string, unknown[]> = {};
  const publish = ((event, payload) => void (told[event] ??= []).push(payload)) as Publish;
  let models = 0;
  const trainer = connectTraining(worker.file, (file) => {
    const carrier = launchProcess(file);
    carriers.push(carrier);
    return carrier;
  }, () => undefined);
  const now = (): string => new Date().toISOString();
  const shelf = openShelf({ folder, builtIn: { folder: resolve('models/weights/loupe-base'), name: 'loupe-base' }, by: 'reader', now, onInUse: () => models++ });
  const finetune = openFinetune({ folder, trainer, publish, now, models: shelf, curated: () => ({ index: '', cases: 0, snapshots: [] }), ...extra });
  return {
    finetune, shelf, folder, told: told, models: () => models,
    until: (runId, isWanted) => vi.waitUntil(() => finetune.runs().runs.find((run) => run.id === runId && isWanted(run)), { timeout: 200_000, interval: 20 }),
  };
}

const plan = (change: Partial<Plan> = {}): Plan => ({ name: 'first', recipe: 'tiny', data: `index:${index}`, model: null, steps: null, minutes: null, seed: 3, ...change });
const weightsOf = (folder: string, runId: string): string => createHash('sha256').update(readFileSync(join(folder, 'runs', runId, 'run', 'final', 'model.safetensors'))).digest('hex');

describe('fine-tuning in a process of its own', () => {
  let opened: Opened;
  let straight: string;
  beforeAll(() => (opened = open()));
  afterAll(async () => await opened.finetune.close());

  test('offers recipes of this person beside the built-in ones, and what can be learnt from', async () => {
    const { recipes, data, models } = await opened.finetune.choices();
    expect(recipes.find(({ name }) => name === 'tiny')).toMatchObject({ isOwn: true, steps: 8, trains: 'weights', needsModel: false, learns: ['answer'] });
    expect(recipes.find(({ name }) => name === 'grpoLora')).toMatchObject({ isOwn: false, trains: 'adapter', rewards: ['accuracy'] });
    expect(data.map(({ kind, train, problem }) => [kind, train, problem])).toEqual([['index', 12, null], ['drawn', 80, null]]);
    expect(models).toMatchObject([{ id: 'built-in', isInUse: true }]);
  });

  test('trains to the end, and tells each step as its line was written', async () => {
    const { id } = await opened.finetune.start(plan());
    expect(await opened.until(id, ({ state }) => state === 'done')).toMatchObject({ step: 8, steps: 8, why: null });
    const written = readFileSync(join(opened.folder, 'runs', id, 'run', 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as unknown);
    expect(opened.told['finetune.step']?.filter(({ runId }) => runId === id).map(({ line }) => line)).toEqual(written);
    expect(opened.finetune.metrics(id).lines).toEqual(written);
    straight = weightsOf(opened.folder, id);
  });

  test('paused in the middle and resumed, it ends with the very same weights', async () => {
    const { id } = await opened.finetune.start(plan({ name: 'second' }));
    await opened.until(id, ({ step }) => step >= 2);
    await expect(opened.finetune.start(plan())).rejects.toMatchObject({ code: 'finetune.busy' });
    opened.finetune.pause(id);
    const paused = await opened.until(id, ({ state }) => state !== 'running' && state !== 'pausing');
    expect(paused.state).toBe('paused');
    expect(paused.step).toBeLessThan(8);
    opened.finetune.resume(id);
    await opened.until(id, ({ state }) => state === 'done');
    expect(opened.finetune.metrics(id).lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(weightsOf(opened.folder, id)).toBe(straight);
  });

  test('a killed process is noticed, told, and gone on with from the last checkpoint to the same weights', async () => {
    const { id } = await opened.finetune.start(plan({ name: 'third' }));
    await opened.until(id, ({ step }) => step >= 3);
    carriers.at(-1)?.end();
    const crashed = await opened.until(id, ({ state }) => state === 'crashed' || state === 'done');
    expect(crashed).toMatchObject({ state: 'crashed', why: { code: 'training.ended' } });
    opened.finetune.resume(id);
    await opened.until(id, ({ state }) => state === 'done');
    expect(opened.finetune.metrics(id).lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(weightsOf(opened.folder, id)).toBe(straight);
  });

  test('a run that no case could judge is not promoted, and without a promotion there is nothing to go back to', async () => {
    const [{ id } = { id: '' }] = opened.finetune.runs().runs;
    await expect(opened.finetune.evaluate(id, 4)).rejects.toMatchObject({ code: 'finetune.unjudged' });
    await expect(opened.finetune.promote(id)).rejects.toMatchObject({ code: 'promote.refused' });
    expect(() => opened.finetune.rollback()).toThrow(/no model to go back to/);
    expect(opened.models()).toBe(0);
  });

  test('takes a model into use that the gate let through, and the one before in one step', async () => {
    const [run] = opened.finetune.runs().runs as [Run];
    const gate = { decision: 'promoted', reasons: [], gained: 9, lost: 0, p: 0.001, questionsSha256: 'a'.repeat(64), comparisons: [], subgroups: [] };
    writeFileSync(join(opened.folder, 'runs', run.id, 'evaluation.json'), JSON.stringify({ at: '', baselineName: 'loupe-base', cases: 1, rows: [], gate, step: run.step, model: 'built-in' }));
    const [inUse] = await opened.finetune.promote(run.id);
    expect(inUse).toMatchObject({ how: 'promoted', by: 'reader', runId: run.id, lineage: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(opened.shelf.current().folder).toBe(join(opened.folder, 'models', `${run.id}-8`));
    expect(existsSync(join(opened.shelf.current().folder, 'model.safetensors'))).toBe(true);
    const began = performance.now();
    expect(opened.finetune.rollback()[0]).toMatchObject({ how: 'rolled back', id: 'built-in' });
    expect(performance.now() - began).toBeLessThan(5000);
    expect(opened.shelf.current().folder).toBe(resolve('models/weights/loupe-base'));
    expect(opened.models()).toBe(2);
  });

  test('a run that was cut off by the end of the program is known as that afterwards', async () => {
    const run = opened.finetune.runs().runs[0]!;
    const path = join(opened.folder, 'runs', run.id, 'run.json');
    const folder = mkdtempSync(join(tmpdir(), 'loupe-finetune-'));
    mkdirSync(join(folder, 'runs', run.id), { recursive: true });
    writeFileSync(join(folder, 'runs', run.id, 'run.json'), readFileSync(path, 'utf8').replace('"state":"done"', '"state":"running"'));
    const later = open(folder);
    expect(later.finetune.runs().runs).toMatchObject([{ id: run.id, state: 'crashed', why: { code: 'training.interrupted' } }]);
    await later.finetune.close();
  });

  test('pauses by itself where the machine runs short of memory, says so, and goes on to its end', async () => {
    let left = 1e6;
    const short = open(undefined, { freeMemory: () => left });
    const { id } = await short.finetune.start(plan());
    const paused = await short.until(id, ({ state }) => state === 'paused' || state === 'done');
    expect(paused).toMatchObject({ state: 'paused', why: { code: 'finetune.memory' } });
    expect(paused.step).toBeLessThan(8);
    left = 1e12;
    short.finetune.resume(id);
    expect(await short.until(id, ({ state }) => state === 'done')).toMatchObject({ step: 8, why: null });
    await short.finetune.close();
  });

  test('is not begun where the disk is too full for it', async () => {
    const full = open(undefined, { free: () => 1_000_000 });
    await expect(full.finetune.start(plan())).rejects.toMatchObject({ code: 'finetune.disk' });
    expect(full.finetune.runs().runs).toEqual([]);
    await full.finetune.close();
  });
});
