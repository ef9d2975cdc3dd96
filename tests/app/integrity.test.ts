/** Signs of alteration on the page: looked for by a key, with a map over the image, kept, and part of the report. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { closeBrowser, openWorkstation, patience, type Workstation } from '#tests/support/browser.ts';

const hasNetwork = existsSync('models/weights/loupe-integrity/model.safetensors');

let workstation: Workstation;
let page: Page;
beforeAll(async () => {
  workstation = await openWorkstation({ width: 1280, height: 820 });
  ({ page } = workstation);
  await page.waitForSelector('[data-study]:has(.what)');
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
});

describe.skipIf(!hasNetwork)('signs of alteration (skipped where no network is built in)', () => {
  test('are looked for on what is shown, and told without claiming a proof', async () => {
    await page.locator('[data-study]', { hasText: /chest film|CHEST|FILM/i }).first().click();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewport[data-ready]');
    await page.keyboard.press('Shift+W');
    await page.waitForSelector('.integrity-level[data-level]', { timeout: patience });
    const text = await page.locator('.integrity-said').innerText();
    expect(text).toMatch(/^Signs of alteration: (none found|suspected|strong|not looked for)/);
    expect(text).toContain('no proof');
    expect(text).toMatch(/On \d+ untouched images/);
    await workstation.picture('integrity-learnt');
  });

  test('show each map over the image, and none', async () => {
    for (const name of ['Noise', 'Grid', 'Copies', 'Learnt']) {
      await page.getByRole('button', { name, exact: true }).click();
      await expect.poll(() => page.locator('image[data-map]').getAttribute('data-map')).toBe(name.toLowerCase());
      if (name === 'Noise') await workstation.picture('integrity-noise');
    }
    await page.getByRole('button', { name: 'None', exact: true }).click();
    await expect.poll(() => page.locator('image[data-map]').count()).toBe(0);
  });

  test('are kept: the window opens again with what was found, and says when', async () => {
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('.integrity').count()).toBe(0);
    await page.keyboard.press('Shift+W');
    await page.waitForSelector('.integrity-level[data-level]', { timeout: patience });
    expect(await page.locator('.integrity footer small').innerText()).toMatch(/^1 check of this study/);
    expect(workstation.complaints).toEqual([]);
  });
});
