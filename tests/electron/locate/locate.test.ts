/** The service with a finder that sees red: what is sought, in which order and by which directive is its own; the network is tested elsewhere. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Publish } from '#electron/contract/events.ts';
import type { StudyDetail } from '#electron/contract/library.ts';
import { Sweep, type DirectiveNews, type Seek, type SweepNews, type SweepOrder } from '#electron/contract/locating.ts';
import type { Finder } from '#electron/locate/finder.ts';
import { openLocating, type Locating } from '#electron/locate/locate.ts';
import type { SeenView } from '#electron/locate/look.ts';
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import { directiveText, type DirectiveWords } from '#models/clinical/directive.ts';
import { identity, scaling, translation, compose } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { FoundBox, Prompt } from '#models/locator.ts';

const hash = 'a'.repeat(64);
const studyId = 'b'.repeat(24);
const frameId = (at: number): string => `${hash}-${at}`;

/** Grey with a red square. */
function drawn(width: number, height: number, box: Box | null): Picture {
  const data = new Uint8Array(width * height * 3).fill(80);
  if (box) for (let y = Math.max(0, box.y1); y < Math.min(height, box.y2); y++) for (let x = Math.max(0, box.x1); x < Math.min(width, box.x2); x++) data.set([220, 20, 20], (y * width + x) * 3);
  return { width, height, data };
}

function redIn({ width, height, data }: Picture): Box | null {
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (data[(y * width + x) * 3]! > 200) [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x + 1), Math.max(y2, y + 1)];
  return x2 > x1 ? { x1, y1, x2, y2 } : null;
}

const prompt = (kind: string): Prompt & { kind: string } => ({ kind, examples: 3, vector: Float32Array.of(kind.length) });
const seesRed = (stored: readonly (Prompt & { kind: string })[] = [prompt('lung'), prompt('platelet')]): Finder => ({
  open: async () => ({ sha256: hash, stored }),
  prompt: async (_, boxes) => ({ examples: boxes.length, vector: Float32Array.of(1) }),
  async find(picture, prompts, options) {
    // It lies in another process: what cannot be sent there is a defect.
    structuredClone({ picture, prompts, options });
    await new Promise((resolve) => setTimeout(resolve, 1));
    const box = redIn(picture);
    return prompts.map((): FoundBox[] => (box ? [{ box, score: 0.9 }] : []));
  },
  close: () => undefined,
});

const red: Box = { x1: 40, y1: 10, x2: 50, y2: 20 };
const seriesOf = (count: number, size = { width: 60, height: 40 }, slide = false) => ({
  id: 's1', kind: slide ? 'slide' : 'stack', modality: 'CT', description: '', frameOfReference: null, sliceSpacingMm: null, statements: [],
  frames: Array.from({ length: count }, (_, at) => ({ id: frameId(at), name: `${at}`, rows: size.height, columns: size.width, instanceNumber: at, alongMm: at, geometry: { spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null } })),
  slide: slide ? { id: hash, ...size, mpp: null, mppSource: '', levels: [] } : null,
});

interface Bench {
  readonly locating: Locating;
  readonly found: SweepNews[];
  readonly directed: DirectiveNews[];
  clock: number;
  write: (signal: AbortSignal) => Promise<string>;
  order(seek: Seek, change?: Partial<SweepOrder>): SweepOrder;
}

let folder = '';
const open: Locating[] = [];
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'loupe-locating-'))));
afterEach(() => {
  open.splice(0).forEach((one) => one.close());
  rmSync(folder, { recursive: true, force: true });
});

