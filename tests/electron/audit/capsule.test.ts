/** A capsule proves an answer to a stranger; every kind of tampering has its name; parts and fields can be withheld. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openAudit, type AnswerToKeep, type Audit } from '#electron/audit/audit.ts';
import { canonical } from '#electron/audit/canonical.ts';
import { checkCapsule, redact, type CapsuleCheck } from '#electron/audit/capsule.ts';
import { commitmentOf, fieldsOf, openedRecord, rootsOf } from '#electron/audit/fields.ts';
import { fingerprintOf } from '#electron/audit/note.ts';
import { kinds, type Kind } from '#electron/audit/verdict.ts';
import { openZip, zip, type ZipEntry } from '#electron/audit/zip.ts';
import { newKey, temporaryFolder } from '#tests/support/audit.ts';
import { openKey } from '#electron/audit/keys.ts';

const folder = temporaryFolder();
const hash = (digit: string): string => digit.repeat(64);
const answerOf = (): AnswerToKeep => ({
  studyId: 'abc', study: { title: 'CANARY^PATIENT', modality: 'CT' }, question: 'Is there a CANARY fracture?', sources: [{ name: 'canary.dcm', bytes: 10, sha256: hash('a') }],
  frames: [{
    name: 'CANARY slice', source: hash('a'), index: 0, region: null, window: 'Lung', asked: null, sourceSize: { width: 2, height: 2 }, toSource: { xx: 1 },
    picture: { width: 1, height: 1, data: Uint8Array.of(1, 2, 3), png: Uint8Array.of(137, 80, 78, 71, 1, 2, 3) }, resized: { width: 28, height: 28 }, grid: [1, 2, 2], tensor: hash('b'),
  }],
  model: { name: 'm', family: 'f', boxes: 'relative-1000', files: [{ name: 'config.json', bytes: 3, sha256: hash('c') }, { name: 'model.safetensors', bytes: 9, sha256: hash('d') }] },
  prompt: { ids: [1, 2, 3], system: null }, sampling: { temperature: 0, topP: 1, topK: 0, seed: 7, maxNewTokens: 5 },
  output: { tokens: [4, 5], logProbabilities: [-0.1, -0.2], text: 'yes', end: 'stop' },
  reading: { parsed: true, answer: 'yes', steps: [{ kind: 'observation', text: 'It is.' }], findings: [], flags: [], confidence: null, probe: null },
  machine: { device: 'cpu', runtime: 'r' }, timing: { total: 1 },
});

let audit: Audit;
let path = '';
let id = '';
let files: readonly ZipEntry[] = [];
const passphrase = 'a passphrase of several words';

beforeAll(async () => {
  await openKey({ folder: join(folder, 'data', 'audit'), passphrase, work: 2 ** 14 });
  audit = await openAudit({ dataFolder: join(folder, 'data'), version: '1', passphrase });
  const imported = audit.journal.append({ kind: 'import', body: { sha256: hash('a') } });
  for (let i = 0; i < 5; i++) audit.journal.append({ kind: 'view' }, { isDurable: false });
  ({ id } = await audit.keep({ ...answerOf(), story: [imported.entry.seq] }));
  files = audit.capsule(id, [{ path: 'report.html', kind: 'report', holds: ['identity', 'pictures'], bytes: Buffer.from('<p>CANARY</p>') }]);
  path = written(files);
});

let made = 0;
function written(entries: readonly ZipEntry[] | Uint8Array): string {
  const name = join(folder, `${made++}.zip`);
  writeFileSync(name, entries instanceof Uint8Array ? entries : zip(entries));
  return name;
}
const replaced = (name: string, change: (bytes: Buffer) => Uint8Array | string): readonly ZipEntry[] =>
  files.map((file) => (file.name === name ? { name, bytes: Buffer.from(change(Buffer.from(file.bytes))) } : file));
/** What the capsule's own files hold, as far as tests change it. */
interface Own {
  fields: { path: string; value?: unknown; commit: string; salt: string }[];
  parts: { commit: string }[];
  entries: { proof: string[] }[];
  at: string;
  key: string;
  note: string;
}
const json = (name: string, change: (value: Own) => void): readonly ZipEntry[] => replaced(name, (bytes) => {
  const value = JSON.parse(bytes.toString()) as Own;
  change(value);
  return canonical(value);
});
function check(entries: readonly ZipEntry[] | Uint8Array, kind: Kind, where?: string): CapsuleCheck {
  const result = checkCapsule(written(entries));
  expect({ status: result.status, findings: result.findings }).toMatchObject({ status: kinds[kind].status, findings: expect.arrayContaining([expect.objectContaining({ kind, ...(where === undefined ? {} : { where: expect.stringContaining(where) }) })]) });
  return result;
}
const fieldNamed = (value: Pick<Own, 'fields'>, name: string) => value.fields.find((field) => field.path === name)!;

