/** Writing in the pixels of a DICOM file, where no element tells of it: where it is likely, where it was found, and how it is made black. */
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import { writtenRows } from '#models/imaging/writing.ts';
import type { DicomFile, ImageHeader } from './dicomFile.ts';
import { toDisplay } from './display.ts';
import { firstText, texts } from './elements.ts';
import { decodeFrame, type StoredFrame, type StoredValues } from './frame.ts';
import { shortLeaf, textLeaf, type Leaf } from './tree.ts';

export interface Writing {
  /** Whether a person has to look before the file may leave. */
  readonly mustBeSeen: boolean;
  /** Why, in sentences; empty where there is no reason. */
  readonly reasons: readonly string[];
  /** Where writing was found in any frame, in stored pixels, each with the first frame that shows it. */
  readonly found: readonly { readonly frame: number; readonly box: Box }[];
}

/** Machines of these modalities write names and dates into the picture as a matter of course. */
const alwaysSeen: readonly string[] = ['US', 'XA', 'RF', 'SC', 'OT'];
/** Machines of these often do; a file that denies it is believed where nothing is found. */
const oftenSeen: readonly string[] = ['XC', 'ES', 'OP', 'GM', 'SM', 'IVUS', 'DOC'];
const secondaryCapture = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.|$)/;
const slideClass = '1.2.840.10008.5.1.4.1.1.77.1.6';

/** Looks at every frame (of a slide: at its label and overview only). Throws the faults of the decoders: what cannot be looked at cannot be judged. */
export async function writingOf(file: DicomFile): Promise<Writing> {
  const { dataSet, image } = file;
  if (!image) {
    // A report or a plan carries no pixels; an image that cannot be decoded does.
    if (file.imageFault && file.imageFault.code !== 'dicom.noImage') throw file.imageFault;
    return { mustBeSeen: false, reasons: [], found: [] };
  }
  const modality = firstText(dataSet, 'x00080060')?.toUpperCase() ?? '';
  const stated = firstText(dataSet, 'x00280301')?.toUpperCase();
  const sopClass = firstText(dataSet, 'x00080016') ?? '';
  const kinds = texts(dataSet, 'x00080008').map((kind) => kind.toUpperCase());
  const isSlide = sopClass === slideClass;
  const label = kinds.find((kind) => kind === 'LABEL' || kind === 'OVERVIEW');
  const whole: Box = { x1: 0, y1: 0, x2: image.columns, y2: image.rows };
  const found = label === 'LABEL' ? [{ frame: 0, box: whole }] : isSlide && !label ? [] : await foundIn(file, image);
  const reasons = [
    ...(stated === 'YES' ? ['The file says that its pixels carry burnt-in annotation (0028,0301).'] : []),
    ...(label ? [`It is the ${label.toLowerCase()} of a slide, on which people write.`] : []),
    ...(alwaysSeen.includes(modality) || secondaryCapture.test(sopClass) ? [`Images of this kind (${modality || 'secondary capture'}) usually carry writing.`] : []),
    ...(!isSlide && oftenSeen.includes(modality) && stated !== 'NO' ? [`Images of this kind (${modality}) often carry writing, and the file does not deny it.`] : []),
    ...(found.length > 0 && !label ? [`${found.length === 1 ? 'A row' : `${found.length} rows`} of writing ${found.length === 1 ? 'was' : 'were'} found in the pixels.`] : []),
  ];
  return { mustBeSeen: reasons.length > 0, reasons, found };
}

async function foundIn(file: DicomFile, image: ImageHeader): Promise<{ frame: number; box: Box }[]> {
  const found: { frame: number; box: Box }[] = [];
  for (let frame = 0; frame < image.frames; frame++) {
    for (const row of writtenRows(toDisplay(file, await decodeFrame(file, frame), { index: frame }))) {
      const box = widened(row, image);
      // What stands in the same place on every frame is told once.
      if (!found.some(({ box: known }) => contains(known, box))) found.push({ frame, box });
    }
  }
  return found;
}

