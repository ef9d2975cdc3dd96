/** A whole-slide image: the levels of its pyramid, told by shape and tiling rather than by their order in the file, and its physical scale. */
import { Fault } from '#models/base/fault.ts';
import type { ChosenChannel } from '#models/clinical/study.ts';
import { openTiff } from '#models/imaging/tiff.ts';
import { checkPage, hasSamples, readBlock, readJpegBlock, readSamples } from '#models/imaging/tiffBlocks.ts';
import type { BlockPlace } from '#models/imaging/area.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { ByteSource, Tiff, TiffPage } from '#models/imaging/tiff.ts';
import { channelPages, type ChannelPages } from './channelPages.ts';
import { blended, channelText, firstRange, namedChannels, type Channel, type ChannelTile } from './channels.ts';

export interface SlideLevel {
  readonly width: number;
  readonly height: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
  /** Tiles side by side, and one below the other. */
  readonly across: number;
  readonly down: number;
  /** Pixels of level 0 for one pixel of this level; 1 for level 0. */
  readonly downsample: number;
  /** A tile inside the level, complete with the part that hangs over its edge; null where the file leaves it out. */
  readonly tile: (at: BlockPlace) => Promise<Picture | null>;
  /** The same as a JPEG file without decoding it; null where it is left out or packed in another way. */
  readonly packedTile: (at: BlockPlace) => Promise<Uint8Array | null>;
  /** What one channel measured there; null where the file leaves it out. Of a slide without channels: always null. */
  readonly channelTile: (channel: number, at: BlockPlace) => Promise<ChannelTile | null>;
}

/** A picture that lies beside the pyramid: of the glass, of its label, or a small copy. Label and glass can name the patient: no screen shows them. */
export interface AssociatedPicture {
  readonly kind: 'label' | 'macro' | 'thumbnail' | 'other';
  readonly width: number;
  readonly height: number;
}

export interface Slide {
  readonly name: string;
  /** Of level 0. */
  readonly width: number;
  readonly height: number;
  /** Largest first; there is always one. */
  readonly levels: readonly SlideLevel[];
  /** Of fluorescence: each with the look by which `tile` shows it. Empty for a picture in colour or in grey. */
  readonly channels: readonly Channel[];
  /** What of the file is not shown, in sentences. */
  readonly notes: readonly string[];
  readonly associated: readonly AssociatedPicture[];
  /** Microns for one pixel of level 0, to the right and down; null where the file does not say, or says the impossible. */
  readonly mpp: { readonly x: number; readonly y: number } | null;
  /** What `mpp` was read from. */
  readonly mppSource: 'aperio' | 'ome' | 'dicom' | 'resolution' | 'none';
  /** How grey tiles became brightness, or channels colours, in words; null for colour, and where the file has brightness itself. */
  readonly window: string | null;
  /** The objective's magnification, as the scanner noted it. */
  readonly magnification: number | null;
  /** The scanner's remarks, `MPP = 0.499` as ['MPP', '0.499']. */
  readonly properties: ReadonlyMap<string, string>;
}

/** Pixels of slides measure 0.1 to about 10 µm. Beyond this bound a resolution is a printer's or a screen's, not a measurement. */
const maxMpp = 100;
const minMpp = 0.001;

/**
 * Opens a tiled TIFF, BigTIFF, SVS or OME-TIFF; only its directories are read.
 * Throws `slide.empty`, and `picture.truncated`, `picture.damaged`, `picture.unsupported` or `picture.size` as `openTiff` and `checkPage` do.
 */
export async function openSlide(source: ByteSource, name = 'The slide'): Promise<Slide> {
  const tiff = await openTiff(source, name);
  const images = tiff.pages.filter((page) => (page.subfileType & 4) === 0);
  const base = largest(images.filter((page) => page.isTiled)) ?? largest(images);
  if (!base) throw new Fault({ code: 'slide.empty', what: `${name} cannot be opened.`, why: 'It holds no image.', mend: 'Export the slide again.' });
  const found = channelPages(tiff.pages, base);
  const asChannels = found?.levels.every((level) => level.every(({ page }) => hasSamples(page))) === true ? found : null;
  if (!asChannels) checkPage(base, name);
  const pyramid = asChannels ? asChannels.levels.map(([first]) => first!.page) : base.isTiled ? pyramidOf(base, images) : [base];
  const grey = asChannels && await channelLevels(tiff, asChannels, base, name);
  const levels = grey?.levels ?? pyramid.map((page, at): SlideLevel => ({
    ...shapeOf(page, base),
    tile: (place) => readBlock(tiff, page, place, `${name}, level ${at}`),
    packedTile: async (place) => (page.compression === 7 ? readJpegBlock(tiff, page, place, `${name}, level ${at}`) : null),
    channelTile: async () => null,
  }));
  const shown = new Set(asChannels ? asChannels.levels.flat().map(({ page }) => page) : pyramid);
  const properties = propertiesOf(base.description);
  return {
    name,
    width: base.width,
    height: base.height,
    levels,
    channels: grey?.channels ?? [],
    notes: asChannels?.notes ?? [],
    associated: images.filter((page) => !shown.has(page)).map((page) => ({ kind: kindOf(page, base), width: page.width, height: page.height })),
    ...scaleOf(base, properties, asChannels ? tiff.pages[0]!.description : base.description),
    window: grey ? channelText(grey.channels, grey.channels.map((channel, at) => ({ ...channel, at }))) : null,
    magnification: positive(properties.get('AppMag')) ?? null,
    properties,
  };
}

