/**
 * The policy objectives of `policy.ts` as a piece of a graph: from scores to the loss and to its gradient with respect to the scores, in closed form.
 *
 *   ∂loss/∂z = (g/τ) · (onehot(token) − p) + (e/τ) · p · (ln p + H),      p = softmax(z/τ),  g = ∂loss/∂logp,  e the token's weight of the entropy bonus
 *
 * All counting is done before: what is fed are weights over the whole optimiser step, so that micro-batches add up exactly.
 */
import type { Graph, Value } from '#models/graph/graph.ts';
import {
  add, clip, div, equal, exp, expand, gather, gatherElements, greater, less, log, maximum, minimum, mul, neg, reduceMax, reduceSum, reshape, scatterAddElements, sigmoid, softmax,
  sub, sumAll, where,
} from '#models/graph/ops.ts';
import { klBounds, logRatioFloor } from './policy.ts';
import type { SeededLoss } from './sft.ts';
import type { ObjectiveSwitches } from './switches.ts';

/** How tokens score: of each row the chosen token's ln p, and the distribution's entropy in nats, both [N]. */
export interface TokenScores {
  readonly logprobs: Value;
  readonly entropy: Value;
  /** z/τ and softmax(z/τ), [N, V]; ln Σ exp(z/τ), [N, 1]. */
  readonly scaled: Value;
  readonly probabilities: Value;
  readonly normalizer: Value;
  /** The tokens, [N, 1]. */
  readonly columns: Value;
}

/**
 * @param scores   [N, V]
 * @param targets  [N] int64
 */
export function scoreTokens(scores: Value, targets: Value, temperature: number): TokenScores {
  const count = scores.shape[0]!;
  const columns = reshape(targets, [count, 1]);
  const scaled = temperature === 1 ? scores : mul(scores, 1 / temperature);
  const probabilities = softmax(scaled);
  // ln Σ exp(z) = max z − ln max p: softmax has added up already. The largest probability is at least 1/V, so its logarithm is safe.
  const normalizer = sub(reduceMax(scaled, [1]), log(reduceMax(probabilities, [1])));
  return {
    scaled, probabilities, normalizer, columns,
    logprobs: reshape(sub(gatherElements(scaled, columns, 1), normalizer), [count]),
    entropy: reshape(sub(normalizer, reduceSum(mul(probabilities, scaled), [1])), [count]),
  };
}

/** Which inputs a policy loss reads; a loss asks only for those that its switches need. */
export interface PolicyLossOptions {
  readonly switches: ObjectiveSwitches;
  /** At which the completions were sampled. */
  readonly temperature: number;
  /** S: sequences that the batch has room for. */
  readonly sequences: number;
  /** Adds a term −Σ imitation · logp. */
  readonly imitates?: boolean;
}

export interface PolicyLoss extends SeededLoss {
  /** ∂loss/∂logp, [N], without the entropy bonus. */
  readonly byLogprob: Value;
}

/** The inputs that a policy loss adds to its graph, by the switches. */
export function policyInputs({ switches, imitates = false }: Pick<PolicyLossOptions, 'switches' | 'imitates'>): readonly PolicyInput[] {
  const { old, beta, klPlacement, ratio, offPolicyThreshold, topEntropy, entropyBonus, entropyController } = switches;
  const isPulled = klPlacement === 'loss' && beta !== 0;
  const needs: Readonly<Record<PolicyInput, boolean>> = {
    advantages: true, policyWeights: true, old: old === 'rescored', reference: isPulled, klWeights: isPulled,
    sequences: ratio !== 'token' || offPolicyThreshold !== null, shares: ratio !== 'token' || offPolicyThreshold !== null,
    sampler: offPolicyThreshold !== null, entropyThreshold: topEntropy < 1, entropyWeights: entropyBonus !== 0 || entropyController !== null, imitation: imitates,
  };
  return (Object.keys(needs) as PolicyInput[]).filter((name) => needs[name]);
}

/**
 * `advantages`, `old`, `reference`, `sampler` [N]: of each token, the last three as ln p. `policyWeights` [N]: the token's weight (`tokenWeights`) times its mask and
 * its `samplerWeights`. `klWeights` [N]: β times weight times mask. `entropyWeights` [N]: bonus times mask over the step's tokens. `imitation` [N].
 * `sequences` [N] int64: which of the S sequences a token belongs to, `shares` [N]: mask / n of its sequence. `entropyThreshold` []: see `entropyThreshold`.
 */
export type PolicyInput = 'advantages' | 'policyWeights' | 'old' | 'reference' | 'klWeights' | 'sequences' | 'shares' | 'sampler' | 'entropyThreshold' | 'entropyWeights' | 'imitation';

