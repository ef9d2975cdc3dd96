/** Where a frame lies in the patient and how large its pixels are, from the frame's own functional groups or the whole image. */
import type { FrameGeometry } from '#models/clinical/study.ts';
import type { DicomFile } from './dicomFile.ts';
import { has, items, numbers } from './elements.ts';
import type { DataSet, Tag } from './elements.ts';

/**
 * The data sets in which a frame's attributes are looked for, nearest first: its own functional groups, the shared ones, the image.
 * Groups that are sequences (`macro`) are entered.
 */
export function attributeSources(file: DicomFile, frame: number, macro: Tag): DataSet[] {
  const own = file.frameGroups()[frame];
  const [shared] = items(file.dataSet, 'x52009229');
  return [own, shared].flatMap((group) => (group ? items(group, macro).slice(0, 1) : []));
}

/** The first source that has the tag, the image itself last. */
export function sourceOf(file: DicomFile, frame: number, macro: Tag, tag: Tag): DataSet | undefined {
  return [...attributeSources(file, frame, macro), file.dataSet].find((source) => has(source, tag));
}

function frameNumbers(file: DicomFile, frame: number, { macro, tag, count }: { macro: Tag; tag: Tag; count: number }): number[] | null {
  const source = sourceOf(file, frame, macro, tag);
  const values = source ? numbers(source, tag, 'DS').slice(0, count) : [];
  return values.length === count && values.every(Number.isFinite) ? values : null;
}

const positive = (values: number[] | null): [number, number] | null =>
  values && values[0]! > 0 && values[1]! > 0 ? [values[0]!, values[1]!] : null;

/** The geometry of one frame, as stated; what is not stated, or not usable, is null. */
export function frameGeometry(file: DicomFile, frame = 0): FrameGeometry {
  const orientation = frameNumbers(file, frame, { macro: 'x00209116', tag: 'x00200037', count: 6 });
  const position = frameNumbers(file, frame, { macro: 'x00209113', tag: 'x00200032', count: 3 });
  return {
    ...spacing(file, frame),
    positionMm: position ? [position[0]!, position[1]!, position[2]!] : null,
    orientation: orientation && isOrientation(orientation)
      ? [orientation[0]!, orientation[1]!, orientation[2]!, orientation[3]!, orientation[4]!, orientation[5]!] : null,
  };
}

/** Two directions of length one at right angles, within the rounding of decimal strings. */
function isOrientation(values: readonly number[]): boolean {
  const [a, b, c, d, e, f] = values as [number, number, number, number, number, number];
  const length = (x: number, y: number, z: number): number => Math.hypot(x, y, z);
  return Math.abs(length(a, b, c) - 1) < 0.02 && Math.abs(length(d, e, f) - 1) < 0.02 && Math.abs(a * d + b * e + c * f) < 0.02;
}

function spacing(file: DicomFile, frame: number): Pick<FrameGeometry, 'spacingMm' | 'spacingSource'> {
  const calibrated = positive(frameNumbers(file, frame, { macro: 'x00289110', tag: 'x00280030', count: 2 }));
  if (calibrated) return { spacingMm: calibrated, spacingSource: 'PixelSpacing' };
  const detector = positive(frameNumbers(file, frame, { macro: 'x00289110', tag: 'x00181164', count: 2 }));
  if (detector) return { spacingMm: detector, spacingSource: 'ImagerPixelSpacing' };
  const scanned = positive(frameNumbers(file, frame, { macro: 'x00289110', tag: 'x00182010', count: 2 }));
  if (scanned) return { spacingMm: scanned, spacingSource: 'NominalScannedPixelSpacing' };
  const region = ultrasoundSpacing(file);
  if (region) return { spacingMm: region, spacingSource: 'UltrasoundRegion' };
  return { spacingMm: null, spacingSource: 'none' };
}

const centimetres = 3;

/** The spacing that all two-dimensional tissue regions share; null where they differ or none is in centimetres. */
function ultrasoundSpacing({ dataSet }: DicomFile): [number, number] | null {
  const found = items(dataSet, 'x00186011').flatMap((region): [number, number][] => {
    const [unitX] = numbers(region, 'x00186024', 'US');
    const [unitY] = numbers(region, 'x00186026', 'US');
    const [dx] = numbers(region, 'x0018602c', 'FD');
    const [dy] = numbers(region, 'x0018602e', 'FD');
    if (unitX !== centimetres || unitY !== centimetres || !dx || !dy) return [];
    return [[Math.abs(dy) * 10, Math.abs(dx) * 10]];
  });
  const [first] = found;
  if (!first || !found.every(([v, h]) => Math.abs(v - first[0]) < 1e-6 && Math.abs(h - first[1]) < 1e-6)) return null;
  return positive([...first]);
}

/** Height of a pixel by its width: from the spacing, else from Pixel Aspect Ratio (0028,0034), else 1. */
export function pixelAspect(file: DicomFile, frame = 0): number {
  const { spacingMm } = frameGeometry(file, frame);
  if (spacingMm) return spacingMm[0] / spacingMm[1];
  const ratio = positive(numbers(file.dataSet, 'x00280034', 'IS').slice(0, 2));
  return ratio ? ratio[0] / ratio[1] : 1;
}

/**
 * The size at which an image of `columns` × `rows` has square pixels: the finer direction keeps its pixels, the coarser is stretched.
 * `aspect` is a pixel's height by its width; beyond 1 : 32 it is taken for a slip and left alone.
 */
export function isotropicSize({ columns, rows }: { columns: number; rows: number }, aspect: number): { width: number; height: number } {
  if (!(aspect >= 1 / 32 && aspect <= 32)) return { width: columns, height: rows };
  return aspect >= 1 ? { width: columns, height: Math.max(1, Math.round(rows * aspect)) } : { width: Math.max(1, Math.round(columns / aspect)), height: rows };
}
