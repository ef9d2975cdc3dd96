import { appendFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBlobs } from '#electron/storage/blobs.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { openJournal } from '#electron/storage/journal.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'loupe-storage-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const whole = (value: unknown): { n: number } => {
  if (typeof (value as { n?: unknown }).n !== 'number') throw new Error('no entry');
  return value as { n: number };
};

describe('blobs', () => {
  test('are named by their content, and the same content is kept once', async () => {
    const blobs = openBlobs(join(folder, 'a'));
    const name = await blobs.put('abc');
    expect(name).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(await blobs.put('abc')).toBe(name);
    expect(Buffer.from(await blobs.read(name)).toString()).toBe('abc');
  });

  test('are staged beside the store and taken in or discarded', async () => {
    const blobs = openBlobs(join(folder, 'b'));
    writeFileSync(join(folder, 'source'), 'xyz'.repeat(1000));
    const first = await blobs.stage(join(folder, 'source'));
    expect([first.bytes, first.isKnown, blobs.has(first.sha256)]).toEqual([3000, false, false]);
    await first.commit();
    const second = await blobs.stage(join(folder, 'source'));
    expect([second.isKnown, second.sha256]).toEqual([true, first.sha256]);
    await second.discard();
    expect(readdirSync(join(folder, 'b', 'staging'))).toEqual([]);
    expect(blobs.has(first.sha256)).toBe(true);
  });

  test('that are missing are a fault, and a name that is no hash never becomes a path', async () => {
    const blobs = openBlobs(join(folder, 'c'));
    await expect(blobs.read('0'.repeat(64))).rejects.toMatchObject({ code: 'storage.missing' });
    expect(() => blobs.pathOf('../../etc/passwd')).toThrow(RangeError);
  });
});

describe('writing whole', () => {
  test('leaves no half of a file where the folder cannot be written', async () => {
    writeFileSync(join(folder, 'file'), 'in the way');
    await expect(writeWhole(join(folder, 'file', 'below'), 'x')).rejects.toMatchObject({ code: 'storage.write' });
    expect(existsSync(join(folder, 'file', 'below'))).toBe(false);
  });
});

describe('a journal', () => {
  test('gives back what was appended, in order, at the next start', () => {
    const path = join(folder, 'one.jsonl');
    const first = openJournal(path, whole);
    first.append({ n: 1 }, { n: 2 });
    first.append({ n: 3 });
    first.close();
    expect(openJournal(path, whole).entries).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test('cut after any byte of its last line loses that line alone, and goes on', () => {
    const lines = '{"n":1}\n{"n":2}\n';
    for (let cut = 9; cut < lines.length; cut++) {
      const path = join(folder, `cut-${cut}.jsonl`);
      writeFileSync(path, lines.slice(0, cut));
      const journal = openJournal(path, whole);
      expect(journal.entries).toEqual([{ n: 1 }]);
      journal.append({ n: 9 });
      journal.close();
      expect(readFileSync(path, 'utf8')).toBe('{"n":1}\n{"n":9}\n');
    }
  });

  test('says which of its lines cannot be read', () => {
    const path = join(folder, 'odd.jsonl');
    appendFileSync(path, '{"n":1}\nnonsense\n{"m":2}\n{"n":4}\n');
    const { entries, unreadable } = openJournal(path, whole);
    expect([entries, unreadable]).toEqual([[{ n: 1 }, { n: 4 }], [2, 3]]);
  });
});
