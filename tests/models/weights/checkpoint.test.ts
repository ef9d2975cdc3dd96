import { cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { canonicalName, externalData, openCheckpoint, requireTensor, saveCheckpoint } from '#models/weights/checkpoint.ts';
import { readTensor, writeSafetensors } from '#models/weights/safetensors.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'checkpoint-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
function fresh(): string {
  const folder = join(root, `model-${count++}`);
  mkdirSync(folder);
  return folder;
}

const write = (folder: string, name: string, value: unknown): void => writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));
const tensor = (name: string, ...values: number[]) => ({ name, dtype: 'F32' as const, shape: [values.length], data: Float32Array.from(values) });

/** A folder with a config and these tensors in one file. */
function single(...tensors: ReturnType<typeof tensor>[]): string {
  const folder = fresh();
  write(folder, 'config.json', { model_type: 'qwen2_5_vl' });
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  return folder;
}

/** A folder whose index gives a shard for each tensor. */
function sharded(map: Readonly<Record<string, string>>): string {
  const folder = fresh();
  write(folder, 'config.json', {});
  write(folder, 'model.safetensors.index.json', { metadata: { total_size: 8 }, weight_map: map });
  writeSafetensors(join(folder, 'one.safetensors'), [tensor('model.norm.weight', 1)]);
  writeSafetensors(join(folder, 'two.safetensors'), [tensor('visual.merger.ln_q.weight', 2)]);
  return folder;
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (fault) {
    if (fault instanceof Fault) return fault.code;
    throw fault;
  }
  return 'opened';
}

const opening = (folder: string): string => codeOf(() => openCheckpoint(folder));

describe('opening', () => {
  test('finds a single file, under canonical names', () => {
    const checkpoint = openCheckpoint(single(tensor('model.language_model.norm.weight', 1, 2), tensor('model.visual.blocks.0.norm1.weight', 3), tensor('lm_head.weight', 4)));
    expect([...checkpoint.tensors.keys()].sort()).toEqual(['lm_head.weight', 'model.norm.weight', 'visual.blocks.0.norm1.weight']);
    expect(readTensor(checkpoint.tensors.get('model.norm.weight')!)).toEqual(Float32Array.of(1, 2));
    expect(checkpoint.tensors.get('model.norm.weight')!.name).toBe('model.norm.weight');
  });

  test('finds shards by their index', () => {
    const { tensors } = openCheckpoint(sharded({ 'model.norm.weight': 'one.safetensors', 'visual.merger.ln_q.weight': 'two.safetensors' }));
    expect(readTensor(tensors.get('visual.merger.ln_q.weight')!)).toEqual(Float32Array.of(2));
  });

  test('leaves the head out where it is tied, in either spelling of the config', () => {
    for (const config of [{ tie_word_embeddings: true }, { text_config: { tie_word_embeddings: true } }]) {
      const folder = single(tensor('model.embed_tokens.weight', 1), tensor('lm_head.weight', 4));
      write(folder, 'config.json', config);
      expect([...openCheckpoint(folder).tensors.keys()]).toEqual(['model.embed_tokens.weight']);
    }
  });

  test('takes the template from its own file, then the processor, then the tokenizer', () => {
    const folder = single();
    expect(openCheckpoint(folder).chatTemplate).toBe(null);
    write(folder, 'tokenizer_config.json', { chat_template: [{ name: 'tool_use', template: 'no' }, { name: 'default', template: 'tokenizer' }] });
    expect(openCheckpoint(folder).chatTemplate).toBe('tokenizer');
    write(folder, 'chat_template.json', { chat_template: 'processor' });
    expect(openCheckpoint(folder).chatTemplate).toBe('processor');
    write(folder, 'chat_template.jinja', 'file');
    expect(openCheckpoint(folder).chatTemplate).toBe('file');
  });

  test('finds the image settings where newer releases keep them', () => {
    const folder = single();
    write(folder, 'processor_config.json', { image_processor: { patch_size: 14 } });
    expect(openCheckpoint(folder).preprocessor).toEqual({ patch_size: 14 });
  });

  test('accepts hard links and links that stay inside', () => {
    const folder = single(tensor('a', 1));
    renameSync(join(folder, 'model.safetensors'), join(folder, 'blob'));
    symlinkSync('blob', join(folder, 'model.safetensors'));
    expect(opening(folder)).toBe('opened');
    const other = single(tensor('a', 1));
    rmSync(join(other, 'model.safetensors'));
    linkSync(join(folder, 'blob'), join(other, 'model.safetensors'));
    expect(opening(other)).toBe('opened');
    symlinkSync(other, join(root, 'alias'));
    expect(openCheckpoint(join(root, 'alias')).folder).toBe(other);
  });
});

