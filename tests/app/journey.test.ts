/** The whole way of a case by keys alone: brought in, asked about, judged, reported, signed. No pointer touches the page; and what a kill leaves of it. */
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { encodePng } from '#models/imaging/png.ts';
import { closeBrowser, inSteps, isReady, openWorkstation, type Workstation } from '#tests/support/browser.ts';
import { pattern } from '#tests/support/pictures.ts';
import { sampleStudy } from '#training/synthesis/samples.ts';

inSteps();
const folder = mkdtempSync(join(tmpdir(), 'loupe-journey-'));
const dataFolder = join(folder, 'data');
let workstation: Workstation;
let page: Page;

beforeAll(async () => {
  workstation = await openWorkstation({ dataFolder, samples: false });
  ({ page } = workstation);
  await countPointers();
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
  rmSync(folder, { recursive: true, force: true });
});

/** Presses of a pointer are counted by the page itself: there must be none. Keys that press a button make none. */
const countPointers = (): Promise<void> => page.evaluate(() => {
  const counted = window as unknown as { pointers: number };
  counted.pointers = 0;
  window.addEventListener('pointerdown', () => counted.pointers++, true);
});
const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};
/** By Tab to what the selector says, from where the focus is. */
async function tabTo(selector: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await page.waitForSelector(selector);
  for (let i = 0; i < 150; i++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`Tab never comes to ${selector}`);
}
const hasFocus = (selector: string): Promise<unknown> => page.waitForFunction((wanted) => document.activeElement?.matches(wanted) === true, selector);
/** Opens the study that the library's filter finds. */
async function open(words: string): Promise<void> {
  await press('Control+1');
  await page.waitForSelector('[data-study]');
  await press('/', 'Control+a');
  await page.keyboard.type(words);
  await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 1);
  await press('ArrowDown', 'Enter');
  await page.waitForSelector('.viewport[data-ready]');
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

async function lockedHead(): Promise<string> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const [name, bytes] of sampleStudy('mr-head').files) await writer.add(name, new Uint8ArrayReader(bytes), { password: 'Kopf 1' });
  return write('head.zip', await writer.close());
}

