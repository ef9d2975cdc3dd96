/** The key that signs: sealed by the system's key store where there is one, else by a passphrase; its plain form is never written. */
import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, scryptSync, sign, type KeyObject } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import { canonical, isObject } from './canonical.ts';
import type { SigningKey } from './note.ts';

/** What Electron's `safeStorage` offers of it. */
export interface SystemStore {
  isEncryptionAvailable(): boolean;
  encryptString(text: string): Buffer;
  decryptString(sealed: Buffer): string;
  /** On Linux: `basic_text` stands for a store that hides nothing. */
  getSelectedStorageBackend?(): string;
}

export interface KeyOptions {
  /** Where the key's file lies. */
  readonly folder: string;
  readonly system?: SystemStore | null;
  readonly passphrase?: string | null;
  /** How much work a guess at the passphrase is: 2¹⁷ where absent, at least 2¹⁴. */
  readonly work?: number;
}

/** Interactive use of RFC 7914 and more: 2¹⁷ · 8 · 128 bytes are 128 MB for each guess. */
export const usualWork = 2 ** 17;
const leastLength = 10;

interface Sealed {
  readonly format: 'loupe.key/1';
  /** Raw, base64. */
  readonly publicKey: string;
  readonly protection: 'system' | 'passphrase';
  readonly sealed: string;
  readonly scrypt?: { readonly N: number; readonly r: number; readonly p: number; readonly salt: string };
  readonly iv?: string;
  readonly tag?: string;
}

export interface OpenedKey extends SigningKey {
  readonly protection: Sealed['protection'];
}

/** The first line of a file: a passphrase is never given on a command line, which other programs on the machine can read. Null where no file is named. @throws Fault `audit.passphrase` */
export function readPassphrase(path: string | undefined): string | null {
  if (path === undefined || path === '') return null;
  try {
    return readFileSync(path, 'utf8').split(/\r?\n/)[0] ?? '';
  } catch (cause) {
    throw new Fault({ code: 'audit.passphrase', what: 'The passphrase cannot be read.', why: cause instanceof Error ? cause.message : String(cause), mend: 'Give a file that you may read.' }, { cause });
  }
}

export const keyFile = (folder: string): string => join(folder, 'audit.key');
export const hasKey = (folder: string): boolean => existsSync(keyFile(folder));

/** Whether the system really keeps secrets here. */
export function keepsSecrets(system: SystemStore | null | undefined): system is SystemStore {
  return system?.isEncryptionAvailable() === true && system.getSelectedStorageBackend?.() !== 'basic_text';
}

/**
 * The key of this workstation; made at the first call. Null where it is sealed by a passphrase and none was given, or where there is nothing to seal a new one with.
 *
 * @throws Fault `audit.passphrase` a wrong or a weak one, `audit.key` a file that is damaged or was sealed by a store that is not here, `storage.write`
 */
export async function openKey({ folder, system, passphrase = null, work = usualWork }: KeyOptions): Promise<OpenedKey | null> {
  const path = keyFile(folder);
  if (!existsSync(path)) {
    if (!keepsSecrets(system) && passphrase === null) return null;
    const { privateKey } = generateKeyPairSync('ed25519');
    await seal(path, privateKey, keepsSecrets(system) ? { system } : { passphrase: passphrase ?? '', work });
    return opened(privateKey, keepsSecrets(system) ? 'system' : 'passphrase');
  }
  const file = parse(path);
  if (file.protection === 'passphrase' && passphrase === null) return null;
  const privateKey = file.protection === 'system' ? fromSystem(file, system) : fromPassphrase(file, passphrase ?? '');
  const key = opened(privateKey, file.protection);
  if (Buffer.from(key.publicKey).toString('base64') !== file.publicKey) throw damaged('Its two halves do not belong together.');
  return key;
}

const nextKeyFile = (folder: string): string => join(folder, 'audit.key.next');

/** A new key beside the one that is in use; `takeNextKey` puts it in its place when the journal names it. @throws Fault `audit.passphrase`, `storage.write` */
export async function sealNextKey({ folder, system, passphrase = null, work = usualWork }: KeyOptions): Promise<OpenedKey> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const bySystem = keepsSecrets(system);
  await seal(nextKeyFile(folder), privateKey, bySystem ? { system } : { passphrase: passphrase ?? '', work });
  return opened(privateKey, bySystem ? 'system' : 'passphrase');
}

/** Puts it in its place; whoever opens the folder at the same moment may have done so already. */
export function takeNextKey(folder: string): void {
  if (existsSync(nextKeyFile(folder))) renameSync(nextKeyFile(folder), keyFile(folder));
}

/** Finishes a change of keys that was cut short after the journal had named the next one; before that, nothing has changed. */
export function settleNextKey(folder: string, journal: string): void {
  const path = nextKeyFile(folder);
  if (existsSync(path) && existsSync(journal) && readFileSync(journal).includes(`"key":"${parse(path).publicKey}"`)) takeNextKey(folder);
}

/** How the key is sealed, or will be: null where there is none yet and nothing but a passphrase to seal one with. */
export function protectionIn(folder: string, system: SystemStore | null | undefined): Sealed['protection'] | null {
  return hasKey(folder) ? parse(keyFile(folder)).protection : keepsSecrets(system) ? 'system' : null;
}

