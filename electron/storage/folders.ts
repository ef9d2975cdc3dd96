/** Where this installation keeps its own files, whether it runs from sources or from the bundle in dist/. */

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

let root: string | undefined;

/** The folder with our package.json: the nearest one above this file that also holds `models`. */
export function projectRoot(): string {
  if (root !== undefined) return root;
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'models'))) return (root = folder);
    if (folder === dirname(folder)) throw new Error('The folder of this installation was not found above its own code.');
  }
}

/** The version of this program. */
export const version = (): string => (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }).version;

/** In a packed application weights lie beside the archive: what maps them into memory knows nothing of archives. */
const weights = (name: string): string => join(projectRoot().replace(/app\.asar$/, 'app.asar.unpacked'), 'models', 'weights', name);

/** The built-in checkpoint. */
export const builtInModel = (): string => weights('loupe-base');

/** The built-in localizer, which finds more of what a box shows. */
export const builtInLocalizer = (): string => weights('loupe-localizer');

/** The built-in network that tells altered images; null where there is none. */
export const builtInIntegrity = (): string | null => (existsSync(weights('loupe-integrity')) ? weights('loupe-integrity') : null);

/** Adapters of the built-in checkpoint that come with it, for whoever wants to bring one in. */
export const builtInAdapters = (): readonly string[] => [weights('loupe-r1')].filter((folder) => existsSync(folder));

/** The built-in adapter that writes directives; null where there is none. */
export const builtInDirective = (): string | null => (existsSync(weights('loupe-directive')) ? weights('loupe-directive') : null);

/**
 * The file to start a worker from: `workerFile('inference')` is electron/workers/inference.ts as the launcher bundled it,
 * beside the running cli.mjs.
 */
export function workerFile(name: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'cli.mjs'))) return join(folder, 'workers', `${name}.mjs`);
  }
  throw new Error('Workers are started from the bundle: run electron/loupe.mjs.');
}

/** Where the library, the answers and the runs of this person lie: `LOUPE_DATA`, or the usual place of the system. */
export function dataFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.LOUPE_DATA) return resolve(environment.LOUPE_DATA);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Loupe');
  if (process.platform === 'win32') return join(environment.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Loupe');
  return join(environment.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'loupe');
}