function bench({ series = seriesOf(8), finder = seesRed(), pictureOf = (at: number) => drawn(60, 40, at === 2 ? red : { x1: 3, y1: 3, x2: 4, y2: 4 }), placement = null as SeenView['placement'] } = {}): Bench {
  const [found, directed]: [SweepNews[], DirectiveNews[]] = [[], []];
  const publish: Publish = (event, payload) => void (event === 'locate.found' ? found.push(payload as SweepNews) : event === 'locate.directive' ? directed.push(payload as DirectiveNews) : undefined);
  const made: Bench = {
    found, directed, clock: Date.parse('2026-01-01T10:00:00Z'), write: async () => '',
    locating: openLocating({
      folder, publish, now: () => new Date(made.clock).toISOString(), study: async () => ({ study: { id: studyId }, series: [series], files: [], statements: [] }) as unknown as StudyDetail, finder,
      rewriter: { about: async () => ({ name: 'writer', weightsSha256: [hash] }), write: (_, signal) => made.write(signal) },
      async picture(view) {
        if (view.kind === 'frame') return { picture: pictureOf(Number(view.frameId.slice(65))), toSource: identity, source: { width: 60, height: 40 }, placement: placement ?? null };
        const { x, y, width, height } = view.region ?? { x: 0, y: 0, width: series.slide!.width, height: series.slide!.height };
        const shift = (box: Box): Box => ({ x1: Math.round((box.x1 - x) / 2), y1: Math.round((box.y1 - y) / 2), x2: Math.round((box.x2 - x) / 2), y2: Math.round((box.y2 - y) / 2) });
        return { picture: drawn(Math.round(width / 2), Math.round(height / 2), shift({ x1: 700, y1: 500, x2: 720, y2: 520 })), toSource: compose(scaling(2, 2), translation(x, y)), source: series.slide! };
      },
    }),
    order: (seek, change = {}) => ({ sweepId: `w${Math.round(performance.now() * 1000)}`, studyId, seriesId: 's1', seek, scope: 'all', at: 3, region: null, window: null, ...change }),
  };
  open.push(made.locating);
  return made;
}

const like = (box: Box = red, at = 2): Seek => ({ kind: 'examples', like: [{ frameId: frameId(at), box }], unlike: [] });
const written = (change: Partial<DirectiveWords> = {}): string => `<think>So.</think><directive>${directiveText({ target: 'lung', anatomy: 'chest', side: 'any', slice_from: 1, slice_to: 8, ...change })}</directive>`;
const codeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'nothing', (error: Fault) => error.code);

