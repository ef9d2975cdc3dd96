/** What the window knows of judging and curating: verdicts on an answer's steps, labels that a program can check, and the cases that they become. */
import { z } from 'zod';
import { Box } from '#models/clinical/finding.ts';
import { Modality } from '#models/clinical/study.ts';
import { StepKind } from '#models/clinical/trace.ts';
import { FrameId, Sha256, StudyId } from './library.ts';
import { AskedView } from './review.ts';

export const verdicts = ['accepted', 'edited', 'rejected'] as const;
export const Verdict = z.enum(verdicts);
export type Verdict = z.infer<typeof Verdict>;

/** What a person says of one sentence; `text` is theirs where they put it otherwise. */
export const Judged = z.object({ verdict: Verdict, text: z.string().trim().min(1).max(4000).nullable() });
export type Judged = z.infer<typeof Judged>;

/** A box that a person drew; in pixels of its source. */
export const AddedBox = z.object({ id: z.string().max(64), frameId: FrameId, step: z.number().int().nonnegative().nullable(), label: z.string().min(1).max(200), box: Box });
export type AddedBox = z.infer<typeof AddedBox>;

/** All that was judged about one answer. The answer itself never changes: what a person put otherwise stands here, beside it. */
export const Judgement = z.object({
  traceId: z.string().max(64),
  studyId: StudyId,
  /** By number of the step, from 0. */
  steps: z.record(z.string().regex(/^\d{1,3}$/), Judged),
  answer: Judged.nullable(),
  /** Boxes of the model, by the id of their region: where a person put them; null: there is nothing. */
  boxes: z.record(z.string().max(400), Box.nullable()),
  added: z.array(AddedBox).max(1000),
});
export type Judgement = z.infer<typeof Judgement>;

const word = z.string().trim().min(1).max(200);

/** An answer that a program can check. Places are in pixels of the source, so that no window and no enlargement moves them. */
export const Label = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('choice'), options: z.array(word).min(2).max(26), right: z.number().int().nonnegative() }),
  z.object({ kind: z.literal('choices'), options: z.array(word).min(1).max(26), right: z.array(z.number().int().nonnegative()).max(26) }),
  z.object({ kind: z.literal('yesNo'), value: z.boolean() }),
  z.object({ kind: z.literal('word'), accept: z.array(word).min(1).max(100), reject: z.array(word).max(100) }),
  z.object({ kind: z.literal('number'), value: z.number(), tolerance: z.number().nonnegative(), unit: z.string().max(20) }),
  z.object({ kind: z.literal('ordinal'), value: word, scale: z.array(word).min(2).max(100) }),
  z.object({ kind: z.literal('boxes'), boxes: z.array(z.object({ label: word, box: Box })).max(1000) }),
  z.object({ kind: z.literal('points'), points: z.array(z.object({ label: word, x: z.number(), y: z.number() })).max(1000), tolerance: z.number().positive() }),
]);
export type Label = z.infer<typeof Label>;
export type LabelKind = Label['kind'];
export const labelKinds = ['choice', 'choices', 'yesNo', 'word', 'number', 'ordinal', 'boxes', 'points'] as const satisfies readonly LabelKind[];

/** A kind of label that a department uses again and again: one question, one form of answer. */
export const LabelDefinition = z.object({
  id: z.string().regex(/^[a-z0-9_]{1,60}$/),
  name: word,
  kind: z.enum(labelKinds),
  question: z.string().trim().min(1).max(1000),
  /** Of a choice; the scale of a grade, from least to most; the names of what is boxed. */
  options: z.array(word).max(100),
  /** Of a number or, in pixels, of a point. */
  tolerance: z.number().nonnegative(),
  unit: z.string().max(20),
  /** From the shipped table of codes. */
  code: z.object({ scheme: z.string().max(16), value: z.string().max(64), meaning: z.string().max(200) }).nullable(),
});
export type LabelDefinition = z.infer<typeof LabelDefinition>;

export const splitNames = ['train', 'val', 'test'] as const;

/** Why a case may not enter training, until a person releases it. */
export const Concern = z.object({ code: z.string().max(40), detail: z.string().max(500), isReleased: z.boolean() });
export type Concern = z.infer<typeof Concern>;

export const CuratedCase = z.object({
  id: z.string().regex(/^[\w-]{1,80}$/),
  studyId: StudyId,
  traceId: z.string().max(64),
  /** `answer`, or `step 3`. */
  target: z.string().max(20),
  verdict: Verdict,
  view: AskedView,
  viewName: z.string().max(200),
  question: z.string().trim().min(1).max(4000),
  label: Label,
  /** The definition that it follows. */
  labelId: z.string().max(60).nullable(),
  /** The reasoning that was accepted. */
  steps: z.array(z.object({ kind: StepKind, text: z.string().min(1).max(1000) })).max(32),
  modality: Modality.nullable(),
  /** The patient under another name; never crosses splits. */
  group: z.string().max(80),
  split: z.enum(splitNames),
  /** Sex, age, scanner and the like, where the file says. */
  facts: z.record(z.string().max(40), z.string().max(200)),
  concerns: z.array(Concern).max(50),
  /** The picture as it was shown, and the way from its pixels to those of the source. */
  image: z.object({
    sha256: Sha256, width: z.number().int().positive(), height: z.number().int().positive(),
    toSource: z.object({ xx: z.number(), xy: z.number(), x0: z.number(), yx: z.number(), yy: z.number(), y0: z.number() }),
    source: z.object({ width: z.number(), height: z.number() }),
  }),
  weights: z.array(Sha256),
  capturedAt: z.string(),
  note: z.string().max(2000),
});
export type CuratedCase = z.infer<typeof CuratedCase>;

