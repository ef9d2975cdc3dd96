/** Checks a file by itself, offline: a journal with what lies beside it, a capsule, or a signed report. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { Fault } from '#models/base/fault.ts';
import { isObject } from './canonical.ts';
import { checkCapsule, type CapsuleCheck } from './capsule.ts';
import { checkJournal, type JournalCheck } from './chain.ts';
import { readHead } from './head.ts';
import { parseCheckpoint } from './note.ts';
import { modelFiles } from './record.ts';
import { checkReport } from './signed.ts';
import type { Verdict } from './verdict.ts';

export interface VerifyOptions {
  /** The fingerprint that is expected of the key. */
  readonly fingerprint?: string;
  /** A model folder whose files should be those that answered. */
  readonly model?: string;
  /** A capsule or a signed checkpoint that is known from elsewhere and should fit the journal. */
  readonly known?: string;
}

const mostJournalBytes = 1_500_000_000;

/** @throws Fault `verify.open` the file cannot be read, `verify.kind` it is neither journal nor capsule nor report */
export async function verifyFile(path: string, { fingerprint, model, known }: VerifyOptions = {}): Promise<JournalCheck | CapsuleCheck | Verdict> {
  const given = fingerprint === undefined ? {} : { fingerprint };
  const kind = kindOf(path);
  if (kind === 'capsule') return checkCapsule(path, { ...given, ...(model === undefined ? {} : { model: await reading(model, () => modelFiles(model)) }) });
  const bytes = reading(path, () => readFileSync(path));
  const report = reportIn(bytes);
  if (report !== null) return checkReport(report, fingerprint);
  return checkJournal(bytes, { ...given, head: readHead(path), ...(known === undefined ? {} : { known: knownFrom(known) }) });
}

/** A report is one JSON value, a journal a line for each entry. */
function reportIn(bytes: Buffer): object | null {
  if (bytes.length > 64_000_000 || bytes.subarray(0, 9).toString('latin1') === '{"entry":') return null;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) && value.format === 'loupe.report/1' ? value : null;
  } catch {
    return null;
  }
}

function kindOf(path: string): 'capsule' | 'text' {
  const { start, size } = reading(path, () => {
    const file = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(64);
      return { start: buffer.subarray(0, readSync(file, buffer, 0, 64, 0)), size: statSync(path).size };
    } finally {
      closeSync(file);
    }
  });
  if (start.readUInt16LE(0) === 0x4b50 || /\.zip$/i.test(path)) return 'capsule';
  if ((start.includes('{"') || /^\s*\{/.test(start.toString('latin1')) || /\.jsonl$/i.test(path)) && size <= mostJournalBytes) return 'text';
  throw new Fault({
    code: 'verify.kind', what: `${path} cannot be checked.`, why: size > mostJournalBytes ? 'It is too large for a journal.' : 'It is neither a capsule (ZIP) nor an audit journal (JSON lines) nor a report (JSON).', mend: 'Give the file as Loupe wrote it.',
  });
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault({ code: 'verify.open', what: `${path} cannot be read.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Check the path and your rights to it.' }, { cause });
  }
}

function knownFrom(path: string): { size: number; root: string; log: string } {
  const bytes = reading(path, () => readFileSync(path));
  if (bytes.length >= 2 && bytes.readUInt16LE(0) === 0x4b50) {
    const { checkpoint, isWhole } = checkCapsule(path);
    if (checkpoint && isWhole) return checkpoint;
  } else {
    const checkpoint = parseCheckpoint(bytes.toString('utf8'));
    if (checkpoint) return { size: checkpoint.size, root: checkpoint.root.toString('hex'), log: checkpoint.log };
  }
  throw new Fault({ code: 'verify.known', what: `${path} cannot be compared with.`, why: 'It is neither a whole capsule nor a signed checkpoint.', mend: 'Give a capsule that verifies, or a checkpoint as loupe audit prints it.' });
}
