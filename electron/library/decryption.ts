/** Opens what a password locks in a ZIP archive, by WinZip's AES or the older encryption: bytes stay packed, so that who unpacks them keeps its bounds. */
import { Readable } from 'node:stream';
import { configure, ERR_INVALID_PASSWORD, Reader, ZipReader, type Entry } from '@zip.js/zip.js/lib/zip-core-native.js';
import { Fault } from '#models/base/fault.ts';

/** The bytes of an archive, read where they are needed. */
export interface ArchiveBytes {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The packed bytes of the entry with this number, decrypted as they are read. It fails where the password is wrong. */
export type Decryptor = (at: number, offset: number) => Readable;

class ArchiveReader extends Reader<ArchiveBytes> {
  readonly #bytes: ArchiveBytes;

  constructor(bytes: ArchiveBytes) {
    super(bytes);
    this.#bytes = bytes;
    this.size = bytes.size;
  }

  override readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    return this.#bytes.read(offset, Math.max(0, Math.min(length, this.#bytes.size - offset)));
  }
}

export async function decryptor(bytes: ArchiveBytes, password: string): Promise<Decryptor> {
  configure({ useWebWorkers: false });
  const entries = await new ZipReader(new ArchiveReader(bytes)).getEntries().catch((cause: unknown): readonly Entry[] => {
    throw new Fault({ code: 'archive.damaged', what: 'The archive cannot be unlocked.', why: cause instanceof Error ? cause.message : String(cause), mend: 'Unlock it with another program and import the folder.' }, { cause });
  });
  return (at, offset) => {
    const entry = entries[at];
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    if (!entry || entry.directory || entry.offset !== offset) return Readable.from([]);
    // The stream fails with the reason; here it is only kept from being told twice.
    entry.getData(writable, { password, passThrough: 'compressed' }).catch((reason: unknown) => writable.abort(reason).catch(() => undefined));
    return Readable.fromWeb(readable as Parameters<typeof Readable.fromWeb>[0]);
  };
}

/** Whether the password was at fault, not the bytes. */
export const isWrongPassword = (thrown: unknown): boolean => thrown instanceof Error && thrown.message === ERR_INVALID_PASSWORD;
