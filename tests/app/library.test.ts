/** The library in a real browser: what is dropped, what is left out and why, what is seen before a study is opened, and what a kill costs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { pixelElements, writeDicom } from '#models/imaging/dicom/writer.ts';
import { encodePng } from '#models/imaging/png.ts';
import { resize } from '#models/imaging/resize.ts';
import { blockFiles } from '#tests/support/blocks.ts';
import { slideFile } from '#tests/support/dicomSlides.ts';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';
import { pattern } from '#tests/support/pictures.ts';

const dataFolder = mkdtempSync(join(tmpdir(), 'loupe-library-'));
inSteps();
let workstation: Workstation;
let page: Page;

/** Sixteen bars of four pixels, 125 HU from one to the next. */
const bars = { count: 16, width: 4, first: -1000, step: 125 } as const;
const wedge = (): Uint8Array => {
  const [columns, rows] = [bars.count * bars.width, 48];
  const data = Int16Array.from({ length: rows * columns }, (_, i) => bars.first + bars.step * Math.floor((i % columns) / bars.width));
  return writeDicom([
    { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: '1.2.826.0.1.3680043.10.999.66.1' }, { tag: 'x00080020', vr: 'DA', value: '20250601' }, { tag: 'x00080060', vr: 'CS', value: 'CT' },
    { tag: 'x00081030', vr: 'LO', value: 'Wedge' }, { tag: 'x00100010', vr: 'PN', value: 'TEST^WEDGE' }, { tag: 'x00100020', vr: 'LO', value: 'WEDGE-1' },
    { tag: 'x0020000d', vr: 'UI', value: '1.2.826.0.1.3680043.10.999.66' }, { tag: 'x0020000e', vr: 'UI', value: '1.2.826.0.1.3680043.10.999.66.0' }, { tag: 'x00200013', vr: 'IS', value: 1 },
    { tag: 'x00281050', vr: 'DS', value: 0 }, { tag: 'x00281051', vr: 'DS', value: 1900 }, { tag: 'x00281052', vr: 'DS', value: 0 }, { tag: 'x00281053', vr: 'DS', value: 1 },
    ...pixelElements({ rows, columns, photometric: 'MONOCHROME2', data }),
  ]);
};

beforeAll(async () => {
  workstation = await openWorkstation({ dataFolder, samples: false });
  ({ page } = workstation);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
  rmSync(dataFolder, { recursive: true, force: true });
});

const row = (words: string): string => `[data-study]:has-text("${words}")`;

async function drop(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await page.evaluate((zip) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(zip), (letter) => letter.charCodeAt(0))], 'mixed.zip'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, Buffer.from(zipSync({ ...files }, { level: 0 })).toString('base64'));
}

