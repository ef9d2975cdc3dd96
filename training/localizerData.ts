/** What a localizer learns from: views of boxed images as features, prompts drawn among their boxes, and targets for patches and queries. */
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import type { PatchOptions } from '#models/imaging/patches.ts';
import { resize } from '#models/imaging/resize.ts';
import type { QwenVlConfig } from '#models/networks/config.ts';
import { boxCode, boxCodeWidth, boxWeights, type LocalizerMakings } from '#models/networks/localizer.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { patchFeatures } from '#models/networks/vision.ts';
import { createSession, float32, type Device, type Session, type Tensor } from '#models/runtime/session.ts';
import { augmented, patchesOf, Pictures, type ExampleMaker } from './examples.ts';
import type { LocalizerBucket } from './localizerGraph.ts';
import { costOf } from './objectives/detection.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Recipe } from './records/recipe.ts';
import { assignment } from './rewards/geometry.ts';

/** (cx, cy, w, h) as parts of the image's sides. */
export type Place = readonly [number, number, number, number];

/** A thing on a view: what it looks like, and where. */
export interface Thing {
  readonly kind: string;
  readonly place: Place;
}

/** A view of an image as its localizer reads it. */
export interface LocalizerView {
  readonly id: string;
  /** [T, F] */
  readonly features: Float32Array;
  readonly things: readonly Thing[];
}

/** Classes that differ by side or by a diagnosis, not by what a box around them shows. */
const sameLook: Readonly<Record<string, string>> = { left_lung: 'lung', right_lung: 'lung', benign_lesion: 'breast_lesion', malignant_lesion: 'breast_lesion' };
export const kindOf = (name: string): string => sameLook[name] ?? name;

/** The kinds of things that records show, in alphabetical order. */
export const kindsOf = (records: readonly Pick<CaseRecord, 'boxes'>[]): readonly string[] => [...new Set(records.flatMap(({ boxes }) => boxes ?? []).map(({ class: name }) => kindOf(name)))].sort();

/** Whether a record says where its things are, or that there are none. */
export const isLocated = ({ boxes }: Pick<CaseRecord, 'boxes'>): boolean => boxes !== null;

/** The frozen tower up to the last block that is read. */
export async function featureSession(config: QwenVlConfig, { config: localizer, grid }: LocalizerMakings, weights: ReadonlyMap<string, Float32Array>, device: Device): Promise<Session> {
  const { channels, patchSize } = config.vision;
  const graph = new Graph('features', { fused: device === 'cpu' });
  const parameters = denseParameters((name, shape) => graph.constant(weights.get(name)!, shape, 'weight', name));
  const patches = graph.input('patches', [grid[1] * grid[2], channels * patchSize * patchSize]);
  graph.output('features', patchFeatures(graph, parameters, config, patches, [grid], localizer.features));
  return createSession(encodeModel(graph), { device });
}

const mostKept = 1_500_000_000;

/** Views of records, a few fixed ones of each, whose features are computed once. */
export class Views {
  private readonly kept = new Map<string, LocalizerView>();
  private keptBytes = 0;
  private readonly pictures: Pictures;

  constructor(private readonly session: Session, private readonly options: PatchOptions, private readonly recipe: Pick<Recipe, 'augment' | 'seed'>, private readonly count: number) {
    this.pictures = new Pictures(options, true);
  }

  /** One of the record's views; the first is the image as it is stored. */
  async of(record: CaseRecord, random: Random): Promise<LocalizerView> {
    return this.view(record, random.below(this.count));
  }

  async view(record: CaseRecord, at: number): Promise<LocalizerView> {
    const key = `${record.id}/${at}`;
    const known = this.kept.get(key);
    if (known) return known;
    const { pictures, options, recipe } = this;
    const maker = { pictures, options, augment: at === 0 ? { ...recipe.augment, plain: 1 } : { ...recipe.augment, plain: 0 } } satisfies Omit<ExampleMaker, 'language'>;
    // A plain view may still be mirrored where that is true of the image; the very first is not.
    const shown = at === 0 ? await stored(record, maker) : await augmented(record, maker, Random.named(recipe.seed, `view:${key}`));
    const { patches } = patchesOf(shown.picture, maker);
    const { width, height } = shown.picture;
    const output = await this.session.run({ patches: float32([patches.length / (options.patchSize ** 2 * 3), options.patchSize ** 2 * 3], patches) });
    const things = (shown.boxes ?? []).map(({ class: name, box: { x1, y1, x2, y2 } }): Thing => ({ kind: kindOf(name), place: [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height] }));
    const view = { id: record.id, features: output['features']!.data as Float32Array, things };
    if (this.keptBytes + view.features.byteLength <= mostKept) {
      this.kept.set(key, view);
      this.keptBytes += view.features.byteLength;
    }
    return view;
  }
}

