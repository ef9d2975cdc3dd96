/** The page in a real browser, from the library to an answer with its boxes. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { sampleStudy } from '#training/synthesis/samples.ts';
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

const study = (words: string): string => `[data-study]:has-text("${words}")`;
const scopeText = async (): Promise<string> => (await page.textContent('.ask-foot .scope')) ?? '';

/** Asks, and waits for an answer that is another than the one that stands there. */
async function ask(question: string): Promise<void> {
  const before = await page.getAttribute('[data-trace]', 'data-trace');
  await page.fill('#review-question', question);
  await page.click('.ask button[type=submit]');
  await page.waitForFunction((last) => ![null, undefined, last].includes(document.querySelector('[data-trace]')?.getAttribute('data-trace')), before);
}

/** Another film of the sample's patient, taken some months before: other texts of the same length in their place. */
function earlierFilm(): Uint8Array {
  const text = Buffer.from([...sampleStudy('chest-film', 8).files.values()][0] as Uint8Array).toString('latin1');
  return Buffer.from(text.replaceAll('20000101', '19990301').replaceAll('PHANTOM-FILM-8', 'PHANTOM-FILM-7'), 'latin1');
}

describe('the workstation', () => {
  test('opens with the sample studies in its library', async () => {
    await page.waitForSelector(study('Synthetic chest film'));
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length >= 10);
    expect(await page.textContent('.foot .research')).toMatch(/not a medical device/);
  });

  test('filters as the person types, and says when nothing fits', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('synthetic head');
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length === 1);
    await page.keyboard.type(' zebra');
    await page.waitForSelector('text=No study matches');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length >= 10);
    await page.keyboard.press('Escape');
  });

  test('is operated by keys alone: the palette finds a study and opens it', async () => {
    await page.keyboard.press('Control+k');
    await page.waitForSelector('[role=combobox]');
    await page.keyboard.type('chest film');
    await page.waitForSelector('[role=option]:has-text("PHANTOM, FILM")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewport[data-ready]');
    expect(await page.inputValue('#review-question')).toBe('Where are the lungs? Give boxes.');
  });

  test('shows the pixels that the file holds', async () => {
    await page.waitForTimeout(300);
    const bright = await page.evaluate(() => {
      const canvas = document.querySelector('canvas.image') as HTMLCanvasElement;
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, canvas.width, canvas.height);
      let sum = 0;
      for (let i = 0; i < data.length; i += 4) sum += data[i] as number;
      return sum / (data.length / 4);
    });
    expect(bright).toBeGreaterThan(20);
    expect(bright).toBeLessThan(220);
  });

  test('answers a question with step cards and boxes, each tied to the other', async () => {
    await page.click('.ask button[type=submit]');
    await page.waitForSelector('[data-trace]');
    expect(await page.locator('.step').count()).toBeGreaterThan(0);
    const mark = page.locator('[data-mark]').first();
    await mark.waitFor();
    // Each step lights its own box alone, and a box that is clicked brings its card into view.
    expect(await page.locator('[data-mark]').count()).toBe(2);
    await page.locator('.step[data-tied]').nth(1).hover();
    await page.waitForFunction(() => [...document.querySelectorAll('[data-mark]')].map((one) => one.hasAttribute('data-lit')).join() === 'false,true');
    await page.mouse.move(5, 5);
    await mark.locator('rect.label').hover();
    await page.waitForSelector('#step-0[data-lit]');
    await page.evaluate(() => ((document.querySelector('.answer-scroll') as HTMLElement).style.maxHeight = '120px'));
    await page.locator('.answer-scroll').evaluate((panel) => panel.scrollTo(0, panel.scrollHeight));
    await mark.locator('rect.label').click();
    await page.waitForFunction(() => {
      const [panel, card] = ['.answer-scroll', '#step-0'].map((selector) => (document.querySelector(selector) as HTMLElement).getBoundingClientRect());
      return panel !== undefined && card !== undefined && card.bottom > panel.top && card.top < panel.bottom;
    });
    await page.evaluate(() => ((document.querySelector('.answer-scroll') as HTMLElement).style.maxHeight = ''));
  });

  test('hides all model marks by a key, and shows them again', async () => {
    await page.mouse.click(1000, 15);
    await page.keyboard.press('g');
    await page.waitForFunction(() => document.querySelectorAll('[data-mark]').length === 0);
    await page.keyboard.press('g');
    await page.waitForSelector('[data-mark]');
    await page.keyboard.down('g');
    await page.waitForFunction(() => document.querySelectorAll('[data-mark]').length === 0);
    await page.waitForTimeout(500);
    await page.keyboard.up('g');
    await page.waitForSelector('[data-mark]');
  });

  test('checks what the answer stands on, region by region, and keeps it', async () => {
    await page.keyboard.press('Shift+E');
    await page.waitForSelector('[data-check]');
    expect(await page.locator('.evidence li[data-region]').count()).toBeGreaterThan(0);
    expect(await page.textContent('.evidence-badge')).toMatch(/moves with the image|Did not use the image/);
    await page.locator('.evidence li[data-region]').first().hover();
    await page.waitForSelector('[data-mark][data-lit]');
    await workstation.picture('evidence');
  });

  test('shows the picture that the network was given', async () => {
    await page.keyboard.press('y');
    await page.waitForSelector('.model-eye img[data-loaded]');
    await page.getByLabel('Show the patches').check();
    await page.waitForSelector('.model-eye svg path');
    const size = await page.locator('.model-eye img').evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]);
    expect(await page.textContent('.model-eye figcaption')).toContain(`${size[0]} × ${size[1]}`);
    await workstation.picture('eye');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.model-eye', { state: 'detached' });
  });

  test('asks about a place that one drag marks: named by its size, sent with its surroundings, and told by the record', async () => {
    await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press('Shift+A');
    const film = await page.locator('.viewport canvas.image').boundingBox();
    if (!film) throw new Error('There is no image.');
    await page.mouse.move(film.x + film.width * 0.34, film.y + film.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(film.x + film.width * 0.47, film.y + film.height * 0.6, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('.region-layer .sent');
    const named = /(\d+ × \d+) px of /.exec(await scopeText())?.[1];
    await ask('Is there an abnormality, and where?');
    expect(await page.textContent('.seen')).toContain(`region ${named ?? 'without a size'} at`);
    expect(await page.textContent('.engine-line')).toMatch(/loupe-base.*tokens\/s.*MB/);
    await workstation.picture('place');
    // Whether the answer points at nothing is the model's to decide.
    if (await page.locator('.locate button').count() === 0) return;
    await page.locator('.locate button').first().click();
    await page.waitForSelector('.locate[data-second]');
    expect(await page.textContent('.locate[data-second]')).toMatch(/^Second question: /);
  });

  test('knows that the study was asked about', async () => {
    await page.keyboard.press('Control+1');
    await page.waitForSelector(`${study('Synthetic chest film')} .status[data-status=asked]`);
  });

  test('takes what is dropped on it, and says what it left out and why', async () => {
    const film = earlierFilm();
    await page.evaluate((bytes) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], 'other-film.dcm'));
      transfer.items.add(new File(['Dear colleague'], 'letter.txt'));
      window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, Buffer.from(film).toString('base64'));
    await page.click('.import .text-button:has-text("1 left out")');
    await page.waitForSelector('.reasons li:has-text("letter.txt"):has-text("neither DICOM")');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelectorAll('[data-study]').length >= 11);
  });

  test('puts both studies into one question, each by its name, and shows each as the network was given it', async () => {
    await page.keyboard.press('Control+2');
    await page.waitForSelector('.prior-offer');
    await page.keyboard.press('p');
    await page.waitForFunction(() => document.querySelectorAll('.cell .viewport[data-ready]').length === 2);
    await page.keyboard.press('Shift+T');
    expect(await scopeText()).toBe('Synthetic chest film · earlier study of 01 Mar 1999, Synthetic chest film');
    await ask('Has anything changed since the earlier film?');
    expect((await page.locator('.seen li').allTextContents()).map((said) => said.slice(0, 17))).toEqual(['1 · current study', '2 · earlier study']);
    expect(await page.textContent('.grave')).toContain('The model was trained on one at a time.');
    await workstation.picture('studies');
    await page.locator('.stage-bar').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press('y');
    await page.waitForFunction(() => document.querySelectorAll('.model-eye img[data-loaded]').length === 2);
    await workstation.picture('studies-eye');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.model-eye', { state: 'detached' });
  });

  test('has no serious finding of accessibility on both screens', async () => {
    const source = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
    for (const key of ['Control+1', 'Control+2']) {
      await page.keyboard.press(key);
      await page.waitForTimeout(500);
      // Evaluated in the page's own world: the content security policy forbids scripts that are added.
      const serious = await page.evaluate(async (code) => {
         
        const { axe } = window as unknown as { axe?: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } };
        if (!axe) return [`axe is not there (${code.length})`];
        const { violations } = await axe.run();
        return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)}`);
      }, await loaded(source));
      expect(serious).toEqual([]);
    }
  });

  test('gave the page no reason to complain', () => expect(workstation.complaints).toEqual([]));

  test('opens its address once: a second browser is refused', async () => {
    const response = await fetch(workstation.address, { redirect: 'manual' });
    expect(response.status).toBe(401);
  });
});

/** Puts axe into the page through the debugger, which no policy of the page concerns. */
async function loaded(source: string): Promise<string> {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: source });
  await session.detach();
  return source;
}
