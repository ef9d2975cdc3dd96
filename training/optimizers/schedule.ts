/** The learning rate at each step. */

export interface Schedule {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly steps: number;
  /** The last rate, as a part of the peak. */
  readonly floor: number;
}

/** Rises in a straight line over the warm-up, then falls along half a cosine to `floor · peak` at the last step. `step` counts from 0. */
export function learningRate({ peak, warmupSteps, steps, floor }: Schedule, step: number): number {
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  const done = Math.min(1, (step - warmupSteps) / Math.max(1, steps - 1 - warmupSteps));
  return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * done)));
}