/** The public half, which needs no secret; null where there is no key yet. */
export const publicKeyIn = (folder: string): Buffer | null => (hasKey(folder) ? Buffer.from(parse(keyFile(folder)).publicKey, 'base64') : null);

function opened(privateKey: KeyObject, protection: Sealed['protection']): OpenedKey {
  return { protection, publicKey: rawPublic(privateKey), sign: (message) => sign(null, message, privateKey) };
}

const rawPublic = (key: KeyObject): Buffer => createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);

async function seal(path: string, key: KeyObject, by: { readonly system: SystemStore } | { readonly passphrase: string; readonly work: number }): Promise<void> {
  const secret = key.export({ format: 'der', type: 'pkcs8' });
  const common = { format: 'loupe.key/1', publicKey: rawPublic(key).toString('base64') } as const;
  const file = 'system' in by
    ? { ...common, protection: 'system' as const, sealed: by.system.encryptString(secret.toString('base64')).toString('base64') }
    : sealedByPassphrase(common, secret, by);
  await writeWhole(path, `${JSON.stringify(file satisfies Sealed, null, 2)}\n`);
  chmodSync(path, 0o600);
}

function sealedByPassphrase(common: Pick<Sealed, 'format' | 'publicKey'>, secret: Buffer, { passphrase, work }: { readonly passphrase: string; readonly work: number }): Sealed {
  mustBeStrong(passphrase, 'The key was not made.');
  const cost = { N: work, r: 8, p: 1 };
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', derived(passphrase, { ...cost, salt }), iv);
  cipher.setAAD(Buffer.from(canonical({ ...common })));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  return {
    ...common, protection: 'passphrase', scrypt: { ...cost, salt: salt.toString('base64') }, iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), sealed: sealed.toString('base64'),
  };
}

/** @throws Fault `audit.passphrase` */
export function mustBeStrong(passphrase: string, what: string): void {
  if ([...passphrase].length >= leastLength) return;
  throw new Fault({ code: 'audit.passphrase', what, why: `The passphrase has fewer than ${leastLength} signs.`, mend: 'Choose a longer one: several words are good.' });
}

/** Bounds, so that a planted file cannot ask for all memory, nor for no work at all. @throws Fault `audit.key` */
export function costOf({ N, r, p }: { readonly N: number; readonly r: number; readonly p: number }): { readonly N: number; readonly r: number; readonly p: number } {
  if (!Number.isInteger(Math.log2(N)) || N < 2 ** 14 || N > 2 ** 20 || r !== 8 || p !== 1) throw damaged('Its cost is none that Loupe writes.');
  return { N, r, p };
}

export const derived = (passphrase: string, { N, r, p, salt }: { readonly N: number; readonly r: number; readonly p: number; readonly salt: Buffer }): Buffer =>
  scryptSync(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: 256 * N * r });

function fromPassphrase({ format, publicKey, scrypt, iv, tag, sealed }: Sealed, passphrase: string): KeyObject {
  if (!scrypt || iv === undefined || tag === undefined) throw damaged('It lacks what the passphrase needs.');
  const decipher = createDecipheriv('aes-256-gcm', derived(passphrase, { ...costOf(scrypt), salt: Buffer.from(scrypt.salt, 'base64') }), Buffer.from(iv, 'base64'), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(canonical({ format, publicKey })));
  try {
    decipher.setAuthTag(Buffer.from(tag, 'base64'));
    return createPrivateKey({ key: Buffer.concat([decipher.update(Buffer.from(sealed, 'base64')), decipher.final()]), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new Fault({ code: 'audit.passphrase', what: 'The signing key was not opened.', why: 'The passphrase is another one, or the key\'s file was changed.', mend: 'Give the passphrase that it was made with.' }, { cause });
  }
}

function fromSystem({ sealed }: Sealed, system: SystemStore | null | undefined): KeyObject {
  if (!keepsSecrets(system)) {
    throw new Fault({
      code: 'audit.key', what: 'The signing key cannot be opened here.', why: 'It is sealed by the system\'s key store, which only the workstation\'s window reaches.',
      mend: 'Do this in the window, or use a data folder whose key is sealed by a passphrase.',
    });
  }
  try {
    return createPrivateKey({ key: Buffer.from(system.decryptString(Buffer.from(sealed, 'base64')), 'base64'), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw damaged('The system\'s key store does not open it: it may be another account\'s or another machine\'s.', cause);
  }
}

function parse(path: string): Sealed {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw damaged('It cannot be read.', cause);
  }
  const isText = (x: unknown): boolean => typeof x === 'string' && x.length < 10_000;
  if (!isObject(value) || value.format !== 'loupe.key/1' || !isText(value.publicKey) || !isText(value.sealed) || (value.protection !== 'system' && value.protection !== 'passphrase')) throw damaged('It is no key of Loupe.');
  if (value.scrypt !== undefined && (!isObject(value.scrypt) || !isText(value.scrypt.salt))) throw damaged('It is no key of Loupe.');
  return value as unknown as Sealed;
}

const damaged = (why: string, cause?: unknown): Fault => new Fault({
  code: 'audit.key', what: 'The signing key\'s file cannot be used.', why, mend: 'Put back a copy of audit.key; where there is none, move it away: the journal goes on with a new key, and says so.',
}, { cause });
