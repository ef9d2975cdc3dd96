/**
 * Named objectives. `METHOD/FRAMEWORK` is what that framework computes (TRL 1.10 development, EasyR1 b44b311, verl b178a3c, VLM-R1 90052f4);
 * `METHOD` alone is our own row for one machine and low-rank adapters: guarded, exact over micro-batches, bounded in its attempts.
 */
import { Fault } from '#models/base/fault.ts';
import type { ObjectiveSwitches } from './switches.ts';

export interface ObjectivePreset {
  readonly name: string;
  readonly source: string;
  readonly switches: ObjectiveSwitches;
}

const trl: ObjectiveSwitches = {
  combine: 'sumThenNormalize', baseline: 'group', scale: 'group', advantageEpsilon: 1e-4, singleton: 'zero',
  surrogate: 'clip', ratio: 'token', clipLow: 0.2, clipHigh: 0.2, dualClip: null, delta: null, sapoTemperature: { positive: 1, negative: 1.05 }, logRatioCap: 20, old: 'current',
  normaliser: 'tokenMean', lengthConstant: null, counts: 'step', countsMasked: true,
  beta: 0, klEstimator: 'k3', klPlacement: 'loss', klGuarded: false, klBiasCorrection: false, klController: null,
  maskTruncated: false, topEntropy: 1, offPolicyThreshold: null, samplerCorrection: null, dynamicSampling: null, overlong: null,
  entropyBonus: 0, entropyController: null,
};
const easyR1: ObjectiveSwitches = {
  ...trl, advantageEpsilon: 1e-6, singleton: 'refuse', clipHigh: 0.3, dualClip: 3, old: 'rescored', counts: 'microBatchByTokens', beta: 0.01, klGuarded: true,
};
const verl: ObjectiveSwitches = {
  ...trl, advantageEpsilon: 1e-6, singleton: 'reward', dualClip: 3, counts: 'microBatchBySequences', countsMasked: false, klGuarded: true,
};
/** Filtering on the binary outcome, softened length limit. */
const dapoSampling = { filter: { rule: 'outcome', spread: 0.02 }, attempts: 3 } as const;
const ours: ObjectiveSwitches = { ...trl, old: 'rescored', countsMasked: false, klGuarded: true, maskTruncated: true };

const rows: readonly ObjectivePreset[] = [
  { name: 'grpo', source: 'GRPO with a mild pull to the reference, mean over sequences', switches: { ...ours, normaliser: 'sequenceMean', beta: 0.01 } },
  { name: 'dapo', source: 'DAPO: raised upper clip, dual clip, mean over tokens, dynamic sampling on the outcome, softened length limit',
    switches: { ...ours, clipHigh: 0.28, dualClip: 10, dynamicSampling: dapoSampling, overlong: { buffer: 32, factor: 1, floored: true } } },
  { name: 'drGrpo', source: 'Dr. GRPO: centred advantages over a constant length', switches: { ...ours, scale: 'none', normaliser: 'constantLength' } },
  { name: 'gspo', source: 'GSPO: one ratio for each sequence', switches: { ...ours, ratio: 'sequence', clipLow: 3e-4, clipHigh: 4e-4, normaliser: 'sequenceMean' } },
  { name: 'bnpo', source: 'BNPO: mean over the tokens of the batch', switches: ours },
  { name: 'rloo', source: 'RLOO: the mean of the others as baseline, summed over a sequence', switches: { ...ours, baseline: 'leaveOneOut', scale: 'none', normaliser: 'tokenSum' } },
  { name: 'cispo', source: 'CISPO: a capped ratio as a weight that has no gradient', switches: { ...ours, surrogate: 'cispo', clipLow: 1, clipHigh: 4 } },
  { name: 'sapo', source: 'SAPO: a soft gate instead of the clip', switches: { ...ours, surrogate: 'sapo', normaliser: 'sequenceMean' } },
  { name: 'gpg', source: 'GPG: the policy gradient without a ratio', switches: { ...ours, surrogate: 'policyGradient' } },

  { name: 'grpo/trl', source: 'TRL loss_type grpo', switches: { ...trl, normaliser: 'sequenceMean' } },
  { name: 'grpo/easyR1', source: 'EasyR1 examples/config.yaml', switches: easyR1 },
  { name: 'grpo/verl', source: 'verl vanilla, seq-mean-token-mean as in the GRPO paper', switches: { ...verl, normaliser: 'sequenceMean' } },
  { name: 'grpo/vlmR1', source: 'VLM-R1 grpo_trainer.py', switches: { ...trl, normaliser: 'sequenceMean', beta: 0.04 } },
  { name: 'grpo/r1v', source: 'R1-V, of which Med-R1 and Vision-R1 (localization) are copies', switches: { ...trl, normaliser: 'sequenceMean', beta: 0.04 } },
  { name: 'grpo/openVlThinker', source: 'OpenVLThinker on EasyR1', switches: easyR1 },
  { name: 'dapo/trl', source: 'TRL paper index; it has no dynamic sampling', switches: { ...trl, clipHigh: 0.28, maskTruncated: true, overlong: { buffer: 4096, factor: 1, floored: true } } },
  { name: 'dapo/easyR1', source: 'EasyR1 examples, dapo-17k', switches: {
    ...easyR1, clipHigh: 0.28, dualClip: 10, beta: 0, dynamicSampling: { filter: { rule: 'mean', low: 0.01, high: 0.99 }, attempts: 20 }, overlong: { buffer: 4096, factor: 1, floored: true },
  } },
  { name: 'dapo/verl', source: 'verl recipe/dapo, 32B', switches: {
    ...verl, clipHigh: 0.28, dualClip: 10, dynamicSampling: { filter: { rule: 'deviation' }, attempts: 10 }, overlong: { buffer: 4096, factor: 1, floored: false },
  } },
  { name: 'drGrpo/trl', source: 'TRL paper index', switches: { ...trl, scale: 'none', normaliser: 'constantLength' } },
  { name: 'drGrpo/verl', source: 'verl norm_adv_by_std_in_grpo False, seq-mean-token-sum-norm', switches: { ...verl, scale: 'none', normaliser: 'tokenSumConstant' } },
  { name: 'gspo/trl', source: 'TRL importance_sampling_level sequence, loss_type grpo', switches: { ...trl, ratio: 'sequence', clipLow: 3e-4, clipHigh: 4e-4, old: 'rescored', normaliser: 'sequenceMean' } },
  { name: 'gspo/easyR1', source: 'EasyR1 gspo_token, average seq', switches: { ...easyR1, ratio: 'sequenceToken', clipLow: 3e-4, clipHigh: 4e-4, normaliser: 'sequenceMean', beta: 0 } },
  { name: 'gspo/verl', source: 'verl gspo', switches: { ...verl, ratio: 'sequenceToken', clipLow: 3e-4, clipHigh: 4e-4, dualClip: null, logRatioCap: 10, normaliser: 'sequenceMean' } },
  { name: 'bnpo/trl', source: 'TRL loss_type bnpo', switches: { ...trl, counts: 'microBatch' } },
  { name: 'rloo/verl', source: 'verl rloo advantages, vanilla loss', switches: { ...verl, baseline: 'leaveOneOut', scale: 'none' } },
  { name: 'cispo/trl', source: 'TRL loss_type cispo with the absolute cap 5', switches: { ...trl, surrogate: 'cispo', clipLow: 1, clipHigh: 4 } },
  { name: 'cispo/easyR1', source: 'EasyR1 cispo example', switches: { ...easyR1, surrogate: 'cispo', clipLow: 0, clipHigh: 4, dualClip: null, beta: 0 } },
  { name: 'cispo/verl', source: 'verl cispo', switches: { ...verl, surrogate: 'cispo', dualClip: null } },
  { name: 'sapo/trl', source: 'TRL loss_type sapo', switches: { ...trl, surrogate: 'sapo', normaliser: 'sequenceMean' } },
  { name: 'sapo/easyR1', source: 'EasyR1 sapo example', switches: { ...easyR1, surrogate: 'sapo', dualClip: null, beta: 0 } },
  { name: 'sapo/verl', source: 'verl sapo', switches: { ...verl, surrogate: 'sapo', dualClip: null, normaliser: 'sequenceMean' } },
  { name: 'gpg/verl', source: 'verl gpg', switches: { ...verl, surrogate: 'policyGradient', dualClip: null } },
];

