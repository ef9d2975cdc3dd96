/** What a policy step was like, under TRL's metric names where it has one. */
import { floats, type Tensor } from '#models/runtime/session.ts';
import { sampleDeviation } from './objectives/advantages.ts';
import { klEstimate, type PolicySequence } from './objectives/policy.ts';
import type { ObjectiveSwitches } from './objectives/switches.ts';
import type { StepPlan } from './records/curriculum.ts';
import type { Completion, Group } from './records/policy.ts';
import { isParsed } from './rollouts/score.ts';

type Metrics = Record<string, number>;

export const mean = (numbers: readonly number[]): number => (numbers.length === 0 ? 0 : numbers.reduce((a, b) => a + b, 0) / numbers.length);

/** Of rewards, lengths and groups, as soon as they are known. */
export function sampleMetrics(groups: readonly Group[], plan: StepPlan): Metrics {
  const all = groups.flatMap(({ rollouts }) => rollouts.filter(({ imitation }) => imitation === undefined));
  const rewardsOf = (group: Group): number[] => group.rollouts.flatMap(({ reward }) => (reward === null ? [] : [reward]));
  const lengths = all.map(({ completion }) => completion.tokens.length);
  const ended = all.filter(({ completion }) => completion.finished).map(({ completion }) => completion.tokens.length);
  const metrics: Metrics = {
    reward: mean(groups.flatMap(rewardsOf)), reward_std: mean(groups.map((group) => sampleDeviation(rewardsOf(group)))),
    accuracy: mean(all.map(({ isCorrect }) => Number(isCorrect))),
    frac_reward_zero_std: mean(groups.map((group) => Number(sampleDeviation(rewardsOf(group)) === 0))),
    num_groups: groups.length, num_completions: all.length,
    'completions/mean_length': mean(lengths), 'completions/min_length': Math.min(...lengths), 'completions/max_length': Math.max(...lengths),
    'completions/clipped_ratio': all.length === 0 ? 0 : 1 - ended.length / all.length,
    'completions/mean_terminated_length': mean(ended), 'completions/min_terminated_length': ended.length === 0 ? 0 : Math.min(...ended), 'completions/max_terminated_length': ended.length === 0 ? 0 : Math.max(...ended),
    'completions/parse_failures': mean(all.map(({ completion }) => Number(!isParsed(completion)))),
    'completions/unscored': mean(all.map(({ reward }) => Number(reward === null))),
    'sampling/max_new_tokens': plan.maxNewTokens, 'sampling/rollouts': plan.rollouts,
  };
  for (const { name } of plan.rewards) {
    const given = all.flatMap(({ rewards }) => (typeof rewards[name] === 'number' ? [rewards[name]] : []));
    metrics[`rewards/${name}/mean`] = mean(given);
    metrics[`rewards/${name}/std`] = sampleDeviation(given);
  }
  return metrics;
}

/** One completion as the update saw it. */
export interface SequenceOutcome {
  readonly sequence: PolicySequence;
  /** By the sampler. */
  readonly sampled: readonly number[];
  /** By the training graph, with the weights before the update. */
  readonly logprobs: ArrayLike<number>;
  readonly entropies: ArrayLike<number>;
}

/** What an update's graph said of the tokens that it learnt from, completion by completion in the order in which they were packed. */
export function outcomesOf(outputs: Readonly<Record<string, Tensor>>, written: readonly { readonly completion: Completion; readonly sequence: PolicySequence }[]): readonly SequenceOutcome[] {
  const [logprobs, entropies] = [floats(outputs, 'logprobs'), floats(outputs, 'entropy')];
  let next = 0;
  return written.map(({ completion: { tokens: { length }, logprobs: sampled }, sequence }) => {
    const first = next;
    next += length;
    return { sequence, sampled, logprobs: logprobs.slice(first, next), entropies: entropies.slice(first, next) };
  });
}

/** Of ratios, distances and entropy: means over the tokens that were learnt; without any there is nothing to tell. */
export function updateMetrics(outcomes: readonly SequenceOutcome[], switches: ObjectiveSwitches): Metrics {
  if (outcomes.length === 0) return { num_tokens: 0 };
  const { clipLow, clipHigh, dualClip } = switches;
  const differences: number[] = [];
  const lows: number[] = [];
  const highs: number[] = [];
  let [count, low, high, dual, drift, kl, entropy] = [0, 0, 0, 0, 0, 0, 0];
  let hasReference = false;
  for (const { sequence, sampled, logprobs, entropies } of outcomes) {
    const { mask, advantage, old, reference } = sequence;
    const own = { tokens: 0, low: 0, high: 0 };
    mask.forEach((counts, t) => {
      if (counts === 0) return;
      own.tokens++;
      const logprob = logprobs[t]!;
      const gap = logprob - (old?.[t] ?? logprob);
      const ratio = Math.exp(gap);
      if (ratio < 1 - clipLow && advantage < 0) own.low++;
      if (ratio > 1 + clipHigh && advantage > 0) own.high++;
      if (dualClip !== null && ratio > dualClip && advantage < 0) dual++;
      drift -= gap;
      entropy += entropies[t]!;
      differences.push(Math.abs((old?.[t] ?? logprob) - sampled[t]!));
      if (reference) {
        hasReference = true;
        kl += klEstimate(logprob - reference[t]!, { klEstimator: 'k3', klGuarded: true }).value;
      }
    });
    count += own.tokens;
    low += own.low;
    high += own.high;
    if (own.tokens > 0) {
      lows.push(own.low / own.tokens);
      highs.push(own.high / own.tokens);
    }
  }
  const per = (total: number): number => total / Math.max(1, count);
  return {
    entropy: per(entropy), approx_kl: per(drift), ...(hasReference ? { kl: per(kl) } : {}),
    'clip_ratio/low_mean': per(low), 'clip_ratio/low_min': lows.length === 0 ? 0 : Math.min(...lows), 'clip_ratio/high_mean': per(high), 'clip_ratio/high_max': highs.length === 0 ? 0 : Math.max(...highs),
    'clip_ratio/region_mean': per(low + high), 'clip_ratio/dual_mean': per(dual),
    'sampling/sampling_logp_difference/mean': mean(differences), 'sampling/sampling_logp_difference/max': differences.reduce((most, x) => Math.max(most, x), 0),
    num_tokens: count,
  };
}
