/** The evidence capsule: one ZIP with an answer's record, its pictures and reports, and the proof that the journal holds them. */
import { createHash } from 'node:crypto';
import { canonical, isHash, isObject, sha256, type Json } from './canonical.ts';
import { keysOf, readLine, timelessLine, type HashedEntry } from './chain.ts';
import { commitmentOf, falseFields, falseGroups, openedRecord, parseFields, parseRoots, rootsOf, saltOf, withhold, type Field, type FieldRoots } from './fields.ts';
import type { AuditJournal } from './journal.ts';
import { isIncluded, leafHash } from './merkle.ts';
import { fingerprintOf, isSignedBy, namesKey, parseCheckpoint, pemOf } from './note.ts';
import { checkSigned, releaseNotes } from './signed.ts';
import { modelRoot, withheldFields, type HashedFile, type Withheld } from './record.ts';
import { statusOf, type Finding, type Kind, type Verdict } from './verdict.ts';
import { openZip, ZipError, type OpenedZip, type ZipEntry } from './zip.ts';

/** A file of the capsule: a picture that the model was given, a report, a source. */
export interface CapsulePart {
  /** As in `pictures/0.png`. */
  readonly path: string;
  readonly kind: 'picture' | 'report' | 'source' | 'text';
  /** What it shows: it is left out where one of these is withheld. */
  readonly holds: readonly Withheld[];
  readonly bytes: Uint8Array;
}

/** What the author of a report signed. */
export const reportPart = 'report/report.json';

interface ManifestPart {
  readonly path: string;
  readonly kind: CapsulePart['kind'];
  readonly holds: readonly Withheld[];
  readonly bytes: number;
  readonly commit: string;
}

interface Manifest {
  readonly format: 'loupe.capsule/1';
  readonly disclaimer: string;
  /** The answer's id. */
  readonly id: string;
  readonly at: string;
  /** The answer's entry in the journal. */
  readonly answer: number;
  readonly record: FieldRoots;
  readonly parts: readonly ManifestPart[];
}

const own = ['manifest.json', 'record.json', 'salts.json', 'journal.jsonl', 'proofs.json', 'key.pem'] as const;

const readme = `An evidence capsule of Loupe. Research use only, not a medical device.

record.json    what is written down of one answer, field by field; a withheld field keeps only its salted hash
pictures/      the pictures that the model was given, bit for bit
report/        what was concluded: report.json is what its author signed, the others say the same for people
manifest.json  the parts of this capsule, by salted hash; its own hash stands in the journal
journal.jsonl  the entries of the audit journal that speak of it
proofs.json    the proof that the journal's signed checkpoint covers them
key.pem        the public key that signed; compare its fingerprint with one that you had from elsewhere

Check it with the stand-alone verifier (one file, Node 20 or newer, no network): node loupe-verify.mjs FILE [--key FINGERPRINT]
`;

export interface CapsuleInput {
  readonly journal: AuditJournal;
  /** The answer's entry, and other entries that belong to its story: the question, the import. */
  readonly answer: number;
  readonly story?: readonly number[];
  readonly id: string;
  readonly fields: readonly Field[];
  readonly parts: readonly CapsulePart[];
  /** Salts follow from it: the record's own secret. */
  readonly secret: Uint8Array;
  readonly at: string;
}

