/**
 * The workstation in a real browser, against the loopback host: what a person waits for, and what it costs. Each figure stands beside its bar, which
 * is better than what viewers of this kind publish or their users report.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { projectRoot } from '#electron/storage/folders.ts';
import { grpoLora } from '#training/recipes/grpo.ts';
import * as inPage from './appInPage.mjs';
import { drawSeries, drawSlide, multiplyLibrary } from './appStudies.ts';
import { launchChromium } from './chromium.ts';
import { rounded, sampleOf } from './measure.ts';

export interface AppBench {
  /** Of scripted use, for the figures of memory. */
  readonly minutes: number;
  readonly rounds: number;
  readonly slices: number;
  readonly slideSide: number;
  readonly progress: (text: string) => void;
  readonly signal: AbortSignal;
}

type Result = Record<string, unknown>;

/** A handle to an element, as waiting for a selector gives it, would keep the element and all around it in the page: a leak of the measurement's own. */
const shown = (page: Page, selector: string): Promise<void> => page.locator(selector).first().waitFor();

/** @throws Error where the browser cannot be started */
export async function benchApp({ minutes, rounds, slices, slideSide, progress, signal }: AppBench): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-bench-'));
  const data = join(folder, 'data');
  let host: Host | undefined;
  const browser = await launchChromium();
  try {
    progress('Drawing the series and the slide …');
    drawSeries(join(folder, 'studies', 'series'), slices);
    drawSlide(join(folder, 'studies', 'slide'), slideSide);
    mkdirSync(data, { recursive: true });
    const results: Result[] = [];
    host = await startHost(data);
    let page = await openPage(await browser.newContext({ viewport: { width: 1600, height: 1000 } }), host.address);
    progress('Importing …');
    results.push(...await importing(page, join(folder, 'studies'), slices));
    await page.context().close();
    await host.close();
    multiplyLibrary(data, 10_000);
    writeShortRecipe(data);
    host = await startHost(data);
    const context = await browser.newContext({ viewport: { width: 1600, height: 1000 } });
    const before = performance.now();
    page = await openPage(context, host.address);
    await shown(page, '[data-study]');
    results.push({ what: 'library of 10,000 studies, from the address to its rows', ours: { ms: rounded(performance.now() - before) }, bar: '≤ 1 s' });
    for (const measure of [filtering, opening, scrolling, readingMeanwhile, planes, slides]) {
      signal.throwIfAborted();
      progress(`${measure.name} …`);
      results.push(...await measure(page, rounds));
    }
    progress('trainingMeanwhile …');
    results.push(...await trainingMeanwhile(page, host.process));
    progress(`Using it for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} …`);
    results.push(...await using(page, host.process, minutes, signal));
    results.push({ what: 'the machine meanwhile', ours: { load_average: rounded(loadavg()[0] ?? 0), graphics: await page.evaluate(inPage.graphics) } });
    return results;
  } finally {
    await browser.close();
    await host?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Host {
  readonly address: string;
  readonly process: ChildProcess;
  close(): Promise<void>;
}

function startHost(data: string): Promise<Host> {
  const child = spawn(process.execPath, [join(projectRoot(), 'electron', 'loupe.mjs'), 'start', '--address', '--no-samples', '--data', data], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((settle) => child.once('exit', () => settle()));
  return new Promise((settle, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (!said.includes('\n')) return;
      settle({ address: said.split('\n')[0] as string, process: child, async close() {
        child.kill('SIGINT');
        await ended;
      } });
    });
    child.once('error', reject);
    void ended.then(() => reject(new Error('benchApp: the workstation ended before it gave its address')));
  });
}

async function openPage(context: { newPage(): Promise<Page> }, address: string): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(240_000);
  await page.goto(address);
  await shown(page, '.tabs');
  return page;
}

