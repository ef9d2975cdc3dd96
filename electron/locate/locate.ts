/** Finds more like this: the reader's boxes or sentence in, boxes with scores out while they come; a slide in the background, a series from where the reader is. */
import { join } from 'node:path';
import { z } from 'zod';
import type { Publish } from '#electron/contract/events.ts';
import type { SeriesSummary, StudyDetail } from '#electron/contract/library.ts';
import { SearchLog, type Directive, type Example, type FoundThing, type LocatorState, type SearchedImage, type Sweep, type SweepOrder } from '#electron/contract/locating.ts';
import type { AskedView, Region, ViewWindow } from '#electron/contract/review.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import { iou, type Box } from '#models/clinical/finding.ts';
import type { ReportSection } from '#models/clinical/report.ts';
import { fieldSideOf, meanPrompt, withoutExamples, type Prompt } from '#models/locator.ts';
import { openDirecting, type Rewriter } from './directing.ts';
import { blankFault, isBlank, type Finder } from './finder.ts';
import { lookAt, lookOver, promptInFields, promptOf, type Found, type ReadView, type SeenView, type Sought } from './look.ts';
import { nextImage, remaining, unsureAfter, unsureBelow } from './order.ts';
import { sectionOf } from './section.ts';

export interface LocatingOptions {
  readonly folder: string;
  readonly publish: Publish;
  readonly now: () => string;
  readonly study: (studyId: string) => Promise<StudyDetail>;
  readonly picture: ReadView;
  readonly finder: Finder;
  readonly rewriter: Rewriter;
}

export interface Locating {
  state(): Promise<LocatorState>;
  find(order: SweepOrder): Promise<Sweep>;
  follow(sweepId: string, at: number): void;
  cancel(sweepId: string): void;
  direct(sentence: { readonly studyId: string; readonly seriesId: string; readonly text: string; readonly at: number; readonly window: ViewWindow | null }): Promise<Directive>;
  undirect(studyId: string, seriesId: string): void;
  log(studyId: string): SearchLog;
  /** For a report; none where nothing was searched. */
  sections(studyId: string): Promise<readonly ReportSection[]>;
  close(): void;
}

type SweepRow = SearchLog['sweeps'][number] & { readonly studyId: string };
const SweepLine = SearchLog.shape.sweeps.element.extend({ studyId: z.string() });

interface Running {
  readonly controller: AbortController;
  near: number;
}

const fault = (code: string, what: string, why: string, mend: string): Fault => new Fault({ code, what, why, mend });

