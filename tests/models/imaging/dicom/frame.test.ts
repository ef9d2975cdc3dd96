import { deflateSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import { pixelElements, writeDicom } from '#models/imaging/dicom/writer.ts';
import type { NewElement } from '#models/imaging/dicom/writer.ts';
import { compressedFile, identity, imageFile, noisySlope, withoutRepeats } from './fixtures.ts';
import { encodeByPackage, encodeDct, encodeLossless, encodeRle } from './streams.ts';

/** A native image whose description is written by hand. */
function handMade(description: Readonly<Record<string, number | string>>, value: Uint8Array, vr: 'OB' | 'OW' = 'OW', more: readonly NewElement[] = []): Uint8Array {
  const tagOf: Record<string, NewElement['tag']> = {
    samples: 'x00280002', photometric: 'x00280004', planar: 'x00280006', rows: 'x00280010', columns: 'x00280011', allocated: 'x00280100', stored: 'x00280101', high: 'x00280102', signed: 'x00280103',
  };
  const elements = Object.entries(description).map(([name, field]): NewElement =>
    typeof field === 'string' ? { tag: tagOf[name]!, vr: 'CS', value: field } : name === 'frames' ? { tag: 'x00280008', vr: 'IS', value: field } : { tag: tagOf[name]!, vr: 'US', value: field });
  return writeDicom(withoutRepeats([...identity(), ...elements, { tag: 'x7fe00010', vr, value }], more));
}

const grey = { samples: 1, photometric: 'MONOCHROME2', signed: 0 } as const;

describe('native pixels', () => {
  test('planes become pixels', async () => {
    const bytes = handMade({ samples: 3, photometric: 'RGB', planar: 1, rows: 1, columns: 2, allocated: 8, stored: 8, high: 7, signed: 0 }, Uint8Array.of(1, 2, 11, 12, 21, 22));
    expect([...(await decodeFrame(readDicom(bytes), 0)).data]).toEqual([1, 11, 21, 2, 12, 22]);
  });

  test('halved chroma is repeated for each pair', async () => {
    const description = { samples: 3, photometric: 'YBR_FULL_422', planar: 0, rows: 1, columns: 4, allocated: 8, stored: 8, high: 7, signed: 0 };
    const frame = await decodeFrame(readDicom(handMade(description, Uint8Array.of(1, 2, 100, 200, 3, 4, 101, 201))), 0);
    expect([...frame.data]).toEqual([1, 100, 200, 2, 100, 200, 3, 101, 201, 4, 101, 201]);
    expect(frame.photometric).toBe('YBR_FULL_422');
  });

  test('full chroma that is labelled as halved is recognised by its length', async () => {
    const description = { samples: 3, photometric: 'YBR_FULL_422', planar: 0, rows: 1, columns: 2, allocated: 8, stored: 8, high: 7, signed: 0 };
    expect([...(await decodeFrame(readDicom(handMade(description, Uint8Array.of(1, 2, 3, 4, 5, 6))), 0)).data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('one-bit frames follow each other without a gap, low bit first', async () => {
    const file = readDicom(handMade({ ...grey, frames: 2, rows: 1, columns: 3, allocated: 1, stored: 1, high: 0 }, Uint8Array.of(0b101_011, 0)));
    expect([...(await decodeFrame(file, 0)).data]).toEqual([1, 1, 0]);
    expect([...(await decodeFrame(file, 1)).data]).toEqual([1, 0, 1]);
  });

  test('twelve-bit values lie end to end, two in three bytes', async () => {
    const file = readDicom(handMade({ ...grey, rows: 1, columns: 3, allocated: 12, stored: 12, high: 11 }, Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x09, 0x00)));
    expect([...(await decodeFrame(file, 0)).data]).toEqual([0x412, 0x563, 0x978]);
  });

  test('the sign of fewer bits than allocated is extended, and bits above them are dropped', async () => {
    const value = new Uint8Array(Uint16Array.of(0x0fff, 0xf001, 0x0800).buffer);
    const file = readDicom(handMade({ ...grey, signed: 1, rows: 1, columns: 3, allocated: 16, stored: 12, high: 11 }, value));
    expect((await decodeFrame(file, 0)).data).toEqual(Int16Array.of(-1, 1, -2048));
  });

  test('values that do not end at bit zero are moved down', async () => {
    const value = new Uint8Array(Uint16Array.of(0xabcf, 0x0010).buffer);
    const file = readDicom(handMade({ ...grey, rows: 1, columns: 2, allocated: 16, stored: 12, high: 15 }, value));
    expect([...(await decodeFrame(file, 0)).data]).toEqual([0xabc, 1]);
  });

  test('32-bit values keep their range', async () => {
    const value = new Uint8Array(Uint32Array.of(0, 4294967295).buffer);
    const unsigned = readDicom(handMade({ ...grey, rows: 1, columns: 2, allocated: 32, stored: 32, high: 31 }, value));
    expect((await decodeFrame(unsigned, 0)).data).toEqual(Uint32Array.of(0, 4294967295));
    const signed = readDicom(handMade({ ...grey, signed: 1, rows: 1, columns: 2, allocated: 32, stored: 32, high: 31 }, value));
    expect((await decodeFrame(signed, 0)).data).toEqual(Int32Array.of(0, -1));
  });

  test.each([
    ['float', 'x7fe00008', 'OF', 32, Float32Array.of(0.25, -1e30)],
    ['double', 'x7fe00009', 'OD', 64, Float64Array.of(Math.PI, -1e300)],
  ] as const)('%s pixels are read', async (_name, tag, vr, allocated, data) => {
    const bytes = writeDicom([
      ...identity(), { tag: 'x00280002', vr: 'US', value: 1 }, { tag: 'x00280004', vr: 'CS', value: 'MONOCHROME2' }, { tag: 'x00280010', vr: 'US', value: 1 },
      { tag: 'x00280011', vr: 'US', value: 2 }, { tag: 'x00280100', vr: 'US', value: allocated }, { tag, vr, value: new Uint8Array(data.buffer) },
    ]);
    expect((await decodeFrame(readDicom(bytes), 0)).data).toEqual(data);
  });

  test('a cut image gives a fault, or as much as there is where that is asked for', async () => {
    const whole = imageFile({ rows: 4, columns: 4, photometric: 'MONOCHROME2', data: Uint16Array.from({ length: 16 }, (_, i) => i + 1) });
    const file = readDicom(whole.subarray(0, whole.length - 9));
    expect(file.notes.map(({ code }) => code)).toEqual(['dicom.truncated']);
    expect(file.wholeFrames).toBe(0);
    await expect(decodeFrame(file, 0)).rejects.toMatchObject({ code: 'dicom.truncated' });
    const frame = await decodeFrame(file, 0, { partial: true });
    expect(frame.present).toBe(11);
    expect([...frame.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 0, 0, 0, 0]);
  });

  test('of a cut series of frames the whole ones are shown', async () => {
    const whole = imageFile({ rows: 2, columns: 2, frames: 3, photometric: 'MONOCHROME2', data: Uint8Array.from({ length: 12 }, (_, i) => i) });
    const file = readDicom(whole.subarray(0, whole.length - 2));
    expect(file.wholeFrames).toBe(2);
    expect([...(await decodeFrame(file, 1)).data]).toEqual([4, 5, 6, 7]);
    await expect(decodeFrame(file, 2)).rejects.toMatchObject({ code: 'dicom.truncated' });
    await expect(decodeFrame(file, 3)).rejects.toMatchObject({ code: 'dicom.frame' });
  });

  test('a frame of more than 256 MB is refused before it is allocated', async () => {
    const bytes = handMade({ ...grey, rows: 65535, columns: 65535, allocated: 16, stored: 16, high: 15 }, new Uint8Array(64));
    await expect(decodeFrame(readDicom(bytes), 0)).rejects.toMatchObject({ code: 'dicom.limits' });
  });

  test('a deflated data set is inflated', async () => {
    const whole = imageFile({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data: Uint8Array.of(9, 8, 7, 6) });
    const plain = new TextDecoder('latin1').decode(whole);
    const at = plain.indexOf('1.2.840.10008.1.2.1\0');
    const metaLength = new DataView(whole.buffer, whole.byteOffset).getUint32(140, true);
    const body = 144 + metaLength;
    // The longer UID takes four more bytes, and so does the group.
    const meta = [...whole.subarray(0, at), ...new TextEncoder().encode('1.2.840.10008.1.2.1.99'), ...whole.subarray(at + 20, body)];
    const bytes = Uint8Array.from([...meta, ...deflateSync(whole.subarray(body))]);
    bytes[at - 2] = 22;
    new DataView(bytes.buffer).setUint32(140, metaLength + 2, true);
    const file = readDicom(bytes);
    expect(file.transferSyntax?.deflated).toBe(true);
    expect([...(await decodeFrame(file, 0)).data]).toEqual([9, 8, 7, 6]);
    expect(readDicom(bytes.subarray(0, bytes.length - 6)).notes.map(({ code }) => code)).toContain('dicom.truncated');
  });
});

const [rows, columns] = [16, 24];
const count = rows * columns;
const words = Uint16Array.from(noisySlope({ count, bits: 16 }));
const bytes8 = Uint8Array.from(noisySlope({ count, bits: 8 }));
const colours = Uint8Array.from(noisySlope({ count: count * 3, bits: 8 }));
const whole = async (bytes: Uint8Array): Promise<unknown> => (await decodeFrame(readDicom(bytes), 0)).data;
const uid = (ending: string): string => `1.2.840.10008.1.2.${ending}`;

describe('compressed pixels come back exactly', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])('JPEG lossless with predictor %i', async (predictor) => {
    const stream = encodeLossless(words, { width: columns, height: rows, components: 1, precision: 16, predictor });
    expect(await whole(compressedFile({ rows, columns, photometric: 'MONOCHROME2', data: words }, { transferSyntaxUid: uid('4.57'), frames: [[stream]], table: 'basic' }))).toEqual(words);
  });

  test('JPEG lossless in colour, with restarts', async () => {
    const stream = encodeLossless(colours, { width: columns, height: rows, components: 3, precision: 8, predictor: 1, linesBetweenRestarts: 5 });
    expect(await whole(compressedFile({ rows, columns, photometric: 'RGB', data: colours }, { transferSyntaxUid: uid('4.70'), frames: [[stream]], table: 'basic' }))).toEqual(colours);
  });

  test('JPEG lossless of signed values', async () => {
    const signed = Int16Array.from(words, (value) => value - 32768);
    const stream = encodeLossless(new Uint16Array(signed.buffer), { width: columns, height: rows, components: 1, precision: 16, predictor: 1 });
    expect(await whole(compressedFile({ rows, columns, photometric: 'MONOCHROME2', data: signed }, { transferSyntaxUid: uid('4.70'), frames: [[stream]], table: 'none' }))).toEqual(signed);
  });

  test.each([['grey', 'MONOCHROME2', words, 1], ['colour', 'RGB', colours, 3], ['eight-bit grey', 'MONOCHROME2', bytes8, 1]] as const)('run lengths, %s', async (_name, photometric, data, samples) => {
    expect(await whole(compressedFile({ rows, columns, photometric, data }, { transferSyntaxUid: uid('5'), frames: [[encodeRle(data, samples)]], table: 'basic' }))).toEqual(data);
  });

  test.each([
    ['jpegLs', '4.80', 'MONOCHROME2', words, 1, 16], ['jpegLs', '4.80', 'RGB', colours, 3, 8],
    ['jpeg2000', '4.90', 'MONOCHROME2', words, 1, 16], ['jpeg2000', '4.90', 'RGB', colours, 3, 8],
    ['htj2k', '4.201', 'MONOCHROME2', words, 1, 16], ['htj2k', '4.202', 'RGB', colours, 3, 8],
  ] as const)('%s (%s), %s', async (codec, ending, photometric, data, components, bits) => {
    const stream = await encodeByPackage(codec, data, { width: columns, height: rows, components, bits });
    expect(await whole(compressedFile({ rows, columns, photometric, data }, { transferSyntaxUid: uid(ending), frames: [[stream]], table: 'extended' }))).toEqual(data);
  });

  test('uncompressed pixels in fragments', async () => {
    const data = new Uint8Array(words.buffer);
    expect(await whole(compressedFile({ rows, columns, photometric: 'MONOCHROME2', data: words }, { transferSyntaxUid: uid('1.98'), frames: [[data]], table: 'basic' }))).toEqual(words);
  });
});

describe('lossy JPEG', () => {
  test.each([[8, '4.50'], [12, '4.51']] as const)('%i bits come back within rounding', async (precision, ending) => {
    const data = Uint16Array.from(noisySlope({ count, bits: precision }));
    const stream = encodeDct(data, { width: columns, height: rows, precision });
    const pixels = precision === 8 ? Uint8Array.from(data) : data;
    const decoded = (await whole(compressedFile({ rows, columns, photometric: 'MONOCHROME2', data: pixels, bitsStored: precision }, { transferSyntaxUid: uid(ending), frames: [[stream]], table: 'basic' }))) as Uint16Array;
    expect(Math.max(...decoded.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThanOrEqual(2);
  });

  test('restarts and odd sizes are met', async () => {
    const size = { rows: 13, columns: 19 };
    const data = Uint8Array.from(noisySlope({ count: 13 * 19, bits: 8 }));
    const stream = encodeDct(data, { width: 19, height: 13, precision: 8, restartInterval: 2 });
    const decoded = (await whole(compressedFile({ ...size, photometric: 'MONOCHROME2', data }, { transferSyntaxUid: uid('4.50'), frames: [[stream]], table: 'basic' }))) as Uint8Array;
    expect(Math.max(...decoded.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThanOrEqual(2);
  });

  const adobe = (transform: number): number[] => [0xff, 0xee, 0, 14, ...[...'Adobe'].map((c) => c.charCodeAt(0)), 0, 100, 0, 0, 0, 0, transform];
  const ycc = Uint8Array.from({ length: 64 * 3 }, (_, i) => [120, 90, 200][i % 3]!);

  test('colours that the markers call RGB stay as they are', async () => {
    const stream = encodeDct(ycc, { width: 8, height: 8, precision: 8, components: 3, extra: adobe(0) });
    const frame = await decodeFrame(readDicom(compressedFile({ rows: 8, columns: 8, photometric: 'RGB', data: ycc }, { transferSyntaxUid: uid('4.50'), frames: [[stream]], table: 'basic' })), 0);
    expect(frame.photometric).toBe('RGB');
    expect([...frame.data.slice(0, 3)]).toEqual([120, 90, 200]);
  });

  test('colours that the data set calls RGB but the markers YCbCr are converted', async () => {
    const stream = encodeDct(ycc, { width: 8, height: 8, precision: 8, components: 3, extra: adobe(1) });
    const frame = await decodeFrame(readDicom(compressedFile({ rows: 8, columns: 8, photometric: 'RGB', data: ycc }, { transferSyntaxUid: uid('4.50'), frames: [[stream]], table: 'basic' })), 0);
    expect(frame.photometric).toBe('RGB');
    expect([...frame.data.slice(0, 3)]).toEqual([Math.round(120 + 1.402 * 72), Math.round(120 + 0.344136 * 38 - 0.714136 * 72), Math.round(120 - 1.772 * 38)]);
  });

  test('colours that both call YCbCr stay so', async () => {
    const stream = encodeDct(ycc, { width: 8, height: 8, precision: 8, components: 3, extra: adobe(1) });
    const photometric: NewElement = { tag: 'x00280004', vr: 'CS', value: 'YBR_FULL' };
    const frame = await decodeFrame(readDicom(compressedFile({ rows: 8, columns: 8, photometric: 'RGB', data: ycc }, { transferSyntaxUid: uid('4.50'), frames: [[stream]], table: 'basic' }, [photometric])), 0);
    expect(frame.photometric).toBe('YBR_FULL');
    expect([...frame.data.slice(0, 3)]).toEqual([120, 90, 200]);
  });
});

describe('frames are found', () => {
  const frames = [0, 1, 2].map((shift) => Uint16Array.from(words, (value) => value ^ (shift * 17)));
  const streams = frames.map((data) => encodeLossless(data, { width: columns, height: rows, components: 1, precision: 16, predictor: 1 }));
  const pixels = { rows, columns, frames: 3, photometric: 'MONOCHROME2', data: Uint16Array.from(frames.flatMap((data) => [...data])) } as const;
  const pieces = streams.map((stream) => [stream.slice(0, 100), stream.slice(100, 300), stream.slice(300)]);
  const checkAll = async (bytes: Uint8Array): Promise<void> => {
    const file = readDicom(bytes);
    expect(file.notes).toEqual([]);
    for (const index of [2, 0, 1]) expect((await decodeFrame(file, index)).data).toEqual(frames[index]);
  };

  test.each(['basic', 'extended', 'none'] as const)('one fragment a frame, table: %s', async (table) => {
    await checkAll(compressedFile(pixels, { transferSyntaxUid: uid('4.70'), frames: streams.map((stream) => [stream]), table }));
  });

  test.each(['basic', 'extended', 'none'] as const)('several fragments a frame, table: %s', async (table) => {
    await checkAll(compressedFile(pixels, { transferSyntaxUid: uid('4.70'), frames: pieces, table }));
  });

  test('a table that contradicts the fragments is passed over', async () => {
    const bytes = compressedFile(pixels, { transferSyntaxUid: uid('4.70'), frames: pieces, table: 'basic' });
    const marker = [0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42];
    const at = bytes.findIndex((_, i) => marker.every((value, k) => bytes[i + k] === value));
    bytes[at + 12 + 8 + 4] = bytes[at + 12 + 8 + 4]! ^ 2;
    await checkAll(bytes);
  });

  test('fewer frames than stated are told, and those that are there are shown', async () => {
    const bytes = compressedFile({ ...pixels, frames: 3 }, { transferSyntaxUid: uid('4.70'), frames: streams.slice(0, 2).map((stream) => [stream]), table: 'none' });
    const file = readDicom(bytes);
    expect(file.wholeFrames).toBe(2);
    expect(file.notes[0]).toMatchObject({ code: 'dicom.truncated' });
    expect((await decodeFrame(file, 1)).data).toEqual(frames[1]);
    await expect(decodeFrame(file, 2)).rejects.toMatchObject({ code: 'dicom.truncated' });
  });

  test('a file that ends inside a fragment keeps the frames before it', async () => {
    const bytes = compressedFile(pixels, { transferSyntaxUid: uid('4.70'), frames: streams.map((stream) => [stream]), table: 'basic' });
    const file = readDicom(bytes.subarray(0, bytes.length - 200));
    expect(file.wholeFrames).toBe(2);
    expect((await decodeFrame(file, 1)).data).toEqual(frames[1]);
  });
});

describe('a compressed frame in which the file was cut', () => {
  test.each([
    ['JPEG lossless', '4.70', encodeLossless(words, { width: columns, height: rows, components: 1, precision: 16, predictor: 1 })],
    ['JPEG lossless with predictor 4', '4.57', encodeLossless(words, { width: columns, height: rows, components: 1, precision: 16, predictor: 4 })],
    ['JPEG extended', '4.51', encodeDct(words.map((value) => value >> 4), { width: columns, height: rows, precision: 12 })],
  ] as const)('is shown as far as it goes where that is asked for: %s', async (_name, ending, stream) => {
    const data = ending === '4.51' ? words.map((value) => value >> 4) : words;
    const bytes = compressedFile({ rows, columns, photometric: 'MONOCHROME2', data }, { transferSyntaxUid: uid(ending), frames: [[stream]], table: 'basic' });
    const file = readDicom(bytes.subarray(0, bytes.length - Math.floor(stream.length * 0.2)));
    await expect(decodeFrame(file, 0)).rejects.toMatchObject({ code: 'dicom.truncated' });
    const frame = await decodeFrame(file, 0, { partial: true });
    expect(frame.present).toBeGreaterThan(0);
    expect(frame.present).toBeLessThan(count);
    expect(frame.present % columns).toBe(0);
    const apart = Array.from(frame.data.subarray(0, frame.present), (value, i) => Math.abs(value - data[i]!));
    expect(Math.max(...apart)).toBeLessThanOrEqual(ending === '4.51' ? 2 : 0);
  });
});

test('a transfer syntax that is not decoded is named', () => {
  const file = readDicom(compressedFile({ rows, columns, photometric: 'MONOCHROME2', data: bytes8 }, { transferSyntaxUid: uid('4.102'), frames: [[bytes8]], table: 'none' }));
  expect(file.imageFault).toMatchObject({ code: 'dicom.transferSyntax', why: expect.stringContaining('H.264') as string });
});

test('the description of an image and its pixels agree with the elements that were written', () => {
  expect(pixelElements({ rows: 2, columns: 2, photometric: 'MONOCHROME2', data: new Int16Array(4) })).toContainEqual({ tag: 'x00280103', vr: 'US', value: 1 });
});
