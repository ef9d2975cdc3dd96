/** The audit: 10,000 entries appended and verified, a capsule of 200 MB verified. */

import { createPublicKey, generateKeyPairSync, randomFillSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkCapsule, composeCapsule } from '#electron/audit/capsule.ts';
import { checkJournal } from '#electron/audit/chain.ts';
import { fieldsOf, rootsOf } from '#electron/audit/fields.ts';
import { readHead } from '#electron/audit/head.ts';
import { journalFile, openAuditJournal, type AuditJournal } from '#electron/audit/journal.ts';
import { zip } from '#electron/audit/zip.ts';
import { rounded } from './measure.ts';

const entries = 10_000;
const megabytes = 200;

export async function benchAudit(): Promise<readonly Record<string, unknown>[]> {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-bench-audit-'));
  try {
    const forced = appended(join(folder, 'forced'), true);
    const gathered = appended(join(folder, 'gathered'), false);
    const path = journalFile(join(folder, 'forced'));
    const [verifyMs, { isWhole, signed }] = timed(() => checkJournal(readFileSync(path), { head: readHead(path) }));
    if (!isWhole || signed < entries) throw new Error('bench audit: the journal does not hold');
    const [reopenMs, journal] = timed(() => open(join(folder, 'forced')));
    const capsule = verified(journal, join(folder, 'capsule.zip'));
    journal.close();
    return [
      {
        what: `audit journal: ${entries} entries`,
        ours: roundedAll({
          append_forced_us: (1000 * forced.ms) / entries, append_forced_processor_us: (1000 * forced.processorMs) / entries, append_gathered_us: (1000 * gathered.ms) / entries,
          append_gathered_processor_us: (1000 * gathered.processorMs) / entries, verify_ms: verifyMs, reopen_ms: reopenMs, megabytes: readFileSync(path).length / 1e6,
        }),
      },
      { what: `evidence capsule of ${megabytes} MB`, ours: roundedAll(capsule) },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { privateKey } = generateKeyPairSync('ed25519');
const key = { publicKey: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32), sign: (message: Uint8Array) => sign(null, message, privateKey) };

const open = (folder: string): AuditJournal => openAuditJournal({ folder, key, software: { version: 'bench', build: 'bench' }, actor: () => ({ id: 'bench', method: 'os' }) });

/** What appending took, on the wall and of the processor; every tenth entry is an answer, which is signed at once. */
function appended(folder: string, isDurable: boolean): { readonly ms: number; readonly processorMs: number } {
  const journal = open(folder);
  const before = process.cpuUsage();
  const [ms] = timed(() => {
    for (let i = 0; i < entries; i++) journal.append({ kind: i % 10 === 0 ? 'answer' : 'view', subject: { study: 'f'.repeat(32) }, body: { number: i } }, { isDurable });
  });
  const { user, system } = process.cpuUsage(before);
  journal.close();
  return { ms, processorMs: (user + system) / 1000 };
}

function verified(journal: AuditJournal, path: string): Record<string, number> {
  const fields = fieldsOf({ question: 'bench', output: { tokens: Array.from({ length: 500 }, (_, i) => i) } }, key.publicKey);
  const answer = journal.append({ kind: 'answer', body: { record: { ...rootsOf(fields) } } });
  const parts = Array.from({ length: megabytes / 20 }, (_, i) => ({ path: `pictures/${i}.png`, kind: 'picture' as const, holds: ['pictures' as const], bytes: randomFillSync(Buffer.alloc(20_000_000)) }));
  const [writeMs] = timed(() => writeFileSync(path, zip(composeCapsule({ journal, answer: answer.entry.seq, id: 'bench', fields, parts, secret: key.publicKey, at: new Date().toISOString() }))));
  const [verifyMs, { isWhole }] = timed(() => checkCapsule(path));
  if (!isWhole) throw new Error('bench audit: the capsule does not hold');
  return { write_ms: writeMs, verify_ms: verifyMs, verify_mb_per_s: (1000 * megabytes) / verifyMs };
}

const roundedAll = (figures: Readonly<Record<string, number>>): Record<string, number> => Object.fromEntries(Object.entries(figures).map(([name, x]) => [name, rounded(x)]));

function timed<T>(act: () => T): [number, T] {
  const start = performance.now();
  const result = act();
  return [performance.now() - start, result];
}
