/** Policy losses and their gradients against the numbers that the frameworks' own code gives, and against finite differences. */
import { describe, expect, it } from 'vitest';
import { Random } from '#models/base/random.ts';
import { byFormula, byGraph } from '#tests/support/policyCases.ts';
import { entropyThreshold, klEstimate, lossMask, samplerWeights, type PolicySequence } from '#training/objectives/policy.ts';
import { presets, switchesOf } from '#training/objectives/presets.ts';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';

const ways = [['formulas', byFormula], ['graph', byGraph]] as const;
const context = { maxNewTokens: 16 };

/** The largest difference between two sets of gradients. */
const apart = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number =>
  Math.max(...a.flatMap((gradient, s) => gradient.map((g, t) => Math.abs(g - b[s]![t]!))));

/** The batch that all frameworks were run on. */
const first: PolicySequence = { logprobs: [-0.7, -0.6, -2, -0.65], old: [-1, -0.5, -2, -0.7], reference: [-1.1, -0.5, -1.8, -0.7], mask: [1, 1, 1, 1], advantage: 1 };
const second: PolicySequence = { logprobs: [-1.1, -1.2, -0.6, -1], old: [-0.8, -1.2, -0.6, -1], reference: [-0.9, -1.3, -0.6, -1], mask: [1, 1, 0, 0], advantage: -0.5 };
const batch = [first, second];
const silent = [first, { ...second, mask: [0, 0, 0, 0] }];

/** TRL's rows recompute old in these checks. */
const rescored = (name: string, changes: Partial<ObjectiveSwitches> = {}): ObjectiveSwitches => switchesOf(name, { old: 'rescored', ...changes });
const grpo = rescored('grpo/trl');

const bnpo = [[0, -0.1508062, -0.1666667, -0.1752118], [0, 0.0833333]];
const rows: readonly (readonly [string, ObjectiveSwitches, number, readonly (readonly number[])[]])[] = [
  ['GRPO of TRL', grpo, -0.2945135643, [[0, -0.1131047, -0.125, -0.1314089], [0, 0.125]]],
  ['GRPO of EasyR1 by sequence', switchesOf('grpo/easyR1', { clipHigh: 0.2, beta: 0, normaliser: 'sequenceMean', counts: 'step' }), -0.2945135643, [[0, -0.1131047, -0.125, -0.1314089], [0, 0.125]]],
  ['GRPO of verl by sequence', rescored('grpo/verl'), -0.2945135643, [[0, -0.1131047, -0.125, -0.1314089], [0, 0.125]]],
  ['GRPO of VLM-R1 with k3', rescored('grpo/vlmR1'), -0.2937605468, [[0.0016484, -0.1136305, -0.126107, -0.131165], [-0.002214, 0.1259516]]],
  ['BNPO', rescored('bnpo/trl'), -0.5426847524, bnpo],
  ['DAPO of TRL', rescored('dapo/trl'), -0.5560180857, bnpo],
  ['DAPO of verl', rescored('dapo/verl'), -0.5560180857, bnpo],
  ['DAPO of EasyR1', switchesOf('dapo/easyR1'), -0.5560180857, bnpo],
  ['EasyR1 as configured, without KL', switchesOf('grpo/easyR1', { beta: 0 }), -0.5593514181, bnpo],
  ['Dr. GRPO', rescored('drGrpo/trl', { lengthConstant: 16 }), -0.1017533911, [[0, -0.0282762, -0.03125, -0.0328522], [0, 0.015625]]],
  ['verl seq-mean-token-sum', rescored('grpo/verl', { normaliser: 'tokenSum' }), -1.6280542572, [[0, -0.4524187, -0.5, -0.5256355], [0, 0.25]]],
  ['verl seq-mean-token-sum-norm', rescored('drGrpo/verl', { lengthConstant: 4 }), -0.8140271286, [[0, -0.2262094, -0.25, -0.2628178], [0, 0.125]]],
  ['GSPO of TRL', switchesOf('gspo/trl'), -0.250275, [[0, 0, 0, 0], [0, 0]]],
  ['GSPO of EasyR1', switchesOf('gspo/easyR1'), -0.250275, [[0, 0, 0, 0], [0, 0]]],
  ['GSPO of verl', rescored('gspo/verl'), -0.250275, [[0, 0, 0, 0], [0, 0]]],
  ['a sequence ratio within 0.2', rescored('gspo/trl', { clipLow: 0.2, clipHigh: 0.2 }), -0.3170702354, [new Array<number>(4).fill(-0.1330618), [0.1075885, 0.1075885]]],
  ['the same with the gradient of single tokens', rescored('gspo/verl', { clipLow: 0.2, clipHigh: 0.2 }), -0.3170702354, [new Array<number>(4).fill(-0.1330618), [0.1075885, 0.1075885]]],
  ['CISPO of TRL', rescored('cispo/trl'), 0.5272799679, [[-0.2249765, -0.1508062, -0.1666667, -0.1752118], [0.0617349, 0.0833333]]],
  ['CISPO of EasyR1', switchesOf('cispo/easyR1'), 0.5130378955, [[-0.2249765, -0.1666667, -0.1666667, -0.1752118], [0.0833333, 0.0833333]]],
  ['SAPO of TRL', rescored('sapo/trl'), -0.5938215657, [[-0.1636726, -0.112849, -0.125, -0.1313226], [0.0909087, 0.125]]],
];

