/** The report as a tagged PDF on A4: read aloud in order, its fonts and the report itself within, the same bytes for the same report. */
import { deflateSync } from 'node:zlib';
import { asJson, canonical } from '#electron/audit/canonical.ts';
import { Fault } from '#models/base/fault.ts';
import type { Report } from '#models/clinical/report.ts';
import { filteredRows } from './bitmaps.ts';
import { fileName, type Bitmap, type KeyPicture, type ReportFormat } from './format.ts';
import { body, isShowable, openPages, page, useStyle, type Column, type Element, type Line, type Pages, type Piece, type Span, type Style } from './flow.ts';
import { readPdf, type PdfText } from './pdfRead.ts';
import { codePoint, textsOf, wordingOf, type Block, type Field, type FigureBlock, type ListItem, type Statement, type Wording } from './wording.ts';

const ink = { text: '#1b2530', muted: '#55616e', heading: '#17324a', rule: '#cfd7de', head: '#edf1f4', banner: '#fbf1dc', bannerText: '#6b4300', watermark: '#f3eee9', caution: '#8a4b00' } as const;
const text: Style = { face: 'regular', size: 9.4, colour: ink.text };
const strong: Style = { face: 'bold', size: 9.4, colour: ink.text };
const muted: Style = { face: 'regular', size: 8.4, colour: ink.muted };
const caution: Style = { face: 'bold', size: 9, colour: ink.caution };
const original: Style = { face: 'oblique', size: 8.8, colour: ink.muted };
const code: Style = { face: 'mono', size: 7.2, colour: ink.text };
const small: Style = { face: 'regular', size: 8.4, colour: ink.text };
const smallStrong: Style = { face: 'bold', size: 8.4, colour: ink.text };
const columnHead: Style = { face: 'bold', size: 8, colour: ink.heading };
const headings = { 1: { face: 'bold', size: 18, colour: ink.heading }, 2: { face: 'bold', size: 12.5, colour: ink.heading }, 3: { face: 'bold', size: 10, colour: ink.heading } } as const satisfies Record<number, Style>;
const verdictColours: Readonly<Record<Statement['verdict'], string>> = { accepted: '#2f7d4f', edited: '#24619c', rejected: '#a5372f', undecided: '#96640c', added: '#5b4a8a' };

/** What is attached: the report itself, in its canonical form. */
const attachment = 'report.json';
/** A name can be shown by its code points; a text cannot. */
const mostUnshowable = 200;

export const pdf: ReportFormat = {
  name: 'pdf', extension: 'pdf', mediaType: 'application/pdf',

  unsuitable(report) {
    const unshown = unshowable(wordingOf(report));
    return unshown > mostUnshowable
      ? `${unshown} of its characters have no sign in the PDF's font, or stand in a script that it cannot set: as code points nobody could read them. The web page shows them.`
      : null;
  },

  async write(report, { keyImages }) {
    const why = pdf.unsuitable(report, { keyImages, images: [] });
    if (why !== null) throw new Fault({ code: 'report.unsuitable', what: 'The report cannot be written as a PDF.', why, mend: 'Export it as a web page, or write the text in a script that the font has.' });
    return [{ name: fileName(report, 'pdf'), bytes: await compose(report, keyImages) }];
  },

  readBack(files, report, { keyImages }) {
    return Promise.resolve(files.length === 1 && files[0] ? faultsOf(files[0].bytes, report, keyImages) : [`There are ${files.length} files instead of one.`]);
  },
};

const canonicalReport = (report: Report): Uint8Array => Buffer.from(canonical(asJson(report)));

/** How many of its characters would stand as their code points. */
function unshowable(value: unknown): number {
  if (typeof value === 'string') return [...value].filter((character) => character !== '\n' && !isShowable(character)).length;
  return typeof value === 'object' && value !== null ? Object.values(value).reduce((sum: number, item) => sum + unshowable(item), 0) : 0;
}

