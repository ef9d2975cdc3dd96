/** What names a person is found in free text however it is spelled, and what a clinician usually writes is left alone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identifyingIn, withoutIdentifying, type KnownIdentifiers } from '#models/clinical/identifying.ts';

const known: KnownIdentifiers = {
  birthDate: '19500317', moved: (date) => `moved ${date}`, uid: (uid) => `2.25.${uid.length}`,
  identifiers: [
    { kind: 'patient', text: 'Müller-Lindqvist^Johanna^Maria^Dr', replacement: 'the patient' }, { kind: 'person', text: 'Reader Oneiros', replacement: 'Person 1' }, { kind: 'number', text: 'PAT-00173', replacement: '[ID]' },
    { kind: 'number', text: '884213', replacement: '[number]' }, { kind: 'place', text: 'St. Hedwig Klinik', replacement: '[place]' }, { kind: 'file', text: 'scan_jm_1950', replacement: '[file]' },
    { kind: 'patient', text: 'Li^Wu', replacement: 'the patient' },
  ],
};
const found = (text: string): readonly string[] => identifyingIn(text, known).map((hit) => hit.found);
const kinds = (text: string): readonly string[] => identifyingIn(text, known).map(({ kind }) => kind);

describe('a known name is found', () => {
  test.each<[string, string]>([
    ['as it is', 'Johanna'], ['in capitals', 'JOHANNA'], ['with its accents written out', 'Mueller'], ['without its accents', 'Muller'], ['with an accent apart', 'Mu\u0308ller'], ['with a zero-width joiner within', 'Jo\u200dhan\u200bna'],
    ['with a soft hyphen', 'Lind\u00adqvist'], ['with Cyrillic letters that look alike', 'J\u043eh\u0430nn\u0430'], ['in full width', '\uff2a\uff4f\uff48\uff41\uff4e\uff4e\uff41'], ['in letters of mathematics', '\u{1d409}\u{1d428}\u{1d421}\u{1d41a}\u{1d427}\u{1d427}\u{1d41a}'],
    ['spelled out', 'J o h a n n a'], ['as initials with dots', 'J.O.H.A.N.N.A.'], ['over a line\'s end', 'Lind-\nqvist'], ['in the genitive', 'Lindqvists'], ['within a longer word', 'DrLindqvistMemo'], ['in two letters', 'Wu'],
    ['with a right-to-left override before it', '\u202eJohanna'],
  ])('%s', (_, written) => {
    const text = `The film of ${written} shows a mass.`;
    expect(kinds(text)).toEqual(['patient']);
    expect(withoutIdentifying(text, identifyingIn(text, known))).toMatch(/^The film of .{0,3}the patient.{0,8} shows a mass\.$/su);
  });
  test('first and family name side by side are one', () => expect(found('Seen with Johanna Maria Müller-Lindqvist today.')).toEqual(['Johanna Maria Müller-Lindqvist']));
  test('of persons and places too', () => expect(kinds('Read by Oneiros at the place of Hedwig, one of the readers')).toEqual(['person', 'place']));
});

describe('a known number is found', () => {
  test.each([['as it is', 'PAT-00173'], ['without its signs', 'pat00173'], ['with others', 'PAT 00 173'], ['in digits of another script', 'PAT-\u0660\u0660\u0661\u0667\u0663'], ['of an order', '884-213'], ['of a file', 'scan jm 1950']])('%s', (_, written) => expect(found(`ID ${written}, left lung`)).toEqual([written]));
  test('and not within a longer one', () => expect(kinds('value 18842139')).toEqual(['number']));
});

describe('a date is found and moved', () => {
  test.each([
    ['2026-01-02', 'moved 20260102'], ['2.1.2026', 'moved 20260102'], ['13/01/2026', 'moved 20260113'], ['01/13/2026', 'moved 20260113'], ['01/02/2026', '[date]'], ['20260102', 'moved 20260102'], ['2 January 2026', 'moved 20260102'],
    ['January 2nd, 2026', 'moved 20260102'], ['2. Januar 2026', 'moved 20260102'], ['3. März 2026', 'moved 20260303'], ['14 juillet 2020', 'moved 20200714'], ['March 2019', '[date]'], ['3rd of May', '[date]'], ['2.1.26', '[date]'], ['17.03.1950', '[date]'],
    ['1950', '[year]'], ['\u0662\u0660\u0662\u0666-\u0660\u0661-\u0660\u0662', 'moved 20260102'],
  ])('%s', (written, replacement) => expect(identifyingIn(`Compared with ${written}: larger.`, known)).toMatchObject([{ kind: 'date', found: written, replacement }]));
});

test.each([
  ['1.2.840.113619.2.55.3.604688119.971', 'uid'], ['jane.doe@example.org', 'contact'], ['https://example.org/p/17', 'contact'], ['+49 30 1234 5678', 'contact'], ['(030) 123-4567', 'contact'], ['0012345678', 'number'], ['MRN0012345', 'number'],
  ['Mrs Abernathy', 'name'], ['Herr Dr. Özdemir', 'name'], ['93 years old', 'age'], ['Patient name: someone else', 'name'],
])('%s looks like something that names a person', (text, kind) => expect(kinds(`Note ${text} here`)).toContain(kind));

test.each([
  'A solid mass of 41 mm × 22.5 mm in the left upper lobe, 120 HU, unchanged.', 'The right costophrenic angle is blunted. Blunting begins at 50 ml of fluid.', 'T1 and T2 sequences, b = 1000; ADC 0.8.', 'BI-RADS 4a, Fleischner 2017, stage T2N0M0.', 'Slice 12 of 38, series 4; window 1500/-600.',
  'It may be a cyst; the lesion has a diameter of 3.5 cm.', 'Cobb angle 23.4°, kyphosis 41°.', 'No pleural effusion. Heart size is normal.', 'Male patient of 63 years with cough.',
])('what is usually written is left alone: %s', (text) => expect(found(text)).toEqual([]));

test('hits are places of the text, in order, none within another, whatever the text', () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('Johanna', 'Müller', 'PAT-00173', '2026-01-02', '1.2.3.4.5.6.7', ' ', '\n', '\u200b', '\ud83d')), { maxLength: 12 }), (parts) => {
    const text = parts.join('');
    const hits = identifyingIn(text, known);
    hits.forEach(({ start, end, found: said }, i) => {
      expect([text.slice(start, end), end > start, start >= (hits[i - 1]?.end ?? 0)]).toEqual([said, true, true]);
    });
    expect(identifyingIn(withoutIdentifying(text, hits), known).filter(({ kind }) => kind === 'patient' || kind === 'person')).toEqual([]);
  }), { numRuns: 300 });
});
test('a long text of one sign costs no more than its length', () => {
  const start = process.cpuUsage().user;
  for (const sign of ['1', '1.', '1-', 'a', 'a@', '(1 ', 'A ', '\u200b', 'patient name: ']) identifyingIn(sign.repeat(Math.floor(20_000 / sign.length)), known);
  expect(process.cpuUsage().user - start).toBeLessThan(20e6);
});
