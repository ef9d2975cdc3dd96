import { describe, expect, test } from 'vitest';
import { fromCoco, fromCsv, toCoco, toCsv } from '#training/data/exchange.ts';
import { IndexRow } from '#training/records/caseRecord.ts';

const row = (id: string, more: Partial<IndexRow> = {}): IndexRow => IndexRow.parse({
  id, archive: 'images.zip', file: `${id}.png`, modality: 'ct', set: 'own', split: 'train', width: 64, height: 48, task: 'own_finding', label: 'nodule', labels_space: ['nodule', 'none'],
  question_types: ['asked'], facts: { question: 'Is it, "so to say", a nodule?\nSay which.', body_part: 'chest' }, group: 'p1', licence_class: 'permissive', sha256: 'a'.repeat(64), ...more,
});
const rows = [
  row('a', { boxes: [{ class: 'nodule', box: [1.1, 2, 9.7, 12.25] }, { class: 'vessel', box: [0, 0, 3, 4] }] }), row('b', { boxes: [], label: 'none' }), row('c', { facts: {}, task: '=1+1' }), row("'-d'"),
];

describe.each([['COCO', toCoco, fromCoco], ['CSV', toCsv, fromCsv]] as const)('cases as %s', (_, write, read) => {
  test('come back as they were, and are written again byte for byte', () => {
    expect(read(write(rows))).toEqual(rows);
    expect(write(read(write(rows)))).toBe(write(rows));
  });
  test('of another form, cut short, or without what an index needs are refused with the reason', () => {
    for (const text of ['', '{', '{"images":1}', 'id,image\r\n', `${toCsv(rows)}"`, 'id,image,question,answer,split,loupe\r\na,b\r\n']) expect(() => read(text === '' ? 'x' : text)).toThrow(expect.objectContaining({ code: 'exchange.form' }));
  });
});

test('a box that was moved, a label and a question that were changed elsewhere count', () => {
  const coco = JSON.parse(toCoco(rows)) as { annotations: { bbox: number[] }[] };
  coco.annotations[0]!.bbox = [2, 3, 5, 5];
  expect(fromCoco(JSON.stringify(coco))[0]?.boxes?.[0]).toEqual({ class: 'nodule', box: [2, 3, 7, 8] });
  const [, first] = fromCsv(toCsv([row('a'), row('b')]).replace(/,nodule,train,/g, ',none,val,'));
  expect(first).toMatchObject({ label: 'none', split: 'val', facts: { body_part: 'chest' } });
  expect(() => fromCsv(toCsv([row('a')]).replace(',nodule,', ',gnome,'))).toThrow(expect.objectContaining({ code: 'exchange.row' }));
  expect(() => fromCoco('{"images":[{"id":1,"file_name":"x.png","width":2,"height":2}],"annotations":[],"categories":[]}')).toThrow(expect.objectContaining({ code: 'exchange.row' }));
});

test('what a spreadsheet would take for a formula begins with an apostrophe', () => expect(toCsv(rows)).toContain("c,c.png,'=1+1,nodule,"));