describe('a capsule', () => {
  test('holds, with the record, its pictures and reports, and the entries that prove it', () => {
    const result = checkCapsule(path);
    expect(result).toMatchObject({ isWhole: true, status: 0, findings: [], id, parts: ['README.txt', 'pictures/0.png', 'report.html'], withheld: [] });
    expect(result.record).toMatchObject({ question: 'Is there a CANARY fracture?', frames: [{ tensor: hash('b') }], output: { tokens: [4, 5] }, software: { name: 'loupe' } });
  });
  test('names nobody in its journal entries', () => expect(Buffer.from(files.find(({ name }) => name === 'journal.jsonl')!.bytes).toString()).not.toContain('CANARY'));
  test('is not made without a key', async () => {
    const other = await openAudit({ dataFolder: join(folder, 'keyless'), version: '1' });
    const kept = await other.keep(answerOf());
    expect(() => other.capsule(kept.id)).toThrow(expect.objectContaining({ code: 'audit.unsigned' }));
    other.close();
  });
});

describe('tampering is named', () => {
  test('flip: any byte of the file', () => {
    const bytes = readFileSync(path);
    const target = join(folder, 'flipped.zip');
    fc.assert(fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const flipped = Buffer.from(bytes);
      flipped[at] = flipped[at]! ^ mask;
      writeFileSync(target, flipped);
      expect({ at, status: checkCapsule(target).status }).toEqual({ at, status: kinds.changed.status });
    }), { numRuns: 150 });
  });
  test('truncate: at any byte', () => {
    const bytes = readFileSync(path);
    const target = join(folder, 'cut.zip');
    fc.assert(fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
      writeFileSync(target, bytes.subarray(0, length));
      expect({ length, status: checkCapsule(target).status }).toEqual({ length, status: length < 4 ? kinds.changed.status : kinds.truncated.status });
    }), { numRuns: 60 });
  });
  test('a replaced picture', () => check(replaced('pictures/0.png', () => Uint8Array.of(137, 80, 78, 71, 9, 9, 9)), 'picture', 'pictures/0.png'));
  test('a changed report', () => check(replaced('report.html', (bytes) => bytes.toString().replace('CANARY', 'nobody')), 'part', 'report.html'));
  test('a replaced weight hash', () => check(json('record.json', (value) => void (fieldNamed(value, 'model/files/1/sha256').value = hash('e'))), 'weights', 'model/files/1/sha256'));
  test('a replaced weight hash with a commitment that fits it', () => check(json('record.json', (value) => {
    const field = fieldNamed(value, 'model/files/1/sha256');
    field.value = hash('e');
    field.commit = commitmentOf(field.salt, canonical(field.value));
  }), 'weights', 'model'));
  test('a changed answer', () => check(json('record.json', (value) => void (fieldNamed(value, 'reading/answer').value = 'no')), 'field', 'reading/answer'));
  test('a field that was taken out', () => check(json('record.json', (value) => void value.fields.splice(3, 1)), 'field'));
  test('a manifest that names other content', () => check(json('manifest.json', (value) => void (value.parts[1]!.commit = hash('f'))), 'picture'));
  test('a manifest with another time', () => check(json('manifest.json', (value) => void (value.at = '2000-01-01')), 'manifest'));
  test('a missing part', () => check(files.filter(({ name }) => name !== 'pictures/0.png'), 'missing', 'pictures/0.png'));
  test('a missing journal', () => check(files.filter(({ name }) => name !== 'journal.jsonl'), 'missing', 'journal.jsonl'));
  test('something that does not belong to it', () => check([...files, { name: 'extra.txt', bytes: Buffer.from('x') }], 'extra', 'extra.txt'));
  test('a deleted entry', () => check(replaced('journal.jsonl', (bytes) => bytes.toString().split('\n').toSpliced(1, 1).join('\n')), 'deleted'));
  test('a changed entry', () => check(replaced('journal.jsonl', (bytes) => bytes.toString().replace('"kind":"import"', '"kind":"delete"')), 'changed'));
  test('a proof that leads elsewhere', () => check(json('proofs.json', (value) => void (value.entries[1]!.proof[0] = hash('0'))), 'proof'));
  test('a forged key: another one in the place of the journal\'s', () => check(json('proofs.json', (value) => void (value.key = Buffer.from(newKey().publicKey).toString('base64'))), 'forged'));
  test('a forged checkpoint', () => check(json('proofs.json', (value) => void (value.note = value.note.replace(/time 20/, 'time 19'))), 'forged'));
  test('a forged journal, where the fingerprint is known', () => {
    const fingerprint = checkCapsule(path).fingerprint!;
    expect(checkCapsule(path, { fingerprint }).isWhole).toBe(true);
    expect(checkCapsule(path, { fingerprint: fingerprintOf(newKey().publicKey) }).status).toBe(kinds.forged.status);
  });
  test('weights at hand that are not those that answered', () => {
    expect(checkCapsule(path, { model: [{ name: 'config.json', bytes: 3, sha256: hash('c') }, { name: 'model.safetensors', bytes: 9, sha256: hash('d') }] }).isWhole).toBe(true);
    expect(checkCapsule(path, { model: [{ name: 'config.json', bytes: 3, sha256: hash('c') }, { name: 'model.safetensors', bytes: 9, sha256: hash('9') }] }).status).toBe(kinds.weights.status);
  });
});

