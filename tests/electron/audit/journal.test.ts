/** A journal survives whatever ends its writer: at most the entry that was being written is lost, and the next start says so. */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkJournal, parseHead } from '#electron/audit/chain.ts';
import { headFile, readHead } from '#electron/audit/head.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { isIncluded, leafHash } from '#electron/audit/merkle.ts';
import { isSignedBy, parseCheckpoint } from '#electron/audit/note.ts';
import { eventOf, newKey, openIn, temporaryFolder, writeJournal } from '#tests/support/audit.ts';

const folder = temporaryFolder();
let made = 0;
const fresh = (): string => join(folder, `case-${made++}`);
const checkIn = (where: string) => checkJournal(readFileSync(journalFile(where)), { head: readHead(journalFile(where)) });
const key = newKey();

describe('writing', () => {
  test('what was appended is there at the next start, in order, under one signature', () => {
    const where = fresh();
    const first = openIn(where, { key });
    for (let i = 0; i < 5; i++) first.append(eventOf(i));
    first.close();
    const second = openIn(where, { key });
    expect(second.notices).toEqual([]);
    expect(second.log).toBe(first.log);
    expect(second.append(eventOf(5)).entry.seq).toBe(6);
    expect(second.entry(3).entry.body).toEqual(eventOf(2).body);
    second.close();
    expect(checkIn(where)).toMatchObject({ isWhole: true, entries: 7, signed: 7 });
  });
  test('an answer is signed at once, a look when 256 entries have come', () => {
    const where = fresh();
    const journal = openIn(where, { key });
    journal.append({ kind: 'view' });
    expect(checkIn(where).signed).toBe(1);
    journal.append({ kind: 'answer' });
    expect(checkIn(where).signed).toBe(3);
    for (let i = 0; i < 256; i++) journal.append({ kind: 'view' }, { isDurable: false });
    expect(checkIn(where).signed).toBe(259);
    journal.close();
  });
  test('a second writer is refused while the first one lives, and welcome after', () => {
    const where = fresh();
    const first = openIn(where);
    expect(() => openIn(where)).toThrow(expect.objectContaining({ code: 'audit.locked' }));
    first.close();
    openIn(where).close();
  });
  test('a lock that a dead process left is taken over', () => {
    const where = fresh();
    mkdirSync(where, { recursive: true });
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(join(where, 'journal.lock'), JSON.stringify({ pid, started: null, host: hostOf(where) }));
    openIn(where).close();
  });
  test('what another program writes into the file stops the writer', () => {
    const where = fresh();
    const journal = openIn(where);
    appendFileSync(journalFile(where), 'x');
    expect(() => journal.append({ kind: 'view' })).toThrow(expect.objectContaining({ code: 'audit.foreign' }));
    journal.close();
  });
  test('a clock that goes back is said', () => {
    const where = fresh();
    let at = Date.parse('2026-05-05T10:00:00.000Z');
    const journal = openIn(where, { now: () => new Date(at).toISOString() });
    journal.append({ kind: 'view' });
    at -= 3_600_000;
    journal.append({ kind: 'view' });
    expect(journal.entry(2).entry).toMatchObject({ kind: 'clock', body: { before: '2026-05-05T10:00:00.000Z', after: '2026-05-05T09:00:00.000Z' } });
    journal.close();
    expect(checkIn(where).isWhole).toBe(true);
  });
  test('names behind pseudonyms are the same here and different elsewhere', () => {
    const [here, there] = [fresh(), fresh()];
    const [first, other] = [openIn(here), openIn(there)];
    first.close();
    other.close();
    const again = openIn(here);
    expect(again.pseudonym('A')).toBe(first.pseudonym('A'));
    expect(other.pseudonym('A')).not.toBe(first.pseudonym('A'));
    again.close();
  });
  test('entries are proven up to the last checkpoint', () => {
    const journal = openIn(fresh(), { key });
    for (let i = 0; i < 9; i++) journal.append(eventOf(i));
    const { note, size, entries } = journal.prove([0, 4, 9]);
    const checkpoint = parseCheckpoint(note)!;
    expect(isSignedBy(checkpoint, key.publicKey)).toBe(true);
    for (const { entry: { entry: { seq }, hash }, proof } of entries) expect(isIncluded({ leaf: leafHash(Buffer.from(hash, 'hex')), index: seq, size, proof, root: checkpoint.root })).toBe(true);
    journal.close();
    expect(() => openIn(fresh()).prove([0])).toThrow(expect.objectContaining({ code: 'audit.unsigned' }));
  });
});

/** As the lock names this machine. */
function hostOf(where: string): string {
  const journal = openIn(where);
  const { host } = JSON.parse(readFileSync(join(where, 'journal.lock'), 'utf8')) as { host: string };
  journal.close();
  return host;
}

describe('keys', () => {
  test('a journal without a key takes one on, and what follows is signed by it', () => {
    const where = fresh();
    openIn(where).close();
    const journal = openIn(where, { key });
    journal.append({ kind: 'answer' });
    journal.close();
    expect(checkIn(where)).toMatchObject({ isWhole: true, entries: 3, signed: 3 });
  });
  test('a key that is lost ends the journal; the next one says which it follows', () => {
    const where = fresh();
    const first = openIn(where, { key });
    first.close();
    const second = openIn(where, { key: newKey() });
    expect(second.notices[0]).toContain('key is not here any more');
    expect(second.entry(0).entry.body.follows).toMatchObject({ log: first.log, entries: 1, reason: 'key' });
    second.close();
    const ended = readdirSync(where).find((name) => name.endsWith('-ended.jsonl'))!;
    expect(checkJournal(readFileSync(join(where, ended)), { head: readHead(join(where, ended)) }).isWhole).toBe(true);
  });
});

