/** The report as a web page, in a real browser: nothing is fetched, nothing runs, nothing is refused, and the pictures are there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { launchChromium } from '#electron/commands/bench/chromium.ts';
import { html } from '#electron/report/formats/html.ts';
import { samplePictures, sampleReport, sampleSubject } from '#tests/support/reports.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a report with a hostile name opens, shows itself whole and asks for nothing', async () => {
  const report = sampleReport({ isSigned: true, subject: { ...sampleSubject, patientName: '"><img src=x onerror=alert(1)><script>alert(1)</script>' } });
  const [file] = await html.write(report, samplePictures(report, 64));
  const path = join(folder, 'report.html');
  writeFileSync(path, file!.bytes);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1000, height: 1300 } });
    const said: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('dialog', (dialog) => said.push(dialog.message()));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(path).href);
    expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(path).href]);
    expect(said).toEqual([]);
    expect(await page.locator('img').evaluateAll((images) => images.map((image) => (image as unknown as { readonly naturalWidth: number }).naturalWidth))).toEqual([128, 128]);
    expect(await page.locator('header').innerText()).toContain('<script>alert(1)</script>');
    // The style holds: a browser that refused it would show the banner where it stands in the text.
    expect(await page.locator('.banner').evaluate((banner) => (globalThis as unknown as { getComputedStyle(of: unknown): { readonly position: string } }).getComputedStyle(banner).position)).toBe('sticky');
  } finally {
    await browser.close();
  }
});
