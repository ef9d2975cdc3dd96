/** A signed document as plain JSON: what its signature covers, and whether it holds. The same here and in the stand-alone verifier. */
import { canonical, hashFor, isHash, isObject, sha256, type JsonObject } from './canonical.ts';
import { fingerprintOf, isSignature } from './note.ts';
import { statusOf, type Finding, type Verdict } from './verdict.ts';

/** Who and when, what that means in words, and the hash of what is signed. */
export interface Signed {
  readonly by: JsonObject;
  readonly meaning: string;
  /** The sentence that the person agreed to. */
  readonly says: string;
  readonly at: string;
  readonly method: string;
  readonly content: string;
}

/** Not under the signature: the state, which changes when a later version is signed; the signature itself; the subject, for which its commitment stands. */
const apart: readonly string[] = ['status', 'signature', 'subject', 'subjectSalt'];

/** Throws a RangeError for what JSON cannot hold. */
export const contentHash = (document: object): string => hashFor('LOUPE-REPORT-1', Object.fromEntries(Object.entries(document).filter(([name]) => !apart.includes(name))));

export const signedMessage = ({ id, version }: { readonly id: string; readonly version: number }, { by, meaning, says, at, method, content }: Signed): Uint8Array =>
  Buffer.from(`LOUPE-SIGN-1\0${canonical({ report: id, version, by, meaning, says, at, method, content })}`);

/** Binds the subject without saying it, as the fields of a record are bound: SHA-256 of 2, the salt's bytes and the canonical JSON. */
export const subjectCommitment = (subject: object, salt: string): string => sha256(Uint8Array.of(2), Buffer.from(salt, 'hex'), canonical(subject)).toString('hex');

export interface SignatureCheck {
  readonly holds: boolean;
  /** What holds, or why it does not, in a sentence. */
  readonly why: string;
  /** Raw, where there is one. */
  readonly publicKey: Buffer | null;
}

/** Whether a document is what was signed. */
export function checkSigned(document: unknown): SignatureCheck {
  const refuse = (why: string): SignatureCheck => ({ holds: false, why, publicKey: null });
  if (!isObject(document) || typeof document.id !== 'string' || !Number.isSafeInteger(document.version)) return refuse('It is no report.');
  const { id, version, signature, subject, subjectSalt, subjectCommit } = document;
  if (signature === null || signature === undefined) return refuse('It is not signed.');
  if (!isObject(signature) || !isObject(signature.by) || !isHash(signature.content) || ['meaning', 'says', 'at', 'method', 'publicKey', 'fingerprint', 'value'].some((name) => typeof signature[name] !== 'string')) return refuse('Its signature is none.');
  if (subject !== null && (!isObject(subject) || typeof subjectSalt !== 'string' || subjectCommitment(subject, subjectSalt) !== subjectCommit)) return refuse('Who it is about is not who it was about when it was signed.');
  if (contentHash(document) !== signature.content) return refuse('Its content was changed after it was signed.');
  const publicKey = Buffer.from(signature.publicKey as string, 'base64');
  if (publicKey.length !== 32 || fingerprintOf(publicKey) !== signature.fingerprint) return refuse('The fingerprint is not that of the key.');
  if (!isSignature(signedMessage({ id, version: version as number }, signature as unknown as Signed), Buffer.from(signature.value as string, 'base64'), publicKey)) return refuse('The signature is not of this key, or who signed, what it means or when was changed.');
  const { by, at, says } = signature as unknown as Signed;
  return { holds: true, publicKey, why: `Signed by ${typeof by.name === 'string' ? by.name : 'nobody'} on ${at} with the key ${fingerprintOf(publicKey)}: ${says}` };
}

/** A report by itself, as it is attached to its PDF and its page: whether it is what was signed. What stands in the journal it cannot tell. */
export function checkReport(document: unknown, expected?: string): Verdict & { readonly format: 'report' } {
  const { holds, why, publicKey } = checkSigned(document);
  const fingerprint = publicKey && fingerprintOf(publicKey);
  const findings: Finding[] = [
    ...(holds ? [] : [{ kind: 'report', where: 'the report', why } as const]),
    ...(expected !== undefined && fingerprint !== null && fingerprint !== expected ? [{ kind: 'forged', where: 'the signature', why: `The key is ${fingerprint}, expected is ${expected}.` } as const] : []),
  ];
  const journal = isObject(document) && isObject(document.signature) && isObject(document.signature.journal) ? document.signature.journal.log : null;
  return {
    format: 'report', isWhole: findings.length === 0, status: statusOf(findings), findings, log: typeof journal === 'string' ? journal : null, entries: 0, signed: 0, fingerprint, root: null,
    notes: holds ? [why, 'That its signature stands in the journal only the capsule or the journal proves.', ...(expected === undefined ? ['Whose key it is the report cannot prove: compare the fingerprint with one that you had from elsewhere (--key).'] : [])] : [],
  };
}
