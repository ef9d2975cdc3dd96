/** Exact fractions of bounded size: what a written answer's numbers are, free of rounding. */

/** In lowest terms; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Beyond this a result is given up, so that no expression can take long. */
const largest = 1n << 256n;

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

/** The fraction in lowest terms; null where the denominator is 0 or a part has more than 256 bits. */
export function rational(numerator: bigint, denominator = 1n): Rational | null {
  if (denominator === 0n) return null;
  let [a, b] = [magnitude(numerator), magnitude(denominator)];
  if (a > largest * largest || b > largest * largest) return null;
  while (b > 0n) [a, b] = [b, a % b];
  const sign = denominator < 0n ? -1n : 1n;
  const reduced = { numerator: (sign * numerator) / a, denominator: (sign * denominator) / a };
  return magnitude(reduced.numerator) > largest || reduced.denominator > largest ? null : reduced;
}

/** What digits, an optional point and an optional exponent mean; null where it is too long to hold. */
export function rationalOf(text: string): Rational | null {
  const match = /^(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  const digits = `${match?.[1] ?? ''}${match?.[2] ?? ''}`;
  if (digits === '' || digits.length > 75) return null;
  const shift = Number(match?.[3] ?? 0) - (match?.[2] ?? '').length;
  if (Math.abs(shift) > 75) return null;
  return shift < 0 ? rational(BigInt(digits), 10n ** BigInt(-shift)) : rational(BigInt(digits) * 10n ** BigInt(shift));
}

export const add = (a: Rational, b: Rational): Rational | null => rational(
  a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator,
);

export const multiply = (a: Rational, b: Rational): Rational | null => rational(a.numerator * b.numerator, a.denominator * b.denominator);

export const divide = (a: Rational, b: Rational): Rational | null => rational(a.numerator * b.denominator, a.denominator * b.numerator);

/** Whole exponents only; null otherwise, and for 0 to a power of 0 or less. */
export function power(base: Rational, exponent: Rational): Rational | null {
  if (exponent.denominator !== 1n || magnitude(exponent.numerator) > 512n) return null;
  const times = Number(magnitude(exponent.numerator));
  if (exponent.numerator <= 0n && base.numerator === 0n) return null;
  const bits = Math.max(magnitude(base.numerator).toString(16).length, base.denominator.toString(16).length) * 4;
  if (bits * times > 4096) return null;
  const [over, under] = [base.numerator ** BigInt(times), base.denominator ** BigInt(times)];
  return exponent.numerator < 0n ? rational(under, over) : rational(over, under);
}

export const isSame = (a: Rational, b: Rational): boolean => a.numerator === b.numerator && a.denominator === b.denominator;

export const isWhole = (value: Rational): boolean => value.denominator === 1n;

/** The nearest double, also where both parts are beyond the largest one. */
export const toNumber = (value: Rational): number => Number(value.numerator) / Number(value.denominator);
