/** De-identification by PS3.15 Annex E: every row of the table, every option, into sequences, with consistent stand-ins and its own record in the file. */
import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { confidentiality, type Confidentiality } from '#models/imaging/dicom/confidentiality.ts';
import { deidentify, deidentifyOptions, identifiersIn, mappingOf, shiftDate, type DeidentifyOption, type Deidentified } from '#models/imaging/dicom/deidentify.ts';
import { personName, readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, has, items, rawBytes, tags, text, texts, type DataSet, type Tag } from '#models/imaging/dicom/elements.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { errorsOf, hasDciodvfy } from '#tests/support/dicomTools.ts';
import { identity, imageFile, withoutRepeats } from './fixtures.ts';

const mapping = (secret = 'secret') => mappingOf((words) => new Uint8Array(createHmac('sha256', secret).update(words).digest()));
const software = 'Loupe test';
const every = Object.keys(deidentifyOptions).filter((name) => name !== 'full-dates') as DeidentifyOption[];

const run = (bytes: Uint8Array, options: readonly DeidentifyOption[] = [], secret?: string): Promise<Deidentified> =>
  deidentify(readDicom(bytes), { options, mapping: mapping(secret), software, pixels: { kind: 'clean' } });

/** Text that names somebody, as the representation allows it. */
function telling(vr: string): NewElement['value'] {
  switch (vr) {
    case 'DA': return '19640229';
    case 'TM': return '123456';
    case 'DT': return '19640229123456.25';
    case 'AS': return '097Y';
    case 'DS': case 'IS': return 72;
    case 'US': case 'FL': case 'FD': return 2;
    case 'UI': return '1.2.3.4.5';
    case 'CS': return 'BETRAYED';
    case 'AE': case 'SH': return 'BETRAYED';
    case 'OB': case 'OW': case 'UN': return new TextEncoder().encode('BETRAYED');
    case 'SQ': return [[{ tag: 'x00100010', vr: 'PN', value: 'BETRAYED^NESTED' }]];
    default: return 'BETRAYED^BY NAME';
  }
}

/** Of a sequence that is replaced as a whole, every text has to go; of one that is kept, what the table names. */
function elementOf({ tag, vr, basic }: Confidentiality): NewElement {
  const value = vr === 'SQ' && basic === 'D' ? [[{ tag: 'x00080104', vr: 'LO', value: 'BETRAYED' }, { tag: 'x00080100', vr: 'SH', value: 'BETRAYED' }]] : telling(vr);
  return { tag, vr, value } as NewElement;
}
/** All rows that can stand in a data set (not commands, meta information or what follows the pixels). */
const rows = [...confidentiality.values()].filter(({ tag }) => tag > 'x0008' && tag < 'xfff' && tag !== 'x00080018' && tag !== 'x0020000d' && tag !== 'x0020000e');
const everything = (more: readonly NewElement[] = []): Uint8Array => imageFile(
  { rows: 2, columns: 2, photometric: 'MONOCHROME2', data: Uint8Array.of(1, 2, 3, 4) }, withoutRepeats(rows.map(elementOf), more),
);
const nested = (): Uint8Array => imageFile({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data: Uint8Array.of(1, 2, 3, 4) }, [
  { tag: 'x00081115', vr: 'SQ', value: [[{ tag: 'x00189807', vr: 'SQ', value: [rows.map(elementOf)] }]] },
]);

test('the table has the 617 attributes of the profile; private, curve and the two overlay rows are rules', () => {
  expect(confidentiality.size).toBe(617);
  expect([...confidentiality.values()].reduce<Record<string, number>>((counts, { basic }) => ({ ...counts, [basic]: (counts[basic] ?? 0) + 1 }), {}))
    .toEqual({ X: 380, D: 92, U: 54, Z: 42, 'X/D': 22, 'X/Z': 11, 'X/Z/D': 8, 'Z/D': 6, 'X/Z/U': 2 });
});