describe('refused with a code of its own is', () => {
  test('a folder that is missing or a file', () => {
    expect(opening(join(root, 'nowhere'))).toBe('checkpoint.folder');
    expect(opening(join(single(), 'config.json'))).toBe('checkpoint.folder');
  });

  test('a folder without config, without weights, or with a pickle', () => {
    const folder = fresh();
    expect(opening(folder)).toBe('checkpoint.missing');
    write(folder, 'config.json', {});
    expect(opening(folder)).toBe('checkpoint.missing');
    write(folder, 'pytorch_model.bin', '');
    expect(opening(folder)).toBe('checkpoint.pickle');
  });

  test('a weights file outside the folder, however it is spelled', () => {
    const outside = single(tensor('model.norm.weight', 1));
    for (const file of ['../two.safetensors', join(outside, 'model.safetensors'), 'sub/../../x', '..', '', 'a\0b', 'C:\\x.safetensors', '..\\x.safetensors']) {
      expect(opening(sharded({ 'model.norm.weight': file }))).toBe('checkpoint.outside');
    }
  });

  test('a link that leaves the folder, also by way of a folder', () => {
    const outside = single(tensor('model.norm.weight', 1));
    const folder = single();
    rmSync(join(folder, 'model.safetensors'));
    symlinkSync(join(outside, 'model.safetensors'), join(folder, 'model.safetensors'));
    expect(opening(folder)).toBe('checkpoint.outside');
    const deep = sharded({ 'model.norm.weight': 'sub/model.safetensors' });
    symlinkSync(outside, join(deep, 'sub'));
    expect(opening(deep)).toBe('checkpoint.outside');
    const config = single();
    rmSync(join(config, 'config.json'));
    symlinkSync(join(outside, 'config.json'), join(config, 'config.json'));
    expect(opening(config)).toBe('checkpoint.outside');
  });

  test('a link that leads nowhere', () => {
    const folder = single();
    rmSync(join(folder, 'model.safetensors'));
    symlinkSync('gone', join(folder, 'model.safetensors'));
    expect(opening(folder)).toBe('checkpoint.missing');
  });

  test('an index that names a shard or a tensor that is not there, or is no index', () => {
    expect(opening(sharded({ 'model.norm.weight': 'three.safetensors' }))).toBe('checkpoint.missing');
    expect(opening(sharded({ 'model.norm.weight': 'two.safetensors' }))).toBe('checkpoint.index');
    expect(opening(sharded({ 'model.norm.weight': 1 as unknown as string }))).toBe('checkpoint.index');
    const folder = sharded({});
    write(folder, 'model.safetensors.index.json', {});
    expect(opening(folder)).toBe('checkpoint.index');
  });

  test('one tensor in two spellings, or in two shards', () => {
    expect(opening(single(tensor('model.norm.weight', 1), tensor('model.language_model.norm.weight', 1)))).toBe('checkpoint.names');
    const folder = sharded({ 'model.norm.weight': 'one.safetensors', 'visual.merger.ln_q.weight': 'two.safetensors' });
    writeSafetensors(join(folder, 'two.safetensors'), [tensor('model.norm.weight', 1), tensor('visual.merger.ln_q.weight', 1)]);
    expect(opening(folder)).toBe('checkpoint.names');
  });

  test('a small file that is no JSON, too deep, or too large', () => {
    for (const text of ['{', '{"a":01}', '['.repeat(100_000), `"${'a'.repeat(8_000_001)}"`, '\xff']) {
      const folder = single();
      writeFileSync(join(folder, 'config.json'), text, 'latin1');
      expect(opening(folder)).toBe('checkpoint.json');
    }
    const folder = single();
    write(folder, 'config.json', '[]');
    expect(opening(folder)).toBe('checkpoint.index');
  });

  test('weights that are cut short', () => {
    const folder = single(tensor('a', 1, 2, 3));
    const path = join(folder, 'model.safetensors');
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    expect(opening(folder)).toBe('weights.truncated');
  });
});

