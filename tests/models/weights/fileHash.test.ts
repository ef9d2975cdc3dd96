import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileHash } from '#models/weights/fileHash.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-hash-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const hashOf = (bytes: Uint8Array): string => {
  writeFileSync(join(folder, 'file'), bytes);
  return fileHash(join(folder, 'file'));
};

test('a file has the hash of its bytes', () => {
  expect(hashOf(Buffer.from('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(hashOf(new Uint8Array())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('also one that is longer than what is read at a time', () => {
  const bytes = Uint8Array.from({ length: (1 << 20) + 17 }, (_, i) => i % 251);
  expect(hashOf(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
});
