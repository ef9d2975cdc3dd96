/** `loupe locate`: finds more of what example boxes show, on a picture, over the slices of a series, on a slide field by field, or on cases whose boxes are known. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { blankFault, isBlank } from '#electron/locate/finder.ts';
import { drawOverlay } from '#electron/review/overlay.ts';
import { openSource, type OpenedSource, type ShownFrame } from '#electron/review/source.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { builtInLocalizer } from '#electron/storage/folders.ts';
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import { invert, mapBox } from '#models/imaging/coordinates.ts';
import { resize } from '#models/imaging/resize.ts';
import { fieldAround, meanPrompt, openLocator, sweep, withoutExamples, type Field, type FindOptions, type FoundBox, type Locator, type Prompt } from '#models/locator.ts';
import { savePrompts } from '#models/weights/localizer.ts';
import { kindPrompts, locateCases, type LocateMeasures } from '#training/locateCases.ts';
import { frocPoints, precisionDifference, type KindMeasures } from '#training/localizing.ts';
import { lineageOf } from '#training/lineage.ts';
import { casesOf } from '#training/prepare.ts';
import { flag, numberOption, onlyPositional, textOption, textOptions, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'locate',
  summary: 'more of what example boxes show',
  usage: 'locate PATH (--like X1,Y1,X2,Y2… | --kind NAME) [--unlike BOX…] [--field SIDE] [--out DIR] | locate --cases INDEX… [--localizer DIR…] [--keep]',
  options: {
    like: { type: 'string', multiple: true, help: 'a box around an example, in the source\'s pixels; several are averaged' },
    kind: { type: 'string', help: 'instead of an example: a kind of thing that the localizer keeps a prompt of, such as lung' },
    unlike: { type: 'string', multiple: true, help: 'a box around something that is not meant' },
    slice: { type: 'string', help: 'of a series: which of the shown slices the boxes are on, from 1; 1 where absent' },
    slices: { type: 'string', help: 'of a series: how many are searched, evenly spread; 32 where absent' },
    window: { type: 'string', help: 'a window by name (Lung) or as centre,width; the file\'s own where absent' },
    field: { type: 'string', help: 'searches field by field, each a square of so many source pixels a side: for slides, and for things that are small on a large picture' },
    least: { type: 'string', help: 'least score of what is told, 0 to 1; 0.12 where absent' },
    out: { type: 'string', help: 'a folder for found.json and overlay.png' },
    localizer: { type: 'string', multiple: true, help: 'the folder `final` of a run of dinoR1; the built-in one where absent; with --cases several are compared, those of one recipe together' },
    examples: { type: 'string', help: 'with --cases: images of each set of which examples are taken; 40 where absent' },
    keep: { type: 'boolean', help: 'with --cases: the prompts of the kinds are kept in the localizer\'s folder' },
    threads: { type: 'string', help: 'threads; one for each physical core where absent' },
    cases: { type: 'string', multiple: true, help: 'instead of a path: an index.jsonl; examples come from its permissive train cases, and what they find on its val cases is measured' },
  },
  async run(context) {
    const indexes = textOptions(context, 'cases');
    const like = textOptions(context, 'like').map((text) => boxOf(text, 'like'));
    const unlike = textOptions(context, 'unlike').map((text) => boxOf(text, 'unlike'));
    const kind = textOption(context, 'kind');
    if (indexes.length === 0 && (like.length === 0) === (kind === undefined)) throw new UsageError('--like or --kind is missing: a box around an example, as X1,Y1,X2,Y2, or the name of a kind. One of them is expected.');
    const threads = numberOption(context, 'threads', { least: 1, most: 256, whole: true });
    const folders = localizerFolders(context);
    const using = async <T>(localizer: string, use: (locator: Locator) => Promise<T>): Promise<T> => {
      const locator = await openLocator(localizer, threads === undefined ? {} : { threads });
      try {
        return await use(locator);
      } finally {
        await locator.release();
      }
    };
    if (indexes.length > 0) return measure(context, [...indexes, ...context.positionals], folders, using);
    if (folders.length > 1) throw new UsageError('One --localizer is expected without --cases.');
    await using(folders[0]!, (locator) => find(context, locator, { like, unlike, ...(kind === undefined ? {} : { kind: storedPrompt(locator, kind) }) }));
  },
};

function localizerFolders(context: CommandContext): readonly string[] {
  const chosen = textOptions(context, 'localizer');
  if (chosen.length > 0) return chosen;
  const builtIn = builtInLocalizer();
  if (existsSync(builtIn)) return [builtIn];
  throw new Fault({ code: 'localizer.missing', what: 'There is no localizer.', why: 'None is built in, and --localizer was not given.', mend: 'Train one: loupe train dinoR1 --data INDEX --out RUN, then give --localizer RUN/final.' });
}

function boxOf(text: string, option: string): Box {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = numbers;
  if (numbers.length !== 4 || !numbers.every(Number.isFinite) || x2 <= x1 || y2 <= y1) throw new UsageError(`--${option} takes X1,Y1,X2,Y2 with X1 below X2 and Y1 below Y2, not '${text}'.`);
  return { x1, y1, x2, y2 };
}

interface Examples {
  readonly like: readonly Box[];
  readonly unlike: readonly Box[];
  /** In place of examples. */
  readonly kind?: Prompt;
}

