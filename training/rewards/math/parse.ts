/**
 * A written mathematical answer, plain or in simple LaTeX, as a tree. A recursive descent over at most 600 characters and 40 levels; whatever is not
 * understood gives null, and nothing is ever run.
 */
import { rationalOf, type Rational } from './rational.ts';

export type Operation = 'add' | 'subtract' | 'multiply' | 'divide' | 'power' | 'negate' | 'absolute' | 'factorial' | 'root';

export type Relation = '=' | '≠' | '<' | '≤';

export type Expression =
  /** `isDecimal`: written with a point, and so perhaps rounded. */
  | { readonly kind: 'number'; readonly value: Rational; readonly isDecimal: boolean }
  | { readonly kind: 'constant'; readonly name: 'pi' | 'e' | 'infinity' }
  | { readonly kind: 'symbol'; readonly name: string }
  /** `root` has the radicand and the degree. */
  | { readonly kind: 'operation'; readonly operation: Operation; readonly of: readonly Expression[] }
  /** `log` has the argument and its base. */
  | { readonly kind: 'function'; readonly name: string; readonly of: readonly Expression[] }
  /** Brackets as written: `()` a tuple or open interval, `[)` and the like an interval, `{}` a set, '' a bare list. */
  | { readonly kind: 'collection'; readonly brackets: string; readonly items: readonly Expression[] }
  | { readonly kind: 'union'; readonly items: readonly Expression[] }
  | { readonly kind: 'relation'; readonly relation: Relation; readonly left: Expression; readonly right: Expression };

export interface Parsed {
  readonly expression: Expression;
  /** As written after the number, lower case; null where there is none. */
  readonly unit: string | null;
}

export interface ParseOptions {
  /**
   * What several letters in a row are: one name (`words`, the default), or a product of single letters, as sympy's implicit multiplication has it.
   */
  readonly letters?: 'words' | 'products';
}

const longest = 600;
const deepest = 40;

/** The answer as a tree; null where it is none that this reader knows. */
export function parseMath(text: string, { letters = 'words' }: ParseOptions = {}): Parsed | null {
  if (text.length > longest) return null;
  const plain = prepared(text);
  const { bare, unit } = letters === 'words' ? withoutUnit(plain) : { bare: plain, unit: null };
  const tokens = tokensOf(bare, letters);
  if (tokens === null || tokens.length === 0) return null;
  const reader: Reader = { tokens, at: 0, depth: 0, letters, bars: 0 };
  const expression = listOf(reader);
  return expression === null || reader.at < tokens.length ? null : { expression, unit };
}

const signs: Readonly<Record<string, string>> = {
  '−': '-', '–': '-', '×': '*', '·': '*', '⋅': '*', '∙': '*', '÷': '/', '⁄': '/', '≤': '<=', '≥': '>=', '≠': '!=', '∪': '\\cup ', '∞': '\\infty ',
  'π': '\\pi ', '√': '\\sqrt ', '∅': '\\emptyset ', '∈': '\\in ', '²': '^2', '³': '^3', '½': '(1/2)', '¼': '(1/4)', '¾': '(3/4)', '°': '', '′': '',
  '\u00a0': ' ',
};

/** One spelling for signs that have several; degrees, dollars and LaTeX spacing dropped. */
const prepared = (text: string): string => text.trim().replace(/[−–×·⋅∙÷⁄≤≥≠∪∞π√∅∈²³½¼¾°′\u00a0]/g, (sign) => signs[sign] ?? sign)
  .replace(/\^ ?\{? ?\\circ ?\}?|\\degree(?![a-zA-Z])/g, '').replace(/\\?\$/g, '').replace(/\\[()[\]]/g, '')
  .replace(/(\d)\{,\}(?=\d{3})/g, '$1,').replace(/(\d)\\[,!] ?(?=\d{3}(?!\d))/g, '$1').replace(/[.。]\s*$/, '');

