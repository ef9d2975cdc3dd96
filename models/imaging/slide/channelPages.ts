/** Which pages of a TIFF file are the channels of one slide: what OME, ImageJ and PerkinElmer write about them in the first page's description. */
import type { Size } from '#models/imaging/coordinates.ts';
import type { TiffPage } from '#models/imaging/tiff.ts';
import type { StatedChannel } from './channels.ts';

/** Where one channel of one level lies: a page, and which of its samples. */
export interface Plane {
  readonly page: TiffPage;
  readonly sample: number;
}

export interface ChannelPages {
  readonly stated: readonly StatedChannel[];
  /** By level, largest first; each with one plane for each channel. */
  readonly levels: readonly (readonly Plane[])[];
  /** What of the file is not shown, in a sentence. */
  readonly notes: readonly string[];
}

const mostChannels = 64;
const mostPlanes = 4096;

/** Null where the file shows no channels: one picture in grey or in colour. */
export function channelPages(pages: readonly TiffPage[], base: TiffPage): ChannelPages | null {
  const { description } = pages[0] as TiffPage;
  if (base.samplesPerPixel > 1) return ofSamples(pages, base, description);
  if (base.photometric !== 0 && base.photometric !== 1) return null;
  if (/<(?:\w{1,20}:)?OME\b/.test(description)) return ofOme(pages, base, description);
  if (description.includes('<PerkinElmer-QPI-ImageDescription')) return ofPerkinElmer(pages, base);
  const inImageJ = description.startsWith('ImageJ=') ? Number(/\nchannels=(\d{1,3})\b/.exec(description)?.[1] ?? 1) : 1;
  const own = pages.filter((page) => !page.isSubImage && isAlike(page, base));
  // Its pages stand in the order channel, depth, time.
  return inImageJ > 1 && inImageJ <= own.length ? ofPages(own.slice(0, inImageJ), own.length > inImageJ ? ['Of its depths and times only the first is shown.'] : []) : null;
}

const isAlike = (page: TiffPage, base: TiffPage): boolean => page.width === base.width && page.height === base.height && page.samplesPerPixel === 1 && page.bitsPerSample === base.bitsPerSample;

const ofPages = (pages: readonly TiffPage[], notes: readonly string[] = []): ChannelPages => ({ stated: pages.map(() => ({ name: null, colour: null })), levels: [pages.map((page) => ({ page, sample: 0 }))], notes });

/** Grey pages with several samples a pixel, none of which is transparency: a channel each. */
function ofSamples(pages: readonly TiffPage[], base: TiffPage, description: string): ChannelPages | null {
  const count = base.samplesPerPixel;
  if (base.photometric > 1 || count > mostChannels || (count === 2 && (base.extraSample === 1 || base.extraSample === 2))) return null;
  const sizes = [base, ...pages.filter((page) => page.samplesPerPixel === count && page.bitsPerSample === base.bitsPerSample && page.isTiled === base.isTiled && isSmaller(page, base))];
  const told = statedInOme(description);
  return {
    stated: Array.from({ length: count }, (_, at) => (told.length === count ? told[at] as StatedChannel : { name: null, colour: null })),
    levels: bySize(sizes).map((page) => Array.from({ length: count }, (_, sample) => ({ page, sample }))), notes: [],
  };
}

const isSmaller = (page: Size, base: Size): boolean => page.width < base.width && Math.abs(page.height - (base.height * page.width) / base.width) <= Math.max(1.5, 0.01 * page.height);

/** One page for each size, largest first. */
const bySize = (pages: readonly TiffPage[]): readonly TiffPage[] => pages.filter((page, at) => pages.findIndex(({ width }) => width === page.width) === at).sort((a, b) => b.width - a.width);

/** Full resolution first, page by page, then each reduction in the same order; a thumbnail in colour lies between. */
function ofPerkinElmer(pages: readonly TiffPage[], base: TiffPage): ChannelPages | null {
  const first = pages.filter((page) => isAlike(page, base));
  if (first.length < 2 || first.length > mostChannels) return null;
  const stated = first.map(({ description }): StatedChannel => {
    const [red, green, blue] = (/<Color>(\d{1,3}),(\d{1,3}),(\d{1,3})<\/Color>/.exec(description) ?? []).slice(1).map(Number);
    return { name: written(/<Name>([^<]{1,200})<\/Name>/.exec(description)?.[1]), colour: red === undefined || green === undefined || blue === undefined ? null : hex(red, green, blue) };
  });
  const smaller = bySize(pages.filter((page) => page.samplesPerPixel === 1 && isSmaller(page, base)));
  const levels = [first, ...smaller.map((one) => pages.filter((page) => isAlike(page, one)))].filter((level) => level.length === first.length);
  return { stated, levels: levels.map((level) => level.map((page) => ({ page, sample: 0 }))), notes: [] };
}

interface PlanePlace {
  readonly c: number;
  readonly z: number;
  readonly t: number;
}

