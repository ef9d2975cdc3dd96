/** What leaves without the subject tells nothing of whose it is, fits images that were de-identified with the same key, and still proves to be what was signed. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { asJson, canonical } from '#electron/audit/canonical.ts';
import { checkCapsule } from '#electron/audit/capsule.ts';
import { openZip } from '#electron/audit/zip.ts';
import { checkReport, checkSigned, contentHash } from '#electron/audit/signed.ts';
import { mappingFrom, releaseKey } from '#electron/report/mapping.ts';
import { released, suspectTexts } from '#electron/report/release.ts';
import { bindSubject } from '#electron/report/signing.ts';
import { openReports, type Reports } from '#electron/report/report.ts';
import { readReportRegions } from '#electron/report/formats/dicomRead.ts';
import { Report } from '#models/clinical/report.ts';
import { deidentify, usualOptions } from '#models/imaging/dicom/deidentify.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { releasedSample, sampleMapping, samplePictures, sampleReport, sampleSubject } from '#tests/support/reports.ts';
import { accepted, reportStudy, type ReportStudy } from '#tests/support/reportStudy.ts';

const folder = temporaryFolder();
const passphrase = 'a passphrase of several words';
const out = join(folder, 'out');
let audit: Audit;
let study: ReportStudy;
let reports: Reports;
let signed: Report;
let texts: { readonly path: string; readonly was: string; readonly text: string }[];
const files = new Map<string, Buffer>();

beforeAll(async () => {
  audit = await openAudit({ dataFolder: folder, version: '1', passphrase, work: 2 ** 14 });
  study = await reportStudy(join(folder, 'images'));
  const parts = { width: 1, height: 1 };
  const { id: traceId, question } = study.trace;
  await audit.keep({
    id: traceId, studyId: study.detail.study.id, study: { id: study.detail.study.id }, question, sources: [{ name: 'film.dcm', bytes: 1, sha256: study.frameId.slice(0, 64) }],
    frames: [{ name: 'film', source: study.frameId.slice(0, 64), index: 0, region: null, window: null, asked: null, sourceSize: parts, toSource: {}, resized: parts, grid: [1, 2, 2], tensor: 'b'.repeat(64), picture: { ...parts, data: Uint8Array.of(1, 2, 3), png: Uint8Array.of(9) } }],
    model: { name: 'm', family: 'f', boxes: 'b', files: [{ name: 'model.safetensors', bytes: 1, sha256: 'c'.repeat(64) }] }, prompt: { ids: [171717], system: null }, sampling: { temperature: 0, topP: 1, topK: 0, seed: 0, maxNewTokens: 8 },
    output: { tokens: [1], logProbabilities: [-1], text: 'Sample Alpha has a mass', end: 'stop' }, reading: { parsed: true, answer: 'yes', steps: [], findings: [], flags: [], confidence: null, probe: null }, machine: { device: 'cpu', runtime: 'r' }, timing: {},
  });
  const { log, seq } = audit.answer(traceId);
  const record = { model: { name: 'm', family: 'f', boxes: 'b', files: [], root: 'd'.repeat(64) }, software: { name: 'loupe' as const, version: '1', build: 'x' }, machine: { device: 'cpu', runtime: 'r', platform: 'p' }, prompt: { sha256: 'e'.repeat(64) }, sampling: { temperature: 0, topP: 1, topK: 0, seed: 0, maxNewTokens: 8 } };
  study.judgement.value = accepted(study);
  let clock = Date.parse('2026-01-02T10:00:00.000Z');
  reports = openReports({
    folder, by: 'jdoe', now: () => new Date(clock += 1000).toISOString(), audit: () => Promise.resolve(audit), setStatus: () => undefined, changed: () => undefined,
    sources: { ...study.sources, record: () => Promise.resolve({ id: traceId, record, place: { log, seq, story: [], root: 'f'.repeat(64) } }) },
  });
  const draft = await reports.compose({ studyId: study.detail.study.id, traceIds: null, priorStudyId: null, reportId: null });
  const worded = reports.change(draft.id, draft.revision, [
    { kind: 'impression', text: 'Mrs. Sample (S-0001) has a mass; it was not there on 2025-07-01.' }, { kind: 'limitations', texts: ['None.', 'Read beside the film of A L P H A.'] },
  ]);
  signed = await reports.sign({ reportId: worded.id, revision: worded.revision, name: 'Jane Doe', role: 'Radiologist', meaning: 'approval', passphrase });
  texts = (await reports.suspects(signed.id, null)).map(({ path, text, proposed }) => ({ path, was: text, text: proposed }));
  const made = await reports.export({ reportId: signed.id, version: 1, formats: ['pdf', 'html', 'sr', 'seg', 'sc', 'fhir', 'capsule', 'document'], withoutSubject: true, pixelsSeen: true, texts }, out);
  for (const { format, name } of made.files) files.set(format, readFileSync(join(out, name)));
});
afterAll(() => {
  reports.close();
  audit.close();
});

const written = (name: string): Buffer => files.get(name) as Buffer;
/** The report as it stands within the FHIR bundle. */
function shown(): Report {
  const bundle = JSON.parse(written('fhir').toString('utf8')) as { entry: { resource: { content?: { attachment: { title: string; data: string } }[] } }[] };
  const [attachment] = bundle.entry.flatMap(({ resource }) => resource.content ?? []).filter((one) => one.attachment.title === 'report.json');
  return Report.parse(JSON.parse(Buffer.from(attachment?.attachment.data ?? '', 'base64').toString('utf8')));
}

