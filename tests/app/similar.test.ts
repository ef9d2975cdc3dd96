/** Similar cases in a real browser: the library is seen, searched by a sentence and by a picture, told apart by words, and answered about by keys. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';

const hasEncoder = existsSync('models/weights/loupe-similar/model.safetensors');

inSteps();
let workstation: Workstation;
let page: Page;
const dataFolder = mkdtempSync(join(tmpdir(), 'loupe-similar-page-'));
beforeAll(async () => {
  if (!hasEncoder) return;
  workstation = await openWorkstation({ dataFolder, width: 1440, height: 900 });
  ({ page } = workstation);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
  rmSync(dataFolder, { recursive: true, force: true });
});

const answers = (): Promise<string | null> => page.locator('[data-answers]').getAttribute('data-answers');
const loaded = (images: string) => page.waitForFunction((all) => [...document.querySelectorAll<HTMLImageElement>(all)].every(({ complete, naturalWidth }) => complete && naturalWidth > 0), images);
const question = (): Promise<string | null> => page.locator('.three').getAttribute('data-question');

describe.skipIf(!hasEncoder)('the screen of similar cases', () => {
  test('sees the library in the background and finds studies by a sentence, nearest first', async () => {
    await page.keyboard.press('Control+8');
    await page.waitForSelector('.similar-seen [data-seen=all]:has-text("10 of 10")');
    await page.keyboard.press('/');
    await page.locator('#similar-sentence:focus').fill('A blood smear showing a lymphocyte');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.hit');
    const likeness = await page.locator('.hit .likeness .number').allTextContents();
    expect(likeness.length).toBeGreaterThanOrEqual(10);
    expect(likeness.map(Number)).toEqual(likeness.map(Number).sort((a, b) => b - a));
    // No more of a patient than the library shows, and less: what the picture is, its kind and its date.
    expect(await page.textContent('.hits')).not.toMatch(/\^/);
    await page.locator('#similar-sentence').press('Escape');
    await loaded('.hit img');
    await workstation.picture('similar');
  });

  test('finds more like one of them, opens it, and finds cases like what the review shows', async () => {
    await page.keyboard.press('m');
    await page.waitForSelector('.similar-found:has-text("Picture to pictures")');
    const first = await page.getAttribute('.hit >> nth=0', 'data-study');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewport');
    await page.keyboard.press('Control+k');
    await page.locator('.palette input').fill('Find similar cases');
    await page.waitForSelector('.palette li[aria-selected=true]:has-text("Find similar cases")');
    await page.keyboard.press('Enter');
    await page.waitForSelector(`.hit:not([data-study="${first}"])`);
    // The study itself is not among what is like it.
    expect(await page.locator(`.hit[data-study="${first}"]`).count()).toBe(0);
  });

  test('looks for near-duplicates', async () => {
    await page.keyboard.press('d');
    await page.waitForSelector('.pairs li, .empty:has-text("No near-duplicates")');
  });

  test('takes the odd one by a key, says what the answers are worth, and takes one back', async () => {
    await page.keyboard.press('o');
    await page.waitForSelector('.three .one >> nth=2');
    await loaded('.three img');
    await workstation.picture('similar-odd');
    for (const [at, key] of ['2', '1', '0'].entries()) {
      const shown = await question();
      await page.keyboard.press(key);
      await page.waitForFunction((before) => document.querySelector('.three')?.getAttribute('data-question') !== before, shown);
      await page.waitForSelector(`[data-answers="${at + 1}"]`);
    }
    expect(await page.textContent('.gate')).toContain('more until your answers can be used');
    await page.keyboard.press('u');
    await page.waitForSelector('[data-answers="2"]');
    expect(await answers()).toBe('2');
    const lines = readFileSync(join(dataFolder, 'similar', 'oddAnswers.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { odd?: number | null; withdrawn?: string; images?: string[] });
    expect(lines.map(({ odd }) => odd)).toEqual([1, 0, null, undefined]);
    expect(new Set(lines[0]!.images).size).toBe(3);
    await page.keyboard.press('e');
    await page.waitForSelector('.notice:has-text("There is nothing to learn from yet")');
  });

  test('tells classes apart by words, and says what is wrong with words that cannot', async () => {
    await page.keyboard.press('w');
    await page.waitForSelector('.ensemble');
    await page.locator('.ensemble textarea').last().fill('');
    await page.locator('.ensemble textarea').last().press('Control+Enter');
    await page.waitForSelector('.told .empty:has-text("It has no sentence")');
    await page.locator('.ensemble textarea').last().fill('CLASSNAME.');
    await page.locator('.class-row input').nth(0).fill('blood');
    await page.locator('.class-row textarea').nth(0).fill('blood smear, lymphocyte');
    await page.locator('.class-row input').nth(1).fill('chest film');
    await page.locator('.class-row textarea').nth(1).fill('chest film, chest X-ray');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.class-counts li >> nth=1');
    expect(await page.locator('.told-pictures li').count()).toBeGreaterThanOrEqual(10);
    await loaded('.told-pictures img');
    await workstation.picture('similar-words');
    await page.locator('.ensemble select').selectOption('curated');
    await page.getByRole('button', { name: /Tell apart/ }).click();
    await page.waitForSelector('.told .empty:has-text("No case was curated yet")');
    expect(workstation.complaints).toEqual([]);
  });
});
