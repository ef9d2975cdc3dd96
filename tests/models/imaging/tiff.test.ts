import { fromArrayBuffer } from 'geotiff';
import { describe, expect, test } from 'vitest';
import { bytesSource, openTiff } from '#models/imaging/tiff.ts';
import { readPage } from '#models/imaging/tiffBlocks.ts';
import { Random } from '#models/base/random.ts';
import { expectations, faultCode, fixture, pattern, tilesOf } from '#tests/support/pictures.ts';
import { makeTiff } from '#tests/support/tiff.ts';
import type { TestPage } from '#tests/support/tiff.ts';

const picture = pattern(40, 24);
const page: TestPage = { width: 40, height: 24, tile: [16, 16], blocks: tilesOf(picture, [16, 16]) };
const open = (bytes: Uint8Array): ReturnType<typeof openTiff> => openTiff(bytesSource(bytes));

/** Opens and decodes every page. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const tiff = await open(bytes);
  for (const each of tiff.pages) await readPage(tiff, each);
}

describe('the structure', () => {
  for (const isBig of [false, true]) {
    for (const isLittleEndian of [true, false]) {
      test(`a ${isBig ? 'BigTIFF' : 'TIFF'} in ${isLittleEndian ? 'little' : 'big'} endian gives its pages and pixels`, async () => {
        const tiff = await open(makeTiff([page, { ...page, description: 'second', subfileType: 1 }], { isBig, isLittleEndian }));
        const [first, second] = tiff.pages;
        expect(first).toMatchObject({ width: 40, height: 24, across: 3, down: 2, isTiled: true, description: '', subfileType: 0 });
        expect(second).toMatchObject({ index: 1, width: 40, height: 24, description: 'second', subfileType: 1 });
        for (const each of tiff.pages) expect(await readPage(tiff, each)).toEqual(picture);
      });
    }
  }

  test('strips of any height, the last one shorter', async () => {
    const rows = [0, 7, 14, 21].map((y) => picture.data.subarray(y * 120, Math.min(24, y + 7) * 120));
    const tiff = await open(makeTiff([{ width: 40, height: 24, rowsPerStrip: 7, blocks: rows }]));
    expect([tiff.pages[0]!.down, tiff.pages[0]!.blockHeight]).toEqual([4, 7]);
    expect(await readPage(tiff, tiff.pages[0]!)).toEqual(picture);
  });

  test('a tile that the file leaves out is white', async () => {
    const tiff = await open(makeTiff([{ ...page, blocks: page.blocks.map((block, i) => (i === 1 ? new Uint8Array(0) : block)) }]));
    const { data } = await readPage(tiff, tiff.pages[0]!);
    expect([...data.subarray(16 * 3, 16 * 3 + 3)]).toEqual([255, 255, 255]);
    expect([...data.subarray(0, 3)]).toEqual([...picture.data.subarray(0, 3)]);
  });

  for (const name of Object.keys(expectations.files).filter((each) => each.endsWith('.tif') && !each.includes('big-endian'))) {
    test(`${name}: geotiff.js finds the same block places`, async () => {
      const bytes = fixture(name);
      const second = (await (await fromArrayBuffer(bytes.slice().buffer)).getImage(0)).fileDirectory;
      const first = (await open(bytes)).pages[0]!;
      const { offsets, lengths } = await first.blocks();
      const list = async (tag: 'TileOffsets' | 'StripOffsets' | 'TileByteCounts' | 'StripByteCounts'): Promise<number[]> => {
        const value: unknown = await second.loadValue(tag);
        return typeof value === 'number' ? [value] : Array.from(value as ArrayLike<number | bigint>, Number);
      };
      expect([...offsets]).toEqual(await list(first.isTiled ? 'TileOffsets' : 'StripOffsets'));
      expect([...lengths]).toEqual(await list(first.isTiled ? 'TileByteCounts' : 'StripByteCounts'));
    });
  }
});

describe('a file larger than the memory', () => {
  test('is read only where it is needed, past four gigabytes too', async () => {
    const far = 5_000_000_000;
    const near = makeTiff([{ ...page, tags: { 324: far } }], { isBig: true });
    let bytesRead = 0;
    const tiff = await openTiff({
      size: far + 10_000,
      read: (offset, length) => {
        bytesRead += length;
        const [bytes, from] = offset >= far ? [page.blocks[0]!, offset - far] : [near, offset];
        return Promise.resolve(bytes.subarray(from, from + length));
      },
    });
    const { data } = await readPage(tiff, tiff.pages[0]!);
    expect([...data.subarray(0, 48)]).toEqual([...picture.data.subarray(0, 48)]);
    expect(bytesRead).toBeLessThan(20_000);
  });
});

describe('hostile structures end in a fault', () => {
  const check = async (bytes: Uint8Array, code: string): Promise<void> => expect(await faultCode(() => readAll(bytes))).toBe(code);
  const lie = (tags: Record<number, number>): Uint8Array => makeTiff([{ ...page, tags }]);

  test('pages that form a circle', () => {
    const bytes = makeTiff([page]);
    const at = new DataView(bytes.buffer).getUint32(4, true);
    const link = at + 2 + new DataView(bytes.buffer).getUint16(at, true) * 12;
    new DataView(bytes.buffer).setUint32(link, at, true);
    return check(bytes, 'picture.damaged');
  });
  test('an absurd width', () => check(lie({ 256: 2 ** 31 + 1 }), 'picture.damaged'));
  test('more tiles than places', () => check(lie({ 256: 4000 }), 'picture.damaged'));
  test('more pixels than are decoded whole', () => check(lie({ 256: 100_000, 257: 100_000, 322: 65_536, 323: 65_536 }), 'picture.size'));
  test('tiles of no size, and of one pixel', async () => {
    await check(lie({ 322: 0 }), 'picture.damaged');
    await check(lie({ 322: 1, 323: 1 }), 'picture.damaged');
  });
  test('a tile behind the end of the file', () => check(lie({ 324: 4_000_000_000 }), 'picture.truncated'));
  test('a tile that claims a gigabyte', () => check(lie({ 325: 1_000_000_000 }), 'picture.damaged'));
  test('a tile that is shorter than its pixels', () => check(lie({ 325: 100 }), 'picture.damaged'));
  test('a thousand samples a pixel', () => check(lie({ 277: 1000 }), 'picture.damaged'));
  test('an unknown compression', () => check(lie({ 259: 52_479 }), 'picture.unsupported'));
  test('an unknown colour model', () => check(lie({ 262: 32_803 }), 'picture.unsupported'));
  test('one tile that unpacks to half a gigabyte', () =>
    check(makeTiff([{ width: 9000, height: 9000, rowsPerStrip: 9000, samples: 7, blocks: [new Uint8Array(9)], compression: 8 }]), 'picture.size'));

  test('a random file that begins as TIFF does', async () => {
    const random = new Random(3);
    for (let i = 0; i < 300; i++) {
      const bytes = Uint8Array.from({ length: 300 }, () => random.below(256));
      bytes.set([0x49, 0x49, 42 + (i % 2), 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0]);
      expect(await faultCode(() => readAll(bytes))).toMatch(/^picture\./);
    }
  });

  test('any single byte of the structure overwritten', async () => {
    const whole = makeTiff([{ ...page, compression: 1, description: 'x'.repeat(20), perCentimetre: 20_000 }], { isBig: true });
    const tail = whole.length - 420;
    for (let at = tail; at < whole.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const bytes = whole.slice();
        bytes[at] = value;
        expect(await faultCode(() => readAll(bytes))).toMatch(/^(picture\.\w+|none)$/);
      }
    }
  });
});
