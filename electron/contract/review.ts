/** What the window knows of a question and its answer. */
import { z } from 'zod';
import { ChosenChannel } from '#models/clinical/study.ts';
import { ReasoningTrace, StepKind } from '#models/clinical/trace.ts';
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

/** A rectangle in source pixels: a frame's stored ones, a slide's level 0. */
export const Region = z.object({ x: z.number(), y: z.number(), width: z.number().positive(), height: z.number().positive() });
export type Region = z.infer<typeof Region>;

/** What a view may say beside its picture: what a person marked inside the region, and the study where it is another than the one that is asked about. */
const aside = { marked: Region.optional(), studyId: StudyId.optional() };

/** One picture that is put before the model: a frame as it is displayed, or a slide; the region is exactly what is shown of it, absent or null: all. */
export const AskedView = z.union([
  z.object({ kind: z.literal('frame'), frameId: FrameId, window: ViewWindow.nullable(), region: Region.optional(), ...aside }),
  /** `channels`: those that are seen of a fluorescence slide; absent: all, as they are first shown. */
  z.object({ kind: z.literal('slide'), slideId: Sha256, region: Region.nullable(), channels: z.array(ChosenChannel).max(64).optional(), ...aside }),
]);
export type AskedView = z.infer<typeof AskedView>;

/** The most pictures of one question. */
export const mostViews = 32;

/** How the pictures of a question were chosen: what is on the screen, a place that was marked, slices that were named, slices spread over a range, all cells. */
export const Selection = z.object({ rule: z.enum(['view', 'region', 'slices', 'spread', 'cells']), of: z.number().int().positive() });
export type Selection = z.infer<typeof Selection>;

/** A measured number, computed by the workstation from what a person drew: the model may use it and not change it. */
export const Fact = z.object({
  /** As in `length 1`. */
  name: z.string().min(1).max(80),
  value: z.number(),
  unit: z.string().max(20),
  /** Where its scale comes from. */
  source: z.string().max(200),
  /** Which of the question's views it was measured on. */
  view: z.number().int().nonnegative(),
  /** The drawing that it belongs to. */
  drawingId: z.string().max(64),
});
export type Fact = z.infer<typeof Fact>;

/** An answer that is drawn token by token instead of taking the likeliest one each time: the same seed draws the same answer again. */
export const Drawn = z.object({ temperature: z.number().positive().max(2), seed: z.number().int().min(0).max(2 ** 31 - 1) });
export type Drawn = z.infer<typeof Drawn>;

/** Why a question is put to the model although its images lie outside of what it was trained on: a person's words. */
export const Override = z.object({ reason: z.string().trim().min(3).max(500) });
export type Override = z.infer<typeof Override>;

/** A question that was asked because of a step of an earlier answer: where is what you say there? */
export const Origin = z.object({ kind: z.literal('locate'), traceId: z.string().min(1).max(64), step: z.number().int().nonnegative() });
export type Origin = z.infer<typeof Origin>;

export const Question = z.object({
  studyId: StudyId,
  question: z.string().trim().min(1).max(4000),
  views: z.array(AskedView).min(1).max(mostViews),
  /** How many tokens the answer may have. */
  maxNewTokens: z.number().int().min(1).max(4096).default(512),
  selection: Selection.optional(),
  facts: z.array(Fact).max(64).optional(),
  override: Override.optional(),
  /** Absent: the likeliest token each time. */
  drawn: Drawn.optional(),
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
  /** What it is to the question, where there are several. */
  slot: z.enum(['current', 'prior', 'lateral']).optional(),
});
export type SeenView = z.infer<typeof SeenView>;

/** Something odd about an answer or its pictures; `step`: about that step. */
export const Flag = z.object({ code: z.string(), detail: z.string(), step: z.number().int().nonnegative().optional() });
export type Flag = z.infer<typeof Flag>;

/** One answer, kept as it was given. Boxes are in pixels of the source: a frame's stored pixels, a slide's level 0. */
export const Trace = z.object({
  id: z.string(),
  studyId: StudyId,
  askedAt: z.string(),
  question: z.string(),
  views: z.array(SeenView),
  ...ReasoningTrace.shape,
  flags: z.array(Flag),
  confidence: z.object({ value: z.number(), method: z.string() }).nullable(),
  /** `stopped`: the person ended it; what was written until then is in `raw`. */
  end: z.enum(['stop', 'length', 'stopped']),
  model: z.object({ name: z.string(), family: z.string(), device: z.string(), weightsSha256: z.array(Sha256) }),
  tokens: z.number().int(),
  timing: z.object({ firstTokenMs: z.number().nullable(), totalMs: z.number(), tokensPerSecond: z.number() }),
  /** Of the process that computed, when it had ended; null where it could not say. */
  memoryBytes: z.number().nonnegative().nullable().optional(),
  /** The words that were put to the model where they are more than the question: which picture is which, and what was measured. */
  prompt: z.string().optional(),
  selection: Selection.optional(),
  facts: z.array(Fact).optional(),
  /** Present: a second question, about a step of the first one's answer. */
  origin: Origin.optional(),
  /** Present: its images lie outside of what the model was trained on, and it was asked all the same. */
  override: Override.optional(),
  /** Present: it was drawn; absent: each token was the likeliest. */
  drawn: Drawn.optional(),
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
  /** What is known of the pictures before the model has said anything. */
  notes: z.array(Flag).optional(),
});
export type AnswerPart = z.infer<typeof AnswerPart>;

/** The model that answers, as its process knows it. */
export const Engine = z.object({
  /** Null: none was opened yet. */
  open: z.object({ name: z.string(), family: z.string(), device: z.string() }).nullable(),
  /** Of the process that computes; null where none runs. */
  memoryBytes: z.number().nonnegative().nullable(),
  /** Why nothing can be asked, known before anybody asks. */
  refusal: z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() }).nullable(),
});
export type Engine = z.infer<typeof Engine>;

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
