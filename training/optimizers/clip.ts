/** Clipping by the norm of all gradients together. */

/** √ of the sum of squares over all arrays. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let total = 0;
  for (const gradient of gradients) {
    let part = 0;
    for (let i = 0; i < gradient.length; i++) part += gradient[i]! * gradient[i]!;
    total += part;
  }
  return Math.sqrt(total);
}

/** The factor that brings a norm down to `limit`; 1 where it is below. */
export const clipFactor = (norm: number, limit: number): number => (norm > limit ? limit / norm : 1);
