/** The real page in a real browser, on the services as they are: `npm test` needs nothing on the machine but Node for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeEach } from 'vitest';
import { launchChromium } from '#electron/commands/bench/chromium.ts';

export interface Workstation extends Program {
  readonly page: Page;
  /** What the page complained of: errors, and refusals of its content security policy. */
  readonly complaints: readonly string[];
  /** Keeps what the window shows as NAME.png in the folder that `LOUPE_SCREENS` names, for whoever wants to look. */
  picture(name: string): Promise<void>;
}

export interface WorkstationOptions {
  /** Kept from an earlier start; absent: a new, empty one. */
  readonly dataFolder?: string;
  readonly samples?: boolean;
  readonly width?: number;
  readonly height?: number;
}

interface Bundler {
  program(): Promise<string>;
  page(): Promise<string>;
}

/** Milliseconds until a step on the page is given up: nothing takes more than seconds on a machine that has nothing else to do. */
export const patience = 150_000;

let launched: Promise<Browser> | undefined;

/** One browser for all tests of a file. */
function browser(): Promise<Browser> {
  launched ??= launchChromium();
  return launched;
}

export async function closeBrowser(): Promise<void> {
  await (await launched)?.close();
  launched = undefined;
}

export interface Program {
  readonly address: string;
  /** Of the program behind the page; its workers are its children. */
  readonly pid: number;
  readonly dataFolder: string;
  close(): Promise<void>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
}

/** Starts the program behind the page as `npm start -- --address` does. */
export async function startProgram({ dataFolder, samples = true, hasPage = true }: Pick<WorkstationOptions, 'dataFolder' | 'samples'> & { readonly hasPage?: boolean } = {}): Promise<Program> {
  const { program, page: pageOf } = await import(resolve('electron/bundle.mjs')) as Bundler;
  const folder = dataFolder ?? mkdtempSync(join(tmpdir(), 'loupe-data-'));
  // What only calls need no page.
  const [programFolder, pageFolder] = [await program(), hasPage ? await pageOf() : folder];
  const words = [join(programFolder, 'start.mjs'), 'start', '--address', '--data', folder, ...(samples ? [] : ['--no-samples'])];
  const host = spawn(process.execPath, words, { env: { ...process.env, LOUPE_PAGE: pageFolder }, stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    address: await addressOf(host), pid: host.pid!, dataFolder: folder,
    async close() {
      const ended = new Promise((settle) => host.once('exit', settle));
      host.kill('SIGINT');
      if (host.exitCode === null && host.signalCode === null) await ended;
      if (dataFolder === undefined) rmSync(folder, { recursive: true, force: true });
    },
    async kill() {
      const ended = new Promise((settle) => host.once('exit', settle));
      host.kill('SIGKILL');
      await ended;
    },
  };
}

/** Starts the program and opens its page in a context of its own. */
export async function openWorkstation({ width = 1600, height = 1000, ...options }: WorkstationOptions = {}): Promise<Workstation> {
  const started = await startProgram(options);
  const context = await (await browser()).newContext({ viewport: { width, height }, reducedMotion: 'reduce', locale: 'en-GB' });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.setDefaultTimeout(patience);
  await page.goto(started.address);
  await isReady(page);
  const screens = process.env['LOUPE_SCREENS'];
  return {
    ...started, page, complaints,
    async picture(name) {
      if (screens !== undefined) await page.screenshot({ path: join(screens, `${name}.png`) });
    },
    async close() {
      await context.close();
      await started.close();
    },
  };
}

/** The page hears keys once its frame stands: a key that is pressed before is lost. */
export async function isReady(page: Page): Promise<void> {
  await page.waitForSelector('.tabs');
}

/**
 * For a file whose tests are steps of one way through the page: where one fails, the rest is skipped instead of each waiting for what will not come.
 * Called once, at the top of the file.
 */
export function inSteps(): void {
  let isLost = false;
  beforeEach(({ skip }) => {
    if (isLost) skip('A step before it failed.');
  });
  afterEach(({ task }) => {
    isLost ||= task.result?.state === 'fail';
  });
}

function addressOf(host: ChildProcess): Promise<string> {
  return new Promise((settle, reject) => {
    let said = '';
    host.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (said.includes('\n')) settle(said.split('\n')[0] as string);
    });
    host.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8').includes('rror') ? chunk.toString('utf8') : ''));
    host.once('exit', (status) => reject(new Error(`The program ended with ${status} before it gave an address. ${said}`)));
  });
}
