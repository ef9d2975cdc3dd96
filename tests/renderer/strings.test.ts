import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { pseudoStrings, pseudoText } from '#renderer/pseudo.ts';
import type { Strings } from '#renderer/workstation/text.ts';
import { englishStrings, rowsOfActions } from '#tests/renderer/tables.ts';

const english = await englishStrings();
const actions = await rowsOfActions();

const sources = readdirSync('renderer', { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name)).map((name) => {
  const path = join('renderer', name);
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true, name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
});

function eachNode(visit: (node: ts.Node, file: ts.SourceFile) => void): void {
  for (const file of sources) {
    const walk = (node: ts.Node): void => {
      visit(node, file);
      ts.forEachChild(node, walk);
    };
    walk(file);
  }
}

const place = (node: ts.Node, file: ts.SourceFile): string => `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${node.getText().trim().slice(0, 80)}`;

/** Two letters in a row: `×` and `px` aside, that is a word. Units and names of keys are the same in every language. */
const isWord = (text: string): boolean => /\p{L}{2}/u.test(text.replace(/\b(?:px|mm|kB|Ctrl|Shift|Alt|Enter|SHA-256|HU|µm|mpp|Loupe)\b/g, ''));
const spoken = new Set(['aria-label', 'aria-description', 'title', 'placeholder', 'alt', 'label', 'text']);

describe('what the page says', () => {
  test('stands in tables of strings, never in the markup', () => {
    const found: string[] = [];
    eachNode((node, file) => {
      if (ts.isJsxText(node) && isWord(node.text)) found.push(place(node, file));
      if (ts.isJsxAttribute(node) && spoken.has(node.name.getText()) && node.initializer && ts.isStringLiteral(node.initializer) && isWord(node.initializer.text)) found.push(place(node, file));
      if (ts.isJsxExpression(node) && node.expression && ts.isStringLiteralLike(node.expression) && isWord(node.expression.text) && (ts.isJsxElement(node.parent) || (ts.isJsxAttribute(node.parent) && spoken.has(node.parent.name.getText())))) found.push(place(node, file));
    });
    expect(found).toEqual([]);
  });

  test('has a text for every key that is asked for', () => {
    const known = new Set(keysOf(english));
    const missing: string[] = [];
    eachNode((node, file) => {
      if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || !['t', 'text'].includes(node.expression.text)) return;
      const [key] = node.arguments;
      if (key) for (const wanted of literalsOf(key)) if (![...known].some((one) => (wanted.isWhole ? one === wanted.text || one.replace(/_(?:one|other)$/, '') === wanted.text : one.startsWith(wanted.text)))) missing.push(place(node, file));
    });
    expect(missing).toEqual([]);
  });

  test('names every action', () => {
    const labels = english['actions'] as Strings;
    expect(actions.map(({ name }) => name).filter((name) => typeof labels[name.replace('.', ':')] !== 'string')).toEqual([]);
  });
});

/** What a key expression may come to: whole literals, or the part before the first value of a template. */
function literalsOf(node: ts.Expression): readonly { readonly text: string; readonly isWhole: boolean }[] {
  if (ts.isStringLiteralLike(node)) return [{ text: node.text, isWhole: true }];
  if (ts.isTemplateExpression(node)) return node.head.text.includes('.') ? [{ text: node.head.text, isWhole: false }] : [];
  if (ts.isConditionalExpression(node)) return [...literalsOf(node.whenTrue), ...literalsOf(node.whenFalse)];
  if (ts.isParenthesizedExpression(node)) return literalsOf(node.expression);
  return [];
}

const keysOf = (strings: Strings, above = ''): readonly string[] => Object.entries(strings).flatMap(([key, value]) => (typeof value === 'string' ? [`${above}${key}`] : keysOf(value, `${above}${key}.`)));

describe('the pseudo-language', () => {
  test('is accented and a third longer, and leaves values alone', () => expect(pseudoText('Stop {{name}}')).toBe('⟦Šŧöþ {{name}}··⟧'));
  test('has the forms of the plural that Arabic has', () => expect(Object.keys(pseudoStrings({ cases_one: 'case', cases_other: 'cases' })).sort()).toEqual(['cases_few', 'cases_many', 'cases_one', 'cases_other', 'cases_two', 'cases_zero']));
  test('says everything', () => expect(keysOf(pseudoStrings(english)).length).toBeGreaterThanOrEqual(keysOf(english).length));
});
