/** The audit of one data folder: its journal, its key, and the records of answers with what opens their fields. */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import { asJson, isObject, type JsonObject } from './canonical.ts';
import { composeCapsule, type CapsulePart } from './capsule.ts';
import { fieldsOf, rootsOf } from './fields.ts';
import { journalFile, openAuditJournal, type AuditJournal } from './journal.ts';
import { takePending } from './pending.ts';
import { hasKey, openKey, protectionIn, sealNextKey, settleNextKey, takeNextKey, type OpenedKey, type SystemStore } from './keys.ts';
import { answerRecord, buildHash, hashOf, recordJson, type AnswerParts, type AnswerRecord, type RecordedFrame } from './record.ts';
import { fingerprintOf, type SigningKey } from './note.ts';
import { hasSigner, proveSigner } from './signer.ts';
import type { ZipEntry } from './zip.ts';

export interface AuditOptions {
  /** The person's data folder. */
  readonly dataFolder: string;
  readonly version: string;
  readonly system?: SystemStore | null;
  readonly passphrase?: string | null;
  /** How much work a guess at the passphrase of a new key is; as in `openKey`. */
  readonly work?: number;
}

/** An answer with the pictures that it is about. */
export type AnswerToKeep = Omit<AnswerParts, 'id' | 'at' | 'who' | 'software' | 'frames'> & {
  /** Absent: a new one. */
  readonly id?: string;
  readonly frames: readonly (Omit<RecordedFrame, 'picture'> & { readonly picture: { readonly width: number; readonly height: number; readonly data: Uint8Array; readonly png: Uint8Array } })[];
  /** Stands in the journal under a pseudonym; null where there is no study. */
  readonly studyId: string | null;
  /** Entries that led to it. */
  readonly story?: readonly number[];
};

export interface KeptAnswer {
  readonly id: string;
  readonly seq: number;
  readonly log: string;
  readonly story: readonly number[];
  readonly record: AnswerRecord;
  /** Opens every field of its record. */
  readonly secret: Uint8Array;
}

export interface Audit {
  readonly journal: AuditJournal;
  readonly software: { readonly version: string; readonly build: string };
  /** The account that runs the program. */
  readonly account: string;
  /** How the key is sealed, or would be; null: there is none, and only a passphrase could seal one. */
  readonly protection: 'system' | 'passphrase' | null;
  /** Signs; null: it is sealed, or there is none yet. */
  readonly key: SigningKey | null;
  /** The key is open: what is due is signed. */
  readonly isOpen: boolean;
  /** How a person proves at a signature to be who they say: by a passphrase; `none`: by one that is set then. */
  readonly proof: 'passphrase' | 'none';
  /** Opens the key by its passphrase, or by the system that keeps it; where there is none yet, one is made. The journal is signed from then on. @throws Fault of `openKey`, `audit.passphrase` where one is needed */
  open(passphrase: string | null): Promise<OpenedKey>;
  /** The key, after whoever asks has proven to be its owner: by its passphrase, or where the system opens it, by one of their own. @throws Fault of `open` and `proveSigner` */
  authenticate(passphrase: string | null): Promise<OpenedKey>;
  /** Another key from now on, signed by the one before it. Gives its fingerprint. @throws Fault of `authenticate` */
  rotate(passphrase: string | null, next: string | null): Promise<string>;
  /** Writes the record, then its entry: when this returns, the answer may be shown. @throws Fault of the journal, `storage.write` */
  keep(answer: AnswerToKeep): Promise<KeptAnswer>;
  /** @throws Fault `audit.answer` */
  answer(id: string): KeptAnswer;
  answers(): readonly string[];
  /** The capsule's files, journalled before they are given. @throws Fault `audit.answer`, `audit.unsigned`, and those of the journal */
  capsule(id: string, reports?: readonly CapsulePart[], story?: readonly number[]): readonly ZipEntry[];
  close(): void;
}

export const auditFolder = (dataFolder: string): string => join(dataFolder, 'audit');

