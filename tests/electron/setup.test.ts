/** What `npm start` and `npm test` do first: install when something is missing or of another version, and nothing otherwise. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

type Packages = Readonly<Record<string, { readonly version: string; readonly optional?: boolean }>>;

const wanted: Packages = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/for-another-machine': { version: '1.0.0', optional: true } };
let folder: string;

/** A project with these packages installed, and an npm that only says that it was called. */
function setUp(installed: Packages | null, { npmStatus = 0 } = {}): { status: number | null; calledNpm: boolean; stderr: string } {
  mkdirSync(join(folder, 'electron'), { recursive: true });
  copyFileSync('electron/setup.mjs', join(folder, 'electron/setup.mjs'));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }));
  if (installed) {
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }));
  }
  const npm = join(folder, 'npm.cjs');
  writeFileSync(npm, `require('fs').writeFileSync(__dirname + '/called', process.argv.slice(2).join(' ')); process.exit(${npmStatus});`);
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'electron/setup.mjs')], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, npm_execpath: npm },
  });
  return { status, calledNpm: existsSync(join(folder, 'called')), stderr };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loupe-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('setting up', () => {
  test('installs on a fresh clone, and says so', () => {
    const { status, calledNpm, stderr } = setUp(null);
    expect({ status, calledNpm }).toEqual({ status: 0, calledNpm: true });
    expect(stderr).toContain('a is not installed yet');
  });

  test('does nothing, and says nothing, when all is there', () => {
    expect(setUp({ 'node_modules/a': { version: '1.0.0' } })).toEqual({ status: 0, calledNpm: false, stderr: '' });
  });

  test('installs when a version has changed', () => {
    expect(setUp({ 'node_modules/a': { version: '0.9.0' } }).calledNpm).toBe(true);
  });

  test('installs when an optional package that is there has another version', () => {
    expect(setUp({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/for-another-machine': { version: '0.9.0' } }).calledNpm).toBe(true);
  });

  test('ends with status 1 and a sentence when npm fails', () => {
    const { status, stderr } = setUp(null, { npmStatus: 7 });
    expect(status).toBe(1);
    expect(stderr).toContain('npm ci ended with 7');
  });
});
