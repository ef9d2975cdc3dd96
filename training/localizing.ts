/** How well a localizer finds: average precision, sensitivity at so many false boxes an image, and how far prompts of different kinds lie apart. */
import type { Box } from '#models/clinical/finding.ts';
import { iou } from '#models/clinical/finding.ts';
import { interpolated } from './rewards/averagePrecision.ts';

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