function storedPrompt({ stored }: Locator, kind: string): Prompt {
  const prompt = stored.find((one) => one.kind === kind);
  if (prompt) return prompt;
  throw new Fault({ code: 'locate.kind', what: `The localizer knows no ${kind.slice(0, 60)}.`, why: stored.length === 0 ? 'It keeps no prompts.' : `It keeps prompts of ${stored.map((one) => one.kind).join(', ')}.`, mend: 'Give one of those, or draw an example: --like X1,Y1,X2,Y2.' });
}

/** What one picture of the source gave, in the source's pixels. */
interface FrameResult {
  readonly name: string;
  readonly found: readonly FoundBox[];
  /** Of one colour: nothing was sought there. */
  readonly isBlank: boolean;
}

async function find(context: CommandContext, locator: Locator, examples: Examples): Promise<void> {
  const path = onlyPositional(context, 'PATH');
  const window = textOption(context, 'window');
  const source = await openSource(path, { slices: numberOption(context, 'slices', { least: 1, most: 2000, whole: true }) ?? 32, ...(window === undefined ? {} : { window }) });
  context.progress(`${source.title}\n${source.selection}`);
  const at = (numberOption(context, 'slice', { least: 1, most: source.frames.length, whole: true }) ?? 1) - 1;
  const frame = source.frames[at]!;
  const least = numberOption(context, 'least', { least: 0, most: 1 });
  const side = numberOption(context, 'field', { least: 8, most: 1_000_000, whole: true });
  const options: FindOptions = least === undefined ? {} : { least };
  const results = side === undefined ? await onFrames(locator, source, at, examples, options) : await onFields(context, locator, { path, frame, side }, examples, options);
  const out = textOption(context, 'out');
  const record = {
    source: source.title, example: { frame: frame.name, like: examples.like, unlike: examples.unlike }, field: side ?? null, localizer: locator.sha256,
    frames: results.map(({ name, found, isBlank: blank }) => ({ name, isBlank: blank, found: found.map(({ box, score }) => ({ box: [box.x1, box.y1, box.x2, box.y2].map((x) => Math.round(x * 10) / 10), score: Math.round(score * 1000) / 1000 })) })),
    disclaimer: 'Research use only, not a medical device.',
  };
  const total = results.reduce((sum, { found }) => sum + found.length, 0);
  if (out !== undefined) {
    const picture = await overlay(source, at, examples, results, total);
    await writeWhole(join(out, 'found.json'), `${JSON.stringify(record, null, 2)}\n`);
    await writeWhole(join(out, 'overlay.png'), picture);
    context.progress(`Written: ${join(out, 'overlay.png')}, ${join(out, 'found.json')}`);
  }
  const lines = results.flatMap(({ name, found, isBlank: blank }) => [...(results.length > 1 || blank ? [`${name}: ${blank ? 'of one colour, nothing to be found' : found.length}`] : []), ...found.map(({ box, score }) => `  ${score.toFixed(2)}  ${[box.x1, box.y1, box.x2, box.y2].map(Math.round).join(', ')}`)]);
  context.print(record, [`${total} found`, ...lines, record.disclaimer].join('\n'));
}

/** Each shown picture as a whole. */
async function onFrames(locator: Locator, source: OpenedSource, at: number, { like, unlike, kind }: Examples, options: FindOptions): Promise<readonly FrameResult[]> {
  const frame = source.frames[at]!;
  if (!kind && isBlank(frame.picture)) throw blankFault();
  const seen = await locator.see(frame.picture);
  const toPicture = invert(frame.toSource);
  const prompt = kind ?? await locator.prompt(seen, like.map((box) => mapBox(toPicture, box)));
  const others = unlike.length > 0 ? [await locator.prompt(seen, unlike.map((box) => mapBox(toPicture, box)))] : [];
  const results: FrameResult[] = [];
  for (const [i, { picture, name, toSource }] of source.frames.entries()) {
    if (isBlank(picture)) {
      results.push({ name, found: [], isBlank: true });
      continue;
    }
    const [found] = await locator.find(i === at ? seen : await locator.see(picture), [prompt], { ...options, unlike: others });
    const placed = found!.map(({ box, score }) => ({ score, box: mapBox(toSource, box) }));
    results.push({ name, found: i === at ? withoutExamples(placed, like) : placed, isBlank: false });
  }
  return results;
}

