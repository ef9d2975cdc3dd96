/** Everything that determines a run, the seed included: a published method is a list of stages. */
import { z } from 'zod';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

const amount = z.number().nonnegative();
const attempts = z.number().int().nonnegative().max(1000);

/** The switches of an objective that depart from its preset. */
export const SwitchChanges = z.strictObject({
  combine: z.enum(['sumThenNormalize', 'normalizeThenSum']), baseline: z.enum(['group', 'leaveOneOut']), scale: z.enum(['group', 'batch', 'none']),
  advantageEpsilon: amount, singleton: z.enum(['zero', 'reward', 'refuse']),
  surrogate: z.enum(['clip', 'cispo', 'sapo', 'policyGradient']), ratio: z.enum(['token', 'sequence', 'sequenceToken']),
  clipLow: amount, clipHigh: amount, dualClip: positive.nullable(), delta: positive.nullable(),
  sapoTemperature: z.object({ positive, negative: positive }), logRatioCap: positive, old: z.enum(['current', 'rescored']),
  normaliser: z.enum(['sequenceMean', 'tokenMean', 'constantLength', 'tokenSum', 'tokenSumConstant']), lengthConstant: positive.nullable(),
  counts: z.enum(['step', 'microBatch', 'microBatchByTokens', 'microBatchBySequences']), countsMasked: z.boolean(),
  beta: amount, klEstimator: z.enum(['k1', 'abs', 'k2', 'k3']), klPlacement: z.enum(['loss', 'reward']), klGuarded: z.boolean(), klBiasCorrection: z.boolean(),
  klController: z.object({ target: positive, horizon: positive }).nullable(),
  maskTruncated: z.boolean(), topEntropy: share, offPolicyThreshold: z.number().nullable(),
  samplerCorrection: z.object({ level: z.enum(['sequence', 'token']), beyond: z.enum(['mask', 'truncate']), cap: positive, floor: amount.nullable() }).nullable(),
  dynamicSampling: z.object({
    filter: z.discriminatedUnion('rule', [
      z.object({ rule: z.literal('none') }), z.object({ rule: z.literal('deviation') }),
      z.object({ rule: z.literal('mean'), low: z.number(), high: z.number() }), z.object({ rule: z.literal('outcome'), spread: amount }),
    ]),
    attempts,
  }).nullable(),
  overlong: z.object({ buffer: positive, factor: amount, floored: z.boolean() }).nullable(),
  entropyBonus: z.number(), entropyController: z.object({ target: amount, step: amount, least: z.number(), most: z.number() }).nullable(),
} satisfies { readonly [K in keyof ObjectiveSwitches]: z.ZodType<ObjectiveSwitches[K]> }).partial();

/** A reward of the table `training/rewards`, and how much it counts. */
export const RewardUse = z.object({
  name: z.string().min(1),
  weight: z.number().default(1),
  mode: z.enum(['published', 'strict']).default('strict'),
  /** Fields that are added to every row that this reward reads: thresholds and the like. */
  options: z.record(z.string(), z.unknown()).default({}),
});
export type RewardUse = z.infer<typeof RewardUse>;

const named = z.object({ name: z.string().min(1), options: z.record(z.string(), z.unknown()).default({}) });

/** How a policy stage tries, what it praises, and how it learns from that. */
export const PolicyStage = z.object({
  /** A preset of `training/objectives`, and the switches that depart from it. */
  objective: z.object({ preset: z.string().min(1), switches: SwitchChanges.default({}) }),
  rewards: z.array(RewardUse).min(1),
  /** G: completions of each prompt. */
  rollouts: z.number().int().min(2).max(1024).default(8),
  temperature: positive.default(1),
  topP: positive.max(1).default(1),
  maxNewTokens: z.number().int().min(1).max(65_536).default(128),
  /** Passes over the step's completions; each pass is `miniBatches` updates. */
  iterations: z.number().int().min(1).default(1),
  miniBatches: z.number().int().min(1).default(1),
  /** What the KL term holds to: the weights at the start of the run (with an adapter: the base without it), those at the start of the stage, or nothing. */
  reference: z.enum(['none', 'start', 'previousStage']).default('start'),
  /** Whether images are shown as they are stored, as later when the model is used, or in a new view each time, by the recipe's `augment`. */
  views: z.enum(['plain', 'augmented']).default('plain'),
  /** Question types that are put; absent: all that have an answer a program can check. */
  questionTypes: z.array(z.string()).optional(),
  curricula: z.array(named).default([]),
});
export type PolicyStage = z.infer<typeof PolicyStage>;

