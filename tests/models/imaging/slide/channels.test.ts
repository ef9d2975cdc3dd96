import { describe, expect, test } from 'vitest';
import { openDicom } from '#models/imaging/dicom/partial.ts';
import { blended, channelText, firstRange, namedChannels } from '#models/imaging/slide/channels.ts';
import { dicomSlide } from '#models/imaging/slide/dicomSlide.ts';
import { readRegionAt } from '#models/imaging/slide/region.ts';
import { openSlide, readTile, withChannels, type Slide } from '#models/imaging/slide/slide.ts';
import { bytesSource } from '#models/imaging/tiff.ts';
import { channelFile, fluorescence, greyPage, omeText } from '#tests/support/fluorescence.ts';
import { makeTiff, type TestPage } from '#tests/support/tiff.ts';
import { pattern } from '#tests/support/pictures.ts';

const open = (pages: readonly TestPage[]): Promise<Slide> => openSlide(bytesSource(makeTiff(pages)), 'Cells');
const values = (width: number, height: number, of: (x: number, y: number) => number): Uint16Array => Uint16Array.from({ length: width * height }, (_, i) => of(i % width, Math.floor(i / width)));

/** Three channels of 32 × 32: a ramp to the right, one downwards, and a bright square. */
const three = [values(32, 32, (x) => x * 100), values(32, 32, (_, y) => y * 50), values(32, 32, (x, y) => (x > 8 && x < 16 && y > 8 && y < 16 ? 4000 : 10))];
const colours = ['#0000ff', '#00ff00', '#ff0000'];

