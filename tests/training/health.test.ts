/** Alarms over made-up runs: each bound from both sides. */
import { describe, expect, test } from 'vitest';
import { alarmHistory, alarmsOf, alarmsText, type MetricsLine } from '#training/health.ts';

const healthy: MetricsLine = {
  stage: 0, loss: 0.01, grad_norm: 0.4, reward: 0.6, frac_reward_zero_std: 0.3, 'completions/mean_length': 80, 'completions/clipped_ratio': 0.02, kl: 0.02, entropy: 0.6,
  'completions/parse_failures': 0.01, 'completions/unscored': 0, 'sampling/sampling_logp_difference/mean': 0.001, eval_image_reliance: 0.3,
};

/** A run of healthy steps in which `change` says what is different. */
const run = (steps: number, change: (step: number) => MetricsLine = () => ({})): MetricsLine[] =>
  Array.from({ length: steps }, (_, at) => ({ ...healthy, step: at + 1, ...change(at + 1) }));
const codes = (lines: readonly MetricsLine[]): string[] => alarmsOf(lines).map(({ code }) => code);
const check = (lines: readonly MetricsLine[], ...expected: string[]): void => expect(codes(lines)).toEqual(expected);

test('a healthy run rings no alarm at any step', () => {
  expect(alarmHistory(run(200))).toEqual([]);
  check([]);
});

describe('groups in which all rewards are equal', () => {
  const equal = (share: number, steps: number) => run(20, (step) => (step > 20 - steps ? { frac_reward_zero_std: share } : {}));
  test('ring after five steps', () => check(equal(0.81, 5), 'groups.equal'));
  test('not after four', () => check(equal(0.81, 4)));
  test('and not at the bound', () => check(equal(0.8, 20)));
});

describe('the distance to the reference', () => {
  const last = (kl: number) => run(20, (step) => (step === 20 ? { kl } : { kl: 0.8 }));
  test('stops the run above one nat a token', () => {
    check(last(1.01), 'kl.level');
    check(last(1));
  });
  const doubled = (before: number, now: number) => run(20, (step) => ({ kl: step <= 10 ? before : now }));
  test('rings when it doubles in ten steps', () => check(doubled(0.04, 0.081), 'kl.jump'));
  test('not where it only doubles', () => check(doubled(0.04, 0.08)));
  test('not while it is small, as at the beginning of every run', () => check(doubled(0.001, 0.049)));
  test('not across stages, whose references differ', () => check(run(20, (step) => ({ stage: step <= 15 ? 0 : 1, kl: step <= 10 ? 0.04 : 0.2 }))));
});

describe('entropy', () => {
  test('rings below a tenth of a nat', () => check(run(3, () => ({ entropy: 0.09 })), 'entropy.collapse'));
  test('not at it', () => check(run(3, () => ({ entropy: 0.1 }))));
});

describe('length', () => {
  const grown = (length: number, reward: number, change: MetricsLine = {}) => run(60, (step) => (step > 20 ? { 'completions/mean_length': length, reward, ...change } : {}));
  test('that grows by half without reward rings', () => check(grown(120, 0.61), 'length.growth'));
  test('that grows with reward does not', () => check(grown(120, 0.63)));
  test('that grows by less does not', () => check(grown(119, 0.6)));
  test('that a new stage allows does not', () => check(grown(160, 0.6, { stage: 1 })));
});

describe('shares of completions', () => {
  test.each([['completions/clipped_ratio', 'completions.clipped'], ['completions/parse_failures', 'parse.failures'], ['completions/unscored', 'rewards.missing']])('%s rings above 0.3', (name, code) => {
    check(run(2, () => ({ [name]: 0.31 })), code);
    check(run(2, () => ({ [name]: 0.3 })));
  });
  test('a sampler that differs from the trainer rings above a tenth of a nat', () => {
    check(run(2, () => ({ 'sampling/sampling_logp_difference/mean': 0.11 })), 'sampler.drift');
    check(run(2, () => ({ 'sampling/sampling_logp_difference/mean': 0.1 })));
  });
});

describe('a value that is no number', () => {
  test.each(['loss', 'grad_norm', 'reward', 'kl', 'entropy'])('in %s stops the run', (name) => {
    for (const value of [null, NaN, Infinity]) check(run(2, (step) => (step === 2 ? { [name]: value } : {})), 'number.invalid');
  });
  test('is told with all names that have one', () => expect(alarmsOf(run(1, () => ({ loss: null, grad_norm: null })))[0]!.seen).toBe('loss and grad_norm are not a number.'));
});

describe('image reliance', () => {
  const measured = (values: Readonly<Record<number, number>>, steps = 30) => run(steps, (step) => ({ ...(step in values ? { eval_image_reliance: values[step] } : { eval_image_reliance: undefined }) }));
  test('rings when it fell below its first measure by more than three points, until it is measured again', () => {
    check(measured({ 5: 0.4, 10: 0.45, 20: 0.369 }), 'image.reliance');
    expect(alarmHistory(measured({ 5: 0.4, 10: 0.3, 20: 0.41, 25: 0.2 })).map(({ step, code }) => [step, code])).toEqual([[10, 'image.reliance'], [25, 'image.reliance']]);
  });
  test('not within three points', () => check(measured({ 5: 0.4, 20: 0.371 })));
  test('not where it was measured once', () => check(measured({ 20: 0.01 })));
});

test('a supervised run, which writes none of these, is silent unless its loss breaks', () => {
  const lines = Array.from({ length: 80 }, (_, at) => ({ step: at + 1, stage: 0, loss: 2, grad_norm: 1, learning_rate: 1e-4 }));
  check(lines);
  check([...lines, { step: 81, stage: 0, loss: null, grad_norm: 1 }], 'number.invalid');
});

test('the history tells an alarm when it begins, and again when it comes back', () => {
  const lines = run(30, (step) => ({ entropy: (step >= 10 && step < 15) || step >= 20 ? 0.05 : 0.5 }));
  expect(alarmHistory(lines).map(({ step }) => step)).toEqual([10, 20]);
});

test('an alarm says what was seen and what to do', () => {
  const [alarm] = alarmsOf(run(7, () => ({ 'completions/clipped_ratio': 0.42 })));
  expect(alarm).toMatchObject({ code: 'completions.clipped', severity: 'warning', step: 7 });
  expect(alarmsText([alarm!])).toBe(
    '! step 7  completions.clipped: 42 % of the completions were cut at the limit before they had an answer.\n'
    + '  Raise maxNewTokens; if the text rambles, add the overlong reward or mask truncated completions.',
  );
});

test('lines of foreign shape are passed over', () => {
  check([{ step: 'x', kl: 'high', entropy: {} }, { step: 2, stage: 0, reward: [] }]);
});
