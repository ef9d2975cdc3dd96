/** Writes a slide as a tiled, uncompressed TIFF pyramid: one page for each level, the resolution in pixels per centimetre. */
import type { Picture } from '#models/imaging/image.ts';

export interface WrittenLevel {
  readonly picture: Picture;
  /** Micrometres per pixel of this level. */
  readonly mpp: number;
}

const tileSide = 256;

/** Field types of TIFF 6: their codes and bytes. */
const types = { ascii: [2, 1], short: [3, 2], long: [4, 4], rational: [5, 8] } as const;

interface Tag {
  readonly code: number;
  readonly type: keyof typeof types;
  /** Numbers, two for each rational; a text as its ASCII codes with the closing zero. */
  readonly values: readonly number[];
}

/** The bytes of the file: little endian, tiles first, then the directories, finest level first. */
export function tiffPyramid(levels: readonly WrittenLevel[], description: string): Uint8Array {
  const tilesOf = ({ picture: { width, height } }: WrittenLevel): number => Math.ceil(width / tileSide) * Math.ceil(height / tileSide);
  const tileBytes = tileSide * tileSide * 3;
  let at = 8;
  const offsets = levels.map((level) => Array.from({ length: tilesOf(level) }, (_, i) => {
    const offset = at + i * tileBytes;
    if (i === tilesOf(level) - 1) at += tilesOf(level) * tileBytes;
    return offset;
  }));
  const directories = levels.map(({ picture, mpp }, k) => tagsOf(picture, mpp, offsets[k]!, k === 0 ? description : '', k > 0));
  const sizes = directories.map((tags) => 2 + tags.length * 12 + 4 + tags.reduce((total, tag) => total + outside(tag), 0));
  const bytes = new Uint8Array(at + sizes.reduce((total, size) => total + size, 0));
  const view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0]);
  view.setUint32(4, at, true);
  levels.forEach(({ picture }, k) => offsets[k]!.forEach((offset, i) => writeTile(bytes, offset, picture, i)));
  directories.forEach((tags, k) => {
    const next = at + sizes[k]!;
    writeDirectory(view, at, tags, k + 1 < directories.length ? next : 0);
    at = next;
  });
  return bytes;
}

function tagsOf({ width, height }: Picture, mpp: number, offsets: readonly number[], description: string, isReduced: boolean): Tag[] {
  const perCentimetre = [Math.round(10_000 * 1000 / mpp), 1000];
  const text = (value: string): number[] => [...new TextEncoder().encode(value.replace(/[^\x20-\x7e]/g, '?')), 0];
  return [
    { code: 254, type: 'long', values: [isReduced ? 1 : 0] },
    { code: 256, type: 'long', values: [width] },
    { code: 257, type: 'long', values: [height] },
    { code: 258, type: 'short', values: [8, 8, 8] },
    { code: 259, type: 'short', values: [1] },
    { code: 262, type: 'short', values: [2] },
    ...(description === '' ? [] : [{ code: 270, type: 'ascii', values: text(description) } as const]),
    { code: 277, type: 'short', values: [3] },
    { code: 282, type: 'rational', values: perCentimetre },
    { code: 283, type: 'rational', values: perCentimetre },
    { code: 284, type: 'short', values: [1] },
    { code: 296, type: 'short', values: [3] },
    { code: 322, type: 'short', values: [tileSide] },
    { code: 323, type: 'short', values: [tileSide] },
    { code: 324, type: 'long', values: offsets },
    { code: 325, type: 'long', values: offsets.map(() => tileSide * tileSide * 3) },
  ];
}

const lengthOf = ({ type, values }: Tag): number => values.length * (type === 'rational' ? 4 : types[type][1]);

/** Bytes that do not fit into the directory entry itself; kept even. */
const outside = (tag: Tag): number => (lengthOf(tag) > 4 ? (lengthOf(tag) + 1) & ~1 : 0);

function writeDirectory(view: DataView, start: number, tags: readonly Tag[], next: number): void {
  view.setUint16(start, tags.length, true);
  let heap = start + 2 + tags.length * 12 + 4;
  tags.forEach((tag, i) => {
    const entry = start + 2 + i * 12;
    const { code, type, values } = tag;
    view.setUint16(entry, code, true);
    view.setUint16(entry + 2, types[type][0], true);
    view.setUint32(entry + 4, type === 'rational' ? values.length / 2 : values.length, true);
    let to = entry + 8;
    if (outside(tag) > 0) {
      view.setUint32(entry + 8, heap, true);
      to = heap;
      heap += outside(tag);
    }
    values.forEach((value, k) => {
      if (type === 'ascii') view.setUint8(to + k, value);
      else if (type === 'short') view.setUint16(to + 2 * k, value, true);
      else view.setUint32(to + 4 * k, value, true);
    });
  });
  view.setUint32(start + 2 + tags.length * 12, next, true);
}

/** What a tile has beyond the picture's edge is white. */
function writeTile(bytes: Uint8Array, offset: number, { width, height, data }: Picture, index: number): void {
  const across = Math.ceil(width / tileSide);
  const left = (index % across) * tileSide;
  const top = Math.floor(index / across) * tileSide;
  bytes.fill(255, offset, offset + tileSide * tileSide * 3);
  for (let y = 0; y < tileSide && top + y < height; y++) {
    const from = ((top + y) * width + left) * 3;
    bytes.set(data.subarray(from, from + Math.min(tileSide, width - left) * 3), offset + y * tileSide * 3);
  }
}
