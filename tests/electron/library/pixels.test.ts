import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCanvas } from '@napi-rs/canvas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assemble } from '#electron/library/assemble.ts';
import { captured } from '#electron/library/captured.ts';
import { inspect } from '#electron/library/inspect.ts';
import { openLibrary } from '#electron/library/library.ts';
import { openPixels } from '#electron/library/pixels.ts';
import type { Box } from '#models/clinical/finding.ts';
import { compose, invert, mapBox, toModel } from '#models/imaging/coordinates.ts';
import { pixelElements, writeDicom } from '#models/imaging/dicom/writer.ts';
import { createPicture, crop, type Picture } from '#models/imaging/image.ts';
import { blended } from '#models/imaging/slide/channels.ts';
import { decodeChannelTile } from '#models/imaging/slide/channelTile.ts';
import { toVisionInput, type PatchOptions } from '#models/imaging/patches.ts';
import { decodePicture, encodePng } from '#models/imaging/picture.ts';
import { pictureSeen } from '#models/imaging/unpatch.ts';
import { channelFile, fluorescence } from '#tests/support/fluorescence.ts';
import { tilesOf } from '#tests/support/pictures.ts';
import { makeTiff, type TestPage } from '#tests/support/tiff.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'loupe-pixels-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** Rows of a pixel are twice as far apart as columns where that is wished, so that the picture is shown taller than it is stored. */
const dicom = (spacing: readonly [number, number]): Uint8Array => writeDicom([
  { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: '2.25.1' }, { tag: 'x00080060', vr: 'CS', value: 'CT' }, { tag: 'x00280030', vr: 'DS', value: [...spacing] },
  ...pixelElements({ rows: 40, columns: 60, photometric: 'MONOCHROME2', data: Uint16Array.from({ length: 2400 }, (_, i) => (i * 37) % 1000), bitsStored: 16 }),
]);

function plain(): Uint8Array {
  const picture = createPicture({ width: 60, height: 40 });
  picture.data.forEach((_, i) => (picture.data[i] = (i * 31) % 256));
  return encodePng(picture);
}

test.each([['frame.dcm', dicom([1, 1]), 1], ['tall.dcm', dicom([2, 1]), 2], ['picture.png', plain(), 1]] as const)('a region of %s is exactly those pixels, at the window of the whole, and finds its way back', async (name, bytes, stretch) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const pixels = openPixels();
  const [whole, part] = [await pixels.shown(path, 0), await pixels.shown(path, 0, { region: { x: 10, y: 20, width: 30, height: 12 } })];
  expect(part.picture).toEqual(crop(whole.picture, { x1: 10, y1: 20 * stretch, x2: 40, y2: 32 * stretch }));
  expect(mapBox(part.toSource, { x1: 0, y1: 0, x2: 30, y2: 12 * stretch })).toEqual({ x1: 10, y1: 20, x2: 40, y2: 32 });
  expect([part.source, part.window, whole.source]).toEqual([whole.source, whole.window, { width: 60, height: 40 }]);
  await expect(pixels.shown(path, 0, { region: { x: 500, y: 0, width: 9, height: 9 } })).rejects.toMatchObject({ code: 'picture.region' });
});

