import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { assembleSeries } from '#models/imaging/dicom/series.ts';
import type { NamedFile } from '#models/imaging/dicom/series.ts';
import { writeDicom } from '#models/imaging/dicom/writer.ts';
import type { NewElement } from '#models/imaging/dicom/writer.ts';
import { identity, imageFile } from './fixtures.ts';

interface Slice {
  readonly z: number;
  readonly number: number;
  readonly more?: readonly NewElement[];
  readonly orientation?: readonly number[];
  readonly columns?: number;
  readonly uid?: string;
}

const axial = [1, 0, 0, 0, 1, 0];

function slice({ z, number, more = [], orientation = axial, columns = 2, uid }: Slice): NamedFile {
  const bytes = imageFile({ rows: 1, columns, photometric: 'MONOCHROME2', data: new Uint8Array(columns) }, [
    { tag: 'x00080018', vr: 'UI', value: uid ?? `2.25.7.${number}` },
    { tag: 'x00200013', vr: 'IS', value: number },
    { tag: 'x00200032', vr: 'DS', value: [0, 0, z] },
    { tag: 'x00200037', vr: 'DS', value: orientation },
    ...more,
  ]);
  return { name: `${number}.dcm`, file: readDicom(bytes) };
}

const stackOf = (slices: readonly Slice[]): ReturnType<typeof assembleSeries> => assembleSeries(new Random(3).shuffled(slices.map(slice)));
const codes = (statements: readonly { readonly code: string }[]): string[] => statements.map(({ code }) => code);

test('slices are sorted along the normal, whatever their numbers say', () => {
  const { stacks, statements } = stackOf([5, 4, 3, 2, 1, 0].map((z, i) => ({ z: z * 2.5, number: i + 1 })));
  expect(stacks).toHaveLength(1);
  expect(stacks[0]!.frames.map(({ alongMm }) => alongMm)).toEqual([0, 2.5, 5, 7.5, 10, 12.5]);
  expect(stacks[0]).toMatchObject({ sliceSpacingMm: 2.5, phase: 1, statements: [] });
  expect(statements).toEqual([]);
});

test('a missing slice is told, with its place', () => {
  const [stack] = stackOf([0, 1, 2, 4, 5].map((z, i) => ({ z, number: i + 1 }))).stacks;
  expect(codes(stack!.statements)).toEqual(['series.gap']);
  expect(stack!.statements[0]!.text).toBe('Between 3.dcm and 4.dcm lie 2 mm instead of 1 mm: 1 image is missing.');
});

test('the same image twice is left out once', () => {
  const { stacks, statements } = stackOf([{ z: 0, number: 1 }, { z: 1, number: 2 }, { z: 1, number: 3, uid: '2.25.7.2' }]);
  expect(stacks[0]!.frames).toHaveLength(2);
  expect(codes(statements)).toEqual(['series.duplicate']);
});

test('another image at the same place is told', () => {
  const [stack] = stackOf([{ z: 0, number: 1 }, { z: 1, number: 2 }, { z: 1, number: 3 }, { z: 2, number: 4 }]).stacks;
  expect(stack!.frames).toHaveLength(4);
  expect(codes(stack!.statements)).toEqual(['series.duplicate']);
});

test('places that come as often as every other are phases, each a stack', () => {
  const { stacks } = stackOf([0, 1, 2].flatMap((z) => [0, 1].map((time) => ({
    z, number: z * 2 + time + 1, more: [{ tag: 'x00200012', vr: 'IS', value: 2 - time }] satisfies NewElement[],
  }))));
  expect(stacks.map(({ phase }) => phase)).toEqual([1, 2]);
  // The second time of each place has the smaller acquisition number, so it is the first phase.
  expect(stacks[0]!.frames.map(({ instanceNumber }) => instanceNumber)).toEqual([2, 4, 6]);
  expect(codes(stacks[0]!.statements)).toEqual(['series.phases']);
});

test('a localizer of another orientation is a stack of its own', () => {
  const { stacks } = stackOf([...[0, 1, 2].map((z) => ({ z, number: z + 1 })), { z: 0, number: 9, orientation: [0, 1, 0, 0, 0, -1] }]);
  expect(stacks.map(({ frames }) => frames.length)).toEqual([3, 1]);
  expect(codes(stacks[0]!.statements)).toEqual(['series.orientation']);
  expect(stacks[0]!.statements[0]!.text).toContain('3 axial, 1 sagittal');
});

test('other sizes are stacks of their own', () => {
  const { stacks } = stackOf([{ z: 0, number: 1 }, { z: 1, number: 2 }, { z: 2, number: 3, columns: 4 }]);
  expect(stacks.map(({ frames }) => frames.length)).toEqual([2, 1]);
  expect(codes(stacks[1]!.statements)).toEqual(['series.sizes']);
});

