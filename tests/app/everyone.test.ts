/** What holds for everybody on every screen: words in any language and direction, at twice the size, without motion, by keys alone, and always the banner. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { isMethod } from '#electron/contract/contract.ts';
import { closeBrowser, isReady, openWorkstation, type Workstation } from '#tests/support/browser.ts';
import { lookOver } from '#tests/app/legibility.ts';

let workstation: Workstation;
let page: Page;
beforeAll(async () => {
  workstation = await openWorkstation({ width: 1280, height: 800 });
  ({ page } = workstation);
  await page.waitForSelector('[data-study]:has(.what)');
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
});

/** Its key, and what is there when it is drawn. */
const screens = [
  ['library', 'Control+1', '[data-study]'], ['review', 'Control+2', '.review'], ['dataset', 'Control+3', 'main > *'], ['training', 'Control+4', 'main > *'], ['report', 'Control+5', 'main > *'], ['audit', 'Control+6', 'main > *'], ['models', 'Control+7', '.model-head'], ['similar', 'Control+8', '.similar-tabs'],
] as const;

async function show(key: string, sign: string): Promise<void> {
  await page.keyboard.press(key);
  await page.waitForSelector(sign);
  await page.waitForTimeout(250);
}

/** Opens the page in a language, with a study in the review. */
async function begin(language: string | null, size: { readonly width: number; readonly height: number }): Promise<void> {
  await page.setViewportSize(size);
  await page.goto(new URL(language === null ? '/' : `/?language=${language}`, page.url()).href);
  // The window comes back to the screen that it was left on.
  await isReady(page);
  await page.keyboard.press('Control+1');
  await page.waitForSelector('[data-study]');
  await page.locator('[data-study]:has(.what)').first().click();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.viewport[data-ready], .viewport[data-slide]');
}

/** The page's own words stand in brackets; what files, formats and models say does not. */
const isOwn = (text: string): boolean => text.includes('⟦');

async function bannerIsSeen(): Promise<boolean> {
  return page.locator('.research').evaluate((element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && element.scrollWidth <= element.clientWidth + 1 && (element.textContent ?? '').length > 20;
  });
}

describe.each([['in English at 200 %', null, { width: 640, height: 400 }], ['from right to left', 'ar-XB', { width: 1280, height: 800 }], ['from right to left at 200 %', 'ar-XB', { width: 640, height: 400 }]] as const)('%s', (_, language, size) => {
  describe('every word', () => {
    beforeAll(() => begin(language, size));

    test.each(screens)('the screen %s shows all its words, none upon another, and the banner', async (name, key, sign) => {
      await show(key, sign);
      await workstation.picture(`${name}-${language ?? 'en'}-${size.width}`);
      const { cut, overlapping, rawKeys: keys, texts } = await lookOver(page);
      // The journal names what was called.
      const rawKeys = keys.filter((key) => !isMethod(key));
      expect({ cut, overlapping, rawKeys }).toEqual({ cut: [], overlapping: [], rawKeys: [] });
      expect(await bannerIsSeen()).toBe(true);
      if (language !== null) {
        expect(await page.evaluate(() => document.documentElement.dir)).toBe('rtl');
        expect(texts.filter(isOwn).length).toBeGreaterThan(5);
      }
    });

    test.each([['the keys and settings', 'Control+,', '.settings'], ['the cheat sheet', '?', '.sheet']])('%s show all their words', async (__, key, sign) => {
      await page.keyboard.press('Control+7');
      await page.keyboard.press(key);
      await page.waitForSelector(sign);
      await page.waitForTimeout(300);
      const { cut, overlapping, rawKeys } = await lookOver(page);
      expect({ cut, overlapping, rawKeys }).toEqual({ cut: [], overlapping: [], rawKeys: [] });
      await page.keyboard.press('Escape');
      await page.waitForSelector(sign, { state: 'detached' });
    });
  });
});

describe('everybody', () => {
  beforeAll(() => begin(null, { width: 1280, height: 800 }));

  test.each(screens)('reads the screen %s without a serious barrier', async (_, key, sign) => {
    await show(key, sign);
    await loadAxe();
    const serious = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } };
      const { violations } = await axe.run();
      return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)}`);
    });
    expect(serious).toEqual([]);
  });

  test.each(screens)('who asked for less motion sees none on the screen %s', async (_, key, sign) => {
    await show(key, sign);
    const moving = await page.evaluate(() => [
      ...document.getAnimations().filter(({ playState }) => playState === 'running').map((animation) => `runs: ${(animation as CSSAnimation).animationName ?? 'a transition'}`),
      ...[...document.querySelectorAll('body *')].filter((element) => getComputedStyle(element).transitionDuration.split(',').some((time) => parseFloat(time) > 0.001)).map((element) => `would move: ${element.className}`),
    ]);
    expect(moving).toEqual([]);
  });

  test('may take the keys of QuPath: P draws a region, and the choice is kept', async () => {
    await show('Control+2', '.review');
    await page.keyboard.press('Control+,');
    await page.selectOption('.settings select', 'qupath');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.settings', { state: 'detached' });
    await page.keyboard.press('p');
    await page.waitForSelector('.stage-bar [data-tool=freehand][aria-pressed=true]');
    await page.reload();
    await isReady(page);
    await page.keyboard.press('Control+1');
    await page.waitForSelector('[data-study]');
    await page.keyboard.press('Control+,');
    await page.waitForSelector('.settings');
    expect(await page.inputValue('.settings select')).toBe('qupath');
  });

  test('may change a key, and is told where two actions claim one', async () => {
    const key = page.locator('[data-action="stage.ellipse"]');
    await key.click();
    await page.keyboard.press('l');
    await page.waitForSelector('.settings-conflicts:has-text("L")');
    await key.click();
    await page.keyboard.press('Shift+F7');
    await page.waitForSelector('.settings-conflicts', { state: 'detached' });
    expect(await key.innerText()).toMatch(/Shift\s+F7/);
    await page.getByRole('button', { name: 'Drop 1 key of your own' }).click();
    await page.selectOption('.settings select', 'loupe');
    await page.keyboard.press('Escape');
  });

  test('gave the page no reason to complain', () => expect(workstation.complaints).toEqual([]));
});

/** Put into the page through the debugger, which no policy of the page concerns. */
async function loadAxe(): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: readFileSync('node_modules/axe-core/axe.min.js', 'utf8') });
  await session.detach();
}
