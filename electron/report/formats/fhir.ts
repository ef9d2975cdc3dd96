/** The report as a FHIR R4 bundle: findings and measurements as observations, the model as a device, who and what it came from as provenance, and the report itself as a document. */
import { createHash } from 'node:crypto';
import { asJson, canonical, isObject } from '#electron/audit/canonical.ts';
import { Fault } from '#models/base/fault.ts';
import { findCode } from '#models/clinical/codes.ts';
import {
  boxesOf, isByModel, researchBanner, sourceOf,
  type Measurement, type Quantity, type Report, type ReportFinding, type ReportQuestion, type ReportSource, type SignatureMeaning,
} from '#models/clinical/report.ts';
import { fileName, uidOf, type ReportFormat, type ReportPictures } from './format.ts';
import { bundleFaults, fhirCodes, modalityCodes, systems, unitCodes, type FhirCode } from './fhirRules.ts';
import { html } from './html.ts';
import { amount, extent, measurementName, regionName } from './wording.ts';

type Json = Readonly<Record<string, unknown>>;
interface Resource extends Json {
  readonly resourceType: string;
  readonly id: string;
}

export const fhir: ReportFormat = {
  name: 'fhir', extension: 'fhir.json', mediaType: 'application/fhir+json',
  unsuitable: () => null,

  async write(report, pictures) {
    const bundle = await bundleOf(report, pictures);
    const faults = bundleFaults(bundle, isFindingCode);
    if (faults.length > 0) {
      throw new Fault({ code: 'report.fhir', what: 'The FHIR bundle was not written.', why: `It would not keep to FHIR R4: ${faults.slice(0, 3).join(' ')}`, mend: 'Export another form, and report what stands here.' });
    }
    return [{ name: fileName(report, 'fhir.json'), bytes: Buffer.from(`${JSON.stringify(bundle, null, 1)}\n`) }];
  },

  readBack(files, report) {
    return Promise.resolve(files.length === 1 && files[0] ? faultsOf(files[0].bytes, report) : [`There are ${files.length} files instead of one.`]);
  },
};

const isFindingCode = (system: string, value: string, meaning: string): boolean => system === systems.snomed && findCode({ scheme: 'SCT', value, meaning }) !== undefined;

const quantityCodes: Readonly<Record<Quantity, { readonly code: FhirCode | null; readonly method?: FhirCode; readonly text: string }>> = {
  length: { code: 'length', text: 'Length' }, longAxis: { code: 'longAxis', text: 'Long axis' }, shortAxis: { code: 'shortAxis', text: 'Short axis' }, area: { code: 'area', text: 'Area' },
  // No published code of these was confirmed: they stand as words.
  angle: { code: null, text: 'Angle' }, cobbAngle: { code: null, text: 'Cobb angle' }, value: { code: null, text: 'Value' }, count: { code: null, text: 'Count' },
  mean: { code: null, method: 'mean', text: 'Mean' }, deviation: { code: null, method: 'deviation', text: 'Standard deviation' }, least: { code: null, method: 'least', text: 'Minimum' }, greatest: { code: null, method: 'greatest', text: 'Maximum' },
};
const signatureCodes: Readonly<Record<SignatureMeaning, FhirCode>> = { author: 'signedAsAuthor', review: 'signedAsReviewer', approval: 'signedAsApprover', verification: 'signedAsVerifier' };
const genders: Readonly<Record<string, string>> = { F: 'female', M: 'male', O: 'other' };

