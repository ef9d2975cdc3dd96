import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command as train } from '#electron/commands/train.ts';
import type { StudyDetail, StudySummary } from '#electron/contract/library.ts';
import { OddReport, SimilarHit, SimilarState, Telling } from '#electron/contract/similar.ts';
import type { Finder } from '#electron/similar/finder.ts';
import { openSimilarCases, placesOf, wilson, type LabelledPicture } from '#electron/similar/similar.ts';
import { openVectors } from '#electron/similar/store.ts';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { requireUsable } from '#models/clinical/promptEnsemble.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import { isOneColour, likeness, openSimilar } from '#models/similar.ts';
import { writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { closeArchives } from '#training/data/cases.ts';
import { pictureHashes } from '#training/data/lookAlikes.ts';
import { openJudgements } from '#training/judgements.ts';
import { Recipe } from '#training/records/recipe.ts';

const hex = (at: number): string => at.toString(16).padStart(2, '0').repeat(32);
const frame = (at: number, index = 0): string => `${hex(at)}-${index}`;
const idOf = (at: number): string => at.toString(16).padStart(2, '0').repeat(12);
const summary = (at: number): StudySummary => ({
  id: idOf(at), kind: 'picture', patient: 'DOE^JANE', patientId: 'P-17', birthDate: '1950-01-01', sex: 'F', date: '2026-01-02', description: `Study ${at}`, accession: 'A1', modalities: ['IMG'], series: 1, images: 1, files: 1, bytes: 1,
  status: 'new', isSample: false, addedAt: '', cover: frame(at), question: null,
});
const detail = (at: number, frames = 1): StudyDetail => ({
  study: summary(at), files: [], statements: [],
  series: [{ id: `s${at}`, kind: 'stack', modality: 'CT', description: '', frameOfReference: null, sliceSpacingMm: null, statements: [], slide: null, frames: Array.from({ length: frames }, (_, i) => ({ id: frame(at, i), name: '', rows: 8, columns: 8, instanceNumber: i, alongMm: null, geometry: {} as never })) }],
});

/** Pictures by number: brightness in two halves; the third one shows one colour. */
function pictureOf(at: number): Picture {
  if (at === 3) return createPicture({ width: 8, height: 8 }, [50, 50, 50]);
  const random = new Random(at);
  return { width: 300, height: 20, data: Uint8Array.from({ length: 18000 }, () => random.below(40) + at * 12) };
}

/** What the process does, within this one, with brightness and contrast in place of a network. */
function finderIn(folder: string): Finder {
  const vectors = openVectors(folder, 'e'.repeat(64), 2);
  const vectorOf = (picture: Picture): Float32Array => {
    if (isOneColour(picture)) throw new Fault({ code: 'similar.blank', what: 'It', why: 'It shows one colour and nothing else.', mend: '' });
    const angle = (picture.data.reduce((a, b) => a + b, 0) / picture.data.length / 255) * 2;
    return Float32Array.of(Math.cos(angle), Math.sin(angle));
  };
  return {
    async open() {
      const store = await vectors;
      return { sha256: 'e'.repeat(64), places: [...store.pictures.values()].map(({ key, studyId, seriesId }) => ({ key, studyId, seriesId })), studies: [...store.studies.values()] };
    },
    see: async (place, picture) => (await vectors).put({ ...place, hashes: pictureHashes(picture), vector: vectorOf(picture) }),
    finish: async (study) => (await vectors).finish(study),
    forget: async (ids) => (await vectors).forget(ids),
    nearest: async (sought, most, except) => (await vectors).nearest('picture' in sought ? vectorOf(sought.picture) : Float32Array.of(1, 0), most, ({ studyId }) => !except.includes(studyId)),
    nearDuplicates: async () => (await vectors).nearDuplicates(),
    closeness: async (triples) => {
      const { pictures } = await vectors;
      return triples.map(([a, b, c]) => [likeness(pictures.get(a)!.vector, pictures.get(b)!.vector), likeness(pictures.get(a)!.vector, pictures.get(c)!.vector), likeness(pictures.get(b)!.vector, pictures.get(c)!.vector)]);
    },
    tell: (ensemble, pictures) => {
      requireUsable(ensemble);
      return Promise.resolve(pictures.map(({ id }) => (id === 'bad' ? { id, name: null, probabilities: [], why: 'It is cut off.' } : { id, name: ensemble.classes[id.length % 2]!.name, probabilities: [0.3, 0.7] })));
    },
    close: () => void vectors.then((store) => store.close()),
  };
}

interface Opened {
  readonly cases: ReturnType<typeof openSimilarCases>;
  readonly folder: string;
  readonly news: SimilarState[];
  studies: StudySummary[];
}

function opened(options: { readonly folder?: string; readonly encoder?: string; readonly curated?: readonly LabelledPicture[] } = {}): Opened {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'loupe-similar-'));
  const encoder = options.encoder ?? join(folder, 'encoder');
  if (options.encoder === undefined) mkdirSync(encoder, { recursive: true });
  const news: SimilarState[] = [];
  const made: Opened = {
    folder, news, studies: [1, 2, 3, 4, 5, 6].map(summary),
    cases: openSimilarCases({
      folder, encoder, finder: finderIn(join(folder, 'vectors')), now: () => '2026-01-01T00:00:00.000Z', by: 'reader', curated: () => options.curated ?? [],
      publish: (_, payload) => void news.push(SimilarState.parse(payload)),
      studies: () => made.studies, study: (id) => Promise.resolve(detail(Number.parseInt(id.slice(0, 2), 16))),
      picture: (view) => Promise.resolve({ picture: pictureOf(Number.parseInt((view.kind === 'frame' ? view.frameId : view.slideId).slice(0, 2), 16)) }),
    }),
  };
  return made;
}

