/** What the window says of drawings: each gesture is a few changes, and undoing it is a few more. */
import { z } from 'zod';
import { Annotation } from '#models/clinical/annotation.ts';

export const AnnotationChange = z.discriminatedUnion('kind', [z.object({ kind: z.literal('put'), annotation: Annotation }), z.object({ kind: z.literal('drop'), id: z.string().min(1).max(64) })]);
export type AnnotationChange = z.infer<typeof AnnotationChange>;
