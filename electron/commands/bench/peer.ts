/** The programs that the bench compares with: Python processes that stay alive and answer one request at a time. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '#electron/storage/folders.ts';

/** What a peer answers: numbers by name, and always `peak_rss_mb`. */
export type Reply = Readonly<Record<string, unknown>> & { readonly peak_rss_mb: number };

export interface Peer {
  ask(request: Readonly<Record<string, unknown>> & { readonly do: string }): Promise<Reply>;
  end(): void;
}

/** A peer could not be started or could not do what it was asked; the bench then shows our own figures alone. */
export class PeerError extends Error {}

const benchFolder = (): string => join(projectRoot(), 'tests', 'bench');
const environmentFolder = (): string => join(projectRoot(), '.venv-bench');
const interpreter = (): string =>
  process.platform === 'win32' ? join(environmentFolder(), 'Scripts', 'python.exe') : join(environmentFolder(), 'bin', 'python');

/**
 * Makes the Python environment unless it is there as the requirements say. Gives the interpreter. LOUPE_PYTHON names another one, which has to hold all of it.
 *
 * @param withTrainer  also what the GRPO step is compared with
 */
export function preparePython(progress: (text: string) => void, { withTrainer = false } = {}): string {
  const given = process.env.LOUPE_PYTHON;
  if (given !== undefined) return given;
  const requirements = readFileSync(join(benchFolder(), 'requirements.txt'), 'utf8');
  const codecs = readFileSync(join(benchFolder(), 'requirements-codecs.txt'), 'utf8');
  const trainer = readFileSync(join(benchFolder(), 'requirements-grpo.txt'), 'utf8');
  const stamp = join(environmentFolder(), 'loupe-requirements.txt');
  const installed = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  if (installed === requirements + codecs + trainer || (!withTrainer && installed === requirements + codecs)) return interpreter();
  const run = (command: string, words: readonly string[]): boolean => spawnSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'] }).status === 0;
  progress('Making the Python environment of the programs to compare with (once, some minutes) …');
  if (!existsSync(interpreter()) && !run('python3', ['-m', 'venv', environmentFolder()]))
    throw new PeerError('python3 with its venv module is needed to compare with other programs.');
  const install = (...words: readonly string[]): boolean => run(interpreter(), ['-m', 'pip', 'install', '--quiet', '--retries', '0', ...words]);
  if (!install('-r', join(benchFolder(), 'requirements.txt'))) throw new PeerError('pip could not install what tests/bench/requirements.txt lists.');
  for (const line of codecs.split('\n').filter((text) => /^\w/.test(text))) {
    if (!install(line)) progress(`${line} could not be had; pydicom goes without it.`);
  }
  if (withTrainer && !install('-r', join(benchFolder(), 'requirements-grpo.txt'))) {
    progress('TRL could not be had; the GRPO step goes without a comparison.');
    return interpreter();
  }
  writeFileSync(stamp, requirements + codecs + (withTrainer ? trainer : ''));
  return interpreter();
}

/** Starts tests/bench/peers/NAME.py. */
export function startPeer(name: string, python: string): Peer {
  const folder = join(benchFolder(), 'peers');
  const child = spawn(python, [join(folder, `${name}.py`)], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, HF_HUB_OFFLINE: '1', PYTHONDONTWRITEBYTECODE: '1' },
  });
  const waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply & { error?: string };
    const next = waiting.shift();
    if (reply.error === undefined) next?.resolve(reply);
    else next?.reject(new PeerError(reply.error));
  });
  child.on('error', (error) => waiting.splice(0).forEach(({ reject }) => reject(new PeerError(error.message))));
  child.on('exit', (code) => waiting.splice(0).forEach(({ reject }) => reject(new PeerError(`${name}.py ended with status ${code}.`))));
  child.stdin.on('error', () => undefined); // the exit says why
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(request)}\n`);
      }),
    end: () => child.stdin.end(),
  };
}
