import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startFolder } from '#training/startFolder.ts';

const installation = (): string => {
  const root = mkdtempSync(join(tmpdir(), 'loupe-installation-'));
  for (const folder of ['models/weights/inside', 'dist/bundle']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{}');
  return root;
};

test('a folder that is there is taken as it is named', () => {
  const root = installation();
  expect(startFolder(root, join(root, 'dist'))).toBe(root);
  // Seen from where the tests run.
  expect(startFolder('tests', join(root, 'dist'))).toBe('tests');
});

test('a built-in checkpoint is found from any folder, by the installation that the code lies in', () => {
  const root = installation();
  expect(startFolder('models/weights/inside', join(root, 'dist', 'bundle'))).toBe(join(root, 'models', 'weights', 'inside'));
});

test('a folder that is nowhere keeps its name, for the fault that will tell of it', () => {
  const root = installation();
  expect(startFolder('models/weights/missing', join(root, 'dist'))).toBe('models/weights/missing');
  expect(startFolder('/models/weights/missing', join(root, 'dist'))).toBe('/models/weights/missing');
});
