import { describe, expect, test } from 'vitest';
import { findCode } from '#models/clinical/codes.ts';
import type { Report } from '#models/clinical/report.ts';
import { fhir } from '#electron/report/formats/fhir.ts';
import { bundleFaults, fhirCodes } from '#electron/report/formats/fhirRules.ts';
import { longReport, samplePictures, sampleReport, sampleSubject, withoutSubject } from '#tests/support/reports.ts';

interface Resource {
  readonly resourceType: string;
  readonly [name: string]: unknown;
}
interface Bundle {
  readonly type: string;
  readonly entry: readonly { readonly fullUrl: string; readonly resource: Resource }[];
}

const isKnown = (system: string, value: string, meaning: string): boolean => system === 'http://snomed.info/sct' && findCode({ scheme: 'SCT', value, meaning }) !== undefined;

async function written(report: Report): Promise<{ readonly bundle: Bundle; readonly text: string; readonly faults: readonly string[]; of(type: string): readonly Resource[] }> {
  const pictures = samplePictures(report, 16);
  const files = await fhir.write(report, pictures);
  const text = Buffer.from(files[0]!.bytes).toString('utf8');
  const bundle = JSON.parse(text) as Bundle;
  return { bundle, text, faults: await fhir.readBack(files, report, pictures), of: (type) => bundle.entry.flatMap(({ resource }) => (resource.resourceType === type ? [resource] : [])) };
}

const amended = (): Report => sampleReport({ isSigned: true, version: 2, supersedes: { version: 1, content: 'a'.repeat(64), signedAt: '2026-01-01T09:00:00.000Z' } });

describe('the bundle', () => {
  test('keeps to R4 and is read back whole, whatever the report', async () => {
    const pictureOnly = sampleReport({ subject: { ...sampleSubject, studyUid: null }, sources: sampleReport().sources.map((source) => ({ ...source, kind: 'picture', sopClassUid: null, sopInstanceUid: null, seriesInstanceUid: null })) });
    const bare = sampleReport({ questions: [], boxes: [], findings: [], measurements: [], keyImages: [], comparison: null, sources: [], impression: ' ', subject: { patientName: '', patientId: '', birthDate: null, sex: null, accession: '', studyUid: null, studyDate: null } });
    for (const report of [sampleReport(), sampleReport({ isSigned: true }), amended(), withoutSubject(sampleReport()), longReport(), pictureOnly, bare]) expect((await written(report)).faults).toEqual([]);
  });
  test('reads as it should', async () => {
    const { bundle } = await written(sampleReport({ isSigned: true }));
    const short = JSON.stringify(bundle, (name, value: unknown) => (name === 'data' && typeof value === 'string' && value.length > 200 ? '…' : name === 'size' || name === 'hash' ? '…' : value), 1);
    await expect(`${short}\n`).toMatchFileSnapshot('../../../golden/report/signed.fhir.txt');
  });
  test('is preliminary until it is signed, final then, amended where it supersedes', async () => {
    for (const [report, status] of [[sampleReport(), 'preliminary'], [sampleReport({ isSigned: true }), 'final'], [amended(), 'amended']] as const) {
      const { of } = await written(report);
      expect([...of('DiagnosticReport'), ...of('Observation')].map((resource) => resource.status).filter((found) => found !== status)).toEqual([]);
    }
  });
  test('marks as asserted by artificial intelligence what a model wrote, and nothing else', async () => {
    const { of } = await written(sampleReport());
    const marked = (resource: Resource): boolean => JSON.stringify(resource.meta ?? null).includes('AIAST');
    expect(of('DiagnosticReport').map(marked)).toEqual([true]);
    expect(of('Observation').map(marked)).toEqual([true, false, false, false]);
    expect(JSON.stringify(of('Provenance'))).toContain('AIAST');
  });
  test('names the one who signed, with the signature, and the model with its hash', async () => {
    const report = sampleReport({ isSigned: true });
    const { of } = await written(report);
    expect(of('Practitioner')).toMatchObject([{ name: [{ text: 'Reader One (radiologist)' }] }]);
    expect(of('Provenance')).toMatchObject([{ signature: [{ type: [{ code: '1.2.840.10065.1.12.1.5' }], data: report.signature!.value, when: report.signature!.at }] }]);
    expect(of('Device')[0]).toMatchObject({ deviceName: [{ name: 'loupe-base', type: 'model-name' }], version: [{ value: report.questions[0]!.provenance.model.root }] });
  });
  test('names nobody where the report does not', async () => {
    const { text, of } = await written(withoutSubject(sampleReport()));
    const open = text + of('DocumentReference').map((document) => Buffer.from(/"data":"([^"]*)"/.exec(JSON.stringify(document))?.[1] ?? '', 'base64').toString()).join();
    for (const part of [sampleSubject.patientName, sampleSubject.patientId, sampleSubject.accession, '1950']) expect(open).not.toContain(part);
    expect(of('Patient')).toEqual([]);
  });
  test('is the same a second time', async () => expect((await written(sampleReport())).text).toBe((await written(sampleReport())).text));
  test('gives a code that is not in the table as words alone', async () => {
    const base = sampleReport();
    const { text, faults } = await written({ ...base, findings: base.findings.map((finding) => ({ ...finding, code: { scheme: 'SCT', value: '123', meaning: 'Invented' } })) });
    expect(faults).toEqual([]);
    expect(text).not.toContain('Invented');
  });
});