/** Letters have soft borders, which must not stay where they are made black. */
const widened = ({ x1, y1, x2, y2 }: Box, { columns, rows }: ImageHeader): Box =>
  ({ x1: Math.max(0, x1 - 2), y1: Math.max(0, y1 - 2), x2: Math.min(columns, x2 + 2), y2: Math.min(rows, y2 + 2) });

const contains = (outer: Box, inner: Box): boolean => inner.x1 >= outer.x1 - 2 && inner.y1 >= outer.y1 - 2 && inner.x2 <= outer.x2 + 2 && inner.y2 <= outer.y2 + 2;

const maximumPixelBytes = 1 << 30;

/**
 * The elements of the pixels with the rectangles (stored pixels, edges rounded outwards) black in every frame, uncompressed. Nothing of what stood there is left.
 * Throws Fault `deidentify.blank` for float values and for images of more than 1 GB, and those of the decoders.
 */
export async function blankedPixels(file: DicomFile, boxes: readonly Box[]): Promise<Leaf[]> {
  const { image, encoding } = file;
  if (!image) return [];
  const refused = (why: string): Fault => new Fault({ code: 'deidentify.blank', what: 'The writing was not made black.', why, mend: 'Export the image in parts, or leave it out.' });
  if (image.kind !== 'integer' || image.bitsAllocated > 16) throw refused('Its pixels are no whole numbers of at most 16 bits.');
  const bytesPerSample = image.bitsAllocated <= 8 ? 1 : 2;
  const frameValues = image.rows * image.columns * image.samples;
  if (frameValues * bytesPerSample * image.frames > maximumPixelBytes) throw refused('Uncompressed it would have more than 1 GB.');
  const out = new Uint8Array(frameValues * bytesPerSample * image.frames);
  const view = new DataView(out.buffer);
  let photometric = image.photometric;
  for (let index = 0; index < image.frames; index++) {
    const frame = await decodeFrame(file, index);
    photometric = frame.photometric;
    const data = frame.data.slice();
    for (const box of boxes) blacken(data, frame, box);
    for (let i = 0, at = index * frameValues * bytesPerSample; i < data.length; i++, at += bytesPerSample) {
      if (bytesPerSample === 1) out[at] = (data[i] as number) & 0xff;
      else view.setUint16(at, (data[i] as number) & 0xffff, encoding.littleEndian);
    }
  }
  const allocated = bytesPerSample * 8;
  return [
    textLeaf('x00280004', 'CS', photometric),
    ...(image.samples > 1 ? [shortLeaf('x00280006', 0, encoding)] : []),
    shortLeaf('x00280100', allocated, encoding),
    shortLeaf('x00280101', Math.min(image.bitsStored, allocated), encoding),
    shortLeaf('x00280102', Math.min(image.bitsStored, allocated) - 1, encoding),
    { tag: 'x7fe00010', vr: !encoding.explicit || bytesPerSample === 2 ? 'OW' : 'OB', value: out.length % 2 === 0 ? out : paddedToEven(out) },
  ];
}

function paddedToEven(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes);
  return out;
}

function blacken(data: StoredValues, { rows, columns, samples, photometric }: StoredFrame, box: Box): void {
  const [x1, x2] = [Math.max(0, Math.floor(box.x1)), Math.min(columns, Math.ceil(box.x2))];
  const [y1, y2] = [Math.max(0, Math.floor(box.y1)), Math.min(rows, Math.ceil(box.y2))];
  const black = blackOf(data, photometric, samples);
  for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) for (let s = 0; s < samples; s++) data[(y * columns + x) * samples + s] = black[s] as number;
}

/** Grey: the frame's own darkest value, so that no window shifts; colour: black in its space. */
function blackOf(data: StoredValues, photometric: string, samples: number): readonly number[] {
  if (samples > 1) return photometric.startsWith('YBR') ? [0, 128, 128] : Array.from({ length: samples }, () => 0);
  if (photometric === 'PALETTE COLOR') return [0];
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of data) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  if (data.length === 0) return [0];
  return [photometric === 'MONOCHROME1' ? greatest : least];
}
