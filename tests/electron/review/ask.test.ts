import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StudyDetail } from '#electron/contract/library.ts';
import { Trace, type AnswerPart, type AskedView, type Question } from '#electron/contract/review.ts';
import { openReviews, type ReviewOptions, type Reviews } from '#electron/review/ask.ts';
import type { Placement } from '#models/imaging/sides.ts';
import { compose, identity, scaling, translation } from '#models/imaging/coordinates.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import { parseCompletion } from '#models/language/parse.ts';
import type { Answer, Ask, Confidence } from '#models/reasoner.ts';

const study = 'c'.repeat(24);
const prior = 'd'.repeat(24);
const frame = (file: string, at: number): string => `${file.repeat(64)}-${at}`;

let folder: string;
let asked: Ask[];
let parts: AnswerPart[];
let reviews: Reviews;

/** A picture in which something can be seen. */
function shade(size: { readonly width: number; readonly height: number }): Picture {
  const picture = createPicture(size);
  picture.data.forEach((_, i) => (picture.data[i] = 20 + (i % 200)));
  return picture;
}

const detail = (id: string, file: string, date: string, count: number): StudyDetail => ({
  study: { id, date, status: 'asked' } as StudyDetail['study'], files: [], statements: [],
  series: [{ id: `s${file}`, kind: 'stack', frames: Array.from({ length: count }, (_, at) => ({ id: frame(file, at) })) } as StudyDetail['series'][number]],
});
const details: Readonly<Record<string, StudyDetail>> = { [study]: detail(study, 'a', '2026-09-01', 12), [prior]: detail(prior, 'b', '2026-01-01', 8) };
const axial: Placement = { modality: 'CT', bodyPart: 'ABDOMEN', laterality: null, viewPosition: null, orientation: [1, 0, 0, 0, 1, 0], patientOrientation: null };

/** What a model that writes `text` gives, its boxes read as the reasoner reads them. */
function answering(ask: Ask, text: string): Answer & { readonly confidence: Confidence | null } {
  const images = ask.frames.map(({ width, height }) => ({ resized: { width, height }, source: { width, height } }));
  const [first, ...others] = images;
  const trace = parseCompletion(text, 'absolute-resized', first!.resized, first!.source, others);
  return {
    trace, text, tokens: [1, 2], logProbabilities: [0, 0], end: 'stop', confidence: null, timing: { pixelsMs: 0, visionMs: 0, promptMs: 0, writingMs: 1, tokensPerSecond: 9 },
    inputs: { ids: [1], images: images.map(({ resized }) => ({ resized, gridThw: [1, 1, 1] })), patches: ask.frames.map((_, i) => Float32Array.of(i)) },
  };
}

const open = (text: string | readonly string[], options: Partial<ReviewOptions> = {}): Reviews => openReviews({
  folder, now: () => '2026-11-01T00:00:00Z', publish: (_, payload) => void parts.push(payload as AnswerPart), setStatus: () => undefined,
  study: (id) => Promise.resolve(details[id] as StudyDetail),
  picture(view) {
    const region = view.region ?? { x: 0, y: 0, width: 200, height: 200 };
    return Promise.resolve({ picture: shade({ width: region.width / 2, height: region.height / 2 }), toSource: compose(scaling(2, 2), translation(region.x, region.y)), source: { width: 200, height: 200 }, window: 'Lung', placement: axial });
  },
  model: {
    opened: () => Promise.resolve({ folder, family: 'f', device: 'cpu', weightFiles: [join(folder, 'weights')] }),
    sample(ask) {
      asked.push(ask);
      return Promise.resolve([answering(ask, typeof text === 'string' ? text : text[asked.length - 1] ?? '')]);
    },
  },
  ...options,
});