describe.each(ways)('the loss by %s', (_, compute) => {
  it.each(rows)('of %s is what the framework computes, and so is its gradient', (_name, switches, loss, wanted) => {
    const computed = compute([batch], switches, context);
    expect(Math.abs(computed.loss - loss)).toBeLessThan(1e-9);
    expect(apart(wanted, computed.gradients)).toBeLessThan(6e-8);
    expect(computed.gradients[1]!.slice(2).every((g) => g === 0)).toBe(true);
  });

  it.each<readonly [string, ObjectiveSwitches, number]>([
    ['TRL grpo', grpo, -0.5195135643], ['TRL dapo', rescored('dapo/trl', { clipHigh: 0.2 }), -1.0390271286], ['TRL dr_grpo', rescored('drGrpo/trl'), -0.1298783911],
    ['EasyR1 by sequence', switchesOf('grpo/easyR1', { clipHigh: 0.2, beta: 0, normaliser: 'sequenceMean', counts: 'step' }), -0.519513563], ['verl by sequence', rescored('grpo/verl'), -1.039027126],
    ['VLM-R1, guarded,', rescored('grpo/vlmR1', { beta: 0 }), -0.5195135643],
  ])('%s counts a completion of which nothing is learnt as that framework does', (_name, switches, loss) => {
    expect(Math.abs(compute([silent], switches, context).loss - loss)).toBeLessThan(3e-9);
  });

  it.each<readonly [string, ObjectiveSwitches, number, number]>([
    ['without a cap', grpo, 7.389056, 7.389056], ['with TRL\'s delta of 4', { ...grpo, delta: 4 }, 4, 0], ['with verl\'s dual clip', rescored('grpo/verl'), 3, 0],
  ])('a token of a bad completion that became e² times as likely costs %s', (_name, switches, loss, gradient) => {
    const computed = compute([[{ logprobs: [-1], old: [-3], mask: [1], advantage: -1 }]], switches, context);
    expect(computed.loss).toBeCloseTo(loss, 6);
    expect(computed.gradients[0]![0]).toBeCloseTo(gradient, 6);
  });

  it('of one token in EasyR1 has no lower clip where the advantage is negative', () => {
    const easy = switchesOf('grpo/easyR1', { clipHigh: 0.2, beta: 0, dualClip: null });
    const one = (advantage: number): number => compute([[{ logprobs: [-1], old: [-4], mask: [1], advantage }]], easy, context).loss;
    expect(one(-1)).toBeCloseTo(20.0855, 4);
    expect(one(1)).toBeCloseTo(-1.2, 10);
  });

  it.each([...presets.keys()])('%s: where the policy is the old one, the gradient is minus the advantage times the token\'s weight, whatever the clip', (name) => {
    const switches = switchesOf(name, { beta: 0 });
    const still = batch.map(({ old: _old, ...sequence }) => sequence);
    const { gradients } = compute([still], switches, context);
    const uniform = { sequenceMean: [1 / 8, 1 / 4], tokenMean: [1 / 6, 1 / 6], tokenSum: [1 / 2, 1 / 2], constantLength: [1 / 32, 1 / 32], tokenSumConstant: [1 / 16, 1 / 16] }[switches.normaliser];
    expect(apart(gradients, still.map(({ mask, advantage }, s) => mask.map((m) => -advantage * m * uniform[s]!)))).toBeLessThan(1e-12);
  });
});

/** Completions of several lengths, some tokens out of every bound, none on an edge. */
function random(count: number, seed: number): PolicySequence[] {
  const from = new Random(seed);
  return Array.from({ length: count }, (_, s) => {
    const length = 2 + Math.floor(from.uniform() * 5);
    const logprobs = Array.from({ length }, () => -0.05 - 3 * from.uniform());
    const near = (spread: number): number[] => logprobs.map((x) => Math.min(-0.01, x + spread * from.normal()));
    return {
      logprobs, old: near(0.4), reference: near(0.5), sampler: near(0.3), mask: logprobs.map((_x, t) => (t === 0 && s % 3 === 0 ? 0 : 1)), advantage: s % 4 === 3 ? 0 : from.normal(),
      entropy: logprobs.map((x) => -Math.exp(x) * x - (1 - Math.exp(x)) * Math.log(1 - Math.exp(x))),
    };
  });
}

