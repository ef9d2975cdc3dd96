/** A signed document as plain JSON: what its signature covers, and whether it holds. The same here and in the stand-alone verifier. */
import { canonical, hashFor, isHash, isObject, sha256, type JsonObject } from './canonical.ts';
import { fingerprintOf, isSignature } from './note.ts';
import { openedHash, treeHash, withheldPaths } from './openings.ts';
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

/** Not under the signature: the state, which changes when a later version is signed; the signature itself; the subject, for which its commitment stands; what opens a copy of which parts are withheld. */
const apart: readonly string[] = ['status', 'signature', 'subject', 'subjectSalt'];
const bound = (document: object, names: readonly string[]): JsonObject => Object.fromEntries(Object.entries(document).filter(([name]) => !names.includes(name)));

/** Of a draft, and of what was signed before parts could be withheld. Throws a RangeError for what JSON cannot hold. */
export const contentHash = (document: object): string => hashFor('LOUPE-REPORT-1', bound(document, apart));

/** What a signature covers, as a tree of which any part can be withheld: the report and who signed it, when and as what. */
export const signedTree = (document: object, { by, meaning, says, at, method }: Omit<Signed, 'content'>): JsonObject => ({ report: bound(document, [...apart, 'release']), signing: { by, meaning, says, at, method } });

/** @param salt 32 bytes, from which all salts follow */
export const signedContent = (document: object, signing: Omit<Signed, 'content'>, salt: Buffer): string => treeHash(signedTree(document, signing), salt);

export const signedMessage = ({ id, version }: { readonly id: string; readonly version: number }, content: string): Uint8Array => Buffer.from(`LOUPE-SIGN-2\0${canonical({ report: id, version, content })}`);

/** As it was before parts could be withheld. */
const formerMessage = ({ id, version }: { readonly id: string; readonly version: number }, { by, meaning, says, at, method, content }: Signed): Uint8Array =>
  Buffer.from(`LOUPE-SIGN-1\0${canonical({ report: id, version, by, meaning, says, at, method, content })}`);

/** What the workstation puts its key to when a copy leaves of which parts are withheld: so that nobody else can put something in their place. */
export const releaseMessage = (document: { readonly release?: object | undefined }): Uint8Array => Buffer.from(`LOUPE-RELEASE-1\0${canonical({ ...document, release: { ...document.release, seal: null } })}`);

/** Binds the subject without saying it, as the fields of a record are bound: SHA-256 of 2, the salt's bytes and the canonical JSON. */
export const subjectCommitment = (subject: object, salt: string): string => sha256(Uint8Array.of(2), Buffer.from(salt, 'hex'), canonical(subject)).toString('hex');

export interface SignatureCheck {
  readonly holds: boolean;
  /** What holds, or why it does not, in a sentence. */
  readonly why: string;
  /** Raw, where there is one. */
  readonly publicKey: Buffer | null;
  /** Paths of what is withheld: what stands there is not what was signed. */
  readonly withheld: readonly string[];
  /** Of the key that released a copy with parts withheld; null: nobody vouches for what stands in their place. */
  readonly releasedBy: string | null;
}

