/** A report's evidence capsule: what its author signed lies beside the answer that it was made of, and neither can be exchanged. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { asJson, canonical } from '#electron/audit/canonical.ts';
import { checkCapsule, reportPart, type CapsuleCheck } from '#electron/audit/capsule.ts';
import { openZip, zip, type ZipEntry } from '#electron/audit/zip.ts';
import { capsuleFormat } from '#electron/report/capsule.ts';
import { signContent, signatureHash } from '#electron/report/signing.ts';
import type { ReportFile } from '#electron/report/formats/format.ts';
import type { Report } from '#models/clinical/report.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { samplePictures, sampleReport, withoutSubject } from '#tests/support/reports.ts';

const folder = temporaryFolder();
const passphrase = 'a passphrase of several words';
let audit: Audit;
let signed: Report;
let file: ReportFile;

const parts = { width: 1, height: 1 };
beforeAll(async () => {
  audit = await openAudit({ dataFolder: folder, version: '1', passphrase, work: 2 ** 14 });
  await audit.keep({
    id: 'q1', studyId: 'study', study: { id: 'study' }, question: 'Is there an effusion?', sources: [{ name: 'film.dcm', bytes: 1, sha256: 'a'.repeat(64) }],
    frames: [{ name: 'film', source: 'a'.repeat(64), index: 0, region: null, window: null, asked: null, sourceSize: parts, toSource: {}, resized: parts, grid: [1, 2, 2], tensor: 'b'.repeat(64), picture: { ...parts, data: Uint8Array.of(1, 2, 3), png: Uint8Array.of(9) } }],
    model: { name: 'm', family: 'f', boxes: 'b', files: [{ name: 'model.safetensors', bytes: 1, sha256: 'c'.repeat(64) }] }, prompt: { ids: [1], system: null }, sampling: { temperature: 0, topP: 1, topK: 0, seed: 0, maxNewTokens: 8 },
    output: { tokens: [1], logProbabilities: [-1], text: 'yes', end: 'stop' }, reading: { parsed: true, answer: 'yes', steps: [], findings: [], flags: [], confidence: null, probe: null }, machine: { device: 'cpu', runtime: 'r' }, timing: {},
  });
  const sample = sampleReport();
  const [question] = sample.questions as [Report['questions'][number]];
  const { seq, log } = audit.answer('q1');
  const draft: Report = { ...sample, keyImages: [], questions: [{ ...question, provenance: { ...question.provenance, journal: { log, ask: null, answer: seq, record: 'd'.repeat(64) } } }] };
  const key = await audit.authenticate(passphrase);
  const signature = signContent(draft, { by: { name: 'Reader One', role: 'Radiologist', account: 'reader' }, meaning: 'approval', at: '2026-01-02T11:00:00.000Z', method: 'passphrase' }, key);
  const { entry, hash } = audit.journal.append({ kind: 'sign', subject: { report: draft.id }, body: { content: signature.content, signature: signatureHash(signature) } });
  signed = { ...draft, status: 'signed', signature: { ...signature, journal: { log, seq: entry.seq, hash } } };
  [file] = await capsuleFormat(audit).write(signed, samplePictures(signed)) as [ReportFile];
});
afterAll(() => audit.close());

function check(bytes: Uint8Array): CapsuleCheck {
  const path = join(folder, 'capsule.zip');
  writeFileSync(path, bytes);
  return checkCapsule(path);
}

function entriesOf(bytes: Uint8Array): readonly ZipEntry[] {
  const path = join(folder, 'opened.zip');
  writeFileSync(path, bytes);
  const archive = openZip(path);
  try {
    return archive.names.map((name) => ({ name, bytes: archive.read(name) }));
  } finally {
    archive.close();
  }
}

describe('the capsule of a signed report', () => {
  test('is whole, says whose signature holds, and holds the report for machines and for people', () => {
    const { findings, notes, parts: there } = check(file.bytes);
    expect([findings, notes.find((note) => note.includes('signature holds'))]).toEqual([[], expect.stringContaining('Signed by Reader One')]);
    expect(there).toEqual(expect.arrayContaining([reportPart, 'pictures/0.png', 'report/report-1f3a5b7c-v1.pdf', 'report/report-1f3a5b7c-v1.html']));
  });
  test('is read back', async () => expect(await capsuleFormat(audit).readBack([file], signed, samplePictures(signed))).toEqual([]));
  test('without who it is about holds the same signature and no name', async () => {
    const [anonymous] = await capsuleFormat(audit).write(withoutSubject(signed), samplePictures(signed)) as [ReportFile];
    const { findings, notes } = check(anonymous.bytes);
    expect([findings, notes.some((note) => note.includes('signature holds'))]).toEqual([[], true]);
    for (const { name, bytes } of entriesOf(anonymous.bytes)) expect(Buffer.from(bytes).includes(signed.subject?.patientName ?? ''), name).toBe(false);
  });
  test('is refused when the report in it says something else', () => {
    const lied = entriesOf(file.bytes).map((entry) => (entry.name === reportPart ? { ...entry, bytes: Buffer.from(canonical(asJson({ ...signed, impression: 'Nothing.' }))) } : entry));
    const { findings, status } = check(zip(lied));
    expect([findings.map(({ kind }) => kind), status]).toEqual([['part', 'report'], 20]);
  });
  test('is refused when the entry of its signature is taken out', () => {
    const without = entriesOf(file.bytes).map((entry) => (entry.name === 'journal.jsonl' ? { ...entry, bytes: Buffer.from(Buffer.from(entry.bytes).toString('utf8').split('\n').filter((line) => !line.includes('"kind":"sign"')).join('\n')) } : entry));
    expect(check(zip(without)).findings.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['report']));
  });
});

test('a capsule whose report was signed with a key that is not the journal\'s is found out, though everything else fits', async () => {
  const other = await openAudit({ dataFolder: join(folder, 'other'), version: '1', passphrase, work: 2 ** 14 });
  const key = await other.authenticate(passphrase);
  other.close();
  const { by, meaning, at, method, journal, secret = '' } = signed.signature as NonNullable<Report['signature']>;
  const forged: Report = { ...signed, signature: { ...signContent(signed, { by, meaning, at, method }, key, Buffer.from(secret, 'hex')), journal } };
  const [made] = await capsuleFormat(audit).write(forged, samplePictures(forged)) as [ReportFile];
  expect(check(made.bytes)).toMatchObject({ status: 27, findings: [{ kind: 'report', why: expect.stringContaining('another key') as unknown }] });
});

test('a draft\'s capsule says that nobody signed it', async () => {
  const draft: Report = { ...signed, status: 'draft', signature: null };
  const [made] = await capsuleFormat(audit).write(draft, samplePictures(draft)) as [ReportFile];
  expect(check(made.bytes)).toMatchObject({ isWhole: true, notes: expect.arrayContaining([expect.stringContaining('nobody signed it')]) as unknown });
});

test('answers of another journal have no capsule', () => expect(capsuleFormat(audit).unsuitable({ ...signed, questions: [] }, samplePictures(signed))).toMatch(/on record/));