/** Writes the export down in the journal first; gives the capsule's files. @throws Fault of the journal, `audit.unsigned` */
export function composeCapsule({ journal, answer, story = [], id, fields, parts, secret, at }: CapsuleInput): readonly ZipEntry[] {
  const all: readonly CapsulePart[] = [{ path: 'README.txt', kind: 'text', holds: [], bytes: Buffer.from(readme) }, ...parts];
  const salts = Object.fromEntries(all.map(({ path }) => [path, saltOf(secret, `part ${path}`)]));
  const manifest: Manifest = {
    format: 'loupe.capsule/1', disclaimer: 'Research use only, not a medical device.', id, at, answer, record: rootsOf(fields),
    parts: all.map(({ path, kind, holds, bytes }) => ({ path, kind, holds, bytes: bytes.length, commit: commitmentOf(salts[path] ?? '', bytes) })),
  };
  const manifestBytes = Buffer.from(canonical(manifest));
  const exported = journal.append({ kind: 'export', subject: { answer: id }, body: { format: 'capsule', manifest: sha256(manifestBytes).toString('hex'), parts: all.length } });
  const seqs = [...new Set([...journal.keyEntries, ...story, answer, exported.entry.seq])].sort((a, b) => a - b);
  const { note, key, entries } = journal.prove(seqs);
  return [
    ...ownFiles({
      manifestBytes, fields, salts, note, key: Buffer.from(key),
      entries: entries.map(({ line, proof }, i) => ({ line, seq: seqs[i] ?? 0, proof: proof.map((hash) => hash.toString('hex')) })),
    }),
    ...all.map(({ path, bytes }) => ({ name: path, bytes })),
  ];
}

interface ProvenLine {
  readonly line: string;
  readonly seq: number;
  readonly proof: readonly string[];
}

interface OwnFiles {
  readonly manifestBytes: Uint8Array;
  readonly fields: readonly Field[];
  readonly salts: Readonly<Record<string, string>>;
  readonly note: string;
  readonly key: Buffer;
  readonly entries: readonly ProvenLine[];
}

function ownFiles({ manifestBytes, fields, salts, note, key, entries }: OwnFiles): readonly ZipEntry[] {
  const text = (name: (typeof own)[number], content: string): ZipEntry => ({ name, bytes: Buffer.from(content) });
  return [
    { name: 'manifest.json', bytes: manifestBytes },
    text('record.json', canonical({ format: 'loupe.fields/1', fields })),
    text('salts.json', canonical(salts)),
    text('journal.jsonl', entries.map(({ line }) => `${line}\n`).join('')),
    text('proofs.json', canonical({ format: 'loupe.proofs/1', key: key.toString('base64'), note, entries: entries.map(({ seq, proof }) => ({ seq, proof })) })),
    text('key.pem', pemOf(key)),
  ];
}

export interface CapsuleCheckOptions {
  /** The fingerprint that is expected. */
  readonly fingerprint?: string;
  /** The files of a model at hand, to be compared with those of the record. */
  readonly model?: readonly HashedFile[];
}

export interface CapsuleCheck extends Verdict {
  readonly format: 'capsule';
  readonly id: string | null;
  readonly fields: readonly Field[];
  /** The opened fields, put together. */
  readonly record: Json;
  /** Paths of parts that are there, and of those that were withheld. */
  readonly parts: readonly string[];
  readonly withheld: readonly string[];
  readonly checkpoint: { readonly log: string; readonly size: number; readonly root: string } | null;
}

/** Reads a capsule and tells what holds and what was done to it. A container that is damaged is a finding too. */
export function checkCapsule(path: string, options: CapsuleCheckOptions = {}): CapsuleCheck {
  let archive: OpenedZip;
  try {
    archive = openZip(path);
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    return verdict([{ kind: error.kind === 'truncated' ? 'truncated' : 'changed', where: 'the file', why: error.message }], nothing);
  }
  try {
    return checkOpened(archive, options);
  } finally {
    archive.close();
  }
}

const nothing = { notes: [] as string[], log: null, entries: 0, fingerprint: null, id: null, fields: [] as readonly Field[], parts: [] as string[], withheld: [] as string[], checkpoint: null };

