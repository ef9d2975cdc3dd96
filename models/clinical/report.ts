/** What leaves the workstation: what was asked, seen, measured, decided and concluded, with all that a stranger needs to check it. One value for page, service and writers. */
import { z } from 'zod';
import { AnnotationKind } from './annotation.ts';
import { Box } from './finding.ts';
import { ChosenChannel, SpacingSource } from './study.ts';
import { StepKind } from './trace.ts';

/** Stands on every page and every picture. */
export const researchBanner = 'Research use only — not a medical device';
/** Stands beside everything that a model wrote and nobody changed. */
export const modelMark = 'AI-generated';

const id = z.string().regex(/^[\w.:-]{1,120}$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const line = z.string().max(400);
const prose = z.string().max(20_000);
/** ISO time in UTC. */
const instant = z.string().max(40);
const size = z.object({ width: z.number(), height: z.number() });

/** A place on an image: the file's bytes by their hash, and which frame of it, from 0; a slide's only one is 0. */
export const ImagePlace = z.object({ source: hash, frame: z.number().int().nonnegative() });
export type ImagePlace = z.infer<typeof ImagePlace>;

/** A file of the study that the report speaks of. UIDs are null where the file is no DICOM. */
export const ReportSource = z.object({
  sha256: hash,
  name: line,
  bytes: z.number().int().nonnegative(),
  /** What it is called to people: `slice 12 of 38`. */
  label: line,
  kind: z.enum(['frame', 'slide', 'picture']),
  sopClassUid: z.string().max(64).nullable(),
  sopInstanceUid: z.string().max(64).nullable(),
  seriesInstanceUid: z.string().max(64).nullable(),
  columns: z.number().int().positive(),
  rows: z.number().int().positive(),
  frames: z.number().int().positive(),
});
export type ReportSource = z.infer<typeof ReportSource>;

/** Who said it: a model by its name, or a person. */
export const Author = z.object({ kind: z.enum(['model', 'person']), name: line });
export type Author = z.infer<typeof Author>;

/** A rectangle in the source's pixels, as it stands in the report; `original` is the model's own where a person moved or removed it. */
export const ReportBox = z.object({
  id,
  place: ImagePlace,
  label: line,
  box: Box,
  original: Box.nullable(),
  /** A person took it out: it is kept, and neither drawn nor counted. */
  isRemoved: z.boolean(),
  author: Author,
  /** Stable across the formats and versions of this report: DICOM's tracking identifier. */
  tracking: line,
});
export type ReportBox = z.infer<typeof ReportBox>;

export const reportVerdicts = ['accepted', 'edited', 'rejected', 'undecided'] as const;
export const ReportVerdict = z.enum(reportVerdicts);
export type ReportVerdict = z.infer<typeof ReportVerdict>;

/** What was decided about something that a model wrote. */
const decision = {
  verdict: ReportVerdict,
  /** Why, in the person's words; may be empty. */
  reason: z.string().max(2000),
  decidedBy: line.nullable(),
  decidedAt: instant.nullable(),
};

/** One sentence of the reasoning. `text` is what the report says; `original` is what the model wrote, kept whatever was made of it; null where a person added the step. */
export const ReportStep = z.object({
  id,
  kind: StepKind,
  text: prose,
  original: prose.nullable(),
  /** Ids of `boxes`. */
  boxes: z.array(id).max(1000),
  ...decision,
});
export type ReportStep = z.infer<typeof ReportStep>;

export const HashedFile = z.object({ name: line, bytes: z.number().nonnegative(), sha256: hash });

/** Which bytes, which weights, which prompt, which seed: what `loupe replay` needs, by hash. Null is what is not known. */
export const AnswerProvenance = z.object({
  model: z.object({ name: line, family: line, boxes: line, files: z.array(HashedFile).max(1000), root: hash.nullable() }),
  device: line,
  runtime: line,
  platform: line,
  software: z.object({ version: line, build: line }),
  /** SHA-256 of the token ids that were put to the model. */
  promptSha256: hash.nullable(),
  sampling: z.object({ temperature: z.number(), topP: z.number(), topK: z.number(), seed: z.number(), maxNewTokens: z.number() }).nullable(),
  tokens: z.number().int().nonnegative(),
  /** How it ended: `stop`, `length`, `stopped`. */
  end: line,
  parsed: z.boolean(),
  seconds: z.number().nullable(),
  /** Each picture as the network received it. */
  inputs: z.array(z.object({ place: ImagePlace, window: line.nullable(), source: size, shown: size, resized: size, tensorSha256: hash })).max(64),
  /** Where the answer stands in the audit journal. */
  journal: z.object({ log: line, ask: z.number().int().nullable(), answer: z.number().int(), record: hash }).nullable(),
});
export type AnswerProvenance = z.infer<typeof AnswerProvenance>;

/** A question with its answer, the reasoning and what was decided about each part of it. */
export const ReportQuestion = z.object({
  /** The trace's. */
  id,
  text: prose,
  askedAt: instant,
  /** What was looked at: `slice 12 of 38`, with its window. */
  scope: z.array(z.object({ place: ImagePlace, name: line, window: line.nullable() })).max(64),
  /** By which rule they were chosen, and of how many; absent where nothing was chosen. */
  selection: z.object({ rule: z.enum(['view', 'region', 'slices', 'spread', 'cells']), of: z.number().int().positive() }).optional(),
  answer: z.object({ text: prose, original: prose.nullable(), ...decision }),
  /** 0 … 1 and how it was found; not calibrated unless the method says so. */
  confidence: z.object({ value: z.number(), method: line }).nullable(),
  /** What was odd about the answer. */
  flags: z.array(z.object({ code: line, detail: prose })).max(100),
  /** What hiding the cited regions did: how much the answer relies on the image, 0 … 1. */
  evidence: z.object({ reliance: z.number(), usedImage: z.boolean(), regions: z.array(z.object({ box: id, hidden: z.number(), control: z.number() })).max(1000) }).nullable(),
  steps: z.array(ReportStep).max(200),
  provenance: AnswerProvenance,
});
export type ReportQuestion = z.infer<typeof ReportQuestion>;

/** From the table of `codes.ts` only. */
export const ReportCode = z.object({ scheme: z.literal('SCT'), value: z.string().max(64), meaning: z.string().max(200) });

/** One thing that the report says is there. */
export const ReportFinding = z.object({
  id,
  label: line,
  text: prose,
  code: ReportCode.nullable(),
  /** Where in the body. */
  site: ReportCode.nullable(),
  laterality: ReportCode.nullable(),
  boxes: z.array(id).max(1000),
  author: Author,
});
export type ReportFinding = z.infer<typeof ReportFinding>;

/** How grey values became brightness; null: as the file says. In modality values, as Hounsfield units. */
export const ReportWindow = z.object({ center: z.number(), width: z.number().positive(), shape: z.enum(['LINEAR', 'LINEAR_EXACT', 'SIGMOID', 'RANGE']), isInverted: z.boolean(), name: z.string().max(80).nullable() });
export type ReportWindow = z.infer<typeof ReportWindow>;

/** A picture of the report, by reference; its pixels are handed to the writers apart. */
export const KeyImage = z.object({
  id,
  place: ImagePlace,
  /** Of a slide: the rectangle in level-0 pixels that is shown; null: all of it. */
  region: z.object({ x: z.number(), y: z.number(), width: z.number().positive(), height: z.number().positive() }).nullable(),
  window: ReportWindow.nullable(),
  /** Of a fluorescence slide: those that are seen; absent: all, as they are first shown. */
  channels: z.array(ChosenChannel).max(64).optional(),
  caption: line,
  /** What is drawn on it: ids of `boxes` and of `measurements`. */
  overlays: z.array(id).max(1000),
});
export type KeyImage = z.infer<typeof KeyImage>;

/** Which number it is, in the words that the writers have codes for. */
export const quantities = ['length', 'longAxis', 'shortAxis', 'angle', 'cobbAngle', 'area', 'mean', 'deviation', 'least', 'greatest', 'value', 'count'] as const;
export const Quantity = z.enum(quantities);
export type Quantity = z.infer<typeof Quantity>;

export const Measurement = z.object({
  id,
  /** What was measured, as a person called it; may be empty. */
  label: line,
  kind: AnnotationKind,
  place: ImagePlace,
  /** As in `Annotation`. */
  points: z.array(z.object({ x: z.number(), y: z.number() })).max(20_000),
  /** `unit` in UCUM: mm, um, mm2, um2, deg, [hnsf'U], {pixels}, 1. */
  values: z.array(z.object({ quantity: Quantity, value: z.number(), unit: z.string().max(20) })).max(12),
  /** Where a length comes from, and what must stand beside it. */
  spacing: z.object({ source: z.union([SpacingSource, z.literal('calibration')]), text: line, caution: line }),
  author: Author,
  at: instant,
  tracking: line,
});
export type Measurement = z.infer<typeof Measurement>;

/** An earlier study of the same person, and what became of what was measured then. */
export const Comparison = z.object({
  studyId: z.string().max(64),
  studyUid: z.string().max(64).nullable(),
  date: z.string().max(40).nullable(),
  description: line,
  text: prose,
  changes: z.array(z.object({ label: line, quantity: Quantity, before: z.number(), now: z.number(), unit: z.string().max(20) })).max(200),
});
export type Comparison = z.infer<typeof Comparison>;

/** What something beside the reasoning found or did: a check of the images' integrity, what was done in the viewer. Each is a section of its own, after the comparison; writers know no more of it. */
export const ReportSection = z.object({
  id,
  title: line,
  /** In a sentence or two; may be empty. */
  text: prose,
  tone: z.enum(['plain', 'caution']),
  rows: z.array(z.object({ name: line, value: z.string().max(4000), isCode: z.boolean().optional() })).max(200),
  author: Author,
});
export type ReportSection = z.infer<typeof ReportSection>;

/** Who it is about. Apart from everything else, so that a report can be released without it and its signature still holds. */
export const ReportSubject = z.object({
  patientName: line,
  patientId: line,
  birthDate: z.string().max(40).nullable(),
  sex: z.string().max(16).nullable(),
  accession: line,
  studyUid: z.string().max(64).nullable(),
  studyDate: z.string().max(40).nullable(),
});
export type ReportSubject = z.infer<typeof ReportSubject>;

export const meanings = ['author', 'review', 'approval', 'verification'] as const;
export const SignatureMeaning = z.enum(meanings);
export type SignatureMeaning = z.infer<typeof SignatureMeaning>;
/** What a signature says, in a sentence that is signed with it. */
export const meaningSentences: Readonly<Record<SignatureMeaning, string>> = {
  author: 'I am the author of this report.',
  review: 'I have reviewed this report and the images that it speaks of.',
  approval: 'I approve this report.',
  verification: 'I have verified the identity, the images and the measurements of this report.',
};

export const Signature = z.object({
  by: z.object({ name: z.string().trim().min(1).max(200), role: z.string().max(200), account: line }),
  meaning: SignatureMeaning,
  /** Its sentence, as the person agreed to it. */
  says: z.string().max(400),
  at: instant,
  /** How the person proved to be who they say: the passphrase of the key, or the system's own store. */
  method: z.enum(['passphrase', 'system']),
  /** A hash over a tree of salted hashes of everything but `status`, `signature`, `subject`, `subjectSalt` and `release`, and of who signs, when and as what: see `signedContent`. */
  content: hash,
  /** 32 bytes from which the salts of that tree follow: whoever has it can open everything. Absent in a copy of which parts are withheld, and in signatures over the plain content (`contentHash`). */
  secret: hash.optional(),
  /** Raw Ed25519 key and signature, base64; the fingerprint is for people. */
  publicKey: z.string().max(64),
  fingerprint: z.string().max(100),
  value: z.string().max(120),
  /** The `sign` entry of the audit journal that holds the same content hash. */
  journal: z.object({ log: line, seq: z.number().int(), hash }),
});
export type Signature = z.infer<typeof Signature>;

/** `o` and a salt, `c` and a hash, or the same for each member: see `electron/audit/openings.ts`. */
export type Opening = string | { readonly [name: string]: Opening };
const Opening: z.ZodType<Opening> = z.lazy(() => z.union([z.string().regex(/^[oc][0-9a-f]{64}$/), z.record(z.string(), Opening)]));

/** What makes a copy that left without the subject: identifiers mapped, dates moved, names and chosen words replaced. */
export const Release = z.object({
  /** Of PS3.15's profile and options (PS3.16, CID 7050). */
  codes: z.array(z.string().max(16)).max(20),
  /** From it follow the identifiers of the copy's own files, so that they are others than the report's. */
  mark: z.string().max(64),
  /** As they stand in images that were de-identified with the same key. */
  study: z.object({ uid: z.string().max(64).nullable(), date: z.string().max(40).nullable() }),
  /** How many texts a person replaced. */
  words: z.number().int().nonnegative(),
  /** Of what was signed; absent: a draft, nothing was. */
  opening: Opening.optional(),
  /** By the workstation's key, over the whole copy; null: the key was not open. */
  seal: z.object({ publicKey: z.string().max(64), fingerprint: z.string().max(100), value: z.string().max(120) }).nullable(),
});
export type Release = z.infer<typeof Release>;

export const reportStatuses = ['draft', 'signed', 'superseded'] as const;
export const ReportStatus = z.enum(reportStatuses);
export type ReportStatus = z.infer<typeof ReportStatus>;

export const Report = z.object({
  format: z.literal('loupe.report/1'),
  /** The same for all versions. */
  id,
  /** From 1; a signed version is never changed, the next one supersedes it. */
  version: z.number().int().positive(),
  /** Counts the changes of a draft. */
  revision: z.number().int().nonnegative(),
  supersedes: z.object({ version: z.number().int().positive(), content: hash, signedAt: instant }).nullable(),
  status: ReportStatus,
  language: z.literal('en'),
  createdAt: instant,
  updatedAt: instant,
  banner: z.string().max(200),
  title: line,
  study: z.object({ id: z.string().max(64), modality: line, modalities: z.array(z.string().max(16)).max(32), description: line, kind: z.enum(['radiology', 'slide', 'picture']), isSample: z.boolean() }),
  /** Null where it was left out; `subjectCommit` binds it all the same: SHA-256 of 2, the salt's 16 bytes and the subject's canonical JSON. */
  subject: ReportSubject.nullable(),
  subjectSalt: z.string().regex(/^[0-9a-f]{32}$/).nullable(),
  subjectCommit: hash,
  sources: z.array(ReportSource).max(5000),
  questions: z.array(ReportQuestion).max(50),
  boxes: z.array(ReportBox).max(5000),
  findings: z.array(ReportFinding).max(500),
  measurements: z.array(Measurement).max(500),
  keyImages: z.array(KeyImage).max(100),
  comparison: Comparison.nullable(),
  /** Absent where there are none. */
  sections: z.array(ReportSection).max(20).optional(),
  impression: prose,
  limitations: z.array(prose).max(50),
  /** The program that composed it and where the audit journal stood then. */
  software: z.object({ name: z.literal('loupe'), version: line, build: line }),
  journal: z.object({ log: line, size: z.number().int(), fingerprint: z.string().max(100).nullable() }).nullable(),
  signature: Signature.nullable(),
  /** Present: the model's marks were hidden when it was composed, so that the key images leave them out until a person draws them. */
  marksHidden: z.literal(true).optional(),
  /** Of a copy that left without the subject; absent in the report itself. */
  release: Release.optional(),
});
export type Report = z.infer<typeof Report>;

/** What nobody has decided yet, as people call it: a report with any of it cannot be signed. */
export function undecided({ questions }: Pick<Report, 'questions'>): readonly { readonly question: number; readonly step: number | null }[] {
  return questions.flatMap(({ steps, answer }, question) => [
    ...steps.flatMap(({ verdict }, step) => (verdict === 'undecided' ? [{ question, step }] : [])),
    ...(answer.verdict === 'undecided' ? [{ question, step: null }] : []),
  ]);
}

/** The boxes that are cited and still there, in the order in which they are cited. */
export function boxesOf({ boxes }: Pick<Report, 'boxes'>, ids: readonly string[]): readonly ReportBox[] {
  return ids.flatMap((wanted) => boxes.filter((box) => box.id === wanted && !box.isRemoved));
}

/** Whether a box lies within what a key image shows. */
export function isOn({ place, box }: Pick<ReportBox, 'place' | 'box'>, image: Pick<KeyImage, 'place' | 'region'>): boolean {
  const { region } = image;
  return place.source === image.place.source && place.frame === image.place.frame && (region === null || (box.x2 > region.x && box.y2 > region.y && box.x1 < region.x + region.width && box.y1 < region.y + region.height));
}

export const sourceOf = ({ sources }: Pick<Report, 'sources'>, { source }: ImagePlace): ReportSource | undefined => sources.find(({ sha256 }) => sha256 === source);

/** Whether any of its words are a model's own. */
export const isByModel = ({ questions, findings }: Pick<Report, 'questions' | 'findings'>): boolean =>
  findings.some(({ author }) => author.kind === 'model') || questions.some(({ answer, steps }) => [answer, ...steps].some(({ original, verdict }) => original !== null && verdict !== 'rejected'));
