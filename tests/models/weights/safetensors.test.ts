import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { parseHeader } from '#models/weights/header.ts';
import { openSafetensors, readTensor, writeSafetensors, type WrittenType } from '#models/weights/safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
const place = (): string => join(folder, `${count++}.safetensors`);

/** A file with this header text and so many bytes of data. */
function fileOf(header: string | object, dataLength: number, claimed?: bigint): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  const path = place();
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(dataLength)]));
  return path;
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32'): object => ({ dtype, shape, data_offsets: [begin, end] });

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (fault) {
    if (fault instanceof Fault) return fault.code;
    throw fault;
  }
  return 'opened';
}

const opening = (header: string | object, dataLength = 0, claimed?: bigint): string => codeOf(() => openSafetensors(fileOf(header, dataLength, claimed)));

describe('a header', () => {
  test('may be empty, in any order, spaced, with scalars, zero-element tensors and unknown keys', () => {
    expect(opening({})).toBe('opened');
    expect(opening({ b: entry(4, 8), a: entry(0, 4) }, 8)).toBe('opened');
    expect(opening(` \n{ "a" : { "shape" : [ ] , "dtype" : "F32" , "data_offsets" : [0 , 4], "more": [{"x": [1.5e3, null, true, "\\""]}] } } \t `, 4)).toBe('opened');
    expect(opening({ a: entry(0, 0, [0, 7]), b: entry(0, 4), c: entry(4, 4, [0]) }, 4)).toBe('opened');
    expect(opening({ __metadata__: { format: 'pt' }, a: entry(0, 4) }, 4)).toBe('opened');
    expect(opening({ a: { dtype: 'F4', shape: [4], data_offsets: [0, 2] } }, 2)).toBe('opened');
  });

  test.each<[string, string | object, number, string]>([
    ['with a hole at the start', { a: entry(4, 8) }, 8, 'weights.holes'],
    ['with a hole in the middle', { a: entry(0, 4), b: entry(8, 12) }, 12, 'weights.holes'],
    ['with an overlap', { a: entry(0, 8), b: entry(4, 12) }, 12, 'weights.holes'],
    ['with bytes left over', { a: entry(0, 4) }, 5, 'weights.holes'],
    ['with data past the end', { a: entry(0, 8) }, 4, 'weights.truncated'],
    ['with a wrong product', { a: entry(0, 8, [3]) }, 8, 'weights.shape'],
    ['with a product beyond exact numbers', { a: entry(0, 0, [2 ** 40, 2 ** 40, 0]) }, 0, 'weights.shape'],
    ['with half a byte', { a: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } }, 2, 'weights.shape'],
    ['with an unknown type', { a: entry(0, 4, [1], 'F128') }, 4, 'weights.dtype'],
    ['with a type that is a property of every object', { a: entry(0, 4, [1], 'constructor') }, 4, 'weights.dtype'],
    ['with a name twice', '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0, 'weights.duplicate'],
    ['with a name twice in two spellings', '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0, 'weights.duplicate'],
    ['with a shape twice', '{"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}', 0, 'weights.duplicate'],
    ['with metadata that is no text', { __metadata__: { a: 1 } }, 0, 'weights.header'],
    ['with offsets the wrong way round', { a: { dtype: 'U8', shape: [0], data_offsets: [4, 0] } }, 4, 'weights.header'],
    ['with three offsets', { a: { dtype: 'U8', shape: [0], data_offsets: [0, 0, 0] } }, 0, 'weights.header'],
    ['with a negative size', { a: { dtype: 'U8', shape: [-1], data_offsets: [0, 0] } }, 0, 'weights.header'],
    ['with a fraction for a size', { a: { dtype: 'U8', shape: [1.5], data_offsets: [0, 0] } }, 0, 'weights.header'],
    ['with a size beyond exact numbers', '{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,0]}}', 0, 'weights.header'],
    ['with a leading zero', '{"a":{"dtype":"U8","shape":[00],"data_offsets":[0,0]}}', 0, 'weights.header'],
    ['that lacks a key', { a: { dtype: 'U8', shape: [0] } }, 0, 'weights.header'],
    ['that is a list', '[]', 0, 'weights.header'],
    ['that goes on after its end', '{}{}', 0, 'weights.header'],
    ['nested too deeply', `{"a":{"x":${'['.repeat(5000)}${']'.repeat(5000)}}}`, 0, 'weights.header'],
    ['with half a character in a name', '{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0, 'weights.header'],
    ['with a trailing comma', '{"__metadata__":{},}', 0, 'weights.header'],
    ['with too many dimensions', { a: { dtype: 'U8', shape: Array<number>(100).fill(1), data_offsets: [0, 1] } }, 1, 'weights.header'],
  ])('%s is refused', (_, header, dataLength, code) => expect(opening(header, dataLength)).toBe(code));

  test('with invalid UTF-8 is refused', () => {
    const path = fileOf('{"__metadata__":{"a":"?"}}', 0);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('?')] = 0xff;
    writeFileSync(path, bytes);
    expect(codeOf(() => openSafetensors(path))).toBe('weights.header');
  });

  test('longer than the file, or than the format allows, is refused before it is read', () => {
    expect(opening({}, 0, 3n)).toBe('weights.truncated');
    expect(opening({}, 0, 100_000_000n)).toBe('weights.truncated');
    expect(opening({}, 0, 100_000_001n)).toBe('weights.header');
    expect(opening({}, 0, 2n ** 64n - 1n)).toBe('weights.header');
    expect(opening({}, 0, 0n)).toBe('weights.header');
  });
});

describe('a damaged file', () => {
  const sample = (): Buffer => {
    const path = place();
    writeSafetensors(path, [
      { name: 'model.norm.weight', dtype: 'F32', shape: [4], data: Float32Array.of(1, 2, 3, 4) },
      { name: 'visual.é', dtype: 'F16', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    ], { format: 'pt' });
    return readFileSync(path);
  };

  test('cut after any byte is refused', () => {
    const bytes = sample();
    const path = place();
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(codeOf(() => openSafetensors(path))).toMatch(/^weights\.(truncated|header)$/);
    }
  });

  test('with a flipped bit in its header gives a fault or other names and values, never anything else', () => {
    const bytes = sample();
    const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0)));
    let refused = 0;
    for (let bit = 0; bit < 8 * header.length; bit++) {
      const flipped = Buffer.from(header);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      if (codeOf(() => parseHeader(flipped, 'flipped')) !== 'opened') refused++;
    }
    expect(refused).toBeGreaterThan(4 * header.length);
  });

  test('with a flipped bit in its length is refused', () => {
    const bytes = sample();
    const path = place();
    for (let bit = 0; bit < 64; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      writeFileSync(path, flipped);
      expect(codeOf(() => openSafetensors(path))).not.toBe('opened');
    }
  });

  test('that shrank after it was opened is found out when a tensor is read', () => {
    const path = place();
    writeSafetensors(path, [{ name: 'a', dtype: 'F32', shape: [100], data: new Float32Array(100) }]);
    const tensor = openSafetensors(path).tensors.get('a')!;
    const file = openSync(path, 'r+');
    ftruncateSync(file, 100);
    closeSync(file);
    expect(codeOf(() => readTensor(tensor))).toBe('weights.truncated');
  });

  test('that is missing or a folder is a fault', () => {
    expect(codeOf(() => openSafetensors(join(folder, 'nowhere')))).toBe('weights.missing');
    expect(codeOf(() => openSafetensors(folder))).toBe('weights.missing');
    symlinkSync('/dev/zero', join(folder, 'endless'));
    expect(codeOf(() => openSafetensors(join(folder, 'endless')))).toBe('weights.missing');
  });
});

