/** Where the system opens the key by itself, a passphrase proves at each signature that it is the person who signs, and not whoever sits at the open window. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import { isObject } from './canonical.ts';
import { costOf, derived, mustBeStrong, usualWork } from './keys.ts';

const signerFile = (folder: string): string => join(folder, 'signer.json');
export const hasSigner = (folder: string): boolean => existsSync(signerFile(folder));

/**
 * Checks the passphrase; the first one that is given is the one from then on. True where it was set now. Who forgets it removes `signer.json`: the journal says when the next one was set.
 *
 * @throws Fault `audit.passphrase` for none, a weak or a wrong one, `storage.write`
 */
export async function proveSigner(folder: string, passphrase: string | null, work = usualWork): Promise<boolean> {
  if (passphrase === null || passphrase === '') throw refused('No passphrase was given.', 'Give the passphrase that you sign with.');
  if (!hasSigner(folder)) {
    mustBeStrong(passphrase, 'The signing passphrase was not set.');
    const [salt, cost] = [randomBytes(16), { N: work, r: 8, p: 1 }];
    await writeWhole(signerFile(folder), `${JSON.stringify({ format: 'loupe.signer/1', scrypt: { ...cost, salt: salt.toString('base64') }, proof: derived(passphrase, { ...cost, salt }).toString('base64') }, null, 2)}\n`);
    return true;
  }
  const { scrypt, proof } = parse(signerFile(folder));
  const own = derived(passphrase, { ...costOf(scrypt), salt: Buffer.from(scrypt.salt, 'base64') });
  if (proof.length !== own.length || !timingSafeEqual(own, proof)) throw refused('The passphrase is another one.', 'Give the passphrase that you signed with before.');
  return false;
}

function parse(path: string): { readonly scrypt: { readonly N: number; readonly r: number; readonly p: number; readonly salt: string }; readonly proof: Buffer } {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isObject(value) || value.format !== 'loupe.signer/1' || !isObject(value.scrypt) || typeof value.scrypt.salt !== 'string' || typeof value.proof !== 'string') throw new SyntaxError('It is not as it was written.');
    return { scrypt: value.scrypt as { N: number; r: number; p: number; salt: string }, proof: Buffer.from(value.proof, 'base64') };
  } catch (cause) {
    throw refused(`signer.json cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, 'Put back a copy of it, or move it away and set the passphrase again; the journal says so.', cause);
  }
}

const refused = (why: string, mend: string, cause?: unknown): Fault => new Fault({ code: 'audit.passphrase', what: 'Nothing was signed.', why, mend }, { cause });
