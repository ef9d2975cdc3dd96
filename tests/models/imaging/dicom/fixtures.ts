/** Small DICOM files for the tests, made by the project's own writer. */
import { Random } from '#models/base/random.ts';
import { pixelElements, writeDicom } from '#models/imaging/dicom/writer.ts';
import type { EncapsulatedPixels, NewElement, NewPixels } from '#models/imaging/dicom/writer.ts';

/** The identity of an object: enough for every reader. */
export const identity = (instance = '1'): NewElement[] => [
  { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.7' },
  { tag: 'x00080018', vr: 'UI', value: `2.25.1000.${instance}` },
  { tag: 'x00080060', vr: 'CS', value: 'OT' },
  { tag: 'x0020000d', vr: 'UI', value: '2.25.1' },
  { tag: 'x0020000e', vr: 'UI', value: '2.25.2' },
];

/** A whole file of native pixels; `more` goes before what the pixels would say of themselves. */
export const imageFile = (pixels: NewPixels, more: readonly NewElement[] = []): Uint8Array => writeDicom(withoutRepeats([...identity(), ...pixelElements(pixels)], more));

/** `first` without what `second` states again, then `second`. */
export const withoutRepeats = (first: readonly NewElement[], second: readonly NewElement[]): NewElement[] =>
  [...first.filter(({ tag }) => !second.some((other) => other.tag === tag)), ...second];

/** A whole file of compressed pixels; `pixels` describes them and its data stay out. */
export function compressedFile(pixels: NewPixels, encapsulated: EncapsulatedPixels, more: readonly NewElement[] = []): Uint8Array {
  const description = pixelElements(pixels).filter(({ tag }) => tag !== 'x7fe00010');
  return writeDicom(withoutRepeats([...identity(), ...description], more), encapsulated);
}

/** A slope with some noise, as scanners make them: values in 0 … 2^bits − 1. */
export function noisySlope({ count, bits, seed = 1 }: { count: number; bits: number; seed?: number }): number[] {
  const random = new Random(seed);
  const most = 2 ** bits - 1;
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(most, Math.round((i / count) * most + random.normal() * most * 0.02))));
}
