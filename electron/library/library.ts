/** The studies of this workstation: an index in memory, made from the journal at each start; contents are blobs. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Publish } from '#electron/contract/events.ts';
import { areOthers, namesakesOf, personKey } from '#electron/contract/namesakes.ts';
import { StudyDetail, type ImportProgress, type StudyFile, type StudyStatus, type StudySummary } from '#electron/contract/library.ts';
import { openBlobs, type Blobs } from '#electron/storage/blobs.ts';
import { Fault } from '#models/base/fault.ts';
import type { AssembledFile, AssembledStudy } from './assemble.ts';
import { openCatalogue, storedStudies, type Known } from './catalogue.ts';
import { runImport, type Intake, type Reader } from './importer.ts';
import { studyId as hashedId, type StudyIdentity } from './inspect.ts';

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
  /** How the imports go that run now: for a window that opens meanwhile. */
  imports(): readonly ImportProgress[];
  /** The password of the archive that an import waits for; null: its locked files are left out. */
  unlock(importId: string, password: string | null): void;
  remove(studyIds: readonly string[]): string;
  restore(undoId: string): void;
  setStatus(studyId: string, status: StudyStatus): void;
  /** Brings back from what is stored of each study what the index has lost, where it is empty or damaged. */
  recover(): Promise<void>;
  /** Brings the sample studies into an empty library, the first time. */
  giveSamples(temporaryFolder: string): Promise<void>;
  /** Where a stored file lies. @throws Fault `library.file` */
  pathOf(sha256: string): string;
  close(): void;
}

/** A study while it is imported. */
interface Draft {
  study: StudySummary;
  readonly files: StudyFile[];
  readonly held: Set<string>;
}

