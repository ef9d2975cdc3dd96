/** DICOM's own words for what is opened: a study holds series, a series holds frames. */
import { z } from 'zod';

export const modalities = ['xray', 'ct', 'mri', 'ultrasound', 'dermoscopy', 'fundus', 'oct', 'microscopy'] as const;
export const Modality = z.enum(modalities);
export type Modality = z.infer<typeof Modality>;

/** Where a length in millimetres comes from, so that a measurement can say it. */
export const SpacingSource = z.enum(['PixelSpacing', 'ImagerPixelSpacing', 'NominalScannedPixelSpacing', 'UltrasoundRegion', 'SlideResolution', 'none']);

/** The size of a pixel and its place in the patient, as the file states them. */
export const FrameGeometry = z.object({
  /** [row spacing, column spacing] in millimetres: DICOM's order, vertical first. */
  spacingMm: z.tuple([z.number(), z.number()]).nullable(),
  spacingSource: SpacingSource,
  /** Centre of the first pixel, patient coordinates in millimetres. */
  positionMm: z.tuple([z.number(), z.number(), z.number()]).nullable(),
  /** Direction cosines of the row (left to right), then of the column (top to bottom). */
  orientation: z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number()]).nullable(),
});
export type FrameGeometry = z.infer<typeof FrameGeometry>;

/** How one of a fluorescence slide's channels is seen: which, from 0, in which colour, and from which values on it is black and the whole colour. */
export const ChosenChannel = z.object({ at: z.number().int().min(0).max(63), colour: z.string().regex(/^#[0-9a-f]{6}$/), low: z.number().finite(), high: z.number().finite() });
export type ChosenChannel = z.infer<typeof ChosenChannel>;
