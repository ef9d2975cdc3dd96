/** What a row of an index tells of an image that was altered, or left untouched beside such ones. */
import { z } from 'zod';
import { AlterationClaim, alterationTypes, cueNames } from '#models/clinical/alteration.ts';
import type { CaseRecord } from './caseRecord.ts';

/** The question type, and the name of the fact, under which it stands. */
export const alterationType = 'alteration';
/** The class of the box in a row. */
export const alteredRegion = 'altered_region';

/** What a row tells beside its class and box. */
export const AlterationFact = z.object({
  type: z.enum(alterationTypes).nullable(),
  generator: z.string().nullable(),
  generatorVersion: z.number().int(),
  /** Whether generators were used that nothing may be learnt from; of untouched images, of those that they were made with. */
  isKept: z.boolean(),
  /** Cues that stand out in the altered region, by the maps that nobody learnt. */
  cues: z.array(z.enum(cueNames)).default([]),
  /** A member of the row's archive, white where altered. */
  mask: z.string().nullable(),
  /** The case and its seed. */
  source: z.string(),
  seed: z.number().int(),
});
export type AlterationFact = z.infer<typeof AlterationFact>;

/** What is true of a row; null where it is none of an altered or untouched image. */
export function alterationOf({ label, facts, boxes }: Pick<CaseRecord, 'label' | 'facts' | 'boxes'>): (AlterationClaim & { readonly fact: AlterationFact }) | null {
  const fact = AlterationFact.safeParse(facts[alterationType]).data;
  const claim = AlterationClaim.safeParse({ class: label, type: fact?.type ?? null, box: boxes?.[0]?.box ?? null }).data;
  return fact && claim ? { ...claim, fact } : null;
}
