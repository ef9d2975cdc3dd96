/** The journal's file: one writer, which only appends, and returns when the entry is on the disk. A crash costs at most the entry that was being written. */
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { writeFault } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import { canonical, sha256, type JsonObject } from './canonical.ts';
import {
  checkJournal, checkpointLine, entryLine, isClockSetBack, keyBody, nextEntry, readLine, type Actor, type AuditEvent, type Circumstances, type Entry, type EventKind, type HashedEntry, type LogBody,
} from './chain.ts';
import { headFile, readHead } from './head.ts';
import { takeLock } from './lock.ts';
import { createFrontier, inclusionProof, leafHash, type Frontier } from './merkle.ts';
import { signCheckpoint, type SigningKey } from './note.ts';

export interface AuditJournalOptions {
  /** Everything of the journal lies there. */
  readonly folder: string;
  readonly actor: (pseudonym: (text: string) => string) => Actor;
  readonly software: Circumstances['software'];
  /** Signs checkpoints; null: the chain is kept and nothing is signed. */
  readonly key?: SigningKey | null;
  /** ISO time with milliseconds. */
  readonly now?: () => string;
  /** Milliseconds of a clock that is never set. */
  readonly mono?: () => number;
}

export interface ProvenEntry {
  readonly line: string;
  readonly entry: HashedEntry;
  /** Hashes from the entry to the checkpoint's root. */
  readonly proof: readonly Buffer[];
}

export interface AuditJournal {
  readonly path: string;
  readonly log: string;
  /** Entries. */
  readonly size: number;
  /** What the start found and did, in sentences for people. */
  readonly notices: readonly string[];
  /**
   * Writes the event down; it is on the disk when this returns, unless `isDurable` is false (then with the next one that is).
   *
   * @throws Fault `storage.write` and the file is as before, `audit.foreign` another program wrote to it, `audit.closed`
   */
  append(event: AuditEvent, options?: { readonly isDurable?: boolean }): HashedEntry;
  /** Signs all entries now. Null where there is no key. @throws Fault as `append` */
  checkpoint(): string | null;
  /** A stable name for something that must not stand in the journal, known only to this workstation. */
  pseudonym(text: string): string;
  entry(seq: number): HashedEntry;
  /** Entries with their proofs up to the last checkpoint, which is given too. @throws Fault `audit.unsigned` */
  prove(seqs: readonly number[]): { readonly note: string; readonly size: number; readonly key: Uint8Array; readonly entries: readonly ProvenEntry[] };
  /** Entries that hold a key, from the first. */
  readonly keyEntries: readonly number[];
  /** Signs from now on with a key that could not be opened before. A journal whose key is another one is ended, as at a start. */
  unlock(key: SigningKey): void;
  /** Hands the journal over: the key that is open signs the next one, which signs from now on. @throws Fault `audit.unsigned` */
  rotate(next: SigningKey): HashedEntry;
  close(): void;
}

const checkpointPolicy = { entries: 256, minutes: 15 };
/** What leaves, or decides: a signature follows at once. */
const signedAtOnce: ReadonlySet<EventKind> = new Set(['answer', 'sign', 'export', 'promote', 'delete', 'key']);
const headBytes = 512;

export const journalFile = (folder: string): string => join(folder, 'journal.jsonl');
/**
 * Opens the journal of a folder, or begins one. What a crash left unfinished is put aside and said; a journal that was tampered with is put aside whole, and
 * the new one's first entry says which one it follows.
 *
 * @throws Fault `audit.locked`, `storage.write`
 */
