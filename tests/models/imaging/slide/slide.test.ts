import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zlibSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { resize } from '#models/imaging/resize.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { readRegionAt } from '#models/imaging/slide/region.ts';
import { openSlide, readTile, readTileJpeg } from '#models/imaging/slide/slide.ts';
import { bytesSource, openTiff } from '#models/imaging/tiff.ts';
import { readPage } from '#models/imaging/tiffBlocks.ts';
import { expectations, faultCode, fixture, pattern, sha256, sharedPath, tilesOf } from '#tests/support/pictures.ts';
import { makeTiff } from '#tests/support/tiff.ts';
import type { Slide } from '#models/imaging/slide/slide.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { TestPage } from '#tests/support/tiff.ts';

const open = (pages: readonly TestPage[]): Promise<Slide> => openSlide(bytesSource(makeTiff(pages)), 'test.svs');
const tiled = (picture: Picture, more: Partial<TestPage> = {}): TestPage =>
  ({ ...picture, tile: [16, 16], blocks: tilesOf(picture, [16, 16]), ...more });
const plain = (picture: Picture, more: Partial<TestPage> = {}): TestPage => ({ ...picture, blocks: [picture.data], ...more });

const base = pattern(160, 96);
const half = resize(base, { width: 80, height: 48 });
const quarter = resize(base, { width: 40, height: 24 });
const aperio = 'Aperio Image Library v12\r\n160x96 (16x16) RAW|AppMag = 20|MPP = 0.4990|ScanScope ID = SS1';

describe('the levels', () => {
  test('are the tiled pages of one shape, largest first, wherever they stand in the file', async () => {
    const slide = await open([tiled(quarter), plain(pattern(50, 30)), tiled(base), tiled(half)]);
    expect(slide.levels.map(({ width, height, downsample }) => [width, height, downsample])).toEqual([[160, 96, 1], [80, 48, 2], [40, 24, 4]]);
    expect([slide.width, slide.height]).toEqual([160, 96]);
  });

  test('leave out label, macro and thumbnail, which are named', async () => {
    const slide = await open([
      tiled(base, { description: aperio }),
      plain(pattern(50, 30), { description: 'Aperio Image Library v12\r\n160x96 -> 50x30 - ' }),
      tiled(half, { description: aperio }),
      plain(pattern(30, 33), { description: 'Aperio Image Library v12\r\nlabel 30x33', subfileType: 1 }),
      plain(pattern(70, 33), { description: 'Aperio Image Library v12\r\nmacro 70x33', subfileType: 9 }),
    ]);
    expect(slide.levels.map(({ width }) => width)).toEqual([160, 80]);
    expect(slide.associated).toEqual([{ kind: 'thumbnail', width: 50, height: 30 }, { kind: 'label', width: 30, height: 33 }, { kind: 'macro', width: 70, height: 33 }]);
  });

  test('count a size once, as a second focal plane of the same size is no level', async () => {
    const slide = await open([tiled(base), tiled(half), tiled(half)]);
    expect(slide.levels.length).toBe(2);
    expect(slide.associated.length).toBe(1);
  });

  test('of an untiled picture are the picture itself', async () => {
    const slide = await open([plain(base)]);
    expect(slide.levels.map(({ width, tileWidth, tileHeight }) => [width, tileWidth, tileHeight])).toEqual([[160, 160, 96]]);
  });
});

describe('the scale', () => {
  const check = async (more: Partial<TestPage>, expected: [number | null, string]): Promise<void> => {
    const { mpp, mppSource } = await open([tiled(base, more)]);
    expect([mpp && Number(mpp.x.toFixed(6)), mppSource]).toEqual(expected);
  };

  test('is the scanner’s remark', () => check({ description: aperio, perCentimetre: 10_000 }, [0.499, 'aperio']));
  test('or what OME notes, in its unit', async () => {
    await check({ description: '<OME><Pixels PhysicalSizeX="0.25" PhysicalSizeY="0.25"/></OME>' }, [0.25, 'ome']);
    const nanometres = '<OME><Pixels PhysicalSizeX="250" PhysicalSizeXUnit="nm" PhysicalSizeY="250" PhysicalSizeYUnit="nm"/></OME>';
    await check({ description: nanometres }, [0.25, 'ome']);
  });
  test('or the resolution of the page', () => check({ perCentimetre: 20_000 }, [0.5, 'resolution']));
  test('is unknown where the resolution is a screen’s', () => check({ perCentimetre: 28.35 }, [null, 'none']));
  test('is unknown where nothing is said, or nonsense', async () => {
    await check({}, [null, 'none']);
    await check({ description: aperio.replace('0.4990', '-1') }, [null, 'none']);
  });
  test('comes with the magnification and the other remarks', async () => {
    const { magnification, properties } = await open([tiled(base, { description: aperio })]);
    expect([magnification, properties.get('ScanScope ID')]).toEqual([20, 'SS1']);
  });
});

