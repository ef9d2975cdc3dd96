/** What kind of file something is, told from its content: names lie, and DICOM files often have none. */
import { isJpeg } from './jpeg.ts';
import { isPng } from './png.ts';
import { isTiff } from './tiff.ts';

/** `tiff` covers slides too: which of both it is, its pages say. */
export type SourceKind = 'dicom' | 'jpeg' | 'png' | 'tiff' | 'zip' | 'unknown';

/** How many bytes of a file's beginning `kindOf` looks at. */
export const kindBytes = 136;

/** @param start  the first `kindBytes` bytes, or the whole of a shorter file */
export function kindOf(start: Uint8Array): SourceKind {
  if (spells(start, 128, 'DICM')) return 'dicom';
  if (isPng(start)) return 'png';
  if (isJpeg(start)) return 'jpeg';
  if (isTiff(start)) return 'tiff';
  if (spells(start, 0, 'PK\u0003\u0004') || spells(start, 0, 'PK\u0005\u0006')) return 'zip';
  return beginsLikeBareDicom(start) ? 'dicom' : 'unknown';
}

const spells = (bytes: Uint8Array, at: number, word: string): boolean =>
  bytes.length >= at + word.length && [...word].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));

const valueTypes = /^(AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|OB|OW|PN|SH|SL|SQ|SS|ST|TM|UI|UL|UN|US|UT)$/;

/** Old DICOM files lack preamble and magic word: they begin with an element of group 2 or 8, whose length or value type must make sense. */
function beginsLikeBareDicom(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [true, false].some((isLittleEndian) => {
    const group = view.getUint16(0, isLittleEndian);
    const element = view.getUint16(2, isLittleEndian);
    if ((group !== 2 && group !== 8) || element > 0x0100) return false;
    return valueTypes.test(String.fromCharCode(bytes[4]!, bytes[5]!)) || view.getUint32(4, isLittleEndian) <= 64;
  });
}
