/**
 * Which pixels were ever brought in, and in which files: later alteration of a known image can be shown by this alone, without any model.
 *
 * A line holds hashes and a time, nothing of a person. A file is told by its own hash, its pixels by theirs, an image by the hash of its identifier.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { LedgerFinding } from '#electron/contract/integrity.ts';
import { openJournal } from '#electron/storage/journal.ts';
import type { Fingerprint } from './fingerprint.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const Line = z.object({ at: z.string(), file: hash, pixels: hash.nullable(), instance: hash.nullable() });
type Line = z.infer<typeof Line>;

export interface Ledger {
  knows(file: string): boolean;
  /** Writes it down where its file is new. */
  note(fingerprint: Fingerprint): void;
  /** What it says of a file beside the others that were noted before or since. */
  findings(fingerprint: Fingerprint): readonly LedgerFinding[];
  close(): void;
}

const day = (at: string): string => at.slice(0, 10);

export function openLedger(folder: string, now: () => string): Ledger {
  const journal = openJournal(join(folder, 'pixels.jsonl'), (value) => Line.parse(value));
  const lines: Line[] = [...journal.entries];
  const files = new Set(lines.map(({ file }) => file));
  return {
    knows: (file) => files.has(file),
    note({ file, pixels, instance }) {
      if (files.has(file)) return;
      const line: Line = { at: now(), file, pixels, instance };
      journal.append(line);
      lines.push(line);
      files.add(file);
    },
    findings({ file, pixels, instance, contradictions }) {
      const others = lines.filter((line) => line.file !== file);
      const same = pixels === null ? [] : others.filter((line) => line.pixels === pixels);
      const changed = instance === null || pixels === null ? [] : others.filter((line) => line.instance === instance && line.pixels !== null && line.pixels !== pixels);
      return [
        ...changed.slice(0, 5).map((line): LedgerFinding => ({ code: 'changedPixels', text: `An image with the same identifier was brought in on ${day(line.at)} with other pixels (file ${line.file.slice(0, 12)}…).` })),
        ...same.slice(0, 5).map((line): LedgerFinding => ({ code: 'samePixels', text: `The same pixels were brought in on ${day(line.at)} in another file (${line.file.slice(0, 12)}…): what differs lies outside the image.` })),
        ...contradictions.slice(0, 20).map((text): LedgerFinding => ({ code: 'contradiction', text })),
      ];
    },
    close: () => journal.close(),
  };
}
