/** Every kind of tampering with a journal is found, and called by its name. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonical } from '#electron/audit/canonical.ts';
import { checkJournal, checkpointLine, entryLine, nextEntry, type Entry, type HashedEntry, type JournalCheck } from '#electron/audit/chain.ts';
import { fingerprintOf, parseCheckpoint, signCheckpoint } from '#electron/audit/note.ts';
import type { Kind } from '#electron/audit/verdict.ts';
import { newKey, temporaryFolder, writeJournal } from '#tests/support/audit.ts';

const folder = temporaryFolder();
const key = newKey();
const { bytes, head } = writeJournal(join(folder, 'signed'), 24, key);
mkdirSync(join(folder, 'plain'), { recursive: true });
const unsigned = writeJournal(join(folder, 'plain'), 12, null);

const linesOf = (text: Buffer): string[] => text.toString('utf8').split('\n').slice(0, -1);
const lines = linesOf(bytes);
const joined = (parts: readonly string[]): Buffer => Buffer.from(parts.map((line) => `${line}\n`).join(''));
const isEntry = (line: string): boolean => line.startsWith('{"entry"');
const entryAt = (line: string): HashedEntry => JSON.parse(line) as HashedEntry;

const kindsOf = ({ findings }: JournalCheck): Kind[] => [...new Set(findings.map(({ kind }) => kind))];
/** The check finds exactly this kind of tampering. */
function check(tampered: Uint8Array, kind: Kind, options: Parameters<typeof checkJournal>[1] = { head }): JournalCheck {
  const result = checkJournal(tampered, options);
  expect({ kinds: kindsOf(result), findings: result.findings }).toMatchObject({ kinds: [kind] });
  return result;
}
const runs = { numRuns: 100 };
const lineAt = fc.nat({ max: lines.length - 1 });

describe('a journal as it was written', () => {
  test('is whole, and a signature covers all of it', () => {
    const result = checkJournal(bytes, { head, fingerprint: fingerprintOf(key.publicKey) });
    expect(result).toMatchObject({ isWhole: true, status: 0, findings: [], entries: 25, signed: 25, fingerprint: fingerprintOf(key.publicKey) });
  });
  test('is whole without a key, and says that nothing is signed', () => {
    const result = checkJournal(unsigned.bytes, { head: unsigned.head });
    expect(result).toMatchObject({ isWhole: true, entries: 13, signed: 0, fingerprint: null });
    expect(result.notes.join(' ')).toContain('The last 13 entries follow the last signature');
  });
  test('says so when the file that tells its end is not there', () => expect(checkJournal(bytes, { head: null }).notes.join(' ')).toContain('may stay unseen'));
});