function verdict(findings: readonly Finding[], known: { [Name in keyof typeof nothing]: (typeof nothing)[Name] | CapsuleCheck[Name] }): CapsuleCheck {
  const { notes, log, entries, fingerprint, id, fields, parts, withheld, checkpoint } = known as typeof nothing;
  return {
    format: 'capsule', isWhole: findings.length === 0, status: statusOf(findings), findings, notes, log, entries, signed: (checkpoint as CapsuleCheck['checkpoint']) === null ? 0 : entries, fingerprint,
    root: (checkpoint as CapsuleCheck['checkpoint'])?.root ?? null, id, fields, record: openedRecord(fields), parts, withheld, checkpoint,
  };
}

function checkOpened(archive: OpenedZip, { fingerprint, model }: CapsuleCheckOptions): CapsuleCheck {
  const findings: Finding[] = [];
  const find = (kind: Kind, where: string, why: string): void => void findings.push({ kind, where, why });
  const absent = own.filter((name) => !archive.names.includes(name));
  absent.forEach((name) => find('missing', name, 'No capsule is without it.'));
  if (absent.length > 0) return verdict(findings, nothing);
  const files = new Map<string, Buffer>();
  for (const name of own) {
    const bytes = reading(() => (archive.sizeOf(name) <= 64_000_000 ? archive.read(name) : Buffer.alloc(0)), name, find);
    if (bytes) files.set(name, bytes);
  }
  const json = (name: (typeof own)[number]): unknown => spelled(files.get(name));
  const manifestBytes = files.get('manifest.json') ?? Buffer.alloc(0);
  const manifest = parseManifest(json('manifest.json'));
  const fieldsValue = json('record.json');
  const fields = isObject(fieldsValue) ? parseFields(fieldsValue.fields) : null;
  const proofs = parseProofs(json('proofs.json'));
  const salts = parseSalts(json('salts.json'));
  for (const [name, value, kind] of [['manifest.json', manifest, 'manifest'], ['record.json', fields, 'field'], ['proofs.json', proofs, 'proof'], ['salts.json', salts, 'changed']] as const) {
    if (value === null && files.has(name)) find(kind, name, 'It is not spelled as it was written.');
  }

  const { entries, log, checkpoint, publicKey } = proofs ? checkEntries(files.get('journal.jsonl') ?? Buffer.alloc(0), proofs, find) : { entries: [], log: null, checkpoint: null, publicKey: null };
  if (publicKey && files.get('key.pem')?.toString('utf8') !== pemOf(publicKey)) find('forged', 'key.pem', 'It is not the key of the journal.');
  if (fingerprint !== undefined && publicKey && fingerprintOf(publicKey) !== fingerprint) find('forged', 'key.pem', `The key is ${fingerprintOf(publicKey)}, expected is ${fingerprint}.`);

  if (manifest && !entries.some(({ entry: { kind, body } }) => kind === 'export' && body.manifest === sha256(manifestBytes).toString('hex'))) {
    find('manifest', 'manifest.json', 'No entry of the journal has its hash.');
  }
  const answer = entries.find(({ entry }) => entry.kind === 'answer' && entry.seq === manifest?.answer);
  const roots = parseRoots(answer?.entry.body.record);
  if (manifest && proofs && !roots) find('missing', 'journal.jsonl', 'The entry of the answer is not there.');
  if (fields && roots) checkFields(fields, roots, find);
  if (model && fields) checkModel(fields, model, find);
  const parts = manifest && salts ? checkParts(archive, manifest, salts, find) : { there: [], withheld: [] };
  const listed = new Set<string>([...own, ...(manifest?.parts ?? []).map(({ path }) => path)]);
  if (manifest) archive.names.filter((name) => !listed.has(name)).forEach((name) => find('extra', name, 'The manifest does not name it.'));
  const signed = parts.there.includes(reportPart) ? checkReport(archive, entries, find) : [];

  const closed = (fields ?? []).filter(({ value }) => value === undefined).length;
  const notes = [
    ...signed,
    ...(entries.some(({ when }) => when !== undefined) ? ['When it was answered and signed is withheld; the journal binds it.'] : []),
    ...(closed > 0 ? [`${closed} of ${fields?.length} fields of the record are withheld; their hashes hold.`] : []),
    ...(parts.withheld.length > 0 ? [`Withheld parts: ${parts.withheld.join(', ')}.`] : []),
    ...(fingerprint === undefined ? ['Whose key it is the capsule cannot prove: compare the fingerprint with one that you had from elsewhere (--key).'] : []),
  ];
  return verdict(findings, {
    notes, log, entries: entries.length, fingerprint: publicKey && fingerprintOf(publicKey), id: manifest?.id ?? null, fields: fields ?? [], parts: parts.there, withheld: parts.withheld, checkpoint,
  });
}

