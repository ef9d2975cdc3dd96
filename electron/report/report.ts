/** Reports of this workstation: composed, edited, signed, superseded and exported. Each act stands in the audit journal before it is done. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Audit } from '#electron/audit/audit.ts';
import { checkSigned, contentHash } from '#electron/audit/signed.ts';
import { fingerprintOf } from '#electron/audit/note.ts';
import type { StudyStatus } from '#electron/contract/library.ts';
import type { DecidedText, ReportChange, ReportEvent, ReportExport, ReportSummary, SuspectText } from '#electron/contract/report.ts';
import { Fault } from '#models/base/fault.ts';
import type { Mapping } from '#models/imaging/dicom/deidentify.ts';
import { undecided, type Report, type SignatureMeaning } from '#models/clinical/report.ts';
import { capsuleFormat, readableNames } from './capsule.ts';
import { compose, contradictions, refreshed } from './compose.ts';
import { place, written, type WrittenFile } from './exporting.ts';
import { formatNames, type FormatName } from './formats/format.ts';
import { gather, imagesOf, type ReportSources } from './gather.ts';
import { signContent, signatureHash } from './signing.ts';
import { mappingFrom, releaseKey } from './mapping.ts';
import { released, suspectTexts } from './release.ts';
import { openReportStore } from './store.ts';
import { openWriting, type WriteJob, type Writing } from './writing.ts';

export interface ReportsOptions {
  /** Where the journal of reports lies. */
  readonly folder: string;
  readonly now: () => string;
  /** The account: drafts are changed in its name. */
  readonly by: string;
  readonly sources: ReportSources;
  readonly audit: () => Promise<Audit>;
  readonly setStatus: (studyId: string, status: StudyStatus) => void;
  readonly changed: (reports: readonly ReportSummary[], removed: readonly string[]) => void;
  /** A sentence that a person should read. */
  readonly tell?: (notice: string) => void;
  /** Draws and writes; absent: here. */
  readonly writing?: Writing;
  /** What stands for UIDs and dates where the subject is left out; absent: as the data folder's own key has it. */
  readonly mapping?: () => Mapping;
  /** Names of new reports; absent: random ones. */
  readonly newId?: () => string;
}

export interface SigningRequest {
  readonly reportId: string;
  readonly revision: number;
  readonly name: string;
  readonly role: string;
  readonly meaning: SignatureMeaning;
  readonly passphrase: string | null;
}

export interface ExportRequest {
  readonly reportId: string;
  readonly version: number | null;
  readonly formats: readonly FormatName[];
  readonly withoutSubject: boolean;
  /** A person has looked for names in the pixels of the key images: asked for where the subject is left out. */
  readonly pixelsSeen?: boolean;
  /** What a person made of the texts that may name somebody: asked for where the subject is left out. */
  readonly texts?: readonly DecidedText[];
}

export interface Reports {
  list(studyId: string | null): readonly ReportSummary[];
  compose(wanted: { readonly studyId: string; readonly traceIds: readonly string[] | null; readonly priorStudyId: string | null; readonly reportId: string | null; readonly areMarksHidden?: boolean }): Promise<Report>;
  get(reportId: string, version: number | null): Report;
  history(reportId: string): readonly ReportEvent[];
  change(reportId: string, revision: number, changes: readonly ReportChange[]): Report;
  signing(): Promise<{ readonly protection: 'passphrase' | 'none'; readonly fingerprint: string | null; readonly account: string }>;
  /** @throws Fault `report.undecided`, `report.contradiction`, `report.impression`, `report.stale`, `audit.passphrase` */
  sign(request: SigningRequest): Promise<Report>;
  supersede(reportId: string): Report;
  discard(reportId: string): void;
  formats(reportId: string, version: number | null): Promise<readonly { readonly format: FormatName; readonly why: string | null }[]>;
  /** @throws Fault `report.unsuitable`, `report.readBack`, `storage.write`; nothing is left behind then, and the journal says that it failed */
  export(request: ExportRequest, folder: string): Promise<ReportExport>;
  /** Texts that have to be looked at before the report leaves without the subject. */
  suspects(reportId: string, version: number | null): Promise<SuspectText[]>;
  exports(reportId: string): readonly ReportExport[];
  preview(reportId: string, version: number | null): Promise<string>;
  check(reportId: string, version: number | null): Promise<{ readonly holds: boolean; readonly why: string }>;
  close(): void;
}

