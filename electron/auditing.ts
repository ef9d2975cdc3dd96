/** The audit journal for the window: its entries by kind, time and study, whether it holds, what changed, its keys. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Audit } from './audit/audit.ts';
import { eventKinds, keysOf, type Entry, type HashedEntry } from './audit/chain.ts';
import { fingerprintOf, parseCheckpoint, pemOf } from './audit/note.ts';
import type { AuditChanges, AuditEntry, AuditFilter, AuditKey, AuditState, AuditVerdict, JournalVerdict } from './contract/audit.ts';
import type { StudySummary } from './contract/library.ts';

export interface AuditingOptions {
  readonly audit: () => Promise<Audit>;
  readonly studies: () => readonly StudySummary[];
  /** An entry that names a report is about the report's study. */
  readonly reports: () => readonly { readonly id: string; readonly studyId: string }[];
  readonly now: () => string;
  /** Checks the journal in a process of its own. */
  readonly check: (path: string, onProgress: (progress: { readonly done: number; readonly of: number }) => void) => Promise<JournalVerdict>;
  readonly onProgress: (progress: { readonly done: number; readonly of: number }) => void;
}

export interface Auditing {
  state(): Promise<AuditState>;
  entries(filter: AuditFilter & { readonly before: number | null; readonly limit: number }): Promise<{ readonly entries: AuditEntry[]; readonly next: number | null; readonly matching: number }>;
  verify(): Promise<AuditVerdict>;
  since(since: { readonly seq: number } | { readonly at: string }): Promise<AuditChanges>;
  keys(): Promise<AuditKey[]>;
  checkpoint(): Promise<{ readonly note: string; readonly size: number }>;
}

