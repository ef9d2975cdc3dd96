/** The third journey, through the program as it runs: a question, a verdict, a report that is refused, decided, signed, exported, verified, tampered with and refused. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkCapsule } from '#electron/audit/capsule.ts';
import { checkJournal } from '#electron/audit/chain.ts';
import { readHead } from '#electron/audit/head.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { openZip, zip } from '#electron/audit/zip.ts';
import { checkSigned } from '#electron/audit/signed.ts';
import type { Argument, GivenArgument, Method, Reply, Result } from '#electron/contract/contract.ts';
import type { Report } from '#models/clinical/report.ts';
import { sampleStudy } from '#training/synthesis/samples.ts';
import { startProgram, type Program } from '#tests/support/browser.ts';

const passphrase = 'a passphrase of several words';
let program: Program;
let cookie: string;

function post(path: string, body: string | Uint8Array): Promise<string> {
  const { origin } = new URL(program.address);
  return new Promise((settle, reject) => {
    const sent = httpRequest(`${origin}${path}`, { method: 'POST', headers: { cookie, origin } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      response.on('end', () => settle(text));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function reply<M extends Method>(method: M, argument: GivenArgument<M> | Argument<M>): Promise<Reply> {
  return JSON.parse(await post(`/call/${method}`, JSON.stringify(argument))) as Reply;
}

async function call<M extends Method>(method: M, argument: GivenArgument<M> | Argument<M>): Promise<Result<M>> {
  const answer = await reply(method, argument);
  if (!answer.ok) throw new Error(`${method}: ${answer.fault.why}`);
  return answer.value as Result<M>;
}

beforeAll(async () => {
  program = await startProgram({ samples: false, hasPage: false });
  const response = await fetch(program.address, { redirect: 'manual' });
  cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
}, 300_000);
afterAll(async () => await program?.close());

describe('from a question to a report that a stranger can check', () => {
  const { files, question } = sampleStudy('chest-film');
  let studyId: string;
  let traceId: string;
  let report: Report;
  let capsule: string;

  test('an image is brought in and asked about', async () => {
    for (const [name, bytes] of files) await post(`/upload?batch=film&name=${encodeURIComponent(name)}`, bytes);
    await post('/upload/done?batch=film', '');
    await expect.poll(async () => (await call('library.list', null)).length, { timeout: 120_000 }).toBe(1);
    studyId = (await call('library.list', null))[0]?.id ?? '';
    await expect.poll(async () => (await call('library.study', { studyId })).series.length, { timeout: 120_000 }).toBe(1);
    const { series } = await call('library.study', { studyId });
    const trace = await call('review.ask', { askId: 'ask-1', studyId, question, views: [{ kind: 'frame', frameId: series[0]?.frames[0]?.id ?? '', window: null }] });
    traceId = trace.id;
    expect(trace).toMatchObject({ question, end: 'stop' });
  });

  test('a report of it cannot be signed while anything is undecided', async () => {
    report = await call('report.compose', { studyId });
    const answer = await reply('report.sign', { reportId: report.id, revision: report.revision, name: 'Reader One', role: 'Radiologist', meaning: 'approval', passphrase });
    expect(answer).toMatchObject({ ok: false, fault: { code: 'report.undecided' } });
    expect((await call('audit.entries', { kinds: ['failed'] })).entries[0]?.body).toContain('report.undecided');
  });

  test('a verdict in the reading room is in the report when it is brought up to date', async () => {
    await call('curate.change', { what: 'Step 1 accepted', how: 'done', items: [{ kind: 'judgement', id: traceId, value: { traceId, studyId, steps: { 0: { verdict: 'accepted', text: null } }, answer: null, boxes: {}, added: [] } }] });
    report = await call('report.compose', { studyId, reportId: report.id });
    expect(report.questions[0]?.steps[0]).toMatchObject({ verdict: 'accepted' });
  });

  test('decided, it is signed with a key that is made for it, and the study counts as reported', async () => {
    const [asked] = report.questions;
    report = await call('report.change', {
      reportId: report.id, revision: report.revision,
      changes: [
        ...(asked?.steps ?? []).slice(1).map(({ id }) => ({ kind: 'step' as const, stepId: id, verdict: 'edited' as const, text: 'As on the film.', reason: 'clearer' })),
        { kind: 'answer', questionId: traceId, verdict: 'accepted', text: null, reason: '' }, { kind: 'impression', text: 'Both lungs are in view.' },
      ],
    });
    expect(await call('report.signing', null)).toMatchObject({ protection: 'none', fingerprint: null });
    report = await call('report.sign', { reportId: report.id, revision: report.revision, name: 'Reader One', role: 'Radiologist', meaning: 'approval', passphrase });
    expect([report.status, (await call('report.check', { reportId: report.id })).holds, (await call('library.list', null))[0]?.status]).toEqual(['signed', true, 'reported']);
  });

  test('signed, it is not changed, and a wrong passphrase signs nothing', async () => {
    expect(await reply('report.change', { reportId: report.id, revision: report.revision, changes: [{ kind: 'title', text: 'Other' }] })).toMatchObject({ ok: false, fault: { code: 'report.signed' } });
    const next = await call('report.supersede', { reportId: report.id });
    expect(await reply('report.sign', { reportId: report.id, revision: next.revision, name: 'Reader One', role: '', meaning: 'author', passphrase: 'another passphrase entirely' })).toMatchObject({ ok: false, fault: { code: 'audit.passphrase' } });
    await call('report.discard', { reportId: report.id });
    expect((await call('report.get', { reportId: report.id })).status).toBe('signed');
  });

  test('it is written in every form that suits it, each read back', async () => {
    const formats = (await call('report.formats', { reportId: report.id })).filter(({ why }) => why === null).map(({ format }) => format);
    expect(formats).toEqual(expect.arrayContaining(['pdf', 'html', 'sr', 'sc', 'document', 'fhir', 'capsule']));
    const made = await call('report.export', { reportId: report.id, formats });
    expect(new Set(made?.files.map(({ format }) => format))).toEqual(new Set(formats));
    expect(readdirSync(made?.folder ?? '').sort()).toEqual(made?.files.map(({ name }) => name).sort());
    capsule = join(made?.folder ?? '', made?.files.find(({ format }) => format === 'capsule')?.name ?? '');
    const named = readFileSync(join(made?.folder ?? '', made?.files.find(({ format }) => format === 'html')?.name ?? ''), 'utf8');
    expect(named).toContain(report.id);
    expect((await call('report.preview', { reportId: report.id })).html).toContain(report.id);
  });

  test('the capsule is whole for a stranger with the fingerprint, and holds the signed report', () => {
    const check = checkCapsule(capsule, { fingerprint: report.signature?.fingerprint ?? '' });
    expect([check.findings, check.id, check.notes.some((note) => note.includes('signature holds'))]).toEqual([[], traceId, true]);
  });

  test('a capsule whose report says otherwise is refused, and so is the report itself', () => {
    const archive = openZip(capsule);
    const entries = archive.names.map((name) => ({ name, bytes: archive.read(name) }));
    archive.close();
    const lied = entries.map(({ name, bytes }) => (name === 'report/report.json' ? { name, bytes: Buffer.from(bytes.toString('utf8').replace('Both lungs', 'Two lungs!')) } : { name, bytes }));
    writeFileSync(`${capsule}.lied`, zip(lied));
    expect(checkCapsule(`${capsule}.lied`).findings.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['part', 'report']));
    const json = JSON.parse(entries.find(({ name }) => name === 'report/report.json')?.bytes.toString('utf8') ?? '') as Report;
    expect([checkSigned(json).holds, checkSigned({ ...json, impression: 'Otherwise.' }).holds]).toEqual([true, false]);
  });

  test('the journal tells the whole story, and a changed byte of it is found', async () => {
    const verdict = await call('audit.verify', null);
    expect([verdict.isWhole, verdict.fingerprint]).toEqual([true, report.signature?.fingerprint]);
    const { kinds } = await call('audit.since', { since: { seq: 0 } });
    expect(Object.keys(kinds)).toEqual(expect.arrayContaining(['import', 'view', 'ask', 'answer', 'judge', 'edit', 'failed', 'key', 'sign', 'export']));
    const path = journalFile(join(program.dataFolder, 'audit'));
    const bytes = readFileSync(path);
    expect(checkJournal(bytes, { head: readHead(path) }).isWhole).toBe(true);
    const at = bytes.indexOf('"kind":"sign"');
    bytes[at + 8] = bytes[at + 8] === 0x73 ? 0x74 : 0x73;
    expect(checkJournal(bytes, { head: readHead(path) })).toMatchObject({ isWhole: false });
  });
});
