/** What the window knows of checks for signs of alteration. */
import { z } from 'zod';
import { alterationLevels, AlterationClaim, Measured } from '#models/clinical/alteration.ts';
import { Box } from '#models/clinical/finding.ts';
import { Sha256, StudyId } from './library.ts';
import { AskedView } from './review.ts';

export const CheckId = z.string().regex(/^[\w-]{1,64}$/);

/** Maps beside each other: what was learnt, fine noise, the compression's grid, copies, and what stands in one slice alone. */
export const evidenceNames = ['learnt', 'noise', 'grid', 'copies', 'continuity'] as const;
export type EvidenceName = (typeof evidenceNames)[number];

/** Values of cells of 8 × 8 pixels of the picture that was looked at, row by row, 0 … 255, as base64. */
export const EvidenceGrid = z.object({ name: z.enum(evidenceNames), values: z.string().max(8_000_000) });
export type EvidenceGrid = z.infer<typeof EvidenceGrid>;

export const IntegrityCue = z.object({ name: z.enum(['noise', 'smoothness', 'grid', 'copy', 'continuity']), z: z.number(), isBorneOut: z.boolean() });
export type IntegrityCue = z.infer<typeof IntegrityCue>;

/** A sentence of an explanation, and why it is not borne out; null where it is. */
export const SaidSentence = z.object({ text: z.string().max(2000), doubt: z.string().max(400).nullable() });

/** A finding that needs no model: the same pixels in another file, other pixels under the same identifier, a header that its pixels contradict. */
export const LedgerFinding = z.object({ code: z.enum(['samePixels', 'changedPixels', 'contradiction']), text: z.string().max(600) });
export type LedgerFinding = z.infer<typeof LedgerFinding>;

export const IntegrityCheck = z.object({
  id: CheckId, studyId: StudyId, view: AskedView, at: z.string(),
  /** Of the picture that was looked at, and the part of its source that it shows. */
  width: z.number().int(), height: z.number().int(), area: Box,
  level: z.enum(alterationLevels),
  /** Why nothing was looked for, or why the word is weaker than the score alone would give. */
  why: z.string().max(400).nullable(),
  /** Boxes here and in `regions` in pixels of the source. */
  claim: AlterationClaim,
  score: z.number().min(0).max(1),
  regions: z.array(z.object({ box: Box, score: z.number() })).max(100),
  fields: z.number().int().nonnegative(),
  cues: z.array(IntegrityCue),
  copies: z.array(z.object({ dx: z.number(), dy: z.number(), votes: z.number().int() })).max(20),
  evidence: z.array(EvidenceGrid),
  columns: z.number().int(), rows: z.number().int(),
  sentences: z.array(SaidSentence).max(100),
  ledger: z.array(LedgerFinding).max(100),
  network: Sha256.nullable(),
  /** How often the network raises signs on untouched images; null where that was never measured. */
  falseAlarms: z.object({ suspected: Measured, strong: Measured }).nullable(),
  seconds: z.number().nonnegative(),
});
export type IntegrityCheck = z.infer<typeof IntegrityCheck>;

/** Fields of the picture that were looked at so far. */
export const IntegrityProgress = z.object({ checkId: CheckId, done: z.number().int(), total: z.number().int() });

/** The methods, for the one table. */
export const integrityMethods = {
  /** Looks for signs of alteration on what is shown; `integrity.progress` tells how far it is. */
  'integrity.check': { argument: z.object({ checkId: CheckId, studyId: StudyId, view: AskedView }), result: IntegrityCheck },
  'integrity.cancel': { argument: z.object({ checkId: CheckId }), result: z.null() },
  /** What was checked of a study, newest first. */
  'integrity.checks': { argument: z.object({ studyId: StudyId }), result: z.array(IntegrityCheck) },
} as const;

/** Of files that came in: other pixels under an identifier that was known. */
export const LedgerNews = z.object({ studyId: StudyId, findings: z.array(LedgerFinding).max(100) });

export const integrityEvents = { 'integrity.progress': IntegrityProgress, 'integrity.ledger': LedgerNews } as const;
