/** What goes wrong in a run, read off its metrics: each alarm says what was seen and what to do about it. */

/** A line of metrics.jsonl. A value that is no number was written as null, as JSON has no NaN. */
export type MetricsLine = Readonly<Record<string, unknown>>;

export interface Alarm {
  /** Stable: `groups.equal`, `kl.jump`. */
  readonly code: string;
  /** `stop`: what is learnt from here on is lost; `warning`: worth a look. */
  readonly severity: 'warning' | 'stop';
  /** The step at which it was seen. */
  readonly step: number;
  readonly seen: string;
  readonly remedy: string;
}

/** Names of the metrics that the alarms read; those of TRL where it has one. */
export const metricNames = {
  loss: 'loss', gradient: 'grad_norm', reward: 'reward', equalGroups: 'frac_reward_zero_std', length: 'completions/mean_length', clipped: 'completions/clipped_ratio',
  kl: 'kl', entropy: 'entropy', drift: 'sampling/sampling_logp_difference/mean', unparsed: 'completions/parse_failures', unscored: 'completions/unscored', reliance: 'eval_image_reliance',
} as const;

/** From which value on, and over how many steps, something is worth an alarm. */
export const thresholds = {
  equalGroups: { share: 0.8, steps: 5 },
  clipped: 0.3,
  kl: { level: 1, growth: 2, steps: 10, /** Below this a doubling means nothing: every run starts at 0. */ least: 0.05 },
  entropy: 0.1,
  /** Growth of the mean length over `apart` steps, both ends averaged over `window`, with the reward up by less than `gain`. */
  length: { growth: 1.5, apart: 40, window: 10, gain: 0.02 },
  unparsed: 0.3,
  unscored: 0.3,
  drift: 0.1,
  /** A fall of image reliance below the first measured one. */
  reliance: 0.03,
} as const;

type Rule = (history: History) => Omit<Alarm, 'step'> | null;

