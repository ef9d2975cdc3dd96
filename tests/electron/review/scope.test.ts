import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blockingFlags, readScope, scopeFlags } from '#electron/review/scope.ts';
import type { Scope } from '#models/clinical/scope.ts';
import type { Placement } from '#models/imaging/sides.ts';

const scope: Scope = { format: 'loupe.scope/1', trained: [{ modality: 'xray', bodyParts: ['chest'] }, { modality: 'ct', bodyParts: ['chest', 'brain'] }], locates: [] };
const image = (modality: string, bodyPart: string | null): Placement => ({ modality, bodyPart, laterality: null, viewPosition: null, orientation: null, patientOrientation: null });
const codes = (question: string, placement: Placement | null, of: Scope | null = scope): string[] => scopeFlags(of, question, [placement]).map(({ code }) => code);

describe('an image', () => {
  test('of a kind that the model was trained on is in its scope', () => {
    expect(codes('What is it?', image('DX', 'CHEST'))).toEqual([]);
    expect(codes('What is it?', image('CT', 'HEAD'))).toEqual([]);
    expect(codes('What is it?', image('CT', null))).toEqual([]);
  });
  test('of another modality or body part is not, and both are named', () => {
    expect(scopeFlags(scope, 'What is it?', [image('MG', 'BREAST')])).toEqual([{ code: 'scope.modality', detail: 'This is mammography. The model was trained on X-ray films and CT.' }]);
    expect(scopeFlags(scope, 'What is it?', [image('CT', 'ABDOMEN')])).toEqual([{ code: 'scope.bodyPart', detail: 'The file says abdomen. Of CT the model was trained on chest and brain.' }]);
  });
  test('that says nothing of what it shows is out of scope until a person says it, and one of an unknown code is left alone', () => {
    expect(scopeFlags(scope, 'What is it?', [null])).toEqual([{ code: 'scope.unstated', detail: 'The file does not say what it shows. The model was trained on X-ray films and CT.' }]);
    expect(scopeFlags(scope, 'What is it?', [undefined])).toEqual([]);
    expect(codes('What is it?', image('XX', 'CHEST'))).toEqual([]);
  });
  test('before a model of which nothing is stated is flagged as such and nothing else', () => {
    expect(codes('What is it?', image('MG', 'BREAST'), null)).toEqual(['scope.unknown']);
    expect(codes('What is it?', null, null)).toEqual(['scope.unknown']);
  });
  test('of a part of the body that the training set does not tell is in scope', () => {
    expect(codes('What is it?', image('CT', 'ABDOMEN'), { ...scope, trained: [{ modality: 'ct', bodyParts: [] }] })).toEqual([]);
  });
  test('is blocked for its kind, its part of the body, silence of its file or emptiness, and for nothing else', () => {
    const all = ['scope.modality', 'scope.bodyPart', 'scope.unstated', 'image.blank', 'scope.question', 'scope.images', 'scope.unknown', 'image.saturated', 'box.large'];
    expect(blockingFlags(all.map((code) => ({ code, detail: '' }))).map(({ code }) => code)).toEqual(all.slice(0, 4));
  });
});

test('several images are noted where the model was trained on one at a time', () => {
  const film = image('DX', 'CHEST');
  expect(scopeFlags({ ...scope, mostImages: 1 }, 'What is it?', [film, film])).toEqual([{ code: 'scope.images', detail: '2 images were sent together. The model was trained on one at a time.' }]);
  expect(scopeFlags({ ...scope, mostImages: 2 }, 'What is it?', [film, film])).toEqual([]);
  expect(scopeFlags(scope, 'What is it?', [film, film])).toEqual([]);
});

test('a question about another stretch of the body than the file names is noted', () => {
  expect(codes('Is there pneumonia in this chest film?', image('DX', 'KNEE'), null)).toEqual(['scope.unknown', 'scope.question']);
  expect(codes('Is the liver seen below the lungs?', image('CT', 'CHEST'))).toEqual([]);
  expect(codes('Is anything wrong?', image('DX', 'KNEE'), null)).toEqual(['scope.unknown']);
});

test('the scope is read from the model\'s folder; what is not in its form says nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-scope-'));
  expect(readScope(folder)).toBeNull();
  writeFileSync(join(folder, 'scope.json'), '{"format":"loupe.scope/2"}');
  expect(readScope(folder)).toBeNull();
  writeFileSync(join(folder, 'scope.json'), JSON.stringify(scope));
  expect(readScope(folder)).toEqual(scope);
  rmSync(folder, { recursive: true });
  expect(readScope('models/weights/loupe-base')?.trained.length).toBeGreaterThan(5);
});
