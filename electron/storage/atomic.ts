/** Writing a file whole or not at all. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '#models/base/fault.ts';

/** Writes beside the target, forces it to the disk, then takes its place. @throws Fault `storage.write` */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const partial = `${path}.${randomBytes(6).toString('hex')}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(partial, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw writeFault(path, cause);
  }
}

/** What is told where the disk refuses. */
export const writeFault = (path: string, cause: unknown): Fault => new Fault({
  code: 'storage.write', what: `${path} cannot be written.`, why: (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'The disk is full.' : cause instanceof Error ? cause.message : String(cause),
  mend: 'Free some space and check your rights to the folder, then try again. What was stored before is untouched.',
}, { cause });