describe('the library', () => {
  test('is seen once; what shows one colour is left out and named, and the next start knows it', async () => {
    const { cases, folder, news } = opened();
    expect(await cases.state()).toMatchObject({ studies: { seen: 0, total: 6 }, isIndexing: false });
    const [state] = await Promise.all([cases.index(), cases.index()]);
    expect(state).toMatchObject({ studies: { seen: 6, total: 6 }, pictures: 5, leftCount: 1, left: [{ studyId: idOf(3), key: frame(3), why: 'It shows one colour and nothing else.' }], isIndexing: false });
    expect(news.at(-1)!.studies.seen).toBe(6);
    cases.close();
    const again = opened({ folder });
    expect(await again.cases.state()).toMatchObject({ studies: { seen: 6, total: 6 }, pictures: 5, leftCount: 1 });
    again.cases.close();
  });

  test('can be stopped and gone on with', async () => {
    const { cases } = opened();
    const seeing = cases.index();
    cases.stop();
    const { studies: { seen } } = await seeing;
    expect(seen).toBeLessThan(6);
    expect((await cases.index()).studies.seen).toBe(6);
    cases.close();
  });

  test('says so where there is no encoder', async () => {
    const { cases } = opened({ encoder: '/nowhere' });
    expect((await cases.state()).refusal).toMatchObject({ code: 'similar.missing' });
    await expect(cases.search({ by: 'sentence', text: 'x' }, 5)).rejects.toMatchObject({ code: 'similar.missing' });
    cases.close();
  });

  test('of a long series shows the middle and both halves, of a short one all', () => {
    expect(placesOf(detail(1, 30)).map(({ key }) => key)).toEqual([frame(1, 5), frame(1, 15), frame(1, 25)]);
    expect(placesOf(detail(1, 2)).map(({ key }) => key)).toEqual([frame(1, 0), frame(1, 1)]);
  });
});

describe('similar cases', () => {
  test('are nearest first, never the study itself, never one that was removed, and carry nothing of the patient', async () => {
    const made = opened();
    await made.cases.index();
    const hits = await made.cases.search({ by: 'view', view: { kind: 'frame', frameId: frame(2), window: null }, studyId: idOf(2) }, 10);
    expect(hits.map(({ studyId }) => studyId)).toEqual([1, 4, 5, 6].map(idOf));
    for (const hit of hits) expect(Object.keys(SimilarHit.parse(hit)).sort()).toEqual(['date', 'description', 'isSample', 'key', 'likeness', 'modalities', 'seriesId', 'studyId']);
    expect(JSON.stringify(hits)).not.toMatch(/DOE|P-17|1950/);
    made.studies = made.studies.filter(({ id }) => id !== idOf(1));
    expect((await made.cases.search({ by: 'picture', key: frame(2), studyId: idOf(2) }, 2)).map(({ studyId }) => studyId)).toEqual([4, 5].map(idOf));
    await expect(made.cases.search({ by: 'picture', key: frame(3), studyId: idOf(3) }, 2)).rejects.toMatchObject({ code: 'similar.blank' });
    made.cases.close();
  });
});

