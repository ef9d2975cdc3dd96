/** The viewers in a real browser: what stands on the screen is where the stored pixels say, and what is reported is right. */
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { sampleStudy } from '#training/synthesis/samples.ts';
import { block, blockFiles, blockImage, filmFile } from '#tests/support/blocks.ts';
import { fluorescence } from '#tests/support/fluorescence.ts';
import { closeBrowser, inSteps, isReady, openWorkstation, type Workstation } from '#tests/support/browser.ts';

inSteps();
let workstation: Workstation;
let page: Page;
const now = { study: '1', date: '20250601', frameOfReference: '1' } as const;

beforeAll(async () => {
  workstation = await openWorkstation({ samples: false });
  ({ page } = workstation);
  const files: Record<string, Uint8Array> = {};
  const put = (folder: string, list: readonly Uint8Array[]): void => list.forEach((bytes, i) => (files[`${folder}/${i}.dcm`] = bytes));
  put('thin', blockFiles({ ...now, series: '1', description: 'Thin', slices: 40, stepMm: 2 }));
  put('thick', blockFiles({ ...now, series: '2', description: 'Thick', slices: 10, stepMm: 8 }));
  put('other', blockFiles({ ...now, series: '3', description: 'Elsewhere', frameOfReference: '3', slices: 5, stepMm: 3 }));
  put('again', blockFiles({ ...now, series: '4', description: 'Again', slices: 8, stepMm: 5 }));
  put('before', blockFiles({ study: '2', date: '20241001', frameOfReference: '2', series: '1', description: 'Thin', slices: 40, stepMm: 2, startMm: -11 }));
  files['film.dcm'] = filmFile(24, 80);
  files['cells.ome.tif'] = fluorescence({ side: 1024, levels: 3 });
  for (const [name, bytes] of sampleStudy('slide').files) files[name] = bytes;
  await page.evaluate((zip) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(zip), (letter) => letter.charCodeAt(0))], 'blocks.zip'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, Buffer.from(zipSync(files, { level: 0 })).toString('base64'));
  await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 5 && document.querySelector('.import .track') === null);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
});

async function open(words: string): Promise<void> {
  await page.keyboard.press('Control+1');
  await page.keyboard.press('Control+k');
  // What is typed before the palette has the cursor would be read as shortcuts.
  await page.waitForFunction(() => document.activeElement?.closest('[role=dialog]')?.querySelector('[role=combobox]') === document.activeElement);
  await page.keyboard.type(words);
  await page.locator('[role=option]', { hasText: 'TEST' }).or(page.locator('[role=option]', { hasText: 'SLIDE' })).or(page.locator('[role=option]', { hasText: 'slide' })).or(page.locator('[role=option]', { hasText: 'Cells' })).first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.viewport');
  await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
}

const ready = (cells: number): Promise<unknown> => page.waitForFunction((count) => document.querySelectorAll('.cell .viewport[data-ready]').length === count, cells);

/** Edges of what is bright on a cell's canvas, along the row and the column through the middle of it, to fractions of a pixel. */
const brightEdges = (cell = 0): Promise<{ x1: number; x2: number; y1: number; y2: number }> => page.evaluate((at) => {
  const canvas = document.querySelector(`[data-cell="${at}"] canvas.image`) as HTMLCanvasElement;
  const { width, height } = canvas;
  const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, width, height);
  // The first window shows −100 HU as black and 300 HU as white.
  const share = (x: number, y: number): number => (data[4 * (y * width + x)] as number) / 255;
  let [sumX, sumY, count] = [0, 0, 0];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (share(x, y) > 0.5) [sumX, sumY, count] = [sumX + x, sumY + y, count + 1];
  const [cx, cy] = [Math.round(sumX / count), Math.round(sumY / count)];
  const edges = (length: number, at: (i: number) => number): [number, number] => {
    let [sum, moment] = [0, 0];
    for (let i = 0; i < length; i++) {
      sum += at(i);
      moment += at(i) * (i + 0.5);
    }
    return [moment / sum - sum / 2, moment / sum + sum / 2];
  };
  const [x1, x2] = edges(width, (i) => share(i, cy));
  const [y1, y2] = edges(height, (i) => share(cx, i));
  return { x1, x2, y1, y2 };
}, cell);