describe('the tiles', () => {
  test('are decoded whole, with what hangs over the edge', async () => {
    const slide = await open([tiled(pattern(40, 24))]);
    const tile = await readTile(slide, 0, { column: 2, row: 1 });
    expect(tile).toEqual({ width: 16, height: 16, data: tilesOf(pattern(40, 24), [16, 16])[5] });
  });

  test('a place outside the level is a mistake of the caller', async () => {
    const slide = await open([tiled(base)]);
    await expect(readTile(slide, 0, { column: 10, row: 0 })).rejects.toThrow(RangeError);
    expect(() => readTile(slide, 1, { column: 0, row: 0 })).toThrow(RangeError);
  });

  const { tables, rest } = splitTables(fixture('rgb.jpg'));
  const jpegPage = (more: Partial<TestPage>): TestPage =>
    ({ width: 61, height: 47, tile: [61, 47], compression: 7, photometric: 6, blocks: [fixture('rgb.jpg')], ...more });

  test('a JPEG tile passes through as a file that any decoder reads', async () => {
    const slide = await open([jpegPage({})]);
    const file = await readTileJpeg(slide, 0, { column: 0, row: 0 });
    expect(sha256((await decodePicture(file!)).data)).toBe(expectations.files['rgb.jpg']!.sha256);
    expect((await readTile(slide, 0, { column: 0, row: 0 }))!.data).toEqual((await decodePicture(file!)).data);
  });

  test('shared tables are put back into each tile', async () => {
    const slide = await open([jpegPage({ blocks: [rest], jpegTables: tables })]);
    const file = await readTileJpeg(slide, 0, { column: 0, row: 0 });
    expect(sha256((await decodePicture(file!)).data)).toBe(expectations.files['rgb.jpg']!.sha256);
  });

  test('a tile whose colours are RGB already says so to the decoder', async () => {
    // Without its own notes on colour, only the page knows.
    const bare = splitTables(fixture('stored-rgb.jpg'), { dropsNotes: true });
    const slide = await open([jpegPage({ photometric: 2, blocks: [bare.rest], jpegTables: bare.tables })]);
    expect(sha256((await readTile(slide, 0, { column: 0, row: 0 }))!.data)).toBe(expectations.files['stored-rgb.jpg']!.sha256);
  });

  test('a tile that is not JPEG, or is left out, does not pass through', async () => {
    expect(await readTileJpeg(await open([tiled(base)]), 0, { column: 0, row: 0 })).toBeNull();
    expect(await readTileJpeg(await open([jpegPage({ blocks: [new Uint8Array(0)] })]), 0, { column: 0, row: 0 })).toBeNull();
    expect(await readTile(await open([jpegPage({ blocks: [new Uint8Array(0)] })]), 0, { column: 0, row: 0 })).toBeNull();
  });

  test('one damaged tile leaves the others readable', async () => {
    const blocks = tilesOf(base, [16, 16]).map((block, i) => (i === 3 ? block.subarray(0, 50) : block));
    const slide = await open([tiled(base, { blocks })]);
    expect(await faultCode(() => readTile(slide, 0, { column: 3, row: 0 }))).toBe('picture.damaged');
    expect((await readTile(slide, 0, { column: 4, row: 0 }))!.data).toEqual(blocks[4]);
  });
});

