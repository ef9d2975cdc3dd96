/** The audit chain as values: an entry holds the hash of the one before it, a checkpoint the Merkle root of all, and a check tells what was done to them. */
import { randomBytes } from 'node:crypto';
import { asJson, canonical, hashFor, isHash, isObject, type Json, type JsonObject } from './canonical.ts';
import { commitmentOf } from './fields.ts';
import { createFrontier, leafHash } from './merkle.ts';
import { fingerprintOf, isSignature, isSignedBy, namesKey, parseCheckpoint, type SignedCheckpoint, type SigningKey } from './note.ts';
import { statusOf, type Finding, type Verdict } from './verdict.ts';

/** What is written down. `log`, `key`, `torn` and `clock` are the journal's own. */
export const eventKinds = [
  'import', 'view', 'ask', 'answer', 'probe', 'edit', 'judge', 'label', 'snapshot', 'train', 'evaluate', 'promote', 'sign', 'export', 'delete', 'restore', 'failed',
  'log', 'key', 'torn', 'clock',
] as const;
export type EventKind = (typeof eventKinds)[number];

/** What happened. Nothing in it names a patient or repeats free text: `subject` holds ids, `body` numbers, codes and hashes. */
export interface AuditEvent {
  readonly kind: EventKind;
  readonly subject?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
}

/** Whose act it is, under a pseudonym. */
export interface Actor {
  readonly id: string;
  /** How the machine knows: `os` the account that runs the program. */
  readonly method: string;
}

/** Where and when: handed in by the journal. */
export interface Circumstances {
  readonly log: string;
  /** ISO time with milliseconds. */
  readonly at: string;
  /** The program's start, by a random name, and milliseconds since then by a clock that is never set. */
  readonly run: string;
  readonly mono: number;
  readonly actor: Actor;
  readonly software: { readonly version: string; readonly build: string };
}

export interface Entry extends Circumstances {
  /** 1: written before times could be withheld, which its hash covers as they are. */
  readonly v: 1 | 2;
  /** From 0. */
  readonly seq: number;
  readonly kind: EventKind;
  readonly subject: Readonly<Record<string, string>>;
  readonly body: JsonObject;
  /** Hash of the entry before it; of a journal's first entry: of what that entry says of the journal. */
  readonly prev: string;
}

export interface HashedEntry {
  /** Where the time is withheld, `at` and `run` are empty. */
  readonly entry: Entry;
  readonly hash: string;
  /** 16 bytes, hexadecimal: with it `at`, `run` and `mono` are bound, so that an entry can be shown without saying when. */
  readonly salt?: string;
  /** Stands for the time that is withheld. */
  readonly when?: string;
}

/** What the first entry says: the public key in base64 (null: nothing is signed yet), when a checkpoint is due, and which journal this one follows. */
export interface LogBody extends JsonObject {
  readonly key: string | null;
  readonly checkpoint: { readonly entries: number; readonly minutes: number };
  readonly follows: JsonObject | null;
}

function entryHash({ entry, salt, when }: Omit<HashedEntry, 'hash'>): string {
  if (entry.v === 1) return hashFor('LOUPE-ENTRY-1', entry);
  return hashFor('LOUPE-ENTRY-2', { ...timeless(entry), when: when ?? commitmentOf(salt ?? '', canonical({ at: entry.at, mono: entry.mono, run: entry.run })) });
}

const timeless = ({ at: _at, run: _run, mono: _mono, ...entry }: Entry): Omit<Entry, 'at' | 'run' | 'mono'> => entry;

export const genesisOf = (body: unknown): string => hashFor('LOUPE-LOG-1', body);
const checkpointHash = (checkpoint: string, number: number): string => hashFor('LOUPE-CHECKPOINT-1', { checkpoint, number });

/** The entry that follows `last`. It holds the hash before it, so that no earlier entry can change unseen. @param salt  of its time; absent: a random one */
export function nextEntry(last: { readonly seq: number; readonly hash: string } | undefined, { kind, subject = {}, body = {} }: AuditEvent, circumstances: Circumstances, salt = randomBytes(16).toString('hex')): HashedEntry {
  const plain = asJson(body) as JsonObject;
  const { log, at, run, mono, actor, software } = circumstances;
  const entry: Entry = { v: 2, log, at, run, mono, actor, software, kind, subject, body: plain, seq: last === undefined ? 0 : last.seq + 1, prev: last?.hash ?? genesisOf(plain) };
  return { entry, salt, hash: entryHash({ entry, salt }) };
}

