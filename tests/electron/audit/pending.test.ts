/** What a terminal does beside the workstation is on record, at once or at the next start. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { checkJournal, type Entry } from '#electron/audit/chain.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { noteAct } from '#electron/audit/pending.ts';
import { temporaryFolder } from '#tests/support/audit.ts';

const open = (folder: string): Promise<Audit> => openAudit({ dataFolder: folder, version: '1' });
const entries = (folder: string): readonly Entry[] => checkJournal(readFileSync(journalFile(join(folder, 'audit')))).chain.map(({ entry }) => entry);
const event = { kind: 'train', body: { command: 'train', recipe: 'grpo' } } as const;

test('where there is no workstation, nothing is begun', async () => {
  const folder = temporaryFolder();
  await noteAct(join(folder, 'audit'), event, () => open(folder));
  expect(existsSync(join(folder, 'audit'))).toBe(false);
});

test('where the workstation is closed, it is in the journal at once', async () => {
  const folder = temporaryFolder();
  (await open(folder)).close();
  await noteAct(join(folder, 'audit'), event, () => open(folder));
  expect(entries(folder).at(-1)).toMatchObject({ kind: 'train', body: { recipe: 'grpo' } });
});

test('where the window holds the journal, it waits, and is taken in at the next start with the time of the act', async () => {
  const folder = temporaryFolder();
  const window = await open(folder);
  await noteAct(join(folder, 'audit'), event, () => open(folder));
  await noteAct(join(folder, 'audit'), { kind: 'failed', body: { command: 'train', code: 'train.empty' } }, () => open(folder));
  expect(readdirSync(join(folder, 'audit', 'pending'))).toHaveLength(2);
  window.close();
  (await open(folder)).close();
  const said = expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown;
  expect(entries(folder).slice(-2)).toMatchObject([{ kind: 'train', body: { recipe: 'grpo', said } }, { kind: 'failed', body: { code: 'train.empty', said } }]);
  expect(readdirSync(join(folder, 'audit', 'pending'))).toEqual([]);
});

test('what somebody else laid there is left where it lies', async () => {
  const folder = temporaryFolder();
  (await open(folder)).close();
  const pending = join(folder, 'audit', 'pending');
  mkdirSync(pending);
  const files = { '20260102030405000-00000000.json': '{"at":"2026-01-02","kind":"sign","body":{}}', '20260102030405000-00000001.json': 'no json', 'other.json': '{}' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(pending, name), text);
  const before = entries(folder).length;
  (await open(folder)).close();
  expect([entries(folder).length, readdirSync(pending)]).toEqual([before, Object.keys(files)]);
});
