/** What of a COCO file is read, and what rides along in it. */
import { z } from 'zod';

/** Whatever a row of an index says beside what the other form has a field for. */
export const Rest = z.record(z.string(), z.unknown());

export const Coco = z.object({
  images: z.array(z.object({ id: z.number().int(), file_name: z.string(), width: z.number(), height: z.number(), loupe: Rest.optional() })).max(1_000_000),
  annotations: z.array(z.object({ image_id: z.number().int(), category_id: z.number().int(), bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]) })).max(10_000_000),
  categories: z.array(z.object({ id: z.number().int(), name: z.string() })).max(100_000),
});
