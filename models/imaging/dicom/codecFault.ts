/** Faults of the pixel decoders, and what a decoder is told to expect. */
import { Fault } from '#models/base/fault.ts';

/** What the data set says of a frame: a code stream that says otherwise is not decoded. */
export interface ExpectedFrame {
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly bitsAllocated: number;
  /** Give what comes before the damage instead of a Fault, where the decoder can. */
  readonly partial?: boolean;
}

/** What a code stream says of itself, from its header. */
export interface StreamSize {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  readonly precision: number;
}

/** A decoded code stream: samples interleaved by pixel, [rows, columns, samples]. */
export interface DecodedStream {
  readonly data: Uint8Array | Uint16Array | Int16Array;
  /** Bits a sample, as the code stream says. */
  readonly precision: number;
  /** The colour space where the code stream settles it. */
  readonly colour: 'rgb' | 'ycc' | null;
  /** Rows that could be decoded, where a cut stream was asked for; all of them otherwise. */
  readonly rows: number;
}

export const damagedStream = (why: string, options?: ErrorOptions): Fault => new Fault({
  code: 'dicom.codestream',
  what: 'The compressed pixels cannot be decoded.',
  why,
  mend: 'Export the file again from where it came, uncompressed if the archive can.',
}, options);

export const unsupportedStream = (why: string): Fault => new Fault({
  code: 'dicom.unsupported',
  what: 'The compressed pixels cannot be decoded.',
  why,
  mend: 'Export the file from the archive as Explicit VR Little Endian or JPEG 2000.',
});

/** Largest number of samples of one compressed frame: decoders hold up to four bytes a sample and the result besides. */
const maximumSamples = 1 << 26;

/** Refuses a code stream whose size is not the data set's, before anything is allocated for it. Throws Fault `dicom.mismatch` or `dicom.limits`. */
export function checkSize({ width, height, components, precision }: StreamSize, expected: ExpectedFrame): void {
  if (width !== expected.columns || height !== expected.rows || components !== expected.samples) {
    throw new Fault({
      code: 'dicom.mismatch',
      what: 'The compressed pixels were not decoded.',
      why: `The code stream says ${width} × ${height} with ${components} components; the data set says ${expected.columns} × ${expected.rows} with ${expected.samples}.`,
      mend: 'Export the file again from where it came; if it stays so, its writer is at fault.',
    });
  }
  if (precision < 1 || precision > 16) throw unsupportedStream(`The code stream has ${precision} bits a sample; up to 16 are decoded.`);
  if (precision > expected.bitsAllocated) throw damagedStream(`The code stream has ${precision} bits a sample, the data set only ${expected.bitsAllocated}.`);
  if (width * height * components > maximumSamples) {
    throw new Fault({
      code: 'dicom.limits',
      what: 'The compressed pixels were not decoded.',
      why: `A frame of ${width} × ${height} × ${components} samples is larger than the ${maximumSamples} that are decoded at once.`,
      mend: 'Export the image in tiles or at a lower resolution.',
    });
  }
}