/** Field by field, each seen at the scale at which the examples were. */
async function onFields(context: CommandContext, locator: Locator, { path, frame, side }: { readonly path: string; readonly frame: ShownFrame; readonly side: number }, { like, unlike, kind }: Examples, options: FindOptions): Promise<readonly FrameResult[]> {
  const { source } = frame;
  const toPicture = invert(frame.toSource);
  const isSlide = frame.picture.width < source.width || frame.picture.height < source.height;
  const read = async (field: Field): Promise<ShownFrame['picture']> => {
    if (isSlide) return (await openSource(path, { slices: 1, region: field })).frames[0]!.picture;
    const { x1, y1, x2, y2 } = mapBox(toPicture, { x1: field.x, y1: field.y, x2: field.x + field.width, y2: field.y + field.height });
    return resize(frame.picture, { width: Math.max(1, Math.round(x2 - x1)), height: Math.max(1, Math.round(y2 - y1)) }, { x1, y1, x2, y2 });
  };
  const promptOf = async (boxes: readonly Box[]): Promise<Prompt> => {
    const prompts = await Promise.all(boxes.map(async (box) => {
      const field = fieldAround(box, side, source);
      const picture = await read(field);
      if (isBlank(picture)) throw blankFault();
      const [sx, sy] = [picture.width / field.width, picture.height / field.height];
      return locator.prompt(await locator.see(picture), [{ x1: (box.x1 - field.x) * sx, y1: (box.y1 - field.y) * sy, x2: (box.x2 - field.x) * sx, y2: (box.y2 - field.y) * sy }]);
    }));
    return meanPrompt(prompts);
  };
  const prompt = kind ?? await promptOf(like);
  const others = unlike.length > 0 ? [await promptOf(unlike)] : [];
  let [seen, blank] = [0, 0];
  const looking = {
    async see(picture: ShownFrame['picture']) {
      seen++;
      if (!isBlank(picture)) return locator.see(picture);
      blank++;
      return null;
    },
    find: (field: Awaited<ReturnType<Locator['see']>> | null, prompts: readonly Prompt[], own?: FindOptions) => (field ? locator.find(field, prompts, own) : Promise.resolve(prompts.map(() => []))),
  };
  const found = await sweep(looking, [prompt], source, side, read, {
    ...options, unlike: others, signal: context.signal,
    onField: (done, total, some) => (done % 20 === 0 || done === total || some.length > 0) && context.progress(`field ${done} of ${total}${some.length > 0 ? `: ${some.length} found` : ''}`),
  });
  return [{ name: frame.name, found: withoutExamples(found, like), isBlank: blank === seen }];
}

function overlay(source: OpenedSource, at: number, { like }: Examples, results: readonly FrameResult[], total: number): Promise<Uint8Array> {
  const frames = source.frames;
  const onPicture = (i: number, boxes: readonly Box[]): Box[] => boxes.map((box) => mapBox(invert(frames[i]!.toSource), box));
  return drawOverlay({
    title: source.title, question: 'Where is more of what the examples show?', main: at, confidence: null, frames: frames.map(({ picture, name }) => ({ picture, name })),
    trace: {
      raw: '', parsed: true, steps: [], answer: total === 1 ? '1 found' : `${total} found`,
      findings: [{ label: 'example', frame: at, boxes: onPicture(at, like) }, ...results.map(({ found }, i) => ({ label: 'similar', frame: i, boxes: onPicture(i, found.map(({ box }) => box)) }))],
    },
    notes: [source.selection, 'Scores are not probabilities of a disease: they say how like the examples a place looks.'],
  });
}

/** One localizer over the held-out cases, under the name of the recipe that made it. */
interface Measured {
  readonly folder: string;
  readonly recipe: string;
  readonly seed: number | null;
  readonly measures: LocateMeasures;
}

