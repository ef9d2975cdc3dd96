/** From a judged answer to a signed report that left, and to the journal that says so and holds. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
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

/** Nothing has the focus then, and keys are the screen's. */
const away = (): Promise<void> => page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
const preview = (): ReturnType<Page['frameLocator']> => page.frameLocator('.report-preview iframe');
const passphrase = 'a passphrase of several words';

describe('a report', () => {
  test('is drafted from an answer that is judged in part, and shows what will leave', async () => {
    await page.click('[data-study]:has-text("Synthetic chest film")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewport[data-ready]');
    await page.click('.ask button[type=submit]');
    await page.waitForSelector('[data-trace] .judge-progress');
    await away();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.step[data-verdict=accepted]');
    await page.keyboard.press('Control+5');
    await page.waitForSelector('.report-none .button[data-primary]');
    await page.keyboard.press('d');
    await page.waitForSelector('.report-editor [data-decide]');
    expect(await page.locator('[data-decide][data-verdict=accepted]').count()).toBe(1);
    await preview().locator('text=Research use only').first().waitFor();
    await workstation.picture('report-draft');
  });

  test('cannot be signed while a sentence is undecided, says which, and leads to its image', async () => {
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.undecided li');
    expect(await page.locator('.undecided li').count()).toBe(await page.locator('[data-decide][data-verdict=undecided]').count());
    expect(await page.locator('.dialog-foot .button[data-primary]').isDisabled()).toBe(true);
    await page.locator('.undecided li .icon-button').first().click();
    await page.waitForSelector('.step[data-current]:not([data-verdict])');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.judge-progress')?.textContent?.startsWith('2 of'));
    await page.keyboard.press('Control+5');
    await page.waitForFunction(() => document.querySelectorAll('[data-decide][data-verdict=accepted]').length === 2);
  });

  test('is decided by keys alone, each verdict undone and done again', async () => {
    await page.locator('[data-decide]').first().focus();
    await page.keyboard.press('e');
    await page.keyboard.type('The right lung is seen in full.');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-decide][data-verdict=edited] .decide-original');
    await away();
    await page.keyboard.press('Control+z');
    await page.waitForSelector('[data-decide][data-verdict=edited]', { state: 'detached' });
    await page.keyboard.press('Control+Shift+z');
    await page.waitForSelector('[data-decide][data-verdict=edited]');
    for (let open = await page.locator('[data-decide][data-verdict=undecided]').count(); open > 0; open--) {
      await page.keyboard.press('n');
      await page.keyboard.press('Enter');
      await page.waitForFunction((left) => document.querySelectorAll('[data-decide][data-verdict=undecided]').length < left, open);
      await away();
    }
    await page.waitForSelector('p.to-decide[data-done]');
  });

  test('keeps what is typed, and shows it as it will leave', async () => {
    await page.fill('#report-impression', 'No acute finding.');
    await page.waitForSelector('.report-saved:has-text("Saved")');
    await preview().locator('text=No acute finding.').first().waitFor();
    expect(readFileSync(join(workstation.dataFolder, 'reports.jsonl'), 'utf8')).toContain('No acute finding.');
  });

  test('is signed by a person who proves who they are, and never changes again', async () => {
    await page.keyboard.press('Control+Enter');
    await page.fill('.sign-form input[name=name]', 'A reader');
    await page.click('.sign-form input[value=review]');
    await page.fill('.sign-form input[name=passphrase]', passphrase);
    expect(await page.locator('.sign-form button[type=submit]').isDisabled()).toBe(true);
    await page.fill('.sign-form input[name=again]', passphrase);
    await workstation.picture('report-sign');
    await page.click('.sign-form button[type=submit]');
    await page.waitForSelector('.signature[data-holds=true]');
    expect(await page.textContent('.signature')).toContain('I have reviewed this report');
    expect(await page.locator('.report-editor textarea').count()).toBe(0);
    await preview().locator('text=Signed by A reader').first().waitFor();
    await workstation.picture('report-signed');
  });

  test('leaves without a name only after a person has looked at its pictures', async () => {
    await page.keyboard.press('Control+e');
    await page.waitForSelector('[data-format=pdf]');
    await page.locator('[data-format=html] input').uncheck();
    await page.locator('input[name=identity]').nth(1).check();
    await page.waitForSelector('.lettering li[data-writing]');
    await page.waitForSelector('.suspects[data-open]');
    if (await page.locator('.suspects .button').count() > 0) await page.click('.suspects .button');
    await page.waitForSelector('.suspects[data-open="0"]');
    expect(await page.locator('.export-form button[type=submit]').isDisabled()).toBe(true);
    await page.locator('.lettering .choice input').check();
    await page.click('.export-form button[type=submit]');
    await page.waitForSelector('.export-result');
    await workstation.picture('report-exported');
    const names = await page.locator('[data-exported] b').allTextContents();
    expect(names.map((name) => name.split('.').at(-1)).sort()).toEqual(['pdf', 'zip']);
    const folder = await page.textContent('.export-result .path') as string;
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(names));
    await page.keyboard.press('Escape');
    await page.waitForSelector('.export-form', { state: 'detached' });
  });

  test('is superseded by a version of its own, and the signed one can still be read', async () => {
    await page.click('.signature-foot .button:has-text("Supersede")');
    await page.waitForSelector('.report-version:has-text("Version 2")');
    await page.waitForSelector('#report-impression');
    await page.click('.versions .chip:has-text("Version 1")');
    await page.waitForSelector('.signature[data-holds=true]');
  });

  test('has one open draft at a time, which can be discarded: what was signed stays', async () => {
    await away();
    await page.keyboard.press('d');
    await page.waitForSelector('.notice:has-text("has a draft")');
    await page.waitForSelector('.report-version:has-text("Version 2")');
    await page.click('.report-tools [aria-label="Discard the draft"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.signature[data-holds=true]');
    expect(await page.textContent('.report-version')).toBe('Version 1');
  });
});