const units = [
  'mm', 'cm', 'dm', 'km', 'µm', 'μm', 'um', 'nm', 'in', 'inch', 'inches', 'ft', 'feet', 'kg', 'mg', 'µg', 'μg', 'ug', 'ng', 'gram', 'grams', 'ml',
  'dl', 'cc', 'liter', 'liters',
  'litre', 'litres', 'ms', 'sec', 'second', 'seconds', 'min', 'minute', 'minutes', 'hour', 'hours', 'day', 'days', 'week', 'weeks', 'month',
  'months', 'year', 'years', 'hz', 'khz',
  'mhz', 'mmhg', 'bpm', 'hu', 'px', 'pixel', 'pixels', 'degree', 'degrees', 'meter', 'meters', 'metre', 'metres', 'cells', 'units', 'dollars',
  'cents', 'ways',
  'mm^2', 'mm^3', 'cm^2', 'cm^3', 'm^2', 'm^3', 'g', 'l', 'm', 's', 'h',
];
const known: ReadonlySet<string> = new Set(units);
/** These are as likely a variable: units only within \text{}. */
const ambiguous: ReadonlySet<string> = new Set(['g', 'l', 'm', 's', 'h', 'm^2', 'm^3', 'in']);

/** The value before a unit at the end of the text, and the unit. */
function withoutUnit(text: string): { bare: string; unit: string | null } {
  const boxed = /^(.*[\d)}%\s])\\(?:text|mathrm|mbox|rm)\s?\{ ?([a-zA-Zµμ]{1,10}(?:\^[23])?) ?\}(\^\{?[23]\}?)?$/.exec(text);
  const plain = /^(.*[\d)}] ?)([a-zA-Zµμ]{1,10}(?:\^[23])?)$/.exec(text);
  const found = boxed ?? plain;
  const unit = `${found?.[2] ?? ''}${boxed?.[3]?.replace(/[{}]/g, '') ?? ''}`.toLowerCase();
  if (!found || !known.has(unit) || (!boxed && ambiguous.has(unit))) return { bare: text, unit: null };
  return { bare: (found[1] ?? '').trim(), unit: unit.replace('μ', 'µ').replace(/^um$/, 'µm') };
}

type Token =
  | { readonly kind: 'number'; readonly text: string; readonly isSpaced: boolean }
  /** A name: a symbol, a function or a constant. */
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'sign'; readonly text: string };

const functions: ReadonlySet<string> = new Set([
  'sin', 'cos', 'tan', 'cot', 'sec', 'csc', 'arcsin', 'arccos', 'arctan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh', 'ln', 'log', 'lg', 'exp',
  'abs',
]);
const greek: ReadonlySet<string> = new Set([
  'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'varepsilon', 'zeta', 'eta', 'theta', 'kappa', 'lambda', 'mu', 'nu', 'xi', 'rho', 'sigma', 'tau',
  'phi', 'varphi', 'chi', 'psi', 'omega',
]);
const commands: Readonly<Record<string, string>> = {
  cdot: '*', times: '*', div: '/', ast: '*', le: '<=', leq: '<=', leqslant: '<=', ge: '>=', geq: '>=', geqslant: '>=', neq: '!=', ne: '!=', lt: '<',
  gt: '>', cup: '∪', in: '∈',
  infty: '∞', emptyset: '∅', varnothing: '∅', lbrace: '\\{', rbrace: '\\}', langle: '(', rangle: ')', lvert: '|', rvert: '|', vert: '|', mid: '|',
  sqrt: '√', frac: '\\frac',
  dfrac: '\\frac', tfrac: '\\frac', cfrac: '\\frac',
};
const silent: ReadonlySet<string> = new Set(['left', 'right', 'quad', 'qquad', 'displaystyle', 'big', 'Big', 'limits', 'rm', 'bf', 'it']);
const wrappers: ReadonlySet<string> = new Set(['text', 'mathrm', 'textbf', 'mathbf', 'operatorname', 'mbox', 'textit', 'textrm', 'mathit', 'boxed']);

