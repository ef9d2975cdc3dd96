/** An immutable list of what a run learns from, with one hash over all of it. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { Snapshot, type SnapshotRow } from '#training/records/snapshot.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The snapshot of these records; their order does not matter, a duplicate id is a Fault `snapshot.duplicate`. */
export function snapshotOf(records: readonly CaseRecord[]): Snapshot {
  const rows = records.map(rowOf).sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const twice = rows.find((row, at) => rows[at + 1]?.id === row.id);
  if (twice) {
    throw new Fault({
      code: 'snapshot.duplicate', what: 'The snapshot cannot be made.', why: `Two rows have the id ${twice.id}.`, mend: 'Rename one of them.',
    });
  }
  const counts: Record<string, number> = { train: 0, val: 0, test: 0 };
  for (const { split } of rows) counts[split] = (counts[split] ?? 0) + 1;
  return { version: 1, hash: dataHash(rows), counts, rows };
}

/** SHA-256 over the sorted row hashes. */
export const dataHash = (rows: readonly Pick<SnapshotRow, 'rowHash'>[]): string => sha256(rows.map(({ rowHash }) => rowHash).sort().join('\n'));

/** Writes `snapshot-HASH.json` into `folder`, whole or not at all; one that is there already is left untouched. Returns its path. */
export function writeSnapshot(snapshot: Snapshot, folder: string): string {
  const path = join(folder, `snapshot-${snapshot.hash.slice(0, 16)}.json`);
  if (existsSync(path)) {
    if (readSnapshot(path).hash !== snapshot.hash) throw damaged(path, 'Its hash is another one than its name says.');
    return path;
  }
  mkdirSync(folder, { recursive: true });
  const part = `${path}.${process.pid}.part`;
  try {
    writeFileSync(part, `${JSON.stringify(snapshot)}\n`, { mode: 0o444 });
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
  return path;
}

/** Reads and checks a snapshot: a changed row, a missing row or an edited hash is a Fault `snapshot.damaged`. */
export function readSnapshot(path: string): Snapshot {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw damaged(path, (cause as Error).message);
  }
  const snapshot = Snapshot.safeParse(json);
  if (!snapshot.success) {
    throw damaged(path, snapshot.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  }
  if (dataHash(snapshot.data.rows) !== snapshot.data.hash) throw damaged(path, 'Its rows do not have the hash that it states.');
  return snapshot.data;
}

/** Everything that a run can learn from a record, in one canonical line. */
function rowOf(record: CaseRecord): SnapshotRow {
  const { id, task, label, split, group, licenceClass, sha256: fileHash } = record;
  const said = canonical({
    id, task, label, split, group, licenceClass, sha256: fileHash, modality: record.modality, set: record.set, width: record.width,
    height: record.height,
    labelsSpace: record.labelsSpace, questionTypes: record.questionTypes, facts: record.facts, boxes: record.boxes,
  });
  return { id, task, label, split, group, licenceClass, sha256: fileHash, rowHash: sha256(said) };
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

const damaged = (path: string, why: string): Fault => new Fault(
  { code: 'snapshot.damaged', what: `${path} is no snapshot.`, why, mend: 'Make it again with `loupe dataset snapshot`.' },
);
