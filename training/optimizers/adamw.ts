/**
 * AdamW (Loshchilov and Hutter 2019), in place on host arrays.
 *
 *   m ← β₁m + (1−β₁)g      v ← β₂v + (1−β₂)g²
 *   w ← w − η·( m̂ / (√v̂ + ε) + λ·w ),   m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ)
 *
 * λ applies to matrices only: norms and biases do not decay.
 */

export interface AdamwOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export interface Update {
  /** t ≥ 1, how many updates there were, this one included. */
  readonly count: number;
  readonly learningRate: number;
  /** Multiplies the gradient first: the clip factor over the accumulated batches. */
  readonly gradientScale: number;
  readonly decays: boolean;
}

export function adamwStep(weights: Float32Array, gradient: Float32Array, { first, second }: Moments, options: AdamwOptions, { count, learningRate, gradientScale, decays }: Update): void {
  const { beta1, beta2, epsilon } = options;
  const bias2 = Math.sqrt(1 - beta2 ** count);
  const rate = (learningRate * bias2) / (1 - beta1 ** count);
  const shrink = decays ? 1 - learningRate * options.weightDecay : 1;
  const epsilonHat = epsilon * bias2;
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]! * gradientScale;
    const m = beta1 * first[i]! + (1 - beta1) * g;
    const v = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    weights[i] = weights[i]! * shrink - (rate * m) / (Math.sqrt(v) + epsilonHat);
  }
}