describe('tampering is named', () => {
  test('flip: any bit of any byte', () => {
    fc.assert(fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
      check(flipped, 'changed');
    }), { numRuns: 300 });
  });
  test('flip: every byte of one entry and one checkpoint', () => {
    const small = unsignedlessStart();
    for (let at = 0; at < small.length; at++) {
      const flipped = Buffer.from(small);
      flipped[at] = (flipped[at] ?? 0) ^ 0x0a;
      const found = kindsOf(checkJournal(flipped, { head: { ...head, bytes: small.length, size: 1, checkpoints: 1, hash: entryAt(lines[0]!).hash } }));
      expect({ at, found }).toEqual({ at, found: ['changed'] });
    }
  });
  test('flip: an entry whose content and hash were both changed', () => {
    const at = 5;
    const { entry } = entryAt(lines.filter(isEntry)[at]!);
    const forged: Entry = { ...entry, body: { ...entry.body, number: 99 } };
    const index = lines.indexOf(lines.filter(isEntry)[at]!);
    // It has its own hash now, so it stands there as a stranger, and the one that was there is missing.
    const { kind: _k, subject: _s, body: _b, seq: _q, prev: _p, v: _v, ...circumstances } = forged;
    const remade = nextEntry({ seq: forged.seq - 1, hash: forged.prev }, { kind: forged.kind, subject: forged.subject, body: forged.body }, circumstances);
    const result = checkJournal(joined(lines.with(index, entryLine(remade).trimEnd())), { head });
    expect(result.isWhole).toBe(false);
  });
  test('delete: one line or several, entries or checkpoints, at the start or within', () => {
    fc.assert(fc.property(lineAt, fc.integer({ min: 1, max: 4 }), (at, count) => {
      if (at + count >= lines.length) return;
      check(joined(lines.toSpliced(at, count)), 'deleted');
    }), runs);
  });
  test('insert: a copy of another line', () => {
    fc.assert(fc.property(lineAt, fc.nat({ max: lines.length }), (from, to) => void check(joined(lines.toSpliced(to, 0, lines[from]!)), 'inserted')), runs);
  });
  test('insert: an entry that was made to fit behind the one before it', () => {
    const entries = lines.filter(isEntry);
    fc.assert(fc.property(fc.nat({ max: entries.length - 2 }), (at) => {
      const { entry, hash } = entryAt(entries[at]!);
      const { log, at: time, run, mono, actor, software } = entry;
      const forged = nextEntry({ seq: entry.seq, hash }, { kind: 'judge', body: { number: -1 } }, { log, at: time, run, mono, actor, software });
      check(joined(lines.toSpliced(lines.indexOf(entries[at]!) + 1, 0, entryLine(forged).trimEnd())), 'inserted');
    }), runs);
  });
  test('insert: a line of another journal, and a line of nonsense', () => {
    const foreign = linesOf(unsigned.bytes)[4]!;
    fc.assert(fc.property(lineAt, fc.constantFrom(foreign, 'nonsense', '{}', ''), (at, line) => {
      if (at > 0) check(joined(lines.toSpliced(at, 0, line)), 'inserted');
    }), runs);
  });
  test('swap: any two entries', () => {
    const places = lines.flatMap((line, i) => (isEntry(line) ? [i] : []));
    fc.assert(fc.property(fc.constantFrom(...places), fc.constantFrom(...places), (a, b) => {
      if (a !== b) check(joined(lines.with(a, lines[b]!).with(b, lines[a]!)), 'reordered');
    }), runs);
  });
  test('swap: any two checkpoints, or one with an entry', () => {
    const places = lines.flatMap((line, i) => (isEntry(line) ? [] : [i]));
    fc.assert(fc.property(fc.constantFrom(...places), lineAt, (a, b) => {
      if (a !== b) check(joined(lines.with(a, lines[b]!).with(b, lines[a]!)), 'reordered');
    }), runs);
  });
  test('truncate: at any byte', () => {
    fc.assert(fc.property(fc.nat({ max: bytes.length - 1 }), (length) => void check(bytes.subarray(0, length), 'truncated')), { numRuns: 150 });
  });
  test('truncate: known from a checkpoint elsewhere, where the file beside the journal was cut too', () => {
    const note = parseCheckpoint((JSON.parse(lines.at(-1)!) as { checkpoint: string }).checkpoint)!;
    const short = lines.slice(0, 14);
    const known = { size: note.size, root: note.root.toString('hex'), log: note.log };
    check(joined(short), 'truncated', { known });
    expect(checkJournal(bytes, { head, known }).isWhole).toBe(true);
  });
  test('rewrite: the whole chain anew from some entry on, with the old checkpoints', () => {
    const entries = lines.filter(isEntry);
    fc.assert(fc.property(fc.integer({ min: 1, max: entries.length - 1 }), (from) => {
      let last: HashedEntry | undefined;
      const rewritten = lines.map((line) => {
        if (!isEntry(line)) return line;
        const { entry } = entryAt(line);
        const { log, at, run, mono, actor, software } = entry;
        last = nextEntry(last && { seq: last.entry.seq, hash: last.hash }, { kind: entry.kind, subject: entry.subject, body: entry.seq === from ? { number: -7 } : entry.body }, { log, at, run, mono, actor, software });
        return entryLine(last).trimEnd();
      });
      check(joined(rewritten), 'rewritten', {});
    }), { numRuns: 20 });
  });
  test('forged key: a checkpoint signed by another one', () => {
    const places = lines.flatMap((line, i) => (isEntry(line) ? [] : [i]));
    const other = newKey();
    fc.assert(fc.property(fc.constantFrom(...places), (at) => {
      const { checkpoint, number } = JSON.parse(lines[at]!) as { checkpoint: string; number: number };
      check(joined(lines.with(at, checkpointLine(signCheckpoint(parseCheckpoint(checkpoint)!, other), number).trimEnd())), 'forged');
    }), { numRuns: 20 });
  });
  test('forged key: a whole journal by another key, where the fingerprint is known', () => {
    const other = writeJournal(join(folder, 'other'), 3);
    check(other.bytes, 'forged', { head: other.head, fingerprint: fingerprintOf(key.publicKey) });
  });
  test('a clock that was turned back without a word', () => {
    const first = entryAt(lines[0]!).entry;
    const { log, run, mono, actor, software } = first;
    const begun = nextEntry(undefined, { kind: 'log', body: first.body }, { log, run, mono, actor, software, at: '2026-05-05T10:00:00.000Z' });
    const back = nextEntry({ seq: 0, hash: begun.hash }, { kind: 'view' }, { log, run, mono: mono + 1000, actor, software, at: '2026-05-05T09:00:00.000Z' });
    check(joined([begun, back].map((one) => entryLine(one).trimEnd())), 'clock', {});
    const said = nextEntry({ seq: 0, hash: begun.hash }, { kind: 'clock' }, { log, run, mono: mono + 1000, actor, software, at: '2026-05-05T09:00:00.000Z' });
    expect(checkJournal(joined([begun, said].map((one) => entryLine(one).trimEnd()))).isWhole).toBe(true);
  });
});

/** The first entry and its checkpoint. */
function unsignedlessStart(): Buffer {
  return joined(lines.slice(0, 2));
}

describe('canonical JSON', () => {
  test('writes numbers, signs and names as RFC 8785 does', () => {
    // The example of its section 3.2.2, and the order of names of 3.2.3.
    const value = { numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001], string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/', literals: [null, true, false] };
    expect(canonical(value)).toBe('{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}');
    expect(canonical({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, 'ö': 7 }))
      .toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"דּ":3}'.replace('דּ', '\ufb33'));
  });
  test.each([NaN, Infinity, undefined, '\ud800', () => 1, 1n])('refuses what is no JSON: %s', (value) => expect(() => canonical({ value })).toThrow(RangeError));
  test('is the same whatever the order of the names, and reads back as it was', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonical(reversed)).toBe(canonical(value));
      expect(canonical(JSON.parse(canonical(value)))).toBe(canonical(value));
    }));
  });
});