describe('the shared slides', () => {
  const folder = sharedPath('data', 'wsi');
  const said = folder ? '' : ' (skipped: the shared data are absent)';
  interface Entry { readonly file: string; readonly expect: string; readonly pages?: readonly { readonly pixels: { readonly sha256: string } }[] }
  const files = folder ? (JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { files: Entry[] }).files : [];
  const shared = (name: string): Promise<Slide> => openSlide(bytesSource(new Uint8Array(readFileSync(join(folder!, name)))), name);

  test.skipIf(!folder)(`every page has the pixels that the manifest states${said}`, async () => {
    for (const { file, pages } of files.filter((each) => each.expect === 'decode')) {
      const tiff = await openTiff(bytesSource(new Uint8Array(readFileSync(join(folder!, file)))), file);
      const hashes = [];
      for (const page of tiff.pages) hashes.push(sha256((await readPage(tiff, page)).data));
      expect(hashes).toEqual(pages!.map(({ pixels }) => pixels.sha256));
    }
  });

  test.skipIf(!folder)(`the real Aperio slide has one level, a thumbnail and its scale${said}`, async () => {
    const slide = await shared('small.svs');
    expect([slide.levels.length, slide.associated.map(({ kind }) => kind), slide.mpp?.x, slide.magnification]).toEqual([1, ['thumbnail'], 0.499, 20]);
  });

  test.skipIf(!folder)(`a slide with damaged tiles opens and says which tile is damaged${said}`, async () => {
    const slide = await shared('unreadable.svs');
    expect([slide.width, slide.height]).toEqual([16, 16]);
    const what = expect.stringContaining('column 0, row 0') as string;
    await expect(readTile(slide, 0, { column: 0, row: 0 })).rejects.toMatchObject({ code: 'picture.damaged', what });
  });

  test.skipIf(!folder)(`a slide of an unknown compression is refused with that reason${said}`, async () => {
    await expect(shared('unopenable.tiff')).rejects.toMatchObject({ code: 'picture.unsupported', why: expect.stringContaining('52479') as string });
  });
});

describe('hostile slides end in a fault or a picture, never in a crash', () => {
  const whole = makeTiff([
    tiled(base, { description: aperio, compression: 8, blocks: tilesOf(base, [16, 16]).map((tile) => zlibSync(tile)) }),
    { width: 61, height: 47, tile: [61, 47], compression: 7, photometric: 6, blocks: [fixture('rgb.jpg')] },
    plain(pattern(30, 33), { description: 'label 30x33', subfileType: 1 }),
  ], { isBig: true });

  async function readAll(bytes: Uint8Array): Promise<void> {
    const slide = await openSlide(bytesSource(bytes));
    for (const [index, level] of slide.levels.entries()) {
      for (let row = 0; row < Math.min(level.down, 3); row++) await readTile(slide, index, { column: 0, row });
      await readTileJpeg(slide, index, { column: 0, row: 0 });
    }
    await readRegionAt(slide, { x: 0, y: 0, width: slide.width, height: slide.height }, { width: 32, height: 32 });
    const tiff = await openTiff(bytesSource(bytes));
    for (const page of tiff.pages) if (slide.associated.some(({ width, height }) => width === page.width && height === page.height)) await readPage(tiff, page);
  }

  const check = async (bytes: Uint8Array): Promise<void> => expect(await faultCode(() => readAll(bytes))).toMatch(/^((picture|slide)\.\w+|none)$/);

  test('the whole one has no fault', async () => expect(await faultCode(() => readAll(whole))).toBe('none'));

  test('cut at fifty places', async () => {
    for (let i = 0; i < 50; i++) await check(whole.subarray(0, Math.floor((whole.length * i) / 50)));
  });

  test('with one to eight flipped bits, eighty times', async () => {
    const random = new Random(11);
    for (let i = 0; i < 80; i++) {
      const bytes = whole.slice();
      for (let k = random.below(8); k >= 0; k--) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      await check(bytes);
    }
  });

  test('with one to four flipped bits in the directories, a hundred times', async () => {
    const random = new Random(12);
    for (let i = 0; i < 100; i++) {
      const bytes = whole.slice();
      for (let k = random.below(4); k >= 0; k--) bytes[bytes.length - 1 - random.below(1500)]! ^= 1 << random.below(8);
      await check(bytes);
    }
  });
});

/** A JPEG's tables as one file and everything else as another, as TIFF stores them. */
function splitTables(file: Uint8Array, { dropsNotes = false } = {}): { tables: Uint8Array; rest: Uint8Array } {
  const tables: number[] = [0xff, 0xd8];
  const rest: number[] = [0xff, 0xd8];
  for (let at = 2; ;) {
    const marker = file[at + 1]!;
    const end = at + 2 + file[at + 2]! * 256 + file[at + 3]!;
    if (marker === 0xda) return { tables: Uint8Array.from([...tables, 0xff, 0xd9]), rest: Uint8Array.from([...rest, ...file.subarray(at)]) };
    const isNote = marker >= 0xe0 && marker <= 0xef;
    if (!(isNote && dropsNotes)) (marker === 0xdb || marker === 0xc4 ? tables : rest).push(...file.subarray(at, end));
    at = end;
  }
}