describe('a written file', () => {
  test.each<WrittenType>(['F32', 'F16', 'BF16'])('gives its %s values back', (dtype) => {
    const path = place();
    const data = Float32Array.from({ length: 15 }, (_, i) => (i - 7) / 8);
    writeSafetensors(path, [{ name: 'a', dtype, shape: [3, 5], data }, { name: 'scalar', dtype, shape: [], data: () => Float32Array.of(-2) }], { format: 'pt' });
    const { tensors, metadata } = openSafetensors(path);
    expect(readTensor(tensors.get('a')!)).toEqual(data);
    expect(readTensor(tensors.get('scalar')!)).toEqual(Float32Array.of(-2));
    expect(tensors.get('a')).toMatchObject({ shape: [3, 5], dtype, file: path });
    expect(metadata).toEqual(new Map([['format', 'pt']]));
  });

  test('begins each tensor as aligned as the rule against holes allows', () => {
    const path = place();
    const sizes = [1, 16, 3, 32, 64, 7, 48];
    writeSafetensors(path, sizes.map((size) => ({ name: `t${size}`, dtype: 'F32' as const, shape: [size], data: new Float32Array(size).fill(size) })));
    const { tensors } = openSafetensors(path);
    for (const size of [16, 32, 64, 48]) expect(tensors.get(`t${size}`)!.offset % 64).toBe(0);
    for (const size of sizes) {
      expect(tensors.get(`t${size}`)!.offset % 4).toBe(0);
      expect(readTensor(tensors.get(`t${size}`)!)).toEqual(new Float32Array(size).fill(size));
    }
  });

  test('is absent, and its predecessor whole, when writing fails half-way', () => {
    const path = place();
    writeSafetensors(path, [{ name: 'a', dtype: 'F32', shape: [1], data: Float32Array.of(1) }]);
    const before = readFileSync(path);
    const others = readdirSync(folder).length;
    const failing = (data: () => Float32Array): string => codeOf(() =>
      writeSafetensors(path, [{ name: 'b', dtype: 'F16', shape: [32], data: new Float32Array(32) }, { name: 'a', dtype: 'F16', shape: [1], data }]));
    expect(failing(() => Float32Array.of(70000))).toBe('weights.range');
    expect(failing(() => new Float32Array(2))).toBe('weights.shape');
    expect(failing(() => { throw Object.assign(new Error('write'), { code: 'ENOSPC' }); })).toBe('weights.write');
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(folder).length).toBe(others);
  });

  test('is refused when two tensors share a name or the data do not fill the shape', () => {
    const path = place();
    const tensor = { name: 'a', dtype: 'F32' as const, shape: [1], data: Float32Array.of(1) };
    expect(codeOf(() => writeSafetensors(path, [tensor, tensor]))).toBe('weights.duplicate');
    expect(codeOf(() => writeSafetensors(path, [{ ...tensor, shape: [2] }]))).toBe('weights.shape');
    expect(existsSync(path)).toBe(false);
  });

  test('may lie in a folder that is full: the fault says so', () => {
    expect(codeOf(() => writeSafetensors(join(folder, 'no', 'such', 'folder', 'a.safetensors'), []))).toBe('weights.write');
  });
});

