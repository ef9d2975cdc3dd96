/** Unpacks a ZIP archive entry by entry, from its central directory, with bounds: a hostile archive costs no more than a large honest one. */
import { createWriteStream } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { Fault } from '#models/base/fault.ts';
import { decryptor, isWrongPassword, type Decryptor } from './decryption.ts';

export interface ArchiveEntry {
  /** Which entry of the archive, from 0. */
  readonly at: number;
  /** As the archive calls it. */
  readonly name: string;
  /** Bytes when unpacked, as stated. */
  readonly bytes: number;
}

export interface UnpackedEntry extends ArchiveEntry {
  /** Where it lies now; null where it was left out, and `why` says why. */
  readonly path: string | null;
  readonly why: string | null;
  /** Stable, for `why`. */
  readonly code: string | null;
}

export interface ArchiveLimits {
  readonly entries: number;
  readonly bytes: number;
  /** Unpacked to packed: beyond this an entry is taken for a bomb. Deflate reaches 1032. */
  readonly ratio: number;
}

export const usualLimits: ArchiveLimits = { entries: 200_000, bytes: 64e9, ratio: 1100 };

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly entries: number;
}

/** What opens entries that a password locks. */
export interface ArchiveKey {
  readonly password: string;
  /** Which entries: the others were dealt with before. */
  readonly entries: readonly number[];
}

interface Record extends ArchiveEntry {
  readonly method: number;
  readonly packed: number;
  /** CRC-32 of the unpacked bytes; null where a keyed hash stands for it, as AES has one. */
  readonly checksum: number | null;
  readonly offset: number;
  readonly isEncrypted: boolean;
}

/**
 * Unpacks into `folder`, each entry under a number: names of archives are never used as paths. Yields entries as they are ready.
 *
 * @param key  absent: what is locked is left out as `archive.encrypted`; what it does not open is left out as `archive.password`
 * @throws Fault `archive.damaged`, `archive.limits`
 */
export async function* unpack(path: string, folder: string, limits: ArchiveLimits = usualLimits, key?: ArchiveKey): AsyncGenerator<UnpackedEntry> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const directory = await findDirectory(handle, size);
    if (directory.entries > limits.entries) throw beyond(`It holds ${directory.entries} entries; ${limits.entries} are unpacked at most.`);
    if (directory.size > 256_000_000 || directory.offset + directory.size > size) throw damaged('Its table of contents lies outside the file.');
    const records = recordsIn(await readAt(handle, directory.offset, directory.size), directory.entries);
    await mkdir(folder, { recursive: true });
    const chosen = key && new Set(key.entries);
    const decrypt = key && await decryptor({ size, read: (offset, length) => readAt(handle, offset, length) }, key.password);
    let total = 0;
    for (const record of records) {
      const { at, name, bytes } = record;
      if (name.endsWith('/') || chosen?.has(at) === false) continue;
      const why = record.isEncrypted && !decrypt ? { why: 'It is locked with a password.', code: 'archive.encrypted' } : reasonAgainst(record, limits, size);
      total += bytes;
      if (total > limits.bytes) throw beyond(`Unpacked it is more than ${Math.round(limits.bytes / 1e9)} GB.`);
      if (why !== null) {
        yield { at, name, bytes, path: null, ...why };
        continue;
      }
      const target = join(folder, String(at));
      try {
        await extract(handle, record, target, decrypt);
        yield { at, name, bytes, path: target, why: null, code: null };
      } catch (error) {
        await rm(target, { force: true });
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
        // The older encryption tells a wrong password by one byte: one in 256 shows by its checksum alone.
        if (record.isEncrypted && (isWrongPassword(error) || record.checksum !== null)) yield { at, name, bytes, path: null, why: 'The password does not open it.', code: 'archive.password' };
        else yield { at, name, bytes, path: null, why: error instanceof Fault ? error.why : 'Its packed bytes are damaged.', code: 'archive.damaged' };
      }
    }
  } finally {
    await handle.close();
  }
}

const damaged = (why: string): Fault => new Fault({ code: 'archive.damaged', what: 'The archive cannot be unpacked.', why, mend: 'Copy it again, or unpack it with another program and import the folder.' });
const beyond = (why: string): Fault => new Fault({ code: 'archive.limits', what: 'The archive was not unpacked.', why, mend: 'Unpack it with another program and import a part of it.' });

function reasonAgainst({ method, bytes, packed, offset }: Record, limits: ArchiveLimits, size: number): { readonly why: string; readonly code: string } | null {
  if (method !== 0 && method !== 8) return { why: `Its packing method ${method} is not supported.`, code: 'archive.packing' };
  if (offset + 30 > size || packed > size) return { why: 'Its packed bytes lie outside the archive.', code: 'archive.damaged' };
  if (bytes > 1_000_000 && bytes > packed * limits.ratio) return { why: 'It claims to unpack to an implausible size.', code: 'archive.limits' };
  return null;
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, offset);
  if (bytesRead < length) throw damaged('It ends before it should.');
  return bytes;
}

