import { describe, expect, it } from 'vitest';
import { boxedContent, gradeAnswer } from '#training/rewards/math/ruler.ts';

const accepted: readonly (readonly [string, string])[] = [
  ['(C)', 'C'], ['0.25', '1/4'], ['c', 'C'], ['\\frac12', '1/2'], ['50%', '50'], ['5 cm', '5'], ['7 3/4', '31/4'], ['1,234', '1234'], ['x=5', '5'],
  ['\\sqrt{8}', '2\\sqrt2'],
  ['{5}', '5'], ['1e2', '100'], ['(1,2)', '(1, 2)'], ['2x', 'x*2'], ['None', 'none'], ['no', 'on'], ['\\text{benign}', 'benign'],
  ['3 days', '3 weeks'], ['90^\\circ', '90'],
];

const refused: readonly (readonly [string, string])[] = [
  ['3/6', '1/2'], ['A', 'C'], ['\\frac{1+x}{2}', '(1+x)/2'], ['4/2', '2'], ['benign', 'malignant'], ['', 'x'], ['(1,2)', '[1,2]'], ['None', 'C'],
  ['x^{10}', 'x^{5}x^{5}'], ['1,2', '2,1'],
];

describe('MathRuler', () => {
  it.each(accepted)('accepts %s for %s', (given, truth) => expect(gradeAnswer(given, truth)).toBe(true));

  it.each(refused)('refuses %s for %s', (given, truth) => expect(gradeAnswer(given, truth)).toBe(false));

  it('takes the last box up to its own brace, and the word None without one', () => {
    expect(boxedContent('\\boxed{1} then \\boxed{\\frac{3}{4}} end')).toBe('\\frac{3}{4}');
    expect(boxedContent('\\boxed{1} then \\boxed{\\frac{3}{4}')).toBe('None');
    expect(boxedContent('C')).toBe('None');
  });
});