test('data beyond four gigabytes are reached', () => {
  const path = place();
  const rows = 2 ** 30 + 3;
  const header = Buffer.from(JSON.stringify({ big: { dtype: 'F32', shape: [rows], data_offsets: [0, 4 * rows] }, last: entry(4 * rows, 4 * rows + 8) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, 'w');
  writeSync(file, Buffer.concat([length, header]));
  // A sparse file: the middle takes no room on the disk.
  writeSync(file, Buffer.from(Float32Array.of(1.5, -2.5).buffer), 0, 8, 8 + header.length + 4 * rows);
  closeSync(file);
  expect(readTensor(openSafetensors(path).tensors.get('last')!)).toEqual(Float32Array.of(1.5, -2.5));
  rmSync(path);
});

test('every tensor of a random file comes back bit for bit as float32', () => {
  const random = new Random(5);
  const path = place();
  const tensors = Array.from({ length: 40 }, (_, i) => {
    const shape = Array.from({ length: random.below(4) }, () => random.below(6));
    return { name: `t${i}`, dtype: 'F32' as const, shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()) };
  });
  writeSafetensors(path, tensors);
  const read = openSafetensors(path).tensors;
  for (const { name, data } of tensors) expect(readTensor(read.get(name)!)).toEqual(data);
});
