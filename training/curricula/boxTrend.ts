/**
 * Does a box reward teach to find, or to list? The bookkeeping of VLM-R1's ablation (arXiv 2504.07615): under plain average precision every further box
 * is free, and a model learns to write ever more of them; a factor for the length of the list ends that.
 */

/** What one step's completions claim, read from its rollout lines. */
export interface BoxStep {
  readonly step: number;
  /** For each completion of a question about boxes. */
  readonly claimed: readonly ClaimedBoxes[];
}

export interface ClaimedBoxes {
  /** Boxes as [x1, y1, x2, y2] with their labels. */
  readonly boxes: readonly { readonly label: string; readonly box: readonly number[] }[];
  /** Boxes that are really there. */
  readonly gold: number;
  readonly tokens: number;
  readonly reward: number | null;
  /** Anything at all could be read as an answer about boxes. */
  readonly isReadable: boolean;
}

export interface BoxTrendPoint {
  readonly step: number;
  readonly boxes_per_image: number;
  /** Claimed over true boxes, over the completions of images that have any. */
  readonly claimed_per_true: number | null;
  /** Share of the claimed boxes that repeat one of the same completion. */
  readonly duplicates: number;
  readonly completion_tokens: number;
  readonly reward: number | null;
  /** Share of the completions about images without the thing that cannot be read; null without such images. */
  readonly unreadable_negatives: number | null;
}

/** One point for each step. */
export const boxTrend = (steps: readonly BoxStep[]): BoxTrendPoint[] => steps.filter(({ claimed }) => claimed.length > 0).map(({ step, claimed }) => {
  const total = (pick: (one: ClaimedBoxes) => number, of = claimed): number => of.reduce((sum, one) => sum + pick(one), 0);
  const positives = claimed.filter(({ gold }) => gold > 0);
  const negatives = claimed.filter(({ gold }) => gold === 0);
  const boxes = total((one) => one.boxes.length);
  const rewards = claimed.flatMap(({ reward }) => (reward === null ? [] : [reward]));
  return {
    step, boxes_per_image: boxes / claimed.length,
    claimed_per_true: positives.length > 0 ? total((one) => one.boxes.length, positives) / total(({ gold }) => gold, positives) : null,
    duplicates: boxes > 0 ? total(({ boxes: list }) => list.length - new Set(list.map(({ label, box }) => `${label}/${box.join()}`)).size) / boxes : 0,
    completion_tokens: total(({ tokens }) => tokens) / claimed.length,
    reward: rewards.length > 0 ? rewards.reduce((a, b) => a + b, 0) / rewards.length : null,
    unreadable_negatives: negatives.length > 0 ? negatives.filter(({ isReadable }) => !isReadable).length / negatives.length : null,
  };
});

/** What an ablation compares: the same questions learnt under two rewards. */
export interface HackingVerdict {
  /** Boxes for each image over the last quarter, divided by the first quarter's. */
  readonly growth: number;
  /** The list grew by half while the reward did not fall: the sign of a reward that can be had by listing. */
  readonly isSuspicious: boolean;
}

/** null for fewer than four points. */
export function hackingVerdict(points: readonly BoxTrendPoint[]): HackingVerdict | null {
  const quarter = Math.floor(points.length / 4);
  if (quarter === 0) return null;
  const mean = (part: readonly BoxTrendPoint[], pick: (point: BoxTrendPoint) => number): number => part.reduce((total, point) => total + pick(point), 0) / part.length;
  const [first, last] = [points.slice(0, quarter), points.slice(-quarter)];
  const growth = mean(last, (point) => point.boxes_per_image) / Math.max(mean(first, (point) => point.boxes_per_image), 1e-9);
  return { growth, isSuspicious: growth > 1.5 && mean(last, ({ reward }) => reward ?? 0) >= mean(first, ({ reward }) => reward ?? 0) };
}
