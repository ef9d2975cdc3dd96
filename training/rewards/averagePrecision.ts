/**
 * Average precision of boxes on one image as the COCO evaluation computes it, with every detection at the same score: ties stand in input order.
 * Thresholds 0.50 … 0.95 in steps of 0.05, 101 recall points, at most 100 detections of a class, all areas up to 1e10.
 */
import type { Corners } from './geometry.ts';

export interface ClassBox {
  readonly label: string;
  readonly box: Corners;
}

export interface AveragePrecision {
  /** Mean over thresholds and classes; −1 where no gold box has a valid area. */
  readonly all: number;
  /** At the threshold 0.5. */
  readonly at50: number;
}

const spread = (from: number, to: number, count: number): number[] => (
  Array.from({ length: count }, (_, index) => (index === count - 1 ? to : from + index * ((to - from) / (count - 1))))
);
export const iouThresholds: readonly number[] = spread(0.5, 0.95, 10);
const recallPoints = spread(0, 1, 101);
const [mostDetections, largestArea] = [100, 1e10];

/** Detections of classes that the gold does not name are not seen. */
export function averagePrecision(detections: readonly ClassBox[], gold: readonly ClassBox[]): AveragePrecision {
  const classes = [...new Set(gold.map(({ label }) => label))].map((label) => perThreshold(
    detections.filter((detection) => detection.label === label).slice(0, mostDetections).map(({ box }) => box),
    gold.filter((wanted) => wanted.label === label).map(({ box }) => box),
  )).filter((values) => values !== null);
  const mean = (values: readonly number[]): number => (values.length === 0 ? -1 : values.reduce((total, value) => total + value, 0) / values.length);
  return { all: mean(classes.flat()), at50: mean(classes.map((values) => values[0] as number)) };
}

const signedArea = ([x1, y1, x2, y2]: Corners): number => (x2 - x1) * (y2 - y1);
const isOutside = (box: Corners): boolean => signedArea(box) < 0 || signedArea(box) > largestArea;

/** The overlap of the COCO code: signed areas, so that a reversed box overlaps nothing. */
function overlapOf(a: Corners, b: Corners): number {
  const [width, height] = [Math.min(a[2], b[2]) - Math.max(a[0], b[0]), Math.min(a[3], b[3]) - Math.max(a[1], b[1])];
  if (!(width > 0) || !(height > 0)) return 0;
  return (width * height) / (signedArea(a) + signedArea(b) - width * height);
}

/** The average precision of one class at each threshold; null where no gold box counts. */
function perThreshold(detections: readonly Corners[], gold: readonly Corners[]): number[] | null {
  const wanted = [...gold.filter((box) => !isOutside(box)), ...gold.filter(isOutside)];
  const counted = wanted.filter((box) => !isOutside(box)).length;
  if (counted === 0) return null;
  const overlaps = detections.map((detection) => wanted.map((box) => overlapOf(detection, box)));
  return iouThresholds.map((threshold) => {
    const taken = new Set<number>();
    const hits = detections.flatMap((detection, index) => {
      const match = bestMatch(overlaps[index] as number[], taken, counted, Math.min(threshold, 1 - 1e-10));
      if (match < 0) return isOutside(detection) ? [] : [false];
      taken.add(match);
      return match >= counted ? [] : [true];
    });
    return interpolated(hits, counted);
  });
}

/**
 * The free gold box with the highest overlap from the threshold on, the later one on ties; one that does not count only where none that counts fits.
 */
function bestMatch(overlaps: readonly number[], taken: ReadonlySet<number>, counted: number, threshold: number): number {
  let [best, least] = [-1, threshold];
  for (let index = 0; index < overlaps.length; index++) {
    if (taken.has(index)) continue;
    if (best >= 0 && best < counted && index >= counted) break;
    if ((overlaps[index] as number) < least) continue;
    [best, least] = [index, overlaps[index] as number];
  }
  return best;
}

/** The mean over recall points of the best precision at that recall or beyond. `hits` in the order of the detections. */
export function interpolated(hits: readonly boolean[], counted: number): number {
  let [right, wrong] = [0, 0];
  const recalls: number[] = [];
  const precisions: number[] = [];
  for (const isHit of hits) {
    if (isHit) right++;
    else wrong++;
    recalls.push(right / counted);
    precisions.push(right / (wrong + right + Number.EPSILON));
  }
  for (let index = precisions.length - 2; index >= 0; index--) {
    precisions[index] = Math.max(precisions[index] as number, precisions[index + 1] as number);
  }
  let at = 0;
  let total = 0;
  for (const point of recallPoints) {
    while (at < recalls.length && (recalls[at] as number) < point) at++;
    total += precisions[at] ?? 0;
  }
  return total / recallPoints.length;
}
