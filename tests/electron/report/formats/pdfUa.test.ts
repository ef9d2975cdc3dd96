/** The machine-checkable conditions of PDF/UA-1 (ISO 14289-1; the Matterhorn Protocol's checkpoints in brackets), from the file's own objects: no validator of it can be installed here. */
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { pdf } from '#electron/report/formats/pdf.ts';
import { readPdf } from '#electron/report/formats/pdfRead.ts';
import type { Report } from '#models/clinical/report.ts';
import { longReport, samplePictures, sampleReport, withoutSubject } from '#tests/support/reports.ts';

interface Parsed {
  /** What stands before a stream, by number. */
  readonly objects: ReadonlyMap<number, string>;
  readonly streams: ReadonlyMap<number, Buffer>;
  readonly tags: readonly string[];
}

async function parsed(report: Report): Promise<Parsed> {
  const [file] = await pdf.write(report, samplePictures(report));
  const text = Buffer.from(file?.bytes ?? []).toString('latin1');
  const objects = new Map<number, string>();
  const streams = new Map<number, Buffer>();
  for (const match of text.matchAll(/(?:^|\n)(\d+) 0 obj\n([\s\S]*?)\n(?:stream\n|endobj)/g)) {
    const [all, number = '', body = ''] = match;
    objects.set(Number(number), body);
    const length = Number(/\/Length (\d+)/.exec(body)?.[1] ?? NaN);
    if (all.endsWith('stream\n') && Number.isFinite(length)) {
      const start = match.index + all.length;
      const bytes = Buffer.from(text.slice(start, start + length), 'latin1');
      streams.set(Number(number), /\/FlateDecode/.test(body) ? inflateSync(bytes) : bytes);
    }
  }
  return { objects, streams, tags: readPdf(file?.bytes ?? new Uint8Array()).tags };
}

const reports: readonly (readonly [string, () => Report])[] = [['a signed report', () => sampleReport({ isSigned: true })], ['a copy without the subject', () => withoutSubject(sampleReport({ isSigned: true }))], ['a draft of many pages', longReport]];

