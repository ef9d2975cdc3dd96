/** How alike two texts are: edit distances and word overlap. Time grows with the product of the lengths, so lengths are bounded. */

/** Longer texts are cut to this many code points before they are compared. */
export const longestCompared = 4096;

const points = (text: string): string[] => Array.from(text.slice(0, 2 * longestCompared)).slice(0, longestCompared);

/** Levenshtein distance: inserts, deletes and substitutions, each 1. */
export const editDistance = (a: string, b: string): number => distance(points(a), points(b), 1);

/**
 * The Indel similarity, 1 − d / (len a + len b) where a substitution costs 2: what `Levenshtein.ratio` of Python returns.
 * Two empty texts are alike: 1.
 */
export function indelRatio(a: string, b: string): number {
  const [left, right] = [points(a), points(b)];
  const total = left.length + right.length;
  return total === 0 ? 1 : 1 - distance(left, right, 2) / total;
}

function distance(a: readonly string[], b: readonly string[], substitution: 1 | 2): number {
  let row = Int32Array.from({ length: b.length + 1 }, (_, at) => at);
  let next = new Int32Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    next[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : substitution);
      next[j] = Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1);
    }
    [row, next] = [next, row];
  }
  return row[b.length] as number;
}
