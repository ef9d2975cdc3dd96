/** The journal's entries as FHIR R4 AuditEvents with DICOM's audit codes (PS3.15 A.5, PS3.16 CID 400 ff.), for a hospital's audit repository. The chain and its signatures stay in the journal. */
import type { JsonObject } from './canonical.ts';
import type { EventKind, HashedEntry } from './chain.ts';

interface Mapping {
  readonly code: string;
  readonly display: string;
  /** Create, read, update, delete, execute. */
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
}

const event = (code: string, display: string, action: Mapping['action']): Mapping => ({ code, display, action });

/** An event identifier of CID 400 for each kind. */
export const auditCodes: Readonly<Record<EventKind, Mapping>> = {
  import: event('110107', 'Import', 'C'), view: event('110103', 'DICOM Instances Accessed', 'R'), ask: event('110100', 'Application Activity', 'E'), answer: event('110100', 'Application Activity', 'E'),
  probe: event('110100', 'Application Activity', 'E'), edit: event('110110', 'Patient Record', 'U'), judge: event('110110', 'Patient Record', 'U'), label: event('110110', 'Patient Record', 'U'),
  snapshot: event('110100', 'Application Activity', 'C'), train: event('110100', 'Application Activity', 'E'), evaluate: event('110100', 'Application Activity', 'E'), promote: event('110100', 'Application Activity', 'E'),
  sign: event('110110', 'Patient Record', 'U'), export: event('110106', 'Export', 'R'), delete: event('110105', 'DICOM Study Deleted', 'D'), restore: event('110110', 'Patient Record', 'C'), failed: event('110113', 'Security Alert', 'E'),
  log: event('110101', 'Audit Log Used', 'C'), key: event('110113', 'Security Alert', 'U'), torn: event('110101', 'Audit Log Used', 'U'), clock: event('110113', 'Security Alert', 'E'),
};

const dicom = 'http://dicom.nema.org/resources/ontology/DCM';
const hash = 'urn:oid:2.16.840.1.101.3.4.2.1';

/** One AuditEvent for each entry, as a bundle; nothing in it names a patient: subjects are the journal's pseudonyms. @param at  ISO time of the bundle */
export function auditEvents(entries: readonly HashedEntry[], at: string): JsonObject {
  return { resourceType: 'Bundle', type: 'collection', timestamp: at, entry: entries.map((one) => ({ fullUrl: `urn:loupe:journal:${one.entry.log}:${one.entry.seq}`, resource: auditEvent(one) })) };
}

function auditEvent({ entry, hash: own }: HashedEntry): JsonObject {
  const { code, display, action } = auditCodes[entry.kind];
  const isFailure = entry.kind === 'failed';
  return {
    resourceType: 'AuditEvent', id: `${entry.log.slice(0, 16)}-${entry.seq}`,
    type: { system: dicom, code, display }, subtype: [{ system: 'urn:loupe:journal', code: entry.kind }], action, recorded: entry.at,
    // 0 success, 4 minor failure: the act did not happen.
    outcome: isFailure ? '4' : '0', ...(isFailure && typeof entry.body.code === 'string' ? { outcomeDesc: entry.body.code } : {}),
    agent: [
      { type: { coding: [{ system: dicom, code: '110150', display: 'Application' }] }, who: { display: `loupe ${entry.software.version}` }, requestor: false },
      { who: { identifier: { system: 'urn:loupe:account', value: entry.actor.id } }, requestor: true },
    ],
    source: { observer: { identifier: { system: 'urn:loupe:journal', value: entry.log } }, type: [{ system: 'http://terminology.hl7.org/CodeSystem/security-source-type', code: '4', display: 'Application Server' }] },
    entity: [
      ...Object.entries(entry.subject).map(([name, value]) => ({ what: { identifier: { system: `urn:loupe:${name.replace(/\d+$/, '')}`, value } }, type: { system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type', code: '2', display: 'System Object' } })),
      { what: { identifier: { system: hash, value: own } }, type: { system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type', code: '4', display: 'Other' }, name: 'hash of the entry', detail: [{ type: 'seq', valueString: String(entry.seq) }, { type: 'prev', valueString: entry.prev }] },
    ],
  };
}
