/** What is asked, and about which image. */
import { z } from 'zod';

/** A question, with its options where it is a choice. */
export const Question = z.object({ text: z.string().min(1), options: z.array(z.string()).optional() });
export type Question = z.infer<typeof Question>;
