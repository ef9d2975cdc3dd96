/** Damage on purpose: whatever the bytes, reading ends in an answer or a Fault, soon and within bounds. */
import { describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { toDisplay } from '#models/imaging/dicom/display.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import { assembleSeries } from '#models/imaging/dicom/series.ts';
import type { NewElement } from '#models/imaging/dicom/writer.ts';
import { compressedFile, imageFile, noisySlope } from './fixtures.ts';
import { encodeByPackage, encodeDct, encodeLossless, encodeRle } from './streams.ts';

/** Everything a reader does with a file; the code of the Fault it ended in, or 'shown'. Anything but a Fault is thrown on. */
async function openAll(bytes: Uint8Array): Promise<string> {
  try {
    const file = readDicom(bytes);
    assembleSeries([{ name: 'one', file }]);
    if (!file.image) throw file.imageFault ?? new Error('no image and no reason');
    for (let index = 0; index < Math.min(2, file.image.frames); index++) {
      const frame = await decodeFrame(file, index, { partial: true });
      toDisplay(file, frame, { index });
    }
    return 'shown';
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

const [rows, columns] = [24, 32];
const words = Uint16Array.from(noisySlope({ count: rows * columns * 2, bits: 12 }));
const one = words.slice(0, rows * columns);
const uid = (ending: string): string => `1.2.840.10008.1.2.${ending}`;
const pixels = { rows, columns, photometric: 'MONOCHROME2', data: one, bitsStored: 12 } as const;
const compressed = (ending: string, stream: Uint8Array): Uint8Array => compressedFile(pixels, { transferSyntaxUid: uid(ending), frames: [[stream.slice(0, 64), stream.slice(64)]], table: 'basic' });
const nested: NewElement = { tag: 'x52009229', vr: 'SQ', value: [[{ tag: 'x00289110', vr: 'SQ', value: [[{ tag: 'x00280030', vr: 'DS', value: [1, 1] }]] }]] };

const fixtures: readonly (readonly [string, () => Promise<Uint8Array> | Uint8Array])[] = [
  ['native', () => imageFile({ ...pixels, frames: 2, data: words }, [nested, { tag: 'x00281050', vr: 'DS', value: 2000 }, { tag: 'x00281051', vr: 'DS', value: 4000 }])],
  ['run length', () => compressed('5', encodeRle(one, 1))],
  ['JPEG lossless', () => compressed('4.70', encodeLossless(one, { width: columns, height: rows, components: 1, precision: 12, predictor: 1 }))],
  ['JPEG extended', () => compressed('4.51', encodeDct(one, { width: columns, height: rows, precision: 12, restartInterval: 3 }))],
  ['JPEG-LS', async () => compressed('4.80', await encodeByPackage('jpegLs', one, { width: columns, height: rows, components: 1, bits: 12 }))],
  ['JPEG 2000', async () => compressed('4.90', await encodeByPackage('jpeg2000', one, { width: columns, height: rows, components: 1, bits: 12 }))],
  ['HTJ2K', async () => compressed('4.201', await encodeByPackage('htj2k', one, { width: columns, height: rows, components: 1, bits: 12 }))],
];

describe.each(fixtures)('%s', (_name, make) => {
  test('shows when whole, and is a fault or a part wherever it is cut', async () => {
    const bytes = await make();
    expect(await openAll(bytes)).toBe('shown');
    const random = new Random(11);
    const pixelData = bytes.findLastIndex((byte, i) => byte === 0xe0 && bytes[i + 1] === 0x7f && bytes[i + 2] === 0x10 && bytes[i + 3] === 0 && bytes[i + 4] === 0x4f);
    for (let cut = 0; cut < bytes.length; cut += cut < pixelData + 40 ? 1 + random.below(12) : 1 + random.below(120)) {
      const code = await openAll(bytes.subarray(0, cut));
      expect(code).toMatch(/^(dicom\.[a-zA-Z]+|shown)$/);
      if (cut < pixelData + 12) expect(code).not.toBe('shown');
    }
  }, 60_000);

  test('survives flipped bits', async () => {
    const bytes = await make();
    const random = new Random(12);
    for (let round = 0; round < 80; round++) {
      const damaged = bytes.slice();
      const from = random.chance(0.3) ? 132 : Math.floor(bytes.length * 0.4);
      for (let i = 1 + random.below(8); i > 0; i--) {
        const at = from + random.below(bytes.length - from);
        damaged[at] = damaged[at]! ^ (1 << random.below(8));
      }
      expect(await openAll(damaged)).toMatch(/^(dicom\.[a-zA-Z]+|shown)$/);
    }
  }, 60_000);

  test('decodes again after a damaged stream', async () => {
    const bytes = await make();
    const damaged = bytes.slice();
    damaged.fill(0xa5, bytes.length - 200, bytes.length - 20);
    await openAll(damaged);
    expect(await openAll(bytes)).toBe('shown');
  });
});

const sized = (more: readonly NewElement[]): Uint8Array => imageFile({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data: Uint8Array.of(1, 2, 3, 4) }, more);

test.each([
  ['rows and columns', [{ tag: 'x00280010', vr: 'US', value: 65535 }, { tag: 'x00280011', vr: 'US', value: 65535 }], 'dicom.limits'],
  ['frames', [{ tag: 'x00280008', vr: 'IS', value: 2_000_000_000 }], 'dicom.limits'],
  ['frames below one', [{ tag: 'x00280008', vr: 'IS', value: -4 }], 'shown'],
  ['no rows', [{ tag: 'x00280010', vr: 'US', value: 0 }], 'dicom.header'],
  ['samples', [{ tag: 'x00280002', vr: 'US', value: 60000 }], 'dicom.header'],
  ['allocated bits', [{ tag: 'x00280100', vr: 'US', value: 4096 }], 'dicom.header'],
  ['stored bits', [{ tag: 'x00280101', vr: 'US', value: 77 }], 'shown'],
] satisfies readonly (readonly [string, readonly NewElement[], string])[])('absurd %s are met', async (_name, more, code) => {
  expect(await openAll(sized(more))).toBe(code);
});

test('a code stream that claims another size than its data set is not decoded', async () => {
  const stream = encodeLossless(one, { width: columns, height: rows, components: 1, precision: 12, predictor: 1 });
  const at = stream.findIndex((byte, i) => byte === 0xff && stream[i + 1] === 0xc3);
  stream.set([0xff, 0xff, 0xff, 0xff], at + 5);
  expect(await openAll(compressed('4.70', stream))).toBe('dicom.mismatch');
});

test.each([['jpegLs', '4.80'], ['jpeg2000', '4.90'], ['htj2k', '4.201']] as const)('%s of another size than the data set is not given to its decoder', async (codec, ending) => {
  const stream = await encodeByPackage(codec, words, { width: columns, height: rows * 2, components: 1, bits: 12 });
  expect(await openAll(compressed(ending, stream))).toBe('dicom.mismatch');
});

test('a JPEG-LS stream that ends anywhere ends its decoding at once', async () => {
  const stream = await encodeByPackage('jpegLs', one, { width: columns, height: rows, components: 1, bits: 12 });
  const before = process.cpuUsage();
  for (let cut = 60; cut < stream.length - 2; cut += 29) expect(await openAll(compressed('4.80', stream.slice(0, cut)))).toBe('dicom.codestream');
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(5);
}, 60_000);

test('a JPEG 2000 stream of a hundred million tiles is refused', async () => {
  const stream = await encodeByPackage('jpeg2000', one, { width: columns, height: rows, components: 1, bits: 12 });
  const view = new DataView(stream.buffer, stream.byteOffset);
  view.setUint32(8, 65535);
  view.setUint32(12, 65535);
  view.setUint32(24, 1);
  view.setUint32(28, 1);
  expect(await openAll(compressed('4.90', stream))).toBe('dicom.codestream');
});

test('bytes that are no DICOM at all are refused', () => {
  const random = new Random(5);
  for (let round = 0; round < 300; round++) {
    const bytes = Uint8Array.from({ length: random.below(600) }, () => random.below(256));
    try {
      expect(readDicom(bytes).imageFault).toBeInstanceOf(Fault);
    } catch (error) {
      expect(error).toBeInstanceOf(Fault);
    }
  }
});
