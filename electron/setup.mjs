/**
 * Installs what is missing: runs before `npm start` and `npm test`, needs nothing but Node and npm.
 * Quiet, and done in milliseconds, when the installed packages are the ones in package-lock.json.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The packages of a lockfile by folder, or undefined where there is no such file. */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** The first package that is not installed as the lockfile says, or undefined. Optional ones may be for other machines. */
function firstMissing() {
  const wanted = packagesOf('package-lock.json') ?? {};
  const installed = packagesOf(join('node_modules', '.package-lock.json')) ?? {};
  return Object.keys(wanted).find((folder) => {
    if (folder === '') return false;
    if (installed[folder] === undefined) return !wanted[folder].optional;
    return installed[folder].version !== wanted[folder].version;
  });
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Loupe needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}

const missing = firstMissing();
if (missing !== undefined) {
  const started = Date.now();
  console.error(`Setting up: ${missing.replace('node_modules/', '')} is not installed yet. This takes about a minute, once.`);
  const npm = process.env.npm_execpath ? [process.execPath, [process.env.npm_execpath]] : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
  const { status, error } = spawnSync(npm[0], [...npm[1], 'ci', '--no-audit', '--no-fund', '--progress=true'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && !process.env.npm_execpath,
  });
  if (error || status !== 0) {
    const why = error ? error.message : `npm ci ended with ${status}`;
    console.error(`Setting up failed: ${why}. Is the npm registry within reach? Then run "npm ci" here to see more.`);
    process.exit(1);
  }
  console.error(`Set up in ${Math.round((Date.now() - started) / 1000)} s.`);
}
