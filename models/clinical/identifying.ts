/** Finds in free text what names a person: the names, numbers and dates that are known of a study, however they are spelled, and what looks like one. */

export const identifyingKinds = ['patient', 'person', 'place', 'date', 'number', 'uid', 'file', 'contact', 'name', 'age'] as const;
export type IdentifyingKind = (typeof identifyingKinds)[number];

/** Something that is known to name a person. */
export interface KnownIdentifier {
  readonly kind: 'patient' | 'person' | 'place' | 'number' | 'uid' | 'file';
  readonly text: string;
  /** What stands for it in a copy without it. */
  readonly replacement: string;
}

export interface KnownIdentifiers {
  readonly identifiers: readonly KnownIdentifier[];
  /** Its bare year is looked for too: `YYYYMMDD` or `YYYY-MM-DD`; null: not known. */
  readonly birthDate: string | null;
  /** What stands for a date; null: it cannot be moved. @param date  `YYYYMMDD` */
  readonly moved: (date: string) => string | null;
  readonly uid: (uid: string) => string;
}

export interface Hit {
  /** UTF-16 units of the text. */
  readonly start: number;
  readonly end: number;
  readonly kind: IdentifyingKind;
  readonly found: string;
  readonly replacement: string;
}

/** Longer texts are no words of a person; more hits than these nobody reads one by one. */
const mostLetters = 50_000;
export const mostHits = 300;

/** In order, none within another. */
export function identifyingIn(text: string, known: KnownIdentifiers): readonly Hit[] {
  if (text.length > mostLetters) return [{ start: 0, end: text.length, kind: 'name', found: `${text.slice(0, 40)}…`, replacement: '[text removed]' }];
  const folded = fold(text);
  const words = wordsOf(folded);
  const hits: Hit[] = [];
  const add = (start: number, end: number, kind: IdentifyingKind, replacement: string): void => void (end > start && hits.push({ start, end, kind, found: text.slice(start, end), replacement }));
  const span = (from: number, to: number): readonly [number, number] => [folded.starts[from] as number, folded.ends[to - 1] as number];

  const compact = compactOf(folded);
  for (const { kind, text: name, replacement } of known.identifiers) {
    const isName = kind === 'patient' || kind === 'person' || kind === 'place';
    for (const [from, to] of isName ? namePlaces(name, { words, compact }, kind === 'patient') : numberPlaces(name, { words, compact })) add(...span(from, to), kind, replacement);
  }
  for (const [from, to, date] of datesIn(folded.text)) {
    const birth = known.birthDate?.replace(/\D/g, '').slice(0, 8);
    add(...span(from, to), 'date', (date !== null && date !== birth ? known.moved(date) : null) ?? '[date]');
  }
  const year = known.birthDate?.slice(0, 4) ?? '';
  if (/^\d{4}$/.test(year)) for (const { from, to, text: word } of words) if (word === year) add(...span(from, to), 'date', '[year]');
  for (const { pattern, kind, replacement } of patterns) for (const match of folded.text.matchAll(pattern)) add(...span(match.index, match.index + match[0].length), kind, replacement ?? known.uid(match[0]));
  for (const match of text.matchAll(titled)) add(match.index + (match[0].length - (match[1] as string).length), match.index + match[0].length, 'name', '[name]');
  for (const match of text.matchAll(labelled)) add(match.index + (match[0].length - (match[1] as string).length), match.index + match[0].length, 'name', '[removed]');
  return merged(hits, text).slice(0, mostHits);
}

/** The text with what stands for each hit. */
export function withoutIdentifying(text: string, hits: readonly Hit[]): string {
  return hits.toReversed().reduce((one, { start, end, replacement }) => one.slice(0, start) + replacement + one.slice(end), text);
}

