/** `loupe report`: a study of a data folder, an answer's folder, a report that was made before. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkJournal } from '#electron/audit/chain.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { openKey } from '#electron/audit/keys.ts';
import { hashOf } from '#electron/audit/record.ts';
import type { CommandValues } from '#electron/commands/command.ts';
import { command } from '#electron/commands/report.ts';
import { openLibrary } from '#electron/library/library.ts';
import { assemble } from '#electron/library/assemble.ts';
import { inspect } from '#electron/library/inspect.ts';
import { encodePng } from '#models/imaging/picture.ts';
import { createPicture } from '#models/imaging/image.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { accepted, reportStudy } from '#tests/support/reportStudy.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
const passphraseFile = join(folder, 'passphrase');

interface Printed {
  readonly report: { readonly id: string; readonly version: number; readonly status: string; readonly undecided: number; readonly content: string | null };
  readonly files?: readonly { readonly name: string; readonly sha256: string; readonly format: string }[];
}

async function run(what: string, values: CommandValues = {}): Promise<{ printed: Printed; said: string; status: number }> {
  const printed: unknown[] = [];
  const said: string[] = [];
  const status = await command.run({ values: { data, 'passphrase-file': passphraseFile, ...values }, positionals: [what], json: true, signal: new AbortController().signal, print: (value) => printed.push(value), progress: (text) => said.push(text) });
  return { printed: printed[0] as Printed, said: said.join('\n'), status: Number(status ?? 0) };
}

const kinds = (): readonly string[] => checkJournal(readFileSync(journalFile(join(data, 'audit')))).chain.map(({ entry }) => `${entry.kind} ${typeof entry.body.method === 'string' ? entry.body.method : ''}`.trim());

beforeAll(async () => {
  writeFileSync(passphraseFile, 'a passphrase of several words\n');
  await openKey({ folder: join(data, 'audit'), passphrase: 'a passphrase of several words', work: 2 ** 14 });
});

describe('a study of the data folder', () => {
  let studyId: string;
  beforeAll(async () => {
    const study = await reportStudy(join(folder, 'images'));
    const nobody = (): Promise<never> => Promise.reject(new Error('not here'));
    const library = openLibrary({
      folder: data, now: () => '2026-01-02T00:00:00.000Z', publish: () => undefined,
      reader: { inspect: ({ path, name, sha256 }) => inspect(path, name, sha256), unpack: nobody, assemble: (files) => assemble(files), drawSamples: nobody },
    });
    await library.start([{ path: join(folder, 'images', '20260101.dcm'), name: 'film.dcm' }]).done;
    library.close();
    studyId = study.detail.study.id;
    writeFileSync(join(data, 'traces.jsonl'), `${JSON.stringify(study.trace)}\n`);
    writeFileSync(join(data, 'curation.jsonl'), `${JSON.stringify({ at: '2026-01-02T00:00:00.000Z', by: 'reader', how: 'done', what: 'Accepted', items: [{ kind: 'judgement', id: study.trace.id, value: accepted(study) }] })}\n`);
    writeFileSync(join(data, 'annotations.jsonl'), `${JSON.stringify({ at: '2026-01-02T00:00:00.000Z', studyId, changes: study.annotations.map((annotation) => ({ kind: 'put', annotation })) })}\n`);
  });

  test('is reported as it was judged, signed and written, and each act is in the journal', async () => {
    const out = join(folder, 'out');
    const { printed: { report, files = [] } } = await run(studyId, { sign: 'Reader One', meaning: 'approval', out, format: 'html,fhir' });
    expect(report).toMatchObject({ version: 1, status: 'signed', undecided: 0 });
    expect(files.map(({ format, sha256, name }) => [format, sha256 === hashOf(readFileSync(join(out, name)))])).toEqual([['html', true], ['fhir', true]]);
    expect(kinds().filter((kind) => kind !== 'log')).toEqual(['edit report.compose', 'sign passphrase', 'export']);
    expect(readFileSync(join(out, files[0]?.name ?? ''), 'utf8')).toContain('Sample, Alpha');
  });
  test('is superseded by name, and written without a name', async () => {
    const [id] = (JSON.parse(readFileSync(join(data, 'reports.jsonl'), 'utf8').split('\n')[0] ?? '') as { report: { id: string } }).report.id.split(' ');
    const { printed } = await run(id ?? '', { supersede: true, impression: 'Otherwise.', sign: 'Reader One' });
    expect(printed.report).toMatchObject({ version: 2, status: 'signed' });
    const out = join(folder, 'anonymous');
    await expect(run(id ?? '', { version: '1', out, format: 'html', 'without-subject': true })).rejects.toMatchObject({ code: 'report.unseen' });
    const again = await run(id ?? '', { version: '1', out, format: 'html', 'without-subject': true, 'pixels-seen': true });
    expect([again.printed.report.status, readFileSync(join(out, again.printed.files?.[0]?.name ?? ''), 'utf8').includes('Sample, Alpha')]).toEqual(['superseded', false]);
  });
});

describe('an answer\'s folder', () => {
  const answer = join(folder, 'answer');
  const image = encodePng(createPicture({ width: 40, height: 30 }, [10, 120, 200]));
  beforeAll(() => {
    mkdirSync(answer);
    writeFileSync(join(folder, 'image.png'), image);
    writeFileSync(join(answer, 'picture-1.png'), image);
    writeFileSync(join(answer, 'trace.json'), JSON.stringify({
      format: 'loupe.trace/1', question: 'Is there a lesion?', asked_at: '2026-01-02T00:00:00.000Z', answer: 'Yes', confidence: { value: 0.6, method: 'tokens' }, parsed: true, flags: [],
      steps: [{ kind: 'observation', text: 'A lesion is seen.', findings: [0] }], findings: [{ label: 'Lesion', frame: 0, boxes: [{ x1: 5, y1: 6, x2: 15, y2: 16 }] }],
      source: {
        kind: 'picture', title: 'image.png', modality: null, path: join(folder, 'image.png'), available: 1, files: [{ name: 'image.png', sha256: hashOf(image) }],
        frames: [{ name: 'whole image', file: 'image.png', frame: 0, width: 40, height: 30, window: null, spacing_mm: null, shown: { width: 40, height: 30 }, to_source: { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 }, resized: { width: 56, height: 56 }, pixels_sha256: 'a'.repeat(64) }],
      },
      model: { name: 'm', family: 'f', box_convention: 'relative-1000', files: [{ name: 'model.safetensors', sha256: 'b'.repeat(64) }] }, prompt: { sha256: 'c'.repeat(64) }, sampling: { temperature: 0, topP: 1, topK: 0, seed: 3, max_new_tokens: 64 },
      completion: { text: 'x', tokens: [1, 2], end: 'stop' }, machine: { device: 'cpu', runtime: 'r', platform: 'p', loupe: '1' }, timing: { answered_ms: 1000, first_token_ms: 100, tokens_per_second: 10 },
    }));
  });

  test('is reported with what the model was shown, and says which weights, prompt and seed', async () => {
    const out = join(folder, 'from-answer');
    const { printed } = await run(answer, { out, format: 'html' });
    expect(printed.report).toMatchObject({ status: 'draft', undecided: 2 });
    const html = readFileSync(join(out, printed.files?.[0]?.name ?? ''), 'utf8');
    for (const said of ['Is there a lesion?', 'A lesion is seen.', 'b'.repeat(64), 'c'.repeat(64), 'image.png']) expect(html).toContain(said);
  });
  test('is not signed undecided, and is when its steps are accepted', async () => {
    await expect(run(answer, { sign: 'Reader One' })).rejects.toMatchObject({ code: 'report.undecided' });
    expect((await run(answer, { accept: true, sign: 'Reader One' })).printed.report.status).toBe('signed');
  });
  test('of a picture has no structured report, and nothing is left behind', async () => {
    const out = join(folder, 'nothing');
    await expect(run(answer, { out, format: 'html,sr' })).rejects.toMatchObject({ code: 'report.unsuitable' });
    expect(() => readdirSync(out)).toThrow();
    expect(kinds().at(-1)).toBe('failed report.export');
  });
  test.runIf(process.platform === 'linux')('on a full disk leaves no file behind, ends with a fault, and the journal says that it failed', async () => {
    const script = join(folder, 'report.mjs');
    const source = `
      import { command } from './electron/commands/report.ts';
      const [what, data, out] = process.argv.slice(2);
      const context = { values: { data, out, format: 'html' }, positionals: [what], json: true, signal: new AbortController().signal, print: () => console.log('done'), progress: () => undefined };
      command.run(context).catch((thrown) => { console.log('fault', thrown.code); process.exitCode = 3; });`;
    await build({ stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' }, outfile: script, bundle: true, packages: 'external', platform: 'node', format: 'esm', logLevel: 'error' });
    const [modules, out] = [join(folder, 'node_modules'), join(folder, 'full')];
    symlinkSync(join(process.cwd(), 'node_modules'), modules);
    writeFileSync(join(folder, 'package.json'), '{"name":"loupe","version":"0.0.0","type":"module"}');
    mkdirSync(join(folder, 'models'));
    // A limit on the size of files cuts a write in the middle, as a disk that runs full does.
    const limited = spawnSync('bash', ['-c', `trap '' XFSZ; ulimit -f 48; exec "$0" "$@"`, process.execPath, script, answer, data, out], { encoding: 'utf8' });
    expect([limited.stdout.trim(), limited.status]).toEqual(['fault storage.write', 3]);
    expect([readdirSync(out), kinds().slice(-2)]).toEqual([[], ['export', 'failed report.export']]);
    const again = spawnSync(process.execPath, [script, answer, data, out], { encoding: 'utf8' });
    expect([again.stdout.trim(), readdirSync(out).length]).toEqual(['done', 1]);
  });
  test('is written later by its name and the folder that it came from, and by no other', async () => {
    const { id } = (await run(answer, { accept: true, sign: 'Reader One' })).printed.report;
    const out = join(folder, 'later');
    await expect(run(id, { out, format: 'html' })).rejects.toMatchObject({ code: 'report.answer' });
    const { printed } = await run(id, { answer, out, format: 'html' });
    expect([printed.report.id, printed.report.status, readdirSync(out).length]).toEqual([id, 'signed', 1]);
    expect((await run(id)).printed.report.status).toBe('signed');
  });
  test('says when its images are elsewhere, and refuses others in their place', async () => {
    const trace = readFileSync(join(answer, 'trace.json'), 'utf8');
    const moved = join(folder, 'moved');
    mkdirSync(moved);
    writeFileSync(join(moved, 'picture-1.png'), image);
    writeFileSync(join(moved, 'trace.json'), trace.replace(JSON.stringify(join(folder, 'image.png')), JSON.stringify(join(folder, 'gone.png'))));
    expect((await run(moved)).said).toMatch(/not where they were/);
    writeFileSync(join(folder, 'other.png'), encodePng(createPicture({ width: 40, height: 30 }, [1, 2, 3])));
    await expect(run(moved, { source: join(folder, 'other.png') })).rejects.toMatchObject({ code: 'report.source' });
  });
  test.each([['nothing', '{'], ['something else', '{"format":"loupe.trace/2"}']])('that holds %s is refused', async (_, text) => {
    const broken = join(folder, `broken-${text.length}`);
    mkdirSync(broken);
    writeFileSync(join(broken, 'trace.json'), text);
    await expect(run(broken)).rejects.toMatchObject({ code: 'report.folder' });
  });
});

test.each([[{ out: 'x' }, /--format/], [{ format: 'pdf' }, /--out/], [{ out: 'x', format: 'doc' }, /--format takes/], [{ sign: 'R', meaning: 'fun' }, /--meaning/]])('the command line %o is wrong', async (values, message) =>
  await expect(run('x', values as CommandValues)).rejects.toThrow(message));

test('what is nothing is said', async () => await expect(run('nothing-at-all')).rejects.toMatchObject({ code: 'report.what' }));

test('a report whose words name somebody waits for a decision on each, in a file that it makes', async () => {
  const [id = ''] = (JSON.parse(readFileSync(join(data, 'reports.jsonl'), 'utf8').split('\n')[0] ?? '') as { report: { id: string } }).report.id.split(' ');
  const named = await run(id, { supersede: true, impression: 'Alpha, born 1 January 1950, has a mass.', sign: 'Reader One' });
  const out = join(folder, 'decided');
  const texts = join(folder, 'texts.json');
  const values = { out, format: 'html', 'without-subject': true, 'pixels-seen': true };
  const waiting = await run(id, values);
  expect([waiting.status, waiting.printed, existsSync(out)]).toMatchObject([10, { texts: [{ where: 'Impression', hits: [{ found: 'Alpha' }, { found: '1 January 1950' }] }] }, false]);
  expect((await run(id, { ...values, texts })).status).toBe(10);
  await expect(run(id, { ...values, texts })).rejects.toMatchObject({ code: 'report.texts', why: expect.stringContaining('Impression') as unknown });
  writeFileSync(texts, readFileSync(texts, 'utf8').replace('"decision": null', '"decision": "replace"'));
  const made = await run(id, { ...values, texts });
  const page = readFileSync(join(out, made.printed.files?.[0]?.name ?? ''), 'utf8');
  expect([named.printed.report.version, made.status, page.includes('the patient, born [date], has a mass.'), page.includes('Alpha')]).toEqual([3, 0, true, false]);
  const kept = await run(id, { ...values, out: join(folder, 'kept'), texts: 'keep' });
  expect(readFileSync(join(folder, 'kept', kept.printed.files?.[0]?.name ?? ''), 'utf8')).toContain('Alpha, born');
});
