/** Reports on the disk: one journal that only grows, of drafts, changes, signatures and exports; every revision can be had again. */
import { z } from 'zod';
import { asJson } from '#electron/audit/canonical.ts';
import { ReportChange, ReportExport, type ReportEvent } from '#electron/contract/report.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import { Report, type ReportStatus } from '#models/clinical/report.ts';
import { applyChange, changeText } from './change.ts';

const stamp = { at: z.string(), by: z.string() };
const Entry = z.discriminatedUnion('type', [
  /** A draft as a whole: composed, brought up to date, or begun from what was signed. */
  z.object({ type: z.literal('draft'), ...stamp, what: z.string(), report: Report }),
  z.object({ type: z.literal('changed'), ...stamp, id: z.string(), changes: z.array(ReportChange) }),
  z.object({ type: z.literal('signed'), ...stamp, report: Report }),
  z.object({ type: z.literal('discarded'), ...stamp, id: z.string() }),
  z.object({ type: z.literal('exported'), ...stamp, id: z.string(), version: z.number(), export: ReportExport }),
]);
type Entry = z.infer<typeof Entry>;

interface Known {
  /** By version: every revision of a draft, the signed report at its end. */
  readonly versions: Map<number, Report[]>;
  /** The draft as it was last composed as a whole. */
  base?: Report;
  readonly events: ReportEvent[];
  readonly exports: ReportExport[];
}

export interface ReportStore {
  ids(): readonly string[];
  /** The latest version, or the one that is named; a signed one that was superseded says so. @throws Fault `report.unknown` */
  get(id: string, version?: number | null): Report;
  /** The draft as it was last composed as a whole, before anything was written into it. */
  base(id: string): Report;
  /** Versions that are signed, the oldest first. */
  signedVersions(id: string): readonly Report[];
  history(id: string): readonly ReportEvent[];
  exports(id: string): readonly ReportExport[];
  /** These return when it is on the disk. @throws Fault `storage.write`, `report.stale`, `report.signed`, and those of `applyChange` */
  put(report: Report, what: string): Report;
  change(id: string, revision: number, changes: readonly ReportChange[]): Report;
  sign(report: Report): Report;
  discard(id: string): void;
  exported(id: string, version: number, made: ReportExport): void;
  /** Lines of the journal that could not be read. */
  readonly unreadable: readonly number[];
  close(): void;
}