/** How a localizer is made and learns, on the features of a tower that stays as it is. */
export const LocateStage = z.object({
  /** `models/networks/localizer.ts`; its side follows from the stage's pixels. */
  localizer: z.object({
    features: z.array(z.number().int().nonnegative()).min(1), width: z.number().int().positive(), heads: z.number().int().positive(), mlpWidth: z.number().int().positive(),
    encoderLayers: z.number().int().nonnegative(), decoderLayers: z.number().int().positive(), queries: z.number().int().min(2),
  }),
  /** Views of each image, of which the first is the image as it is stored; their features are computed once. */
  views: z.number().int().positive(),
  /** Most examples that are averaged to a prompt. */
  examples: z.number().int().positive(),
  /** How much it counts that every patch in the middle of a thing tells that thing. */
  dense: amount,
  /** Absent: learns from matched targets alone. `muted` is the share of queries with the lowest objectness. */
  grqo: z.object({ alpha: amount, beta: amount, muted: share, normGrad: z.enum(['full', 'detached']).default('full'), clip: positive.nullable().default(6) }).optional(),
});
export type LocateStage = z.infer<typeof LocateStage>;

/** Where judgements of likeness come from: a folder that the page wrote, measures of the run's own images, or drawn shapes. */
export const JudgementOptions = z.object({
  from: z.enum(['folder', 'looks', 'shapes']),
  folder: z.string().min(1).optional(),
  /** The loss' margin m. */
  margin: positive.default(0.05),
  /** Judgements with fewer votes are left out; 6 in the release, whose triplets many people saw. */
  leastVotes: z.number().int().min(1).default(1),
}).refine(({ from, folder }) => (from === 'folder') === (folder !== undefined), { path: ['folder'], message: 'belongs to judgements from a folder, and only to them' });
export type JudgementOptions = z.infer<typeof JudgementOptions>;

/** How an encoder of images and sentences is made and learns (`models/networks/contrastive.ts`); its side follows from the stage's pixels. */
export const SimilarStage = z.object({
  encoder: z.object({
    embedding: z.number().int().min(2),
    text: z.object({ width: z.number().int().positive(), depth: z.number().int().positive(), heads: z.number().int().positive(), mlpWidth: z.number().int().positive(), tokens: z.number().int().min(2) }),
  }),
  /** Of a stage that judges. */
  judgements: JudgementOptions.optional(),
});
export type SimilarStage = z.infer<typeof SimilarStage>;

/** How the network that tells altered images is made (`models/networks/integrity.ts`); its field follows from the stage's pixels. */
export const IntegrityStage = z.object({
  width: z.number().int().positive(), blocks: z.number().int().positive(),
  /** Numbers that are read are disturbed evenly by at most half of this. */
  noise: amount.default(0),
});
export type IntegrityStage = z.infer<typeof IntegrityStage>;

/** How a stage learns to drive the viewer (`training/viewer`): by demonstrations, by rewarded steps, or by rewarded tasks. */
export const ActStage = z.object({
  level: z.enum(['format', 'action', 'task']),
  /** Three blocks, or thought and a list of one action. */
  grammar: z.enum(['mobileR1', 'guiR1']).default('mobileR1'),
  /** Studies that are drawn from the recipe's seed, and what is asked of them; absent: everything. */
  cases: z.number().int().positive(),
  families: z.array(z.enum(['slice', 'window', 'find', 'zoom', 'measure', 'whole'])).min(1).optional(),
  /** How often a demonstration does something wrong, which the next step mends. */
  slips: share.default(0),
  objective: z.object({ preset: z.string().min(1), switches: SwitchChanges.default({}) }).default({ preset: 'grpo/easyR1', switches: {} }),
  /** G: tries of each step, or of each task. */
  rollouts: z.number().int().min(2).max(1024).default(8),
  temperature: positive.default(1),
  maxNewTokens: z.number().int().min(1).max(4096).default(128),
  /** What the KL term of the objective holds rewarded tries to: the weights at the start of the stage, or nothing, which leaves the term out. */
  reference: z.enum(['none', 'previousStage']).default('none'),
  /** Of rewarded steps: so many moments are tried before the first update; those at which every try is right, or none is, are left out (GUI-R1). */
  curation: z.object({ moments: z.number().int().positive(), tries: z.number().int().min(2).max(1024).default(10) }).optional(),
  /**
   * Ends the stage before its `steps` are done: after every so many updates each of `moments` held-out moments is tried once. It is over when a share of `form` of what was written has the form,
   * or when the share that is right has grown by less than `gain` since the look before, the first of which comes before the stage (Mobile-R1's gates: form 0.95, gain 0.01 over 200 updates).
   */
  gate: z.object({ every: z.number().int().positive(), moments: z.number().int().positive().default(96), form: share.optional(), gain: share.optional() })
    .refine(({ form, gain }) => (form === undefined) !== (gain === undefined), { message: 'is either of form or of gain' }).optional(),
}).refine(({ level, curation }) => level === 'action' || curation === undefined, { path: ['curation'], message: 'belongs to rewarded steps' })
  .refine(({ level, reference }) => level !== 'format' || reference === 'none', { path: ['reference'], message: 'belongs to what is rewarded' });