type Find = (kind: Kind, where: string, why: string) => void;

function reading<T>(read: () => T, name: string, find: Find): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    find(error.kind === 'truncated' ? 'truncated' : 'changed', name, error.message);
    return null;
  }
}

/** A value in the one spelling that it may have. */
function spelled(bytes: Buffer | undefined): unknown {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    return bytes && Buffer.from(canonical(value)).equals(bytes) ? value : null;
  } catch {
    return null;
  }
}

interface Proofs {
  readonly key: Buffer;
  readonly note: string;
  readonly entries: readonly { readonly seq: number; readonly proof: readonly Buffer[] }[];
}

function parseProofs(value: unknown): Proofs | null {
  if (!isObject(value) || typeof value.key !== 'string' || typeof value.note !== 'string' || !Array.isArray(value.entries) || value.entries.length > 10_000) return null;
  const key = Buffer.from(value.key, 'base64');
  const entries = value.entries.map((item: unknown) => (isObject(item) && Number.isSafeInteger(item.seq) && Array.isArray(item.proof) && item.proof.length <= 60 && item.proof.every(isHash)
    ? { seq: item.seq as number, proof: item.proof.map((hash) => Buffer.from(hash, 'hex')) } : null));
  return key.length === 32 && key.toString('base64') === value.key && entries.every((item) => item !== null) ? { key, note: value.note, entries } : null;
}

const parseSalts = (value: unknown): Readonly<Record<string, string>> | null =>
  (isObject(value) && Object.values(value).every((salt) => typeof salt === 'string' && /^[0-9a-f]{32}$/.test(salt)) ? value as Readonly<Record<string, string>> : null);

function parseManifest(value: unknown): Manifest | null {
  if (!isObject(value) || value.format !== 'loupe.capsule/1' || typeof value.id !== 'string' || typeof value.at !== 'string' || !Number.isSafeInteger(value.answer) || !parseRoots(value.record)) return null;
  const isPart = (part: unknown): boolean => isObject(part) && typeof part.path === 'string' && typeof part.kind === 'string' && Number.isSafeInteger(part.bytes) && isHash(part.commit)
    && Array.isArray(part.holds) && part.holds.every((word) => typeof word === 'string' && Object.hasOwn(withheldFields, word));
  return Array.isArray(value.parts) && value.parts.length <= 10_000 && value.parts.every(isPart) ? value as unknown as Manifest : null;
}

