/** A headless browser that needs nothing on the machine but the project's own packages: for what the page has to prove, in tests and in figures. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { Fault } from '#models/base/fault.ts';
import { projectRoot } from '#electron/storage/folders.ts';

const args = ['--no-sandbox', '--enable-unsafe-swiftshader', '--disable-dev-shm-usage'];

/** Chromium from CHROMIUM_PATH, or else the one that the packages bring. @throws Fault `bench.browser` in a packed program, which has neither */
export async function launchChromium(): Promise<Browser> {
  const { chromium } = await import('playwright-core').catch((cause: unknown) => {
    throw new Fault({ code: 'bench.browser', what: 'The page cannot be measured.', why: 'This installation has no browser to drive.', mend: 'Measure it from a checkout of the sources, after npm ci.' }, { cause });
  });
  const own = process.env.CHROMIUM_PATH;
  if (own !== undefined) return chromium.launch({ executablePath: own, args });
  // Versions share one folder unless each is given its own; a bare machine has no libraries and no fonts, and the packages bring both.
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
  const folders = [join(projectRoot(), 'node_modules/dejavu-fonts-ttf/ttf'), join(folder, 'fonts')].map((path) => `<dir>${path}</dir>`).join('');
  writeFileSync(join(fonts, 'fonts.conf'), `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${folders}<cachedir>${join(fonts, 'cache')}</cachedir></fontconfig>`);
  return chromium.launch({ executablePath, args, env: { ...process.env as Record<string, string>, FONTCONFIG_PATH: fonts, FONTCONFIG_FILE: join(fonts, 'fonts.conf') } });
}
