/**
 * What is known of each study. Two journals: `library.jsonl` is an index that can be made again from what is stored of the studies, and
 * `library-deeds.jsonl` holds what persons did to them, which nothing else knows: statuses, removals.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Sha256, StudyDetail, StudyFile, StudyId, StudyStatus, StudySummary } from '#electron/contract/library.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { openBlobs } from '#electron/storage/blobs.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { openJournal } from '#electron/storage/journal.ts';

/** A study as it was put together: the latest word counts. `detail` is the stored file that describes it in full. */
const IndexEntry = z.object({ type: z.literal('study'), at: z.string(), study: StudySummary, detail: Sha256 });
type IndexEntry = z.infer<typeof IndexEntry>;

/** What was done to studies, in order. */
const Deed = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status'), at: z.string(), studyId: StudyId, status: StudyStatus }),
  z.object({ type: z.literal('removed'), at: z.string(), studyIds: z.array(StudyId) }),
  z.object({ type: z.literal('restored'), at: z.string(), studyIds: z.array(StudyId) }),
  /** Regions that wait for their images, and those that wait no more. */
  z.object({ type: z.literal('waits'), at: z.string(), file: StudyFile }),
  z.object({ type: z.literal('arrived'), at: z.string(), sha256: Sha256 }),
  /** The sample studies were given once; who removes them does not get them back. */
  z.object({ type: z.literal('samples'), at: z.string() }),
]);
export type Deed = z.infer<typeof Deed>;

export interface Known {
  readonly study: StudySummary;
  readonly detail: string;
}

export interface Catalogue {
  /** The index was cut short or cannot be read in places: what is stored may know more. */
  readonly isDamaged: boolean;
  readonly hasSamples: boolean;
  /** Undefined also for what was removed. */
  get(studyId: string): Known | undefined;
  all(): readonly Known[];
  isRemoved(studyId: string): boolean;
  /** Files of regions that wait for their images. */
  waiting(): readonly StudyFile[];
  /** Studies that are new or were put together anew; who was removed is back by that. */
  put(at: string, studies: readonly Known[]): void;
  record(deed: Deed): void;
  close(): void;
}

const indexFile = (folder: string): string => join(folder, 'library.jsonl');
const deedsFile = (folder: string): string => join(folder, 'library-deeds.jsonl');

export function openCatalogue(folder: string): Catalogue {
  const known = new Map<string, Known>();
  const statuses = new Map<string, StudyStatus>();
  const removed = new Set<string>();
  const waiting = new Map<string, StudyFile>();
  let hasSamples = false;
  const index = ({ study, detail }: Known): void => void known.set(study.id, { detail, study: { ...study, status: statuses.get(study.id) ?? study.status } });
  const apply = (deed: Deed): void => {
    switch (deed.type) {
      case 'status': {
        statuses.set(deed.studyId, deed.status);
        const one = known.get(deed.studyId);
        if (one) index(one);
        return;
      }
      case 'removed': deed.studyIds.forEach((id) => removed.add(id)); return;
      case 'restored': deed.studyIds.forEach((id) => removed.delete(id)); return;
      case 'waits': waiting.set(deed.file.sha256, deed.file); return;
      case 'arrived': waiting.delete(deed.sha256); return;
      case 'samples': hasSamples = true;
    }
  };
  const entries = openJournal(indexFile(folder), parseEntry);
  const deeds = openJournal(deedsFile(folder), (value) => Deed.parse(value));
  deeds.entries.forEach(apply);
  // Before there were two journals the deeds stood in the index.
  const isOfOneJournal = deeds.entries.length === 0 && entries.entries.some(({ type }) => type !== 'study');
  for (const entry of entries.entries) {
    if (entry.type === 'study') {
      index(entry);
      if (isOfOneJournal) removed.delete(entry.study.id);
    } else if (isOfOneJournal) apply(entry);
  }
  if (isOfOneJournal) {
    const [{ at } = { at: '' }] = entries.entries;
    deeds.append(
      ...[...statuses].map(([studyId, status]): Deed => ({ type: 'status', at, studyId, status })), ...(removed.size > 0 ? [{ type: 'removed', at, studyIds: [...removed] } satisfies Deed] : []), ...(hasSamples ? [{ type: 'samples', at } satisfies Deed] : []),
    );
  }
  const record = (...added: readonly Deed[]): void => {
    deeds.append(...added);
    added.forEach(apply);
  };
  return {
    isDamaged: entries.wasCut || entries.unreadable.length > 0,
    get hasSamples() {
      return hasSamples;
    },
    get: (studyId) => (removed.has(studyId) ? undefined : known.get(studyId)),
    all: () => (removed.size === 0 ? [...known.values()] : [...known.values()].filter(({ study }) => !removed.has(study.id))),
    isRemoved: (studyId) => removed.has(studyId),
    waiting: () => [...waiting.values()],
    put(at, studies) {
      if (studies.length === 0) return;
      entries.append(...studies.map(({ study, detail }): IndexEntry => ({ type: 'study', at, study, detail })));
      studies.forEach(index);
      const back = studies.flatMap(({ study }) => (removed.has(study.id) ? [study.id] : []));
      if (back.length > 0) record({ type: 'restored', at, studyIds: back });
    },
    record,
    close() {
      entries.close();
      deeds.close();
    },
  };
}

