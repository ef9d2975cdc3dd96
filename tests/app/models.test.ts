/** The model manager in a real browser: a folder is brought in, compared with the built-in model, chosen, and removed. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';


inSteps();
let workstation: Workstation;
let page: Page;
const dataFolder = mkdtempSync(join(tmpdir(), 'loupe-models-page-'));
beforeAll(async () => {
  cpSync('models/weights/loupe-base', join(dataFolder, 'incoming', 'loupe-copy'), { recursive: true });
  mkdirSync(join(dataFolder, 'incoming', 'no-weights'));
  writeFileSync(join(dataFolder, 'incoming', 'no-weights', 'config.json'), '{"model_type":"llava"}');
  workstation = await openWorkstation({ dataFolder, width: 1440, height: 900 });
  ({ page } = workstation);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
  rmSync(dataFolder, { recursive: true, force: true });
});

const row = (words: string): string => `[data-model]:has(.model-name:text-is("${words}"))`;

describe('the models of the workstation', () => {
  test('stand on a screen of their own: the built-in one answers, its card and its lineage are there', async () => {
    await page.keyboard.press('Control+7');
    await page.waitForSelector(`${row('loupe-base')}[aria-current] .model-tag`);
    await page.waitForSelector('.lineage li');
    expect(await page.textContent('.about dl')).toContain('Apache-2.0');
    await page.keyboard.press('2');
    await page.waitForSelector('.card h3:has-text("loupe-base")');
    expect(await page.locator('.card table').count()).toBeGreaterThan(1);
    await workstation.picture('models-card');
    await page.keyboard.press('1');
  });

  test('come in from a folder, with the engine’s reason where one cannot', async () => {
    await page.keyboard.press('n');
    await page.waitForSelector('.offers label[data-problem]:has-text("There are no weights")');
    await page.getByLabel('loupe-copy').check();
    await page.locator('.bring-in .line input').fill('My model');
    await page.locator('.bring-in select').selectOption('4');
    await workstation.picture('models-import');
    await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
    // A small model may be in before its progress is looked at.
    await page.waitForSelector(`.model-job [role=progressbar], ${row('My model')}`);
    await page.waitForSelector(row('My model'));
    await page.waitForSelector('.model-head h2:text-is("My model")');
    await page.waitForSelector('.tried[data-passed=true]');
    expect(await page.textContent('.about')).toContain('What rounding cost');
    await page.keyboard.press('v');
    await page.waitForSelector('.model-good');
    await workstation.picture('models');
  });

  test('say what they were trained on, and take a person\'s word for it where they came from elsewhere', async () => {
    await page.waitForSelector('.trained dt:text-is("OCT")');
    await page.click('.about section > .button:text-is("Change")');
    for (const kind of ['Ultrasound', 'Dermoscopy', 'Fundus photographs', 'OCT', 'Microscopy']) await page.getByLabel(kind, { exact: true }).uncheck();
    await page.getByLabel('Parts of the body: CT').fill('Chest, abdomen');
    await workstation.picture('models-trained');
    await page.click('.bring-foot button[data-primary]');
    await page.waitForSelector('.trained dd:text-is("chest, abdomen")');
    expect(await page.locator('.trained > div').count()).toBe(3);
    // What came with the program is shown, not changed.
    await page.click(row('loupe-base'));
    await page.waitForSelector('.trained dt:text-is("OCT")');
    expect(await page.locator('.about section > .button').count()).toBe(0);
    await page.click(row('My model'));
  });

  test('answer side by side about one picture, with the same input', async () => {
    await page.waitForFunction(async () => document.querySelectorAll('[data-model]').length === 2);
    await page.keyboard.press('3');
    const study = page.locator('.compare-form select').nth(2);
    await page.waitForFunction(() => [...document.querySelectorAll('.compare-form option')].some(({ textContent }) => textContent?.includes('Synthetic chest film')));
    await study.selectOption({ label: await study.locator('option', { hasText: 'Synthetic chest film' }).first().innerText() });
    await page.waitForFunction(() => (document.querySelector('.compare-question input') as HTMLInputElement).value.includes('lungs'));
    await page.getByRole('button', { name: 'Ask both' }).click();
    await page.waitForSelector('[data-comparison]');
    expect(await page.textContent('[data-comparison]')).toContain('Same input');
    expect(await page.locator('.compare-side .compare-answer').count()).toBe(2);
    expect(await page.locator('.compare-picture rect[data-side="0"]').count()).toBeGreaterThan(0);
    await workstation.picture('models-compare');
  });

  test('are given exactly what the review page sends: its window, its region', async () => {
    await page.keyboard.press('Control+1');
    await page.locator('[data-study]', { hasText: 'Synthetic chest film' }).first().dblclick();
    await page.waitForSelector('.viewport[data-ready]');
    await page.keyboard.press('i');
    await page.waitForSelector('[data-window]:has-text("inverted")');
    await page.keyboard.press('Shift+A');
    const film = (await page.locator('.viewport canvas.image').boundingBox())!;
    await page.mouse.move(film.x + film.width * 0.34, film.y + film.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(film.x + film.width * 0.5, film.y + film.height * 0.6, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('.region-layer .sent');
    await page.fill('#review-question', 'Is there an abnormality, and where?');
    const asked = page.waitForResponse((response) => response.url().endsWith('/call/review.ask'));
    await page.click('.ask button[type=submit]');
    const [seen] = ((await (await asked).json()) as { value: { views: { pixelsSha256: string }[] } }).value.views;
    await page.keyboard.press('Control+k');
    await page.waitForSelector('[role=combobox]');
    await page.keyboard.type('compare two models on what');
    await page.waitForSelector('[role=option]:has-text("Compare two models on what is shown")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-given]:has-text("Region of")');
    expect(await page.locator('.compare-picture rect[data-region]').count()).toBe(1);
    await workstation.picture('models-compare-given');
    const compared = page.waitForResponse((response) => response.url().endsWith('/call/models.compare'));
    await page.getByRole('button', { name: 'Ask both' }).click();
    const { sides } = ((await (await compared).json()) as { value: { sides: { tensorSha256: string }[] } }).value;
    expect(sides.map(({ tensorSha256 }) => tensorSha256)).toEqual([seen?.pixelsSha256, seen?.pixelsSha256]);
  });

  test('take turns in answering: chosen, put back, removed and brought back', async () => {
    await page.click(row('My model'));
    await page.keyboard.press('u');
    await page.waitForSelector(`${row('My model')} .model-tag`);
    await page.click(row('loupe-base'));
    await page.click('button:has-text("Let it answer")');
    await page.waitForSelector(`${row('loupe-base')} .model-tag`);
    await page.click(row('My model'));
    await page.keyboard.press('Delete');
    await page.waitForSelector(row('My model'), { state: 'detached' });
    await page.locator('.notice:has-text("was removed") .text-button').click();
    await page.waitForSelector(row('My model'));
  });

  test('gave the page no reason to complain', () => expect(workstation.complaints).toEqual([]));
});
