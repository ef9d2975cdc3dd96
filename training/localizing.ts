/** How well a localizer finds: average precision, sensitivity at so many false boxes an image, and how far prompts of different kinds lie apart. */
import type { Box } from '#models/clinical/finding.ts';
import { iou } from '#models/clinical/finding.ts';
import { Random } from '#models/base/random.ts';
import { interpolated } from './rewards/averagePrecision.ts';
import type { Estimate } from '#models/base/statistics.ts';

/** One image with what is there and what was found. */
export interface ImageResult {
  readonly gold: readonly Box[];
  readonly found: readonly { readonly box: Box; readonly score: number }[];
}

interface Judged {
  /** True where it met a thing that no better box had met; in falling order of score over all images. */
  readonly hits: readonly boolean[];
  readonly things: number;
}

/** Boxes of all images by falling score; each meets the free thing of its image that it overlaps most, from `least` on. */
function judged(images: readonly ImageResult[], least: number): Judged {
  const all = images.flatMap(({ found }, image) => found.map((one) => ({ ...one, image }))).sort((a, b) => b.score - a.score);
  const met = images.map(() => new Set<number>());
  const hits = all.map(({ box, image }) => {
    let [best, most] = [-1, least];
    images[image]!.gold.forEach((thing, at) => {
      const overlap = met[image]!.has(at) ? 0 : iou(box, thing);
      if (overlap >= most) [best, most] = [at, overlap];
    });
    if (best >= 0) met[image]!.add(best);
    return best >= 0;
  });
  return { hits, things: images.reduce((total, { gold }) => total + gold.length, 0) };
}

/** The area under precision by recall at 101 points, boxes of all images together; null where there is nothing to find. */
export function averagePrecisionAt(images: readonly ImageResult[], least: number): number | null {
  const { hits, things } = judged(images, least);
  return things === 0 ? null : interpolated(hits, things);
}

/** The share of things that are met before the false boxes exceed so many an image (FROC); null where there is nothing to find. */
export function sensitivityAt(images: readonly ImageResult[], falsePerImage: number, least: number): number | null {
  const { hits, things } = judged(images, least);
  if (things === 0) return null;
  let [right, wrong] = [0, 0];
  for (const isHit of hits) {
    if (isHit) right++;
    else if (++wrong > falsePerImage * images.length) break;
  }
  return right / things;
}

/** The mean cosine of vectors of one kind over the mean cosine of vectors of two; above 1 where kinds lie apart. Null where one of them cannot be told. */
export function separation(vectors: readonly { readonly kind: string; readonly vector: Float32Array }[]): { readonly within: number; readonly between: number } | null {
  const unit = vectors.map(({ kind, vector }) => {
    const length = Math.hypot(...vector);
    return { kind, vector: vector.map((x) => x / length) };
  });
  const sums = { within: 0, between: 0, pairs: 0, others: 0 };
  unit.forEach((one, i) => unit.slice(i + 1).forEach((other) => {
    const cosine = one.vector.reduce((total, x, k) => total + x * other.vector[k]!, 0);
    if (one.kind === other.kind) [sums.within, sums.pairs] = [sums.within + cosine, sums.pairs + 1];
    else [sums.between, sums.others] = [sums.between + cosine, sums.others + 1];
  }));
  return sums.pairs === 0 || sums.others === 0 ? null : { within: sums.within / sums.pairs, between: sums.between / sums.others };
}

/** False boxes an image at which sensitivity is told. */
export const frocPoints = [0.5, 1, 2, 4] as const;

export interface KindMeasures {
  readonly kind: string;
  readonly images: number;
  readonly things: number;
  readonly ap50: number | null;
  readonly ap30: number | null;
  /** Sensitivity at `frocPoints`, by an IoU of 0.3. */
  readonly froc: readonly (number | null)[];
}

export const measuresOf = (kind: string, images: readonly ImageResult[]): KindMeasures => ({
  kind, images: images.length, things: images.reduce((total, { gold }) => total + gold.length, 0), ap50: averagePrecisionAt(images, 0.5), ap30: averagePrecisionAt(images, 0.3),
  froc: frocPoints.map((point) => sensitivityAt(images, point, 0.3)),
});

/** One image as a run saw it, kind by kind. */
export interface LocatedImage {
  readonly id: string;
  readonly set: string;
  readonly kinds: ReadonlyMap<string, ImageResult>;
}

/** Boxes of one image and kind: whether each met a thing, and the things. */
interface Marked {
  readonly boxes: readonly { readonly score: number; readonly isHit: boolean }[];
  readonly things: number;
}

/**
 * Average precision, mean over kinds and over the runs of a recipe, less that of another recipe on the same images. The interval is a percentile bootstrap (Efron) over whole images, drawn
 * within their set: boxes on one image stand or fall together. It says nothing about other seeds.
 *
 * @param least  overlap from which a thing is met
 */
export function precisionDifference(before: readonly (readonly LocatedImage[])[], after: readonly (readonly LocatedImage[])[], least: number, { seed = 0, resamples = 1000 } = {}): { readonly before: number; readonly after: number; readonly difference: Estimate } {
  const [first = []] = before;
  const kinds = [...new Set(first.flatMap((image) => [...image.kinds.keys()]))];
  const marksOf = (run: readonly LocatedImage[]): readonly ReadonlyMap<string, Marked>[] => run.map((image) => new Map([...image.kinds].map(([kind, result]) => {
    const { hits, things } = judged([result], least);
    return [kind, { things, boxes: result.found.toSorted((a, b) => b.score - a.score).map(({ score }, at) => ({ score, isHit: hits[at]! })) }];
  })));
  const [marksBefore, marksAfter] = [before.map(marksOf), after.map(marksOf)];
  const precision = (runs: readonly (readonly ReadonlyMap<string, Marked>[])[], chosen: readonly number[]): number => {
    const values = runs.flatMap((run) => kinds.flatMap((kind) => {
      const own = chosen.flatMap((at) => run[at]!.get(kind) ?? []);
      const things = own.reduce((total, one) => total + one.things, 0);
      return things === 0 ? [] : interpolated(own.flatMap(({ boxes }) => boxes).sort((a, b) => b.score - a.score).map(({ isHit }) => isHit), things);
    }));
    return values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  };
  const every = first.map((_, at) => at);
  const sets = [...new Set(first.map(({ set }) => set))].map((set) => every.filter((at) => first[at]!.set === set));
  const random = Random.named(seed, 'precision');
  const drawn = Array.from({ length: resamples }, () => {
    const chosen = sets.flatMap((some) => some.map(() => random.pick(some)));
    return precision(marksAfter, chosen) - precision(marksBefore, chosen);
  }).sort((a, b) => a - b);
  const at = (share: number): number => drawn[Math.min(drawn.length - 1, Math.max(0, Math.round(share * (drawn.length - 1))))] ?? NaN;
  const [from, to] = [precision(marksBefore, every), precision(marksAfter, every)];
  return { before: from, after: to, difference: { mean: to - from, ci: [at(0.025), at(0.975)] } };
}
