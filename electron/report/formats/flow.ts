/** Text, tables and pictures that flow over tagged A4 pages: measured first, so that no line, heading or table row is left alone. */
import { createRequire } from 'node:module';
import PDFDocument from 'pdfkit';
import { codePoint } from './wording.ts';

export const faces = { regular: 'DejaVuSansCondensed', bold: 'DejaVuSansCondensed-Bold', oblique: 'DejaVuSansCondensed-Oblique', mono: 'DejaVuSansMono' } as const;
export type Face = keyof typeof faces;

export interface Style {
  readonly face: Face;
  /** Points. */
  readonly size: number;
  readonly colour: string;
}

export interface Span {
  readonly text: string;
  readonly style: Style;
  readonly isStruck?: boolean;
}

/** A part of a page, in points from its upper left corner. */
export interface Column {
  readonly x: number;
  readonly width: number;
}

/** What is placed as a whole. */
export interface Piece {
  readonly height: number;
  /** Above it, except at the top of a page. */
  readonly gap: number;
  /** No page ends after it. */
  readonly isKept: boolean;
  readonly draw: (top: number) => void;
  /** Drawn above it where it opens a page: the head of its table. */
  readonly repeated?: Piece;
}

export type Element = PDFKit.PDFStructureElement;

export interface ElementOptions {
  /** For those who do not see it. */
  readonly alt?: string;
  /** Of a table's head: what it is the head of. */
  readonly scope?: 'Row' | 'Column';
  /** Left, top, right and bottom on its page. */
  readonly bbox?: readonly [number, number, number, number];
  readonly placement?: 'Block';
}

type Document = PDFKit.PDFDocument;

export const page = { width: 595.28, height: 841.89, left: 57, right: 57, top: 78, bottom: 76 } as const;
export const body: Column = { x: page.left, width: page.width - page.left - page.right };
const lowest = page.height - page.bottom;
/** Line heights, in sizes of the letters. */
const leading = 1.42;

interface Fragment {
  text: string;
  readonly style: Style;
  readonly x: number;
  readonly isStruck: boolean;
  /** What it stands for, where it is the code point of a character that the font lacks. */
  readonly actual: string | null;
}

export interface Line {
  readonly fragments: readonly Fragment[];
  readonly height: number;
  /** From its top. */
  readonly baseline: number;
}

export interface PageOptions {
  readonly title: string;
  readonly subject: string;
  readonly language: string;
  readonly producer: string;
  readonly created: Date;
  /** Drawn on each new page, below everything else. */
  readonly background?: (document: Document) => void;
}

export interface Pages {
  readonly document: Document;
  /** The root of what is read aloud. */
  readonly root: Element;
  /** An element that is read aloud within another. */
  element(parent: Element, tag: string, options?: ElementOptions): Element;
  /** How wide a text is, in points. */
  measure(text: string, style: Style): number;
  wrap(spans: readonly Span[], width: number): readonly Line[];
  drawLines(lines: readonly Line[], x: number, top: number): void;
  /** What is no part of the text: rules, backgrounds, what stands on every page. */
  artifact(draw: () => void, type?: 'Layout' | 'Pagination'): void;
  place(pieces: readonly Piece[]): void;
  newPage(): void;
  /** Goes through the finished pages once more, then writes all. */
  finish(decorate: (number: number, of: number) => void): Promise<Uint8Array>;
}

const require = createRequire(import.meta.url);
/** A font file as pdfkit reads it. */
interface Font {
  hasGlyphForCodePoint(point: number): boolean;
}

const opened = new Map<Face, Font>();

/** Read once for all documents. pdfkit takes such a font and gives it; its types know neither. */
function fontOf(face: Face): Font {
  const known = opened.get(face) ?? (new PDFDocument({ font: require.resolve(`dejavu-fonts-ttf/ttf/${faces[face]}.ttf`), autoFirstPage: false }) as unknown as { readonly _font: { readonly font: Font } })._font.font;
  opened.set(face, known);
  return known;
}

export const useStyle = (document: Document, { face, size }: Pick<Style, 'face' | 'size'>): Document => document.font(fontOf(face) as unknown as PDFKit.Mixins.PDFFontSource, face).fontSize(size);

/** Right-to-left scripts, which would need their letters joined and their words reordered, and signs that are invisible or turn what follows around. */
const unplaceable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u0590-\u08ff\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufb1d-\ufdff\ufe00-\ufe0f\ufe70-\ufeff\ufff0-\ufffb\u{10800}-\u{10fff}\u{1e800}-\u{1efff}\u{e0000}-\u{e0fff}]/u;

