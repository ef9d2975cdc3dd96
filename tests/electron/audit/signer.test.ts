/** Where the system opens the key by itself, a person still has to prove who they are. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { checkJournal } from '#electron/audit/chain.ts';
import { journalFile } from '#electron/audit/journal.ts';
import type { SystemStore } from '#electron/audit/keys.ts';
import { temporaryFolder } from '#tests/support/audit.ts';

/** Seals by adding random bytes that it remembers: enough to tell whether it was asked. */
function store(): SystemStore {
  const kept = new Map<string, string>();
  return {
    isEncryptionAvailable: () => true, getSelectedStorageBackend: () => 'gnome_libsecret',
    encryptString(text) {
      const name = randomBytes(8);
      kept.set(name.toString('hex'), text);
      return name;
    },
    decryptString: (sealed) => kept.get(sealed.toString('hex')) ?? '',
  };
}

const folder = temporaryFolder();
const passphrase = 'my own signing words';
let audit: Audit;
beforeAll(async () => {
  audit = await openAudit({ dataFolder: folder, version: '1', system: store(), work: 2 ** 14 });
});
afterAll(() => audit.close());

describe('a key that the system keeps', () => {
  test('is open at once, and signs the journal without anybody\'s words', async () => {
    expect([audit.isOpen, audit.protection, audit.proof]).toEqual([true, 'system', 'none']);
    expect((await audit.open(null)).protection).toBe('system');
  });
  test('signs for a person only by a passphrase that is set at the first time, which the journal says', async () => {
    await expect(audit.authenticate(null)).rejects.toMatchObject({ code: 'audit.passphrase' });
    await expect(audit.authenticate('short')).rejects.toMatchObject({ code: 'audit.passphrase' });
    await audit.authenticate(passphrase);
    expect(audit.proof).toBe('passphrase');
    expect(checkJournal(readFileSync(journalFile(join(folder, 'audit')))).chain.at(-1)?.entry).toMatchObject({ kind: 'edit', body: { method: 'audit.signer' } });
  });
  test('signs by no other words afterwards', async () => {
    await expect(audit.authenticate('not my own signing words')).rejects.toMatchObject({ code: 'audit.passphrase', why: 'The passphrase is another one.' });
    expect((await audit.authenticate(passphrase)).publicKey).toHaveLength(32);
  });
  test('keeps nothing from which the words could be read', () => expect(readFileSync(join(folder, 'audit', 'signer.json'), 'utf8')).not.toContain(passphrase));
  test('does not sign when the file of the proof was exchanged for nonsense or for one that costs nothing', async () => {
    const path = join(folder, 'audit', 'signer.json');
    const text = readFileSync(path, 'utf8');
    for (const other of ['{}', text.replace('16384', '2')]) {
      writeFileSync(path, other);
      await expect(audit.authenticate(passphrase)).rejects.toMatchObject({ code: expect.stringMatching(/^audit\./) as unknown });
    }
    writeFileSync(path, text);
  });
});