export const presets: ReadonlyMap<string, ObjectivePreset> = new Map(rows.map((row) => [row.name, row]));

/**
 * A preset's switches with some of them changed.
 *
 * @throws Fault `objective.unknown` for a name that is not in the table, `objective.contradiction` for switches that exclude each other
 */
export function switchesOf(name: string, changes: Partial<ObjectiveSwitches> = {}): ObjectiveSwitches {
  const preset = presets.get(name);
  if (!preset) {
    throw new Fault({ code: 'objective.unknown', what: `There is no objective called '${name}'.`, why: 'The name is not in the table of presets.', mend: `Use one of ${[...presets.keys()].join(', ')}.` });
  }
  const switches = { ...preset.switches, ...changes };
  const wrong = contradiction(switches);
  if (wrong) throw new Fault({ code: 'objective.contradiction', what: `The objective '${name}' with these changes cannot be minimised as meant.`, why: wrong, mend: 'Change one of the two switches.' });
  return switches;
}

/** Why a set of switches does not make sense, or nothing. */
function contradiction({ clipLow, clipHigh, dualClip, delta, topEntropy, advantageEpsilon, beta, klPlacement, klBiasCorrection, surrogate, ratio, lengthConstant }: ObjectiveSwitches): string | undefined {
  if (!(clipLow >= 0 && clipLow <= 1 && clipHigh >= 0)) return 'clipLow lies within 0 and 1, and clipHigh is not negative.';
  if (dualClip !== null && !(dualClip > 1)) return 'dualClip is above 1.';
  if (delta !== null && !(delta > 1 + clipHigh)) return 'delta is above 1 + clipHigh, or it cuts into the clip.';
  if (!(topEntropy > 0 && topEntropy <= 1)) return 'topEntropy is a part of the tokens, above 0 and at most 1.';
  if (!(advantageEpsilon >= 0 && beta >= 0)) return 'advantageEpsilon and beta are not negative.';
  if (klPlacement === 'reward' && klBiasCorrection) return 'klBiasCorrection needs the KL term in the loss.';
  if (surrogate === 'policyGradient' && ratio !== 'token') return 'policyGradient has no ratio that could belong to a sequence.';
  if (lengthConstant !== null && !(lengthConstant > 0)) return 'lengthConstant is above 0.';
  return undefined;
}