describe.each(reports)('%s', (_, made) => {
  let objects: Parsed['objects'];
  let streams: Parsed['streams'];
  let tags: readonly string[];
  beforeAll(async () => {
    ({ objects, streams, tags } = await parsed(made()));
  });
  const all = (pattern: RegExp): readonly string[] => [...objects.values()].filter((body) => pattern.test(body));
  const one = (pattern: RegExp): string => all(pattern)[0] ?? '';
  const target = (body: string, name: string): string => objects.get(Number(new RegExp(`/${name} (\\d+) 0 R`).exec(body)?.[1] ?? NaN)) ?? '';
  const streamOf = (body: string, name: string): string => streams.get(Number(new RegExp(`/${name} (\\d+) 0 R`).exec(body)?.[1] ?? NaN))?.toString('latin1') ?? '';
  const elements = (kind: string): readonly string[] => all(new RegExp(`/S /${kind}\\b`));

  test('says that it is tagged, in which language, and shows its title [05, 06, 07, 11]', () => {
    const catalog = one(/\/Type \/Catalog/);
    expect([target(catalog, 'MarkInfo'), /\/Lang \(en\)/.test(catalog), target(catalog, 'ViewerPreferences')]).toEqual([expect.stringContaining('/Marked true'), true, expect.stringContaining('/DisplayDocTitle true')]);
    expect(streamOf(catalog, 'Metadata')).toMatch(/<pdfuaid:part>1<\/pdfuaid:part>[\s\S]*/);
    expect(streamOf(catalog, 'Metadata')).toMatch(/<dc:title>[\s\S]*Reasoning report/);
  });
  test('has a structure tree with a parent tree, and pages that are read in its order [01, 09, 28]', () => {
    const root = target(one(/\/Type \/Catalog/), 'StructTreeRoot');
    expect([root.includes('/Type /StructTreeRoot'), /\/ParentTree (?:\d+ 0 R|<<)/.test(root), /\/K /.test(root)]).toEqual([true, true, true]);
    const pages = all(/\/Type \/Page\n/);
    expect(pages.length).toBeGreaterThan(0);
    expect(pages.filter((page) => !/\/Tabs \/S\b/.test(page))).toEqual([]);
    const parents = pages.map((page) => /\/StructParents (\d+)/.exec(page)?.[1]);
    expect([parents.includes(undefined), new Set(parents).size]).toEqual([false, pages.length]);
  });
  test('uses standard types alone, tables of rows of cells, and lists of items [02, 15, 16]', () => {
    const known = new Set('Document Part Sect Div H1 H2 H3 P L LI Lbl LBody Table THead TBody TR TH TD Figure Caption Span Link Note Code BlockQuote'.split(' '));
    expect(tags.map((tag) => tag.trim().split(' ')[0] ?? '').filter((tag) => !known.has(tag))).toEqual([]);
    const parents: string[] = [];
    const inside = tags.map((tag) => {
      const depth = (/^ */.exec(tag)?.[0].length ?? 0) / 2;
      const name = tag.trim().split(' ')[0] ?? '';
      parents[depth] = name;
      return [parents[depth - 1] ?? '', name] as const;
    });
    const allowed: Readonly<Record<string, readonly string[]>> = { TR: ['Table', 'THead', 'TBody'], TH: ['TR'], TD: ['TR'], LI: ['L'], LBody: ['LI'], Lbl: ['LI'], THead: ['Table'], TBody: ['Table'] };
    expect(inside.filter(([parent, name]) => allowed[name]?.includes(parent) === false)).toEqual([]);
    expect(elements('TH').filter((cell) => !/\/Scope \/(?:Row|Column|Both)/.test(cell))).toEqual([]);
  });
  test('leaves out no level of heading and has one of the first [14]', () => {
    const levels = tags.flatMap((tag) => /^ *H(\d)/.exec(tag)?.[1] ?? []).map(Number);
    expect([levels[0], levels.filter((level) => level === 1).length, levels.filter((level, i) => i > 0 && level > (levels[i - 1] as number) + 1)]).toEqual([1, 1, []]);
  });
  test('describes each picture in words [13]', () => {
    const figures = elements('Figure');
    expect([figures.length > 0, figures.filter((figure) => !/\/Alt (?:\((?!\))|<(?!>|feff>))/i.test(figure))]).toEqual([true, []]);
  });
  test('has every font within, with the letters that its signs stand for [10, 31]', () => {
    const fonts = all(/\/Type \/Font\n/);
    const composite = fonts.filter((font) => /\/Subtype \/Type0/.test(font));
    expect([composite.length > 0, fonts.filter((font) => !/\/Subtype \/(?:Type0|CIDFontType2)/.test(font))]).toEqual([true, []]);
    for (const font of composite) expect(streamOf(font, 'ToUnicode')).toContain('begincmap');
    const descriptors = all(/\/Type \/FontDescriptor/);
    expect([descriptors.length, descriptors.filter((descriptor) => !/\/FontFile2 \d+ 0 R/.test(descriptor))]).toEqual([composite.length, []]);
  });
  test('draws nothing that is neither part of the tree nor marked as an artifact [01-003]', () => {
    for (const page of all(/\/Type \/Page\n/)) {
      let depth = 0;
      let isLoose = false;
      // Strings of text hold anything: taken out before operators are looked for.
      const content = streamOf(page, 'Contents').replace(/<[0-9a-fA-F\s]*>(?!>)/g, '<>').replace(/\((?:[^()\\]|\\.)*\)/g, '()');
      for (const [operator] of content.matchAll(/(?<![\w/])(?:BDC|BMC|EMC|TJ|Tj|Do)(?!\w)/g)) {
        if (operator === 'BDC' || operator === 'BMC') depth++;
        else if (operator === 'EMC') depth--;
        else if (depth === 0) isLoose = true;
      }
      expect([depth, isLoose]).toEqual([0, false]);
    }
  });
  test('names its attachment and says what it is', () => expect(one(/\/Type \/Filespec/)).toMatch(/\/F \(report\.json\)[\s\S]*\/UF \(report\.json\)|\/UF \(report\.json\)[\s\S]*\/F \(report\.json\)/));
});
