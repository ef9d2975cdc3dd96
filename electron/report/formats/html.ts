/** The report as one web page that needs nothing else: no script, no address, its pictures and the report itself within. */
import { createHash } from 'node:crypto';
import { asJson, canonical } from '#electron/audit/canonical.ts';
import type { Report } from '#models/clinical/report.ts';
import { decodePng } from '#models/imaging/png.ts';
import { pngOf } from './bitmaps.ts';
import { fileName, type Bitmap, type KeyPicture, type ReportFormat } from './format.ts';
import { codePoint, textsOf, wordingOf, type Block, type Field, type Statement, type Wording } from './wording.ts';

export const html: ReportFormat = {
  name: 'html', extension: 'html', mediaType: 'text/html',
  unsuitable: () => null,
  write: (report, { keyImages }) => Promise.resolve([{ name: fileName(report, 'html'), bytes: Buffer.from(pageOf(report, keyImages)) }]),
  readBack: (files, report, { keyImages }) => Promise.resolve(files.length === 1 && files[0] ? faultsOf(Buffer.from(files[0].bytes).toString('utf8'), report, keyImages) : [`There are ${files.length} files instead of one.`]),
};

/** A text as CSS writes one: all but plain letters by their numbers. */
const cssText = (text: string): string => `"${[...text].map((sign) => (/[A-Za-z0-9 ]/.test(sign) ? sign : `\\${(sign.codePointAt(0) as number).toString(16)} `)).join('')}"`;

/** The banner stands in the margin of every printed page. */
const styleOf = ({ banner, edition }: Wording): string => `
:root { color-scheme: light; --text: #1b2530; --muted: #55616e; --heading: #17324a; --rule: #cfd7de; --head: #edf1f4; --banner: #fbf1dc; --banner-text: #6b4300; --caution: #8a4b00; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--text); background: #fff; font: 15px/1.5 "DejaVu Sans Condensed", "Segoe UI", system-ui, sans-serif; overflow-wrap: break-word; }
header.page, main, footer.page { max-width: 860px; margin: 0 auto; padding: 0 28px; }
header.page { display: flex; justify-content: space-between; gap: 24px; padding-top: 24px; padding-bottom: 10px; border-bottom: 1px solid var(--rule); font-size: 13px; font-weight: 600; }
.banner { position: sticky; bottom: 0; z-index: 1; margin: 32px 0 0; padding: 7px 28px; text-align: center; background: var(--banner); color: var(--banner-text); font-weight: 600; font-size: 13px; }
footer.page { padding-top: 20px; padding-bottom: 40px; color: var(--muted); font-size: 13px; }
h1 { margin: 28px 0 4px; font-size: 28px; line-height: 1.2; color: var(--heading); }
h2 { margin: 34px 0 8px; font-size: 19px; color: var(--heading); break-after: avoid; }
h3 { margin: 22px 0 6px; font-size: 15px; color: var(--heading); break-after: avoid; }
p { margin: 6px 0; white-space: pre-line; orphans: 2; widows: 2; }
.state { font-weight: 600; color: #2f7d4f; }
.draft .state, .caution { color: var(--caution); font-weight: 600; }
.muted, .details { color: var(--muted); font-size: 13.5px; }
.strong { font-weight: 600; }
.cover { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 0 28px; margin: 18px 0; padding: 14px 0; border-top: 2px solid var(--heading); border-bottom: 2px solid var(--heading); }
dl { margin: 0; }
dt { color: var(--muted); font-size: 12px; }
dd { margin: 0 0 6px; font-weight: 600; white-space: pre-line; }
table { width: 100%; margin: 10px 0; border-collapse: collapse; font-size: 13.5px; table-layout: fixed; break-before: avoid; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: 5px 8px; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; white-space: pre-line; }
thead { display: table-header-group; }
thead th { background: var(--head); color: var(--heading); border-bottom: 0; }
tbody th { color: var(--muted); font-weight: 400; }
tr, figure, .statement { break-inside: avoid; }
.number { text-align: right; }
.code { font: 12px/1.5 "DejaVu Sans Mono", ui-monospace, monospace; overflow-wrap: anywhere; }
ol.statements { list-style: none; margin: 10px 0; padding: 0; }
.statement { margin: 12px 0; padding: 1px 0 1px 14px; border-left: 4px solid var(--tone); }
.statement p { margin: 2px 0; }
.statement .decision { color: var(--tone); font-weight: 600; font-size: 13.5px; margin-left: 10px; }
.statement i { color: var(--muted); }
.accepted { --tone: #2f7d4f; } .edited { --tone: #24619c; } .rejected { --tone: #a5372f; } .undecided { --tone: #96640c; } .added { --tone: #5b4a8a; }
.rejected s { color: var(--muted); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 20px; }
figure { margin: 8px 0; }
figure img { display: block; width: 100%; height: auto; }
figcaption { margin-top: 6px; }
.point { color: var(--caution); font-family: monospace; font-size: 85%; }
body.draft::before { content: attr(data-watermark); position: fixed; inset: 0; z-index: -1; display: grid; place-items: center; font-size: 22vmin; font-weight: 700; color: #f3eee9; transform: rotate(-52deg); }
@page {
  size: A4; margin: 18mm 18mm 22mm;
  @top-right { content: ${cssText(edition)}; font: 8pt sans-serif; color: #55616e; }
  @bottom-left { content: ${cssText(banner)}; width: 75%; font: bold 8pt sans-serif; color: #6b4300; }
  @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8pt sans-serif; color: #55616e; }
}
@media print {
  body { font-size: 9.6pt; }
  header.page, main, footer.page { max-width: none; padding-left: 0; padding-right: 0; }
  header.page { padding-top: 0; }
  footer.page { padding-top: 8px; padding-bottom: 0; }
  th, td { padding: 4px 5px; }
  .banner { position: static; margin: 6px 0 0; padding: 3px; font-size: 8pt; print-color-adjust: exact; }
  .cover { grid-template-columns: 1fr 1fr 1fr; }
  .figures { grid-template-columns: 1fr 1fr; }
}
`;