/**
 * One tile, complete with the part that hangs over the level's edge. Null where the file leaves it out, which means empty glass.
 * Throws as `readBlock` does; the fault names the tile, and the other tiles stay readable.
 */
export function readTile(slide: Slide, level: number, at: BlockPlace): Promise<Picture | null> {
  return levelAt(slide, level).tile(at);
}

/** A tile as a JPEG file without decoding it; null where the file leaves it out or packs its tiles in another way. */
export async function readTileJpeg(slide: Slide, level: number, at: BlockPlace): Promise<Uint8Array | null> {
  return levelAt(slide, level).packedTile(at);
}

/** The slide as it is with these channels alone, each as it is chosen. What no channel has is dark. */
export const withChannels = (slide: Slide, chosen: readonly ChosenChannel[]): Slide => ({ ...slide, levels: slide.levels.map((level) => ({ ...level, tile: (place) => channelPicture(level, chosen, place) })) });

async function channelPicture(level: Omit<SlideLevel, 'tile'>, chosen: readonly ChosenChannel[], place: BlockPlace): Promise<Picture> {
  const tiles = await Promise.all(chosen.map(async (look) => ({ look, tile: await level.channelTile(look.at, place) })));
  return blended(tiles.find(({ tile }) => tile)?.tile ?? { width: level.tileWidth, height: level.tileHeight }, tiles);
}

/** Some tiles of a level, spread over it, are enough to choose a look by. */
const mostLookedAt = 16;
const mostValues = 1 << 16;

/** The channels with the looks that suit their smallest level, and that level's tiles shown by them. */
export async function withFirstLooks(stated: readonly Pick<Channel, 'name' | 'colour'>[], levels: readonly Omit<SlideLevel, 'tile'>[]): Promise<{ readonly channels: readonly Channel[]; readonly levels: readonly SlideLevel[] }> {
  const smallest = levels.at(-1)!;
  const places = Array.from({ length: smallest.across * smallest.down }, (_, at) => ({ column: at % smallest.across, row: Math.floor(at / smallest.across) }));
  const looked = places.filter((_, at) => at % Math.ceil(places.length / mostLookedAt) === 0);
  const channels: Channel[] = [];
  for (const [at, one] of stated.entries()) {
    const tiles = (await Promise.all(looked.map(async (place) => inside(await smallest.channelTile(at, place), smallest, place)))).filter((values) => values !== null);
    channels.push({ ...one, ...firstRange(someOf(tiles)) });
  }
  const chosen = channels.map((channel, at) => ({ ...channel, at }));
  return { channels, levels: levels.map((level) => ({ ...level, tile: (place) => channelPicture(level, chosen, place) })) };
}

/** The values of a tile that lie on the slide. */
function inside(tile: ChannelTile | null, { width, height, tileWidth, tileHeight }: Pick<SlideLevel, 'width' | 'height' | 'tileWidth' | 'tileHeight'>, { column, row }: BlockPlace): ChannelTile['values'] | null {
  if (!tile) return null;
  const [right, bottom] = [Math.min(tile.width, width - column * tileWidth), Math.min(tile.height, height - row * tileHeight)];
  return right === tile.width && bottom === tile.height ? tile.values : tile.values.filter((_, i) => i % tile.width < right && i / tile.width < bottom);
}

/** A spread of values from all tiles. */
function someOf(tiles: readonly ChannelTile['values'][]): ChannelTile['values'] {
  const [first = new Uint8Array(1)] = tiles;
  const total = tiles.reduce((sum, { length }) => sum + length, 0);
  const step = Math.max(1, Math.ceil(total / mostValues));
  const some = tiles.flatMap((values) => Array.from(values.filter((_, i) => i % step === 0)));
  return first instanceof Uint8Array ? Uint8Array.from(some) : first instanceof Uint16Array ? Uint16Array.from(some) : Float32Array.from(some);
}

async function channelLevels(tiff: Tiff, { stated, levels }: ChannelPages, base: TiffPage, name: string): Promise<Pick<Slide, 'channels' | 'levels'>> {
  return withFirstLooks(namedChannels(stated), levels.map((planes, at) => ({
    ...shapeOf(planes[0]!.page, base),
    packedTile: async () => null,
    async channelTile(channel, place) {
      const plane = planes[channel];
      if (!plane) throw new RangeError(`${name} has ${planes.length} channels; ${channel} is none of them`);
      return readSamples(tiff, plane.page, { ...place, sample: plane.sample }, `${name}, level ${at}, channel ${channel + 1}`);
    },
  })));
}