/** The end record lies in the last 64 kB; archives beyond 4 GB or 65,535 entries have a longer one in front of it. */
async function findDirectory(handle: FileHandle, size: number): Promise<Directory> {
  const length = Math.min(size, 65_557);
  const tail = await readAt(handle, size - length, length);
  let at = length - 22;
  while (at >= 0 && tail.readUInt32LE(at) !== 0x06054b50) at--;
  if (at < 0) throw damaged('It has no table of contents: it was cut short, or is no ZIP archive.');
  const short: Directory = { entries: tail.readUInt16LE(at + 10), size: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) };
  if (at < 20 || tail.readUInt32LE(at - 20) !== 0x07064b50) return short;
  const long = await readAt(handle, safe(tail.readBigUInt64LE(at - 12)), 56);
  if (long.readUInt32LE(0) !== 0x06064b50) throw damaged('Its long table of contents is damaged.');
  return { entries: safe(long.readBigUInt64LE(32)), size: safe(long.readBigUInt64LE(40)), offset: safe(long.readBigUInt64LE(48)) };
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('A position in it is impossible.');
  return Number(value);
}

function recordsIn(table: Buffer, entries: number): Record[] {
  const records: Record[] = [];
  for (let at = 0; records.length < entries;) {
    if (at + 46 > table.length || table.readUInt32LE(at) !== 0x02014b50) throw damaged('Its table of contents is damaged.');
    const nameLength = table.readUInt16LE(at + 28);
    const extraLength = table.readUInt16LE(at + 30);
    const next = at + 46 + nameLength + extraLength + table.readUInt16LE(at + 32);
    if (next > table.length) throw damaged('Its table of contents is cut short.');
    const flags = table.readUInt16LE(at + 8);
    const extra = table.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const long = longFields(extra);
    const aes = (flags & 1) !== 0 && table.readUInt16LE(at + 10) === lockedByAes ? extraField(extra, 0x9901) : undefined;
    const field = (value: number): number => (value === 0xffffffff ? long.shift() ?? value : value);
    // The long fields stand in this order, and only those that the short ones leave out.
    const bytes = field(table.readUInt32LE(at + 24));
    const packed = field(table.readUInt32LE(at + 20));
    const offset = field(table.readUInt32LE(at + 42));
    records.push({
      at: records.length, name: table.subarray(at + 46, at + 46 + nameLength).toString((flags & 0x800) !== 0 ? 'utf8' : 'latin1'),
      // Behind the number for AES stands the method that it was packed by.
      method: aes && aes.length >= 7 ? aes.readUInt16LE(5) : table.readUInt16LE(at + 10), checksum: aes ? null : table.readUInt32LE(at + 16),
      bytes, packed, offset, isEncrypted: (flags & 1) !== 0,
    });
    at = next;
  }
  return records;
}

/** The method of entries that AES locks, as WinZip numbered it. */
const lockedByAes = 99;

function extraField(extra: Buffer, kind: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === kind) return extra.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  return undefined;
}

function longFields(extra: Buffer): number[] {
  const body = extraField(extra, 1);
  return body ? Array.from({ length: Math.floor(body.length / 8) }, (_, i) => safe(body.readBigUInt64LE(i * 8))) : [];
}

async function extract(handle: FileHandle, { at, offset, packed, bytes, method, checksum, isEncrypted }: Record, target: string, decrypt: Decryptor | undefined): Promise<void> {
  const header = await readAt(handle, offset, 30);
  if (header.readUInt32LE(0) !== 0x04034b50) throw damaged('It is not where the table of contents says.');
  const start = offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  let written = 0;
  let sum = 0xffffffff;
  const count = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      written += chunk.length;
      if (written > bytes) throw damaged('It unpacks to more than it states.');
      for (const byte of chunk) sum = (table[(sum ^ byte) & 0xff] as number) ^ (sum >>> 8);
      yield chunk;
    }
  };
  const source = isEncrypted && decrypt ? decrypt(at, offset) : Readable.from(packedChunks(handle, start, packed));
  if (method === 8) await pipeline(source, createInflateRaw(), count, createWriteStream(target));
  else await pipeline(source, count, createWriteStream(target));
  if (written !== bytes || (checksum !== null && (sum ^ 0xffffffff) >>> 0 !== checksum)) throw damaged('Its bytes do not match their checksum.');
}

async function* packedChunks(handle: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < length; at += 1 << 18) yield readAt(handle, start + at, Math.min(1 << 18, length - at));
}

/** CRC-32 as ZIP uses it, one entry for each byte. */
const table = Uint32Array.from({ length: 256 }, (_, i) => {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});
