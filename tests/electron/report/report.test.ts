/** Signing, superseding and exporting, with the audit journal that says so. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { canonical } from '#electron/audit/canonical.ts';
import { checkJournal, type Entry } from '#electron/audit/chain.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { openKey } from '#electron/audit/keys.ts';
import { hashOf } from '#electron/audit/record.ts';
import { checkSigned } from '#electron/audit/signed.ts';
import type { ReportFormat } from '#electron/report/formats/format.ts';
import { place, written } from '#electron/report/exporting.ts';
import { openReports, type Reports } from '#electron/report/report.ts';
import { openReportStore } from '#electron/report/store.ts';
import type { Report } from '#models/clinical/report.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { withoutSubject } from '#tests/support/reports.ts';
import { accepted, reportStudy, type ReportStudy } from '#tests/support/reportStudy.ts';

const folder = temporaryFolder();
const passphrase = 'a passphrase of several words';
let audit: Audit;
let study: ReportStudy;
let reports: Reports;
const statuses: string[] = [];
let clock = Date.parse('2026-01-02T10:00:00.000Z');

const entries = (): readonly Entry[] => checkJournal(readFileSync(journalFile(join(folder, 'audit')))).chain.map(({ entry }) => entry);
const last = (): Entry => entries().at(-1) as Entry;

beforeAll(async () => {
  await openKey({ folder: join(folder, 'audit'), passphrase, work: 2 ** 14 });
  // The window starts without the passphrase: nothing is signed until somebody proves to be the key's owner.
  audit = await openAudit({ dataFolder: folder, version: '1' });
  study = await reportStudy(join(folder, 'images'));
  reports = openReports({
    folder, by: 'reader', now: () => new Date(clock += 1000).toISOString(), sources: study.sources, audit: () => Promise.resolve(audit), setStatus: (_, status) => statuses.push(status), changed: () => undefined,
    newId: () => `report-${reports.list(null).length + 1}`,
  });
});
afterAll(() => {
  reports.close();
  audit.close();
});

const composed = (): Promise<Report> => reports.compose({ studyId: study.detail.study.id, traceIds: null, priorStudyId: null, reportId: null });
const signing = (report: Report, more = {}) => ({ reportId: report.id, revision: report.revision, name: 'Reader One', role: 'Radiologist', meaning: 'approval' as const, passphrase, ...more });

describe('a report with an undecided step', () => {
  test('is not signed, and the attempt is on record', async () => {
    study.judgement.value = accepted(study, { steps: { 0: { verdict: 'accepted', text: null } } });
    const report = await composed();
    await expect(reports.sign(signing(report))).rejects.toMatchObject({ code: 'report.undecided', why: expect.stringMatching(/step 2; step 3/) });
    expect(last()).toMatchObject({ kind: 'failed', body: { method: 'report.sign', code: 'report.undecided' }, subject: { report: report.id } });
    expect(reports.get(report.id, null).status).toBe('draft');
  });
});

describe('a decided report', () => {
  let draft: Report;
  let signed: Report;
  beforeAll(async () => {
    study.judgement.value = accepted(study);
    draft = await composed();
  });
  test.each([
    ['report.stale', { revision: 99 }], ['audit.passphrase', { passphrase: 'not the passphrase at all' }], ['audit.passphrase', { passphrase: null }],
  ])('is refused as %s for %o', async (code, more) => await expect(reports.sign(signing(draft, more))).rejects.toMatchObject({ code }));
  test('is not signed without an impression', async () => {
    const empty = reports.change(draft.id, draft.revision, [{ kind: 'impression', text: ' ' }]);
    await expect(reports.sign(signing(empty))).rejects.toMatchObject({ code: 'report.impression' });
    draft = reports.change(draft.id, empty.revision, [{ kind: 'impression', text: 'A solid mass.' }]);
  });
  test('is not signed with a finding that was rejected everywhere', async () => {
    const odd = reports.change(draft.id, draft.revision, [{ kind: 'step', stepId: 'trace-1:2', verdict: 'rejected', text: null, reason: 'A vessel.' }]);
    await expect(reports.sign(signing(odd))).rejects.toMatchObject({ code: 'report.contradiction', why: expect.stringContaining('Nodule') });
    draft = reports.change(draft.id, odd.revision, [{ kind: 'removeFinding', findingId: 'f-nodule' }]);
  });
  test('is signed with the workstation\'s key, which the journal names from then on', async () => {
    expect(await reports.signing()).toMatchObject({ protection: 'passphrase' });
    signed = await reports.sign(signing(draft));
    expect(signed).toMatchObject({ status: 'signed', signature: { by: { name: 'Reader One', role: 'Radiologist' }, meaning: 'approval', says: 'I approve this report.', method: 'passphrase' } });
    expect(last()).toMatchObject({ kind: 'sign', subject: { report: draft.id }, body: { content: signed.signature?.content, meaning: 'approval', version: 1, key: signed.signature?.fingerprint } });
    expect([last().seq, statuses.at(-1), audit.isOpen]).toEqual([signed.signature?.journal.seq, 'reported', true]);
    expect(checkJournal(readFileSync(journalFile(join(folder, 'audit'))))).toMatchObject({ isWhole: true, signed: last().seq + 1 });
  });
  test('holds, also without who it is about', async () => {
    expect(await reports.check(signed.id, null)).toMatchObject({ holds: true, why: expect.stringMatching(/Reader One.*audit journal says so too/) });
    expect(checkSigned(withoutSubject(signed)).holds).toBe(true);
  });
  test.each<[string, (report: Report) => Report]>([
    ['a character of the impression', (report) => ({ ...report, impression: 'A solid mass!' })], ['who it is about', (report) => ({ ...report, subject: { ...report.subject as NonNullable<Report['subject']>, patientId: 'S-0002' } })],
    ['who signed', (report) => ({ ...report, signature: { ...report.signature as NonNullable<Report['signature']>, by: { name: 'Reader Two', role: 'Radiologist', account: audit.account } } })],
    ['what it means', (report) => ({ ...report, signature: { ...report.signature as NonNullable<Report['signature']>, meaning: 'author' } })],
    ['the time', (report) => ({ ...report, signature: { ...report.signature as NonNullable<Report['signature']>, at: '2026-01-02T00:00:00.000Z' } })],
    ['the verdict of a step', (report) => ({ ...report, questions: report.questions.map((question) => ({ ...question, steps: question.steps.map((step) => ({ ...step, verdict: 'accepted' as const })) })) })],
  ])('does not hold when %s was changed', (_, change) => expect(checkSigned(change(signed)).holds).toBe(false));
  test('is never changed again', () => {
    expect(() => reports.change(signed.id, signed.revision, [{ kind: 'title', text: 'Other' }])).toThrow(expect.objectContaining({ code: 'report.signed' }));
    expect(() => reports.discard(signed.id)).toThrow(expect.objectContaining({ code: 'report.signed' }));
  });
  test('is superseded by a version of its own, and says so when that one is signed', async () => {
    const next = reports.supersede(signed.id);
    expect(next).toMatchObject({ version: 2, status: 'draft', signature: null, supersedes: { version: 1, content: signed.signature?.content } });
    expect(reports.get(signed.id, 1).status).toBe('signed');
    const second = await reports.sign(signing(reports.change(next.id, next.revision, [{ kind: 'impression', text: 'A cyst.' }])));
    expect([second.version, reports.get(signed.id, 1).status, reports.list(null).find(({ id }) => id === signed.id)]).toMatchObject([2, 'superseded', { version: 2, signedVersions: [1, 2] }]);
    expect(checkSigned(reports.get(signed.id, 1))).toMatchObject({ holds: true });
  });
  test('keeps every revision, and any of them can be brought back', async () => {
    const first = await composed();
    const titled = reports.change(first.id, 0, [{ kind: 'title', text: 'Another title' }]);
    const back = reports.change(first.id, titled.revision, [{ kind: 'restore', revision: 0 }]);
    expect([back.title, back.revision]).toEqual([first.title, 2]);
    expect(reports.history(first.id).map(({ what, revision }) => [what, revision])).toEqual([['Composed', 0], ['Title', 1], ['An earlier revision brought back', 2]]);
    expect(() => reports.change(first.id, 1, [{ kind: 'title', text: 'Too late' }])).toThrow(expect.objectContaining({ code: 'report.stale' }));
    reports.discard(first.id);
    expect(() => reports.get(first.id, null)).toThrow(expect.objectContaining({ code: 'report.unknown' }));
  });
  test('takes half a sign for a sign that JSON can hold', async () => {
    const odd = await composed();
    expect(reports.change(odd.id, 0, [{ kind: 'title', text: 'A\ud800B' }]).title).toBe('A\ufffdB');
    reports.discard(odd.id);
  });
  test('is read again as it was after a start', () => {
    const again = openReportStore(join(folder, 'reports.jsonl'), { now: () => '', by: '' });
    expect([again.unreadable, canonical(again.get(signed.id, 1))]).toEqual([[], canonical(reports.get(signed.id, 1))]);
    again.close();
  });
  test('is exported, written down with its hashes, and read back', async () => {
    const target = join(folder, 'out');
    const made = await reports.export({ reportId: signed.id, version: 1, formats: ['pdf'], withoutSubject: false }, target);
    const [file] = made.files;
    expect(hashOf(readFileSync(join(target, file?.name ?? '')))).toBe(file?.sha256);
    expect(last()).toMatchObject({ kind: 'export', body: { version: 1, status: 'superseded', files: [{ format: 'pdf', sha256: file?.sha256 }] } });
    expect(reports.exports(signed.id)).toEqual([made]);
  });
  test('is exported entirely or not at all, and the failure is on record', async () => {
    const target = join(folder, 'taken');
    writeFileSync(target, 'a file where a folder should be');
    await expect(reports.export({ reportId: signed.id, version: 1, formats: ['pdf'], withoutSubject: false }, target)).rejects.toMatchObject({ code: 'storage.write' });
    expect(entries().slice(-2)).toMatchObject([{ kind: 'export' }, { kind: 'failed', body: { method: 'report.export', code: 'storage.write' } }]);
  });
  test('that two calls sign at once is signed once', async () => {
    const once = await composed();
    const both = await Promise.allSettled([reports.sign(signing(once)), reports.sign(signing(once))]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(entries().filter(({ kind, subject }) => kind === 'sign' && subject.report === once.id)).toHaveLength(1);
  });
  test('that was changed on the disk behind the program does not leave', async () => {
    const lied = join(folder, 'lied');
    mkdirSync(lied);
    writeFileSync(join(lied, 'reports.jsonl'), readFileSync(join(folder, 'reports.jsonl'), 'utf8').replaceAll('"impression":"A solid mass."', '"impression":"Nothing at all."'));
    const other = openReports({ folder: lied, by: 'reader', now: () => '', sources: study.sources, audit: () => Promise.resolve(audit), setStatus: () => undefined, changed: () => undefined });
    await expect(other.export({ reportId: signed.id, version: 1, formats: ['html'], withoutSubject: false }, join(folder, 'lied-out'))).rejects.toMatchObject({ code: 'report.tampered' });
    expect((await other.check(signed.id, 1)).holds).toBe(false);
    other.close();
  });
  test('that cannot be read leaves the others, and is said', () => {
    const torn = join(folder, 'torn');
    mkdirSync(torn);
    writeFileSync(join(torn, 'reports.jsonl'), `{"type":"draft"}\n${readFileSync(join(folder, 'reports.jsonl'), 'utf8')}{"type":"chang`);
    const said: string[] = [];
    const other = openReports({ folder: torn, by: 'reader', now: () => '', sources: study.sources, audit: () => Promise.resolve(audit), setStatus: () => undefined, changed: () => undefined, tell: (notice) => said.push(notice) });
    expect([other.list(null).length, said]).toEqual([reports.list(null).length, [expect.stringContaining('a line cannot be read (1)')]]);
    other.close();
  });
  test('says why a capsule of it cannot be made when none of its answers is on record', async () =>
    expect((await reports.formats(signed.id, null)).find(({ format }) => format === 'capsule')?.why).toMatch(/on record/));
});

describe('an export', () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  const format = (more: Partial<ReportFormat>): ReportFormat => ({
    name: 'html', extension: 'html', mediaType: 'text/html', unsuitable: () => null, write: () => Promise.resolve([{ name: 'a.html', bytes: bytes('a') }]), readBack: () => Promise.resolve([]), ...more,
  });
  const report = {} as Report;
  const pictures = { keyImages: [], images: [] };
  test.each<[string, Partial<ReportFormat>, string]>([
    ['no file', { write: () => Promise.resolve([]) }, 'report.readBack'], ['an empty file', { write: () => Promise.resolve([{ name: 'a', bytes: bytes('') }]) }, 'report.readBack'],
    ['what reads otherwise than it was meant', { readBack: () => Promise.resolve(['The impression is missing.']) }, 'report.readBack'], ['a form that does not suit', { unsuitable: () => 'There is no region.' }, 'report.unsuitable'],
  ])('of %s is a failure', async (_, more, code) => await expect(written(report, pictures, [format({}), format(more)])).rejects.toMatchObject({ code }));
  test('leaves the folder as it was when one of its files cannot be put there', async () => {
    const target = join(folder, 'half');
    mkdirSync(join(target, 'b.html'), { recursive: true });
    writeFileSync(join(target, 'b.html', 'inside'), 'x');
    writeFileSync(join(target, 'a.html'), 'before');
    const files = ['a', 'c'].map((name) => ({ name: `${name}.html`, bytes: bytes(name), format: 'html' as const, sha256: hashOf(bytes(name)) }));
    await expect(place([...files, { name: 'nowhere/d.html', bytes: bytes('d'), format: 'html', sha256: hashOf(bytes('d')) }], target)).rejects.toMatchObject({ code: 'storage.write' });
    expect([readdirSync(target).sort(), readFileSync(join(target, 'a.html'), 'utf8')]).toEqual([['a.html', 'b.html'], 'before']);
  });
  test('takes the place of an earlier one of the same name', async () => {
    const target = join(folder, 'again');
    const file = (text: string) => ({ name: 'a.html', bytes: bytes(text), format: 'html' as const, sha256: hashOf(bytes(text)) });
    await place([file('one')], target);
    await place([file('two')], target);
    expect([readdirSync(target), readFileSync(join(target, 'a.html'), 'utf8')]).toEqual([['a.html'], 'two']);
  });
});
