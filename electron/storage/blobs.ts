/** Files named by the SHA-256 of their content: the same bytes are kept once, and a name proves its content. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Fault } from '#models/base/fault.ts';
import { writeFault, writeWhole } from './atomic.ts';

/** A copy that is hashed but not yet in the store. */
export interface StagedBlob {
  readonly sha256: string;
  readonly bytes: number;
  /** Where its bytes lie now. */
  readonly path: string;
  /** The content was there before. */
  readonly isKnown: boolean;
  /** Takes it in; gives where it lies from then on. */
  commit(): Promise<string>;
  discard(): Promise<void>;
}

export interface Blobs {
  pathOf(sha256: string): string;
  has(sha256: string): boolean;
  /** Copies a file beside the store while hashing it. @throws Fault `storage.write`, or the reading error */
  stage(source: string): Promise<StagedBlob>;
  /** @throws Fault `storage.write` */
  put(content: Uint8Array | string): Promise<string>;
  /** @throws Fault `storage.missing` */
  read(sha256: string): Promise<Uint8Array>;
}

export function openBlobs(folder: string): Blobs {
  const pathOf = (sha256: string): string => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError('blobs: a name is 64 hexadecimal digits');
    return join(folder, sha256.slice(0, 2), sha256.slice(2));
  };
  const take = async (from: string, sha256: string): Promise<string> => {
    const path = pathOf(sha256);
    try {
      await mkdir(dirname(path), { recursive: true });
      await rename(from, path);
    } catch (cause) {
      throw writeFault(path, cause);
    }
    return path;
  };
  return {
    pathOf,
    has: (sha256) => existsSync(pathOf(sha256)),
    async stage(source) {
      const staging = join(folder, 'staging');
      const path = join(staging, randomBytes(12).toString('hex'));
      const hash = createHash('sha256');
      let bytes = 0;
      await mkdir(staging, { recursive: true }).catch((cause: unknown) => {
        throw writeFault(staging, cause);
      });
      try {
        const reader = createReadStream(source, { highWaterMark: 1 << 20 });
        await pipeline(reader, async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            hash.update(chunk);
            bytes += chunk.length;
            yield chunk;
          }
        }, createWriteStream(path));
      } catch (cause) {
        await rm(path, { force: true });
        throw ['ENOSPC', 'EDQUOT', 'EROFS'].includes((cause as NodeJS.ErrnoException).code ?? '') ? writeFault(path, cause) : cause;
      }
      const sha256 = hash.digest('hex');
      const isKnown = existsSync(pathOf(sha256));
      const discard = (): Promise<void> => rm(path, { force: true });
      return {
        sha256, bytes, path, isKnown, discard,
        async commit() {
          if (!isKnown) return take(path, sha256);
          await discard();
          return pathOf(sha256);
        },
      };
    },
    async put(content) {
      const sha256 = createHash('sha256').update(content).digest('hex');
      const path = pathOf(sha256);
      const there = await stat(path).catch(() => null);
      if (!there) await writeWhole(path, content);
      return sha256;
    },
    async read(sha256) {
      try {
        return await readFile(pathOf(sha256));
      } catch (cause) {
        throw new Fault({
          code: 'storage.missing', what: 'A stored file cannot be read.', why: `${sha256.slice(0, 12)}…: ${cause instanceof Error ? cause.message : String(cause)}`, mend: 'Import the study again.',
        }, { cause });
      }
    },
  };
}