/** @throws Fault of `openKey` and `openAuditJournal` */
export async function openAudit({ dataFolder, version, system, passphrase, work }: AuditOptions): Promise<Audit> {
  const folder = auditFolder(dataFolder);
  const sealing = { folder, system: system ?? null, ...(work === undefined ? {} : { work }) };
  settleNextKey(folder, journalFile(folder));
  const key = await openKey({ ...sealing, passphrase: passphrase ?? null });
  let opened = key;
  const software = { version, build: buildHash() };
  const name = accountName();
  const journal = openAuditJournal({ folder, software, key, actor: (pseudonym) => ({ id: pseudonym(`account ${name}`), method: 'os' }) });
  takePending(folder, journal);
  const answersFolder = join(folder, 'answers');
  const folderOf = (id: string): string => {
    if (!/^[\w-]{1,64}$/.test(id)) throw unknownAnswer(id);
    return join(answersFolder, id);
  };

  const answer = (id: string): KeptAnswer => {
    try {
      const value: unknown = JSON.parse(readFileSync(join(folderOf(id), 'answer.json'), 'utf8'));
      if (!isObject(value) || typeof value.secret !== 'string' || !isObject(value.record) || !Number.isSafeInteger(value.seq) || typeof value.log !== 'string') throw new SyntaxError('It is not as it was written.');
      return { id, seq: value.seq as number, log: value.log, story: value.story as readonly number[], record: value.record as unknown as AnswerRecord, secret: Buffer.from(value.secret, 'base64') };
    } catch (cause) {
      throw unknownAnswer(id, cause);
    }
  };

  const open = async (given: string | null): Promise<OpenedKey> => {
    const found = await openKey({ ...sealing, passphrase: given });
    if (!found) throw new Fault({ code: 'audit.passphrase', what: 'The signing key was not opened.', why: 'It is sealed by a passphrase, and none was given.', mend: 'Give the passphrase.' });
    if (!opened) journal.unlock(found);
    return opened = found;
  };

  const bySystem = (): boolean => protectionIn(folder, system) === 'system';
  const authenticate = async (given: string | null): Promise<OpenedKey> => {
    if (bySystem() && await proveSigner(folder, given, work)) journal.append({ kind: 'edit', body: { method: 'audit.signer' } });
    return open(given);
  };

  return {
    journal, answer, software, open, authenticate, account: name,
    get proof() {
      return (bySystem() ? hasSigner(folder) : hasKey(folder)) ? 'passphrase' : 'none';
    },
    get protection() {
      return protectionIn(folder, system);
    },
    get key() {
      return opened;
    },
    get isOpen() {
      return opened !== null;
    },
    async rotate(given, next) {
      await authenticate(given);
      const fresh = await sealNextKey({ ...sealing, passphrase: next ?? given });
      journal.rotate(fresh);
      takeNextKey(folder);
      opened = fresh;
      return fingerprintOf(fresh.publicKey);
    },
    answers: () => (existsSync(answersFolder) ? readdirSync(answersFolder).sort() : []),
    async keep({ id = randomUUID(), frames, studyId, story = [], ...parts }) {
      const record = answerRecord({
        ...parts, id, at: new Date().toISOString(), who: { name, method: 'os' }, software,
        frames: frames.map(({ picture: { width, height, data }, ...frame }) => ({ ...frame, picture: { width, height, sha256: hashOf(data) } })),
      });
      const secret = randomBytes(32);
      for (const [i, { picture }] of frames.entries()) await writeWhole(join(folderOf(id), `${i}.png`), picture.png);
      const roots = rootsOf(fieldsOf(recordJson(record), secret));
      // The record lies there before its entry says so: an entry without a record could not be opened, a record without an entry is only a file.
      const draft = { log: journal.log, seq: journal.size, story, secret: secret.toString('base64'), record: recordJson(record) };
      await writeWhole(join(folderOf(id), 'answer.json'), JSON.stringify(draft));
      const { entry } = journal.append({
        kind: 'answer', subject: { answer: id, ...(studyId === null ? {} : { study: journal.pseudonym(studyId) }) },
        body: asJson({ record: roots, model: record.model.root, tokens: record.output.tokens.length, end: record.output.end, parsed: record.reading.parsed }) as JsonObject,
      });
      if (entry.seq !== draft.seq) await writeWhole(join(folderOf(id), 'answer.json'), JSON.stringify({ ...draft, seq: entry.seq }));
      if (record.reading.probe !== null) journal.append({ kind: 'probe', subject: { answer: id } });
      return { id, seq: entry.seq, log: journal.log, story, record, secret };
    },
    capsule(id, reports = [], more = []) {
      const { seq, log, story, record, secret } = answer(id);
      if (log !== journal.log) {
        throw new Fault({
          code: 'audit.answer', what: `No capsule can be made of answer ${id}.`, why: `It stands in journal ${log}, which has ended.`, mend: 'Ask again: the new answer stands in the journal that is written now.',
        });
      }
      const pictures = record.frames.map((_, i): CapsulePart => ({ path: `pictures/${i}.png`, kind: 'picture', holds: ['pictures', 'identity'], bytes: readFileSync(join(folderOf(id), `${i}.png`)) }));
      return composeCapsule({ journal, answer: seq, story: [...story, ...more], id, fields: fieldsOf(recordJson(record), secret), parts: [...pictures, ...reports], secret, at: new Date().toISOString() });
    },
    close: () => journal.close(),
  };
}

const unknownAnswer = (id: string, cause?: unknown): Fault => new Fault({
  code: 'audit.answer', what: `There is no answer ${id}.`, why: 'Its record is not in this data folder, or cannot be read.', mend: 'loupe audit answers lists those that are there; LOUPE_DATA or --data names another folder.',
}, { cause });

/** Who sits here, as the system knows them. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