describe('answers about three images', () => {
  test('become a folder that a run learns from, once the gate lets them through', async () => {
    const { cases, folder } = opened();
    await cases.index();
    await expect(cases.export()).rejects.toMatchObject({ code: 'judgements.gate', why: 'No question was answered.' });
    expect(() => cases.answer({ questionId: 'old', odd: 1, seconds: 1, screenScale: 1 })).toThrow(expect.objectContaining({ code: 'similar.question' }));
    // The darkest one is the odd one, always.
    let report: OddReport = cases.report();
    for (let i = 0; i < 400 && !report.isUsed; i++) {
      const { questionId, images } = await cases.ask();
      report = OddReport.parse(cases.answer({ questionId, odd: images.indexOf([...images].sort()[0]!), seconds: 1.5, screenScale: 2 }));
    }
    expect(report).toMatchObject({ isUsed: true, consistency: 1, medianSeconds: 1.5 });
    expect(report.judgements).toBeGreaterThan(4);
    const written = await cases.export();
    expect(written).toEqual({ folder: join(folder, 'similar', 'judgements'), judgements: report.judgements, images: 5 });
    const recipe = Recipe.parse(JSON.parse(readFileSync(join(written.folder, 'recipe.json'), 'utf8')));
    const source = openJudgements(recipe.stages[0]!.similar!.judgements!, { records: [], seed: 1, pictureOf: () => Promise.reject(new Error('none')) });
    const { names } = await source.draw(new Random(2));
    expect((await source.picture(names[0])).width, 'kept no larger than it is learnt from').toBe(224);
    expect(existsSync(join(written.folder, 'images', `${names[2]}.png`))).toBe(true);
    cases.close();

    // The recipe beside them, cut short, goes through the command line: judgements, then pairs from the image weights that they left.
    const [short, run] = [join(folder, 'short.json'), join(folder, 'run')];
    writeFileSync(short, JSON.stringify({ ...recipe, stages: recipe.stages.map((stage) => ({ ...stage, steps: 1, batch: 4 })) }));
    await train.run({ positionals: [short], values: { data: [writeTinyIndex(8)], out: run, unchecked: true }, json: false, signal: new AbortController().signal, progress() {}, print() {} });
    closeArchives();
    const [before, after] = [1, 2].map((stage) => JSON.parse(readFileSync(join(run, 'stages', `${stage}.json`), 'utf8')) as { image: string; text: string });
    expect([before!.text === after!.text, before!.image === after!.image]).toEqual([true, false]);
    const learnt = await openSimilar(join(run, 'final'), { threads: 1 });
    expect(learnt.config.embedding).toBe(recipe.stages[0]!.similar!.encoder.embedding);
    await learnt.release();
  });

  test('that contradict themselves are not used, and the report says so', async () => {
    const { cases } = opened();
    await cases.index();
    const random = new Random(8);
    let report = cases.report();
    for (let i = 0; i < 300 && report.repeats < 12; i++) {
      const { questionId } = await cases.ask();
      report = cases.answer({ questionId, odd: random.below(3), seconds: 1, screenScale: 1 });
    }
    expect(report.consistency).toBeLessThan(0.7);
    expect(report).toMatchObject({ isUsed: false, judgements: 0 });
    expect(report.contradictions.length).toBeGreaterThan(0);
    await expect(cases.export()).rejects.toMatchObject({ code: 'judgements.gate' });
    cases.close();
  });
});

describe('classes by words', () => {
  const ensemble = { classes: [{ name: 'a', synonyms: ['a'] }, { name: 'b', synonyms: ['b'] }], templates: ['CLASSNAME'] };
  test('over labelled cases are counted in a matrix, with an interval; what cannot be read is left out and said', async () => {
    const labelled = ['1', '22', '333', 'bad'].map((id, i): LabelledPicture => ({ id, studyId: idOf(i + 1), label: ['a', 'a', 'b', 'b'][i]!, path: '/x' }));
    const { cases } = opened({ curated: labelled });
    const told = Telling.parse(await cases.tell(ensemble, 'curated'));
    expect(told.confusion).toEqual([[1, 1], [0, 1]]);
    expect(told.accuracy).toMatchObject({ right: 2, of: 3 });
    expect(told.pictures.at(-1)).toMatchObject({ id: 'bad', name: null, why: 'It is cut off.', label: 'b' });
    cases.close();
  });
  test('over nothing, or with words that tell nothing apart, give a reason', async () => {
    const { cases } = opened();
    await expect(cases.tell(ensemble, 'curated')).rejects.toMatchObject({ code: 'zeroshot.cases' });
    await cases.index();
    await expect(cases.tell({ classes: [], templates: [] }, 'library')).rejects.toMatchObject({ code: 'zeroshot.prompts' });
    expect((await cases.tell(ensemble, 'library')).confusion).toBeNull();
    cases.close();
  });
  test('have Wilson\'s interval, which stays within 0 and 1', () => {
    expect(wilson(0, 10)[0]).toBe(0);
    expect(wilson(10, 10)[1]).toBeCloseTo(1, 9);
    expect(wilson(8, 10).map((x) => Number(x.toFixed(3)))).toEqual([0.49, 0.943]);
  });
});