describe('what is dropped', () => {
  test('is taken in or listed with its reason', async () => {
    const now = { study: '3', date: '20250601', frameOfReference: '1' } as const;
    const thin = blockFiles({ ...now, series: '1', description: 'Thin', slices: 12, stepMm: 2 });
    const files: Record<string, Uint8Array> = { 'wedge.dcm': wedge(), 'photo.png': encodePng(pattern(80, 60), { level: 4 }) };
    // The seventh slice is missing.
    thin.forEach((bytes, i) => (i === 6 ? undefined : (files[`thin/${i}.dcm`] = bytes)));
    files['glass/label.dcm'] = slideFile({ picture: pattern(32, 32), tile: 32, number: 3, flavour: 'LABEL' });
    files['glass/base.dcm'] = slideFile({ picture: pattern(700, 500), tile: 64, number: 1, mppX: 0.5 });
    files['glass/half.dcm'] = slideFile({ picture: resize(pattern(700, 500), { width: 350, height: 250 }), tile: 64, number: 2 });
    const junk: Record<string, Uint8Array> = { 'letter.txt': new TextEncoder().encode('Dear colleague'), 'empty.dcm': new Uint8Array(0), 'cut.dcm': wedge().subarray(0, 500), 'half.png': files['photo.png']!.subarray(0, 60), 'noise.bin': Uint8Array.from({ length: 300 }, (_, i) => i * 37) };
    await drop({ ...files, ...junk });
    await page.waitForSelector('.import .text-button');
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 4 && document.querySelector('.import .track') === null);
    await page.locator('.import .text-button').click();
    await page.waitForSelector('.reasons li');
    const reasons = await page.locator('.reasons li').evaluateAll((all) => all.map((one) => [one.firstChild?.textContent?.split(' › ').at(-1), one.querySelector('span')?.textContent ?? '']));
    expect(reasons.map(([name]) => name).sort()).toEqual(Object.keys(junk).sort());
    expect(reasons.every(([, why]) => (why ?? '').length > 10)).toBe(true);
    await page.keyboard.press('Escape');
  });

  test('of two patients with one study number stays two studies, and both say so', async () => {
    const common = { study: '34', date: '20250601', frameOfReference: '1', slices: 2, stepMm: 2 } as const;
    const files = [['a', 'ADAMS^ANN', 'A-1'], ['b', 'BROWN^BOB', 'B-2']].flatMap(([letter, name, id], at) => blockFiles({ ...common, series: `${at + 1}`, description: 'Block', person: { name: name!, id: id! } }).map((bytes, i) => [`${letter}${i}.dcm`, bytes] as const));
    await drop(Object.fromEntries(files));
    await page.waitForSelector(row('ADAMS, ANN'));
    await page.waitForFunction(() => document.querySelectorAll('[data-study] .tag[data-tone=warning]').length === 2);
    await page.locator(row('ADAMS, ANN')).click();
    expect(await page.locator('.detail .warning').textContent()).toContain('another patient: BROWN, BOB, ID B-2');
    await workstation.picture('library-namesakes');
    await page.locator('.detail .warning button').click();
    expect(await page.locator('.detail .warning').textContent()).toContain('another patient: ADAMS, ANN, ID A-1');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.series-notice');
    expect(await page.locator('.series-notice').textContent()).toContain('also belongs to a study of another patient');
    expect(await page.locator('.corner.person').first().textContent()).toContain('BROWN, BOB');
    await workstation.picture('viewer-namesakes');
    await page.keyboard.press('Control+1');
    // Nothing of them is in the way of what follows.
    for (const name of ['BROWN, BOB', 'ADAMS, ANN']) {
      await page.locator(row(name)).click();
      await page.keyboard.press('Delete');
      await page.waitForFunction((words) => ![...document.querySelectorAll('[data-study]')].some((one) => one.textContent?.includes(words)), name);
    }
  });

  test('may be opened while it is still coming in, and grows where it is seen', async () => {
    const slices = blockFiles({ study: '35', date: '20250601', frameOfReference: '1', series: '1', description: 'Long', slices: 240, stepMm: 1, person: { name: 'TEST^LONG', id: 'LONG-1' } });
    await drop(Object.fromEntries(slices.map((bytes, i) => [`${String(i).padStart(3, '0')}.dcm`, bytes])));
    await page.waitForSelector(row('LONG'));
    await page.locator(row('LONG')).dblclick();
    await page.waitForSelector('.viewport[data-ready]');
    await page.waitForFunction(() => document.querySelector('.series .number')?.textContent === '240' && document.querySelector('.viewport [data-slice]')?.textContent?.endsWith('/ 240'));
    await page.keyboard.press('Home');
    await page.waitForSelector('[data-slice="0"]');
    await page.keyboard.press('Control+1');
    await page.locator(row('LONG')).click();
    await page.keyboard.press('Delete');
    await page.waitForFunction(() => ![...document.querySelectorAll('[data-study]')].some((one) => one.textContent?.includes('LONG')));
  });

  test('shows no label of a slide, nowhere in the page', async () => {
    await page.locator(row('SLIDE')).dblclick();
    await page.waitForSelector('[data-slide] canvas');
    expect(await page.locator('.series').count()).toBe(1);
    expect(await page.locator('.series-notice').textContent()).toContain('label');
    const zoom = Number(await page.locator('[data-zoom]').getAttribute('data-zoom'));
    expect(zoom).toBeGreaterThan(0);
    expect(await page.locator('[data-magnification]').textContent()).toMatch(/×/);
    await page.waitForTimeout(800);
    await workstation.picture('library-dicom-slide');
    await page.keyboard.press('Control+1');
  });

  test('with five hundred frames paints the first of them before it has decoded nine', async () => {
    const [rows, columns, count] = [48, 64, 500];
    const data = Uint8Array.from({ length: rows * columns * count }, (_, i) => (i * 7) % 251);
    await drop({ 'loop.dcm': writeDicom([
      { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.3.1' }, { tag: 'x00080018', vr: 'UI', value: '1.2.826.0.1.3680043.10.999.79.1' }, { tag: 'x00080020', vr: 'DA', value: '20250602' }, { tag: 'x00080060', vr: 'CS', value: 'US' },
      { tag: 'x00081030', vr: 'LO', value: 'Loop' }, { tag: 'x00100010', vr: 'PN', value: 'TEST^LOOP' }, { tag: 'x00100020', vr: 'LO', value: 'LOOP-1' },
      { tag: 'x0020000d', vr: 'UI', value: '1.2.826.0.1.3680043.10.999.79' }, { tag: 'x0020000e', vr: 'UI', value: '1.2.826.0.1.3680043.10.999.79.0' }, { tag: 'x00200013', vr: 'IS', value: 1 },
      ...pixelElements({ rows, columns, frames: count, photometric: 'MONOCHROME2', data }),
    ]) });
    await page.waitForSelector(row('LOOP'));
    // Counted by the page itself, at the moment when the first image stands there: a question from here would come later.
    await page.evaluate(() => {
      const here = window as unknown as { decodedAtFirst?: number };
      performance.clearResourceTimings();
      performance.setResourceTimingBufferSize(1000);
      const observer = new MutationObserver(() => {
        if (!document.querySelector('.viewport[data-ready]')) return;
        observer.disconnect();
        here.decodedAtFirst = performance.getEntriesByType('resource').filter(({ name }) => /\/frame\/[^/]+\/values/.test(name)).length;
      });
      observer.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-ready'] });
    });
    await page.locator(row('LOOP')).dblclick();
    await page.waitForSelector('.viewport[data-ready]');
    const decoded = await page.evaluate(() => (window as unknown as { decodedAtFirst: number }).decodedAtFirst);
    expect(decoded).toBeGreaterThan(0);
    expect(decoded).toBeLessThanOrEqual(8);
    await page.keyboard.press('Control+1');
  });

  test('with a slice missing says where, until that is taken note of, and makes no volume', async () => {
    await page.locator(row('BLOCK')).dblclick();
    await page.waitForSelector('.viewport[data-ready]');
    expect(await page.locator('.series-notice').textContent()).toMatch(/4 mm instead of 2 mm: 1 image is missing/);
    await workstation.picture('library-gap');
    await page.locator('.series-notice .text-button').click();
    expect(await page.locator('.series-notice').count()).toBe(0);
    await page.keyboard.press('Alt+4');
    await page.waitForSelector('.cell-note[role=alert]');
    expect(await page.locator('.cell-note[role=alert]').first().textContent()).toContain('missing');
    await page.keyboard.press('Alt+1');
    await page.keyboard.press('Control+1');
  });
});