/** Nothing is fetched, nothing runs; this style and the pictures within are all there is. */
const policyOf = (wording: Wording): string => `default-src 'none'; style-src 'sha256-${createHash('sha256').update(styleOf(wording)).digest('base64')}'; img-src data:; base-uri 'none'; form-action 'none'`;

/** Signs that cannot be seen or that turn around what follows: a name must not read as another one. */
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' };

const plain = (text: string): string => text.replace(/\r\n?/g, '\n').replace(hidden, codePoint);
const attribute = (text: string): string => plain(text).replace(/[&<>"']/g, (sign) => entities[sign] as string);
/** Text as the page shows it. */
const shown = (text: string): string => attribute(text).replace(/‹U\+[0-9A-F]{4,6}›/g, '<span class="point">$&</span>');

const tag = (name: string, content: string, kind = ''): string => `<${name}${kind === '' ? '' : ` class="${kind}"`}>${content}</${name}>`;
/** Letters of any script, in its own direction. */
const words = (name: string, text: string, kind = ''): string => `<${name} dir="auto"${kind === '' ? '' : ` class="${kind}"`}>${shown(text)}</${name}>`;

function pageOf(report: Report, pictures: readonly KeyPicture[]): string {
  const wording = wordingOf(report);
  const drawn = new Map(pictures.map((picture) => [picture.id, picture.drawn]));
  const data = Buffer.from(canonical(asJson(report))).toString('base64');
  return `<!doctype html>
<html lang="${attribute(report.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${attribute(policyOf(wording))}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${shown(wording.documentTitle)}</title>
<style>${styleOf(wording)}</style>
</head>
<body${wording.watermark ? ` class="draft" data-watermark="${attribute(wording.watermark)}"` : ''}>
<header class="page">${words('span', wording.running)}${words('span', wording.watermark ?? wording.edition)}</header>
<main>
${words('h1', wording.title)}
${words('p', wording.state, 'state')}
${tag('div', wording.cover.map((fields) => tag('dl', fields.map(({ name, value, isCode }) => tag('dt', shown(name)) + words('dd', value, isCode ? 'code' : '')).join(''))).join('\n'), 'cover')}
${wording.blocks.map((block) => blockOf(block, drawn)).join('\n')}
</main>
<footer class="page">${words('span', wording.edition)} · <a id="report" download="report.json" href="data:application/json;base64,${data}">The report as data</a></footer>
${words('div', wording.banner, 'banner')}
</body>
</html>
`;
}

function blockOf(block: Block, drawn: ReadonlyMap<string, Bitmap>): string {
  if (block.kind === 'heading') return words(`h${block.level}`, block.text);
  if (block.kind === 'paragraph') return words('p', block.text, block.tone === 'plain' ? '' : block.tone);
  if (block.kind === 'fields') return tag('table', tag('caption', shown(block.title)) + widths([27, 73]) + tag('tbody', block.rows.map(fieldRow).join('\n')));
  if (block.kind === 'list') return tag('ul', block.items.map(({ text, details }) => tag('li', words('span', text) + (details === '' ? '' : words('div', details, 'details')))).join('\n'));
  if (block.kind === 'statements') return tag('ol', block.items.map(statementOf).join('\n'), 'statements');
  if (block.kind === 'table') {
    const kinds = block.columns.map(({ isNumber, isCode }) => (isNumber ? 'number' : isCode ? 'code' : ''));
    const head = block.columns.map(({ title }, i) => `<th scope="col"${kinds[i] === 'number' ? ' class="number"' : ''}>${shown(title)}</th>`).join('');
    return tag('table', `${tag('caption', shown(block.title))}${widths(block.columns.map(({ share }) => share))}${tag('thead', tag('tr', head))}\n${tag('tbody', block.rows.map((row) => tag('tr', row.map((cell, i) => words('td', cell, kinds[i])).join(''))).join('\n'))}`);
  }
  return tag('div', block.items.map(({ id, caption, details, alternative }) => {
    const bitmap = drawn.get(id);
    const picture = bitmap ? `<img alt="${attribute(alternative)}" width="${bitmap.width}" height="${bitmap.height}" src="data:image/png;base64,${pngOf(bitmap).toString('base64')}">` : '';
    return tag('figure', `${picture}\n${tag('figcaption', words('div', caption, 'strong') + words('div', bitmap ? details : `The picture is not there. ${details}`, 'details'))}`);
  }).join('\n'), 'figures');
}

/** Columns as wide as their shares. */
const widths = (shares: readonly number[]): string => tag('colgroup', shares.map((share) => `<col width="${Math.round((100 * share) / shares.reduce((sum, one) => sum + one, 0))}%">`).join(''));

const fieldRow = ({ name, value, isCode }: Field): string => tag('tr', `<th scope="row">${shown(name)}</th>${words('td', value, isCode ? 'code' : '')}`);

function statementOf({ number, kind, verdict, decision, text, original, reason, regions }: Statement): string {
  return tag('li', [
    tag('p', words('b', number === kind ? kind : `${number}. ${kind}`) + words('span', decision, 'decision')),
    verdict === 'rejected' ? tag('p', words('s', text)) : words('p', text),
    original === null ? '' : tag('p', `<b class="details">The model wrote:</b> ${words('i', original)}`),
    reason === '' ? '' : tag('p', `<b class="details">Reason:</b> ${words('span', reason, 'details')}`),
    regions === '' ? '' : words('p', regions, 'details'),
  ].filter(Boolean).join('\n'), `statement ${verdict}`);
}

function faultsOf(page: string, report: Report, pictures: readonly KeyPicture[]): readonly string[] {
  const wording = wordingOf(report);
  const data = /<a id="report"[^>]* href="data:application\/json;base64,([A-Za-z0-9+/=]*)"/.exec(page)?.[1] ?? '';
  const images = [...page.matchAll(/<img alt="([^"]*)"[^>]*? src="data:image\/png;base64,([A-Za-z0-9+/=]*)">/g)];
  const drawn = report.keyImages.flatMap(({ id }) => pictures.filter((picture) => picture.id === id).slice(0, 1));
  const visible = textOf(page);
  return [
    ...(Buffer.from(data, 'base64').toString('utf8') === canonical(asJson(report)) ? [] : ['The report within the page is not the report.']),
    ...(page.includes(`content="${attribute(policyOf(wording))}"`) && page.includes(`<style>${styleOf(wording)}</style>`) ? [] : ['The page does not forbid what it does not need.']),
    ...(isPlain(page) ? [] : ['The page holds more than text and pictures.']),
    ...textsOf(wording).filter((text) => !visible.includes(plain(text).replace(/\s/g, ''))).slice(0, 5).map((text) => `The page lacks “${text.slice(0, 80)}”.`),
    ...(images.length === drawn.length ? drawn.flatMap(({ drawn: bitmap }, i) => (isPicture(images[i]?.[2] ?? '', bitmap) ? [] : [`Key image ${i + 1} is not in the page as it was drawn.`])) : [`${images.length} pictures are in the page instead of ${drawn.length}.`]),
  ];
}

const plainTags = new Set('body header span main h1 h2 h3 p div dl dt dd table caption colgroup col thead tbody tr th td ul ol li b i s figure figcaption img footer a'.split(' '));
const plainAttributes = new Set('class dir scope id alt width height src href download data-watermark'.split(' '));

/** Whether it is made of nothing but text, tables and pictures within: every sign that could begin a tag does, and every address holds what it points to. */
function isPlain(page: string): boolean {
  const content = page.slice(page.indexOf('<body'), page.lastIndexOf('</html>'));
  const tags = [...content.matchAll(/<\/?([a-z][a-z0-9]*)((?: [a-z-]+="[^"]*")*)>/g)];
  return tags.length === content.split('<').length - 1 && tags.every(([, name = '', attributes = '']) => plainTags.has(name)
    && [...attributes.matchAll(/ ([a-z-]+)="([^"]*)"/g)].every(([, key = '', value = '']) => plainAttributes.has(key) && ((key !== 'src' && key !== 'href') || value.startsWith('data:'))));
}

function isPicture(encoded: string, bitmap: Bitmap): boolean {
  try {
    const { width, height, data } = decodePng(Buffer.from(encoded, 'base64'));
    return width === bitmap.width && height === bitmap.height && isSame(data, bitmap);
  } catch {
    return false;
  }
}

/** Red, green and blue alone beside red, green, blue and opacity. */
function isSame(rgb: Uint8Array, { data }: Bitmap): boolean {
  for (let from = 0, at = 0; at < rgb.length; from += 4, at += 3) if (rgb[at] !== data[from] || rgb[at + 1] !== data[from + 1] || rgb[at + 2] !== data[from + 2]) return false;
  return true;
}

const signs = new Map(Object.entries(entities).map(([sign, entity]) => [entity, sign]));
/** What a person reads of a page, without its white space. */
const textOf = (page: string): string =>
  (page.split('<body')[1] ?? '').replace(/<[^>]*>/g, '').replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => signs.get(entity) as string).replace(/\s/g, '');
