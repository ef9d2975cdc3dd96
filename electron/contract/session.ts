/** Where a person was: the screen, the filter of the library, and of each study how it hung and what was about to be asked. */
import { z } from 'zod';
import { ChosenChannel } from '#models/clinical/study.ts';
import { StudyId, StudyStatus } from './library.ts';
import { Region } from './review.ts';

const At = z.number().int().min(0).max(1_000_000);
const Name = z.string().max(300);
const Finite = z.number().finite();

/** How grey values are shown by hand. */
const Look = z.object({ center: Finite, width: Finite, shape: z.enum(['LINEAR', 'LINEAR_EXACT', 'SIGMOID', 'RANGE']), isInverted: z.boolean(), name: Name.nullable() });

const Cell = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('stack'), seriesId: Name, frameAt: At }),
  z.object({ kind: z.literal('plane'), seriesId: Name, plane: z.enum(['axial', 'sagittal', 'coronal']) }),
]);

/** Where an image lay in its cell: how large, what of it in the middle (shares of its size), turned and mirrored how. */
const View = z.object({
  zoom: z.number().positive().finite().nullable(), middle: z.object({ x: z.number().min(0).max(1), y: z.number().min(0).max(1) }), quarters: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]), isFlippedHorizontally: z.boolean(), isFlippedVertically: z.boolean(),
});

/** A study as it was left. */
export const ReviewDraft = z.object({
  seriesId: Name,
  frameAt: At,
  hanging: z.object({
    layout: z.enum(['1x1', '1x2', '2x2', 'mpr']), cells: z.array(Cell.nullable()).min(1).max(16), activeAt: At, isMaximised: z.boolean(), isLinked: z.boolean(),
    hand: z.record(Name, Finite), crosshair: z.tuple([Finite, Finite, Finite]).nullable(),
  }),
  looks: z.record(Name, Look),
  /** Earlier studies that hung beside it. */
  priors: z.array(StudyId).max(8),
  /** Written and not sent. */
  question: z.string().max(4000),
  asked: z.object({
    scope: z.enum(['view', 'region', 'slices', 'cells']), region: z.object({ frameId: Name, box: z.object({ x1: Finite, y1: Finite, x2: Finite, y2: Finite }) }).nullable(), slices: z.string().max(1000).nullable(), areFactsSent: z.boolean(),
  }),
  /** The answer that was shown. */
  traceId: z.string().max(64).nullable(),
  /** By series: the channels of its slide as a person left them. */
  channels: z.record(Name, z.array(ChosenChannel.extend({ isShown: z.boolean() })).max(64)).default({}),
  /** By cell; null where nothing was moved. */
  views: z.array(View.nullable()).max(16).default([]),
  /** The part of a slide that was on the screen. */
  slideRegion: Region.nullable(),
});
export type ReviewDraft = z.infer<typeof ReviewDraft>;

/** What is the same whatever study is open. */
export const Place = z.object({
  /** As the page calls its screens; one that it does not know any more is the library. */
  screen: z.string().regex(/^[a-z]{1,20}$/),
  studyId: StudyId.nullable(),
  library: z.object({
    query: z.string().max(400), modality: z.string().max(40).nullable(), status: StudyStatus.nullable(), selectedId: StudyId.nullable(),
    sort: z.object({ key: z.enum(['study', 'modality', 'date', 'images', 'status', 'added']), isDescending: z.boolean() }),
  }),
});
export type Place = z.infer<typeof Place>;

export const Session = z.object({
  /** Null: nobody was here before. */
  place: Place.nullable().default(null),
  /** The studies that were open last, the latest first. */
  drafts: z.array(z.object({ studyId: StudyId, draft: ReviewDraft })).max(100).default([]),
});
export type Session = z.infer<typeof Session>;

/** The place now, and the study that is open in it as it hangs now. */
export const SessionChange = z.object({ place: Place, draft: ReviewDraft.nullable() });
export type SessionChange = z.infer<typeof SessionChange>;

const keptDrafts = 50;

export function withChange({ drafts }: Session, { place, draft }: SessionChange): Session {
  const { studyId } = place;
  if (studyId === null || draft === null) return { place, drafts };
  return { place, drafts: [{ studyId, draft }, ...drafts.filter((one) => one.studyId !== studyId)].slice(0, keptDrafts) };
}

export const sessionMethods = {
  'app.session': { argument: z.null(), result: Session },
  /** On the disk when it answers. */
  'app.keepSession': { argument: SessionChange, result: z.null() },
} as const;
