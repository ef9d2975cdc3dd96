/** The bundle against FHIR R4 (4.0.1) as the standard's resource pages have it, written down here once more and apart from the writer's own rules: no validator of it can be installed here. */
import { beforeAll, describe, expect, test } from 'vitest';
import { fhir } from '#electron/report/formats/fhir.ts';
import type { Report } from '#models/clinical/report.ts';
import { sampleImages, samplePictures, sampleReport, withoutSubject } from '#tests/support/reports.ts';

type Json = { readonly [name: string]: unknown };

/** Elements that a resource or a part of it must have, and those that may be there once. */
const required: Readonly<Record<string, readonly string[]>> = {
  Bundle: ['type'], DiagnosticReport: ['status', 'code'], Observation: ['status', 'code'], Provenance: ['target', 'recorded', 'agent'], DocumentReference: ['status', 'content'], ImagingStudy: ['status', 'subject'],
  'Provenance.agent': ['who'], 'Provenance.entity': ['role', 'what'], 'Provenance.signature': ['type', 'when', 'who'], 'DocumentReference.content': ['attachment'], 'ImagingStudy.series': ['uid', 'modality'], 'ImagingStudy.series.instance': ['uid', 'sopClass'],
  'Device.deviceName': ['name', 'type'], 'Device.version': ['value'], 'Device.property': ['type'], 'Observation.component': ['code'], 'DiagnosticReport.text': ['status', 'div'],
};
/** Required bindings. */
const bound: readonly (readonly [string, string, readonly string[]])[] = [
  ['Bundle', 'type', ['document', 'message', 'transaction', 'transaction-response', 'batch', 'batch-response', 'history', 'searchset', 'collection']],
  ['DiagnosticReport', 'status', ['registered', 'partial', 'preliminary', 'final', 'amended', 'corrected', 'appended', 'cancelled', 'entered-in-error', 'unknown']],
  ['Observation', 'status', ['registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown']],
  ['DocumentReference', 'status', ['current', 'superseded', 'entered-in-error']], ['DocumentReference', 'docStatus', ['preliminary', 'final', 'amended', 'entered-in-error']],
  ['ImagingStudy', 'status', ['registered', 'available', 'cancelled', 'entered-in-error', 'unknown']], ['Device', 'status', ['active', 'inactive', 'entered-in-error', 'unknown']], ['Patient', 'gender', ['male', 'female', 'other', 'unknown']],
  ['Provenance.entity', 'role', ['derivation', 'revision', 'quotation', 'source', 'removal']], ['Device.deviceName', 'type', ['udi-label-name', 'user-friendly-name', 'patient-reported-name', 'manufacturer-name', 'model-name', 'other']],
];
const systems: Readonly<Record<string, RegExp>> = {
  'http://snomed.info/sct': /^\d{6,18}$/, 'http://loinc.org': /^\d{1,7}-\d$/, 'http://unitsofmeasure.org': /^\S{1,20}$/, 'http://dicom.nema.org/resources/ontology/DCM': /^(?:\d{6}|[A-Z]{2,4})$/,
};
const reports: readonly (readonly [string, () => Report])[] = [
  ['a draft', () => sampleReport()], ['a signed report', () => sampleReport({ isSigned: true })], ['a copy without the subject', () => withoutSubject(sampleReport({ isSigned: true }))],
  ['an amended one', () => sampleReport({ isSigned: true, version: 2, supersedes: { version: 1, content: 'a'.repeat(64), signedAt: '2026-01-02T10:12:00.000Z' } })],
];