export function openReports({ folder, now, by, sources, audit, setStatus, changed, tell: say = () => undefined, newId = randomUUID, mapping = () => mappingFrom(releaseKey(folder)), writing = openWriting(sources.shown) }: ReportsOptions): Reports {
  const store = openReportStore(join(folder, 'reports.jsonl'), { now, by });
  if (store.unreadable.length > 0) say(`Of the reports' journal ${store.unreadable.length === 1 ? 'a line' : `${store.unreadable.length} lines`} cannot be read (${store.unreadable.slice(0, 5).join(', ')}): what they said is missing, and what is signed tells by its signature whether it is whole.`);
  const jobOf = async (report: Report): Promise<WriteJob> => ({ report, images: await imagesOf(report, sources), views: report.keyImages });

  const summaryOf = (id: string): ReportSummary => {
    const report = store.get(id);
    const signed = store.signedVersions(id);
    const { signature } = report;
    return {
      id, version: report.version, revision: report.revision, status: report.status, studyId: report.study.id, title: report.title, questions: report.questions.length, undecided: undecided(report).length, updatedAt: report.updatedAt,
      signed: signature && { name: signature.by.name, at: signature.at, meaning: signature.meaning }, signedVersions: signed.map(({ version }) => version),
    };
  };
  const tell = <R extends Report>(report: R): R => {
    changed([summaryOf(report.id)], []);
    return report;
  };

  const subjectOf = ({ journal }: Audit, report: Report): Record<string, string> => ({ report: report.id, study: journal.pseudonym(report.study.id) });
  const failed = (opened: Audit, report: Report, method: string, thrown: unknown): void => {
    opened.journal.append({ kind: 'failed', subject: subjectOf(opened, report), body: { method, version: report.version, code: thrown instanceof Fault ? thrown.code : 'internal' } });
  };
  /** Does something that leaves or decides; that it failed is written down too. */
  const attempt = async <T>(opened: Audit, report: Report, method: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (thrown) {
      failed(opened, report, method, thrown);
      throw thrown;
    }
  };

  /** All of them, written and read back; the capsule with the readable ones that are there already. */
  const filesOf = async (job: WriteJob, formats: readonly FormatName[], opened: Audit): Promise<readonly WrittenFile[]> => {
    const isReadable = (name: FormatName): boolean => readableNames.some((one) => one === name);
    const files = await writing.files(job, [...new Set(formats)].filter((name) => name !== 'capsule'));
    if (!formats.includes('capsule')) return files;
    const capsule = capsuleFormat(opened, async () => {
      const there = files.filter(({ format }) => isReadable(format));
      const missing = (await writing.choices(job)).filter(({ format, why }) => why === null && isReadable(format) && !there.some((file) => file.format === format)).map(({ format }) => format);
      return [...there, ...await writing.files(job, missing)];
    });
    return [...files, ...await written(job.report, { keyImages: [], images: job.images }, [capsule])];
  };

  return {
    list: (studyId) => store.ids().map(summaryOf).filter((summary) => studyId === null || summary.studyId === studyId).sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1)),
    async compose({ studyId, traceIds, priorStudyId, reportId, areMarksHidden = false }) {
      const before = reportId === null ? null : store.get(reportId);
      if (before && before.status !== 'draft') throw new Fault({ code: 'report.signed', what: 'The report cannot be brought up to date.', why: `Version ${before.version} is signed.`, mend: 'Supersede it first.' });
      const { journal, software, isOpen } = await audit();
      const gathered = await gather(sources, { studyId, traceIds, priorStudyId, by });
      const key = isOpen ? fingerprintAt(journal) : null;
      const made = compose(gathered, {
        id: before?.id ?? newId(), now: now(), software: { name: 'loupe', version: software.version, build: software.build }, journal: { log: journal.log, size: journal.size, fingerprint: key },
        areMarksHidden: before ? before.marksHidden === true : areMarksHidden, ...(before?.subjectSalt ? { salt: before.subjectSalt } : {}),
      });
      if (!before) return tell(store.put(made, 'Composed'));
      return tell(store.put({ ...refreshed(before, made, store.base(before.id)), revision: before.revision + 1, updatedAt: now() }, 'Brought up to date'));
    },
    get: (reportId, version) => store.get(reportId, version),
    history: (reportId) => store.history(reportId),
    change: (reportId, revision, changes) => tell(store.change(reportId, revision, changes)),
    async signing() {
      const { proof, account, isOpen, journal } = await audit();
      return { protection: proof, account, fingerprint: isOpen ? fingerprintAt(journal) : null };
    },
    async sign({ reportId, revision, name, role, meaning, passphrase }) {
      const report = store.get(reportId);
      const opened = await audit();
      return attempt(opened, report, 'report.sign', async () => {
        mustBeSignable(report, revision);
        const key = await opened.authenticate(passphrase);
        // While the passphrase was proven, another call may have changed or signed it.
        mustBeSignable(store.get(reportId), revision);
        const signed = signContent(report, { by: { name, role, account: opened.account }, meaning, at: now(), method: 'passphrase' }, key);
        const { entry, hash } = opened.journal.append({
          kind: 'sign', subject: subjectOf(opened, report), body: { version: report.version, revision: report.revision, content: signed.content, meaning, method: signed.method, key: signed.fingerprint, signature: signatureHash(signed) },
        });
        const kept = store.sign({ ...report, status: 'signed', signature: { ...signed, journal: { log: opened.journal.log, seq: entry.seq, hash } } });
        setStatus(report.study.id, 'reported');
        return tell(kept);
      });
    },
    supersede(reportId) {
      const report = store.get(reportId);
      const { signature } = report;
      if (report.status !== 'signed' || !signature) throw new Fault({ code: 'report.draft', what: 'The report is not superseded.', why: 'It is a draft: it can be changed as it is.', mend: 'Change it.' });
      const at = now();
      return tell(store.put({
        ...report, version: report.version + 1, revision: 0, status: 'draft', signature: null, createdAt: at, updatedAt: at, supersedes: { version: report.version, content: signature.content, signedAt: signature.at },
      }, `Begun from version ${report.version}`));
    },
    discard(reportId) {
      store.discard(reportId);
      const isLeft = store.ids().includes(reportId);
      changed(isLeft ? [summaryOf(reportId)] : [], isLeft ? [] : [reportId]);
    },
    async formats(reportId, version) {
      const report = store.get(reportId, version);
      const job = await jobOf(report);
      const choices = await writing.choices(job);
      const capsule = capsuleFormat(await audit());
      return formatNames.map((format) => ({ format, why: format === 'capsule' ? capsule.unsuitable(report, { keyImages: [], images: job.images }) : choices.find((one) => one.format === format)?.why ?? null }));
    },
    async export({ reportId, version, formats, withoutSubject: isAnonymous, pixelsSeen = false, texts = [] }, target) {
      const whole = store.get(reportId, version);
      const opened = await audit();
      return attempt(opened, whole, 'report.export', async () => {
        if (whole.signature) mustHold(whole);
        if (isAnonymous && whole.keyImages.length > 0 && !pixelsSeen) throw unseen(whole.keyImages.length);
        const own = await jobOf(whole);
        const job: WriteJob = isAnonymous ? { ...released(whole, own.images, { mapping: mapping(), texts, key: opened.key }), views: own.views } : own;
        const { report } = job;
        const files = await filesOf(job, formats, opened);
        const { entry } = opened.journal.append({
          kind: 'export', subject: subjectOf(opened, whole),
          body: {
            version: report.version, revision: report.revision, status: report.status, content: whole.signature?.content ?? contentHash(whole), withoutSubject: isAnonymous,
            ...(isAnonymous ? { pixelsSeen, textsSeen: texts.length, textsReplaced: report.release?.words ?? 0 } : {}), files: files.map(({ format, sha256: hash, bytes }) => ({ format, sha256: hash, bytes: bytes.length })),
          },
        });
        await place(files, target);
        const made: ReportExport = { folder: target, at: now(), seq: entry.seq, files: files.map(({ format, name, bytes, sha256: hash }) => ({ format, name, bytes: bytes.length, sha256: hash })) };
        store.exported(reportId, report.version, made);
        return made;
      });
    },
    async suspects(reportId, version) {
      const report = store.get(reportId, version);
      return suspectTexts(report, await imagesOf(report, sources), mapping());
    },
    exports: (reportId) => store.exports(reportId),
    async preview(reportId, version) {
      return writing.page(await jobOf(store.get(reportId, version)));
    },
    async check(reportId, version) {
      const report = store.get(reportId, version);
      const { holds, why } = checkSigned(report);
      const { journal } = await audit();
      const { signature } = report;
      if (!holds || !signature || signature.journal.log !== journal.log) return { holds, why };
      const isThere = signature.journal.seq < journal.size && journal.entry(signature.journal.seq).hash === signature.journal.hash;
      return isThere ? { holds, why: `${why} Entry ${signature.journal.seq} of the audit journal says so too.` } : { holds: false, why: `Entry ${signature.journal.seq} of the audit journal is not the one that was written when it was signed.` };
    },
    close: () => store.close(),
  };
}

