/** What a run was trained on: the rows, their splits and one hash over them all. Once written it is never changed. */
import { z } from 'zod';
import { licenceClasses, splits } from './caseRecord.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const SnapshotRow = z.object({
  id: z.string(), task: z.string(), label: z.string(), split: z.enum(splits), group: z.string(), licenceClass: z.enum(licenceClasses),
  /** Of the image file. */
  sha256: hash,
  /** Of everything the row says: label, facts, boxes and the file's hash. */
  rowHash: hash,
});
export type SnapshotRow = z.infer<typeof SnapshotRow>;

export const Snapshot = z.object({
  version: z.literal(1),
  /** SHA-256 over the sorted row hashes, one per line. */
  hash,
  counts: z.record(z.string(), z.number().int().nonnegative()),
  rows: z.array(SnapshotRow),
});
export type Snapshot = z.infer<typeof Snapshot>;