/** The image as it is stored, in the network's square. */
async function stored(record: CaseRecord, { pictures }: Pick<ExampleMaker, 'pictures'>): Promise<Pick<Awaited<ReturnType<typeof augmented>>, 'picture' | 'boxes'>> {
  const picture = resize(await pictures.of(record), pictures.sizeFor(record));
  const [sx, sy] = [picture.width / record.width, picture.height / record.height];
  return { picture, boxes: record.boxes?.map(({ class: name, box }) => ({ class: name, box: { x1: box.x1 * sx, y1: box.y1 * sy, x2: box.x2 * sx, y2: box.y2 * sy } })) ?? null };
}

/** Which kind stands at each prompt's place, and the examples that it is made of. */
export interface DrawnPrompts {
  readonly kinds: readonly string[];
  /** By place of a prompt; an example is a thing on one of the batch's views. */
  readonly examples: readonly (readonly { readonly view: number; readonly thing: Thing }[])[];
}

/** For each kind that the batch shows one to `most` of its things, drawn at random; they are the prompts of every image of the batch. */
export function drawPrompts(views: readonly LocalizerView[], places: number, most: number, random: Random): DrawnPrompts {
  const shown = new Map<string, { view: number; thing: Thing }[]>();
  views.forEach(({ things }, view) => things.forEach((thing) => {
    const known = shown.get(thing.kind);
    if (known) known.push({ view, thing });
    else shown.set(thing.kind, [{ view, thing }]);
  }));
  const kinds = random.shuffled([...shown.keys()].sort()).slice(0, places);
  return { kinds, examples: kinds.map((kind) => random.shuffled(shown.get(kind)!).slice(0, 1 + random.below(most))) };
}

const f32 = (dims: readonly number[], data: Float32Array): Tensor => float32(dims, data);

/** Features and prompts as inputs of the localizer's graphs. */
export function packLook({ features, centres }: LocalizerMakings, { batch, grid, examples, prompts }: LocalizerBucket, views: readonly LocalizerView[], drawn: DrawnPrompts): Record<string, Tensor> {
  const tokens = grid[1] * grid[2];
  const all = new Float32Array(batch * tokens * features);
  views.forEach((view, b) => all.set(view.features, b * tokens * features));
  const [pool, codes, mix] = [new Float32Array(examples * batch * tokens), new Float32Array(examples * boxCodeWidth), new Float32Array(prompts * examples)];
  let at = 0;
  drawn.examples.forEach((some, u) => some.forEach(({ view, thing: { place } }) => {
    if (at >= examples) throw new RangeError(`packLook: more than ${examples} examples`);
    pool.set(boxWeights(place, centres, grid), at * batch * tokens + view * tokens);
    codes.set(boxCode(place), at * boxCodeWidth);
    mix[u * examples + at++] = 1 / some.length;
  }));
  const open = Float32Array.from({ length: prompts }, (_, u) => (u < drawn.kinds.length ? 0 : -1e9));
  return { features: f32([batch * tokens, features], all), pool: f32([examples, batch * tokens], pool), codes: f32([examples, boxCodeWidth], codes), mix: f32([prompts, examples], mix), open: f32([prompts], open) };
}

/** Things of a view whose kind has a prompt, with its place. */
export interface Target {
  readonly prompt: number;
  readonly box: Place;
}
export const targetsOf = ({ things }: Pick<LocalizerView, 'things'>, kinds: readonly string[]): Target[] => things.flatMap(({ kind, place }) => {
  const prompt = kinds.indexOf(kind);
  return prompt < 0 ? [] : [{ prompt, box: place }];
});

/** Rows of targets, as `Held` names its inputs. */
class Rows {
  readonly labels: Float32Array;
  readonly boxes: Float32Array;
  readonly given: Float32Array;
  private count = 0;

