/**
 * Do two written mathematical answers mean the same? Structure (sets, tuples, intervals, relations) by its parts; values exactly where they are
 * fractions, and otherwise as doubles at fixed sample points of their variables. Bounded in time whatever is written.
 */
import { parseMath, type Expression, type Operation, type ParseOptions, type Parsed } from './parse.ts';
import { add, divide, isSame, isWhole, multiply, power, rational, toNumber, type Rational } from './rational.ts';

export interface MathOptions extends ParseOptions {
  /** Where one side is written with a decimal point, both are rounded to this many decimals first. Default: compared exactly. */
  readonly decimals?: number;
}

/** True where both texts are understood and mean the same. */
export function isSameMath(one: string, other: string, options: MathOptions = {}): boolean {
  const [left, right] = [parseMath(one, options), parseMath(other, options)];
  return left !== null && right !== null && isSameParsed(left, right, options);
}

/** Units have to agree only where both sides name one. */
export function isSameParsed(one: Parsed, other: Parsed, options: MathOptions = {}): boolean {
  if (one.unit !== null && other.unit !== null && one.unit !== other.unit) return false;
  return isSameExpression(one.expression, other.expression, options);
}

type Scalar = Extract<Expression, { kind: 'number' | 'constant' | 'symbol' | 'operation' | 'function' }>;

const isScalar = (expression: Expression): expression is Scalar => !['collection', 'union', 'relation'].includes(expression.kind);

function isSameExpression(one: Expression, other: Expression, options: MathOptions): boolean {
  if (isScalar(one) && isScalar(other)) return isSameValue(one, other, options);
  // "x = 5" answers "5"; "x = 1, x = 2" answers "{1, 2}".
  const [left, right] = one.kind === 'relation' && other.kind === 'relation' ? [one, other] : [assigned(one), assigned(other)];
  if (isScalar(left) && isScalar(right)) return isSameValue(left, right, options);
  if (left.kind === 'relation' && right.kind === 'relation') return isSameRelation(left, right, options);
  if (left.kind === 'union' && right.kind === 'union') return isSamePool(left.items, right.items, options);
  if (left.kind !== 'collection' || right.kind !== 'collection') return false;
  const isOrdered = (brackets: string): boolean => brackets !== '' && brackets !== '{}';
  if (isOrdered(left.brackets) !== isOrdered(right.brackets)) return false;
  if (!isOrdered(left.brackets)) return isSamePool(left.items, right.items, options);
  return left.brackets === right.brackets && left.items.length === right.items.length
    && left.items.every((item, index) => isSameExpression(item, right.items[index] ?? item, options));
}

/** The right side of "symbol = value", and of each item of a bare list. */
function assigned(expression: Expression): Expression {
  if (expression.kind === 'relation' && expression.relation === '=' && expression.left.kind === 'symbol') return expression.right;
  if (expression.kind !== 'collection' || expression.brackets !== '') return expression;
  return { ...expression, items: expression.items.map(assigned) };
}

