/** What the window knows of reports: drafts that are composed and edited, signatures, what was written of them. */
import { z } from 'zod';
import { identifyingKinds } from '#models/clinical/identifying.ts';
import { KeyImage, Report, ReportCode, ReportStatus, ReportSubject, ReportVerdict, SignatureMeaning } from '#models/clinical/report.ts';
import { Box } from '#models/clinical/finding.ts';
import { StepKind } from '#models/clinical/trace.ts';
import { Sha256, StudyId } from './library.ts';

export const ReportId = z.string().regex(/^[\w-]{1,64}$/);
const itemId = z.string().min(1).max(120);
const prose = z.string().max(20_000);

/** What a report can be written as; `document` is the PDF within DICOM. Each has its writer in `electron/report/formats.ts`. */
export const reportFormats = ['pdf', 'html', 'sr', 'seg', 'sc', 'document', 'fhir', 'capsule'] as const;
export const ReportFormatName = z.enum(reportFormats);
export type ReportFormatName = z.infer<typeof ReportFormatName>;

/** A row of the list; the latest version of each report. */
export const ReportSummary = z.object({
  id: ReportId,
  version: z.number().int(),
  revision: z.number().int(),
  status: ReportStatus,
  studyId: z.string(),
  title: z.string(),
  questions: z.number().int(),
  /** Steps and answers that nobody has decided: it cannot be signed while there are any. */
  undecided: z.number().int(),
  updatedAt: z.string(),
  signed: z.object({ name: z.string(), at: z.string(), meaning: SignatureMeaning }).nullable(),
  /** All versions that were signed, the oldest first. */
  signedVersions: z.array(z.number().int()),
});
export type ReportSummary = z.infer<typeof ReportSummary>;

/** One change of a draft. What a model wrote is never lost: where a text changes, the original stays beside it. */
export const ReportChange = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('title'), text: z.string().trim().min(1).max(400) }),
  z.object({ kind: z.literal('impression'), text: prose }),
  z.object({ kind: z.literal('limitations'), texts: z.array(prose).max(50) }),
  z.object({ kind: z.literal('subject'), subject: ReportSubject }),
  /** A step's verdict; `text` is the person's own where it is `edited`. */
  z.object({ kind: z.literal('step'), stepId: itemId, verdict: ReportVerdict, text: prose.nullable(), reason: z.string().max(2000) }),
  z.object({ kind: z.literal('answer'), questionId: itemId, verdict: ReportVerdict, text: prose.nullable(), reason: z.string().max(2000) }),
  z.object({ kind: z.literal('addStep'), questionId: itemId, stepKind: StepKind, text: prose.min(1), boxes: z.array(itemId).max(1000) }),
  /** Only one that a person added; a model's is rejected instead. */
  z.object({ kind: z.literal('removeStep'), stepId: itemId }),
  /** Moves a box; null takes it out. */
  z.object({ kind: z.literal('box'), boxId: itemId, box: Box.nullable() }),
  z.object({
    kind: z.literal('finding'), findingId: itemId, label: z.string().trim().min(1).max(400), text: prose, code: ReportCode.nullable(), site: ReportCode.nullable(), laterality: ReportCode.nullable(),
    boxes: z.array(itemId).max(1000),
  }),
  z.object({ kind: z.literal('addFinding'), label: z.string().trim().min(1).max(400), text: prose, boxes: z.array(itemId).max(1000) }),
  z.object({ kind: z.literal('removeFinding'), findingId: itemId }),
  /** Puts one in, or another in its place. */
  z.object({ kind: z.literal('keyImage'), keyImage: KeyImage }),
  z.object({ kind: z.literal('removeKeyImage'), keyImageId: itemId }),
  z.object({ kind: z.literal('removeMeasurement'), measurementId: itemId }),
  z.object({ kind: z.literal('comparison'), text: prose }),
  z.object({ kind: z.literal('removeQuestion'), questionId: itemId }),
  /** Puts a key image at another place among them, from 0. */
  z.object({ kind: z.literal('moveKeyImage'), keyImageId: itemId, to: z.number().int().nonnegative() }),
  /** What an earlier or later revision of this draft said, as a revision of its own: how the page undoes and redoes. */
  z.object({ kind: z.literal('restore'), revision: z.number().int().nonnegative() }),
]);
export type ReportChange = z.infer<typeof ReportChange>;

/** What was done to a report, when and by whom. */
export const ReportEvent = z.object({ at: z.string(), by: z.string(), what: z.string(), version: z.number().int(), revision: z.number().int(), status: ReportStatus });
export type ReportEvent = z.infer<typeof ReportEvent>;

