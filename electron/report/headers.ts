/** What of a DICOM file's header the report's own DICOM files repeat: who, which study, which machine, where in space. */
import type { DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, texts, type Tag } from '#models/imaging/dicom/elements.ts';
import { frameGeometry } from '#models/imaging/dicom/geometry.ts';
import type { SourceImage } from './formats/format.ts';

/** Elements of the modules that an object of the same study repeats (PS3.3, C.7.1 to C.7.5), and those that say how a frame lies and was made. */
const repeated: readonly Tag[] = [
  'x00080005', 'x00080008', 'x00080020', 'x00080021', 'x00080023', 'x00080030', 'x00080031', 'x00080033', 'x00080050', 'x00080060', 'x00080070', 'x00080080', 'x00080090', 'x00081010', 'x00081030', 'x0008103e', 'x00081090',
  'x00080201', 'x00100010', 'x00100020', 'x00100021', 'x00100030', 'x00100040', 'x00101010', 'x00101020', 'x00101030', 'x00120062', 'x00120063',
  'x00180015', 'x00180050', 'x00180088', 'x00181000', 'x00181020', 'x00185100', 'x00200010', 'x00200011', 'x00200012', 'x00200013', 'x00200020', 'x00200060', 'x00201040',
  'x00280004', 'x00280301', 'x00282110', 'x00282112', 'x00282114', 'x00480006', 'x00480007',
];

/** Longer values are nobody's name. */
const mostLetters = 1024;

/** Null where the file does not say which object it is: then nothing can refer to it. */
export function sourceImage(file: DicomFile, sha256: string, frame: number): SourceImage | null {
  const { dataSet, image } = file;
  const uid = (tag: Tag): string | null => firstText(dataSet, tag)?.replace(/[^0-9.]/g, '').slice(0, 64) || null;
  const [sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid] = [uid('x00080016'), uid('x00080018'), uid('x0020000e'), uid('x0020000d')];
  if (!image || !sopClassUid || !sopInstanceUid || !seriesInstanceUid || !studyInstanceUid) return null;
  const elements = Object.fromEntries(repeated.flatMap((tag) => {
    const value = texts(dataSet, tag).join('\\').trim().slice(0, mostLetters);
    return value === '' ? [] : [[tag.slice(1), value] as const];
  }));
  return {
    sha256, frame, sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid, modality: firstText(dataSet, 'x00080060')?.trim() ?? '', rows: image.rows, columns: image.columns, frames: image.frames,
    frameOfReferenceUid: uid('x00200052'), geometry: frameGeometry(file, frame), elements,
  };
}
