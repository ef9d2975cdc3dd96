/** What the window knows of the audit journal: its entries, whether it holds, what changed, its keys. */
import { z } from 'zod';
import { Sha256, StudyId } from './library.ts';

/** An entry's kind, as in `ask`; `audit.state` names those that there are. */
const Kind = z.string().regex(/^[a-z]{1,20}$/);
const instant = z.string().max(40);

export const AuditEntry = z.object({
  seq: z.number().int(),
  /** ISO time. */
  at: z.string(),
  kind: Kind,
  /** Who, under the journal's pseudonym; `isSelf`: the account that runs the program now. */
  actor: z.object({ id: z.string(), method: z.string(), isSelf: z.boolean() }),
  software: z.object({ version: z.string(), build: z.string() }),
  /** The studies that it is about, where they are still in the library. */
  studies: z.array(z.object({ id: StudyId, name: z.string() })),
  subject: z.record(z.string(), z.string()),
  /** Its body as JSON text. */
  body: z.string(),
  hash: Sha256,
  prev: Sha256,
  /** A signature covers it. */
  isSigned: z.boolean(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditFilter = z.object({
  /** None: all of them. */
  kinds: z.array(Kind).max(40).default([]),
  studyId: StudyId.nullable().default(null),
  /** From this moment on, and before that one. */
  from: instant.nullable().default(null),
  to: instant.nullable().default(null),
});
export type AuditFilter = z.infer<typeof AuditFilter>;

export const AuditState = z.object({
  log: z.string(),
  size: z.number().int(),
  /** Entries under the last signature. */
  signed: z.number().int(),
  signedAt: z.string().nullable(),
  kinds: z.array(Kind),
  protection: z.enum(['system', 'passphrase', 'none']),
  /** The key is open: what is due to be signed is. */
  isOpen: z.boolean(),
  /** Sentences that the start had to say. */
  notices: z.array(z.string()),
});
export type AuditState = z.infer<typeof AuditState>;

export const AuditKey = z.object({
  fingerprint: z.string(),
  pem: z.string(),
  /** The entry from which it is valid, and when that was. */
  seq: z.number().int(),
  at: z.string(),
  /** Handed over by the key before it; the first one has none before it. */
  isHandedOver: z.boolean(),
  isCurrent: z.boolean(),
});
export type AuditKey = z.infer<typeof AuditKey>;

export const AuditVerdict = z.object({
  isWhole: z.boolean(),
  findings: z.array(z.object({ kind: z.string(), where: z.string(), what: z.string(), why: z.string() })),
  notes: z.array(z.string()),
  log: z.string().nullable(),
  entries: z.number().int(),
  signed: z.number().int(),
  checkpoints: z.number().int(),
  fingerprint: z.string().nullable(),
  root: z.string().nullable(),
  at: z.string(),
  seconds: z.number(),
});
export type AuditVerdict = z.infer<typeof AuditVerdict>;
/** As it crosses from the process that checks. */
export type JournalVerdict = Omit<AuditVerdict, 'at' | 'seconds'>;

export const AuditChanges = z.object({
  /** Entries since then, by kind. */
  kinds: z.record(z.string(), z.number().int()),
  entries: z.number().int(),
  /** Of the first of them; null where there is none. */
  first: z.number().int().nullable(),
  /** The studies that they are about, with what was done to each. */
  studies: z.array(z.object({ id: StudyId, name: z.string(), kinds: z.record(z.string(), z.number().int()) })),
  /** Programs that wrote: a second one means that Loupe was updated. */
  builds: z.array(z.string()),
  people: z.number().int(),
});
export type AuditChanges = z.infer<typeof AuditChanges>;

export const auditMethods = {
  'audit.state': { argument: z.null(), result: AuditState },
  /** The latest first; `before` is the `next` of the page before. */
  'audit.entries': {
    argument: AuditFilter.extend({ before: z.number().int().nullable().default(null), limit: z.number().int().min(1).max(500).default(100) }),
    result: z.object({ entries: z.array(AuditEntry), next: z.number().int().nullable(), matching: z.number().int() }),
  },
  /** Reads the file anew and recomputes every hash and signature; meanwhile `audit.verifying` tells how it goes. */
  'audit.verify': { argument: z.null(), result: AuditVerdict },
  'audit.since': { argument: z.object({ since: z.union([z.object({ seq: z.number().int().nonnegative() }), z.object({ at: instant })]) }), result: AuditChanges },
  'audit.keys': { argument: z.null(), result: z.array(AuditKey) },
  /** Opens the signing key, by its passphrase where one seals it; where there is none yet, it is made. The journal is signed from then on. */
  'audit.open': { argument: z.object({ passphrase: z.string().max(1000).nullable() }), result: AuditState },
  /** Signs all entries now: a note to keep elsewhere. */
  'audit.checkpoint': { argument: z.null(), result: z.object({ note: z.string(), size: z.number().int() }) },
} as const;

/** Bytes of the journal that were read of all. */
export const AuditVerifying = z.object({ done: z.number(), of: z.number() });
