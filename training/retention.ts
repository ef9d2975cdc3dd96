/** Which checkpoints of a run stay on the disk: a decision over their steps, sizes and scores; nothing is deleted here. */

export interface CheckpointOnDisk {
  readonly step: number;
  readonly bytes: number;
  /** On the validation set, higher is better; null where it was not measured. */
  readonly score: number | null;
}

export interface RetentionRule {
  /** The newest checkpoints; at least 1, from which the run goes on. */
  readonly last: number;
  /** The best by score. */
  readonly best: number;
  /** Milestones: every checkpoint whose step is a multiple of this. Absent: none. */
  readonly every?: number;
  /** Bytes that the run's checkpoints may take together. Absent: no limit. */
  readonly budgetBytes?: number;
}

export const retentionRule: RetentionRule = { last: 2, best: 1 };

export interface Retention {
  /** Steps in rising order. */
  readonly keep: readonly number[];
  readonly remove: readonly number[];
  /** Of what is kept. */
  readonly bytes: number;
  /** The best and the newest are kept even where they are more than the budget; then this is true. */
  readonly isOverBudget: boolean;
}

/**
 * Wanted are the newest, the best and the milestones. Where they exceed the budget they go in this order: milestones from the oldest, further newest ones
 * from the oldest, further best ones from the worst. The newest and the best of all stay whatever they weigh.
 * Of two with one score the earlier is better: it moved less from where it began.
 */
export function retention(checkpoints: readonly CheckpointOnDisk[], rule: RetentionRule = retentionRule): Retention {
  const { last, best, every, budgetBytes = Infinity } = rule;
  if (!Number.isInteger(last) || last < 1 || !Number.isInteger(best) || best < 0 || (every !== undefined && !(every >= 1))) {
    throw new RangeError(`retention: last ${last}, best ${best}, every ${every} is no rule`);
  }
  const rising = [...checkpoints].sort((a, b) => a.step - b.step);
  const newest = rising.slice(-last).reverse();
  const bests = rising.filter(({ score }) => score !== null && Number.isFinite(score)).sort((a, b) => b.score! - a.score! || a.step - b.step).slice(0, best);
  const milestones = every === undefined ? [] : rising.filter(({ step }) => step % every === 0).reverse();
  const certain = new Set([...newest.slice(0, 1), ...bests.slice(0, 1)].map(({ step }) => step));
  const keep = new Set<number>();
  let bytes = 0;
  for (const checkpoint of [...newest.slice(0, 1), ...bests, ...newest.slice(1), ...milestones]) {
    if (keep.has(checkpoint.step) || (bytes + checkpoint.bytes > budgetBytes && !certain.has(checkpoint.step))) continue;
    keep.add(checkpoint.step);
    bytes += checkpoint.bytes;
  }
  const steps = rising.map(({ step }) => step);
  return { keep: steps.filter((step) => keep.has(step)), remove: steps.filter((step) => !keep.has(step)), bytes, isOverBudget: bytes > budgetBytes };
}
