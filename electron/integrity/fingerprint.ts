/** A file's pixels as one hash, whatever the file around them says; and where its header and its pixels contradict each other. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Fault } from '#models/base/fault.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { firstNumber, firstText, has, texts } from '#models/imaging/dicom/elements.ts';
import { decodeFrame, type StoredFrame } from '#models/imaging/dicom/frame.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { kindBytes, kindOf, type SourceKind } from '#models/imaging/sources.ts';

export interface Fingerprint {
  /** SHA-256 of the file. */
  readonly file: string;
  /** SHA-256 over size, type and values of every frame as it is stored; null where the pixels are not read whole: slides, and files beyond the limits. */
  readonly pixels: string | null;
  /** SHA-256 of the SOP Instance UID; null for files that have none. */
  readonly instance: string | null;
  /** What the header says that the pixels contradict. */
  readonly contradictions: readonly string[];
}

const mostBytes = 512 * 1024 * 1024;
/** Samples of an image that are decoded for its hash, all frames together. */
const mostSamples = 400_000_000;

const hex = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** @throws Fault `integrity.file` where it cannot be read, and those of the decoders */
export async function fingerprintOf(path: string): Promise<Fingerprint> {
  const { kind, bytes } = await reading(path);
  // Slides, and what is no image, are hashed as they lie.
  if (bytes === null) return { file: await hashOfFile(path), pixels: null, instance: null, contradictions: [] };
  const file = hex(bytes);
  if (kind === 'png' || kind === 'jpeg') {
    const { width, height, data } = await decodePicture(bytes, 'The picture');
    return { file, pixels: hex(`RGB ${width} ${height} 8\n`, data), instance: null, contradictions: [] };
  }
  return ofDicom(file, readDicom(bytes));
}

/** The whole file where its pixels can be read from it; null for the bytes of any other. */
async function reading(path: string): Promise<{ readonly kind: SourceKind; readonly bytes: Uint8Array | null }> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const start = new Uint8Array(Math.min(size, kindBytes));
      await file.read(start, 0, start.length, 0);
      const kind = kindOf(start);
      const isRead = (kind === 'png' || kind === 'jpeg' || kind === 'dicom') && size <= mostBytes;
      return { kind, bytes: isRead ? await readFile(path) : null };
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new Fault({ code: 'integrity.file', what: 'The file cannot be read.', why: cause instanceof Error ? cause.message : String(cause), mend: 'Check the path, and that you may read the file.' }, { cause });
  }
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  return hash.digest('hex');
}

async function ofDicom(file: string, dicom: DicomFile): Promise<Fingerprint> {
  const uid = firstText(dicom.dataSet, 'x00080018');
  const instance = uid === undefined ? null : hex(uid);
  if (dicom.image === null || dicom.image.frames * dicom.image.rows * dicom.image.columns * dicom.image.samples > mostSamples) return { file, pixels: null, instance, contradictions: [] };
  const hash = createHash('sha256');
  let [least, greatest] = [Infinity, -Infinity];
  for (let index = 0; index < dicom.image.frames; index++) {
    const frame = await decodeFrame(dicom, index);
    hash.update(`${frame.photometric} ${frame.columns} ${frame.rows} ${frame.data.BYTES_PER_ELEMENT * 8}\n`);
    hash.update(new Uint8Array(frame.data.buffer, frame.data.byteOffset, frame.data.byteLength));
    const [low, high] = extremes(frame);
    [least, greatest] = [Math.min(least, low), Math.max(greatest, high)];
  }
  return { file, pixels: hash.digest('hex'), instance, contradictions: contradictionsOf(dicom, least, greatest) };
}

function extremes({ data }: StoredFrame): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const lossySyntaxes: ReadonlySet<string> = new Set(['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.51', '1.2.840.10008.1.2.4.81', '1.2.840.10008.1.2.4.91']);

/** What of the pixels does not agree with what the header says of them (PS3.3 C.7.6.3, C.7.6.1.1.5). */
export function contradictionsOf({ dataSet, transferSyntaxUid }: Pick<DicomFile, 'dataSet' | 'transferSyntaxUid'>, least: number, greatest: number): readonly string[] {
  const said: string[] = [];
  const bits = firstNumber(dataSet, 'x00280101', 'US');
  const isSigned = firstNumber(dataSet, 'x00280103', 'US') === 1;
  const vr = isSigned ? 'SS' : 'US';
  const [smallest, largest] = [firstNumber(dataSet, 'x00280106', vr), firstNumber(dataSet, 'x00280107', vr)];
  if (smallest !== undefined && least !== smallest) said.push(`The header says that the smallest stored value is ${smallest}; it is ${least}.`);
  if (largest !== undefined && greatest !== largest) said.push(`The header says that the largest stored value is ${largest}; it is ${greatest}.`);
  if (bits !== undefined && bits < 32) {
    const [low, high] = isSigned ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
    if (least < low || greatest > high) said.push(`The header says that ${bits} bits are stored; values reach from ${least} to ${greatest}.`);
  }
  const isLossy = transferSyntaxUid !== null && lossySyntaxes.has(transferSyntaxUid);
  const saysLossy = firstText(dataSet, 'x00282110');
  if (isLossy && saysLossy === '00') said.push('The pixels are in a lossy form; the header says that they never were.');
  if (texts(dataSet, 'x00080008')[0] === 'ORIGINAL' && has(dataSet, 'x00082111')) said.push('The header calls the image original and describes how it was derived.');
  return said;
}
