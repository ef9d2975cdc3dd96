/** Makes what runs from what is written: the program's bundle by esbuild, the page by Vite, both into folders named by what went in. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const oldAfterMs = 24 * 3600 * 1000;

/** Every source below a folder whose name ends so, sorted by folder and name. */
function sourcesBelow(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesBelow(path, ending);
    return ending.test(entry.name) ? [path] : [];
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

const always = [fileURLToPath(import.meta.url), join(root, 'package-lock.json')];
const below = (folders, ending) => folders.flatMap((folder) => sourcesBelow(join(root, folder), ending));

/** The program's folder under dist/, made where it is not there yet. A start whose sources did not change only walks the folders. */
export async function program() {
  const sources = below(['models', 'training', 'electron'], /\.(?:ts|mjs)$/);
  const target = join(dist, fingerprintOf([...sources, ...always]));
  if (!existsSync(join(target, 'cli.mjs'))) await finish(target, 'cli.mjs', (folder) => bundle(folder, { sourcemap: true }));
  return target;
}

/** The page's folder under dist/, made where it is not there yet. */
export async function page(tell = () => undefined) {
  const sources = below(['renderer', 'electron/contract', 'models/base', 'models/clinical', 'models/imaging'], /\.(ts|tsx|css|html|svg|json)$/);
  const target = join(dist, `page-${fingerprintOf([...sources, ...always, join(root, 'vite.config.ts')])}`);
  if (!existsSync(join(target, 'index.html'))) {
    tell('Building the page (a few seconds, once for each version of its sources) …');
    await finish(target, 'index.html', buildPage);
  }
  return target;
}

/** The page, written into a folder. */
export async function buildPage(folder) {
  const { build } = await import('vite');
  await build({ root: join(root, 'renderer'), configFile: join(root, 'vite.config.ts'), logLevel: 'error', build: { outDir: folder, emptyOutDir: false } });
}

/** A bundle for each program and each worker; the shell's preload script is CommonJS, because a sandboxed one must be. */
export async function bundle(folder, { sourcemap = false } = {}) {
  const esbuild = await import('esbuild');
  const workers = sourcesBelow(join(root, 'electron', 'workers'), /(?<!Client|port|supervisor)\.ts$/);
  const shared = { absWorkingDir: root, bundle: true, platform: 'node', target: 'node20', packages: 'external', sourcemap, logLevel: 'error', plugins: [ownFiles] };
  await esbuild.build({
    ...shared,
    entryPoints: [
      ...['cli', 'start', 'main'].map((name) => ({ in: join(root, 'electron', `${name}.ts`), out: name })),
      ...workers.map((file) => ({ in: file, out: `workers/${basename(file, '.ts')}` })),
    ],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    format: 'esm',
  });
  const { packages: _packages, ...whole } = shared;
  await verifier(folder);
  await esbuild.build({ ...whole, entryPoints: [join(root, 'electron', 'preload.ts')], outfile: join(folder, 'preload.cjs'), format: 'cjs', external: ['electron'] });
}

/** For strangers: one readable file that checks journals and capsules and needs nothing but Node. */
export async function verifier(folder) {
  const esbuild = await import('esbuild');
  const outfile = join(folder, 'loupe-verify.mjs');
  await esbuild.build({ absWorkingDir: root, bundle: true, platform: 'node', target: 'node20', format: 'esm', logLevel: 'error', plugins: [ownFiles], entryPoints: [join(root, 'electron', 'audit', 'verifier.ts')], outfile });
  return outfile;
}

/** Several starts at once may build side by side: the first one to finish wins. */
async function finish(target, proof, make) {
  const unfinished = join(dist, `unfinished-${process.pid}-${Date.now()}`);
  mkdirSync(unfinished, { recursive: true });
  try {
    await make(unfinished);
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(join(target, proof))) throw error;
  }
  for (const name of readdirSync(dist).filter((name) => /^(?:(?:page-)?[0-9a-f]{16}|unfinished-.*)$/.test(name))) {
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