describe('the basic profile', () => {
  test.each([['at the top', everything, (dataSet: DataSet) => dataSet], ['two sequences deep', nested, (dataSet: DataSet) => items(items(dataSet, 'x00081115')[0]!, 'x00189807')[0]!]] as const)(
    'treats every row %s as the table says', async (_where, make, find) => {
      const after = find(readDicom((await run(make())).bytes).dataSet);
      const wrong = rows.flatMap((row) => {
        const is = fate(row, after);
        const may: Record<Confidentiality['basic'], readonly string[]> = {
          X: ['gone'], Z: ['empty', 'replaced'], D: ['replaced'], U: ['replaced'], 'X/Z': ['gone', 'empty'], 'X/D': ['gone', 'replaced'], 'Z/D': ['empty', 'replaced'], 'X/Z/D': ['gone', 'empty', 'replaced'], 'X/Z/U': ['replaced'],
        };
        return may[row.basic].includes(is) ? [] : [`${row.tag} ${row.name} (${row.basic}) is ${is}`];
      });
      expect(wrong).toEqual([]);
    });

  test('leaves nothing that names anybody, anywhere in the file', async () => {
    for (const make of [everything, nested]) {
      const { bytes } = await run(make());
      for (const word of ['BETRAYED', '19640229', '1.2.3.4.5']) expect(Buffer.from(bytes).includes(word), word).toBe(false);
    }
  });

  test('leaves nothing where values are implicit, so that only the table knows what they are', async () => {
    const { dataSet } = readDicom((await run(asImplicit(everything()))).bytes);
    const left = Buffer.from(dataSet.bytes);
    for (const word of ['BETRAYED', '19640229', '1.2.3.4.5']) expect(left.includes(word), word).toBe(false);
    expect(await decodeFrame(readDicom((await run(asImplicit(everything()))).bytes), 0)).toMatchObject({ data: Uint8Array.of(1, 2, 3, 4) });
  });

  test('removes private elements in every group, at every depth, with their creators', async () => {
    const hidden: NewElement[] = [{ tag: 'x00090010', vr: 'LO', value: 'ACME' }, { tag: 'x00091001', vr: 'LO', value: 'BETRAYED' }, { tag: 'x00091002', vr: 'SQ', value: [[{ tag: 'x00100010', vr: 'PN', value: 'BETRAYED' }]] }];
    const { bytes, changes } = await run(imageFile({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: Uint8Array.of(1) }, [...hidden, { tag: 'x00081115', vr: 'SQ', value: [hidden] }]));
    expect(Buffer.from(bytes).includes('BETRAYED') || Buffer.from(bytes).includes('ACME')).toBe(false);
    expect(changes.filter(({ path }) => path.includes('(0009,')).map(({ path, action }) => `${path} ${action}`)).toContain('(0008,1115)[1].(0009,1001) X');
  });

  test('removes curves and overlays, the overlay in unused bits of the pixels among them', async () => {
    const { bytes } = await run(imageFile({ rows: 1, columns: 3, photometric: 'MONOCHROME2', data: Uint16Array.of(0x8fff, 0x0123, 0xf000), bitsStored: 12 }, [
      { tag: 'x50003000', vr: 'OW', value: new Uint8Array(4) }, { tag: 'x60000010', vr: 'US', value: 1 }, { tag: 'x60000011', vr: 'US', value: 3 }, { tag: 'x60000102', vr: 'US', value: 15 },
    ]));
    const file = readDicom(bytes);
    expect(tags(file.dataSet).filter((tag) => /^x[56]0/.test(tag))).toEqual([]);
    expect([...rawBytes(file.dataSet, 'x7fe00010')]).toEqual([0xff, 0x0f, 0x23, 0x01, 0, 0]);
  });

  test('writes the file information anew: no preamble, no application titles, the same instance in both places', async () => {
    const source = everything();
    source.set(new TextEncoder().encode('BETRAYED'), 0);
    const { bytes, sopInstanceUid } = await run(source);
    const { meta, dataSet } = readDicom(bytes);
    expect(bytes.subarray(0, 128).every((byte) => byte === 0)).toBe(true);
    expect(tags(meta!)).toEqual(['x00020000', 'x00020001', 'x00020002', 'x00020003', 'x00020010', 'x00020012', 'x00020013']);
    expect([firstText(meta!, 'x00020003'), firstText(dataSet, 'x00080018')]).toEqual([sopInstanceUid, sopInstanceUid]);
  });

  test('says in the file what was done', async () => {
    const { bytes, codes } = await run(everything(), ['modified-dates', 'clean-descriptors', 'safe-private']);
    const { dataSet } = readDicom(bytes);
    expect([firstText(dataSet, 'x00120062'), firstText(dataSet, 'x00280303'), firstText(dataSet, 'x00280301')]).toEqual(['YES', 'MODIFIED', 'NO']);
    expect(items(dataSet, 'x00120064').map((item) => `${firstText(item, 'x00080100')} ${firstText(item, 'x00080102')}`)).toEqual(codes.map((code) => `${code} DCM`));
    expect(codes).toEqual(['113100', '113101', '113107', '113105', '113111']);
    expect(texts(dataSet, 'x00120063')).toContain(software);
    expect(firstText(readDicom((await run(everything())).bytes).dataSet, 'x00280303')).toBe('REMOVED');
  });
});