/** In any order, each matched once. */
function isSamePool(one: readonly Expression[], other: readonly Expression[], options: MathOptions): boolean {
  if (one.length !== other.length || one.length > 24) return false;
  const left = [...other];
  return one.every((item) => {
    const at = left.findIndex((candidate) => isSameExpression(item, candidate, options));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

type Relational = Extract<Expression, { kind: 'relation' }>;

/** Both differences left − right agree; an equation's may differ in sign. */
function isSameRelation(one: Relational, other: Relational, options: MathOptions): boolean {
  const sides = [one.left, one.right, other.left, other.right];
  if (one.relation !== other.relation || !sides.every(isScalar)) return false;
  const minus = (left: Expression, right: Expression): Scalar => ({ kind: 'operation', operation: 'subtract', of: [left, right] });
  const difference = minus(one.left, one.right);
  if (isSameValue(difference, minus(other.left, other.right), options)) return true;
  return (one.relation === '=' || one.relation === '≠') && isSameValue(difference, minus(other.right, other.left), options);
}

/** Values of the variables at one sample point. */
type Point<T> = ReadonlyMap<string, T>;

const samplePoints = 12;
const fewestPoints = 4;
/** Of two doubles that are to be the same; beyond what ten rounded operations lose, and below what a decimal of twelve digits leaves out. */
const tolerance = 1e-12;

/** Two scalar expressions have the same value, at every sample point where either has one. */
export function isSameValue(one: Expression, other: Expression, { decimals }: MathOptions = {}): boolean {
  const names = [...new Set([...symbolsOf(one), ...symbolsOf(other)])].sort();
  if (names.length > 8) return false;
  const isRounded = decimals !== undefined && (hasDecimal(one) || hasDecimal(other));
  if (!isRounded) {
    const exact = exactVerdict(one, other, names);
    if (exact !== null) return exact;
  }
  const isNear = (a: number, b: number): boolean => a === b || (Number.isFinite(a) && Number.isFinite(b)
    && Math.abs(a - b) <= (isRounded ? 0.5000001 * 10 ** -decimals : tolerance * Math.max(Math.abs(a), Math.abs(b))));
  let met = 0;
  for (let at = 0; at < (names.length === 0 ? 1 : samplePoints); at++) {
    const point = new Map(names.map((name, index) => [name, sample(at, index)]));
    const [a, b] = [evaluate(one, point), evaluate(other, point)];
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    if (!isNear(a, b)) return false;
    met++;
  }
  return met >= (names.length === 0 ? 1 : fewestPoints);
}

/** Irrational-looking numbers between -3 and 3, of both signs, the same in every run. */
function sample(point: number, name: number): number {
  const unit = ((point + 1) * 0.7548776662466927 + (name + 1) * 0.5698402909980532) % 1;
  return ((point + name) % 3 === 0 ? -1 : 1) * (0.2 + 2.8 * unit);
}

/** By fractions, which cannot deceive; null where one side is no quotient of polynomials, or grows too large. */
function exactVerdict(one: Expression, other: Expression, names: readonly string[]): boolean | null {
  const points = names.length === 0 ? 1 : fewestPoints;
  let met = 0;
  for (let at = 0; at < points * 2 && met < points; at++) {
    const point = new Map(names.map((name, index) => [name, exactSample(at, index)]));
    const [a, b] = [exactly(one, point), exactly(other, point)];
    if (a === null || b === null) {
      if (at >= 2 && met === 0) return null;
      continue;
    }
    if (!isSame(a, b)) return false;
    met++;
  }
  return met >= points ? true : null;
}

const primes = [101n, 211n, 307n, 401n, 503n, 601n, 701n, 809n];
const exactSample = (point: number, name: number): Rational => rational(
  (primes[name % 8] ?? 101n) + 211n * BigInt(point) * (point % 2 === 0 ? -1n : 1n), 1n + BigInt((point + name) % 3),
) ?? zero;

function* partsOf(expression: Expression): Generator<Expression> {
  const open = [expression];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    yield next;
    if ('of' in next) open.push(...next.of);
  }
}

function symbolsOf(expression: Expression): string[] {
  return [...partsOf(expression)].flatMap((part) => (part.kind === 'symbol' ? [part.name] : []));
}

const hasDecimal = (expression: Expression): boolean => [...partsOf(expression)].some((part) => part.kind === 'number' && part.isDecimal);

const zero: Rational = { numerator: 0n, denominator: 1n };
const minusOne: Rational = { numerator: -1n, denominator: 1n };

/** The exact value; null where there is none, or none that is a fraction of bounded size. */
function exactly(expression: Expression, point: Point<Rational>): Rational | null {
  if (expression.kind === 'number') return expression.value;
  if (expression.kind === 'symbol') return point.get(expression.name) ?? null;
  if (expression.kind !== 'operation') return null;
  const [a, b] = expression.of.map((part) => exactly(part, point));
  if (a === null || a === undefined || b === null) return null;
  return exactOperations[expression.operation](a, b ?? zero);
}

const exactOperations: { readonly [O in Operation]: (a: Rational, b: Rational) => Rational | null } = {
  add, multiply, divide, power,
  subtract: (a, b) => add(a, { ...b, numerator: -b.numerator }),
  negate: (a) => multiply(minusOne, a),
  absolute: (a) => (a.numerator < 0n ? multiply(minusOne, a) : a),
  factorial(a) {
    if (!isWhole(a) || a.numerator < 0n || a.numerator > 50n) return null;
    let product = 1n;
    for (let factor = 2n; factor <= a.numerator; factor++) product *= factor;
    return rational(product);
  },
  /** Whole roots of whole numbers and their quotients, to the degrees that doubles decide. */
  root(a, degree) {
    const [over, under] = [wholeRoot(a.numerator, degree), wholeRoot(a.denominator, degree)];
    return over !== null && under !== null ? rational(over, under) : null;
  },
};

function wholeRoot(value: bigint, degree: Rational): bigint | null {
  const times = Number(degree.numerator);
  if (!isWhole(degree) || times < 2 || times > 64 || value < 0n || value > 1n << 52n) return null;
  const root = BigInt(Math.round(Number(value) ** (1 / times)));
  return root ** BigInt(times) === value ? root : null;
}

/** The value as a double; NaN where there is none. */
export function evaluate(expression: Expression, point: Point<number>): number {
  switch (expression.kind) {
    case 'number': return toNumber(expression.value);
    case 'constant': return { pi: Math.PI, e: Math.E, infinity: Infinity }[expression.name];
    case 'symbol': return point.get(expression.name) ?? NaN;
    case 'operation': case 'function': {
      const [a = NaN, b = NaN] = expression.of.map((part) => evaluate(part, point));
      return expression.kind === 'operation' ? operations[expression.operation](a, b) : functions[expression.name]?.(a, b) ?? NaN;
    }
    default: return NaN;
  }
}

const operations: { readonly [O in Operation]: (a: number, b: number) => number } = {
  add: (a, b) => a + b, subtract: (a, b) => a - b, multiply: (a, b) => a * b, divide: (a, b) => (b === 0 ? NaN : a / b), power: (a, b) => a ** b,
  negate: (a) => -a, absolute: Math.abs,
  factorial(a) {
    if (!Number.isInteger(a) || a < 0 || a > 170) return NaN;
    let product = 1;
    for (let factor = 2; factor <= a; factor++) product *= factor;
    return product;
  },
  root: (a, degree) => (degree === 2 ? Math.sqrt(a) : degree === 3 ? Math.cbrt(a) : a ** (1 / degree)),
};

/** `log` has the natural base unless another is written. */
const functions: Readonly<Record<string, (a: number, base: number) => number>> = {
  sin: Math.sin, cos: Math.cos, tan: Math.tan, cot: (a) => 1 / Math.tan(a), sec: (a) => 1 / Math.cos(a), csc: (a) => 1 / Math.sin(a),
  asin: Math.asin, acos: Math.acos, atan: Math.atan, sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh,
  log: (a, base) => (Number.isNaN(base) ? Math.log(a) : Math.log(a) / Math.log(base)),
};