export const entryLine = ({ entry, hash, salt }: HashedEntry): string => `${canonical({ entry, hash, ...(salt === undefined ? {} : { salt }) })}\n`;

/** The same line without when it was, and with the same hash; null for an entry whose hash covers its time as it is. */
export function timelessLine({ entry, hash, salt }: HashedEntry): string | null {
  if (salt === undefined) return null;
  return canonical({ entry: { ...timeless(entry), when: commitmentOf(salt, canonical({ at: entry.at, mono: entry.mono, run: entry.run })) }, hash });
}

export const checkpointLine = (checkpoint: string, number: number): string => `${canonical({ checkpoint, hash: checkpointHash(checkpoint, number), number })}\n`;

/** What a key entry says: signed by the new key, and by the one before it where there was one, so that nobody else can hand a journal over. */
export function keyBody(log: string, seq: number, next: SigningKey, before: SigningKey | null): JsonObject {
  const key = Buffer.from(next.publicKey).toString('base64');
  const message = keyMessage(log, seq, key);
  return { key, own: Buffer.from(next.sign(message)).toString('base64'), before: before && Buffer.from(before.sign(message)).toString('base64') };
}

const keyMessage = (log: string, seq: number, key: string): Buffer => Buffer.from(`LOUPE-KEY-1\0${canonical({ key, log, seq })}`);

/** The end of a journal as its writer last saw it, kept in a file beside it: what shows that an end was cut off. */
export interface Head {
  readonly log: string;
  readonly bytes: number;
  readonly size: number;
  readonly checkpoints: number;
  readonly hash: string;
}

export function parseHead(text: string): Head | null {
  try {
    const value: unknown = JSON.parse(text);
    const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
    if (!isObject(value) || typeof value.log !== 'string' || !isHash(value.hash) || !isCount(value.bytes) || !isCount(value.size) || !isCount(value.checkpoints)) return null;
    return { log: value.log, bytes: value.bytes, size: value.size, checkpoints: value.checkpoints, hash: value.hash };
  } catch {
    return null;
  }
}

export interface JournalCheck extends Verdict {
  readonly format: 'journal';
  /** In order, where the journal is whole. */
  readonly chain: readonly HashedEntry[];
  readonly checkpoints: readonly SignedCheckpoint[];
  /** The notes themselves, as they are signed. */
  readonly signedNotes: readonly string[];
  /** Bytes up to the end of the last finished line. */
  readonly wholeBytes: number;
  /** The key that is valid at the end; null where there is none. */
  readonly publicKey: Buffer | null;
}