const drawnBox = (): Promise<{ x1: number; x2: number; y1: number; y2: number }> => page.evaluate(() => {
  const { x, y, width, height } = (document.querySelector('[data-kind=rectangle] path.stroke') as SVGPathElement).getBBox();
  return { x1: x, y1: y, x2: x + width, y2: y + height };
});

const press = async (...keys: string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
  await page.waitForTimeout(250);
};

const near = (found: Record<string, number>, expected: Record<string, number>, within: number): void => {
  for (const [name, value] of Object.entries(expected)) expect(Math.abs((found[name] as number) - value), `${name}: ${found[name]} for ${value}`).toBeLessThan(within);
};

/** The thin series' slice through the block, with a rectangle drawn exactly around it. */
async function openBlock(): Promise<void> {
  await open('Block');
  await page.locator('.series', { hasText: 'Thin' }).first().click();
  await ready(1);
  await press('`', 'Home', 'Shift+ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown');
  await page.waitForFunction(() => document.querySelector('[data-slice="15"]') !== null);
}

describe('a frame', () => {
  let before: string;

  test('is drawn on by the mouse, and the length is that of the block', async () => {
    await openBlock();
    const edges = await brightEdges();
    const { left, top } = await page.locator('[data-cell="0"] canvas.image').evaluate((element) => element.getBoundingClientRect().toJSON() as { left: number; top: number });
    const y = Math.round(top + (edges.y1 + edges.y2) / 2);
    await press('d');
    await page.mouse.move(left + edges.x1, y);
    await page.mouse.down();
    await page.mouse.move(left + (edges.x1 + edges.x2) / 2, y, { steps: 3 });
    await page.mouse.move(left + edges.x2, y);
    await page.mouse.up();
    const text = await page.locator('[data-kind=length] .words').textContent();
    const truth = (block.x2 - block.x1) * blockImage.spacing;
    expect(Math.abs(Number.parseFloat(text ?? '') - truth) / truth).toBeLessThan(0.005);
    expect(text).toMatch(/ mm$/);
    await page.keyboard.press('Delete');
    expect(await page.locator('[data-drawing]').count()).toBe(0);
    await page.keyboard.press('Control+z');
    expect(await page.locator('[data-kind=length]').count()).toBe(1);
    await page.keyboard.press('Control+Shift+z');
    expect(await page.locator('[data-drawing]').count()).toBe(0);
    await press('Escape', 'Escape');
  });

  test('keeps a box on its pixels through zoom, turns and mirrors, to half a pixel', async () => {
    // Drawn by another window, as it were: exactly on the block's edges.
    const [studyId, frameId] = await page.evaluate(() => [document.querySelector('[data-study-id]')?.getAttribute('data-study-id') ?? '', document.querySelector('[data-cell="0"] [data-frame]')?.getAttribute('data-frame') ?? '']);
    const put = await page.evaluate(async ({ studyId: study, frameId: frame, box }) => {
      const annotation = { id: 'exact-box', frameId: frame, kind: 'rectangle', points: [{ x: box.x1, y: box.y1 }, { x: box.x2, y: box.y2 }], text: '', colour: '#5ce1ff', isLocked: false, isHidden: false, millimetres: null, changedAt: '' };
      return (await (await fetch('/call/annotations.change', { method: 'POST', body: JSON.stringify({ studyId: study, changes: [{ kind: 'put', annotation }] }) })).json()) as { ok: boolean };
    }, { studyId, frameId, box: block });
    expect(put).toMatchObject({ ok: true });
    await page.reload();
    await isReady(page);
    await page.keyboard.press('Control+1');
    await page.waitForSelector('[data-study]');
    await openBlock();
    await page.waitForSelector('[data-kind=rectangle]');
    before = await saved();
    for (const keys of [[], ['h'], ['r'], ['v'], ['+', '+', '+'], ['l', 'l'], ['-', 'h'], ['Space']]) {
      await press(...keys);
      near(await brightEdges(), await drawnBox(), 0.5);
    }
    await workstation.picture('viewer-box');
  });

  test('tells the statistics of the stored values, whatever window is on', async () => {
    await press('2');
    const words = await page.locator('[data-kind=rectangle] .words').textContent();
    expect(words).toContain('Mean 300.0 HU · SD 0.0');
    expect(words).toContain(`${(block.x2 - block.x1) * (block.y2 - block.y1)} px`);
    expect(words).toContain(`${(((block.x2 - block.x1) * (block.y2 - block.y1) * blockImage.spacing ** 2) / 100).toFixed(2)} cm²`);
    expect(await page.locator('[data-window]').getAttribute('data-window')).toBe('1500/-600');
  });

  test('has stored no other coordinates after all that', async () => expect(await saved()).toBe(before));

  test('names its edges from the geometry, and mirrors the names with it', async () => {
    const letters = (): Promise<(string | null)[]> => Promise.all(['left', 'right', 'top', 'bottom'].map((edge) => page.locator(`.letter.${edge}`).first().textContent()));
    await openBlock();
    await press('Space');
    expect(await letters()).toEqual(['R', 'L', 'A', 'P']);
    await press('h');
    expect(await letters()).toEqual(['L', 'R', 'A', 'P']);
    await press('r');
    expect(await letters()).toEqual(['P', 'A', 'L', 'R']);
    await press('Space');
  });

  test('hides who it is of by a key', async () => {
    await press('Shift+P');
    expect(await page.locator('.corner.person').first().isVisible()).toBe(false);
    await press('Shift+P');
    expect(await page.locator('.corner.person').first().isVisible()).toBe(true);
  });

  test('cannot have its locked drawing moved', async () => {
    await press('Shift+M');
    const row = page.locator('[data-row=exact-box]');
    await row.locator('[aria-label=Lock]').click();
    const box = await drawnBox();
    const { left, top } = await page.locator('[data-cell="0"] canvas.image').evaluate((element) => element.getBoundingClientRect().toJSON() as { left: number; top: number });
    await page.mouse.move(left + box.x1, top + (box.y1 + box.y2) / 2);
    await page.mouse.down();
    await page.mouse.move(left + box.x1 + 60, top + box.y1 + 40, { steps: 4 });
    await page.mouse.up();
    near(await drawnBox(), box, 0.01);
    await row.locator('[aria-label=Unlock]').click();
    // Jumping to it brings it into the middle, from wherever.
    await press('End');
    await row.locator('.jump').click();
    await page.waitForFunction(() => document.querySelector('[data-slice="15"]') !== null);
    await page.waitForTimeout(400);
    const middle = await drawnBox();
    const size = await page.locator('[data-cell="0"] canvas.image').evaluate((element) => ({ x: element.clientWidth / 2, y: element.clientHeight / 2 }));
    near({ x: (middle.x1 + middle.x2) / 2, y: (middle.y1 + middle.y2) / 2 }, size, 1);
    await workstation.picture('viewer-drawings');
    await press('Shift+M');
  });
});

