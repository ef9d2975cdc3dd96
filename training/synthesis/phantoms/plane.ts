/** One axial slice in millimetres: x to the patient's left, y to the back, the isocentre in the middle. Shared by the CT and MR phantoms. */
import { clamp } from '#models/base/math.ts';
import type { Random } from '#models/base/random.ts';
import type { FrameGeometry } from '#models/clinical/study.ts';
import { blurred, field, standardised, stroke, whiteNoise } from './drawing.ts';
import type { Field, Mask, Point } from './drawing.ts';
import { filled } from './drawing.ts';
import type { StoredPixels } from './study.ts';

export interface Plane {
  readonly size: number;
  readonly spacingMm: number;
  /** HU for CT, arbitrary signal for MR. */
  readonly values: Field;
}

export const plane = (size: number, spacingMm: number, background: number): Plane => ({ size, spacingMm, values: field(size, size, background) });

/** Millimetres to pixels. */
export const toPixels = ({ size, spacingMm }: Plane, points: readonly Point[]): Point[] =>
  points.map(([x, y]) => [x / spacingMm + size / 2, y / spacingMm + size / 2]);

export const toPixel = ({ size, spacingMm }: Plane, mm: number): number => mm / spacingMm + size / 2;

/** The coverage of an outline given in millimetres. */
export const filledMm = (at: Plane, points: readonly Point[]): Mask => filled(toPixels(at, points));

/** A curve in millimetres as a field of coverage. */
export function strokeMm(at: Plane, target: Field, points: readonly Point[], radiusMm: number | ((t: number) => number), strength = 1): void {
  const scale = 1 / at.spacingMm;
  stroke(target, toPixels(at, points), typeof radiusMm === 'number' ? radiusMm * scale : (t) => radiusMm(t) * scale, strength);
}

/** The geometry of an axial slice at height `z` (mm, towards the head). */
export function axialGeometry({ size, spacingMm }: Plane, z: number): FrameGeometry {
  const corner = -(size * spacingMm) / 2 + spacingMm / 2;
  return {
    spacingMm: [spacingMm, spacingMm],
    spacingSource: 'PixelSpacing',
    // To a thousandth of a millimetre, so that the decimals of a file hold it exactly.
    positionMm: [corner, corner, Math.round(z * 1000) / 1000],
    orientation: [1, 0, 0, 0, 1, 0],
  };
}

/** Noise as a scanner's reconstruction kernel leaves it: no slow part, grain of about `grain` pixels, standard deviation 1. */
export function scannerNoise(random: Random, size: number, grain: number): Field {
  return standardised(blurred({ width: size, height: size, data: whiteNoise(random, size * size) }, grain));
}

/** HU with noise of `sigma`, as 12-bit samples with the usual intercept. */
export function storedHu({ size, values }: Plane, noise: Field, sigma: number, window: { center: number; width: number }): StoredPixels {
  const samples = new Uint16Array(size * size);
  for (let i = 0; i < samples.length; i++) samples[i] = clamp(Math.round(values.data[i]! + sigma * noise.data[i]! + 1024), 0, 4095);
  return { width: size, height: size, samples, bitsStored: 12, slope: 1, intercept: -1024, window };
}
