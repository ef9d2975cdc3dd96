/**
 * A ZIP archive in one fixed layout, its files unpacked as they are: the same files give the same bytes, a byte that is not as written is found, and
 * nothing in it can swell.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export interface ZipEntry {
  /** Slashes between folders; plain signs only. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Stored {
  readonly name: string;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

/** The first day that ZIP knows: the time of writing stands in the manifest, not here. */
const date = 0x0021;
const isName = (name: string): boolean => /^[\w.-]+(?:\/[\w.-]+)*$/.test(name) && name.length <= 200 && !name.split('/').some((part) => /^\.+$/.test(part));
const most = { entries: 10_000, entryBytes: 1_000_000_000, directoryBytes: 4_000_000 };

/** @throws RangeError for names and sizes that the layout cannot hold */
export function zip(entries: readonly ZipEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const stored: Stored[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    if (!isName(name) || stored.some((one) => one.name === name)) throw new RangeError(`zip: '${name}' cannot be a name here`);
    const one: Stored = { name, crc: crc32(bytes), size: bytes.length, offset };
    stored.push(one);
    const header = localHeader(one);
    parts.push(header, bytes);
    offset += header.length + bytes.length;
    if (offset > 0xfff00000 || stored.length > most.entries) throw new RangeError('zip: more than 4 GB, or too many files');
  }
  return Buffer.concat([...parts, directory(stored, offset)]);
}

function localHeader(one: Stored): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  common(header, 4, one);
  return Buffer.concat([header, Buffer.from(one.name)]);
}

/** What both headers say, in the same order: version, flags (UTF-8 names), method (none), time, date, checksum, sizes, lengths. */
function common(header: Buffer, at: number, { crc, size, name }: Stored): void {
  header.writeUInt16LE(20, at);
  header.writeUInt16LE(0x0800, at + 2);
  header.writeUInt16LE(date, at + 8);
  header.writeUInt32LE(crc, at + 10);
  header.writeUInt32LE(size, at + 14);
  header.writeUInt32LE(size, at + 18);
  header.writeUInt16LE(Buffer.byteLength(name), at + 22);
}

function directory(stored: readonly Stored[], offset: number): Buffer {
  const rows = stored.map((one) => {
    const row = Buffer.alloc(46);
    row.writeUInt32LE(0x02014b50, 0);
    row.writeUInt16LE(20, 4);
    common(row, 6, one);
    row.writeUInt32LE(one.offset, 42);
    return Buffer.concat([row, Buffer.from(one.name)]);
  });
  const body = Buffer.concat(rows);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(stored.length, 8);
  end.writeUInt16LE(stored.length, 10);
  end.writeUInt32LE(body.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([body, end]);
}

export class ZipError extends Error {
  readonly kind: 'truncated' | 'changed' | 'foreign';
  constructor(kind: ZipError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface OpenedZip {
  readonly names: readonly string[];
  /** Bytes when unpacked. */
  sizeOf(name: string): number;
  /** @throws ZipError */
  read(name: string): Buffer;
  /** Piece by piece, so that a large part needs no memory. @throws ZipError */
  pieces(name: string): Iterable<Uint8Array>;
  close(): void;
}

/**
 * Opens an archive of our layout. Nothing is believed: every header has to be the one that the directory leads to.
 *
 * @throws ZipError `truncated` the end is missing, `changed` bytes are not as written, `foreign` it is no archive; and reading errors
 */
export function openZip(path: string): OpenedZip {
  const file = openSync(path, 'r');
  try {
    return opened(file);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function opened(file: number): OpenedZip {
  const { size } = fstatSync(file);
  const at = (offset: number, length: number): Buffer => {
    const buffer = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const count = readSync(file, buffer, done, length - done, offset + done);
      if (count === 0) throw new ZipError('truncated', 'The file ends too early.');
      done += count;
    }
    return buffer;
  };
  const start = size >= 4 ? at(0, 4).readUInt32LE(0) : 0;
  const end = size >= 22 ? at(size - 22, 22) : Buffer.alloc(22);
  const isArchive = start === 0x04034b50;
  if (end.readUInt32LE(0) !== 0x06054b50 || end.readUInt16LE(20) !== 0) {
    // An end record whose own bytes were changed still has the directory's rows before it; a file that was cut does not end with them.
    const isEndThere = size >= 22 && end.readUInt16LE(4) === 0 && end.readUInt16LE(6) === 0 && end.readUInt16LE(8) === end.readUInt16LE(10) && end.readUInt32LE(12) + end.readUInt32LE(16) === size - 22;
    if (!isArchive && !isEndThere && end.readUInt32LE(0) !== 0x06054b50) throw new ZipError('foreign', 'It is no archive.');
    throw isEndThere ? new ZipError('changed', 'The record at its end was changed.') : new ZipError('truncated', 'The record at its end is missing.');
  }
  const count = end.readUInt16LE(10);
  const length = end.readUInt32LE(12);
  const offset = end.readUInt32LE(16);
  if (offset + length !== size - 22 || count > most.entries || length > most.directoryBytes) throw new ZipError('changed', 'Its table of contents is not where it was.');
  const stored = rowsOf(at(offset, length), count);
  if (!directory(stored, offset).equals(Buffer.concat([at(offset, length), end]))) throw new ZipError('changed', 'Its table of contents is not as it was written.');
  let expected = 0;
  for (const one of stored) {
    const header = localHeader(one);
    if (one.offset !== expected || one.offset + header.length + one.size > offset || !at(one.offset, header.length).equals(header)) throw new ZipError('changed', `The header of ${one.name} is not as it was written.`);
    expected += header.length + one.size;
  }
  if (expected !== offset) throw new ZipError('changed', 'Between its files lies something else.');
  const byName = new Map(stored.map((one) => [one.name, one]));
  const find = (name: string): Stored => byName.get(name) ?? (() => {
    throw new RangeError(`zip: there is no ${name}`);
  })();
  function* pieces(name: string): Generator<Uint8Array> {
    const one = find(name);
    const from = one.offset + localHeader(one).length;
    let sum = 0;
    for (let done = 0; done < one.size;) {
      const piece = at(from + done, Math.min(1 << 20, one.size - done));
      sum = crc32(piece, sum);
      done += piece.length;
      yield piece;
    }
    if (sum !== one.crc) throw new ZipError('changed', `${name} does not have its checksum.`);
  }
  return {
    names: stored.map(({ name }) => name),
    sizeOf: (name) => find(name).size,
    read: (name) => Buffer.concat([...pieces(name)]),
    pieces,
    close: () => closeSync(file),
  };
}

function rowsOf(bytes: Buffer, count: number): readonly Stored[] {
  const stored: Stored[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== 0x02014b50) throw new ZipError('changed', 'Its table of contents is damaged.');
    const length = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 46, at + 46 + length);
    const one = { name, crc: bytes.readUInt32LE(at + 16), size: bytes.readUInt32LE(at + 24), offset: bytes.readUInt32LE(at + 42) };
    if (bytes.readUInt16LE(at + 10) !== 0 || !isName(name) || one.size > most.entryBytes) throw new ZipError('changed', 'Its table of contents holds what Loupe does not write.');
    if (stored.some((other) => other.name === name)) throw new ZipError('changed', `${name} is there twice.`);
    stored.push(one);
    at += 46 + length;
  }
  if (at !== bytes.length) throw new ZipError('changed', 'Its table of contents is longer than its rows.');
  return stored;
}
