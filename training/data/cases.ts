/** Index files to records: every row is checked, and a bad one is named by file and line. */
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { caseRecord, IndexRow, type CaseRecord, type LicenceClass, type Split } from '#training/records/caseRecord.ts';
import { openArchive, type Archive } from './archive.ts';

const maxIndexBytes = 256 * 1024 * 1024;

/**
 * The records of one index.jsonl, in file order. Blank lines are skipped.
 * Fault `index.missing`, `index.size`, `index.line` (not JSON, or a field is wrong), `index.duplicate`.
 */
export async function readIndex(path: string): Promise<CaseRecord[]> {
  const folder = dirname(resolve(path));
  const records: CaseRecord[] = [];
  const seen = new Map<string, number>();
  for (const [at, line] of (await textOf(path)).split('\n').entries()) {
    if (line.trim() === '') continue;
    const record = recordOf(line, folder, `${path}:${at + 1}`);
    const earlier = seen.get(record.id);
    if (earlier !== undefined) {
      throw new Fault({
        code: 'index.duplicate', what: `${path}:${at + 1} cannot be used.`,
        why: `The id ${record.id} already stands on line ${earlier}.`, mend: 'Give every row an id of its own.',
      });
    }
    seen.set(record.id, at + 1);
    records.push(record);
  }
  return records;
}

/** Which records to keep. `licences` and `splits` default to everything. */
export interface CaseFilter {
  readonly licences?: readonly LicenceClass[];
  readonly splits?: readonly Split[];
}

/** What weights that are given away may learn from. */
export const shippable: CaseFilter = { licences: ['permissive'] };

export const filterCases = (records: readonly CaseRecord[], { licences, splits }: CaseFilter): CaseRecord[] =>
  records.filter((record) => (licences?.includes(record.licenceClass) ?? true) && (splits?.includes(record.split) ?? true));

const archives = new Map<string, Archive>();

/**
 * The stored bytes of a record's image, read in place from its archive; archives stay open until `closeArchives`.
 * With `verify` the bytes must have the record's SHA-256 (Fault `case.hash`).
 */
export function loadBytes(record: CaseRecord, { verify = false } = {}): Uint8Array {
  const path = resolve(record.folder, record.archive);
  let archive = archives.get(path);
  if (!archive) archives.set(path, archive = openArchive(path));
  return archive.read(record.file, verify ? record.sha256 : undefined);
}

export function closeArchives(): void {
  for (const archive of archives.values()) archive.close();
  archives.clear();
}

async function textOf(path: string): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new Fault({
      code: 'index.missing', what: `${path} cannot be opened.`, why: (cause as Error).message,
      mend: 'Give the path of an index.jsonl that can be read.',
    }, { cause });
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > maxIndexBytes) {
      throw new Fault({
        code: 'index.size', what: `${path} cannot be read as an index.`,
        why: stats.isFile() ? `It has ${stats.size} bytes; an index has at most ${maxIndexBytes}.` : 'It is not a file.',
        mend: 'Give an index.jsonl, one JSON object per line.',
      });
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function recordOf(line: string, folder: string, place: string): CaseRecord {
  const bad = (why: string): Fault => new Fault({
    code: 'index.line', what: `${place} cannot be used.`, why,
    mend: 'Mend or remove the line; the fields are listed in training/records/caseRecord.ts.',
  });
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw bad(`It is not JSON: ${(cause as Error).message}.`);
  }
  const row = IndexRow.safeParse(json);
  if (!row.success) {
    const issues = row.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.') || 'row'}: ${issue.message}`);
    throw bad(`${issues.join('; ')}.`);
  }
  return caseRecord(row.data, folder);
}