export function openAuditing({ audit, studies, reports, now, check, onProgress }: AuditingOptions): Auditing {
  const read = createReader();
  /** Studies by the names that stand for them in the journal. */
  const namesOf = ({ journal }: Audit): ReadonlyMap<string, StudySummary> => {
    const known = new Map(studies().map((study) => [study.id, study]));
    const ofReports = reports().flatMap(({ id, studyId }) => (known.has(studyId) ? [[id, known.get(studyId) as StudySummary] as const] : []));
    return new Map([...[...known].map(([id, study]) => [journal.pseudonym(id), study] as const), ...ofReports]);
  };
  const nameOf = ({ patient, description, modalities, date }: StudySummary): string => [patient, description === '' ? modalities.join(', ') : description, date].filter(Boolean).join(' · ');
  const studiesOf = (entry: Entry, names: ReadonlyMap<string, StudySummary>): readonly StudySummary[] =>
    [...new Set(Object.entries(entry.subject).flatMap(([name, value]) => (name.startsWith('study') || name === 'report' ? names.get(value) ?? [] : [])))];
  const self = ({ journal, account }: Audit): string => journal.pseudonym(`account ${account}`);

  return {
    async state() {
      const { journal, protection, isOpen } = await audit();
      const { note } = read(journal.path);
      const last = note === null ? null : parseCheckpoint(note);
      return { log: journal.log, size: journal.size, signed: last?.size ?? 0, signedAt: last?.at ?? null, kinds: [...eventKinds], protection: protection ?? 'none', isOpen, notices: [...journal.notices] };
    },
    async entries({ kinds, studyId, from, to, before, limit }) {
      const opened = await audit();
      const names = namesOf(opened);
      const { entries, note } = read(opened.journal.path);
      const signed = note === null ? 0 : parseCheckpoint(note)?.size ?? 0;
      // A study that was removed is found by its pseudonym alone.
      const pseudonym = studyId === null ? null : opened.journal.pseudonym(studyId);
      const isAbout = (entry: Entry): boolean => pseudonym === null || Object.values(entry.subject).includes(pseudonym) || studiesOf(entry, names).some(({ id }) => id === studyId);
      const matching = entries.filter(({ entry }) => (kinds.length === 0 || kinds.includes(entry.kind)) && isAbout(entry) && (from === null || entry.at >= from) && (to === null || entry.at < to));
      const page = matching.filter(({ entry }) => before === null || entry.seq < before).slice(-limit).reverse();
      const oldest = page.at(-1)?.entry.seq;
      const me = self(opened);
      return {
        matching: matching.length, next: oldest !== undefined && (matching[0]?.entry.seq ?? oldest) < oldest ? oldest : null,
        entries: page.map(({ entry, hash }) => ({
          seq: entry.seq, at: entry.at, kind: entry.kind, actor: { ...entry.actor, isSelf: entry.actor.id === me }, software: entry.software, studies: studiesOf(entry, names).map((study) => ({ id: study.id, name: nameOf(study) })),
          subject: entry.subject, body: JSON.stringify(entry.body), hash, prev: entry.prev, isSigned: entry.seq < signed,
        })),
      };
    },
    async verify() {
      const { journal } = await audit();
      const start = performance.now();
      const verdict = await check(journal.path, onProgress);
      return { ...verdict, at: now(), seconds: (performance.now() - start) / 1000 };
    },
    async since(since) {
      const opened = await audit();
      const names = namesOf(opened);
      const { entries } = read(opened.journal.path);
      const later = entries.filter(({ entry }) => ('seq' in since ? entry.seq >= since.seq : entry.at >= since.at)).map(({ entry }) => entry);
      const byStudy = new Map<string, { readonly study: StudySummary; readonly entries: Entry[] }>();
      for (const entry of later) {
        for (const study of studiesOf(entry, names)) byStudy.set(study.id, { study, entries: [...byStudy.get(study.id)?.entries ?? [], entry] });
      }
      return {
        entries: later.length, first: later[0]?.seq ?? null, kinds: countsOf(later), builds: [...new Set(later.map(({ software: { version, build } }) => `${version} (${build})`))], people: new Set(later.map(({ actor }) => actor.id)).size,
        studies: [...byStudy.values()].map(({ study, entries: own }) => ({ id: study.id, name: nameOf(study), kinds: countsOf(own) })),
      };
    },
    async keys() {
      const { journal } = await audit();
      const { entries } = read(journal.path);
      const found = keysOf(entries, () => undefined);
      return found.map(({ seq, key }, i) => ({
        fingerprint: fingerprintOf(key), pem: pemOf(key), seq, at: entries.find(({ entry }) => entry.seq === seq)?.entry.at ?? '', isHandedOver: i > 0, isCurrent: i === found.length - 1,
      }));
    },
    async checkpoint() {
      const { journal } = await audit();
      const { note, size } = journal.prove([0]);
      return { note, size };
    },
  };
}

function countsOf(entries: readonly Entry[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of entries) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Reads what was added since the last time. Lines are taken as they are: whether they hold, `verify` says. */
function createReader(): (path: string) => { readonly entries: readonly HashedEntry[]; readonly note: string | null } {
  let entries: HashedEntry[] = [];
  let note: string | null = null;
  let [name, from] = ['', 0];
  return (path) => {
    const file = openSync(path, 'r');
    try {
      const { size, ino } = fstatSync(file);
      if (name !== `${path} ${ino}` || size < from) [entries, note, from, name] = [[], null, 0, `${path} ${ino}`];
      const added = Buffer.alloc(size - from);
      const whole = added.subarray(0, readSync(file, added, 0, added.length, from));
      const end = whole.lastIndexOf(0x0a) + 1;
      for (const line of whole.toString('utf8', 0, end).split('\n')) {
        const value = parsed(line);
        if (value?.entry) entries.push(value as HashedEntry);
        else if (typeof value?.checkpoint === 'string') note = value.checkpoint;
      }
      from += end;
    } finally {
      closeSync(file);
    }
    return { entries, note };
  };
}

function parsed(line: string): { readonly entry?: unknown; readonly checkpoint?: unknown } | null {
  try {
    return JSON.parse(line) as { readonly entry?: unknown; readonly checkpoint?: unknown } | null;
  } catch {
    return null;
  }
}
