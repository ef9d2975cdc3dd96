/** Which way the patient's left lies in an image, from what its file says of it; where the file does not say, nothing is known. */
import type { Box } from '#models/clinical/finding.ts';
import type { FrameGeometry } from '#models/clinical/study.ts';
import type { Size } from './coordinates.ts';

export type Side = 'left' | 'right';

/** How an image lies in the patient, and of what it is, as far as its file says. */
export interface Placement {
  /** DICOM's code, `CT`. */
  readonly modality: string;
  /** In the file's words: `CHEST`. */
  readonly bodyPart: string | null;
  /** Of a paired part of the body, or of the half of an unpaired one: the whole image is of this side. */
  readonly laterality: Side | 'both' | null;
  /** `PA`, `AP`, `LL`. */
  readonly viewPosition: string | null;
  /** Direction cosines of row and column, of a slice. */
  readonly orientation: FrameGeometry['orientation'];
  /** Where row and column lead, of a projection: `L`, `F`. */
  readonly patientOrientation: readonly [string, string] | null;
}

/** A unit vector in source pixels that leads to the patient's left, and who says so. */
export interface LeftDirection {
  readonly x: number;
  readonly y: number;
  readonly source: 'Image Orientation (Patient)' | 'Patient Orientation' | 'convention for this View Position';
}

/** Below this share of its length left runs through the image rather than along it, as on sagittal slices. */
const leastAlong = 0.7;
const films = new Set(['CR', 'DX', 'DR', 'RG', 'RF']);

/** Null where the file does not say, or where left and right lie behind each other. */
export function leftDirection({ modality, viewPosition, orientation, patientOrientation }: Placement): LeftDirection | null {
  if (orientation) return along(orientation[0], orientation[3], 'Image Orientation (Patient)');
  if (patientOrientation) return along(towardsLeft(patientOrientation[0]), towardsLeft(patientOrientation[1]), 'Patient Orientation');
  // Films from the front and from the back are both hung as if the patient faced the reader.
  return films.has(modality) && (viewPosition === 'AP' || viewPosition === 'PA') ? { x: 1, y: 0, source: 'convention for this View Position' } : null;
}

function along(x: number, y: number, source: LeftDirection['source']): LeftDirection | null {
  const length = Math.hypot(x, y);
  return length >= leastAlong ? { x: x / length, y: y / length, source } : null;
}

/** The first letter is the largest part of the direction. */
const towardsLeft = (letters: string): number => (letters.startsWith('L') ? 1 : letters.startsWith('R') ? -1 : 0);

/** A box whose middle lies within this share of the image of its midline is on neither side. */
const neutral = 0.05;
/** Of a box on one side at least this share lies there. */
const leastShare = 0.75;

/** The patient's side on which a box lies, taking the middle of the image for that of the body; null where it lies across or near it. */
export function sideOfBox({ x, y }: LeftDirection, { x1, y1, x2, y2 }: Box, { width, height }: Size): Side | null {
  const half = (Math.abs(x) * width + Math.abs(y) * height) / 2;
  const extent = (Math.abs(x) * (x2 - x1) + Math.abs(y) * (y2 - y1)) / 2;
  const middle = x * ((x1 + x2) / 2 - width / 2) + y * ((y1 + y2) / 2 - height / 2);
  if (Math.abs(middle) <= 2 * neutral * half || !(extent > 0)) return null;
  const there = Math.min(1, (Math.abs(middle) + extent) / (2 * extent));
  return there < leastShare ? null : middle > 0 ? 'left' : 'right';
}
