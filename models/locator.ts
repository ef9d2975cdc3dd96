/** The door to "find more like this": a picture and boxes on it in, boxes of similar things out, on the same picture, another one, or field by field over a slide. */
import { Fault } from '#models/base/fault.ts';
import { area, iou, type Box } from '#models/clinical/finding.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import type { Picture } from '#models/imaging/image.ts';
import { toVisionInput, type PatchOptions } from '#models/imaging/patches.ts';
import { resize } from '#models/imaging/resize.ts';
import { parseConfig } from '#models/networks/config.ts';
import { boxCode, boxCodeWidth, boxWeights, localizer, localizerMakings, parseLocalizerConfig, promptGraph, type LocalizerMakings } from '#models/networks/localizer.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { patchFeatures } from '#models/networks/vision.ts';
import { createSession, float32, type Session } from '#models/runtime/session.ts';
import { openLocalizerFolder, type StoredPrompt } from '#models/weights/localizer.ts';

/** What a picture is to the localizer: features of its patches. */
export interface SeenPicture {
  readonly width: number;
  readonly height: number;
  readonly features: Float32Array;
}

/** What to look for: the mean of examples, and how many there were. */
export interface Prompt {
  readonly vector: Float32Array;
  readonly examples: number;
}

export interface FoundBox {
  /** In pixels of the picture. */
  readonly box: Box;
  /** 0 … 1. */
  readonly score: number;
}

export interface FindOptions {
  /** What is not sought: a place that is more like one of these is left out. */
  readonly unlike?: readonly Prompt[];
  /** Least score; `usualLeast` where absent. */
  readonly least?: number;
  /** At most so many boxes; 300 where absent. */
  readonly most?: number;
}

export interface Locator {
  readonly makings: LocalizerMakings;
  /** Of its weights' file. */
  readonly sha256: string;
  /** Kinds of things that can be sought without an example, each from many. */
  readonly stored: readonly StoredPrompt[];
  see(picture: Picture): Promise<SeenPicture>;
  /** One prompt from boxes on one picture. @throws Fault `locate.none`, `locate.outside` */
  prompt(seen: SeenPicture, boxes: readonly Box[]): Promise<Prompt>;
  /** For each prompt what is like it, best first; every prompt competes with the others and with `unlike`. */
  find(seen: SeenPicture, prompts: readonly Prompt[], options?: FindOptions): Promise<readonly (readonly FoundBox[])[]>;
  release(): Promise<void>;
}

/** Prompts that one run of the graph takes. */
export const mostPrompts = 8;
/** Scores are low, since few patches of an image show anything: on held-out images what is right lies between 0.13 and 0.3. */
export const usualLeast = 0.12;
/** Boxes of one prompt that overlap more are one thing. */
const sameThing = 0.5;

/**
 * Opens the folder that a run of the recipe dinoR1 left.
 *
 * @param threads  one for each physical core where absent
 * @throws Fault `localizer.kind`, `localizer.config`, those of `parseConfig` and of `openSafetensors`
 */
