/**
 * MathRuler's `grade_answer`, which EasyR1's and OpenVLThinker's rewards stand on, quirk for quirk (hiyouga/MathRuler, after PRM800K's grader):
 * two textual normalisations first, then equality of the expressions. Two departures: sympy's simplification is our own comparison of values,
 * and of LaTeX only fractions, roots, common signs and text commands are turned into plain text.
 */
import { pattern, float, strip } from '#training/rewards/python.ts';
import { isSameValue } from './equal.ts';
import { parseMath } from './parse.ts';

/** Longer answers are compared as they stand: the release would go on for minutes. */
const longest = 2000;

/** Whether the release accepts the answer. */
export function gradeAnswer(given: string, truth: string): boolean {
  if (given.length > longest || truth.length > longest) return given === truth;
  if (normaliseHendrycks(truth) === normaliseHendrycks(given)) return true;
  const [wanted, said] = [normalise(truth), normalise(given)];
  if (wanted === said) return true;
  if (said === '') return false;
  const [wantedItems, saidItems] = [itemsOf(wanted), itemsOf(said)];
  if (wantedItems.length > 1 && (wanted[0] !== said[0] || wanted.at(-1) !== said.at(-1))) return false;
  return wantedItems.length === saidItems.length && wantedItems.every((item, index) => isSameItem(item, saidItems[index] ?? ''));
}