export type ActStage = z.infer<typeof ActStage>;

/** A stretch of the run with one image size and one batch shape. */
export const Stage = z.object({
  /**
   * `answer`: the whole network learns to write completions. `classify`: the tower alone learns to tell the labels of all tasks apart, through a linear
   * layer that is thrown away afterwards; several times as many images an hour. `policy`: the network tries, is rewarded, and learns from that;
   * then `batch` times `accumulate` are the prompts of a step, `steps` counts updates, and `tokens` and `targets` follow from what was written.
   * `locate`: a localizer learns to find more of what example boxes show.
   * `judge`: an image encoder learns which of two images is closer to a third; `batch` counts judgements. `pair`: it and a text tower learn which sentence belongs to which image.
   * The optimizer begins anew where pairs follow judgements, so that such a stage is that of a run which begins with pairs in everything but the image weights.
   * `integrity`: a network learns to tell altered images, and where they were altered.
   */
  learns: z.enum(['answer', 'classify', 'policy', 'locate', 'judge', 'pair', 'integrity', 'act']),
  /** Of a policy stage. */
  policy: PolicyStage.optional(),
  /** Of a stage that locates. */
  locate: LocateStage.optional(),
  /** Of a stage that judges or pairs. */
  similar: SimilarStage.optional(),
  /** Of a stage that tells altered images. */
  integrity: IntegrityStage.optional(),
  /** Of a stage that learns to drive the viewer; its `batch` times `accumulate` are moments, or tasks. */
  act: ActStage.optional(),
  /** Starts from the weights that the run started from instead of from those of the stage before. */
  from: z.enum(['previous', 'start']).optional(),
  /** A pipeline of `training/curricula` that makes the stage's data with the model as it stands. */
  data: z.object({ pipeline: z.string().min(1), options: z.record(z.string(), z.unknown()).default({}) }).optional(),
  steps: z.number().int().positive(),
  /** Narrows the recipe's `trained` for this stage. */
  trained: z.string().optional(),
  /** Begins the learning rate anew: it warms up to this peak and falls until the next restart, or the end of the run. */
  restart: z.object({ learningRate: positive, warmupSteps: z.number().int().nonnegative() }).optional(),
  /** Synthetic images of all kinds that join the cases, drawn from the recipe's seed; their sets are called `phantom_KIND`. */
  phantoms: z.number().int().nonnegative().default(0),
  /** How often a kind of question is put, relative to its usual weight of 1. */
  questionWeights: z.record(z.string(), z.number().nonnegative()).optional(),
  /** Replaces the recipe's `setWeights`. */
  setWeights: z.record(z.string(), z.number().nonnegative()).optional(),
  /** Replaces the optimizer's `average`: a short stage wants a short memory. */
  average: share.optional(),
  /** Pixels of the resized image, whatever its aspect: 112 · 112 is 12 544. */
  pixels: z.number().int().positive(),
  /** Images in a batch, and batches whose gradients are added up before an update. */
  batch: z.number().int().positive(),
  accumulate: z.number().int().positive().default(1),
  /** Tokens of a sequence, and how many of them may be learnt. A sequence holds one image and as many independent questions as fit. */
  tokens: z.number().int().positive().default(1),
  targets: z.number().int().positive().default(1),
  /** Most questions in one sequence. */
  turns: z.number().int().positive().default(1),
  /** For `answer`: how much the loss over cells counts, by which vision rows learn to tell what they show and where its edges lie; 0 leaves it out. */
  cells: z.number().nonnegative().default(0),
  /** For `answer`: how much telling the labels of all tasks apart counts, by the tower and a linear layer as in `classify`; 0 leaves it out. */
  labels: z.number().nonnegative().default(0),
  /** Part of the questions that are put in the short form, answered without reasoning. */
  direct: share.default(0),
  /** For `classify`: part of the images into which another one is mixed; there and with `labels`: part of a target that is spread over the other labels of its task. */
  mix: share.default(0),
  smoothing: share.default(0),
}).refine(({ learns, policy }) => (learns === 'policy') === (policy !== undefined), { path: ['policy'], message: 'belongs to a stage that learns by policy, and only to such a stage' })
  .refine(({ learns, locate }) => (learns === 'locate') === (locate !== undefined), { path: ['locate'], message: 'belongs to a stage that locates, and only to such a stage' })
  .refine(({ learns, act }) => (learns === 'act') === (act !== undefined), { path: ['act'], message: 'belongs to a stage that learns to drive the viewer, and only to such a stage' })
  .refine(({ learns, integrity }) => (learns === 'integrity') === (integrity !== undefined), { path: ['integrity'], message: 'belongs to a stage that tells altered images, and only to such a stage' })
  .refine(({ learns, similar }) => (learns === 'judge' || learns === 'pair') === (similar !== undefined), { path: ['similar'], message: 'belongs to a stage that judges or pairs, and only to such a stage' })
  .refine(({ learns, similar }) => (learns === 'judge') === (similar?.judgements !== undefined), { path: ['similar', 'judgements'], message: 'belong to a stage that judges, and only to such a stage' });
