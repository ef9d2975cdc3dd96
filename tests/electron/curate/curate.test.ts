/** Review → judge → case → lint → snapshot → evaluate, through the services and without a window. */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { noJudgement, type CuratedCase, type Item, type Judgement } from '#electron/contract/curate.ts';
import { regionsOf } from '#electron/contract/regions.ts';
import type { Trace } from '#electron/contract/review.ts';
import { openCuration, type Curation, type CurationOptions } from '#electron/curate/curate.ts';
import { captured } from '#electron/library/captured.ts';
import { scaling } from '#models/imaging/coordinates.ts';
import { createPicture } from '#models/imaging/image.ts';
import { encodePng } from '#models/imaging/picture.ts';
import { openPixels } from '#electron/library/pixels.ts';
import { openBlobs } from '#electron/storage/blobs.ts';
import { closeArchives, readIndex } from '#training/data/cases.ts';
import { readSnapshot } from '#training/data/snapshot.ts';
import { evaluate } from '#training/evaluate.ts';
import { evaluationTurns } from '#training/synthesis/questions.ts';
import { sampleStudy } from '#training/synthesis/samples.ts';

let folder: string;
let film: string;
let frameId: string;
const studyId = '0'.repeat(24);
const pixels = openPixels();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loupe-curate-'));
  film = join(folder, 'film.dcm');
  writeFileSync(film, [...sampleStudy('chest-film').files.values()][0] as Uint8Array);
  frameId = `${'a'.repeat(64)}-0`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hash = 'b'.repeat(64);
function traceOf(changes: Partial<Trace> = {}): Trace {
  return {
    id: 'trace-1', studyId, askedAt: '2026-01-01T00:00:00Z', question: 'Where are the lungs? Give boxes.',
    views: [{ view: { kind: 'frame', frameId, window: null }, name: 'whole image', window: null, shown: { width: 768, height: 768 }, source: { width: 768, height: 768 }, resized: { width: 224, height: 224 }, pixelsSha256: hash }],
    raw: '', parsed: true, steps: [{ kind: 'observation', text: 'The right lung is clear.', findings: [0] }, { kind: 'measurement', text: 'It is 30 pixels wide.', findings: [] }, { kind: 'conclusion', text: 'Both lungs are seen.', findings: [0, 1] }],
    findings: [{ label: 'right lung', frame: 0, boxes: [{ x1: 100, y1: 120, x2: 340, y2: 600 }] }, { label: 'left lung', frame: 0, boxes: [{ x1: 420, y1: 120, x2: 660, y2: 600 }] }],
    answer: '[{"bbox_2d":[29,35,99,175],"label":"right lung"},{"bbox_2d":[122,35,192,175],"label":"left lung"}]', flags: [], confidence: { value: 0.4, method: 'mean' }, end: 'stop',
    model: { name: 'loupe-base', family: 'qwen2_5_vl', device: 'cpu', weightsSha256: [hash] }, tokens: 40, timing: { firstTokenMs: 1, totalMs: 2, tokensPerSecond: 3 }, ...changes,
  };
}

const open: Curation[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  closeArchives();
});
let count = 0;
interface Bench {
  readonly curation: Curation;
  readonly folder: string;
  readonly statuses: string[];
  again(): Bench;
}
interface BenchOptions {
  readonly patients?: Readonly<Record<string, string>>;
  readonly at?: string;
  readonly picture?: CurationOptions['picture'];
}
/** Frames are decoded once for all tests. */
const shown = new Map<string, ReturnType<CurationOptions['picture']>>();
const filmPicture: CurationOptions['picture'] = (view) => {
  const key = JSON.stringify(view);
  const known = shown.get(key) ?? captured(pixels, { path: film, index: 0, window: view.kind === 'frame' ? view.window : null, region: null });
  shown.set(key, known);
  return known;
};
function bench(traces: readonly Trace[] = [traceOf()], { patients = {}, at = join(folder, `bench-${++count}`), picture = filmPicture }: BenchOptions = {}): Bench {
  const statuses: string[] = [];
  const curation = openCuration({
    folder: at, blobs: openBlobs(join(at, 'blobs')), publish: () => undefined, now: () => '2026-01-02T00:00:00Z', by: 'reader', traces: () => traces, reliance: ({ id }) => ({ 1: 0.4, 3: 0.1 })[id] ?? null,
    study: async (id) => ({ study: { id, kind: 'radiology', patient: 'PHANTOM, FILM', patientId: patients[id] ?? 'P1', modalities: ['DX'], sex: null, status: 'asked' }, series: [], files: [], statements: [] }) as never,
    picture,
    setStatus: (id, status) => void statuses.push(`${id}:${status}`),
  });
  open.push(curation);
  return { curation, folder: at, statuses, again: () => bench(traces, { patients, at, picture }) };
}
const judge = (curation: Curation, judgement: Judgement, what = 'Judged'): Promise<void> => curation.change({ what, how: 'done', items: [{ kind: 'judgement', id: judgement.traceId, value: judgement }] });
const judgementOf = (change: Partial<Judgement>): Judgement => ({ ...noJudgement('trace-1', studyId), ...change });
const putCase = (value: CuratedCase): Item => ({ kind: 'case', id: value.id, value });

