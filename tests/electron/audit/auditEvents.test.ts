/** A hospital's audit repository gets the journal in its own words. */
import { describe, expect, test } from 'vitest';
import { auditCodes, auditEvents } from '#electron/audit/auditEvents.ts';
import { eventKinds } from '#electron/audit/chain.ts';
import { openIn, temporaryFolder } from '#tests/support/audit.ts';

interface Resource {
  readonly type: { readonly system: string; readonly code: string; readonly display: string };
  readonly action: string;
  readonly outcome: string;
  readonly outcomeDesc?: string;
  readonly recorded: string;
  readonly agent: readonly { readonly requestor: boolean }[];
  readonly source: { readonly observer: object };
  readonly entity: readonly { readonly what: { readonly identifier: { readonly value: string } } }[];
}

const journal = openIn(temporaryFolder());
const added = [{ kind: 'view', subject: { study: 'pseudonym-1' } }, { kind: 'export', body: { format: 'pdf' } }, { kind: 'failed', body: { code: 'storage.write' } }].map((event) => journal.append(event as never));
const bundle = auditEvents(added, '2026-01-02T00:00:00.000Z') as unknown as { readonly type: string; readonly entry: readonly { readonly resource: Resource }[] };
const resources = bundle.entry.map(({ resource }) => resource);
journal.close();

/** Event identifiers of DICOM's CID 400. */
const known: Readonly<Record<string, string>> = {
  110100: 'Application Activity', 110101: 'Audit Log Used', 110103: 'DICOM Instances Accessed', 110104: 'DICOM Instances Transferred', 110105: 'DICOM Study Deleted', 110106: 'Export', 110107: 'Import', 110110: 'Patient Record', 110113: 'Security Alert',
};

describe('an audit event', () => {
  test.each(eventKinds)('of %s has a code of DICOM\'s own under its meaning', (kind) => expect(known[auditCodes[kind].code]).toBe(auditCodes[kind].display));
  test('has what FHIR asks of it: type, time, who, and which log saw it', () => {
    for (const { type, recorded, agent, source } of resources) {
      expect([type.system, recorded, agent.some(({ requestor }) => requestor), source.observer]).toEqual(['http://dicom.nema.org/resources/ontology/DCM', expect.stringMatching(/^\d{4}-.*Z$/), true, expect.objectContaining({})]);
    }
  });
  test('tells a look from an export and from what failed, with the reason', () =>
    expect(resources.map(({ type: { code }, action, outcome, outcomeDesc }) => [code, action, outcome, outcomeDesc])).toEqual([['110103', 'R', '0', undefined], ['110106', 'R', '0', undefined], ['110113', 'E', '4', 'storage.write']]));
  test('names the entry\'s hash, so that it leads back to the chain, and subjects by their pseudonyms', () =>
    expect(resources[0]?.entity.map(({ what: { identifier: { value } } }) => value)).toEqual(['pseudonym-1', added[0]?.hash]));
});