test('names of every release become the published ones', () => {
  expect(['model.language_model.layers.0.x', 'language_model.norm.weight', 'model.visual.merger.mlp.0.bias', 'visual.a', 'model.layers.0.x', 'lm_head.weight'].map(canonicalName))
    .toEqual(['model.layers.0.x', 'model.norm.weight', 'visual.merger.mlp.0.bias', 'visual.a', 'model.layers.0.x', 'lm_head.weight']);
});

describe('a required tensor', () => {
  const checkpoint = openCheckpoint(single(tensor('model.norm.weight', 1, 2)));
  test('is given when its shape fits', () => expect(requireTensor(checkpoint, 'model.norm.weight', [2]).shape).toEqual([2]));
  test('is refused with another shape', () => expect(codeOf(() => requireTensor(checkpoint, 'model.norm.weight', [2, 1]))).toBe('weights.shape'));
  test('is missed by name', () => expect(() => requireTensor(checkpoint, 'visual.patch_embed.proj.weight', [1])).toThrow(/cannot see images/));
});

test('a graph is pointed at the bytes of a tensor', () => {
  const { folder, tensors } = openCheckpoint(single(tensor('a', 1, 2)));
  const entry = tensors.get('a')!;
  expect(externalData(entry, folder)).toEqual({ location: 'model.safetensors', offset: entry.offset, length: 8 });
  expect(externalData(entry, root).location).toMatch(/^model-\d+\/model\.safetensors$/);
  expect(codeOf(() => externalData(entry, join(folder, 'below')))).toBe('checkpoint.outside');
  expect(readFileSync(entry.file).readFloatLE(entry.offset + 4)).toBe(2);
});

describe('a saved checkpoint', () => {
  const parts = { config: { model_type: 'qwen2_5_vl', torch_dtype: 'float32' }, generationConfig: { do_sample: false }, preprocessor: { patch_size: 14 }, tokenizer: { version: '1.0' }, tokenizerConfig: { chat_template: 't' } };
  const tensors = [{ name: 'model.norm.weight', shape: [2], data: Float32Array.of(1, 2.5) }];

  test('opens again, and its config names the stored type', () => {
    const folder = join(root, 'saved');
    saveCheckpoint(folder, parts, tensors, 'F16');
    const checkpoint = openCheckpoint(folder);
    expect(checkpoint).toMatchObject({ ...parts, config: { model_type: 'qwen2_5_vl', torch_dtype: 'float16' }, chatTemplate: 't' });
    expect(readTensor(checkpoint.tensors.get('model.norm.weight')!)).toEqual(Float32Array.of(1, 2.5));
  });

  test('replaces an older one and leaves other files alone', () => {
    const folder = join(root, 'saved');
    write(folder, 'README.md', 'card');
    saveCheckpoint(folder, parts, [{ ...tensors[0]!, data: Float32Array.of(3, 4) }], 'F32');
    expect(readTensor(openCheckpoint(folder).tensors.get('model.norm.weight')!)).toEqual(Float32Array.of(3, 4));
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe('card');
  });

  test('is left as it was when writing fails', () => {
    const folder = join(root, 'saved');
    cpSync(folder, join(root, 'before'), { recursive: true });
    expect(codeOf(() => saveCheckpoint(folder, parts, [{ ...tensors[0]!, data: Float32Array.of(1e9, 0) }], 'F16'))).toBe('weights.range');
    expect(codeOf(() => saveCheckpoint(join(root, 'before', 'README.md', 'x'), parts, tensors, 'F32'))).toBe('weights.write');
    expect(readdirSync(folder)).toEqual(readdirSync(join(root, 'before')));
    for (const name of readdirSync(folder)) expect(readFileSync(join(folder, name))).toEqual(readFileSync(join(root, 'before', name)));
  });
});
