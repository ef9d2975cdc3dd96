/** What a writer of reports is: from a report and its pictures to files, the same for the same, and back again to see that they hold what was meant. */
import { createHash } from 'node:crypto';
import { reportFormats, type ReportFormatName } from '#electron/contract/report.ts';
import type { FrameGeometry } from '#models/clinical/study.ts';
import type { Release, Report, ReportBox } from '#models/clinical/report.ts';

export type FormatName = ReportFormatName;
export const formatNames: readonly FormatName[] = reportFormats;

export interface Bitmap {
  readonly width: number;
  readonly height: number;
  /** RGBA, 8 bits each, row by row; opaque. */
  readonly data: Uint8Array;
}

/** A key image as pixels. */
export interface KeyPicture {
  /** Of `Report.keyImages`. */
  readonly id: string;
  /** As it was shown, enlarged where it is small, with its boxes, measurements and the research banner: what people see. */
  readonly drawn: Bitmap;
}

/** What a DICOM file's header says; there is one for each frame that the report speaks of. */
export interface SourceImage {
  readonly sha256: string;
  /** From 0. */
  readonly frame: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly modality: string;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly frameOfReferenceUid: string | null;
  readonly geometry: FrameGeometry;
  /**
   * Values of the patient's, the study's, the series' and the equipment's own elements by eight hexadecimal digits (`00100010`), as text decoded to Unicode;
   * several values are joined by a backslash, as in the file. Nothing of a sequence.
   */
  readonly elements: Readonly<Record<string, string>>;
}

/** All that a writer needs beside the report. */
export interface ReportPictures {
  /** One for each of the report's key images, in their order. */
  readonly keyImages: readonly KeyPicture[];
  /** Empty where the study is no DICOM. */
  readonly images: readonly SourceImage[];
}

export interface ReportFile {
  /** Its name without a folder, as in `report-1f3a-v1.pdf`; see `fileName`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ReportFormat {
  readonly name: FormatName;
  readonly extension: string;
  readonly mediaType: string;
  /** Why this report cannot be given in this form, for people; null: it can. */
  unsuitable(report: Report, pictures: ReportPictures): string | null;
  /**
   * The files; the same for the same report: times are the report's own, UIDs follow from it (`uidOf`). Identity is taken from `report.subject` alone: where that
   * is null, nothing of `SourceImage.elements` that names the patient is written.
   */
  write(report: Report, pictures: ReportPictures): Promise<readonly ReportFile[]>;
  /** Reads what was written, from its bytes alone, and compares: what is missing or other than the report says, in sentences. Empty: it is whole. */
  readBack(files: readonly ReportFile[], report: Report, pictures: ReportPictures): Promise<readonly string[]>;
}

type Edition = Pick<Report, 'id' | 'version'> & { readonly release?: Pick<Release, 'mark'> | undefined };

/** `report-1f3a5b7c-v2.pdf`; `part` where there are several. A copy without the subject says so. */
export const fileName = ({ id, version, release }: Edition, extension: string, part = ''): string =>
  `report-${id.replace(/[^\w-]/g, '').slice(0, 8)}-v${version}${release ? '-released' : ''}${part === '' ? '' : `-${part}`}.${extension}`;

/** A UID that follows from the report's version and a purpose (`sr`, `seg series`), so that the files of one report can cite one another and are the same each time: 2.25 and 128 bits (PS3.5 B.2). Those of a copy without the subject are others. */
export function uidOf({ id, version, release }: Edition, purpose: string): string {
  return uidFrom(`${id}\0${version}\0${release ? `${release.mark} ` : ''}${purpose}`);
}

/** What a region is called across formats and versions. */
export const trackingUidOf = ({ id, release }: Omit<Edition, 'version'>, { tracking }: Pick<ReportBox, 'tracking'>): string => uidFrom(`${id}\0tracking\0${release ? `${release.mark} ` : ''}${tracking}`);

function uidFrom(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  // The bits of a UUID of version 8: made by a rule of the program's own (RFC 9562).
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}
