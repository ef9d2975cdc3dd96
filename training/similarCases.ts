/** An encoder of images and sentences on held-out cases: what it finds in both directions, and what it tells apart by words alone. */
import { Fault } from '#models/base/fault.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import type { PromptEnsemble } from '#models/clinical/promptEnsemble.ts';
import type { Similar } from '#models/similar.ts';
import { classify, classVectors } from '#models/zeroShot.ts';
import { loadBytes } from './data/cases.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import { meaningRanks, ownRanks, recallAt } from './retrieval.ts';
import { pairedBootstrap, type Cluster, type Estimate } from '#models/base/statistics.ts';
import { captionOf } from './synthesis/captions.ts';
import { labelQuestion, nounsFor, termOf, wordingsOf } from './synthesis/vocabulary.ts';

export interface SeenCase {
  readonly record: CaseRecord;
  readonly vector: Float32Array;
}

/** Whose picture could not be used, and why. */
export interface LeftOut {
  readonly id: string;
  readonly why: string;
}

export interface SeeOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The vectors of all cases; one that cannot be read, or shows one colour, is left out and named instead of standing there as zeros. */
export async function seeCases(similar: Similar, records: readonly CaseRecord[], { signal, onProgress }: SeeOptions = {}): Promise<{ readonly cases: readonly SeenCase[]; readonly leftOut: readonly LeftOut[] }> {
  const cases: SeenCase[] = [];
  const leftOut: LeftOut[] = [];
  for (const [at, record] of records.entries()) {
    signal?.throwIfAborted();
    try {
      cases.push({ record, vector: await similar.image(await decodePicture(loadBytes(record), record.file)) });
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      leftOut.push({ id: record.id, why: cause.why });
    }
    onProgress?.(at + 1, records.length);
  }
  return { cases, leftOut };
}

/** Sentences that are tried where nobody wrote others. */
export const plainTemplates = ['CLASSNAME.', 'NOUN showing CLASSNAME.', 'NOUN: CLASSNAME.'];

/** The words for a task: the vocabulary's wordings of each label, in the sentences that suit the kind of image. */
export function ensembleOf(records: readonly CaseRecord[]): PromptEnsemble {
  const [first] = records;
  if (!first) throw new Fault({ code: 'zeroshot.cases', what: 'There is nothing to tell apart.', why: 'No case has this task.', mend: 'Name a task of the index files.' });
  const noun = nounsFor(first)[0]!;
  const templates = plainTemplates.map((template) => template.replace('NOUN', noun.charAt(0).toUpperCase() + noun.slice(1)));
  return {
    classes: first.labelsSpace.map((label) => {
      const { kind, name } = termOf(label);
      return { name: label, synonyms: kind === 'adjective' ? [`${name} findings`, `${name} appearance`, ...wordingsOf(label)] : wordingsOf(label) };
    }),
    templates,
  };
}

export interface TaskResult {
  readonly task: string;
  readonly images: number;
  readonly accuracy: Estimate;
  /** Of always saying the commonest label of these images. */
  readonly majority: number;
  /** Rows: what it is; columns: what was said; both in the order of `classes`. */
  readonly confusion: readonly (readonly number[])[];
  readonly classes: readonly string[];
  /** By case, whether it was right; for comparing two encoders image by image. */
  readonly right: Readonly<Record<string, boolean>>;
}

/** Tells the cases of one task apart by words. @throws Fault `zeroshot.prompts`, `zeroshot.cases` */
export async function zeroShot(similar: Similar, cases: readonly SeenCase[], task: string, ensemble: PromptEnsemble, { seed = 0 }: { readonly seed?: number } = {}): Promise<TaskResult> {
  const vectors = await classVectors(similar, ensemble);
  const classes = vectors.map(({ name }) => name);
  const own = cases.filter(({ record }) => record.task === task && classes.includes(record.label));
  if (own.length === 0) throw new Fault({ code: 'zeroshot.cases', what: 'There is nothing to tell apart.', why: `No case of ${task} has one of the labels ${classes.join(', ')}.`, mend: 'Name the classes as the index names its labels.' });
  const confusion = classes.map(() => classes.map(() => 0));
  const right: Record<string, boolean> = {};
  for (const { record, vector } of own) {
    const { name } = classify(vector, vectors, similar.scale);
    confusion[classes.indexOf(record.label)]![classes.indexOf(name)]!++;
    right[record.id] = name === record.label;
  }
  const accuracy = pairedBootstrap(own.map(({ record }) => ({ stratum: task, differences: [Number(right[record.id])] })), { seed });
  return { task, images: own.length, accuracy, majority: Math.max(...confusion.map((row) => row.reduce((a, b) => a + b, 0))) / own.length, confusion, classes, right };
}

