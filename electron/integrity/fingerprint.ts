/** A file's pixels as one hash, whatever the file around them says; and where its header and its pixels contradict each other. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { Fault } from '#models/base/fault.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { firstNumber, firstText, has, texts } from '#models/imaging/dicom/elements.ts';
import { decodeFrame, type StoredFrame } from '#models/imaging/dicom/frame.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';

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
const mostFrames = 2000;

const hex = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** @throws Fault `integrity.file` where it cannot be read, and those of the decoders */
export async function fingerprintOf(path: string): Promise<Fingerprint> {
  let bytes: Uint8Array;
  try {
    if ((await stat(path)).size > mostBytes) throw new Error(`It has more than ${mostBytes / 1024 / 1024} MB.`);
    bytes = await readFile(path);
  } catch (cause) {
    throw new Fault({ code: 'integrity.file', what: 'The file cannot be read.', why: cause instanceof Error ? cause.message : String(cause), mend: 'Check the path, and that you may read the file.' }, { cause });
  }
  const file = hex(bytes);
  const kind = kindOf(bytes.subarray(0, kindBytes));
  if (kind === 'png' || kind === 'jpeg') {
    const { width, height, data } = await decodePicture(bytes, 'The picture');
    return { file, pixels: hex(`RGB ${width} ${height} 8\n`, data), instance: null, contradictions: [] };
  }
  return kind === 'dicom' ? ofDicom(file, readDicom(bytes)) : { file, pixels: null, instance: null, contradictions: [] };
}

async function ofDicom(file: string, dicom: DicomFile): Promise<Fingerprint> {
  const uid = firstText(dicom.dataSet, 'x00080018');
  const instance = uid === undefined ? null : hex(uid);
  if (dicom.image === null || dicom.image.frames > mostFrames) return { file, pixels: null, instance, contradictions: [] };
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
