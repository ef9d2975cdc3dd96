/** What a run writes down, as whoever reads it may expect it: the trainer's files are checked against this when they are shown. */
import { z } from 'zod';
import { Recipe } from './recipe.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** `manifest.json` of a run folder: all that determines the run, written before the first update. */
export const RunManifest = z.object({
  recipe: Recipe,
  data: z.object({ cases: z.number().int().positive(), sha256: hash }),
  tokenizer: z.object({ sha256: hash }),
  /** Of what is trained as it was before the first update; absent in runs of before it was written down. */
  start: z.object({ tensors: z.number().int().nonnegative(), sha256: hash }).optional(),
  node: z.string(),
});
export type RunManifest = z.infer<typeof RunManifest>;

/** One line of `metrics.jsonl`: what one update did. Times are seconds, the loss is in nats for each learnt token. */
export const StepRecord = z.object({
  /** From 1. */
  step: z.number().int().positive(),
  stage: z.number().int().nonnegative(),
  loss: z.number(),
  /** The loss over cells with its factor, where the stage has one. */
  cells_loss: z.number().optional(),
  /** The loss over labels beside the answers with its factor, where the stage has one. */
  labels_loss: z.number().optional(),
  learning_rate: z.number().nonnegative(),
  /** Before clipping. */
  grad_norm: z.number().nonnegative(),
  learnt_tokens: z.number().int().nonnegative(),
  tokens: z.number().int().nonnegative(),
  images: z.number().int().positive(),
  draw_s: z.number().nonnegative(),
  step_s: z.number().nonnegative(),
  // A policy stage adds its own numbers, by TRL's names where it has one: `reward`, `rewards/NAME/mean`, `completions/mean_length`, `kl`, `timing/rollout_s` …
}).catchall(z.number().optional());
export type StepRecord = z.infer<typeof StepRecord>;