const saved = (): Promise<string> => page.evaluate(async () => {
  const studyId = document.querySelector('[data-study-id]')?.getAttribute('data-study-id') ?? '';
  return (await fetch('/call/annotations.list', { method: 'POST', body: JSON.stringify({ studyId }) })).text();
});

describe('several cells', () => {
  test('that are linked take a preset together and scroll through the patient together', async () => {
    await openBlock();
    await press('Space', 'Alt+2');
    await ready(2);
    await press('3');
    expect(await page.locator('[data-window]').evaluateAll((all) => all.map((one) => one.getAttribute('data-window')))).toEqual(['2500/480', '2500/480']);
    for (const at of [0, 7, 20, 38]) {
      await press('Home');
      for (let i = 0; i < Math.floor(at / 10); i++) await page.keyboard.press('Shift+ArrowDown');
      for (let i = 0; i < at % 10; i++) await page.keyboard.press('ArrowDown');
      await page.waitForFunction((slice) => document.querySelector(`[data-cell="0"] [data-slice="${slice}"]`) !== null, at);
      const other = Number(await page.locator('[data-cell="1"] [data-slice]').getAttribute('data-slice'));
      expect(Math.abs(other * 8 - Math.min(72, at * 2))).toBeLessThanOrEqual(4);
    }
    expect(await page.locator('[data-cell="1"] [data-link]').getAttribute('data-link')).toBe('space');
    await workstation.picture('viewer-linked');
  });

  test('take a series that is dragged into them, and one is shown alone by a double click', async () => {
    await press('Alt+3');
    for (const [at, name] of ['Again', 'Elsewhere', 'Thick', 'Thin'].entries()) {
      await page.locator('.series', { hasText: name }).first().dragTo(page.locator(`[data-cell="${at}"]`));
      await page.locator(`[data-cell="${at}"] .corner.top-right`, { hasText: name }).waitFor();
    }
    await ready(4);
    await page.waitForSelector('[data-cell="3"] .viewport[data-ready]');
    // One key, and all four have it before anything is scrolled.
    await press('2');
    expect(await page.locator('[data-window]').evaluateAll((all) => all.map((one) => one.getAttribute('data-window')))).toEqual(Array(4).fill('1500/-600'));
    // Of another frame of reference: it stays where it is, and says why.
    const elsewhere = page.locator('[data-cell="1"]');
    expect(await elsewhere.locator('[data-link]').getAttribute('data-link')).toBe('none');
    expect(await elsewhere.locator('[data-link]').getAttribute('title')).toContain('share no frame of reference');
    const before = await elsewhere.locator('[data-slice]').getAttribute('data-slice');
    await press('Home', 'ArrowDown', 'ArrowDown');
    expect(await elsewhere.locator('[data-slice]').getAttribute('data-slice')).toBe(before);
    await page.locator('[data-cell="3"] canvas.image').dblclick();
    await page.waitForFunction(() => document.querySelectorAll('.cell').length === 1);
    await page.locator('.cell canvas.image').dblclick();
    await page.waitForFunction(() => document.querySelectorAll('.cell').length === 4);
    await press('Alt+1');
  });

  test('bring in the earlier study beside the new one, and follow it by hand', async () => {
    await openBlock();
    await page.locator('.prior-offer').waitFor();
    await press('p');
    await ready(2);
    expect(await page.locator('[data-cell="1"] .corner.top-right').textContent()).toContain('Earlier study');
    expect(await page.locator('[data-cell="1"] [data-link]').getAttribute('data-link')).toBe('hand');
    const slice = async (cell: number): Promise<number> => Number(await page.locator(`[data-cell="${cell}"] [data-slice]`).getAttribute('data-slice'));
    const [a, b] = [await slice(0), await slice(1)];
    await press('ArrowDown', 'ArrowDown', 'ArrowDown');
    expect([await slice(0), await slice(1)]).toEqual([a + 3, b + 3]);
    await workstation.picture('viewer-prior');
    await press('Alt+1');
  });
});

