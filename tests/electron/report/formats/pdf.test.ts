import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { pdf } from '#electron/report/formats/pdf.ts';
import { readPdf, type PdfText } from '#electron/report/formats/pdfRead.ts';
import { wordingOf } from '#electron/report/formats/wording.ts';
import type { Report } from '#models/clinical/report.ts';
import { longReport, samplePictures, sampleReport, sampleSubject, withoutSubject } from '#tests/support/reports.ts';

interface Written {
  readonly report: Report;
  readonly bytes: Uint8Array;
  readonly read: PdfText;
  /** All that is read aloud. */
  readonly text: string;
  readonly faults: readonly string[];
}

async function written(report: Report): Promise<Written> {
  const pictures = samplePictures(report, 24);
  const files = await pdf.write(report, pictures);
  const bytes = files[0]!.bytes;
  const read = readPdf(bytes);
  return { report, bytes, read, text: read.pages.map(({ text }) => text).join('\n'), faults: await pdf.readBack(files, report, pictures) };
}

describe('a draft', () => {
  let draft: Written;
  beforeAll(async () => {
    draft = await written(sampleReport());
  });

  test('reads as it should, page by page and tag by tag', async () => {
    const pages = draft.read.pages.map(({ text, around }, i) => `--- page ${i + 1}\n${text}\n--- around it\n${around}`).join('\n');
    await expect(`${pages}\n--- structure\n${draft.read.tags.join('\n')}\n`).toMatchFileSnapshot('../../../golden/report/draft.pdf.txt');
  });
  test('is read back whole', () => expect(draft.faults).toEqual([]));
  test('is the same bytes a second time', async () => expect(Buffer.from((await written(sampleReport())).bytes).equals(Buffer.from(draft.bytes))).toBe(true));
  test('says DRAFT, that it is for research, which report it is and its number on every page', () => {
    for (const [i, { around }] of draft.read.pages.entries()) {
      for (const part of ['DRAFT', 'AI-generated · Research use only — not a medical device', `Report ${draft.report.id}, version 1`, `Page ${i + 1} of ${draft.read.pages.length}`, 'Sample, Alpha · ID S-0001']) expect(around).toContain(part);
    }
  });
  test('shows what was edited in both versions, and what was rejected as rejected', () => {
    const text = draft.text.replace(/[^\S\n]+/g, ' ');
    expect(text).toContain('2. Measurement Edited by Reader One, 2026-01-02 10:08 UTC\nThe opacity is 41 mm high.\nThe model wrote: The opacity is about 60 mm high.\nReason: Measured on the film.');
    expect(text).toContain('3. Knowledge Rejected by Reader One');
    expect(text).toContain('4. Comparison Added by Reader One');
  });
  test('describes each picture for those who do not see it', () => expect(draft.read.figures).toEqual([
    'Key image 1. The effusion. Film 1 of 2. Marked: R1 Effusion; R2 Opacity; M1 Height of the opacity: Length 41.0 mm. Hidden here: M2.',
    'Key image 2. The earlier film. Film 2 of 2; window soft tissue, centre 40, width 400. Nothing is marked.',
  ]));
  test('is tagged, in a language, under a title that names nobody, with heads of tables', () => {
    expect(draft.read).toMatchObject({ isTagged: true, language: 'en', title: `Reasoning report ${draft.report.id}, version 1` });
    expect(draft.read.tags.filter((tag) => tag.trim() === 'TH').length).toBeGreaterThan(20);
    const source = Buffer.from(draft.bytes).toString('latin1');
    for (const part of ['/DisplayDocTitle true', '<pdfuaid:part>1</pdfuaid:part>', '<pdfaid:part>3</pdfaid:part>', '/Tabs /S', '/Scope /Column', '/AFRelationship /Source', '/FontFile2']) expect(source).toContain(part);
    expect(source).not.toContain('/Helvetica');
  });
  test('is read by other programs too', ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'loupe-pdf-'));
    try {
      const file = join(folder, 'draft.pdf');
      writeFileSync(file, draft.bytes);
      const tries = [['pdftotext', '-layout', file, '-'], ['gs', '-q', '-dBATCH', '-dNOPAUSE', '-dPDFSTOPONERROR', '-sDEVICE=txtwrite', '-sOutputFile=-', file]];
      const results = tries.map(([name, ...words]) => spawnSync(name!, words, { encoding: 'utf8' })).filter(({ error }) => error === undefined);
      if (results.length === 0) skip('Neither pdftotext nor gs is installed.');
      for (const { status, stdout } of results) {
        expect(status).toBe(0);
        for (const part of [draft.report.id, 'Research use only', 'No pneumothorax']) expect(stdout.replace(/\s+/g, ' ')).toContain(part);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('a report that stands', () => {
  test('has its signature and no watermark', async () => {
    const { text, read, faults } = await written(sampleReport({ isSigned: true }));
    expect(faults).toEqual([]);
    expect(text).toContain('Signed by Reader One (radiologist), 2026-01-02 10:12 UTC.');
    expect(text).toContain('I have verified the identity, the images and the measurements of this report.');
    expect(read.pages.map(({ around }) => around).join()).not.toContain('DRAFT');
  });
  test('says across every page when a later version took its place', async () => {
    const { read, text } = await written(sampleReport({ isSigned: true, status: 'superseded' }));
    expect(read.pages.every(({ around }) => around.includes('SUPERSEDED'))).toBe(true);
    expect(text).toContain('Superseded by a later version: not to be acted on.');
  });
  test('can be given without who it is about', async () => {
    const { read, text, faults } = await written(withoutSubject(sampleReport({ isSigned: true })));
    expect(faults).toEqual([]);
    const all = text + read.pages.map(({ around }) => around).join() + Buffer.from(read.attachments.get('report.json')!).toString();
    for (const part of [sampleSubject.patientName, sampleSubject.patientId, sampleSubject.accession]) expect(all).not.toContain(part);
    expect(text).toContain('Withheld');
  });
});

describe('a long report', () => {
  let long: Written;
  beforeAll(async () => {
    long = await written(longReport());
  });

  test('is read back whole', () => {
    expect(long.read.pages.length).toBeGreaterThan(40);
    expect(long.faults).toEqual([]);
  });
  test('leaves no heading alone at the foot of a page', () => {
    const headings = new Set(wordingOf(long.report).blocks.flatMap((block) => (block.kind === 'heading' ? [block.text] : [])));
    expect(long.read.pages.map(({ text }) => text.split('\n').at(-1)!).filter((line) => headings.has(line))).toEqual([]);
  });
  test('repeats the heads of its tables for the eye, and reads them aloud once', () => {
    const pages = long.read.pages.filter(({ text }) => /^M\d+\n?Height \d+/m.test(text));
    expect(pages.length).toBeGreaterThan(4);
    expect(pages.slice(1).every(({ around }) => around.includes('No.'))).toBe(true);
    expect(long.read.pages.filter(({ text }) => text.includes('Scale')).length).toBe(1);
  });
  test('never leaves one line of a paragraph alone on a page', async () => {
    for (const count of [50, 57, 64]) {
      const lines = Array.from({ length: count }, (_, i) => `Line ${i} of the impression.`).join('\n');
      const { read } = await written(sampleReport({ impression: lines }));
      const on = read.pages.map(({ text }) => text.split('\n').filter((line) => /^Line \d+ of/.test(line)).length).filter((found) => found > 0);
      expect(on.length).toBeGreaterThan(1);
      expect(Math.min(...on)).toBeGreaterThan(1);
    }
  });
});

describe('letters that the font lacks', () => {
  const subject = { ...sampleSubject, patientName: '王小明' };

  test('stand as their code points, are counted on the first page, and are kept as they were written', async () => {
    const { read, text, bytes, faults } = await written(sampleReport({ subject }));
    expect(faults).toEqual([]);
    expect(text).toContain('‹U+738B›‹U+5C0F›‹U+660E›');
    expect(text).toContain('characters have no sign in this document\'s font');
    expect(Buffer.from(read.attachments.get('report.json')!).toString()).toContain('王小明');
    // A reader that copies or speaks the text finds the character itself: UTF-16 of U+738B.
    expect(streamsOf(bytes).some((stream) => stream.includes('/ActualText (\xfe\xff\x73\x8b)'))).toBe(true);
  });
  test('are never drawn as the empty box', async () => {
    const { read, text } = await written(sampleReport({ impression: 'a\u202eb \ud83e\udec1 क \u200b\u0301 ≥ 5 µm ½ → α Ω ﷺ שלום \u0007', subject: { ...subject, patientName: 'ﬁ\u0000' } }));
    expect(text + read.pages.map(({ around }) => around).join()).not.toContain('\u0000');
    expect(text).toContain('a‹U+202E›b ‹U+1FAC1›');
    expect(text).toContain('≥ 5 µm ½ → α Ω');
  });
  test('are refused, and said why, where there are too many to be read', async () => {
    const report = sampleReport({ impression: 'لا يوجد استرواح في الصدر. '.repeat(20) });
    expect(pdf.unsuitable(report, samplePictures(report, 8))).toContain('no sign in the PDF\'s font');
    await expect(pdf.write(report, samplePictures(report, 8))).rejects.toMatchObject({ code: 'report.unsuitable' });
  });
});

describe('what comes from outside', () => {
  test('cannot break the file', async () => {
    const { faults, text } = await written(sampleReport({ title: ')>> endobj <</Type /Catalog <script>&"', subject: { ...sampleSubject, patientName: '\\(\\)) /EMC BT <0000> Tj \\' } }));
    expect(faults).toEqual([]);
    expect(text).toContain(')>> endobj <</Type /Catalog <script>&"');
  });
  test('is shown at any length', async () => {
    const { faults } = await written(sampleReport({ impression: `${'x'.repeat(3000)} ${'word '.repeat(3000)}`, limitations: ['y '.repeat(4000)] }));
    expect(faults).toEqual([]);
  });
});

describe('reading back', () => {
  test('finds another report, another picture, and bytes that are cut or changed', async () => {
    const report = sampleReport();
    const pictures = samplePictures(report, 24);
    const files = await pdf.write(report, pictures);
    const said = async (bytes: Uint8Array, { of = report, shown = pictures } = {}): Promise<string> => (await pdf.readBack([{ name: 'a.pdf', bytes }], of, shown)).join(' ');
    const { bytes } = files[0]!;
    expect(await said(bytes)).toBe('');
    expect(await said(bytes, { of: { ...report, impression: 'Nothing.' } })).toContain('report.json within the PDF is not the report.');
    expect(await said(bytes, { of: { ...report, impression: 'Nothing.' } })).toContain('The PDF lacks “Nothing.”');
    const [first, second] = pictures.keyImages;
    const drawn = { ...first!.drawn, data: first!.drawn.data.map((value, i) => (i === 5 ? value ^ 1 : value)) };
    expect(await said(bytes, { shown: { ...pictures, keyImages: [{ ...first!, drawn }, second!] } })).toContain('Key image 1 is not in the PDF as it was drawn.');
    expect(await said(bytes.subarray(0, bytes.length - 200))).toContain('The PDF cannot be read');
    expect(await said(Buffer.from('no PDF'))).toContain('it does not begin as one');
    expect(await pdf.readBack([], report, pictures)).toHaveLength(1);
  });
  test('says something of every kind of damage, and never breaks', async () => {
    const report = sampleReport();
    const pictures = samplePictures(report, 24);
    const { bytes } = (await pdf.write(report, pictures))[0]!;
    for (let at = 37; at < bytes.length; at += 9001) {
      const changed = Uint8Array.from(bytes);
      changed[at] = changed[at]! ^ 0x55;
      for (const damaged of [changed, bytes.subarray(0, at)]) expect(Array.isArray(await pdf.readBack([{ name: 'a.pdf', bytes: damaged }], report, pictures))).toBe(true);
    }
  });
});


function streamsOf(bytes: Uint8Array): readonly string[] {
  const source = Buffer.from(bytes);
  const found: string[] = [];
  for (let at = source.indexOf('\nstream\n'); at >= 0; at = source.indexOf('\nstream\n', at + 1)) {
    try {
      found.push(inflateSync(source.subarray(at + 8)).toString('latin1'));
    } catch {
      // Metadata is not packed.
    }
  }
  return found;
}