export function openLocating({ folder, publish, now, study, picture, finder, rewriter }: LocatingOptions): Locating {
  const directing = openDirecting({ folder, rewriter, now, tell: (news) => publish('locate.directive', news) });
  const journal = openJournal(join(folder, 'sweeps.jsonl'), (value) => SweepLine.parse(value));
  const rows: SweepRow[] = [...journal.entries];
  const running = new Map<string, Running>();
  /** Sentences that were thought about once more because nothing likely was found: not a third time. */
  const thoughtTwice = new Set<string>();

  const seriesOf = async (studyId: string, seriesId: string): Promise<SeriesSummary> => {
    const series = (await study(studyId)).series.find(({ id }) => id === seriesId);
    if (!series) throw fault('locate.series', 'Nothing can be sought.', 'The series does not belong to the study.', 'Open the study again.');
    return series;
  };
  const viewOf = (series: SeriesSummary, at: number, window: ViewWindow | null, region: Region | null = null): AskedView => {
    if (series.slide) return { kind: 'slide', slideId: series.slide.id, region };
    const frame = series.frames[at];
    if (!frame) throw fault('locate.image', 'Nothing can be sought.', `The series has ${series.frames.length} images, and image ${at + 1} was asked for.`, 'Open the study again.');
    return { kind: 'frame', frameId: frame.id, window, ...(region ? { region } : {}) };
  };

  /** The prompts of examples; each is seen at the scale at which things like it are sought. */
  const promptOfExamples = async (series: SeriesSummary, examples: readonly Example[], window: ViewWindow | null, side: number | null, size: { readonly width: number; readonly height: number }): Promise<Prompt | null> => {
    if (examples.length === 0) return null;
    const byFrame = new Map<string, readonly Example[]>();
    for (const example of examples) byFrame.set(example.frameId, [...byFrame.get(example.frameId) ?? [], example]);
    const prompts: Prompt[] = [];
    for (const [frameId, some] of byFrame) {
      const at = series.frames.findIndex(({ id }) => id === frameId);
      if (at < 0) throw fault('locate.example', 'An example cannot be used.', 'It lies on an image of another series.', 'Draw examples on the series that is searched.');
      const boxes = some.map(({ box }) => box);
      if (side !== null) prompts.push(await promptInFields(finder, (region) => picture(viewOf(series, at, window, region)), boxes, side, size));
      else {
        const seen = await picture(viewOf(series, at, window));
        if (isBlank(seen.picture)) throw blankFault();
        prompts.push(await promptOf(finder, seen, boxes));
      }
    }
    return meanPrompt(prompts);
  };
  const soughtOf = async (series: SeriesSummary, { seek, window }: SweepOrder, side: number | null, size: { readonly width: number; readonly height: number }, directive: Directive | undefined): Promise<Sought> => {
    const { stored } = await finder.open();
    const known = (kind: string): Sought => {
      const prompt = stored.find((one) => one.kind === kind);
      if (!prompt) throw fault('locate.kind', 'This cannot be sought without an example.', `The localizer keeps ${stored.length === 0 ? 'no prompts' : `prompts of ${stored.map((one) => one.kind).join(', ')} alone`}.`, 'Draw a box around one, then find more like it.');
      return { prompts: [{ prompt, label: kind }], unlike: stored.filter((one) => one !== prompt), side: 'any', examples: new Map() };
    };
    if (seek.kind === 'stored') return known(seek.name);
    if (seek.kind === 'directive') {
      const { words } = directive ?? {};
      // A thing that was never learnt, or a sentence that could not be read: everything that is known is shown, under its own name.
      if (words && stored.some(({ kind }) => kind === words.target)) return { ...known(words.target), side: words.side };
      if (stored.length === 0) throw fault('locate.kind', 'This cannot be sought without an example.', 'The localizer keeps no prompts.', 'Draw a box around one, then find more like it.');
      return { prompts: stored.map((prompt) => ({ prompt, label: prompt.kind })), unlike: [], side: words?.side ?? 'any', examples: new Map() };
    }
    const { like, unlike } = seek;
    const twice = like.find(({ frameId, box }) => unlike.some((other) => other.frameId === frameId && iou(other.box, box) > 0.9));
    if (twice) throw fault('locate.contradiction', 'The examples contradict each other.', 'One box is given as what is meant and as what is not meant.', 'Take it out of one of the two.');
    const prompt = await promptOfExamples(series, like, window, side, size);
    if (!prompt) throw fault('locate.none', 'There is nothing to look for.', 'No box was drawn.', 'Draw a box (B) around one or more examples, then ask for more.');
    const other = await promptOfExamples(series, unlike, window, side, size);
    const examples = new Map<string, readonly Box[]>();
    for (const { frameId, box } of like) examples.set(frameId, [...examples.get(frameId) ?? [], box]);
    return { prompts: [{ prompt, label: null }], unlike: other ? [other] : [], side: 'any', examples };
  };

  interface Outcome {
    readonly searched: readonly SearchedImage[];
    readonly found: readonly FoundThing[];
    readonly blank: number;
    readonly total: number;
    readonly end: Sweep['end'];
  }

  const thingOf = (sweepId: string, frameId: string, version: number, key: string) => ({ box, score, label }: Found, i: number): FoundThing => ({ id: `${sweepId}:${key}:${i}`, frameId, box, score, label, version });

  /** Field by field over a slide, over what is seen of it, or over a large picture with small things. */
  const overFields = async (order: SweepOrder, series: SeriesSummary, area: Region, side: number, size: { readonly width: number; readonly height: number }, { controller }: Running): Promise<Outcome> => {
    const directive = order.seek.kind === 'directive' ? directing.current(order.studyId, order.seriesId) : undefined;
    const version = directive?.version ?? 0;
    const sought = await soughtOf(series, order, side, size, directive);
    const frameId = series.frames[order.at]?.id ?? series.frames[0]!.id;
    const fresh = <One extends Found>(found: readonly One[]): readonly One[] => withoutExamples(found, sought.examples.get(frameId) ?? []);
    const partial: FoundThing[] = [];
    let [total, fields] = [0, 0];
    const image: SearchedImage = { at: order.at, version };
    try {
      const { found, blank } = await lookOver(finder, (region) => picture(viewOf(series, order.at, order.window, region)), area, side, sought, {
        signal: controller.signal,
        onField(done, of, some) {
          [total, fields] = [of, done];
          const things = fresh(some).map(thingOf(order.sweepId, frameId, version, String(done)));
          partial.push(...things);
          publish('locate.found', { sweepId: order.sweepId, done, total: of, image: done === of ? image : null, found: things, isUnsure: false });
        },
      });
      return { searched: [image], found: fresh(found).map(thingOf(order.sweepId, frameId, version, 'all')), blank, total, end: 'done' };
    } catch (thrown) {
      if (!controller.signal.aborted) throw thrown;
      return { searched: fields > 0 ? [image] : [], found: partial, blank: 0, total, end: 'stopped' };
    }
  };

  /** Image by image, always the nearest to the reader that the latest directive was not yet held to; while one is searched the next is read. */
  const overImages = async (order: SweepOrder, series: SeriesSummary, run: Running): Promise<Outcome> => {
    const { sweepId, studyId, seriesId, seek, scope, window } = order;
    const count = series.frames.length;
    const searched = new Map<number, number>();
    const found = new Map<number, readonly FoundThing[]>();
    const pictures = new Map<number, Promise<SeenView>>();
    const read = (at: number): Promise<SeenView> => {
      const known = pictures.get(at) ?? picture(viewOf(series, at, window));
      known.catch(() => undefined);
      pictures.set(at, known);
      return known;
    };
    const best = new Map<number, number>();
    let [sought, soughtVersion, blank, unsure]: [Sought | null, number, number, number] = [null, -1, 0, 0];
    const finished = (end: Sweep['end']): Outcome => ({ searched: [...searched].map(([at, version]) => ({ at, version })), found: [...found.values()].flat(), blank, total: count, end });
    const size = { width: series.frames[order.at]?.columns ?? 1, height: series.frames[order.at]?.rows ?? 1 };
    for (;;) {
      if (run.controller.signal.aborted) return finished('stopped');
      const directive = seek.kind === 'directive' ? directing.current(studyId, seriesId) : undefined;
      if (seek.kind === 'directive' && !directive) return finished(searched.size > 0 ? 'expired' : 'stopped');
      const version = directive?.version ?? 0;
      if (!sought || version !== soughtVersion) {
        sought = await soughtOf(series, order, null, size, directive);
        [soughtVersion, unsure] = [version, 0];
        best.clear();
      }
      const { words } = directive ?? {};
      const [from, to] = scope === 'view' ? [order.at, order.at] : words ? [words.slice_from - 1, words.slice_to - 1] : [0, count - 1];
      const searching = { count, searched, version, near: run.near, from, to };
      const at = nextImage(searching);
      if (at === null) return finished('done');
      const seen = await read(at);
      const after = nextImage({ ...searching, searched: new Map([...searched, [at, version]]) });
      if (after !== null) void read(after).catch(() => undefined);
      const frameId = series.frames[at]!.id;
      const look = await lookAt(finder, seen, sought);
      if (run.controller.signal.aborted) return finished('stopped');
      pictures.delete(at);
      if (pictures.size > 8) for (const key of pictures.keys()) if (key !== after) pictures.delete(key);
      searched.set(at, version);
      if (look.isBlank) blank++;
      const things = withoutExamples(look.found, sought.examples.get(frameId) ?? []).map(thingOf(sweepId, frameId, version, `${version}-${at}`));
      found.set(at, things);
      best.set(at, things[0]?.score ?? 0);
      unsure = (things[0]?.score ?? 0) < unsureBelow ? unsure + 1 : 0;
      const isUnsure = unsure >= unsureAfter;
      publish('locate.found', { sweepId, done: to - from + 1 - remaining({ ...searching, searched }), total: to - from + 1, image: { at, version }, found: things, isUnsure });
      // So many images without a likely thing: the slow model is asked once more, at the images that came nearest to one. What the reader says meanwhile goes first.
      const sentence = `${studyId}/${seriesId}/${directive?.text ?? ''}`;
      if (isUnsure && directive && !thoughtTwice.has(sentence) && !directing.isThinking(studyId, seriesId)) {
        thoughtTwice.add(sentence);
        const likeliest = [...best].sort(([, a], [, b]) => b - a).slice(0, 4).map(([one]) => one);
        void again(series, directive, likeliest, window).catch(() => undefined);
      }
    }
  };

  const imagesOf = async (series: SeriesSummary, at: readonly number[], window: ViewWindow | null): Promise<readonly { readonly frameId: string; readonly seen: SeenView }[]> => {
    const images = [];
    for (const one of at) images.push({ frameId: series.frames[one]?.id ?? series.frames[0]!.id, seen: await picture(viewOf(series, one, window)) });
    return images;
  };
  const again = async (series: SeriesSummary, { studyId, seriesId, text }: Directive, at: readonly number[], window: ViewWindow | null): Promise<Directive | null> => {
    const images = await imagesOf(series, at, window);
    if (directing.isThinking(studyId, seriesId)) return null;
    const stated = images[0]?.seen.placement?.laterality ?? null;
    return directing.direct({
      studyId, seriesId, text, slices: series.frames.length, at: at[0] ?? 0, laterality: stated === 'both' ? null : stated, images: images.map(({ frameId, seen }) => ({ frameId, picture: seen.picture })),
    });
  };

  const logOf = (studyId: string): SearchLog => ({ directives: [...directing.all(studyId)], sweeps: rows.filter((row) => row.studyId === studyId).map(({ studyId: _study, ...row }) => row) });

  return {
    async state() {
      try {
        const { sha256, stored } = await finder.open();
        return { localizer: { sha256, kinds: stored.map(({ kind, examples }) => ({ name: kind, examples })) }, refusal: null };
      } catch (thrown) {
        if (thrown instanceof Fault) return { localizer: null, refusal: thrown.toJSON() };
        throw thrown;
      }
    },
    async find(order) {
      const { sweepId, studyId, seriesId, seek, scope, at } = order;
      if (running.has(sweepId)) throw fault('locate.twice', 'The search has begun already.', 'It is under way by this name.', 'Wait for it, or stop it.');
      if (seek.kind === 'examples' && seek.like.length === 0) throw fault('locate.none', 'There is nothing to look for.', 'No box was drawn.', 'Draw a box (B) around one or more examples, then ask for more.');
      if (seek.kind === 'directive' && !directing.current(studyId, seriesId)) throw fault('locate.undirected', 'There is nothing to look for.', 'No sentence holds for this series, or it has expired.', 'Say what is to be found.');
      const run: Running = { controller: new AbortController(), near: at };
      running.set(sweepId, run);
      const started = performance.now();
      try {
        const [series, { sha256 }] = await Promise.all([seriesOf(studyId, seriesId), finder.open()]);
        const size = series.slide ?? { width: series.frames[at]?.columns ?? 0, height: series.frames[at]?.rows ?? 0 };
        const whole: Region = { x: 0, y: 0, width: size.width, height: size.height };
        const area = series.slide && scope === 'view' && order.region ? clipped(order.region, size) : whole;
        const boxes = seek.kind === 'examples' ? seek.like.map(({ box }) => box) : [];
        const wanted = boxes.length > 0 ? fieldSideOf(boxes) : order.region ? Math.round(Math.max(order.region.width, order.region.height)) : Math.max(size.width, size.height);
        const isInFields = series.slide !== null || (series.frames.length === 1 && boxes.length > 0 && wanted < Math.min(size.width, size.height) / 2);
        const outcome = await (isInFields ? overFields(order, series, area, Math.max(16, wanted), size, run) : overImages(order, series, run));
        const row: SweepRow = { studyId, sweepId, at: now(), seriesId, seek, total: outcome.total, searched: [...outcome.searched], found: outcome.found.length, end: outcome.end, localizer: sha256 };
        journal.append(row);
        rows.push(row);
        return { sweepId, studyId, seriesId, total: outcome.total, searched: [...outcome.searched], found: [...outcome.found], end: outcome.end, blank: outcome.blank, localizer: sha256, seconds: (performance.now() - started) / 1000 };
      } finally {
        running.delete(sweepId);
      }
    },
    follow(sweepId, at) {
      const run = running.get(sweepId);
      if (run) run.near = at;
    },
    cancel: (sweepId) => running.get(sweepId)?.controller.abort(),
    async direct({ studyId, seriesId, text, at, window }) {
      const series = await seriesOf(studyId, seriesId);
      thoughtTwice.delete(`${studyId}/${seriesId}/${text}`);
      const images = await imagesOf(series, [at], window);
      const stated = images[0]?.seen.placement?.laterality ?? null;
      return directing.direct({
        studyId, seriesId, text, slices: series.frames.length, at, laterality: stated === 'both' ? null : stated, images: images.map(({ frameId, seen }) => ({ frameId, picture: seen.picture })),
      });
    },
    undirect: (studyId, seriesId) => directing.giveUp(studyId, seriesId),
    log: logOf,
    async sections(studyId) {
      const log = logOf(studyId);
      if (log.sweeps.length === 0 && log.directives.length === 0) return [];
      const { series } = await study(studyId);
      const section = sectionOf(log, (seriesId) => {
        const at = series.findIndex(({ id }) => id === seriesId);
        return at < 0 ? 'A series that is gone' : `Series ${at + 1}`;
      });
      return section ? [section] : [];
    },
    close() {
      running.forEach(({ controller }) => controller.abort());
      directing.close();
      journal.close();
      finder.close();
    },
  };
}

function clipped({ x, y, width, height }: Region, size: { readonly width: number; readonly height: number }): Region {
  const [left, top] = [Math.min(Math.max(0, Math.floor(x)), size.width - 1), Math.min(Math.max(0, Math.floor(y)), size.height - 1)];
  return { x: left, y: top, width: Math.max(1, Math.min(size.width, Math.ceil(x + width)) - left), height: Math.max(1, Math.min(size.height, Math.ceil(y + height)) - top) };
}
