/** The writers of reports, by name; each is loaded when it is asked for. */
import type { FormatName, ReportFormat } from './formats/format.ts';

/** All but the capsule, which needs the audit: see `capsule.ts`. */
export type WriterName = Exclude<FormatName, 'capsule'>;

const writers: Readonly<Record<WriterName, () => Promise<ReportFormat>>> = {
  pdf: async () => (await import('./formats/pdf.ts')).pdf,
  html: async () => (await import('./formats/html.ts')).html,
  fhir: async () => (await import('./formats/fhir.ts')).fhir,
  sr: async () => (await import('./formats/dicomSr.ts')).sr,
  seg: async () => (await import('./formats/dicomSeg.ts')).seg,
  sc: async () => (await import('./formats/dicomSc.ts')).sc,
  document: async () => (await import('./formats/dicomDocument.ts')).document,
};

export const writer = (name: WriterName): Promise<ReportFormat> => writers[name]();

export const writerNames = Object.keys(writers) as readonly WriterName[];