function levelAt({ levels, name }: Slide, level: number): SlideLevel {
  const found = levels[level];
  if (!found) throw new RangeError(`${name} has ${levels.length} levels; ${level} is none of them`);
  return found;
}

const largest = (pages: readonly TiffPage[]): TiffPage | undefined =>
  pages.reduce<TiffPage | undefined>((best, page) => (!best || page.width * page.height > best.width * best.height ? page : best), undefined);

/** The tiled pages that show the base at other sizes, one for each size, largest first. */
function pyramidOf(base: TiffPage, images: readonly TiffPage[]): TiffPage[] {
  const levels: TiffPage[] = [base];
  const isSmaller = (page: TiffPage): boolean => page.isTiled && page.width < base.width && sameShape(page, base);
  const candidates = images.filter((page) => isSmaller(page) && sameKind(page, base));
  for (const page of candidates.sort((a, b) => b.width - a.width)) {
    if (levels.every((level) => level.width !== page.width)) levels.push(page);
  }
  return levels;
}

/** Whether one is the other made smaller: both sides by the same factor, up to rounding to whole pixels and cropping to whole tiles' rests. */
export function sameShape(page: Size, base: Size): boolean {
  const factor = base.width / page.width;
  return Math.abs(page.height - base.height / factor) <= Math.max(1.5, 0.01 * page.height);
}

const sameKind = (page: TiffPage, base: TiffPage): boolean =>
  page.samplesPerPixel === base.samplesPerPixel && page.bitsPerSample === base.bitsPerSample;

const shapeOf = (page: TiffPage, base: TiffPage): Omit<SlideLevel, 'tile' | 'packedTile' | 'channelTile'> => ({
  width: page.width,
  height: page.height,
  tileWidth: page.blockWidth,
  tileHeight: page.blockHeight,
  across: page.across,
  down: page.down,
  downsample: (base.width / page.width + base.height / page.height) / 2,
});

/** Scanners name the pictures in their descriptions; Aperio's subfile types 1 and 9 are label and macro where they are not levels. */
function kindOf(page: TiffPage, base: TiffPage): AssociatedPicture['kind'] {
  const words = page.description.toLowerCase();
  if (/\blabel\b/.test(words)) return 'label';
  if (/\bmacro\b/.test(words) || page.subfileType === 9) return 'macro';
  if (sameShape(page, base)) return 'thumbnail';
  return page.subfileType === 1 && !page.isTiled ? 'label' : 'other';
}

/** Aperio's description: remarks after the first bar, `name = value` each. */
function propertiesOf(description: string): Map<string, string> {
  const properties = new Map<string, string>();
  if (!description.startsWith('Aperio')) return properties;
  for (const remark of description.split('|').slice(1, 1000)) {
    const equals = remark.indexOf('=');
    if (equals > 0) properties.set(remark.slice(0, equals).trim(), remark.slice(equals + 1).trim());
  }
  return properties;
}

function scaleOf(base: TiffPage, properties: ReadonlyMap<string, string>, description: string): Pick<Slide, 'mpp' | 'mppSource'> {
  const aperio = positive(properties.get('MPP'));
  if (isPlausible(aperio)) return { mpp: { x: aperio, y: aperio }, mppSource: 'aperio' };
  const [x, y] = [omeMicrons(description, 'X'), omeMicrons(description, 'Y')];
  if (isPlausible(x) && isPlausible(y)) return { mpp: { x, y }, mppSource: 'ome' };
  const micronsOfUnit = { none: 0, inch: 25400, centimetre: 10000 }[base.resolution.unit];
  const stated = { x: micronsOfUnit / base.resolution.x, y: micronsOfUnit / base.resolution.y };
  if (isPlausible(stated.x) && isPlausible(stated.y)) return { mpp: stated, mppSource: 'resolution' };
  return { mpp: null, mppSource: 'none' };
}

function omeMicrons(description: string, axis: 'X' | 'Y'): number | undefined {
  const [, value] = new RegExp(`PhysicalSize${axis}="([0-9.eE+-]{1,32})"`).exec(description) ?? [];
  const [, unit = 'µm'] = new RegExp(`PhysicalSize${axis}Unit="([^"]{1,16})"`).exec(description) ?? [];
  const microns = { 'µm': 1, 'μm': 1, um: 1, nm: 0.001, mm: 1000, cm: 10000 }[unit];
  const size = positive(value);
  return size !== undefined && microns !== undefined ? size * microns : undefined;
}

function positive(text: string | undefined): number | undefined {
  const value = text === undefined ? NaN : Number(text);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

export const isPlausible = (mpp: number | undefined): mpp is number => mpp !== undefined && mpp >= minMpp && mpp <= maxMpp;