export async function openLocator(folder: string, { threads }: { readonly threads?: number } = {}): Promise<Locator> {
  const opened = openLocalizerFolder(folder);
  const config = parseConfig(opened.base);
  const makings = localizerMakings(config, parseLocalizerConfig(opened.config));
  const { grid, centres } = makings;
  const tokens = grid[1] * grid[2];
  const { channels, patchSize, mergeSize } = config.vision;
  const side = makings.config.side;
  const patching: PatchOptions = { patchSize, mergeSize, temporalPatchSize: 1, minPixels: 1, maxPixels: Number.MAX_SAFE_INTEGER, ...pixelStatistics(opened.preprocessor) };
  const open = (graph: Graph): Promise<Session> => createSession(encodeModel(graph), threads === undefined ? {} : { threads });
  const stored = (graph: Graph) => denseParameters((name, shape) => graph.constant(opened.tensor(name, shape), shape, 'weight', name));

  const seeing = new Graph('see', { fused: true });
  seeing.output('features', patchFeatures(seeing, stored(seeing), config, seeing.input('patches', [tokens, channels * patchSize * patchSize]), [grid], makings.config.features));
  const finding = new Graph('find', { fused: true });
  const located = localizer(finding, stored(finding), makings.config, {
    features: finding.input('features', [tokens, makings.features]), centres, batch: 1,
    prompts: { vectors: finding.input('vectors', [mostPrompts, makings.config.width]), open: finding.input('open', [mostPrompts]) },
  });
  const last = located.layers.at(-1)!;
  finding.output('scores', last.scores);
  finding.output('boxes', last.boxes);
  const prompting = new Graph('prompt', { fused: true });
  prompting.output('vector', promptGraph(prompting, stored(prompting), makings.config, {
    features: prompting.input('features', [tokens, makings.features]), centres, pool: prompting.input('pool', [1, tokens]), codes: prompting.input('codes', [1, boxCodeWidth]),
  }));
  const [see, find, ask] = await Promise.all([open(seeing), open(finding), open(prompting)]);

  const stranger = opened.prompts.find(({ vector }) => vector.length !== makings.config.width);
  if (stranger) throw new Fault({ code: 'localizer.kind', what: 'The localizer cannot be used.', why: `Its prompt for ${stranger.kind} has ${stranger.vector.length} numbers in place of ${makings.config.width}.`, mend: 'Take its folder as the run left it.' });

  return {
    makings, sha256: opened.sha256, stored: opened.prompts,
    async see(picture) {
      const { patches } = toVisionInput([picture.width === side && picture.height === side ? picture : resize(picture, { width: side, height: side })], patching);
      const { features } = await see.run({ patches: float32([tokens, channels * patchSize * patchSize], patches) });
      return { width: picture.width, height: picture.height, features: features!.data as Float32Array };
    },
    async prompt({ width, height, features }, boxes) {
      if (boxes.length === 0) throw new Fault({ code: 'locate.none', what: 'There is nothing to look for.', why: 'No box was drawn.', mend: 'Draw a box around one or more examples.' });
      const sum = new Float32Array(makings.config.width);
      for (const { x1, y1, x2, y2 } of boxes) {
        const place = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height] as const;
        const pool = x2 > x1 && y2 > y1 ? boxWeights(place, centres, grid) : new Float32Array(tokens);
        if (!pool.some((weight) => weight > 0)) {
          throw new Fault({ code: 'locate.outside', what: 'An example shows nothing.', why: `The box ${[x1, y1, x2, y2].map(Math.round).join(', ')} is empty or lies outside the picture of ${width} × ${height} pixels.`, mend: 'Draw it on the picture, left upper corner first.' });
        }
        const { vector } = await ask.run({ features: float32([tokens, makings.features], features), pool: float32([1, tokens], pool), codes: float32([1, boxCodeWidth], boxCode(place)) });
        (vector!.data as Float32Array).forEach((x, i) => (sum[i]! += x / boxes.length));
      }
      return { vector: sum, examples: boxes.length };
    },
    async find({ width, height, features }, prompts, { unlike = [], least = usualLeast, most = 300 } = {}) {
      const all = [...prompts, ...unlike];
      if (all.length > mostPrompts) throw new RangeError(`find: ${all.length} prompts, at most ${mostPrompts}`);
      const vectors = new Float32Array(mostPrompts * makings.config.width);
      all.forEach(({ vector }, u) => vectors.set(vector, u * makings.config.width));
      const isOpen = Float32Array.from({ length: mostPrompts }, (_, u) => (u < all.length ? 0 : -1e9));
      const { scores, boxes } = await find.run({ features: float32([tokens, makings.features], features), vectors: float32([mostPrompts, makings.config.width], vectors), open: float32([mostPrompts], isOpen) });
      const [s, b] = [scores!.data as Float32Array, boxes!.data as Float32Array];
      return prompts.map((_, u) => {
        const found: FoundBox[] = [];
        for (let i = 0; i < b.length / 4; i++) {
          const own = s[i * mostPrompts + u]!;
          const score = 1 / (1 + Math.exp(-own));
          if (score < least || unlike.some((__, n) => s[i * mostPrompts + prompts.length + n]! > own)) continue;
          const [cx, cy, w, h] = [b[4 * i]!, b[4 * i + 1]!, b[4 * i + 2]!, b[4 * i + 3]!];
          const box = { x1: Math.max(0, cx - w / 2) * width, y1: Math.max(0, cy - h / 2) * height, x2: Math.min(1, cx + w / 2) * width, y2: Math.min(1, cy + h / 2) * height };
          if (box.x2 > box.x1 && box.y2 > box.y1) found.push({ box, score });
        }
        return withoutCopies(found).slice(0, most);
      });
    },
    async release() {
      for (const session of [see, find, ask]) await session.release();
    },
  };
}

/** The mean and deviation by which pixels were brought to the network's scale. */
function pixelStatistics(preprocessor: unknown): Pick<PatchOptions, 'mean' | 'std'> {
  const { image_mean: mean, image_std: std } = (preprocessor ?? {}) as { image_mean?: unknown; image_std?: unknown };
  const isTriple = (x: unknown): x is [number, number, number] => Array.isArray(x) && x.length === 3 && x.every((one) => typeof one === 'number' && Number.isFinite(one));
  if (!isTriple(mean) || !isTriple(std) || std.some((one) => one <= 0)) {
    throw new Fault({ code: 'localizer.config', what: 'The localizer cannot be used.', why: 'It does not say how pixels are to be scaled.', mend: 'Take its folder as the run left it.' });
  }
  return { mean, std };
}

/** Best first; of boxes that overlap by more than half the best alone. */
export function withoutCopies<One extends FoundBox>(found: readonly One[]): One[] {
  const kept: One[] = [];
  for (const one of [...found].sort((a, b) => b.score - a.score)) if (kept.every(({ box }) => iou(box, one.box) <= sameThing)) kept.push(one);
  return kept;
}

