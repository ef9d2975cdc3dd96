/** A ZIP archive read in place: the central directory once, then each member by its offset. Nothing is unpacked to disk. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import { Fault } from '#models/base/fault.ts';

export interface Member {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: 0 | 8;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  /** Of the member's local header, from the start of the file. */
  readonly headerAt: number;
}

export interface Archive {
  readonly path: string;
  readonly members: ReadonlyMap<string, Member>;
  /** The member's bytes, unpacked and checked against its CRC-32, and against `sha256` where given. */
  read(name: string, sha256?: string): Uint8Array;
  close(): void;
}

export interface ArchiveLimits {
  readonly maxMembers: number;
  readonly maxDirectoryBytes: number;
  readonly maxMemberBytes: number;
  /** Unpacked size over packed size, above which a deflated member of more than a megabyte is taken for a bomb. */
  readonly maxRatio: number;
}

const defaultLimits: ArchiveLimits = { maxMembers: 200_000, maxDirectoryBytes: 64 << 20, maxMemberBytes: 256 << 20, maxRatio: 200 };

const endSignature = 0x06054b50;
const directorySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;

/**
 * Opens a ZIP (not ZIP64, not encrypted, not split).
 * Fault `archive.missing`, `archive.damaged`, `archive.unsupported`, `archive.path` (a name that leaves the archive), `archive.bomb`.
 */
export function openArchive(path: string, limits: Partial<ArchiveLimits> = {}): Archive {
  const bounds = { ...defaultLimits, ...limits };
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw new Fault(
      { code: 'archive.missing', what: `${path} cannot be opened.`, why: (cause as Error).message, mend: 'Put the archive beside its index.' },
      { cause },
    );
  }
  try {
    const size = fstatSync(descriptor).size;
    const members = readDirectory(descriptor, size, path, bounds);
    let isOpen = true;
    return {
      path, members,
      read(name, sha256) {
        const member = members.get(name);
        if (!member) throw fault('archive.member', path, `It holds no member named ${JSON.stringify(name)}.`, 'Check the index against the archive.');
        const bytes = readMember(descriptor, size, path, member);
        if (sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256) {
          throw fault('case.hash', path, `The member ${name} does not have the SHA-256 that the index states.`, 'Fetch the archive again.');
        }
        return bytes;
      },
      close() {
        if (isOpen) closeSync(descriptor);
        isOpen = false;
      },
    };
  } catch (cause) {
    closeSync(descriptor);
    throw cause;
  }
}

const fault = (code: string, path: string, why: string, mend: string): Fault => new Fault({ code, what: `${path} cannot be read.`, why, mend });
const unsupported = (path: string, why: string, mend: string): Fault => fault('archive.unsupported', path, why, mend);
const damaged = (path: string, why: string): Fault => fault('archive.damaged', path, why, 'Fetch the archive again.');

/** Exactly `length` bytes at `at`, or a fault: the file may be shorter than it says. */
function readAt(descriptor: number, size: number, path: string, at: number, length: number): Buffer {
  if (at < 0 || length < 0 || at + length > size) throw damaged(path, `Bytes ${at} to ${at + length} lie outside its ${size} bytes.`);
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, buffer, done, length - done, at + done);
    if (count === 0) throw damaged(path, `It ends at byte ${at + done}.`);
    done += count;
  }
  return buffer;
}

