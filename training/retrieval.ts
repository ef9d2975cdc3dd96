/** How well images find their sentences and sentences their images: recall at k, the direction always named. */
import { Fault } from '#models/base/fault.ts';

export interface Recall {
  readonly k: number;
  /** 0 … 1. */
  readonly recall: number;
}

export interface RecallOptions {
  /** `published` refuses a k above the number of candidates, as the released code does; `strict` takes all of them and says so. */
  readonly mode?: 'published' | 'strict';
  readonly onClamp?: (k: number, candidates: number) => void;
}

/**
 * Share of queries whose own candidate, the one of the same place, is among the k nearest. A candidate stands before it only where it is strictly nearer: ties are the query's own.
 *
 * @throws Fault `retrieval.k` in published mode
 */
export function recallAt(ranks: readonly number[], candidates: number, ks: readonly number[], { mode = 'strict', onClamp }: RecallOptions = {}): readonly Recall[] {
  return ks.map((wanted) => {
    if (wanted > candidates && mode === 'published') throw new Fault({ code: 'retrieval.k', what: `Recall at ${wanted} cannot be computed.`, why: `There are ${candidates} candidates.`, mend: 'Ask for a smaller k, or measure in strict mode.' });
    const k = Math.min(wanted, candidates);
    if (k < wanted) onClamp?.(wanted, candidates);
    return { k, recall: ranks.filter((rank) => rank <= k).length / Math.max(1, ranks.length) };
  });
}

/** The place of each query's own candidate, from 1. */
export const ownRanks = (queries: readonly Float32Array[], candidates: readonly Float32Array[]): readonly number[] => queries.map((query, at) => rankOf(query, candidates, (i) => i === at));

/** The best place of any candidate that means what the query means, from 1. */
export const meaningRanks = (queries: readonly Float32Array[], candidates: readonly Float32Array[], meanings: readonly string[]): readonly number[] =>
  queries.map((query, at) => rankOf(query, candidates, (i) => meanings[i] === meanings[at]));

function rankOf(query: Float32Array, candidates: readonly Float32Array[], isRight: (at: number) => boolean): number {
  const scores = candidates.map((candidate) => candidate.reduce((sum, x, i) => sum + x * query[i]!, 0));
  const best = scores.reduce((most, score, i) => (isRight(i) ? Math.max(most, score) : most), -Infinity);
  return 1 + scores.filter((score, i) => score > best && !isRight(i)).length;
}
