/** The workstation writes down what it does: first the entry, then the act. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKey } from '#electron/audit/keys.ts';
import { checkJournal, type Entry } from '#electron/audit/chain.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { hashOf } from '#electron/audit/record.ts';
import { startAudit, type Audited } from '#electron/audited.ts';
import type { Handlers } from '#electron/contract/contract.ts';
import type { LibraryReader } from '#electron/library/library.ts';
import { slideManifest } from '#electron/library/slides.ts';
import type { AnsweredQuestion } from '#electron/review/ask.ts';
import { Fault } from '#models/base/fault.ts';
import { temporaryFolder } from '#tests/support/audit.ts';

const folder = temporaryFolder();
const passphrase = 'a passphrase of several words';
let audited: Audited;
const order: string[] = [];

const entries = (): readonly Entry[] => checkJournal(readFileSync(journalFile(join(folder, 'audit')))).chain.map(({ entry }) => entry);
const last = (): Entry => entries().at(-1) as Entry;

beforeAll(async () => {
  await openKey({ folder: join(folder, 'audit'), passphrase, work: 2 ** 14 });
  audited = startAudit({ folder, version: '1', system: null, passphrase: () => passphrase, tell: (notice) => order.push(notice) });
  await audited.audit;
});
afterAll(() => audited.close());

const handlers = (): Handlers => audited.handlers({
  'library.remove': async () => {
    order.push(`removed after ${last().kind}`);
    return { undoId: 'u' };
  },
  'library.list': async () => [],
  'review.check': async () => ({}),
  'audit.open': async () => {
    throw new Fault({ code: 'audit.passphrase', what: 'No.', why: 'Another one.', mend: 'Try again.' });
  },
  'review.stop': async () => null,
  'similar.search': async () => [],
  'similar.tell': async () => ({}),
  'similar.answer': async () => ({}),
  'similar.report': async () => ({}),
  'curate.change': async () => null,
  'library.restore': async () => {
    throw new Fault({ code: 'library.gone', what: 'No.', why: 'It is gone.', mend: 'Import it.' });
  },
} as unknown as Handlers);

describe('a call', () => {
  test('that deletes is in the journal before it is done, under a pseudonym', async () => {
    await handlers()['library.remove']({ studyIds: ['study-one'] });
    expect(order).toContain('removed after delete');
    expect(last()).toMatchObject({ kind: 'delete', body: { method: 'library.remove' } });
    expect(last().subject.study).toMatch(/^[0-9a-f]{32}$/);
  });
  test('that fails is in the journal with its reason\'s code', async () => {
    await expect(handlers()['library.restore']({ undoId: 'u' })).rejects.toMatchObject({ code: 'library.gone' });
    expect(entries().slice(-2)).toMatchObject([{ kind: 'restore' }, { kind: 'failed', body: { method: 'library.restore', code: 'library.gone' } }]);
  });
  test('that judges names the study of what was judged, once', async () => {
    const value = { studyId: 'study-one' };
    await handlers()['curate.change']({ what: 'Accepted', how: 'done', items: [{ kind: 'judgement', id: 'a', value }, { kind: 'judgement', id: 'b', value }, { kind: 'case', id: 'c', value: null }] } as never);
    const removal = entries().find(({ kind }) => kind === 'delete');
    expect([last().kind, last().subject]).toEqual(['judge', { study: removal?.subject.study }]);
  });
  test('that opens the key is in the journal only where it fails, without what it was given', async () => {
    await expect(handlers()['audit.open']({ passphrase: 'wrong words' })).rejects.toMatchObject({ code: 'audit.passphrase' });
    expect(last()).toMatchObject({ kind: 'failed', body: { method: 'audit.open', code: 'audit.passphrase' } });
    expect(last().body.argument).toBeUndefined();
  });
  test('that checks the evidence of an answer is in the journal with the answer', async () => {
    await handlers()['review.check']({ traceId: 'trace-9' });
    expect(last()).toMatchObject({ kind: 'probe', subject: { answer: 'trace-9' }, body: { method: 'review.check' } });
  });
  test('that looks for similar cases, tells classes by words or says which image is the odd one is in the journal, without its words', async () => {
    const before = entries().length;
    await handlers()['similar.search']({ sought: { by: 'picture', key: 'a'.repeat(64), studyId: 'study-one' }, most: 3 });
    const { subject } = entries().find(({ kind }) => kind === 'delete') as Entry;
    expect(last()).toMatchObject({ kind: 'probe', subject: { study: subject.study }, body: { method: 'similar.search', argument: expect.stringMatching(/^[0-9a-f]{32}$/) } });
    await handlers()['similar.search']({ sought: { by: 'sentence', text: 'pneumonia of Mr Miller' }, most: 3 });
    expect(JSON.stringify(last())).not.toContain('Miller');
    await handlers()['similar.tell']({ ensemble: {}, over: 'library' } as never);
    await handlers()['similar.answer']({ questionId: 'q', odd: 1, seconds: 2, screenScale: 1 });
    expect(last()).toMatchObject({ kind: 'judge', body: { method: 'similar.answer' } });
    await handlers()['similar.report'](null);
    expect(entries().length).toBe(before + 4);
  });
  test('that only asks for a list is not', async () => {
    const before = entries().length;
    await handlers()['library.list'](null);
    expect(entries().length).toBe(before);
  });
});

test('a file\'s hash is in the journal before its bytes are looked into', async () => {
  const reader = audited.reader({ inspect: async () => Promise.resolve({ kind: 'archive', seen: last().kind }) } as unknown as LibraryReader);
  expect(await reader.inspect({ path: 'p', name: 'n', sha256: 'a'.repeat(64) })).toMatchObject({ seen: 'import' });
  expect(last().body).toEqual({ sha256: 'a'.repeat(64) });
});

test('an answer is on record with the bytes, pixels, tensor and weights that it came from', async () => {
  const [source, model] = [join(folder, 'source.png'), join(folder, 'model')];
  writeFileSync(source, 'source bytes');
  mkdirSync(model);
  writeFileSync(join(model, 'config.json'), '{}');
  writeFileSync(join(model, 'README.md'), 'not decisive');
  const sha256 = hashOf('source bytes');
  const patches = Float32Array.of(1, 2, 3);
  const question = {
    askId: 'ask-1', maxNewTokens: 64, pictures: [{ picture: { width: 1, height: 1, data: Uint8Array.of(9, 8, 7) }, toSource: {}, source: { width: 1, height: 1 }, window: null }],
    model: { folder: model, family: 'f', device: 'cpu', weightFiles: [], convention: 'relative-1000', runtime: 'r 1' },
    given: { tokens: [5, 6], logProbabilities: [-1, -2], text: 'no', end: 'stop', inputs: { ids: [1, 2], images: [{ gridThw: [1, 2, 2], resized: { width: 28, height: 28 } }], patches: [patches] } },
    trace: {
      id: 'trace-1', studyId: 's', askedAt: '', question: 'Is it?', parsed: true, steps: [], findings: [], answer: 'no', flags: [], confidence: null, timing: { firstTokenMs: 1, totalMs: 2, tokensPerSecond: 3 },
      views: [{ view: { kind: 'frame', frameId: `${sha256}-0`, window: null }, name: 'whole image', window: null, shown: { width: 1, height: 1 }, source: { width: 1, height: 1 }, resized: { width: 28, height: 28 }, pixelsSha256: '', slot: 'prior' }],
      model: { name: 'm', family: 'f', device: 'cpu', weightsSha256: [] },
    },
  } as unknown as AnsweredQuestion;
  await audited.answered(question, () => source);
  const kept = (await audited.audit).answer('trace-1');
  expect(kept.record).toMatchObject({
    question: 'Is it?', sources: [{ sha256 }], frames: [{ source: sha256, picture: { sha256: hashOf(Uint8Array.of(9, 8, 7)) }, tensor: hashOf(patches), slot: 'prior' }],
    model: { files: [{ name: 'config.json', sha256: hashOf('{}') }] }, sampling: { maxNewTokens: 64, seed: 0 }, output: { tokens: [5, 6] }, machine: { device: 'cpu', runtime: 'r 1' },
  });
  expect(kept.record.model.files).toHaveLength(1);
  expect(entries()[kept.seq]).toMatchObject({ kind: 'answer', subject: { answer: 'trace-1' } });
  expect((await audited.audit).capsule('trace-1').map(({ name }) => name)).toContain('pictures/0.png');
});

test('an answer about a slide of several files names each of them, and the text that puts them together', async () => {
  const store = join(folder, 'store');
  const put = (content: string): string => {
    const sha256 = hashOf(content);
    mkdirSync(join(store, sha256.slice(0, 2)), { recursive: true });
    writeFileSync(join(store, sha256.slice(0, 2), sha256.slice(2)), content);
    return sha256;
  };
  const levels = ['level 0', 'level 1'].map(put);
  const slideId = put(slideManifest(levels.map((sha256, i) => ({ name: `${i}.dcm`, sha256 }))));
  const question = {
    askId: 'ask-2', maxNewTokens: 64, pictures: [{ picture: { width: 1, height: 1, data: Uint8Array.of(9, 8, 7) }, toSource: {}, source: { width: 1, height: 1 }, window: null }],
    model: { folder: join(folder, 'model'), family: 'f', device: 'cpu', weightFiles: [], convention: '', runtime: '' },
    given: { tokens: [], logProbabilities: [], text: '', end: 'stop', inputs: { ids: [], images: [], patches: [] } },
    trace: {
      id: 'trace-2', studyId: 's', askedAt: '', question: 'Is it?', parsed: false, steps: [], findings: [], answer: null, flags: [], confidence: null, timing: { firstTokenMs: 1, totalMs: 2, tokensPerSecond: 3 },
      views: [{ view: { kind: 'slide', slideId, region: null }, name: 'whole slide', window: null, shown: { width: 1, height: 1 }, source: { width: 1, height: 1 }, resized: { width: 28, height: 28 }, pixelsSha256: '', slot: 'prior' }],
      model: { name: 'm', family: 'f', device: 'cpu', weightsSha256: [] },
    },
  } as unknown as AnsweredQuestion;
  await audited.answered(question, (sha256) => join(store, sha256.slice(0, 2), sha256.slice(2)));
  const { record } = (await audited.audit).answer('trace-2');
  expect(record.sources.map(({ sha256 }) => sha256)).toEqual([slideId, ...levels.toSorted()]);
  expect(record.frames[0]?.source).toBe(slideId);
});

test('a journal that another program holds stops what must be written down', async () => {
  const other = startAudit({ folder, version: '1', system: null, passphrase: () => null, tell: () => undefined });
  const { 'library.remove': remove } = other.handlers({ 'library.remove': async () => ({ undoId: 'never' }) } as unknown as Handlers);
  await expect(remove({ studyIds: ['x'] })).rejects.toMatchObject({ code: 'audit.locked' });
  await other.close();
});
