/** What the window knows of the library: studies, their series, and how an import goes. */
import { z } from 'zod';
import { ChosenChannel, FrameGeometry } from '#models/clinical/study.ts';

/** How far a study has come: nobody asked, the model answered, a person judged the answer, a report was signed. */
export const studyStatuses = ['new', 'asked', 'judged', 'reported'] as const;
export const StudyStatus = z.enum(studyStatuses);
export type StudyStatus = z.infer<typeof StudyStatus>;

/** SHA-256 in hexadecimal: the name of a file's content. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A frame of a stored file: its hash, and which frame of it, from 0. */
export const FrameId = z.string().regex(/^[0-9a-f]{64}-\d{1,7}$/);
export const StudyId = z.string().regex(/^[0-9a-f]{24}$/);

/** A row of the library. */
export const StudySummary = z.object({
  id: StudyId,
  kind: z.enum(['radiology', 'slide', 'picture']),
  patient: z.string(),
  patientId: z.string(),
  /** YYYY-MM-DD, or null where the file does not say. */
  birthDate: z.string().nullable(),
  sex: z.string().nullable(),
  date: z.string().nullable(),
  description: z.string(),
  accession: z.string(),
  /** DICOM's codes, `CT`; `SM` for a slide, `IMG` for a picture. */
  modalities: z.array(z.string()),
  series: z.number().int(),
  images: z.number().int(),
  files: z.number().int(),
  bytes: z.number(),
  status: StudyStatus,
  /** Drawn by Loupe, not taken from a person. */
  isSample: z.boolean(),
  /** ISO time at which it came into the library. */
  addedAt: z.string(),
  /** The frame that stands for it. */
  cover: FrameId.nullable(),
  /** A question that suits it. */
  question: z.string().nullable(),
  /** Its files bear the study number of this other study and name another patient. */
  sameNumberAs: StudyId.optional(),
});
export type StudySummary = z.infer<typeof StudySummary>;

export const FrameSummary = z.object({
  id: FrameId,
  /** The file's name as it was imported. */
  name: z.string(),
  rows: z.number().int(),
  columns: z.number().int(),
  instanceNumber: z.number().nullable(),
  /** Along the stack's normal, millimetres; null where unknown. */
  alongMm: z.number().nullable(),
  geometry: FrameGeometry,
});
export type FrameSummary = z.infer<typeof FrameSummary>;

/** A channel of a fluorescence slide with the look that it is first shown by. */
export const SlideChannel = ChosenChannel.omit({ at: true }).extend({ name: z.string(), most: z.number().finite() });
export type SlideChannel = z.infer<typeof SlideChannel>;

/** The levels of a pyramid, the largest first. */
export const SlideSummary = z.object({
  id: Sha256,
  width: z.number().int(),
  height: z.number().int(),
  /** Microns for one pixel of level 0; null where the file does not say. */
  mpp: z.object({ x: z.number(), y: z.number() }).nullable(),
  mppSource: z.string(),
  levels: z.array(z.object({ width: z.number().int(), height: z.number().int(), tileWidth: z.number().int(), tileHeight: z.number().int(), downsample: z.number() })),
  /** Absent: one picture in colour or in grey. */
  channels: z.array(SlideChannel).max(64).optional(),
});
export type SlideSummary = z.infer<typeof SlideSummary>;

export const SeriesSummary = z.object({
  id: z.string(),
  kind: z.enum(['stack', 'slide', 'picture']),
  modality: z.string(),
  description: z.string(),
  /** Frames with the same one can be related in space; null where the files do not say. */
  frameOfReference: z.string().nullable(),
  sliceSpacingMm: z.number().nullable(),
  /** What is odd about it: gaps, copies, mixed sizes. */
  statements: z.array(z.string()),
  frames: z.array(FrameSummary),
  slide: SlideSummary.nullable(),
});
export type SeriesSummary = z.infer<typeof SeriesSummary>;

/** A file of a study: what it was called and which bytes it is. */
export const StudyFile = z.object({ name: z.string(), sha256: Sha256, bytes: z.number() });
export type StudyFile = z.infer<typeof StudyFile>;

export const StudyDetail = z.object({ study: StudySummary, series: z.array(SeriesSummary), files: z.array(StudyFile), statements: z.array(z.string()) });
export type StudyDetail = z.infer<typeof StudyDetail>;

/** How an import goes; the last one of an import has `isDone`. */
export const ImportProgress = z.object({
  importId: z.string(),
  source: z.string(),
  /** Files found so far and files dealt with; found grows while archives are unpacked. */
  found: z.number().int(),
  done: z.number().int(),
  bytes: z.number(),
  added: z.number().int(),
  /** Files whose content was already there. */
  known: z.number().int(),
  skippedCount: z.number().int(),
  /** The first of them, each with its reason and that reason's stable code. */
  skipped: z.array(z.object({ name: z.string(), why: z.string(), code: z.string() })),
  current: z.string(),
  studies: z.array(StudyId),
  /** It waits for the password of this archive: `library.unlock` goes on. `isWrong`: the last one opened none of what is left. */
  locked: z.object({ name: z.string(), files: z.number().int(), isWrong: z.boolean() }).nullable(),
  isDone: z.boolean(),
  isCancelled: z.boolean(),
  /** Why it ended before its end, as for a full disk. */
  fault: z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() }).nullable(),
});
export type ImportProgress = z.infer<typeof ImportProgress>;
