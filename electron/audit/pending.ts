/** Acts of a terminal beside the workstation: written into its journal, or left for whoever holds the journal to take in. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import { asJson, isObject, type JsonObject } from './canonical.ts';
import type { AuditEvent } from './chain.ts';
import type { AuditJournal } from './journal.ts';

const pendingFolder = (folder: string): string => join(folder, 'pending');

/** Only acts of a terminal come this way. */
const mayWait = ['train', 'evaluate', 'promote', 'probe', 'failed'] as const;
export type WaitingKind = (typeof mayWait)[number];
export interface WaitingEvent extends Pick<AuditEvent, 'body'> {
  readonly kind: WaitingKind;
}

/**
 * Writes the act down where the person has a workstation's folder, before it is done. Where the journal is held by the window, or its key can be opened only there,
 * the act waits in a file beside it and is taken in at the next start. @param open  opens the journal's audit @throws Fault `storage.write`
 */
export async function noteAct(folder: string, event: WaitingEvent, open: () => Promise<{ readonly journal: AuditJournal; close(): void }>): Promise<void> {
  if (!existsSync(join(folder, 'journal.jsonl'))) return;
  try {
    const audit = await open();
    try {
      audit.journal.append(event);
    } finally {
      audit.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code === 'storage.write') throw thrown;
    const at = new Date().toISOString();
    mkdirSync(pendingFolder(folder), { recursive: true, mode: 0o700 });
    await writeWhole(join(pendingFolder(folder), `${at.replace(/[^0-9]/g, '')}-${randomBytes(4).toString('hex')}.json`), JSON.stringify({ at, kind: event.kind, body: event.body ?? {} }));
  }
}

/** Takes in what waited, each with the time that it says it was done at. */
export function takePending(folder: string, journal: Pick<AuditJournal, 'append'>): void {
  const below = pendingFolder(folder);
  if (!existsSync(below)) return;
  for (const name of readdirSync(below).filter((one) => /^\d{17}-[0-9a-f]{8}\.json$/.test(one)).sort().slice(0, 10_000)) {
    const path = join(below, name);
    const event = statSync(path).size < 10_000 ? parsed(readFileSync(path, 'utf8')) : null;
    // What is none is left where it lies, for a person to look at.
    if (event === null) continue;
    journal.append(event);
    rmSync(path, { force: true });
  }
}

function parsed(text: string): AuditEvent | null {
  try {
    const value: unknown = JSON.parse(text);
    const kind = isObject(value) ? mayWait.find((one) => one === value.kind) : undefined;
    return kind && isObject(value) && typeof value.at === 'string' && isObject(value.body) ? { kind, body: { ...asJson(value.body) as JsonObject, said: value.at.slice(0, 40) } } : null;
  } catch {
    return null;
  }
}
