/** What FHIR R4 (4.0.1) asks of the resources that we write: their elements, how many of each, the required value sets, and the codes that may stand in them. */

/**
 * For each type its elements, as `name:type`: nothing after it for at most one, `!` exactly one, `*` any number, `+` at least one. Required value sets and the
 * types that a reference may point to stand in parentheses. What is not named here is not written.
 */
const types = {
  Bundle: 'id:id meta:Meta identifier:Identifier type:code(collection)! timestamp:instant entry:BundleEntry*',
  BundleEntry: 'fullUrl:uri! resource:Resource!',
  Patient: 'id:id! meta:Meta identifier:Identifier* name:HumanName* gender:code(male|female|other|unknown) birthDate:date',
  Practitioner: 'id:id! meta:Meta identifier:Identifier* name:HumanName*',
  Device: 'id:id! meta:Meta identifier:Identifier* status:code(active|inactive|entered-in-error|unknown) deviceName:DeviceName* type:CodeableConcept version:DeviceVersion* property:DeviceProperty* note:Annotation*',
  DeviceName: 'name:string! type:code(udi-label-name|user-friendly-name|patient-reported-name|manufacturer-name|model-name|other)!',
  DeviceVersion: 'type:CodeableConcept value:string!',
  DeviceProperty: 'type:CodeableConcept! valueQuantity:Quantity* valueCode:CodeableConcept*',
  ImagingStudy: 'id:id! meta:Meta identifier:Identifier* status:code(registered|available|cancelled|entered-in-error|unknown)! modality:Coding* subject:Reference(Patient|Device|Group)! started:dateTime description:string numberOfSeries:unsignedInt numberOfInstances:unsignedInt series:ImagingSeries*',
  ImagingSeries: 'uid:id! modality:Coding! numberOfInstances:unsignedInt instance:ImagingInstance*',
  ImagingInstance: 'uid:id! sopClass:Coding! title:string',
  Observation: 'id:id! meta:Meta identifier:Identifier* status:code(registered|preliminary|final|amended|corrected|cancelled|entered-in-error|unknown)! category:CodeableConcept* code:CodeableConcept! subject:Reference(Patient|Group|Device|Location) effectiveDateTime:dateTime issued:instant performer:Reference(Practitioner|PractitionerRole|Organization|CareTeam|Patient|RelatedPerson)* valueCodeableConcept:CodeableConcept valueQuantity:Quantity note:Annotation* bodySite:CodeableConcept method:CodeableConcept device:Reference(Device|DeviceMetric) derivedFrom:Reference(DocumentReference|ImagingStudy|Media|QuestionnaireResponse|Observation|MolecularSequence)* component:ObservationComponent*',
  ObservationComponent: 'code:CodeableConcept! valueCodeableConcept:CodeableConcept valueQuantity:Quantity',
  DiagnosticReport: 'id:id! meta:Meta text:Narrative identifier:Identifier* basedOn:Reference(CarePlan|ImmunizationRecommendation|MedicationRequest|NutritionOrder|ServiceRequest)* status:code(registered|partial|preliminary|final|amended|corrected|appended|cancelled|entered-in-error|unknown)! category:CodeableConcept* code:CodeableConcept! subject:Reference(Patient|Group|Device|Location) effectiveDateTime:dateTime issued:instant resultsInterpreter:Reference(Practitioner|PractitionerRole|Organization|CareTeam)* result:Reference(Observation)* imagingStudy:Reference(ImagingStudy)* conclusion:string conclusionCode:CodeableConcept* presentedForm:Attachment*',
  DocumentReference: 'id:id! meta:Meta identifier:Identifier* status:code(current|superseded|entered-in-error)! docStatus:code(preliminary|final|amended|entered-in-error) type:CodeableConcept subject:Reference(Patient|Practitioner|Group|Device) date:instant description:string content:DocumentContent+',
  DocumentContent: 'attachment:Attachment!',
  Provenance: 'id:id! meta:Meta target:Reference(DiagnosticReport|Observation)+ occurredDateTime:dateTime recorded:instant! reason:CodeableConcept* activity:CodeableConcept agent:ProvenanceAgent+ entity:ProvenanceEntity* signature:Signature*',
  ProvenanceAgent: 'type:CodeableConcept role:CodeableConcept* who:Reference(Practitioner|PractitionerRole|RelatedPerson|Patient|Device|Organization)!',
  ProvenanceEntity: 'role:code(derivation|revision|quotation|source|removal)! what:Reference(ImagingStudy|DocumentReference|DiagnosticReport)!',
  Meta: 'versionId:id lastUpdated:instant security:Coding*',
  Narrative: 'status:code(generated|extensions|additional|empty)! div:xhtml!',
  Identifier: 'use:code(usual|official|temp|secondary|old) type:CodeableConcept system:uri value:string',
  HumanName: 'use:code(usual|official|temp|nickname|anonymous|old|maiden) text:string',
  CodeableConcept: 'coding:Coding* text:string',
  Coding: 'system:uri! code:code! display:string',
  Reference: 'reference:uri type:uri identifier:Identifier display:string',
  Quantity: 'value:decimal! unit:string system:uri code:code',
  Annotation: 'authorString:string time:dateTime text:string!',
  Attachment: 'contentType:code language:code data:base64 url:uri size:unsignedInt hash:base64 title:string creation:dateTime',
  Signature: 'type:Coding+ when:instant! who:Reference(Practitioner|PractitionerRole|RelatedPerson|Patient|Device|Organization)! targetFormat:code sigFormat:code data:base64',
} as const;

