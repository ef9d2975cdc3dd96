/** What a person draws on an image: kept as points in stored pixels, so that no way of looking at the image can move it. */
import { z } from 'zod';

export const annotationKinds = ['length', 'bidirectional', 'angle', 'cobb', 'rectangle', 'ellipse', 'freehand', 'probe', 'arrow', 'calibration', 'key'] as const;
export const AnnotationKind = z.enum(annotationKinds);
export type AnnotationKind = z.infer<typeof AnnotationKind>;

export const Annotation = z.object({
  id: z.string().regex(/^[\w-]{8,64}$/),
  /** The frame that it is drawn on; a slide's only one is `<hash>-0`. */
  frameId: z.string().regex(/^[0-9a-f]{64}-\d{1,7}$/),
  kind: AnnotationKind,
  /**
   * In the frame's stored pixels (a slide's: level 0), pixel i covering [i, i + 1). Lengths, arrows and calibrations: both ends. Angle: an end, the vertex,
   * the other end. Cobb: both ends of one line, then of the other. Bidirectional: both ends of the long axis, then of the short one. Rectangle and
   * ellipse: two opposite corners of the box around it. Freehand: its outline. Probe: one place. Key: the middle of an
   * image that a person marked as a key image.
   */
  points: z.array(z.object({ x: z.number(), y: z.number() })).min(1).max(20_000),
  text: z.string().max(400),
  colour: z.string().regex(/^#[0-9a-f]{6}$/),
  isLocked: z.boolean(),
  isHidden: z.boolean(),
  /** Calibrations: the true length of what the line spans, millimetres. */
  millimetres: z.number().positive().nullable(),
  /** ISO time of its last change. */
  changedAt: z.string(),
});
export type Annotation = z.infer<typeof Annotation>;