export function openAuditJournal({ folder, actor: actorOf, software, key: given = null, now = () => new Date().toISOString(), mono = () => performance.now() }: AuditJournalOptions): AuditJournal {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = journalFile(folder);
  const lock = takeLock(join(folder, 'journal.lock'));
  const notices: string[] = [];
  const run = randomBytes(6).toString('hex');
  let file = -1;
  let head = -1;
  let bytes = 0;
  let checkpoints = 0;
  let log = '';
  let last: { readonly seq: number; readonly hash: string; readonly entry: Entry } | undefined;
  let frontier: Frontier = createFrontier();
  let leaves: Buffer[] = [];
  /** Where each entry's line begins, and where the last one ends. */
  let offsets: number[] = [];
  let keyEntries: number[] = [];
  let publicKey: Buffer | null = null;
  let signedSize = 0;
  let signedAt = Date.parse(now());
  let signedNote: string | null = null;
  let state: 'open' | 'broken' | 'closed' = 'open';

  let key = given;
  const secret = secretOf(folder);
  const pseudonym = (text: string): string => createHmac('sha256', secret).update(text).digest('hex').slice(0, 32);
  const actor = actorOf(pseudonym);

  const take = ({ entry, hash }: HashedEntry, offset: number): void => {
    const leaf = leafHash(Buffer.from(hash, 'hex'));
    frontier.add(leaf);
    leaves.push(leaf);
    offsets.push(offset);
    last = { seq: entry.seq, hash, entry };
    if (entry.kind === 'key' || (entry.kind === 'log' && entry.body.key !== null)) {
      keyEntries.push(entry.seq);
      publicKey = Buffer.from(typeof entry.body.key === 'string' ? entry.body.key : '', 'base64');
    }
  };

  const usable = (): void => {
    if (state === 'open') return;
    throw new Fault({
      code: 'audit.closed', what: 'The audit journal cannot be written.', why: state === 'closed' ? 'It was closed.' : 'After a failed write its file could not be brought back to its last whole entry.',
      mend: 'Start Loupe again: it mends the end of the journal and says so.',
    });
  };

  /** Appends whole lines, or leaves the file as it was. */
  const write = (text: string, isDurable: boolean): void => {
    usable();
    const { size } = fstatSync(file);
    if (size !== bytes) {
      state = 'broken';
      throw new Fault({ code: 'audit.foreign', what: 'The audit journal cannot be written.', why: `It has ${size} bytes where its writer left ${bytes}: another program wrote to it.`, mend: 'Start Loupe again: it checks the journal and says what it finds.' });
    }
    const data = Buffer.from(text);
    try {
      for (let done = 0; done < data.length;) done += writeSync(file, data, done);
      if (isDurable) fsyncSync(file);
      bytes += data.length;
    } catch (cause) {
      try {
        ftruncateSync(file, bytes);
      } catch {
        state = 'broken';
      }
      throw writeFault(path, cause);
    }
  };

  const tellEnd = (): void => {
    const text = canonical({ bytes, checkpoints, hash: last?.hash ?? '', log, size: leaves.length });
    try {
      writeSync(head, `${text.padEnd(headBytes - 1)}\n`, 0);
    } catch (cause) {
      throw writeFault(headFile(path), cause);
    }
  };

  const circumstances = (): Circumstances => ({ log, at: now(), run, mono: Math.round(mono()), actor, software });

  /** @param what  the event, or what it is at the number that it gets */
  const append = (what: AuditEvent | ((seq: number) => AuditEvent), { isDurable = true }: { readonly isDurable?: boolean } = {}): HashedEntry => {
    usable();
    const where = circumstances();
    const clock = last && isClockSetBack(last.entry, where) ? nextEntry(last, { kind: 'clock', body: { before: last.entry.at, after: where.at } }, where) : undefined;
    const before = clock ? { seq: clock.entry.seq, hash: clock.hash } : last;
    const event = typeof what === 'function' ? what(before ? before.seq + 1 : 0) : what;
    const own = nextEntry(before, event, where);
    const added = clock ? [clock, own] : [own];
    const lines = added.map(entryLine);
    const start = bytes;
    const size = leaves.length + added.length;
    const isDue = signedAtOnce.has(event.kind) || size - signedSize >= checkpointPolicy.entries || Date.parse(where.at) - signedAt >= checkpointPolicy.minutes * 60_000;
    const ahead = frontier.copy();
    added.forEach(({ hash }) => ahead.add(leafHash(Buffer.from(hash, 'hex'))));
    const note = isDue && key && (event.kind === 'key' || publicKey?.equals(key.publicKey)) ? signCheckpoint({ log, size, root: ahead.root(), at: where.at }, key) : null;
    // The checkpoint goes with the entry in one write: both are there, or neither.
    write(lines.join('') + (note === null ? '' : checkpointLine(note, checkpoints)), isDurable);
    let offset = start;
    added.forEach((one, i) => {
      take(one, offset);
      offset += Buffer.byteLength(lines[i] ?? '');
    });
    if (note !== null) signed(note, size, where.at);
    if (isDurable) tellEnd();
    return own;
  };

  const signed = (note: string, size: number, at: string): void => {
    checkpoints++;
    signedSize = size;
    signedAt = Date.parse(at);
    signedNote = note;
  };

  const begin = (follows: JsonObject | null): void => {
    log = randomBytes(16).toString('hex');
    last = undefined;
    frontier = createFrontier();
    leaves = [];
    offsets = [];
    keyEntries = [];
    publicKey = null;
    checkpoints = 0;
    signedSize = 0;
    signedNote = null;
    append({ kind: 'log', body: { key: key && Buffer.from(key.publicKey).toString('base64'), checkpoint: checkpointPolicy, follows } satisfies LogBody });
    if (key) sign();
  };

  const sign = (): string | null => {
    usable();
    if (!key || !publicKey?.equals(key.publicKey)) return null;
    if (signedNote !== null && signedSize === leaves.length) return signedNote;
    const note = signCheckpoint({ log, size: leaves.length, root: frontier.root(), at: now() }, key);
    write(checkpointLine(note, checkpoints), true);
    signed(note, leaves.length, now());
    tellEnd();
    return note;
  };

  const openFiles = (): void => {
    try {
      file = openSync(path, 'a+', 0o600);
      head = openSync(headFile(path), existsSync(headFile(path)) ? 'r+' : 'w+', 0o600);
      syncFolder(folder);
    } catch (cause) {
      throw writeFault(path, cause);
    }
  };

  const putAside = (ending: string): string => {
    const name = join(folder, `journal-${now().replace(/[^0-9]/g, '')}${ending}.jsonl`);
    for (const open of [file, head]) if (open >= 0) closeSync(open);
    renameSync(path, name);
    if (existsSync(headFile(path))) renameSync(headFile(path), headFile(name));
    bytes = 0;
    openFiles();
    return name;
  };

  const start = (): void => {
    const isThere = existsSync(path);
    const content = isThere ? readFileSync(path) : Buffer.alloc(0);
    const known = isThere ? readHead(path) : null;
    const check = checkJournal(content, { head: known });
    openFiles();
    if (check.entries === 0 && check.findings.every(({ kind }) => kind === 'torn')) {
      if (check.findings.length > 0) keepTorn(content, check.wholeBytes);
      if (check.wholeBytes < content.length) ftruncateSync(file, check.wholeBytes);
      begin(null);
      return;
    }
    const worse = check.findings.filter(({ kind }) => kind !== 'torn');
    if (worse.length > 0) {
      const name = putAside('-damaged');
      const why = worse.slice(0, 3).map(({ kind, where, why: reason }) => `${kind} ${where}: ${reason}`).join(' ');
      notices.push(`The audit journal was tampered with or damaged and is kept as ${name}. ${why} A new journal was begun, which says so.`);
      begin({ log: check.log ?? '', entries: check.entries, reason: worse[0]?.kind ?? '', sha256: sha256(content).toString('hex') });
      return;
    }
    log = check.log ?? '';
    bytes = check.wholeBytes;
    checkpoints = check.checkpoints.length;
    let offset = 0;
    for (let line = 0, at = 0; offset < check.wholeBytes; line++) {
      const end = content.indexOf(0x0a, offset) + 1;
      const one = check.chain[at];
      // Lines of a whole journal are entries in order with checkpoints between them.
      if (one && content.toString('latin1', offset, offset + 9) === '{"entry":') {
        take(one, offset);
        at++;
      }
      offset = end;
    }
    signedSize = check.signed;
    signedNote = check.signedNotes.at(-1) ?? null;
    if (known === null) notices.push('The file beside the audit journal that tells its end was missing or unreadable; it was written anew. A cut at the end before now would not have been seen.');
    if (check.findings.length > 0) {
      const kept = keepTorn(content, check.wholeBytes);
      ftruncateSync(file, check.wholeBytes);
      append({ kind: 'torn', body: { bytes: content.length - check.wholeBytes, sha256: sha256(content.subarray(check.wholeBytes)).toString('hex') } });
      notices.push(`The last start ended while an entry of the audit journal was written: ${content.length - check.wholeBytes} bytes of it were put aside in ${kept}. Every entry before it is there.`);
    } else {
      tellEnd();
    }
    if (key) takeKey(key);
  };

  /** A journal without a key gets one; one whose key is another's is ended, because only that one could hand it over. */
  const takeKey = (next: SigningKey): void => {
    if (publicKey === null) append((seq) => ({ kind: 'key', body: keyBody(log, seq, next, null) }));
    else if (!publicKey.equals(next.publicKey)) {
      const ended = { log, entries: leaves.length, reason: 'key', sha256: sha256(readFileSync(path)).toString('hex') };
      const name = putAside('-ended');
      notices.push(`The audit journal's key is not here any more. The journal is kept as ${name}; a new one was begun, which says so.`);
      begin(ended);
    }
  };

  const keepTorn = (content: Buffer, from: number): string => {
    const name = join(folder, `journal-${now().replace(/[^0-9]/g, '')}.torn`);
    try {
      writeFileSync(name, content.subarray(from), { mode: 0o600 });
    } catch (cause) {
      throw writeFault(name, cause);
    }
    return name;
  };

  const entryAt = (seq: number): { readonly line: string; readonly entry: HashedEntry } => {
    const from = offsets[seq];
    if (from === undefined) throw new RangeError(`The journal has no entry ${seq}.`);
    const buffer = Buffer.alloc(Math.min(1_000_001, bytes - from));
    const read = readSync(file, buffer, 0, buffer.length, from);
    const line = buffer.subarray(0, buffer.subarray(0, read).indexOf(0x0a));
    const { entry } = readLine(line);
    if (!entry || entry.entry.seq !== seq) throw new Fault({ code: 'audit.foreign', what: 'An entry of the audit journal cannot be read.', why: `Entry ${seq} is not what was written.`, mend: 'Check the journal with loupe verify.' });
    return { line: line.toString('utf8'), entry };
  };

  try {
    start();
  } catch (error) {
    for (const open of [file, head]) if (open >= 0) closeSync(open);
    lock.release();
    throw error;
  }

  return {
    path, pseudonym, append, notices,
    checkpoint: sign,
    get log() {
      return log;
    },
    get size() {
      return leaves.length;
    },
    get keyEntries() {
      return keyEntries;
    },
    entry: (seq) => entryAt(seq).entry,
    unlock(next) {
      usable();
      key = next;
      takeKey(next);
    },
    rotate(next) {
      const before = key;
      if (!before || !publicKey?.equals(before.publicKey)) throw unsigned('The key cannot be changed for another.');
      key = next;
      try {
        return append((seq) => ({ kind: 'key', body: keyBody(log, seq, next, before) }));
      } catch (error) {
        key = before;
        throw error;
      }
    },
    prove(seqs) {
      const note = sign();
      if (note === null || publicKey === null) throw unsigned('Nothing can be proven from the audit journal.');
      return { note, size: signedSize, key: publicKey, entries: seqs.map((seq) => ({ ...entryAt(seq), proof: inclusionProof(leaves, seq, signedSize) })) };
    },
    close() {
      if (state === 'closed') return;
      try {
        if (state === 'open') {
          fsyncSync(file);
          sign();
          tellEnd();
        }
      } finally {
        state = 'closed';
        closeSync(file);
        closeSync(head);
        lock.release();
      }
    },
  };
}

const unsigned = (what: string): Fault => new Fault({
  code: 'audit.unsigned', what, why: 'It is not signed: there is no key, or it is locked.', mend: 'Open the key: give its passphrase with --passphrase-file, or work in the window where the system keeps the key.',
});

/** The secret behind pseudonyms: who has the journal but not this file cannot try names until one fits. */
function secretOf(folder: string): Buffer {
  const path = join(folder, 'pseudonyms.secret');
  try {
    if (existsSync(path)) {
      const secret = readFileSync(path);
      if (secret.length === 32) return secret;
    }
    const secret = randomBytes(32);
    writeFileSync(path, secret, { mode: 0o600 });
    return secret;
  } catch (cause) {
    throw writeFault(path, cause);
  }
}

/** A new file's name is on the disk only when its folder is. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

