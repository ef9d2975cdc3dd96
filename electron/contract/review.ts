/** What the window knows of a question and its answer. */
import { z } from 'zod';
import { Finding } from '#models/clinical/finding.ts';
import { ReasoningStep, StepKind } from '#models/clinical/trace.ts';
import { FrameId, Sha256, StudyId } from './library.ts';

/** How grey values become brightness; absent: as the file says. Centre and width are in modality values, as Hounsfield units. */
export const ViewWindow = z.object({
  center: z.number(),
  width: z.number().positive(),
  /** As in `frame.ts`: RANGE runs exactly from centre − width / 2 to centre + width / 2. */
  shape: z.enum(['LINEAR', 'LINEAR_EXACT', 'SIGMOID', 'RANGE']).default('LINEAR'),
  isInverted: z.boolean(),
  name: z.string().max(80).nullable().default(null),
});
export type ViewWindow = z.infer<typeof ViewWindow>;

/** A rectangle of a slide in level-0 pixels. */
export const Region = z.object({ x: z.number(), y: z.number(), width: z.number().positive(), height: z.number().positive() });
export type Region = z.infer<typeof Region>;

/** One picture that is put before the model: a frame as it is displayed, or a region of a slide. */
export const AskedView = z.union([
  z.object({ kind: z.literal('frame'), frameId: FrameId, window: ViewWindow.nullable() }),
  z.object({ kind: z.literal('slide'), slideId: Sha256, region: Region.nullable() }),
]);
export type AskedView = z.infer<typeof AskedView>;

export const Question = z.object({
  studyId: StudyId,
  question: z.string().trim().min(1).max(4000),
  views: z.array(AskedView).min(1).max(32),
  /** How many tokens the answer may have. */
  maxNewTokens: z.number().int().min(1).max(4096).default(512),
});
export type Question = z.infer<typeof Question>;

/** What one view was to the model. */
export const SeenView = z.object({
  view: AskedView,
  /** As in `slice 12 of 38`. */
  name: z.string(),
  window: z.string().nullable(),
  /** The size of the picture that was shown, after windowing and squaring its pixels; of the source; and of the network's input. */
  shown: z.object({ width: z.number(), height: z.number() }),
  source: z.object({ width: z.number(), height: z.number() }),
  resized: z.object({ width: z.number(), height: z.number() }),
  /** The network's input, hashed. */
  pixelsSha256: Sha256,
});
export type SeenView = z.infer<typeof SeenView>;

/** One answer, kept as it was given. Boxes are in pixels of the source: a frame's stored pixels, a slide's level 0. */
export const Trace = z.object({
  id: z.string(),
  studyId: StudyId,
  askedAt: z.string(),
  question: z.string(),
  views: z.array(SeenView),
  raw: z.string(),
  parsed: z.boolean(),
  steps: z.array(ReasoningStep),
  findings: z.array(Finding),
  answer: z.string().nullable(),
  flags: z.array(z.object({ code: z.string(), detail: z.string() })),
  confidence: z.object({ value: z.number(), method: z.string() }).nullable(),
  /** `stopped`: the person ended it; what was written until then is in `raw`. */
  end: z.enum(['stop', 'length', 'stopped']),
  model: z.object({ name: z.string(), family: z.string(), device: z.string(), weightsSha256: z.array(Sha256) }),
  tokens: z.number().int(),
  timing: z.object({ firstTokenMs: z.number().nullable(), totalMs: z.number(), tokensPerSecond: z.number() }),
});
export type Trace = z.infer<typeof Trace>;

/** The answer while it is written. */
export const AnswerPart = z.object({
  askId: z.string(),
  /** How far it has come. */
  phase: z.enum(['loading', 'looking', 'writing']),
  /** Everything written until now. */
  text: z.string(),
  steps: z.array(z.object({ kind: StepKind, text: z.string() })),
  tokensPerSecond: z.number().nullable(),
});
export type AnswerPart = z.infer<typeof AnswerPart>;

/** How much an answer moves, 0 … 1, when something is hidden from the model. */
const Movement = z.number().min(0).max(1);

/** What was found when the evidence of an answer was checked. */
export const EvidenceCheck = z.object({
  traceId: z.string(),
  studyId: StudyId,
  checkedAt: z.string(),
  /** Ids as in `regionsOf`; `control`: as much hidden elsewhere. */
  regions: z.array(z.object({ id: z.string(), label: z.string(), hidden: Movement, control: Movement })),
  /** Cited regions that were left out: there were too many of them. */
  leftOut: z.number().int(),
  all: Movement.nullable(),
  blank: Movement,
  shuffled: Movement,
  reliance: Movement,
  usedImage: z.boolean(),
  seconds: z.number(),
});
export type EvidenceCheck = z.infer<typeof EvidenceCheck>;

export const EvidenceProgress = z.object({ traceId: z.string(), done: z.number().int(), of: z.number().int() });
export type EvidenceProgress = z.infer<typeof EvidenceProgress>;