const tokenForms = [
  /(\s+)/,
  // A number, thousands commas allowed, and its exponent.
  /(\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)((?:[eE][+-]?\d{1,3})(?![\d.a-zA-Z]))?/,
  // A LaTeX command, an escaped sign, letters, a sign.
  /\\([a-zA-Z]+)/, /\\([{}%,;:! |])/, /([a-zA-Z]+)/, /(\*\*|<=|>=|!=|==|[-+*/^=<>(){}[\],;|!%_])/,
].map(({ source }) => source).join('|');

function tokensOf(text: string, letters: 'words' | 'products'): Token[] | null {
  const tokens: Token[] = [];
  const sign = (written: string): number => tokens.push({ kind: 'sign', text: written });
  // A product of short names is meant only where there is something to calculate.
  const isFormula = /[\d+*/^=\\]/.test(text) || letters === 'products';
  const scan = new RegExp(tokenForms, 'y');
  let depth = 0;
  let isSpaced = false;
  while (scan.lastIndex < text.length) {
    const from = scan.lastIndex;
    const match = scan.exec(text);
    if (!match) return null;
    const [, space, digits, exponent, command, escaped, word, other] = match;
    if (space !== undefined) {
      isSpaced = true;
      continue;
    }
    if (digits !== undefined) {
      let [written, end] = [digits, scan.lastIndex];
      // Within brackets a comma separates.
      if (depth > 0 && digits.includes(',')) [written, end] = [digits.slice(0, digits.indexOf(',')), from + digits.indexOf(',')];
      scan.lastIndex = end;
      tokens.push({ kind: 'number', text: `${written.replaceAll(',', '')}${end === from + match[0].length ? exponent ?? '' : ''}`, isSpaced });
    } else if (command !== undefined) {
      if (!readCommand(command)) return null;
    } else if (escaped !== undefined) {
      if (escaped === '{' || escaped === '}') {
        depth += escaped === '{' ? 1 : -1;
        sign(`\\${escaped}`);
      } else if (escaped === '%' || escaped === '|') sign(escaped);
    } else if (word !== undefined) names(word, true);
    else if (other !== undefined) {
      if ('([{'.includes(other)) depth++;
      if (')]}'.includes(other)) depth--;
      sign(other === '**' ? '^' : other === '==' ? '=' : other);
    }
    isSpaced = false;
  }
  return tokens;

  function readCommand(command: string): boolean {
    if (silent.has(command)) {
      // "\left." opens nothing.
      if ((command === 'left' || command === 'right') && text.startsWith('.', scan.lastIndex)) scan.lastIndex++;
    } else if (wrappers.has(command)) {
      const wrapped = /\s*\{ ?([a-zA-Z ]{1,100}?) ?\}/y;
      wrapped.lastIndex = scan.lastIndex;
      const inside = wrapped.exec(text)?.[1];
      if (inside !== undefined) {
        scan.lastIndex = wrapped.lastIndex;
        names(inside.replace(/ /g, ''), false);
      } // Otherwise the braces stand for themselves.
    } else if (Object.hasOwn(commands, command)) {
      const written = commands[command] ?? '';
      if (written === '\\{') depth++;
      if (written === '\\}') depth--;
      sign(written);
      if (written === '\\frac') fractionDigits();
    } else if (command === 'pi' || functions.has(command) || greek.has(command)) tokens.push({ kind: 'name', text: command });
    else return false;
    return true;
  }

  /** \frac12 and \frac1{2}: each digit is an operand of its own. */
  function fractionDigits(): void {
    const digits = /\s*(\d)(?:\s*(\d))?/y;
    digits.lastIndex = scan.lastIndex;
    const match = digits.exec(text);
    if (!match) return;
    for (const digit of match.slice(1)) if (digit !== undefined) tokens.push({ kind: 'number', text: digit, isSpaced: false });
    scan.lastIndex = digits.lastIndex;
  }

  function names(word: string, isSplit: boolean): void {
    const lower = word.toLowerCase();
    if (lower === 'sqrt') sign('√');
    else if (lower === 'infinity' || lower === 'inf' || lower === 'oo') sign('∞');
    else if (lower === 'or' || lower === 'and') sign(letters === 'words' ? 'or' : word);
    else if (word === 'U' && letters === 'words' && /[)\]]\s*$/.test(text.slice(0, scan.lastIndex - 1))) sign('∪');
    else if (word.length === 1) tokens.push({ kind: 'name', text: word });
    else if (lower === 'pi' || functions.has(lower) || greek.has(lower)) tokens.push({ kind: 'name', text: lower });
    else if (isSplit && isFormula && (letters === 'products' || word.length <= 3)) {
      for (const letter of word) tokens.push({ kind: 'name', text: letter });
    } else tokens.push({ kind: 'name', text: lower });
  }
}

