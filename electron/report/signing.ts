/** What binds a report: the hash of its content, the commitment to who it is about, and the signature over both. */
import { createHash, randomBytes } from 'node:crypto';
import { canonical, hashFor, sha256 } from '#electron/audit/canonical.ts';
import { fingerprintOf, isSignature, type SigningKey } from '#electron/audit/note.ts';
import { contentOf, meaningSentences, type Report, type ReportSubject, type Signature } from '#models/clinical/report.ts';

/** SHA-256 of 2, salt and canonical JSON, as the audit's fields are bound: without the salt it tells nothing of the subject. */
export const commitOf = (subject: ReportSubject, salt: string): string =>
  createHash('sha256').update(Uint8Array.of(2)).update(Buffer.from(salt, 'hex')).update(canonical(subject)).digest('hex');

export const bindSubject = (subject: ReportSubject, salt = randomBytes(16).toString('hex')): Pick<Report, 'subject' | 'subjectSalt' | 'subjectCommit'> =>
  ({ subject, subjectSalt: salt, subjectCommit: commitOf(subject, salt) });

export const contentHash = (report: Report): string => hashFor('LOUPE-REPORT-1', contentOf(report));

/** What is signed: the content's hash with who signs, what that means and when. */
const messageOf = ({ id, version }: Pick<Report, 'id' | 'version'>, { content, by, meaning, at, method }: Pick<Signature, 'content' | 'by' | 'meaning' | 'at' | 'method'>): Uint8Array =>
  Buffer.from(`LOUPE-SIGN-1\0${canonical({ report: id, version, content, by, meaning, says: meaningSentences[meaning], at, method })}`);

export type Signing = Pick<Signature, 'by' | 'meaning' | 'at' | 'method'>;

/** The signature without its place in the journal, which is written next. */
export function signContent(report: Report, signing: Signing, key: SigningKey): Omit<Signature, 'journal'> {
  const content = contentHash(report);
  const value = Buffer.from(key.sign(messageOf(report, { ...signing, content }))).toString('base64');
  return { ...signing, content, publicKey: Buffer.from(key.publicKey).toString('base64'), fingerprint: fingerprintOf(key.publicKey), value };
}

/** Stands in the journal for the signature. */
export const signatureHash = ({ value }: Pick<Signature, 'value'>): string => sha256(value).toString('hex');

/** Whether the report is what was signed; why not, in a sentence. */
export function checkSignature(report: Report): { readonly holds: boolean; readonly why: string } {
  const { signature, subject, subjectSalt, subjectCommit } = report;
  const refuse = (why: string): { readonly holds: boolean; readonly why: string } => ({ holds: false, why });
  if (!signature) return refuse('It is not signed.');
  if (subject !== null && (subjectSalt === null || commitOf(subject, subjectSalt) !== subjectCommit)) return refuse('Who it is about is not who it was about when it was signed.');
  if (contentHash(report) !== signature.content) return refuse('Its content was changed after it was signed.');
  const key = Buffer.from(signature.publicKey, 'base64');
  if (fingerprintOf(key) !== signature.fingerprint) return refuse('The fingerprint is not that of the key.');
  if (!isSignature(messageOf(report, signature), Buffer.from(signature.value, 'base64'), key)) return refuse('The signature is not of this key, or who signed, what it means or when was changed.');
  return { holds: true, why: `Signed by ${signature.by.name} on ${signature.at} with the key ${signature.fingerprint}: ${meaningSentences[signature.meaning]}` };
}
