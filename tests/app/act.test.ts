/** Steps under the reader's eye, in a real browser: shown, listed, taken back, stopped at once, written down, replayed from a file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ActLog, replay } from '#models/viewer/log.ts';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';

inSteps();
const limit = 60_000;
let workstation: Workstation;
let page: Page;
beforeAll(async () => {
  workstation = await openWorkstation();
  ({ page } = workstation);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
});

const steps = (): Promise<readonly string[]> => page.locator('.act li[data-action]').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.action ?? ''));
const slice = async (): Promise<number> => Number(await page.getAttribute('.cell[aria-current=true] [data-slice]', 'data-slice')) + 1;
const ended = (): Promise<unknown> => page.waitForSelector('.act[data-end]', { timeout: limit });
/** What was written down of steps on this machine. */
const written = (): readonly { readonly what: string; readonly end?: string }[] => readFileSync(join(workstation.dataFolder, 'acts.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { what: string });

describe('show me', () => {
  test('is not offered before there is an answer with places', async () => {
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length >= 10);
    await page.locator('[data-study]:has-text("Synthetic upper abdomen")').first().dblclick();
    await page.waitForSelector('.viewport[data-ready]');
    expect(await page.locator('.show-me').count()).toBe(0);
  }, 3 * limit);

  test('visits the places of an answer by fixed rules, says so, and lists each step', async () => {
    await page.fill('#review-question', 'Is there an abnormality, and where?');
    await page.click('.ask button[type=submit]');
    await page.waitForSelector('[data-trace]');
    await page.waitForSelector('.show-me button:not([disabled]) >> nth=0');
    // Somewhere else, so that there is a way to go.
    await page.locator('.cell[aria-current=true] canvas.image').focus();
    await page.keyboard.press('Home');
    await page.waitForSelector('[data-slice="0"]');
    await page.click('.show-me button >> nth=0');
    await page.waitForSelector('.act[data-running]');
    expect(await page.textContent('.act-by')).toContain('Fixed rules');
    await ended();
    const done = await steps();
    expect(done.slice(0, 1)).toEqual(['scroll_slice']);
    expect(done).toEqual(expect.arrayContaining(['zoom', 'measure', 'finish']));
    expect(await page.getAttribute('.act', 'data-end')).toBe('finished');
    await workstation.picture('act-boxes');
    expect(await slice()).toBeGreaterThan(1);
    await page.waitForSelector('.drawings [data-drawing]', { timeout: limit });
  }, 120_000);

  test('has every step on the disk', () => {
    const all = written();
    expect(all[0]?.what).toBe('begin');
    expect(all.at(-1)).toMatchObject({ what: 'end', end: 'finished' });
    expect(all.filter(({ what }) => what === 'step').length).toBeGreaterThan(3);
  });

  test('takes steps back, one or all, and does them again', async () => {
    const before = await slice();
    await page.click('.act footer button >> nth=0');
    await page.waitForSelector('[data-slice="0"]');
    expect(await page.locator('.act li[data-back]').count()).toBe((await steps()).length);
    await page.waitForFunction(() => document.querySelectorAll('[data-drawing]').length === 0);
    await page.click('.act li[data-step="1"] button');
    await page.waitForSelector(`[data-slice="${before - 1}"]`);
    await page.locator('.cell[aria-current=true] canvas.image').focus();
  });

  test('is undone by the same key as all else', async () => {
    await page.click('.act li:nth-last-child(1) button');
    await page.waitForFunction(() => document.querySelectorAll('.act li[data-back]').length === 0);
    const count = (await steps()).length;
    await page.locator('.cell[aria-current=true] canvas.image').focus();
    await page.keyboard.press('Control+z');
    await page.waitForSelector(`.act li[data-step="${count}"][data-back]`);
  });

  test('is stopped at once by Escape, and what was done stays listed', async () => {
    await page.click('.act header .icon-button');
    await page.locator('.cell[aria-current=true] canvas.image').focus();
    await page.keyboard.press('Home');
    await page.waitForSelector('[data-slice="0"]');
    await page.click('.show-me button >> nth=0');
    await page.waitForSelector('.act li[data-step="1"]');
    await page.keyboard.press('Escape');
    await ended();
    expect(await page.getAttribute('.act', 'data-end')).toBe('stopped');
    const count = (await steps()).length;
    await page.waitForTimeout(2000);
    expect((await steps()).length).toBe(count);
    await expect.poll(() => written().at(-1), { timeout: limit }).toMatchObject({ what: 'end', end: 'stopped' });
  });

  test('ends when the reader takes over', async () => {
    await page.click('.act header .icon-button');
    await page.click('.show-me button >> nth=0');
    await page.waitForSelector('.act li[data-step="1"]');
    await page.locator('.cell[aria-current=true] canvas.image').focus();
    await page.keyboard.press('ArrowUp');
    await ended();
    expect(await page.textContent('.act footer')).toMatch(/You took over|Done/);
  });
});

describe('a model that never learnt to drive', () => {
  test('does nothing, and the reader is told why', async () => {
    await page.click('.act header .icon-button');
    await page.fill('#review-question', 'Find the lesion.');
    await page.click('.show-me button >> nth=1');
    await page.waitForSelector('.act-by[data-kind=model]');
    await ended();
    expect(await page.textContent('.act-by')).toContain('The model drives');
    expect(['failed', 'limit', 'finished']).toContain(await page.getAttribute('.act', 'data-end'));
  }, 120_000);
});

describe('a log', () => {
  let path: string;

  test('is saved as a file that holds by itself', async () => {
    await page.click('.act header .icon-button');
    await page.locator('.cell[aria-current=true] canvas.image').focus();
    await page.keyboard.press('Home');
    await page.waitForSelector('[data-slice="0"]');
    await page.click('.show-me button >> nth=0');
    await page.waitForSelector('.act[data-end=finished]', { timeout: limit });
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.act footer button >> nth=1')]);
    path = await download.path();
    const log = ActLog.parse(JSON.parse(readFileSync(path, 'utf8')));
    expect(replay(log).differences).toEqual([]);
    expect(log.steps.map(({ call }) => call?.action)).toEqual(await steps());
  }, 120_000);

  test('is replayed in the page, step by step', async () => {
    const before = await steps();
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.click('.show-me button >> nth=2')]);
    await chooser.setFiles(path);
    await page.waitForSelector('.act-by[data-kind=person]');
    await page.waitForSelector('.act[data-end=finished]', { timeout: limit });
    expect(await steps()).toEqual(before);
    expect(await page.locator('.act li em').count()).toBe(0);
    await workstation.picture('act-replay');
  }, 120_000);

  test('that is none, or of another study, is refused with its reason', async () => {
    const other = join(workstation.dataFolder, 'other.json');
    for (const [text, words] of [['{}', 'no log of steps'], [readFileSync(path, 'utf8').replace(/"slices": \d+/, '"slices": 99'), 'cannot be done here']] as const) {
      writeFileSync(other, text);
      const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.click('.show-me button >> nth=2')]);
      await chooser.setFiles(other);
      await page.waitForSelector(`text=${words}`);
    }
  });
});

test('the page complained of nothing', () => expect(workstation.complaints).toEqual([]));
