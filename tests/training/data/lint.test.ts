import { describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { lintRecords, type PictureSource } from '#training/data/lint.ts';
import { madeUp, sharedIndexes, sharedRecords } from '#tests/support/caseRecords.ts';

let next = 0;
/** A record of its own group and bytes. */
const own = (changes: Partial<CaseRecord> = {}): CaseRecord => madeUp({ id: `own-${++next}`, group: `own-${next}`, sha256: next.toString(16).padStart(64, '0'), ...changes });
const codesOf = async (records: readonly CaseRecord[], source?: PictureSource): Promise<string[]> => (await lintRecords(records, source)).map(({ code }) => code);
/** Every label once, so that nothing is untrained. */
const sound = (): CaseRecord[] => ['no_tumour', 'glioma', 'meningioma', 'pituitary_tumour'].map((label) => own({ label }));

describe('lint', () => {
  test('finds nothing in sound records', async () => expect(await codesOf(sound())).toEqual([]));

  test.each<[string, (record: CaseRecord) => Partial<CaseRecord>, string]>([
    ['a repeated id', ({ id }) => ({ id }), 'duplicate.id'],
    ['the same bytes twice', ({ sha256, label }) => ({ sha256, label }), 'duplicate.bytes'],
    ['the same bytes under two labels', ({ sha256 }) => ({ sha256, label: 'meningioma' }), 'label.contradiction'],
    ['a patient in two splits', ({ group }) => ({ group, split: 'val' }), 'leak.group'],
    ['a file in two splits', ({ sha256, label }) => ({ sha256, label, split: 'val' }), 'leak.bytes'],
    ['a question without its fact', () => ({ questionTypes: ['view'] }), 'question.fact'],
    ['a question of place without boxes', () => ({ questionTypes: ['localization_lesion'] }), 'question.boxes'],
    ['a box of one pixel', () => ({ boxes: [{ class: 'glioma', box: { x1: 1, y1: 1, x2: 2, y2: 9 } }] }), 'box.tiny'],
    ['a box of the whole image', () => ({ boxes: [{ class: 'glioma', box: { x1: 0, y1: 0, x2: 200, y2: 160 } }] }), 'box.whole'],
    ['a box listed twice', () => ({ boxes: [1, 2].map(() => ({ class: 'glioma', box: { x1: 0, y1: 0, x2: 20, y2: 16 } })) }), 'box.twice'],
    ['a licence that does not fit its class', () => ({ licence: 'not stated' }), 'licence.unclear'],
    ['two label spaces in one task', () => ({ labelsSpace: ['glioma', 'other'] }), 'task.labels'],
  ])('finds %s', async (_, changes, code) => {
    const records = sound();
    expect(await codesOf([...records, own(changes(records[1]!))])).toContain(code);
  });

  test('finds a label without training cases, and a rare one', async () => {
    expect(await codesOf(sound().slice(1))).toEqual(['label.untrained']);
    expect(await codesOf([...sound(), ...Array.from({ length: 9 }, () => own())])).toEqual(['label.imbalance']);
  });

  test('looks at the pictures when it is given them', async () => {
    const records = [...sound(), own({ split: 'val' })];
    const picture = { width: 200, height: 160, data: new Uint8Array(200 * 160 * 3) };
    const source: PictureSource = {
      bytes: (record) => Buffer.from(record.id),
      decode: (bytes) => {
        const at = records.findIndex(({ id }) => id === Buffer.from(bytes).toString());
        if (at === 0) return Promise.reject(new Fault({ code: 'picture.damaged', what: 'It', why: 'It is cut off.', mend: '' }));
        return Promise.resolve(at === 1 ? { ...picture, height: 80 } : picture);
      },
    };
    const codes = await codesOf(records, source);
    expect(codes).toContain('picture.damaged');
    expect(codes).toContain('picture.size');
    expect(codes).toContain('leak.look-alike');
  });

  test.skipIf(sharedIndexes().length === 0)('finds no error in the shared cases (skipped where ../shared is absent)', async () => {
    const errors = (await lintRecords(await sharedRecords())).filter(({ severity }) => severity === 'error');
    expect(errors).toEqual([]);
  });
});
