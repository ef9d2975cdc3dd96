/** A report by itself tells by its signature whether it is what was signed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkReport, checkSigned, contentHash } from '#electron/audit/signed.ts';
import { verdictText } from '#electron/audit/verdict.ts';
import { verifyFile } from '#electron/audit/verify.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { sampleReport, withoutSubject } from '#tests/support/reports.ts';

const folder = temporaryFolder();
const report = sampleReport({ isSigned: true });
const fileOf = (value: unknown): string => {
  const path = join(folder, 'report.json');
  writeFileSync(path, JSON.stringify(value, null, 1));
  return path;
};

describe('a signed report', () => {
  test('is whole as a file, however its JSON is laid out, and says who signed', async () => {
    const verdict = await verifyFile(fileOf(report));
    expect([verdict.format, verdict.status]).toEqual(['report', 0]);
    expect(verdictText(verdict)).toMatch(/^The report is whole\.\nSigned by Reader One/);
  });
  test('is whole without who it is about', async () => expect((await verifyFile(fileOf(withoutSubject(report)))).isWhole).toBe(true));
  test('has the same content whatever its state', () => expect(contentHash({ ...report, status: 'superseded' })).toBe(contentHash(report)));
  test.each<[string, unknown]>([
    ['a finding was taken out', { ...report, findings: report.findings.slice(1) }], ['a member was added', { ...report, note: 'x' }], ['another subject was put in', { ...report, subject: { ...report.subject, sex: 'M' } }],
    ['it has no salt for its subject', { ...report, subjectSalt: null }], ['its signature is gone', { ...report, signature: null }], ['its signature is nonsense', { ...report, signature: { ...report.signature, value: 5 } }],
    ['it was given another version', { ...report, version: 2 }],
  ])('does not hold when %s', async (_, value) => expect(await verifyFile(fileOf(value))).toMatchObject({ isWhole: false, status: 27, findings: [{ kind: 'report' }] }));
  test('of another key than the expected is forged', () => expect(checkReport(report, 'other')).toMatchObject({ isWhole: false, status: 16, findings: [{ kind: 'forged' }] }));
  test.each([[null], [5], [[]], [{}], [{ id: 'x', version: 1, signature: {} }]])('%j is none', (value) => expect(checkSigned(value).holds).toBe(false));
});
