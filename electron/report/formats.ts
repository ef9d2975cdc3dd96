/** The writers of reports, by name; each is loaded when it is asked for. */
import type { FormatName, ReportFormat } from './formats/format.ts';

/** All but the capsule, which needs the audit: see `capsule.ts`. */
const writers: Partial<Readonly<Record<FormatName, () => Promise<ReportFormat>>>> = {
  pdf: async () => (await import('./formats/pdf.ts')).pdf,
  html: async () => (await import('./formats/html.ts')).html,
  fhir: async () => (await import('./formats/fhir.ts')).fhir,
  sr: async () => (await import('./formats/dicomSr.ts')).sr,
  seg: async () => (await import('./formats/dicomSeg.ts')).seg,
  sc: async () => (await import('./formats/dicomSc.ts')).sc,
  document: async () => (await import('./formats/dicomDocument.ts')).document,
};

/** Null where there is none. */
export const writer = async (name: FormatName): Promise<ReportFormat | null> => await writers[name]?.() ?? null;