  constructor(private readonly rows: number, private readonly prompts: number) {
    [this.labels, this.boxes, this.given] = [new Float32Array(rows * prompts), new Float32Array(rows * 4).fill(0.5), new Float32Array(rows)];
  }

  give(row: number, { prompt, box }: Target): void {
    this.labels[row * this.prompts + prompt] = 1;
    this.boxes.set(box, row * 4);
    this.given[row] = 1;
    this.count++;
  }

  feeds(name: string): Record<string, Tensor> {
    return {
      [`${name}.labels`]: f32([this.rows, this.prompts], this.labels), [`${name}.boxes`]: f32([this.rows, 4], this.boxes), [`${name}.given`]: f32([this.rows, 1], this.given),
      [`${name}.share`]: f32([], Float32Array.of(1 / Math.max(1, this.count))),
    };
  }
}

/**
 * What each patch is held to: the smallest thing in whose middle (six tenths of its sides) the patch's centre lies; a thing in which none does has the nearest patch.
 * Many patches to a thing, so that some hundred images suffice to tell things from the rest.
 */
export function denseTargets(centres: Float32Array, views: readonly LocalizerView[], kinds: readonly string[], prompts: number): Record<string, Tensor> {
  const tokens = centres.length / 2;
  const rows = new Rows(views.length * tokens, prompts);
  views.forEach((view, b) => {
    const owner = new Map<number, Target>();
    const targets = targetsOf(view, kinds).sort((one, other) => other.box[2] * other.box[3] - one.box[2] * one.box[3]);
    for (const target of targets) {
      const [cx, cy, w, h] = target.box;
      let [nearest, least] = [0, Infinity];
      for (let t = 0; t < tokens; t++) {
        const [dx, dy] = [Math.abs(centres[2 * t]! - cx) / w, Math.abs(centres[2 * t + 1]! - cy) / h];
        if (dx <= 0.3 && dy <= 0.3) owner.set(t, target);
        const distance = dx * dx + dy * dy;
        if (distance < least) [nearest, least] = [t, distance];
      }
      owner.set(nearest, target);
    }
    for (const [t, target] of owner) rows.give(b * tokens + t, target);
  });
  return rows.feeds('dense');
}

/** What was found by one layer, [B·N, U] and [B·N, 4]. */
export interface FoundLayer {
  readonly scores: Float32Array;
  readonly boxes: Float32Array;
}

/**
 * What each query of one layer is held to: the thing that the cheapest assignment gives it; and the thing that it fits best, whoever else fits that too.
 * On an image without things a query's nearest is its own box under no prompt: it then earns by low scores.
 */
export function queryTargets(found: FoundLayer, layer: number, views: readonly LocalizerView[], kinds: readonly string[], prompts: number): Record<string, Tensor> {
  const queries = found.boxes.length / 4 / views.length;
  const matched = new Rows(views.length * queries, prompts);
  const nearest = new Rows(views.length * queries, prompts);
  const isOpen = Array.from({ length: prompts }, (_, u) => u < kinds.length);
  views.forEach((view, b) => {
    const targets = targetsOf(view, kinds);
    const cost = Array.from({ length: queries }, (_, i) => {
      const row = b * queries + i;
      const [scores, box] = [found.scores.subarray(row * prompts, (row + 1) * prompts), found.boxes.subarray(row * 4, row * 4 + 4)];
      return targets.map((target) => costOf(scores, box, target, isOpen));
    });
    cost.forEach((costs, i) => {
      const row = b * queries + i;
      if (targets.length === 0) nearest.boxes.set(found.boxes.subarray(row * 4, row * 4 + 4), row * 4);
      else nearest.give(row, targets[costs.reduce((best, price, j) => (price < costs[best]! ? j : best), 0)]!);
    });
    if (targets.length > 0) for (const { row, column } of assignment(cost)) matched.give(b * queries + row, targets[column]!);
  });
  const { [`nearest.${layer}.labels`]: labels, [`nearest.${layer}.boxes`]: boxes } = nearest.feeds(`nearest.${layer}`);
  return { ...matched.feeds(`matched.${layer}`), [`nearest.${layer}.labels`]: labels!, [`nearest.${layer}.boxes`]: boxes! };
}
