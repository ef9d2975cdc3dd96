/** What a run writes down, so that it can be read, compared and resumed. */
import { z } from 'zod';

const json = z.record(z.string(), z.unknown());
const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** `manifest.json` of a run folder: all that determines the run, written before the first step. */
export const RunManifest = z.object({
  version: z.literal(1),
  /** The recipe as it was run, defaults filled in. */
  recipe: json,
  recipeName: z.string().min(1),
  seed: z.number().int(),
  /** Of the snapshot of the records. */
  dataHash: hash,
  device: z.string().min(1),
  /** Of this project, the runtime and Node. */
  versions: z.record(z.string(), z.string()),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
});
export type RunManifest = z.infer<typeof RunManifest>;

/** One line of `metrics.jsonl`: what one update did. */
export const StepRecord = z.object({
  /** From 1. */
  step: z.number().int().positive(),
  /** Mean over the supervised tokens, in nats. */
  loss: z.number(),
  learningRate: z.number().nonnegative(),
  /** Before clipping. */
  gradNorm: z.number().nonnegative(),
  tokensPerSecond: z.number().nonnegative(),
  samples: z.number().int().nonnegative().optional(),
  secondsElapsed: z.number().nonnegative().optional(),
});
export type StepRecord = z.infer<typeof StepRecord>;

/** `checkpoint.json` beside the weights of one checkpoint: where it stands in its run, and how it measured. */
export const CheckpointRecord = z.object({
  version: z.literal(1),
  step: z.number().int().nonnegative(),
  seed: z.number().int(),
  dataHash: hash,
  /** Of each file of the checkpoint, by name. */
  files: z.record(z.string(), hash),
  /** Held-out figures, where they were taken. */
  measures: json.optional(),
});
export type CheckpointRecord = z.infer<typeof CheckpointRecord>;
