/** `npm start`: opens the workstation in the best way that this machine has, and says which one it is. */

import './telemetry.ts';
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startHost } from './host.ts';
import { dataFolder, projectRoot } from './storage/folders.ts';
import { chooseSurface, thisMachine, type Surface } from './surface.ts';

const options = {
  window: { type: 'boolean' }, browser: { type: 'boolean' }, address: { type: 'boolean' }, port: { type: 'string' }, data: { type: 'string' }, model: { type: 'string' },
  'no-samples': { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
} as const;

const help = `npm start -- [OPTIONS]

  --window       its own window (Electron)
  --browser      your browser
  --address      prints the address and opens nothing
  --port N       the port of the address (default: any free one)
  --data DIR     where library, answers and runs lie (default: the usual place of this system, or LOUPE_DATA)
  --model DIR    the checkpoint folder that answers (default: the built-in one)
  --no-samples   leaves the sample studies out of an empty library

Research use only, not a medical device.
`;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function run(): Promise<number> {
  const { values } = readWords();
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const folder = resolve(values.data ?? dataFolder());
  const wish: Surface | null = values.window === true ? 'electron' : values.browser === true ? 'browser' : values.address === true ? 'address' : null;
  const machine = thisMachine(projectRoot());
  const { surface, sentence } = chooseSurface(machine, wish);
  const pageFolder = process.env.LOUPE_PAGE ?? join(dirname(fileURLToPath(import.meta.url)), 'page');
  say(sentence);
  if (surface === 'electron' && machine.electron !== null) {
    const words = [join(dirname(fileURLToPath(import.meta.url)), 'main.mjs'), `--data=${folder}`, ...(values.model === undefined ? [] : [`--model=${resolve(values.model)}`]), ...(values['no-samples'] === true ? ['--no-samples'] : [])];
    const { ELECTRON_RUN_AS_NODE: _never, ...environment } = process.env;
    const child = spawn(machine.electron, words, { stdio: 'inherit', env: { ...environment, LOUPE_PAGE: pageFolder } });
    return new Promise((settle, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => settle(code ?? 0));
    });
  }
  const host = await startHost({ pageFolder, dataFolder: folder, port: Number(values.port ?? 0), samples: values['no-samples'] !== true, ...(values.model === undefined ? {} : { model: resolve(values.model) }) });
  process.stdout.write(`${host.address}\n`);
  say('Research use only, not a medical device. Ctrl-C ends it.');
  if (surface === 'browser' && machine.opener !== null) spawn(machine.opener, [host.address], { stdio: 'ignore', detached: true }).on('error', (error) => say(`The browser did not open (${error.message}): open the address yourself.`)).unref();
  await new Promise<void>((settle) => {
    process.once('SIGINT', settle);
    process.once('SIGTERM', settle);
  });
  say('\nClosing …');
  await host.close();
  return 0;
}

function readWords(): ReturnType<typeof parseArgs<{ options: typeof options; strict: true }>> {
  try {
    return parseArgs({ args: process.argv.slice(process.argv[2] === 'start' ? 3 : 2), options, strict: true });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}

process.exit(await run());