describe.each(reports)('%s', (_, made) => {
  let bundle: Json;
  let entries: readonly { readonly fullUrl: string; readonly resource: Json }[];
  beforeAll(async () => {
    const report = made();
    const [file] = await fhir.write(report, { ...samplePictures(report), images: sampleImages(report) });
    bundle = JSON.parse(Buffer.from(file?.bytes ?? []).toString('utf8')) as Json;
    entries = bundle['entry'] as typeof entries;
  });
  const visit = (value: unknown, path: string, see: (object: Json, path: string) => void): void => {
    if (Array.isArray(value)) value.forEach((item) => visit(item, path, see));
    else if (typeof value === 'object' && value !== null) {
      const type = (value as Json)['resourceType'];
      const here = typeof type === 'string' ? type : path;
      see(value as Json, here);
      Object.entries(value).forEach(([name, item]) => visit(item, `${here}.${name}`, see));
    }
  };
  const objects = (see: (object: Json, path: string) => void): void => visit(bundle, 'Bundle', see);

  test('has the elements that must be there, and none that is empty', () => {
    const lacking: string[] = [];
    objects((object, path) => {
      for (const name of required[path] ?? []) if (object[name] === undefined) lacking.push(`${path}.${name}`);
      for (const [name, value] of Object.entries(object)) if (value === null || value === '' || (Array.isArray(value) && value.length === 0) || (typeof value === 'object' && Object.keys(value).length === 0)) lacking.push(`${path}.${name} is empty`);
    });
    expect(lacking).toEqual([]);
  });
  test('has states and roles of the value sets', () => {
    const other: string[] = [];
    objects((object, path) => {
      for (const [where, name, values] of bound) if (path === where && object[name] !== undefined && !values.includes(object[name] as string)) other.push(`${path}.${name} ${JSON.stringify(object[name])}`);
    });
    expect(other).toEqual([]);
  });
  test('refers to what is within it, or by identifier alone', () => {
    const there = new Set(entries.map(({ fullUrl }) => fullUrl));
    expect(there.size).toBe(entries.length);
    expect(entries.filter(({ fullUrl, resource }) => fullUrl !== `urn:uuid:${String(resource['id'])}`)).toEqual([]);
    const dangling: string[] = [];
    objects((object, path) => {
      if (typeof object['reference'] === 'string' && !there.has(object['reference'])) dangling.push(`${path} ${object['reference']}`);
    });
    expect(dangling).toEqual([]);
    const reached = new Set<string>();
    const follow = (url: string): void => {
      if (reached.has(url)) return;
      reached.add(url);
      visit(entries.find(({ fullUrl }) => fullUrl === url)?.resource, '', (object) => typeof object['reference'] === 'string' && follow(object['reference']));
    };
    // From the provenance and what documents are about everything can be found.
    entries.filter(({ resource }) => resource['resourceType'] === 'Provenance' || resource['resourceType'] === 'DocumentReference').forEach(({ fullUrl }) => follow(fullUrl));
    expect([...there].filter((url) => !reached.has(url))).toEqual([]);
  });
  test('spells instants, days, ids, UIDs and codes as their types want them', () => {
    const wrong: string[] = [];
    const check = (path: string, value: unknown, pattern: RegExp): void => void (value !== undefined && !(typeof value === 'string' && pattern.test(value)) && wrong.push(`${path} ${JSON.stringify(value)}`));
    const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
    objects((object, path) => {
      check(`${path}.id`, object['id'], /^[A-Za-z0-9.-]{1,64}$/);
      for (const name of ['issued', 'recorded', 'when', 'timestamp']) check(`${path}.${name}`, object[name], instant);
      check(`${path}.birthDate`, object['birthDate'], /^\d{4}(?:-\d\d(?:-\d\d)?)?$/);
      if (/ImagingStudy\.series/.test(path)) check(`${path}.uid`, object['uid'], /^[0-2](?:\.(?:0|[1-9]\d*))+$/);
      if (typeof object['system'] === 'string') check(`${path}.system`, object['system'], /^(?:https?:\/\/|urn:)\S+$/);
      const pattern = systems[String(object['system'])];
      if (pattern) check(`${path}.code of ${String(object['system'])}`, object['code'], pattern);
      if (object['data'] !== undefined && object['contentType'] !== undefined) check(`${path}.data`, object['data'], /^[A-Za-z0-9+/]+={0,2}$/);
      if (object['value'] !== undefined && object['value'] !== null && 'unit' in object) check(`${path}.value`, typeof object['value'], /^number$/);
    });
    expect(wrong).toEqual([]);
  });
  test('says in each observation a value or parts of one, and its text in words that can be read', () => {
    const observations = entries.map(({ resource }) => resource).filter(({ resourceType }) => resourceType === 'Observation');
    expect(observations.filter((one) => one['component'] === undefined && !Object.keys(one).some((name) => name.startsWith('value')))).toEqual([]);
    const main = entries.find(({ resource }) => resource['resourceType'] === 'DiagnosticReport')?.resource['text'] as Json;
    expect([main['status'], String(main['div'])]).toEqual(['generated', expect.stringMatching(/^<div xmlns="http:\/\/www\.w3\.org\/1999\/xhtml">[\s\S]*<\/div>$/)]);
  });
});
