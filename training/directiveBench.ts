/**
 * How often a sentence leads a localizer to the right thing: three families of sentences, and always three systems beside each other.
 * Alone, the localizer shows the likeliest of everything that it knows; with the raw text it follows names, sides and figures that stand there as such; with the rewrite it follows
 * the directive that a model wrote, as far as the guards let it pass.
 */
import { Random } from '#models/base/random.ts';
import { directiveQuestion, directiveRefusal, readDirective, sideNamed, slicesNamed, targetsNamed, type DirectiveSide, type DirectiveWords } from '#models/clinical/directive.ts';
import { iou, type Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import type { FoundBox, Locator } from '#models/locator.ts';
import { loadBytes } from './data/cases.ts';
import { kindOf } from './localizerData.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import { directiveSlots } from './rewards/directive.ts';
import { directiveTask, type DirectiveFamily } from './synthesis/directives.ts';

export const benchFamilies = ['reasoning', 'appearance', 'symbols'] as const satisfies readonly DirectiveFamily[];
export const benchSystems = ['alone', 'raw text', 'rewrite'] as const;
export type BenchSystem = (typeof benchSystems)[number];

/** Slices of each drawn series, one of three of which shows what is sought. */
const slices = 6;

export interface BenchTask {
  readonly family: DirectiveFamily;
  readonly sentence: string;
  readonly words: DirectiveWords;
  /** A series made of held-out images. */
  readonly images: readonly CaseRecord[];
  /** The image that the reader is at, from 0: one that shows it. */
  readonly at: number;
}

/** Tasks whose answer is known by boxes. Films are hung as if the patient faced the reader; of other images no side is asked. */
export function benchTasks(records: readonly CaseRecord[], kinds: readonly string[], perFamily: number, seed: number): readonly BenchTask[] {
  const showing = (kind: string): readonly CaseRecord[] => records.filter(({ boxes }) => (boxes ?? []).some((box) => kindOf(box.class) === kind));
  const known = kinds.filter((kind) => showing(kind).length >= 2);
  const tasks: BenchTask[] = [];
  for (const family of benchFamilies) for (let at = 0, drawn = 0; at < perFamily && drawn < 100 * perFamily; drawn++) {
    const random = Random.named(seed, `${family}/${drawn}`);
    const target = known[at % known.length];
    if (target === undefined) return tasks;
    const own = random.shuffled(showing(target));
    const task = directiveTask(own[0]!, random, { isHeldOut: true, families: [family], slices, target });
    if (!task || (target !== 'lung' && task.words.side !== 'any') || (target === 'lung' && own[0]!.boxes!.length < 2)) continue;
    const { slice_from: from, slice_to: to } = task.words;
    const place = from - 1 + random.below(to - from + 1);
    const others = random.shuffled(records.filter(({ set, boxes }) => set !== own[0]!.set && (boxes ?? []).length > 0));
    const isPartial = to - from + 1 < slices;
    // Where a range is named, another one lies outside it.
    const outside = isPartial ? random.pick(Array.from({ length: slices }, (_, i) => i).filter((i) => i < from - 1 || i > to - 1)) : -1;
    const images = Array.from({ length: slices }, (_, i) => (i === place ? own[0]! : i === outside ? own[1]! : others[i % others.length]!));
    tasks.push({ family, sentence: task.sentence, words: task.words, images, at: place });
    at++;
  }
  return tasks;
}

const isOnSide = ({ x1, x2 }: Box, width: number, side: DirectiveSide): boolean => side === 'any' || (side !== 'midline' && (x1 + x2 > width) === (side === 'left'));

/** What a system follows: null for everything that is known. */
type Followed = Pick<DirectiveWords, 'side' | 'slice_from' | 'slice_to'> & { readonly target: string | null };
const everything: Followed = { target: null, side: 'any', slice_from: 1, slice_to: slices };

function rawText(sentence: string, kinds: readonly string[]): Followed {
  const named = targetsNamed(sentence).filter((target) => kinds.includes(target));
  const [from, to] = slicesNamed(sentence) ?? [1, slices];
  return { target: named.length === 1 ? named[0]! : null, side: sideNamed(sentence) ?? 'any', slice_from: Math.max(1, from), slice_to: Math.min(slices, to) };
}

export interface SystemResult {
  readonly system: BenchSystem;
  readonly family: DirectiveFamily | 'mean';
  readonly tasks: number;
  /** The likeliest box is one of what is sought, at an IoU of 0.5 and of 0.3. */
  readonly at50: number;
  readonly at30: number;
}

export interface DirectiveBenchResult {
  readonly systems: readonly SystemResult[];
  /** Of the rewrites: those in the agreed form, those refused by a guard, how much of the slots is right, and those right in all of them. */
  readonly rewrite: { readonly wellFormed: number; readonly refused: number; readonly slots: number; readonly exact: number; readonly targets: number };
  readonly tasks: number;
}

export interface DirectiveBenchOptions {
  readonly locator: Locator;
  /** Writes what it is asked: the slow model. */
  readonly write: (asks: readonly { readonly picture: Picture; readonly question: string }[]) => Promise<readonly string[]>;
  readonly perFamily?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export async function directiveBench(records: readonly CaseRecord[], { locator, write, perFamily = 40, seed = 0, signal, onProgress }: DirectiveBenchOptions): Promise<DirectiveBenchResult> {
  const kinds = locator.stored.map(({ kind }) => kind);
  const tasks = benchTasks(records, kinds, perFamily, seed);
  const pictures = new Map<string, Picture>();
  const likeliest = new Map<string, { readonly boxes: readonly FoundBox[]; readonly width: number }>();
  const pictureOf = async (record: CaseRecord): Promise<Picture> => {
    const picture = pictures.get(record.id) ?? await decodePicture(loadBytes(record), record.file);
    pictures.set(record.id, picture);
    return picture;
  };
  const found = async (record: CaseRecord, target: string | null): Promise<{ readonly boxes: readonly FoundBox[]; readonly width: number }> => {
    const key = `${record.id}/${target ?? ''}`;
    const known = likeliest.get(key);
    if (known) return known;
    const picture = await pictureOf(record);
    const sought = locator.stored.filter(({ kind }) => target === null || kind === target);
    const lists = await locator.find(await locator.see(picture), sought, { least: 0.01, unlike: target === null ? [] : locator.stored.filter((one) => !sought.includes(one)) });
    const result = { boxes: lists.flat().sort((a, b) => b.score - a.score), width: picture.width };
    likeliest.set(key, result);
    return result;
  };
  /** The best overlap of the likeliest box with what is sought; 0 where it lies elsewhere. */
  const overlapOf = async ({ images, words }: BenchTask, { target, side, slice_from: from, slice_to: to }: Followed): Promise<number> => {
    let best: { readonly box: Box; readonly score: number; readonly at: number } | null = null;
    for (let at = from - 1; at <= to - 1; at++) {
      const { boxes, width } = await found(images[at]!, target);
      const [first] = boxes.filter(({ box }) => isOnSide(box, width, side));
      if (first && first.score > (best?.score ?? 0)) best = { ...first, at };
    }
    if (!best || best.at < words.slice_from - 1 || best.at > words.slice_to - 1) return 0;
    const record = images[best.at]!;
    const truths = (record.boxes ?? []).filter((one) => kindOf(one.class) === words.target && isOnSide(one.box, record.width, words.side));
    return Math.max(0, ...truths.map((one) => iou(one.box, best.box)));
  };

  const asks = [];
  for (const { images, at, sentence } of tasks) asks.push({ picture: await pictureOf(images[at]!), question: directiveQuestion(sentence, slices, at + 1) });
  const written = await write(asks);
  const overlaps: Record<BenchSystem, number[]> = { alone: [], 'raw text': [], rewrite: [] };
  const rewrite = { wellFormed: 0, refused: 0, slots: 0, exact: 0, targets: 0 };
  for (const [i, task] of tasks.entries()) {
    signal?.throwIfAborted();
    const said = readDirective(written[i] ?? '');
    const refusal = directiveRefusal(said, { text: task.sentence, slices, laterality: null });
    const slots = said ? directiveSlots(said, task.words) : 0;
    rewrite.wellFormed += Number(said !== null) / tasks.length;
    rewrite.refused += Number(refusal !== null) / tasks.length;
    rewrite.slots += slots / tasks.length;
    rewrite.exact += Number(slots > 1 - 1e-9) / tasks.length;
    rewrite.targets += Number(said?.target === task.words.target) / tasks.length;
    const followed = said && !refusal ? { ...said, target: kinds.includes(said.target) ? said.target : null } : everything;
    overlaps.alone.push(await overlapOf(task, everything));
    overlaps['raw text'].push(await overlapOf(task, rawText(task.sentence, kinds)));
    overlaps.rewrite.push(await overlapOf(task, followed));
    onProgress?.(i + 1, tasks.length);
  }
  const share = (values: readonly number[], least: number): number => (values.length === 0 ? 0 : values.filter((value) => value >= least).length / values.length);
  const systems = benchSystems.flatMap((system) => [...benchFamilies, 'mean' as const].map((family): SystemResult => {
    const own = overlaps[system].filter((_, i) => family === 'mean' || tasks[i]!.family === family);
    return { system, family, tasks: own.length, at50: share(own, 0.5), at30: share(own, 0.3) };
  }));
  return { systems, rewrite, tasks: tasks.length };
}

/** All three systems, or nothing: a rewrite is never told without what it has to beat. */
export function directiveBenchText({ systems, rewrite, tasks }: DirectiveBenchResult): string {
  const cell = ({ at50, at30 }: SystemResult): string => `${at50.toFixed(2)} / ${at30.toFixed(2)}`.padStart(14);
  const rows = benchSystems.map((system) => `${system.padEnd(10)}${[...benchFamilies, 'mean' as const].map((family) => cell(systems.find((one) => one.system === system && one.family === family)!)).join('')}`);
  return [
    `The likeliest box is what was meant, IoU 0.5 / 0.3, ${tasks} tasks of ${slices} held-out images, wordings that were never learnt`,
    `${''.padEnd(10)}${[...benchFamilies, 'mean'].map((family) => family.padStart(14)).join('')}`, ...rows,
    `rewrites: ${rewrite.wellFormed.toFixed(2)} well formed, ${rewrite.refused.toFixed(2)} refused by a guard, slots ${rewrite.slots.toFixed(2)}, target ${rewrite.targets.toFixed(2)}, all slots ${rewrite.exact.toFixed(2)}`,
  ].join('\n');
}
