/** What the window knows of models: what they are, where they come from, how they are brought in, and two of them on the same picture. */
import { z } from 'zod';
import { Finding } from '#models/clinical/finding.ts';
import { Scope } from '#models/clinical/scope.ts';
import { ReasoningStep } from '#models/clinical/trace.ts';
import { Sha256, StudyId } from './library.ts';
import { AskedView } from './review.ts';

const amount = z.number().nonnegative();
export const ModelId = z.string().regex(/^[\w.:-]{1,200}$/);
/** What may be brought in, under a name that the workstation gave: the page names no path. */
export const OfferId = z.string().regex(/^[\w-]{1,64}$/);

const Why = z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() });
export type Why = z.infer<typeof Why>;

/** One link from what it all began with down to these weights. */
export const Link = z.object({
  name: z.string(),
  kind: z.enum(['checkpoint', 'adapter']),
  hash: Sha256,
  /** How it was made of the link before it: the run, and the snapshot that it learnt from. */
  run: z.object({ recipe: z.string(), recipeSha256: Sha256, snapshot: Sha256, cases: z.number().int(), step: z.number().int(), seed: z.number().int() }).nullable(),
});
export type Link = z.infer<typeof Link>;

/** What rounding the weights cost, over texts that the original wrote. */
export const Parity = z.object({
  bits: z.union([z.literal(4), z.literal(8)]), prompts: z.number().int(), topAgreement: amount, meanDifference: amount, maxDifference: amount, meanDivergence: amount, maxDivergence: amount,
  bytesBefore: amount, bytesAfter: amount,
});
export type Parity = z.infer<typeof Parity>;

/** Whether a model runs here, tried on a drawn picture. */
export const SelfTest = z.object({
  at: z.string(),
  device: z.string(),
  /** Operators that this device computes otherwise than the processor, and that are therefore put together from others. */
  avoided: z.array(z.string()),
  passed: z.boolean(),
  /** The scores after the prompt are numbers; the picture changes them; the same question gets the same answer twice. */
  checks: z.array(z.object({ name: z.enum(['finite', 'sees', 'repeats', 'form']), passed: z.boolean(), detail: z.string() })),
  openMs: amount,
  firstTokenMs: amount,
  tokensPerSecond: amount,
  memoryBytes: amount,
});
export type SelfTest = z.infer<typeof SelfTest>;

export const ModelInfo = z.object({
  id: ModelId,
  name: z.string(),
  origin: z.enum(['built in', 'trained here', 'imported', 'quantised']),
  isInUse: z.boolean(),
  /** Of an adapter that was merged into its base, and of a quantised copy: what it belongs under. */
  baseId: ModelId.nullable(),
  family: z.string().nullable(),
  parameters: amount.nullable(),
  /** As the weights are stored: `F16`, `BF16`, `4 bit`. */
  precision: z.string().nullable(),
  bytes: amount,
  licence: z.string().nullable(),
  /** Null where it was never brought in. */
  addedAt: z.string().nullable(),
  addedBy: z.string(),
  /** The name of the folder that it came from. */
  from: z.string().nullable(),
  lineage: Sha256.nullable(),
  chain: z.array(Link),
  /** Of the adapter that was merged. */
  adapter: z.object({ rank: z.number(), tensors: z.number().int(), sha256: Sha256, namedBase: z.string().nullable() }).nullable(),
  parity: Parity.nullable(),
  selfTest: SelfTest.nullable(),
  /** Why it cannot answer; null: it can. */
  problem: Why.nullable(),
});
export type ModelInfo = z.infer<typeof ModelInfo>;

/** An adapter that a run left and that nobody promoted: seen under its base, not chosen from here. */
export const RunAdapter = z.object({ runId: z.string(), name: z.string(), baseLineage: Sha256.nullable(), lineage: Sha256, chain: z.array(Link), bytes: amount });
export type RunAdapter = z.infer<typeof RunAdapter>;

export const ModelDetail = z.object({
  id: ModelId,
  /** The README as it stands there, its head of settings taken off. */
  card: z.string().nullable(),
  files: z.array(z.object({ name: z.string(), bytes: amount, sha256: Sha256.nullable() })),
  facts: z.object({ layers: z.number(), hiddenSize: z.number(), vocabulary: z.number(), maxPositions: z.number(), visionLayers: z.number(), patch: z.number(), most: z.string() }).nullable(),
  /** What it was trained on; null: nobody has said it, and no image can be told from those that it knows. */
  scope: Scope.nullable(),
});
export type ModelDetail = z.infer<typeof ModelDetail>;

/** A folder that may be brought in, looked at by its headers. */
export const Offer = z.object({
  id: OfferId,
  name: z.string(),
  kind: z.enum(['checkpoint', 'adapter']),
  family: z.string().nullable(),
  parameters: amount.nullable(),
  precision: z.string().nullable(),
  bytes: amount,
  /** Of an adapter: the models here that it fits, and how that is known. */
  bases: z.array(z.object({ id: ModelId, name: z.string(), how: z.enum(['lineage', 'shape']) })),
  canQuantize: z.boolean(),
  /** What its folder says that it was trained on. */
  scope: Scope.nullable(),
  problem: Why.nullable(),
});
export type Offer = z.infer<typeof Offer>;