/** One name for each set of switches: several published rows are the same. */
const unlike = new Map([...presets].map(([name, { switches }]) => [JSON.stringify(switches), name]));

const variants: readonly (readonly [string, ObjectiveSwitches])[] = [
  ...[...unlike.values()].map((name) => [name, switchesOf(name)] as const),
  ...(['k1', 'abs', 'k2', 'k3'] as const).map((klEstimator) => [`GRPO with ${klEstimator}`, { ...grpo, beta: 0.3, klEstimator }] as const),
  ['KL times the ratio', { ...grpo, beta: 0.3, klBiasCorrection: true }],
  ['KL times the ratio of a sequence', { ...grpo, ratio: 'sequence', beta: 0.3, klBiasCorrection: true }],
  ['two-sided clip', { ...grpo, delta: 1.5 }],
  ['off-policy mask', { ...grpo, offPolicyThreshold: 0.02 }],
  ['half of the tokens', { ...grpo, topEntropy: 0.5, beta: 0.1 }],
  ['sampler correction by sequence', { ...grpo, samplerCorrection: { level: 'sequence', beyond: 'mask', cap: 3, floor: null } }],
  ['sampler correction by token', { ...grpo, samplerCorrection: { level: 'token', beyond: 'truncate', cap: 1.2, floor: 0.5 } }],
  ['half of the tokens of a sequence ratio', { ...grpo, ratio: 'sequence', clipLow: 0.5, clipHigh: 0.5, topEntropy: 0.5 }],
];

describe('the gradient', () => {
  const exact = (switches: ObjectiveSwitches): ObjectiveSwitches => ({ ...switches, old: 'rescored' });

  it.each(variants)('of %s by the graph is that by the formulas', (_, switches) => {
    const sequences = random(9, 5);
    const [a, b] = [byFormula([sequences], exact(switches), context), byGraph([sequences], exact(switches), context)];
    expect(b.loss).toBeCloseTo(a.loss, 11);
    expect(apart(a.gradients, b.gradients)).toBeLessThan(1e-11);
  });

  // What is stopped on purpose: CISPO's ratio and the pull of a sequence's value on the token's own gradient.
  it.each(variants.filter(([, { surrogate, ratio }]) => surrogate !== 'cispo' && ratio !== 'sequenceToken'))('of %s is the slope that central differences find', (_, given) => {
    // The samplers' weights and the threshold of entropies are data.
    const switches = exact(given);
    const sequences = random(9, 6);
    const { gradients } = byFormula([sequences], switches, context);
    const h = 1e-6;
    let wrong = 0;
    sequences.forEach((sequence, s) => sequence.logprobs.forEach((_x, t) => {
      const moved = (by: number): number => byFormula([sequences.map((other, i) => (i === s ? { ...other, logprobs: other.logprobs.map((x, j) => (j === t ? x + by : x)) } : other))], switches, context).loss;
      const slope = (moved(h) - moved(-h)) / (2 * h);
      wrong = Math.max(wrong, Math.abs(slope - gradients[s]![t]!) / Math.max(1e-3, Math.abs(slope)));
    }));
    expect(wrong).toBeLessThan(1e-5);
  });

  it.each([...unlike.values()])('of %s adds up over micro-batches to that of the whole step', (name) => {
    const switches = exact(switchesOf(name, { counts: 'step', beta: 0.1, topEntropy: 0.7 }));
    const sequences = random(12, 7);
    const whole = byFormula([sequences], switches, context);
    const parts = [sequences.slice(0, 1), sequences.slice(1, 7), sequences.slice(7)];
    for (const compute of [byFormula, byGraph]) {
      const split = compute(parts, switches, context);
      expect(split.loss).toBeCloseTo(whole.loss, 12);
      expect(apart(whole.gradients, split.gradients)).toBeLessThan(1e-12);
    }
  });

  it('over micro-batches of unlike lengths differs from the step\'s where a framework counts each by itself', () => {
    const sequences = random(12, 8);
    const parts = [sequences.slice(0, 2), sequences.slice(2)];
    const differs = (name: string, changes: Partial<ObjectiveSwitches> = {}): boolean => {
      const switches = rescored(name, { beta: 0, ...changes });
      return Math.abs(byFormula(parts, switches, context).loss - byFormula([sequences], switches, context).loss) > 1e-6;
    };
    expect(differs('bnpo/trl')).toBe(true);
    expect(differs('dapo/verl')).toBe(true);
    expect(differs('dapo/trl')).toBe(false);
    // EasyR1 weighs a micro-batch by its tokens: exact for its token mean, a mixture for means over sequences.
    expect(differs('grpo/easyR1')).toBe(false);
    expect(differs('grpo/easyR1', { normaliser: 'sequenceMean' })).toBe(true);
  });

  it('vanishes, and nothing overflows, where a ratio is out of all bounds', () => {
    for (const compute of [byFormula, byGraph]) {
      const { loss, gradients } = compute([[{ logprobs: [-0.1, -60], old: [-90, -0.1], reference: [-90, -0.1], mask: [1, 1], advantage: -1 }]], rescored('grpo/verl', { beta: 0.1, dualClip: null }), context);
      expect(Number.isFinite(loss)).toBe(true);
      expect(gradients[0]).toEqual([0, 0]);
    }
  });

  it('of a completion to be imitated is its token\'s weight, whatever its advantage', () => {
    for (const compute of [byFormula, byGraph]) {
      const { gradients } = compute([[{ ...first, imitation: 2 }, second]], switchesOf('dapo', { old: 'rescored' }), context);
      gradients[0]!.forEach((g) => expect(g).toBeCloseTo(-2 / 6, 12));
    }
  });
});

