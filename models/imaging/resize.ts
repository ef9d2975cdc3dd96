/**
 * Bicubic resizing with antialiasing, equal bit for bit to the library that the published vision-language models were trained with.
 *
 *   weight(t) = cubic with a = −0.5, two source pixels wide on each side; stretched by the scale factor when shrinking
 *   pass 1 runs along the rows, pass 2 along the columns; each rounds and clamps to 8 bits
 *
 * Weights are fixed-point integers with 22 fractional bits, so that the sums are exact and the same on every machine.
 */
import { wholeOf } from './coordinates.ts';
import { checkSize } from './image.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from './image.ts';

const fractionBits = 22;
const half = 1 << (fractionBits - 1);

/**
 * The picture at another size, or the part of it inside `box` (in pixels, fractions allowed; whatever the filter needs around the box is read
 * where the picture has it). A side that stays the same is not filtered.
 */
export function resize(picture: Picture, { width, height }: { width: number; height: number }, box: Box = wholeOf(picture)): Picture {
  checkSize({ width, height }, 'The resized picture');
  checkSize({ width, height: picture.height }, 'The resized picture');
  if (!(box.x1 >= 0 && box.y1 >= 0 && box.x2 <= picture.width && box.y2 <= picture.height && box.x2 > box.x1 && box.y2 > box.y1)) {
    throw new RangeError(`resize: the box (${box.x1}, ${box.y1}, ${box.x2}, ${box.y2}) does not lie within ${picture.width} × ${picture.height}`);
  }
  const isWide = width === picture.width && box.x1 === 0 && box.x2 === width;
  const isHigh = height === picture.height && box.y1 === 0 && box.y2 === height;
  const wide = isWide ? picture.data : alongRows(picture, weightsFor({ size: picture.width, from: box.x1, to: box.x2, count: width }));
  if (isHigh) return { width, height, data: isWide ? wide.slice() : wide };
  return { width, height, data: alongColumns(wide, width * 3, weightsFor({ size: picture.height, from: box.y1, to: box.y2, count: height })) };
}

/** For each output pixel: the first source pixel it draws from, how many, and their weights (`slots` of them for each output pixel). */
interface Weights {
  readonly slots: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly values: Int32Array;
}

function bicubic(t: number): number {
  const x = Math.abs(t);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

/** One side of the resizing: `count` output pixels drawn from the stretch `from` … `to` of `size` source pixels. */
interface Side {
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const cache = new Map<string, Weights>();

/** Training resizes thousands of pictures of a few sizes, so small tables are kept. */
function weightsFor(side: Side): Weights {
  const key = `${side.size} ${side.from} ${side.to} ${side.count}`;
  let weights = cache.get(key);
  if (!weights) {
    weights = makeWeights(side);
    if (cache.size >= 256) cache.clear();
    if (weights.values.length <= 65536) cache.set(key, weights);
  }
  return weights;
}

function makeWeights({ size, from, to, count: outputs }: Side): Weights {
  const scale = (to - from) / outputs;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  const slots = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outputs);
  const count = new Int32Array(outputs);
  const values = new Int32Array(outputs * slots);
  const exact = new Float64Array(slots);
  const shrink = 1 / stretch;
  for (let i = 0; i < outputs; i++) {
    const centre = from + (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const length = Math.min(size, Math.trunc(centre + support + 0.5)) - start;
    let total = 0;
    for (let k = 0; k < length; k++) total += exact[k] = bicubic((k + start - centre + 0.5) * shrink);
    for (let k = 0; k < length; k++) {
      const weight = (total === 0 ? exact[k]! : exact[k]! / total) * (1 << fractionBits);
      values[i * slots + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[i] = start;
    count[i] = length;
  }
  return { slots, first, count, values };
}

/** Two rows at a time, since they share the weights; an odd last row is simply done twice. */
function alongRows({ width, height, data }: Picture, { slots, first, count, values }: Weights): Uint8Array {
  const to = first.length;
  const result = new Uint8ClampedArray(to * height * 3);
  for (let y = 0; y < height; y += 2) {
    const row = y * width * 3;
    const isPair = y + 1 < height;
    const toNext = isPair ? width * 3 : 0;
    const outNext = isPair ? to * 3 : 0;
    let out = y * to * 3;
    for (let x = 0; x < to; x++, out += 3) {
      const at = x * slots;
      const end = at + count[x]!;
      let from = row + first[x]! * 3;
      let [red, green, blue] = [half, half, half];
      let [redBelow, greenBelow, blueBelow] = [half, half, half];
      for (let k = at; k < end; k++, from += 3) {
        const weight = values[k]!;
        const below = from + toNext;
        red = (red + Math.imul(data[from]!, weight)) | 0;
        green = (green + Math.imul(data[from + 1]!, weight)) | 0;
        blue = (blue + Math.imul(data[from + 2]!, weight)) | 0;
        redBelow = (redBelow + Math.imul(data[below]!, weight)) | 0;
        greenBelow = (greenBelow + Math.imul(data[below + 1]!, weight)) | 0;
        blueBelow = (blueBelow + Math.imul(data[below + 2]!, weight)) | 0;
      }
      result[out] = red >> fractionBits;
      result[out + 1] = green >> fractionBits;
      result[out + 2] = blue >> fractionBits;
      result[out + outNext] = redBelow >> fractionBits;
      result[out + outNext + 1] = greenBelow >> fractionBits;
      result[out + outNext + 2] = blueBelow >> fractionBits;
    }
  }
  return new Uint8Array(result.buffer);
}

function alongColumns(data: Uint8Array, stride: number, { slots, first, count, values }: Weights): Uint8Array {
  const to = first.length;
  const result = new Uint8ClampedArray(stride * to);
  for (let y = 0, out = 0; y < to; y++) {
    const at = y * slots;
    const end = at + count[y]!;
    const top = first[y]! * stride;
    for (let i = 0; i < stride; i += 3, out += 3) {
      let from = top + i;
      let [red, green, blue] = [half, half, half];
      for (let k = at; k < end; k++, from += stride) {
        const weight = values[k]!;
        red = (red + Math.imul(data[from]!, weight)) | 0;
        green = (green + Math.imul(data[from + 1]!, weight)) | 0;
        blue = (blue + Math.imul(data[from + 2]!, weight)) | 0;
      }
      result[out] = red >> fractionBits;
      result[out + 1] = green >> fractionBits;
      result[out + 2] = blue >> fractionBits;
    }
  }
  return new Uint8Array(result.buffer);
}