const coding = (name: FhirCode): Json => {
  const [system, code, display] = fhirCodes[name];
  return display === undefined ? { system, code } : { system, code, display };
};
const concept = (name: FhirCode, text?: string): Json => ({ coding: [coding(name)], ...(text === undefined ? {} : { text }) });
type ReportCode = NonNullable<ReportFinding['code']>;
/** Nothing where it is not in the table. */
const clinical = (code: ReportCode | null): readonly Json[] => (code && isFindingCode(systems.snomed, code.value, code.meaning) ? [{ system: systems.snomed, code: code.value, display: code.meaning }] : []);
/** A coded thing and what it is called. */
const clinicalConcept = (code: ReportCode | null, text: string): Json => given({ coding: clinical(code), text: said(text) });
/** A text of FHIR holds something. */
const said = (text: string, otherwise = 'unnamed'): string => (/\S/.test(text) ? text : otherwise);
const asserted: Json = { meta: { security: [coding('asserted')] } };
const hashIdentifier = (value: string): Json => ({ system: 'urn:loupe:sha256', value });

/** Follows from the report's version and a purpose. */
function idOf(report: Report, purpose: string): string {
  const digits = BigInt(uidOf(report, `fhir ${purpose}`).slice('2.25.'.length)).toString(16).padStart(32, '0');
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-');
}

const to = (resource: Resource): Json => ({ reference: `urn:uuid:${resource.id}` });
/** `YYYYMMDD` as FHIR writes days; undefined for what is none. */
const day = (date: string | null): string | undefined => {
  const [, year, month, on] = /^(\d{4})-?(\d\d)-?(\d\d)$/.exec(date ?? '') ?? [];
  return year === undefined ? undefined : `${year}-${month}-${on}`;
};

/** Without elements that are undefined or empty, as FHIR wants it. */
function given(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined && item !== null && !(typeof item === 'string' && item.trim() === '') && !(Array.isArray(item) && item.length === 0)));
}
const resource = (value: Json & { readonly resourceType: string; readonly id: string }): Resource => given(value) as Resource;

/** Preliminary until it is signed, and amended where it takes the place of a signed one. */
const statusOf = ({ signature, supersedes }: Report): 'preliminary' | 'final' | 'amended' => (signature === null ? 'preliminary' : supersedes === null ? 'final' : 'amended');

/** @returns FHIR Attachment, with the SHA-1 that the standard defines */
const attachment = (contentType: string, title: string, bytes: Uint8Array, creation?: string): Json =>
  given({ contentType, data: Buffer.from(bytes).toString('base64'), size: bytes.length, hash: createHash('sha1').update(bytes).digest('base64'), title, creation });

const canonicalReport = (report: Report): Uint8Array => Buffer.from(canonical(asJson(report)));

