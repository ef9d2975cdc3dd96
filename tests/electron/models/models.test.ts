import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EventName, Payload, Publish } from '#electron/contract/events.ts';
import type { Models } from '#electron/contract/models.ts';
import { openModels, type ModelManager, type ModelsOptions } from '#electron/models/models.ts';
import { openShelf, type Shelf } from '#electron/models/shelf.ts';
import { launchProcess } from '#electron/workers/supervisor.ts';
import { connectModels } from '#electron/workers/modelsClient.ts';
import { Random } from '#models/base/random.ts';
import { identity } from '#models/imaging/coordinates.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { saveAdapter } from '#models/weights/peft.ts';
import { framePicture, type PhantomFrame } from '#training/synthesis/phantoms/study.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { bundleWorker, type BundledWorker } from '#tests/support/workers.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const base = resolve('models/weights/loupe-base');
let worker: BundledWorker;
const folders: string[] = [];
beforeAll(async () => {
  worker = await bundleWorker('models');
});
afterAll(() => {
  worker?.remove();
  folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));
});

interface Opened {
  readonly models: ModelManager;
  readonly shelf: Shelf;
  readonly folder: string;
  readonly told: { readonly [E in EventName]?: Payload<E>[] };
  readonly inUse: () => number;
  /** A folder that may be brought in. */
  put(name: string, change?: (folder: string) => void): string;
  names(): Promise<readonly string[]>;
}

const picture = framePicture(drawPhantom('chest_film', 3, { size: 224 }).frames[0] as PhantomFrame);

/** The service as the workstation builds it, with real processes. */
function open(folder = mkdtempSync(join(tmpdir(), 'loupe-models-')), extra: Partial<ModelsOptions> = {}): Opened {
  folders.push(folder);
  const told: Record<string, unknown[]> = {};
  const publish = ((event, payload) => void (told[event] ??= []).push(payload)) as Publish;
  const now = (): string => '2026-11-20T10:00:00.000Z';
  let inUse = 0;
  const shelf = openShelf({ folder, builtIn: { folder: base, name: 'loupe-base' }, by: 'reader', now, onInUse: () => inUse++ });
  const models = openModels({
    folder, shelf, publish, now, by: 'reader', workshop: connectModels(worker.file, launchProcess, () => undefined),
    picture: async () => ({ picture, toSource: { ...identity, xx: 2, yy: 2 }, source: { width: 448, height: 448 }, window: null }), concerns: () => [], ...extra,
  });
  return {
    models, shelf, folder, told, inUse: () => inUse,
    put(name, change) {
      const path = join(folder, 'incoming', name);
      cpSync(base, path, { recursive: true });
      change?.(path);
      return path;
    },
    names: async () => (await models.list()).models.map((one) => one.name),
  };
}

const named = ({ models }: Models, name: string): Models['models'][number] => models.find((one) => one.name === name) as Models['models'][number];

