/** Paired comparisons of two models on the same questions: an exact test and a bootstrap interval. */
import { Random } from './random.ts';

/** Questions on which exactly one of two models is right. */
export interface Discordant {
  /** Wrong before, right now. */
  readonly gained: number;
  /** Right before, wrong now. */
  readonly lost: number;
}

/**
 * McNemar's test in its exact form, two-sided: under the null hypothesis each discordant pair falls to either side with one half, so
 *
 *   p = min(1, 2 · Σ_{i ≤ min(gained, lost)} C(n, i) / 2ⁿ)     n = gained + lost
 *
 * Pairs on which both agree carry nothing. Without a discordant pair p is 1.
 */
export function mcnemarExact({ gained, lost }: Discordant): number {
  const n = gained + lost;
  if (!Number.isInteger(n) || gained < 0 || lost < 0) throw new RangeError(`mcnemarExact: ${gained} and ${lost} are no counts`);
  let tail = 0;
  let logTerm = -n * Math.LN2; // ln of C(n, 0) / 2ⁿ; the powers themselves would underflow from n = 1075 on
  for (let i = 0; i <= Math.min(gained, lost); i++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - i) / (i + 1));
  }
  return Math.min(1, 2 * tail);
}

/** One unit that is drawn as a whole: the differences between the two models on all questions about one image, in one stratum. */
export interface Cluster {
  /** The mean is taken within each stratum and then over strata, each counting once; one stratum gives the plain mean. */
  readonly stratum: string;
  readonly differences: readonly number[];
}

export interface BootstrapOptions {
  readonly seed?: number;
  readonly resamples?: number;
  /** Mass of the interval, 0 … 1. */
  readonly confidence?: number;
}

export interface Estimate {
  readonly mean: number;
  /** Lower and upper end of the percentile interval. */
  readonly ci: readonly [number, number];
}

/**
 * Paired bootstrap interval of a mean difference (Efron's percentile interval). Whole clusters are drawn with replacement within their stratum,
 * because questions about one image stand or fall together: drawing single questions would make the interval too narrow.
 * The same seed gives the same interval.
 */
export function pairedBootstrap(clusters: readonly Cluster[], { seed = 0, resamples = 2000, confidence = 0.95 }: BootstrapOptions = {}): Estimate {
  const strata = strataOf(clusters);
  if (strata.length === 0) throw new RangeError('pairedBootstrap: no differences');
  const mean = meanOver(strata, (stratum, at) => at % stratum.sums.length);
  const random = Random.named(seed, 'bootstrap');
  const means = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) means[i] = meanOver(strata, ({ sums }) => random.below(sums.length));
  means.sort();
  const tail = (1 - confidence) / 2;
  return { mean, ci: [quantile(means, tail), quantile(means, 1 - tail)] };
}

interface Stratum {
  /** Of each cluster: the sum of its differences, and how many there are. */
  readonly sums: readonly number[];
  readonly counts: readonly number[];
}

function strataOf(clusters: readonly Cluster[]): readonly Stratum[] {
  const strata = new Map<string, { sums: number[]; counts: number[] }>();
  for (const { stratum, differences } of clusters) {
    if (differences.length === 0) continue;
    const known = strata.get(stratum) ?? { sums: [], counts: [] };
    strata.set(stratum, known);
    known.sums.push(differences.reduce((a, b) => a + b, 0));
    known.counts.push(differences.length);
  }
  return [...strata.values()];
}

/** The mean over strata of each one's mean difference, over as many clusters as it has, each chosen by `choose`. */
function meanOver(strata: readonly Stratum[], choose: (stratum: Stratum, at: number) => number): number {
  let total = 0;
  for (const stratum of strata) {
    let [sum, count] = [0, 0];
    for (let at = 0; at < stratum.sums.length; at++) {
      const chosen = choose(stratum, at);
      sum += stratum.sums[chosen]!;
      count += stratum.counts[chosen]!;
    }
    total += sum / count;
  }
  return total / strata.length;
}

/** Linear between the two nearest order statistics. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}