/** @throws Fault with what is in the way of a signature */
function mustBeSignable(report: Report, revision: number): void {
  const refuse = (code: string, why: string, mend: string): Fault => new Fault({ code, what: 'The report was not signed.', why, mend });
  if (report.status !== 'draft') throw refuse('report.signed', `Version ${report.version} is signed already.`, 'Supersede it.');
  if (report.revision !== revision) throw refuse('report.stale', `It is at revision ${report.revision}, and revision ${revision} was read.`, 'Read it as it is now, then sign it.');
  const open = undecided(report);
  if (open.length > 0) {
    const names = open.slice(0, 6).map(({ question, step }) => `${report.questions.length > 1 ? `question ${question + 1}, ` : ''}${step === null ? 'the answer' : `step ${step + 1}`}`);
    throw refuse('report.undecided', `Nobody has decided about ${names.join('; ')}${open.length > names.length ? ` and ${open.length - names.length} more` : ''}.`, 'Accept, edit or reject each step and each answer.');
  }
  const [contradiction] = contradictions(report);
  if (contradiction) throw refuse('report.contradiction', `It says that there is ${contradiction.label}, and every region that shows it was rejected or removed.`, 'Take the finding out, or point it at another region.');
  if (report.impression.trim() === '') throw refuse('report.impression', 'It has no impression.', 'Write what is concluded.');
}

/** @throws Fault `report.tampered` */
function mustHold(report: Report): void {
  const { holds, why } = checkSigned(report);
  if (!holds) throw new Fault({ code: 'report.tampered', what: 'The report was not exported.', why: `${why} Its file in the data folder was changed by another program.`, mend: 'Compare it with what was exported before; supersede it where it says what is true.' });
}

/** The key that is valid at the journal's end. */
function fingerprintAt(journal: Audit['journal']): string | null {
  const last = journal.keyEntries.at(-1);
  const key = last === undefined ? undefined : journal.entry(last).entry.body.key;
  return typeof key === 'string' ? fingerprintOf(Buffer.from(key, 'base64')) : null;
}

const unseen = (count: number): Fault => new Fault({
  code: 'report.unseen',
  what: 'The report does not leave without the subject yet.',
  why: `Nobody has said that the ${count === 1 ? 'key image was' : `${count} key images were`} looked at: a name may be written in the pixels.`,
  mend: 'Look at each key image and confirm it: in the export dialog, or with --pixels-seen.',
});