/** One prompt of several, by how many examples each had. */
export function meanPrompt(prompts: readonly Prompt[]): Prompt {
  const examples = prompts.reduce((sum, prompt) => sum + prompt.examples, 0);
  return { examples, vector: (prompts[0]?.vector ?? new Float32Array(0)).map((_, i) => prompts.reduce((sum, { vector, examples: count }) => sum + vector[i]! * count, 0) / examples) };
}

/** More of it, not the examples again. */
export const withoutExamples = <One extends FoundBox>(found: readonly One[], like: readonly Box[]): readonly One[] => found.filter(({ box }) => like.every((example) => iou(box, example) <= sameThing));

/** The side of the fields in which an example is about as large as things were when the localizer learnt: six times its own. */
export function fieldSideOf(examples: readonly Box[]): number {
  const sides = examples.map(({ x1, y1, x2, y2 }) => Math.max(x2 - x1, y2 - y1)).sort((a, b) => a - b);
  return Math.max(16, Math.round(6 * (sides[sides.length >> 1] ?? 0)));
}

/** A rectangle of a larger picture. */
export interface Field {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The field with a box in its middle, as far as the picture reaches. */
export function fieldAround({ x1, y1, x2, y2 }: Box, side: number, { width, height }: { readonly width: number; readonly height: number }): Field {
  const start = (low: number, high: number, size: number): number => Math.round(Math.max(0, Math.min((low + high - side) / 2, size - side)));
  return { x: start(x1, x2, width), y: start(y1, y2, height), width: Math.min(side, width), height: Math.min(side, height) };
}

/** Squares that cover a picture, neighbours sharing a quarter of their sides; the last of a row ends at the border. */
export function fieldsOf({ width, height }: { readonly width: number; readonly height: number }, side: number): readonly Field[] {
  const starts = (size: number): number[] => {
    const last = Math.max(0, size - side);
    const count = Math.ceil(last / (side * 0.75)) + 1;
    return Array.from({ length: count }, (_, i) => Math.round(count === 1 ? 0 : (last * i) / (count - 1)));
  };
  return starts(height).flatMap((y) => starts(width).map((x) => ({ x, y, width: Math.min(side, width), height: Math.min(side, height) })));
}

/** What a sweep found: by which of its prompts. */
export interface SweptBox extends FoundBox {
  readonly prompt: number;
}

export interface SweepOptions extends FindOptions {
  readonly signal?: AbortSignal;
  /** After each field: how many of how many, and what was found on it, in pixels of the whole. */
  readonly onField?: (done: number, total: number, found: readonly SweptBox[]) => void;
}

/** Looks for things field by field; a box at a field's inner border, which may be cut there, counts only where no neighbour shows it whole. */
export async function sweep<Seen>(
  locator: { see(picture: Picture): Promise<Seen>; find(seen: Seen, prompts: readonly Prompt[], options?: FindOptions): Promise<readonly (readonly FoundBox[])[]> },
  prompts: readonly Prompt[], size: { readonly width: number; readonly height: number }, side: number, read: (field: Field) => Promise<Picture>, { signal, onField, ...options }: SweepOptions = {},
): Promise<readonly SweptBox[]> {
  const fields = fieldsOf(size, side);
  const [whole, cut]: [SweptBox[], SweptBox[]] = [[], []];
  for (const [at, field] of fields.entries()) {
    signal?.throwIfAborted();
    const picture = await read(field);
    const found = (await locator.find(await locator.see(picture), prompts, options)).flatMap((some, prompt) => some.map((one) => ({ ...one, prompt })));
    const [sx, sy] = [field.width / picture.width, field.height / picture.height];
    const margin = side * 0.01;
    const [right, bottom] = [field.x + field.width, field.y + field.height];
    const isWhole = ({ x1, y1, x2, y2 }: Box): boolean => (x1 > field.x + margin || field.x === 0) && (y1 > field.y + margin || field.y === 0) && (x2 < right - margin || right >= size.width) && (y2 < bottom - margin || bottom >= size.height);
    const placed = found.map(({ box, score, prompt }): SweptBox => ({ score, prompt, box: { x1: field.x + box.x1 * sx, y1: field.y + box.y1 * sy, x2: field.x + box.x2 * sx, y2: field.y + box.y2 * sy } }));
    for (const one of placed) (isWhole(one.box) ? whole : cut).push(one);
    onField?.(at + 1, fields.length, placed);
  }
  const kept = withoutCopies(whole);
  for (const one of withoutCopies(cut)) if (kept.every(({ box }) => coverage(box, one.box) <= sameThing)) kept.push(one);
  return kept.sort((a, b) => b.score - a.score).slice(0, options.most ?? 10_000);
}

/** The part of the smaller box that both share. */
const coverage = (a: Box, b: Box): number => area({ x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1), x2: Math.min(a.x2, b.x2), y2: Math.min(a.y2, b.y2) }) / Math.max(1e-9, Math.min(area(a), area(b)));