/** Adds the loss to the graph of `tokens`, with the inputs that `policyInputs` names. */
export function policyLoss(graph: Graph, tokens: TokenScores, options: PolicyLossOptions): PolicyLoss {
  const { switches, temperature, sequences: rows } = options;
  const { logprobs, entropy, scaled, probabilities, normalizer, columns } = tokens;
  const count = logprobs.shape[0]!;
  const needs = new Set(policyInputs(options));
  const input = (name: PolicyInput): Value => graph.input(name, [count], name === 'sequences' ? 'int64' : 'float32');
  const advantages = input('advantages');
  let policyWeights = input('policyWeights');

  const belongs = needs.has('sequences') ? input('sequences') : null;
  const shares = needs.has('shares') ? input('shares') : null;
  const perSequence = (x: Value): Value => scatterAddElements(expand(graph.scalar(0), [rows]), belongs!, x, 0);
  const spread = (x: Value): Value => gather(x, belongs!);
  /** The mean over its sequence, at each token. */
  const sequenceMean = (x: Value): Value => spread(perSequence(mul(x, shares!)));

  const gap = sub(logprobs, needs.has('old') ? input('old') : logprobs);
  const held = clip(gap, logRatioFloor, switches.logRatioCap);
  const logRatio = switches.ratio === 'token' ? held : minimum(sequenceMean(held), switches.logRatioCap);
  const ratio = exp(logRatio);

  const term = surrogate(ratio, logprobs, advantages, switches);
  if (needs.has('sampler')) {
    const isStale = greater(sequenceMean(sub(input('sampler'), logprobs)), switches.offPolicyThreshold!);
    policyWeights = where(isStale, where(less(advantages, 0), 0, policyWeights), policyWeights);
  }
  if (needs.has('entropyThreshold')) policyWeights = where(less(entropy, graph.input('entropyThreshold', [])), 0, policyWeights);

  let loss = sumAll(mul(policyWeights, term.value));
  let throughRatio: Value | null = term.isDirect ? null : mul(policyWeights, term.gradient);
  let direct: Value | null = term.isDirect ? mul(policyWeights, term.gradient) : null;
  const plus = (a: Value | null, b: Value): Value => (a ? add(a, b) : b);

  if (needs.has('reference')) {
    const weights = input('klWeights');
    // Where nothing counts the difference may be anything, and an unguarded estimate of it infinite.
    const kl = klTerm(where(equal(weights, 0), 0, sub(logprobs, input('reference'))), switches);
    const factor = switches.klBiasCorrection ? mul(weights, ratio) : weights;
    const value = mul(factor, kl.value);
    loss = add(loss, sumAll(value));
    direct = plus(direct, mul(factor, kl.gradient));
    if (switches.klBiasCorrection) throughRatio = plus(throughRatio, value);
  }
  if (needs.has('imitation')) {
    const imitation = input('imitation');
    loss = sub(loss, sumAll(mul(imitation, logprobs)));
    direct = plus(direct, neg(imitation));
  }
  let byLogprob = direct;
  if (throughRatio) {
    const spreadBack = switches.ratio === 'sequence' ? mul(spread(perSequence(throughRatio)), shares!) : throughRatio;
    byLogprob = plus(direct, where(equal(gap, held), spreadBack, 0));
  }

  const perScore = reshape(temperature === 1 ? byLogprob! : mul(byLogprob!, 1 / temperature), [count, 1]);
  let inner = neg(perScore);
  if (needs.has('entropyWeights')) {
    const weights = input('entropyWeights');
    loss = sub(loss, sumAll(mul(weights, entropy)));
    const perRow = reshape(temperature === 1 ? weights : mul(weights, 1 / temperature), [count, 1]);
    inner = add(inner, mul(perRow, sub(scaled, sub(normalizer, reshape(entropy, [count, 1])))));
  }
  return { loss, gradient: scatterAddElements(mul(probabilities, inner), columns, perScore, 1), byLogprob: byLogprob! };
}

interface Term {
  readonly value: Value;
  readonly gradient: Value;
  /** Whether the gradient is with respect to logp at fixed ρ, and not with respect to ln ρ. */
  readonly isDirect: boolean;
}

function surrogate(ratio: Value, logprobs: Value, advantages: Value, { surrogate: kind, clipLow, clipHigh, dualClip, delta, sapoTemperature }: ObjectiveSwitches): Term {
  const fall = neg(advantages);
  if (kind === 'policyGradient') return { value: mul(fall, logprobs), gradient: fall, isDirect: true };
  const held = clip(ratio, 1 - clipLow, 1 + clipHigh);
  if (kind === 'cispo') {
    const gradient = mul(fall, held);
    return { value: mul(gradient, logprobs), gradient, isDirect: true };
  }
  if (kind === 'sapo') {
    const temperature = where(greater(advantages, 0), sapoTemperature.positive, sapoTemperature.negative);
    const gate = sigmoid(mul(temperature, sub(ratio, 1)));
    return { value: mul(mul(fall, 4), div(gate, temperature)), gradient: mul(mul(mul(fall, 4), ratio), mul(gate, sub(1, gate))), isDirect: false };
  }
  const free = mul(fall, delta === null ? ratio : minimum(ratio, delta));
  const clipped = mul(fall, held);
  let value = maximum(free, clipped);
  let gradient = where(less(free, clipped), 0, mul(fall, ratio));
  if (delta !== null) gradient = where(greater(ratio, delta), 0, gradient);
  if (dualClip !== null) {
    const most = where(less(advantages, 0), mul(fall, dualClip), 3e38);
    gradient = where(greater(value, most), 0, gradient);
    value = minimum(value, most);
  }
  return { value, gradient, isDirect: false };
}

function klTerm(x: Value, { klEstimator, klGuarded }: ObjectiveSwitches): { readonly value: Value; readonly gradient: Value } {
  const at = klGuarded ? clip(x, -klBounds.logRatio, klBounds.logRatio) : x;
  const one = expand(at.graph.scalar(1), at.shape);
  const estimate = (): readonly [Value, Value] => {
    switch (klEstimator) {
      case 'k1': return [at, one];
      case 'abs': return [maximum(at, neg(at)), where(greater(at, 0), 1, where(less(at, 0), neg(one), 0))];
      case 'k2': return [mul(mul(at, at), 0.5), at];
      case 'k3': {
        const power = exp(neg(at));
        return [sub(add(power, at), 1), sub(1, power)];
      }
    }
  };
  const [value, slope] = estimate();
  if (!klGuarded) return { value, gradient: slope };
  const bounded = clip(value, -klBounds.value, klBounds.value);
  return { value: bounded, gradient: where(equal(x, at), where(equal(value, bounded), slope, 0), 0) };
}
