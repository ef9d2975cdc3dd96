/** `loupe report`: a report of a study, an answer or an answer's folder, decided, signed and written; or one that was made before. */

import { existsSync, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { hashedFile } from '#electron/audit/record.ts';
import { EvidenceCheck, Trace } from '#electron/contract/review.ts';
import type { StudyDetail } from '#electron/contract/library.ts';
import { TextDecisions, type DecidedText, type ReportChange, type SuspectText } from '#electron/contract/report.ts';
import { openVersions } from '#electron/curate/versions.ts';
import { openAnnotations } from '#electron/library/annotations.ts';
import { unpack } from '#electron/library/archive.ts';
import { assemble } from '#electron/library/assemble.ts';
import { inspect, wholeFile } from '#electron/library/inspect.ts';
import { openLibrary } from '#electron/library/library.ts';
import { openPixels } from '#electron/library/pixels.ts';
import { isAnswerFolder, readAnswerFolder } from '#electron/report/answerFolder.ts';
import { formatNames, type FormatName, type SourceImage } from '#electron/report/formats/format.ts';
import { keptRecord, type ReportSources } from '#electron/report/gather.ts';
import { sourceImage } from '#electron/report/headers.ts';
import { mappingFrom, releaseKey } from '#electron/report/mapping.ts';
import { openReports, type Reports } from '#electron/report/report.ts';
import { encodeFrame } from '#electron/contract/frame.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { version } from '#electron/storage/folders.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { Fault } from '#models/base/fault.ts';
import { meanings, SignatureMeaning, undecided, type Report } from '#models/clinical/report.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { auditOptions, chosenData, passphraseOf } from './audit.ts';
import { flag, onlyPositional, textOption, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'report',
  summary: 'a report that a stranger can verify: composed, decided, signed, written in several formats',
  usage: 'report STUDY|ANSWER|REPORT|FOLDER [--out DIR --format pdf,html,…] [--accept] [--impression TEXT] [--sign NAME --meaning WORD]',
  options: {
    out: { type: 'string', help: 'the folder that the files are written to: all of them, or none' },
    format: { type: 'string', help: `by commas: ${formatNames.join(', ')}; document is the PDF within DICOM` },
    'without-subject': { type: 'boolean', help: 'leaves out who it is about; the signature holds all the same' },
    'pixels-seen': { type: 'boolean', help: 'with --without-subject: the key images were looked at, and no name is written in them' },
    texts: { type: 'string', help: 'with --without-subject, for texts that may name somebody: replace or keep them all, or a FILE with a decision on each (written where it is not there yet)' },
    key: { type: 'string', help: 'with --without-subject: the secret that UIDs and dates follow from, as in loupe deidentify; the data folder\'s own where absent' },
    accept: { type: 'boolean', help: 'accepts every step and answer that nobody has decided about' },
    impression: { type: 'string', help: 'what is concluded; where absent, what the accepted answers say' },
    title: { type: 'string', help: 'of the report' },
    sign: { type: 'string', help: 'signs it under this name, with the key that the passphrase opens' },
    role: { type: 'string', help: 'of who signs, as Radiologist' },
    meaning: { type: 'string', help: `what the signature means: ${meanings.join(', ')}; author where absent` },
    supersede: { type: 'boolean', help: 'begins the next version of a signed report' },
    version: { type: 'string', help: 'of a report: another one than the last' },
    source: { type: 'string', help: 'of a FOLDER: where its images lie, where they were moved since' },
    answer: { type: 'string', help: 'of a REPORT that was made from a folder with an answer: that folder' },
    prior: { type: 'string', help: 'an earlier study to compare with; the last one of the same person where absent' },
    ...auditOptions,
  },
  run,
};

/** Something waits for a person's look: nothing was written. */
const undecidedStatus = 10;

async function run(context: CommandContext): Promise<number | void> {
  const given = onlyPositional(context, 'STUDY, ANSWER, REPORT or FOLDER');
  const formats = formatsOf(context);
  const out = textOption(context, 'out');
  if ((out === undefined) !== (formats.length === 0)) throw new UsageError(out === undefined ? '--out is missing: where shall the files go?' : '--format is missing: which files?');
  const meaning = SignatureMeaning.safeParse(textOption(context, 'meaning') ?? 'author');
  if (!meaning.success) throw new UsageError(`--meaning takes ${meanings.join(', ')}.`);

  const folder = chosenData(context);
  // The journal first: who holds it is the only one who may write below the folder.
  const audit = await openAudit({ dataFolder: folder, version: version(), passphrase: passphraseOf(context) });
  try {
    audit.journal.notices.forEach((notice) => context.progress(notice));
    const workstation = openWorkstation(folder, audit);
    try {
      const answerFolder = isAnswerFolder(given) ? given : textOption(context, 'answer');
      const inFolder = answerFolder === undefined ? null : await fromFolder(answerFolder, context, audit);
      const reports = openReports({
        folder, now: () => new Date().toISOString(), by: audit.account, audit: () => Promise.resolve(audit), sources: inFolder?.sources ?? workstation.sources, changed: () => undefined, tell: (notice) => context.progress(notice),
        setStatus: inFolder ? () => undefined : workstation.setStatus, mapping: () => mappingFrom(textOption(context, 'key') ?? releaseKey(folder)),
      });
      try {
        let report = await reportOf(given, { context, reports, audit, workstation, inFolder });
        report = decide(report, { context, reports, audit });
        const name = textOption(context, 'sign');
        if (name !== undefined) {
          report = await reports.sign({ reportId: report.id, revision: report.revision, name, role: textOption(context, 'role') ?? '', meaning: meaning.data, passphrase: passphraseOf(context) });
          context.progress(`Signed by ${name}: ${report.signature?.says ?? ''}`);
        }
        const texts = out !== undefined && flag(context, 'without-subject') ? await decidedTexts(context, report, reports) : [];
        if (texts === null) return undecidedStatus;
        const made = out === undefined ? null : await reports.export({ reportId: report.id, version: report.version, formats, withoutSubject: flag(context, 'without-subject'), pixelsSeen: flag(context, 'pixels-seen'), texts }, resolve(out));
        const left = undecided(report).length;
        const summary = { id: report.id, version: report.version, revision: report.revision, status: report.status, undecided: left, content: report.signature?.content ?? null, key: report.signature?.fingerprint ?? null };
        context.print({ report: summary, ...(made ? { folder: made.folder, files: made.files, journal: made.seq } : {}) }, [
          `Report ${report.id}, version ${report.version}: ${report.status}${left > 0 ? `, ${left} undecided` : ''}`,
          ...(report.signature ? [`key ${report.signature.fingerprint}`] : []), ...(made ? made.files.map(({ name: file, sha256 }) => `${join(made.folder, file)}  ${sha256}`) : []), report.banner,
        ].join('\n'));
      } finally {
        reports.close();
      }
    } finally {
      workstation.close();
    }
  } finally {
    audit.close();
  }
}

/** What a person made of the texts that may name somebody; null: it waits for one, and was said. */
async function decidedTexts(context: CommandContext, report: Report, reports: Reports): Promise<DecidedText[] | null> {
  const suspects = await reports.suspects(report.id, report.version);
  const option = textOption(context, 'texts');
  if (suspects.length === 0) return [];
  if (option === 'keep' || option === 'replace') return suspects.map(({ path, text, proposed }) => ({ path, was: text, text: option === 'keep' ? text : proposed }));
  if (option !== undefined && existsSync(option)) return decisionsIn(option, suspects);
  const lines = suspects.flatMap(({ where, text, hits, proposed }) => [`${where}: ${hits.map(({ found, kind }) => `“${found}” (${kind})`).join(', ')}`, `  was       ${text.slice(0, 300)}`, `  proposed  ${proposed.slice(0, 300)}`]);
  if (option !== undefined) {
    const list = { note: 'decision: replace takes what stands in "proposed" (change it as you like), keep says that the text names nobody.', texts: suspects.map(({ path, where, text, proposed, hits }) => ({ path, where, decision: null, was: text, proposed, found: hits.map(({ found }) => found) })) };
    await writeWhole(option, `${JSON.stringify(list, null, 2)}\n`);
  }
  const mend = option === undefined ? 'Decide with --texts replace, --texts keep, or --texts FILE.' : `Decide in ${option}, then give it again.`;
  context.print({ texts: suspects, mend }, [`${suspects.length === 1 ? 'A text' : `${suspects.length} texts`} may name somebody; nothing was written.`, ...lines, mend].join('\n'));
  return null;
}

function decisionsIn(path: string, suspects: readonly SuspectText[]): DecidedText[] {
  const wrong = (why: string): Fault => new Fault({ code: 'report.texts', what: `${path} was not understood.`, why, mend: 'Set "decision" of each text to "replace" or "keep"; remove the file to have it made anew.' });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  const parsed = TextDecisions.safeParse(value);
  if (!parsed.success) throw wrong(`${parsed.error.issues[0]?.path.join('.') ?? 'It'}: ${parsed.error.issues[0]?.message ?? ''}`);
  const open = suspects.find((suspect) => !parsed.data.texts.some(({ path: at, was, decision }) => at === suspect.path && was === suspect.text && decision !== null));
  if (open) throw wrong(`Nothing is decided about ${open.where}, as it stands now.`);
  return parsed.data.texts.flatMap(({ path: at, decision, was, proposed }) => (decision === null ? [] : [{ path: at, was, text: decision === 'keep' ? was : proposed }]));
}

function formatsOf(context: CommandContext): readonly FormatName[] {
  const words = (textOption(context, 'format') ?? '').split(',').map((word) => word.trim()).filter((word) => word !== '');
  const unknown = words.find((word) => !formatNames.some((name) => name === word));
  if (unknown !== undefined) throw new UsageError(`--format takes ${formatNames.join(', ')}, not '${unknown}'.`);
  return words as FormatName[];
}

interface Opened {
  readonly context: CommandContext;
  readonly reports: Reports;
  readonly audit: Audit;
}

type Workstation = ReturnType<typeof openWorkstation>;

/** The report that is meant: one that was made before, or a new draft. */
async function reportOf(given: string, { context, reports, audit, workstation, inFolder }: Opened & { readonly workstation: Workstation; readonly inFolder: Awaited<ReturnType<typeof fromFolder>> | null }): Promise<Report> {
  const asked = textOption(context, 'version');
  const known = reports.list(null).find(({ id }) => id === given);
  if (known) {
    const isHere = inFolder ? inFolder.studyId === known.studyId : workstation.studies().some(({ id }) => id === known.studyId);
    if (textOption(context, 'out') !== undefined && !isHere) {
      throw new Fault({ code: 'report.answer', what: `Report ${given} cannot be written.`, why: inFolder ? 'It was not made from that folder.' : 'It was made from a folder with an answer; its images are not in this library.', mend: 'Name the folder that it was made from: --answer FOLDER.' });
    }
    if (asked !== undefined) return reports.get(given, Number(asked));
    if (flag(context, 'supersede')) {
      audit.journal.append({ kind: 'edit', subject: { report: given }, body: { method: 'report.supersede' } });
      return reports.supersede(given);
    }
    return reports.get(given, null);
  }
  const priorStudyId = textOption(context, 'prior') ?? null;
  const composed = async (studyId: string, traceIds: readonly string[] | null): Promise<Report> => {
    audit.journal.append({ kind: 'edit', subject: { study: audit.journal.pseudonym(studyId) }, body: { method: 'report.compose' } });
    return reports.compose({ studyId, traceIds, priorStudyId, reportId: null });
  };
  if (inFolder) return composed(inFolder.studyId, [inFolder.traceId]);
  if (existsSync(given)) throw new Fault({ code: 'report.folder', what: `${given} cannot be reported.`, why: 'It holds no answer.', mend: 'Ask first: loupe review PATH --ask TEXT --out FOLDER. Then report that folder.' });
  if (workstation.studies().some(({ id }) => id === given)) return composed(given, null);
  const trace = workstation.traces.find(({ id }) => id === given);
  if (trace) return composed(trace.studyId, [trace.id]);
  throw new Fault({ code: 'report.what', what: `There is nothing called ${given} to be reported.`, why: 'It is no study, answer or report of this data folder, and no folder with an answer.', mend: 'loupe audit answers lists the answers on record; LOUPE_DATA or --data names another data folder.' });
}

/** What the command line decides about a draft. */
function decide(report: Report, { context, reports, audit }: Opened): Report {
  const title = textOption(context, 'title');
  const impression = textOption(context, 'impression');
  const changes: ReportChange[] = [
    ...(title === undefined ? [] : [{ kind: 'title' as const, text: title }]),
    ...(flag(context, 'accept') ? report.questions.flatMap(({ id, steps, answer }): ReportChange[] => [
      ...steps.filter(({ verdict }) => verdict === 'undecided').map((step) => ({ kind: 'step' as const, stepId: step.id, verdict: 'accepted' as const, text: null, reason: '' })),
      ...(answer.verdict === 'undecided' ? [{ kind: 'answer' as const, questionId: id, verdict: 'accepted' as const, text: null, reason: '' }] : []),
    ]) : []),
    ...(impression === undefined ? [] : [{ kind: 'impression' as const, text: impression }]),
  ];
  if (changes.length === 0) return report;
  audit.journal.append({ kind: 'edit', subject: { report: report.id }, body: { method: 'report.change', changes: changes.length } });
  return reports.change(report.id, report.revision, changes);
}

/** The studies, answers and drawings of a data folder, read without its window. */
function openWorkstation(folder: string, audit: Audit) {
  const now = (): string => new Date().toISOString();
  const nobody = (): Promise<never> => Promise.reject(new Error('The sample studies are drawn by the workstation.'));
  const pixels = openPixels();
  const library = openLibrary({
    folder, now, publish: () => undefined,
    reader: {
      inspect: ({ path, name, sha256 }) => inspect(path, name, sha256),
      async unpack({ path, folder: target }, onEntry) {
        for await (const entry of unpack(path, target)) onEntry(entry);
      },
      assemble: (files) => assemble(files), drawSamples: nobody,
    },
  });
  const annotations = openAnnotations({ folder, now });
  const versions = openVersions(join(folder, 'curation.jsonl'), { now, by: audit.account });
  const traces = openJournal(join(folder, 'traces.jsonl'), (value) => Trace.parse(value));
  const checks = openJournal(join(folder, 'evidence.jsonl'), (value) => EvidenceCheck.parse(value));
  const sources: ReportSources = {
    study: library.study, studies: library.list, traces: (studyId) => traces.entries.filter((trace) => trace.studyId === studyId), annotations: annotations.list,
    checks: (studyId) => [...new Map(checks.entries.filter((check) => check.studyId === studyId).map((check) => [check.traceId, check])).values()],
    judged(traceId) {
      const last = versions.history('judgement', traceId).at(-1);
      return last?.item.kind === 'judgement' && last.item.value ? { judgement: last.item.value, at: last.at, by: last.by } : undefined;
    },
    record: (traceId) => Promise.resolve(keptRecord(audit, traceId)),
    async values(frameId) {
      const sha256 = frameId.slice(0, 64);
      return encodeFrame(await pixels.values(library.pathOf(sha256), sha256, Number(frameId.slice(65))));
    },
    image: ({ source, frame }) => headerOf(library.pathOf(source), source, frame),
    shown: ({ place: { source, frame }, window, region, channels = null }) => pixels.shown(library.pathOf(source), frame, { window, region, channels }),
  };
  return {
    sources, traces: traces.entries, studies: library.list, setStatus: library.setStatus,
    close(): void {
      for (const one of [checks, traces, versions, annotations, library]) one.close();
    },
  };
}

/** The file whose header was asked for last: one frame is asked for after another. */
let opened: { readonly path: string; readonly file: Promise<DicomFile | null> } | undefined;
const dicomFile = async (path: string): Promise<DicomFile | null> => (kindOf(await startOfFile(path, kindBytes)) === 'dicom' ? readDicom(await wholeFile(path, basename(path))) : null);

async function headerOf(path: string, sha256: string, frame: number): Promise<SourceImage | null> {
  if (opened?.path !== path) opened = { path, file: dicomFile(path) };
  const file = await opened.file;
  return file && sourceImage(file, sha256, frame);
}

/** An answer's folder, with the images that it names where they still lie. */
async function fromFolder(folder: string, context: CommandContext, audit: Audit): Promise<{ readonly sources: ReportSources; readonly studyId: string; readonly traceId: string }> {
  const { trace, detail, record, shown, files, sourcePath } = readAnswerFolder(folder);
  const given = textOption(context, 'source') ?? sourcePath;
  const paths = given === null ? new Map<string, string>() : await pathsOf(given, files);
  if (paths.size < files.size) {
    if (textOption(context, 'source') !== undefined) throw new Fault({ code: 'report.source', what: `${given} is not what was asked about.`, why: `Of ${files.size} files that the answer names, ${paths.size} lie there unchanged.`, mend: 'Name the folder or the file that was given to loupe review.' });
    context.progress('Its images are not where they were: the report names no patient and no DICOM identifiers. --source names another place.');
  }
  const whole = paths.size === files.size ? await detailFrom(detail, paths) : detail;
  const kept = keptRecord(audit, trace.id);
  return {
    studyId: trace.studyId, traceId: trace.id,
    sources: {
      study: () => Promise.resolve(whole), studies: () => [whole.study], traces: () => [trace], judged: () => undefined, checks: () => [], annotations: () => [], shown,
      record: () => Promise.resolve(kept ?? record), values: () => Promise.reject(new Error('Nothing was drawn on an answer of a folder.')),
      async image({ source, frame }) {
        const path = paths.get(source);
        return path === undefined ? null : headerOf(path, source, frame);
      },
    },
  };
}

/** Which of the named files lie at a path, by their hashes. */
async function pathsOf(path: string, files: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const info = await stat(path).catch(() => null);
  if (!info) return found;
  const names = new Set(files.values());
  const candidates = info.isDirectory() ? (await readdir(path, { recursive: true })).filter((name) => names.has(basename(name))).map((name) => join(path, name)) : [path];
  for (const candidate of candidates) {
    if (!(await stat(candidate)).isFile()) continue;
    const { sha256 } = await hashedFile(candidate);
    if (files.has(sha256)) found.set(sha256, candidate);
  }
  return found;
}

/** What the images themselves say of study and patient, in place of what the folder alone tells. */
async function detailFrom(detail: StudyDetail, paths: ReadonlyMap<string, string>): Promise<StudyDetail> {
  const [first] = paths;
  if (!first) return detail;
  const located = await Promise.all([...paths].map(async ([sha256, path]) => ({ name: basename(path), sha256, path, bytes: (await stat(path)).size })));
  const seen = await inspect(first[1], basename(first[1]), first[0]);
  const { series, statements } = await assemble(located);
  if (seen.kind !== 'image') return detail;
  const { study: { id: _id, modality, ...identity } } = seen;
  return {
    study: { ...detail.study, ...identity, modalities: [modality], series: series.length, bytes: located.reduce((sum, { bytes }) => sum + bytes, 0) }, series: [...series], statements: [...statements],
    files: located.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
  };
}
