/** Judging by keys alone, a box put elsewhere, one gesture to a training case, and the dataset that it lands in. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { readIndex } from '#training/data/cases.ts';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';

inSteps();
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

const journal = (): string => readFileSync(`${workstation.dataFolder}/curation.jsonl`, 'utf8');
const gestures = (): number => journal().split('\n').length - 1;

describe('judging', () => {
  test('goes from step to step by keys, and says how far it is', async () => {
    await page.click('[data-study]:has-text("Synthetic chest film")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewport[data-ready]');
    await page.click('.ask button[type=submit]');
    await page.waitForSelector('[data-trace] .judge-progress');
    await page.mouse.click(1000, 12);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.step[data-verdict=accepted]');
    await page.waitForSelector('.step[data-current]:not([data-verdict])');
    await page.keyboard.press('k');
    await page.waitForSelector('.step[data-current][data-verdict=accepted]');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.waitForSelector('[data-verdict=rejected]');
    expect(await page.textContent('.judge-progress')).toMatch(/^2 of \d+ judged$/);
  });

  test('takes back and does again, and the journal keeps every gesture', async () => {
    // The page says what was judged before the journal has it.
    await expect.poll(gestures).toBe(2);
    await page.keyboard.press('Control+z');
    await page.waitForFunction(() => document.querySelector('.judge-progress')?.textContent?.startsWith('1 of'));
    await page.keyboard.press('Control+Shift+z');
    await page.waitForFunction(() => document.querySelector('.judge-progress')?.textContent?.startsWith('2 of'));
    await expect.poll(gestures).toBe(4);
  });

  test('lets a box be moved, and leaves a ghost where the model had it', async () => {
    await page.locator('[data-mark] rect.label').first().click();
    const handle = page.locator('.box-editor [data-handle=all]');
    await handle.waitFor();
    const at = await handle.boundingBox();
    if (!at) throw new Error('The handle has no place.');
    await page.mouse.move(at.x + 6, at.y + 6);
    await page.mouse.down();
    await page.mouse.move(at.x + 40, at.y + 30, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('.box-editor .ghost');
    await expect.poll(() => journal()).toMatch(/Box moved/);
    await workstation.picture('judge');
  });

  test('makes a training case of what is current by one gesture', async () => {
    await page.keyboard.press('k');
    await page.keyboard.press('Shift+Enter');
    await page.waitForSelector('.verdict[data-verdict=case]');
    await expect.poll(async () => (await readIndex(`${workstation.dataFolder}/dataset/index.jsonl`).catch(() => [])).length).toBe(1);
  });
});

describe('the dataset', () => {
  test('shows the case, checks it and takes a snapshot', async () => {
    await page.keyboard.press('Control+3');
    await page.waitForSelector('.case-row[aria-selected=true]');
    await page.keyboard.press('c');
    await page.waitForSelector('.check-line:has-text("1 of 1 cases may enter training: 0 errors")');
    await page.keyboard.press('Control+s');
    await page.waitForSelector('.snapshot-row');
    await page.evaluate(() => document.querySelectorAll<HTMLButtonElement>('.notice .icon-button').forEach((button) => button.click()));
    await workstation.picture('curate');
  });

  test('filters by a bar of the balance', async () => {
    await page.locator('.bar-row[data-facet=split]').first().click();
    await page.waitForSelector('.bar-row[data-facet=split][aria-pressed=true]');
    expect(await page.locator('.case-row').count()).toBe(1);
  });

  test('keeps each version of a label and brings an old one back', async () => {
    await page.fill('#case-question', 'Where does the right lung lie?');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.case-row:has-text("Where does the right lung lie?")');
    await page.click('.case-history li:last-child .text-button');
    await page.waitForSelector('.case-history li:has-text("Restored")');
    expect(await page.locator('.case-row:has-text("Where does the right lung lie?")').count()).toBe(0);
  });

  test('gave the page no reason to complain', () => expect(workstation.complaints).toEqual([]));
});