interface Reader {
  readonly tokens: readonly Token[];
  readonly letters: 'words' | 'products';
  at: number;
  depth: number;
  /** How many | are open. */
  bars: number;
}

const signAt = (reader: Reader, ahead = 0): string | null => {
  const token = reader.tokens[reader.at + ahead];
  return token?.kind === 'sign' ? token.text : null;
};

const take = (reader: Reader, ...signsWanted: readonly string[]): string | null => {
  const sign = signAt(reader);
  if (sign === null || !signsWanted.includes(sign)) return null;
  reader.at++;
  return sign;
};

const operation = (name: Operation, ...of: readonly Expression[]): Expression => ({ kind: 'operation', operation: name, of });
const whole = (value: number): Expression => ({ kind: 'number', value: { numerator: BigInt(value), denominator: 1n }, isDecimal: false });

/** relation { separator relation } */
function listOf(reader: Reader): Expression | null {
  const first = relationOf(reader);
  if (first === null) return null;
  const items = [first];
  while (take(reader, ',', ';', 'or') !== null) {
    take(reader, 'or');
    const next = relationOf(reader);
    if (next === null) return null;
    items.push(next);
  }
  return items.length === 1 ? first : { kind: 'collection', brackets: '', items };
}

/** union [ relation-sign union ] */
function relationOf(reader: Reader): Expression | null {
  const left = unionOf(reader);
  if (left === null) return null;
  const sign = take(reader, '=', '!=', '<', '>', '<=', '>=', '∈');
  if (sign === null) return left;
  const right = unionOf(reader);
  if (right === null) return null;
  if (sign === '∈') return left.kind === 'symbol' ? right : null;
  const isFlipped = sign.startsWith('>');
  const relation = ({ '=': '=', '!=': '≠', '<': '<', '>': '<', '<=': '≤', '>=': '≤' } as const)[sign] ?? '=';
  return { kind: 'relation', relation, left: isFlipped ? right : left, right: isFlipped ? left : right };
}

function unionOf(reader: Reader): Expression | null {
  const first = sumOf(reader);
  if (first === null || signAt(reader) !== '∪') return first;
  const items = [first];
  while (take(reader, '∪') !== null) {
    const next = sumOf(reader);
    if (next === null) return null;
    items.push(next);
  }
  return { kind: 'union', items };
}

function sumOf(reader: Reader): Expression | null {
  let left = productOf(reader, false);
  for (let sign = take(reader, '+', '-'); sign !== null && left !== null; sign = take(reader, '+', '-')) {
    const right = productOf(reader, false);
    left = right && operation(sign === '+' ? 'add' : 'subtract', left, right);
  }
  return left;
}