describe('channels in a TIFF', () => {
  test('are read from the pages that OME names, with names, colours and the values as they are stored', async () => {
    const description = omeText({ width: 32, height: 32, channels: [{ name: 'DAPI', colour: colours[0]! }, { name: 'A &amp; B', colour: colours[1]! }, { name: 'CD3', colour: colours[2]! }], mpp: 0.325 });
    const slide = await open(three.map((one, at) => greyPage(one, 32, 32, at === 0 ? { description } : {})));
    expect(slide.channels.map(({ name, colour }) => [name, colour])).toEqual([['DAPI', '#0000ff'], ['A & B', '#00ff00'], ['CD3', '#ff0000']]);
    expect(slide).toMatchObject({ mpp: { x: 0.325, y: 0.325 }, mppSource: 'ome', notes: [], associated: [] });
    expect(slide.levels).toHaveLength(1);
    for (const [at, own] of three.entries()) {
      const tile = await slide.levels[0]!.channelTile(at, { column: 1, row: 1 });
      expect([...tile!.values]).toEqual([...own].filter((_, i) => i % 32 >= 16 && i >= 16 * 32));
    }
    expect(slide.channels[2]).toMatchObject({ low: 10, high: 4000, most: 65_535 });
  });

  test('follow the order and the page numbers that the file states, at the first depth', async () => {
    const order = { width: 32, height: 32, channels: colours.map((colour, at) => ({ name: `c${at}`, colour })), depths: 2 };
    // Depth runs first: pages 0, 2 and 4 are the channels at depth 0.
    const byOrder = await open([0, 9, 1, 9, 2, 9].map((which, at) => greyPage(three[which] ?? values(32, 32, () => 7), 32, 32, at === 0 ? { description: omeText({ ...order, order: 'XYZCT' }) } : {})));
    const told = '<TiffData IFD="2" FirstC="0"/><TiffData IFD="0" FirstC="1"/><TiffData IFD="1" FirstC="2"/>';
    const byNumber = await open([1, 2, 0].map((which, at) => greyPage(three[which]!, 32, 32, at === 0 ? { description: omeText({ ...order, depths: 1, told }) } : {})));
    for (const slide of [byOrder, byNumber]) {
      const tiles = await Promise.all([0, 1, 2].map((at) => slide.levels[0]!.channelTile(at, { column: 0, row: 0 })));
      expect(tiles.map((tile) => tile!.values[17])).toEqual([100, 50, 10]);
    }
    expect(byOrder.notes).toEqual(['Of its 2 depths only the first is shown.']);
  });

  test('that another file of the set holds are left out and said to be', async () => {
    const own = (uuid: string): string => `<UUID FileName="x.tif">urn:uuid:${uuid}</UUID>`;
    const told = `<TiffData IFD="0" FirstC="0">${own('a')}</TiffData><TiffData IFD="1" FirstC="1">${own('a')}</TiffData><TiffData IFD="0" FirstC="2">${own('b')}</TiffData>`;
    const description = omeText({ width: 32, height: 32, channels: colours.map((colour) => ({ name: colour, colour })), told, uuid: 'urn:uuid:a' });
    const slide = await open([greyPage(three[0]!, 32, 32, { description }), greyPage(three[1]!, 32, 32)]);
    expect(slide.channels.map(({ name }) => name)).toEqual(['#0000ff', '#00ff00']);
    expect(slide.notes).toEqual(['1 of its 3 channels are not in this file.']);
  });

  test('make levels with their smaller pages, found below each page or behind all of them', async () => {
    for (const pages of [fluorescence({ side: 64, levels: 2 }), fluorescence({ side: 64, levels: 2, maker: 'perkinElmer' })]) {
      const slide = await openSlide(bytesSource(pages), 'Cells');
      expect(slide.channels.map(({ name }) => name)).toEqual(['DAPI', 'CD3', 'PanCK']);
      expect(slide.levels.map(({ width, downsample }) => [width, downsample])).toEqual([[64, 1], [32, 2]]);
      const [large, small] = await Promise.all(slide.levels.map((level) => level.channelTile(1, { column: 0, row: 0 })));
      expect(small!.values[0]).toBe(large!.values[0]);
    }
  });

  test('are the samples of a grey page that has several, interleaved or in planes', async () => {
    const interleaved = Uint16Array.from({ length: 32 * 32 * 3 }, (_, i) => three[i % 3]![Math.floor(i / 3)]!);
    const bytes = new Uint8Array(interleaved.buffer);
    const slide = await open([{ width: 32, height: 32, samples: 3, photometric: 1, tags: { 258: 16 }, blocks: [bytes] }]);
    expect(slide.channels.map(({ name, colour }) => [name, colour])).toEqual([['Channel 1', '#2fd45a'], ['Channel 2', '#ff4b3e'], ['Channel 3', '#f3d33c']]);
    for (const [at, own] of three.entries()) expect((await slide.levels[0]!.channelTile(at, { column: 0, row: 0 }))!.values).toEqual(own);
  });

  test('are taken from an ImageJ stack of several, and from no other pages of one size', async () => {
    const pages = (description: string): readonly TestPage[] => three.map((one, at) => greyPage(one, 32, 32, at === 0 ? { description } : {}));
    expect((await open(pages('ImageJ=1.54f\nimages=3\nchannels=3\nmode=composite\n'))).channels).toHaveLength(3);
    expect((await open(pages('scanned'))).channels).toEqual([]);
    expect((await open(pages('ImageJ=1.54f\nimages=3\nslices=3\n'))).channels).toEqual([]);
  });

  test('are none in colour, whatever the description says of it', async () => {
    const picture = pattern(32, 32);
    const slide = await open([{ ...picture, blocks: [picture.data], description: omeText({ width: 32, height: 32, channels: [{ name: 'RGB', colour: '#ffffff' }] }) }]);
    expect(slide.channels).toEqual([]);
    expect((await readTile(slide, 0, { column: 0, row: 0 }))!.data).toEqual(picture.data);
  });

  test('survive a description that is cut or nonsense', async () => {
    const whole = omeText({ width: 32, height: 32, channels: colours.map((colour) => ({ name: colour, colour })) });
    for (const description of [whole.slice(0, 120), whole.replace('SizeC="3"', 'SizeC="99999999"'), whole.replace('XYCZT', 'XYQQQ'), '<OME', `<OME>${'<Pixels '.repeat(5000)}`, `${'<Channel Name="'.repeat(3000)}<OME>`]) {
      const slide = await open(three.map((one, at) => greyPage(one, 32, 32, at === 0 ? { description } : {})));
      expect(slide.channels.length).toBeLessThanOrEqual(3);
      expect(await readTile(slide, 0, { column: 0, row: 0 })).not.toBeNull();
    }
  });
});

