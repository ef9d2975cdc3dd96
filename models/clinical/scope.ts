/** What a model was trained on, as `scope.json` beside its weights says. */
import { z } from 'zod';
import { Modality } from './study.ts';

export const Scope = z.object({
  format: z.literal('loupe.scope/1'),
  /** Kinds of images, by modality and part of the body. */
  trained: z.array(z.object({ modality: Modality, bodyParts: z.array(z.string().max(60)).max(100) })).max(100),
  /** Things that it learnt to draw boxes around. */
  locates: z.array(z.string().max(60)).max(400).default([]),
  /** The most pictures of one question that it was trained on; absent: nothing is said of it. */
  mostImages: z.number().int().positive().optional(),
});
export type Scope = z.infer<typeof Scope>;