async function bundleOf(report: Report, pictures: ReportPictures): Promise<Json> {
  const { subject, signature } = report;
  const issued = signature?.at ?? report.updatedAt;
  const status = statusOf(report);
  const patient = subject === null ? null : resource({
    resourceType: 'Patient', id: idOf(report, 'patient'), identifier: /\S/.test(subject.patientId) ? [{ value: subject.patientId }] : [], name: /\S/.test(subject.patientName) ? [{ text: subject.patientName }] : [],
    gender: subject.sex ? genders[subject.sex] ?? 'unknown' : undefined, birthDate: day(subject.birthDate),
  });
  const about: Json = patient ? to(patient) : { display: 'Identity withheld', identifier: { system: 'urn:loupe:subject-commitment', value: report.subjectCommit } };
  const accession: Json | null = subject && /\S/.test(subject.accession) ? { type: concept('accession'), value: subject.accession } : null;

  const signer = signature && resource({ resourceType: 'Practitioner', id: idOf(report, 'signer'), name: [{ text: signature.by.role ? `${signature.by.name} (${signature.by.role})` : signature.by.name }] });
  const workstation = resource({ resourceType: 'Device', id: idOf(report, 'workstation'), status: 'active', deviceName: [{ name: report.software.name, type: 'other' }], type: { text: 'Reasoning workstation' }, version: [{ value: `${report.software.version} (${report.software.build})` }] });
  const models = modelsOf(report);
  const study = studyOf(report, pictures, { about, accession });
  const files = study ? [] : report.sources.map((source) => sourceDocument(report, source, about));
  const common: Common = { report, status, issued, about, models, from: study ? [to(study)] : files.map(to) };

  const observations = [...report.findings.map((finding) => findingObservation(common, finding)), ...report.measurements.map((measurement) => measurementObservation(common, measurement))];
  const [page] = await html.write(report, pictures);
  const main = resource({
    resourceType: 'DiagnosticReport', id: idOf(report, 'report'), ...(isByModel(report) ? asserted : {}),
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>${escaped(report.banner || researchBanner)}</p><p>${escaped(report.impression || 'No impression was written.')}</p></div>` },
    identifier: [{ system: systems.uri, value: `urn:oid:${uidOf(report, 'fhir report')}` }, { system: 'urn:loupe:report', value: `${report.id}/${report.version}` }],
    basedOn: accession ? [{ type: 'ServiceRequest', identifier: accession }] : [], status, category: [concept(report.study.kind === 'radiology' ? 'radiology' : 'otherSection')],
    code: report.study.kind === 'radiology' ? concept('imagingReport', 'Diagnostic imaging report') : { text: 'Image report' },
    subject: about, effectiveDateTime: day(subject?.studyDate ?? report.release?.study.date ?? null) ?? report.createdAt, issued, resultsInterpreter: signer ? [to(signer)] : [], result: observations.map(to),
    imagingStudy: study ? [to(study)] : [], conclusion: report.impression, conclusionCode: report.findings.flatMap(({ code }) => clinical(code).map((one) => ({ coding: [one] }))),
    presentedForm: page ? [attachment('text/html', page.name, page.bytes, issued)] : [],
  });
  const data = resource({
    resourceType: 'DocumentReference', id: idOf(report, 'data'), identifier: [hashIdentifier(createHash('sha256').update(canonicalReport(report)).digest('hex'))], status: report.status === 'superseded' ? 'superseded' : 'current',
    docStatus: status, type: { text: 'Reasoning report as data' }, subject: about, date: issued, description: 'loupe.report/1, canonical JSON', content: [{ attachment: attachment('application/json', 'report.json', canonicalReport(report), issued) }],
  });
  const documents = report.questions.flatMap((question, i) => questionDocuments(report, question, i, about));
  const provenance = resource({
    resourceType: 'Provenance', id: idOf(report, 'provenance'), target: [to(main), ...observations.map(to)], occurredDateTime: report.questions[0]?.askedAt ?? report.createdAt, recorded: issued,
    reason: isByModel(report) ? [concept('asserted')] : [], activity: { text: report.supersedes ? `Supersedes version ${report.supersedes.version}` : 'Reasoning about images, decided step by step' },
    agent: [
      ...[...models.values()].map((device) => ({ type: concept('author'), role: [{ text: 'Artificial intelligence' }], who: to(device) })),
      { type: { text: 'assembler' }, who: to(workstation) },
      ...(signer ? [{ type: concept('verifier'), who: to(signer) }] : []),
    ],
    entity: [
      ...common.from.map((what) => ({ role: 'source', what })), ...documents.map((document) => ({ role: 'derivation', what: to(document) })),
      ...(report.supersedes ? [{ role: 'revision', what: { type: 'DiagnosticReport', identifier: { system: 'urn:loupe:report', value: `${report.id}/${report.supersedes.version}` } } }] : []),
    ],
    signature: signature && signer ? [{ type: [coding(signatureCodes[signature.meaning])], when: signature.at, who: to(signer), targetFormat: 'application/json', sigFormat: 'application/octet-stream', data: signature.value }] : [],
  });
  const all = [main, ...(patient ? [patient] : []), ...(signer ? [signer] : []), ...(study ? [study] : files), ...models.values(), workstation, ...observations, data, ...documents, provenance];
  return { resourceType: 'Bundle', id: idOf(report, 'bundle'), identifier: { system: systems.uri, value: `urn:uuid:${idOf(report, 'bundle')}` }, type: 'collection', timestamp: issued, entry: all.map((item) => ({ fullUrl: `urn:uuid:${item.id}`, resource: item })) };
}

interface Common {
  readonly report: Report;
  readonly status: string;
  readonly issued: string;
  readonly about: Json;
  /** By name. */
  readonly models: ReadonlyMap<string, Resource>;
  readonly from: readonly Json[];
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd');

/** A device for each model that wrote any of it. */
function modelsOf(report: Report): ReadonlyMap<string, Resource> {
  const names = [...report.questions.map(({ provenance }) => provenance.model.name), ...[...report.findings, ...report.measurements].flatMap(({ author }) => (author.kind === 'model' ? [author.name] : []))];
  return new Map([...new Set(names)].map((name) => {
    const from = report.questions.find(({ provenance }) => provenance.model.name === name)?.provenance;
    return [name, resource({
      resourceType: 'Device', id: idOf(report, `model ${name}`), identifier: from?.model.root ? [hashIdentifier(from.model.root)] : [], status: 'active', deviceName: [{ name: said(name), type: 'model-name' }], type: { text: 'Artificial intelligence model' },
      version: from?.model.root ? [{ type: { text: 'SHA-256 of all its files' }, value: from.model.root }] : [],
      property: from ? [
        { type: { text: 'Family' }, valueCode: [{ text: said(from.model.family, 'unknown') }] },
        { type: { text: 'Ran on' }, valueCode: [{ text: [from.device, from.runtime, from.platform].filter(Boolean).join(', ') || 'unknown' }] },
        ...(from.sampling ? [{ type: { text: 'Sampling' }, valueCode: [{ text: `temperature ${from.sampling.temperature}, top-p ${from.sampling.topP}, top-k ${from.sampling.topK}, seed ${from.sampling.seed}` }] }] : []),
      ] : [],
      note: [{ text: `${researchBanner}.` }],
    })];
  }));
}

/** Null where the images are no DICOM. */
function studyOf(report: Report, { images }: ReportPictures, { about, accession }: { readonly about: Json; readonly accession: Json | null }): Resource | null {
  const instances = report.sources.filter((source) => source.sopInstanceUid !== null && source.seriesInstanceUid !== null && source.sopClassUid !== null);
  if (instances.length === 0) return null;
  const series = new Map<string, ReportSource[]>();
  for (const source of instances) series.set(source.seriesInstanceUid as string, [...series.get(source.seriesInstanceUid as string) ?? [], source]);
  const modalityOf = (uid: string): Json => {
    const stated = images.find((image) => image.seriesInstanceUid === uid)?.modality ?? report.study.modalities[0] ?? '';
    return { system: systems.dicom, code: modalityCodes.includes(stated) ? stated : 'OT' };
  };
  const modalities = [...series.keys()].map(modalityOf);
  const studyUid = report.subject?.studyUid ?? report.release?.study.uid;
  return resource({
    resourceType: 'ImagingStudy', id: idOf(report, 'study'), identifier: [...(studyUid ? [{ system: systems.dicomUid, value: `urn:oid:${studyUid}` }] : []), ...(accession ? [accession] : [])],
    status: 'available', modality: modalities.filter(({ code }, i) => modalities.findIndex((other) => other.code === code) === i), subject: about, started: day(report.subject?.studyDate ?? report.release?.study.date ?? null), description: report.study.description || undefined,
    numberOfSeries: series.size, numberOfInstances: instances.length,
    series: [...series].map(([uid, sources]) => ({
      uid, modality: modalityOf(uid), numberOfInstances: sources.length,
      instance: sources.map(({ sopInstanceUid, sopClassUid, label }) => given({ uid: sopInstanceUid, sopClass: { system: systems.uri, code: `urn:oid:${String(sopClassUid)}` }, title: label })),
    })),
  });
}

const sourceDocument = (report: Report, { sha256, label, name, bytes }: ReportSource, about: Json): Resource => resource({
  resourceType: 'DocumentReference', id: idOf(report, `source ${sha256}`), identifier: [hashIdentifier(sha256)], status: 'current', type: { text: 'Image' }, subject: about, description: label, content: [{ attachment: given({ title: said(name, said(label, sha256)), size: Math.min(bytes, 2_147_483_647) }) }],
});

/** What was asked, and the model that answered. */
function questionDocuments(report: Report, { text, provenance: { model, promptSha256 } }: ReportQuestion, i: number, about: Json): readonly Resource[] {
  return [
    resource({
      resourceType: 'DocumentReference', id: idOf(report, `question ${i}`), identifier: promptSha256 === null ? [] : [hashIdentifier(promptSha256)], status: 'current', type: { text: 'Input prompt' }, subject: about,
      description: `Question ${i + 1}`, content: [{ attachment: attachment('text/plain; charset=utf-8', `question-${i + 1}.txt`, Buffer.from(text)) }],
    }),
    resource({
      resourceType: 'DocumentReference', id: idOf(report, `model files ${i}`), identifier: model.root === null ? [] : [hashIdentifier(model.root)], status: 'current', type: { text: 'Model files' }, description: `${model.name}, ${model.family}: what answered question ${i + 1}`,
      content: [{ attachment: attachment('application/json', `model-${i + 1}.json`, Buffer.from(canonical(asJson(model)))) }],
    }),
  ];
}

function findingObservation({ report, status, issued, about, models, from }: Common, { id, label, text, code, site, laterality, boxes, author }: ReportFinding): Resource {
  const device = author.kind === 'model' ? models.get(author.name) : undefined;
  const regions = boxesOf(report, boxes).map(({ id: box, place, box: area }) => {
    const source = sourceOf(report, place);
    return `${regionName(report, box)}: ${source?.sopInstanceUid ? `SOP instance ${source.sopInstanceUid}, frame ${place.frame + 1}` : source?.label ?? place.source}, ${extent(area)}`;
  });
  return resource({
    resourceType: 'Observation', id: idOf(report, `finding ${id}`), ...(device ? asserted : {}), identifier: [{ system: 'urn:loupe:finding', value: id }], status, category: [concept('imaging'), concept('measurementGroup')], code: concept('finding'), subject: about, issued,
    performer: author.kind === 'person' ? [{ display: said(author.name) }] : [],
    valueCodeableConcept: clinicalConcept(code, said(label, text)),
    note: [...(/\S/.test(text) && text !== label ? [{ text }] : []), ...(regions.length > 0 ? [{ text: regions.join('; ') }] : [])],
    bodySite: site ? clinicalConcept(site, [laterality?.meaning, site.meaning].filter(Boolean).join(' ')) : undefined, device: device ? to(device) : undefined, derivedFrom: from,
    component: laterality ? [{ code: concept('laterality'), valueCodeableConcept: clinicalConcept(laterality, laterality.meaning) }] : [],
  });
}

function measurementObservation({ report, status, issued, about, models, from }: Common, measurement: Measurement): Resource {
  const { id, label, kind, values, spacing, author, at, place } = measurement;
  const device = author.kind === 'model' ? models.get(author.name) : undefined;
  const [only] = values.length === 1 ? values : [];
  const codeOf = (quantity: Quantity, unit: string): Json => {
    const { code, method, text } = quantityCodes[quantity];
    return code ? concept(code) : method && unit === '[hnsf\'U]' ? concept('attenuation', `${text} attenuation`) : { text };
  };
  const quantityOf = ({ value, unit }: Measurement['values'][number]): Json => (unitCodes.includes(unit) ? { value, unit: amount(1, unit).replace(/^1\s?/, '') || '1', system: systems.ucum, code: unit } : given({ value, unit }));
  const source = sourceOf(report, place);
  const method = only ? quantityCodes[only.quantity].method : undefined;
  return resource({
    resourceType: 'Observation', id: idOf(report, `measurement ${id}`), ...(device ? asserted : {}), identifier: [{ system: 'urn:loupe:measurement', value: id }], status, category: [concept('imaging')],
    code: only ? codeOf(only.quantity, only.unit) : { text: said(label, kind) }, subject: about, effectiveDateTime: at, issued, performer: author.kind === 'person' ? [{ display: said(author.name) }] : [],
    valueQuantity: only ? quantityOf(only) : undefined, method: method ? concept(method) : undefined, device: device ? to(device) : undefined, derivedFrom: from,
    note: [{ text: [`${measurementName(report, id)}${label ? ` ${label}` : ''}`, source?.sopInstanceUid ? `SOP instance ${source.sopInstanceUid}, frame ${place.frame + 1}` : source?.label, spacing.text, spacing.caution].filter(Boolean).join('. ') }],
    component: only ? [] : values.map((value) => ({ code: { ...codeOf(value.quantity, value.unit), text: quantityCodes[value.quantity].text }, valueQuantity: quantityOf(value) })),
  });
}

function faultsOf(bytes: Uint8Array, report: Report): readonly string[] {
  let bundle: unknown;
  try {
    bundle = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return ['The bundle is no JSON.'];
  }
  const faults = bundleFaults(bundle, isFindingCode);
  if (faults.length > 0) return faults.slice(0, 10);
  const found = ((bundle as Json).entry as readonly { readonly resource: Resource }[]).map((entry) => entry.resource);
  const of = (type: string): readonly Resource[] => found.filter(({ resourceType }) => resourceType === type);
  const [main] = of('DiagnosticReport');
  const held = of('DocumentReference').flatMap(({ content }) => content as readonly { readonly attachment: Json }[]).find(({ attachment: { title } }) => title === 'report.json')?.attachment;
  const observed = (system: string, id: string): Resource | undefined => of('Observation').find(({ identifier }) => (identifier as readonly Json[] | undefined)?.some((one) => one.system === system && one.value === id));
  return [
    ...(of('DiagnosticReport').length === 1 && main?.status === statusOf(report) && (main.conclusion ?? '') === (/\S/.test(report.impression) ? report.impression : '') ? [] : ['The bundle does not hold the report in its state.']),
    ...(isByModel(report) === isMarked(main) ? [] : ['The report is not marked as what it is: written by a model or by a person.']),
    ...(held && Buffer.from(String(held.data), 'base64').equals(canonicalReport(report)) ? [] : ['The report within the bundle is not the report.']),
    ...[...(main?.presentedForm as readonly Json[] | undefined ?? []), ...(held ? [held] : [])].flatMap(({ data, size, hash, title }) => {
      const content = Buffer.from(String(data), 'base64');
      return content.length === size && createHash('sha1').update(content).digest('base64') === hash ? [] : [`${String(title)} within the bundle is not what its hash says.`];
    }),
    ...report.findings.flatMap(({ id, label }) => (observed('urn:loupe:finding', id) ? [] : [`The finding “${label}” is missing.`])),
    ...report.measurements.flatMap((measurement) => {
      const observation = observed('urn:loupe:measurement', measurement.id);
      const numbers = [observation?.valueQuantity, ...(observation?.component as readonly Json[] | undefined ?? []).map(({ valueQuantity }) => valueQuantity)].flatMap((quantity) => (isObject(quantity) ? [quantity.value] : []));
      return canonical(numbers) === canonical(measurement.values.map(({ value }) => value)) ? [] : [`The values of ${measurementName(report, measurement.id)} are missing or others.`];
    }),
    ...((report.signature === null) === (of('Provenance')[0]?.signature === undefined) ? [] : ['The signature is missing.']),
  ];
}

const isMarked = (main: Resource | undefined): boolean => isObject(main?.meta) && Array.isArray(main.meta.security) && (main.meta.security as readonly Json[]).some(({ code }) => code === 'AIAST');