describe('free text that names somebody', () => {
  test('is shown with what names them, and where', async () => {
    expect((await reports.suspects(signed.id, null)).map(({ where, hits }) => [where, hits.map(({ found }) => found)])).toEqual([['Impression', ['Sample', 'S-0001', '2025-07-01']], ['Limitation 2', ['A L P H A']]]);
  });
  test('has a proposal that names nobody, its date moved as all others are', () => {
    expect(texts[0]?.text).toMatch(/^Mrs\. the patient \(\[ID\]\) has a mass; it was not there on \d{4}-\d\d-\d\d\.$/);
    expect(texts[0]?.text).toContain(shown().comparison?.date ?? 'none');
  });
  test.each<[string, readonly number[]]>([['none was looked at', []], ['one was not', [0]]])('lets nothing leave while %s, and the journal says so', async (_, which) => {
    const some = texts.filter((__, i) => which.includes(i));
    await expect(reports.export({ reportId: signed.id, version: 1, formats: ['html'], withoutSubject: true, pixelsSeen: true, texts: some }, join(folder, 'none'))).rejects.toMatchObject({ code: 'report.identifying' });
    expect(audit.journal.entry(audit.journal.size - 1).entry).toMatchObject({ kind: 'failed', body: { code: 'report.identifying' } });
  });
  test('counts as looked at only as it was', async () => {
    await expect(reports.export({ reportId: signed.id, version: 1, formats: ['html'], withoutSubject: true, pixelsSeen: true, texts: texts.map((one) => ({ ...one, was: `${one.was} ` })) }, join(folder, 'none'))).rejects.toMatchObject({ code: 'report.identifying' });
  });
  test('may stay where a person says that it names nobody', () => {
    const report = sampleReport({ impression: 'The sample shows a mass.' });
    const [suspect] = suspectTexts(report, samplePictures(report).images, sampleMapping);
    expect([suspect?.hits[0]?.found, releasedSample(report).report.impression]).toEqual(['sample', 'The sample shows a mass.']);
  });
});