describe('a released copy', () => {
  test('without pictures and identity holds none of either, and verifies', () => {
    const released = written(redact(path, ['pictures', 'identity']));
    const result = checkCapsule(released, { fingerprint: checkCapsule(path).fingerprint! });
    expect(result).toMatchObject({ isWhole: true, withheld: ['pictures/0.png', 'report.html'], record: { model: { files: [{ name: 'config.json' }, { name: 'model.safetensors' }] }, output: { tokens: [4, 5] } } });
    const bytes = readFileSync(released).toString('latin1');
    for (const secret of ['CANARY', 'canary', hash('a'), hash('b'), '\x89PNG']) expect(bytes).not.toContain(secret);
    expect(result.record).not.toHaveProperty('question');
  });
  test('without pictures keeps who it is about', () => {
    const result = checkCapsule(written(redact(path, ['pictures'])));
    expect(result).toMatchObject({ isWhole: true, withheld: ['pictures/0.png', 'report.html'], record: { study: { title: 'CANARY^PATIENT' } } });
  });
  test('is still bound: a withheld field cannot be opened with another value', () => {
    const released = redact(path, ['identity']);
    const record = released.find(({ name }) => name === 'record.json')!;
    const value = JSON.parse(Buffer.from(record.bytes).toString()) as { fields: { path: string; commit: string; salt?: string; value?: unknown }[] };
    const field = value.fields.find(({ path: name }) => name === 'question')!;
    Object.assign(field, { salt: '0'.repeat(32), value: 'Is it normal?' });
    check(released.map((file) => (file === record ? { name: file.name, bytes: Buffer.from(canonical(value)) } : file)), 'field', 'question');
  });
});

