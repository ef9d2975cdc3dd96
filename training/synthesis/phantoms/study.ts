/** What a phantom is: drawn pixels, the exact truth about them, and words for both. */
import type { Box } from '#models/clinical/finding.ts';
import type { FrameGeometry, Modality } from '#models/clinical/study.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Mask } from './drawing.ts';
import { boxOfMask } from './drawing.ts';

export const phantomKinds = [
  'ct_chest', 'ct_liver', 'mr_head', 'chest_film', 'breast_ultrasound', 'blood_smear', 'slide', 'oct', 'fundus', 'dermoscopy',
] as const;
export type PhantomKind = (typeof phantomKinds)[number];

/** One thing in one frame; the class is spelt as in the real data sets where they have it. */
export interface PhantomBox {
  readonly class: string;
  /** Pixels of this frame, right and lower edges exclusive; whole numbers. A slide's: level 0. */
  readonly box: Box;
}

/** A number that is true by construction. Lengths in mm where the study has a spacing, in pixels otherwise. */
export interface PhantomMeasurement {
  readonly name: string;
  readonly class: string;
  /** The frame it was taken on, or null for the whole study. */
  readonly frame: number | null;
  readonly value: number;
  readonly unit: 'mm' | 'px' | 'count' | 'mm2' | 'HU';
}

/** Samples as a scanner would store them: value in the field's unit = sample × slope + intercept. */
export interface StoredPixels {
  readonly width: number;
  readonly height: number;
  readonly samples: Uint16Array | Uint8Array;
  readonly bitsStored: number;
  readonly slope: number;
  readonly intercept: number;
  readonly window: { readonly center: number; readonly width: number };
}

/** One frame. Colour kinds hold a picture, grey ones their stored samples; `framePicture` shows either. */
export type PhantomFrame = {
  readonly boxes: readonly PhantomBox[];
  readonly geometry: FrameGeometry;
  /** Distance that the slice covers, mm; null where there is none. */
  readonly thicknessMm: number | null;
} & ({ readonly picture: Picture; readonly stored: null } | { readonly picture: null; readonly stored: StoredPixels });

/** The levels of a slide, finest first; each is half of the one before, or a quarter. */
export interface PhantomLevel {
  readonly picture: Picture;
  readonly downsample: number;
  readonly mpp: number;
}

export interface PhantomStudy {
  readonly kind: PhantomKind;
  readonly seed: number;
  readonly modality: Modality;
  /** The main answer, and all answers that this kind can have. */
  readonly label: string;
  readonly labels: readonly string[];
  readonly frames: readonly PhantomFrame[];
  /** Slides only: frame 0 is level 0. */
  readonly levels: readonly PhantomLevel[];
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly measurements: readonly PhantomMeasurement[];
}

export interface PhantomOptions {
  /** Side of a square picture, or the width of an oblong one, in pixels. */
  readonly size?: number;
  /** Number of slices, for the kinds that have several. */
  readonly frames?: number;
  /** One of the kind's labels, instead of one by the seed. */
  readonly label?: string;
  /** Blood smears: `field` (many cells) or `cell` (one white cell or platelet in the centre). */
  readonly variant?: 'field' | 'cell';
}

export const noGeometry: FrameGeometry = { spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null };

/** The stored samples under their window, as 8-bit grey; a colour frame as it is. */
export function framePicture(frame: PhantomFrame): Picture {
  if (frame.stored === null) return frame.picture;
  const { width, height, samples, slope, intercept, window } = frame.stored;
  const data = new Uint8Array(width * height * 3);
  const low = window.center - 0.5 - (window.width - 1) / 2;
  const scale = 255 / (window.width - 1);
  for (let i = 0; i < samples.length; i++) {
    const value = Math.min(255, Math.max(0, Math.round((samples[i]! * slope + intercept - low) * scale)));
    data[3 * i] = data[3 * i + 1] = data[3 * i + 2] = value;
  }
  return { width, height, data };
}

/** The box of a mask within an image under a class; nothing where less than half of any pixel is covered. */
export function boxesOf(image: { readonly width: number; readonly height: number }, mask: Mask, name: string): PhantomBox[] {
  const box = boxOfMask(image, mask);
  return box === null ? [] : [{ class: name, box }];
}

export const rounded = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits;