describe('estimates of the KL divergence', () => {
  it.each([[-0.7, -1.1, 0.4, 0.08, 0.070320046, 0.329679954], [-2, -1.8, -0.2, 0.02, 0.0214027582, -0.2214027582]])('of logp %d and a reference of %d', (logprob, reference, k1, k2, k3, slope) => {
    const of = (klEstimator: 'k1' | 'k2' | 'k3') => klEstimate(logprob - reference, { klEstimator, klGuarded: true });
    expect(of('k1').value).toBeCloseTo(k1, 12);
    expect(of('k2').value).toBeCloseTo(k2, 12);
    expect(of('k3').value).toBeCloseTo(k3, 9);
    expect(of('k3').gradient).toBeCloseTo(slope, 9);
  });

  it('are not symmetric, and EasyR1 holds them at 10 without a gradient', () => {
    expect(klEstimate(-2 - -0.5, grpo).value).toBeCloseTo(1.98169, 5);
    expect(klEstimate(-0.5 - -2, grpo).value).toBeCloseTo(0.72313, 5);
    expect(klEstimate(-12 - -2, switchesOf('grpo/easyR1'))).toEqual({ value: 10, gradient: 0 });
    expect(klEstimate(-12 - -2, grpo).value).toBeGreaterThan(20_000);
  });
});

describe('what counts', () => {
  it('nothing of a truncated completion where that is switched on, and never the tokens that were given', () => {
    expect(lossMask(3, { finished: true }, { maskTruncated: true })).toEqual([1, 1, 1]);
    expect(lossMask(3, { finished: false }, { maskTruncated: true })).toEqual([0, 0, 0]);
    expect(lossMask(3, { finished: false }, { maskTruncated: false })).toEqual([1, 1, 1]);
    expect(lossMask(4, { finished: true, given: 2 }, { maskTruncated: true })).toEqual([0, 0, 1, 1]);
  });

  it('the tokens of highest entropy, by a quantile with linear interpolation', () => {
    expect(entropyThreshold([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(entropyThreshold([0, 1, 2, 3, 4], 0.2)).toBeCloseTo(3.2, 12);
    expect(entropyThreshold([1, 2], 1)).toBe(-Infinity);
  });

  it('a sequence that the sampler saw otherwise by its weight, and not at all beyond the cap', () => {
    const sequence = { logprobs: [-1, -1], sampler: [-1.2, -1.3], mask: [1, 1] };
    const weights = (correction: ObjectiveSwitches['samplerCorrection']): readonly number[] => samplerWeights(sequence, correction);
    expect(weights(null)).toEqual([1, 1]);
    weights({ level: 'sequence', beyond: 'mask', cap: 3, floor: null }).forEach((w) => expect(w).toBeCloseTo(Math.exp(0.5), 12));
    expect(weights({ level: 'sequence', beyond: 'mask', cap: 1.5, floor: null })).toEqual([0, 0]);
    expect(weights({ level: 'sequence', beyond: 'truncate', cap: 1.5, floor: null })).toEqual([1.5, 1.5]);
    expect(weights({ level: 'token', beyond: 'truncate', cap: 1.3, floor: 1.25 })[0]).toBe(1.25);
  });
});
