/** What is seen and where. */
import { z } from 'zod';

/** A rectangle on one frame, in that frame's stored pixels (a slide's: level 0). Right and lower edges are exclusive: x2 − x1 is the width. */
export const Box = z.object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number() });
export type Box = z.infer<typeof Box>;

/** One thing seen, and the boxes that show it. `frame` counts the frames that were sent to the model, from 0. */
export const Finding = z.object({ label: z.string(), frame: z.number().int().nonnegative(), boxes: z.array(Box) });
export type Finding = z.infer<typeof Finding>;

export const area = ({ x1, y1, x2, y2 }: Box): number => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);

/** Intersection over union of two boxes, 0 … 1; 0 where both are empty. */
export function iou(a: Box, b: Box): number {
  const shared = area({ x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1), x2: Math.min(a.x2, b.x2), y2: Math.min(a.y2, b.y2) });
  const union = area(a) + area(b) - shared;
  return union > 0 ? shared / union : 0;
}
