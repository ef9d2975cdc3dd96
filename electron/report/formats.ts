/** The writers of reports, by name; each is loaded when it is asked for. */
import type { FormatName, ReportFormat } from './formats/format.ts';

const writers = {
  pdf: async () => (await import('./formats/pdf.ts')).pdf,
} as const satisfies Partial<Readonly<Record<FormatName, () => Promise<ReportFormat>>>>;

/** All but the capsule, which needs the audit: see `capsule.ts`. */
export const writerNames = Object.keys(writers) as (keyof typeof writers)[];
export const writer = (name: keyof typeof writers): Promise<ReportFormat> => writers[name]();