describe('an answer that was judged', () => {
  test('becomes a case that the trainer reads, lint accepts, a snapshot keeps and evaluate asks', async () => {
    const { curation, folder: at, statuses } = bench();
    const [right] = regionsOf(traceOf());
    const moved = { x1: 90, y1: 110, x2: 350, y2: 610 };
    await judge(curation, judgementOf({ steps: { 0: { verdict: 'accepted', text: null } }, boxes: { [right!.id]: moved }, answer: { verdict: 'edited', text: null } }));
    const made = await curation.capture('trace-1', null);
    expect(made.label).toEqual({ kind: 'boxes', boxes: [{ label: 'right lung', box: moved }, { label: 'left lung', box: { x1: 420, y1: 120, x2: 660, y2: 600 } }] });
    expect(made).toMatchObject({ modality: 'xray', traceId: 'trace-1', verdict: 'edited', weights: [hash], steps: [{ kind: 'observation', text: 'The right lung is clear.' }] });
    expect(made.group).not.toContain('P1');
    expect(statuses).toContain(`${studyId}:judged`);

    const checked = await curation.check();
    expect([checked.cases, checked.written, checked.withheld]).toEqual([1, 1, 0]);
    expect(checked.issues.filter(({ severity }) => severity === 'error')).toEqual([]);
    const records = await readIndex(join(at, 'dataset', 'index.jsonl'));
    const snapshot = await curation.snapshot();
    expect(readSnapshot(snapshot.path).rows.map(({ id }) => id)).toEqual([made.id]);

    const truth = evaluationTurns(records[0]!, 'curated', records[0]!)[0]!;
    const measured = await evaluate(records, { seenSize: ({ width, height }) => ({ width, height }), convention: 'absolute-resized', answer: async (requests) => requests.map(({ question }) => (question === truth.question ? truth.completion : '')) });
    expect(measured.question_types.curated).toMatchObject({ accuracy: 1, n: 1 });
    expect(measured.boxes).toMatchObject({ right_lung: { mean_iou: 1 }, left_lung: { mean_iou: 1 } });
  });

  test('stands beside a case of boxes that a search found and a person accepted, which is brought up to date by its name', async () => {
    const { curation, folder: at } = bench();
    const found = { studyId, name: 'lung', localizer: hash, view: traceOf().views[0]!.view, boxes: [{ x1: 90, y1: 110, x2: 350, y2: 610 }] };
    const made = await curation.captureFound(found);
    expect(made).toMatchObject({ question: 'Where is every lung? Give boxes.', verdict: 'accepted', weights: [hash], label: { kind: 'boxes', boxes: [{ label: 'lung' }] } });
    const more = await curation.captureFound({ ...found, boxes: [...found.boxes, { x1: 420, y1: 120, x2: 660, y2: 600 }] });
    expect([more.id, curation.dataset().cases.length]).toEqual([made.id, 1]);
    const checked = await curation.check();
    expect([checked.written, checked.issues.filter(({ severity }) => severity === 'error')]).toEqual([1, []]);
    const [record] = await readIndex(join(at, 'dataset', 'index.jsonl'));
    expect(evaluationTurns(record!, 'curated', record!)[0]!.gold).toMatchObject({ kind: 'boxes', boxes: [{ label: 'lung' }, { label: 'lung' }] });
    await expect(curation.captureFound({ ...found, boxes: [{ x1: -500, y1: 0, x2: -400, y2: 10 }] })).rejects.toMatchObject({ code: 'curate.verifier' });
  });

  test('gives each step a case of its own: places as boxes, a rejected claim as a no', async () => {
    const { curation } = bench();
    await judge(curation, judgementOf({ steps: { 2: { verdict: 'rejected', text: null } } }));
    expect(await curation.capture('trace-1', 0)).toMatchObject({ question: 'Where is the right lung? Give a box.', label: { kind: 'boxes' }, verdict: 'accepted' });
    expect(await curation.capture('trace-1', 2)).toMatchObject({ question: 'Is this true of the image? Both lungs are seen.', label: { kind: 'yesNo', value: false }, verdict: 'rejected' });
    // Who makes a case of a step has accepted it.
    expect(curation.judgements(studyId).judgements[0]?.steps[0]).toEqual({ verdict: 'accepted', text: null });
  });

  test('a second capture brings the case up to date instead of doubling it', async () => {
    const { curation } = bench();
    await curation.capture('trace-1', 0);
    await judge(curation, judgementOf({ boxes: { [regionsOf(traceOf())[0]!.id]: null }, added: [{ id: 'own', frameId, step: 0, label: 'right lung', box: { x1: 95, y1: 100, x2: 345, y2: 605 } }] }));
    await curation.capture('trace-1', 0);
    expect(curation.dataset().cases.map(({ label }) => label)).toEqual([{ kind: 'boxes', boxes: [{ label: 'right lung', box: { x1: 95, y1: 100, x2: 345, y2: 605 } }] }]);
  });

  test.each([
    ['yes, consolidation in the left lung', { kind: 'yesNo', value: true }],
    ['12.5 mm', { kind: 'number', value: 12.5, tolerance: 1.25, unit: 'mm' }],
    ['B', { kind: 'choice', options: ['benign', 'malignant'], right: 1 }],
    ['pneumonia.', { kind: 'word', accept: ['pneumonia'], reject: [] }],
  ] as const)('the answer %s is a label that a program can check', async (answer, label) => {
    const question = answer === 'B' ? 'Which is it? A. benign B. malignant' : 'What is seen?';
    const { curation } = bench([traceOf({ question, answer, findings: [], steps: [] })]);
    expect((await curation.capture('trace-1', null)).label).toEqual(label);
  });

  test('a definition of the department says what form the answer to its question has', async () => {
    const { curation } = bench([traceOf({ question: 'How severe is the effusion?', answer: 'Moderate', findings: [], steps: [] })]);
    await curation.change({ what: 'Label', how: 'done', items: [{ kind: 'label', id: 'effusion', value: { id: 'effusion', name: 'Effusion', kind: 'ordinal', question: 'How severe is the effusion?', options: ['none', 'mild', 'moderate', 'severe'], tolerance: 0, unit: '', code: null } }] });
    expect(await curation.capture('trace-1', null)).toMatchObject({ label: { kind: 'ordinal', value: 'moderate' }, labelId: 'effusion' });
  });

  test('a definition bears only a code of the shipped table, under its own meaning, and its cases say it', async () => {
    const { curation, folder: at } = bench();
    const made = await curation.capture('trace-1', 0);
    const definition = { id: 'lung', name: 'Lung', kind: 'boxes' as const, question: 'Where is the lung?', options: [], tolerance: 0, unit: '' };
    const put = (meaning: string): Promise<void> => curation.change({ what: 'Label', how: 'done', items: [{ kind: 'label', id: 'lung', value: { ...definition, code: { scheme: 'SCT', value: '3341006', meaning } } }] });
    await expect(put('Left lung structure')).rejects.toMatchObject({ code: 'curate.code' });
    await put('Right lung structure');
    await curation.change({ what: 'Definition', how: 'done', items: [putCase({ ...made, labelId: 'lung' })] });
    await curation.check();
    expect((await readIndex(join(at, 'dataset', 'index.jsonl')))[0]).toMatchObject({ task: 'lung', facts: { label_code: 'SCT 3341006' } });
  });

  test('that was rejected without the right one being said is no case, and the fault says how to mend it', async () => {
    const { curation } = bench([traceOf({ question: 'What is it?', answer: 'a thing', findings: [], steps: [] })]);
    await judge(curation, judgementOf({ answer: { verdict: 'rejected', text: null } }));
    await expect(curation.capture('trace-1', null)).rejects.toMatchObject({ code: 'curate.label' });
    await judge(curation, judgementOf({ answer: { verdict: 'edited', text: 'effusion' } }));
    expect((await curation.capture('trace-1', null)).label).toEqual({ kind: 'word', accept: ['effusion'], reject: [] });
  });

  test('a label made at one window has the same geometry at another', async () => {
    const window = { center: -600, width: 1500, shape: 'LINEAR' as const, isInverted: false, name: 'Lung' };
    const other = traceOf({ id: 'trace-2', views: [{ ...traceOf().views[0]!, view: { kind: 'frame', frameId, window } }] });
    const { curation } = bench([traceOf(), other]);
    const [one, two] = [await curation.capture('trace-1', 0), await curation.capture('trace-2', 0)];
    expect(two.label).toEqual(one.label);
    expect(two.image.sha256).not.toBe(one.image.sha256);
  });
});