export interface JournalCheckOptions {
  /** The file beside the journal: null where it is missing or cannot be read, absent where there should be none. */
  readonly head?: Head | null;
  /** The fingerprint that is expected. */
  readonly fingerprint?: string;
  /** A checkpoint that is known from elsewhere: a report, a capsule, another workstation. */
  readonly known?: { readonly size: number; readonly root: string; readonly log: string };
  /** Bytes that were read, of all. */
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

interface Row {
  /** From 1. */
  readonly line: number;
  readonly entry?: HashedEntry;
  readonly checkpoint?: { readonly note: string; readonly number: number };
  /** Why it is neither. */
  readonly bad?: string;
}

/** Reads a journal's bytes and tells what holds and what was done to them. */
export function checkJournal(bytes: Uint8Array, { head, fingerprint, known, onProgress }: JournalCheckOptions = {}): JournalCheck {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { rows, wholeBytes } = readRows(buffer, onProgress);
  const findings: Finding[] = [];
  const find = (kind: Finding['kind'], where: string, why: string): void => void findings.push({ kind, where, why });

  const spine = spineOf(rows, head ?? null);
  const entries = spine.map(({ entry }) => entry as HashedEntry);
  const log = entries[0]?.entry.log ?? null;
  reportStrays(rows, spine, find);
  reportGaps(rows, spine, head ?? null, find);
  reportOrder(rows, spine, find, findings.length > 0);
  const structural = findings.length;
  reportEnd(buffer, rows, { wholeBytes, head: head ?? null, structural, entries }, find);

  const notes: string[] = [];
  const keys = keysOf(entries, find);
  const isChain = findings.length === 0 || findings.every(({ kind }) => kind === 'torn');
  const checkpoints = isChain ? checkpointsOf(rows, entries, keys, find) : { valid: [], notes: [], root: null };
  if (isChain) reportClock(entries, find);
  const publicKey = keys.at(-1)?.key ?? null;
  if (fingerprint !== undefined && (publicKey === null || fingerprintOf(publicKey) !== fingerprint)) {
    find('forged', 'journal', publicKey === null ? 'A key is expected, and the journal has none.' : `The journal's key is ${fingerprintOf(publicKey)}, expected is ${fingerprint}.`);
  }
  if (known && isChain) reportKnown(known, entries, log, find);

  const signed = checkpoints.valid.at(-1)?.size ?? 0;
  if (entries.length - signed === 1) notes.push('The last entry follows the last signature: the chain binds it, and who may write the file could have written it anew.');
  else if (entries.length > signed) notes.push(`The last ${entries.length - signed} entries follow the last signature: the chain binds them, and who may write the file could have written them anew.`);
  if (head === null) notes.push('The file beside the journal that tells its end is missing or cannot be read, so a cut at the end may stay unseen.');
  return {
    format: 'journal', isWhole: findings.length === 0, status: statusOf(findings), findings, notes, log, entries: entries.length, signed,
    fingerprint: publicKey && fingerprintOf(publicKey), root: checkpoints.root, chain: findings.every(({ kind }) => kind === 'torn') ? entries : [], checkpoints: checkpoints.valid, signedNotes: checkpoints.notes,
    wholeBytes, publicKey,
  };
}

type Find = (kind: Finding['kind'], where: string, why: string) => void;

function readRows(buffer: Buffer, onProgress: JournalCheckOptions['onProgress']): { readonly rows: readonly Row[]; readonly wholeBytes: number } {
  const rows: Row[] = [];
  let start = 0;
  for (let line = 1; ; line++) {
    const end = buffer.indexOf(0x0a, start);
    if (end < 0) return { rows, wholeBytes: start };
    rows.push({ line, ...readLine(buffer.subarray(start, end)) });
    start = end + 1;
    if (line % 1000 === 0) onProgress?.({ done: start, of: buffer.length });
  }
}

/** A line of a journal: an entry or a checkpoint in the one spelling that it may have, or why it is neither. @param mayBeTimeless  in a capsule, an entry's time may be withheld */
export function readLine(bytes: Buffer, mayBeTimeless = false): Omit<Row, 'line'> {
  if (bytes.length > 1_000_000) return { bad: 'The line is too long for an entry.' };
  let value: unknown;
  let spelled: string;
  try {
    const text = bytes.toString('utf8');
    value = JSON.parse(text);
    spelled = canonical(value);
  } catch {
    return { bad: 'The line is no entry any more.' };
  }
  if (!isObject(value) || !Buffer.from(spelled).equals(bytes)) return { bad: 'The line is not spelled as it was written.' };
  if (typeof value.checkpoint === 'string') {
    const { checkpoint, number, hash } = value;
    if (Object.keys(value).length !== 3 || !Number.isSafeInteger(number) || hash !== checkpointHash(checkpoint, number as number)) return { bad: 'The checkpoint does not have its hash.' };
    return { checkpoint: { note: checkpoint, number: number as number } };
  }
  const found = hashedEntry(value, mayBeTimeless);
  if (!found) return { bad: 'The line is no entry any more.' };
  return entryHash(found) === found.hash ? { entry: found } : { bad: `Entry ${found.entry.seq} does not have its hash.` };
}

const names = (value: object): string => Object.keys(value).sort().join(' ');
const entryNames = 'actor at body kind log mono prev run seq software subject v';
const timelessNames = 'actor body kind log prev seq software subject v when';

/** What a line says, whether or not its hash is right. */
function hashedEntry(value: Readonly<Record<string, unknown>>, mayBeTimeless: boolean): HashedEntry | null {
  const { entry, hash, salt } = value;
  if (!isObject(entry) || typeof hash !== 'string') return null;
  if (mayBeTimeless && names(value) === 'entry hash' && names(entry) === timelessNames) {
    const { when, ...rest } = entry;
    const whole: unknown = { ...rest, at: '', run: '', mono: 0 };
    return isHash(when) && isEntry(whole) && whole.v === 2 ? { entry: whole, hash, when } : null;
  }
  if (names(entry) !== entryNames || !isEntry(entry)) return null;
  if (entry.v === 1) return names(value) === 'entry hash' ? { entry, hash } : null;
  return names(value) === 'entry hash salt' && typeof salt === 'string' && /^[0-9a-f]{32}$/.test(salt) ? { entry, hash, salt } : null;
}

function isEntry(value: unknown): value is Entry {
  if (!isObject(value)) return false;
  const { v, seq, log, at, run, mono, kind, prev, actor, software, subject, body } = value;
  return (v === 1 || v === 2) && Number.isSafeInteger(seq) && (seq as number) >= 0 && typeof log === 'string' && /^[0-9a-f]{32}$/.test(log) && typeof at === 'string' && typeof run === 'string' && typeof mono === 'number'
    && typeof kind === 'string' && isHash(prev) && isObject(actor) && isObject(software) && isObject(subject) && isObject(body);
}

const seqOf = (row: Row | undefined): number => row?.entry?.entry.seq ?? -1;

/**
 * The entries that belong to the journal, by number: the longest run of entries that hold each other's hashes, and other runs that fit before and after it
 * in number as in place. What is not among them came from elsewhere.
 */
function spineOf(rows: readonly Row[], head: Head | null): readonly Row[] {
  const byHash = new Map<string, Row>();
  for (const row of rows) {
    if (row.entry && !byHash.has(row.entry.hash)) byHash.set(row.entry.hash, row);
  }
  const parentOf = (row: Row): Row | undefined => {
    const parent = byHash.get((row.entry as HashedEntry).entry.prev);
    return parent && seqOf(parent) === seqOf(row) - 1 ? parent : undefined;
  };
  // Entries by number, so that a parent's length is known before its child's.
  const sound = [...byHash.values()].sort((a, b) => seqOf(a) - seqOf(b) || a.line - b.line);
  const lengths = new Map<Row, number>();
  for (const row of sound) lengths.set(row, (lengths.get(parentOf(row) as Row) ?? 0) + 1);
  const isHead = (row: Row): boolean => row.entry?.hash === head?.hash;
  /** Of two that end a run of the same length, the one that the writer knew. */
  const known = new Set<Row>();
  const headRow = head && byHash.get(head.hash);
  for (let at = headRow ?? undefined; at; at = parentOf(at)) known.add(at);

  const ofRun = (tip: Row): Row[] => {
    const run: Row[] = [];
    for (let at: Row | undefined = tip; at; at = parentOf(at)) run.unshift(at);
    return run;
  };
  const tips = sound.toSorted((a, b) => Number(isHead(b)) - Number(isHead(a)) || (lengths.get(b) ?? 0) - (lengths.get(a) ?? 0) || b.line - a.line);
  const first = tips[0];
  if (!first) return [];
  let spine = ofRun(first);
  // What was written after the writer last told where the end is.
  for (let grown = true; grown;) {
    const tip = spine.at(-1) as Row;
    const next = sound.filter((row) => parentOf(row) === tip).sort((a, b) => b.line - a.line)[0];
    grown = next !== undefined;
    if (next) spine.push(next);
  }
  const taken = new Set(spine);
  for (const tip of tips) {
    if (taken.has(tip)) continue;
    const run = ofRun(tip).filter((row) => !taken.has(row));
    const [start] = run;
    if (!start || parentOf(start)) continue; // a branch: it holds the hash of an entry that another one follows
    const before = seqOf(tip) < seqOf(spine[0]) && tip.line < (spine[0] as Row).line;
    const end = spine.at(-1) as Row;
    const after = seqOf(start) > seqOf(end) && start.line > end.line && (head === null || seqOf(tip) < head.size);
    if (!before && !after) continue;
    spine = before ? [...run, ...spine] : [...spine, ...run];
    run.forEach((row) => taken.add(row));
  }
  // Of a line that is there twice, the one that stands in its place.
  const places = new Map<string, Row[]>();
  for (const row of rows) {
    const there = row.entry && places.get(row.entry.hash);
    if (there) there.push(row);
    else if (row.entry) places.set(row.entry.hash, [row]);
  }
  return spine.map((row, i) => {
    const copies = places.get(row.entry?.hash ?? '') ?? [];
    if (copies.length < 2) return row;
    return copies.find(({ line }) => seqOf(entryBefore(rows, line)) === seqOf(spine[i - 1]) && i > 0) ?? copies.find(({ line }) => i === 0 && entryBefore(rows, line) === undefined) ?? row;
  });
}

function entryBefore(rows: readonly Row[], line: number): Row | undefined {
  for (let i = line - 2; i >= 0; i--) {
    if (rows[i]?.entry) return rows[i];
  }
  return undefined;
}

function reportStrays(rows: readonly Row[], spine: readonly Row[], find: Find): void {
  const own = new Set(spine);
  for (const row of rows) {
    if (!row.entry || own.has(row)) continue;
    const isCopy = spine.some(({ entry }) => entry?.hash === row.entry?.hash);
    find('inserted', `line ${row.line}`, isCopy ? `It repeats entry ${seqOf(row)}.` : `No entry follows from it, and it says to be entry ${seqOf(row)}.`);
  }
  const numbers = new Map<number, number>();
  for (const { line, checkpoint } of rows) {
    if (!checkpoint) continue;
    if (numbers.has(checkpoint.number)) find('inserted', `line ${line}`, `Checkpoint ${checkpoint.number} is there already, in line ${numbers.get(checkpoint.number)}.`);
    else numbers.set(checkpoint.number, line);
  }
}

/** Missing numbers: explained by lines that cannot be read in their place, or deleted. Lines that cannot be read where nothing is missing were put in. */
function reportGaps(rows: readonly Row[], spine: readonly Row[], head: Head | null, find: Find): void {
  const explained = new Set<Row>();
  const lastBad = rows.filter(({ bad }) => bad !== undefined);
  const between = (from: number, to: number): readonly Row[] => lastBad.filter(({ line }) => line > from && line < to);
  const gap = (what: string, places: { readonly from: number; readonly to: number }, missing: readonly [number, number]): void => {
    const bad = between(places.from, places.to);
    bad.forEach((row) => explained.add(row));
    if (bad.length > 0) return;
    const [a, b] = missing;
    find('deleted', `before line ${Number.isFinite(places.to) ? places.to : 'the end'}`, a === b ? `${what} ${a} is missing.` : `${what}s ${a} to ${b} are missing.`);
  };
  const scan = (what: string, items: readonly { readonly line: number; readonly number: number }[]): void => {
    items.forEach(({ line, number }, i) => {
      const before = items[i - 1] ?? { line: 0, number: -1 };
      if (number > before.number + 1) gap(what, { from: Math.min(before.line, line), to: Math.max(before.line, line) }, [before.number + 1, number - 1]);
    });
  };
  scan('Entry', spine.map((row) => ({ line: row.line, number: seqOf(row) })));
  const seen = new Set<number>();
  const numbered = rows.flatMap(({ line, checkpoint }) => (checkpoint && !seen.has(checkpoint.number) && seen.add(checkpoint.number) ? [{ line, number: checkpoint.number }] : []));
  scan('Checkpoint', numbered.toSorted((a, b) => a.number - b.number));
  // What is missing at the end only the file beside the journal knows; without it, a line that cannot be read there is taken for a changed one.
  const atEnd = (line: number, isMissing: boolean): void => {
    if (head === null || isMissing) between(line, Infinity).forEach((row) => explained.add(row));
  };
  atEnd(spine.at(-1)?.line ?? 0, (head?.size ?? 0) > seqOf(spine.at(-1)) + 1);
  atEnd(numbered.at(-1)?.line ?? 0, (head?.checkpoints ?? 0) > numbered.length);
  for (const row of lastBad) {
    const kind = explained.has(row) ? 'changed' : 'inserted';
    find(kind, `line ${row.line}`, kind === 'changed' ? row.bad ?? '' : 'No entry is missing there.');
  }
}

function reportOrder(rows: readonly Row[], spine: readonly Row[], find: Find, isOtherwiseDamaged: boolean): void {
  const at = spine.findIndex((row, i) => i > 0 && row.line < (spine[i - 1] as Row).line);
  if (at > 0) {
    find('reordered', `line ${spine[at]?.line}`, `Entry ${seqOf(spine[at])} stands before entry ${seqOf(spine[at - 1])}.`);
    return;
  }
  if (isOtherwiseDamaged) return;
  const own = new Set(spine);
  const numbers = new Set(spine.map(seqOf));
  let seq = -1;
  let number = -1;
  for (const row of rows) {
    if (own.has(row)) seq = seqOf(row);
    const checkpoint = row.checkpoint && parseCheckpoint(row.checkpoint.note);
    if (!checkpoint || !row.checkpoint) continue;
    // A deleted entry leaves its checkpoint behind: that is said elsewhere.
    const isAmong = numbers.has(checkpoint.size - 1);
    if ((isAmong && checkpoint.size - 1 !== seq) || row.checkpoint.number < number) {
      find('reordered', `line ${row.line}`, `The checkpoint of ${checkpoint.size} entries follows entry ${seq}.`);
      return;
    }
    number = row.checkpoint.number;
  }
}

function reportEnd(
  buffer: Buffer, rows: readonly Row[], { wholeBytes, head, structural, entries }: { readonly wholeBytes: number; readonly head: Head | null; readonly structural: number; readonly entries: readonly HashedEntry[] }, find: Find,
): void {
  const size = (entries.at(-1)?.entry.seq ?? -1) + 1;
  const tail = buffer.length - wholeBytes;
  if (head && (buffer.length < head.bytes || size < head.size)) {
    const covered = Math.max(0, ...rows.flatMap(({ checkpoint }) => (checkpoint && parseCheckpoint(checkpoint.note)?.size) ?? []));
    if (tail > 0 && buffer.length >= head.bytes) find('changed', `line ${rows.length + 1}`, 'The line is no entry any more.');
    else if (structural === 0 && tail === 0 && covered > size) find('deleted', `after line ${rows.length}`, `Entries ${size} to ${covered - 1} are missing, though their checkpoint is there.`);
    else if (structural === 0) find('truncated', `after line ${rows.length}`, `The journal had ${head.size} entries in ${head.bytes} bytes, and ${size} in ${buffer.length} are left.`);
    return;
  }
  if (tail === 0) return;
  if (head && wholeBytes < head.bytes) find('changed', `line ${rows.length + 1}`, 'The line does not end.');
  else find('torn', `line ${rows.length + 1}`, `${tail} bytes were written of an entry that was not finished, as when the power fails. Nothing was promised about it.`);
}

interface KeyFrom {
  /** Valid for checkpoints of more entries than this. */
  readonly seq: number;
  readonly key: Buffer;
}

const keyBytes = (text: unknown): Buffer | null => {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  return bytes.length === 32 ? bytes : null;
};

/** The keys that the entries name, each with the number from which it is valid. */
export function keysOf(entries: readonly HashedEntry[], find: Find): readonly KeyFrom[] {
  const keys: KeyFrom[] = [];
  for (const { entry: { kind, seq, body, log, prev } } of entries) {
    if (kind === 'log' && seq === 0) {
      if (prev !== genesisOf(body)) find('rewritten', 'entry 0', 'It does not begin from what it says of the journal.');
      const key = keyBytes(body.key);
      if (key) keys.push({ seq, key });
    }
    if (kind !== 'key') continue;
    const key = keyBytes(body.key);
    const message = keyMessage(log, seq, typeof body.key === 'string' ? body.key : '');
    const holds = (signature: Json | undefined, by: Buffer): boolean => typeof signature === 'string' && isSignature(message, Buffer.from(signature, 'base64'), by);
    const before = keys.at(-1)?.key;
    if (!key || !holds(body.own, key) || (before && !holds(body.before, before))) {
      find('forged', `entry ${seq}`, 'It names a new key that the one before it did not sign.');
      continue;
    }
    keys.push({ seq, key });
  }
  return keys;
}

interface Checkpoints {
  readonly valid: readonly SignedCheckpoint[];
  readonly notes: readonly string[];
  /** Of all entries, hexadecimal. */
  readonly root: string | null;
}

function checkpointsOf(rows: readonly Row[], entries: readonly HashedEntry[], keys: readonly KeyFrom[], find: Find): Checkpoints {
  const frontier = createFrontier();
  const roots = new Map<number, Buffer>();
  const signed = rows.flatMap(({ line, checkpoint }) => (checkpoint ? [{ line, note: checkpoint.note, parsed: parseCheckpoint(checkpoint.note) }] : []));
  const wanted = new Set(signed.map(({ parsed }) => parsed?.size));
  for (const { hash } of entries) {
    frontier.add(leafHash(Buffer.from(hash, 'hex')));
    if (wanted.has(frontier.size)) roots.set(frontier.size, frontier.root());
  }
  const valid: SignedCheckpoint[] = [];
  const notes: string[] = [];
  let from = 0;
  for (const { line, note, parsed } of signed) {
    if (!parsed) {
      find('changed', `line ${line}`, 'The checkpoint is none any more.');
      continue;
    }
    const key = keys.findLast(({ seq }) => seq < parsed.size)?.key;
    if (!key || !namesKey(parsed, key)) find('forged', `line ${line}`, `The checkpoint of ${parsed.size} entries names another key.`);
    else if (!isSignedBy(parsed, key)) find('forged', `line ${line}`, `The signature under the checkpoint of ${parsed.size} entries does not hold.`);
    else if (parsed.log !== entries[0]?.entry.log) find('inserted', `line ${line}`, 'The checkpoint is of another journal.');
    else if (!roots.get(parsed.size)?.equals(parsed.root)) {
      find('rewritten', `line ${line}`, `Entries ${from} to ${parsed.size - 1} are among them: the checkpoint has another root.`);
      return { valid, notes, root: frontier.root().toString('hex') };
    } else {
      valid.push(parsed);
      notes.push(note);
      from = parsed.size;
    }
  }
  return { valid, notes, root: frontier.root().toString('hex') };
}

/** How far the clock on the wall may drift from the one that is never set before it has to be said. */
export const clockToleranceMs = 5000;

/** Whether the clock was set back between two entries. */
export const isClockSetBack = (before: Pick<Entry, 'at' | 'run' | 'mono'>, after: Pick<Entry, 'at' | 'run' | 'mono'>): boolean => {
  const passed = Date.parse(after.at) - Date.parse(before.at);
  const least = before.run === after.run ? after.mono - before.mono : 0;
  return passed < least - clockToleranceMs;
};

function reportClock(entries: readonly HashedEntry[], find: Find): void {
  entries.forEach(({ entry }, i) => {
    const before = entries[i - 1]?.entry;
    if (before && entry.kind !== 'clock' && isClockSetBack(before, entry)) find('clock', `entry ${entry.seq}`, `It is of ${entry.at}, the one before it of ${before.at}.`);
  });
}

function reportKnown(known: NonNullable<JournalCheckOptions['known']>, entries: readonly HashedEntry[], log: string | null, find: Find): void {
  if (known.log !== log) {
    find('rewritten', 'journal', `The known checkpoint is of journal ${known.log}.`);
    return;
  }
  if (known.size > entries.length) {
    find('truncated', 'the end', `A checkpoint that is known from elsewhere covers ${known.size} entries, and ${entries.length} are left.`);
    return;
  }
  const frontier = createFrontier();
  for (const { hash } of entries.slice(0, known.size)) frontier.add(leafHash(Buffer.from(hash, 'hex')));
  if (frontier.root().toString('hex') !== known.root) find('rewritten', `entries 0 to ${known.size - 1}`, 'A checkpoint that is known from elsewhere has another root.');
}
