/** The few numeric helpers that several layers need. */

export const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));

/** Rounds a half to the even neighbour, as IEEE 754 and Python do: 2.5 → 2, 3.5 → 4. `Math.round` would give 3 and 4. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

export const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

export const mean = (values: readonly number[]): number => sum(values) / values.length;

export const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);

/** Entropy of softmax(logits), in nats; entries of −∞ are masked out. */
export function entropyOf(logits: ArrayLike<number>): number {
  let most = -Infinity;
  for (let i = 0; i < logits.length; i++) most = Math.max(most, logits[i]!);
  let [total, weighted] = [0, 0];
  for (let i = 0; i < logits.length; i++) {
    const shifted = logits[i]! - most;
    const weight = Math.exp(shifted);
    if (weight === 0) continue;
    total += weight;
    weighted += weight * shifted;
  }
  return Math.log(total) - weighted / total;
}

/** Wilson's score interval of a share at 95 %, 0 … 1; all of it where nothing was counted. */
export function wilson(hits: number, n: number): readonly [number, number] {
  if (n === 0) return [0, 1];
  const z = 1.959964;
  const p = hits / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
