/** Python literals, read and never evaluated: lists, tuples, dicts, strings, numbers, True, False, None. Anything else is no literal. */

/** What was read. Whole and decimal numbers are told apart, as Python does. */
export type Literal =
  | { readonly kind: 'text'; readonly value: string } | { readonly kind: 'whole' | 'decimal'; readonly value: number } | { readonly kind: 'truth'; readonly value: boolean }
  | { readonly kind: 'none' } | { readonly kind: 'list' | 'tuple'; readonly items: readonly Literal[] } | { readonly kind: 'dict'; readonly entries: readonly (readonly [Literal, Literal])[] };

const deepest = 90;
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '\'': '\'', '"': '"', a: '\x07', b: '\b', f: '\f', v: '\v', '0': '\0', '\n': '' };

class NoLiteral extends Error {}

/** The literal that the whole text is, outer blanks aside; null where it is none. Linear in the text. */
export function readLiteral(text: string): Literal | null {
  let at = 0;
  const fail = (): never => {
    throw new NoLiteral();
  };
  const blanks = (): void => {
    while (at < text.length && ' \t\r\n\f'.includes(text.charAt(at))) at++;
  };
  const take = (sign: string): boolean => {
    blanks();
    if (text.charAt(at) !== sign) return false;
    at++;
    return true;
  };
  const string = (quote: string): Literal => {
    let value = '';
    for (at++; ; at++) {
      const sign = text.charAt(at);
      if (sign === '' || sign === '\n') return fail();
      if (sign === quote) break;
      if (sign !== '\\') value += sign;
      else {
        const next = text.charAt(++at);
        const length = next === 'x' ? 2 : next === 'u' ? 4 : 0;
        if (length > 0) {
          const digits = text.slice(at + 1, at + 1 + length);
          if (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits)) return fail();
          value += String.fromCharCode(Number.parseInt(digits, 16));
          at += length;
        } else value += escapes[next] ?? `\\${next}`;
      }
    }
    at++;
    return { kind: 'text', value };
  };
  /** What stands up to the closing sign; whether a comma stood behind the last. */
  const series = (close: string, item: () => void): boolean => {
    let hasComma = false;
    for (let isFirst = true; !take(close); isFirst = false) {
      if (!isFirst && !hasComma) fail();
      item();
      hasComma = take(',');
    }
    return hasComma;
  };
  const value = (depth: number): Literal => {
    if (depth > deepest) return fail();
    blanks();
    const sign = text.charAt(at);
    if (sign === '\'' || sign === '"') {
      let whole = '';
      // Neighbouring strings are one.
      while (text.charAt(at) === '\'' || text.charAt(at) === '"') {
        whole += (string(text.charAt(at)) as { value: string }).value;
        blanks();
      }
      return { kind: 'text', value: whole };
    }
    if (sign === '[' || sign === '(') {
      at++;
      const items: Literal[] = [];
      const hasComma = series(sign === '[' ? ']' : ')', () => items.push(value(depth + 1)));
      return sign === '(' && items.length === 1 && !hasComma ? items[0]! : { kind: sign === '[' ? 'list' : 'tuple', items };
    }
    if (sign === '{') {
      at++;
      const entries: [Literal, Literal][] = [];
      series('}', () => {
        const name = value(depth + 1);
        if (!take(':')) fail();
        entries.push([name, value(depth + 1)]);
      });
      return { kind: 'dict', entries };
    }
    const pattern = /[+-]?(?:(\d+(?:_\d+)*)(?![\d.eE_])|\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)|True\b|False\b|None\b/y;
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) return fail();
    at += match[0].length;
    if (match[0] === 'None') return { kind: 'none' };
    if (match[0] === 'True' || match[0] === 'False') return { kind: 'truth', value: match[0] === 'True' };
    // A leading zero is an error of Python's, unless all are zeros.
    if (match[1] !== undefined && /^0[\d_]*[1-9]/.test(match[1])) return fail();
    return { kind: match[1] === undefined ? 'decimal' : 'whole', value: Number(match[0].replaceAll('_', '')) };
  };
  try {
    const read = value(0);
    blanks();
    return at === text.length ? read : null;
  } catch (thrown) {
    if (thrown instanceof NoLiteral) return null;
    throw thrown;
  }
}