async function importing(page: Page, folder: string, slices: number): Promise<readonly Result[]> {
  const chooser = page.waitForEvent('filechooser');
  await page.keyboard.press('Control+Shift+O');
  const before = performance.now();
  await (await chooser).setFiles(folder);
  await shown(page, '[data-study] img.thumbnail');
  const first = performance.now() - before;
  await page.waitForFunction(inPage.isImported, slices);
  return [{ what: `import of ${slices} slices and a slide through the browser: the first study is there, and all is`, ours: { first_s: rounded(first / 1000), all_s: rounded((performance.now() - before) / 1000) }, bar: 'first image before the import ends' }];
}

/** From a letter to the list that fits it, as the page's own clock says. The list itself tells which query it was filtered by. */
async function filtering(page: Page): Promise<readonly Result[]> {
  const times: number[] = [];
  for (const query of ['mor', 'mori, k', 'p1001', 'zz', 'bauer', 'garcia, g', 'costa', 'a77', 'chest p1042', '']) {
    times.push(await page.evaluate(inPage.filterBy, query));
  }
  return [{ what: 'filter over 10,000 studies, from a letter to the rows', ours: sampleOf(times), bar: '< 100 ms' }];
}

const openBy = async (page: Page, words: string): Promise<void> => {
  await page.keyboard.press('Control+1');
  await page.locator('#library-filter').fill(words);
  await page.locator('[data-study]', { hasText: words }).first().waitFor();
};

/** From the double click to the first pixels, the frame not yet in the page. */
async function opening(page: Page, rounds: number): Promise<readonly Result[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // What was open would be opened again before anybody asked for it.
    await page.keyboard.press('Control+1');
    await page.waitForTimeout(1000);
    await page.evaluate(inPage.forget);
    await page.reload();
    await shown(page, '[data-study]');
    await openBy(page, 'BENCH, SERIES');
    times.push(await page.evaluate(inPage.openFirst));
  }
  return [{ what: 'first image after a study is opened, 512 × 512 of 16 bits', ours: sampleOf(times), bar: 'first slice ≤ 300 ms after the click' }];
}

/** Turns the wheel a notch with each picture of the screen, from the first slice to the last. */
async function scrolled(page: Page): Promise<readonly number[]> {
  await page.locator('.viewport canvas.image').first().focus();
  // A key that is pressed before the page can take it is lost.
  while (!await page.locator('[data-slice="0"]').first().isVisible()) {
    await page.keyboard.press('Home');
    await page.waitForTimeout(100);
  }
  return page.evaluate(inPage.wheelThrough);
}

const rateOf = (times: readonly number[]): Result => rateOfSteps(times.slice(1).map((time, i) => time - (times[i] as number)));

/** @param steps  milliseconds between one picture of the screen and the next */
function rateOfSteps(steps: readonly number[]): Result {
  const sorted = [...steps].sort((a, b) => a - b);
  const at = (share: number): number => rounded(1000 / (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN));
  return { fps_p50: at(0.5), fps_p5: at(0.95), pictures: steps.length + 1 };
}

async function scrolling(page: Page): Promise<readonly Result[]> {
  const cold = await scrolled(page);
  // What was not fetched on the way is fetched now, so that the second pass is about drawing.
  await page.waitForTimeout(1000);
  await scrolled(page);
  return [
    { what: 'scrolling a series for the first time, a slice for each picture of the screen', ours: rateOf(cold), bar: '≥ 30 fps while it loads' },
    { what: 'scrolling it again', ours: rateOf(await scrolled(page)), bar: '≥ 60 fps p50, ≥ 30 fps p5' },
  ];
}

/** Scrolling while a slow model reads one sentence after another and a fast one searches the series by what it said last. */
async function readingMeanwhile(page: Page): Promise<readonly Result[]> {
  await page.keyboard.press('Shift+J');
  await page.locator('#locate-sentence').fill('lungs');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await shown(page, '.locate-panel .directive');
  await page.evaluate(inPage.keepReading);
  const times = await scrolled(page);
  const sentences = await page.evaluate(inPage.stopReading);
  await page.locator('.locate-panel .thinking').waitFor({ state: 'detached' });
  await page.locator('.locate-panel header button').click();
  return [{ what: 'scrolling it while a sentence is read again and again, and the series is searched by it', ours: { ...rateOf(times), sentences }, bar: '≥ 30 fps p50' }];
}

