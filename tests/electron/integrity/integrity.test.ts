/** The service with a looker that says what it is told to; the network is tested elsewhere. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IntegrityCheck } from '#electron/contract/integrity.ts';
import type { StudyDetail } from '#electron/contract/library.ts';
import type { Fingerprint } from '#electron/integrity/fingerprint.ts';
import { openIntegrityChecks, type Integrity } from '#electron/integrity/integrity.ts';
import type { Looked, Looker } from '#electron/integrity/looker.ts';
import { Fault } from '#models/base/fault.ts';
import { ReportSection } from '#models/clinical/report.ts';
import { identity } from '#models/imaging/coordinates.ts';

const hex = (digit: string): string => digit.repeat(64);
const studyId = 'b'.repeat(24);
const frameId = (at: number): string => `${hex('a')}-${at}`;
const view = (at: number) => ({ kind: 'frame' as const, frameId: frameId(at), window: null });
const measured = { count: 3, of: 60, low: 0.02, high: 0.14 };
const looked = (level: Looked['level'] = 'suspected'): Looked => ({
  width: 16, height: 8, area: { x1: 0, y1: 0, x2: 16, y2: 8 }, level, why: null, claim: level === 'suspected' ? { class: 'TAMPERED', type: 'SPLICED', box: { x1: 1, y1: 2, x2: 9, y2: 7 } } : { class: 'REAL', type: null, box: null }, score: 0.7, regions: [], fields: 1, columns: 2, rows: 1,
  cues: [], copies: [], evidence: [{ name: 'learnt', values: 'AP8=' }], sentences: [{ text: 'It is smoother there.', doubt: null }, { text: 'It was copied.', doubt: 'The maps do not bear out: copy.' }], network: hex('c'), falseAlarms: { suspected: measured, strong: { ...measured, count: 0 } },
});
const detail = (files: readonly string[] = [hex('a')]): StudyDetail => ({
  study: { id: studyId }, files: files.map((sha256) => ({ name: 'x', sha256, bytes: 1 })), statements: [],
  series: [{ id: 's', kind: 'stack', modality: 'CT', description: '', frameOfReference: null, sliceSpacingMm: null, statements: [], slide: null, frames: [0, 1, 2].map((at) => ({ id: frameId(at) })) }],
}) as unknown as StudyDetail;

let folder: string;
let integrity: Integrity;
let news: unknown[];
let look: Looker['look'];
let files: string[];
let prints: Map<string, Fingerprint>;

const open = (): Integrity => openIntegrityChecks({
  folder, publish: ((event, payload) => news.push([event, payload])), now: () => '2030-05-06T07:08:09.000Z', idleMs: 1, study: async () => detail(files), pathOf: (sha256) => sha256,
  picture: async (asked) => ({ toSource: identity, picture: { width: 16, height: 8, data: new Uint8Array(384).fill(asked.kind === 'frame' ? Number(asked.frameId.slice(65)) : 99) } }),
  looker: {
    look: (order, options) => look(order, options), close: () => undefined,
    async fingerprint(path) {
      const found = prints.get(path);
      if (!found) throw new Fault({ code: 'dicom.truncated', what: 'x', why: 'x', mend: 'x' });
      return found;
    },
  },
});

beforeEach(() => {
  [folder, news, files, prints] = [mkdtempSync(join(tmpdir(), 'loupe-checks-')), [], [hex('a')], new Map()];
  look = async () => looked();
  integrity = open();
});
afterEach(() => integrity.close());

describe('a check', () => {
  test('gives the slices on both sides, tells how far it is, and is kept', async () => {
    const seen: (number | null)[][] = [];
    look = async ({ picture, kind, before, after }, { onField }) => {
      expect(kind).toBe('ct');
      seen.push([before?.data[0] ?? null, picture.data[0]!, after?.data[0] ?? null]);
      onField({ done: 1, total: 2 });
      return looked();
    };
    const found = await integrity.check({ checkId: 'one', studyId, view: view(1) });
    await integrity.check({ checkId: 'two', studyId, view: view(0) });
    expect(seen).toEqual([[0, 1, 2], [null, 0, null]]);
    expect(news[0]).toEqual(['integrity.progress', { checkId: 'one', done: 1, total: 2 }]);
    expect(IntegrityCheck.parse(found)).toEqual(found);
    integrity.close();
    integrity = open();
    expect(integrity.checks(studyId).map(({ id }) => id)).toEqual(['two', 'one']);
    expect(integrity.checks('c'.repeat(24))).toEqual([]);
  });

  test('is one at a time, and can be stopped', async () => {
    look = (_, { signal }) => new Promise((__, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    const first = integrity.check({ checkId: 'one', studyId, view: view(0) });
    await expect(integrity.check({ checkId: 'two', studyId, view: view(0) })).rejects.toMatchObject({ code: 'integrity.busy' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    integrity.cancel('one');
    await expect(first).rejects.toMatchObject({ code: 'integrity.stopped' });
    expect(integrity.checks(studyId)).toEqual([]);
  });
});

describe('the ledger', () => {
  const note = (file: string, pixels: string | null, instance: string | null = null, contradictions: readonly string[] = []): void => void prints.set(file, { file, pixels, instance, contradictions });

  test('knows the same pixels in another file, and other pixels under the same identifier, across starts', async () => {
    note(hex('a'), hex('1'), hex('9'));
    note(hex('d'), hex('1'), hex('8'));
    note(hex('e'), hex('2'), hex('9'), ['The header says that the largest stored value is 4; it is 5.']);
    await integrity.check({ checkId: 'one', studyId, view: view(0) });
    integrity.close();
    integrity = open();
    const same = await integrity.check({ checkId: 'two', studyId, view: { kind: 'frame', frameId: `${hex('d')}-0`, window: null } });
    expect(same.ledger).toEqual([{ code: 'samePixels', text: expect.stringContaining('2030-05-06') as string }]);
    const changed = await integrity.check({ checkId: 'three', studyId, view: { kind: 'frame', frameId: `${hex('e')}-0`, window: null } });
    expect(changed.ledger.map(({ code }) => code)).toEqual(['changedPixels', 'contradiction']);
    expect(readFileSync(join(folder, 'pixels.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3);
  });

  test('tells at once when a known image came in with other pixels', async () => {
    [files, prints] = [[hex('a'), hex('e')], new Map()];
    note(hex('a'), hex('1'), hex('9'));
    note(hex('e'), hex('2'), hex('9'));
    integrity.came([{ id: studyId }]);
    await expect.poll(() => news, { timeout: 10_000 }).toEqual([['integrity.ledger', { studyId, findings: [expect.objectContaining({ code: 'changedPixels' })] }]]);
  });

  test('reads what came in when there is time, a file that cannot be read aside', async () => {
    files = [hex('a'), hex('d'), hex('f')];
    note(hex('a'), hex('1'));
    note(hex('f'), null);
    integrity.came([{ id: studyId }]);
    await expect.poll(() => {
      try {
        return readFileSync(join(folder, 'pixels.jsonl'), 'utf8').trim().split('\n').length;
      } catch {
        return 0;
      }
    }, { timeout: 10_000 }).toBe(2);
  });
});

describe('a report', () => {
  test('has a section with the newest check of each view, its words, and how often signs are raised by mistake', async () => {
    expect(integrity.sections(studyId)).toEqual([]);
    await integrity.check({ checkId: 'one', studyId, view: view(1) });
    look = async () => looked('none');
    await integrity.check({ checkId: 'two', studyId, view: view(1) });
    expect(ReportSection.parse(integrity.sections(studyId)[0])).toMatchObject({ tone: 'plain', text: expect.stringMatching(/^Signs of alteration: none found\. Signs are no proof/) as string, rows: [{ name: 'Image 1, frame 2' }, { name: 'Network', isCode: true }] });
    look = async () => looked();
    await integrity.check({ checkId: 'three', studyId, view: view(0) });
    const [section] = integrity.sections(studyId);
    expect(section).toMatchObject({ tone: 'caution', text: expect.stringContaining('On 60 untouched images this check raised signs 3 times, strong ones 0 times.') as string });
    expect(section!.rows[0]!.value).toContain('[not borne out: It was copied.]');
  });
});
