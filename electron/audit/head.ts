/** Reading the file beside a journal, which tells where its end was. */
import { readFileSync } from 'node:fs';
import { parseHead, type Head } from './chain.ts';

export const headFile = (journal: string): string => `${journal.replace(/\.jsonl$/, '')}.head`;

/** Null where there is none, or none that can be read. */
export function readHead(journal: string): Head | null {
  try {
    return parseHead(readFileSync(headFile(journal), 'utf8'));
  } catch {
    return null;
  }
}