export interface Direction {
  readonly direction: 'image to sentence' | 'sentence to image';
  /** The own one of each; and any that means the same. */
  readonly own: readonly { readonly k: number; readonly recall: Estimate }[];
  readonly meaning: readonly { readonly k: number; readonly recall: Estimate }[];
  /** By case, whether the own one was first; whether one of the same meaning was. */
  readonly first: Readonly<Record<string, boolean>>;
  readonly firstMeaning: Readonly<Record<string, boolean>>;
  /** By case, the query that it shares with others: equal sentences stand or fall together, so intervals draw them as one. */
  readonly queries: Readonly<Record<string, string>>;
}

export interface SimilarMeasures {
  readonly images: number;
  readonly leftOut: readonly LeftOut[];
  readonly meanings: number;
  readonly retrieval: readonly Direction[];
  readonly tasks: readonly TaskResult[];
  /** Mean over the tasks. */
  readonly macro: Estimate;
}

export const recallPoints = [1, 5, 10] as const;
/** A task with fewer held-out images says too little by itself. */
export const leastTaskImages = 20;

export async function measureSimilar(similar: Similar, records: readonly CaseRecord[], options: SeeOptions & { readonly seed?: number } = {}): Promise<SimilarMeasures> {
  const { seed = 0 } = options;
  const { cases, leftOut } = await seeCases(similar, records, options);
  const captions = cases.map(({ record }) => captionOf({ record, boxes: record.boxes, size: record, flippedX: false }));
  const sentences: Float32Array[] = [];
  for (const { text } of captions) sentences.push(await similar.sentence(text));
  const images = cases.map(({ vector }) => vector);
  const meanings = captions.map(({ meaning }) => meaning);
  const hits = (ranks: readonly number[], asked: readonly string[], k: number): Estimate => pairedBootstrap(clustersOf(asked, ranks.map((rank) => Number(rank <= k)), ''), { seed });
  const direction = (name: Direction['direction'], queries: readonly Float32Array[], candidates: readonly Float32Array[], asked: readonly string[]): Direction => {
    const [own, meaning] = [ownRanks(queries, candidates), meaningRanks(queries, candidates, meanings)];
    const at = (ranks: readonly number[]) => recallAt(ranks, candidates.length, recallPoints).map(({ k }) => ({ k, recall: hits(ranks, asked, k) }));
    const byCase = (ranks: readonly number[]) => Object.fromEntries(cases.map(({ record }, i) => [record.id, ranks[i] === 1]));
    return { direction: name, own: at(own), meaning: at(meaning), first: byCase(own), firstMeaning: byCase(meaning), queries: Object.fromEntries(cases.map(({ record }, i) => [record.id, asked[i]!])) };
  };
  const tasks: TaskResult[] = [];
  for (const task of [...new Set(records.filter((record) => labelQuestion(record) === 'finding_class' && record.labelsSpace.length > 1).map((record) => record.task))].sort()) {
    const own = cases.filter(({ record }) => record.task === task);
    if (own.length >= leastTaskImages) tasks.push(await zeroShot(similar, own, task, ensembleOf(own.map(({ record }) => record)), { seed }));
  }
  return {
    images: cases.length, leftOut, meanings: new Set(meanings).size, tasks,
    retrieval: cases.length > 0 ? [direction('image to sentence', images, sentences, cases.map(({ record }) => record.id)), direction('sentence to image', sentences, images, captions.map(({ text }) => text))] : [],
    macro: tasks.length > 0 ? pairedBootstrap(tasks.flatMap(({ task, right }) => Object.values(right).map((one) => ({ stratum: task, differences: [Number(one)] }))), { seed }) : { mean: NaN, ci: [NaN, NaN] },
  };
}

/** What belongs to one query as one cluster. */
function clustersOf(asked: readonly string[], differences: readonly number[], stratum: string): readonly Cluster[] {
  const clusters = new Map<string, number[]>();
  differences.forEach((difference, i) => clusters.set(asked[i]!, [...clusters.get(asked[i]!) ?? [], difference]));
  return [...clusters.values()].map((all) => ({ stratum, differences: all }));
}

/** A share of hits by case, and the query that each belongs to; absent: each its own. */
export interface Hits {
  readonly right: Readonly<Record<string, boolean>>;
  readonly queries?: Readonly<Record<string, string>>;
}

/** Two encoders on the same cases, one pair of hits for each stratum: the difference of the shares, drawn by queries. */
export function difference(before: readonly Hits[], after: readonly Hits[], seed = 0): Estimate {
  return pairedBootstrap(before.flatMap(({ right, queries }, stratum) => {
    const ids = Object.keys(right).filter((id) => id in after[stratum]!.right);
    return clustersOf(ids.map((id) => queries?.[id] ?? id), ids.map((id) => Number(after[stratum]!.right[id]) - Number(right[id])), String(stratum));
  }), { seed });
}
