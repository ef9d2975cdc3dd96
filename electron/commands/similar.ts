/** `loupe similar`: cases like a picture, or like what a sentence says; and how well an encoder finds held-out cases, in both directions and by words alone. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { openSource } from '#electron/review/source.ts';
import { openVectors, type VectorStore } from '#electron/similar/store.ts';
import { builtInModel } from '#electron/storage/folders.ts';
import { Fault } from '#models/base/fault.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { openSimilar, type Similar } from '#models/similar.ts';
import { closeArchives, loadBytes } from '#training/data/cases.ts';
import { pictureHashes } from '#training/data/lookAlikes.ts';
import { lineageOf } from '#training/lineage.ts';
import { casesOf } from '#training/prepare.ts';
import { splits, type Split } from '#training/records/caseRecord.ts';
import { difference, measureSimilar, type Hits, type SimilarMeasures } from '#training/similarCases.ts';
import type { Estimate } from '#models/base/statistics.ts';
import { numberOption, textOption, textOptions, UsageError, type Command, type CommandContext } from './command.ts';

export const encoderOption = { encoder: { type: 'string', multiple: true, help: 'the folder `final` of a run of pathoClip or perceptualInitialization; the built-in one where absent' } } as const;

export const command: Command = {
  name: 'similar',
  summary: 'cases like a picture or a sentence',
  usage: 'similar PATH|--say TEXT --among PATH… [--most N] | similar --cases INDEX… [--encoder DIR…]',
  options: {
    say: { type: 'string', help: 'a sentence that says what is looked for, in place of a picture' },
    among: { type: 'string', multiple: true, help: 'where to look: an index.jsonl, or a picture, series or slide; may be repeated, and more may follow as plain words' },
    most: { type: 'string', help: 'so many at most; 10 where absent' },
    cases: { type: 'string', multiple: true, help: 'instead: measures on the held-out cases of index files; several encoders are compared, those of one recipe together' },
    split: { type: 'string', help: `of the cases: ${splits.join(', ')}; val where absent` },
    max: { type: 'string', help: 'of the cases: so many at most' },
    ...encoderOption,
  },
  async run(context) {
    const folders = encoderFolders(context);
    const indexes = textOptions(context, 'cases');
    if (indexes.length > 0) return measure(context, [...indexes, ...context.positionals], folders);
    if (folders.length > 1) throw new UsageError('One --encoder is expected without --cases.');
    const say = textOption(context, 'say');
    const path = say === undefined ? context.positionals[0] : undefined;
    const among = [...textOptions(context, 'among'), ...context.positionals.slice(path === undefined ? 0 : 1)];
    if (say === undefined && path === undefined) throw new UsageError('PATH or --say is missing: what is looked for.');
    if (among.length === 0) throw new UsageError('--among is missing: where to look.');
    await using(folders[0]!, (similar) => find(context, similar, { say, path, among }));
  },
};

export function encoderFolders(context: CommandContext): readonly string[] {
  const chosen = textOptions(context, 'encoder');
  if (chosen.length > 0) return chosen;
  const builtIn = join(dirname(builtInModel()), 'loupe-similar');
  if (existsSync(builtIn)) return [builtIn];
  throw new Fault({ code: 'similar.missing', what: 'Nothing can be compared.', why: 'No encoder of images and sentences is built in, and --encoder was not given.', mend: 'Train one: loupe train pathoClip --data INDEX --out RUN, then give --encoder RUN/final.' });
}

export async function using<T>(folder: string, use: (similar: Similar) => Promise<T>): Promise<T> {
  const similar = await openSimilar(folder);
  try {
    return await use(similar);
  } finally {
    await similar.release();
    closeArchives();
  }
}

interface Sought {
  readonly say: string | undefined;
  readonly path: string | undefined;
  readonly among: readonly string[];
}

async function find(context: CommandContext, similar: Similar, { say, path, among }: Sought): Promise<void> {
  const most = numberOption(context, 'most', { least: 1, most: 10_000, whole: true }) ?? 10;
  // What is looked for first: where that shows nothing, nobody waits for the rest.
  const query = path === undefined ? await similar.sentence(say!) : await similar.image((await openSource(path, { slices: 1 })).frames[0]!.picture);
  const folder = await mkdtemp(join(tmpdir(), 'loupe-similar-'));
  const vectors = await openVectors(folder, similar.sha256, similar.config.embedding);
  try {
    const { names, left } = await seeAll(context, similar, vectors, among);
    const hits = await vectors.nearest(query, most);
    const found = hits.map(({ key, likeness }) => ({ name: names.get(key)!, likeness: Math.round(likeness * 1000) / 1000 }));
    const record = { query: say ?? path, direction: say === undefined ? 'image to images' : 'sentence to images', among: vectors.pictures.size, left, encoder: similar.sha256, found, disclaimer: 'Research use only, not a medical device.' };
    context.print(record, [
      `${found.length} of ${vectors.pictures.size} pictures, nearest first`, ...found.map(({ name, likeness }) => `  ${likeness.toFixed(3).padStart(6)}  ${name}`),
      ...(left.length > 0 ? [`${left.length} could not be compared: ${left.slice(0, 3).map(({ name, why }) => `${name} (${why})`).join('; ')}`] : []),
      'Likeness says how alike pictures are, not what they show.', record.disclaimer,
    ].join('\n'));
  } finally {
    vectors.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function seeAll(context: CommandContext, similar: Similar, vectors: VectorStore, among: readonly string[]): Promise<{ readonly names: ReadonlyMap<string, string>; readonly left: readonly { readonly name: string; readonly why: string }[] }> {
  const names = new Map<string, string>();
  const left: { name: string; why: string }[] = [];
  let told = 0;
  const see = async (name: string, picture: () => Promise<Parameters<Similar['image']>[0]>): Promise<void> => {
    context.signal.throwIfAborted();
    try {
      const shown = await picture();
      const key = String(names.size);
      await vectors.put({ key, studyId: key, seriesId: '', hashes: pictureHashes(shown), vector: await similar.image(shown) });
      names.set(key, name);
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      left.push({ name, why: cause.why });
    }
    if (performance.now() - told > 5000) {
      told = performance.now();
      context.progress(`${names.size} pictures seen`);
    }
  };
  for (const path of among) {
    if (path.endsWith('.jsonl')) {
      for (const record of await casesOf([path], {})) await see(`${record.id}  ${record.modality}, ${record.label.replaceAll('_', ' ')}`, () => decodePicture(loadBytes(record), record.file));
    } else {
      const source = await openSource(path, { slices: 3 });
      for (const { name, picture } of source.frames) await see(`${source.title}, ${name}`, () => Promise.resolve(picture));
    }
  }
  return { names, left };
}

interface Measured {
  readonly folder: string;
  readonly recipe: string;
  readonly seed: number | null;
  readonly measures: SimilarMeasures;
}

async function measure(context: CommandContext, indexes: readonly string[], folders: readonly string[]): Promise<void> {
  const split = textOption(context, 'split') ?? 'val';
  if (!splits.includes(split as Split)) throw new UsageError(`--split is one of ${splits.join(', ')}, not '${split}'.`);
  const all = await casesOf(indexes, { splits: [split as Split], licences: ['permissive'] });
  const max = numberOption(context, 'max', { least: 2, whole: true });
  const records = max === undefined ? all : all.filter((_, at) => at % Math.ceil(all.length / max) === 0);
  const results: Measured[] = [];
  for (const folder of folders) {
    const measures = await using(folder, (similar) => measureSimilar(similar, records, { signal: context.signal, onProgress(done, total) {
      if (done % 200 === 0 || done === total) context.progress(`${folder}: ${done} of ${total} images`);
    } }));
    const run = lineageOf(folder).run;
    results.push({ folder, recipe: run?.recipe.name ?? basename(resolve(folder)), seed: run?.seed ?? null, measures });
  }
  const compared = comparisons(results);
  context.print({ results: results.map(plain), compared }, [...results.map(({ folder, recipe, seed, measures }) => `${folder}: ${recipe}${seed === null ? '' : `, seed ${seed}`}\n${measuresText(measures)}`), ...compared.map(comparisonText)].join('\n\n'));
}

/** Without the long lists by case. */
const plain = ({ folder, recipe, seed, measures }: Measured) => ({
  folder, recipe, seed, ...measures, retrieval: measures.retrieval.map(({ direction, own, meaning }) => ({ direction, own, meaning })), tasks: measures.tasks.map(({ right: _, ...task }) => task),
});