function checkEntries(bytes: Buffer, { key, note, entries: proofs }: Proofs, find: Find): { entries: readonly HashedEntry[]; log: string | null; checkpoint: CapsuleCheck['checkpoint']; publicKey: Buffer | null } {
  const lines = bytes.toString('latin1').split('\n').slice(0, -1).map((line) => Buffer.from(line, 'latin1'));
  const entries: HashedEntry[] = [];
  lines.forEach((line, i) => {
    const { entry, bad } = readLine(line, true);
    if (entry) entries.push(entry);
    else find('changed', `journal.jsonl line ${i + 1}`, bad ?? 'It is no entry.');
  });
  if (!bytes.toString('latin1').endsWith('\n')) find('changed', 'journal.jsonl', 'It does not end with a whole line.');
  const checkpoint = parseCheckpoint(note);
  const publicKey = keysOf(entries, find).findLast(({ seq }) => seq < (checkpoint?.size ?? 0))?.key ?? null;
  if (!checkpoint) find('proof', 'proofs.json', 'The checkpoint is none any more.');
  else if (!publicKey) find('missing', 'journal.jsonl', 'The entry that names the key is not there.');
  else if (!publicKey.equals(key) || !namesKey(checkpoint, publicKey) || !isSignedBy(checkpoint, publicKey)) find('forged', 'proofs.json', 'The checkpoint is not signed by the key that the journal names.');
  const log = checkpoint?.log ?? null;
  for (const { entry, hash } of entries) {
    const proof = proofs.find(({ seq }) => seq === entry.seq);
    const leaf = leafHash(Buffer.from(hash, 'hex'));
    if (checkpoint && (!proof || entry.log !== log || !isIncluded({ leaf, index: entry.seq, size: checkpoint.size, proof: proof.proof, root: checkpoint.root }))) {
      find('proof', `entry ${entry.seq}`, 'Its proof does not lead to the signed root.');
    }
  }
  if (lines.length === entries.length) proofs.filter(({ seq }) => !entries.some(({ entry }) => entry.seq === seq)).forEach(({ seq }) => find('deleted', `entry ${seq}`, 'Its proof is there, and the entry is not.'));
  return { entries, log, publicKey, checkpoint: checkpoint && { log: checkpoint.log, size: checkpoint.size, root: checkpoint.root.toString('hex') } };
}

const kindOfField = (path: string): Kind => (/^model(?:\/|$)/.test(path) ? 'weights' : 'field');

function checkFields(fields: readonly Field[], roots: FieldRoots, find: Find): void {
  const wrong = falseFields(fields);
  wrong.forEach((path) => find(kindOfField(path), path, 'The value is not the one that was recorded.'));
  const told = new Set(wrong.map((path) => path.split('/')[0]));
  falseGroups(fields, roots).filter((group) => !told.has(group)).forEach((group) => find(kindOfField(group), group === '' ? 'record.json' : group, 'Its fields are not those that were recorded.'));
  const files = (openedRecord(fields) as { readonly model?: { readonly files?: readonly HashedFile[]; readonly root?: string } } | null)?.model;
  const isOpen = fields.filter(({ path }) => path.startsWith('model/')).every(({ value }) => value !== undefined);
  if (wrong.length === 0 && isOpen && files?.files && modelRoot(files.files) !== files.root) find('weights', 'model/root', 'The model\'s files do not have the root that is stated.');
}

function checkModel(fields: readonly Field[], model: readonly HashedFile[], find: Find): void {
  const stated = (openedRecord(fields) as { readonly model?: { readonly files?: readonly HashedFile[] } } | null)?.model?.files ?? [];
  for (const { name, sha256: hash } of stated) {
    const here = model.find((file) => file.name === name);
    if (here?.sha256 !== hash) find('weights', name, here ? 'The file at hand has other content than the one that answered.' : 'There is no such file at hand.');
  }
}

function checkParts(archive: OpenedZip, { parts }: Manifest, salts: Readonly<Record<string, string>>, find: Find): { there: string[]; withheld: string[] } {
  const there: string[] = [];
  const withheld: string[] = [];
  for (const { path, kind, commit, bytes } of parts) {
    const salt = Object.hasOwn(salts, path) ? salts[path] : undefined;
    const isThere = archive.names.includes(path);
    if (salt === undefined && !isThere) withheld.push(path);
    else if (salt === undefined || !isThere) find(isThere ? 'extra' : 'missing', path, isThere ? 'Its salt was withheld, and it is there.' : 'Its salt is there, and it is not.');
    else {
      there.push(path);
      const hash = createHash('sha256').update(Uint8Array.of(2)).update(Buffer.from(salt, 'hex'));
      const done = reading(() => {
        for (const piece of archive.pieces(path)) hash.update(piece);
        return true;
      }, path, find);
      if (done && (archive.sizeOf(path) !== bytes || hash.digest('hex') !== commit)) find(kind === 'picture' ? 'picture' : 'part', path, 'Its content is not the one that was recorded.');
    }
  }
  return { there, withheld };
}