async function compose(report: Report, pictures: readonly KeyPicture[]): Promise<Uint8Array> {
  const wording = wordingOf(report);
  const created = new Date(report.signature?.at ?? report.updatedAt);
  const pages = openPages({
    title: wording.documentTitle, subject: wording.banner, language: report.language, producer: `${report.software.name} ${report.software.version}`.replace(/[<>&]/g, ' '), created,
    ...(wording.watermark ? { background: watermark(wording.watermark) } : {}),
  });
  const { document } = pages;
  const named = { name: attachment, type: 'application/json', description: 'The report as data', relationship: 'Source', creationDate: created, modifiedDate: created };
  document.file(Buffer.from(canonicalReport(report)), named);
  const layout: Layout = { pages, pictures: new Map(pictures.map((picture) => [picture.id, picture.drawn])) };
  pages.place([...cover(layout, wording), ...wording.blocks.flatMap((block, i) => piecesOf(layout, block, wording.blocks[i + 1]))]);
  return pages.finish((number, of) => frame(pages, wording, number, of));
}

interface Layout {
  readonly pages: Pages;
  readonly pictures: ReadonlyMap<string, Bitmap>;
}

const watermark = (word: string) => (document: PDFKit.PDFDocument): void => {
  document.save().rotate(-52, { origin: [page.width / 2, page.height / 2] });
  useStyle(document, { face: 'bold', size: word.length > 5 ? 84 : 150 }).fillColor(ink.watermark);
  document.text(word, page.width / 2 - document.widthOfString(word) / 2, page.height / 2, { lineBreak: false, baseline: 'middle' });
  document.restore();
};

/** What stands on every page around the text. */
function frame(pages: Pages, { running, edition, banner, watermark: word, title }: Wording, number: number, of: number): void {
  const { document, wrap, drawLines, measure } = pages;
  const { x, width } = body;
  const right = (words: string, style: Style, top: number): void => drawLines(wrap([{ text: words, style }], 150).slice(0, 1).map((line) => flushRight(pages, line, 150)), x + width - 150, top);
  const who = wrap([{ text: running, style: smallStrong }], width - 160).slice(0, 2);
  drawLines(who, x, 57 - heightOf(who));
  right(word ?? title, word ? { ...smallStrong, colour: ink.caution } : muted, 57 - muted.size * 1.42);
  document.rect(x, 62, width, 0.6).fill(ink.rule);
  document.rect(x, 786, width, 16).fill(ink.banner);
  const size = Math.min(8.2, (8.2 * (width - 12)) / measure(banner, { ...smallStrong, size: 8.2 }));
  const line = wrap([{ text: banner, style: { face: 'bold', size, colour: ink.bannerText } }], width).slice(0, 1);
  drawLines(line.map((words) => flushRight(pages, words, (width + widthOf(pages, words)) / 2)), x, 794 - heightOf(line) / 2);
  drawLines(wrap([{ text: edition, style: muted }], width - 100).slice(0, 2), x, 805);
  right(`Page ${number} of ${of}`, muted, 805);
}

function cover(layout: Layout, wording: Wording): readonly Piece[] {
  const { pages } = layout;
  const { root } = pages;
  const gutter = 18;
  const columns = wording.cover.map((fields, i): { fields: readonly Field[]; column: Column } => {
    const width = (body.width - gutter * (wording.cover.length - 1)) / wording.cover.length;
    return { fields, column: { x: body.x + i * (width + gutter), width } };
  });
  const title = paragraph(pages, root, 'H1', [{ text: wording.title, style: headings[1] }], { gap: 0, isKept: true });
  const state = paragraph(pages, root, 'P', [{ text: wording.state, style: wording.watermark ? caution : { ...strong, colour: verdictColours.accepted } }], { gap: 4, isKept: true });
  const cells = columns.map(({ fields, column }) => coverFields(pages, fields, column));
  const block: Piece = {
    height: Math.max(...cells.map(({ height }) => height)) + 20, gap: 12, isKept: false,
    draw: (top) => {
      const { height } = block;
      pages.artifact(() => {
        pages.document.rect(body.x, top, body.width, 0.9).fill(ink.heading);
        pages.document.rect(body.x, top + height - 1, body.width, 0.9).fill(ink.heading);
      });
      for (const { draw } of cells) draw(top + 10);
    },
  };
  const unshown = unshowable(wording);
  const note = unshown === 0 ? [] : paragraph(pages, root, 'P', [{
    text: `${unshown === 1 ? 'One character has' : `${unshown} characters have`} no sign in this document's font and ${unshown === 1 ? 'stands as its code point' : 'stand as their code points'}, as in ‹U+4E2D›. The attached ${attachment} holds the text as it was written.`, style: muted,
  }], { gap: 10 });
  return [...title, ...state, block, ...note];
}

