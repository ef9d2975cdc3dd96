/** The studies of this workstation: an index in memory, made from the journal at each start; contents are blobs. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Publish } from '#electron/contract/events.ts';
import { Sha256, StudyDetail, StudyId, StudyStatus, StudySummary, type StudyFile } from '#electron/contract/library.ts';
import { openBlobs, type Blobs } from '#electron/storage/blobs.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import type { AssembledFile, AssembledStudy } from './assemble.ts';
import { runImport, type Intake, type Reader } from './importer.ts';
import type { StudyIdentity } from './inspect.ts';

/** What happened to the library. The latest word about a study counts. */
const Entry = z.discriminatedUnion('type', [
  z.object({ type: z.literal('study'), at: z.string(), study: StudySummary, detail: Sha256 }),
  z.object({ type: z.literal('status'), at: z.string(), studyId: StudyId, status: StudyStatus }),
  z.object({ type: z.literal('removed'), at: z.string(), studyIds: z.array(StudyId) }),
  z.object({ type: z.literal('restored'), at: z.string(), studyIds: z.array(StudyId) }),
  /** The sample studies were given once; who removes them does not get them back. */
  z.object({ type: z.literal('samples'), at: z.string() }),
]);
type Entry = z.infer<typeof Entry>;

export interface LibraryReader extends Reader {
  assemble(files: readonly AssembledFile[]): Promise<AssembledStudy>;
  /** Draws the sample studies and writes their files below the folder. */
  drawSamples(folder: string, onStudy: (sample: { readonly path: string; readonly question: string }) => void): Promise<void>;
}

export interface LibraryOptions {
  readonly folder: string;
  readonly reader: LibraryReader;
  readonly publish: Publish;
  /** ISO time. */
  readonly now: () => string;
}

export interface Library {
  readonly blobs: Blobs;
  list(): readonly StudySummary[];
  study(studyId: string): Promise<StudyDetail>;
  /** Begins an import; its progress is published. */
  start(paths: readonly { readonly path: string; readonly name?: string }[], options?: { readonly whenDone?: () => Promise<void> }): { readonly importId: string; readonly done: Promise<void> };
  cancel(importId: string): void;
  remove(studyIds: readonly string[]): string;
  restore(undoId: string): void;
  setStatus(studyId: string, status: StudyStatus): void;
  /** Makes the index anew from what is stored of each study where its journal is gone. Statuses went with the journal; labels and reports have their own. */
  recover(): Promise<void>;
  /** Brings the sample studies into an empty library, the first time. */
  giveSamples(temporaryFolder: string): Promise<void>;
  /** Where a stored file lies. @throws Fault `library.file` */
  pathOf(sha256: string): string;
  close(): void;
}

interface Known {
  readonly study: StudySummary;
  readonly detail: string;
}

/** A study while it is imported. */
interface Draft {
  study: StudySummary;
  readonly files: StudyFile[];
  readonly held: Set<string>;
}