/** Factors with and without a sign between them, from left to right: 1/2x is (1/2)·x. As a function's argument only factors without a sign. */
function productOf(reader: Reader, isArgument: boolean): Expression | null {
  let left = isArgument ? powerOf(reader) : signedOf(reader);
  while (left !== null) {
    const sign = isArgument ? null : take(reader, '*', '/');
    if (sign !== null) {
      const right = signedOf(reader);
      left = right && operation(sign === '*' ? 'multiply' : 'divide', left, right);
    } else if (startsFactor(reader, isArgument)) {
      const token = reader.tokens[reader.at];
      const previous = reader.tokens[reader.at - 1];
      // 7 3/4 and 7\frac{3}{4} are mixed numbers; two other numbers side by side mean nothing.
      const isMixed = left.kind === 'number' && previous?.kind === 'number' && (token?.kind === 'number' || signAt(reader) === '\\frac');
      if (isMixed) left = mixedOf(reader, left);
      else if (token?.kind === 'number' || isWord(reader, token) || isWord(reader, previous)) return null;
      else {
        const right = powerOf(reader);
        left = right && operation('multiply', left, right);
      }
    } else break;
  }
  return left;
}

/** Several letters that are no function, constant or Greek letter: words side by side are language, not a product. */
function isWord(reader: Reader, token: Token | undefined): boolean {
  if (reader.letters !== 'words' || token?.kind !== 'name' || token.text.length < 2) return false;
  return token.text !== 'pi' && !functions.has(token.text) && !greek.has(token.text);
}

function mixedOf(reader: Reader, before: Expression): Expression | null {
  const token = reader.tokens[reader.at];
  if (token?.kind === 'number') {
    const denominator = reader.tokens[reader.at + 2];
    if (!token.isSpaced || signAt(reader, 1) !== '/' || denominator?.kind !== 'number' || /[.eE]/.test(token.text + denominator.text)) return null;
    reader.at += 3;
    const [over, under] = [numberOf(token.text), numberOf(denominator.text)];
    return over && under && operation('add', before, operation('divide', over, under));
  }
  const fraction = powerOf(reader);
  if (fraction === null) return null;
  const isPlain = fraction.kind === 'operation' && fraction.operation === 'divide' && fraction.of.every(({ kind }) => kind === 'number');
  return operation(isPlain ? 'add' : 'multiply', before, fraction);
}

function startsFactor(reader: Reader, isArgument: boolean): boolean {
  const token = reader.tokens[reader.at];
  if (token === undefined) return false;
  if (token.kind === 'number') return true;
  if (token.kind === 'name') return !(isArgument && functions.has(token.text));
  return ['(', '{', '√', '\\frac', '∞'].includes(token.text) || (token.text === '|' && reader.bars === 0) || (token.text === '[' && !isArgument);
}

function signedOf(reader: Reader): Expression | null {
  let isNegative = false;
  for (let sign = take(reader, '+', '-'); sign !== null; sign = take(reader, '+', '-')) isNegative = isNegative !== (sign === '-');
  const value = powerOf(reader);
  return value && (isNegative ? operation('negate', value) : value);
}

/** primary { ! | % } [ ^ signed ], to the right first. */
function powerOf(reader: Reader): Expression | null {
  if (reader.depth >= deepest) return null;
  reader.depth++;
  const base = postfixOf(reader);
  const result = base === null ? null : take(reader, '^') === null ? base : raised(base, exponentOf(reader));
  reader.depth--;
  return result;
}

const raised = (base: Expression, exponent: Expression | null): Expression | null => exponent && operation('power', base, exponent);
const exponentOf = (reader: Reader): Expression | null => signedOf(reader);

function postfixOf(reader: Reader): Expression | null {
  let value = primaryOf(reader);
  for (let sign = take(reader, '!', '%'); sign !== null && value !== null; sign = take(reader, '!', '%')) {
    value = sign === '!' ? operation('factorial', value) : operation('divide', value, whole(100));
  }
  return value;
}

const numberOf = (text: string): Expression | null => {
  const value = rationalOf(text);
  return value && { kind: 'number', value, isDecimal: /[.eE]/.test(text) };
};