export function openPages({ title, subject, language, producer, created, background }: PageOptions): Pages {
  const document = new PDFDocument({
    size: [page.width, page.height], margin: 0, autoFirstPage: false, bufferPages: true, font: null as unknown as string,
    pdfVersion: '1.7', subset: 'PDF/A-3a', tagged: true, lang: language, displayTitle: true,
    info: { Title: title, Subject: subject, Producer: producer, Creator: producer, CreationDate: created },
  });
  document.appendXML(universalAccess);
  const chunks: Uint8Array[] = [];
  document.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => document.on('end', resolve).on('error', reject));

  const root = document.struct('Document');
  document.addStructure(root);
  let y = 0;
  let isTop = true;

  const measure = (text: string, style: Style): number => useStyle(document, style).widthOfString(text);

  const artifact: Pages['artifact'] = (draw, type = 'Layout') => {
    document.markContent('Artifact', { type });
    draw();
    document.endMarkedContent();
  };

  const newPage = (): void => {
    document.addPage();
    if (background) artifact(() => background(document), 'Pagination');
    y = page.top;
    isTop = true;
  };

  const drawLines: Pages['drawLines'] = (lines, x, top) => {
    for (const { fragments, height, baseline } of lines) {
      for (const fragment of fragments) drawFragment(fragment, x, top + baseline);
      top += height;
    }
  };

  const drawFragment = ({ text, style, x, isStruck, actual }: Fragment, left: number, baseline: number): void => {
    useStyle(document, style).fillColor(style.colour);
    if (actual !== null) document.markContent('Span', { actual });
    document.text(text, left + x, baseline, { lineBreak: false, baseline: 'alphabetic' });
    if (actual !== null) document.endMarkedContent();
    if (isStruck) {
      const width = measure(text.trimEnd(), style);
      document.rect(left + x, baseline - 0.3 * style.size, width, 0.6).fill(style.colour);
    }
  };

  const wrap: Pages['wrap'] = (spans, width) => {
    const lines: Fragment[][] = [[]];
    let at = 0;
    const current = (): Fragment[] => lines.at(-1) as Fragment[];
    const breakLine = (isForced: boolean): void => {
      const last = current().at(-1);
      // Readers that join lines find the space between their words.
      if (last && !isForced && last.actual === null) last.text += ' ';
      lines.push([]);
      at = 0;
    };
    for (const word of words(spans)) {
      if (word.isBreak) {
        breakLine(true);
        continue;
      }
      const { style, isStruck, actual } = word;
      for (const [i, part] of parts(word.text, style, width, measure).entries()) {
        const space = at > 0 && word.isSpaced && i === 0 ? measure(' ', style) : 0;
        const wide = measure(part, style);
        if (at > 0 && at + space + wide > width + 0.01 && (word.canBreak || i > 0)) breakLine(false);
        const last = current().at(-1);
        const isFirst = at === 0;
        if (last && !isFirst && last.style === style && last.isStruck === isStruck && last.actual === null && actual === null) {
          last.text += (space > 0 ? ' ' : '') + part;
          at = last.x + measure(last.text, style);
        } else {
          if (last && !isFirst && space > 0 && last.actual === null) last.text += ' ';
          const x = isFirst ? 0 : at + space;
          current().push({ text: part, style, x, isStruck, actual });
          at = x + wide;
        }
      }
    }
    const tallest = Math.max(...spans.map(({ style }) => style.size), 1);
    return lines.map((fragments) => {
      const size = Math.max(...fragments.map(({ style }) => style.size), fragments.length === 0 ? tallest : 1);
      return { fragments, height: size * leading, baseline: size * (leading / 2 + 0.36) };
    });
  };

  const placePiece = (piece: Piece): void => {
    if (!isTop && y + piece.gap + piece.height > lowest) {
      newPage();
      openWith(piece);
    }
    y += isTop ? 0 : piece.gap;
    piece.draw(y);
    y += piece.height;
    isTop = false;
  };
  const openWith = ({ repeated }: Piece): void => {
    if (!repeated) return;
    const top = y;
    artifact(() => repeated.draw(top));
    y += repeated.height;
  };

  const place: Pages['place'] = (pieces) => {
    if (document.bufferedPageRange().count === 0) newPage();
    let group: Piece[] = [];
    for (const piece of pieces) {
      group.push(piece);
      if (piece.isKept && piece !== pieces.at(-1)) continue;
      const height = group.reduce((sum, { gap, height: tall }) => sum + gap + tall, 0);
      if (!isTop && y + height > lowest && height <= lowest - page.top) {
        newPage();
        openWith(group[0] as Piece);
      }
      group.forEach(placePiece);
      group = [];
    }
  };

  return {
    document, root, wrap, drawLines, artifact, place, newPage, measure,
    element: (parent, tag, options = {}) => {
      const element = document.struct(tag, options);
      parent.add(element);
      return element;
    },
    async finish(decorate) {
      const { start, count } = document.bufferedPageRange();
      for (let i = 0; i < count; i++) {
        document.switchToPage(start + i);
        artifact(() => decorate(i + 1, count), 'Pagination');
      }
      root.end();
      document.end();
      await ended;
      return Buffer.concat(chunks);
    },
  };
}

