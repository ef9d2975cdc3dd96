/** `loupe deidentify`: nothing is written before somebody looked; then all of it, with a record that the journal holds. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { command } from '#electron/commands/deidentify.ts';
import type { CommandContext } from '#electron/commands/command.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { temporaryFolder } from '#tests/support/audit.ts';

const folder = temporaryFolder();
const input = join(folder, 'in');
const at = (name: string): string => join(folder, name);

const image = (instance: number, modality: string, more: readonly NewElement[] = []): Uint8Array => writeDicom([
  ...more,
  { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: `1.2.3.${instance}` }, { tag: 'x00080060', vr: 'CS', value: modality },
  { tag: 'x00100010', vr: 'PN', value: 'Doe^Jane' }, { tag: 'x00100020', vr: 'LO', value: 'MRN-77' }, { tag: 'x00080020', vr: 'DA', value: '20240310' }, { tag: 'x0020000d', vr: 'UI', value: '1.2.3' }, { tag: 'x0020000e', vr: 'UI', value: '1.2.3.9' },
  ...pixelElements({ rows: 8, columns: 8, photometric: 'MONOCHROME2', data: Uint8Array.from({ length: 64 }, (_, i) => 100 + i) }),
]);

interface Ran {
  readonly status: number | void;
  readonly value: Record<string, unknown>;
  readonly text: string;
}

async function run(out: string, values: Record<string, string | boolean> = {}): Promise<Ran> {
  let printed: { value: unknown; text: string } = { value: null, text: '' };
  const context: CommandContext = {
    positionals: [input], values: { out: at(out), data: at('data'), ...values }, json: false, signal: new AbortController().signal,
    print: (value, text = '') => (printed = { value, text }), progress: () => undefined,
  };
  const status = await command.run(context);
  return { status, value: printed.value as Record<string, unknown>, text: printed.text };
}

beforeAll(() => {
  mkdirSync(join(input, 'deep'), { recursive: true });
  writeFileSync(join(input, 'a.dcm'), image(1, 'CT'));
  writeFileSync(join(input, 'deep', 'b.dcm'), image(2, 'US'));
  writeFileSync(join(input, 'notes.txt'), 'no image');
});

describe('files whose pixels may carry writing', () => {
  test('stop the run until somebody has looked at them', async () => {
    const { status, value, text } = await run('one');
    expect([status, value]).toEqual([10, { written: 0, waiting: 1, confirm: at('one-look/confirm.json') }]);
    expect(text).toContain('1 of 3 files has to be looked at first');
    expect([existsSync(at('one')), readdirSync(at('one-look'))]).toEqual([false, ['0001-frame-1.png', 'confirm.json']]);
    const { files } = JSON.parse(readFileSync(at('one-look/confirm.json'), 'utf8')) as { files: Record<string, unknown>[] };
    expect(files).toMatchObject([{ file: join('deep', 'b.dcm'), decision: null, boxes: [], reasons: ['Images of this kind (US) usually carry writing.'] }]);
  });

  test('are written with the rectangles that were decided, and the record stands in the journal', async () => {
    const list = JSON.parse(readFileSync(at('one-look/confirm.json'), 'utf8')) as { files: Record<string, unknown>[] };
    list.files[0]!['decision'] = 'blank';
    list.files[0]!['boxes'] = [{ x1: 0, y1: 0, x2: 8, y2: 2 }];
    writeFileSync(at('decided.json'), JSON.stringify(list));
    const { status, value } = await run('two', { confirm: at('decided.json'), key: at('key') });
    expect([status, value['written'], value['leftOut']]).toEqual([undefined, 2, ['notes.txt']]);
    const record = JSON.parse(readFileSync(at('two/deidentification.json'), 'utf8')) as { files: { path: string; codes: string[] }[] };
    expect(record.files.map(({ codes }) => codes)).toEqual([['113100', '113107', '113105'], ['113100', '113101', '113107', '113105']]);
    const blanked = readDicom(new Uint8Array(readFileSync(join(at('two'), record.files[1]!.path))));
    expect([...(await decodeFrame(blanked, 0)).data.slice(14, 18)]).toEqual([100, 100, 116, 117]);
    expect(JSON.stringify(record)).not.toMatch(/Doe|MRN|1\.2\.3\.1/);
    expect(readdirSync(join(folder, 'data', 'audit')).map((name) => readFileSync(join(folder, 'data', 'audit', name), 'utf8')).join('')).toContain('deidentified');
  });

  test('and the same secret gives the same names again', async () => {
    const first = JSON.parse(readFileSync(at('two/deidentification.json'), 'utf8')) as { files: { path: string }[] };
    await run('three', { confirm: at('decided.json'), key: at('key') });
    expect((JSON.parse(readFileSync(at('three/deidentification.json'), 'utf8')) as typeof first).files.map(({ path }) => path)).toEqual(first.files.map(({ path }) => path));
    await run('four', { confirm: at('decided.json') });
    expect((JSON.parse(readFileSync(at('four/deidentification.json'), 'utf8')) as typeof first).files[0]!.path).not.toBe(first.files[0]!.path);
  });
});

test('--diff tells each change with its action, and the plain answer names nobody', async () => {
  const { text } = await run('five', { confirm: at('decided.json'), diff: true });
  expect(text).toMatch(/ {2}D {5}\(0010,0010\) Patient's Name: 'Doe\^Jane' → 'P-[2-9A-Z]{10}'/);
  expect(text).toMatch(/ {2}U {5}\(0008,0018\) SOP Instance UID: '1\.2\.3\.1' → '2\.25\.\d+'/);
  expect((await run('six', { confirm: at('decided.json') })).text).not.toContain('Doe');
});

test('options are read by name, and the dates of one choice only', async () => {
  await expect(run('seven', { options: 'everything' })).rejects.toThrow(/--options takes/);
  await expect(run('seven', { options: 'full-dates,modified-dates' })).rejects.toThrow(/not both/);
  const { value } = await run('seven', { options: 'none', confirm: at('decided.json') });
  expect(value['codes']).toEqual(['113100', '113101']);
  const record = JSON.parse(readFileSync(at('seven/deidentification.json'), 'utf8')) as { files: { path: string }[] };
  expect(firstText(readDicom(new Uint8Array(readFileSync(join(at('seven'), record.files[0]!.path)))).dataSet, 'x00080020')).toBeUndefined();
});

test('what an option keeps is no failure of the check that nothing was left', async () => {
  writeFileSync(join(input, 'c.dcm'), image(4, 'CT', [{ tag: 'x00080081', vr: 'ST', value: 'Sample Street 1' }, { tag: 'x00104000', vr: 'LT', value: 'chest ct' }]));
  const { value } = await run('kept', { options: 'institution,clean-descriptors', confirm: at('decided.json') });
  expect(value['written']).toBe(3);
  rmSync(join(input, 'c.dcm'));
});

test('a folder that holds something is not written into, and a failure leaves nothing behind', async () => {
  await expect(run('two', { confirm: at('decided.json') })).rejects.toMatchObject({ code: 'deidentify.out' });
  writeFileSync(join(input, 'z-cut.dcm'), image(3, 'CT').subarray(0, 600));
  await expect(run('eight', { confirm: at('decided.json') })).rejects.toMatchObject({ code: 'dicom.truncated' });
  expect(existsSync(at('eight'))).toBe(false);
});

test('decisions that say nothing are refused by name', async () => {
  writeFileSync(at('wrong.json'), JSON.stringify({ files: [{ sha256: 'x', decision: 'perhaps', boxes: [] }] }));
  await expect(run('nine', { confirm: at('wrong.json') })).rejects.toMatchObject({ code: 'deidentify.confirm' });
});
