import { describe, expect, test } from 'vitest';
import { html } from '#electron/report/formats/html.ts';
import type { Report } from '#models/clinical/report.ts';
import { longReport, samplePictures, sampleReport, sampleSubject, withoutSubject } from '#tests/support/reports.ts';

async function written(report: Report): Promise<{ readonly page: string; readonly faults: readonly string[] }> {
  const pictures = samplePictures(report, 16);
  const files = await html.write(report, pictures);
  return { page: Buffer.from(files[0]!.bytes).toString('utf8'), faults: await html.readBack(files, report, pictures) };
}

describe('the page', () => {
  test('is read back whole, whatever the report', async () => {
    for (const report of [sampleReport(), sampleReport({ isSigned: true }), withoutSubject(sampleReport()), longReport(), sampleReport({ questions: [], boxes: [], findings: [], measurements: [], keyImages: [], comparison: null, sources: [] })]) {
      expect((await written(report)).faults).toEqual([]);
    }
  });
  test('forbids everything that it does not need, and needs nothing from elsewhere', async () => {
    const { page } = await written(sampleReport());
    expect(page).toMatch(/content="default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]{44}&#39;; img-src data:; base-uri &#39;none&#39;; form-action &#39;none&#39;"/);
    expect(page).not.toMatch(/<script|https?:|javascript:|<iframe|<link|\son\w+=/i);
  });
  test('shows both versions of what was edited, and what was rejected struck out', async () => {
    const { page } = await written(sampleReport());
    expect(page).toContain('<b class="details">The model wrote:</b> <i dir="auto">The opacity is about 60 mm high.</i>');
    expect(page).toContain('<s dir="auto">Blunting begins at 50 ml of fluid.</s>');
  });
  test('says that it is for research, and whether it is a draft', async () => {
    expect((await written(sampleReport())).page).toContain('data-watermark="DRAFT"');
    const { page } = await written(sampleReport({ isSigned: true }));
    expect(page).not.toContain('data-watermark="');
    expect(page).toContain('AI-generated · Research use only — not a medical device');
  });
  test('names nobody where the report does not', async () => {
    const { page } = await written(withoutSubject(sampleReport({ isSigned: true })));
    const data = Buffer.from(/base64,([\w+/=]+)">The report/.exec(page)![1]!, 'base64').toString();
    for (const part of [sampleSubject.patientName, sampleSubject.patientId, sampleSubject.accession]) expect(page + data).not.toContain(part);
  });
  test('is the same a second time', async () => expect((await written(sampleReport())).page).toBe((await written(sampleReport())).page));
});

describe('what comes from outside', () => {
  const hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>\' &lt;b&gt; {{7*7}} \u202edesrever\u202c\u0000';

  test('is text, wherever it stands', async () => {
    const base = sampleReport();
    const [question] = base.questions;
    const report = sampleReport({
      title: hostile, subject: { ...sampleSubject, patientName: hostile.replace('\u0000', ''), accession: hostile }, impression: hostile, limitations: [hostile],
      study: { ...base.study, description: hostile }, questions: [{ ...question!, text: hostile, answer: { ...question!.answer, text: hostile, reason: hostile } }],
      keyImages: base.keyImages.map((image) => ({ ...image, caption: hostile })), boxes: base.boxes.map((box) => ({ ...box, label: hostile })),
    });
    const { page, faults } = await written(report);
    expect(faults).toEqual([]);
    expect(page).not.toMatch(/<script|<img src|<b>/);
    expect(page).toContain('&quot;&gt;&lt;script&gt;alert(1)');
  });
  test('cannot hide or turn around what follows: signs that do stand as their code points', async () => {
    const { page } = await written(sampleReport({ impression: 'a\u202eb' }));
    expect(page).not.toContain('\u202e');
    expect(page).toContain('a<span class="point">‹U+202E›</span>b');
  });
  test('keeps every script as it is', async () => {
    expect((await written(sampleReport({ impression: '王小明 لا يوجد שלום 🫁 क्षत्रिय' }))).page).toContain('王小明 لا يوجد שלום 🫁 क्षत्रिय');
  });
});

test('reading back finds another report, another picture, missing words, and anything that could run or fetch', async () => {
  const report = sampleReport();
  const pictures = samplePictures(report, 16);
  const files = await html.write(report, pictures);
  const page = Buffer.from(files[0]!.bytes).toString('utf8');
  const said = async (changed: string, of = report, shown = pictures): Promise<string> => (await html.readBack([{ name: 'a.html', bytes: Buffer.from(changed) }], of, shown)).join(' ');
  expect(await said(page)).toBe('');
  expect(await said(page, { ...report, revision: 8 })).toContain('The report within the page is not the report.');
  expect(await said(page.replaceAll('about 60 mm', 'about 61 mm'))).toContain('The page lacks “The opacity is about 60 mm high.”');
  for (const part of ['<script>1</script>', '<img src="https://example.org/a.png">', '<p onclick="x()">a</p>', '<a href="javascript:1">a</a>', '<iframe></iframe>', '<']) {
    expect(await said(page.replace('<main>', `<main>${part}`))).toContain('The page holds more than text and pictures.');
  }
  expect(await said(page.replace('img-src data:', 'img-src *'))).toContain('does not forbid');
  expect(await said(page.replace(/<img [^>]*>/, ''))).toContain('1 pictures are in the page instead of 2.');
  const [first, second] = pictures.keyImages;
  const drawn = { ...first!.drawn, data: first!.drawn.data.map((value, i) => (i === 5 ? value ^ 1 : value)) };
  expect(await said(page, report, { ...pictures, keyImages: [{ ...first!, drawn }, second!] })).toContain('Key image 1 is not in the page as it was drawn.');
  expect(await html.readBack([], report, pictures)).toHaveLength(1);
});
