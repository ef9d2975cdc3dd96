/** Colour for the phantoms: light through stains, mixtures of tints, and the 8-bit picture at the end. */
import { clamp } from '#models/base/math.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Field, Mask } from './drawing.ts';
import { field, forCovered } from './drawing.ts';

export type Rgb = readonly [number, number, number];

/** Three fields, 0 … 255. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly channels: readonly [Field, Field, Field];
}

export const canvas = (width: number, height: number, [r, g, b]: Rgb): Canvas => ({
  width, height, channels: [field(width, height, r), field(width, height, g), field(width, height, b)],
});

/** Mixes a colour in by coverage. */
export function tint(target: Canvas, mask: Mask, colour: Rgb | ((index: number) => Rgb), opacity = 1): void {
  const [r, g, b] = [target.channels[0].data, target.channels[1].data, target.channels[2].data];
  const mix = (i: number, [red, green, blue]: Rgb, weight: number): void => {
    r[i]! += (red - r[i]!) * weight;
    g[i]! += (green - g[i]!) * weight;
    b[i]! += (blue - b[i]!) * weight;
  };
  if (typeof colour === 'function') forCovered(target, mask, (i, coverage) => mix(i, colour(i), coverage * opacity));
  else forCovered(target, mask, (i, coverage) => mix(i, colour, coverage * opacity));
}

/** Mixes a colour in by a field of coverage. */
export const tintField = (target: Canvas, cover: Field, colour: Rgb | ((index: number) => Rgb), opacity = 1): void =>
  tint(target, { x: 0, y: 0, width: cover.width, height: cover.height, data: cover.data }, colour, opacity);

/** The canvas as a picture; `noise` (mean 0, variance 1) is added with `sigma` grey levels. */
export function toPicture({ width, height, channels }: Canvas, noise?: Float32Array, sigma = 0): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; i < width * height; i++) {
    const n = noise === undefined ? 0 : noise[i]! * sigma;
    for (const channel of channels) data[o++] = clamp(Math.round(channel.data[i]! + n), 0, 255);
  }
  return { width, height, data };
}

/** A stain: how strongly one unit of it absorbs red, green and blue (optical density). */
export type Stain = Rgb;

export const stains = {
  haematoxylin: [0.65, 0.7, 0.29],
  eosin: [0.12, 0.84, 0.4],
  /** Romanowsky stains: azure on nuclei, eosin on red cells and granules. */
  azure: [0.5, 0.72, 0.16],
  romanowskyEosin: [0.2, 0.37, 0.36],
} as const satisfies Record<string, Stain>;

/**
 * Light of colour `lamp` after the stains (Beer and Lambert): 10^(−Σ amount × density) of it is left.
 * The amounts are fields of one size; `noise` (mean 0, variance 1) is added with `sigma` grey levels.
 */
export function throughStains(lamp: Rgb, layers: readonly { readonly amount: Field; readonly stain: Stain }[], noise?: Float32Array,
  sigma = 0): Picture {
  const { width, height } = layers[0]!.amount;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; i < width * height; i++, o += 3) {
    let [r, g, b] = [0, 0, 0];
    for (const { amount, stain } of layers) {
      const a = amount.data[i]!;
      r += a * stain[0];
      g += a * stain[1];
      b += a * stain[2];
    }
    const n = noise === undefined ? 0 : noise[i]! * sigma;
    data[o] = clamp(Math.round(lamp[0] * Math.exp(-2.302585 * r) + n), 0, 255);
    data[o + 1] = clamp(Math.round(lamp[1] * Math.exp(-2.302585 * g) + n), 0, 255);
    data[o + 2] = clamp(Math.round(lamp[2] * Math.exp(-2.302585 * b) + n), 0, 255);
  }
  return { width, height, data };
}