interface Folded {
  /** Small letters without marks, joiners and look-alikes; digits of every script as 0 to 9. */
  readonly text: string;
  /** For each unit of it, where in the text what it came from begins and ends. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Letters that look like Latin ones, and those that Latin names are also spelled with. */
const alike: ReadonlyMap<string, string> = new Map([
  ...[...'авекмнорстухіјѕԁԛԝһгп'].map((letter, i) => [letter, [...'abekmhopctyxijsdqwhrn'][i] as string] as const),
  ...[...'αβεικνορτυχη'].map((letter, i) => [letter, [...'abeikvoptuxn'][i] as string] as const),
  ['ß', 'ss'], ['æ', 'ae'], ['œ', 'oe'], ['ø', 'o'], ['ł', 'l'], ['đ', 'd'], ['ð', 'd'], ['þ', 'th'], ['ı', 'i'], ['ŋ', 'n'], ['ħ', 'h'],
]);
/** The zeros of other scripts' digits; each is followed by its nine others. */
const zeros = [0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810];

function fold(text: string): Folded {
  let out = '';
  const [starts, ends]: [number[], number[]] = [[], []];
  let at = 0;
  for (const character of text) {
    const next = at + character.length;
    for (const part of character.normalize('NFKD').toLowerCase().normalize('NFKD')) {
      if (/[\p{M}\p{Cf}]/u.test(part)) continue;
      const code = part.codePointAt(0) as number;
      const zero = code > 0x7f ? zeros.find((one) => code >= one && code < one + 10) : undefined;
      const plain = zero === undefined ? alike.get(part) ?? part : String(code - zero);
      for (let i = 0; i < plain.length; i++) {
        starts.push(at);
        ends.push(next);
      }
      out += plain;
    }
    at = next;
  }
  return { text: out, starts, ends };
}

interface Word {
  readonly text: string;
  /** Units of the folded text. */
  readonly from: number;
  readonly to: number;
}

/** Runs of letters and digits; letters that stand by themselves one after the other (`D.O.E`, `D o e`) as one word too. */
function wordsOf({ text }: Folded): readonly Word[] {
  const words = [...text.matchAll(/[\p{L}\p{N}]+/gu)].map((match): Word => ({ text: match[0], from: match.index, to: match.index + match[0].length }));
  const spelled: Word[] = [];
  for (let i = 0; i < words.length;) {
    let end = i;
    while (words[end]?.text.length === 1 && (end === i || (words[end] as Word).from - (words[end - 1] as Word).to <= 2)) end++;
    if (end - i >= 3) spelled.push({ text: words.slice(i, end).map((word) => word.text).join(''), from: (words[i] as Word).from, to: (words[end - 1] as Word).to });
    i = Math.max(end, i + 1);
  }
  return [...words, ...spelled];
}

interface Compact {
  /** Letters and digits alone. */
  readonly text: string;
  /** Units of the folded text. */
  readonly at: readonly number[];
}

function compactOf({ text }: Folded): Compact {
  const at: number[] = [];
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (!/[\p{L}\p{N}]/u.test(text[i] as string) && !/\p{Surrogate}/u.test(text[i] as string)) continue;
    out += text[i] as string;
    at.push(i);
  }
  return { text: out, at };
}

interface Searched {
  readonly words: readonly Word[];
  readonly compact: Compact;
}

/** Titles and the small words of names say nothing by themselves. */
const notNames = new Set('dr prof mr mrs ms md phd med herr frau hr fr von van der den de del della di da do dos la le el al bin ibn abu st and und et y of the no not nil none na unknown unbekannt anonymous anonymized anonymised removed patient test'.split(' '));

/** Accounts and roles that are words of every text; a patient's name is looked for all the same. */
const notPersons = new Set('one two three root user users admin administrator guest reader radiologist doctor physician operator person nobody default public system service clinic hospital klinik praxis'.split(' '));

/** Parts of a name, in the spellings with and without its marks. */
function partsOf(name: string): readonly string[] {
  const spellings = [name, name.replace(/[äöüÄÖÜ]/g, (letter) => `${letter.normalize('NFD')[0] as string}e`), name.replace(/([aou])e/gi, '$1')];
  return [...new Set(spellings.flatMap((one) => wordsOf(fold(one)).map(({ text }) => text)))].filter((part) => part.length >= 2 && !notNames.has(part));
}

function namePlaces(name: string, { words, compact }: Searched, isPatient: boolean): readonly (readonly [number, number])[] {
  const parts = partsOf(name).filter((part) => isPatient || !notPersons.has(part));
  const found = words.filter(({ text }) => parts.some((part) => text === part || (part.length >= 3 && text === `${part}s`) || (part.length >= 4 && text.startsWith(part) && text.length - part.length <= 2) || (part.length >= 5 && text.includes(part))))
    .map(({ from, to }) => [from, to] as const);
  // A name that was split: by a line's end, by signs that are not seen.
  const split = parts.filter((part) => part.length >= 5).flatMap((part) => compactPlaces(part, compact, ({ from, to }) => words.some((word) => word.from === from) && words.some((word) => word.to === to)));
  return [...found, ...split];
}

