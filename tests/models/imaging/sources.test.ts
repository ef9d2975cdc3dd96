import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { fixture, sharedPath } from '#tests/support/pictures.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from([...values, ...new Array<number>(16).fill(0)]);

describe('the kind of a file is told from its content', () => {
  const check = (start: Uint8Array, kind: string): void => expect(kindOf(start.subarray(0, kindBytes))).toBe(kind);

  test('PNG', () => check(fixture('rgb.png'), 'png'));
  test('JPEG', () => check(fixture('rgb.jpg'), 'jpeg'));
  test('TIFF of either byte order, and BigTIFF', () => {
    for (const name of ['plain.tif', 'big-endian-tiles.tif', 'bigtiff.tif', 'bigtiff-big-endian.tif']) check(fixture(name), 'tiff');
  });
  test('ZIP, an empty one too', () => {
    check(bytes(0x50, 0x4b, 3, 4), 'zip');
    check(bytes(0x50, 0x4b, 5, 6), 'zip');
  });
  test('DICOM by its magic word', () => check(Uint8Array.from({ length: 140 }, (_, i) => [0x44, 0x49, 0x43, 0x4d][i - 128] ?? 0), 'dicom'));
  test('DICOM without preamble, explicit, implicit and big endian', () => {
    check(bytes(8, 0, 5, 0, 0x43, 0x53, 10, 0), 'dicom');
    check(bytes(8, 0, 0x16, 0, 26, 0, 0, 0), 'dicom');
    check(bytes(0, 8, 0, 5, 0x43, 0x53, 0, 10), 'dicom');
  });
  test('a text, nothing, and noise are none of these', () => {
    check(new TextEncoder().encode('Patient, anonymous'), 'unknown');
    check(new Uint8Array(0), 'unknown');
    check(bytes(8, 0, 5, 0, 200, 200, 200, 200), 'unknown');
  });

  const folder = sharedPath('data', 'dicom');
  test.skipIf(!folder)(`every real DICOM file that begins whole is known as one${folder ? '' : ' (skipped: the shared data are absent)'}`, () => {
    const files = readdirSync(folder!, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.dcm') && !name.startsWith('bad_'));
    const strangers = files.filter((name) => kindOf(new Uint8Array(readFileSync(`${folder}/${name}`)).subarray(0, kindBytes)) !== 'dicom');
    expect(strangers).toEqual([]);
  });
});