export type Stage = z.infer<typeof Stage>;

export const Recipe = z.object({
  name: z.string().regex(/^[a-zA-Z0-9-]+$/),
  /** Where the method comes from and what departs from it. */
  source: z.string(),
  /** Only said by older recipes: each stage says how it learns. */
  objective: z.literal('sft').optional(),
  seed: z.number().int().nonnegative(),
  /** A checkpoint folder to start from, or `scratch` with the architecture. */
  start: z.union([z.object({ folder: z.string() }), z.object({ scratch: z.record(z.string(), z.unknown()), vocabulary: z.number().int().min(300) })]),
  /**
   * Weights that are trained, as a pattern on their names: `.` is all, `^visual\\.merger\\.` the connector alone, `^model\\.` all but the tower.
   * With an adapter only the adapter is trained, and the pattern chooses the linear layers that have one.
   */
  trained: z.string(),
  adapter: z.object({ rank: z.number().int().min(1).max(1024), alpha: positive }).optional(),
  stages: z.array(Stage).min(1),
  optimizer: z.object({
    learningRate: positive, warmupSteps: z.number().int().nonnegative(),
    /** Updates over which the first cosine is laid out, where that is not up to the first restart. */
    horizon: z.number().int().positive().optional(),
    floor: share, beta1: share, beta2: share, epsilon: positive, weightDecay: z.number().nonnegative(), clip: positive, average: share,
  }),
  dropBranches: share,
  localAttention: z.number().nonnegative(),
  augment: z.object({ plain: share, zoom: z.number().min(1), aspect: z.number().min(1), shift: share, turn: z.number().min(0), colour: share, erase: share }),
  /** How often a record of a set is drawn, relative to 1 for those that are not named; 0 leaves a set out. */
  setWeights: z.record(z.string(), z.number().nonnegative()),
  /** How much an answer's tokens count, relative to those of the reasoning. */
  answerWeight: positive,
  checkpointEvery: z.number().int().positive(),
  /** Asks the averaged weights about at most `max` held-out cases after every so many updates and at the end; `loupe train` takes the cases of the split val. */
  validate: z.object({ every: z.number().int().positive(), max: z.number().int().positive().default(64) }).optional(),
  /**
   * Which checkpoints stay on the disk (`training/retention.ts`): the newest, the best by accuracy where the run validates, else by the mean reward since the checkpoint before, and every so many steps.
   * Absent: the two newest and, of a run with a policy stage, the best.
   */
  keep: z.object({
    last: z.number().int().min(1).default(2), best: z.number().int().nonnegative().default(1),
    every: z.number().int().positive().optional(), budgetBytes: positive.optional(),
  }).optional(),
});
export type Recipe = z.infer<typeof Recipe>;