describe('by keys alone', () => {
  test('files are brought in, a locked archive with its password, and a wrong one costs nothing', async () => {
    const film = [...sampleStudy('chest-film').files].map(([name, bytes]) => write(name, bytes));
    const chooser = page.waitForEvent('filechooser');
    await press('Control+o');
    await (await chooser).setFiles([...film, write('cat.png', encodePng(pattern(120, 90), { level: 4 })), await lockedHead()]);
    await page.waitForSelector('.import[data-locked] input');
    // The rest is there before the question is answered.
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 2);
    await tabTo('.import[data-locked] input');
    await page.keyboard.type('kopf 1');
    await press('Enter');
    await page.waitForSelector('.import[data-locked] [role=alert]');
    await workstation.picture('library-locked');
    // A page that is opened meanwhile is asked as well.
    await page.reload();
    await isReady(page);
    await countPointers();
    await page.waitForSelector('.import[data-locked] input');
    await tabTo('.import[data-locked] input');
    await press('Control+a');
    await page.keyboard.type('Kopf 1');
    await press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 3 && document.querySelector('.import') === null);
    for (const name of readdirSync(dataFolder, { recursive: true, encoding: 'utf8' }).filter((one) => /\.(jsonl?|log)$/.test(one))) expect(readFileSync(join(dataFolder, name), 'utf8'), name).not.toContain('Kopf 1');
  });

  test('a study is found, asked about and judged', async () => {
    await open('film');
    await press('a');
    await hasFocus('#review-question');
    await press('Control+a');
    await page.keyboard.type('Where are the lungs? Give boxes.');
    await press('Enter');
    await page.waitForSelector('[data-trace] .judge-progress');
    await press('Escape');
    for (;;) {
      const said = await page.textContent('.judge-progress') ?? '';
      const [, done, count] = /(\d+) of (\d+)/.exec(said) ?? [];
      if (done === count) break;
      await press('Enter');
      await page.waitForFunction((before) => document.querySelector('.judge-progress')?.textContent !== before, said);
    }
    expect(await page.locator('[data-verdict=accepted].step').count()).toBeGreaterThan(0);
    await press('j', 'k');
    await page.waitForSelector('.step[data-current]');
    // Each conclusion names the cards that it stands on, or says that there are none.
    expect(await page.locator('.step:has([data-kind=conclusion]):not(.answer-card)').count()).toBe(await page.locator('.step .support').count());
  });

  test('its report is drafted, concluded and signed', async () => {
    await press('Control+5');
    await page.waitForSelector('.report-none .button[data-primary]');
    await press('d');
    await page.waitForSelector('p.to-decide[data-done]');
    await press('m');
    await hasFocus('#report-impression');
    await page.keyboard.type('Both lungs are seen.');
    await page.waitForSelector('.report-saved:has-text("Saved")');
    await press('Control+Enter');
    await tabTo('.sign-form input[name=name]');
    await press('Control+a');
    await page.keyboard.type('A reader');
    for (const field of ['passphrase', 'again']) {
      await tabTo(`.sign-form input[name=${field}]`);
      await page.keyboard.type('a passphrase of several words');
    }
    await press('Enter');
    await page.waitForSelector('.signature[data-holds=true]');
  });

  test('a picture that does not say what it shows is not put to the model, unless a person says why', async () => {
    await open('cat');
    await press('a');
    await hasFocus('#review-question');
    await page.keyboard.type('What is the diagnosis?');
    await press('Enter');
    await page.waitForSelector('.blocked');
    expect(await page.textContent('.blocked-why')).toContain('The file does not say what it shows.');
    await workstation.picture('review-blocked');
    expect(await page.locator('[data-trace]').count()).toBe(0);
    expect(readdirSync(dataFolder)).toContain('traces.jsonl');
    const traces = (): readonly { readonly question: string; readonly flags: readonly { readonly code: string; readonly detail: string }[] }[] =>
      readFileSync(join(dataFolder, 'traces.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as ReturnType<typeof traces>[number]);
    expect(traces().some(({ question }) => question === 'What is the diagnosis?')).toBe(false);
    await hasFocus('.blocked input');
    await page.keyboard.type('It is a drawn pattern, to see what comes');
    await press('Enter');
    await page.waitForSelector('[data-trace] [data-flag="scope.override"]');
    await workstation.picture('review-override');
    expect(traces().at(-1)?.flags.find(({ code }) => code === 'scope.override')?.detail).toContain('a drawn pattern');
    const journal = readdirSync(join(dataFolder, 'audit'), { encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl')).map((name) => readFileSync(join(dataFolder, 'audit', name), 'utf8')).join('');
    expect(journal).toContain('"code":"review.unstated"');
    expect(journal).toContain('"override":"scope"');
  });

  test('nothing was ever touched by a pointer', async () => {
    expect(await page.evaluate(() => (window as unknown as { pointers: number }).pointers)).toBe(0);
    expect(workstation.complaints).toEqual([]);
  });
});

describe('where a person was', () => {
  const hung = async (): Promise<unknown> => ({
    layout: await page.getAttribute('.cells', 'data-layout'), frames: await page.locator('[data-cell] [data-frame]').evaluateAll((all) => all.map((one) => one.getAttribute('data-frame'))),
    corners: await page.locator('[data-cell="0"] .corner').allTextContents(), question: await page.inputValue('#review-question'), scope: await page.textContent('.ask-foot .scope'),
  });

  /** As if a second question about the film's first sentence had found one box: what the model says there is its own affair. */
  const second = 'f'.repeat(36);
  function foundLater(): void {
    const lines = readFileSync(join(dataFolder, 'traces.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const film = lines.find(({ question }) => question === 'Where are the lungs? Give boxes.') as Record<string, unknown>;
    const found = [{ label: 'lung', frame: 0, boxes: [{ x1: 40, y1: 50, x2: 120, y2: 180 }] }];
    const answer = { ...film, id: second, question: 'Where is the lung? Give boxes.', steps: [], findings: found, answer: '[{"bbox_2d":[40,50,120,180],"label":"lung"}]', flags: [], origin: { kind: 'locate', traceId: film['id'], step: 0 } };
    appendFileSync(join(dataFolder, 'traces.jsonl'), `${JSON.stringify(answer)}\n`);
  }

  test('they are again after a kill: study, layout, slice, window and the question that was not sent', async () => {
    await open('head');
    await press('Alt+2', 'ArrowDown', 'ArrowDown', 'i', 'Shift+i');
    await page.waitForSelector('.slice-field');
    await press('a');
    await hasFocus('#review-question');
    await press('Control+a');
    await page.keyboard.type('Is there a mass in the lef');
    await page.waitForTimeout(300);
    const before = await hung();
    await expect.poll(() => readFileSync(join(dataFolder, 'session.json'), 'utf8'), { timeout: 30_000 }).toContain('mass in the lef');
    await workstation.kill();
    await workstation.close();
    foundLater();
    workstation = await openWorkstation({ dataFolder, samples: false });
    ({ page } = workstation);
    await page.waitForSelector('.viewport[data-ready]');
    await expect.poll(hung, { timeout: 30_000 }).toEqual(before);
    await workstation.picture('review-resumed');
  });

  test('what a second question found is judged by keys like anything else, its box is put elsewhere, and it becomes a training case', async () => {
    await open('film');
    await page.waitForSelector('.second-verdict');
    for (let i = 0; i < 12 && await page.locator('.second-verdict[data-current]').count() === 0; i++) await press('j');
    await press('e');
    await page.waitForSelector('.box-editor .handle');
    const boxes = (): number => readFileSync(join(dataFolder, 'curation.jsonl'), 'utf8').trim().split('\n').filter((line) => line.includes(second)).length;
    await press('Control+ArrowRight', 'Control+Shift+ArrowDown');
    await page.waitForSelector('.box-editor .ghost');
    await expect.poll(boxes, { timeout: 30_000 }).toBe(2);
    await press('Enter');
    await page.waitForSelector('.second-verdict[data-verdict=accepted]');
    await workstation.picture('review-second');
    for (let i = 0; i < 12 && await page.locator('.second-verdict[data-current]').count() === 0; i++) await press('j');
    await press('Shift+Enter');
    await page.waitForSelector('.second-verdict .verdict[data-verdict=case], .second-verdict .verdict[data-verdict=held]');
    type Made = { readonly kind: string; readonly id: string; readonly value: { readonly question: string; readonly label: { readonly kind: string; readonly boxes: readonly { readonly label: string; readonly box: Readonly<Record<'x1' | 'y1' | 'x2' | 'y2', number>> }[] } } };
    const made = readFileSync(join(dataFolder, 'curation.jsonl'), 'utf8').trim().split('\n').flatMap((line) => (JSON.parse(line) as { items: readonly Made[] }).items).findLast(({ kind }) => kind === 'case');
    expect(made).toMatchObject({ id: `${second}-answer`, value: { question: 'Where is the lung? Give boxes.', label: { kind: 'boxes', boxes: [{ label: 'lung' }] } } });
    const { x1, y1, x2, y2 } = made?.value.label.boxes[0]?.box ?? { x1: 0, y1: 0, x2: 0, y2: 0 };
    expect([x1 > 40, x2 - x1, y1, y2 > 180]).toEqual([true, 80, 50, true]);
    await press('Escape');
  });

  test('they are again after a reload, in another study and in the library as it was filtered', async () => {
    await press('Control+1');
    await press('/', 'Control+a');
    await page.keyboard.type('film');
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 1);
    await expect.poll(() => readFileSync(join(dataFolder, 'session.json'), 'utf8'), { timeout: 30_000 }).toContain('"query": "film"');
    await page.reload();
    await isReady(page);
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 1);
    expect(await page.inputValue('#library-filter')).toBe('film');
    await open('head');
    expect(await page.inputValue('#review-question')).toBe('Is there a mass in the lef');
    // Every screen can be come back to.
    for (const [at, tab] of (await page.locator('.tabs .tab').all()).entries()) {
      if (at < 2) continue;
      const name = await tab.getAttribute('aria-label') ?? '';
      await tabTo(`.tab[aria-label="${name}"]`);
      await press('Enter');
      await page.waitForSelector(`.tab[aria-current=page][aria-label="${name}"]`);
      await page.waitForTimeout(400);
      await page.reload();
      await page.waitForSelector(`.tab[aria-current=page][aria-label="${name}"]`);
    }
    expect(workstation.complaints).toEqual([]);
  });
});