describe('an end that was cut', () => {
  test('at every byte of an unfinished entry: everything before it stays, and the next start says so', () => {
    const start = fresh();
    const { bytes, path } = writeJournal(start, 3);
    const head = readFileSync(headFile(path));
    const journal = openIn(start);
    journal.append({ kind: 'ask', body: { text: 'é≥' } });
    journal.close();
    const longer = readFileSync(path);
    const where = fresh();
    mkdirSync(where, { recursive: true });
    const before = parseHead(head.toString('utf8'));
    for (let length = bytes.length + 1; length < longer.length; length++) {
      const { findings, entries } = checkJournal(longer.subarray(0, length), { head: before });
      expect({ length, kinds: findings.map(({ kind }) => kind), entries }).toEqual({ length, kinds: ['torn'], entries: 4 });
    }
    for (let length = bytes.length + 1; length < longer.length; length += 150) {
      writeFileSync(journalFile(where), longer.subarray(0, length));
      writeFileSync(headFile(journalFile(where)), head);
      const mended = openIn(where);
      expect(mended.notices.join(' ')).toContain(`${length - bytes.length} bytes of it were put aside`);
      expect(mended.entry(mended.size - 1).entry).toMatchObject({ kind: 'torn', body: { bytes: length - bytes.length } });
      mended.close();
      expect(checkIn(where)).toMatchObject({ isWhole: true, entries: 5 });
    }
  });
  test('below what the writer had promised is called tampering: the journal is put aside and a new one follows it', () => {
    const where = fresh();
    const { path, bytes } = writeJournal(where, 6);
    truncateSync(path, bytes.length - 300);
    const journal = openIn(where);
    expect(journal.notices.join(' ')).toContain('truncated');
    expect(journal.entry(0).entry.body.follows).toMatchObject({ reason: 'truncated' });
    journal.close();
    expect(readdirSync(where).some((name) => name.endsWith('-damaged.jsonl'))).toBe(true);
  });
  test('before the first entry was whole leaves an empty journal', () => {
    const where = fresh();
    mkdirSync(where, { recursive: true });
    writeFileSync(journalFile(where), '{"entry":{"actor"');
    const journal = openIn(where);
    expect(journal.size).toBe(1);
    journal.close();
    expect(checkIn(where).isWhole).toBe(true);
  });
});

describe('a process of its own', () => {
  const writer = join(folder, 'writer.mjs');
  beforeAll(async () => {
    // Appends until it is ended, and prints each entry's number once it is on the disk.
    const source = `
      import { openAuditJournal } from '#electron/audit/journal.ts';
      const journal = openAuditJournal({ folder: process.argv[2], software: { version: '0', build: 'test' }, actor: () => ({ id: 'a', method: 'os' }) });
      for (const text of journal.notices) process.stdout.write('notice ' + text + '\\n');
      for (let i = 0; i < Number(process.argv[3]); i++) {
        try {
          process.stdout.write('done ' + journal.append({ kind: 'ask', body: { text: 'x'.repeat(i * 37 % 2000) } }).entry.seq + '\\n');
        } catch (error) {
          process.stdout.write('fault ' + error.code + '\\n');
          process.exit(3);
        }
      }
    `;
    await build({
      stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' }, outfile: writer, bundle: true, platform: 'node', format: 'esm', logLevel: 'error',
      plugins: [{ name: 'own', setup: ({ onResolve }) => onResolve({ filter: /^#/ }, ({ path }) => ({ path: join(process.cwd(), path.slice(1)) })) }],
    });
  });

  test('killed at any moment loses nothing that it had promised', async () => {
    const where = fresh();
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [writer, where, '1000000'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      const enough = 3 + round * 11;
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk: Buffer) => {
          printed += chunk.toString();
          if (printed.split('done').length > enough) child.kill('SIGKILL');
        });
        child.on('close', () => resolve());
      });
      const promised = Math.max(...[...printed.matchAll(/done (\d+)\n/g)].map((match) => Number(match[1])));
      const journal = openIn(where);
      expect(journal.size).toBeGreaterThan(promised);
      journal.close();
      expect(checkIn(where).isWhole).toBe(true);
    }
  });

  test.runIf(process.platform === 'linux')('on a full disk refuses the entry, keeps the rest whole, and goes on when there is space', () => {
    const where = fresh();
    // A limit on the size of files cuts a write in the middle, as a disk that runs full does.
    const limited = spawnSync('bash', ['-c', `trap '' XFSZ; ulimit -f 12; exec "$0" "$@"`, process.execPath, writer, where, '1000'], { encoding: 'utf8' });
    expect(limited.stdout.trim().split('\n').at(-1)).toBe('fault storage.write');
    expect(limited.status).toBe(3);
    const promised = [...limited.stdout.matchAll(/done (\d+)/g)].length;
    expect(promised).toBeGreaterThan(3);
    expect(checkIn(where)).toMatchObject({ isWhole: true, entries: promised + 1 });
    const after = spawnSync(process.execPath, [writer, where, '2'], { encoding: 'utf8' });
    expect(after.stdout).toBe(`done ${promised + 1}\ndone ${promised + 2}\n`);
  });
});

test('a journal whose copy beside it is missing says what cannot be known', () => {
  const where = fresh();
  writeJournal(where, 2);
  rmSync(headFile(journalFile(where)));
  const journal = openIn(where);
  expect(journal.notices.join(' ')).toContain('missing or unreadable');
  journal.close();
  const copy = join(fresh(), '..', `copy-${made++}.jsonl`);
  copyFileSync(journalFile(where), copy);
  expect(existsSync(headFile(copy))).toBe(false);
});