describe('what was said of a case', () => {
  test('is kept in all its versions, and an old one can be restored', async () => {
    const { curation } = bench();
    const first = await curation.capture('trace-1', 0);
    await curation.change({ what: 'Question', how: 'done', items: [putCase({ ...first, question: 'Where is the lung on the right?' })] });
    await curation.change({ what: 'Restored', how: 'restored', items: [curation.history('case', first.id)[0]!.item] });
    expect(curation.dataset().cases[0]).toEqual(first);
    expect(curation.history('case', first.id).map(({ by, how, what }) => [by, how, what])).toEqual([['reader', 'done', 'Training case from step 1'], ['reader', 'done', 'Question'], ['reader', 'restored', 'Restored']]);
  });

  test('fifty edits and fifty undoings lead back to where it began', async () => {
    const { curation } = bench();
    const first = await curation.capture('trace-1', 0);
    const values: CuratedCase[] = [first];
    for (let at = 0; at < 50; at++) {
      const next = { ...values.at(-1)!, question: `Where is it? ${'o'.repeat(at)}`, split: (['train', 'val', 'test'] as const)[at % 3]! };
      values.push(next);
      await curation.change({ what: `Edit ${at}`, how: 'done', items: [putCase(next)] });
    }
    for (let at = 49; at >= 0; at--) await curation.change({ what: `Edit ${at}`, how: 'undone', items: [putCase(values[at]!)] });
    expect(curation.dataset().cases).toEqual([first]);
    expect(curation.history('case', first.id)).toHaveLength(101);
  });

  test('outlives a death in the middle of a line: all but the last gesture is there', async () => {
    const { curation, folder: at, again } = bench();
    await judge(curation, judgementOf({ steps: { 0: { verdict: 'accepted', text: null } } }));
    await judge(curation, judgementOf({ steps: { 0: { verdict: 'accepted', text: null }, 1: { verdict: 'rejected', text: null } } }));
    appendFileSync(join(at, 'curation.jsonl'), '{"at":"2026-01-02T00:00:00Z","by":"reader","how":"do');
    expect(Object.keys(again().curation.judgements(studyId).judgements[0]!.steps)).toEqual(['0', '1']);
  });

  test('the folder for training is made again from the journal after it was deleted', async () => {
    const { curation, folder: at, again } = bench();
    await curation.capture('trace-1', 0);
    const before = await curation.check();
    const index = readFileSync(join(at, 'dataset', 'index.jsonl'), 'utf8');
    await curation.close();
    open.length = 0;
    rmSync(join(at, 'dataset'), { recursive: true });
    expect(await again().curation.check()).toEqual(before);
    expect(readFileSync(join(at, 'dataset', 'index.jsonl'), 'utf8')).toBe(index);
  });

  test('no page can give a case another picture or another patient', async () => {
    const { curation } = bench();
    const made = await curation.capture('trace-1', 0);
    await curation.change({ what: 'Forged', how: 'done', items: [putCase({ ...made, group: 'patient-other', image: { ...made.image, sha256: 'c'.repeat(64) } })] });
    expect(curation.dataset().cases[0]).toEqual(made);
    await expect(curation.change({ what: 'Forged', how: 'done', items: [putCase({ ...made, id: 'never-captured' })] })).rejects.toMatchObject({ code: 'curate.unknown' });
  });

  test('a label that its own verifier would not accept is refused', async () => {
    const { curation } = bench();
    const made = await curation.capture('trace-1', 0);
    for (const label of [{ kind: 'number', value: 1e21, tolerance: 1, unit: '' }, { kind: 'choice', options: ['a', 'b'], right: 7 }, { kind: 'boxes', boxes: [{ label: 'x', box: { x1: 2000, y1: 0, x2: 2100, y2: 10 } }] }] as const) {
      await expect(curation.change({ what: 'Label', how: 'done', items: [putCase({ ...made, label: label as CuratedCase['label'] })] })).rejects.toMatchObject({ code: 'curate.verifier' });
    }
    expect(curation.dataset().cases[0]).toEqual(made);
  });
});

