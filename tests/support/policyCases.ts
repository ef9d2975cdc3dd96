/** A policy loss computed twice: by its float64 formulas, and as a graph evaluated operator by operator. */
import { Graph, type Value } from '#models/graph/graph.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { policyObjective, stepWeights, type PolicySequence, type StepContext } from '#training/objectives/policy.ts';
import { policyLoss, scoreTokens } from '#training/objectives/policyLoss.ts';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';
import { packObjective } from '#training/policyPack.ts';

export interface Computed {
  readonly loss: number;
  /** ∂loss/∂logp for each sequence, in the order of the micro-batches. */
  readonly gradients: readonly (readonly number[])[];
}

export const byFormula = (microBatches: readonly (readonly PolicySequence[])[], switches: ObjectiveSwitches, context: StepContext): Computed => {
  const { loss, gradients } = policyObjective(microBatches, switches, context);
  return { loss, gradients: gradients.flat() };
};

/** Whose constants keep what float32 would round. */
class ExactGraph extends Graph {
  override scalar(x: number): Value {
    const value = super.scalar(x);
    this.constants.set(value, Float64Array.of(x) as unknown as Float32Array);
    return value;
  }
}

/** Two words: of one the wanted log-probability, of the other what is left. */
const pairOf = (logprob: number): readonly number[] => [logprob, Math.log(-Math.expm1(logprob))];

/** Fed as a trainer feeds it, but in float64. */
export function byGraph(microBatches: readonly (readonly PolicySequence[])[], switches: ObjectiveSwitches, context: StepContext): Computed {
  const weights = stepWeights(microBatches, switches, context);
  let loss = 0;
  const gradients = microBatches.flatMap((sequences, at) => {
    const logprobs = sequences.flatMap((sequence) => sequence.logprobs);
    const bucket = { batch: 1, grid: null, tokens: 1, targets: logprobs.length, sequences: sequences.length };
    const imitates = sequences.some(({ imitation }) => imitation !== undefined);
    const graph = new ExactGraph('g');
    const tokens = scoreTokens(graph.input('scores', [logprobs.length, 2]), graph.input('targets', [logprobs.length], 'int64'), 1);
    const made = policyLoss(graph, tokens, { switches, temperature: 1, sequences: sequences.length, imitates });
    graph.output('loss', made.loss);
    graph.output('byLogprob', made.byLogprob);
    const packed = packObjective(bucket, sequences, weights, at, { switches, imitates });
    const exact: Record<string, readonly number[]> = {
      policyWeights: weights.microBatches[at]!.flatMap(({ policy }) => policy), klWeights: weights.microBatches[at]!.flatMap(({ kl }) => kl),
      entropyWeights: weights.microBatches[at]!.flatMap(({ entropy }) => entropy), shares: weights.microBatches[at]!.flatMap(({ shares }) => shares),
      imitation: weights.microBatches[at]!.flatMap(({ imitation }) => imitation),
      advantages: sequences.flatMap(({ mask, advantage }) => mask.map(() => advantage)),
      old: sequences.flatMap(({ logprobs: now, old = now }) => old), reference: sequences.flatMap(({ reference = [] }) => reference), sampler: sequences.flatMap(({ sampler = [] }) => sampler),
      entropyThreshold: [weights.entropyThreshold],
    };
    const feeds = Object.fromEntries(Object.entries(packed).map(([name, { data }]) => [name, exact[name] ?? Array.from(data as ArrayLike<number | bigint>, Number)]));
    const outputs = evaluate(graph, { ...feeds, scores: logprobs.flatMap(pairOf), targets: logprobs.map(() => 0) });
    loss += outputs['loss']!.data[0]!;
    let from = 0;
    return sequences.map(({ mask }) => [...outputs['byLogprob']!.data.slice(from, (from += mask.length))]);
  });
  return { loss, gradients };
}