describe('a still', () => {
  /** The grey in the middle of each bar, along the middle row of a canvas that shows the whole image. */
  const greys = (selector: string): Promise<readonly number[]> => page.evaluate(({ query, count }) => {
    const canvas = document.querySelector(query) as HTMLCanvasElement;
    const { width, height } = canvas;
    const scale = Math.min(width / 64, height / 48);
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    return Array.from({ length: count }, (_, bar) => context.getImageData(Math.round(width / 2 + (bar * 4 + 2 - 32) * scale), height >> 1, 1, 1).data[0] as number);
  }, { query: selector, count: bars.count });
  /** PS3.3 C.11.2.1.2.1 for a width of 1900 about 0. */
  const linear = (value: number): number => Math.round(Math.min(1, Math.max(0, (value - (0 - 0.5)) / (1900 - 1) + 0.5)) * 255);

  test('in the library has the very greys of the standard, and of the viewer', async () => {
    await page.locator(row('WEDGE')).click();
    await page.locator('.detail .picture').hover();
    await page.waitForSelector('.detail canvas[data-still]');
    const still = await greys('.detail canvas.still');
    await workstation.picture('library-preview');
    expect(still).toEqual(Array.from({ length: bars.count }, (_, bar) => linear(bars.first + bars.step * bar)));
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewport[data-ready]');
    await page.waitForTimeout(500);
    expect(await greys('[data-cell="0"] canvas.image')).toEqual(still);
  });

  test('of a key image follows the window of its series', async () => {
    await page.keyboard.press('Shift+K');
    await page.waitForSelector('.corner.top-right:has-text("Key image")');
    await page.keyboard.press('Shift+M');
    await page.keyboard.press('3');
    await page.waitForSelector('.key-image canvas[data-still]');
    await page.waitForTimeout(500);
    expect(await greys('.key-image canvas.still')).toEqual(await greys('[data-cell="0"] canvas.image'));
    await workstation.picture('library-key-image');
    await page.keyboard.press('Control+z');
    expect(await page.locator('.key-image').count()).toBe(0);
    await page.keyboard.press('Shift+M');
    await page.keyboard.press('Control+1');
  });
});

