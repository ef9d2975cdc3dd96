/** Steps in the viewer that somebody else than the reader takes: what the window may ask of them. */
import { z } from 'zod';
import { ActDriver, ActLog, ActStep, ActionCallSchema, ViewerStateSchema, ViewerStudySchema } from '#models/viewer/log.ts';
import { StudyId } from './library.ts';
import { AskedView } from './review.ts';

const ActId = z.string().regex(/^[\w-]{8,64}$/);
const Instruction = z.string().trim().min(1).max(2000);

/** What is known of a log when it begins. */
export const ActHeader = z.object({ id: ActId, studyId: StudyId, instruction: Instruction, driver: ActDriver, study: ViewerStudySchema, start: ViewerStateSchema });
export type ActHeader = z.infer<typeof ActHeader>;

/** A step that a model wants to take; nothing was done yet. */
export const NextStep = z.object({
  written: z.string(),
  /** Its own sentence; empty where it wrote none. */
  sentence: z.string(),
  /** Null where what it wrote is no action of the viewer: `fault` says why. */
  call: ActionCallSchema.nullable(),
  fault: z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() }).nullable(),
  /** Points of the call are pixels of this picture. */
  view: ActStep.shape.view,
  model: z.string(),
});
export type NextStep = z.infer<typeof NextStep>;

export const actMethods = {
  /** A log is begun, grows by one step at a time, and ends; each of these is on the disk when it answers. */
  'act.begin': { argument: ActHeader, result: z.null() },
  'act.step': { argument: z.object({ studyId: StudyId, id: ActId, step: ActStep }), result: z.null() },
  'act.end': { argument: z.object({ studyId: StudyId, id: ActId, end: ActLog.shape.end }), result: z.null() },
  'act.logs': { argument: z.object({ studyId: StudyId }), result: z.array(ActLog) },
  /** The next step of the model in use, looking at this view. */
  'act.next': {
    argument: z.object({ studyId: StudyId, id: ActId, instruction: Instruction, view: AskedView, study: ViewerStudySchema, state: ViewerStateSchema, done: z.array(z.string().max(200)).max(500) }),
    result: NextStep,
  },
  'act.stop': { argument: z.object({ id: ActId }), result: z.null() },
} as const;
