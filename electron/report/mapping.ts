/** What stands for UIDs, names and dates in what leaves without the subject: from a secret in a file, so that a report and the images that it speaks of fit each other. */
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { auditFolder } from '#electron/audit/audit.ts';
import { writeFault } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import { mappingOf, type Mapping } from '#models/imaging/dicom/deidentify.ts';

/** The data folder's own, for `loupe deidentify --key` too. */
export const releaseKey = (dataFolder: string): string => join(auditFolder(dataFolder), 'release.key');

/** @param path  made with a new secret where it is not there; absent: a secret that nobody keeps @throws Fault `deidentify.key`, `storage.write` */
export function mappingFrom(path?: string): Mapping {
  try {
    if (path !== undefined && !existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    }
  } catch (cause) {
    throw writeFault(path ?? '', cause);
  }
  const secret = path === undefined ? randomBytes(32) : Buffer.from(readFileSync(path, 'utf8').trim(), 'hex');
  if (secret.length !== 32) throw new Fault({ code: 'deidentify.key', what: `${path ?? 'The secret'} was not understood.`, why: 'It should hold 64 hexadecimal digits.', mend: 'Name the file that was made by an earlier run, or one that is not there yet.' });
  return mappingOf((text) => new Uint8Array(createHmac('sha256', secret).update(text).digest()));
}