/** Unreduced fractions and whole numbers are compared as text only. */
function isSameItem(wanted: string, said: string): boolean {
  if (isFraction(wanted) && isFraction(said)) return wanted === said;
  if ((wholeOf(wanted) !== null) !== (wholeOf(said) !== null)) return false;
  const both = `(${wanted})-(${said})`;
  if (lettersIn(both) > 2 || /\^[({]|\^[0-9]+\^|\^[0-9][0-9]+/.test(both)) return false;
  const [left, right] = [parseMath(wanted, { letters: 'products' }), parseMath(said, { letters: 'products' })];
  return left !== null && right !== null && isSameValue(left.expression, right.expression);
}

const isFraction = (text: string): boolean => pattern('^-?[0-9]+.?/0*[1-9][0-9]*.?$').test(text);

function lettersIn(text: string): number {
  return new Set(text.replaceAll('sqrt', '').replaceAll('frac', '').match(/\p{L}/gu) ?? []).size;
}

/** The whole number that a text is, thousands commas aside, as digits; null where it is none. */
function wholeOf(text: string): string | null {
  const value = float(withoutThousands(text));
  const isWhole = value !== null && Number.isFinite(value) && Math.abs(value - Math.round(value)) <= 1e-7;
  return isWhole ? digitsOf(float(text.replaceAll(',', '')) ?? value) : null;
}

const digitsOf = (value: number): string => BigInt(Math.trunc(value)).toString();

function withoutThousands(text: string): string {
  const comma = /(\d)(,)(\d\d\d)($|\D)/g;
  for (let next = text.replace(comma, '$1$3$4'); next !== text; next = text.replace(comma, '$1$3$4')) text = next;
  return text;
}

function itemsOf(text: string): string[] {
  const plain = withoutThousands(text);
  const inside = plain.slice(1, -1);
  if (plain.length > 2 && /^[()[\]][^()[\]]*[()[\]]$/.test(plain)) return inside.split(',').map((item) => strip(item));
  return plain === '' ? [] : [plain];
}

const textCommand = pattern('^\\\\text\\{(?P<text>.+?)\\}$');

const unitWords = [
  'degree', 'cm', 'centimeter', 'meter', 'mile', 'second', 'minute', 'hour', 'day', 'week', 'month', 'year', 'foot', 'feet', 'inch', 'yard',
].map((unit) => new RegExp(`${unit}(es)?(s)? *(\\^[0-9]+)?`, 'g'));

/** The grader's own normalisation: signs, magnitudes and units dropped, LaTeX to plain text, lower case. */
function normalise(text: string): string {
  let plain = textCommand.exec(text)?.groups?.text ?? text;
  plain = plain.replaceAll('\\%', '%').replaceAll('\\$', '$').replaceAll('$', '').replaceAll('%', '');
  plain = plain.replaceAll(' or ', ' , ').replaceAll(' and ', ' , ');
  plain = plain.replaceAll('million', '*10^6').replaceAll('billion', '*10^9').replaceAll('trillion', '*10^12');
  for (const unit of unitWords) plain = plain.replace(unit, '');
  plain = plain.replace(/\^ *\\circ/g, '');
  if (plain.startsWith('{') && plain.endsWith('}')) plain = plain.slice(1, -1);
  plain = plain.replace(/,\\! */g, '');
  const value = float(plain);
  if (value !== null && Number.isFinite(value) && Math.abs(value - Math.round(value)) <= 1e-7) plain = digitsOf(Math.round(value));
  if (plain.includes('\\')) plain = plainOfLatex(plain);
  plain = plain.replace(/- */g, '-').replace(/([0-9]) +([0-9])/g, '$1+$2').replaceAll(' ', '').replace(/[{}]/g, '').toLowerCase();
  return wholeOf(plain) ?? plain;
}

/** What a LaTeX-to-text converter writes: \frac{a}{b} becomes a/b without brackets, so \frac{1+x}{2} becomes 1+x/2. */
function plainOfLatex(text: string): string {
  const source = text.replaceAll('\\tfrac', '\\frac').replaceAll('\\dfrac', '\\frac').replaceAll('\\frac', ' \\frac');
  return strip(latexToText(source, 0));
}

const latexSigns: Readonly<Record<string, string>> = {
  pi: 'pi', infty: 'inf', cup: 'U', cdot: '*', times: '*', div: '÷', le: '≤', leq: '≤', ge: '≥', geq: '≥', neq: '≠', ne: '≠', pm: '±', circ: '∘',
  emptyset: '∅', varnothing: '∅',
  in: '∈', alpha: 'α', beta: 'β', gamma: 'γ', theta: 'θ', lambda: 'λ', mu: 'μ', sigma: 'σ', phi: 'ϕ', omega: 'ω', sin: 'sin', cos: 'cos',
  tan: 'tan', log: 'log', ln: 'ln', quad: '  ',
};

function latexToText(text: string, depth: number): string {
  if (depth > 20) return text;
  let plain = '';
  const step = /\\([a-zA-Z]+) *|\\([^a-zA-Z])|[{}]|[^\\{}]+|\\$/y;
  for (let match = step.exec(text); match !== null; match = step.lastIndex < text.length ? step.exec(text) : null) {
    const [all, command, escaped] = match;
    const operand = (): string => {
      const [inside, next] = operandAt(text, step.lastIndex);
      step.lastIndex = next;
      return latexToText(inside, depth + 1);
    };
    if (command === 'frac') {
      const over = operand();
      plain += `${over}/${operand()}`;
    } else if (command === 'sqrt') {
      const degree = /\[[^\]]*\]/y;
      degree.lastIndex = step.lastIndex;
      if (degree.test(text)) step.lastIndex = degree.lastIndex;
      plain += `sqrt(${operand()})`;
    } else if (command !== undefined) plain += latexSigns[command] ?? '';
    else if (escaped !== undefined) plain += escaped === '!' ? '' : ',;: '.includes(escaped) ? ' ' : escaped === '\\' ? '\n' : escaped;
    else if (all !== '{' && all !== '}' && all !== '\\') plain += all;
  }
  return plain;
}

/** One group or character, and where the text goes on. */
function operandAt(text: string, from: number): [string, number] {
  let at = from;
  while (text[at] === ' ') at++;
  if (text[at] !== '{') return [text.slice(at, at + 1), Math.min(text.length, at + 1)];
  let depth = 0;
  for (let end = at; end < text.length; end++) {
    if (text[end] === '{') depth++;
    if (text[end] === '}' && --depth === 0) return [text.slice(at + 1, end), end + 1];
  }
  return [text.slice(at + 1), text.length];
}

/** The older normalisation, of the MATH dataset's release; where that throws, the stripped text. */
function normaliseHendrycks(text: string): string {
  const stripped = strip(text);
  const plain = strip(textCommand.exec(stripped)?.groups?.text ?? stripped);
  return hendrycks(plain) ?? plain;
}

function hendrycks(text: string): string | null {
  let plain = text.replaceAll('\n', '').replaceAll('\\!', '').replaceAll('\\\\', '\\').replaceAll('tfrac', 'frac').replaceAll('dfrac', 'frac');
  plain = plain.replaceAll('\\left', '').replaceAll('\\right', '').replaceAll('^{\\circ}', '').replaceAll('^\\circ', '').replaceAll('\\$', '');
  const [value = '', ...right] = plain.split('\\text{ ');
  if (right.length > 1) return null;
  plain = value.replaceAll('\\%', '').replaceAll(' .', ' 0.').replaceAll('{.', '{0.');
  if (plain === '') return plain;
  if (plain.startsWith('.')) plain = `0${plain}`;
  const sides = plain.split('=');
  if (sides.length === 2 && (sides[0] ?? '').length <= 2) plain = sides[1] ?? '';
  const rooted = bracedRoots(plain);
  if (rooted === null) return null;
  const fractions = bracedFractions(rooted.replaceAll(' ', ''));
  if (fractions === null) return null;
  plain = fractions === '0.5' ? '\\frac{1}{2}' : fractions;
  const quotient = /^(0|-?[1-9]\d*)\/(0|-?[1-9]\d*)$/.exec(plain);
  return quotient ? `\\frac{${quotient[1] ?? ''}}{${quotient[2] ?? ''}}` : plain;
}

/** \sqrt3 as \sqrt{3}; null where a root ends the text. */
function bracedRoots(text: string): string | null {
  const [first = '', ...rest] = text.split('\\sqrt');
  if (rest.includes('')) return null;
  return first + rest.map((part) => (part.startsWith('{') ? `\\sqrt${part}` : `\\sqrt{${part.slice(0, 1)}}${part.slice(1)}`)).join('');
}

/** \frac12 as \frac{1}{2}; null where a fraction ends the text, and the text itself where one has a single character left. */
function bracedFractions(text: string): string | null {
  const [first = '', ...rest] = text.split('\\frac');
  let plain = first;
  for (const part of rest) {
    if (part === '') return null;
    const [a = '', b = ''] = part;
    if (a === '{') plain += `\\frac${part}`;
    else if (part.length < 2) return text;
    else plain += b === '{' ? `\\frac{${a}}${part.slice(1)}` : `\\frac{${a}}{${b}}${part.slice(2)}`;
  }
  return plain;
}

/** MathRuler's `extract_boxed_content`: what the last \boxed{ holds up to its own brace; the word "None" without one. */
export function boxedContent(text: string): string {
  const open = text.lastIndexOf('\\boxed{');
  if (open < 0) return 'None';
  let depth = 0;
  for (let at = open + 7; at < text.length; at++) {
    if (text[at] === '{') depth++;
    if (text[at] === '}' && --depth < 0) return strip(text.slice(open + 7, at));
  }
  return 'None';
}
