/**
 * Python's text semantics, where they differ from JavaScript's: the released rewards are written in Python and depend on them.
 * Nothing here runs what it reads, and all of it is linear in the text.
 */

/** What `str.isspace` and `\s` of `re` hold for white space, as the inside of a character class. U+FEFF is not part of it. */
export const pythonSpaces = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const isSpaceTest = new RegExp(`^[${pythonSpaces}]$`);
const splitter = new RegExp(`[${pythonSpaces}]+`);

export const isSpace = (character: string): boolean => isSpaceTest.test(character);

/** `str.lstrip()`, or of the given characters. */
export function lstrip(text: string, characters?: string): string {
  let from = 0;
  while (from < text.length && stripped(text.charAt(from), characters)) from++;
  return text.slice(from);
}

/** `str.rstrip()`, or of the given characters. */
export function rstrip(text: string, characters?: string): string {
  let to = text.length;
  while (to > 0 && stripped(text.charAt(to - 1), characters)) to--;
  return text.slice(0, to);
}

/** `str.strip()`, or of the given characters. */
export const strip = (text: string, characters?: string): string => lstrip(rstrip(text, characters), characters);

const stripped = (character: string, characters: string | undefined): boolean => characters?.includes(character) ?? isSpace(character);

/** `str.split()` without arguments: words, no empty ones. */
export const split = (text: string): string[] => text.split(splitter).filter((word) => word !== '');

/** `str.splitlines()`: also at vertical tabs, form feeds, separators and the Unicode line ends; no empty last line. */
export function splitlines(text: string): string[] {
  const lines = text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Decimal digits of every script as ASCII digits, as `int` and `float` read them. */
export function asciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const point = digit.codePointAt(0) as number;
    let first = point;
    while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first--;
    return String((point - first) % 10);
  });
}

/** `round(value, digits)`: the nearest decimal of the exact binary value; an exact half goes to the even neighbour. */
export function round(value: number, digits = 0): number {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21) return value;
  const exact = Math.abs(value).toFixed(Math.min(100, digits + 60));
  const cut = exact.indexOf('.') + 1 + digits;
  const [kept, rest] = [exact.slice(0, cut), exact.slice(cut)];
  const nearest = Math.abs(value).toFixed(digits);
  const isHalf = /^50*$/.test(rest);
  const lastDigit = kept.replace(/\.$/, '').at(-1) ?? '0';
  const magnitude = isHalf && Number(lastDigit) % 2 === 0 ? Number(kept) : Number(nearest);
  return value < 0 ? -magnitude : magnitude;
}

/** `float(text)`; null where Python raises ValueError. */
export function float(text: string): number | null {
  const plain = asciiDigits(strip(text));
  const special = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(plain);
  if (special) return special[2]?.toLowerCase() === 'nan' ? NaN : special[1] === '-' ? -Infinity : Infinity;
  if (!/^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/.test(plain)) return null;
  return Number(plain.replaceAll('_', ''));
}

/** `int(text)` in base ten; null where Python raises ValueError. Beyond 2^53 the nearest double. */
export function int(text: string): number | null {
  const plain = asciiDigits(strip(text));
  return /^[+-]?\d+(?:_\d+)*$/.test(plain) ? Number(plain.replaceAll('_', '')) : null;
}

/** `int(value)` of a value that `json.loads` gave: numbers lose their fraction, text is read, truth counts; null where Python raises. */
export function intOf(value: unknown): number | null {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) : null;
  return typeof value === 'string' ? int(value) : null;
}

/** CPython's reader gives up at about this depth of brackets. */
const deepestJson = 990;

/**
 * `json.loads(text)`; undefined where Python raises. Unlike JSON.parse it takes NaN, Infinity and -Infinity.
 * Integers and decimals both become numbers.
 */
export function loads(text: string): unknown {
  const { depth, specials } = scanJson(text);
  if (depth > deepestJson) return undefined;
  try {
    if (specials.length === 0) return JSON.parse(text) as unknown;
    let sentinel = '§';
    while (text.includes(sentinel)) sentinel += '§';
    const pieces = specials.map(({ from }, index) => {
      const before = text.slice(index === 0 ? 0 : specials[index - 1]?.to, from);
      return `${before}"${sentinel}${text.slice(from, specials[index]?.to)}"`;
    });
    const restore = (_: string, value: unknown): unknown => (
      typeof value === 'string' && value.startsWith(sentinel) ? Number(value.slice(sentinel.length)) : value
    );
    return JSON.parse(pieces.join('') + text.slice(specials.at(-1)?.to), restore) as unknown;
  } catch {
    return undefined;
  }
}

/** How deep the brackets outside strings go, and where NaN and the infinities stand. */
function scanJson(text: string): { depth: number; specials: readonly { readonly from: number; readonly to: number }[] } {
  const specials: { from: number; to: number }[] = [];
  let [open, depth] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
    } else if (character === '[' || character === '{') depth = Math.max(depth, ++open);
    else if (character === ']' || character === '}') open--;
    else {
      const special = ['NaN', 'Infinity', '-Infinity'].find((word) => text.startsWith(word, at));
      if (special === undefined) continue;
      specials.push({ from: at, to: at + special.length });
      at += special.length - 1;
    }
  }
  return { depth, specials };
}

export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** A `dict` that `loads` gave. */
export const isDict = (value: unknown): value is Readonly<Record<string, unknown>> => (
  typeof value === 'object' && value !== null && !Array.isArray(value)
);

/** `dict.get(key)`: own keys only. */
export const get = (dict: Readonly<Record<string, unknown>>, key: string): unknown => (Object.hasOwn(dict, key) ? dict[key] : undefined);

/**
 * A regular expression of Python's `re` for JavaScript: Python's `\s`, `\d`, `\w`, `\b`, `.`, `$` and named groups. Flags: `s` DOTALL, `i`
 * IGNORECASE, `m` MULTILINE, `g` for all matches. Sources are the project's own; never text of a model.
 */
export function pattern(source: string, flags = ''): RegExp {
  const word = '\\p{L}\\p{N}_';
  const outside: Readonly<Record<string, string>> = {
    s: `[${pythonSpaces}]`, S: `[^${pythonSpaces}]`, d: '\\p{Nd}', D: '\\P{Nd}', w: `[${word}]`, W: `[^${word}]`,
    b: `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`, Z: '(?![^])', A: '(?<![^])', '"': '"', "'": "'", '-': '-', '<': '<', '>': '>',
    '#': '#', ' ': ' ',
    ':': ':', ',': ',', '`': '`', '!': '!', '%': '%', '&': '&', '=': '=', '@': '@', '~': '~', '_': '_', ';': ';',
  };
  const inside: Readonly<Record<string, string>> = { ...outside, s: pythonSpaces, d: '\\p{Nd}', w: word, b: '\\x08', '-': '\\-' };
  const isDotAll = flags.includes('s');
  let isClass = false;
  const translated = source.replace(/\\[^]|\(\?P<|[[\].$]/g, (token) => {
    if (token.startsWith('\\')) return (isClass ? inside : outside)[token.charAt(1)] ?? token;
    if (token === '[') {
      if (isClass) return '\\[';
      isClass = true;
      return token;
    }
    if (token === ']') {
      const ends = isClass;
      isClass = false;
      return ends ? token : '\\]';
    }
    if (isClass) return token;
    if (token === '(?P<') return '(?<';
    if (token === '.') return isDotAll ? '[^]' : '[^\\n]';
    return flags.includes('m') ? '(?=\\n|(?![^]))' : '(?=\\n?(?![^]))';
  });
  return new RegExp(translated, `u${flags.replace('s', '')}`);
}
