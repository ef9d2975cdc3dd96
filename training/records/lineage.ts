/** Where weights come from: the record that lies beside them and names, by hash, everything that they were made of. */
import { z } from 'zod';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** A file of the folder and its bytes. */
const HashedFile = z.object({ name: z.string().min(1).max(200), sha256: hash });
export type HashedFile = z.infer<typeof HashedFile>;

const LineageRun = z.object({
  recipe: z.object({ name: z.string().max(200), sha256: hash }),
  /** The snapshot's hash, and how many cases it holds. */
  data: z.object({ snapshot: hash, cases: z.number().int().nonnegative() }),
  /** Updates done. */
  step: z.number().int().nonnegative(),
  seed: z.number().int().nonnegative(),
  /** Of tokenizer.json's content as the run used it. */
  tokenizer: hash,
});
export type LineageRun = z.infer<typeof LineageRun>;

export interface Lineage {
  readonly version: 1;
  /** As people call it: the folder's own name, no path. */
  readonly name: string;
  readonly kind: 'checkpoint' | 'adapter';
  /** Everything of the folder that determines what the model says: weights, configuration, tokenizer, preprocessing. By name. */
  readonly files: readonly HashedFile[];
  /** How it was made of its parent; null for weights that came from elsewhere. */
  readonly run: LineageRun | null;
  /** What the run began from; null where it began from nothing, or where nothing is known. */
  readonly parent: Lineage | null;
  /** Of an adapter that is a sum of others: how much each counts, and where it comes from. */
  readonly parts?: readonly { readonly weight: number; readonly lineage: Lineage }[] | undefined;
  /** SHA-256 over all of the above, the parent's hash standing for the parent. */
  readonly hash: string;
}

export const Lineage: z.ZodType<Lineage> = z.object({
  version: z.literal(1), name: z.string().max(200), kind: z.enum(['checkpoint', 'adapter']), files: z.array(HashedFile).min(1).max(1000),
  run: LineageRun.nullable(), parent: z.lazy(() => Lineage.nullable()), hash,
  parts: z.array(z.object({ weight: z.number(), lineage: z.lazy(() => Lineage) })).min(1).max(100).optional(),
});
