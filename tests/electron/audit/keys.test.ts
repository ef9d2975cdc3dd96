/** The signing key is sealed by the system or by a passphrase; nothing else than who has that opens it. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keyFile, openKey, publicKeyIn, type SystemStore } from '#electron/audit/keys.ts';
import { isSignature } from '#electron/audit/note.ts';
import { temporaryFolder } from '#tests/support/audit.ts';

const folder = temporaryFolder();
let made = 0;
const fresh = (): string => join(folder, String(made++));
const passphrase = 'correct horse battery';
const work = 2 ** 14;
/** A store that turns bytes round, so that a test can see whether it was asked. */
const system = (backend = 'gnome_libsecret'): SystemStore => ({
  isEncryptionAvailable: () => true, getSelectedStorageBackend: () => backend,
  encryptString: (text) => Buffer.from(text).map((byte) => byte ^ 0x5a) as Buffer, decryptString: (sealed) => Buffer.from(sealed.map((byte) => byte ^ 0x5a)).toString(),
});

describe('a passphrase', () => {
  test('seals the key, which signs after the file was opened again', async () => {
    const where = fresh();
    const made = (await openKey({ folder: where, passphrase, work }))!;
    const again = (await openKey({ folder: where, passphrase }))!;
    expect(again.publicKey).toEqual(made.publicKey);
    expect(isSignature(Buffer.from('x'), again.sign(Buffer.from('x')), made.publicKey)).toBe(true);
    expect(isSignature(Buffer.from('y'), again.sign(Buffer.from('x')), made.publicKey)).toBe(false);
    expect(publicKeyIn(where)).toEqual(made.publicKey);
    if (process.platform !== 'win32') expect(statSync(keyFile(where)).mode & 0o077).toBe(0);
    await expect(openKey({ folder: where, passphrase: 'another passphrase' })).rejects.toMatchObject({ code: 'audit.passphrase' });
    expect(await openKey({ folder: where })).toBeNull();
    // A file whose public half was exchanged is not believed.
    const file = JSON.parse(readFileSync(keyFile(where), 'utf8')) as Record<string, unknown>;
    writeFileSync(keyFile(where), JSON.stringify({ ...file, publicKey: Buffer.alloc(32, 1).toString('base64') }));
    await expect(openKey({ folder: where, passphrase })).rejects.toMatchObject({ code: 'audit.passphrase' });
    writeFileSync(keyFile(where), JSON.stringify({ ...file, scrypt: { N: 2 ** 40, r: 8, p: 1, salt: 'AAAA' } }));
    await expect(openKey({ folder: where, passphrase })).rejects.toMatchObject({ code: 'audit.key' });
  });
  test('that is short is refused', async () => expect(openKey({ folder: fresh(), passphrase: 'short' })).rejects.toMatchObject({ code: 'audit.passphrase' }));
});

describe('the system\'s store', () => {
  test('seals the key, and the file is of no use without it', async () => {
    const where = fresh();
    const made = (await openKey({ folder: where, system: system() }))!;
    expect((await openKey({ folder: where, system: system() }))!.publicKey).toEqual(made.publicKey);
    await expect(openKey({ folder: where, passphrase })).rejects.toMatchObject({ code: 'audit.key' });
  });
  test('that hides nothing is not used: without a passphrase there is no key', async () => {
    expect(await openKey({ folder: fresh(), system: system('basic_text') })).toBeNull();
    expect(await openKey({ folder: fresh() })).toBeNull();
  });
});
