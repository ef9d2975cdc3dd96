/**
 * Starts the terminal commands: `node electron/loupe.mjs decode FILE`, or `npm run -s loupe -- decode FILE`.
 *
 * Node 20 does not read TypeScript, so the sources are bundled once into dist/<fingerprint>/, where the fingerprint covers the
 * path, size and time of every source file. A start whose sources did not change only walks the folders (a few milliseconds).
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const oldAfterMs = 24 * 3600 * 1000;

/** Every TypeScript source below a folder, sorted by folder and name. */
function sourcesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesBelow(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function fingerprintOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { size: -1, mtimeMs: 0 };
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** A bundle for the command line and one for each worker; several starts at once may build side by side, the first one to finish wins. */
async function build(target, sources) {
  const esbuild = await import('esbuild');
  const workers = sources.filter((file) => dirname(file) === join(root, 'electron', 'workers') && !file.endsWith('Client.ts'));
  const unfinished = join(dist, `unfinished-${process.pid}-${Date.now()}`);
  mkdirSync(unfinished, { recursive: true });
  try {
    await esbuild.build({
      absWorkingDir: root,
      entryPoints: [
        { in: join(root, 'electron', 'cli.ts'), out: 'cli' },
        ...workers.map((file) => ({ in: file, out: `workers/${basename(file, '.ts')}` })),
      ],
      outdir: unfinished,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      sourcemap: true,
      logLevel: 'error',
      plugins: [ownFiles],
    });
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(join(target, 'cli.mjs'))) throw error;
  }
  for (const name of readdirSync(dist).filter((name) => /^(?:[0-9a-f]{16}|unfinished-.*)$/.test(name))) {
    const path = join(dist, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (path !== target && Date.now() - mtimeMs > oldAfterMs) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * `#models/base/fault.ts` is ours, whatever `packages: 'external'` says about names without a dot.
 * A file that is not there fails only when it is asked for.
 */
const ownFiles = {
  name: 'own-files',
  setup({ onResolve }) {
    onResolve({ filter: /^(#|\.\/).*\.ts$/ }, ({ path, resolveDir }) => {
      const file = path.startsWith('#') ? join(root, path.slice(1)) : join(resolveDir, path);
      return existsSync(file) ? { path: file } : { path: pathToFileURL(file).href, external: true };
    });
  },
};

/** npm runs scripts in the package's folder; file names on the command line mean the folder that the user stands in. */
function returnToTheUsersFolder() {
  const { INIT_CWD, npm_lifecycle_event: script, npm_package_json: packageFile } = process.env;
  if (INIT_CWD && script === 'loupe' && packageFile === join(root, 'package.json') && process.cwd() === root && existsSync(INIT_CWD))
    process.chdir(INIT_CWD);
}

try {
  const sources = ['models', 'training', 'electron'].flatMap((folder) => sourcesBelow(join(root, folder)));
  const target = join(dist, fingerprintOf([...sources, fileURLToPath(import.meta.url), join(root, 'package-lock.json')]));
  if (!existsSync(join(target, 'cli.mjs'))) await build(target, sources);
  returnToTheUsersFolder();
  await import(pathToFileURL(join(target, 'cli.mjs')).href);
} catch (error) {
  // esbuild has printed what it found in the sources.
  if (error?.errors?.length > 0) process.exit(1);
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || existsSync(join(root, 'node_modules', 'esbuild'))) throw error;
  console.error(`The packages that Loupe needs are not installed: run "npm ci" in ${root} first (npm start and npm test do it by themselves).`);
  process.exitCode = 1;
}