describe('three planes', () => {
  test('meet at the place that is clicked, to half a voxel', async () => {
    await openBlock();
    await press('Alt+4');
    await page.waitForFunction(() => document.querySelectorAll('[data-plane][data-ready]').length === 3);
    await page.waitForTimeout(400);
    const edges = await brightEdges(0);
    const { left, top } = await page.locator('[data-cell="0"] canvas.image').evaluate((element) => element.getBoundingClientRect().toJSON() as { left: number; top: number });
    // The middle of the block: 60 and 40 pixels of 0.8 mm; the first pixel's centre lies at 0.
    await page.mouse.click(left + (edges.x1 + edges.x2) / 2, top + (edges.y1 + edges.y2) / 2);
    await page.waitForTimeout(600);
    const places = await page.locator('[data-plane]').evaluateAll((all) => all.map((one) => one.getAttribute('data-place') ?? ''));
    expect(new Set(places).size).toBe(1);
    const [x, y, z] = places[0]!.split(',').map(Number) as [number, number, number];
    expect(Math.abs(x - (60 - 0.5) * 0.8)).toBeLessThan(0.4);
    expect(Math.abs(y - (40 - 0.5) * 0.8)).toBeLessThan(0.4);
    expect(Math.abs(z - 30)).toBeLessThan(1);
    // The coronal plane through it shows the block as wide as it is and as high as its slices.
    const coronal = await brightEdges(2);
    expect(Math.abs((coronal.x2 - coronal.x1) / (coronal.y2 - coronal.y1) - (40 * 0.8) / (block.to - block.from))).toBeLessThan(0.03);
    await workstation.picture('viewer-planes');
    await page.keyboard.press('Alt+1');
  });
});

