/** Which moments a stage of rewarded steps learns from: those at which the model is right sometimes, so that its tries differ (GUI-R1, arXiv 2504.10458: ten tries each). */

/** Places of the moments that are kept. @param rights  of each moment, how many of its tries were right */
export const worthTrying = (rights: readonly number[], tries: number): readonly number[] => rights.flatMap((right, at) => (right > 0 && right < tries ? [at] : []));

/** The moments that were tried before the first update, by their place in the order in which they are drawn. */
export interface Curation {
  readonly tries: number;
  readonly moments: readonly { readonly at: number; readonly task: string; readonly right: number; readonly isKept: boolean }[];
}
