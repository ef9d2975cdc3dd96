import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCanvas } from '@napi-rs/canvas';
import { describe, expect, test } from 'vitest';
import { crop, type Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { openDicom } from '#models/imaging/dicom/partial.ts';
import { resize } from '#models/imaging/resize.ts';
import { dicomSlide, flavourOf, type SlidePart } from '#models/imaging/slide/dicomSlide.ts';
import { readRegionAt } from '#models/imaging/slide/region.ts';
import { readTile, readTileJpeg } from '#models/imaging/slide/slide.ts';
import { bytesSource } from '#models/imaging/tiff.ts';
import { slideFile, tilesOf } from '#tests/support/dicomSlides.ts';
import { faultCode, pattern, sharedPath } from '#tests/support/pictures.ts';

const base = pattern(100, 60);
const half = resize(base, { width: 50, height: 30 });
const part = async (bytes: Uint8Array, name = 'a file'): Promise<SlidePart> => ({ name, ...await openDicom(bytesSource(bytes)) });
const opened = async (...files: readonly Uint8Array[]): ReturnType<typeof dicomSlide> => dicomSlide(await Promise.all(files.map((bytes) => part(bytes))), 'The slide');
const whole = { x: 0, y: 0, width: 100, height: 60 };

/** A tile as a baseline JPEG file: lossy, so that pixels are compared with what its own decoding gives. */
function jpeg({ width, height, data }: Picture): Uint8Array {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set([data[i * 3]!, data[i * 3 + 1]!, data[i * 3 + 2]!, 255], i * 4);
  context.putImageData(image, 0, 0);
  return new Uint8Array(canvas.toBuffer('image/jpeg', 95));
}

describe('a slide of DICOM files', () => {
  test('has a level for each file, largest first, with its scale and magnification', async () => {
    const slide = await opened(slideFile({ picture: half, tile: 16, number: 2 }), slideFile({ picture: base, tile: 16, number: 1, mppX: 0.5 }));
    expect(slide).toMatchObject({ width: 100, height: 60, mpp: { x: 0.5, y: 0.5 }, mppSource: 'dicom', magnification: 20 });
    expect(slide.levels.map(({ width, height, across, down, downsample }) => [width, height, across, down, downsample])).toEqual([[100, 60, 7, 4, 1], [50, 30, 4, 2, 2]]);
  });

  test('gives the very pixels that it was drawn from, tile by tile and as a region', async () => {
    const slide = await opened(slideFile({ picture: base, tile: 16, number: 1 }));
    for (const { column, row, tile } of tilesOf(base, 16)) expect((await readTile(slide, 0, { column, row }))?.data).toEqual(tile.data);
    expect(await readRegionAt(slide, whole, { width: 100, height: 60 })).toEqual(base);
    expect(await readRegionAt(slide, { x: 13, y: 7, width: 40, height: 33 }, { width: 40, height: 33 })).toEqual(crop(base, { x1: 13, y1: 7, x2: 53, y2: 40 }));
  });

  test('whose tiles state their places may have them in any order, and leave glass out', async () => {
    const places = tilesOf(base, 16).filter(({ column, row }) => !(column === 2 && row === 1)).reverse();
    const slide = await opened(slideFile({ picture: base, tile: 16, number: 1, sparse: places }));
    expect(await readTile(slide, 0, { column: 2, row: 1 })).toBeNull();
    for (const { column, row, tile } of places) expect((await readTile(slide, 0, { column, row }))?.data).toEqual(tile.data);
    const area = await readRegionAt(slide, { x: 32, y: 16, width: 16, height: 16 }, { width: 16, height: 16 });
    expect(new Set(area.data)).toEqual(new Set([255]));
  });

  test('passes JPEG tiles on as files of their own, with any offset table', async () => {
    for (const table of ['basic', 'extended', 'none'] as const) {
      const slide = await opened(slideFile({ picture: base, tile: 32, number: 1, pack: { transferSyntaxUid: '1.2.840.10008.1.2.4.50', photometric: 'YBR_FULL_422', tile: jpeg, table } }));
      const at = { column: 1, row: 1 };
      const file = await readTileJpeg(slide, 0, at);
      const decoded = await decodePicture(file!);
      const tile = (await readTile(slide, 0, at))!;
      // Two decoders of one stream: they differ in how they round and enlarge the chroma.
      const difference = tile.data.reduce((sum, value, i) => sum + Math.abs(value - decoded.data[i]!), 0) / tile.data.length;
      expect(difference).toBeLessThan(3);
      expect(await readTileJpeg(slide, 0, { column: 3, row: 1 })).not.toBeNull();
    }
  });

  test('shows neither label nor glass, and counts them among what lies beside', async () => {
    const label = slideFile({ picture: pattern(32, 32), tile: 32, number: 3, flavour: 'LABEL' });
    const slide = await opened(slideFile({ picture: base, tile: 16, number: 1 }), label, slideFile({ picture: pattern(48, 16), tile: 48, number: 4, flavour: 'OVERVIEW' }));
    expect(slide.levels).toHaveLength(1);
    expect(slide.associated).toEqual([{ kind: 'label', width: 32, height: 32 }, { kind: 'macro', width: 48, height: 48 }]);
    expect(flavourOf((await part(label)).file)).toBe('label');
    expect(await faultCode(() => opened(label))).toBe('slide.empty');
  });

  test('cut short shows the tiles that are there and names those that are not', async () => {
    const file = slideFile({ picture: base, tile: 16, number: 1, pack: { transferSyntaxUid: '1.2.840.10008.1.2.4.50', photometric: 'YBR_FULL_422', tile: jpeg } });
    const slide = await opened(file.subarray(0, Math.floor(file.length * 0.6)));
    expect(await readTile(slide, 0, { column: 0, row: 0 })).not.toBeNull();
    expect(await faultCode(() => readTile(slide, 0, { column: 6, row: 3 }))).toBe('dicom.truncated');
    const native = slideFile({ picture: base, tile: 16, number: 1 });
    expect(await faultCode(async () => readTile(await opened(native.subarray(0, native.length - 100)), 0, { column: 6, row: 3 }))).toBe('dicom.truncated');
  });

  test('reads no more of its file than header and tile', async () => {
    const file = slideFile({ picture: pattern(2000, 1200), tile: 200, number: 1 });
    let bytes = 0;
    const inner = bytesSource(file);
    const counted = { size: inner.size, read: (offset: number, length: number) => {
      bytes += Math.min(length, inner.size - offset);
      return inner.read(offset, length);
    } };
    const slide = await dicomSlide([{ name: 'counted', ...await openDicom(counted) }], 'The slide');
    bytes = 0;
    await readTile(slide, 0, { column: 5, row: 3 });
    expect(bytes).toBe(200 * 200 * 3);
  });

  test('finds a packed tile by the offset table, without a walk through the file; where the table lies, by the walk', async () => {
    const picture = pattern(800, 600);
    const pack = { transferSyntaxUid: '1.2.840.10008.1.2.4.50', photometric: 'YBR_FULL_422', tile: jpeg } as const;
    const truth = await readTile(await opened(slideFile({ picture, tile: 50, number: 1, pack: { ...pack, table: 'none' } })), 0, { column: 9, row: 7 });
    for (const table of ['basic', 'extended', 'none', 'wrong'] as const) {
      const file = slideFile({ picture, tile: 50, number: 1, pack: { ...pack, table: table === 'wrong' ? 'basic' : table } });
      // Every offset but the first points beside its frame; the table begins 20 bytes behind the tag of the pixels.
      const offsets = file.findIndex((byte, at) => byte === 0xe0 && file[at + 1] === 0x7f && file[at + 2] === 0x10 && file[at + 3] === 0x00) + 20;
      const view = new DataView(file.buffer, file.byteOffset);
      if (table === 'wrong') for (let tile = 1; tile < 192; tile++) view.setUint32(offsets + tile * 4, view.getUint32(offsets + tile * 4, true) + 2, true);
      const inner = bytesSource(file);
      let bytes = 0;
      const counted = { size: inner.size, read: (offset: number, length: number) => {
        bytes += Math.min(length, inner.size - offset);
        return inner.read(offset, length);
      } };
      const slide = await dicomSlide([{ name: 'counted', ...await openDicom(counted) }], 'The slide');
      bytes = 0;
      expect(await readTile(slide, 0, { column: 9, row: 7 }), table).toEqual(truth);
      const isRead = table === 'basic' || table === 'extended';
      expect(bytes < file.length / 20, `${table}: ${bytes} of ${file.length}`).toBe(isRead);
    }
  });

  const folder = sharedPath('data', 'dicom');
  test.skipIf(!folder || !existsSync(join(folder, 'sm_tiled_25frame.dcm')))(`from other writers is put together: native, JPEG-LS and JPEG${folder ? '' : ' (skipped: the shared data are absent)'}`, async () => {
    const shared = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder!, name)));
    const native = await opened(shared('sm_tiled_25frame.dcm'));
    expect([native.width, native.height, native.levels[0]?.across]).toEqual([50, 50, 5]);
    const lossless = await opened(shared('sm_tiled_25frame_jpegls.dcm'));
    const area = { x: 0, y: 0, width: 50, height: 50 };
    expect(await readRegionAt(lossless, area, area)).toEqual(await readRegionAt(native, area, area));
    const boxes = await opened(shared('sm_boxes_level1.dcm'), shared('sm_boxes_level0_jpeg.dcm'));
    // The thumbnail is as large as the only volume, and gives way to it.
    expect(boxes.levels.map(({ width, tileWidth }) => [width, tileWidth])).toEqual([[16, 64]]);
    expect(await readTileJpeg(boxes, 0, { column: 0, row: 0 })).not.toBeNull();
  });
});
