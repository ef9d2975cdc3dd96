import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { openArchive, type ArchiveLimits } from '#training/data/archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-archive-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Entry { name: string; bytes: Buffer; deflated?: boolean; crc?: number; stated?: number; flags?: number; method?: number }

/** A ZIP of these entries, written field by field. */
function zipOf(entries: readonly Entry[], comment = ''): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, deflated = false, crc = crc32(bytes), stated = bytes.length, flags = 0, method = deflated ? 8 : 0 } of entries) {
    const packed = deflated ? deflateRawSync(bytes) : bytes;
    const title = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(title.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(flags, 8);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(crc, 16);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(stated, 24);
    entry.writeUInt16LE(title.length, 28);
    entry.writeUInt32LE(at, 42);
    parts.push(local, title, packed);
    directory.push(entry, title);
    at += 30 + title.length + packed.length;
  }
  const table = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(table.length, 12);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, table, end, Buffer.from(comment)]);
}

let count = 0;
function fileOf(bytes: Buffer): string {
  const path = join(folder, `${count++}.zip`);
  writeFileSync(path, bytes);
  return path;
}

/** Opens and reads every member. */
function readAll(bytes: Buffer, limits: Partial<ArchiveLimits> = {}): Map<string, string> {
  const archive = openArchive(fileOf(bytes), limits);
  try {
    return new Map([...archive.members.keys()].map((name) => [name, Buffer.from(archive.read(name)).toString()]));
  } finally {
    archive.close();
  }
}

function faultOf(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code;
    throw thrown;
  }
  return 'no fault';
}

const two = [{ name: 'a/one.txt', bytes: Buffer.from('first') }, { name: 'a/two.txt', bytes: Buffer.from('second '.repeat(500)), deflated: true }];

describe('an archive', () => {
  test('gives stored and deflated members', () => {
    expect(readAll(zipOf(two))).toEqual(new Map([['a/one.txt', 'first'], ['a/two.txt', 'second '.repeat(500)]]));
  });

  test('may end with a comment, even one that looks like an end', () => expect(readAll(zipOf(two, 'PK\x05\x06 this is only a comment, long enough')).size).toBe(2));
  test('may be empty', () => expect(readAll(zipOf([])).size).toBe(0));
  test('may hold folders', () => expect([...readAll(zipOf([{ name: 'a/', bytes: Buffer.alloc(0) }, ...two])).keys()]).toEqual(['a/one.txt', 'a/two.txt']));

  test('checks a member against a hash when asked', () => {
    const archive = openArchive(fileOf(zipOf(two)));
    const hash = createHash('sha256').update('first').digest('hex');
    expect(Buffer.from(archive.read('a/one.txt', hash)).toString()).toBe('first');
    expect(faultOf(() => archive.read('a/two.txt', hash))).toBe('case.hash');
    expect(faultOf(() => archive.read('a/three.txt'))).toBe('archive.member');
    archive.close();
  });
});

describe('a hostile archive is refused', () => {
  test.each(['../up.txt', 'a/../../up.txt', '/root.txt', 'C:\\x.txt', 'a\\..\\b', 'nul\0.txt'])('with the name %j', (name) => {
    expect(faultOf(() => readAll(zipOf([{ name, bytes: Buffer.from('x') }])))).toBe('archive.path');
  });

  test('that unpacks to far more than it holds', () => {
    const bomb = zipOf([{ name: 'bomb', bytes: Buffer.alloc(8 << 20), deflated: true }]);
    expect(faultOf(() => readAll(bomb))).toBe('archive.bomb');
    expect(faultOf(() => readAll(zipOf([{ name: 'large', bytes: Buffer.from('x'), deflated: true, stated: 0xfffffff0 }])))).toBe('archive.bomb');
  });

  test('that unpacks to more than it says', () => {
    expect(faultOf(() => readAll(zipOf([{ name: 'liar', bytes: Buffer.alloc(900_000), deflated: true, stated: 1000 }])))).toBe('archive.damaged');
  });

  test('with a wrong checksum, a stored size that differs, two members of one name', () => {
    expect(faultOf(() => readAll(zipOf([{ name: 'a', bytes: Buffer.from('x'), crc: 1 }])))).toBe('archive.damaged');
    expect(faultOf(() => readAll(zipOf([{ name: 'a', bytes: Buffer.from('x'), stated: 2 }])))).toBe('archive.damaged');
    expect(faultOf(() => readAll(zipOf([two[0]!, two[0]!])))).toBe('archive.damaged');
  });

  test('that is encrypted or packed in another way', () => {
    expect(faultOf(() => readAll(zipOf([{ name: 'a', bytes: Buffer.from('x'), flags: 1 }])))).toBe('archive.unsupported');
    expect(faultOf(() => readAll(zipOf([{ name: 'a', bytes: Buffer.from('x'), method: 12 }])))).toBe('archive.unsupported');
  });

  test('with more members than its limit', () => expect(faultOf(() => readAll(zipOf(two), { maxMembers: 1 }))).toBe('archive.bomb'));
  test('that is missing', () => expect(faultOf(() => openArchive(join(folder, 'none.zip')))).toBe('archive.missing'));

  test('cut off after any byte', () => {
    const whole = zipOf([two[0]!, { name: 'b', bytes: Buffer.from('other '.repeat(40)), deflated: true }]);
    for (let length = 0; length < whole.length; length++) expect(faultOf(() => readAll(whole.subarray(0, length))), `${length} bytes`).toBe('archive.damaged');
  });

  test('with any one bit turned, or read to the same members', () => {
    const whole = zipOf([two[0]!, { name: 'b', bytes: Buffer.from('other '.repeat(40)), deflated: true }]);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const turned = Buffer.from(whole);
      turned[bit >> 3]! ^= 1 << (bit & 7);
      const outcome = faultOf(() => readAll(turned));
      expect(outcome === 'no fault' || outcome.startsWith('archive.'), outcome).toBe(true);
    }
  });
});