interface Word {
  readonly text: string;
  readonly style: Style;
  readonly isStruck: boolean;
  readonly actual: string | null;
  /** A space stands before it. */
  readonly isSpaced: boolean;
  /** A line may end before it. */
  readonly canBreak: boolean;
  readonly isBreak: boolean;
}

function* words(spans: readonly Span[]): Generator<Word> {
  let isSpaced = false;
  for (const { text, style, isStruck = false } of spans) {
    for (const [piece] of text.replace(/\r\n?/g, '\n').replaceAll('\t', ' ').matchAll(/\n| +|[^\n ]+/g)) {
      if (piece === '\n') {
        yield { text: '', style, isStruck, actual: null, isSpaced: false, canBreak: true, isBreak: true };
        isSpaced = false;
      } else if (piece.startsWith(' ')) isSpaced = true;
      else {
        let isGlued = false;
        for (const { shown, face, actual } of showable(piece, style.face)) {
          const given = actual !== null ? substitute(style) : face === style.face ? style : { ...style, face };
          yield { text: shown, style: given, isStruck, actual, isSpaced: isSpaced && !isGlued, canBreak: actual !== null || (!isGlued && isSpaced), isBreak: false };
          isGlued = true;
        }
        isSpaced = false;
      }
    }
  }
}

const substitutes = new WeakMap<Style, Style>();
/** Smaller and of another colour, so that nobody takes it for what was written. */
function substitute(style: Style): Style {
  const known = substitutes.get(style) ?? { face: 'mono', size: style.size * 0.78, colour: '#8a4b00' };
  substitutes.set(style, known);
  return known;
}

/** A word in runs that one face can show; what none can show becomes its code point. */
function* showable(word: string, face: Face): Generator<{ readonly shown: string; readonly face: Face; readonly actual: string | null }> {
  let run = '';
  let runFace = face;
  for (const character of word) {
    const found = has(face, character) ? face : has('regular', character) ? 'regular' : null;
    if (run !== '' && (found === null || found !== runFace)) {
      yield { shown: run, face: runFace, actual: null };
      run = '';
    }
    if (found === null) yield { shown: codePoint(character), face: 'mono', actual: character };
    else {
      run += character;
      runFace = found;
    }
  }
  if (run !== '') yield { shown: run, face: runFace, actual: null };
}

/** A word longer than a line, cut into lines. */
function parts(word: string, style: Style, width: number, measure: (text: string, style: Style) => number): readonly string[] {
  if (word.length < 8 || measure(word, style) <= width) return [word];
  const found: string[] = [];
  let part = '';
  for (const character of word) {
    if (part !== '' && measure(part + character, style) > width) {
      found.push(part);
      part = '';
    }
    part += character;
  }
  return [...found, part];
}

const answers = new Map<string, boolean>();

/** Whether a face has a sign for a character that stays where it is put. */
function has(face: Face, character: string): boolean {
  const key = `${face}${character}`;
  const answer = answers.get(key) ?? (!unplaceable.test(character) && fontOf(face).hasGlyphForCodePoint(character.codePointAt(0) as number));
  answers.set(key, answer);
  return answer;
}

/** Whether a character is shown by its own sign, and not by its code point. */
export const isShowable = (character: string): boolean => has('regular', character);

/** PDF/UA-1 beside PDF/A-3, with the schema that the latter wants described. */
const universalAccess = `
        <rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
            <pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
                <pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
                <pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
                <pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
                <pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
                    <pdfaProperty:name>part</pdfaProperty:name>
                    <pdfaProperty:valueType>Integer</pdfaProperty:valueType>
                    <pdfaProperty:category>internal</pdfaProperty:category>
                    <pdfaProperty:description>The part of ISO 14289 that the document follows</pdfaProperty:description>
                </rdf:li></rdf:Seq></pdfaSchema:property>
            </rdf:li></rdf:Bag></pdfaExtension:schemas>
        </rdf:Description>
        <rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
            <pdfuaid:part>1</pdfuaid:part>
        </rdf:Description>
        `;
