/** A language that nobody speaks, written from right to left: every word accented and longer, so that what is clipped, overlaps or was never put into words shows at once. */
import type { Strings } from './workstation/text.ts';

/** Intl and i18next take it for a kind of Arabic: from right to left. */
export const pseudoLanguage = 'ar-XB';

const letters: Readonly<Record<string, string>> = {
  a: 'á', b: 'ƀ', c: 'ç', d: 'đ', e: 'é', f: 'ƒ', g: 'ğ', h: 'ĥ', i: 'í', j: 'ĵ', k: 'ķ', l: 'ł', m: 'ɱ', n: 'ñ', o: 'ö', p: 'þ', q: 'ǫ', r: 'ř', s: 'š', t: 'ŧ', u: 'ü', v: 'ṽ', w: 'ŵ', x: 'ẋ', y: 'ý', z: 'ž',
  A: 'Á', B: 'Ɓ', C: 'Ç', D: 'Đ', E: 'É', F: 'Ƒ', G: 'Ğ', H: 'Ĥ', I: 'Í', J: 'Ĵ', K: 'Ķ', L: 'Ł', M: 'Ɱ', N: 'Ñ', O: 'Ö', P: 'Þ', Q: 'Ǫ', R: 'Ř', S: 'Š', T: 'Ŧ', U: 'Ü', V: 'Ṽ', W: 'Ŵ', X: 'Ẋ', Y: 'Ý', Z: 'Ž',
};

/** A third longer, as German and Finnish are; what stands for a value stays. */
export function pseudoText(text: string): string {
  const accented = text.split(/(\{\{[^}]*\}\})/).map((part) => (part.startsWith('{{') ? part : part.replace(/[a-z]/gi, (letter) => letters[letter] ?? letter))).join('');
  return `⟦${accented}${'·'.repeat(Math.ceil(text.replace(/\{\{[^}]*\}\}/g, '').length / 3))}⟧`;
}

export function pseudoStrings(strings: Strings): Strings {
  const plural = /_(?:zero|one|two|few|many|other)$/;
  return Object.fromEntries(Object.entries(strings).flatMap(([key, value]): [string, string | Strings][] => {
    if (typeof value !== 'string') return [[key, pseudoStrings(value)]];
    // Arabic has six forms of the plural: the general one stands for those that English lacks.
    const forms = key.endsWith('_other') ? ['zero', 'two', 'few', 'many', 'other'].map((form) => key.replace(plural, `_${form}`)) : [key];
    return forms.map((form): [string, string] => [form, pseudoText(value)]);
  }));
}
