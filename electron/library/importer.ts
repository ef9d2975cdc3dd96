/** Files, folders, archives and media into the library: each file is taken in or left out with its reason, and studies appear while it runs. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { ImportProgress, StudyFile } from '#electron/contract/library.ts';
import type { Blobs, StagedBlob } from '#electron/storage/blobs.ts';
import { Fault } from '#models/base/fault.ts';
import type { ArchiveKey, UnpackedEntry } from './archive.ts';
import type { Inspection, StudyIdentity } from './inspect.ts';

export interface ReadableFile {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
}

/** What reads foreign bytes: a process of its own, which may die of them. */
export interface Reader {
  inspect(file: ReadableFile): Promise<Inspection>;
  /** Draws the regions of a file on the images that are here; null where none of them is. Absent: nobody draws any. */
  drawRegions?(file: ReadableFile): Promise<{ readonly missing: number } | null>;
  unpack(file: { readonly path: string; readonly folder: string; readonly key?: ArchiveKey }, onEntry: (entry: UnpackedEntry) => void): Promise<void>;
}

/** Where an imported file goes. */
export interface Intake {
  /** The study that a file goes to: another one where its number is taken by another patient. */
  placed(study: StudyIdentity): StudyIdentity;
  /** The content belongs to this study already. */
  holds(studyId: string, sha256: string): Promise<boolean>;
  /** Takes a file in; tells the window about new studies as it sees fit. */
  add(study: StudyIdentity, file: StudyFile, frames: number): Promise<void>;
  /** Puts the series of the studies together and writes them down. */
  settle(studyIds: readonly string[]): Promise<void>;
  /** Regions whose images are not all here: kept until they come. */
  wait(file: StudyFile): void;
  /** Those that wait, with where they lie. */
  waiting(): readonly (StudyFile & { readonly path: string })[];
  /** Waits no more: all its images are here. */
  arrived(sha256: string): void;
}

export interface ImportRequest {
  readonly importId: string;
  /** Files and folders. `name` is what a person calls it; absent: its own. */
  readonly paths: readonly { readonly path: string; readonly name?: string }[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ImportProgress) => void;
  /** Asks for the password of a locked archive; null: its locked files are left out. It is kept nowhere. Absent: null. */
  readonly unlock?: () => Promise<string | null>;
}

/** An archive with files that a password locks: it waits until everything else is in. */
interface LockedArchive {
  readonly staged: StagedBlob;
  readonly name: string;
  readonly nesting: number;
  readonly entries: readonly { readonly at: number; readonly name: string }[];
}

interface Candidate {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  /** Lies in a folder of ours that is thrown away afterwards. */
  readonly isTemporary: boolean;
}

/** Reasons that are kept for the person; all are counted. */
const keptReasons = 1000;
const maximumDepth = 16;
/** Archives within archives. */
const maximumNesting = 2;
const tellEveryMs = 120;
const settleEveryMs = 2500;