describe('a case that could name a person', () => {
  test('is withheld from the index until it is released, and again when its text changes', async () => {
    const { curation, folder: at } = bench([traceOf({ question: 'Where are the lungs of PHANTOM? Give boxes.' })]);
    const made = await curation.capture('trace-1', null);
    expect(made.concerns.map(({ code, isReleased }) => [code, isReleased])).toEqual([['phi.text.00100010', false]]);
    expect(await curation.check()).toMatchObject({ cases: 1, written: 0, withheld: 1, issues: [{ code: 'withheld.phi.text.00100010' }] });
    await curation.change({ what: 'Released', how: 'done', items: [putCase({ ...made, concerns: made.concerns.map((one) => ({ ...one, isReleased: true })) })] });
    expect((await curation.check()).written).toBe(1);
    await curation.change({ what: 'Question', how: 'done', items: [putCase({ ...curation.dataset().cases[0]!, question: 'Where are the lungs?' })] });
    expect(curation.dataset().cases[0]?.concerns).toEqual([]);
    await curation.check();
    expect(readFileSync(join(at, 'dataset', 'index.jsonl'), 'utf8')).not.toMatch(/PHANTOM/);
  });
});

describe('a split', () => {
  test('keeps a patient together, and what is taken later follows its patient', async () => {
    const ids = Array.from({ length: 8 }, (_, at) => String(at).repeat(24));
    const traces = ids.flatMap((study, at) => [0, 1].map((part) => traceOf({ id: `t${at}-${part}`, studyId: study, views: [{ ...traceOf().views[0]!, view: { kind: 'frame', frameId, window: { center: 1000 + 100 * at + 10 * part, width: 2000, shape: 'LINEAR', isInverted: false, name: null } } }] })));
    const { curation } = bench(traces, {
      patients: Object.fromEntries(ids.map((id, at) => [id, `P${at >> 1}`])),
      // Small pictures, each another one.
      picture: async (view) => ({
        png: encodePng(createPicture({ width: 48, height: 48 }, [view.kind === 'frame' ? (view.window?.center ?? 0) % 251 : 0, 90, 90])), width: 48, height: 48, toSource: scaling(16, 16), source: { width: 768, height: 768 },
        fields: [], burnedIn: null, isOftenBurned: false, lettering: [], facts: { code: 'DX' },
      }),
    });
    for (const { id } of traces.slice(0, -1)) await curation.capture(id, 0);
    const counts = await curation.split([50, 25, 25], 3);
    expect(Object.values(counts).reduce((a, b) => a + b)).toBe(15);
    await curation.capture(traces.at(-1)!.id, 0);
    const splits = new Map<string, Set<string>>();
    for (const { group, split } of curation.dataset().cases) splits.set(group, (splits.get(group) ?? new Set()).add(split));
    expect([...splits.values()].map(({ size }) => size)).toEqual([1, 1, 1, 1]);
    expect(new Set(curation.dataset().cases.map(({ split }) => split)).size).toBeGreaterThan(1);
    expect((await curation.check()).issues.filter(({ code }) => code.startsWith('leak.group'))).toEqual([]);
  });
});

