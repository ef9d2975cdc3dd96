import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { engineOf, refusalOf } from '#electron/review/engine.ts';

const builtIn = 'models/weights/loupe-base';
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'loupe-engine-'))));
afterAll(() => rmSync(folder, { recursive: true }));

test('the built-in model can be asked about images', () => expect(refusalOf(builtIn)).toBeNull());

test('a folder without vision weights is refused before anybody asks, with what it lacks', () => {
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'preprocessor_config.json']) copyFileSync(join(builtIn, name), join(folder, name));
  const header = Buffer.from(JSON.stringify({ 'model.norm.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }).padEnd(96));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([length, header, Buffer.alloc(4)]));
  expect(refusalOf(folder)).toMatchObject({ code: 'reasoner.blind', why: 'Its folder lacks the weights of its vision tower.' });
});

test('a folder that is no model is refused with the reason that opening it would give', () => expect(refusalOf(join(folder, 'nothing'))).toMatchObject({ code: expect.stringMatching(/^checkpoint\./) as unknown }));

test('an open model is named with what its process takes, and not looked at again', async () => {
  const open = { folder: '/models/some-model', family: 'qwen2_vl', device: 'cpu' };
  expect(await engineOf({ folder: join(folder, 'nothing'), open, memory: () => Promise.resolve(42) })).toEqual({ open: { name: 'some-model', family: 'qwen2_vl', device: 'cpu' }, memoryBytes: 42, refusal: null });
});
