/** Fine-tuning in a real browser: from the order of a run to its curves, what was tried, and the refusal of a model that nobody judged. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpoLora } from '#training/recipes/grpo.ts';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';

inSteps();
let workstation: Workstation;
let page: Page;
const data = mkdtempSync(join(tmpdir(), 'loupe-finetune-'));
beforeAll(async () => {
  mkdirSync(join(data, 'recipes'));
  const [stage] = grpoLora.stages;
  // Small in every direction: what is looked at here is the page.
  const quick = { ...grpoLora, name: 'quick', stages: [{ ...stage!, steps: 12, pixels: 112 * 112, batch: 2, accumulate: 1, policy: { ...stage!.policy!, rollouts: 4, maxNewTokens: 48, temperature: 1.3 } }] };
  writeFileSync(join(data, 'recipes', 'quick.json'), JSON.stringify(quick));
  workstation = await openWorkstation({ samples: false, dataFolder: data });
  ({ page } = workstation);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
  rmSync(data, { recursive: true, force: true });
});

const state = (...names: readonly string[]): string => names.map((name) => `.run[data-state="${name}"]`).join(', ');

describe('fine-tuning', () => {
  test('says what a run is where there is none', async () => {
    await page.keyboard.press('Control+4');
    await page.waitForSelector('text=No run yet');
  });

  test('estimates a run on this machine before it begins', async () => {
    await page.keyboard.press('n');
    await page.selectOption('.wizard select >> nth=0', 'quick');
    await page.waitForSelector('text=80 to learn from, 40 to judge on');
    await page.fill('.wizard input[type=text]', 'First');
    await page.click('text=Estimate time and memory');
    await page.waitForSelector('[data-estimate]');
    expect(await page.textContent('[data-estimate]')).toMatch(/s an update, tried here just now/);
    await workstation.picture('finetune-wizard');
  });

  test('draws a point for each update as it comes', async () => {
    await page.click('.wizard button[type=submit]');
    await page.waitForSelector(state('running'));
    await page.waitForFunction(() => Number(document.querySelector<HTMLElement>('.chart')?.dataset['points'] ?? 0) >= 4);
    expect(await page.locator('.chart canvas').count()).toBeGreaterThan(4);
    await workstation.picture('finetune-curves');
  });

  test('pauses by a key, and goes on by the same', async () => {
    await page.keyboard.press('p');
    await page.waitForSelector(state('paused'));
    await page.keyboard.press('p');
    await page.waitForSelector(state('running', 'done'));
  });

  test('shows what was tried: the picture, each completion sorted by advantage, each token in its colour', async () => {
    await page.waitForSelector(state('done'));
    await page.click('.chart .u-over');
    await page.waitForSelector('.completion');
    await page.waitForFunction(() => {
      const image = document.querySelector('.group-picture image');
      return image !== null && image.getBoundingClientRect().width > 50;
    });
    const shown = await page.locator('.completion-head span[data-sign]').allTextContents();
    const values = shown.map((text) => Number(text.replace('+', '')));
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(values.length).toBe(4);
    expect(await page.locator('.completion .token[data-level]').count()).toBeGreaterThan(8);
    const response = await page.evaluate(async () => {
      const answer = await fetch(document.querySelector('.group-picture image')?.getAttribute('href') ?? '');
      return [answer.status, answer.headers.get('content-type'), (await answer.arrayBuffer()).byteLength > 500];
    });
    expect(response).toEqual([200, 'image/png', true]);
    await workstation.picture('finetune-rollouts');
  });

  test('promotes no model that was not judged, and says which one answers', async () => {
    await page.keyboard.press('3');
    await page.waitForSelector('text=Not judged yet');
    await workstation.picture('finetune-evaluation');
    await page.keyboard.press('4');
    await page.waitForSelector('text=Nothing was promoted yet');
    expect(await page.isDisabled('button:has-text("Roll back")')).toBe(true);
    await workstation.picture('finetune-model');
  });

  test('gave the page no reason to complain', () => expect(workstation.complaints).toEqual([]));
});
