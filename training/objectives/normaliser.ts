/**
 * From the terms of tokens to one number: the weight of each token of a sequence, so that loss = Σ weight · term.
 *
 *   sequenceMean      1 / (B · n)          tokenSum          1 / B
 *   tokenMean         1 / N                constantLength    1 / (B · L)
 *                                          tokenSumConstant  1 / L
 *
 * with n the sequence's counted tokens, N those of all B sequences. Weights are all that a graph needs to know of normalisation: over the counts of
 * the whole optimiser step micro-batches add up to exactly the gradient of the batch.
 */
import type { ObjectiveSwitches } from './switches.ts';

export type NormaliserSwitches = Pick<ObjectiveSwitches, 'normaliser' | 'lengthConstant' | 'counts' | 'countsMasked'>;

interface Counts {
  readonly sequences: number;
  readonly tokens: number;
}

/**
 * The weight of a counted token, for each sequence of each micro-batch.
 *
 * @param microBatches  of one optimiser step: each sequence's counted tokens
 * @param maxNewTokens  stands in for `lengthConstant`
 */
export function tokenWeights(microBatches: readonly (readonly number[])[], switches: NormaliserSwitches, maxNewTokens: number): readonly (readonly number[])[] {
  const { countsMasked } = switches;
  const count = (lengths: readonly number[]): Counts =>
    ({ sequences: countsMasked ? lengths.length : lengths.filter((n) => n > 0).length, tokens: lengths.reduce((a, b) => a + b, 0) });
  const step = count(microBatches.flat());
  const all = microBatches.flat().length;
  return microBatches.map((lengths) => {
    const own = count(lengths);
    const [counts, share] = {
      step: [step, 1],
      microBatch: [own, 1 / microBatches.length],
      microBatchByTokens: [own, step.tokens > 0 ? own.tokens / step.tokens : 0],
      microBatchBySequences: [own, lengths.length / all],
    }[switches.counts] as [Counts, number];
    return lengths.map((n) => (n === 0 ? 0 : share / divisor(n, counts, switches, maxNewTokens)));
  });
}

function divisor(n: number, { sequences, tokens }: Counts, { normaliser, lengthConstant }: NormaliserSwitches, maxNewTokens: number): number {
  switch (normaliser) {
    case 'sequenceMean': return sequences * n;
    case 'tokenMean': return tokens;
    case 'tokenSum': return sequences;
    case 'constantLength': return sequences * (lengthConstant ?? maxNewTokens);
    case 'tokenSumConstant': return lengthConstant ?? maxNewTokens;
  }
}
