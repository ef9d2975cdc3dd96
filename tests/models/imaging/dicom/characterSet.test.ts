import { expect, test } from 'vitest';
import { decodeText } from '#models/imaging/dicom/characterSet.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
const ascii = (text: string): string => [...text].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');

test.each([
  ['the default repertoire', [], ascii('Smith^John'), 'Smith^John'],
  ['Latin-1', ['ISO_IR 100'], '426cfc6368', 'Blüch'],
  ['Latin-1 bytes that Windows would read otherwise', ['ISO_IR 100'], '41805a', 'A\u0080Z'],
  ['Latin-2', ['ISO_IR 101'], 'a3f364bc', 'Łódź'],
  ['Cyrillic', ['ISO_IR 144'], 'bcd8e0', 'Мир'],
  ['Greek', ['ISO_IR 126'], 'c4e9', 'Δι'],
  ['Hebrew', ['ISO_IR 138'], 'f9e8', 'שט'],
  ['Arabic', ['ISO_IR 127'], 'c8d9', 'بع'],
  ['Latin-5 (Turkish)', ['ISO_IR 148'], 'ddfe', 'İş'],
  ['Latin-9', ['ISO_IR 203'], 'a4', '€'],
  ['Thai', ['ISO_IR 166'], 'a1d2', 'กา'],
  ['half-width Katakana', ['ISO_IR 13'], 'd4cfc0de', 'ﾔﾏﾀﾞ'],
  ['UTF-8', ['ISO_IR 192'], 'e78e8b', '王'],
  ['GB18030', ['GB18030'], 'cdf5', '王'],
  ['GBK, whose second byte may be a backslash', ['GBK'], '815c', '乗'.length === 1 ? new TextDecoder('gbk').decode(bytes('815c')) : ''],
] as const)('%s is read', (_name, sets, hex, text) => {
  expect(decodeText(bytes(hex), sets)).toBe(text);
});

test('Kanji by escape, in a person’s name of three groups', () => {
  // Yamada^Tarou=山田^太郎=やまだ^たろう, JIS X 0208 in G0 (PS3.5, H.3.1).
  const kanji = '1b24423b3345441b2842' + '5e' + '1b24424240 4f3a1b2842'.replace(' ', '');
  const kana = '1b2442246424 5e24401b2842'.replace(' ', '') + '5e' + '1b244224 3f246d24261b2842'.replace(' ', '');
  const name = `${ascii('Yamada^Tarou=')}${kanji}3d${kana}`;
  expect(decodeText(bytes(name), ['', 'ISO 2022 IR 87'], { personName: true })).toBe('Yamada^Tarou=山田^太郎=やまだ^たろう');
});

test('Kanji whose second byte is a backslash stay one character', () => {
  // 0x3B5C is JIS X 0208 row 27 cell 60; the backslash byte is half of it.
  const text = decodeText(bytes('1b24423b5c1b28425c41'), ['', 'ISO 2022 IR 87']);
  expect(text).toHaveLength(3);
  expect(text.slice(1)).toBe('\\A');
});

test('JIS X 0212 characters are read', () => {
  expect(decodeText(bytes('1b242844302e1b2842'), ['', 'ISO 2022 IR 159'])).toBe(new TextDecoder('euc-jp').decode(bytes('8fb0ae')));
});

test('half-width Katakana by escape stand beside ASCII', () => {
  expect(decodeText(bytes('411b2949d4'), ['ISO 2022 IR 6', 'ISO 2022 IR 13'])).toBe('Aﾔ');
});

test('Hangul in G1 is read without leaving ASCII', () => {
  // Hong^Gildong=洪^吉洞: the escape is repeated in each component, as PS3.5 I.2 shows.
  const name = `${ascii('Hong^Gildong=')}1b242943fbf35e1b242943d1ced4d7`;
  expect(decodeText(bytes(name), ['', 'ISO 2022 IR 149'], { personName: true })).toBe('Hong^Gildong=洪^吉洞');
});

test('simplified Chinese in G1 is read', () => {
  expect(decodeText(bytes('5a1b242941d0a1'), ['', 'ISO 2022 IR 58'])).toBe('Z小');
});

test('two single-byte sets follow each other by escape', () => {
  expect(decodeText(bytes('e91b2d46c41b2d4cbc'), ['ISO 2022 IR 100', 'ISO 2022 IR 126', 'ISO 2022 IR 144'])).toBe('éΔМ');
});

test('a new value begins again in the first set', () => {
  expect(decodeText(bytes('1b2d46c45ce9'), ['ISO 2022 IR 100', 'ISO 2022 IR 126'])).toBe('Δ\\é');
});

test('only a person’s name is parted by ^ and =', () => {
  const text = bytes('1b2d46c45ee9');
  expect(decodeText(text, ['ISO 2022 IR 100', 'ISO 2022 IR 126'], { personName: true })).toBe('Δ^é');
  expect(decodeText(text, ['ISO 2022 IR 100', 'ISO 2022 IR 126'])).toBe('Δ^ι');
});

test('an escape that is not known is kept, and a cut one does no harm', () => {
  expect(decodeText(bytes('411b2842'), [])).toBe('A');
  expect(decodeText(bytes('411b7a42'), ['', 'ISO 2022 IR 87'])).toBe('A\u001bzB');
  expect(decodeText(bytes('411b2442 3b'.replace(' ', '')), ['', 'ISO 2022 IR 87'])).toContain('A');
});

test('common misspellings of a term are understood', () => {
  for (const term of ['ISO IR 100', 'ISO-IR 100', 'ISO_IR_100', 'ISO_IR100']) expect(decodeText(bytes('fc'), [term])).toBe('ü');
});
