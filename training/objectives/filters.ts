/** Which groups are worth learning from (dynamic sampling), by the rules of the frameworks and by ours. */
import type { GroupFilter } from './switches.ts';

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** Population deviation, divisor n; exactly 0 for equal numbers. */
export function populationDeviation(numbers: readonly number[]): number {
  if (numbers.every((x) => x === numbers[0])) return 0;
  const middle = mean(numbers);
  return Math.sqrt(mean(numbers.map((x) => (x - middle) ** 2)));
}

/**
 * Whether a group stays.
 *
 * @param metric  of its completions: the binary outcome. Of a shaped score groups that all fail have a deviation too, pass, and training collapses.
 */
export function keepsGroup(filter: GroupFilter, metric: readonly number[]): boolean {
  if (metric.length === 0) return false;
  switch (filter.rule) {
    case 'none': return true;
    case 'deviation': return metric.length === 1 || populationDeviation(metric) > 0;
    case 'mean': return mean(metric) > filter.low && mean(metric) < filter.high;
    case 'outcome': {
      const isBinary = metric.every((x) => x === 0 || x === 1);
      const spread = populationDeviation(metric);
      return isBinary ? spread > 0 : spread > filter.spread;
    }
  }
}