/** What became of a row's element. */
function fate({ tag, vr }: Confidentiality, after: DataSet): 'gone' | 'empty' | 'replaced' | 'kept' {
  if (!has(after, tag)) return 'gone';
  if (vr === 'SQ') {
    const inner = items(after, tag);
    if (inner.length === 0) return 'empty';
    return inner.some((item) => firstText(item, 'x00080104') === 'BETRAYED' || personName(item, 'x00100010').includes('BETRAYED')) ? 'kept' : 'replaced';
  }
  const value = rawBytes(after, tag);
  if (value.length === 0) return 'empty';
  const [before] = [rawBytes(readDicom(everything()).dataSet, tag)];
  return Buffer.compare(value, before) === 0 ? 'kept' : 'replaced';
}

/** The same file with implicit values: what an archive that knows no representations passes on. */
function asImplicit(bytes: Uint8Array): Uint8Array {
  const { dataSet } = readDicom(bytes);
  const element = (tag: Tag, value: Uint8Array): Uint8Array => {
    const out = new Uint8Array(8 + value.length);
    const view = new DataView(out.buffer);
    view.setUint16(0, parseInt(tag.slice(1, 5), 16), true);
    view.setUint16(2, parseInt(tag.slice(5), 16), true);
    view.setUint32(4, value.length, true);
    out.set(value, 8);
    return out;
  };
  const level = (from: DataSet): Uint8Array => Buffer.concat(tags(from).map((tag) => {
    const inner = items(from, tag);
    return element(tag, inner.length > 0 ? Buffer.concat(inner.map((item) => element('xfffee000', level(item)))) : rawBytes(from, tag));
  }));
  const template = Buffer.from(writeDicom([{ tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.7' }, { tag: 'x00080018', vr: 'UI', value: '2.25.1' }]));
  const at = template.indexOf('1.2.840.10008.1.2.1');
  const body = template.indexOf(Buffer.from([8, 0, 5, 0]));
  // 1.2.840.10008.1.2, padded to the same length.
  template.set(Buffer.from('1.2.840.10008.1.2\0\0\0'), at);
  return Buffer.concat([template.subarray(0, body), level(dataSet)]);
}

describe('the options', () => {
  const kept = async (options: readonly DeidentifyOption[], source = everything()): Promise<DataSet> => readDicom((await run(source, options)).bytes).dataSet;

  test.each([
    ['uids', 'u', 'kept'], ['device', 'd', 'kept'], ['institution', 'i', 'kept'], ['full-dates', 't', 'kept'],
  ] as const)('%s keep what the table lets them', async (option, letter, is) => {
    const after = await kept([option]);
    const mine = rows.filter(({ options, vr }) => options.has(letter) && vr !== 'SQ');
    expect(mine.length).toBeGreaterThan(2);
    expect(mine.filter((row) => fate(row, after) !== is).map(({ tag, name }) => `${tag} ${name}`)).toEqual([]);
  });

  test('patient-characteristics keeps sex, size and weight, and joins ages from 90 years on', async () => {
    const after = await kept(['patient-characteristics'], everything([{ tag: 'x00100040', vr: 'CS', value: 'F' }]));
    expect([firstText(after, 'x00100040'), firstText(after, 'x00101030'), firstText(after, 'x00101010')]).toEqual(['F', '72', '090Y']);
  });

  test('modified-dates moves every date by the same days, so that intervals stay', async () => {
    const after = await kept(['modified-dates'], everything([{ tag: 'x00080020', vr: 'DA', value: '20240310' }, { tag: 'x00080021', vr: 'DA', value: '20240301' }]));
    const days = (tag: Tag): number => Date.parse(firstText(after, tag)!.replace(/(....)(..)(..).*/, '$1-$2-$3')) / 86_400_000;
    expect(days('x00080020') - days('x00080021')).toBe(9);
    expect(firstText(after, 'x00080020')).not.toBe('20240310');
    expect(rows.filter(({ options, vr }) => options.has('t') && vr !== 'SQ' && vr !== 'TM').filter((row) => fate(row, after) !== 'replaced').map(({ tag }) => tag)).toEqual([]);
    expect(firstText(after, 'x00080030')).toBe('120000');
    expect(firstText(after, 'x0008002a')).toMatch(/^\d{8}123456\.25$/);
  });

  test('clean-descriptors keeps words of examination and body, and no others', async () => {
    const after = await kept(['clean-descriptors'], everything([
      { tag: 'x00081030', vr: 'LO', value: 'CT CHEST w/o contrast, Mrs Doe, 12.03.1964' }, { tag: 'x0008103e', vr: 'LO', value: 'Jane Doe' }, { tag: 'x00181030', vr: 'LO', value: 'T1 AX 5mm Smith' },
    ]));
    expect([firstText(after, 'x00081030'), has(after, 'x0008103e'), firstText(after, 'x00181030')]).toEqual(['CT CHEST without contrast', false, 'T1 5mm']);
  });

  test('safe-private keeps listed elements under their creator, and nothing else of the block', async () => {
    const block: NewElement[] = [{ tag: 'x00190011', vr: 'LO', value: 'SIEMENS MR HEADER' }, { tag: 'x0019110c', vr: 'IS', value: 1000 }, { tag: 'x00191108', vr: 'CS', value: 'BETRAYED' }, { tag: 'x00290010', vr: 'LO', value: 'SIEMENS CSA HEADER' }, { tag: 'x00291010', vr: 'OB', value: new Uint8Array(8) }];
    const after = await kept(['safe-private'], everything(block));
    expect(tags(after).filter((tag) => parseInt(tag.slice(4, 5), 16) % 2 === 1)).toEqual(['x00190011', 'x0019110c']);
    expect(firstText(after, 'x0019110c')).toBe('1000');
  });

  test('clean-structured-content keeps codes, numbers and places of a report, and of its sentences the words of the list', async () => {
    const report = writeDicom([
      ...identity().map((element) => (element.tag === 'x00080016' ? { ...element, value: '1.2.840.10008.5.1.4.1.1.88.33' } as NewElement : element)),
      { tag: 'x0040a730', vr: 'SQ', value: [
        [{ tag: 'x0040a040', vr: 'CS', value: 'TEXT' }, { tag: 'x0040a160', vr: 'UT', value: 'Chest CT of Mrs Doe' }],
        [{ tag: 'x0040a040', vr: 'CS', value: 'PNAME' }, { tag: 'x0040a123', vr: 'PN', value: 'Doe^Jane' }],
        [{ tag: 'x0040a040', vr: 'CS', value: 'UIDREF' }, { tag: 'x0040a124', vr: 'UI', value: '1.2.3' }],
        [{ tag: 'x0040a040', vr: 'CS', value: 'SCOORD' }, { tag: 'x00700022', vr: 'FL', value: [1, 2, 3, 4] }],
      ] },
    ]);
    const [sentence, name, uid, place] = items(await kept(['clean-structured-content'], report), 'x0040a730');
    expect([text(sentence!, 'x0040a160'), personName(name!, 'x0040a123'), place && rawBytes(place, 'x00700022').length]).toEqual(['Chest CT of', 'REMOVED', 16]);
    expect(firstText(uid!, 'x0040a124')).toMatch(/^2\.25\./);
    const [only, ...more] = items(await kept([], report), 'x0040a730');
    expect([text(only!, 'x0040a160'), more]).toEqual(['Content removed by de-identification.', []]);
  });

  test('all at once leave no name', async () => {
    for (const make of [everything, nested]) {
      const { bytes } = await run(make(), every);
      expect(readDicom(bytes).notes).toEqual([]);
      expect(identifiersIn(readDicom(bytes).dataSet).filter(({ value, tag }) => value.includes('BETRAYED') && !confidentiality.get(tag)?.options.has('i') && !confidentiality.get(tag)?.options.has('d'))).toEqual([]);
    }
  });
});

describe('what stands for what', () => {
  const image = (instance: string, patient: string): Uint8Array => imageFile({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: Uint8Array.of(7) }, [
    { tag: 'x00080018', vr: 'UI', value: `1.2.3.${instance}` }, { tag: 'x00100020', vr: 'LO', value: patient }, { tag: 'x00080020', vr: 'DA', value: '20240310' },
    { tag: 'x00081140', vr: 'SQ', value: [[{ tag: 'x00081150', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.7' }, { tag: 'x00081155', vr: 'UI', value: '1.2.3.1' }]] },
  ]);
  const about = async (bytes: Uint8Array, secret?: string): Promise<string[]> => {
    const { dataSet } = readDicom((await run(bytes, ['modified-dates'], secret)).bytes);
    const [reference] = items(dataSet, 'x00081140');
    return [firstText(dataSet, 'x00080018')!, firstText(reference!, 'x00081155')!, firstText(dataSet, 'x00100020')!, firstText(dataSet, 'x00080020')!, firstText(reference!, 'x00081150')!];
  };

  test('a reference still points at what it pointed at, and kinds keep their UIDs', async () => {
    const [first, second] = [await about(image('1', 'A')), await about(image('2', 'A'))];
    expect([second[1], second[4]]).toEqual([first[0], '1.2.840.10008.5.1.4.1.1.7']);
    expect(first[0]).toMatch(/^2\.25\.\d{1,39}$/);
    expect(first[0]!.length).toBeLessThanOrEqual(64);
  });
  test('the same patient has the same name and shift, another one others', async () => {
    const [a, again, b] = [await about(image('1', 'A')), await about(image('2', 'A')), await about(image('3', 'B'))];
    expect(a.slice(2, 4)).toEqual(again.slice(2, 4));
    expect(a[2]).not.toBe(b[2]);
    expect(a[3]).not.toBe(b[3]);
  });
  test('another secret gives others for all', async () => {
    const [one, two] = [await about(image('1', 'A')), await about(image('1', 'A'), 'another')];
    for (const i of [0, 1, 2, 3]) expect(one[i]).not.toBe(two[i]);
  });
});

test('dates move across months and leap days, and keep their precision and zone', () => {
  expect([shiftDate('20240301', 1), shiftDate('20240101', 1), shiftDate('20240301123000.5+0100', 31), shiftDate('202403', 1), shiftDate('2024.03.01', 1), shiftDate('', 5)]).toEqual(['20240229', '20231231', '20240130123000.5+0100', '202402', '20240229', '']);
  expect([shiftDate('20240230', 1), shiftDate('yesterday', 1)]).toEqual([null, null]);
});

test('character sets stay: what is kept is written as it came, what is new is within ASCII', async () => {
  const { bytes } = await run(imageFile({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: Uint8Array.of(1) }, [{ tag: 'x00100010', vr: 'PN', value: 'Wang^XiaoDong=王^小東' }, { tag: 'x00080070', vr: 'LO', value: '東芝' }]));
  const { dataSet } = readDicom(bytes);
  expect([firstText(dataSet, 'x00080005'), firstText(dataSet, 'x00080070')]).toEqual(['ISO_IR 192', '東芝']);
  expect(personName(dataSet, 'x00100010')).toMatch(/^P-[2-9A-Z]{10}$/);
});

describe('the comparison of before and after', () => {
  test('lists every element that is not what it was, with its path and action, and nothing else', async () => {
    const source = imageFile({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: Uint8Array.of(1) }, [{ tag: 'x00100010', vr: 'PN', value: 'Doe^Jane' }, { tag: 'x00081030', vr: 'LO', value: 'Chest' }, { tag: 'x00081115', vr: 'SQ', value: [[{ tag: 'x00081155', vr: 'UI', value: '1.2.3' }]] }]);
    const { changes } = await run(source, ['clean-descriptors']);
    expect(changes.filter(({ action }) => action !== 'added').map(({ path, name, action, before }) => `${action} ${path} ${name}: ${before}`)).toEqual([
      'U (0008,0018) SOP Instance UID: 2.25.1000.1', 'U (0008,1115)[1].(0008,1155) Referenced SOP Instance UID: 1.2.3', "D (0010,0010) Patient's Name: Doe^Jane", 'U (0020,000D) Study Instance UID: 2.25.1',
      'U (0020,000E) Series Instance UID: 2.25.2',
    ]);
    expect(changes.filter(({ action }) => action === 'added').map(({ path }) => path)).toEqual(['(0012,0062)', '(0012,0063)', '(0012,0064)', '(0028,0303)', '(0028,0301)']);
  });
});

describe('what cannot be cleaned is refused', () => {
  const kind = (uid: string): Uint8Array => writeDicom(identity().map((element) => (element.tag === 'x00080016' ? { ...element, value: uid } as NewElement : element)));
  test.each([['a wrapped PDF', '1.2.840.10008.5.1.4.1.1.104.1'], ['a directory', '1.2.840.10008.1.3.10']])('%s', async (_what, uid) => {
    await expect(run(kind(uid))).rejects.toMatchObject({ code: 'deidentify.kind' });
  });
  test('a file that was cut', async () => {
    const whole = everything();
    await expect(run(whole.subarray(0, whole.length - 2))).rejects.toMatchObject({ code: 'dicom.truncated' });
  });
  test('a capture whose pixels nobody looked at', async () => {
    const bytes = imageFile({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data: Uint8Array.of(1, 2, 3, 4) });
    await expect(deidentify(readDicom(bytes), { options: [], mapping: mapping(), software })).rejects.toMatchObject({ code: 'deidentify.pixels' });
  });
});

test('identifiers are found at any depth, each once', () => {
  const bytes = writeDicom([...identity(), { tag: 'x00100010', vr: 'PN', value: 'Doe^Jane' }, { tag: 'x00081115', vr: 'SQ', value: [[{ tag: 'x00100010', vr: 'PN', value: 'Doe^Jane' }, { tag: 'x00081050', vr: 'PN', value: 'House^G' }]] }]);
  expect(identifiersIn(readDicom(bytes).dataSet).map(({ path, name, value }) => `${path} ${name}: ${value}`)).toEqual(["(0008,1115)[1].(0008,1050) Performing Physician's Name: House^G", "(0008,1115)[1].(0010,0010) Patient's Name: Doe^Jane"]);
});

const shared = join(process.env['LOUPE_SHARED'] ?? '../shared', 'data/dicom');
describe.skipIf(!existsSync(shared))('the reference files (skipped where ../shared is absent)', () => {
  const names = existsSync(shared) ? readdirSync(shared).filter((name) => /^(ct_explicit|ct_implicit|ct_rle|mr_overlay|mr_enhanced_10frame|charset_|nested|us_palette_rle|sm_boxes_level1|sr_nested|dx_|bad_un)/.test(name)) : [];
  test.each(names)('%s keeps its pixels, loses its names, and gains no error', async (name) => {
    const bytes = new Uint8Array(readFileSync(join(shared, name)));
    const before = readDicom(bytes);
    const { bytes: cleaned } = await run(bytes, ['modified-dates', 'clean-descriptors']);
    const after = readDicom(cleaned);
    expect(after.notes.map(({ code }) => code)).toEqual(before.notes.map(({ code }) => code).filter((code) => after.notes.some((note) => note.code === code)));
    const known = new Set(identifiersIn(before.dataSet).map(({ value }) => value).filter((value) => value.length > 2));
    expect(identifiersIn(after.dataSet).filter(({ value }) => known.has(value))).toEqual([]);
    if (before.image) expect(Buffer.compare(Buffer.from((await decodeFrame(after, 0)).data.buffer), Buffer.from((await decodeFrame(before, 0)).data.buffer))).toBe(0);
    if (hasDciodvfy) expect(errorsOf(cleaned).length).toBeLessThanOrEqual(errorsOf(bytes).length);
  });
});

test('pixels are described in full by the elements that stay', () => expect(pixelElements({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: Uint8Array.of(1) }).every(({ tag }) => !confidentiality.has(tag))).toBe(true));
