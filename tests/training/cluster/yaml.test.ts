import { expect, test } from 'vitest';
import { toYaml } from '#training/cluster/yaml.ts';

test('settings are nested by two spaces, lists have a line for each item, comments come first', () => {
  expect(toYaml({ a: { b: 1, c: [1, 'x'] }, empty: {}, none: [] }, ['what it is'])).toBe('# what it is\na:\n  b: 1\n  c:\n    - 1\n    - x\nempty: {}\nnone: []\n');
});

test('a text that YAML would take for something else is quoted', () => {
  for (const text of ['yes', 'Off', 'null', '1.5', 'a: b', '# no', '', 'true', '- x', 'n', '*a', '{b']) expect(toYaml({ a: text })).toBe(`a: ${JSON.stringify(text)}\n`);
  expect(toYaml({ a: 'seq-mean-token-mean', path: 'data/train.jsonl' })).toBe('a: seq-mean-token-mean\npath: data/train.jsonl\n');
});

test('a small number keeps a point in its mantissa, without which YAML 1.1 reads a text', () => {
  expect(toYaml({ a: 1e-8, b: 1.5e-7, c: 1e21, d: -2e-9, e: 0.00001, f: null, g: true })).toBe('a: 1.0e-08\nb: 1.5e-07\nc: 1.0e+21\nd: -2.0e-09\ne: 0.00001\nf: null\ng: true\n');
});
