import { describe, expect, test } from 'vitest';
import { element, firstText, items, numbers, parseElements, rawBytes, tags, text, texts } from '#models/imaging/dicom/elements.ts';
import type { ParseOptions } from '#models/imaging/dicom/elements.ts';

const little: ParseOptions = { explicit: true, littleEndian: true, position: 0 };
const word = (value: number): number[] => [value & 255, value >> 8];
const long = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const chars = (value: string): number[] => [...value].map((c) => c.charCodeAt(0));

/** An explicit little-endian element. */
const explicit = (group: number, number: number, vr: string, value: readonly number[], length = value.length): number[] =>
  ['OB', 'OW', 'SQ', 'UN', 'UT', 'OV', 'SV', 'UV'].includes(vr)
    ? [...word(group), ...word(number), ...chars(vr), 0, 0, ...long(length), ...value]
    : [...word(group), ...word(number), ...chars(vr), ...word(length), ...value];
const implicit = (group: number, number: number, value: readonly number[], length = value.length): number[] => [...word(group), ...word(number), ...long(length), ...value];
const item = (content: readonly number[], length = content.length): number[] => implicit(0xfffe, 0xe000, content, length);
const itemEnd = implicit(0xfffe, 0xe00d, []);
const sequenceEnd = implicit(0xfffe, 0xe0dd, []);
const parse = (bytes: readonly number[], options: Partial<ParseOptions> = {}): ReturnType<typeof parseElements> => parseElements(Uint8Array.from(bytes), { ...little, ...options });

const undefinedLength = 0xffffffff;

test('explicit and implicit elements give the same values', () => {
  const stated = parse([...explicit(0x28, 0x10, 'US', word(512)), ...explicit(0x28, 0x30, 'DS', chars('0.5\\0.25'))]).dataSet;
  const unstated = parse([...implicit(0x28, 0x10, word(512)), ...implicit(0x28, 0x30, chars('0.5\\0.25'))], { explicit: false }).dataSet;
  for (const dataSet of [stated, unstated]) {
    expect(numbers(dataSet, 'x00280010', 'US')).toEqual([512]);
    expect(numbers(dataSet, 'x00280030', 'DS')).toEqual([0.5, 0.25]);
  }
});

test('big-endian numbers are read', () => {
  const { dataSet } = parse([0, 0x28, 0, 0x10, ...chars('US'), 0, 2, 2, 0], { littleEndian: false });
  expect(numbers(dataSet, 'x00280010', 'US')).toEqual([512]);
});

test('each binary representation is read as what it is', () => {
  const value = new DataView(new ArrayBuffer(8));
  const of = (size: number): number[] => [...new Uint8Array(value.buffer, 0, size)];
  value.setFloat32(0, 1.5, true);
  expect(numbers(parse(explicit(8, 1, 'FL', of(4))).dataSet, 'x00080001', 'FL')).toEqual([1.5]);
  value.setFloat64(0, -2.25, true);
  expect(numbers(parse(explicit(8, 1, 'FD', of(8))).dataSet, 'x00080001', 'FD')).toEqual([-2.25]);
  value.setInt32(0, -70000, true);
  expect(numbers(parse(explicit(8, 1, 'SL', of(4))).dataSet, 'x00080001', 'SL')).toEqual([-70000]);
  value.setInt16(0, -7, true);
  expect(numbers(parse(explicit(8, 1, 'SS', of(2))).dataSet, 'x00080001', 'SS')).toEqual([-7]);
  value.setBigUint64(0, 5_000_000_000n, true);
  expect(numbers(parse(explicit(8, 1, 'UV', of(8))).dataSet, 'x00080001', 'UV')).toEqual([5_000_000_000]);
  value.setBigInt64(0, -5n, true);
  expect(numbers(parse(explicit(8, 1, 'SV', of(8))).dataSet, 'x00080001', 'SV')).toEqual([-5]);
});

test('the element behind one of 64-bit values is found', () => {
  const { dataSet, damage } = parse([...explicit(8, 1, 'OV', [1, 2, 3, 4, 5, 6, 7, 8]), ...explicit(8, 2, 'US', word(3))]);
  expect(damage).toBeNull();
  expect(element(dataSet, 'x00080001')?.vr).toBe('OV');
  expect(numbers(dataSet, 'x00080002', 'US')).toEqual([3]);
});

test('a decimal that is no number is told from one that is absent', () => {
  const { dataSet } = parse(explicit(0x28, 0x8, 'IS', chars('1A')));
  expect(numbers(dataSet, 'x00280008', 'IS')).toEqual([NaN]);
  expect(numbers(dataSet, 'x00280009', 'IS')).toEqual([]);
});

test('decimals with signs, exponents and padding are read, negative zero as zero', () => {
  const { dataSet } = parse(explicit(0x20, 0x32, 'DS', chars(' +1.5E2\\-.5 \\-0 ')));
  expect(numbers(dataSet, 'x00200032', 'DS')).toEqual([150, -0.5, 0]);
});

test('padding goes, inner and leading spaces of text stay', () => {
  const { dataSet } = parse([...explicit(8, 0x70, 'LO', chars('A B \0')), ...explicit(8, 0x81, 'ST', chars('  two\\lines '))]);
  expect(texts(dataSet, 'x00080070')).toEqual(['A B']);
  expect(text(dataSet, 'x00080081')).toBe('  two\\lines');
  expect(firstText(dataSet, 'x00080090')).toBeUndefined();
});