export const ExportedFile = z.object({ format: ReportFormatName, name: z.string(), bytes: z.number(), sha256: Sha256 });
export const ReportExport = z.object({ folder: z.string(), files: z.array(ExportedFile), at: z.string(), /** Of the `export` entry. */ seq: z.number().int() });
export type ReportExport = z.infer<typeof ReportExport>;

/** Whether each format can be written of a report; null: it can, else why not. */
export const FormatChoice = z.object({ format: ReportFormatName, why: z.string().nullable() });

/** What a person made of a text that may name somebody: the same again where it names nobody. `was` is the text as it was shown. */
export const DecidedText = z.object({ path: z.string().max(200), was: prose, text: prose });
export type DecidedText = z.infer<typeof DecidedText>;

/** A text that has to be looked at before the report leaves without the subject: what in it may name somebody, and the text with something else in its place. */
export const SuspectText = z.object({
  path: z.string(), where: z.string(), text: z.string(), proposed: z.string(),
  hits: z.array(z.object({ start: z.number().int(), end: z.number().int(), kind: z.enum(identifyingKinds), found: z.string(), replacement: z.string() })),
});
export type SuspectText = z.infer<typeof SuspectText>;

/** The file in which the terminal asks for decisions. */
export const TextDecisions = z.object({ texts: z.array(z.object({ path: z.string().max(200), decision: z.enum(['replace', 'keep']).nullable(), was: prose, proposed: prose })).max(5000) });

/** Without the subject nothing leaves before a person has looked for names in the pixels of the key images, and at each text that may hold some. */
const anonymity = { withoutSubject: z.boolean().default(false), pixelsSeen: z.boolean().default(false), texts: z.array(DecidedText).max(5000).default([]) };

const which = { reportId: ReportId, version: z.number().int().positive().nullable().default(null) };

export const reportMethods = {
  'report.list': { argument: z.object({ studyId: StudyId.nullable() }), result: z.array(ReportSummary) },
  /** A draft of all that was asked and judged; `reportId` brings an open draft up to date instead, and keeps what was written into it. */
  'report.compose': {
    argument: z.object({
      studyId: StudyId, traceIds: z.array(z.string().min(1).max(64)).min(1).max(50).nullable().default(null), priorStudyId: StudyId.nullable().default(null), reportId: ReportId.nullable().default(null),
      /** The model's marks are hidden on the page: a new draft draws none of them on its key images. */
      areMarksHidden: z.boolean().default(false),
    }),
    result: Report,
  },
  /** Null: the latest version. */
  'report.get': { argument: z.object(which), result: Report },
  'report.history': { argument: z.object({ reportId: ReportId }), result: z.array(ReportEvent) },
  /** On the disk when it answers. `revision` is the one that the page saw: where there is a later one, it is refused. */
  'report.change': { argument: z.object({ reportId: ReportId, revision: z.number().int(), changes: z.array(ReportChange).min(1).max(1000) }), result: Report },
  /** How the person proves to be who they say: by a passphrase; `none`: by one that is set with the first signature. */
  'report.signing': { argument: z.null(), result: z.object({ protection: z.enum(['passphrase', 'none']), fingerprint: z.string().nullable(), account: z.string() }) },
  /** Refused while a step or an answer is undecided. */
  'report.sign': {
    argument: z.object({
      reportId: ReportId, revision: z.number().int(), name: z.string().trim().min(1).max(200), role: z.string().trim().max(200), meaning: SignatureMeaning,
      /** Where the key is sealed by one; where there is no key yet, it is made with it. */
      passphrase: z.string().max(1000).nullable(),
    }),
    result: Report,
  },
  /** The next version, a draft that says what the signed one says. */
  'report.supersede': { argument: z.object({ reportId: ReportId }), result: Report },
  /** Drops a draft; what was signed stays. */
  'report.discard': { argument: z.object({ reportId: ReportId }), result: z.null() },
  'report.formats': { argument: z.object(which), result: z.array(FormatChoice) },
  /** All of them or none. Asks for a folder where the shell has a dialog, else writes below the data folder; null: none was chosen. */
  'report.export': { argument: z.object({ ...which, formats: z.array(ReportFormatName).min(1).max(reportFormats.length), ...anonymity }), result: ReportExport.nullable() },
  /** Texts that have to be looked at before it leaves without the subject. */
  'report.suspects': { argument: z.object(which), result: z.array(SuspectText) },
  'report.exports': { argument: z.object({ reportId: ReportId }), result: z.array(ReportExport) },
  /** The report as one page of HTML that needs nothing else. */
  'report.preview': { argument: z.object(which), result: z.object({ html: z.string() }) },
  /** Whether the signature of a version holds. */
  'report.check': { argument: z.object(which), result: z.object({ holds: z.boolean(), why: z.string() }) },
} as const;

/** A report is new or changed. */
export const ReportChanged = z.object({ reports: z.array(ReportSummary), removed: z.array(ReportId) });

