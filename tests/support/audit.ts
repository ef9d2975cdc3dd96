/** Journals and keys for tests of the audit. */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type AuditEvent, type Head } from '#electron/audit/chain.ts';
import { readHead } from '#electron/audit/head.ts';
import { openAuditJournal, type AuditJournal, type AuditJournalOptions } from '#electron/audit/journal.ts';
import type { SigningKey } from '#electron/audit/note.ts';

/** A folder that goes away when the file's tests have ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-audit-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function newKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { publicKey: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32), sign: (message) => sign(null, message, privateKey) };
}

export const software = { version: '0.0.0', build: 'test' };

export const openIn = (folder: string, options: Partial<AuditJournalOptions> = {}): AuditJournal =>
  openAuditJournal({ folder, software, actor: (pseudonym) => ({ id: pseudonym('reader'), method: 'os' }), ...options });

const kinds = ['view', 'ask', 'answer', 'judge', 'edit'] as const;
export const eventOf = (i: number): AuditEvent => ({ kind: kinds[i % kinds.length] ?? 'view', subject: { study: `s${i % 3}` }, body: { number: i, text: 'é≥\u2028' } });

export interface WrittenJournal {
  readonly path: string;
  readonly bytes: Buffer;
  readonly head: Head;
}

/** A finished journal of so many events. */
export function writeJournal(folder: string, events: number, key: SigningKey | null = newKey()): WrittenJournal {
  const journal = openIn(folder, { key });
  for (let i = 0; i < events; i++) journal.append(eventOf(i), { isDurable: false });
  journal.close();
  return { path: journal.path, bytes: readFileSync(journal.path), head: readHead(journal.path) as Head };
}