describe.each([
  ['defined lengths', (content: number[]): number[] => explicit(8, 0x1140, 'SQ', item(content))],
  ['an item of undefined length', (content: number[]): number[] => explicit(8, 0x1140, 'SQ', item([...content, ...itemEnd], undefinedLength).slice(0), item([...content, ...itemEnd]).length)],
  ['a sequence of undefined length', (content: number[]): number[] => explicit(8, 0x1140, 'SQ', [...item(content), ...sequenceEnd], undefinedLength)],
] as const)('a sequence with %s', (_name, make) => {
  test('is entered, and the element behind it is found', () => {
    const { dataSet, damage } = parse([...make(explicit(8, 0x1150, 'UI', chars('1.2'))), ...explicit(0x20, 0x13, 'IS', chars('7 '))]);
    expect(damage).toBeNull();
    expect(items(dataSet, 'x00081140').map((inner) => firstText(inner, 'x00081150'))).toEqual(['1.2']);
    expect(numbers(dataSet, 'x00200013', 'IS')).toEqual([7]);
  });
});

test('a sequence that lost its representation on the way is still entered', () => {
  const content = implicit(8, 0x1150, chars('1.2 '));
  const known = parse(explicit(8, 0x1140, 'UN', item(content))).dataSet;
  const open = parse([...explicit(8, 0x1140, 'UN', [...item(content), ...sequenceEnd], undefinedLength)]).dataSet;
  expect(items(known, 'x00081140').map((inner) => firstText(inner, 'x00081150'))).toEqual(['1.2']);
  expect(items(open, 'x00081140').map((inner) => firstText(inner, 'x00081150'))).toEqual(['1.2']);
});

test('an item may speak another character set', () => {
  const inner = [...explicit(8, 5, 'CS', chars('ISO_IR 126')), ...explicit(8, 0x104, 'LO', [0xc4, 0x20])];
  const { dataSet } = parse([...explicit(8, 5, 'CS', chars('ISO_IR 100')), ...explicit(8, 0x70, 'LO', [0xe9, 0x20]), ...explicit(8, 0x1140, 'SQ', item(inner))]);
  expect(text(dataSet, 'x00080070')).toBe('é');
  expect(text(items(dataSet, 'x00081140')[0]!, 'x00080104')).toBe('Δ');
});

test('a value that reaches past the end is cut to what is there, and told', () => {
  for (const options of [{ explicit: true }, { explicit: false }]) {
    const bytes = options.explicit ? explicit(8, 0x70, 'LO', chars('ab'), 100) : implicit(8, 0x70, chars('ab'), 100);
    const { dataSet, damage } = parse(bytes, options);
    expect(damage).toContain('(0008,0070)');
    expect(element(dataSet, 'x00080070')).toMatchObject({ length: 2, statedLength: 100 });
    expect(text(dataSet, 'x00080070')).toBe('ab');
  }
});

test('parsing ends at the tag or the group that is asked for', () => {
  const bytes = [...explicit(2, 0x10, 'UI', chars('1.2 ')), ...explicit(8, 0x60, 'CS', chars('CT')), ...explicit(0x10, 0x10, 'PN', chars('A '))];
  expect(tags(parse(bytes, { onlyGroup: 2 }).dataSet)).toEqual(['x00020010']);
  expect(tags(parse(bytes, { untilTag: 'x00080060' }).dataSet)).toEqual(['x00020010', 'x00080060']);
});

test('nesting beyond the limit is a fault, nesting up to it is not', () => {
  const nested = (depth: number): number[] => Array.from({ length: depth }).reduce<number[]>(
    (content) => explicit(8, 0x1140, 'SQ', [...item([...content, ...itemEnd], undefinedLength), ...sequenceEnd], undefinedLength), explicit(8, 0x60, 'CS', chars('CT')));
  expect(parse(nested(90)).damage).toBeNull();
  expect(() => parse(nested(110))).toThrow(expect.objectContaining({ code: 'dicom.limits' }));
});

test('a hundred thousand open sequences end in a fault, not in an exhausted stack', () => {
  const open = [...word(8), ...word(0x1140), ...chars('SQ'), 0, 0, ...long(undefinedLength), ...implicit(0xfffe, 0xe000, [], undefinedLength)];
  const bytes = new Uint8Array(open.length * 100_000);
  for (let at = 0; at < bytes.length; at += open.length) bytes.set(open, at);
  expect(() => parseElements(bytes, little)).toThrow(expect.objectContaining({ code: 'dicom.limits' }));
});

test('more elements than allowed end in a fault', () => {
  const many = Array.from({ length: 50 }, (_, i) => implicit(9, i, [])).flat();
  expect(parse(many, { explicit: false, maximumElements: 50 }).damage).toBeNull();
  expect(() => parse(many, { explicit: false, maximumElements: 49 })).toThrow(expect.objectContaining({ code: 'dicom.limits' }));
});

test('the raw value of an absent element is empty', () => {
  expect(rawBytes(parse([]).dataSet, 'x7fe00010')).toHaveLength(0);
});