export function openReportStore(path: string, { now, by }: { readonly now: () => string; readonly by: string }): ReportStore {
  const known = new Map<string, Known>();

  const of = (id: string): Known => {
    const found = known.get(id);
    if (!found || found.versions.size === 0) throw new Fault({ code: 'report.unknown', what: 'There is no such report.', why: 'It was never made here, or its draft was discarded.', mend: 'Choose another one, or compose it again.' });
    return found;
  };
  const latest = (id: string): Report => {
    const { versions } = of(id);
    return (versions.get(Math.max(...versions.keys())) as Report[]).at(-1) as Report;
  };
  const changed = (report: Report, changes: readonly ReportChange[], at: string, who: string): Report => {
    const revisions = of(report.id).versions.get(report.version) ?? [];
    const next = changes.reduce((one, change) => applyChange(one, change, {
      at, by: who,
      revision(number) {
        const found = revisions.find((other) => other.revision === number);
        if (!found) throw new Fault({ code: 'report.item', what: 'The report was not changed.', why: `It never had a revision ${number}.`, mend: 'Choose one of its revisions.' });
        return found;
      },
    }), report);
    return { ...next, revision: report.revision + 1, updatedAt: at };
  };

  const apply = (entry: Entry): void => {
    const id = 'report' in entry ? entry.report.id : entry.id;
    const one = known.get(id) ?? { versions: new Map<number, Report[]>(), events: [], exports: [] };
    known.set(id, one);
    const add = (report: Report, what: string): void => {
      one.versions.set(report.version, [...one.versions.get(report.version) ?? [], report]);
      one.events.push({ at: entry.at, by: entry.by, what, version: report.version, revision: report.revision, status: report.status });
    };
    switch (entry.type) {
      case 'draft':
        one.base = entry.report;
        return add(entry.report, entry.what);
      case 'changed': return add(changed(latest(id), entry.changes, entry.at, entry.by), changeText(entry.changes));
      case 'signed': return add(entry.report, 'Signed');
      case 'exported': {
        one.exports.push(entry.export);
        one.events.push({ at: entry.at, by: entry.by, what: `Exported as ${[...new Set(entry.export.files.map(({ format }) => format))].join(', ')}`, version: entry.version, revision: latest(id).revision, status: latest(id).status });
        return;
      }
      case 'discarded': {
        const { version, revision } = latest(id);
        one.events.push({ at: entry.at, by: entry.by, what: 'Discarded', version, revision, status: 'draft' });
        one.versions.delete(version);
      }
    }
  };

  const journal = openJournal(path, (value) => Entry.parse(value));
  const unreadable = [...journal.unreadable];
  journal.entries.forEach((entry, i) => {
    try {
      apply(entry);
    } catch (thrown) {
      // A change of what could not be read: said with the lines that could not.
      if (!(thrown instanceof Fault)) throw thrown;
      unreadable.push(i + 1);
    }
  });
  const record = (entry: Entry): void => {
    journal.append(entry);
    apply(entry);
  };
  const draft = (id: string): Report => {
    const report = latest(id);
    if (report.status !== 'draft') throw new Fault({ code: 'report.signed', what: 'The report cannot be changed.', why: `Version ${report.version} is signed.`, mend: 'Supersede it: the next version says what this one says until you change it.' });
    return report;
  };

  return {
    unreadable,
    ids: () => [...known].filter(([, { versions }]) => versions.size > 0).map(([id]) => id),
    get(id, version = null) {
      if (version === null) return latest(id);
      const { versions } = of(id);
      const report = versions.get(version)?.at(-1);
      if (!report) throw new Fault({ code: 'report.unknown', what: 'There is no such version of the report.', why: `It has the versions ${[...versions.keys()].join(', ')}.`, mend: 'Choose one of these.' });
      const isSuperseded = report.status === 'signed' && [...versions].some(([number, revisions]) => number > version && revisions.at(-1)?.status === 'signed');
      return isSuperseded ? { ...report, status: 'superseded' satisfies ReportStatus } : report;
    },
    base: (id) => of(id).base ?? latest(id),
    signedVersions: (id) => [...of(id).versions.values()].flatMap((revisions) => revisions.filter(({ status }) => status === 'signed')),
    history: (id) => known.get(id)?.events ?? [],
    exports: (id) => known.get(id)?.exports ?? [],
    put(report, what) {
      record({ type: 'draft', at: now(), by, what, report: Report.parse(asJson(report)) });
      return latest(report.id);
    },
    change(id, revision, given) {
      // What JSON cannot hold could not be signed either.
      const changes = asJson(given) as unknown as readonly ReportChange[];
      const report = draft(id);
      if (report.revision !== revision) {
        throw new Fault({ code: 'report.stale', what: 'The report was not changed.', why: `It is at revision ${report.revision}, and the change was made on revision ${revision}.`, mend: 'Look at the report as it is now, and change it again.' });
      }
      const at = now();
      Report.parse(changed(report, changes, at, by));
      record({ type: 'changed', at, by, id, changes: [...changes] });
      return latest(id);
    },
    sign(report) {
      draft(report.id);
      record({ type: 'signed', at: now(), by, report: Report.parse(report) });
      return latest(report.id);
    },
    discard(id) {
      draft(id);
      record({ type: 'discarded', at: now(), by, id });
    },
    exported(id, version, made) {
      record({ type: 'exported', at: now(), by, id, version, export: made });
    },
    close: () => journal.close(),
  };
}
