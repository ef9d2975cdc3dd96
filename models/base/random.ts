/** Seeded randomness: the same seed gives the same numbers on every machine. */

/** The stream's position, as four unsigned 32-bit words; enough to resume it exactly. */
export type RandomState = readonly [number, number, number, number];

/** xoshiro128** (Blackman and Vigna), seeded through splitmix32. Not for secrets. */
export class Random {
  private readonly s: [number, number, number, number];

  constructor(seed: number | RandomState) {
    if (typeof seed !== 'number') {
      this.s = [...seed];
      return;
    }
    let z = seed >>> 0;
    const next = (): number => {
      z = (z + 0x9e3779b9) >>> 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return (t ^ (t >>> 15)) >>> 0;
    };
    this.s = [next(), next(), next(), next()];
  }

  /** A stream of its own for each name, so that drawing more from one never shifts another. */
  static named(seed: number, name: string): Random {
    let h = 2166136261 ^ seed;
    for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 16777619);
    return new Random(h >>> 0);
  }

  get state(): RandomState {
    return [...this.s];
  }

  /** Uniform over the unsigned 32-bit integers. */
  uint32(): number {
    const s = this.s;
    const x = Math.imul(s[1], 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 32 bits of it. */
  uniform(): number {
    return this.uint32() / 4294967296;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Uniform over 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('pick: nothing to pick from');
    return items[this.below(items.length)] as T;
  }

  /** A new array in random order (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}