/** What may stand in a bundle of ours. */
const resources: readonly string[] = ['Patient', 'Practitioner', 'Device', 'ImagingStudy', 'Observation', 'DiagnosticReport', 'DocumentReference', 'Provenance'];

const primitives: Readonly<Record<string, (value: unknown) => boolean>> = {
  id: (value) => typeof value === 'string' && /^[A-Za-z0-9\-.]{1,64}$/.test(value),
  uri: (value) => typeof value === 'string' && /^\S+$/.test(value),
  code: (value) => typeof value === 'string' && /^\S+( \S+)*$/.test(value),
  string: (value) => typeof value === 'string' && /\S/.test(value) && value.length <= 1_048_576,
  xhtml: (value) => typeof value === 'string' && value.startsWith('<div xmlns="http://www.w3.org/1999/xhtml">') && value.endsWith('</div>'),
  date: (value) => typeof value === 'string' && /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/.test(value),
  dateTime: (value) => typeof value === 'string' && (/^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/.test(value) || isInstant(value)),
  instant: (value) => typeof value === 'string' && isInstant(value),
  base64: (value) => typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value),
  decimal: (value) => typeof value === 'number' && Number.isFinite(value),
  unsignedInt: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2_147_483_647,
};

const isInstant = (value: string): boolean => /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))$/.test(value);

export const systems = {
  dicom: 'http://dicom.nema.org/resources/ontology/DCM', snomed: 'http://snomed.info/sct', loinc: 'http://loinc.org', ucum: 'http://unitsofmeasure.org', uri: 'urn:ietf:rfc:3986', dicomUid: 'urn:dicom:uid',
  asserted: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', section: 'http://terminology.hl7.org/CodeSystem/v2-0074', category: 'http://terminology.hl7.org/CodeSystem/observation-category',
  identifierType: 'http://terminology.hl7.org/CodeSystem/v2-0203', agent: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', signature: 'urn:iso-astm:E1762-95:2013',
} as const;

/** Every code that we write besides those of findings, which have a table of their own, and UIDs: system, code, display (undefined: given as text beside it). */
export const fhirCodes = {
  asserted: [systems.asserted, 'AIAST', 'Artificial Intelligence asserted'],
  radiology: [systems.section, 'RAD', 'Radiology'],
  otherSection: [systems.section, 'OTH', 'Other'],
  imaging: [systems.category, 'imaging', 'Imaging'],
  measurementGroup: [systems.dicom, '125007', 'Measurement Group'],
  finding: [systems.dicom, '121071', 'Finding'],
  attenuation: [systems.dicom, '112031', 'Attenuation Coefficient'],
  laterality: [systems.snomed, '272741003', 'Laterality'],
  length: [systems.snomed, '410668003', 'Length'],
  longAxis: [systems.snomed, '103339001', 'Long axis'],
  shortAxis: [systems.snomed, '103340004', 'Short axis'],
  area: [systems.snomed, '42798000', 'Area'],
  mean: [systems.snomed, '373098007', 'Mean'],
  deviation: [systems.snomed, '386136009', 'Standard deviation'],
  least: [systems.snomed, '255605001', 'Minimum'],
  greatest: [systems.snomed, '56851009', 'Maximum'],
  imagingReport: [systems.loinc, '18748-4', undefined],
  accession: [systems.identifierType, 'ACSN', 'Accession ID'],
  author: [systems.agent, 'author', 'Author'],
  verifier: [systems.agent, 'verifier', 'Verifier'],
  signedAsAuthor: [systems.signature, '1.2.840.10065.1.12.1.1', 'Author\'s Signature'],
  signedAsVerifier: [systems.signature, '1.2.840.10065.1.12.1.5', 'Verification Signature'],
  signedAsApprover: [systems.signature, '1.2.840.10065.1.12.1.6', 'Validation Signature'],
  signedAsReviewer: [systems.signature, '1.2.840.10065.1.12.1.13', 'Review Signature'],
} as const satisfies Readonly<Record<string, readonly [string, string, string | undefined]>>;
export type FhirCode = keyof typeof fhirCodes;

/** DICOM's modalities that are codes of a modality (CID 29) and that the program opens. */
export const modalityCodes: readonly string[] = ['CR', 'CT', 'DX', 'ES', 'GM', 'MG', 'MR', 'NM', 'OP', 'OPT', 'OT', 'PT', 'PX', 'RF', 'RG', 'SM', 'US', 'XA', 'XC', 'IO', 'IVUS', 'OCT', 'BMD', 'HC'];
/** UCUM. */
export const unitCodes: readonly string[] = ['mm', 'um', 'mm2', 'um2', 'deg', '[hnsf\'U]', '{pixels}', '1'];

