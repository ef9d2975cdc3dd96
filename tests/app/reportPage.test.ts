/** The report as a web page, in a real browser: nothing is fetched, nothing runs, nothing is refused, and the pictures are there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { launchChromium } from '#electron/commands/bench/chromium.ts';
import { html } from '#electron/report/formats/html.ts';
import { keyPictures } from '#electron/report/pictures.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePng } from '#models/imaging/png.ts';
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

test('a key image is light up to its edges, whatever the size and density of the window', async () => {
  const sizes = [{ width: 480, height: 560 }, { width: 511, height: 300 }, { width: 97, height: 1009 }];
  const report = { ...sampleReport(), keyImages: sizes.map((_, i) => ({ ...sampleReport().keyImages[0]!, id: `k${i}`, overlays: [] })) };
  const white = ({ width, height }: { readonly width: number; readonly height: number }): Picture => ({ width, height, data: new Uint8Array(width * height * 3).fill(255) });
  const keyImages = await keyPictures(report, ({ id }) => Promise.resolve({ picture: white(sizes[Number(id.slice(1))]!), toSource: { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 } }));
  const [file] = await html.write(report, { keyImages, images: [] });
  const path = join(folder, 'edges.html');
  writeFileSync(path, file!.bytes);
  const browser = await launchChromium();
  const dark: string[] = [];
  try {
    for (const density of [1, 1.25]) {
      const page = await browser.newPage({ deviceScaleFactor: density });
      await page.goto(pathToFileURL(path).href);
      for (const width of [340, 733, 1001]) {
        await page.setViewportSize({ width, height: 900 });
        for (const at of [0, 1, 2]) {
          const image = page.locator('img').nth(at);
          const { width: wide, height: high, data } = decodePng(await image.screenshot());
          const row = Math.floor(high / 3);
          const line = Array.from({ length: wide }, (_, x) => data[3 * (row * wide + x)]!);
          // Narrower pictures stand in the middle of their card, as far from its left edge as from its right.
          // Where a picture begins between two pixels of the screen, the outermost one is the page's.
          const [left, right] = [line.findIndex((value, x) => x >= 2 && value > 200), wide - 1 - line.findLastIndex((value, x) => x < wide - 2 && value > 200)];
          if (Math.abs(left - right) > 2 || (at < 2 && right > 2)) dark.push(`${width} at ${density}, image ${at}: ${left} and ${right} of ${wide}`);
        }
      }
      await page.close();
    }
  } finally {
    await browser.close();
  }
  expect(dark).toEqual([]);
});