describe('a film', () => {
  test('runs at the speed of its file', async () => {
    await open('Film');
    await ready(1);
    await page.waitForTimeout(1500);
    await press('c');
    const interval = await page.evaluate(async () => {
      const at = (): number => Number(document.querySelector('[data-slice]')?.getAttribute('data-slice'));
      const change = async (): Promise<number> => {
        const before = at();
        while (at() === before) await new Promise(requestAnimationFrame);
        return performance.now();
      };
      await change();
      const first = at();
      const start = performance.now();
      let [frames, last, time] = [0, first, start];
      while (frames < 36) {
        time = await change();
        frames += (at() - last + 24) % 24;
        last = at();
      }
      return (time - start) / frames;
    });
    expect(Math.abs(interval / 80 - 1)).toBeLessThan(0.05);
    await press('c');
    const stopped = await page.locator('[data-slice]').getAttribute('data-slice');
    await page.waitForTimeout(300);
    expect(await page.locator('[data-slice]').getAttribute('data-slice')).toBe(stopped);
  });
});

describe('a slide', () => {
  test('jumps to an objective, and its scale bar keeps to its scale', async () => {
    await open('slide');
    await page.waitForSelector('[data-slide] canvas');
    await page.waitForTimeout(1500);
    await press('4');
    await page.waitForTimeout(600);
    const { zoom, bar, label, text } = await page.evaluate(() => ({
      zoom: Number(document.querySelector('[data-zoom]')?.getAttribute('data-zoom')), bar: Number(document.querySelector('[data-bar]')?.getAttribute('data-bar')),
      label: document.querySelector('[data-bar] span')?.textContent ?? '', text: document.querySelector('[data-magnification]')?.textContent ?? '',
    }));
    expect(text).toBe('10×');
    const mppScreen = Number((await page.locator('.corner.bottom-left').textContent())?.match(/([\d.]+) µm\/px/)?.[1]);
    expect(Math.abs(mppScreen - 1)).toBeLessThan(0.01);
    const microns = label.endsWith('µm') ? Number.parseFloat(label) : Number.parseFloat(label) * (label.endsWith('mm') ? 1000 : 10_000);
    expect(Math.abs((bar * mppScreen) / microns - 1)).toBeLessThan(0.01);
    expect(zoom).toBeGreaterThan(0);
    await workstation.picture('viewer-slide');
  });

  test('stays under the pointer while the wheel enlarges it', async () => {
    const { left, top } = await page.locator('[data-slide]').evaluate((element) => element.getBoundingClientRect().toJSON() as { left: number; top: number });
    const pointer = { x: left + 420, y: top + 260 };
    await page.mouse.move(pointer.x, pointer.y);
    await press('o');
    await page.mouse.down();
    await page.mouse.move(pointer.x + 60, pointer.y + 50, { steps: 4 });
    await page.mouse.up();
    await press('m');
    const corner = (): Promise<{ x: number; y: number }> => page.evaluate(() => {
      const { x, y } = (document.querySelector('[data-kind=ellipse] path.stroke') as SVGPathElement).getBBox();
      return { x, y };
    });
    const zoom = async (): Promise<number> => Number(await page.locator('[data-zoom]').getAttribute('data-zoom'));
    const [start, first] = [await corner(), await zoom()];
    const still = { x: Math.round(pointer.x - left), y: Math.round(pointer.y - top) };
    await page.mouse.move(left + still.x, top + still.y);
    for (let i = 0; i < 10; i++) {
      await page.mouse.wheel(0, i < 5 ? -100 : 100);
      await page.waitForTimeout(450);
      // Everything moves away from the pointer and back to it; the pointer's own place stays.
      const grown = (await zoom()) / first;
      near(await corner(), { x: still.x + (start.x - still.x) * grown, y: still.y + (start.y - still.y) * grown }, 1);
    }
    expect(await page.locator('[data-kind=ellipse] .words').textContent()).toMatch(/µm²|mm²/);
    await workstation.picture('viewer-slide-drawing');
  });
});

