/** Checkpoints: how many entries a journal had, their Merkle root and when, as a signed note in the form of C2SP tlog-checkpoint and signed-note. */
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { sha256 } from './canonical.ts';

/** An Ed25519 key that may sign. */
export interface SigningKey {
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export interface Checkpoint {
  /** The journal's id. */
  readonly log: string;
  /** Entries that it covers: those with a smaller number. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
  /** ISO time. */
  readonly at: string;
}

const originOf = (log: string): string => `loupe.local/${log}`;
const bodyOf = ({ log, size, root, at }: Checkpoint): string => `${originOf(log)}\n${size}\n${root.toString('base64')}\ntime ${at}\n`;

/** Four bytes that tell which key a signature is of; 1 stands for Ed25519. */
const keyId = (name: string, publicKey: Uint8Array): Buffer => sha256(name, Uint8Array.of(0x0a, 0x01), publicKey).subarray(0, 4);

export function signCheckpoint(checkpoint: Checkpoint, key: SigningKey): string {
  const body = bodyOf(checkpoint);
  const name = originOf(checkpoint.log);
  return `${body}\n— ${name} ${Buffer.concat([keyId(name, key.publicKey), key.sign(Buffer.from(body))]).toString('base64')}\n`;
}

export interface SignedCheckpoint extends Checkpoint {
  readonly body: string;
  readonly keyId: Buffer;
  readonly signature: Buffer;
}

/** Null where the text is no checkpoint. Nothing is checked yet but its form. */
export function parseCheckpoint(note: string): SignedCheckpoint | null {
  const match = /^loupe\.local\/([0-9a-f]{32})\n(0|[1-9]\d{0,14})\n([A-Za-z0-9+/]{43}=)\ntime (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\n\n— loupe\.local\/([0-9a-f]{32}) ([A-Za-z0-9+/]{91}=)\n$/.exec(note);
  if (!match || match[1] !== match[5]) return null;
  const [, log = '', size = '', root = '', at = '', , sealed = ''] = match;
  const bytes = Buffer.from(sealed, 'base64');
  const body = note.slice(0, note.indexOf('\n\n') + 1);
  const checkpoint = { log, size: Number(size), root: Buffer.from(root, 'base64'), at };
  // Base64 has spare bits at its end: only one spelling is a note.
  if (bytes.toString('base64') !== sealed || bodyOf(checkpoint) !== body) return null;
  return { ...checkpoint, body, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** Whether the note names this key; a note that does and is not signed by it was changed, one that does not is another's. */
export const namesKey = ({ log, keyId: id }: SignedCheckpoint, publicKey: Uint8Array): boolean => keyId(originOf(log), publicKey).equals(id);
export const isSignedBy = ({ body, signature }: SignedCheckpoint, publicKey: Uint8Array): boolean => isSignature(Buffer.from(body), signature, publicKey);

/** Whether an Ed25519 signature holds; false for a key that is none. */
export function isSignature(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return signature.length === 64 && verify(null, message, publicKeyOf(publicKey), signature);
  } catch {
    return false;
  }
}

/** What stands before the 32 raw bytes in a public key's DER form (RFC 8410). */
const derPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const publicKeyOf = (raw: Uint8Array): KeyObject => createPublicKey({ key: Buffer.concat([derPrefix, raw]), format: 'der', type: 'spki' });

export const pemOf = (raw: Uint8Array): string => publicKeyOf(raw).export({ format: 'pem', type: 'spki' }).toString();

/** SHA-256 of the raw key in groups that a person can read aloud: printed in reports, compared by who verifies. */
export const fingerprintOf = (raw: Uint8Array): string => (sha256(raw).toString('hex').match(/.{8}/g) ?? []).join('-');
