import { describe, expect, it } from 'vitest';
import { isSameMath } from '#training/rewards/math/equal.ts';
import { parseMath } from '#training/rewards/math/parse.ts';

const same: readonly (readonly [string, string])[] = [
  ['1/2', '0.5'], ['\\frac{1}{2}', '0.5'], ['\\frac12', '1/2'], ['\\frac1{2}', '1/2'], ['3/6', '1/2'], ['\\dfrac{3}{4}', '0.75'], ['50\\%', '1/2'],
  ['12.5%', '1/8'],
  ['2\\sqrt{2}', '\\sqrt{8}'], ['sqrt(8)', '2√2'], ['\\sqrt[3]{27}', '3'], ['x^{1/2}', '\\sqrt{x}'], ['2^{10}', '1024'], ['2^10', '1024'],
  ['2^{-1}', '0.5'], ['-x^2', '-(x^2)'],
  ['x^2+2x+1', '(x+1)^2'], ['2xy', '2yx'], ['(a-b)(a+b)', 'a^2-b^2'], ['1/2x', 'x/2'], ['\\pi r^2', 'r^2*pi'], ['\\frac{x^2-1}{x-1}', 'x+1'],
  ['sin(x)^2+cos(x)^2', '1'], ['\\sin^2 x+\\cos^2 x', '1'], ['\\log_2 8', '3'], ['ln(e)', '1'], ['e^2', 'exp(2)'], ['lg 1000', '3'], ['5!', '120'],
  ['|x|', '|-x|'],
  ['7 3/4', '31/4'], ['7\\frac{3}{4}', '7.75'], ['1,234', '1234'], ['1{,}234', '1234'], ['3\\times10^5', '300000'], ['3e5', '300000'], ['-5', '−5'],
  ['$\\frac{3}{4}$', '3/4'],
  ['(1,2)', '(1, 2)'], ['\\left(\\frac{1}{2}, 3\\right)', '(0.5,3)'], ['\\{1,2\\}', '\\{2,1\\}'], ['1, 2', '2 and 1'], ['(-\\infty,3]', '(-∞, 3]'],
  ['(1,2)\\cup(3,4)', '(3,4) U (1,2)'],
  ['\\emptyset', '\\{\\}'], ['x \\in (1,2)', '(1,2)'], ['x=5', '5'], ['x=1, x=2', '\\{1,2\\}'], ['x<3', '3>x'], ['2x-4=0', '4-2x=0'],
  ['5 mm', '5'], ['5\\text{ cm}', '5 cm'], ['90^\\circ', '90'], ['12 μm', '12 µm'], ['Benign', 'benign'], ['\\text{yes}', 'yes'],
];

const different: readonly (readonly [string, string])[] = [
  ['1/2', '0.49'], ['0.333333', '1/3'], ['1.41421356237', '\\sqrt2'], ['50%', '50'], ['-5', '5'], ['sqrt(x^2)', 'x'], ['x^2', 'x^3'],
  ['\\frac{1+x}{2}', '1+x/2'],
  ['(1,2)', '(2,1)'], ['(1,2)', '[1,2]'], ['(-\\infty,3]', '(-∞,3)'], ['\\{1,2\\}', '\\{1,2,3\\}'], ['1,2', '(1,2)'], ['x<3', 'x\\le 3'],
  ['5 mm', '5 cm'],
  ['no', 'on'], ['1/0', '1/0'], ['9^9^9^9', '1'], ['', ''], ['benign', 'malignant'], ['12', '1 2'], ['\\infty', '-\\infty'], ['x=1', 'y=2'],
];

describe('mathematical answers', () => {
  it.each(same)('%s means the same as %s', (one, other) => {
    expect(isSameMath(one, other)).toBe(true);
    expect(isSameMath(other, one)).toBe(true);
  });

  it.each(different)('%s does not mean the same as %s', (one, other) => {
    expect(isSameMath(one, other)).toBe(false);
    expect(isSameMath(other, one)).toBe(false);
  });

  it('lets a written decimal be rounded only where it is told to', () => {
    expect(isSameMath('0.333333', '1/3', { decimals: 6 })).toBe(true);
    expect(isSameMath('0.33333', '1/3', { decimals: 6 })).toBe(false);
    expect(isSameMath('1/3', '333333/1000000', { decimals: 6 })).toBe(false);
  });

  it('reads several letters as a name, or as a product where sympy would', () => {
    expect(isSameMath('ab', 'ba')).toBe(false);
    expect(isSameMath('ab', 'ba', { letters: 'products' })).toBe(true);
  });

  it('gives up on what it does not understand', () => {
    const foreign = ['import os', 'left lung', '2 apples', '__import__("os")', '\\input{/etc/passwd}', '\\unknown{3}', '1 2', '(1', '1)', '3 +', '\\frac{1}', 'x'.repeat(700), '[1, 2, 3)', 'a < b < c'];
    for (const text of foreign) expect(parseMath(text), text).toBeNull();
  });

  it('is quick whatever is written', () => {
    const hostile = [
      '('.repeat(300), 'x^'.repeat(200) + 'x', '-'.repeat(500) + '1', '|'.repeat(500), `${'9'.repeat(70)}^99`, 'sin '.repeat(140) + 'x',
      Array(60).fill('(x+1/7)^9').join('*'),
      Array(100).fill('1/97x').join('+'), '\\frac'.repeat(100), '{'.repeat(600), `${'1,'.repeat(290)}1`, '50!'.repeat(80), '2^'.repeat(250) + '2',
    ];
    const start = process.cpuUsage();
    for (const text of hostile) isSameMath(text, `${text.slice(0, 590)}+1`);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(6000);
  });
});
