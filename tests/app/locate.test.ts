/** More like this in a real browser: boxes are drawn, what is like them is searched for on a picture, a series and a slide, and taken over; a sentence is read. */
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { sampleStudy } from '#training/synthesis/samples.ts';
import { blockFiles } from '#tests/support/blocks.ts';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';

inSteps();
let workstation: Workstation;
let page: Page;

beforeAll(async () => {
  workstation = await openWorkstation({ samples: false, width: 1440, height: 900 });
  ({ page } = workstation);
  const files: Record<string, Uint8Array> = {};
  blockFiles({ study: '1', date: '20250601', frameOfReference: '1', series: '1', description: 'Thin', slices: 20, stepMm: 4 }).forEach((bytes, i) => (files[`thin/${i}.dcm`] = bytes));
  for (const name of ['blood-smear', 'slide'] as const) for (const [file, bytes] of sampleStudy(name).files) files[file] = bytes;
  await page.evaluate((zip) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(zip), (letter) => letter.charCodeAt(0))], 'studies.zip'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, Buffer.from(zipSync(files, { level: 0 })).toString('base64'));
  await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 3);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
});

/** Opens the library's row of that modality. */
async function open(modality: string): Promise<void> {
  await page.keyboard.press('Control+1');
  await page.locator('[data-study]', { hasText: modality }).first().dblclick();
  await page.waitForSelector('.cell .viewport[data-ready], .cell [data-slide]');
  await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
}

/** Draws a box, given as parts of the image's place on the screen. */
async function drawBox(x1: number, y1: number, x2: number, y2: number): Promise<void> {
  await page.keyboard.press('b');
  await page.waitForSelector('[data-tool=rectangle][aria-pressed=true]');
  const { left, top, width, height } = await page.locator('.cell .viewport').first().evaluate((element) => element.getBoundingClientRect().toJSON() as { left: number; top: number; width: number; height: number });
  const side = Math.min(width, height);
  const at = (x: number, y: number): [number, number] => [left + width / 2 + (x - 0.5) * side, top + height / 2 + (y - 0.5) * side];
  await page.mouse.move(...at(x1, y1));
  await page.mouse.down();
  await page.mouse.move(...at((x1 + x2) / 2, (y1 + y2) / 2), { steps: 3 });
  await page.mouse.move(...at(x2, y2));
  await page.mouse.up();
  await page.waitForSelector('[data-kind=rectangle]');
}

/** Keys go to the image again when the pointer has let go of the threshold. */
async function least(percent: number): Promise<void> {
  await page.locator('.locate-panel input[type=range]').fill(String(percent));
  await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
}

describe('more like this', () => {
  test('asks for a box where none is drawn, and takes up the tool for it', async () => {
    await open('blood');
    await page.keyboard.press('Shift+G');
    await page.waitForSelector('.locate-panel .hint:has-text("Draw a box")');
    await page.waitForSelector('[data-tool=rectangle][aria-pressed=true]');
    expect(await page.locator('.locate-panel [role=alert]').count()).toBe(0);
    await page.waitForSelector('.locate-panel .kinds .chip:has-text("White cell")');
  });

  test('finds things with scores, fewer of them above a higher threshold', async () => {
    await drawBox(0.38, 0.38, 0.6, 0.6);
    await page.keyboard.press('Shift+G');
    await page.waitForSelector('.locate-panel .progress[data-end=done]');
    await least(5);
    await page.waitForSelector('.locate-panel .results ol li');
    const all = await page.locator('.locate-panel .results ol li').count();
    await workstation.picture('locate-smear');
    await least(95);
    await expect.poll(() => page.locator('.locate-panel .results ol li').count()).toBeLessThan(all);
    await least(5);
  });

  test('takes what was found over as a drawing, and gives it back', async () => {
    await page.waitForSelector('.locate-panel .results ol li');
    const before = await page.locator('[data-kind=rectangle]').count();
    await page.locator('.locate-panel .results li').first().getByLabel('Accept as a drawing').click();
    await expect.poll(() => page.locator('[data-kind=rectangle]').count()).toBe(before + 1);
    await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press('Control+z');
    await expect.poll(() => page.locator('[data-kind=rectangle]').count()).toBe(before);
  });

  test('seeks a kind that is known by name', async () => {
    await page.locator('.locate-panel .kinds .chip', { hasText: 'White cell' }).click();
    await page.waitForSelector('.locate-panel .progress[data-end=done]');
    await page.waitForSelector('.locate-panel .results li b:has-text("White cell")');
    await workstation.picture('locate-kind');
  });

  test('goes through a series from the shown slice, and says that every slice was searched', async () => {
    await open('CT');
    await drawBox(0.35, 0.35, 0.65, 0.65);
    await page.keyboard.press('Shift+G');
    await page.waitForSelector('.locate-panel .progress[data-end=done]');
    expect(await page.locator('.locate-panel .coverage i[data-how=now]').count()).toBe(20);
    await least(5);
    await workstation.picture('locate-series');
  });

  test('reads a sentence: one that cannot be followed is told, and everything known is sought', async () => {
    await page.keyboard.press('Shift+J');
    await page.waitForFunction(() => document.activeElement?.id === 'locate-sentence');
    await page.keyboard.type('platelets in slices 3 to 5');
    await page.keyboard.press('Enter');
    // Where nothing likely is found it is thought about once more: a second version may be here already.
    await page.waitForSelector('.locate-panel .directive[data-version]');
    await page.waitForSelector('.locate-panel .progress[data-end=done]');
    await workstation.picture('locate-sentence');
    await page.keyboard.press('Escape');
  });

  test('sweeps a whole slide in the background, and stops at once', async () => {
    await open('slide');
    await drawBox(0.48, 0.48, 0.5, 0.5);
    await page.keyboard.press('Shift+G');
    // Fields are told one by one.
    await page.waitForFunction(() => /[1-9]\d* of \d+/.test(document.querySelector('.locate-panel .progress .grow')?.textContent ?? ''));
    await workstation.picture('locate-slide');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.locate-panel .progress[data-end=stopped], .locate-panel .progress[data-end=done]');
    expect(workstation.complaints).toEqual([]);
  });
});
