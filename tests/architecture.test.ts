/** The layer table of docs/ARCHITECTURE.md is the rule itself; this test reads it there and holds every source file to it. */

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Layer {
  readonly folder: string;
  readonly mayImport: readonly string[];
  readonly packages: readonly string[];
}

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

function readTable(page: string): Layer[] {
  const table = page.slice(page.indexOf('| Layer |')).split('\n\n')[0]!;
  return table
    .split('\n')
    .slice(2)
    .map((row) => {
      const [, folder, mayImport, packages] = row.split('|').map(quoted);
      return { folder: folder![0]!, mayImport: mayImport!, packages: packages! };
    });
}

const layers = readTable(readFileSync('docs/ARCHITECTURE.md', 'utf8'));
const sources = ['models', 'training', 'electron', 'renderer']
  .flatMap((top) =>
    readdirSync(top, { recursive: true, encoding: 'utf8' })
      .filter((file) => /(?<!\.d)\.tsx?$/.test(file))
      .map((file) => join(top, file)),
  )
  .sort();

/** A layer covers its folder and those within; a top-level name covers only the files directly in it. */
const covers = (folder: string, path: string): boolean => (folder.includes('/') ? path.startsWith(`${folder}/`) : dirname(path) === folder);
const layerOf = (path: string): Layer | undefined => layers.find((layer) => covers(layer.folder, path));

/** `models/*` stands for every layer within models. */
const permits = (pattern: string, name: string): boolean => (pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern);

/** The names that a source imports: from, side effect, dynamic, and types by import(). Comments do not count. */
function specifiersOf(source: string): string[] {
  const code = source.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\(\s*)['"]([\w.#@][^'"\s]*)['"]/g)].map((match) => match[1]!);
}

/** What a source imports from outside its folder, by the names that the table uses: a layer of ours, `node`, or a package. */
function importsOf(source: string): string[] {
  return specifiersOf(source)
    .filter((name) => !name.startsWith('./'))
    .map((name) => {
      if (name.startsWith('#')) return layerOf(name.slice(1))?.folder ?? name;
      return name.startsWith('node:')
        ? 'node'
        : name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/');
    });
}

/** Neighbours are named by `./`, and `./` reaches into the folders below it: that may cross into another layer too. */
function layersReachedByPath(file: string, source: string): string[] {
  return specifiersOf(source)
    .filter((name) => name.startsWith('./'))
    .flatMap((name) => {
      const reached = layerOf(join(dirname(file), name))?.folder;
      return reached === undefined ? [] : [reached];
    });
}

function strangersIn(file: string, source: string, layer: Layer): string[] {
  const allowed = [layer.folder, ...layer.mayImport, ...layer.packages];
  return [...importsOf(source), ...layersReachedByPath(file, source)].filter((name) => !allowed.some((pattern) => permits(pattern, name)));
}

describe('each source file keeps to its layer', () => {
  test.each(sources)('%s', (file) => {
    const layer = layerOf(file);
    if (!layer) throw new Error(`${file} lies in no layer. Move it, or add its folder to the table in docs/ARCHITECTURE.md.`);
    const allowed = [...layer.mayImport, ...layer.packages].join(', ') || 'its neighbours';
    expect(strangersIn(file, readFileSync(file, 'utf8'), layer), `${layer.folder} may import only ${allowed}`).toEqual([]);
  });
});

test('a layer imports only layers above it in the table, so there are no circles', () => {
  layers.forEach(({ folder, mayImport }, row) => {
    for (const pattern of mayImport) {
      const named = layers.flatMap((layer, at) => (permits(pattern, layer.folder) ? [at] : []));
      expect(named.length > 0 && named.every((at) => at < row), `${folder} names ${pattern}, which is not above it`).toBe(true);
    }
  });
});

test('every layer in the table exists', () => {
  expect(layers.map(({ folder }) => folder).filter((folder) => !sources.some((file) => covers(folder, file)))).toEqual([]);
});

test('every package that a layer names is a dependency, and every dependency is used', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  const named = new Set(layers.flatMap(({ packages }) => packages).filter((name) => name !== 'node'));
  const started = ['esbuild']; // by electron/loupe.mjs, which is no TypeScript source
  // The page is bundled, Electron is the shell itself, and the browser is there where the page is measured: none is a package that the packed program loads.
  const isBundled = (name: string): boolean => ['electron', 'playwright-core', '@sparticuz/chromium'].includes(name) || layers.every(({ folder, packages }) => !packages.includes(name) || /^renderer/.test(folder));
  expect([...named].filter((name) => !(name in (isBundled(name) ? devDependencies : dependencies)))).toEqual([]);
  expect(Object.keys(dependencies).filter((name) => !named.has(name) && !started.includes(name))).toEqual([]);
});

test('exact versions are pinned', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>;
  expect(Object.values({ ...dependencies, ...devDependencies }).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

describe('the rule can fail', () => {
  const pure: Layer = { folder: 'models/base', mayImport: [], packages: [] };
  const check = (source: string, strangers: readonly string[]): void => expect(strangersIn('models/base/x.ts', source, pure)).toEqual(strangers);

  test('for a built-in module', () => check(`import { readFileSync } from 'node:fs';`, ['node']));
  test('for a package, also with a scope', () => check(`import { x } from 'zod/v4';\nimport '@scope/name/part';`, ['zod', '@scope/name']));
  test('for a layer that lies higher', () => check(`import type { Command } from '#electron/commands/command.ts';`, ['electron/commands']));
  test('for a dynamic import', () => check(`const x = await import('onnxruntime-node');`, ['onnxruntime-node']));
  test('for a way around with ../', () => check(`import { x } from '../graph/graph.ts';`, ['..']));
  test('but not for a neighbour', () => check(`import { Fault } from './fault.ts';\nimport { sum } from '#models/base/math.ts';`, []));
});