function readDirectory(descriptor: number, size: number, path: string, limits: ArchiveLimits): Map<string, Member> {
  if (size < endBytes) throw damaged(path, `It has ${size} bytes, less than an empty ZIP.`);
  const tailBytes = Math.min(size, endBytes + 65535);
  const tail = readAt(descriptor, size, path, size - tailBytes, tailBytes);
  let end = tailBytes - endBytes;
  // The end record is the last one whose comment fills the rest of the file exactly.
  while (end >= 0 && !(tail.readUInt32LE(end) === endSignature && end + endBytes + tail.readUInt16LE(end + 20) === tailBytes)) end--;
  if (end < 0) throw damaged(path, 'It has no ZIP end record.');
  const count = tail.readUInt16LE(end + 10);
  const directoryBytes = tail.readUInt32LE(end + 12);
  const directoryAt = tail.readUInt32LE(end + 16);
  if (tail.readUInt16LE(end + 4) !== 0 || tail.readUInt16LE(end + 6) !== 0) {
    throw fault('archive.unsupported', path, 'It is split over several files.', 'Join it into one ZIP.');
  }
  if (count === 0xffff || directoryBytes === 0xffffffff || directoryAt === 0xffffffff) {
    throw fault('archive.unsupported', path, 'It is a ZIP64 archive.', 'Part it into archives of less than 4 GB and 65,535 members.');
  }
  if (count > limits.maxMembers || directoryBytes > limits.maxDirectoryBytes) {
    throw fault('archive.bomb', path, `Its directory states ${count} members in ${directoryBytes} bytes.`, 'Part it into smaller archives.');
  }
  const directory = readAt(descriptor, size, path, directoryAt, directoryBytes);
  const members = new Map<string, Member>();
  for (let at = 0, index = 0; index < count; index++) {
    const isEntry = at + 46 <= directory.length && directory.readUInt32LE(at) === directorySignature;
    if (!isEntry) throw damaged(path, `Entry ${index} of its directory is broken.`);
    const nameBytes = directory.readUInt16LE(at + 28);
    const next = at + 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    if (next > directory.length) throw damaged(path, `Entry ${index} of its directory is cut off.`);
    const name = directory.toString('utf8', at + 46, at + 46 + nameBytes);
    const member = memberOf(directory, at, name, path, limits);
    at = next;
    if (name.endsWith('/')) continue;
    if (members.has(name)) throw damaged(path, `The member ${name} is listed twice.`);
    members.set(name, member);
  }
  return members;
}

function memberOf(directory: Buffer, at: number, name: string, path: string, limits: ArchiveLimits): Member {
  if (/^[\\/]|\\|\0|^[A-Za-z]:/.test(name) || name.split('/').includes('..')) {
    throw fault('archive.path', path, `The member ${JSON.stringify(name)} would lie outside the archive's folder.`, 'Do not use this archive.');
  }
  const flags = directory.readUInt16LE(at + 8);
  const method = directory.readUInt16LE(at + 10);
  const [crc, packedBytes, bytes] = [directory.readUInt32LE(at + 16), directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 24)];
  if (flags & 1) throw unsupported(path, `The member ${name} is encrypted.`, 'Give an archive without a password.');
  if (method !== 0 && method !== 8) throw unsupported(path, `The member ${name} uses compression method ${method}.`, 'Store or deflate it.');
  if (method === 0 && packedBytes !== bytes) throw damaged(path, `The stored member ${name} has two sizes, ${packedBytes} and ${bytes}.`);
  const isBomb = bytes > limits.maxMemberBytes || (bytes > 1 << 20 && bytes > packedBytes * limits.maxRatio);
  if (isBomb) throw fault('archive.bomb', path, `The member ${name} would unpack from ${packedBytes} to ${bytes} bytes.`, 'Do not use this archive.');
  return { name, method, crc, packedBytes, bytes, headerAt: directory.readUInt32LE(at + 42) };
}

function readMember(descriptor: number, size: number, path: string, member: Member): Uint8Array {
  const header = readAt(descriptor, size, path, member.headerAt, 30);
  if (header.readUInt32LE(0) !== localSignature) throw damaged(path, `The member ${member.name} has no local header.`);
  const dataAt = member.headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = readAt(descriptor, size, path, dataAt, member.packedBytes);
  const bytes = member.method === 0 ? packed : inflate(packed, member, path);
  if (bytes.length !== member.bytes || crc32(bytes) !== member.crc) throw damaged(path, `The member ${member.name} fails its checksum.`);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function inflate(packed: Buffer, member: Member, path: string): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, member.bytes) });
  } catch (cause) {
    throw damaged(path, `The member ${member.name} does not inflate to the ${member.bytes} bytes it states: ${(cause as Error).message}.`);
  }
}

