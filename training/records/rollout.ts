/** One line of `rollouts/step-N.jsonl`: a prompt with all its completions, what each earned and how it was judged within its group. */
import { z } from 'zod';
import { GoldSchema } from './gold.ts';

const box = z.object({ label: z.string(), box: z.tuple([z.number(), z.number(), z.number(), z.number()]) });

export const RolloutCompletion = z.object({
  text: z.string(),
  tokens: z.array(z.number().int().nonnegative()),
  /** ln p under the sampler, at its temperature; the same length as `tokens`. */
  logprobs: z.array(z.number()),
  /** How unsure the sampler was at each token, in nats, where that was written down. */
  entropies: z.array(z.number()).optional(),
  /** The text of each token, for showing; the same length as `tokens`. */
  pieces: z.array(z.string()),
  finished: z.boolean(),
  reward: z.number().nullable(),
  /** Each reward by its name; null where it did not apply. */
  rewards: z.record(z.string(), z.number().nullable()),
  parts: z.record(z.string(), z.number()),
  correct: z.boolean(),
  advantage: z.number(),
  /** Boxes of the whole completion, [x1, y1, x2, y2] in the pixels that the model saw. */
  boxes: z.array(box),
});
export type RolloutCompletion = z.infer<typeof RolloutCompletion>;

export const RolloutLine = z.object({
  /** From 1. */
  step: z.number().int().positive(),
  stage: z.number().int().nonnegative(),
  prompt: z.string(),
  /** The case and the kind of question. */
  case: z.string(),
  set: z.string(),
  question_type: z.string(),
  question: z.string(),
  gold: GoldSchema,
  /** The gold as it would be written. */
  answer: z.string(),
  /** Of the picture that the model saw, in pixels. */
  size: z.object({ width: z.number().int().positive(), height: z.number().int().positive() }),
  /** Token ids of the prompt; image placeholders are repeated. */
  prompt_tokens: z.number().int().positive(),
  completions: z.array(RolloutCompletion),
});
export type RolloutLine = z.infer<typeof RolloutLine>;
