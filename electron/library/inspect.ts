/** What a file is, told from its bytes: which study it belongs to, or why it cannot be shown. */
import { createHash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { bytesOf, startOfFile } from '#electron/storage/files.ts';
import { Fault } from '#models/base/fault.ts';
import { readDicom, personName, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, items, texts } from '#models/imaging/dicom/elements.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { openSlide, type Slide } from '#models/imaging/slide/slide.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { isHidden, isSlidePart, openPart } from './slides.ts';

/** Who and what a study is about, as its files say. */
export interface StudyIdentity {
  readonly id: string;
  readonly kind: 'radiology' | 'slide' | 'picture';
  readonly patient: string;
  readonly patientId: string;
  readonly birthDate: string | null;
  readonly sex: string | null;
  readonly date: string | null;
  readonly description: string;
  readonly accession: string;
  readonly modality: string;
  /** The study that came first under the same number, where that is another patient's. */
  readonly sameNumberAs?: string;
}

export type Inspection =
  | { readonly kind: 'image'; readonly study: StudyIdentity; readonly frames: number }
  | { readonly kind: 'archive' }
  /** Regions of other images, drawn on those that are here; how many lie on images that are not. */
  | { readonly kind: 'regions'; readonly missing: number }
  /** A medium's table of contents; names are paths below its folder. */
  | { readonly kind: 'directory'; readonly references: readonly string[] };

/** Files that are read whole; a slide is read where it is needed. */
const mostBytes = 1_000_000_000;

/** The study's name in the library: 24 hexadecimal digits that follow from what identifies it. */
export const studyId = (identity: string): string => createHash('sha256').update(identity).digest('hex').slice(0, 24);

/**
 * @param sha256  of the file: a picture or a slide is a study by itself
 * @throws Fault with the reason why the file is left out
 */
export async function inspect(path: string, name: string, sha256: string): Promise<Inspection> {
  const kind = kindOf(await startOfFile(path, kindBytes));
  switch (kind) {
    case 'zip': return { kind: 'archive' };
    case 'unknown':
      if ((await stat(path)).size === 0) throw leftOut('library.empty', name, 'The file is empty.');
      throw leftOut('library.kind', name, 'It is neither DICOM nor a slide nor a PNG, JPEG or TIFF picture.');
    case 'dicom': return await isSlidePart(path) ? inspectSlidePart(path, name) : inspectDicom(readDicom(await wholeFile(path, name)), name);
    case 'tiff': case 'png': case 'jpeg': {
      if (kind === 'tiff' && await isSlideFile(path, name)) return { kind: 'image', frames: 1, study: plainStudy(name, sha256, 'slide') };
      await decodePicture(await wholeFile(path, name), name);
      return { kind: 'image', frames: 1, study: plainStudy(name, sha256, 'picture') };
    }
  }
}

async function isSlideFile(path: string, name: string): Promise<boolean> {
  const slide = await openSlideFile(path, name);
  await slide.close();
  return isSlide(slide);
}

const leftOut = (code: string, name: string, why: string): Fault => new Fault({ code, what: `${name} was left out.`, why, mend: 'Export it from where it came, then import it again.' });

export async function wholeFile(path: string, name: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > mostBytes) throw leftOut('library.size', name, `It has ${Math.round(size / 1e6)} MB; files of up to ${mostBytes / 1e6} MB are read whole.`);
  const buffer = await readFile(path);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

export interface OpenSlideFile extends Slide {
  close(): Promise<void>;
}

export async function openSlideFile(path: string, name: string): Promise<OpenSlideFile> {
  const handle = await open(path);
  try {
    return { ...await openSlide(await bytesOf(handle), name), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A TIFF is a slide when it is a pyramid, has channels, knows its scale, or is too large to be looked at whole; otherwise it is a picture. */
export const isSlide = (slide: Slide): boolean => slide.levels.length > 1 || slide.channels.length > 0 || slide.mpp !== null || slide.width * slide.height > 25_000_000;

const plainStudy = (name: string, sha256: string, kind: 'slide' | 'picture'): StudyIdentity => ({
  id: studyId(`${kind}:${sha256}`), kind, patient: '', patientId: '', birthDate: null, sex: null, date: null,
  description: spoken(name), accession: '', modality: kind === 'slide' ? 'SM' : 'IMG',
});

/** `folder/blood-smear.png` as `Blood smear`, and what lies in an archive without its archive. */
function spoken(name: string): string {
  const words = basename(name.split(' › ').at(-1) ?? name).replace(/(?:\.ome)?\.[A-Za-z]{2,5}$/i, '').replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const mediaStorageDirectory = '1.2.840.10008.1.3.10';
const segmentation = '1.2.840.10008.5.1.4.1.1.66.4';
const mostReferences = 200_000;

function inspectDicom(file: DicomFile, name: string): Inspection {
  const { dataSet, meta } = file;
  if ((meta && firstText(meta, 'x00020002') === mediaStorageDirectory) || dataSet.parsed.x00041220) {
    const references = items(dataSet, 'x00041220').slice(0, mostReferences).map((record) => texts(record, 'x00041500')).filter((parts) => parts.length > 0 && parts.every(isPlainName));
    return { kind: 'directory', references: references.map((parts) => parts.join('/')) };
  }
  const sopClass = firstText(dataSet, 'x00080016');
  if (sopClass === segmentation || firstText(dataSet, 'x00080060') === 'SEG') throw leftOut('library.segmentation', name, 'It is a segmentation: it marks regions of other images and has no image of its own.');
  if (!file.image) throw leftOut(file.imageFault?.code ?? 'library.noImage', name, file.imageFault?.why ?? 'It carries no image.');
  if (file.wholeFrames === 0) throw leftOut('library.truncated', name, file.notes[0]?.why ?? 'The pixel data end before the first image does.');
  return { kind: 'image', frames: file.wholeFrames, study: dicomStudy(file, name) };
}

/** A level of a slide may have gigabytes: its header is read, and its frames are counted. Label and glass have no frame to be shown. */
async function inspectSlidePart(path: string, name: string): Promise<Inspection> {
  const part = await openPart(path, name);
  try {
    const { whole } = await part.locations();
    if (whole === 0) throw leftOut('library.truncated', name, 'The pixel data end before the first tile does.');
    return { kind: 'image', frames: isHidden(part) ? 0 : 1, study: dicomStudy(part.file, name) };
  } finally {
    await part.close();
  }
}

/** A file of a medium is named by plain words: nothing that climbs out of its folder. */
const isPlainName = (part: string): boolean => part !== '' && part !== '.' && part !== '..' && !/[/\\:\0]/.test(part);

export function dicomStudy({ dataSet }: DicomFile, name: string): StudyIdentity {
  const word = (tag: `x${string}`): string => firstText(dataSet, tag) ?? '';
  const uid = word('x0020000d');
  const modality = word('x00080060') || 'OT';
  return {
    id: studyId(uid === '' ? `unnamed:${word('x00100020')}:${word('x00080020')}:${word('x00200010')}:${uid === '' && word('x00100020') === '' ? name : ''}` : `dicom:${uid}`),
    kind: modality === 'SM' ? 'slide' : 'radiology', patient: shownName(personName(dataSet, 'x00100010')), patientId: word('x00100020'), birthDate: isoDate(word('x00100030')),
    sex: word('x00100040') || null, date: isoDate(word('x00080020')), description: word('x00081030') || word('x0008103e') || word('x00180015'), accession: word('x00080050'), modality,
  };
}

/** `DOE^JANE^^DR` as `DOE, JANE`: family name first, as worklists do. */
export function shownName(name: string): string {
  const [family = '', given = '', middle = ''] = (name.split('=').find((group) => group !== '') ?? '').split('^').map((part) => part.trim());
  return [family, [given, middle].filter((part) => part !== '').join(' ')].filter((part) => part !== '').join(', ');
}

/** DICOM's `20260930` (or the old `2026.09.30`) as `2026-09-30`; null for what is no date. */
export function isoDate(text: string): string | null {
  const [, year, month, day] = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(text.trim()) ?? [];
  if (year === undefined || month === undefined || day === undefined || Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return null;
  return `${year}-${month}-${day}`;
}