const shortRecipe = 'bench';

/** The built-in run by rewards with small groups: an update is made while the series is scrolled once. */
function writeShortRecipe(data: string): void {
  const [stage] = grpoLora.stages;
  mkdirSync(join(data, 'recipes'), { recursive: true });
  writeFileSync(join(data, 'recipes', `${shortRecipe}.json`), JSON.stringify({ ...grpoLora, name: shortRecipe, stages: [{ ...stage, batch: 2, accumulate: 1, policy: { ...stage?.policy, rollouts: 4, maxNewTokens: 48 } }] }));
}

/** Scrolling while a run learns by rewards on the same cores, and after its process was killed. */
async function trainingMeanwhile(page: Page, host: ChildProcess): Promise<readonly Result[]> {
  await openBy(page, 'BENCH, SERIES');
  await page.locator('[data-study]').first().dblclick();
  await shown(page, '.viewport[data-ready]');
  const runId = await page.evaluate(inPage.train, shortRecipe);
  const before = (await page.evaluate(inPage.training, runId)).step;
  const times: number[] = [];
  let passes = 0;
  const start = performance.now();
  // As often as it takes for the run to make some updates meanwhile.
  do {
    const pass = await scrolled(page);
    times.push(...pass.slice(1).map((time, i) => time - (pass[i] as number)));
    passes++;
  } while ((await page.evaluate(inPage.training, runId)).step < before + 3 && performance.now() - start < 120_000);
  const updates = (await page.evaluate(inPage.training, runId)).step - before;
  killTraining(host.pid ?? 0);
  const after = await scrolled(page);
  while ((await page.evaluate(inPage.training, runId)).state === 'running') await page.waitForTimeout(200);
  const { state } = await page.evaluate(inPage.training, runId);
  return [
    { what: 'scrolling it while a run learns by rewards on the same cores', ours: { ...rateOfSteps(times), passes, updates }, bar: '≥ 30 fps p50' },
    { what: 'scrolling it after the process of the run was killed', ours: { ...rateOf(after), run: state }, bar: 'the viewer stays, the run says that it crashed' },
  ];
}

/** The process in which a run learns, among those below the program. */
function killTraining(pid: number): void {
  for (const { id, words } of processesBelow(pid)) if (/workers.training\.mjs/.test(words)) process.kill(id, 'SIGKILL');
}

async function planes(page: Page): Promise<readonly Result[]> {
  const first = await page.evaluate(inPage.threePlanes);
  const step = await page.evaluate(inPage.movePlanes);
  await page.keyboard.press('Alt+1');
  return [
    { what: 'three planes of the series, from the key to the third picture', ours: { ms: rounded(first) }, bar: 'usable ≤ 2.5 s (500 slices)' },
    { what: 'moving through the planes, all three linked', ours: { ms_a_step: rounded(step) }, bar: '≤ 33 ms' },
  ];
}

async function slides(page: Page): Promise<readonly Result[]> {
  await openBy(page, 'BENCH, SLIDE');
  const first = await page.evaluate(inPage.openSlide);
  await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
  const panned = await page.evaluate(inPage.moveSlide);
  const at = (sorted: readonly number[], share: number): number => rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN);
  return [
    { what: 'a slide of 20,000² in DICOM, from the double click to its whole first view', ours: { ms: rounded(first.ms), tiles: first.tiles }, bar: 'first view ≤ 800 ms' },
    { what: 'its tiles while it is moved at 20×, from request to last byte', ours: { p50_ms: at(panned.tiles, 0.5), p95_ms: at(panned.tiles, 0.95), tiles: panned.tiles.length }, bar: 'p50 ≤ 25 ms, p95 ≤ 80 ms' },
    { what: 'pictures of the screen while it is moved', ours: { fps_p50: rounded(1000 / at(panned.pictures, 0.5)), fps_p5: rounded(1000 / at(panned.pictures, 0.95)) }, bar: '≥ 30 fps' },
  ];
}

