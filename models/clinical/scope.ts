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
  /** Present: not whoever trained it said so, but this person. */
  statedBy: z.string().max(200).optional(),
});
export type Scope = z.infer<typeof Scope>;
export type Trained = Scope['trained'];

/** What `xray: chest; ct: chest, brain; microscopy` says; a kind of image without parts means any of them. Null where it names no kind that there is, or one twice. */
export function readTrained(text: string): Trained | null {
  const kinds = text.split(';').filter((kind) => kind.trim() !== '').map((kind) => {
    const [name = '', parts = ''] = kind.split(/:(.*)/s);
    return { modality: name.trim().toLowerCase(), bodyParts: [...new Set(parts.split(',').map((part) => part.trim().toLowerCase()).filter((part) => part !== ''))] };
  });
  const read = Scope.shape.trained.min(1).safeParse(kinds);
  return read.success && new Set(kinds.map(({ modality }) => modality)).size === kinds.length ? read.data : null;
}

/** The same backwards. */
export const trainedText = (trained: Trained): string => trained.map(({ modality, bodyParts }) => (bodyParts.length === 0 ? modality : `${modality}: ${bodyParts.join(', ')}`)).join('; ');