describe('more like this', () => {
  test('is sought from where the reader is, tells each image as it is searched, and does not find the example again', async () => {
    const { locating, found, order } = bench({ pictureOf: (at) => drawn(60, 40, at === 2 || at === 6 ? red : { x1: 3, y1: 3, x2: 4, y2: 4 }) });
    const sweep = await locating.find(order(like()));
    expect(Sweep.parse(sweep).end).toBe('done');
    expect(found.map(({ image }) => image?.at)).toEqual([3, 4, 2, 5, 1, 6, 0, 7]);
    expect(found.at(-1)).toMatchObject({ done: 8, total: 8 });
    expect(sweep.found.filter(({ box }) => box.x1 === 40).map(({ frameId: of }) => of)).toEqual([frameId(6)]);
    expect(locating.log(studyId).sweeps).toHaveLength(1);
  });

  test('on a slide goes field by field and gives places of level 0', async () => {
    const { locating, found, order } = bench({ series: seriesOf(1, { width: 1000, height: 800 }, true) });
    const sweep = await locating.find(order(like({ x1: 100, y1: 100, x2: 120, y2: 120 }, 0), { at: 0 }));
    expect(found.length).toBeGreaterThan(20);
    expect(sweep.found).toHaveLength(1);
    const { box } = sweep.found[0]!;
    expect([box.x1, box.y1, box.x2, box.y2].map((x, i) => Math.abs(x - [700, 500, 720, 520][i]!) <= 2)).toEqual([true, true, true, true]);
    expect(sweep.blank).toBeGreaterThan(10);
  });

  test('can be stopped: what was found stays, and what was not searched is known', async () => {
    const { locating, found, order } = bench({ series: seriesOf(200) });
    const asked = order(like(), { sweepId: 'stop' });
    const sweeping = locating.find(asked);
    await expect.poll(() => found.length, { interval: 2 }).toBeGreaterThan(2);
    locating.cancel('stop');
    const sweep = await sweeping;
    expect(sweep.end).toBe('stopped');
    expect(sweep.searched.length).toBeLessThan(200);
    expect(locating.log(studyId).sweeps[0]!.searched).toEqual(sweep.searched);
  });

  test('a reader who scrolls on is followed', async () => {
    const { locating, found, order } = bench({ series: seriesOf(100) });
    const sweeping = locating.find(order(like(), { sweepId: 'scroll' }));
    await expect.poll(() => found.length, { interval: 2 }).toBeGreaterThan(1);
    locating.follow('scroll', 90);
    await expect.poll(() => found.some(({ image }) => image?.at === 90), { interval: 2 }).toBe(true);
    expect(found.findIndex(({ image }) => image?.at === 90)).toBeLessThan(80);
    locating.cancel('scroll');
    await sweeping;
  });

  test('refuses with a clear word what cannot be sought', async () => {
    const { locating, order } = bench({ pictureOf: () => drawn(60, 40, null) });
    expect(await codeOf(locating.find(order({ kind: 'examples', like: [], unlike: [] })))).toBe('locate.none');
    expect(await codeOf(locating.find(order(like())))).toBe('locate.blank');
    expect(await codeOf(locating.find(order({ kind: 'examples', like: [{ frameId: frameId(2), box: red }], unlike: [{ frameId: frameId(2), box: red }] })))).toBe('locate.contradiction');
    expect(await codeOf(locating.find(order({ kind: 'examples', like: [{ frameId: `${'c'.repeat(64)}-0`, box: red }], unlike: [] })))).toBe('locate.example');
    expect(await codeOf(locating.find(order({ kind: 'stored', name: 'kidney' })))).toBe('locate.kind');
    expect(await codeOf(locating.find(order({ kind: 'directive' })))).toBe('locate.undirected');
    expect(await codeOf(locating.find(order(like(), { seriesId: 'gone' })))).toBe('locate.series');
    const none = bench({ finder: seesRed([]) });
    none.write = async () => written();
    await none.locating.direct({ studyId, seriesId: 's1', text: 'lungs', at: 0, window: null });
    expect(await codeOf(none.locating.find(none.order({ kind: 'directive' })))).toBe('locate.kind');
  });

  test('an image of one colour in a series is searched, found empty and counted', async () => {
    const { locating, order } = bench({ pictureOf: (at) => (at === 5 ? drawn(60, 40, null) : drawn(60, 40, red)) });
    const sweep = await locating.find(order({ kind: 'stored', name: 'lung' }));
    expect([sweep.searched.length, sweep.blank, sweep.found.length]).toEqual([8, 1, 7]);
  });

  test('without a localizer says why', async () => {
    const { locating } = bench({ finder: { ...seesRed(), open: () => Promise.reject(new Fault({ code: 'localizer.kind', what: 'None.', why: 'It is missing.', mend: 'Train one.' })) } });
    expect(await locating.state()).toMatchObject({ localizer: null, refusal: { code: 'localizer.kind' } });
  });
});