describe('a copy without the subject', () => {
  const secrets = (): readonly (readonly [string, string])[] => [
    ['name', 'Sample,'], ['name', 'Sample^'], ['name', 'Alpha'], ['ID', 'S-0001'], ['accession', 'ACC-2026'], ['birth date', '19500101'], ['birth date', '1950-01-01'], ['study UID', '1.2.826.0.1.3680043.10'], ['study date', '20260101'], ['study date', '2026-01-01'],
    ['date of the prior', '2025-07-01'], ['time of the signature', signed.signature?.at.slice(0, 16) ?? ''], ['day of the signature', '2026-01-02T10'], ['day of the judgement', '2026-01-02T09'], ['signer', 'Jane Doe'], ['account', 'jdoe'],
    ['file\'s hash', study.frameId.slice(0, 16)], ['study\'s id', study.detail.study.id], ['file\'s name', 'film.dcm'], ['secret of the salts', signed.signature?.secret ?? ''], ['prompt', '171717'],
  ];
  test.each(['html', 'sr', 'seg', 'sc', 'fhir', 'pdf', 'document'])('as %s holds no name, number, date, UID or hash of the source', (format) => {
    const bytes = written(format);
    const all = [bytes.toString('latin1'), ...(format === 'fhir' ? [JSON.stringify(shown()), ...[...bytes.toString('utf8').matchAll(/"data": ?"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) => Buffer.from(data, 'base64').toString('utf8'))] : [])].join('\n');
    expect(secrets().filter(([, secret]) => all.includes(secret)).map(([name]) => name)).toEqual([]);
  });
  test('as a capsule holds none either, in no part and in no line of its journal', () => {
    const archive = openZip(join(out, [...files.keys()].includes('capsule') ? `report-${signed.id.replace(/[^\w-]/g, '').slice(0, 8)}-v1-released-evidence.zip` : ''));
    try {
      const all = archive.names.map((name) => archive.read(name).toString('latin1')).join('\n');
      expect(secrets().filter(([, secret]) => all.includes(secret)).map(([name]) => name)).toEqual([]);
      expect(archive.read('journal.jsonl').toString('utf8').split('\n').filter((line) => /"kind":"(?:answer|sign)"/.test(line)).map((line) => line.includes('"at":"20'))).toEqual([false, false]);
    } finally {
      archive.close();
    }
  });
  test('is a report by its schema, says what was done to it, and still bears the signature', () => {
    const report = shown();
    expect(report).toMatchObject({ subject: null, subjectSalt: null, signature: { by: { name: 'Person 1', account: 'Person 2' } }, release: { codes: ['113100', '113107', '113105'], words: 2 } });
    const check = checkSigned(report);
    expect([check.holds, check.releasedBy, check.why]).toEqual([true, signed.signature?.fingerprint, expect.stringContaining('somebody whose name is withheld')]);
    expect(check.withheld).toEqual(expect.arrayContaining(['report/sources/0/sopInstanceUid', 'report/impression', 'report/limitations', 'signing/at', 'signing/by/name', 'report/questions/0/askedAt']));
    expect(check.withheld).not.toContain('report/questions/0/steps/0/text');
  });
  test('verifies as a capsule, which says what is withheld', () => {
    const path = join(folder, 'released.zip');
    writeFileSync(path, written('capsule'));
    const check = checkCapsule(path, { fingerprint: signed.signature?.fingerprint ?? '' });
    expect([check.findings, check.status]).toEqual([[], 0]);
    expect(check.notes.join(' ')).toMatch(/signature holds.*values are withheld.*put there by the same key.*When it was answered and signed is withheld/);
    expect(check.fields.filter(({ value }) => value === undefined).map(({ path: field }) => field)).toEqual(expect.arrayContaining(['at', 'question', 'prompt/ids', 'prompt/sha256', 'output/text', 'output/tokens', 'reading/answer', 'sources/0/sha256', 'who/name']));
  });
  test('moves the patient\'s dates by the patient\'s days, and what was done here by days of its own', () => {
    const report = shown();
    const days = (from: string, to: string): number => (Date.parse(from) - Date.parse(to)) / 86_400_000;
    const moved = days(signed.signature?.at ?? '', report.signature?.at ?? '');
    expect([moved >= 30, Number.isInteger(moved), days(signed.createdAt, report.createdAt)]).toEqual([true, true, moved]);
    const patients = days('2026-01-01', report.release?.study.date ?? '');
    expect([patients >= 30, days('2025-07-01', report.comparison?.date ?? '') === patients, patients === moved]).toEqual([true, true, false]);
  });
  test('names its images as de-identification with the same key does', async () => {
    const mapping = mappingFrom(releaseKey(folder));
    const image = readDicom(new Uint8Array(readFileSync(join(folder, 'images', '20260101.dcm'))));
    const { dataSet } = readDicom((await deidentify(image, { options: usualOptions, mapping, software: 'test', pixels: { kind: 'clean' } })).bytes);
    const [uid, series, of, day] = (['x00080018', 'x0020000e', 'x0020000d', 'x00080020'] as const).map((tag) => firstText(dataSet, tag));
    const report = shown();
    expect(report.sources[0]).toMatchObject({ sopInstanceUid: uid, seriesInstanceUid: series });
    expect([report.release?.study.uid, report.release?.study.date?.replaceAll('-', '')]).toEqual([of, day]);
    const { regions } = readReportRegions(written('sr'));
    expect([regions.length > 0, regions.every(({ source }) => source.sopInstanceUid === uid)]).toEqual([true, true]);
    const sr = readDicom(written('sr')).dataSet;
    expect([firstText(sr, 'x0020000d'), firstText(sr, 'x00080020'), firstText(sr, 'x00120062'), firstText(sr, 'x00280303'), firstText(sr, 'x00100010') ?? '']).toEqual([of, day, 'YES', 'MODIFIED', '']);
  });
  test('has UIDs of its own, and the same ones each time', async () => {
    const again = await reports.export({ reportId: signed.id, version: 1, formats: ['sr'], withoutSubject: true, pixelsSeen: true, texts }, join(folder, 'again'));
    const whole = await reports.export({ reportId: signed.id, version: 1, formats: ['sr'], withoutSubject: false }, join(folder, 'again'));
    const uidOf = (path: string): string | undefined => firstText(readDicom(readFileSync(path)).dataSet, 'x00080018');
    const [first, second, other] = [uidOf(join(out, again.files[0]?.name ?? '')), uidOf(join(folder, 'again', again.files[0]?.name ?? '')), uidOf(join(folder, 'again', whole.files[0]?.name ?? ''))];
    expect([first === second, first === other, again.files[0]?.name === whole.files[0]?.name]).toEqual([true, false, false]);
  });
  test('is on record with its files, and that its texts and pixels were looked at', () => {
    const entries = Array.from({ length: audit.journal.size }, (_, seq) => audit.journal.entry(seq).entry).filter(({ kind, body }) => kind === 'export' && body.withoutSubject === true);
    expect(entries[0]?.body).toMatchObject({ pixelsSeen: true, textsSeen: 2, textsReplaced: 2, content: signed.signature?.content });
    expect((entries[0]?.body.files as { sha256: string }[]).some(({ sha256 }) => sha256 === createHash('sha256').update(written('html')).digest('hex'))).toBe(true);
  });
});

describe('tampering with a copy is found', () => {
  const release = (report: Report): NonNullable<Report['release']> => report.release as NonNullable<Report['release']>;
  test.each<[string, (report: Report) => unknown]>([
    ['a value that is open', (report) => ({ ...report, title: 'Another' })],
    ['what stands in place of a withheld value', (report) => ({ ...report, impression: 'There is no mass.' })],
    ['the moved date of the signature', (report) => ({ ...report, signature: { ...report.signature, at: '2020-01-01T00:00:00.000Z' } })],
    ['the list of what is withheld', (report) => ({ ...report, release: { ...release(report), opening: `o${'0'.repeat(64)}` } })],
    ['all of it withheld', (report) => ({ ...report, impression: 'There is no mass.', release: { ...release(report), opening: `c${report.signature?.content ?? ''}` } })],
    ['the count of replaced texts', (report) => ({ ...report, release: { ...release(report), words: 0 } })],
    ['a subject put in', (report) => ({ ...report, subject: signed.subject, subjectSalt: '0'.repeat(32) })],
  ])('%s', (_, change) => expect(checkReport(asJson(change(shown())))).toMatchObject({ isWhole: false, status: 27 }));
  test('a copy whose seal was taken off says that nobody vouches for it', () => {
    const bare = { ...shown(), impression: 'There is no mass.', release: { ...release(shown()), seal: null } };
    expect(checkReport(asJson(bare)).notes.join(' ')).toMatch(/values are withheld.*report\/impression.*Nobody vouches/);
  });
  test('a copy sealed with another key says which', () => {
    const other = releasedSample(sampleReport({ isSigned: true })).report;
    const swapped = checkReport(asJson({ ...shown(), release: { ...release(shown()), seal: other.release?.seal } }));
    expect(swapped.isWhole).toBe(false);
  });
});

test('wherever a report can hold words, a name in them is found', () => {
  const section = { id: 'integrity', title: 'Integrity', text: 'Nothing.', tone: 'plain' as const, rows: [{ name: 'film', value: 'whole' }], author: { kind: 'person' as const, name: 'Reader One' } };
  const base = sampleReport({ sections: [section] });
  const leaves: string[][] = [];
  const walk = (value: unknown, path: string[]): void => {
    if (typeof value === 'string') leaves.push(path);
    else if (typeof value === 'object' && value !== null) Object.entries(value).forEach(([name, item]) => walk(item, [...path, name]));
  };
  walk({ ...base, subject: null, subjectSalt: null }, []);
  const withWord = (value: unknown, [name, ...rest]: readonly string[]): unknown =>
    (name === undefined ? `${String(value)} Zebulon` : Array.isArray(value) ? value.map((item: unknown, i) => (String(i) === name ? withWord(item, rest) : item)) : { ...value as object, [name]: withWord((value as Record<string, unknown>)[name], rest) });
  const holding = leaves.filter((path) => Report.safeParse(withWord(base, path)).success);
  const named = Report.parse({ ...holding.reduce<unknown>(withWord, base) as object, ...bindSubject({ ...sampleSubject, patientName: 'Zebulon' }, '0'.repeat(32)) });
  const { images } = samplePictures(named);
  const proposals = suspectTexts(named, images, sampleMapping).map(({ path: at, text, proposed }) => ({ path: at, was: text, text: proposed }));
  const copy = released(named, images, { mapping: sampleMapping, texts: proposals }).report;
  const at = (path: readonly string[]): unknown => path.reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], copy);
  const leaks = holding.filter((path) => String(at(path)).includes('Zebulon')).map((path) => path.join('/').replace(/\d+/g, '*'));
  expect([holding.length > 80, JSON.stringify(copy).split('Zebulon').length - 1]).toEqual([true, leaks.length]);
  // What the program writes by itself: versions, models, methods and units.
  expect([...new Set(leaks)].filter((path) => !/^(?:software|journal|questions\/\*\/(?:provenance|confidence\/method|flags\/\*\/code))/.test(path)).sort()).toEqual([
    'banner', 'boxes/*/author/name', 'boxes/*/tracking', 'comparison/changes/*/unit', 'findings/*/author/name', ...['code', 'laterality', 'site'].flatMap((code) => [`findings/*/${code}/meaning`, `findings/*/${code}/value`]),
    'measurements/*/tracking', 'measurements/*/values/*/unit', 'sources/*/sopClassUid', 'study/modalities/*', 'study/modality',
  ]);
});

test('a report whose signature binds identifiers as they are does not leave without the subject', () => {
  const report = sampleReport({ isSigned: true });
  const { secret: _, ...signature } = report.signature as NonNullable<Report['signature']>;
  const former: Report = { ...report, signature: { ...signature, content: contentHash(report) } };
  expect(() => released(former, samplePictures(former).images, { mapping: sampleMapping })).toThrow(expect.objectContaining({ code: 'report.former' }));
});
test('a draft leaves without the subject, and nothing is proven of it', () => {
  const { report } = releasedSample(sampleReport());
  expect([report.release?.opening, report.release?.seal, report.signature]).toEqual([undefined, null, null]);
  expect(canonical(asJson(Report.parse(report)))).not.toMatch(/Sample, Alpha|S-0001|19500101|20260102/);
});