interface Comparison {
  readonly before: string;
  readonly after: string;
  readonly seeds: readonly number[];
  readonly rows: readonly { readonly name: string; readonly before: number; readonly after: number; readonly difference: Estimate; readonly verdict: 'better' | 'worse' | 'no benefit shown' }[];
}

/** Recipes against the first one, over the seeds that both have: the same cases under both, all seeds drawn together. */
function comparisons(results: readonly Measured[]): readonly Comparison[] {
  const recipes = [...new Set(results.map(({ recipe }) => recipe))];
  return recipes.slice(1).flatMap((after): Comparison[] => {
    const pairs = results.filter(({ recipe }) => recipe === recipes[0]).flatMap((one) => results.filter((other) => other.recipe === after && other.seed === one.seed).map((other) => [one.measures, other.measures, one.seed] as const));
    if (pairs.length === 0) return [];
    const row = (name: string, hits: (measures: SimilarMeasures) => readonly Hits[]): Comparison['rows'][number] => {
      const share = (side: 0 | 1): number => {
        const strata = pairs.flatMap((pair) => hits(pair[side]));
        return strata.reduce((sum, { right }) => sum + Object.values(right).filter(Boolean).length / Object.values(right).length, 0) / strata.length;
      };
      const estimate = difference(pairs.flatMap(([one]) => hits(one)), pairs.flatMap(([, other]) => hits(other)));
      return { name, before: share(0), after: share(1), difference: estimate, verdict: estimate.ci[0] > 0 ? 'better' : estimate.ci[1] < 0 ? 'worse' : 'no benefit shown' };
    };
    const directions = pairs[0]![0].retrieval.map(({ direction }) => direction);
    return [{
      before: recipes[0]!, after, seeds: pairs.flatMap(([, , seed]) => seed ?? []),
      rows: [
        row('zero-shot accuracy, mean over tasks', ({ tasks }) => tasks),
        ...directions.flatMap((direction, at) => [row(`recall@1, ${direction}, own`, ({ retrieval }) => [{ right: retrieval[at]!.first, queries: retrieval[at]!.queries }]), row(`recall@1, ${direction}, same meaning`, ({ retrieval }) => [{ right: retrieval[at]!.firstMeaning, queries: retrieval[at]!.queries }])]),
      ],
    }];
  });
}

