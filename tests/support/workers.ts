/** A worker of the program as one file, the way the program bundles it, for tests that start real processes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

export interface BundledWorker {
  readonly file: string;
  remove(): void;
}

/** @param name of a file of electron/workers, without its ending */
export async function bundleWorker(name: string): Promise<BundledWorker> {
  // Beside node_modules, where the worker finds the packages.
  const folder = mkdtempSync(join(resolve('node_modules'), '.loupe-worker-'));
  const file = join(folder, `${name}.mjs`);
  await build({ entryPoints: [`electron/workers/${name}.ts`], outfile: file, bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'error' });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
