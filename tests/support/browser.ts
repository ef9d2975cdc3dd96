/** The real page in a real browser, on the services as they are: `npm test` needs nothing on the machine but Node for it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { chromium, type Browser, type Page } from 'playwright-core';

export interface Workstation extends Program {
  readonly page: Page;
  /** What the page complained of: errors, and refusals of its content security policy. */
  readonly complaints: readonly string[];
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

let launched: Promise<Browser> | undefined;

/** One browser for all tests of a file. */
function browser(): Promise<Browser> {
  launched ??= launch();
  return launched;
}

async function launch(): Promise<Browser> {
  const own = process.env.CHROMIUM_PATH;
  if (own !== undefined) return chromium.launch({ executablePath: own, args: ['--no-sandbox', '--enable-unsafe-swiftshader', '--disable-dev-shm-usage'] });
  // Versions share one folder unless each is given its own; the bare machine has no libraries and no fonts, and the package brings both.
  const folder = join(tmpdir(), 'loupe-chromium-153.0.0');
  mkdirSync(folder, { recursive: true });
  const before = process.env.TMPDIR;
  process.env.VERCEL = '1';
  process.env.TMPDIR = folder;
  const { default: packed } = await import('@sparticuz/chromium');
  const executablePath = await packed.executablePath();
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  const fonts = join(folder, 'fontconfig');
  mkdirSync(fonts, { recursive: true });
  writeFileSync(join(fonts, 'fonts.conf'), `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${resolve('node_modules/dejavu-fonts-ttf/ttf')}</dir><dir>${join(folder, 'fonts')}</dir><cachedir>${join(fonts, 'cache')}</cachedir></fontconfig>`);
  return chromium.launch({
    executablePath, args: ['--no-sandbox', '--enable-unsafe-swiftshader', '--disable-dev-shm-usage'], env: { ...process.env as Record<string, string>, FONTCONFIG_PATH: fonts, FONTCONFIG_FILE: join(fonts, 'fonts.conf') },
  });
}

export async function closeBrowser(): Promise<void> {
  await (await launched)?.close();
  launched = undefined;
}

export interface Program {
  readonly address: string;
  readonly dataFolder: string;
  close(): Promise<void>;
}

/** Starts the program behind the page as `npm start -- --address` does. */
export async function startProgram({ dataFolder, samples = true }: Pick<WorkstationOptions, 'dataFolder' | 'samples'> = {}): Promise<Program> {
  const { program, page: pageOf } = await import(resolve('electron/bundle.mjs')) as Bundler;
  const [programFolder, pageFolder] = [await program(), await pageOf()];
  const folder = dataFolder ?? mkdtempSync(join(tmpdir(), 'loupe-data-'));
  const words = [join(programFolder, 'start.mjs'), 'start', '--address', '--data', folder, ...(samples ? [] : ['--no-samples'])];
  const host = spawn(process.execPath, words, { env: { ...process.env, LOUPE_PAGE: pageFolder }, stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    address: await addressOf(host), dataFolder: folder,
    async close() {
      const ended = new Promise((settle) => host.once('exit', settle));
      host.kill('SIGINT');
      await ended;
      if (dataFolder === undefined) rmSync(folder, { recursive: true, force: true });
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
  page.setDefaultTimeout(240_000);
  await page.goto(started.address);
  return {
    ...started, page, complaints,
    async close() {
      await context.close();
      await started.close();
    },
  };
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