function primaryOf(reader: Reader): Expression | null {
  const token = reader.tokens[reader.at];
  if (token === undefined) return null;
  reader.at++;
  if (token.kind === 'number') return numberOf(token.text);
  if (token.kind === 'name') return nameOf(reader, token.text);
  switch (token.text) {
    case '∞': return { kind: 'constant', name: 'infinity' };
    case '∅': return { kind: 'collection', brackets: '{}', items: [] };
    case '√': return rootOf(reader);
    case '\\frac': {
      const over = operandOf(reader);
      const under = over && operandOf(reader);
      return under && operation('divide', over, under);
    }
    case '|': {
      reader.bars++;
      const inside = sumOf(reader);
      reader.bars--;
      return inside !== null && take(reader, '|') !== null ? operation('absolute', inside) : null;
    }
    case '(': case '[': case '{': case '\\{': return bracketed(reader, token.text);
    default: return null;
  }
}

function bracketed(reader: Reader, open: string): Expression | null {
  const isSet = open === '\\{';
  const closers = open === '(' || open === '[' ? [')', ']'] : [isSet ? '\\}' : '}'];
  if (isSet && take(reader, '\\}') !== null) return { kind: 'collection', brackets: '{}', items: [] };
  const bars = reader.bars;
  reader.bars = 0;
  const inside = listOf(reader);
  reader.bars = bars;
  const close = inside === null ? null : take(reader, ...closers);
  if (inside === null || close === null) return null;
  const isList = inside.kind === 'collection' && inside.brackets === '';
  const items = isList ? inside.items : [inside];
  if (isSet || (open === '{' && isList)) return { kind: 'collection', brackets: '{}', items };
  // Brackets of two kinds hold two ends.
  if (isList) return (open === '(') === (close === ')') || items.length === 2 ? { kind: 'collection', brackets: open + close, items } : null;
  return (open === '(') === (close === ')') ? inside : null;
}

/** \sqrt[n]{x}, \sqrt{x}, \sqrt x, sqrt(x). */
function rootOf(reader: Reader): Expression | null {
  let degree: Expression | null = whole(2);
  if (take(reader, '[') !== null) {
    degree = sumOf(reader);
    if (degree === null || take(reader, ']') === null) return null;
  }
  const radicand = operandOf(reader);
  return radicand && operation('root', radicand, degree);
}

/** What \frac and \sqrt take: a group, or one digit or name. */
function operandOf(reader: Reader): Expression | null {
  if (reader.depth >= deepest) return null;
  reader.depth++;
  const operand = primaryOf(reader);
  reader.depth--;
  return operand;
}

const inverse: Readonly<Record<string, string>> = { arcsin: 'asin', arccos: 'acos', arctan: 'atan' };

function nameOf(reader: Reader, name: string): Expression | null {
  if (name === 'pi') return { kind: 'constant', name: 'pi' };
  if (!functions.has(name)) {
    const subscript = take(reader, '_') === null ? null : reader.tokens[reader.at++];
    if (subscript?.kind === 'sign') return null;
    if (subscript === undefined) return null;
    if (subscript !== null) return { kind: 'symbol', name: `${name}_${subscript.text}` };
    return name === 'e' && reader.letters === 'words' ? { kind: 'constant', name: 'e' } : { kind: 'symbol', name };
  }
  const base = name === 'lg' ? whole(10) : name === 'log' && take(reader, '_') !== null ? operandOf(reader) : undefined;
  const exponent = take(reader, '^') === null ? undefined : operandOf(reader);
  if (base === null || exponent === null || reader.depth >= deepest) return null;
  reader.depth++;
  const argument = signAt(reader) === '(' ? primaryOf(reader) : productOf(reader, true);
  reader.depth--;
  if (argument === null) return null;
  if (name === 'abs') return operation('absolute', argument);
  if (name === 'exp') return operation('power', { kind: 'constant', name: 'e' }, argument);
  const isLogarithm = name === 'ln' || name === 'log' || name === 'lg';
  const value: Expression = { kind: 'function', name: isLogarithm ? 'log' : inverse[name] ?? name, of: base ? [argument, base] : [argument] };
  return exponent === undefined ? value : operation('power', value, exponent);
}