/** Names above their values, one after the other. */
function coverFields(pages: Pages, fields: readonly Field[], { x, width }: Column): { readonly height: number; draw(top: number): void } {
  const table = pages.element(pages.root, 'Table');
  const rows = fields.map(({ name, value, isCode }) => {
    const row = pages.element(table, 'TR');
    return {
      head: pages.element(row, 'TH', { scope: 'Row' }), cell: pages.element(row, 'TD'),
      name: pages.wrap([{ text: name, style: { ...muted, size: 7.4 } }], width), value: pages.wrap([{ text: value, style: isCode ? { ...code, size: 6.7 } : strong }], width),
    };
  });
  return {
    height: rows.reduce((sum, { name, value }) => sum + heightOf(name) + heightOf(value) + 3, 0),
    draw: (top) => {
      for (const { head, cell, name, value } of rows) {
        const at = top;
        head.add(() => pages.drawLines(name, x, at));
        cell.add(() => pages.drawLines(value, x, at + heightOf(name) - 1));
        top += heightOf(name) + heightOf(value) + 3;
      }
    },
  };
}

const introduced: readonly (Block['kind'] | undefined)[] = ['table', 'fields', 'statements', 'figures'];

function piecesOf(layout: Layout, block: Block, next: Block | undefined): readonly Piece[] {
  const { pages } = layout;
  const { root } = pages;
  if (block.kind === 'heading') return headingPieces(pages, block.level, block.text);
  if (block.kind === 'paragraph') return paragraph(pages, root, 'P', [{ text: block.text, style: { plain: text, strong, muted, caution }[block.tone] }], { gap: 5, isKept: introduced.includes(next?.kind) });
  if (block.kind === 'fields') return fieldPieces(pages, block.rows);
  if (block.kind === 'table') return tablePieces(pages, block);
  if (block.kind === 'list') return listPieces(pages, block.items);
  if (block.kind === 'statements') return statementPieces(pages, block.items);
  return figurePieces(layout, block.items);
}

const heightOf = (lines: readonly Line[]): number => lines.reduce((sum, { height }) => sum + height, 0);

interface ParagraphOptions {
  readonly gap: number;
  readonly column?: Column;
  /** Together with what follows. */
  readonly isKept?: boolean;
  /** Beside each of its lines. */
  readonly beside?: (top: number, height: number) => void;
}

/** A piece for each line; its first two and its last two stay together. */
function paragraph(pages: Pages, parent: Element, tag: string, spans: readonly Span[], { gap, column = body, isKept = false, beside }: ParagraphOptions): readonly Piece[] {
  const element = pages.element(parent, tag);
  const lines = pages.wrap(spans, column.width);
  return lines.map((line, i) => ({
    height: line.height, gap: i === 0 ? gap : 0, isKept: i === lines.length - 1 ? isKept : isKept || i === 0 || i === lines.length - 2,
    draw: (top) => {
      if (beside) pages.artifact(() => beside(top, line.height));
      element.add(() => pages.drawLines([line], column.x, top));
    },
  }));
}

function headingPieces(pages: Pages, level: 2 | 3, words: string): readonly Piece[] {
  const style = headings[level];
  const [first, ...rest] = paragraph(pages, pages.root, `H${level}`, [{ text: words, style }], { gap: level === 2 ? 20 : 12, isKept: true });
  if (!first) return [];
  return [{
    ...first,
    draw: (top) => {
      if (level === 2) pages.document.outline.addItem(words);
      first.draw(top);
    },
  }, ...rest];
}

function listPieces(pages: Pages, items: readonly ListItem[]): readonly Piece[] {
  const list = pages.element(pages.root, 'L');
  return items.flatMap(({ text: words, details }, at) => {
    const element = pages.element(list, 'LI');
    const label = pages.element(element, 'Lbl');
    const inBody = pages.element(element, 'LBody');
    const column = { x: body.x + 13, width: body.width - 13 };
    const [first, ...rest] = [
      ...paragraph(pages, inBody, 'P', [{ text: words, style: text }], { gap: at === 0 ? 5 : 4, column, isKept: details !== '' }),
      ...(details === '' ? [] : paragraph(pages, inBody, 'P', [{ text: details, style: muted }], { gap: 0, column })),
    ];
    const bullet = pages.wrap([{ text: '•', style: text }], 13);
    if (!first) return [];
    return [{
      ...first,
      draw: (top: number) => {
        label.add(() => pages.drawLines(bullet, body.x + 2, top));
        first.draw(top);
      },
    }, ...rest];
  });
}