export const percent = ({ mean, ci: [low, high] }: Estimate): string => `${(100 * mean).toFixed(1)} % (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;

function measuresText({ images, leftOut, meanings, retrieval, tasks, macro }: SimilarMeasures): string {
  return [
    `${images} images${leftOut.length > 0 ? `, ${leftOut.length} left out` : ''}, sentences of ${meanings} meanings`,
    ...retrieval.flatMap(({ direction, own, meaning }) => [`${direction}, the own one: ${own.map(({ k, recall }) => `R@${k} ${percent(recall)}`).join(', ')}`, `${direction}, one of the same meaning: ${meaning.map(({ k, recall }) => `R@${k} ${percent(recall)}`).join(', ')}`]),
    ...tasks.map(({ task, images: n, accuracy, majority }) => `${task.padEnd(28)}${String(n).padStart(5)}  ${percent(accuracy)}, always the commonest label ${(100 * majority).toFixed(1)} %`),
    `mean over ${tasks.length} tasks: ${percent(macro)}`,
  ].join('\n');
}

const comparisonText = ({ before, after, seeds, rows }: Comparison): string => [
  `${after} beside ${before}, seeds ${seeds.join(', ')}:`,
  ...rows.map(({ name, before: one, after: other, difference: by, verdict }) => `  ${name}: ${(100 * one).toFixed(1)} → ${(100 * other).toFixed(1)} %, ${(100 * by.mean).toFixed(1)} (${(100 * by.ci[0]).toFixed(1)} to ${(100 * by.ci[1]).toFixed(1)}): ${verdict}`),
].join('\n');
