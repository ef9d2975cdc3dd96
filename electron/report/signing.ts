/** What binds a report: the commitment to who it is about, and the signature over its content. */
import { randomBytes } from 'node:crypto';
import { sha256 } from '#electron/audit/canonical.ts';
import { fingerprintOf, type SigningKey } from '#electron/audit/note.ts';
import { signedContent, signedMessage, subjectCommitment } from '#electron/audit/signed.ts';
import { meaningSentences, type Report, type ReportSubject, type Signature } from '#models/clinical/report.ts';

/** @param salt  32 hexadecimal digits; absent: random ones */
export const bindSubject = (subject: ReportSubject, salt = randomBytes(16).toString('hex')): Pick<Report, 'subject' | 'subjectSalt' | 'subjectCommit'> =>
  ({ subject, subjectSalt: salt, subjectCommit: subjectCommitment(subject, salt) });

export type Signing = Pick<Signature, 'by' | 'meaning' | 'at' | 'method'>;

/** The signature without its place in the journal, which is written next. @param salt  32 bytes, from which the salts of all that is signed follow; absent: random ones */
export function signContent(report: Report, signing: Signing, key: SigningKey, salt = randomBytes(32)): Omit<Signature, 'journal'> {
  const said = { ...signing, says: meaningSentences[signing.meaning] };
  const content = signedContent(report, said, salt);
  const value = Buffer.from(key.sign(signedMessage(report, content))).toString('base64');
  return { ...said, content, publicKey: Buffer.from(key.publicKey).toString('base64'), fingerprint: fingerprintOf(key.publicKey), value, secret: salt.toString('hex') };
}

/** Stands in the journal for the signature. */
export const signatureHash = ({ value }: Pick<Signature, 'value'>): string => sha256(value).toString('hex');