test('codes stand under their own meaning in their own system', () => {
  const confirmed = `
    http://dicom.nema.org/resources/ontology/DCM 112031 Attenuation Coefficient | http://dicom.nema.org/resources/ontology/DCM 121071 Finding | http://dicom.nema.org/resources/ontology/DCM 125007 Measurement Group
    http://loinc.org 18748-4
    http://snomed.info/sct 103339001 Long axis | http://snomed.info/sct 103340004 Short axis | http://snomed.info/sct 255605001 Minimum | http://snomed.info/sct 272741003 Laterality | http://snomed.info/sct 373098007 Mean
    http://snomed.info/sct 386136009 Standard deviation | http://snomed.info/sct 410668003 Length | http://snomed.info/sct 42798000 Area | http://snomed.info/sct 56851009 Maximum
    http://terminology.hl7.org/CodeSystem/observation-category imaging Imaging | http://terminology.hl7.org/CodeSystem/provenance-participant-type author Author | http://terminology.hl7.org/CodeSystem/provenance-participant-type verifier Verifier
    http://terminology.hl7.org/CodeSystem/v2-0074 OTH Other | http://terminology.hl7.org/CodeSystem/v2-0074 RAD Radiology | http://terminology.hl7.org/CodeSystem/v2-0203 ACSN Accession ID
    http://terminology.hl7.org/CodeSystem/v3-ObservationValue AIAST Artificial Intelligence asserted
    urn:iso-astm:E1762-95:2013 1.2.840.10065.1.12.1.1 Author's Signature | urn:iso-astm:E1762-95:2013 1.2.840.10065.1.12.1.13 Review Signature
    urn:iso-astm:E1762-95:2013 1.2.840.10065.1.12.1.5 Verification Signature | urn:iso-astm:E1762-95:2013 1.2.840.10065.1.12.1.6 Validation Signature`.split(/[|\n]/).map((row) => row.trim()).filter(Boolean).sort();
  expect(Object.values(fhirCodes).map((row) => row.filter(Boolean).join(' ')).sort()).toEqual(confirmed);
});

describe('the rules', () => {
  /** What is said of a bundle after one change to a resource of it. */
  async function after(type: string, change: (resource: Record<string, unknown>) => void): Promise<string> {
    const { bundle } = await written(sampleReport({ isSigned: true }));
    change(bundle.entry.find(({ resource }) => resource.resourceType === type)!.resource);
    return bundleFaults(bundle, isKnown).join(' ');
  }

  test.each<[string, string, (resource: Record<string, unknown>) => void, string]>([
    ['a status that is missing', 'DiagnosticReport', (one) => delete one.status, '.status: it is missing.'],
    ['a status outside its value set', 'Observation', (one) => (one.status = 'done'), '“done” is not in its value set.'],
    ['a code that is missing', 'Observation', (one) => delete one.code, '.code: it is missing.'],
    ['a study without a subject', 'ImagingStudy', (one) => delete one.subject, '.subject: it is missing.'],
    ['a provenance of nobody', 'Provenance', (one) => (one.agent = []), '.agent: it is no list, or an empty one.'],
    ['an element that R4 does not have', 'DiagnosticReport', (one) => (one.study = []), '.study: DiagnosticReport has no such element.'],
    ['a reference to nothing', 'DiagnosticReport', (one) => (one.subject = { reference: 'urn:uuid:0' }), 'urn:uuid:0 is not in the bundle.'],
    ['a reference to the wrong kind', 'DiagnosticReport', (one) => (one.imagingStudy = [one.subject]), 'it may not point to a Patient.'],
    ['a code from outside the table', 'Observation', (one) => (one.code = { coding: [{ system: 'http://snomed.info/sct', code: '1', display: 'Anything' }] }), 'is not in the table of codes.'],
    ['a code under another meaning', 'Observation', (one) => (one.code = { coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code: '121071', display: 'Impression' }] }), 'is not in the table of codes.'],
    ['a day that is none', 'Patient', (one) => (one.birthDate = '1950-13-01'), 'is no date.'],
    ['a gender of DICOM', 'Patient', (one) => (one.gender = 'F'), '“F” is not in its value set.'],
    ['a list where one is meant', 'DiagnosticReport', (one) => (one.status = ['final']), 'it is a list.'],
    ['an empty text', 'DiagnosticReport', (one) => (one.conclusion = ''), 'is no string.'],
    ['an id that its address does not know', 'Patient', (one) => (one.id = 'a'), 'its address is not its id.'],
    ['data that is no base64', 'DocumentReference', (one) => (one.content = [{ attachment: { contentType: 'text/plain', data: 'a' } }]), 'is no base64.'],
  ])('find %s', async (_name, type, change, said) => expect(await after(type, change)).toContain(said));

  test('find a resource that is not ours, and what is no bundle at all', async () => {
    expect(await after('Patient', (one) => (one.resourceType = 'Group'))).toContain('Group is no resource of ours.');
    expect(bundleFaults(null, isKnown)).toEqual(['It is no FHIR bundle.']);
  });
});

test('reading back finds another report, a number that changed, and bytes that are no bundle', async () => {
  const report = sampleReport();
  const pictures = samplePictures(report, 16);
  const [file] = await fhir.write(report, pictures);
  const text = Buffer.from(file!.bytes).toString('utf8');
  const said = async (changed: string, of = report): Promise<string> => (await fhir.readBack([{ name: 'a', bytes: Buffer.from(changed) }], of, pictures)).join(' ');
  expect(await said(text)).toBe('');
  expect(await said(text.replace('"value": 41.02', '"value": 14.02'))).toContain('The values of M1 are missing or others.');
  expect(await said(text, { ...report, revision: 8 })).toContain('The report within the bundle is not the report.');
  expect(await said(text, { ...report, impression: 'Nothing.' })).toContain('does not hold the report in its state');
  expect(await said(text.slice(0, -20))).toBe('The bundle is no JSON.');
  expect(await said('{}')).toBe('It is no FHIR bundle.');
  expect(await fhir.readBack([], report, pictures)).toHaveLength(1);
});
