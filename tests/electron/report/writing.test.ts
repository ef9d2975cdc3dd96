/** Reports are written in a process that may die: the same files as here, and a death is no more than a failed export. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compose } from '#electron/report/compose.ts';
import { gather, imagesOf } from '#electron/report/gather.ts';
import { openWriting, type WriteJob } from '#electron/report/writing.ts';
import { released } from '#electron/report/release.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { rawBytes } from '#models/imaging/dicom/elements.ts';
import { launchProcess } from '#electron/workers/supervisor.ts';
import { connectWriting, type WritingClient } from '#electron/workers/writingClient.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { sampleMapping } from '#tests/support/reports.ts';
import { fixedNow, reportStudy, type ReportStudy } from '#tests/support/reportStudy.ts';

// Beside the packages that it needs.
const file = join('node_modules', '.cache', `loupe-writing-${process.pid}.mjs`);
const folder = temporaryFolder();
let study: ReportStudy;
let job: WriteJob;
let client: WritingClient;
const states: string[] = [];
beforeAll(async () => {
  mkdirSync(join('node_modules', '.cache'), { recursive: true });
  study = await reportStudy(join(folder, 'images'));
  await build({ entryPoints: ['electron/workers/writing.ts'], outfile: file, bundle: true, packages: 'external', platform: 'node', format: 'esm', logLevel: 'error' });
  const report = compose(await gather(study.sources, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' }), { id: 'r1', now: fixedNow, software: { name: 'loupe', version: '1', build: 't' }, journal: null, salt: '0'.repeat(32) });
  job = { report, images: await imagesOf(report, study.sources), views: report.keyImages };
  client = connectWriting(file, { launch: launchProcess, onState: (state) => states.push(state), pathOf: () => join(folder, 'images', '20260101.dcm') });
});
afterAll(() => {
  client.worker.close();
  rmSync(file, { force: true });
});

const formats = ['html', 'sr', 'sc'] as const;
const hashes = async (files: ReturnType<WritingClient['files']>): Promise<readonly string[]> => (await files).map(({ name, sha256 }) => `${name} ${sha256}`);

describe('a process that writes', () => {
  test('gives the same files as are written here', async () => expect(await hashes(client.files(job, formats))).toEqual(await hashes(openWriting(study.sources.shown).files(job, formats))));
  test('says which forms can be had', async () => expect((await client.choices(job)).map(({ format, why }) => [format, why === null])).toEqual([['pdf', true], ['html', true], ['fhir', true], ['sr', true], ['seg', true], ['sc', true], ['document', true]]));
  test('draws a copy without the subject from the images that it has other names for', async () => {
    const texts = [{ path: 'boxes/0/label', was: 'Alpha', text: 'Mass' }];
    const named: WriteJob = { ...job, report: { ...job.report, boxes: job.report.boxes.map((box, i) => (i === 0 ? { ...box, label: 'Alpha' } : box)) } };
    const copy: WriteJob = { ...released(named.report, named.images, { mapping: sampleMapping, texts }), views: named.views };
    const [whole, other] = await Promise.all([client.files(job, ['sc']), client.files(copy, ['sc'])]);
    // The label in the picture is the replaced one: as where it was never written otherwise.
    const pixels = (bytes: Uint8Array | undefined): Uint8Array => rawBytes(readDicom(bytes ?? new Uint8Array()).dataSet, 'x7fe00010');
    const [one, another] = [pixels(whole[0]?.bytes), pixels(other[0]?.bytes)];
    expect([one.length, one.findIndex((value, at) => value !== another[at])]).toEqual([another.length, -1]);
  });
  test('that dies fails what it was about and is started again', async () => {
    const lost = client.files(job, ['pdf']);
    client.worker.current?.end();
    await expect(lost).rejects.toMatchObject({ code: 'writing.ended' });
    expect((await client.files(job, ['html']))[0]?.format).toBe('html');
    expect(states).toContain('restarted');
  });
});