/** Whether a document is what was signed. */
export function checkSigned(document: unknown): SignatureCheck {
  const refuse = (why: string): SignatureCheck => ({ holds: false, why, publicKey: null, withheld: [], releasedBy: null });
  if (!isObject(document) || typeof document.id !== 'string' || !Number.isSafeInteger(document.version)) return refuse('It is no report.');
  const { id, version, signature, subject, subjectSalt, subjectCommit, release } = document;
  if (signature === null || signature === undefined) return refuse('It is not signed.');
  if (!isObject(signature) || !isObject(signature.by) || !isHash(signature.content) || ['meaning', 'says', 'at', 'method', 'publicKey', 'fingerprint', 'value'].some((name) => typeof signature[name] !== 'string')) return refuse('Its signature is none.');
  if (subject !== null && (!isObject(subject) || typeof subjectSalt !== 'string' || subjectCommitment(subject, subjectSalt) !== subjectCommit)) return refuse('Who it is about is not who it was about when it was signed.');
  const said = signature as unknown as Signed;
  const opening = isObject(release) ? release.opening : undefined;
  const salt = signature.secret;
  const isFormer = opening === undefined && salt === undefined;
  const withheld = opening === undefined ? [] : withheldPaths(opening);
  const content = isFormer ? contentHash(document) : opening !== undefined ? openedHash(signedTree(document, said), opening) : isHash(salt) ? signedContent(document, said, Buffer.from(salt, 'hex')) : null;
  if (content !== signature.content) return refuse(isFormer || opening !== undefined ? 'Its content was changed after it was signed.' : 'Its content, who signed, what it means or when was changed after it was signed.');
  const publicKey = Buffer.from(signature.publicKey as string, 'base64');
  if (publicKey.length !== 32 || fingerprintOf(publicKey) !== signature.fingerprint) return refuse('The fingerprint is not that of the key.');
  const which = { id, version: version as number };
  if (!isSignature(isFormer ? formerMessage(which, said) : signedMessage(which, content), Buffer.from(signature.value as string, 'base64'), publicKey)) return refuse(`The signature is not of this key${isFormer ? ', or who signed, what it means or when was changed' : ''}.`);
  const seal = isObject(release) ? sealOf(document, release.seal) : null;
  if (seal?.holds === false) return refuse('What stands in place of what is withheld is not what was released.');
  const { by, at, says } = said;
  const isHidden = (path: string): boolean => withheld.some((one) => path === one || path.startsWith(`${one}/`));
  const name = isHidden('signing/by/name') ? 'somebody whose name is withheld' : typeof by.name === 'string' ? by.name : 'nobody';
  return { holds: true, publicKey, withheld, releasedBy: seal?.fingerprint ?? null, why: `Signed by ${name} on ${at}${isHidden('signing/at') ? ' (the time is moved)' : ''} with the key ${fingerprintOf(publicKey)}: ${says}` };
}

function sealOf(document: Readonly<Record<string, unknown>>, seal: unknown): { readonly holds: boolean; readonly fingerprint: string } | null {
  if (seal === null || seal === undefined) return null;
  if (!isObject(seal) || typeof seal.publicKey !== 'string' || typeof seal.value !== 'string') return { holds: false, fingerprint: '' };
  const key = Buffer.from(seal.publicKey, 'base64');
  return { holds: isSignature(releaseMessage(document), Buffer.from(seal.value, 'base64'), key), fingerprint: fingerprintOf(key) };
}

/** What a reader of a copy with parts withheld has to know, in sentences. */
export function releaseNotes({ withheld, releasedBy, publicKey }: SignatureCheck): readonly string[] {
  if (withheld.length === 0) return [];
  const kinds = [...new Set(withheld.map((path) => path.replace(/\/\d+(?=\/|$)/g, '/*')))];
  return [
    `${withheld.length} of its values are withheld, and others stand in their place: ${kinds.slice(0, 40).join(', ')}${kinds.length > 40 ? ` and ${kinds.length - 40} more` : ''}. Everything else is what was signed.`,
    releasedBy === null ? 'Nobody vouches for what stands in their place.' : `What stands in their place was put there by ${publicKey && releasedBy === fingerprintOf(publicKey) ? 'the same key' : `the key ${releasedBy}`}.`,
  ];
}

/** A report by itself, as it is attached to its PDF and its page: whether it is what was signed. What stands in the journal it cannot tell. */
export function checkReport(document: unknown, expected?: string): Verdict & { readonly format: 'report' } {
  const check = checkSigned(document);
  const { holds, why, publicKey } = check;
  const fingerprint = publicKey && fingerprintOf(publicKey);
  const findings: Finding[] = [
    ...(holds ? [] : [{ kind: 'report', where: 'the report', why } as const]),
    ...(expected !== undefined && fingerprint !== null && fingerprint !== expected ? [{ kind: 'forged', where: 'the signature', why: `The key is ${fingerprint}, expected is ${expected}.` } as const] : []),
  ];
  const journal = isObject(document) && isObject(document.signature) && isObject(document.signature.journal) ? document.signature.journal.log : null;
  return {
    format: 'report', isWhole: findings.length === 0, status: statusOf(findings), findings, log: typeof journal === 'string' ? journal : null, entries: 0, signed: 0, fingerprint, root: null,
    notes: holds ? [why, ...releaseNotes(check), 'That its signature stands in the journal only the capsule or the journal proves.', ...(expected === undefined ? ['Whose key it is the report cannot prove: compare the fingerprint with one that you had from elsewhere (--key).'] : [])] : [],
  };
}
