import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readSnapshot, snapshotOf, writeSnapshot } from '#training/data/snapshot.ts';
import { madeUp, madeUpRecords } from '#tests/support/caseRecords.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-snapshot-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a snapshot', () => {
  const snapshot = snapshotOf(madeUpRecords);

  test('does not depend on the order of the rows or the keys of a fact', () => {
    expect(snapshotOf([...madeUpRecords].reverse()).hash).toBe(snapshot.hash);
    expect(snapshotOf([madeUp({ facts: { a: 1, b: 2 } })]).hash).toBe(snapshotOf([madeUp({ facts: { b: 2, a: 1 } })]).hash);
  });

  test.each([['a label', { label: 'meningioma' }], ['a split', { split: 'val' as const }], ['a fact', { facts: { abnormal: false } }], ['a box', { boxes: [] }], ['the pixels', { sha256: 'e'.repeat(64) }]])(
    'changes its hash with %s', (_, changes) => expect(snapshotOf([madeUp(changes)]).hash).not.toBe(snapshotOf([madeUp()]).hash));

  test('does not depend on where the data lies', () => expect(snapshotOf([madeUp({ folder: '/elsewhere' })]).hash).toBe(snapshotOf([madeUp()]).hash));
  test('refuses two rows of one id', () => expect(() => snapshotOf([madeUp(), madeUp()])).toThrow(/plain-1/));

  test('is written once, read-only, and read back as it was', () => {
    const path = writeSnapshot(snapshot, folder);
    const before = statSync(path);
    expect(readSnapshot(path)).toEqual(snapshot);
    expect(writeSnapshot(snapshot, folder)).toBe(path);
    expect(statSync(path).mtimeMs).toBe(before.mtimeMs);
    expect(before.mode & 0o222).toBe(0);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('that was edited afterwards is refused', () => {
    const path = join(folder, 'edited.json');
    const text = readFileSync(writeSnapshot(snapshot, folder), 'utf8');
    writeFileSync(path, text.replace(snapshot.rows[0]!.rowHash, 'b'.repeat(64)));
    expect(() => readSnapshot(path)).toThrow(/do not have the hash/);
    writeFileSync(path, text.slice(0, 100));
    expect(() => readSnapshot(path)).toThrow(/no snapshot/);
  });
});