const padding = 4.5;
/** A row of more lines than these is cut into several, so that it may run over pages. */
const mostLines = 14;

interface Cell {
  readonly element: Element;
  readonly lines: readonly Line[];
  readonly column: Column;
}

/** The pieces of one table row. */
function rowPieces(pages: Pages, cells: readonly Cell[], options: { readonly gap?: number; readonly isKept?: boolean; readonly background?: string; readonly repeated?: Piece; readonly width?: Column }): readonly Piece[] {
  const { gap = 0, isKept = false, background, repeated } = options;
  const most = Math.max(1, ...cells.map(({ lines }) => lines.length));
  const count = Math.ceil(most / mostLines);
  return Array.from({ length: count }, (_, i): Piece => {
    const shares = cells.map(({ lines, ...cell }) => ({ ...cell, lines: lines.slice(i * mostLines, (i + 1) * mostLines) }));
    const height = Math.max(...shares.map(({ lines }) => heightOf(lines))) + 2 * padding;
    return {
      height, gap: i === 0 ? gap : 0, isKept, ...(repeated ? { repeated } : {}),
      draw: (top) => {
        pages.artifact(() => {
          if (background) pages.document.rect(body.x, top, body.width, height).fill(background);
          if (i === count - 1) pages.document.rect(body.x, top + height - 0.5, body.width, 0.5).fill(ink.rule);
        });
        for (const { element, lines, column } of shares) if (lines.length > 0) element.add(() => pages.drawLines(lines, column.x, top + padding));
      },
    };
  });
}

/** Fewer rows than these are not parted. */
const mostTogether = 6;

function fieldPieces(pages: Pages, fields: readonly Field[]): readonly Piece[] {
  const table = pages.element(pages.root, 'Table');
  const nameWidth = 132;
  return fields.flatMap(({ name, value, isCode }, i) => {
    const row = pages.element(table, 'TR');
    return rowPieces(pages, [
      { element: pages.element(row, 'TH', { scope: 'Row' }), lines: pages.wrap([{ text: name, style: { ...small, colour: ink.muted } }], nameWidth - 8), column: { x: body.x + padding, width: nameWidth - 8 } },
      { element: pages.element(row, 'TD'), lines: pages.wrap([{ text: value, style: isCode ? code : small }], body.width - nameWidth - padding), column: { x: body.x + nameWidth, width: body.width - nameWidth } },
    ], { gap: i === 0 ? 7 : 0, isKept: i < fields.length - 1 && (i === 0 || fields.length <= mostTogether) });
  });
}

function tablePieces(pages: Pages, { columns, rows }: Extract<Block, { kind: 'table' }>): readonly Piece[] {
  const table = pages.element(pages.root, 'Table');
  const total = columns.reduce((sum, { share }) => sum + share, 0);
  let x = body.x;
  const places = columns.map(({ share }): Column => {
    const width = (body.width * share) / total;
    const place = { x: x + padding, width: width - 2 * padding };
    x += width;
    return place;
  });
  const cellOf = (element: Element, words: string, style: Style, i: number): Cell => {
    const place = places[i] as Column;
    const lines = pages.wrap([{ text: words, style }], place.width);
    return { element, column: place, lines: columns[i]?.isNumber ? lines.map((line) => flushRight(pages, line, place.width)) : lines };
  };
  const titles = pages.element(pages.element(table, 'THead'), 'TR');
  const inBody = pages.element(table, 'TBody');
  const head = columns.map(({ title }, i) => cellOf(pages.element(titles, 'TH', { scope: 'Column' }), title, columnHead, i));
  const [first] = rowPieces(pages, head, { gap: 7, isKept: true, background: ink.head });
  if (!first) return [];
  // On the pages that follow it is for the eye alone: it was read aloud once.
  const repeated: Piece = {
    ...first,
    draw: (top) => {
      pages.document.rect(body.x, top, body.width, first.height).fill(ink.head);
      for (const { lines, column } of head) pages.drawLines(lines, column.x, top + padding);
    },
  };
  return [first, ...rows.flatMap((row, i) => {
    const element = pages.element(inBody, 'TR');
    const cells = columns.map(({ isCode }, at) => cellOf(pages.element(element, 'TD'), row[at] ?? '', isCode ? code : small, at));
    return rowPieces(pages, cells, { repeated, isKept: i === rows.length - 2 });
  })];
}