/** Opens, scrolls, cuts and moves for so long, over and over; memory is read at the end of each round, after the page was made to let go of what it can. */
async function using(page: Page, host: ChildProcess, minutes: number, signal: AbortSignal): Promise<readonly Result[]> {
  const end = performance.now() + minutes * 60_000;
  const session = await page.context().newCDPSession(page);
  const rounds: Memory[] = [];
  do {
    signal.throwIfAborted();
    await openBy(page, 'BENCH, SERIES');
    await page.locator('[data-study]').first().dblclick();
    await shown(page, '.viewport[data-ready]');
    await scrolling(page);
    await planes(page);
    await slides(page);
    await page.keyboard.press('Control+1');
    await filtering(page);
    await session.send('HeapProfiler.collectGarbage');
    await page.waitForTimeout(500);
    const [program, all] = [memoryBelow(host.pid ?? 0), memoryBelow(process.pid)];
    rounds.push({ page: all.page, browser: all.browser, program: program.total });
  } while (performance.now() < end);
  const text = (part: keyof Memory): string => [rounds[0], rounds[rounds.length >> 1], rounds.at(-1)].map((round) => (round && !Number.isNaN(round[part]) ? rounded(round[part]) : '?')).join(' → ');
  return [{
    what: `memory after ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} of opening, scrolling, cutting and moving (${rounds.length} ${rounds.length === 1 ? 'round' : 'rounds'}): after the first round, in the middle, after the last`,
    ours: { page_mb: text('page'), browser_with_page_mb: text('browser'), program_and_workers_mb: text('program') }, bar: 'page ≤ 1.6 × raw voxels + 500 MB = 670 MB; the last as the first',
  }];
}

/** Megabytes. What processes share counts once, in parts. */
interface Memory {
  readonly page: number;
  readonly browser: number;
  readonly program: number;
}

/** Of a process and all below it, from /proc: proportional set sizes in megabytes; NaN where there is none. */
function memoryBelow(pid: number): { readonly total: number; readonly browser: number; readonly page: number } {
  const megabytes = (id: number): number => Number((/^Pss:\s*(\d+)/m.exec(read(id, 'smaps_rollup')) ?? /^VmRSS:\s*(\d+)/m.exec(read(id, 'status')))?.[1] ?? 0) / 1000;
  if (read(pid, 'status') === '') return { total: NaN, browser: NaN, page: NaN };
  const own = processesBelow(pid);
  const sum = (test: (words: string) => boolean): number => own.filter(({ words }) => test(words)).reduce((total, { id }) => total + megabytes(id), 0);
  return { total: sum(() => true), browser: sum((words) => /chrom/i.test(words.split('\0')[0] ?? '')), page: sum((words) => words.includes('--type=renderer')) };
}

/** A file of a process; empty where there is none. */
function read(id: number, name: string): string {
  try {
    return readFileSync(`/proc/${id}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** A process and all below it, each with its words. */
function processesBelow(pid: number): readonly { readonly id: number; readonly words: string }[] {
  const all = (existsSync('/proc') ? readdirSync('/proc') : []).filter((name) => /^\d+$/.test(name)).map((name) => ({ id: Number(name), parent: Number(/^PPid:\s*(\d+)/m.exec(read(Number(name), 'status'))?.[1]), words: read(Number(name), 'cmdline') }));
  const own = new Set([pid]);
  for (let before = 0; before < own.size;) {
    before = own.size;
    for (const { id, parent } of all) if (own.has(parent)) own.add(id);
  }
  return all.filter(({ id }) => own.has(id));
}