describe('a picture without a scale', () => {
  test('is measured in pixels until a person says how long something is', async () => {
    await page.locator(row('Photo')).dblclick();
    await page.waitForSelector('.viewport[data-ready]');
    const { left, top, width, height } = await page.locator('canvas.image').evaluate((element) => element.getBoundingClientRect().toJSON() as { left: number; top: number; width: number; height: number });
    const line = async (key: string, y: number): Promise<void> => {
      await page.keyboard.press(key);
      await page.mouse.move(left + width / 2 - 150, top + height / 2 + y);
      await page.mouse.down();
      await page.mouse.move(left + width / 2 + 150, top + height / 2 + y, { steps: 4 });
      await page.mouse.up();
    };
    await line('d', 0);
    const text = async (): Promise<string> => await page.locator('[data-kind=length] .words').first().textContent() ?? '';
    const pixels = Number.parseFloat(await text());
    expect(await text()).toMatch(/ px$/);
    await line('Shift+D', 60);
    await page.locator('.ask-value input').fill(String(pixels * 0.5));
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => / mm/.test(document.querySelector('[data-kind=length] .words')?.textContent ?? ''));
    expect(Math.abs(Number.parseFloat(await text()) / (pixels * 0.5) - 1)).toBeLessThan(0.01);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+1');
  });
});

describe('after a kill', () => {
  test('the status that a key set is there, the image as it lay, and every drawing but the one under way', async () => {
    await page.locator(row('WEDGE')).click();
    await page.keyboard.press('.');
    await page.keyboard.press('.');
    await page.waitForSelector(`${row('WEDGE')} .status[data-status=judged]`);
    await page.keyboard.press('Control+z');
    await page.waitForSelector(`${row('WEDGE')} .status[data-status=asked]`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewport[data-ready]');
    const { left, top, width, height } = await page.locator('canvas.image').evaluate((element) => element.getBoundingClientRect().toJSON() as { left: number; top: number; width: number; height: number });
    // Enlarged, turned, and moved by the middle button.
    for (const key of ['+', '+', 'r']) await page.keyboard.press(key);
    await page.mouse.move(left + width / 2, top + height / 2);
    await page.mouse.down({ button: 'middle' });
    await page.mouse.move(left + width / 2 + 90, top + height / 2 - 40, { steps: 3 });
    // A hand rests between two gestures: what was moved is on the disk before the next one ends.
    const moved = page.waitForResponse((response) => response.url().endsWith('/call/app.keepSession') && /"middle":\{"x":(?!0\.5,)/.test(response.request().postData() ?? ''));
    await page.mouse.up({ button: 'middle' });
    await moved;
    for (const [at, y] of [-80, 0, 80].entries()) {
      await page.keyboard.press('d');
      await page.mouse.move(left + width / 2 - 100, top + height / 2 + y);
      await page.mouse.down();
      await page.mouse.move(left + width / 2 + 100, top + height / 2 + y, { steps: 3 });
      // The third is never let go.
      if (at < 2) {
        const saved = page.waitForResponse((response) => response.url().endsWith('/call/annotations.change'));
        await page.mouse.up();
        await saved;
      }
    }
    const places = (): Promise<(string | null)[]> => page.locator('[data-kind=length] path.stroke').evaluateAll((all) => all.map((path) => path.getAttribute('d')));
    const before = (await places()).slice(0, 2);
    await workstation.kill();
    const complaints = workstation.complaints.filter((text) => !/ERR_|Failed to load|fetch/.test(text));
    await workstation.close();
    workstation = await openWorkstation({ dataFolder, samples: false });
    ({ page } = workstation);
    // The study is open again, as it was.
    await page.waitForSelector('.viewport[data-ready]');
    await page.waitForSelector('[data-kind=length]');
    expect(await page.locator('[data-kind=length]').count()).toBe(2);
    await expect.poll(places, { timeout: 60_000 }).toEqual(before);
    await page.keyboard.press('Control+1');
    await page.waitForSelector(`${row('WEDGE')} .status[data-status=asked]`);
    expect(complaints).toEqual([]);
  });

  test('the page has no reason to complain', () => expect(workstation.complaints).toEqual([]));
});
