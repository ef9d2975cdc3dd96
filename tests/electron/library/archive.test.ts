import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync, strToU8, type Zippable } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpack, usualLimits, type UnpackedEntry } from '#electron/library/archive.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'loupe-archive-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
async function unpacked(bytes: Uint8Array, limits = usualLimits): Promise<UnpackedEntry[]> {
  const path = join(folder, `${++count}.zip`);
  writeFileSync(path, bytes);
  const entries: UnpackedEntry[] = [];
  for await (const entry of unpack(path, join(folder, `out-${count}`), limits)) entries.push(entry);
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
