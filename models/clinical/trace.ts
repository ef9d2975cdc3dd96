/** The model's reasoning about one question, as parsed from its completion. */
import { z } from 'zod';
import { Finding } from './finding.ts';

export const stepKinds = ['observation', 'measurement', 'comparison', 'knowledge', 'conclusion'] as const;
export const StepKind = z.enum(stepKinds);
export type StepKind = z.infer<typeof StepKind>;

/** One sentence of the reasoning; `findings` are indices into the trace's findings. */
export const ReasoningStep = z.object({ kind: StepKind, text: z.string(), findings: z.array(z.number().int().nonnegative()) });
export type ReasoningStep = z.infer<typeof ReasoningStep>;

/**
 * The steps, findings and answer that the model gave to one question.
 * `parsed` is false where the completion does not follow the format; then `raw` is all there is, and nothing is repaired.
 */
export const ReasoningTrace = z.object({
  raw: z.string(),
  parsed: z.boolean(),
  steps: z.array(ReasoningStep),
  findings: z.array(Finding),
  answer: z.string().nullable(),
  /** What was odd about the completion: boxes clamped or dropped, text after the answer. */
  flags: z.array(z.object({ code: z.string(), detail: z.string() })),
});
export type ReasoningTrace = z.infer<typeof ReasoningTrace>;