export function openLibrary({ folder, reader, publish, now }: LibraryOptions): Library {
  const blobs = openBlobs(join(folder, 'blobs'));
  const known = new Map<string, Known>();
  const gone = new Map<string, Known>();
  let hasSamples = false;
  const apply = (entry: Entry): void => {
    switch (entry.type) {
      case 'study':
        known.set(entry.study.id, { study: entry.study, detail: entry.detail });
        return;
      case 'status': {
        const one = known.get(entry.studyId);
        if (one) known.set(entry.studyId, { ...one, study: { ...one.study, status: entry.status } });
        return;
      }
      case 'removed': move(entry.studyIds, known, gone); return;
      case 'restored': move(entry.studyIds, gone, known); return;
      case 'samples': hasSamples = true;
    }
  };
  const journal = openJournal(join(folder, 'library.jsonl'), parseEntry);
  journal.entries.forEach(apply);
  const record = (...entries: readonly Entry[]): void => {
    journal.append(...entries);
    entries.forEach(apply);
  };

  const drafts = new Map<string, Draft>();
  const questions = new Map<string, string>();
  const undo = new Map<string, readonly string[]>();
  const running = new Map<string, AbortController>();

  const study = async (studyId: string): Promise<StudyDetail> => {
    const found = known.get(studyId);
    if (found) {
      const detail = StudyDetail.parse(JSON.parse(Buffer.from(await blobs.read(found.detail)).toString('utf8')));
      return { ...detail, study: found.study };
    }
    const draft = drafts.get(studyId);
    if (!draft) throw new Fault({ code: 'library.unknown', what: 'The study cannot be opened.', why: 'It is not in the library any more.', mend: 'Choose another one, or import it again.' });
    return { study: draft.study, files: draft.files, ...await assembled(draft.files) };
  };
  const located = ({ name, sha256 }: StudyFile): AssembledFile => ({ name, sha256, path: blobs.pathOf(sha256) });

  const assembled = async (files: readonly StudyFile[]): Promise<Pick<StudyDetail, 'series' | 'statements'>> => {
    const { series, statements, manifests } = await reader.assemble(files.map(located));
    for (const manifest of manifests) await blobs.put(manifest);
    return { series: [...series], statements: [...statements] };
  };

  const draftOf = async (studyId: string): Promise<Draft | undefined> => {
    const draft = drafts.get(studyId);
    if (draft || !known.has(studyId)) return draft;
    const { study: summary, files } = await study(studyId);
    const made: Draft = { study: summary, files: [...files], held: new Set(files.map(({ sha256 }) => sha256)) };
    drafts.set(studyId, made);
    return made;
  };

  const intake = (importedAs: { readonly isSample: boolean }): Intake => ({
    holds: async (studyId, sha256) => (await draftOf(studyId))?.held.has(sha256) ?? false,
    async add(identity, file, frames) {
      const draft = await draftOf(identity.id) ?? emptyDraft(identity, importedAs.isSample, now());
      const isNew = draft.files.length === 0;
      draft.files.push(file);
      draft.held.add(file.sha256);
      const question = questions.get(file.name.split(/[/›]/)[0]?.trim() ?? '') ?? draft.study.question;
      draft.study = {
        ...draft.study, question, files: draft.files.length, bytes: draft.study.bytes + file.bytes, images: draft.study.images + frames, cover: draft.study.cover ?? (frames > 0 ? `${file.sha256}-0` : null),
        modalities: draft.study.modalities.includes(identity.modality) ? draft.study.modalities : [...draft.study.modalities, identity.modality],
      };
      drafts.set(identity.id, draft);
      if (isNew) publish('library.changed', { studies: [draft.study], removed: [] });
    },
    async settle(studyIds) {
      const entries: Entry[] = [];
      for (const studyId of studyIds) {
        const draft = drafts.get(studyId);
        if (!draft) continue;
        const { series, statements } = await assembled(draft.files);
        draft.study = summaryOf(draft.study, series);
        const detail = await blobs.put(JSON.stringify({ study: draft.study, files: draft.files, series, statements } satisfies StudyDetail));
        entries.push({ type: 'study', at: now(), study: draft.study, detail });
      }
      record(...entries);
      publish('library.changed', { studies: entries.flatMap((entry) => (entry.type === 'study' ? [entry.study] : [])), removed: [] });
    },
  });

  const start = (paths: readonly { readonly path: string; readonly name?: string }[], { isSample = false, whenDone }: { readonly isSample?: boolean; readonly whenDone?: () => Promise<void> } = {}) => {
    const importId = randomUUID();
    const controller = new AbortController();
    running.set(importId, controller);
    const done = runImport(reader, intake({ isSample }), blobs, { importId, paths, signal: controller.signal, onProgress: (progress) => publish('library.progress', progress) })
      .then(({ studies }) => studies.forEach((studyId) => drafts.delete(studyId)))
      .finally(async () => {
        running.delete(importId);
        await whenDone?.();
      });
    return { importId, done };
  };

  return {
    blobs, study, start,
    list: () => [...[...known.values()].map((one) => one.study), ...[...drafts.values()].map((draft) => draft.study).filter(({ id }) => !known.has(id))],
    cancel: (importId) => running.get(importId)?.abort(),
    remove(studyIds) {
      const there = studyIds.filter((studyId) => known.has(studyId));
      if (there.length > 0) record({ type: 'removed', at: now(), studyIds: there });
      const undoId = randomUUID();
      undo.set(undoId, there);
      publish('library.changed', { studies: [], removed: there });
      return undoId;
    },
    restore(undoId) {
      const studyIds = (undo.get(undoId) ?? []).filter((studyId) => gone.has(studyId));
      undo.delete(undoId);
      if (studyIds.length === 0) return;
      record({ type: 'restored', at: now(), studyIds });
      publish('library.changed', { studies: studyIds.flatMap((studyId) => known.get(studyId)?.study ?? []), removed: [] });
    },
    setStatus(studyId, status) {
      const found = known.get(studyId);
      if (!found || found.study.status === status) return;
      record({ type: 'status', at: now(), studyId, status });
      publish('library.changed', { studies: [{ ...found.study, status }], removed: [] });
    },
    async recover() {
      if (journal.entries.length > 0) return;
      const latest = new Map<string, Known>();
      for (const [sha256, detail] of await storedDetails(join(folder, 'blobs'))) {
        const other = latest.get(detail.study.id);
        // While a study is imported it is written down again and again: the last has the most files.
        if (!other || other.study.files <= detail.files.length) latest.set(detail.study.id, { study: { ...detail.study, files: detail.files.length }, detail: sha256 });
      }
      if (latest.size === 0) return;
      record(...[...latest.values()].map(({ study: found, detail }): Entry => ({ type: 'study', at: now(), study: found, detail })));
      publish('library.changed', { studies: [...latest.values()].map((one) => one.study), removed: [] });
    },
    async giveSamples(temporaryFolder) {
      if (hasSamples) return;
      if (known.size === 0) {
        const imports: Promise<void>[] = [];
        await reader.drawSamples(temporaryFolder, ({ path, question }) => {
          questions.set(path.split(/[/\\]/).at(-1) ?? path, question);
          imports.push(start([{ path }], { isSample: true }).done);
        });
        await Promise.all(imports);
      }
      record({ type: 'samples', at: now() });
    },
    pathOf(sha256) {
      if (blobs.has(sha256)) return blobs.pathOf(sha256);
      throw new Fault({ code: 'library.file', what: 'The image cannot be shown.', why: 'Its file is not in the store.', mend: 'Import the study again.' });
    },
    close: () => journal.close(),
  };
}

