/** A key is handed over to the next one, and nobody but its owner can do it. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { checkJournal } from '#electron/audit/chain.ts';
import { readHead } from '#electron/audit/head.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { keyFile, openKey, publicKeyIn, sealNextKey } from '#electron/audit/keys.ts';
import { fingerprintOf } from '#electron/audit/note.ts';
import { temporaryFolder } from '#tests/support/audit.ts';

const [first, second] = ['a passphrase of several words', 'another passphrase, as long'];
const openIn = (folder: string, passphrase: string | null): Promise<Audit> => openAudit({ dataFolder: folder, version: '1', passphrase, work: 2 ** 14 });
const check = (folder: string) => checkJournal(readFileSync(journalFile(join(folder, 'audit'))), { head: readHead(journalFile(join(folder, 'audit'))) });
async function begun(folder: string): Promise<Audit> {
  await openKey({ folder: join(folder, 'audit'), passphrase: first, work: 2 ** 14 });
  return openIn(folder, first);
}

describe('a key that is handed over', () => {
  test('signs from then on, in the same journal, and opens with its own passphrase at the next start', async () => {
    const folder = temporaryFolder();
    const audit = await begun(folder);
    audit.journal.append({ kind: 'answer' });
    const { log } = audit.journal;
    const next = await audit.rotate(first, second);
    audit.journal.append({ kind: 'answer' });
    audit.close();
    expect(check(folder)).toMatchObject({ isWhole: true, fingerprint: next, signed: check(folder).entries });
    await expect(openIn(folder, first)).rejects.toMatchObject({ code: 'audit.passphrase' });
    const again = await openIn(folder, second);
    expect([again.journal.log, again.journal.notices]).toEqual([log, []]);
    again.close();
  });
  test('is not handed over to who does not know the passphrase', async () => {
    const audit = await begun(temporaryFolder());
    await expect(audit.rotate('not the passphrase', second)).rejects.toMatchObject({ code: 'audit.passphrase' });
    audit.close();
  });
  test('survives a crash between the journal\'s entry and the key\'s file', async () => {
    const folder = temporaryFolder();
    const audit = await begun(folder);
    const key = keyFile(join(folder, 'audit'));
    copyFileSync(key, `${key}.before`);
    const next = await audit.rotate(first, second);
    audit.close();
    // As if the new file had not taken its place yet.
    copyFileSync(key, `${key}.next`);
    copyFileSync(`${key}.before`, key);
    const again = await openIn(folder, second);
    expect([fingerprintOf(publicKeyIn(join(folder, 'audit')) ?? Buffer.alloc(0)), again.journal.notices, existsSync(`${key}.next`)]).toEqual([next, [], false]);
    again.close();
  });
  test('that the journal never named changes nothing', async () => {
    const folder = temporaryFolder();
    (await begun(folder)).close();
    const before = publicKeyIn(join(folder, 'audit'));
    await sealNextKey({ folder: join(folder, 'audit'), passphrase: second, work: 2 ** 14 });
    (await openIn(folder, first)).close();
    expect(publicKeyIn(join(folder, 'audit'))).toEqual(before);
  });
  test('is found out when its entry was written by another', async () => {
    const folder = temporaryFolder();
    const audit = await begun(folder);
    await audit.rotate(first, second);
    audit.close();
    const path = journalFile(join(folder, 'audit'));
    const text = readFileSync(path, 'utf8');
    const entry = text.split('\n').find((line) => line.includes('"kind":"key"')) ?? '';
    const before = /"before":"([^"]+)"/.exec(entry)?.[1] ?? '';
    writeFileSync(path, text.replace(before, Buffer.alloc(64, 1).toString('base64')));
    expect(check(folder).isWhole).toBe(false);
  });
});

test('a locked journal is signed from the moment that its owner unlocks it', async () => {
  const folder = temporaryFolder();
  (await begun(folder)).close();
  const audit = await openIn(folder, null);
  audit.journal.append({ kind: 'judge' });
  expect([audit.isOpen, audit.protection, audit.journal.checkpoint()]).toEqual([false, 'passphrase', null]);
  await audit.authenticate(first);
  expect([audit.isOpen, audit.journal.checkpoint()]).toEqual([true, expect.stringContaining(audit.journal.log)]);
  audit.close();
  expect(check(folder)).toMatchObject({ isWhole: true, signed: check(folder).entries });
});

test('the first signature of a workstation makes its key', async () => {
  const folder = temporaryFolder();
  const audit = await openIn(folder, null);
  expect(audit.protection).toBeNull();
  await expect(audit.authenticate('short')).rejects.toMatchObject({ code: 'audit.passphrase' });
  const key = await audit.authenticate(first);
  expect([key.protection, audit.protection]).toEqual(['passphrase', 'passphrase']);
  audit.close();
  expect(check(folder)).toMatchObject({ isWhole: true, fingerprint: fingerprintOf(key.publicKey) });
});
