/** Cases to learn from: curated ones, a snapshot of them, an index of this machine, or cases drawn from a seed; and the copy that a run keeps of its own. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DataChoice } from '#electron/contract/finetune.ts';
import { Fault } from '#models/base/fault.ts';
import { encodePng } from '#models/imaging/png.ts';
import { readIndex } from '#training/data/cases.ts';
import { packArchive } from '#training/data/pack.ts';
import { readSnapshot, snapshotOf } from '#training/data/snapshot.ts';
import type { CaseRecord, IndexRow } from '#training/records/caseRecord.ts';
import { phantomRecords } from '#training/synthesis/phantoms.ts';
import type { DataSource } from './trainer.ts';

/** Of a new run's cases so many are looked at before it begins. */
export const casesBefore = 100;

/** So many cases are drawn: every third round of kinds judges what the others taught. */
export const drawnCases = 120;
const drawnSeed = 52_000;

/** All cases of a source. @throws Fault `index.*`, `snapshot.*`, `finetune.snapshot` */
export async function recordsOf(source: DataSource): Promise<readonly CaseRecord[]> {
  if (source.kind === 'drawn') return readIndex(drawCases(source.path, drawnCases, drawnSeed));
  const records = await readIndex(source.path);
  if (source.snapshot === undefined) return records;
  const hashes = new Map(readSnapshot(source.snapshot).rows.map(({ id, rowHash }) => [id, rowHash]));
  const now = new Map(snapshotOf(records).rows.map(({ id, rowHash }) => [id, rowHash]));
  const changed = [...hashes].find(([id, rowHash]) => now.get(id) !== rowHash);
  if (changed) {
    throw new Fault({ code: 'finetune.snapshot', what: 'The snapshot cannot be trained on.', why: `Its cases are not what they were: ${changed[0]} was ${now.has(changed[0]) ? 'changed' : 'taken out'} since.`, mend: 'Take a new snapshot of the data set.' });
  }
  return records.filter(({ id }) => hashes.has(id));
}

/** Draws cases where they are not there yet, of each kind the same number where `count` is a multiple of 30; gives their index. */
export function drawCases(folder: string, count: number, seed: number): string {
  const index = join(folder, 'index.jsonl');
  if (existsSync(index)) return index;
  mkdirSync(folder, { recursive: true });
  const files = new Map<string, Uint8Array>();
  const rows = [...phantomRecords(count, seed)].map(({ record, picture }, at): IndexRow => {
    const bytes = encodePng(picture, { level: 4 });
    const file = `${record.id}.png`;
    files.set(file, bytes);
    const { id, modality, set, width, height, task, label, labelsSpace, questionTypes, facts, boxes, group, origin, source, licence, licenceClass } = record;
    return {
      id, archive: 'images.zip', file, modality, set, split: Math.floor(at / 10) % 3 === 2 ? 'val' : 'train', width, height, task, label, labels_space: [...labelsSpace], question_types: [...questionTypes],
      facts: { ...facts }, ...(boxes === null ? {} : { boxes: boxes.map(({ class: name, box: { x1, y1, x2, y2 } }) => ({ class: name, box: [x1, y1, x2, y2] as [number, number, number, number] })) }),
      group, origin, source, licence, licence_class: licenceClass, sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  });
  write(join(folder, 'images.zip'), packArchive(files));
  write(index, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return index;
}

function write(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(`${path}.part`, content);
    renameSync(`${path}.part`, path);
  } catch (cause) {
    rmSync(`${path}.part`, { force: true });
    throw new Fault({ code: 'finetune.write', what: `${path} cannot be written.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Free some space on the disk, then try again.' }, { cause });
  }
}

/** A source in the words of a person who chooses one. Drawn cases are counted without drawing them. */
export async function dataChoice(source: DataSource): Promise<DataChoice> {
  const { id, kind, name } = source;
  if (kind === 'drawn') return { id, kind, name, train: drawnCases - Math.floor(drawnCases / 30) * 10, val: Math.floor(drawnCases / 30) * 10, modalities: [], problem: null };
  try {
    const records = await recordsOf(source);
    const [train, val] = (['train', 'val'] as const).map((split) => records.filter((record) => record.split === split).length) as [number, number];
    return { id, kind, name, train, val, modalities: [...new Set(records.map(({ modality }) => modality))].sort(), problem: train > 0 ? null : 'None of its cases is for training.' };
  } catch (thrown) {
    const why = thrown instanceof Fault ? `${thrown.what} ${thrown.why}` : String(thrown);
    return { id, kind, name, train: 0, val: 0, modalities: [], problem: why };
  }
}

const casesFile = (folder: string): string => join(folder, 'cases.json');

/**
 * The cases of a run, kept with it: what is judged or taken out later changes no run. Archives of curated cases are written anew by the curation,
 * so they are linked into the run; those of an index stay where they are.
 *
 * @throws Fault `finetune.leak` where a patient is both learnt from and judged on
 */
export function keepCases(folder: string, source: DataSource, records: readonly CaseRecord[]): readonly CaseRecord[] {
  const used = records.filter(({ split }) => split !== 'test');
  const trained = new Set(used.filter(({ split }) => split === 'train').map(({ group }) => group));
  const shared = used.find(({ split, group }) => split === 'val' && trained.has(group));
  if (shared) throw new Fault({ code: 'finetune.leak', what: 'The run cannot begin.', why: `${shared.id} would be judged on, and its patient (${shared.group}) is learnt from.`, mend: 'Split the data set anew by patient.' });
  const own = join(folder, 'data');
  const isOwned = source.kind === 'curated' || source.kind === 'snapshot';
  const kept = isOwned ? used.map((record) => ({ ...record, folder: own })) : used;
  mkdirSync(isOwned ? own : folder, { recursive: true });
  if (isOwned) for (const archive of new Set(used.map((record) => record.archive))) link(join(dirname(source.path), archive), join(own, archive));
  write(casesFile(folder), JSON.stringify(kept));
  return kept;
}

function link(from: string, to: string): void {
  if (existsSync(to)) return;
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** @throws Fault `finetune.cases` */
export function keptCases(folder: string): readonly CaseRecord[] {
  try {
    return JSON.parse(readFileSync(casesFile(folder), 'utf8')) as readonly CaseRecord[];
  } catch (cause) {
    throw new Fault({ code: 'finetune.cases', what: 'The cases of this run cannot be read.', why: cause instanceof Error ? cause.message : String(cause), mend: 'Start a new run: this one was taken away or changed.' }, { cause });
  }
}