describe('channels in DICOM', () => {
  const slideOf = async (files: readonly Uint8Array[]): Promise<Slide> => dicomSlide(await Promise.all(files.map(async (bytes, at) => ({ name: `${at}`, ...await openDicom(bytesSource(bytes)) }))), 'Cells');
  const dapi = { id: '1', name: 'DAPI' };
  const cd8 = { id: '2', name: 'CD8' };

  test('are optical paths, one file each or one after another in a file', async () => {
    const alone = await slideOf([channelFile([dapi], [three[0]!], 32, 1), channelFile([cd8], [three[1]!], 32, 2)]);
    const together = await slideOf([channelFile([dapi, cd8], [three[0]!, three[1]!], 32, 1)]);
    for (const slide of [alone, together]) {
      expect(slide.channels.map(({ name, colour }) => [name, colour])).toEqual([['DAPI', '#3d6bff'], ['CD8', '#2fd45a']]);
      expect(slide.levels).toHaveLength(1);
      for (const at of [0, 1]) {
        const tile = await slide.levels[0]!.channelTile(at, { column: 1, row: 0 });
        expect(tile!.values).toEqual(three[at]!.filter((_, i) => i % 32 >= 16 && i < 16 * 32));
      }
    }
  });

  test('of one light are a grey slide', async () => {
    const slide = await slideOf([channelFile([dapi], [three[0]!], 32, 1)]);
    expect(slide.channels).toEqual([]);
    expect(slide.window).not.toBeNull();
  });
});

describe('what is shown', () => {
  test('is each channel from black to its colour, added up and cut off', () => {
    const tile = (own: readonly number[]): { width: number; height: number; values: Uint16Array } => ({ width: 3, height: 1, values: Uint16Array.from(own) });
    const look = { low: 100, high: 300 };
    expect([...blended({ width: 3, height: 1 }, [{ tile: tile([50, 200, 900]), look: { ...look, colour: '#ff8000' } }]).data]).toEqual([0, 0, 0, 128, 64, 0, 255, 128, 0]);
    const both = blended({ width: 3, height: 1 }, [{ tile: tile([300, 300, 0]), look: { ...look, colour: '#ff0000' } }, { tile: tile([300, 0, 0]), look: { ...look, colour: '#a0ff00' } }, { tile: null, look: { ...look, colour: '#ffffff' } }]);
    expect([...both.data]).toEqual([255, 255, 0, 255, 0, 0, 0, 0, 0]);
  });

  test('changes with the channels that are chosen, for a region as for a tile', async () => {
    const description = omeText({ width: 32, height: 32, channels: colours.map((colour) => ({ name: colour, colour })) });
    const slide = await open(three.map((one, at) => greyPage(one, 32, 32, at === 0 ? { description } : {})));
    const all = { x: 0, y: 0, width: 32, height: 32 };
    const red = await readRegionAt(withChannels(slide, [{ at: 2, colour: '#ff0000', low: 10, high: 4000 }]), all, all);
    for (let i = 0; i < 32 * 32; i++) expect([...red.data.subarray(i * 3, i * 3 + 3)]).toEqual([three[2]![i] === 4000 ? 255 : 0, 0, 0]);
    const whole = await readRegionAt(slide, all, all);
    expect(whole.data.filter((_, i) => i % 3 === 0)).toEqual(red.data.filter((_, i) => i % 3 === 0));
    expect(whole.data.some((value, i) => i % 3 === 2 && value > 0)).toBe(true);
  });

  test('begins where nearly all values have their place, and never divides by nothing', () => {
    expect(firstRange(Uint16Array.from({ length: 1000 }, (_, i) => i))).toEqual({ low: 5, high: 998, most: 65_535 });
    expect(firstRange(new Uint8Array(10).fill(7))).toEqual({ low: 7, high: 8, most: 255 });
    expect(firstRange(Float32Array.of(NaN, Infinity, 0.5))).toMatchObject({ low: 0.5 });
  });

  test('has a colour for each channel where the file gives none, or one for all', () => {
    const white = { colour: '#ffffff' };
    expect(namedChannels([{ name: 'Hoechst', ...white }, { name: null, ...white }, { name: 'X', ...white }])).toEqual([{ name: 'Hoechst', colour: '#3d6bff' }, { name: 'Channel 2', colour: '#2fd45a' }, { name: 'X', colour: '#ff4b3e' }]);
    expect(channelText([{ name: 'DAPI', colour: '#0000ff', low: 0, high: 1, most: 255 }], [{ at: 0, colour: '#0000ff', low: 12, high: 3456.789 }])).toBe('DAPI #0000ff 12 to 3456.8');
  });
});