/** How far its last word reaches. */
const widthOf = ({ measure }: Pages, { fragments }: Line): number => fragments.reduce((most, { text: words, style, x }) => Math.max(most, x + measure(words.trimEnd(), style)), 0);

function flushRight(pages: Pages, line: Line, width: number): Line {
  const free = width - widthOf(pages, line);
  return { ...line, fragments: line.fragments.map((fragment) => ({ ...fragment, x: fragment.x + free })) };
}

function statementPieces(pages: Pages, items: readonly Statement[]): readonly Piece[] {
  const list = pages.element(pages.root, 'L');
  return items.flatMap(({ number, kind, verdict, decision, text: words, original: before, reason, regions }) => {
    const item = pages.element(list, 'LI');
    const colour = verdictColours[verdict];
    const inset = 12;
    const column = { x: body.x + inset, width: body.width - inset };
    const beside = (top: number, height: number): void => void pages.document.rect(body.x, top - 0.2, 2.4, height + 0.4).fill(colour);
    const isRejected = verdict === 'rejected';
    const head: Span[] = [
      { text: number === kind ? kind : `${number}. ${kind}`, style: strong }, { text: '\u00a0\u00a0', style: strong }, { text: decision, style: { ...smallStrong, colour } },
    ];
    const inBody = pages.element(item, 'LBody');
    const lines = [
      ...paragraph(pages, inBody, 'P', head, { gap: 0, column, isKept: true, beside }),
      ...paragraph(pages, inBody, 'P', [{ text: words, style: isRejected ? { ...text, colour: ink.muted } : text, isStruck: isRejected }], { gap: 0, column, beside }),
      ...(before === null ? [] : paragraph(pages, inBody, 'P', [{ text: 'The model wrote: ', style: { ...muted, face: 'bold' } }, { text: before, style: original }], { gap: 0, column, beside })),
      ...(reason === '' ? [] : paragraph(pages, inBody, 'P', [{ text: 'Reason: ', style: { ...muted, face: 'bold' } }, { text: reason, style: muted }], { gap: 0, column, beside })),
      ...(regions === '' ? [] : paragraph(pages, inBody, 'P', [{ text: regions, style: muted }], { gap: 0, column, beside })),
    ];
    const isWhole = lines.length <= mostLines;
    return lines.map((piece, i): Piece => ({ ...piece, gap: i === 0 ? 9 : 0, isKept: i < lines.length - 1 && (isWhole || piece.isKept) }));
  });
}

const gutter = 20;
const tallest = 300;

/** Two beside one another; one alone is larger. */
function figurePieces({ pages, pictures }: Layout, items: readonly FigureBlock[]): readonly Piece[] {
  const perRow = items.length === 1 ? 1 : 2;
  const width = perRow === 1 ? body.width : (body.width - gutter) / 2;
  const rows = Array.from({ length: Math.ceil(items.length / perRow) }, (_, i) => items.slice(i * perRow, (i + 1) * perRow));
  return rows.map((row, at): Piece => {
    const cells = row.map(({ id, caption, details, alternative }, i) => {
      const bitmap = pictures.get(id);
      const scale = bitmap ? Math.min(width / bitmap.width, tallest / bitmap.height) : 0;
      const group = pages.element(pages.root, 'Div');
      return {
        x: body.x + i * (width + gutter), id, alternative, bitmap, group,
        size: bitmap ? { width: bitmap.width * scale, height: bitmap.height * scale } : { width, height: 24 },
        lines: [...pages.wrap([{ text: caption, style: smallStrong }], width), ...pages.wrap([{ text: bitmap ? details : `The picture is not there. ${details}`, style: muted }], width)],
      };
    });
    const tallestPicture = Math.max(...cells.map(({ size }) => size.height));
    return {
      height: tallestPicture + 5 + Math.max(...cells.map(({ lines }) => heightOf(lines))), gap: at === 0 ? 8 : 14, isKept: false,
      draw: (top) => {
        for (const { x, bitmap, group, size, alternative, lines, id } of cells) {
          if (bitmap) {
            const y = top + tallestPicture - size.height;
            const figure = pages.element(group, 'Figure', { alt: alternative, bbox: [x, y, x + size.width, y + size.height], placement: 'Block' });
            figure.add(() => void pages.document.image(imageOf(pages, id, bitmap), x, y, size));
          }
          pages.element(group, 'P').add(() => pages.drawLines(lines, x, top + tallestPicture + 5));
        }
      },
    };
  });
}