describe('fields', () => {
  test('put together again they are the record', () => {
    fc.assert(fc.property(fc.dictionary(fc.string({ maxLength: 8 }).filter((name) => !/^\d+$/.test(name) && name !== ''), fc.jsonValue({ maxDepth: 1 })), (value) => {
      const record = JSON.parse(JSON.stringify(value)) as never;
      if (Object.keys(record).length === 0 || /"\d+":/.test(JSON.stringify(record)) || /"":/.test(JSON.stringify(record))) return;
      expect(canonical(openedRecord(fieldsOf(record, Buffer.alloc(32))))).toBe(canonical(record));
    }), { numRuns: 60 });
  });
  test('the same value has another commitment elsewhere, so that a guess cannot be tried', () => {
    const [first, second] = [1, 2].map((byte) => fieldsOf({ sex: 'F', again: 'F' }, Buffer.alloc(32, byte)));
    expect(new Set([...first!, ...second!].map(({ commit }) => commit)).size).toBe(4);
    expect(rootsOf(first!).root).not.toBe(rootsOf(second!).root);
  });
});

describe('the stand-alone verifier', () => {
  const where = mkdtempSync(join(tmpdir(), 'loupe-verifier-'));
  const verifier = join(where, 'loupe-verify.mjs');
  const verify = (...words: string[]) => spawnSync(process.execPath, [verifier, ...words], { encoding: 'utf8', cwd: where, env: {} });
  beforeAll(async () => {
    const out = join(folder, 'bundle');
    mkdirSync(out);
    const { verifier: build } = await import(pathToFileURL(resolve('electron/bundle.mjs')).href) as { verifier: (folder: string) => Promise<string> };
    await build(out);
    writeFileSync(verifier, readFileSync(join(out, 'loupe-verify.mjs')));
  });
  test('is one file below 100 kB that imports nothing but Node', () => {
    const source = readFileSync(verifier, 'utf8');
    const imported = [...source.matchAll(/(?:from|import\()\s*["']([^"']+)["']/g)].map((match) => match[1]!);
    expect(imported.filter((name) => !name.startsWith('node:'))).toEqual([]);
    expect(source.length).toBeLessThan(100_000);
  });
  test('says that a capsule and a journal are whole, far from the program', () => {
    expect(verify(path)).toMatchObject({ status: 0, stdout: expect.stringContaining('The capsule is whole.') });
    expect(verify(audit.journal.path, '--json')).toMatchObject({ status: 0, stdout: expect.stringContaining('"isWhole":true') });
  });
  test('gives each kind of tampering its own words and exit status', () => {
    const picture = verify(written(replaced('pictures/0.png', () => 'other')));
    expect(picture).toMatchObject({ status: 17, stdout: expect.stringContaining('PICTURE pictures/0.png: A picture was replaced.') });
    const lines = readFileSync(audit.journal.path, 'utf8').split('\n');
    writeFileSync(join(where, 'j.jsonl'), lines.toSpliced(3, 1).join('\n'));
    expect(verify('j.jsonl')).toMatchObject({ status: 11, stdout: expect.stringContaining('DELETED') });
    writeFileSync(join(where, 'plain.txt'), 'hello');
    expect(verify('plain.txt').status).toBe(1);
    expect(verify().status).toBe(2);
  });
});

describe('every kind of finding', () => test('has an exit status and words of its own', () => {
  const all = Object.values(kinds);
  expect(new Set(all.map(({ status }) => status)).size).toBe(all.length);
  expect(new Set(all.map(({ what }) => what)).size).toBe(all.length);
}));

test('an archive of other makers is no capsule', () => {
  expect(checkCapsule(written(Buffer.from('plain text, and nothing else'))).status).toBe(kinds.changed.status);
  expect(() => openZip(written(Buffer.from('x')))).toThrow();
});