describe('the model manager', () => {
  let opened: Opened;
  let copyId: string;
  beforeAll(() => (opened = open()));
  afterAll(() => {
    opened.models.close();
    opened.shelf.close();
  });

  test('lists the built-in model with its card, its facts and its lineage', async () => {
    const { models, incoming } = await opened.models.list();
    expect(incoming).toBe(join(opened.folder, 'incoming'));
    expect(models).toMatchObject([{ id: 'built-in', name: 'loupe-base', origin: 'built in', isInUse: true, family: 'qwen2_5_vl', precision: 'F16', licence: 'Apache-2.0', problem: null }]);
    expect(models[0]?.parameters).toBeCloseTo(5.7e6, -5);
    const { card, files, facts } = await opened.models.detail('built-in');
    expect(card).toContain('not a medical device');
    expect(files[0]).toMatchObject({ name: 'model.safetensors', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(facts).toMatchObject({ layers: 4, hiddenSize: 192 });
  });

  test.each([
    ['no weights', (folder: string) => rmSync(join(folder, 'model.safetensors')), 'checkpoint.missing'],
    ['a pickle', (folder: string) => (rmSync(join(folder, 'model.safetensors')), writeFileSync(join(folder, 'pytorch_model.bin'), 'x')), 'checkpoint.pickle'],
    ['no tokenizer', (folder: string) => rmSync(join(folder, 'tokenizer.json')), 'checkpoint.missing'],
    ['weights that a link fetches from elsewhere', (folder: string) => (rmSync(join(folder, 'model.safetensors')), symlinkSync(join(base, 'model.safetensors'), join(folder, 'model.safetensors'))), 'checkpoint.outside'],
    ['another network', (folder: string) => writeFileSync(join(folder, 'config.json'), '{"model_type":"llava"}'), 'config.unsupported'],
  ])('refuses a folder with %s before anything is copied, in the words of the engine', async (name, change, code) => {
    const path = opened.put('broken', change);
    const [offer] = await opened.models.offers();
    expect(offer?.problem).toMatchObject({ code });
    expect(() => opened.models.bringIn({ offerId: offer?.id ?? '', name, bits: null, baseId: null })).toThrow(expect.objectContaining({ code }));
    expect(await opened.names()).toEqual(['loupe-base']);
    rmSync(path, { recursive: true });
  });

  test('brings a folder in: copied, tried on this machine, its lineage written', async () => {
    const path = opened.put('mine', (folder) => {
      writeFileSync(join(folder, 'loader.py'), 'import os');
      rmSync(join(folder, 'scope.json'));
    });
    const trained = [{ modality: 'ct' as const, bodyParts: ['chest'] }];
    const offer = (await opened.models.offers()).find(({ name }) => name === 'mine');
    expect(offer).toMatchObject({ kind: 'checkpoint', family: 'qwen2_5_vl', precision: 'F16', canQuantize: true, scope: null, problem: null });
    ({ modelId: copyId } = await opened.models.bringIn({ offerId: offer?.id ?? '', name: 'My copy', bits: null, baseId: null, trained }));
    const list = await opened.models.list();
    expect(named(list, 'My copy')).toMatchObject({ id: copyId, origin: 'imported', from: 'mine', addedBy: 'reader', isInUse: false, selfTest: { passed: true, device: 'cpu', checks: [{ name: 'finite', passed: true }, { name: 'sees', passed: true }, { name: 'repeats', passed: true }, { name: 'form' }] } });
    expect(opened.told['models.job']?.map(({ job }) => job?.phase).filter((phase, i, all) => phase !== all[i - 1])).toEqual(['copying', 'testing', undefined]);
    expect(existsSync(join(opened.shelf.folderFor(copyId), 'loader.py'))).toBe(false);
    // What its folder did not say a person said.
    expect(JSON.parse(readFileSync(join(opened.shelf.folderFor(copyId), 'scope.json'), 'utf8'))).toEqual({ format: 'loupe.scope/1', trained, locates: [], statedBy: 'reader' });
    expect(await opened.models.verify(copyId)).toEqual([]);
    rmSync(path, { recursive: true });
  });

  test('keeps what a person says that it was trained on, except of one that came with the program', async () => {
    const scope = { trained: [{ modality: 'mri' as const, bodyParts: ['brain'] }], locates: ['tumour'], mostImages: 2 };
    opened.models.scope(copyId, scope);
    expect((await opened.models.detail(copyId)).scope).toEqual({ format: 'loupe.scope/1', ...scope, statedBy: 'reader' });
    expect(await opened.models.verify(copyId)).toEqual([]);
    expect(() => opened.models.scope('built-in', scope)).toThrow(expect.objectContaining({ code: 'models.builtin' }));
    expect((await opened.models.detail('built-in')).scope?.trained).toHaveLength(8);
  });

  test('notices when a byte of it was changed', async () => {
    const file = join(opened.shelf.folderFor(copyId), 'model.safetensors');
    const bytes = readFileSync(file);
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(await opened.models.verify(copyId)).toMatchObject([{ code: 'lineage.file', message: expect.stringContaining('model.safetensors') }]);
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  });

  test('makes a smaller copy under the original, with what it costs', async () => {
    const { modelId } = await opened.models.quantize(copyId, 4);
    const list = await opened.models.list();
    const small = list.models.find(({ id }) => id === modelId);
    expect(small).toMatchObject({ name: 'My copy · 4 bit', origin: 'quantised', baseId: copyId, precision: '4 bit', parity: { bits: 4, prompts: 12 } });
    expect(small?.chain.map(({ name }) => name)).toEqual(['My-copy', 'My-copy-4-bit']);
    expect(small?.bytes).toBeLessThan(named(list, 'My copy').bytes * 0.7);
    expect(small?.parameters).toBeCloseTo(named(list, 'My copy').parameters ?? 0, -5);
    await expect(async () => opened.models.quantize(modelId, 8)).rejects.toMatchObject({ code: 'quantize.twice' });
  });

  test('merges an adapter into the base that it fits and lists it under it', async () => {
    const path = join(opened.folder, 'incoming', 'finer');
    const checkpoint = openCheckpoint(base);
    const random = Random.named(5, 'adapter');
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const [rows = 0, columns = 0] = checkpoint.tensors.get(name)?.shape ?? [];
    mkdirSync(path, { recursive: true });
    saveAdapter(path, { rank: 2, alpha: 4, pairs: new Map([[name, { a: Float32Array.from({ length: 2 * columns }, () => random.uniform() * 0.01), b: Float32Array.from({ length: 2 * rows }, () => random.uniform() * 0.01) }]]), baseModel: 'published/loupe-base' });
    const offer = (await opened.models.offers()).find((one) => one.name === 'finer');
    expect(offer).toMatchObject({ kind: 'adapter', problem: null, bases: expect.arrayContaining([{ id: 'built-in', name: 'loupe-base', how: 'shape' }]) });
    expect(() => opened.models.bringIn({ offerId: offer?.id ?? '', name: 'Finer', bits: null, baseId: null })).toThrow(expect.objectContaining({ code: 'models.nobase' }));
    await opened.models.bringIn({ offerId: offer?.id ?? '', name: 'Finer', bits: null, baseId: 'built-in' });
    const finer = named(await opened.models.list(), 'Finer');
    expect(finer).toMatchObject({ baseId: 'built-in', adapter: { rank: 2, tensors: 1, namedBase: 'loupe-base' }, problem: null });
    expect(finer.chain.map((link) => link.name)).toEqual(['loupe-base', 'Finer']);
    rmSync(path, { recursive: true });
  });

  test('offers the adapter that comes with the program, and brings it in like any other', async () => {
    const { models, shelf } = open(undefined, { supplied: [resolve('models/weights/loupe-r1')] });
    const [offer] = await models.offers();
    expect(offer).toMatchObject({ name: 'loupe-r1', kind: 'adapter', problem: null, bases: [{ id: 'built-in', how: 'lineage' }] });
    const { modelId } = await models.bringIn({ offerId: offer!.id, name: 'loupe-r1', bits: null, baseId: 'built-in' });
    expect((await models.test(modelId)).passed).toBe(true);
    expect(existsSync(join(shelf.place(modelId).folder, 'config.json'))).toBe(true);
    models.close();
  });

  test('leaves nothing behind when it is stopped on its way', async () => {
    const path = opened.put('slow');
    const offer = (await opened.models.offers()).find((one) => one.name === 'slow');
    const before = readdirSync(join(opened.folder, 'models')).sort();
    const coming = opened.models.bringIn({ offerId: offer?.id ?? '', name: 'Slow', bits: 8, baseId: null });
    await expect(async () => opened.models.quantize(copyId, 8)).rejects.toMatchObject({ code: 'models.busy' });
    opened.models.cancel();
    await expect(coming).rejects.toMatchObject({ code: 'models.cancelled' });
    expect(readdirSync(join(opened.folder, 'models')).sort()).toEqual([...new Set(['.work', ...before])].sort());
    expect(readdirSync(join(opened.folder, 'models', '.work'))).toEqual([]);
    expect((await opened.models.list()).job).toBeNull();
    rmSync(path, { recursive: true });
  });

  test('is not brought in where the disk is too full', async () => {
    const full = open(mkdtempSync(join(tmpdir(), 'loupe-models-')), { free: () => 1000 });
    full.put('mine');
    const [offer] = await full.models.offers();
    await expect(full.models.bringIn({ offerId: offer?.id ?? '', name: 'Mine', bits: null, baseId: null })).rejects.toMatchObject({ code: 'models.disk' });
    full.models.close();
    full.shelf.close();
  });

  test('asks two models the same question with the same numbers, and says where they part', async () => {
    const small = named(await opened.models.list(), 'My copy · 4 bit');
    const comparison = await opened.models.compare({ first: 'built-in', second: small.id, view: { kind: 'slide', slideId: 'a'.repeat(64), region: null }, question: 'Where are the lungs? Give boxes.', maxNewTokens: 200 });
    expect(comparison.isSameTensor).toBe(true);
    const [a, b] = comparison.sides;
    expect(a.tensorSha256).toBe(b.tensorSha256);
    expect([a.name, b.name]).toEqual(['loupe-base', 'My copy · 4 bit']);
    expect(a.findings.length).toBeGreaterThan(0);
    // It writes boxes in the pixels that it was given; they come back in those of the source, which is twice as wide as the picture.
    const written = [...a.raw.matchAll(/"bbox_2d":\[(\d+),/g)].map(([, x]) => (Number(x) * 448) / a.resized.width);
    expect(written.some((x1) => Math.abs(x1 - (a.findings[0]?.boxes[0]?.x1 ?? NaN)) < 0.5)).toBe(true);
    expect(comparison.difference.boxes.length).toBeGreaterThan(0);
    expect(new Set(opened.told['models.comparing']?.map(({ at }) => at))).toEqual(new Set([0, 1]));
  });

  test('ends a comparison at once', async () => {
    const comparing = opened.models.compare({ first: 'built-in', second: copyId, view: { kind: 'slide', slideId: 'a'.repeat(64), region: null }, question: 'Where are the lungs?', maxNewTokens: 400 });
    await new Promise((settle) => setTimeout(settle, 50));
    opened.models.cancelCompare();
    await expect(comparing).rejects.toMatchObject({ code: 'models.stopped' });
  });

  test('lets the person choose which one answers; what is in use cannot be removed, what was removed can come back', async () => {
    await opened.models.choose(copyId);
    expect(opened.shelf.current()).toMatchObject({ id: copyId, isInUse: true });
    expect(opened.inUse()).toBe(1);
    expect(opened.shelf.history()[0]).toMatchObject({ id: copyId, how: 'chosen', by: 'reader' });
    expect(() => opened.models.remove(copyId)).toThrow(expect.objectContaining({ code: 'models.inuse' }));
    expect(() => opened.models.remove('built-in')).toThrow(expect.objectContaining({ code: 'models.builtin' }));
    opened.shelf.rollBack();
    expect(opened.shelf.current().id).toBe('built-in');
    const { undoId } = opened.models.remove(copyId);
    expect(await opened.names()).not.toContain('My copy');
    opened.models.restore(undoId);
    expect(await opened.names()).toContain('My copy');
  });

  test('what is removed is gone when the window closes; a choice whose weights are gone gives way to the one before', async () => {
    const other = open();
    cpSync(base, join(other.folder, 'models', 'kept'), { recursive: true });
    other.shelf.choose('kept', null);
    expect(other.shelf.current().id).toBe('kept');
    rmSync(join(other.folder, 'models', 'kept'), { recursive: true });
    expect(other.shelf.current().id).toBe('built-in');
    cpSync(base, join(other.folder, 'models', 'gone'), { recursive: true });
    other.models.remove('gone');
    other.models.close();
    other.shelf.close();
    expect(existsSync(join(other.folder, 'models', '.removed'))).toBe(false);
  });
});