/** An index line is checked lightly where the check would cost most: its own writer made it, and ten thousand are read at each start. */
function parseEntry(value: unknown): IndexEntry | Deed {
  const entry = value as Partial<IndexEntry> & { readonly study?: { readonly id?: unknown; readonly modalities?: unknown } };
  if (entry.type === 'study' && typeof entry.study?.id === 'string' && Array.isArray(entry.study.modalities)) return value as IndexEntry;
  return z.union([IndexEntry, Deed]).parse(value);
}

/** Every study among the stored files, by the description of it that knows the most. */
export async function storedStudies(blobFolder: string): Promise<ReadonlyMap<string, Known & { readonly files: StudyDetail['files'] }>> {
  const latest = new Map<string, Known & { readonly files: StudyDetail['files']; readonly writtenAt: number }>();
  const beginning = '{"study":{';
  for (const shelf of (await readdir(blobFolder).catch(() => [])).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const rest of (await readdir(join(blobFolder, shelf))).filter((name) => /^[0-9a-f]{62}$/.test(name))) {
      const path = join(blobFolder, shelf, rest);
      if (Buffer.from(await startOfFile(path, beginning.length)).toString('latin1') !== beginning) continue;
      const read = StudyDetail.safeParse(await readFile(path, 'utf8').then(JSON.parse).catch(() => null));
      if (!read.success) continue;
      const { study, files } = read.data;
      const other = latest.get(study.id);
      const { mtimeMs } = await stat(path);
      // While a study is imported it is written down again and again: the last has the most files.
      if (other && (other.files.length > files.length || (other.files.length === files.length && other.writtenAt >= mtimeMs))) continue;
      latest.set(study.id, { study: { ...study, files: files.length }, detail: `${shelf}${rest}`, files, writtenAt: mtimeMs });
    }
  }
  return latest;
}

/** What came of making the index anew. */
export interface Rebuilt {
  readonly studies: number;
  /** In the old index as well. */
  readonly kept: number;
  readonly found: number;
  /** Studies that cannot be shown, or not in full, and why. */
  readonly lost: readonly { readonly id: string; readonly name: string; readonly why: string }[];
}

/** Makes the index anew from what is stored, whatever the old one says. What persons did stays as it is. Nobody else may have the library open. */
export async function rebuildIndex(folder: string): Promise<Rebuilt> {
  // This brings the deeds of an old index into their own journal first.
  const old = openCatalogue(folder);
  old.close();
  const blobs = openBlobs(join(folder, 'blobs'));
  const stored = await storedStudies(join(folder, 'blobs'));
  const nameOf = ({ patient, description }: StudySummary): string => patient || description;
  const lost: { id: string; name: string; why: string }[] = old.all().filter(({ study }) => !stored.has(study.id)).map(({ study }) => ({ id: study.id, name: nameOf(study), why: 'The index named it, but no description of it is stored. Import it again.' }));
  const lines: string[] = [];
  for (const { study, detail, files } of stored.values()) {
    const missing = files.filter(({ sha256 }) => !existsSync(blobs.pathOf(sha256))).length;
    if (missing > 0) lost.push({ id: study.id, name: nameOf(study), why: `${missing} of its ${files.length} files are not in the store. Import it again.` });
    lines.push(JSON.stringify({ type: 'study', at: study.addedAt, study, detail } satisfies IndexEntry));
  }
  await writeWhole(indexFile(folder), lines.map((line) => `${line}\n`).join(''));
  const made = openCatalogue(folder);
  made.close();
  const now = made.all();
  const kept = now.filter(({ study }) => old.get(study.id) !== undefined).length;
  return { studies: now.length, kept, found: now.length - kept, lost };
}