const view = (file: string, at: number, more: Partial<Extract<AskedView, { kind: 'frame' }>> = {}): AskedView => ({ kind: 'frame', frameId: frame(file, at), window: null, ...more });
const ask = (views: AskedView[], more: Partial<Question> = {}): Promise<Trace> => reviews.ask({ askId: 'q', studyId: study, question: 'Is there a nodule?', views, maxNewTokens: 9, ...more });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loupe-ask-'));
  writeFileSync(join(folder, 'weights'), 'w');
  writeFileSync(join(folder, 'scope.json'), JSON.stringify({ format: 'loupe.scope/1', trained: [{ modality: 'ct', bodyParts: [] }] }));
  [asked, parts] = [[], []];
});
afterEach(() => {
  reviews.close();
  rmSync(folder, { recursive: true });
});

const boxed = (label: string, box = '10,10,30,30'): string => `[{"bbox_2d":[${box}],"label":"${label}"}]`;
const reasoned = (...steps: string[]): string => `<think>\n${steps.join('\n')}\n</think>\n<answer>yes</answer>`;

describe('a question', () => {
  test('about a region puts that part before the model, and the boxes come back in the pixels of the whole', async () => {
    reviews = open(reasoned(`Observation: A nodule. ${boxed('nodule')}`));
    const trace = await ask([view('a', 4, { region: { x: 100, y: 40, width: 80, height: 60 }, marked: { x: 110, y: 50, width: 60, height: 40 } })], { selection: { rule: 'region', of: 12 } });
    expect(asked[0]?.frames.map(({ width, height }) => [width, height])).toEqual([[40, 30]]);
    expect(trace.findings[0]?.boxes).toEqual([{ x1: 120, y1: 60, x2: 160, y2: 100 }]);
    expect(trace.views[0]).toMatchObject({ name: 'region 80 × 60 at (100, 40) of slice 5 of 12', view: { marked: { x: 110 } } });
    expect(trace.selection).toEqual({ rule: 'region', of: 12 });
  });

  test('about two studies names both to the model and on record, and each box lies on its own', async () => {
    reviews = open(reasoned(`Comparison: Image 2 shows a nodule. ${boxed('nodule')}`, `Observation: It has grown. ${boxed('nodule', '1,1,9,9')}`));
    const trace = await ask([view('a', 4), view('b', 2, { studyId: prior })]);
    expect(asked[0]?.question).toContain('Image 1: current study, slice 5 of 12. Image 2: earlier study, 8 months earlier, slice 3 of 8.');
    expect(trace.prompt).toBe(asked[0]?.question);
    expect(trace.views.map(({ name, slot, pixelsSha256 }) => [name, slot, pixelsSha256.length])).toEqual([['slice 5 of 12', 'current', 64], ['slice 3 of 8', 'prior', 64]]);
    expect(trace.findings).toEqual([{ label: 'nodule', frame: 1, boxes: [{ x1: 20, y1: 20, x2: 60, y2: 60 }] }]);
    expect(trace.flags.map(({ code }) => code)).toContain('box.unplaced');
  });

  test('about one image of the earlier study says so on record', async () => {
    reviews = open(reasoned('Observation: A nodule.'));
    expect((await ask([view('b', 2, { studyId: prior })])).views).toMatchObject([{ slot: 'prior', name: 'slice 3 of 8' }]);
    expect(asked[0]?.question).toBe('Is there a nodule?');
  });

  test('about an image of neither study is refused', async () => {
    reviews = open(reasoned());
    await expect(ask([view('e', 0)])).rejects.toMatchObject({ code: 'review.view' });
    await expect(ask([view('b', 0)])).rejects.toMatchObject({ code: 'review.view' });
  });

  test('with measured facts keeps them as values, and tells where the answer differs', async () => {
    reviews = open(reasoned('Measurement: The nodule is 19 mm long.'));
    const fact = { name: 'length 1', value: 14, unit: 'mm', source: 'Pixel Spacing', view: 0, drawingId: 'drawing1' };
    const trace = await ask([view('a', 4)], { facts: [fact] });
    expect(asked[0]?.question).toContain('length 1 = 14 mm');
    expect(trace.facts).toEqual([fact]);
    expect(trace.flags).toMatchObject([{ code: 'fact.differs', step: 0 }]);
  });

  test('has the model\'s scope and the look of its images told before the model writes, and kept', async () => {
    writeFileSync(join(folder, 'scope.json'), JSON.stringify({ format: 'loupe.scope/1', trained: [{ modality: 'ct', bodyParts: ['chest'] }] }));
    reviews = open(reasoned('Observation: A nodule.'));
    const trace = await ask([view('a', 4)], { override: { reason: 'A comparison' } });
    expect(parts.find(({ phase }) => phase === 'looking')?.notes).toMatchObject([{ code: 'scope.override' }, { code: 'scope.bodyPart' }]);
    expect(trace).toMatchObject({ override: { reason: 'A comparison' }, flags: [{ code: 'scope.override', detail: 'Asked all the same. The reason given: A comparison' }, { code: 'scope.bodyPart' }] });
  });

  test('about what the model was not trained on is stopped before the model sees it, unless a reason is given', async () => {
    writeFileSync(join(folder, 'scope.json'), JSON.stringify({ format: 'loupe.scope/1', trained: [{ modality: 'xray', bodyParts: ['chest'] }] }));
    reviews = open([reasoned('Observation: A nodule.'), '<answer>[]</answer>']);
    await expect(ask([view('a', 4)])).rejects.toMatchObject({ code: 'review.scope', why: 'This is CT. The model was trained on X-ray films.' });
    expect(asked).toEqual([]);
    expect(reviews.traces(study)).toEqual([]);
    const trace = await ask([view('a', 4)], { override: { reason: 'To see what it says' } });
    expect(asked).toHaveLength(1);
    // What is asked about the answer goes by the same reason.
    const [second] = await reviews.locate({ askId: 'w', traceId: trace.id, step: 0 });
    expect(second?.override).toEqual({ reason: 'To see what it says' });
  });

  test('about a plain picture waits for a person to say what it is', async () => {
    writeFileSync(join(folder, 'scope.json'), JSON.stringify({ format: 'loupe.scope/1', trained: [{ modality: 'xray', bodyParts: ['chest'] }] }));
    const plain = (kind: 'picture' | 'slide', isSample = false): Partial<ReviewOptions> => ({
      study: (id) => Promise.resolve({ ...details[id] as StudyDetail, study: { ...(details[id] as StudyDetail).study, kind, isSample } }),
      picture: () => Promise.resolve({ picture: shade({ width: 64, height: 64 }), toSource: identity, source: { width: 64, height: 64 }, window: null, placement: null }),
    });
    reviews = open(reasoned('Observation: A cat.'), plain('picture'));
    await expect(ask([view('a', 4)])).rejects.toMatchObject({ code: 'review.unstated' });
    expect(asked).toEqual([]);
    expect((await ask([view('a', 4)], { override: { reason: 'It is: X-ray film' } })).flags.map(({ code }) => code)).toEqual(['scope.override', 'scope.unstated']);
    reviews.close();
    // A slide is microscopy by its kind, and the samples are drawn.
    reviews = open(reasoned('Observation: A cell.'), plain('slide'));
    expect((await ask([view('a', 4)])).flags).toEqual([]);
    reviews.close();
    reviews = open(reasoned('Observation: A cell.'), plain('picture', true));
    expect((await ask([view('a', 4)])).flags.map(({ code }) => code)).toEqual(['scope.unstated']);
  });

  test('whose answer is to be drawn takes its seed to the model and keeps it; any other takes the likeliest token each time', async () => {
    const given: unknown[] = [];
    reviews = open('', { model: {
      opened: () => Promise.resolve({ folder, family: 'f', device: 'cpu', weightFiles: [join(folder, 'weights')] }),
      sample(one, _, { sampling }) {
        given.push(sampling);
        return Promise.resolve([answering(one, reasoned('Observation: A nodule.'))]);
      },
    } });
    expect((await ask([view('a', 4)], { drawn: { temperature: 1, seed: 5 } })).drawn).toEqual({ temperature: 1, seed: 5 });
    expect(await ask([view('a', 4)])).not.toHaveProperty('drawn');
    expect(given).toEqual([{ temperature: 1, topK: 0, topP: 1, seed: 5 }, undefined]);
  });

  test('that lies within the scope gains nothing by a reason', async () => {
    writeFileSync(join(folder, 'scope.json'), JSON.stringify({ format: 'loupe.scope/1', trained: [{ modality: 'ct', bodyParts: [] }] }));
    reviews = open(reasoned('Observation: A nodule.'));
    const trace = await ask([view('a', 4)], { override: { reason: 'Just so' } });
    expect([trace.flags, trace.override]).toEqual([[], undefined]);
  });

  test('has conflicts of left and right flagged on their step, from the orientation of the slice', async () => {
    reviews = open(reasoned(`Observation: A nodule in the left kidney. ${boxed('nodule')}`));
    expect((await ask([view('a', 4)])).flags).toMatchObject([{ code: 'laterality.conflict', step: 0 }]);
  });

  test('whose answer cannot be read keeps every word of it and draws nothing', async () => {
    reviews = open('I see [10, 20, 30, 40] perhaps');
    expect(await ask([view('a', 4)])).toMatchObject({ parsed: false, raw: 'I see [10, 20, 30, 40] perhaps', steps: [], findings: [], answer: null });
  });
});