test('an image that lost pixels on the way says so: by its own word, or by how it is packed', async () => {
  const picture = createCanvas(16, 16).toBuffer('image/jpeg', 80);
  const packed = [{ tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.7' }, { tag: 'x00080018', vr: 'UI', value: '2.25.2' }, ...pixelElements({ rows: 16, columns: 16, photometric: 'RGB', data: new Uint8Array(768) }).filter(({ tag }) => tag !== 'x7fe00010' && tag !== 'x00280004'), { tag: 'x00280004', vr: 'CS', value: 'YBR_FULL_422' }] as const;
  const files = [dicom([1, 1]), writeDicom(packed, { transferSyntaxUid: '1.2.840.10008.1.2.4.50', table: 'basic', frames: [[new Uint8Array(picture)]] })];
  const pixels = openPixels();
  const said = await Promise.all(files.map(async (bytes, i) => {
    writeFileSync(join(folder, `lossy${i}.dcm`), bytes);
    return (await pixels.values(join(folder, `lossy${i}.dcm`), 'a'.repeat(64), 0)).header.isLossy;
  }));
  expect(said).toEqual([false, true]);
});

/** A pyramid of two levels, drawn by a rule of level-0 pixels, and whatever pages stand beside it. */
const slide = (width: number, height: number, at: (x: number, y: number) => readonly [number, number, number], beside: readonly TestPage[] = []): Uint8Array => {
  const level = (step: number): TestPage => {
    const picture = createPicture({ width: width / step, height: height / step });
    for (let y = 0; y < picture.height; y++) for (let x = 0; x < picture.width; x++) picture.data.set(at(x * step, y * step), (y * picture.width + x) * 3);
    return { ...picture, tile: [64, 64], blocks: tilesOf(picture, [64, 64]), perCentimetre: 20_000 / step };
  };
  return makeTiff([level(1), ...beside, level(2)]);
};

test('a file that takes another’s place under the same path is another slide: no tile of the old one is served for it', async () => {
  const source = join(folder, 'scanner', 'slide.tif');
  mkdirSync(join(folder, 'scanner'));
  const library = openLibrary({
    folder: join(folder, 'library'), now: () => '2026-01-01T00:00:00Z', publish: () => undefined,
    reader: { inspect: ({ path, name, sha256 }) => inspect(path, name, sha256), assemble: (files) => assemble(files), unpack: () => Promise.resolve(), drawSamples: () => Promise.resolve() },
  });
  const pixels = openPixels();
  const tileOf = async (colour: readonly [number, number, number]): Promise<readonly [string, Buffer]> => {
    writeFileSync(source, slide(256, 128, () => colour));
    const before = new Set(library.list().map(({ id }) => id));
    await library.start([{ path: source }]).done;
    const [added] = library.list().filter(({ id }) => !before.has(id));
    const id = (await library.study(added!.id)).series[0]!.slide!.id;
    return [id, Buffer.from((await pixels.tile(library.pathOf(id), 0, 0, 0)).bytes)];
  };
  const [first, red] = await tileOf([200, 10, 10]);
  const [second, blue] = await tileOf([10, 10, 200]);
  expect(second).not.toBe(first);
  expect(blue.equals(red)).toBe(false);
  expect([...(await decodePicture(blue)).data.subarray(0, 3)]).toEqual([10, 10, 200]);
  // The study that was made of the old content still shows the old content.
  expect(Buffer.from((await pixels.tile(library.pathOf(first), 0, 0, 0)).bytes).equals(red)).toBe(true);
  await pixels.close();
  library.close();
});

test('the label and the glass of a slide leave in no form: no picture, no tile, no case for training shows a pixel of them', async () => {
  const magenta = createPicture({ width: 90, height: 90 }, [255, 0, 255]);
  const named = (kind: string, subfileType: number): TestPage => ({ ...magenta, blocks: [magenta.data], description: `Aperio Image Library v12\r\n${kind} 90x90`, subfileType });
  const bytes = slide(256, 128, (x, y) => [x % 200, y, 60], [named('label', 1), named('macro', 9)]);
  const path = join(folder, 'labelled.svs');
  writeFileSync(path, bytes);
  const study = await assemble([{ path, name: 'labelled.svs', sha256: 'b'.repeat(64) }]);
  expect(study.series.flatMap(({ frames }) => frames)).toHaveLength(1);
  const pixels = openPixels();
  const left: Picture[] = [(await pixels.shown(path, 0)).picture, await decodePicture(await pixels.thumbnail(path, 0, 384)), await decodePicture((await captured(pixels, { path, index: 0, window: null, region: null })).png)];
  for (const [level, { width, height }] of study.series[0]!.slide!.levels.entries()) {
    for (let row = 0; row * 64 < height; row++) for (let column = 0; column * 64 < width; column++) left.push(await decodePicture((await pixels.tile(path, level, column, row)).bytes));
  }
  for (const { data } of left) for (let i = 0; i < data.length; i += 3) if (data[i]! > 240 && data[i + 1]! < 15 && data[i + 2]! > 240) expect.fail('a pixel of the label');
  expect(left.length).toBeGreaterThan(10);
  await pixels.close();
});

test('a fluorescence slide is put before the model with the channels that the reader sees, and says which', async () => {
  const path = join(folder, 'cells.ome.tif');
  writeFileSync(path, fluorescence({ side: 64, levels: 2 }));
  const pixels = openPixels();
  const chosen = [{ at: 1, colour: '#00ff00', low: 200, high: 1500 }];
  const [whole, alone, none] = await Promise.all([pixels.shown(path, 0), pixels.shown(path, 0, { channels: chosen }), pixels.shown(path, 0, { channels: [] })]);
  expect(whole.window).toBe('DAPI #3060ff 120 to 2499, CD3 #30e060 120 to 1800, PanCK #ff4030 120 to 1500');
  expect([alone.window, none.window]).toEqual(['CD3 #00ff00 200 to 1500', 'no channel']);
  const most = ({ picture: { data } }: { readonly picture: Picture }): number[] => [0, 1, 2].map((c) => data.reduce((best, value, i) => (i % 3 === c ? Math.max(best, value) : best), 0));
  expect([most(alone), most(none)]).toEqual([[0, 255, 0], [0, 0, 0]]);
  expect(most(whole).every((value) => value > 200)).toBe(true);
  // The page draws what a channel measured by the same arithmetic.
  const tile = decodeChannelTile(Uint8Array.from(await pixels.channelTile(path, 0, { column: 0, row: 0, channel: 1 })).buffer);
  const region = await pixels.shown(path, 0, { channels: chosen, region: { x: 0, y: 0, width: 16, height: 16 } });
  expect(blended(tile, [{ tile, look: chosen[0]! }]).data).toEqual(region.picture.data);
  await expect(pixels.channelTile(path, 0, { column: 0, row: 0, channel: 3 })).rejects.toMatchObject({ code: 'library.tile' });
  await pixels.close();
});

test('a fluorescence slide in DICOM, a file for each channel, is one slide in the library with all of them', async () => {
  const ramps = [0, 1].map((channel) => Uint16Array.from({ length: 32 * 32 }, (_, i) => (channel === 0 ? i % 32 : Math.floor(i / 32)) * 100));
  const source = join(folder, 'dicom-cells');
  mkdirSync(source);
  ['DAPI', 'CD8'].forEach((name, at) => writeFileSync(join(source, `${name}.dcm`), channelFile([{ id: `${at + 1}`, name }], [ramps[at]!], 32, at + 1)));
  const library = openLibrary({
    folder: join(folder, 'library-cells'), now: () => '2026-01-01T00:00:00Z', publish: () => undefined,
    reader: { inspect: ({ path, name, sha256 }) => inspect(path, name, sha256), assemble: (files) => assemble(files), unpack: () => Promise.resolve(), drawSamples: () => Promise.resolve() },
  });
  await library.start([{ path: source }]).done;
  const { series } = await library.study(library.list()[0]!.id);
  expect(series.map(({ slide: own }) => own?.channels?.map(({ name, colour }) => [name, colour]))).toEqual([[['DAPI', '#3d6bff'], ['CD8', '#2fd45a']]]);
  const pixels = openPixels();
  const path = library.pathOf(series[0]!.slide!.id);
  for (const [channel, ramp] of ramps.entries()) {
    const tile = decodeChannelTile(Uint8Array.from(await pixels.channelTile(path, 0, { column: 1, row: 1, channel })).buffer);
    expect(tile.values).toEqual(ramp.filter((_, i) => i % 32 >= 16 && i >= 16 * 32));
  }
  await pixels.close();
  library.close();
});

test('a place of a slide that the network sees in its eighth patch lies where arithmetic says, to half a pixel of level 0', async () => {
  // The region is no multiple of anything, so that every rounding on the way shows.
  const region = { x: 101, y: 53, width: 331, height: 217 };
  const options: PatchOptions = { patchSize: 14, temporalPatchSize: 2, mergeSize: 2, mean: [0, 0, 0], std: [1, 1, 1], minPixels: 4 * 28 * 28, maxPixels: 64 * 28 * 28 };
  const path = join(folder, 'marked.tif');
  const cellOf = (rows: number, columns: number, at: number): Box => {
    const [column, row] = [at % columns, Math.floor(at / columns)];
    return { x1: region.x + (column * region.width) / columns, x2: region.x + ((column + 1) * region.width) / columns, y1: region.y + (row * region.height) / rows, y2: region.y + ((row + 1) * region.height) / rows };
  };
  const { gridThw: [, rows, columns] } = toVisionInput([createPicture(region)], options);
  const [across, down] = [columns / options.mergeSize, rows / options.mergeSize];
  const truth = cellOf(down, across, 7);
  writeFileSync(path, slide(512, 384, (x, y) => (x >= truth.x1 && x < truth.x2 && y >= truth.y1 && y < truth.y2 ? [255, 0, 0] : [20, 20, 20])));
  const pixels = openPixels();
  const { picture, toSource } = await pixels.shown(path, 0, { region });
  const input = toVisionInput([picture], options);
  // From the patch back to the slide, the way that boxes of answers go.
  const side = options.patchSize * options.mergeSize;
  const patch = { x1: (7 % across) * side, y1: Math.floor(7 / across) * side, x2: (7 % across + 1) * side, y2: (Math.floor(7 / across) + 1) * side };
  const found = mapBox(compose(invert(toModel({ region: { x1: 0, y1: 0, x2: picture.width, y2: picture.height }, resized: input.resized })), toSource), patch);
  for (const key of ['x1', 'y1', 'x2', 'y2'] as const) expect(Math.abs(found[key] - truth[key]), key).toBeLessThan(0.5);
  // And it is that patch that is red to the network, no other.
  const seen = pictureSeen(input, options);
  const redness = Array.from({ length: across * down }, (_, at) => {
    let sum = 0;
    for (let y = 4; y < side - 4; y++) for (let x = 4; x < side - 4; x++) sum += seen.data[((Math.floor(at / across) * side + y) * seen.width + (at % across) * side + x) * 3]!;
    return sum / (side - 8) ** 2;
  });
  expect(redness.map((value) => value > 200)).toEqual(redness.map((_, at) => at === 7));
  expect(redness.filter((_, at) => at !== 7).every((value) => value < 40)).toBe(true);
  await pixels.close();
});