/** The run as a rule sees it: the newest line and those before it. */
interface History {
  /** The metric's value `back` lines before the newest; null where it was not written, NaN where it was no number. */
  at(name: string, back?: number): number | null;
  /** The stage of that line; lines of other stages are not compared in length. */
  stage(back?: number): number | null;
  /** Image reliance as it was first measured and as it was last. */
  readonly reliance: { readonly first: number | null; readonly last: number | null };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const shown = (x: number): string => String(Number(x.toPrecision(3)));

const rules: readonly Rule[] = [
  (history) => {
    const broken = [metricNames.loss, metricNames.gradient, metricNames.reward, metricNames.kl, metricNames.entropy].filter((name) => Number.isNaN(history.at(name)));
    return broken.length === 0 ? null : {
      code: 'number.invalid', severity: 'stop', seen: `${broken.join(' and ')} ${broken.length > 1 ? 'are' : 'is'} not a number.`,
      remedy: 'Go back to the last checkpoint; lower the learning rate or the clipping norm, and look for a completion whose tokens are all masked.',
    };
  },
  (history) => {
    const { share, steps } = thresholds.equalGroups;
    const isSilent = Array.from({ length: steps }, (_, back) => history.at(metricNames.equalGroups, back)).every((value) => value !== null && value > share);
    return isSilent ? {
      code: 'groups.equal', severity: 'warning',
      seen: `In more than ${percent(share)} of the groups all rewards were equal, ${steps} steps running: nothing is learnt from those.`,
      remedy: 'Choose questions that the model gets right sometimes (dynamicSampling or a replay curriculum), raise the temperature or G, or add a reward that grades.',
    } : null;
  },
  (history) => {
    const kl = history.at(metricNames.kl);
    return kl !== null && kl > thresholds.kl.level ? {
      code: 'kl.level', severity: 'stop', seen: `The policy is ${shown(kl)} nats a token away from its reference.`,
      remedy: 'Go back to the last good checkpoint; lower the learning rate, raise beta, or take fewer inner iterations.',
    } : null;
  },
  (history) => {
    const { growth, steps, least } = thresholds.kl;
    const [now, before] = [history.at(metricNames.kl), history.at(metricNames.kl, steps)];
    return now !== null && before !== null && now >= least && before > 0 && now > growth * before && history.stage() === history.stage(steps) ? {
      code: 'kl.jump', severity: 'warning', seen: `The distance to the reference grew from ${shown(before)} to ${shown(now)} nats a token in ${steps} steps.`,
      remedy: 'Lower the learning rate or the clip range, or raise beta; look at the rollouts of these steps for text that has drifted.',
    } : null;
  },
  (history) => {
    const entropy = history.at(metricNames.entropy);
    return entropy !== null && entropy < thresholds.entropy ? {
      code: 'entropy.collapse', severity: 'warning', seen: `The entropy is ${shown(entropy)} nats a token: the completions of a group hardly differ any more.`,
      remedy: 'Raise the upper clip (clip higher), add an entropy bonus, raise the temperature, or stop here: the checkpoint before is the better start.',
    } : null;
  },
  (history) => {
    const { growth, apart, window, gain } = thresholds.length;
    if (history.stage() !== history.stage(apart + window - 1)) return null; // a stage may change the length that is allowed
    const [now, before] = [windowMean(history, metricNames.length, 0, window), windowMean(history, metricNames.length, apart, window)];
    const [reward, rewardBefore] = [windowMean(history, metricNames.reward, 0, window), windowMean(history, metricNames.reward, apart, window)];
    if (now === null || before === null || reward === null || rewardBefore === null) return null;
    return now >= growth * before && reward - rewardBefore < gain ? {
      code: 'length.growth', severity: 'warning',
      seen: `Completions grew from ${before.toFixed(0)} to ${now.toFixed(0)} tokens in ${apart} steps, while the reward went from ${shown(rewardBefore)} to ${shown(reward)}.`,
      remedy: 'Read the longest rollouts: if they repeat or pad, add the overlong or the repetition reward, take the token mean as normaliser, or shorten the limit.',
    } : null;
  },
  (history) => {
    const clipped = history.at(metricNames.clipped);
    return clipped !== null && clipped > thresholds.clipped ? {
      code: 'completions.clipped', severity: 'warning', seen: `${percent(clipped)} of the completions were cut at the limit before they had an answer.`,
      remedy: 'Raise maxNewTokens; if the text rambles, add the overlong reward or mask truncated completions.',
    } : null;
  },
  (history) => {
    const unparsed = history.at(metricNames.unparsed);
    return unparsed !== null && unparsed > thresholds.unparsed ? {
      code: 'parse.failures', severity: 'warning', seen: `In ${percent(unparsed)} of the completions no answer could be found.`,
      remedy: 'Give the format reward more weight, or begin with a short supervised stage that teaches the format.',
    } : null;
  },
  (history) => {
    const unscored = history.at(metricNames.unscored);
    return unscored !== null && unscored > thresholds.unscored ? {
      code: 'rewards.missing', severity: 'warning', seen: `To ${percent(unscored)} of the completions no reward applied: they teach nothing.`,
      remedy: 'Leave those questions out of the stage, or give them a reward that reads their kind of gold.',
    } : null;
  },
  (history) => {
    const drift = history.at(metricNames.drift);
    return drift !== null && drift > thresholds.drift ? {
      code: 'sampler.drift', severity: 'warning', seen: `Sampler and trainer differ by ${shown(drift)} nats a token over the same weights.`,
      remedy: 'Score the completions again with the training graph, or sample from weights that are not quantised.',
    } : null;
  },
  (history) => {
    const { first, last } = history.reliance;
    return last !== null && first !== null && last < first - thresholds.reliance - 1e-12 ? {
      code: 'image.reliance', severity: 'warning', seen: `What seeing the image brings fell from ${percent(first)} to ${percent(last)} of the answers: the model guesses more from the question.`,
      remedy: 'Add the evidence reward, give questions that text alone answers less weight, or promote an earlier checkpoint.',
    } : null;
  },
];

function windowMean(history: History, name: string, from: number, count: number): number | null {
  let total = 0;
  for (let back = from; back < from + count; back++) {
    const value = history.at(name, back);
    if (value === null || Number.isNaN(value)) return null;
    total += value;
  }
  return total / count;
}

/** The alarms that ring at the newest line. Lines stand in the order of their steps. */
export const alarmsOf = (lines: readonly MetricsLine[]): readonly Alarm[] => alarmsAt(lines, lines.length - 1, relianceOf(lines));

/** Alarms of a whole run, each at the step at which it began to ring; one that stops and comes back is told again. */
export function alarmHistory(lines: readonly MetricsLine[]): readonly Alarm[] {
  const reliance = relianceOf(lines);
  let ringing: readonly string[] = [];
  return lines.flatMap((_, at) => {
    const alarms = alarmsAt(lines, at, reliance);
    const begun = alarms.filter(({ code }) => !ringing.includes(code));
    ringing = alarms.map(({ code }) => code);
    return begun;
  });
}

function alarmsAt(lines: readonly MetricsLine[], at: number, reliance: readonly (number | null)[]): readonly Alarm[] {
  const newest = lines[at];
  if (!newest) return [];
  const history: History = {
    at: (name, back = 0) => numberAt(lines[at - back], name),
    stage: (back = 0) => numberAt(lines[at - back], 'stage'),
    reliance: { first: reliance.find((value) => value !== null) ?? null, last: reliance[at] ?? null },
  };
  const step = numberAt(newest, 'step') ?? at + 1;
  return rules.flatMap((rule) => {
    const alarm = rule(history);
    return alarm ? [{ ...alarm, step }] : [];
  });
}

/** Image reliance is measured now and then: at each line the value last measured, null before the first. */
function relianceOf(lines: readonly MetricsLine[]): readonly (number | null)[] {
  let last: number | null = null;
  return lines.map((line) => {
    const value = numberAt(line, metricNames.reliance);
    return (last = value === null || Number.isNaN(value) ? last : value);
  });
}

/** The metric of a line: null where it was not written, NaN where it was no number. */
function numberAt(line: MetricsLine | undefined, name: string): number | null {
  if (!line || !Object.hasOwn(line, name)) return null;
  const value = line[name];
  if (value === null || value === 'NaN' || value === 'Infinity' || value === '-Infinity') return NaN;
  return typeof value === 'number' ? (Number.isFinite(value) ? value : NaN) : null;
}

/** Alarms as lines for a terminal. */
export const alarmsText = (alarms: readonly Alarm[]): string =>
  alarms.map(({ code, severity, step, seen, remedy }) => `${severity === 'stop' ? '‼' : '!'} step ${step}  ${code}: ${seen}\n  ${remedy}`).join('\n');
