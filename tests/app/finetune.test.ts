/** Fine-tuning in a real browser: from the order of a run to its curves, what was tried, how it was judged, into use and back. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawCases } from '#electron/finetune/data.ts';
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
  writeFileSync(join(data, 'indexes.jsonl'), `${JSON.stringify({ path: drawCases(join(data, 'cases'), 60, 7) })}\n`);
  chooseBlindModel();
  workstation = await openWorkstation({ samples: false, dataFolder: data });
  ({ page } = workstation);
});
afterAll(async () => {
  await workstation?.close();
  await closeBrowser();
  rmSync(data, { recursive: true, force: true });
});

/** The model in use at the start: the built-in one with nothing left of what comes from the image, so that a run from the built-in one is better by its eyes alone. */
function chooseBlindModel(): void {
  const folder = join(data, 'models', 'blind');
  cpSync('models/weights/loupe-base', folder, { recursive: true });
  const path = join(folder, 'model.safetensors');
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, start).toString('utf8')) as Record<string, { data_offsets: [number, number] }>;
  for (const name of ['visual.merger.mlp.2.weight', 'visual.merger.mlp.2.bias']) {
    const [from, to] = header[name]!.data_offsets;
    bytes.fill(0, start + from, start + to);
  }
  writeFileSync(path, bytes);
  writeFileSync(join(folder, 'origin.json'), JSON.stringify({ name: 'blind', origin: 'imported', from: null, addedAt: '2025-06-01T00:00:00Z', addedBy: '', baseId: null, adapter: null, parity: null, selfTest: null }));
  writeFileSync(join(data, 'models.jsonl'), `${JSON.stringify({ id: 'blind', name: 'blind', since: '2025-06-01T00:00:00Z', by: '', how: 'chosen', runId: null, lineage: null })}\n`);
}

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
    await page.selectOption('.wizard select >> nth=1', { label: 'cases/index.jsonl' });
    await page.waitForSelector('text=40 to learn from, 20 to judge on');
    await page.selectOption('.wizard select >> nth=2', 'built-in');
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

  test('judges the model and the one in use by the same questions, over true, blank and swapped pictures', async () => {
    await page.keyboard.press('3');
    await page.waitForSelector('text=Not judged yet');
    await page.click('button:has-text("Judge it")');
    // Two models answer some hundred questions.
    await page.waitForSelector('[data-table=answers] tbody tr, .notice[data-tone=bad]', { timeout: 400_000 });
    const head = await page.locator('[data-table=answers] thead th').allTextContents();
    expect(head).toEqual(expect.arrayContaining(['Modality', 'Question', 'True picture', 'Blank', 'Swapped']));
    const cells = await page.evaluate(() => [...document.querySelectorAll('[data-table=answers] tbody tr')].map((one) => [...one.children].map(({ textContent }) => textContent ?? '')));
    expect(new Set(cells.map(([modality]) => modality)).size).toBeGreaterThan(3);
    // Each row: modality, question, count, and both models' shares over the three kinds of pictures.
    for (const row of cells) expect(row.slice(3)).toEqual(Array.from({ length: 6 }, (): unknown => expect.stringMatching(/^(?:–|[\d.]+ %)$/)));
    expect(await page.getAttribute('.gate-verdict', 'data-decision')).toBe('promoted');
    expect(await page.textContent('[data-table=gate]')).toContain('reliance');
    await workstation.picture('finetune-evaluation');
  }, 420_000);

  test('takes the better model into use, and rolls back by one click', async () => {
    await page.click('button:has-text("Take into use")');
    await page.waitForSelector('.notice:has-text("First answers from now on")');
    await page.keyboard.press('4');
    await page.waitForSelector('[data-table=history] tr:first-child:has-text("First")');
    await workstation.picture('finetune-model');
    await page.click('button:has-text("Roll back")');
    await page.waitForSelector('[data-table=history] tr:first-child:has-text("rolled back to")');
    expect(await page.textContent('.gate-verdict')).toContain('blind');
  });

  test('stops a run for good, and what was not judged is not promoted', async () => {
    await page.click('button:has-text("Another like this")');
    await page.fill('.wizard input[type=text]', 'Second');
    await page.click('.wizard button[type=submit]');
    await page.waitForSelector(`${state('running')}:has-text("Second")`);
    await page.keyboard.press('Shift+S');
    await page.waitForSelector(`${state('stopped')}:has-text("Second")`);
    expect(await page.locator('button:has-text("Resume")').count()).toBe(0);
    const reply = await page.evaluate(async () => {
      const call = async (method: string, argument: unknown): Promise<unknown> => {
        const response = await fetch(`/call/${method}`, { method: 'POST', body: JSON.stringify(argument) });
        return response.json() as Promise<unknown>;
      };
      const { value } = await call('finetune.runs', null) as { value: { runs: { id: string; plan: { name: string } }[] } };
      return call('finetune.promote', { runId: value.runs.find(({ plan }) => plan.name === 'Second')?.id });
    });
    expect(reply).toMatchObject({ ok: false, fault: { code: 'promote.refused' } });
  });

  test('gave the page no reason to complain', () => expect(workstation.complaints).toEqual([]));
});
