/** The evidence capsules of a report: for each answer that is on record one archive, with the report that was made of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Audit } from '#electron/audit/audit.ts';
import { asJson, canonical } from '#electron/audit/canonical.ts';
import { checkCapsule, redact, reportPart, type CapsuleCheck, type CapsulePart } from '#electron/audit/capsule.ts';
import type { Withheld } from '#electron/audit/record.ts';
import { zip } from '#electron/audit/zip.ts';
import type { Report, ReportQuestion } from '#models/clinical/report.ts';
import { writer } from './formats.ts';
import { fileName, type ReportFile, type ReportFormat, type ReportPictures } from './formats/format.ts';

/** What is put beside `report.json` for people. */
export const readableNames = ['pdf', 'html'] as const;

async function writtenHere(report: Report, pictures: ReportPictures): Promise<readonly ReportFile[]> {
  const formats = await Promise.all(readableNames.map(writer));
  return (await Promise.all(formats.filter((format) => format.unsuitable(report, pictures) === null).map((format) => format.write(report, pictures)))).flat();
}

/** @param audit  its journal is written when a capsule is made: the entry is part of it @param readable  the same report for people */
export function capsuleFormat(audit: Audit, readable: ReportFormat['write'] = writtenHere): ReportFormat {
  const onRecord = ({ questions }: Report): readonly { readonly question: ReportQuestion; readonly number: number }[] =>
    questions.flatMap((question, i) => (question.provenance.journal?.log === audit.journal.log ? [{ question, number: i + 1 }] : []));
  return {
    name: 'capsule', extension: 'zip', mediaType: 'application/zip',
    unsuitable(report) {
      if (!audit.isOpen) return 'The audit journal is not signed: its key is locked, or there is none yet. Sign the report first, or open the key.';
      const isTimed = report.release && [...onRecord(report).map(({ question }) => question.provenance.journal?.answer ?? 0), ...(report.signature ? [report.signature.journal.seq] : [])].some((seq) => audit.journal.entry(seq).salt === undefined);
      if (isTimed) return 'It was answered or signed before times could be withheld: the audit journal binds when it was.';
      return onRecord(report).length === 0 ? 'None of its answers is on record in the audit journal of this data folder.' : null;
    },
    async write(report, pictures) {
      const isAnonymous = report.subject === null;
      const parts: CapsulePart[] = [{ path: reportPart, kind: 'report', holds: isAnonymous ? [] : ['identity'], bytes: Buffer.from(canonical(asJson(report))) }];
      for (const file of await readable(report, pictures)) parts.push({ path: `report/${file.name}`, kind: 'report', holds: isAnonymous ? ['pictures'] : ['identity', 'pictures'], bytes: file.bytes });
      const own = onRecord(report);
      const files = own.map(({ question, number }) => ({
        name: fileName(report, 'zip', own.length === 1 ? 'evidence' : `evidence-${number}`), bytes: zip(audit.capsule(question.id, parts, report.signature ? [report.signature.journal.seq] : [])),
      }));
      if (!isAnonymous) return files;
      // What a person replaced in the report stands in the record as the model wrote it.
      const withheld: readonly Withheld[] = report.release?.words === 0 ? ['identity'] : ['identity', 'text'];
      return Promise.all(files.map(async ({ name, bytes }) => ({ name, bytes: await withFile(bytes, (path) => zip(redact(path, [...withheld]))) })));
    },
    async readBack(files, report) {
      const checks = await Promise.all(files.map(async ({ name, bytes }) => ({ name, check: await withFile(bytes, (path) => checkCapsule(path)) })));
      const missing = onRecord(report).filter(({ question }) => !checks.some(({ check }) => check.id === question.id));
      return [...checks.flatMap(({ name, check }) => flaws(check, report).map((why) => `${name}: ${why}`)), ...missing.map(({ number }) => `There is no capsule of the answer to question ${number}.`)];
    },
  };
}

function flaws({ findings, parts }: CapsuleCheck, report: Report): readonly string[] {
  const isThere = parts.includes(reportPart);
  return [...findings.map(({ where, why }) => `${where}: ${why}`), ...(isThere ? [] : [`It does not hold report ${report.id}.`])];
}

async function withFile<T>(bytes: Uint8Array, use: (path: string) => T): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'loupe-capsule-'));
  try {
    const path = join(folder, 'capsule.zip');
    await writeFile(path, bytes, { mode: 0o600 });
    return use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