export function openLibrary({ folder, reader, publish, now }: LibraryOptions): Library {
  const blobs = openBlobs(join(folder, 'blobs'));
  const catalogue = openCatalogue(folder);
  const drafts = new Map<string, Draft>();
  const questions = new Map<string, string>();
  const undo = new Map<string, readonly string[]>();
  const running = new Map<string, AbortController>();
  const progresses = new Map<string, ImportProgress>();
  /** Imports that wait for a password. */
  const asking = new Map<string, (password: string | null) => void>();

  const study = async (studyId: string): Promise<StudyDetail> => {
    const found = catalogue.get(studyId);
    if (found) {
      const detail = StudyDetail.parse(JSON.parse(Buffer.from(await blobs.read(found.detail)).toString('utf8')));
      return { ...detail, study: found.study, statements: [...namesakeStatements(found.study), ...detail.statements] };
    }
    const draft = drafts.get(studyId);
    if (!draft) throw new Fault({ code: 'library.unknown', what: 'The study cannot be opened.', why: 'It is not in the library any more.', mend: 'Choose another one, or import it again.' });
    const { series, statements } = await assembled(draft.files);
    return { study: draft.study, files: draft.files, series, statements: [...namesakeStatements(draft.study), ...statements] };
  };
  const list = (): readonly StudySummary[] => [...catalogue.all().map((one) => one.study), ...[...drafts.values()].map((draft) => draft.study).filter(({ id }) => !catalogue.get(id))];
  // It names nobody: it stands over the images, where names can be hidden.
  const namesakeStatements = (own: StudySummary): readonly string[] => (namesakesOf(own, list()).length === 0 ? []
    : ['The study number of these images also belongs to a study of another patient: whoever sent them gave one number twice. The two are kept apart, and the library says who the other is. Make sure whose images these are.']);
  const located = ({ name, sha256 }: StudyFile): AssembledFile => ({ name, sha256, path: blobs.pathOf(sha256) });

  const assembled = async (files: readonly StudyFile[]): Promise<Pick<StudyDetail, 'series' | 'statements'>> => {
    const { series, statements, manifests } = await reader.assemble(files.map(located));
    for (const manifest of manifests) await blobs.put(manifest);
    return { series: [...series], statements: [...statements] };
  };

  const draftOf = async (studyId: string): Promise<Draft | undefined> => {
    const draft = drafts.get(studyId);
    if (draft || !catalogue.get(studyId)) return draft;
    const { study: summary, files } = await study(studyId);
    const made: Draft = { study: summary, files: [...files], held: new Set(files.map(({ sha256 }) => sha256)) };
    drafts.set(studyId, made);
    return made;
  };

  const known = (studyId: string): StudySummary | undefined => drafts.get(studyId)?.study ?? catalogue.get(studyId)?.study;

  const intake = (importedAs: { readonly isSample: boolean }): Intake => ({
    placed(identity) {
      const first = known(identity.id);
      const own = hashedId(`${identity.id}:${personKey(identity)}`);
      // Where the first one was removed, the other stays what it is.
      return (first ? areOthers(first, identity) : known(own)) ? { ...identity, id: own, sameNumberAs: identity.id } : identity;
    },
    wait(file) {
      if (!catalogue.waiting().some(({ sha256 }) => sha256 === file.sha256)) catalogue.record({ type: 'waits', at: now(), file });
    },
    waiting: () => catalogue.waiting().map((file) => ({ ...file, path: blobs.pathOf(file.sha256) })),
    arrived: (sha256) => catalogue.record({ type: 'arrived', at: now(), sha256 }),
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
      const settled: Known[] = [];
      for (const studyId of studyIds) {
        const draft = drafts.get(studyId);
        if (!draft) continue;
        const { series, statements } = await assembled(draft.files);
        // Meanwhile a person may have said how far it has come.
        draft.study = { ...summaryOf(draft.study, series), status: catalogue.get(studyId)?.study.status ?? draft.study.status };
        const detail = await blobs.put(JSON.stringify({ study: draft.study, files: draft.files, series, statements } satisfies StudyDetail));
        settled.push({ study: draft.study, detail });
      }
      catalogue.put(now(), settled);
      publish('library.changed', { studies: settled.flatMap(({ study: { id } }) => catalogue.get(id)?.study ?? []), removed: [] });
    },
  });

  const start = (paths: readonly { readonly path: string; readonly name?: string }[], { isSample = false, whenDone }: { readonly isSample?: boolean; readonly whenDone?: () => Promise<void> } = {}) => {
    const importId = randomUUID();
    const controller = new AbortController();
    running.set(importId, controller);
    const done = runImport(reader, intake({ isSample }), blobs, {
      importId, paths, signal: controller.signal, onProgress(progress) {
        progresses.set(importId, progress);
        publish('library.progress', progress);
      },
      unlock: () => new Promise((resolve) => asking.set(importId, resolve)),
    })
      .then(({ studies }) => studies.forEach((studyId) => drafts.delete(studyId)))
      .finally(async () => {
        running.delete(importId);
        progresses.delete(importId);
        await whenDone?.();
      });
    return { importId, done };
  };

  const unlock = (importId: string, password: string | null): void => {
    const answer = asking.get(importId);
    asking.delete(importId);
    answer?.(password);
  };

  return {
    blobs, study, start,
    list,
    cancel(importId) {
      running.get(importId)?.abort();
      unlock(importId, null);
    },
    unlock,
    imports: () => [...progresses.values()],
    remove(studyIds) {
      const there = studyIds.filter((studyId) => catalogue.get(studyId));
      if (there.length > 0) catalogue.record({ type: 'removed', at: now(), studyIds: there });
      const undoId = randomUUID();
      undo.set(undoId, there);
      publish('library.changed', { studies: [], removed: there });
      return undoId;
    },
    restore(undoId) {
      const studyIds = (undo.get(undoId) ?? []).filter((studyId) => catalogue.isRemoved(studyId));
      undo.delete(undoId);
      if (studyIds.length === 0) return;
      catalogue.record({ type: 'restored', at: now(), studyIds });
      publish('library.changed', { studies: studyIds.flatMap((studyId) => catalogue.get(studyId)?.study ?? []), removed: [] });
    },
    setStatus(studyId, status) {
      const found = catalogue.get(studyId);
      if (!found || found.study.status === status) return;
      catalogue.record({ type: 'status', at: now(), studyId, status });
      publish('library.changed', { studies: [{ ...found.study, status }], removed: [] });
    },
    async recover() {
      if (catalogue.all().length > 0 && !catalogue.isDamaged) return;
      const lost = [...(await storedStudies(join(folder, 'blobs'))).values()].filter(({ study: { id, files } }) => !catalogue.isRemoved(id) && (catalogue.get(id)?.study.files ?? 0) < files);
      catalogue.put(now(), lost);
      if (lost.length > 0) publish('library.changed', { studies: lost.flatMap(({ study: { id } }) => catalogue.get(id)?.study ?? []), removed: [] });
    },
    async giveSamples(temporaryFolder) {
      if (catalogue.hasSamples) return;
      if (catalogue.all().length === 0) {
        const imports: Promise<void>[] = [];
        await reader.drawSamples(temporaryFolder, ({ path, question }) => {
          questions.set(path.split(/[/\\]/).at(-1) ?? path, question);
          imports.push(start([{ path }], { isSample: true }).done);
        });
        await Promise.all(imports);
      }
      catalogue.record({ type: 'samples', at: now() });
    },
    pathOf(sha256) {
      if (blobs.has(sha256)) return blobs.pathOf(sha256);
      throw new Fault({ code: 'library.file', what: 'The image cannot be shown.', why: 'Its file is not in the store.', mend: 'Import the study again.' });
    },
    close: () => catalogue.close(),
  };
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
