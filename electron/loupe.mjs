/**
 * Starts what is written in TypeScript: `node electron/loupe.mjs decode FILE` (or `npm run -s loupe -- decode FILE`) a terminal command,
 * `node electron/loupe.mjs start` (or `npm start`) the workstation.
 *
 * Node 20 does not read TypeScript, so the sources are bundled once into dist/<fingerprint>/, where the fingerprint covers the
 * path, size and time of every source file.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { page, program, root } from './bundle.mjs';

/** npm runs scripts in the package's folder; file names on the command line mean the folder that the user stands in. */
function returnToTheUsersFolder() {
  const { INIT_CWD, npm_lifecycle_event: script, npm_package_json: packageFile } = process.env;
  if (INIT_CWD && (script === 'loupe' || script === 'start') && packageFile === join(root, 'package.json') && process.cwd() === root && existsSync(INIT_CWD))
    process.chdir(INIT_CWD);
}

try {
  const isWorkstation = process.argv[2] === 'start';
  const folder = await program();
  if (isWorkstation && !process.argv.includes('--help')) process.env.LOUPE_PAGE = await page((text) => console.error(text));
  returnToTheUsersFolder();
  await import(pathToFileURL(join(folder, isWorkstation ? 'start.mjs' : 'cli.mjs')).href);
} catch (error) {
  // esbuild has printed what it found in the sources.
  if (error?.errors?.length > 0) process.exit(1);
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || existsSync(join(root, 'node_modules', 'esbuild'))) throw error;
  console.error(`The packages that Loupe needs are not installed: run "npm ci" in ${root} first (npm start and npm test do it by themselves).`);
  process.exitCode = 1;
}