/** A picture as pdfkit draws one: RGB, each row less the one above it, deflated. Nothing is lost. */
function imageOf({ document }: Pages, label: string, bitmap: Bitmap): PDFKit.Mixins.ImageSrc {
  const { width, height } = bitmap;
  const object = document.ref({
    Type: 'XObject', Subtype: 'Image', BitsPerComponent: 8, Width: width, Height: height, ColorSpace: 'DeviceRGB', Filter: 'FlateDecode',
    DecodeParms: { Predictor: 15, Colors: 3, BitsPerComponent: 8, Columns: width },
  });
  object.end(deflateSync(filteredRows(bitmap)));
  return { width, height, label: `P${label.replace(/\W/g, '')}`, obj: object, embed: () => undefined } as unknown as PDFKit.Mixins.ImageSrc;
}

function faultsOf(bytes: Uint8Array, report: Report, pictures: readonly KeyPicture[]): readonly string[] {
  let found: PdfText;
  try {
    found = readPdf(bytes);
  } catch (error) {
    return [`The PDF cannot be read: ${error instanceof Error ? error.message : String(error)}`];
  }
  const wording = wordingOf(report);
  const { banner, documentTitle, edition } = wording;
  const read = bare(found.pages.map((one) => one.text).join('\n'));
  const attached = found.attachments.get(attachment);
  const expected = new Map(report.keyImages.map(({ id }) => [id, pictures.find((picture) => picture.id === id)?.drawn]));
  const drawn = [...expected.values()].filter((bitmap) => bitmap !== undefined);
  return [
    ...(attached && Buffer.from(attached).equals(canonicalReport(report)) ? [] : [`${attachment} within the PDF is not the report.`]),
    ...(found.isTagged && found.title === documentTitle && found.language === report.language ? [] : ['The PDF is not tagged with its title and language.']),
    ...found.pages.flatMap(({ around }, i) => [
      ...(bare(around).includes(bare(banner)) ? [] : [`Page ${i + 1} lacks the research banner.`]),
      ...(bare(around).includes(bare(`Page ${i + 1} of ${found.pages.length}`)) ? [] : [`Page ${i + 1} lacks its number.`]),
      ...(bare(around).includes(bare(edition)) ? [] : [`Page ${i + 1} does not say which report it is of.`]),
    ]),
    ...(found.pages.length > 0 ? [] : ['It has no page.']),
    ...textsOf(wording).filter((words) => !isRead(read, words)).slice(0, 5).map((words) => `The PDF lacks “${words.slice(0, 80)}”.`),
    ...(found.figures.length === drawn.length && found.figures.every((alternative) => alternative !== '') ? [] : [`${found.figures.length} pictures are described instead of ${drawn.length}.`]),
    ...drawn.flatMap((bitmap, i) => (found.pages.some(({ images }) => images.some(({ width, height, data }) => width === bitmap.width && height === bitmap.height && Buffer.from(data).equals(filteredRows(bitmap)))) ? [] : [`Key image ${i + 1} is not in the PDF as it was drawn.`])),
  ];
}

/** Lines end elsewhere on a page, and some characters stand as their code points. */
const bare = (words: string): string => words.replace(/\s/g, '');

/** A long cell of a table is read in parts, with those of its row between: there each word is looked for. */
const isRead = (read: string, words: string): boolean => {
  const wanted = [...words].map((character) => (/\s/.test(character) || isShowable(character) ? character : codePoint(character))).join('');
  return read.includes(bare(wanted)) || (words.length > 400 && wanted.split(/\s+/).every((word) => read.includes(word)));
};