/** Runs one import to its end. Faults of single files are told in the progress; only a full disk or a bug ends it early. */
export async function runImport(reader: Reader, intake: Intake, blobs: Blobs, { importId, paths, signal, onProgress, unlock }: ImportRequest): Promise<ImportProgress> {
  let progress: ImportProgress = {
    importId, source: paths.map(({ path, name }) => name ?? basename(path)).slice(0, 3).join(', ') + (paths.length > 3 ? ` and ${paths.length - 3} more` : ''),
    found: 0, done: 0, bytes: 0, added: 0, known: 0, skippedCount: 0, skipped: [], current: '', studies: [], isDone: false, isCancelled: false, fault: null, locked: null,
  };
  let toldAt = 0;
  const tell = (change: Partial<ImportProgress>, isUrgent = false): void => {
    progress = { ...progress, ...change };
    if (!isUrgent && performance.now() - toldAt < tellEveryMs) return;
    toldAt = performance.now();
    onProgress(progress);
  };
  const skip = (name: string, why: string, code: string): void =>
    tell({ done: progress.done + 1, skippedCount: progress.skippedCount + 1, skipped: progress.skipped.length < keptReasons ? [...progress.skipped, { name, why, code }] : progress.skipped });

  const touched = new Set<string>();
  const unsettled = new Set<string>();
  let settledAt = performance.now();
  const settle = async (isLast: boolean): Promise<void> => {
    if (unsettled.size === 0 || (!isLast && performance.now() - settledAt < settleEveryMs)) return;
    const ids = [...unsettled];
    unsettled.clear();
    await intake.settle(ids);
    settledAt = performance.now();
  };
  const temporary: string[] = [];
  const locked: LockedArchive[] = [];

  const take = async ({ path, name, isTemporary }: Candidate, nesting: number): Promise<void> => {
    tell({ current: name });
    const staged = await blobs.stage(path).catch((cause: unknown) => {
      if (cause instanceof Fault) throw cause;
      skip(name, ...readingReason(cause));
      return null;
    });
    if (!staged) return;
    try {
      const inspection = await reader.inspect({ path: staged.path, name, sha256: staged.sha256 });
      if (inspection.kind === 'image') {
        const { frames } = inspection;
        const study = intake.placed(inspection.study);
        if (await intake.holds(study.id, staged.sha256)) {
          await staged.discard();
          tell({ done: progress.done + 1, known: progress.known + 1 });
          return;
        }
        await staged.commit();
        await intake.add(study, { name, sha256: staged.sha256, bytes: staged.bytes }, frames);
        touched.add(study.id);
        unsettled.add(study.id);
        tell({ done: progress.done + 1, added: progress.added + 1, bytes: progress.bytes + staged.bytes, studies: [...touched] }, touched.size > progress.studies.length);
        return;
      }
      if (inspection.kind === 'regions') {
        tell({ done: progress.done + 1, added: progress.added + 1, bytes: progress.bytes + staged.bytes });
        if (inspection.missing > 0) await keepRegions(staged, name);
        else await staged.discard();
        return;
      }
      if (inspection.kind === 'archive') {
        const entries = await takeArchive(staged.path, name, nesting);
        if (entries.length > 0) {
          locked.push({ staged, name, nesting, entries });
          return;
        }
      }
      // A medium's table of contents is no image: its files are found by themselves where the whole folder is there.
      else if (isTemporary) tell({ done: progress.done + 1 });
      else await takeMedium(path, name, inspection.references, nesting);
      await staged.discard();
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code === 'library.regions') {
        await keepRegions(staged, name);
        early.push({ name, sha256: staged.sha256, fault: thrown });
        return;
      }
      await staged.discard();
      if (!(thrown instanceof Fault) || thrown.code === 'storage.write') throw thrown;
      skip(name, thrown.why, thrown.code);
    }
  };

  /** Files of regions that came before any of their images. */
  const early: { readonly name: string; readonly sha256: string; readonly fault: Fault }[] = [];
  const keepRegions = async (staged: StagedBlob, name: string): Promise<void> => {
    await staged.commit();
    intake.wait({ name, sha256: staged.sha256, bytes: staged.bytes });
  };

  /** When everything else is in: what waits for its images, from now or from earlier imports, is drawn on those that came. */
  const takeWaiting = async (): Promise<void> => {
    const drawn = new Set<string>();
    // Where no image came, nothing that waits for one has become possible.
    for (const { name, sha256, path } of touched.size > 0 ? intake.waiting() : []) {
      if (signal.aborted) break;
      const regions = await reader.drawRegions?.({ path, name, sha256 });
      if (!regions) continue;
      drawn.add(sha256);
      if (regions.missing === 0) intake.arrived(sha256);
    }
    for (const { name, sha256, fault } of early) {
      if (drawn.has(sha256)) tell({ done: progress.done + 1, added: progress.added + 1 });
      else skip(name, fault.why, fault.code);
    }
  };

  /** Takes what it holds, with a key what that unlocks; gives what stays locked. */
  const takeArchive = async (path: string, name: string, nesting: number, key?: ArchiveKey): Promise<LockedArchive['entries']> => {
    if (nesting >= maximumNesting) {
      skip(name, 'It is an archive within an archive within an archive.', 'archive.nested');
      return [];
    }
    const stillLocked: { readonly at: number; readonly name: string }[] = [];
    const folder = await mkdtemp(join(tmpdir(), 'loupe-import-'));
    temporary.push(folder);
    // Entries are taken while the next ones are unpacked; one after the other, so that neither disk nor reader is crowded.
    let queue: Promise<void> = Promise.resolve();
    let failure: unknown;
    if (!key) tell({ done: progress.done + 1 });
    await reader.unpack({ path, folder, ...(key ? { key } : {}) }, ({ at, name: entry, path: unpacked, why, code }) => {
      if (isOfTheSystem(entry)) return;
      const inside = `${name} › ${entry}`;
      if (!key) tell({ found: progress.found + 1 });
      queue = queue.then(async () => {
        if (failure !== undefined || signal.aborted) return;
        if (code === 'archive.encrypted' || code === 'archive.password') stillLocked.push({ at, name: inside });
        else if (unpacked === null) skip(inside, why ?? 'It cannot be unpacked.', code ?? 'archive.damaged');
        else {
          await take({ path: unpacked, name: inside, depth: 0, isTemporary: true }, nesting + 1);
          await rm(unpacked, { force: true });
          await settle(false);
        }
      }).catch((thrown: unknown) => {
        failure ??= thrown;
      });
    });
    await queue;
    if (failure instanceof Error) throw failure;
    return stillLocked;
  };

  /** Asks for the password until it opens everything, or a person leaves the rest out. */
  const takeLocked = async ({ staged, name, nesting, entries }: LockedArchive): Promise<void> => {
    try {
      let left = entries;
      for (let isWrong = false; left.length > 0; isWrong = true) {
        tell({ current: '', locked: { name, files: left.length, isWrong } }, true);
        const password = signal.aborted ? null : await unlock?.() ?? null;
        tell({ locked: null }, true);
        if (password === null) break;
        left = await takeArchive(staged.path, name, nesting, { password, entries: left.map(({ at }) => at) });
        await settle(true);
      }
      for (const one of left) skip(one.name, 'It is locked with a password that was not given.', 'archive.encrypted');
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.code === 'storage.write') throw thrown;
      skip(name, thrown.why, thrown.code);
    } finally {
      await staged.discard();
    }
  };

  const seen = new Set<string>();
  const takeMedium = async (path: string, name: string, references: readonly string[], nesting: number): Promise<void> => {
    const fresh = references.filter((reference) => !seen.has(join(dirname(path), reference)));
    tell({ done: progress.done + 1, found: progress.found + fresh.length });
    for (const reference of fresh) {
      if (signal.aborted) return;
      const file = join(dirname(path), reference);
      const called = `${name} › ${reference}`;
      seen.add(file);
      const there = await stat(file).catch(() => null);
      if (!there?.isFile()) skip(called, 'The table of contents names it, but it is not there. Import the whole folder of the medium.', 'library.missing');
      else await take({ path: file, name: called, depth: 0, isTemporary: false }, nesting);
      await settle(false);
    }
  };

  const walk = async function* (candidate: Candidate): AsyncGenerator<Candidate> {
    const entries = await readdir(candidate.path, { withFileTypes: true }).catch((cause: unknown) => {
      skip(candidate.name, ...readingReason(cause));
      return [];
    });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const child: Candidate = { path: join(candidate.path, entry.name), name: `${candidate.name}/${entry.name}`, depth: candidate.depth + 1, isTemporary: false };
      if (isOfTheSystem(entry.name)) continue;
      if (entry.isSymbolicLink()) skip(child.name, 'It is a link, and links are not followed.', 'library.link');
      else if (entry.isDirectory() && child.depth > maximumDepth) skip(child.name, `It lies more than ${maximumDepth} folders deep.`, 'library.depth');
      else if (entry.isDirectory()) yield* walk(child);
      else if (entry.isFile()) yield child;
    }
  };

  try {
    const files: Candidate[] = [];
    for (const { path, name = basename(path) } of paths) {
      const candidate: Candidate = { path, name, depth: 0, isTemporary: false };
      const there = await stat(path).catch((cause: unknown) => {
        skip(name, ...readingReason(cause));
        return null;
      });
      if (there?.isDirectory()) {
        for await (const file of walk(candidate)) {
          files.push(file);
          tell({ found: progress.found + 1 });
        }
      } else if (there) {
        files.push(candidate);
        tell({ found: progress.found + 1 });
      }
    }
    // A table of contents comes last: what lies in its folder is then known already.
    const isContents = ({ path }: Candidate): boolean => /^dicomdir$/i.test(basename(path));
    for (const file of [...files.filter((one) => !isContents(one)), ...files.filter(isContents)]) {
      if (signal.aborted) break;
      if (seen.has(file.path)) continue;
      seen.add(file.path);
      await take(file, 0);
      await settle(false);
    }
    await settle(true);
    // An archive within a locked one may be locked too: it joins the queue.
    for (let next = locked.shift(); next; next = locked.shift()) await takeLocked(next);
    await settle(true);
    await takeWaiting();
    tell({ isDone: true, isCancelled: signal.aborted, current: '' }, true);
  } catch (thrown) {
    await settle(true).catch(() => undefined);
    const fault = thrown instanceof Fault ? thrown.toJSON()
      : { code: 'internal', what: 'The import ended early.', why: thrown instanceof Error ? thrown.message : String(thrown), mend: 'This is a defect: import the rest again, and report it if it stays.' };
    tell({ isDone: true, current: '', fault, locked: null }, true);
  } finally {
    for (const { staged } of locked) await staged.discard();
    for (const folder of temporary) await rm(folder, { recursive: true, force: true });
  }
  return progress;
}

/** Files that systems leave behind and nobody means to import. */
const isOfTheSystem = (name: string): boolean => /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini|__MACOSX(\/.*)?)$/i.test(name);

/** Why a file cannot be read, and the reason's code. */
function readingReason(cause: unknown): readonly [string, string] {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'ENOENT': return ['It is not there any more.', 'library.gone'];
    case 'EACCES': case 'EPERM': return ['You may not read it.', 'library.forbidden'];
    case 'EISDIR': return ['It is a folder.', 'library.folder'];
    default: return [cause instanceof Error ? cause.message : String(cause), 'library.reading'];
  }
}
