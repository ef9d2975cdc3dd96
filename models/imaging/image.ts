/** The one form of decoded pixels that model, viewer and trainer share: 8-bit RGB. */
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';

/** RGB, interleaved, row-major, 8 bit: the value of channel c at (x, y) is `data[(y · width + x) · 3 + c]`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The largest picture that is decoded whole: 100 megapixels are 300 MB of RGB. Anything larger is read as a slide, by region. */
export const maxPixels = 100_000_000;

/** An all-black picture, or one filled with a colour. */
export function createPicture({ width, height }: { width: number; height: number }, colour: readonly [number, number, number] = [0, 0, 0]): Picture {
  checkSize({ width, height }, 'The picture');
  const data = new Uint8Array(width * height * 3);
  const [red, green, blue] = colour;
  if (red === green && green === blue) data.fill(red);
  else for (let i = 0; i < data.length; i += 3) data.set(colour, i);
  return { width, height, data };
}

/** Throws `picture.size` unless both sides are whole, at least 1, and the picture has at most `maxPixels` pixels. `name` opens the sentence. */
export function checkSize({ width, height }: { width: number; height: number }, name: string): void {
  if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height) || width < 1 || height < 1) {
    throw new Fault({
      code: 'picture.size',
      what: `${name} cannot be decoded.`,
      why: `Its size is given as ${width} × ${height} pixels, which is no picture.`,
      mend: 'The file is damaged: export it again.',
    });
  }
  if (width * height > maxPixels) {
    throw new Fault({
      code: 'picture.size',
      what: `${name} cannot be decoded whole.`,
      why: `It is ${width} × ${height} pixels; at most ${maxPixels / 1e6} megapixels are decoded at once.`,
      mend: 'Use a tiled pyramid (TIFF or SVS), of which only the needed region is read, or a smaller picture.',
    });
  }
}

/** A picture of grey values, each repeated into the three channels. @param grey [height · width] */
export function fromGrey({ width, height }: { width: number; height: number }, grey: ArrayLike<number>): Picture {
  checkSize({ width, height }, 'The picture');
  if (grey.length < width * height) throw new RangeError(`fromGrey: ${width} × ${height} needs ${width * height} values, there are ${grey.length}`);
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; i < width * height; i++, o += 3) data[o] = data[o + 1] = data[o + 2] = grey[i]!;
  return { width, height, data };
}

/**
 * The part of a picture inside a box whose edges are whole pixels after rounding outwards; the part that lies outside the picture is cut off.
 * Throws `picture.region` where nothing is left.
 */
export function crop(picture: Picture, box: Box): Picture {
  const x1 = Math.max(0, Math.floor(box.x1));
  const y1 = Math.max(0, Math.floor(box.y1));
  const width = Math.min(picture.width, Math.ceil(box.x2)) - x1;
  const height = Math.min(picture.height, Math.ceil(box.y2)) - y1;
  if (!(width >= 1 && height >= 1)) {
    throw new Fault({
      code: 'picture.region',
      what: `The region (${box.x1}, ${box.y1}) to (${box.x2}, ${box.y2}) cannot be cut out.`,
      why: `No pixel of it lies inside the picture of ${picture.width} × ${picture.height}.`,
      mend: 'Choose a region that overlaps the picture.',
    });
  }
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((y1 + y) * picture.width + x1) * 3;
    data.set(picture.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}

/** Mirrored left to right. */
export function flipHorizontal({ width, height, data }: Picture): Picture {
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    const row = y * width * 3;
    for (let x = 0, from = row, to = row + (width - 1) * 3; x < width; x++, from += 3, to -= 3) {
      result[to] = data[from]!;
      result[to + 1] = data[from + 1]!;
      result[to + 2] = data[from + 2]!;
    }
  }
  return { width, height, data: result };
}

/** Mirrored top to bottom. */
export function flipVertical({ width, height, data }: Picture): Picture {
  const result = new Uint8Array(data.length);
  const stride = width * 3;
  for (let y = 0; y < height; y++) result.set(data.subarray(y * stride, (y + 1) * stride), (height - 1 - y) * stride);
  return { width, height, data: result };
}

/** Turned clockwise by a quarter as often as `quarters` says. */
export function rotate(picture: Picture, quarters: number): Picture {
  const turns = ((quarters % 4) + 4) % 4;
  if (turns === 0) return picture;
  if (turns === 2) return flipVertical(flipHorizontal(picture));
  const { width, height, data } = picture;
  const result = new Uint8Array(data.length);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0; x < width; x++, from += 3) {
      const to = (turns === 1 ? x * height + (height - 1 - y) : (width - 1 - x) * height + y) * 3;
      result[to] = data[from]!;
      result[to + 1] = data[from + 1]!;
      result[to + 2] = data[from + 2]!;
    }
  }
  return { width: height, height: width, data: result };
}

/** Places `part` on a copy of `picture` with its upper left pixel at (x, y); what hangs over the edge is cut off. */
export function paste(picture: Picture, part: Picture, { x, y }: { x: number; y: number }): Picture {
  const data = picture.data.slice();
  const left = Math.max(0, x);
  const right = Math.min(picture.width, x + part.width);
  for (let row = Math.max(0, y); row < Math.min(picture.height, y + part.height) && left < right; row++) {
    const from = ((row - y) * part.width + (left - x)) * 3;
    data.set(part.data.subarray(from, from + (right - left) * 3), (row * picture.width + left) * 3);
  }
  return { width: picture.width, height: picture.height, data };
}

/** The fault of a picture whose content contradicts itself or its format. `name` opens the sentence. */
export const damagedPicture = (name: string, why: string, options?: ErrorOptions): Fault => new Fault({
  code: 'picture.damaged',
  what: `${name} cannot be decoded.`,
  why,
  mend: 'Copy or export the file again.',
}, options);
