import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { banMask, chooseToken, greedy, logProbability, type Sampling } from '#models/runtime/sampler.ts';

const logsOf = (...probabilities: number[]): Float32Array => Float32Array.from(probabilities, Math.log);

/** How often each token is drawn in `n` draws. */
function shares(logits: Float32Array, sampling: Partial<Sampling>, n = 20000, banned?: Uint8Array): number[] {
  const random = new Random(7);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < n; i++) {
    const { token } = chooseToken(logits, { ...greedy, temperature: 1, ...sampling }, random, banned);
    counts[token] = (counts[token] ?? 0) + 1 / n;
  }
  return counts;
}

const near = (actual: readonly number[], expected: readonly number[]): void =>
  expected.forEach((share, token) => share === 0 ? expect(actual[token]).toBe(0) : expect(actual[token]).toBeCloseTo(share, 1.7));

describe('greedy', () => {
  test('takes the largest logit, the first of equals', () => {
    expect(chooseToken(Float32Array.of(1, 3, 3, 2), greedy, new Random(1)).token).toBe(1);
  });
  test('passes over banned tokens', () => {
    expect(chooseToken(Float32Array.of(1, 3, 3, 2), greedy, new Random(1), banMask(4, [1])).token).toBe(2);
  });
  test('leaves the random stream alone', () => {
    const random = new Random(5);
    chooseToken(Float32Array.of(1, 2), greedy, random);
    expect(random.state).toEqual(new Random(5).state);
  });
  test('can choose a token whose logit is minus infinity only when nothing else is allowed', () => {
    expect(chooseToken(Float32Array.of(-Infinity, 5), greedy, new Random(1), banMask(2, [1])).token).toBe(0);
  });
});

describe('sampling', () => {
  const logits = logsOf(0.5, 0.3, 0.15, 0.05);
  test('draws in proportion to the probabilities at temperature 1', () => near(shares(logits, {}), [0.5, 0.3, 0.15, 0.05]));
  test('sharpens at temperature one half to the squares', () => {
    const squares = [0.25, 0.09, 0.0225, 0.0025];
    const total = squares.reduce((a, b) => a + b);
    near(shares(logits, { temperature: 0.5 }), squares.map((x) => x / total));
  });
  test('keeps the two most likely with top-k 2', () => near(shares(logits, { topK: 2 }), [0.625, 0.375, 0, 0]));
  test('keeps the smallest set that reaches top-p', () => {
    near(shares(logits, { topP: 0.75 }), [0.625, 0.375, 0, 0]);
    near(shares(logits, { topP: 0.81 }), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]);
  });
  test('always keeps at least one token', () => near(shares(logits, { topP: 0.0001 }, 100), [1, 0, 0, 0]));
  test('never draws a banned token or a row beyond the tokenizer', () =>
    near(shares(logits, {}, 20000, banMask(4, [0], 3)), [0, 2 / 3, 1 / 3, 0]));
  test('repeats itself with the same seed', () => {
    const run = (): number[] => {
      const random = new Random(42);
      return Array.from({ length: 50 }, () => chooseToken(logits, { ...greedy, temperature: 1 }, random).token);
    };
    expect(run()).toEqual(run());
  });
});

describe('the recorded log-probability', () => {
  test('is that of the whole vocabulary at temperature 1, whatever the sampling', () => {
    const logits = logsOf(0.5, 0.3, 0.15, 0.05);
    for (const sampling of [greedy, { ...greedy, temperature: 0.1 }, { ...greedy, temperature: 3, topK: 2 }]) {
      const { token, logProbability: recorded } = chooseToken(logits, sampling, new Random(3), banMask(4, [3]));
      expect(recorded).toBeCloseTo(Math.log([0.5, 0.3, 0.15, 0.05][token] as number), 6);
    }
  });
  test('does not overflow for large logits', () => expect(logProbability(Float32Array.of(1000, 999), 0)).toBeCloseTo(-Math.log(1 + Math.exp(-1)), 6));
});