describe('show me where', () => {
  test('asks about each picture by itself, and ties what comes to the step as a second question', async () => {
    reviews = open([reasoned('Observation: There is a nodule.', 'Conclusion: So yes.'), `<answer>${boxed('nodule')}</answer>`, '<answer>[]</answer>']);
    const first = await ask([view('a', 4), view('b', 2, { studyId: prior })]);
    const located = await reviews.locate({ askId: 'w', traceId: first.id, step: 0 });
    expect(asked.slice(1).map(({ frames, question }) => [frames.length, question])).toEqual([[1, 'Where is this seen: “There is a nodule.”? Give boxes.'], [1, 'Where is this seen: “There is a nodule.”? Give boxes.']]);
    expect(located.map(({ origin, findings, views }) => [origin, findings.length, views.length])).toEqual([[{ kind: 'locate', traceId: first.id, step: 0 }, 1, 1], [{ kind: 'locate', traceId: first.id, step: 0 }, 0, 1]]);
    expect(reviews.traces(study)).toHaveLength(3);
    await expect(reviews.locate({ askId: 'w', traceId: located[0]!.id, step: 0 })).rejects.toMatchObject({ code: 'review.locate' });
    await expect(reviews.locate({ askId: 'w', traceId: 'nothing', step: 0 })).rejects.toMatchObject({ code: 'review.locate' });
  });
});

