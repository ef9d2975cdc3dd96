/** A localizer on held-out images, asked in two ways: by the mean of many examples of each kind, and by one box drawn on the image itself. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { iou, type Box } from '#models/clinical/finding.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { mostPrompts, type FoundBox, type Locator, type Prompt, type SeenPicture } from '#models/locator.ts';
import { loadBytes } from './data/cases.ts';
import { isLocated, kindOf, kindsOf } from './localizerData.ts';
import { measuresOf, separation, type ImageResult, type KindMeasures, type LocatedImage } from './localizing.ts';
import type { CaseRecord } from './records/caseRecord.ts';

/** A kind's prompt from many examples, and each example's own vector. */
export interface KindPrompt extends Prompt {
  readonly kind: string;
}

export interface LocateMeasures {
  /** Prompts are the mean of the examples' kinds. */
  readonly stored: readonly KindMeasures[];
  /** The prompt is one thing of the image; the others of its kind are sought. */
  readonly drawn: readonly KindMeasures[];
  readonly separation: { readonly within: number; readonly between: number } | null;
  readonly images: number;
  /** Of seeing and finding alone, one image after another. */
  readonly imagesPerSecond: number;
  /** What the stored prompts found on each image. */
  readonly found: readonly LocatedImage[];
}

export interface LocateCasesOptions {
  readonly seed?: number;
  /** Things of one kind on one image of which examples are taken. */
  readonly perImage?: number;
  /** Images of each set of which examples are taken; all where absent. */
  readonly perSet?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

const seenOf = async (locator: Locator, record: CaseRecord): Promise<SeenPicture> => locator.see(await decodePicture(loadBytes(record), record.file));
/** Boxes below this score count for nothing; low, so that precision is known up to full recall. */
const least = 0.01;

/** The mean prompt of each kind over the boxes of many images. */
export async function kindPrompts(locator: Locator, records: readonly CaseRecord[], { seed = 0, perImage = 3, perSet = Infinity, signal, onProgress }: LocateCasesOptions = {}): Promise<readonly KindPrompt[]> {
  const taken = new Map<string, number>();
  const own = Random.named(seed, 'examples').shuffled(records.filter(({ boxes }) => boxes !== null && boxes.length > 0)).filter(({ set }) => {
    const before = taken.get(set) ?? 0;
    taken.set(set, before + 1);
    return before < perSet;
  });
  const sums = new Map<string, { vector: Float32Array; examples: number }>();
  for (const [at, record] of own.entries()) {
    signal?.throwIfAborted();
    const seen = await seenOf(locator, record);
    for (const [kind, boxes] of byKind(record)) {
      for (const box of Random.named(seed, `${record.id}/${kind}`).shuffled(boxes).slice(0, perImage)) {
        const { vector } = await locator.prompt(seen, [box]);
        const sum = sums.get(kind) ?? { vector: new Float32Array(vector.length), examples: 0 };
        vector.forEach((x, i) => (sum.vector[i]! += x));
        sums.set(kind, { vector: sum.vector, examples: sum.examples + 1 });
      }
    }
    onProgress?.(at + 1, own.length);
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, { vector, examples }]) => ({ kind, examples, vector: vector.map((x) => x / examples) }));
}

/** @throws Fault `locate.cases` where no image has a box, or there are more kinds than places for prompts */
export async function locateCases(locator: Locator, records: readonly CaseRecord[], prompts: readonly KindPrompt[], { seed = 0, signal, onProgress }: LocateCasesOptions = {}): Promise<LocateMeasures> {
  const own = records.filter(isLocated);
  const kinds = kindsOf(own).filter((kind) => prompts.some((prompt) => prompt.kind === kind));
  if (kinds.length === 0 || prompts.length > mostPrompts) {
    throw new Fault({ code: 'locate.cases', what: 'There is nothing to measure.', why: kinds.length === 0 ? 'No case shows a kind of thing of which there are examples.' : `There are ${prompts.length} kinds, and ${mostPrompts} can be asked for at once.`, mend: 'Give index files with boxes.' });
  }
  const [stored, drawn] = [new Map<string, ImageResult[]>(), new Map<string, ImageResult[]>()];
  const put = (into: Map<string, ImageResult[]>, kind: string, result: ImageResult): void => void into.set(kind, [...into.get(kind) ?? [], result]);
  const vectors: { kind: string; vector: Float32Array }[] = [];
  const located: LocatedImage[] = [];
  let seconds = 0;
  for (const [at, record] of own.entries()) {
    signal?.throwIfAborted();
    const picture = await decodePicture(loadBytes(record), record.file);
    const started = performance.now();
    const seen = await locator.see(picture);
    const found = await locator.find(seen, prompts, { least });
    seconds += (performance.now() - started) / 1000;
    const gold = byKind(record);
    // A kind is measured on the images of the sets that show it: a lung is not sought in blood.
    const sought = kinds.filter((kind) => own.some((other) => other.set === record.set && (other.boxes ?? []).some((box) => kindOf(box.class) === kind)));
    const results = new Map(sought.map((kind): [string, ImageResult] => [kind, { gold: gold.get(kind) ?? [], found: found[prompts.findIndex((prompt) => prompt.kind === kind)]! }]));
    for (const [kind, result] of results) put(stored, kind, result);
    located.push({ id: record.id, set: record.set, kinds: results });
    for (const [kind, boxes] of gold) {
      const shuffled = Random.named(seed, `drawn:${record.id}/${kind}`).shuffled(boxes);
      for (const box of shuffled.slice(0, 4)) vectors.push({ kind, vector: (await locator.prompt(seen, [box])).vector });
      const [example, ...others] = shuffled;
      if (!example || others.length === 0 || !kinds.includes(kind)) continue;
      const unlike = prompts.filter((prompt) => prompt.kind !== kind);
      const [like] = await locator.find(seen, [await locator.prompt(seen, [example])], { least, unlike });
      put(drawn, kind, { gold: others, found: withoutExample(like!, example, others) });
    }
    onProgress?.(at + 1, own.length);
  }
  const table = (results: ReadonlyMap<string, readonly ImageResult[]>): KindMeasures[] => [...results].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, images]) => measuresOf(kind, images));
  return { stored: table(stored), drawn: table(drawn), separation: separation(vectors), images: own.length, imagesPerSecond: own.length / seconds, found: located };
}

/** The box that found the example itself is neither right nor wrong. */
const withoutExample = (found: readonly FoundBox[], example: Box, others: readonly Box[]): FoundBox[] =>
  found.filter(({ box }) => iou(box, example) < 0.5 || others.some((other) => iou(box, other) > iou(box, example)));

function byKind({ boxes }: Pick<CaseRecord, 'boxes'>): Map<string, Box[]> {
  const kinds = new Map<string, Box[]>();
  for (const { class: name, box } of boxes ?? []) kinds.set(kindOf(name), [...kinds.get(kindOf(name)) ?? [], box]);
  return kinds;
}