interface ElementRule {
  readonly type: string;
  /** Of a code: its values; of a reference: what it may point to. */
  readonly among: readonly string[] | null;
  readonly isMany: boolean;
  readonly isRequired: boolean;
}

const rules: ReadonlyMap<string, ReadonlyMap<string, ElementRule>> = new Map(Object.entries(types).map(([type, elements]) => [type, new Map(elements.split(' ').map((element) => {
  const [, name = '', of = '', among, count = ''] = /^(\w+):(\w+)(?:\(([^)]*)\))?([!*+]?)$/.exec(element) ?? [];
  return [name, { type: of, among: among?.split('|') ?? null, isMany: count === '*' || count === '+', isRequired: count === '!' || count === '+' }];
}))]));

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What is wrong with a bundle, in sentences; empty: nothing.
 *
 * @param isKnown  whether a code of a finding is in the table of those
 */
export function bundleFaults(bundle: unknown, isKnown: (system: string, code: string, display: string) => boolean): readonly string[] {
  if (!isObject(bundle) || bundle.resourceType !== 'Bundle') return ['It is no FHIR bundle.'];
  const faults: string[] = [];
  const entries = Array.isArray(bundle.entry) ? bundle.entry.filter(isObject) : [];
  const targets = new Map(entries.map(({ fullUrl, resource }) => [fullUrl, isObject(resource) ? resource.resourceType : undefined]));
  if (targets.size !== entries.length) faults.push('Bundle: two entries have one address.');
  for (const { fullUrl, resource } of entries) if (isObject(resource) && fullUrl !== `urn:uuid:${String(resource.id)}`) faults.push(`${String(resource.resourceType)}: its address is not its id.`);

  const check = (value: unknown, type: string, path: string): void => {
    if (type === 'Resource') {
      const name = isObject(value) ? String(value.resourceType) : '';
      if (resources.includes(name)) check(value, name, `${path}(${name})`);
      else faults.push(`${path}: ${name} is no resource of ours.`);
      return;
    }
    const elements = rules.get(type);
    if (!elements) {
      if (!(primitives[type]?.(value) ?? false)) faults.push(`${path}: “${String(value).slice(0, 60)}” is no ${type}.`);
      return;
    }
    if (!isObject(value) || Object.keys(value).length === 0) {
      faults.push(`${path}: it is no ${type}, or an empty one.`);
      return;
    }
    for (const name of Object.keys(value)) if (!elements.has(name) && !(name === 'resourceType' && (resources.includes(type) || type === 'Bundle'))) faults.push(`${path}.${name}: ${type} has no such element.`);
    for (const [name, rule] of elements) checkElement(value[name], rule, `${path}.${name}`);
    if (type === 'Coding' || type === 'Quantity') checkCode(value, type, path);
  };

  const checkElement = (value: unknown, { type, among, isMany, isRequired }: ElementRule, path: string): void => {
    if (value === undefined) {
      if (isRequired) faults.push(`${path}: it is missing.`);
      return;
    }
    if (Array.isArray(value) !== isMany || (isMany && (value as readonly unknown[]).length === 0)) {
      faults.push(`${path}: ${isMany ? 'it is no list, or an empty one' : 'it is a list'}.`);
      return;
    }
    (isMany ? value as readonly unknown[] : [value]).forEach((item, i) => {
      const at = isMany ? `${path}[${i}]` : path;
      check(item, type, at);
      if (type === 'code' && among && !among.includes(String(item))) faults.push(`${at}: “${String(item)}” is not in its value set.`);
      if (type === 'Reference' && isObject(item)) checkReference(item, among ?? [], at);
    });
  };

  const checkReference = (reference: Json, among: readonly string[], path: string): void => {
    if (reference.reference === undefined) {
      if (reference.identifier === undefined && reference.display === undefined) faults.push(`${path}: it points to nothing.`);
      if (reference.type !== undefined && !among.includes(said(reference.type))) faults.push(`${path}: it may not point to a ${said(reference.type)}.`);
      return;
    }
    const target = targets.get(reference.reference);
    if (target === undefined) faults.push(`${path}: ${said(reference.reference)} is not in the bundle.`);
    else if (!among.includes(said(target))) faults.push(`${path}: it may not point to a ${said(target)}.`);
  };

  const checkCode = ({ system, code, display, unit }: Json, type: string, path: string): void => {
    if (system === undefined && type === 'Quantity') return;
    const known = type === 'Quantity' || system === systems.ucum ? system === systems.ucum && unitCodes.includes(String(code))
      : system === systems.uri ? /^urn:oid:[0-9.]+$/.test(String(code))
        : (system === systems.dicom && modalityCodes.includes(String(code)) && display === undefined)
          || Object.values(fhirCodes).some((row) => row[0] === system && row[1] === code && row[2] === display) || isKnown(String(system), String(code), String(display));
    if (!known) faults.push(`${path}: ${String(system)} ${String(code)} “${said(display ?? unit ?? '')}” is not in the table of codes.`);
  };

  check(bundle, 'Bundle', 'Bundle');
  return faults;
}

/** A value of any kind as it is told to people. */
const said = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
