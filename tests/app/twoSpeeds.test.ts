/** The slow model stands still, and nobody waits for it: images are scrolled and searched by the sentence before, until it goes on, or dies. */
import { execFileSync } from 'node:child_process';
import type { Page } from 'playwright-core';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StudyDetail } from '#electron/contract/library.ts';
import type { Sweep } from '#electron/contract/locating.ts';
import { blockFiles } from '#tests/support/blocks.ts';
import { closeBrowser, inSteps, openWorkstation, type Workstation } from '#tests/support/browser.ts';

const slices = 20;
inSteps();
let workstation: Workstation;
let page: Page;
let studyId = '';
/** The processes that write: in a test nothing but a sentence asks them. */
let writers: readonly number[] = [];
/** The version of the directive that holds while the model stands still. */
let held = 0;

beforeAll(async () => {
  workstation = await openWorkstation({ samples: false, width: 1440, height: 900 });
  ({ page } = workstation);
  const files: Record<string, Uint8Array> = {};
  blockFiles({ study: '1', date: '20250601', frameOfReference: '1', series: '1', description: 'Thin', slices, stepMm: 4 }).forEach((bytes, i) => (files[`thin/${i}.dcm`] = bytes));
  await page.evaluate((zip) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(zip), (letter) => letter.charCodeAt(0))], 'study.zip'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, Buffer.from(zipSync(files, { level: 0 })).toString('base64'));
  const row = page.locator('[data-study]').first();
  studyId = await row.getAttribute('data-study') ?? '';
  await row.dblclick();
  await page.waitForSelector('.cell .viewport[data-ready]');
});
afterAll(async () => {
  // What stands still does not hear that it is to end.
  signal('SIGCONT');
  await workstation?.close();
  await closeBrowser();
});

function signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
  for (const pid of writers) {
    try {
      process.kill(pid, name);
    } catch {
      // It is gone.
    }
  }
}

/** Children of the program that run the inference worker. */
const inferring = (): readonly number[] => execFileSync('ps', ['-axo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  .flatMap((line) => {
    const [pid, parent, ...words] = line.trim().split(/\s+/);
    return Number(parent) === workstation.pid && words.some((word) => /\binference\b/.test(word)) ? [Number(pid)] : [];
  });

async function say(sentence: string): Promise<void> {
  await page.keyboard.press('Shift+J');
  await page.waitForFunction(() => document.activeElement?.id === 'locate-sentence');
  await page.locator('#locate-sentence').fill(sentence);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
}

/** Turns the wheel from slice to slice, each until its picture is there. */
const scrollThrough = (count: number): Promise<readonly string[]> => page.evaluate(async (last) => {
  const viewport = document.querySelector<HTMLElement>('.viewport[data-frame]')!;
  const at = (): number => Number(document.querySelector<HTMLElement>('[data-slice]')!.dataset['slice']);
  const isShown = (): boolean => viewport.dataset['shown'] === viewport.dataset['frame'];
  const until = async (isReached: () => boolean): Promise<void> => {
    while (!isReached()) await new Promise(requestAnimationFrame);
  };
  const shown: string[] = [];
  for (let slice = at(); slice < last - 1; slice++) {
    viewport.dispatchEvent(new WheelEvent('wheel', { deltaY: 120, bubbles: true, cancelable: true }));
    await until(() => at() === slice + 1 && isShown());
    shown.push(viewport.dataset['shown']!);
  }
  return shown;
}, count);

/** A sweep by the sentence that holds, over the whole series. */
const sweep = (): Promise<Sweep> => page.evaluate(async (id) => {
  const ask = async <T>(method: string, argument: unknown): Promise<T> => {
    const reply = await (await fetch(`/call/${method}`, { method: 'POST', body: JSON.stringify(argument) })).json() as { readonly ok: boolean; readonly value?: T };
    if (!reply.ok) throw new Error(JSON.stringify(reply));
    return reply.value!;
  };
  const { series } = await ask<StudyDetail>('library.study', { studyId: id });
  return ask<Sweep>('locate.find', { sweepId: crypto.randomUUID(), studyId: id, seriesId: series[0]!.id, seek: { kind: 'directive' }, scope: 'all', at: 0, region: null, window: null });
}, studyId);

describe.skipIf(process.platform === 'win32')('while the slow model stands still', () => {
  test('the sentence before it holds: it was read, and its range was searched', async () => {
    await page.keyboard.press('Shift+J');
    await say('platelets in slices 3 to 5');
    await page.waitForSelector('.locate-panel .directive[data-version]');
    await page.waitForSelector('.locate-panel .progress[data-end=done]');
    writers = inferring();
    expect(writers.length).toBeGreaterThan(0);
  });

  test('every slice that is scrolled to is drawn, and every image of a search is searched by the older version', async () => {
    signal('SIGSTOP');
    await say('lungs');
    await page.waitForSelector('.locate-panel .thinking');
    // Where nothing likely was found, the sentence before has been thought about twice by now, or once.
    held = Number(await page.locator('.locate-panel .directive').getAttribute('data-version'));
    await page.keyboard.press('Home');
    await page.waitForSelector('[data-slice="0"]');
    const shown = await scrollThrough(slices);
    expect([shown.length, new Set(shown).size]).toEqual([slices - 1, slices - 1]);
    const searched = await sweep();
    expect([searched.end, new Set(searched.searched.map(({ version }) => version))]).toEqual(['done', new Set([held])]);
    // Nothing of this waited: the model has still not answered.
    expect(await page.locator('.locate-panel .thinking').count()).toBe(1);
    await workstation.picture('two-speeds');
  });

  test('it goes on, and what it says takes over', async () => {
    signal('SIGCONT');
    await page.waitForSelector('.locate-panel .directive[title=lungs]');
    await page.waitForSelector('.locate-panel .progress[data-end=done]');
    expect(Math.min(...(await sweep()).searched.map(({ version }) => version))).toBeGreaterThan(held);
    // A search that finds nothing likely has the sentence thought about once more.
    await page.waitForSelector('.locate-panel .thinking', { state: 'detached' });
  });

  test('it dies over a sentence: that is told, and the sentence before it holds', async () => {
    held = Number(await page.locator('.locate-panel .directive').getAttribute('data-version'));
    signal('SIGSTOP');
    await say('nodules');
    await page.waitForSelector('.locate-panel .thinking');
    signal('SIGKILL');
    await page.waitForSelector('.locate-panel .note:has-text("SIGKILL")');
    expect(Number(await page.locator('.locate-panel .directive').getAttribute('data-version'))).toBe(held);
    expect(new Set((await sweep()).searched.map(({ version }) => version))).toEqual(new Set([held]));
    expect(workstation.complaints).toEqual([]);
  });
});