/** A number or the name of a file, whatever stands between its signs. Short ones count as whole words only. */
function numberPlaces(number: string, { words, compact }: Searched): readonly (readonly [number, number])[] {
  const plain = compactOf(fold(number)).text;
  if (plain.length < 3) return [];
  if (plain.length < 4) return words.filter(({ text }) => text === plain).map(({ from, to }) => [from, to] as const);
  const isDigit = (sign: string | undefined): boolean => sign !== undefined && /\d/.test(sign);
  return compactPlaces(plain, compact, ({ at }) => {
    // Not a part of a longer number.
    const touches = (a: number, b: number): boolean => isDigit(compact.text[a]) && isDigit(compact.text[b]) && (compact.at[b] as number) - (compact.at[a] as number) === 1;
    return !touches(at - 1, at) && !touches(at + plain.length - 1, at + plain.length);
  });
}

function compactPlaces(wanted: string, { text, at }: Compact, isOne: (place: { readonly at: number; readonly from: number; readonly to: number }) => boolean): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  for (let i = text.indexOf(wanted); i >= 0 && found.length < mostHits; i = text.indexOf(wanted, i + 1)) {
    const [from, to] = [at[i] as number, (at[i + wanted.length - 1] as number) + 1];
    if (isOne({ at: i, from, to })) found.push([from, to]);
  }
  return found;
}

const months = 'jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|fevrier|mar(?:ch|s)?|marz|maerz|apr(?:il)?|avril|may|mai|june?|juni|juin|july?|juli|juillet|aug(?:ust)?|aout|sept?(?:ember|embre)?|oct(?:ober|obre)?|okt(?:ober)?|nov(?:ember|embre)?|dec(?:ember|embre)?|dez(?:ember)?|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre';
const monthOf = (word: string): number => ['jan|ene', 'feb|fev', 'mar|mae', 'apr|avr|abr', 'may|mai', 'jun|juin', 'jul|juil', 'aug|aou|ago', 'sep', 'oct|okt', 'nov', 'dec|dez|dic'].findIndex((starts, i) => new RegExp(`^(?:${starts})`).test(word) && (i !== 6 || !word.startsWith('juin'))) + 1;

/** Dates in the spellings of several countries; with `YYYYMMDD` where it is clear which day is meant. */
function datesIn(text: string): readonly (readonly [number, number, string | null])[] {
  const found: (readonly [number, number, string | null])[] = [];
  const put = (pattern: RegExp, dateOf: (groups: readonly string[]) => string | null): void => {
    for (const match of text.matchAll(pattern)) found.push([match.index, match.index + match[0].length, dateOf(match.slice(1).map((group: string | undefined) => group ?? ''))]);
  };
  put(/(?<![\d.])((?:1[89]|20)\d{2})[-/.]\s?(\d{1,2})[-/.]\s?(\d{1,2})(?![\d.]?\d)/g, ([year = '', month = '', day = '']) => dateFrom(year, month, day));
  // Which comes first, the day or the month, the text does not tell: only where one cannot be a month, and with dots, which are German.
  put(/(?<![\d.])(\d{1,2})([-/.])\s?(\d{1,2})[-/.]\s?(\d{4}|\d{2})(?![\d.]?\d)/g, ([a = '', sign = '', b = '', year = '']) => (year.length < 4 ? null : sign === '.' || Number(a) > 12 ? dateFrom(year, b, a) : Number(b) > 12 ? dateFrom(year, a, b) : null));
  put(/(?<!\d)((?:19|20)\d{2})(0[1-9]|1[0-2])([0-2]\d|3[01])(?!\d)/g, ([year = '', month = '', day = '']) => dateFrom(year, month, day));
  put(new RegExp(`(?<![\\p{L}\\p{N}])(\\d{1,2})(?:st|nd|rd|th|\\.)?\\s{1,3}(?:of\\s|de\\s)?(${months})(?![\\p{L}])\\.?(?:,?\\s{1,3}(?:de\\s)?(\\d{4}))?`, 'gu'), ([day = '', month = '', year = '']) => (year === '' ? null : dateFrom(year, String(monthOf(month)), day)));
  put(new RegExp(`(?<![\\p{L}\\p{N}])(${months})\\.?\\s{1,3}(\\d{1,2})(?:st|nd|rd|th)?(?!\\d)(?:,?\\s{1,3}(\\d{4}))?`, 'gu'), ([month = '', day = '', year = '']) => (year === '' ? null : dateFrom(year, String(monthOf(month)), day)));
  put(new RegExp(`(?<![\\p{L}\\p{N}])(?:${months})\\.?\\s{1,3}(?:of\\s|de\\s)?(?:1[89]|20)\\d{2}(?!\\d)`, 'gu'), () => null);
  return found;
}

