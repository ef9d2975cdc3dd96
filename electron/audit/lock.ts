/** One writer at a time: a file that names the process which holds it. What a dead process left behind is taken over. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { writeFault } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';

export interface Lock {
  release(): void;
}

/** @throws Fault `audit.locked` a living process holds it, `storage.write` */
export function takeLock(path: string): Lock {
  const own = JSON.stringify({ pid: process.pid, started: startOf(process.pid), host: hostname(), name: randomBytes(8).toString('hex') });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, own, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw writeFault(path, cause);
  }
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        linkSync(draft, path); // it appears with its content, or not at all
        return {
          release() {
            if (read(path) === own) rmSync(path, { force: true });
          },
        };
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeFault(path, cause);
      }
      const holder = read(path);
      if (holder !== null && isAlive(holder)) throw locked(holder);
      removeStale(path, holder);
    }
    throw locked(read(path));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Takes away the lock that was read, and puts another one back that came between. */
function removeStale(path: string, holder: string | null): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return; // another one was quicker
  }
  if (read(aside) !== holder) {
    try {
      linkSync(aside, path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeFault(path, cause);
    }
  }
  rmSync(aside, { force: true });
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function isAlive(holder: string): boolean {
  try {
    const { pid, started, host } = JSON.parse(holder) as { pid?: unknown; started?: unknown; host?: unknown };
    if (host !== hostname()) return true; // a folder on another machine: nobody here can tell
    if (typeof pid !== 'number') return false;
    process.kill(pid, 0);
    return started === null || startOf(pid) === null || startOf(pid) === started;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process was started, so that another one with its number is not taken for it; null where the system does not say. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function locked(holder: string | null): Fault {
  const pid = /"pid":(\d+)/.exec(holder ?? '')?.[1];
  return new Fault({
    code: 'audit.locked', what: 'The audit journal cannot be written.', why: `Another Loupe${pid === undefined ? '' : ` (process ${pid})`} is writing it, and there is one writer at a time.`,
    mend: 'Close the other one, or give another data folder (LOUPE_DATA).',
  });
}
