import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { zipSync, strToU8, type Zippable } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpack, usualLimits, type ArchiveKey, type UnpackedEntry } from '#electron/library/archive.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'loupe-archive-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
async function unpacked(bytes: Uint8Array, limits = usualLimits, key?: ArchiveKey): Promise<UnpackedEntry[]> {
  const path = join(folder, `${++count}.zip`);
  writeFileSync(path, bytes);
  const entries: UnpackedEntry[] = [];
  for await (const entry of unpack(path, join(folder, `out-${count}`), limits, key)) entries.push(entry);
  return entries;
}
const packed = (files: Zippable): Uint8Array => zipSync(files);
const text = ({ path }: UnpackedEntry): string | null => (path === null ? null : readFileSync(path, 'utf8'));

describe('an archive', () => {
  test('gives its files, stored and packed, and leaves folders out', async () => {
    const entries = await unpacked(packed({ 'a/': new Uint8Array(0), 'a/one.txt': strToU8('one'.repeat(500)), two: [strToU8('two'), { level: 0 }] }));
    expect(entries.map((entry) => [entry.name, text(entry)])).toEqual([['a/one.txt', 'one'.repeat(500)], ['two', 'two']]);
  });

  test('never writes where a name points', async () => {
    const [entry] = await unpacked(packed({ '../../outside.txt': strToU8('x') }));
    expect(entry?.path?.startsWith(join(folder, `out-${count}`))).toBe(true);
  });

  test('that is cut anywhere is a fault or says which entry is lost, and never hangs', async () => {
    const whole = packed({ one: strToU8('1'.repeat(300)), two: strToU8('2'.repeat(300)) });
    for (let length = 0; length < whole.length; length += 11) await expect(unpacked(whole.subarray(0, length))).rejects.toMatchObject({ code: 'archive.damaged' });
  });

  test('with a flipped bit leaves that entry out with its reason', async () => {
    const whole = packed({ one: [strToU8('hello, hello, hello'), { level: 0 }], two: strToU8('two') });
    whole[40] = (whole[40] as number) ^ 1;
    const [one, two] = await unpacked(whole);
    expect([one?.path, two && text(two)]).toEqual([null, 'two']);
    expect(one?.why).toMatch(/checksum/);
  });

  test('with more entries or bytes than the limits is refused', async () => {
    const whole = packed({ one: strToU8('1'.repeat(3000)), two: strToU8('2') });
    await expect(unpacked(whole, { ...usualLimits, entries: 1 })).rejects.toMatchObject({ code: 'archive.limits' });
    await expect(unpacked(whole, { ...usualLimits, bytes: 2000 })).rejects.toMatchObject({ code: 'archive.limits' });
  });

  test('with an entry that claims an implausible size leaves it out unpacked', async () => {
    const whole = packed({ bomb: new Uint8Array(4_000_000) });
    const [entry] = await unpacked(whole, { ...usualLimits, ratio: 100 });
    expect([entry?.path, entry?.why]).toEqual([null, 'It claims to unpack to an implausible size.']);
  });
});

/** A plain file first, then locked ones: packed and as it is. */
async function locked(how: { readonly zipCrypto?: true; readonly encryptionStrength?: 1 | 2 | 3 }, password = 'Straße 7'): Promise<Uint8Array> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  await writer.add('plain.txt', new Uint8ArrayReader(strToU8('plain')));
  await writer.add('packed.txt', new Uint8ArrayReader(strToU8('packed'.repeat(9000))), { ...how, password });
  await writer.add('stored.txt', new Uint8ArrayReader(strToU8('stored')), { ...how, password, level: 0 });
  return writer.close();
}

describe.each([['the older encryption', { zipCrypto: true }], ['AES with 128 bits', { encryptionStrength: 1 }], ['AES with 256 bits', { encryptionStrength: 3 }]] as const)('an archive locked by %s', (_, how) => {
  test('gives what is not locked and names the rest', async () => {
    const entries = await unpacked(await locked(how));
    expect(entries.map((entry) => [entry.name, text(entry), entry.code])).toEqual([['plain.txt', 'plain', null], ['packed.txt', null, 'archive.encrypted'], ['stored.txt', null, 'archive.encrypted']]);
  });

  test('gives the locked ones, and only the ones that are asked for, to the right password', async () => {
    const entries = await unpacked(await locked(how), usualLimits, { password: 'Straße 7', entries: [1, 2] });
    expect(entries.map((entry) => [entry.at, text(entry)])).toEqual([[1, 'packed'.repeat(9000)], [2, 'stored']]);
  });

  test('tells a wrong password from damage, and writes nothing of it', async () => {
    const bytes = await locked(how);
    const wrong = await unpacked(bytes, usualLimits, { password: 'Strasse 7', entries: [1, 2] });
    expect(wrong.map(({ path, code }) => [path, code])).toEqual([[null, 'archive.password'], [null, 'archive.password']]);
    // One wrong password in 256 passes the older encryption's own check; the checksum finds it, as it finds a changed byte.
    const name = Buffer.from(bytes).indexOf('stored.txt');
    const last = name + 'stored.txt'.length + Buffer.from(bytes).readUInt16LE(name - 2) + 12;
    bytes[last] = (bytes[last] as number) ^ 1;
    const [changed] = await unpacked(bytes, usualLimits, { password: 'Straße 7', entries: [2] });
    expect(changed?.path).toBeNull();
  });

  test('keeps the bounds of plain ones', async () => {
    const bytes = await locked(how);
    await expect(unpacked(bytes, { ...usualLimits, bytes: 5000 }, { password: 'Straße 7', entries: [1, 2] })).rejects.toMatchObject({ code: 'archive.limits' });
    // It states less than it unpacks to: what is stated is the bound.
    const at = Buffer.from(bytes).lastIndexOf('packed.txt') - 46;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at + 24, 600, true);
    const [entry] = await unpacked(bytes, usualLimits, { password: 'Straße 7', entries: [1] });
    expect(entry?.path).toBeNull();
  });

  test('that is cut or changed anywhere ends in faults and never in other bytes', async () => {
    const whole = await locked(how);
    const real = ['packed'.repeat(9000), 'stored'];
    for (let at = 0; at < whole.length; at += 83) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] as number) ^ 0x41;
      for (const bytes of [changed, whole.subarray(0, at)]) {
        const entries = await unpacked(bytes, usualLimits, { password: 'Straße 7', entries: [1, 2] }).catch((thrown: unknown) => {
          expect(thrown).toMatchObject({ code: expect.stringMatching(/^archive\./) as unknown });
          return [];
        });
        for (const entry of entries) if (entry.path !== null) expect(real).toContain(text(entry));
      }
    }
  });
});