/** One thing of the curation as it is from now on; null: gone. */
export const Item = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('judgement'), id: z.string().max(80), value: Judgement.nullable() }),
  z.object({ kind: z.literal('case'), id: z.string().max(80), value: CuratedCase.nullable() }),
  z.object({ kind: z.literal('label'), id: z.string().max(80), value: LabelDefinition.nullable() }),
]);
export type Item = z.infer<typeof Item>;

export const How = z.enum(['done', 'undone', 'redone', 'restored']);
export type How = z.infer<typeof How>;

/** What was once said of a thing: who, when, and how it was from then on. */
export const Version = z.object({ at: z.string(), by: z.string(), how: How, what: z.string(), item: Item });
export type Version = z.infer<typeof Version>;

export const queueOrders = ['uncertain', 'disagreement', 'reliance', 'first', 'random'] as const;
/** An answer that waits for a verdict, with what puts it where it stands. */
export const Waiting = z.object({
  traceId: z.string(), studyId: StudyId, question: z.string(), answer: z.string().nullable(), askedAt: z.string(), confidence: z.number().nullable(),
  /** Between 0 and 1: how far answers to the same question about the same image differ. */
  disagreement: z.number(), reliance: z.number().min(0).max(1).nullable(), judged: z.number().int(), steps: z.number().int(),
});
export type Waiting = z.infer<typeof Waiting>;

export const SnapshotSummary = z.object({ hash: Sha256, path: z.string(), cases: z.number().int(), counts: z.record(z.string(), z.number()), takenAt: z.string() });

export const Dataset = z.object({
  /** What `loupe train`, `evaluate` and `dataset` are given. */
  index: z.string(),
  cases: z.array(CuratedCase),
  labels: z.array(LabelDefinition),
  snapshots: z.array(SnapshotSummary),
});
export type Dataset = z.infer<typeof Dataset>;

export const CheckResult = z.object({
  cases: z.number().int(),
  written: z.number().int(),
  withheld: z.number().int(),
  issues: z.array(z.object({ severity: z.enum(['error', 'warning']), code: z.string(), id: z.string(), message: z.string() })),
});
export type CheckResult = z.infer<typeof CheckResult>;

/** What was found and accepted on one picture: its name, and boxes in pixels of the source. `localizer`: the weights that found them. */
export const FoundBoxes = z.object({ studyId: StudyId, view: AskedView, name: word, boxes: z.array(Box).min(1).max(1000), localizer: Sha256 });
export type FoundBoxes = z.infer<typeof FoundBoxes>;

/** The methods, for the one table. */
export const curateMethods = {
  'curate.judgements': { argument: z.object({ studyId: StudyId }), result: z.object({ judgements: z.array(Judgement), cases: z.array(CuratedCase) }) },
  /** On the disk when it answers. */
  'curate.change': { argument: z.object({ what: z.string().max(200), how: How, items: z.array(Item).min(1).max(10_000) }), result: z.null() },
  /** Makes a case of a judged step or of the answer (null); a second time it is brought up to date. */
  'curate.capture': { argument: z.object({ traceId: z.string(), step: z.number().int().nonnegative().nullable() }), result: CuratedCase },
  /** Makes a case of boxes on one picture that a search found and a person accepted; a second time under the same name it is brought up to date. */
  'curate.captureFound': { argument: FoundBoxes, result: CuratedCase },
  'curate.dataset': { argument: z.null(), result: Dataset },
  'curate.history': { argument: z.object({ kind: z.enum(['judgement', 'case', 'label']), id: z.string() }), result: z.array(Version) },
  'curate.queue': { argument: z.object({ order: z.enum(queueOrders), seed: z.number().int() }), result: z.array(Waiting) },
  'curate.check': { argument: z.null(), result: CheckResult },
  'curate.split': { argument: z.object({ shares: z.tuple([z.number(), z.number(), z.number()]), seed: z.number().int() }), result: z.record(z.string(), z.number()) },
  'curate.snapshot': { argument: z.null(), result: SnapshotSummary },
} as const;

/** Things that are new or changed; the page keeps its own copy up to date by them. */
export const CurateChanged = z.object({ items: z.array(Item) });

export const noJudgement = (traceId: string, studyId: string): Judgement => ({ traceId, studyId, steps: {}, answer: null, boxes: {}, added: [] });