function dateFrom(year: string, month: string, day: string): string | null {
  const [y, m, d] = [Number(year), Number(month), Number(day)];
  const date = new Date(Date.UTC(y, m - 1, d));
  return date.getUTCMonth() + 1 === m && date.getUTCDate() === d ? `${year}${month.padStart(2, '0')}${day.padStart(2, '0')}` : null;
}

/** Of the folded text. Without a replacement it is a UID. */
const patterns: readonly { readonly pattern: RegExp; readonly kind: IdentifyingKind; readonly replacement?: string }[] = [
  { pattern: /(?<![\d.])[0-2](?:\.\d{1,40}){5,30}(?!\d)/g, kind: 'uid' },
  { pattern: /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,6}/gu, kind: 'contact', replacement: '[address]' },
  { pattern: /(?:https?:\/\/|www\.)[^\s]{3,300}/g, kind: 'contact', replacement: '[address]' },
  { pattern: /(?<![\d.])\+?\(?\d{2,5}\)?(?:[ /-]\(?\d{2,8}\)?){2,5}(?![\d.])/g, kind: 'contact', replacement: '[number]' },
  // Longer than any measure: a record, an order, a telephone. Letters may stand before it, as in MRN0012345.
  { pattern: /(?<![\p{L}\p{N}.])\p{L}{0,4}-?\d{6,30}(?![\d.])/gu, kind: 'number', replacement: '[number]' },
  { pattern: /(?<!\d)(?:9\d|1[01]\d)[ -]?(?:years?|yrs?|y\/?o|jahre?|jahrige[rn]?|ans|anos)(?![\p{L}])/gu, kind: 'age', replacement: '90 or more years' },
];
const titled = /(?<![\p{L}])(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr[n]?|Frau|Hr|Mme|Sr|Sra|Señora?|Signora?|Pt)\.?[ \t]{1,3}(?:(?:Dr|Prof|med)\.?[ \t]){0,2}(\p{Lu}[\p{L}'’-]{1,40}(?:[ \t]\p{Lu}[\p{L}'’-]{1,40})?)/gu;
const labelled = /(?<![\p{L}])(?:patient(?:'s)? name|name of (?:the )?patient|patient id|mrn|dob|date of birth|accession(?: number)?|geb(?:oren)?(?:\. am)?|geburtsdatum)[ \t]{0,3}[:=#.][ \t]{0,3}([^\s,;][^\n,;]{1,60})/giu;

/** Hits that touch or overlap become one; of several kinds the first in the list of kinds gives it. */
function merged(hits: readonly Hit[], text: string): readonly Hit[] {
  const rank = ({ kind }: Hit): number => identifyingKinds.indexOf(kind);
  const found: Hit[] = [];
  for (const hit of hits.toSorted((a, b) => a.start - b.start || b.end - a.end || rank(a) - rank(b))) {
    const last = found.at(-1);
    const isOverlap = last !== undefined && hit.start < last.end;
    // First and family name side by side are one.
    const isBeside = last !== undefined && !isOverlap && last.kind === hit.kind && last.replacement === hit.replacement && (hit.kind === 'patient' || hit.kind === 'person' || hit.kind === 'place') && /^[\s,.^-]{0,3}$/.test(text.slice(last.end, hit.start));
    if (!last || (!isOverlap && !isBeside)) {
      found.push(hit);
      continue;
    }
    const end = Math.max(last.end, hit.end);
    const lead = rank(hit) < rank(last) ? hit : last;
    found[found.length - 1] = { ...lead, start: last.start, end, found: text.slice(last.start, end) };
  }
  return found;
}