export const jobPhases = ['copying', 'merging', 'quantising', 'comparing', 'testing'] as const;
/** What is being made, one thing at a time. */
export const Job = z.object({ id: z.string(), name: z.string(), phase: z.enum(jobPhases), done: amount, total: amount });
export type Job = z.infer<typeof Job>;

export const Models = z.object({
  models: z.array(ModelInfo),
  runs: z.array(RunAdapter),
  job: Job.nullable(),
  /** Folders put here by hand are offered: for shells that have no dialog. */
  incoming: z.string(),
});
export type Models = z.infer<typeof Models>;

/** One model's side of a comparison. Boxes are in pixels of the stored source. */
export const Side = z.object({
  modelId: ModelId,
  name: z.string(),
  lineage: Sha256.nullable(),
  device: z.string(),
  answer: z.string().nullable(),
  parsed: z.boolean(),
  raw: z.string(),
  steps: z.array(ReasoningStep),
  findings: z.array(Finding),
  confidence: z.object({ value: z.number(), method: z.string() }).nullable(),
  /** The network's input, hashed, and its size. */
  tensorSha256: Sha256,
  resized: z.object({ width: z.number(), height: z.number() }),
  tokens: z.number().int(),
  tokensPerSecond: amount,
  end: z.enum(['stop', 'length']),
});
export type Side = z.infer<typeof Side>;

export const Comparison = z.object({
  question: z.string(),
  view: AskedView,
  source: z.object({ width: z.number(), height: z.number() }),
  window: z.string().nullable(),
  /** Both networks were given the same numbers. */
  isSameTensor: z.boolean(),
  sides: z.tuple([Side, Side]),
  difference: z.object({
    sameAnswer: z.boolean(),
    /** The second's less the first's; null where one of them has none. */
    confidence: z.number().nullable(),
    /** Of what both name: the label, and how far the boxes lie upon each other. */
    boxes: z.array(z.object({ label: z.string(), iou: z.number().nullable() })),
  }),
  /** What a reader should know of the picture. */
  concerns: z.array(z.object({ code: z.string(), detail: z.string() })),
});
export type Comparison = z.infer<typeof Comparison>;

const ofModel = z.object({ modelId: ModelId });

/** The methods, for the one table. */
export const modelMethods = {
  'models.list': { argument: z.null(), result: Models },
  'models.detail': { argument: ofModel, result: ModelDetail },
  /** It answers from now on. */
  'models.choose': { argument: ofModel, result: z.null() },
  /** Folders that were put where the workstation looks for them. */
  'models.offers': { argument: z.null(), result: z.array(Offer) },
  /** Asks the person for a folder; null where nothing was chosen, or where the shell has no dialog. */
  'models.offer': { argument: z.null(), result: Offer.nullable() },
  /** Answers when it is in; meanwhile `models.job` tells how it goes. `trained`: what it learnt from, as a person says; counts where its folder says nothing. */
  'models.import': {
    argument: z.object({ offerId: OfferId, name: z.string().trim().min(1).max(80), bits: z.union([z.literal(4), z.literal(8)]).nullable(), baseId: ModelId.nullable(), trained: Scope.shape.trained.optional() }), result: ofModel,
  },
  /** What it was trained on, as a person says; counts from the next question on. */
  'models.scope': { argument: z.object({ modelId: ModelId, scope: Scope.pick({ trained: true, locates: true, mostImages: true }) }), result: z.null() },
  /** A smaller copy of one that is here. */
  'models.quantize': { argument: z.object({ modelId: ModelId, bits: z.union([z.literal(4), z.literal(8)]) }), result: ofModel },
  'models.cancel': { argument: z.null(), result: z.null() },
  'models.test': { argument: ofModel, result: SelfTest },
  /** Whether every file still has the bytes that its lineage names. */
  'models.verify': { argument: ofModel, result: z.array(z.object({ code: z.string(), message: z.string() })) },
  'models.remove': { argument: ofModel, result: z.object({ undoId: z.string() }) },
  'models.restore': { argument: z.object({ undoId: z.string() }), result: z.null() },
  /** One question on one picture to two models, one after the other. */
  'models.compare': {
    argument: z.object({ first: ModelId, second: ModelId, studyId: StudyId, view: AskedView, question: z.string().trim().min(1).max(4000), maxNewTokens: z.number().int().min(1).max(4096).default(512) }), result: Comparison,
  },
  'models.cancelCompare': { argument: z.null(), result: z.null() },
} as const;

export const modelEvents = {
  /** Something about some model is new: ask for the list. */
  'models.changed': z.object({ inUse: ModelId }),
  'models.job': z.object({ job: Job.nullable() }),
  /** How far a comparison has come: which of the two writes, and what it has written. */
  'models.comparing': z.object({ at: z.union([z.literal(0), z.literal(1)]), phase: z.enum(['opening', 'writing']), text: z.string() }),
} as const;
