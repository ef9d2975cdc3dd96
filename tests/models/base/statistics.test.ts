/** Paired statistics against values computed elsewhere with exact fractions, and against what must hold of any interval. */
import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { mcnemarExact, pairedBootstrap, type Cluster } from '#models/base/statistics.ts';

describe("McNemar's exact test", () => {
  // Twice the lower binomial tail, summed in exact fractions.
  test.each([
    [10, 2, 0.03857421875], [2, 10, 0.03857421875], [5, 5, 1], [0, 0, 1], [6, 0, 0.03125], [8, 1, 0.0390625], [121, 59, 4.434449263755176e-6], [40, 20, 0.01348929373119186],
    [1500, 1400, 0.06598734966518381],
  ])('%i gained and %i lost give p = %f', (gained, lost, p) => {
    const computed = mcnemarExact({ gained, lost });
    expect(Math.abs(computed - p)).toBeLessThanOrEqual(1e-10 * p + 1e-15);
  });

  test('refuses what is no count', () => {
    expect(() => mcnemarExact({ gained: -1, lost: 3 })).toThrow(RangeError);
    expect(() => mcnemarExact({ gained: 0.5, lost: 3 })).toThrow(RangeError);
  });
});

describe('the paired bootstrap', () => {
  const single = (differences: readonly number[]): Cluster[] => differences.map((difference) => ({ stratum: '', differences: [difference] }));

  test('gives the interval of the normal approximation for many independent pairs', () => {
    const random = Random.named(5, 'pairs');
    const differences: number[] = Array.from({ length: 2000 }, () => (random.chance(0.2) ? 1 : random.chance(0.125) ? -1 : 0));
    const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
    const half = 1.96 * Math.sqrt(differences.reduce((total, x) => total + (x - mean) ** 2, 0) / differences.length / differences.length);
    const estimate = pairedBootstrap(single(differences), { seed: 1 });
    expect(estimate.mean).toBeCloseTo(mean, 12);
    expect(estimate.ci[0]).toBeCloseTo(mean - half, 2);
    expect(estimate.ci[1]).toBeCloseTo(mean + half, 2);
  });

  test('covers the truth about as often as it says', () => {
    const random = Random.named(8, 'coverage');
    let covered = 0;
    for (let i = 0; i < 200; i++) {
      const { ci } = pairedBootstrap(single(Array.from({ length: 80 }, () => (random.chance(0.3) ? 1 : 0))), { seed: i, resamples: 400 });
      if (ci[0] <= 0.3 && 0.3 <= ci[1]) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.88);
    expect(covered / 200).toBeLessThan(0.99);
  });

  test('is wider where questions about one image stand or fall together', () => {
    const random = Random.named(3, 'images');
    const images = Array.from({ length: 60 }, () => (random.chance(0.4) ? 1 : 0));
    const together = images.map((difference) => ({ stratum: '', differences: Array.from({ length: 6 }, () => difference) }));
    const apart = single(together.flatMap(({ differences }) => differences));
    const width = ({ ci }: { ci: readonly [number, number] }): number => ci[1] - ci[0];
    expect(width(pairedBootstrap(together))).toBeGreaterThan(2 * width(pairedBootstrap(apart)));
  });

  test('counts each stratum once, however large it is', () => {
    const clusters = [...single(Array.from({ length: 100 }, () => 0)), { stratum: 'small', differences: [1] }, { stratum: 'small', differences: [1] }];
    expect(pairedBootstrap(clusters).mean).toBe(0.5);
  });

  test('is the same for the same seed, and has no width where nothing differs', () => {
    const clusters = single([1, 0, 0, 1, -1, 0, 1]);
    expect(pairedBootstrap(clusters, { seed: 4 })).toEqual(pairedBootstrap(clusters, { seed: 4 }));
    expect(pairedBootstrap(single([0, 0, 0]))).toEqual({ mean: 0, ci: [0, 0] });
    expect(() => pairedBootstrap([])).toThrow(RangeError);
  });
});
