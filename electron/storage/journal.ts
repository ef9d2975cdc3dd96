/** An append-only file of JSON lines: what happened, in order. It is the truth; everything else can be made from it again. */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFault } from './atomic.ts';

export interface Journal<Entry> {
  /** Whole lines that could be read at the start, in order. */
  readonly entries: readonly Entry[];
  /** Lines that could not be read, by number from 1: never silently dropped. */
  readonly unreadable: readonly number[];
  /** Its last line had been cut short, and is gone. */
  readonly wasCut: boolean;
  /** On the disk when it returns. @throws Fault `storage.write` */
  append(...entries: readonly Entry[]): void;
  close(): void;
}

/** Opens or begins one. A last line that a crash cut short is removed, because nothing was promised about it. */
export function openJournal<Entry>(path: string, parse: (value: unknown) => Entry): Journal<Entry> {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a+');
  const bytes = readFileSync(path);
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) ftruncateSync(file, whole);
  const entries: Entry[] = [];
  const unreadable: number[] = [];
  const text = bytes.subarray(0, whole).toString('utf8');
  let line = 0;
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\n', start);
    line++;
    try {
      entries.push(parse(JSON.parse(text.slice(start, end))));
    } catch {
      unreadable.push(line);
    }
    start = end + 1;
  }
  return {
    entries, unreadable, wasCut: whole < bytes.length,
    append(...added) {
      if (added.length === 0) return;
      try {
        writeSync(file, added.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
        fsyncSync(file);
      } catch (cause) {
        throw writeFault(path, cause);
      }
    },
    close: () => closeSync(file),
  };
}