test('uneven distances are told', () => {
  const [stack] = stackOf([0, 1, 2, 3.2, 4.2].map((z, i) => ({ z, number: i + 1 }))).stacks;
  expect(codes(stack!.statements)).toEqual(['series.spacing']);
});

test('a tilted stack is measured along its own normal', () => {
  const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
  const files = [2, 0, 1].map((k) => {
    const { name, file } = slice({ z: 0, number: k + 1, orientation: [1, 0, 0, 0, c, s], more: [] });
    const place = readDicom(imageFile({ rows: 1, columns: 2, photometric: 'MONOCHROME2', data: new Uint8Array(2) }, [
      { tag: 'x00080018', vr: 'UI', value: `2.25.8.${k}` }, { tag: 'x00200032', vr: 'DS', value: [0, -s * 3 * k, c * 3 * k] }, { tag: 'x00200037', vr: 'DS', value: [1, 0, 0, 0, c, s] },
    ]));
    return { name, file: file && place };
  });
  const [stack] = assembleSeries(files).stacks;
  expect(stack!.frames.map(({ name }) => name)).toEqual(['1.dcm', '2.dcm', '3.dcm']);
  expect(stack!.sliceSpacingMm).toBeCloseTo(3, 6);
});

test('images without geometry keep the order of their numbers, and that is told', () => {
  const bare = (number: number): NamedFile => ({
    name: `${number}`, file: readDicom(imageFile({ rows: 1, columns: 1, photometric: 'MONOCHROME2', data: new Uint8Array(1) }, [
      { tag: 'x00080018', vr: 'UI', value: `2.25.9.${number}` }, { tag: 'x00200013', vr: 'IS', value: number }])),
  });
  const [stack] = assembleSeries([bare(3), bare(1), bare(2)]).stacks;
  expect(stack!.frames.map(({ name }) => name)).toEqual(['1', '2', '3']);
  expect(codes(stack!.statements)).toEqual(['series.noGeometry']);
});

test('the frames of one moving picture need no geometry', () => {
  const file = readDicom(imageFile({ rows: 1, columns: 1, frames: 3, photometric: 'MONOCHROME2', data: new Uint8Array(3) }));
  const [stack] = assembleSeries([{ name: 'loop', file }]).stacks;
  expect(stack!.frames.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(stack!.statements).toEqual([]);
});

test('files without an image are named', () => {
  const report: NamedFile = { name: 'report.dcm', file: readDicom(writeDicom(identity('77'))) };
  const { stacks, statements } = assembleSeries([slice({ z: 0, number: 1 }), report]);
  expect(stacks).toHaveLength(1);
  expect(statements).toEqual([{ code: 'series.noImage', text: 'report.dcm carries no image that can be shown.' }]);
});

test('a file that was cut gives its whole frames, and that is told', () => {
  const whole = imageFile({ rows: 1, columns: 4, frames: 3, photometric: 'MONOCHROME2', data: new Uint8Array(12) });
  const [stack] = assembleSeries([{ name: 'cut.dcm', file: readDicom(whole.subarray(0, whole.length - 2)) }]).stacks;
  expect(stack!.frames).toHaveLength(2);
  expect(stack!.statements[0]).toEqual({ code: 'series.damaged', text: 'cut.dcm is cut short: 2 of its 3 frames can be shown.' });
});

const shared = join(process.env['LOUPE_SHARED'] ?? '../shared', 'data/dicom');

describe.skipIf(!existsSync(shared))('the reference series (skipped where ../shared is absent)', () => {
  const open = (folder: string): ReturnType<typeof assembleSeries> => assembleSeries(
    readdirSync(join(shared, folder)).map((name) => ({ name, file: readDicom(new Uint8Array(readFileSync(join(shared, folder, name)))) })));

  test('three liver slices lie one millimetre apart, the segmentation beside them', () => {
    const { stacks } = open('series_ct_liver');
    const liver = stacks.find(({ modality }) => modality === 'CT')!;
    expect(liver.frames.map(({ name }) => name)).toEqual(['03.dcm', '02.dcm', '01.dcm']);
    expect(liver.sliceSpacingMm).toBeCloseTo(1, 3);
    expect(stacks.filter(({ modality }) => modality === 'SEG')).toHaveLength(1);
  });

  test.each(['series_ct_chest', 'series_mr_t1', 'series_ct_tiny'])('%s is one stack in ascending order', (folder) => {
    const { stacks } = open(folder);
    expect(stacks).toHaveLength(1);
    const places = stacks[0]!.frames.map(({ alongMm }) => alongMm!);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});
