import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Fault } from '#models/base/fault.ts';
import { closeArchives, filterCases, loadBytes, readIndex, shippable } from '#training/data/cases.ts';
import { sharedIndexes, sharedRecords } from '#tests/support/caseRecords.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-cases-'));
afterAll(() => rmSync(folder, { recursive: true }));

const row = {
  id: 'a-1', archive: 'images.zip', file: 'a/a-1.jpg', modality: 'ct', set: 'a', split: 'train', width: 100, height: 80, task: 't', label: 'x', labels_space: ['x', 'y'],
  question_types: ['finding_class'], facts: { abnormal: true }, boxes: [{ class: 'lesion', box: [1, 2, 30, 40] }], group: 'g', licence: 'CC0 1.0', licence_class: 'permissive', sha256: 'a'.repeat(64),
  unknown_field: 1,
};

async function faultOf(text: string): Promise<Fault> {
  const path = join(folder, 'index.jsonl');
  writeFileSync(path, text);
  return readIndex(path).then(() => expect.fail('no fault'), (thrown: unknown) => thrown as Fault);
}
const withRow = (changes: object): string => `${JSON.stringify(row)}\n\n${JSON.stringify({ ...row, id: 'a-2', ...changes })}\n`;

describe('an index', () => {
  test('becomes records, blank lines and unknown fields aside', async () => {
    const path = join(folder, 'good.jsonl');
    writeFileSync(path, withRow({ boxes: undefined }));
    const [first, second] = await readIndex(path);
    expect(first).toMatchObject({ id: 'a-1', folder, labelsSpace: ['x', 'y'], licenceClass: 'permissive', boxes: [{ class: 'lesion', box: { x1: 1, y1: 2, x2: 30, y2: 40 } }] });
    expect(second!.boxes, 'not annotated').toBeNull();
  });

  test.each([
    ['a label outside its space', { label: 'z' }, 'label'],
    ['a box that leaves the image', { boxes: [{ class: 'lesion', box: [1, 2, 101, 40] }] }, 'boxes.0'],
    ['an empty box', { boxes: [{ class: 'lesion', box: [5, 2, 5, 40] }] }, 'boxes.0'],
    ['an unknown modality', { modality: 'pet' }, 'modality'],
    ['an archive above its folder', { archive: '../images.zip' }, 'archive'],
    ['an absolute file', { file: '/etc/passwd' }, 'file'],
    ['no size', { width: 0 }, 'width'],
    ['a short hash', { sha256: 'abc' }, 'sha256'],
  ])('with %s is refused by file and line', async (_, changes, field) => {
    const fault = await faultOf(withRow(changes));
    expect(fault.code).toBe('index.line');
    expect(fault.what).toContain('index.jsonl:3');
    expect(fault.why).toContain(field);
  });

  test('with a line that is not JSON, a repeated id, or no file at all is refused', async () => {
    expect((await faultOf('{"id": ')).code).toBe('index.line');
    expect((await faultOf(`${JSON.stringify(row)}\n${JSON.stringify(row)}`)).code).toBe('index.duplicate');
    await expect(readIndex(join(folder, 'none.jsonl'))).rejects.toMatchObject({ code: 'index.missing' });
    await expect(readIndex(folder)).rejects.toMatchObject({ code: 'index.size' });
  });
});

describe.skipIf(sharedIndexes().length === 0)('the shared cases (skipped where ../shared is absent)', () => {
  test('are read, and every image has the bytes that its row states', async () => {
    const records = await sharedRecords();
    expect(records.length).toBe(7855);
    for (const record of records.filter((_, at) => at % 7 === 0)) expect(loadBytes(record, { verify: true }).length).toBeGreaterThan(100);
    closeArchives();
  });

  test('can be parted by licence and split', async () => {
    const records = await sharedRecords();
    const permissive = filterCases(records, shippable);
    expect(new Set(permissive.map(({ archive }) => archive))).toEqual(new Set(['images_permissive.zip']));
    expect(filterCases(records, { splits: ['val'] }).length).toBe(896);
  });
});
