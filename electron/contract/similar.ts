/** What the window knows of likeness: similar cases, classes told apart by words, and the odd one of three images. */
import { z } from 'zod';
import { PromptEnsemble } from '#models/clinical/promptEnsemble.ts';
import { Sha256, StudyId } from './library.ts';
import { AskedView } from './review.ts';

const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);
/** A picture of the library: a frame's id, or a slide's hash. */
export const PictureKey = z.string().regex(/^[0-9a-f]{64}(-\d{1,7})?$/);

const Why = z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() });

/** How far the library has been seen. */
export const SimilarState = z.object({
  /** Null where there is no encoder; then `refusal` says why. */
  encoder: z.object({ name: z.string(), sha256: Sha256 }).nullable(),
  refusal: Why.nullable(),
  studies: z.object({ seen: count, total: count }),
  pictures: count,
  isIndexing: z.boolean(),
  /** Pictures that cannot be compared, the first of them. */
  left: z.array(z.object({ studyId: StudyId, key: z.string(), why: z.string() })),
  leftCount: count,
});
export type SimilarState = z.infer<typeof SimilarState>;

export const SimilarHit = z.object({
  studyId: StudyId, seriesId: z.string(), key: PictureKey,
  /** Cosine of the two vectors. */
  likeness: z.number(),
  /** What the library shows of it beside the patient: never more. */
  description: z.string(), modalities: z.array(z.string()), date: z.string().nullable(), isSample: z.boolean(),
});
export type SimilarHit = z.infer<typeof SimilarHit>;

export const Sought = z.union([
  z.object({ by: z.literal('sentence'), text: z.string().trim().min(1).max(400) }),
  z.object({ by: z.literal('view'), view: AskedView, studyId: StudyId }),
  z.object({ by: z.literal('picture'), key: PictureKey, studyId: StudyId }),
]);
export type Sought = z.infer<typeof Sought>;

export const NearDuplicate = z.object({
  first: z.object({ studyId: StudyId, key: PictureKey }), second: z.object({ studyId: StudyId, key: PictureKey }),
  /** Bits of 256 that differ, in the way of turning in which the fewest do. */
  distance: count,
});
export type NearDuplicate = z.infer<typeof NearDuplicate>;

/** Three images; whether one puts an earlier question again is not told. */
export const OddQuestion = z.object({ questionId: z.string().min(1).max(64), images: z.array(PictureKey).length(3) });
export type OddQuestion = z.infer<typeof OddQuestion>;

export const OddReport = z.object({
  answers: count, undecided: count, repeats: count,
  /** Share of repeats answered as the first time; null before there was one. */
  consistency: share.nullable(),
  /** Whether the own answers are used, and how many repeats are missing before that can be said. */
  isUsed: z.boolean(), repeatsMissing: count,
  medianSeconds: z.number().nonnegative().nullable(),
  raters: count,
  triples: z.object({ answered: count, used: count, contradicted: count, disagreed: count, undecided: count, ofUnusedRaters: count }),
  judgements: count,
  contradictions: z.array(z.object({ images: z.array(PictureKey), odd: z.array(PictureKey), kind: z.enum(['repeat', 'readers']) })),
  circles: count,
});
export type OddReport = z.infer<typeof OddReport>;

/** Classes of images by words; `curated` cases have a label, so that right and wrong can be counted. */
export const Telling = z.object({
  pictures: z.array(z.object({ id: z.string(), studyId: StudyId.nullable(), key: PictureKey.nullable(), name: z.string().nullable(), probabilities: z.array(z.number()), label: z.string().nullable(), why: z.string().nullable() })),
  classes: z.array(z.string()),
  /** Rows: what it is; columns: what was told; over the labelled pictures. Null where none has a label among the classes. */
  confusion: z.array(z.array(count)).nullable(),
  accuracy: z.object({ right: count, of: count, ci: z.tuple([share, share]) }).nullable(),
});
export type Telling = z.infer<typeof Telling>;

/** The methods, for the one table. */
export const similarMethods = {
  'similar.state': { argument: z.null(), result: SimilarState },
  /** Sees what of the library was not seen yet; answers when it ended, meanwhile `similar.progress` tells how it goes. */
  'similar.index': { argument: z.null(), result: SimilarState },
  'similar.stop': { argument: z.null(), result: z.null() },
  /** Of each study its nearest picture, best first. */
  'similar.search': { argument: z.object({ sought: Sought, most: z.number().int().min(1).max(200).default(24) }), result: z.array(SimilarHit) },
  /** Pictures of different studies that are nearly the same. */
  'similar.duplicates': { argument: z.null(), result: z.array(NearDuplicate) },
  'similar.tell': { argument: z.object({ ensemble: PromptEnsemble, over: z.enum(['library', 'curated']) }), result: Telling },
  'similar.ask': { argument: z.null(), result: OddQuestion },
  'similar.answer': { argument: z.object({ questionId: z.string().min(1).max(64), odd: z.number().int().min(0).max(2).nullable(), seconds: z.number().nonnegative().max(86_400), screenScale: z.number().positive().max(16) }), result: OddReport },
  /** Takes the last answer back. */
  'similar.withdraw': { argument: z.null(), result: OddReport },
  'similar.report': { argument: z.null(), result: OddReport },
  /** Writes what may be learnt from into this person's folder, with a recipe that learns from it. */
  'similar.export': { argument: z.null(), result: z.object({ folder: z.string(), judgements: count, images: count }) },
} as const;

export const similarEvents = { 'similar.progress': SimilarState } as const;
