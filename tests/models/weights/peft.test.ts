import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { openCheckpoint, saveCheckpoint } from '#models/weights/checkpoint.ts';
import { addProduct, checkFits, mergedTensor, openAdapter, saveAdapter } from '#models/weights/peft.ts';
import { openSafetensors, readTensor, writeSafetensors } from '#models/weights/safetensors.ts';

const root = mkdtempSync(join(tmpdir(), 'adapter-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const random = new Random(3);
const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
const q = 'model.layers.0.self_attn.q_proj.weight';
const k = 'model.layers.11.self_attn.k_proj.weight';
const gate = 'visual.blocks.0.mlp.gate_proj.weight';
const weights = new Map([q, k, gate].map((name) => [name, values(12)]));
saveCheckpoint(join(root, 'base'), { config: {}, generationConfig: null, preprocessor: null, tokenizer: null, tokenizerConfig: null },
  [...weights].map(([name, data]) => ({ name, shape: [3, 4], data })), 'F32');
const base = openCheckpoint(join(root, 'base'));

let count = 0;
/** An adapter folder with this config and tensors of these shapes; values count up from 1. */
function folderOf(config: object, tensors: Readonly<Record<string, readonly number[]>>): string {
  const folder = join(root, `adapter-${count++}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 16, bias: 'none', some_new_field: 1, ...config }));
  writeSafetensors(join(folder, 'adapter_model.safetensors'), Object.entries(tensors).map(([name, shape]) => {
    const length = shape.reduce((x, y) => x * y, 1);
    return { name, dtype: 'F32', shape, data: Float32Array.from({ length }, (_, i) => i + 1) };
  }));
  return folder;
}

const factors = (path: string, rank = 2): Record<string, number[]> => ({ [`base_model.model.${path}.lora_A.weight`]: [rank, 4], [`base_model.model.${path}.lora_B.weight`]: [3, rank] });

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (fault) {
    if (fault instanceof Fault) return fault.code;
    throw fault;
  }
  return 'fits';
}

/** W + scale · B·A by its definition, where A and B count up from 1. */
function expected(w: Float32Array, rank: number, scale: number): number[] {
  return Array.from(w, (value, i) => {
    const [row, column] = [Math.floor(i / 4), i % 4];
    let total = 0;
    for (let r = 0; r < rank; r++) total += (row * rank + r + 1) * (r * 4 + column + 1);
    return value + scale * total;
  });
}

const close = (actual: Float32Array, wanted: readonly number[]): void => wanted.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 3));

describe('merging', () => {
  test.each(['model.layers.0.self_attn.q_proj', 'model.language_model.layers.0.self_attn.q_proj'])('adds s · B·A to the weight that %s names', (path) => {
    const adapter = openAdapter(folderOf({}, factors(path)));
    checkFits(base, adapter);
    close(mergedTensor(base, adapter, q), expected(weights.get(q)!, 2, 8));
    expect(mergedTensor(base, adapter, k)).toEqual(weights.get(k));
  });

  test('reads vision modules in both spellings', () => {
    for (const path of ['visual.blocks.0.mlp.gate_proj', 'model.visual.blocks.0.mlp.gate_proj']) {
      close(mergedTensor(base, openAdapter(folderOf({}, factors(path))), gate), expected(weights.get(gate)!, 2, 8));
    }
  });

  test('divides by the root of the rank where the adapter says so', () => {
    close(mergedTensor(base, openAdapter(folderOf({ use_rslora: true }, factors('model.layers.0.self_attn.q_proj'))), q), expected(weights.get(q)!, 2, 16 / Math.SQRT2));
  });

  test('gives modules their own rank and alpha, by the end of their path', () => {
    const config = { rank_pattern: { 'k_proj': 3, '^visual.blocks.0': 7 }, alpha_pattern: { 'layers.1.self_attn.k_proj': 99, 'layers.11.self_attn.k_proj': 6 } };
    const adapter = openAdapter(folderOf(config, { ...factors('model.layers.0.self_attn.q_proj'), ...factors('model.layers.11.self_attn.k_proj', 3) }));
    close(mergedTensor(base, adapter, k), expected(weights.get(k)!, 3, 2));
    close(mergedTensor(base, adapter, q), expected(weights.get(q)!, 2, 8));
  });

  test('puts whole tensors in the place of the base\'s', () => {
    const adapter = openAdapter(folderOf({ modules_to_save: ['k_proj'] }, { 'base_model.model.model.layers.11.self_attn.k_proj.weight': [3, 4] }));
    checkFits(base, adapter);
    expect([...mergedTensor(base, adapter, k)]).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });

  test('equals a product in double precision', () => {
    const [w, a, b] = [values(50 * 70), values(8 * 70), values(50 * 8)];
    const before = w.slice();
    addProduct(w, b, a, { rank: 8, scale: 0.25 });
    for (let i = 0; i < w.length; i++) {
      let total = 0;
      for (let r = 0; r < 8; r++) total += b[Math.floor(i / 70) * 8 + r]! * a[r * 70 + (i % 70)]!;
      expect(w[i]).toBe(Math.fround(before[i]! + 0.25 * total));
    }
  });
});

describe('refused is', () => {
  const plain = factors('model.layers.0.self_attn.q_proj');
  test.each<[string, object]>([
    ['another method', { peft_type: 'IA3' }], ['DoRA', { use_dora: true }], ['trained biases', { bias: 'lora_only' }], ['transposed weights', { fan_in_fan_out: true }],
    ['replicated layers', { layer_replication: [[0, 1]] }], ['a start that changed the base', { init_lora_weights: 'pissa_niter_4' }],
  ])('%s', (_, config) => expect(codeOf(() => openAdapter(folderOf(config, plain)))).toBe('adapter.kind'));

  test.each(['lora_magnitude_vector.weight', 'base_layer.bias', 'lora_embedding_A', 'lora_C.weight', 'lora_A.other.weight'])('a tensor of another method: %s', (end) =>
    expect(codeOf(() => openAdapter(folderOf({}, { ...plain, [`base_model.model.model.layers.0.self_attn.k_proj.${end}`]: [2, 4] })))).toBe('adapter.kind'));

  test.each<[string, object]>([
    ['no rank', { r: undefined }], ['rank 0', { r: 0 }], ['an endless alpha', { lora_alpha: 1e999 }], ['a list for a pattern', { rank_pattern: [] }],
    ['a rank that is a text', { rank_pattern: { q_proj: '3' } }], ['a foreign expression', { rank_pattern: { '(a+)+b': 3 } }],
  ])('a config with %s', (_, config) => expect(codeOf(() => openAdapter(folderOf(config, plain)))).toBe('adapter.config'));

  test.each<[string, Readonly<Record<string, readonly number[]>>]>([
    ['half a pair', { 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [2, 4] }],
    ['another rank than the config\'s', factors('model.layers.0.self_attn.q_proj', 3)],
    ['one weight in two spellings', { ...plain, ...factors('model.language_model.layers.0.self_attn.q_proj') }],
    ['a weight both changed and replaced', { ...plain, 'base_model.model.model.layers.0.self_attn.q_proj.weight': [3, 4] }],
  ])('%s', (_, tensors) => expect(codeOf(() => openAdapter(folderOf({}, tensors)))).toBe('adapter.tensors'));

  test('an adapter of another model', () => {
    for (const tensors of [
      factors('model.layers.7.self_attn.q_proj'),
      { 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [2, 5], 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight': [3, 2] },
      { 'base_model.model.model.layers.0.self_attn.q_proj.weight': [4, 3] },
    ]) expect(codeOf(() => checkFits(base, openAdapter(folderOf({}, tensors))))).toBe('adapter.base');
  });

  test('a folder that is not there, or without its files', () => {
    expect(codeOf(() => openAdapter(join(root, 'nowhere')))).toBe('adapter.folder');
    mkdirSync(join(root, 'empty'));
    expect(codeOf(() => openAdapter(join(root, 'empty')))).toBe('checkpoint.missing');
  });
});

describe('a saved adapter', () => {
  const folder = join(root, 'saved');
  const [a, b] = [values(8), values(6)];
  saveAdapter(folder, { rank: 2, alpha: 4, pairs: new Map([[q, { a, b }], [gate, { a, b }]]), replaced: new Map([['model.norm.weight', { shape: [2], data: values(2) }]]) });

  test('opens again and merges as it was trained', () => {
    const adapter = openAdapter(folder);
    const wanted = weights.get(q)!.slice();
    addProduct(wanted, b, a, { rank: 2, scale: 2 });
    expect(mergedTensor(base, adapter, q)).toEqual(wanted);
    expect([...adapter.replaced.keys()]).toEqual(['model.norm.weight']);
    expect(adapter.config).toMatchObject({ peft_type: 'LORA', r: 2, lora_alpha: 4 });
  });

  test('has the names of current releases', () => {
    expect([...openSafetensors(join(folder, 'adapter_model.safetensors')).tensors.keys()].sort()).toEqual([
      'base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight', 'base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_B.weight',
      'base_model.model.model.language_model.norm.weight',
      'base_model.model.model.visual.blocks.0.mlp.gate_proj.lora_A.weight', 'base_model.model.model.visual.blocks.0.mlp.gate_proj.lora_B.weight',
    ]);
  });

  test('is the identity while B is zero', () => {
    saveAdapter(folder, { rank: 2, alpha: 4, pairs: new Map([[q, { a, b: new Float32Array(6) }]]) }, 'BF16');
    expect(mergedTensor(base, openAdapter(folder), q)).toEqual(weights.get(q));
    expect(readdirSync(folder).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  });

  test('leaves nothing half-written when it fails', () => {
    const before = readdirSync(folder);
    expect(codeOf(() => saveAdapter(folder, { rank: 2, alpha: 4, pairs: new Map([[q, { a: new Float32Array(8).fill(1e30), b }]]) }, 'F16'))).toBe('weights.range');
    expect(readdirSync(folder)).toEqual(before);
    expect(readTensor([...openAdapter(folder).pairs.values()][0]!.b)).toEqual(new Float32Array(6));
  });
});