/** The descriptions of studies among the stored files, by their hashes. */
async function storedDetails(folder: string): Promise<ReadonlyMap<string, StudyDetail>> {
  const found = new Map<string, StudyDetail>();
  const beginning = '{"study":{';
  for (const shelf of (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const rest of (await readdir(join(folder, shelf))).filter((name) => /^[0-9a-f]{62}$/.test(name))) {
      const path = join(folder, shelf, rest);
      if (Buffer.from(await startOfFile(path, beginning.length)).toString('latin1') !== beginning) continue;
      const detail = StudyDetail.safeParse(JSON.parse(await readFile(path, 'utf8')));
      if (detail.success) found.set(`${shelf}${rest}`, detail.data);
    }
  }
  return found;
}

/** A journal line is checked lightly where the check would cost most: its own writer made it, and ten thousand are read at each start. */
function parseEntry(value: unknown): Entry {
  const entry = value as Partial<Entry> & { readonly study?: { readonly id?: unknown; readonly modalities?: unknown } };
  if (entry.type === 'study' && typeof entry.study?.id === 'string' && Array.isArray(entry.study.modalities)) return value as Entry;
  return Entry.parse(value);
}

function move(studyIds: readonly string[], from: Map<string, Known>, to: Map<string, Known>): void {
  for (const studyId of studyIds) {
    const one = from.get(studyId);
    if (!one) continue;
    from.delete(studyId);
    to.set(studyId, one);
  }
}

const emptyDraft = ({ modality, ...identity }: StudyIdentity, isSample: boolean, addedAt: string): Draft => ({
  files: [], held: new Set(),
  study: { ...identity, modalities: [modality], series: 0, images: 0, files: 0, bytes: 0, status: 'new', isSample, addedAt, cover: null, question: null },
});

/** The row that follows from the series: the middle image of the largest one stands for the study. */
function summaryOf(study: StudySummary, series: StudyDetail['series']): StudySummary {
  const frames = series[0]?.frames ?? [];
  return {
    ...study, series: series.length, images: series.reduce((total, one) => total + one.frames.length, 0), cover: frames[frames.length >> 1]?.id ?? study.cover,
    modalities: [...new Set(series.map(({ modality }) => modality))].filter((modality) => modality !== ''),
  };
}