describe('a sentence', () => {
  const sentence = { studyId, seriesId: 's1', text: 'any lungs in slices 3 to 5?', at: 3, window: null };

  test('becomes a directive with version, origin and expiry, by whose range is searched', async () => {
    const one = bench();
    one.write = async () => written({ slice_from: 3, slice_to: 5 });
    const directive = await one.locating.direct(sentence);
    expect(directive).toMatchObject({ version: 1, origin: [frameId(3)], refusal: null, words: { slice_from: 3, slice_to: 5 }, madeAt: '2026-01-01T10:00:00.000Z', expiresAt: '2026-01-01T10:15:00.000Z' });
    const sweep = await one.locating.find(one.order({ kind: 'directive' }));
    expect(sweep.searched).toEqual([{ at: 3, version: 1 }, { at: 4, version: 1 }, { at: 2, version: 1 }]);
    expect(sweep.found.every(({ label, version }) => label === 'lung' && version === 1)).toBe(true);
    expect(one.directed.map(({ isThinking }) => isThinking)).toEqual([true, false]);
    const [section] = await one.locating.sections(studyId);
    const rows = Object.fromEntries(section!.rows.map(({ name, value }) => [name, value]));
    expect(rows).toMatchObject({ 'Series 1: sentence 1': `“${sentence.text}”`, 'Series 1: images searched': '3–5', 'Series 1: images never searched': '1–2, 6–8' });
    expect(rows['Series 1: directive 1']).toContain('lung, chest, either side, slices 3 to 5');
  });

  test('whose directive is refused is kept as it was said, and everything known is sought', async () => {
    const one = bench();
    one.write = async () => written({ target: 'platelet', anatomy: 'blood' });
    const directive = await one.locating.direct(sentence);
    expect(directive).toMatchObject({ words: null, refusal: { code: 'target' }, text: sentence.text });
    const sweep = await one.locating.find(one.order({ kind: 'directive' }));
    expect(new Set(sweep.found.map(({ label }) => label))).toEqual(new Set(['lung', 'platelet']));
    expect(sweep.searched).toHaveLength(8);
  });

  test('that denies on the left is no search on the right', async () => {
    const one = bench();
    one.write = async () => written({ target: 'nodule', side: 'right' });
    expect((await one.locating.direct({ ...sentence, text: 'no nodules on the left' })).refusal?.code).toBe('side');
  });

  test('is held to the side that the file names', async () => {
    const placement = { modality: 'MG', bodyPart: null, laterality: 'left' as const, viewPosition: null, orientation: null, patientOrientation: null };
    const one = bench({ placement });
    one.write = async () => written({ side: 'right' });
    expect((await one.locating.direct({ ...sentence, text: 'lungs' })).refusal?.code).toBe('laterality');
  });

  test('searches one side alone where the file says how the image lies', async () => {
    const placement = { modality: 'CT', bodyPart: null, laterality: null, viewPosition: null, orientation: [1, 0, 0, 0, 1, 0] as const, patientOrientation: null } as unknown as SeenView['placement'];
    const sides = await Promise.all((['left', 'right'] as const).map(async (side) => {
      const one = bench({ placement, pictureOf: () => drawn(60, 40, red) });
      one.write = async () => written({ side });
      await one.locating.direct({ ...sentence, text: `lungs on the ${side}` });
      return (await one.locating.find(one.order({ kind: 'directive' }))).found.length;
    }));
    expect(sides).toEqual([8, 0]);
  });

  test('that is thought about for long holds nothing up: images go on being searched by the directive before it, under its version', async () => {
    const one = bench({ series: seriesOf(400) });
    one.write = async () => written({ slice_to: 400 });
    await one.locating.direct({ ...sentence, text: 'lungs' });
    let finish: (text: string) => void = () => undefined;
    one.write = () => new Promise((resolve) => (finish = resolve));
    const sweeping = one.locating.find(one.order({ kind: 'directive' }, { sweepId: 'two' }));
    const second = one.locating.direct({ ...sentence, text: 'lungs again' });
    await expect.poll(() => one.found.length, { interval: 2 }).toBeGreaterThan(20);
    expect(one.found.every(({ image }) => image?.version === 1)).toBe(true);
    finish(written({ slice_to: 400 }));
    await second;
    await expect.poll(() => one.found.some(({ image }) => image?.version === 2), { interval: 2 }).toBe(true);
    one.locating.cancel('two');
    const sweep = await sweeping;
    // What the older one found is there still, and says so.
    expect(new Set(sweep.searched.map(({ version }) => version)).has(2)).toBe(true);
  });

  test('whose writer dies leaves the latest directive, and the loss is told', async () => {
    const one = bench();
    one.write = async () => written();
    await one.locating.direct({ ...sentence, text: 'lungs' });
    one.write = () => Promise.reject(new Fault({ code: 'inference.ended', what: 'It ended.', why: 'It was ended by SIGKILL.', mend: 'Try again.' }));
    expect(await codeOf(one.locating.direct({ ...sentence, text: 'platelets' }))).toBe('inference.ended');
    expect(one.directed.at(-1)).toMatchObject({ isThinking: false, directive: null, why: 'It was ended by SIGKILL.' });
    expect((await one.locating.find(one.order({ kind: 'directive' }))).found[0]).toMatchObject({ version: 1, label: 'lung' });
    one.locating.close();
    open.splice(0);
    // It is still known after the next start.
    const next = bench();
    expect((await next.locating.find(next.order({ kind: 'directive' }))).end).toBe('done');
    expect(next.locating.log(studyId).directives).toHaveLength(1);
  });

  test('takes the place of one that is still thought about', async () => {
    const one = bench();
    one.write = (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(written()), { once: true }));
    const first = codeOf(one.locating.direct({ ...sentence, text: 'lungs' }));
    await expect.poll(() => one.directed.length).toBe(1);
    one.write = async () => written({ slice_to: 4 });
    expect((await one.locating.direct({ ...sentence, text: 'the lungs' })).version).toBe(1);
    expect(await first).toBe('locate.givenUp');
  });

  test('holds for a quarter of an hour', async () => {
    const one = bench();
    one.write = async () => written();
    await one.locating.direct({ ...sentence, text: 'lungs' });
    one.clock += 15 * 60_000 + 1;
    expect(await codeOf(one.locating.find(one.order({ kind: 'directive' })))).toBe('locate.undirected');
  });

  test('is thought about once more where sixteen images in a row show nothing likely', async () => {
    const one = bench({ series: seriesOf(40), pictureOf: () => drawn(60, 40, { x1: 1, y1: 1, x2: 2, y2: 2 }), finder: { ...seesRed(), find: async (_, prompts) => prompts.map(() => [{ box: { x1: 1, y1: 1, x2: 9, y2: 9 }, score: 0.06 }]) } });
    let asked = 0;
    one.write = async () => {
      asked++;
      return written({ slice_to: 40 });
    };
    await one.locating.direct({ ...sentence, text: 'lungs' });
    await one.locating.find(one.order({ kind: 'directive' }));
    expect(one.found.findIndex(({ isUnsure }) => isUnsure)).toBe(15);
    expect(asked).toBe(2);
    expect(one.directed.at(-1)!.directive?.origin).toHaveLength(4);
    // Not a third time, whoever searches by it again.
    await one.locating.find(one.order({ kind: 'directive' }));
    expect(asked).toBe(2);
  });

  test('that the reader says while a search is unsure is not pushed aside by the older one being thought about again', async () => {
    const one = bench({ series: seriesOf(40), pictureOf: () => drawn(60, 40, { x1: 1, y1: 1, x2: 2, y2: 2 }), finder: { ...seesRed(), find: async (_, prompts) => prompts.map(() => [{ box: { x1: 1, y1: 1, x2: 9, y2: 9 }, score: 0.06 }]) } });
    one.write = async () => written({ slice_to: 40 });
    await one.locating.direct({ ...sentence, text: 'lungs' });
    let finish: (text: string) => void = () => undefined;
    one.write = () => new Promise((resolve) => (finish = resolve));
    const newer = one.locating.direct({ ...sentence, text: 'lungs again' });
    const sweep = await one.locating.find(one.order({ kind: 'directive' }));
    expect([sweep.searched.length, one.found.some(({ isUnsure }) => isUnsure)]).toEqual([40, true]);
    finish(written({ slice_to: 40 }));
    expect(await newer).toMatchObject({ version: 2, text: 'lungs again' });
  });
});
