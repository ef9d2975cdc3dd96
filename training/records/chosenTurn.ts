/** One line of `stages/N/data.jsonl`: a question that a pipeline chose for its stage, with the completion to be learnt where there is one. */
import { z } from 'zod';
import { GoldSchema } from './gold.ts';
import type { Turn } from './turn.ts';

export const ChosenTurnLine = z.object({
  /** The id of its case. */
  case: z.string(),
  turn: z.object({
    questionType: z.string(), task: z.string().nullable(), question: z.string(), completion: z.string(), answer: z.string(), gold: GoldSchema,
    style: z.enum(['reasoned', 'direct']), weight: z.number().nonnegative(),
  }) satisfies z.ZodType<Turn>,
});
export type ChosenTurnLine = z.infer<typeof ChosenTurnLine>;