describe('the journal', () => {
  test('says what was done, and holds when it is read anew', async () => {
    await page.keyboard.press('Control+6');
    await page.waitForSelector('.entry-row[data-kind=sign]');
    await page.keyboard.press('v');
    await page.waitForSelector('[data-verdict=whole]');
    await page.evaluate(() => document.querySelectorAll<HTMLButtonElement>('.notice .icon-button').forEach((button) => button.click()));
    await workstation.picture('audit');
    await page.click('.chip[data-kind=export]');
    await page.waitForFunction(() => document.querySelector('.entry-row') !== null && document.querySelector('.entry-row:not([data-kind=export])') === null);
    await page.waitForSelector('.entry-row[data-kind=export][aria-selected=true]');
    await away();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.report-editor');
  });

  test('tells what is new since a moment, by kind', async () => {
    await page.keyboard.press('Control+6');
    await page.click('.moments .chip >> nth=0');
    await page.waitForSelector('.counts li:has-text("Signature")');
  });
});

test('both pages have no serious finding of accessibility, nor when they are enlarged twice', async () => {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: readFileSync('node_modules/axe-core/axe.min.js', 'utf8') });
  await session.detach();
  for (const [width, key] of [[1600, 'Control+6'], [1600, 'Control+5'], [800, 'Control+6'], [800, 'Control+5']] as const) {
    await page.setViewportSize({ width, height: width === 800 ? 500 : 1000 });
    await page.keyboard.press(key);
    await page.waitForSelector(key === 'Control+5' ? '.report-editor' : '.entry-row');
    await page.waitForTimeout(300);
    const { serious, isWide } = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(context: unknown, options: unknown): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } };
      // The preview's frame runs no script: the page within it is looked at where it is written.
      const { violations } = await axe.run({ exclude: ['iframe'] }, { iframes: false });
      return {
        serious: violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)}`),
        isWide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
      };
    });
    await workstation.picture(`${key === 'Control+5' ? 'report' : 'audit'}-${width}`);
    expect([width, key, serious, isWide]).toEqual([width, key, [], false]);
  }
});

test('gave the page no reason to complain', () => expect(workstation.complaints).toEqual([]));
