/** All that the window may ask: one row for each method, which gives the type and the check on both sides. */
import { z } from 'zod';
import type { FaultFields } from '#models/base/fault.ts';
import { actMethods } from './act.ts';
import { auditMethods } from './audit.ts';
import { curateMethods } from './curate.ts';
import { Annotation } from '#models/clinical/annotation.ts';
import { AnnotationChange } from './annotations.ts';
import { finetuneMethods } from './finetune.ts';
import { locatingMethods } from './locating.ts';
import { integrityMethods } from './integrity.ts';
import { modelMethods } from './models.ts';
import { sessionMethods } from './session.ts';
import { settingsMethods } from './settings.ts';
import { similarMethods } from './similar.ts';
import { ImportProgress, StudyDetail, StudyId, StudyStatus, StudySummary } from './library.ts';
import { reportMethods } from './report.ts';
import { Engine, EvidenceCheck, Question, Trace } from './review.ts';

const Nothing = z.null();

export const contract = {
  /** What this is, where it runs, and what it was refused: for the status line. */
  'app.about': {
    argument: Nothing,
    result: z.object({
      version: z.string(),
      surface: z.enum(['electron', 'browser']),
      runtime: z.string(),
      dataFolder: z.string(),
      /** Requests to the network that were cancelled since the start. */
      cancelledRequests: z.number().int(),
    }),
  },
  ...settingsMethods,
  ...sessionMethods,
  'library.list': { argument: Nothing, result: z.array(StudySummary) },
  'library.study': { argument: z.object({ studyId: StudyId }), result: StudyDetail },
  /** Asks the person for files or a folder: the page never names a path. Null where nothing was chosen, or where the shell has no dialog. */
  'library.choose': { argument: z.object({ what: z.enum(['files', 'folder']) }), result: z.object({ importId: z.string() }).nullable() },
  /** Imports that run now: a page that is opened meanwhile has heard nothing of them. */
  'library.imports': { argument: Nothing, result: z.array(ImportProgress) },
  'library.cancelImport': { argument: z.object({ importId: z.string() }), result: Nothing },
  /** The password of the archive that an import waits for; null: its locked files are left out. It is kept nowhere. */
  'library.unlock': { argument: z.object({ importId: z.string(), password: z.string().min(1).max(1024).nullable() }), result: Nothing },
  'library.remove': { argument: z.object({ studyIds: z.array(StudyId).min(1).max(10_000) }), result: z.object({ undoId: z.string() }) },
  'library.restore': { argument: z.object({ undoId: z.string() }), result: Nothing },
  /** How far a study has come, as a person says; that a report was signed is not for them to say. */
  'library.status': { argument: z.object({ studyId: StudyId, status: StudyStatus.exclude(['reported']) }), result: Nothing },
  'annotations.list': { argument: z.object({ studyId: StudyId }), result: z.array(Annotation) },
  /** On the disk when it answers. */
  'annotations.change': { argument: z.object({ studyId: StudyId, changes: z.array(AnnotationChange).min(1).max(1000) }), result: Nothing },
  /** Answers when the model has ended; meanwhile `review.part` tells how it goes. */
  ...integrityMethods,
  'review.ask': { argument: Question.extend({ askId: z.string().regex(/^[\w-]{1,64}$/) }), result: Trace },
  /** Asks where it is that a step of an answer speaks of, and ties what comes to that step: a second question, once for each of its pictures. */
  'review.locate': { argument: z.object({ askId: z.string().regex(/^[\w-]{1,64}$/), traceId: z.string().min(1).max(64), step: z.number().int().nonnegative() }), result: z.array(Trace) },
  /** The model that answers and what its process takes: for a quiet corner. Opens nothing. */
  'review.engine': { argument: Nothing, result: Engine },
  'review.stop': { argument: z.object({ askId: z.string() }), result: Nothing },
  'review.traces': { argument: z.object({ studyId: StudyId }), result: z.array(Trace) },
  /** Hides what an answer cites, and as much elsewhere, and tells how far it moves; meanwhile `review.checking` tells how it goes. */
  'review.check': { argument: z.object({ traceId: z.string().min(1).max(64) }), result: EvidenceCheck },
  'review.cancelCheck': { argument: z.object({ traceId: z.string().min(1).max(64) }), result: Nothing },
  'review.checks': { argument: z.object({ studyId: StudyId }), result: z.array(EvidenceCheck) },
  ...finetuneMethods,
  ...modelMethods,
  ...similarMethods,
  ...locatingMethods,
  ...actMethods,
  ...curateMethods,
  ...reportMethods,
  ...auditMethods,
} as const satisfies Readonly<Record<string, { readonly argument: z.ZodType; readonly result: z.ZodType }>>;

export type Method = keyof typeof contract;
/** What a handler receives, after the check. */
export type Argument<M extends Method> = z.output<(typeof contract)[M]['argument']>;
/** What a caller may give: defaults may be left out. */
export type GivenArgument<M extends Method> = z.input<(typeof contract)[M]['argument']>;
export type Result<M extends Method> = z.output<(typeof contract)[M]['result']>;

/** One handler for each method: a method without one does not compile. */
export type Handlers = { readonly [M in Method]: (argument: Argument<M>) => Promise<Result<M>> };

/** What comes back: a value, or an expected failure as data. */
export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: FaultFields };

export const methods = Object.keys(contract) as Method[];
export const isMethod = (name: unknown): name is Method => typeof name === 'string' && Object.hasOwn(contract, name);
