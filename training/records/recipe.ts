/** Everything that determines a supervised run, the seed included. */
import { z } from 'zod';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

/** A stretch of the run with one image size and one batch shape. */
export const Stage = z.object({
  /**
   * `answer`: the whole network learns to write completions. `classify`: the tower alone learns to tell the labels of all tasks apart, through a linear
   * layer that is thrown away afterwards; several times as many images an hour.
   */
  learns: z.enum(['answer', 'classify']),
  steps: z.number().int().positive(),
  /** Narrows the recipe's `trained` for this stage. */
  trained: z.string().optional(),
  /** Begins the learning rate anew: it warms up to this peak and falls until the next restart, or the end of the run. */
  restart: z.object({ learningRate: positive, warmupSteps: z.number().int().nonnegative() }).optional(),
  /** Synthetic images of all kinds that join the cases, drawn from the recipe's seed; their sets are called `phantom_KIND`. */
  phantoms: z.number().int().nonnegative().default(0),
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
  /** Part of the questions that are put in the short form, answered without reasoning. */
  direct: share.default(0),
  /** For `classify`: part of the images into which another one is mixed, and the part of a target that is spread over the other labels of its task. */
  mix: share.default(0),
  smoothing: share.default(0),
});
export type Stage = z.infer<typeof Stage>;

export const Recipe = z.object({
  name: z.string().regex(/^[a-zA-Z0-9-]+$/),
  /** Where the method comes from and what departs from it. */
  source: z.string(),
  objective: z.literal('sft'),
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
});
export type Recipe = z.infer<typeof Recipe>;
