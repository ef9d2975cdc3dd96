/**
 * ONNX Runtime, as this project loads it, leaves no trace of its telemetry: no device id, no event database, no log, no lookup.
 *
 * A process of its own loads the runtime in an empty home folder and runs a graph. The uploader writes its files as soon as it is loaded and
 * looks up its host about 25 s later; without the files it was never started. `LOUPE_SLOW=1` waits for the lookup too, where strace is installed.
 */

import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'loupe-telemetry-'));
const program = join(folder, 'program.mjs');
const root = resolve('.');

/** What the process does: our own runtime, or the bare package, which is what it would do without our guard. */
const graph = `
  import { Graph } from '#models/graph/graph.ts';
  import { add } from '#models/graph/ops.ts';
  import { encodeModel } from '#models/graph/encode.ts';
  const graph = new Graph('tiny');
  graph.output('y', add(graph.input('x', [2]), 1));
`;
const pause = 'await new Promise((resume) => setTimeout(resume, Number(process.argv[2])));';
const ours = `${graph}
  import { createSession, float32, floats } from '#models/runtime/session.ts';
  const session = await createSession(encodeModel(graph));
  const y = floats(await session.run({ x: float32([2], Float32Array.of(1, 2)) }), 'y');
  await session.release();
  console.log([...y].join(' '));
  ${pause}`;
const bare = `${graph}
  import ort from 'onnxruntime-node';
  const session = await ort.InferenceSession.create(encodeModel(graph));
  console.log(session.outputNames.join(' '));
  ${pause}`;

interface Outcome {
  readonly output: string;
  readonly files: readonly string[];
  readonly lookups: readonly string[];
}

/** Runs the program in an empty home folder, without the variable that switches telemetry off, and lists what it left behind. */
function runIn(home: string, waitMs: number, before: readonly string[] = []): Outcome {
  const trace = join(folder, `${home}.strace`);
  const place = (name: string): string => {
    const path = join(folder, home, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const words = [...before.map((word) => (word === 'TRACE' ? trace : word)), process.execPath, program, String(waitMs)];
  const { stdout, stderr, status } = spawnSync(words[0]!, words.slice(1), {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: place('home'),
      XDG_CACHE_HOME: place('home/cache'),
      XDG_CONFIG_HOME: place('home/config'),
      XDG_DATA_HOME: place('home/data'),
      TMPDIR: place('home/tmp'),
    },
  });
  expect(status, stderr).toBe(0);
  const files = readdirSync(join(folder, home), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
  const lookups = before.includes('TRACE')
    ? readFileSync(trace, 'utf8')
        .split('\n')
        .filter((line) => /AF_INET|resolv\.conf/.test(line))
    : [];
  return { output: stdout.trim(), files, lookups };
}

const bundle = (contents: string): Promise<unknown> =>
  build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    // The program lies outside the project, so the package is named by where it is installed.
    alias: { 'onnxruntime-node': join(root, 'node_modules/onnxruntime-node/dist/index.js') },
    external: [join(root, 'node_modules/*')],
  });

const has = (tool: string, ...words: string[]): boolean => spawnSync(tool, words, { stdio: 'ignore' }).status === 0;
const offline = has('unshare', '-rn', 'true');
const slow = process.env.LOUPE_SLOW === '1' && offline && has('strace', '-V');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('our runtime', () => {
  beforeAll(() => bundle(ours));

  test('runs a graph and leaves no file behind, though nobody set the variable', () => {
    expect(runIn('ours', 1000)).toEqual({ output: '2 3', files: [], lookups: [] });
  });

  test.skipIf(!slow)('opens no connection and looks up no host within 35 seconds', { timeout: 60_000 }, () => {
    expect(runIn('ours-slow', 35_000, ['unshare', '-rn', 'strace', '-f', '-e', 'trace=socket,connect,openat', '-o', 'TRACE'])).toEqual({
      output: '2 3',
      files: [],
      lookups: [],
    });
  });
});

describe('the bare package', () => {
  beforeAll(() => bundle(bare));

  test.skipIf(!offline)('would leave a device id and an event database (tried without a network), so the check above can fail', () => {
    const { output, files } = runIn('bare', 1000, ['unshare', '-rn']);
    expect(output).toBe('y');
    expect(files).toEqual(expect.arrayContaining(['deviceid', 'onnxruntime.db']));
  });
});

describe('the sources', () => {
  const sources = ['models', 'training', 'electron'].flatMap((top) =>
    readdirSync(top, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|mjs)$/.test(file))
      .map((file) => join(top, file)),
  );

  test('load the runtime in one place only, after the variable is set', () => {
    const loading = sources.filter((file) =>
      /(?:from|import|require\()\s*\(?['"]onnxruntime-node['"]/.test(
        readFileSync(file, 'utf8').replace(/typeof import\(.*?\)|: import\(.*?\)|= import\(.*?\)\.\w|import type .*/g, ''),
      ),
    );
    expect(loading).toEqual(['models/runtime/session.ts']);
    const text = readFileSync('models/runtime/session.ts', 'utf8');
    expect(text.indexOf(`ORT_DISABLE_TELEMETRY = '1'`)).toBeGreaterThan(0);
    expect(text.indexOf(`ORT_DISABLE_TELEMETRY = '1'`)).toBeLessThan(text.indexOf(`await import('onnxruntime-node')`));
  });

  test('set it in the first line that the terminal runs', () => {
    const [first] = readFileSync('electron/cli.ts', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('import'));
    expect(first).toBe(`import './telemetry.ts';`);
  });
});
