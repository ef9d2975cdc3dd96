/** Questions on the page, held to what is on record: what was sent, what a stop leaves, what a second question sees, what hidden marks become. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import type { AnswerRecord } from '#electron/audit/record.ts';
import type { Trace } from '#electron/contract/review.ts';
import { sampleStudy } from '#training/synthesis/samples.ts';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';

inSteps();
const dataFolder = mkdtempSync(join(tmpdir(), 'loupe-asking-'));
let workstation: Workstation;
let page: Page;
beforeAll(async () => {
  workstation = await openWorkstation({ dataFolder });
  ({ page } = workstation);
  // The samples come in while the page stands already.
  await page.waitForFunction(() => document.querySelectorAll('[data-study]').length >= 10);
  page.setDefaultTimeout(60_000);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
  rmSync(dataFolder, { recursive: true, force: true });
});

const chip = async (): Promise<string> => (await page.textContent('.ask-foot .scope')) ?? '';
/** The answer on the page when another one stands there, and its record. */
async function answered(before: string | null): Promise<{ readonly trace: Trace; readonly record: AnswerRecord }> {
  await page.waitForFunction((last) => ![null, undefined, last].includes(document.querySelector('[data-trace]')?.getAttribute('data-trace')), before);
  const id = await page.getAttribute('[data-trace]', 'data-trace') ?? '';
  const trace = readFileSync(join(dataFolder, 'traces.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Trace).find((one) => one.id === id);
  const { record } = JSON.parse(readFileSync(join(dataFolder, 'audit', 'answers', id, 'answer.json'), 'utf8')) as { record: AnswerRecord };
  return { trace: trace as Trace, record };
}
async function ask(question: string): Promise<ReturnType<typeof answered>> {
  const before = await page.locator('[data-trace]').count() > 0 ? await page.getAttribute('[data-trace]', 'data-trace') : null;
  await page.fill('#review-question', question);
  await page.click('.ask button[type=submit]');
  return answered(before);
}
async function open(words: string): Promise<void> {
  await page.keyboard.press('Control+1');
  await page.locator('[data-study]', { hasText: words }).first().dblclick();
  await page.waitForSelector('.viewport[data-ready]');
}

describe('a question', () => {
  test('sends exactly the slices that the chip names, and the record lists them', async () => {
    await open('PHANTOM, CHEST');
    await page.keyboard.press('Shift+I');
    await page.waitForSelector('.ask-foot .scope[data-scope]');
    const named = await chip();
    const { record } = await ask('Is there an abnormality, and where?');
    const numbers = record.frames.map(({ name }) => /^slice (\d+) of 12$/.exec(name)?.[1]);
    expect(numbers.length).toBeGreaterThan(1);
    expect(named.match(/\d+/g)).toEqual([...numbers, '12']);
  });

  test('that follows another is put about the same picture again, number for number', async () => {
    await open('PHANTOM, FILM');
    const first = await ask('Where are the lungs? Give boxes.');
    const second = await ask('Is there an abnormality, and where?');
    expect(second.record.frames.map(({ tensor }) => tensor)).toEqual(first.record.frames.map(({ tensor }) => tensor));
    expect(second.record.frames[0]?.tensor).toBe(first.trace.views[0]?.pixelsSha256);
    expect(second.record.prompt.sha256).not.toBe(first.record.prompt.sha256);
  });

  test('is answered the same each time, or drawn by a seed that stands with the answer', async () => {
    const [first, again] = [await ask('Where are the lungs? Give boxes.'), await ask('Where are the lungs? Give boxes.')];
    expect(again.record.output.tokens).toEqual(first.record.output.tokens);
    expect([again.trace.drawn, again.record.sampling.temperature]).toEqual([undefined, 0]);
    const chosen = page.locator('.fact-chip', { hasText: 'Likeliest' });
    await chosen.click();
    await page.waitForSelector('.fact-chip:has-text("Drawn, seed 1")');
    const drawn = await ask('Where are the lungs? Give boxes.');
    expect([drawn.trace.drawn, drawn.record.sampling]).toEqual([{ temperature: 1, seed: 1 }, expect.objectContaining({ temperature: 1, seed: 1, topP: 1 })]);
    await page.waitForSelector('.fact-chip:has-text("Drawn, seed 2")');
    await workstation.picture('review-drawn');
    await page.click('.fact-chip:has-text("Drawn")');
    await chosen.waitFor();
  });

  test('is stopped at once: nothing more appears, and what was written stays, marked as stopped, on the page and on record', async () => {
    const before = await page.getAttribute('[data-trace]', 'data-trace');
    // The page stops it by itself as soon as it shows a word: no hand is that quick.
    await page.evaluate(() => {
      const watch = new MutationObserver(() => {
        if (document.querySelector('.answer .raw') === null) return;
        watch.disconnect();
        [...document.querySelectorAll<HTMLButtonElement>('.ask-foot button')].at(-1)?.click();
      });
      watch.observe(document.querySelector('.answer-scroll') as Element, { childList: true, subtree: true });
    });
    await page.fill('#review-question', 'Where are the lungs? Give boxes.');
    await page.click('.ask button[type=submit]');
    const { trace, record } = await answered(before);
    expect([trace.end, record.output.end]).toEqual(['stopped', 'aborted']);
    expect(record.output.tokens.length).toBeLessThan(60);
    const shown = await page.textContent('.answer');
    expect(shown).toContain('Stopped: no answer');
    await page.waitForTimeout(400);
    expect(await page.textContent('.answer')).toBe(shown);
    await workstation.picture('review-stopped');
  });
});

test('about a part of the body that the model was not trained on is not put to it; asked all the same, the mismatch stands there before the answer', async () => {
  const film = Buffer.from([...sampleStudy('chest-film', 9).files.values()][0] as Uint8Array).toString('latin1').replaceAll('CHEST ', 'KNEE  ').replaceAll('PHANTOM-FILM-9', 'PHANTOM-KNEE-9').replaceAll('PHANTOM^FILM', 'PHANTOM^KNEE').replaceAll('Synthetic', 'Imported ');
  await page.keyboard.press('Control+1');
  await page.evaluate((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], 'knee.dcm'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, Buffer.from(film, 'latin1').toString('base64'));
  await open('PHANTOM, KNEE');
  await page.fill('#review-question', 'Is there pneumonia?');
  await page.click('.ask button[type=submit]');
  await page.waitForSelector('.blocked');
  expect(await page.textContent('.blocked-why')).toMatch(/The file says knee\. Of X-ray films the model was trained on chest\./);
  await page.fill('.blocked input', 'To see what it makes of a knee');
  await page.keyboard.press('Enter');
  const { trace, record } = await answered(null);
  expect([trace.override, record.reading.override]).toEqual([{ reason: 'To see what it makes of a knee' }, { reason: 'To see what it makes of a knee' }]);
  expect(trace.flags.map(({ code }) => code)).toEqual(expect.arrayContaining(['scope.override', 'scope.bodyPart', 'scope.question']));
  await workstation.picture('review-knee');
});

test('marks that are hidden when a report is drafted are drawn on none of its pictures and named as hidden, until a person draws them', async () => {
  await open('PHANTOM, FILM');
  await ask('Where are the lungs? Give boxes.');
  await page.waitForSelector('[data-mark]');
  await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
  await page.keyboard.press('g');
  await page.waitForFunction(() => document.querySelectorAll('[data-mark]').length === 0);
  await page.keyboard.press('Control+5');
  await page.click('.report-none button');
  await page.waitForSelector('[data-marks-hidden]');
  const boxes = page.locator('.marks input[type=checkbox]');
  expect(await boxes.count()).toBeGreaterThan(0);
  for (const box of await boxes.all()) expect(await box.isChecked()).toBe(false);
  const preview = (): Promise<string> => page.locator('iframe').first().getAttribute('srcdoc').then((html) => html ?? '');
  await expect.poll(preview, { timeout: 60_000 }).toContain('Hidden here: R1');
  await workstation.picture('report-marks-hidden');
  await boxes.first().click();
  await expect.poll(preview, { timeout: 60_000 }).toContain('Marked: R1');
});

test('the page had no reason to complain', () => expect(workstation.complaints).toEqual([]));
