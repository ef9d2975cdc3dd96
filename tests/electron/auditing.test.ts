/** The audit page reads the journal as it is on the disk. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { checkJournal } from '#electron/audit/chain.ts';
import { readHead } from '#electron/audit/head.ts';
import { openKey } from '#electron/audit/keys.ts';
import { openAuditing, type Auditing } from '#electron/auditing.ts';
import { auditMethods } from '#electron/contract/audit.ts';
import type { StudySummary } from '#electron/contract/library.ts';
import { temporaryFolder } from '#tests/support/audit.ts';

const folder = temporaryFolder();
const passphrase = 'a passphrase of several words';
const ids = ['0', '1'].map((digit) => digit.repeat(24));
let audit: Audit;
let auditing: Auditing;
const progress: number[] = [];
const everything = { kinds: [], studyId: null, from: null, to: null, before: null, limit: 100 };

beforeAll(async () => {
  await openKey({ folder: join(folder, 'audit'), passphrase, work: 2 ** 14 });
  audit = await openAudit({ dataFolder: folder, version: '1', passphrase, work: 2 ** 14 });
  for (let i = 0; i < 10; i++) audit.journal.append({ kind: i % 2 === 0 ? 'view' : 'judge', subject: { study: audit.journal.pseudonym(ids[i % 2] ?? '') }, body: { i } }, { isDurable: i === 9 });
  auditing = openAuditing({
    audit: () => Promise.resolve(audit), now: () => '2026-01-02T00:00:00.000Z', onProgress: ({ done }) => progress.push(done),
    studies: () => ids.map((id, i) => ({ id, patient: `Sample ${i}`, description: 'Chest CT', modalities: ['CT'], date: null }) as unknown as StudySummary),
    reports: () => [{ id: 'report-of-one', studyId: ids[1] ?? '' }],
    async check(path, onProgress) {
      const { findings, checkpoints, ...check } = checkJournal(readFileSync(path), { head: readHead(path), onProgress });
      return Promise.resolve({ ...check, notes: [...check.notes], checkpoints: checkpoints.length, findings: findings.map((finding) => ({ ...finding, what: '' })) });
    },
  });
});
afterAll(() => audit.close());

describe('entries', () => {
  test('come the latest first, page by page, to the end', async () => {
    const first = await auditing.entries({ ...everything, limit: 4 });
    const second = await auditing.entries({ ...everything, limit: 100, before: first.next });
    expect([...first.entries, ...second.entries].map(({ seq }) => seq)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect([first.next, second.next, first.matching]).toEqual([7, null, 11]);
    expect(() => auditMethods['audit.entries'].result.parse(first)).not.toThrow();
  });
  test('are found by kind and by study, under the name that the library has for it', async () => {
    const { entries, matching } = await auditing.entries({ ...everything, kinds: ['judge'], studyId: ids[1] ?? '' });
    expect([matching, entries[0]?.studies, entries[0]?.actor.isSelf]).toEqual([5, [{ id: ids[1], name: 'Sample 1 · Chest CT' }], true]);
    expect((await auditing.entries({ ...everything, kinds: ['judge'], studyId: ids[0] ?? '' })).matching).toBe(0);
  });
  test('of a time are those from its beginning until before its end', async () => {
    const { entries } = await auditing.entries(everything);
    const at = entries.at(-1)?.at ?? '';
    expect((await auditing.entries({ ...everything, to: at })).matching).toBe(0);
    expect((await auditing.entries({ ...everything, from: at })).matching).toBe(11);
  });
  test('that were added since are there at the next look', async () => {
    audit.journal.append({ kind: 'promote' });
    const { entries } = await auditing.entries({ ...everything, limit: 1 });
    expect(entries).toMatchObject([{ kind: 'promote', isSigned: true }]);
  });
});

test('the state names kinds, key and what is signed', async () => expect(await auditing.state()).toMatchObject({ size: 12, signed: 12, protection: 'passphrase', isOpen: true, kinds: expect.arrayContaining(['sign', 'export']) }));

test('what changed since a moment is counted by kind and by study', async () => {
  const changes = await auditing.since({ seq: 5 });
  expect(changes).toMatchObject({ first: 5, entries: 7, kinds: { view: 3, judge: 3, promote: 1 }, people: 1, studies: [{ id: ids[0], kinds: { view: 3 } }, { id: ids[1], kinds: { judge: 3 } }] });
  expect(await auditing.since({ at: '2999-01-01' })).toMatchObject({ entries: 0, first: null });
});

test('a key that was handed over stands beside the one before it', async () => {
  const [before] = await auditing.keys();
  const next = await audit.rotate(passphrase, 'another passphrase, as long');
  expect(await auditing.keys()).toMatchObject([{ fingerprint: before?.fingerprint, isHandedOver: false, isCurrent: false }, { fingerprint: next, isHandedOver: true, isCurrent: true }]);
  expect(await auditing.verify()).toMatchObject({ isWhole: true, fingerprint: next });
});

test('entries that name a report only are about its study', async () => {
  audit.journal.append({ kind: 'edit', subject: { report: 'report-of-one' } });
  const { entries, matching } = await auditing.entries({ ...everything, kinds: ['edit'], studyId: ids[1] ?? '' });
  expect([matching, entries[0]?.studies.map(({ id }) => id)]).toEqual([1, [ids[1]]]);
  expect((await auditing.entries({ ...everything, kinds: ['edit'], studyId: ids[0] ?? '' })).matching).toBe(0);
});

test('a checkpoint is a signed note of all entries', async () => {
  const { note, size } = await auditing.checkpoint();
  expect([size, note.split('\n')[1]]).toEqual([audit.journal.size, String(audit.journal.size)]);
});

test('a byte that was added behind the journal\'s back is found', async () => {
  appendFileSync(audit.journal.path, '{"entry":1}\n');
  expect(await auditing.verify()).toMatchObject({ isWhole: false, findings: [expect.objectContaining({ kind: 'inserted' })] });
});