describe('the queue', () => {
  const made = (id: string, confidence: number, answer: string): Trace => traceOf({ id, answer, confidence: { value: confidence, method: 'mean' }, askedAt: `2026-01-0${id}T00:00:00Z` });
  test('puts the least sure first, the contradictory first, or draws by a seed; and leaves out what was judged', async () => {
    const { curation } = bench([made('1', 0.9, 'yes'), made('2', 0.2, 'yes'), made('3', 0.5, 'no'), traceOf({ id: '4', question: 'Another?', confidence: { value: 0.1, method: 'mean' }, askedAt: '2026-01-04T00:00:00Z' })]);
    const ids = (...order: Parameters<Curation['queue']>): readonly string[] => curation.queue(...order).map(({ traceId }) => traceId);
    expect(ids('uncertain', 0)).toEqual(['4', '2', '3', '1']);
    expect(ids('disagreement', 0)).toEqual(['2', '3', '1', '4']);
    // Checked least reliant first, then what nobody checked.
    expect(ids('reliance', 0)).toEqual(['3', '1', '4', '2']);
    expect(ids('first', 0)).toEqual(['1', '2', '3', '4']);
    expect(ids('random', 5)).toEqual(ids('random', 5));
    await curation.change({ what: 'Judged', how: 'done', items: [{ kind: 'judgement', id: '4', value: { ...noJudgement('4', studyId), answer: { verdict: 'accepted', text: null } } }] });
    expect(ids('uncertain', 0)).toEqual(['2', '3', '1']);
  });
});

test('a snapshot is another one as soon as anything of a row is', async () => {
  const { curation } = bench();
  const made = await curation.capture('trace-1', 0);
  const first = await curation.snapshot();
  expect(await curation.snapshot()).toEqual(first);
  await curation.change({ what: 'Question', how: 'done', items: [putCase({ ...made, question: 'Where is the lung on the right side?' })] });
  const second = await curation.snapshot();
  expect(second.hash).not.toBe(first.hash);
  expect([existsSync(first.path), existsSync(second.path)]).toEqual([true, true]);
});