test('answers that were kept before there were regions, facts and second questions are read as they are', async () => {
  reviews = open(reasoned('Observation: A nodule.'));
  await ask([view('a', 4)]);
  const kept = JSON.parse(readFileSync(join(folder, 'traces.jsonl'), 'utf8')) as Record<string, unknown>;
  for (const name of ['prompt', 'selection', 'facts', 'origin']) expect(kept).not.toHaveProperty(name);
  expect(Trace.safeParse(kept).success).toBe(true);
});

test('stopping ends the writing at once, and what was written until then is kept and marked', async () => {
  let told = 0;
  reviews = open('', {
    model: {
      opened: () => Promise.resolve({ folder, family: 'f', device: 'cpu', weightFiles: [join(folder, 'weights')] }),
      async sample(given, _, { signal, onWritten }) {
        onWritten({ text: '<think>\nObservation: A', steps: [] });
        reviews.stop('q');
        told = parts.length;
        onWritten({ text: ' nod', steps: [] });
        return Promise.resolve([{ ...answering(given, '<think>\nObservation: A'), end: signal?.aborted === true ? 'aborted' as const : 'stop' as const }]);
      },
    },
  });
  expect(await ask([view('a', 4)])).toMatchObject({ end: 'stopped', parsed: false, raw: '<think>\nObservation: A' });
  expect(parts).toHaveLength(told);
});
