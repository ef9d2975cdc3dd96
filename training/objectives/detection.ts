/**
 * What a set of boxes with scores is held to, as values of a graph and as numbers.
 *
 *   focal  y·[−¼ (1−p)² ln p] + (1−y)·[−¾ p² ln(1−p)], p = σ(score)            (Lin et al. 2017, γ 2, α ¼)
 *   L1     Σ |Δ| over (cx, cy, w, h), parts of the image's sides
 *   GIoU   IoU less the part of the common hull that neither box covers         (Rezatofighi et al. 2019)
 *   cost   2·mean over prompts of focal + 5·L1 − 2·GIoU
 *
 * Shapes: M queries, U prompts. A target's label is a row of U, 1 at its prompt; `shares` [M, U] or [1, U] is 1/n at each of the n prompts that are there and 0 at empty places.
 */
import type { Value } from '#models/graph/graph.ts';
import { add, concat, div, exp, log, maximum, minimum, mul, neg, reduceSum, sigmoid, split, sub } from '#models/graph/ops.ts';

export const costWeights = { focal: 2, l1: 5, giou: 2 } as const;

const absolute = (x: Value): Value => maximum(x, neg(x));
/** ln σ(x), for scores of any size. */
const logSigmoid = (x: Value): Value => sub(minimum(x, 0), log(add(exp(neg(absolute(x))), 1)));

/** [M, U] */
export function focal(scores: Value, labels: Value): Value {
  const p = sigmoid(scores);
  const q = sub(1, p);
  const right = mul(mul(mul(q, q), logSigmoid(scores)), mul(labels, -0.25));
  const wrong = mul(mul(mul(p, p), logSigmoid(neg(scores))), mul(sub(1, labels), -0.75));
  return add(right, wrong);
}

/** [M, 1] */
export const boxDistance = (boxes: Value, targets: Value): Value => reduceSum(absolute(sub(boxes, targets)), [1]);

const columns = (x: Value): readonly Value[] => split(x, new Array<number>(x.shape[1]!).fill(1), 1);
/** (cx, cy, w, h) as (x1, y1, x2, y2). */
const corners = (boxes: Value): readonly [Value, Value, Value, Value] => {
  const [cx, cy, w, h] = columns(boxes) as [Value, Value, Value, Value];
  const [dx, dy] = [mul(w, 0.5), mul(h, 0.5)];
  return [sub(cx, dx), sub(cy, dy), add(cx, dx), add(cy, dy)];
};

/** [M, 1], −1 … 1. */
export function generalizedOverlap(boxes: Value, targets: Value): Value {
  const [a, b] = [corners(boxes), corners(targets)];
  const area = ([x1, y1, x2, y2]: readonly [Value, Value, Value, Value]): Value => mul(sub(x2, x1), sub(y2, y1));
  const within = (low: Value, high: Value): Value => maximum(sub(high, low), 0);
  const shared = mul(within(maximum(a[0], b[0]), minimum(a[2], b[2])), within(maximum(a[1], b[1]), minimum(a[3], b[3])));
  const hull = mul(sub(maximum(a[2], b[2]), minimum(a[0], b[0])), sub(maximum(a[3], b[3]), minimum(a[1], b[1])));
  const union = maximum(sub(add(area(a), area(b)), shared), 1e-9);
  const whole = maximum(hull, 1e-9);
  return sub(div(shared, union), div(sub(whole, union), whole));
}

/** What a query costs against the target that stands beside it, [M, 1]. */
export function queryCost(found: { readonly scores: Value; readonly boxes: Value }, target: { readonly labels: Value; readonly boxes: Value }, shares: Value): Value {
  const { focal: focalWeight, l1, giou } = costWeights;
  const named = reduceSum(mul(focal(found.scores, target.labels), shares), [1]);
  return sub(add(mul(named, focalWeight), mul(boxDistance(found.boxes, target.boxes), l1)), mul(generalizedOverlap(found.boxes, target.boxes), giou));
}

/** The same for numbers: a query's scores and box against a target's prompt and box. */
export function costOf(scores: ArrayLike<number>, box: ArrayLike<number>, target: { readonly prompt: number; readonly box: readonly number[] }, isOpen: readonly boolean[]): number {
  let [named, count] = [0, 0];
  for (let u = 0; u < scores.length; u++) {
    if (!isOpen[u]) continue;
    const p = 1 / (1 + Math.exp(-scores[u]!));
    const [lnP, lnQ] = [-softplus(-scores[u]!), -softplus(scores[u]!)];
    named += u === target.prompt ? -0.25 * (1 - p) ** 2 * lnP : -0.75 * p ** 2 * lnQ;
    count++;
  }
  let distance = 0;
  for (let i = 0; i < 4; i++) distance += Math.abs(box[i]! - target.box[i]!);
  return costWeights.focal * named / Math.max(1, count) + costWeights.l1 * distance - costWeights.giou * overlapOf(box, target.box).giou;
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** IoU and GIoU of two boxes (cx, cy, w, h). */
export function overlapOf(a: ArrayLike<number>, b: ArrayLike<number>): { readonly iou: number; readonly giou: number } {
  let [shared, hull] = [1, 1];
  for (let axis = 0; axis < 2; axis++) {
    const [lowA, highA] = [a[axis]! - a[axis + 2]! / 2, a[axis]! + a[axis + 2]! / 2];
    const [lowB, highB] = [b[axis]! - b[axis + 2]! / 2, b[axis]! + b[axis + 2]! / 2];
    shared *= Math.max(0, Math.min(highA, highB) - Math.max(lowA, lowB));
    hull *= Math.max(highA, highB) - Math.min(lowA, lowB);
  }
  const union = Math.max(a[2]! * a[3]! + b[2]! * b[3]! - shared, 1e-9);
  const whole = Math.max(hull, 1e-9);
  return { iou: shared / union, giou: shared / union - (whole - union) / whole };
}

export interface Held {
  /** [M, U]; a query that no target was given to has a row of zeros. */
  readonly labels: Value;
  /** [M, 4] */
  readonly boxes: Value;
  /** [M, 1]: 1 where a target was given, else 0. */
  readonly given: Value;
  /** []: one over the number of targets. */
  readonly share: Value;
}

/** Focal + 5·L1 + 2·(1 − GIoU) over what was matched, per target. `places` [M, U] or [1, U]: 1 at prompts that are there. */
export function detectionLoss(found: { readonly scores: Value; readonly boxes: Value }, { labels, boxes, given, share }: Held, places: Value): Value {
  const named = mul(focal(found.scores, labels), places);
  const apart = add(mul(boxDistance(found.boxes, boxes), costWeights.l1), mul(sub(1, generalizedOverlap(found.boxes, boxes)), costWeights.giou));
  const rows = concat([reduceSum(named, [1]), mul(apart, given)], 1);
  return mul(reduceSum(rows, [0, 1], false), share);
}