async function measure(context: CommandContext, indexes: readonly string[], folders: readonly string[], using: <T>(localizer: string, use: (locator: Locator) => Promise<T>) => Promise<T>): Promise<void> {
  const permissive = ['permissive'] as const;
  const [train, held] = [await casesOf(indexes, { splits: ['train'], licences: permissive }), await casesOf(indexes, { splits: ['val'], licences: permissive })];
  const perSet = numberOption(context, 'examples', { least: 1, most: 1_000_000, whole: true }) ?? 40;
  const results: Measured[] = [];
  for (const folder of folders) {
    const progress = (what: string) => (done: number, total: number): void => {
      if (done % 50 === 0 || done === total) context.progress(`${folder}: ${what}, ${done} of ${total} images`);
    };
    const measures = await using(folder, async (locator) => {
      const prompts = await kindPrompts(locator, train, { perSet, signal: context.signal, onProgress: progress('examples') });
      if (flag(context, 'keep')) savePrompts(folder, locator.sha256, prompts);
      return locateCases(locator, held, prompts, { signal: context.signal, onProgress: progress('held out') });
    });
    const run = lineageOf(folder).run;
    results.push({ folder, recipe: run?.recipe.name ?? basename(resolve(folder)), seed: run?.seed ?? null, measures });
  }
  const told = results.map(({ measures: { found: _found, ...measures }, ...rest }) => ({ ...rest, measures }));
  context.print(told, [...results.map(({ folder, recipe, seed, measures }) => `${folder}: ${recipe}${seed === null ? '' : `, seed ${seed}`}\n${measuresText(measures)}`), ...(results.length > 1 ? [togetherText(results)] : [])].join('\n\n'));
}

const number = (x: number | null): string => (x === null ? '–' : x.toFixed(3)).padStart(7);

function measuresText({ stored, drawn, separation, images, imagesPerSecond }: LocateMeasures): string {
  const row = ({ kind, images: n, things, ap50, ap30, froc }: KindMeasures): string => `${kind.padEnd(20)}${String(n).padStart(7)}${String(things).padStart(8)}${number(ap50)}${number(ap30)}${froc.map(number).join('')}`;
  const head = `${''.padEnd(20)} images  things   AP50   AP30${frocPoints.map((point) => `s@${point}`.padStart(7)).join('')}`;
  return [
    'Prompts are the mean of the train cases\' examples:', head, ...stored.map(row),
    'The prompt is one box on the image, the others of its kind are sought:', head, ...drawn.map(row),
    separation ? `Cosine of prompts within a kind ${separation.within.toFixed(3)}, between kinds ${separation.between.toFixed(3)}` : 'Too few examples to compare prompts.',
    `${images} images, ${imagesPerSecond.toFixed(1)} a second; s@F is the share found at F false boxes an image (IoU 0.3)`,
  ].join('\n');
}

/** Runs of one recipe together: the mean over seeds, and the least and the greatest. */
function togetherText(results: readonly Measured[]): string {
  const recipes = [...new Set(results.map(({ recipe }) => recipe))];
  const kinds = [...new Set(results.flatMap(({ measures }) => measures.stored.map(({ kind }) => kind)))];
  const cell = (recipe: string, kind: string, of: (measures: KindMeasures) => number | null): string => {
    const values = results.filter((result) => result.recipe === recipe).flatMap(({ measures }) => measures.stored.filter((row) => row.kind === kind).flatMap((row) => of(row) ?? []));
    if (values.length === 0) return '–'.padStart(22);
    return `${(values.reduce((a, b) => a + b, 0) / values.length).toFixed(3)} (${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)})`.padStart(22);
  };
  const rows = recipes.flatMap((recipe) => [
    `${recipe}, ${results.filter((result) => result.recipe === recipe).length} runs`,
    ...kinds.map((kind) => `  ${kind.padEnd(20)}${cell(recipe, kind, ({ ap50 }) => ap50)}${cell(recipe, kind, ({ ap30 }) => ap30)}${cell(recipe, kind, ({ froc }) => froc[1] ?? null)}`),
  ]);
  const [base, ...others] = recipes;
  const runsOf = (recipe: string) => results.flatMap((result) => (result.recipe === recipe ? [result.measures.found] : []));
  const beside = others.map((recipe) => {
    const { before, after, difference: { mean, ci: [low, high] } } = precisionDifference(runsOf(base!), runsOf(recipe), 0.5);
    return `${recipe} beside ${base!}: AP50, mean over kinds and runs, ${before.toFixed(3)} to ${after.toFixed(3)}, ${signed(mean)} (${signed(low)} to ${signed(high)}, over images and not over seeds)`;
  });
  return [`Together, by recipe${''.padEnd(3)}${'AP50'.padStart(22)}${'AP30'.padStart(22)}${'s@1'.padStart(22)}`, ...rows, ...beside].join('\n');
}

const signed = (x: number): string => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(3)}`;
