/** The terminal's manners: exit statuses, what goes to which stream, and a start from anywhere. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const launcher = resolve('electron/loupe.mjs');
const folder = mkdtempSync(join(tmpdir(), 'loupe-cli-'));
const environment = { PATH: process.env.PATH, HOME: folder };

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const loupe = (words: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}): Ended =>
  spawnSync(process.execPath, [launcher, ...words], { encoding: 'utf8', cwd: options.cwd ?? folder, env: { ...environment, ...options.env } });

beforeAll(() => {
  writeFileSync(join(folder, 'not-an-image.dcm'), 'plain text');
  expect(loupe(['--help']).status).toBe(0); // builds the bundle once
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('wrong usage ends with status 2', () => {
  test('and the list of commands, when there is no command', () => {
    const { status, stdout, stderr } = loupe([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('decode');
  });

  test('for a command that does not exist', () => {
    const { status, stderr } = loupe(['decod', 'x']);
    expect(status).toBe(2);
    expect(stderr).toContain(`There is no command 'decod'.`);
  });

  test('for the name of something that every object has', () => expect(loupe(['constructor']).status).toBe(2));

  test('and the help of the command, for an option that it does not have', () => {
    const { status, stderr } = loupe(['decode', 'x', '--jsn']);
    expect(status).toBe(2);
    expect(stderr).toContain('--jsn');
    expect(stderr).toContain('loupe decode FILE');
  });

  test('as one JSON value with --json', () => {
    const { status, stdout } = loupe(['decode', '--json']);
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ fault: { code: 'usage' } });
  });
});

describe('help', () => {
  test('lists every command on standard output', () => {
    const { status, stdout, stderr } = loupe(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const name of ['doctor', 'decode', 'generate', 'score', 'review', 'evaluate', 'train', 'reward', 'dataset', 'bench'])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  const names = [...readFileSync('electron/cli.ts', 'utf8').matchAll(/^ {2}(\w+): \(\) => import/gm)].map((match) => match[1]!);
  test.each(names)('of %s names its usage and its options', (name) => {
    const { status, stdout } = loupe([name, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^loupe ${name}\\b`));
    expect(stdout).toContain('--json');
  });
});

describe('a fault ends with status 1', () => {
  test('and three lines on standard error', () => {
    const { status, stdout, stderr } = loupe(['decode', 'nowhere.dcm']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toHaveLength(3);
  });

  test('and one JSON value with a stable code with --json', () => {
    const { status, stdout } = loupe(['decode', 'not-an-image.dcm', '--json']);
    expect(status).toBe(1);
    const { fault } = JSON.parse(stdout) as { fault: Record<string, string> };
    expect(Object.keys(fault).sort()).toEqual(['code', 'mend', 'what', 'why']);
    expect(fault.code).not.toBe('internal');
  });
});

describe('the launcher', () => {
  test("takes file names as npm's user meant them, relative to the folder where npm was called", () => {
    const inner = join(folder, 'inner');
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, 'here.dcm'), 'plain text');
    const env = { INIT_CWD: inner, npm_lifecycle_event: 'loupe', npm_package_json: resolve('package.json') };
    const { stdout } = loupe(['decode', 'here.dcm', '--json'], { cwd: resolve('.'), env });
    expect(JSON.parse(stdout)).not.toMatchObject({ fault: { code: expect.stringMatching(/missing|absent|not-?found/i) as string } });
  });

  test('lets several start at once', async () => {
    const all = await Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise((done) => {
            spawn(process.execPath, [launcher, '--help'], { cwd: folder, env: environment, stdio: 'ignore' }).on('exit', done);
          }),
      ),
    );
    expect(all).toEqual([0, 0, 0, 0]);
  });

  test('ends quietly when the reader of its output goes away', () => {
    const { status, stderr } = spawnSync('bash', ['-c', `set -o pipefail; "${process.execPath}" "${launcher}" --help | head -n 1 > /dev/null`], {
      encoding: 'utf8',
      env: environment,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

describe('Ctrl-C, or a time limit', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('stops a training run after the update at hand, with a checkpoint that --resume goes on from (%s)', async (signal) => {
    const recipe = join(folder, 'recipe.json');
    writeFileSync(recipe, JSON.stringify({ ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0], steps: 100_000 }], checkpointEvery: 100_000 }));
    const run = join(folder, `run-${signal}`);
    const words = ['train', recipe, '--data', writeTinyIndex(), '--out', run];
    const status = await new Promise((done) => {
      const child = spawn(process.execPath, [launcher, ...words], { cwd: folder, env: environment });
      let shown = '';
      child.stderr.on('data', (chunk: Buffer) => {
        const before = shown.includes('step 2');
        shown += chunk.toString();
        if (!before && shown.includes('step 2')) child.kill(signal);
      });
      child.on('exit', done);
    });
    expect(status).toBe(130);
    const kept = readdirSync(join(run, 'checkpoints'));
    expect(kept).toHaveLength(1);
    const step = Number(kept[0]!.slice('step-'.length));
    const resumed = loupe([...words, '--resume', '--steps', String(step + 1), '--json']);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ steps: step + 1 });
  }, 120_000);
});