describe('a fluorescence slide', () => {
  const pixels = (): Promise<readonly number[]> => page.evaluate(() => {
    const canvas = document.querySelector('[data-slide] .openseadragon-canvas canvas') as HTMLCanvasElement;
    const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, canvas.width, canvas.height);
    const sums = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sums[c] = (sums[c] as number) + (data[i + c] as number);
    return sums.map((sum) => sum / (data.length / 4));
  });
  const settled = async (): Promise<readonly number[]> => {
    await page.waitForSelector('[data-slide][data-complete]');
    await page.waitForTimeout(400);
    return pixels();
  };
  const channel = (name: string): ReturnType<Page['locator']> => page.locator('[data-channel]', { hasText: name });

  test('shows its channels together, each in its colour', async () => {
    await open('Cells');
    const [red, green, blue] = await settled() as [number, number, number];
    expect(await page.locator('[data-channel] .name').allTextContents()).toEqual(['DAPI', 'CD3', 'PanCK']);
    expect(blue).toBeGreaterThan(5);
    expect(green).toBeGreaterThan(1);
    expect(red).toBeGreaterThan(1);
    await workstation.picture('viewer-channels');
  });

  test('without one of them has other pixels and the same drawings', async () => {
    await press('b');
    const box = await page.locator('[data-slide]').boundingBox() as { x: number; y: number };
    await page.mouse.move(box.x + 300, box.y + 300);
    await page.mouse.down();
    await page.mouse.move(box.x + 380, box.y + 360, { steps: 4 });
    await page.mouse.up();
    const drawn = async (): Promise<string> => JSON.stringify([await page.locator('[data-kind=rectangle] path.stroke').getAttribute('d'), await saved()]);
    const [before, whole] = [await drawn(), await settled()];
    const patient = { timeout: 60_000 };
    await channel('CD3').locator('input[type=checkbox]').uncheck();
    await expect.poll(async () => (await settled())[1], patient).toBeLessThan(whole[1]! - 1);
    expect(await drawn()).toBe(before);
    await channel('CD3').locator('input[type=checkbox]').check();
    await expect.poll(settled, patient).toEqual(whole);
    // Another colour and another bound are seen too.
    await channel('PanCK').locator('input[type=color]').fill('#00ff00');
    await expect.poll(async () => (await settled())[0], patient).toBeLessThan(whole[0]! - 1);
    await page.getByRole('slider', { name: 'DAPI: full colour from' }).fill('1000');
    await expect.poll(async () => (await settled())[2], patient).toBeLessThan(whole[2]! / 2);
    await page.getByRole('button', { name: 'As in the file' }).click();
    await expect.poll(settled, patient).toEqual(whole);
    expect(await drawn()).toBe(before);
  });

  test('goes through its channels by a key', async () => {
    await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
    const checked = (): Promise<boolean[]> => page.locator('[data-channel] input[type=checkbox]').evaluateAll((all) => all.map((one) => (one as HTMLInputElement).checked));
    await press('Shift+Z');
    expect(await checked()).toEqual([true, false, false]);
    await press('Shift+Z');
    expect(await checked()).toEqual([false, true, false]);
    await settled();
    await workstation.picture('viewer-channel-alone');
    await press('Shift+Z', 'Shift+Z');
    expect(await checked()).toEqual([true, true, true]);
    await press('Shift+Q');
    expect(await page.locator('.channel-panel').count()).toBe(0);
    await press('Shift+Q');
  });
});

test('the page had no reason to complain', () => expect(workstation.complaints).toEqual([]));
