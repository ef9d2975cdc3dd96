/** Writes the stand-alone verifier: `npm run verifier` to dist/loupe-verify.mjs, `npm run verifier -- FOLDER` elsewhere. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root, verifier } from './bundle.mjs';

const folder = process.argv[2] === undefined ? join(root, 'dist') : resolve(process.env.INIT_CWD ?? '.', process.argv[2]);
mkdirSync(folder, { recursive: true });
console.log(await verifier(folder));