/** The planes of OME's first image of this size at the first depth and time; what another file of a set holds is left out. */
function ofOme(pages: readonly TiffPage[], base: TiffPage, description: string): ChannelPages | null {
  const image = [...description.matchAll(/<(?:\w{1,20}:)?Pixels\b([^>]{0,4000})>/g)].find(([, attributes = '']) => count(attributes, 'SizeX') === base.width && count(attributes, 'SizeY') === base.height);
  if (!image) return null;
  const [opening, attributes = ''] = image;
  const from = image.index + opening.length;
  const end = description.slice(from).search(/<\/(?:\w{1,20}:)?Pixels>/);
  const body = description.slice(from, end < 0 ? undefined : from + end);
  const [c, z, t] = [count(attributes, 'SizeC') ?? 1, count(attributes, 'SizeZ') ?? 1, count(attributes, 'SizeT') ?? 1];
  if (!(c >= 1 && c <= mostChannels && z >= 1 && t >= 1)) return null;
  const owner = /<(?:\w{1,20}:)?OME\b[^>]{0,4000}\bUUID="([^"]{1,100})"/.exec(description)?.[1] ?? null;
  const at = placesInOme(body, { sizes: { c, z, t }, order: attribute(attributes, 'DimensionOrder') ?? 'XYCZT', owner });
  const top = pages.filter((page) => !page.isSubImage);
  const told = statedInOme(body);
  const planes = Array.from({ length: c }, (_, channel) => ({ channel, index: at.get(channel) })).flatMap(({ channel, index }) => {
    const page = index === undefined ? undefined : top[index];
    return page && isAlike(page, base) ? [{ stated: told[channel] ?? { name: null, colour: null }, pages: [page, ...pages.filter((one) => one.isSubImage && one.index === page.index && isSmaller(one, base))] }] : [];
  });
  // One channel of eight bits is a grey picture as any other.
  if (planes.length === 0 || (planes.length === 1 && base.bitsPerSample === 8)) return null;
  const widths = bySize(planes[0]?.pages ?? []).map(({ width }) => width);
  const levels = widths.map((width) => planes.flatMap((plane) => plane.pages.find((page) => page.width === width) ?? [])).filter((level) => level.length === planes.length);
  const notes = [
    ...(z > 1 || t > 1 ? [`Of its ${z > 1 ? `${z} depths` : ''}${z > 1 && t > 1 ? ' and ' : ''}${t > 1 ? `${t} times` : ''} only the first is shown.`] : []),
    ...(planes.length < c ? [`${c - planes.length} of its ${c} channels are not in this file.`] : []),
  ];
  return { stated: planes.map(({ stated }) => stated), levels: levels.map((level) => level.map((page) => ({ page, sample: 0 }))), notes };
}

/** The page of each channel at the first depth and time. */
function placesInOme(body: string, { sizes, order, owner }: { readonly sizes: PlanePlace; readonly order: string; readonly owner: string | null }): ReadonlyMap<number, number> {
  const [, , first = 'C', second = 'Z', third = 'T'] = order;
  const dimensions = [first, second, third].map((letter) => letter.toLowerCase() as 'c' | 'z' | 't').filter((name) => name in sizes);
  if (new Set(dimensions).size < 3) return new Map();
  const planeAt = (number: number): PlanePlace => {
    const place = { c: 0, z: 0, t: 0 };
    let rest = number;
    for (const name of dimensions) {
      place[name] = rest % sizes[name];
      rest = Math.floor(rest / sizes[name]);
    }
    return place;
  };
  const numberOf = (place: PlanePlace): number => dimensions.reduceRight((sum, name) => sum * sizes[name] + place[name], 0);
  const all = sizes.c * sizes.z * sizes.t;
  const pages = new Map<number, number>();
  const put = (start: number, index: number, length: number): void => {
    for (let step = 0; step < Math.min(length, mostPlanes) && start + step < all; step++) {
      const { c, z, t } = planeAt(start + step);
      if (z === 0 && t === 0 && !pages.has(c)) pages.set(c, index + step);
    }
  };
  const told = [...body.matchAll(/<(?:\w{1,20}:)?TiffData\b([^>]{0,500})>(?:\s{0,100}<(?:\w{1,20}:)?UUID\b[^>]{0,500}>([^<]{0,100})<)?/g)];
  for (const [, attributes = '', uuid] of told) {
    if (uuid !== undefined && owner !== null && uuid.trim() !== owner) continue;
    const index = count(attributes, 'IFD');
    const start = numberOf({ c: count(attributes, 'FirstC') ?? 0, z: count(attributes, 'FirstZ') ?? 0, t: count(attributes, 'FirstT') ?? 0 });
    put(start, index ?? 0, count(attributes, 'PlaneCount') ?? (index === undefined ? all : 1));
  }
  if (told.length === 0) put(0, 0, all);
  return pages;
}

function statedInOme(body: string): readonly StatedChannel[] {
  return [...body.matchAll(/<(?:\w{1,20}:)?Channel\b([^>]{0,4000})>/g)].slice(0, mostChannels).map(([, attributes = '']) => {
    // Red, green, blue and opacity in one signed number.
    const colour = Number(attribute(attributes, 'Color') ?? NaN);
    return { name: written(attribute(attributes, 'Name') ?? attribute(attributes, 'Fluor')), colour: Number.isInteger(colour) ? hex((colour >>> 24) & 255, (colour >>> 16) & 255, (colour >>> 8) & 255) : null };
  });
}

const attribute = (attributes: string, name: string): string | undefined => new RegExp(`(?:^|\\s)${name}="([^"]{0,200})"`).exec(attributes)?.[1];

function count(attributes: string, name: string): number | undefined {
  const text = attribute(attributes, name);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'' };

/** A name as it was meant; null for an empty one. */
function written(text: string | undefined): string | null {
  const name = (text ?? '').replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => entities[entity] as string).trim().slice(0, 80);
  return name === '' ? null : name;
}

const hex = (red: number, green: number, blue: number): string => `#${[red, green, blue].map((part) => Math.min(255, part).toString(16).padStart(2, '0')).join('')}`;