/** The report's own signature, and that the journal holds it, by the key that was valid then. */
function checkReport(archive: OpenedZip, entries: readonly HashedEntry[], find: Find): readonly string[] {
  const bytes = reading(() => (archive.sizeOf(reportPart) <= 64_000_000 ? archive.read(reportPart) : Buffer.alloc(0)), reportPart, () => undefined);
  // What cannot be read was said with the other parts.
  if (!bytes) return [];
  const report = spelled(bytes);
  if (!isObject(report)) {
    find('report', reportPart, 'It is not spelled as it was written.');
    return [];
  }
  if (report.signature === null) return ['The report is a draft: nobody signed it.'];
  const check = checkSigned(report);
  const { holds, why, publicKey } = check;
  if (!holds) {
    find('report', reportPart, why);
    return [];
  }
  const { content } = report.signature as { readonly content: string };
  const entry = entries.find(({ entry: { kind, body } }) => kind === 'sign' && body.content === content)?.entry;
  if (!entry) find('report', reportPart, 'No entry of the journal says that it was signed.');
  else if (!keysOf(entries, () => undefined).findLast(({ seq }) => seq < entry.seq)?.key.equals(publicKey ?? Buffer.alloc(0))) find('report', reportPart, 'It is signed with another key than the journal\'s.');
  return [`The report's signature holds. ${why}`, ...releaseNotes(check)];
}

/** The same capsule without what is named: it verifies as before, and nobody's key is needed. @throws RangeError for a capsule that does not hold */
export function redact(path: string, withheld: readonly Withheld[]): readonly ZipEntry[] {
  const check = checkCapsule(path);
  if (!check.isWhole) throw new RangeError('redact: the capsule does not hold');
  const archive = openZip(path);
  try {
    const manifestBytes = archive.read('manifest.json');
    const manifest = parseManifest(spelled(manifestBytes)) as Manifest;
    const proofs = parseProofs(spelled(archive.read('proofs.json'))) as Proofs;
    const salts = parseSalts(spelled(archive.read('salts.json'))) as Readonly<Record<string, string>>;
    const kept = manifest.parts.filter(({ path: name, holds }) => Object.hasOwn(salts, name) && !holds.some((word) => withheld.includes(word)));
    // When the question was answered and the report signed would tell when the person was here; when the journal began and when this left does not.
    const lines = archive.read('journal.jsonl').toString('utf8').split('\n').slice(0, -1).map((line) => {
      const hashed = readLine(Buffer.from(line), true).entry as HashedEntry;
      const isOfThem = hashed.entry.kind === 'answer' || hashed.entry.kind === 'sign';
      return { line: (isOfThem && withheld.includes('identity') ? timelessLine(hashed) : null) ?? line, entry: hashed.entry };
    });
    // Entries of the story tell when a study came and what was looked at; those that prove the answer stay.
    const needed = lines.filter(({ entry }) => ['log', 'key', 'sign', 'export'].includes(entry.kind) || entry.seq === manifest.answer);
    const fields = withhold(check.fields, (name) => withheld.some((word) => withheldFields[word](name)));
    return [
      ...ownFiles({
        manifestBytes, fields, note: proofs.note, key: proofs.key, salts: Object.fromEntries(kept.map(({ path: name }) => [name, salts[name] ?? ''])),
        entries: needed.map(({ line, entry: { seq } }) => ({ line, seq, proof: (proofs.entries.find((one) => one.seq === seq)?.proof ?? []).map((hash) => hash.toString('hex')) })),
      }),
      ...kept.map(({ path: name }) => ({ name, bytes: archive.read(name) })),
    ];
  } finally {
    archive.close();
  }
}

