/** Vectors of the library's pictures: kept in a journal for one encoder, searched by an index in memory that is made from it at each start. */
import { create, insert, insertMultiple, remove, search } from '@orama/orama';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '#electron/storage/journal.ts';
import { lookAlikes, type LookAlike, type PictureHash } from '#training/data/lookAlikes.ts';

/** A picture of the library: its place, and what it was seen as. */
export interface StoredPicture {
  /** A frame's id, or a slide's hash. */
  readonly key: string;
  readonly studyId: string;
  readonly seriesId: string;
  readonly hashes: readonly PictureHash[];
  readonly vector: Float32Array;
}

/** A study all of whose chosen pictures were dealt with, and those that could not be used. */
export interface SeenStudy {
  readonly studyId: string;
  readonly left: readonly { readonly key: string; readonly code: string; readonly why: string }[];
}

export interface Hit {
  readonly key: string;
  readonly studyId: string;
  readonly seriesId: string;
  /** Cosine, −1 … 1. */
  readonly likeness: number;
}

export interface VectorStore {
  readonly pictures: ReadonlyMap<string, StoredPicture>;
  readonly studies: ReadonlyMap<string, SeenStudy>;
  put(picture: StoredPicture): Promise<void>;
  finish(study: SeenStudy): void;
  /** Drops what is known of studies, so that they are seen anew. */
  forget(studyIds: readonly string[]): Promise<void>;
  /** Best first. */
  nearest(vector: Float32Array, most: number, isWanted?: (hit: Hit) => boolean): Promise<readonly Hit[]>;
  /** Pairs of pictures of different studies that are nearly the same. */
  nearDuplicates(): readonly LookAlike[];
  close(): void;
}

type Line =
  | { readonly kind: 'picture'; readonly key: string; readonly studyId: string; readonly seriesId: string; readonly hashes: readonly (readonly number[])[]; readonly vector: string }
  | ({ readonly kind: 'study' } & SeenStudy)
  | { readonly kind: 'forget'; readonly studyIds: readonly string[] };

/** @param encoder  SHA-256 of its weights: vectors of another one are of no use and are removed */
export async function openVectors(folder: string, encoder: string, dimension: number): Promise<VectorStore> {
  const name = `vectors-${encoder.slice(0, 16)}.jsonl`;
  if (existsSync(folder)) for (const other of readdirSync(folder)) if (/^vectors-[0-9a-f]{16}\.jsonl$/.test(other) && other !== name) rmSync(join(folder, other), { force: true });
  const journal = openJournal(join(folder, name), (value) => lineOf(value, dimension));
  const pictures = new Map<string, StoredPicture>();
  const studies = new Map<string, SeenStudy>();
  for (const line of journal.entries) {
    if (line.kind === 'picture') pictures.set(line.key, { key: line.key, studyId: line.studyId, seriesId: line.seriesId, hashes: line.hashes.map((hash) => Uint32Array.from(hash)), vector: vectorOf(line.vector) });
    else if (line.kind === 'study') studies.set(line.studyId, { studyId: line.studyId, left: line.left });
    else drop(pictures, studies, line.studyIds);
  }
  const index = create({ schema: { vector: `vector[${dimension}]` } as const });
  const documentOf = ({ key, vector }: StoredPicture) => ({ id: key, vector: [...vector] });
  await insertMultiple(index, [...pictures.values()].map(documentOf), 500);

  return {
    pictures, studies,
    async put(picture) {
      journal.append({ kind: 'picture', key: picture.key, studyId: picture.studyId, seriesId: picture.seriesId, hashes: picture.hashes.map((hash) => [...hash]), vector: textOf(picture.vector) });
      if (pictures.has(picture.key)) await remove(index, picture.key);
      pictures.set(picture.key, picture);
      await insert(index, documentOf(picture));
    },
    finish(study) {
      journal.append({ kind: 'study', ...study });
      studies.set(study.studyId, study);
    },
    async forget(studyIds) {
      journal.append({ kind: 'forget', studyIds });
      for (const key of drop(pictures, studies, studyIds)) await remove(index, key);
    },
    async nearest(vector, most, isWanted = () => true) {
      // What is not wanted takes places: asked again for more until enough is left or everything was seen.
      for (let limit = most; ; limit *= 4) {
        const { hits } = await search(index, { mode: 'vector', vector: { value: [...vector], property: 'vector' }, similarity: -1, limit });
        const wanted = hits.flatMap(({ id, score }): Hit[] => {
          const picture = pictures.get(id);
          return picture ? [{ key: id, studyId: picture.studyId, seriesId: picture.seriesId, likeness: score }] : [];
        }).filter(isWanted);
        if (wanted.length >= most || limit >= pictures.size) return wanted.slice(0, most);
      }
    },
    nearDuplicates() {
      const own = [...pictures.values()];
      const studyOf = new Map(own.map(({ key, studyId }) => [key, studyId]));
      return lookAlikes(own.map(({ key, hashes }) => ({ id: key, hashes })), { isPair: (first, second) => studyOf.get(first) !== studyOf.get(second) });
    },
    close: () => journal.close(),
  };
}

function drop(pictures: Map<string, StoredPicture>, studies: Map<string, SeenStudy>, studyIds: readonly string[]): readonly string[] {
  const gone = new Set(studyIds);
  for (const studyId of gone) studies.delete(studyId);
  const keys = [...pictures.values()].filter(({ studyId }) => gone.has(studyId)).map(({ key }) => key);
  for (const key of keys) pictures.delete(key);
  return keys;
}

const textOf = (vector: Float32Array): string => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
const vectorOf = (text: string): Float32Array => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer, 0, bytes.byteLength >> 2);
};

/** A line as it was written; anything else is unreadable and left out, and its picture seen anew. */
function lineOf(value: unknown, dimension: number): Line {
  const line = value as Line;
  const isHashes = (hashes: unknown): boolean => Array.isArray(hashes) && hashes.length === 8 && hashes.every((hash: unknown) => Array.isArray(hash) && hash.length === 8 && hash.every((word) => Number.isInteger(word)));
  const isText = (text: unknown): text is string => typeof text === 'string' && text.length > 0;
  if (line.kind === 'picture' && isText(line.key) && isText(line.studyId) && isText(line.seriesId) && isHashes(line.hashes) && isText(line.vector) && vectorOf(line.vector).length === dimension) return line;
  if (line.kind === 'study' && isText(line.studyId) && Array.isArray(line.left)) return line;
  if (line.kind === 'forget' && Array.isArray(line.studyIds)) return line;
  throw new TypeError('no line of vectors');
}
