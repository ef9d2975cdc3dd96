/** The options of a curriculum or a pipeline, read one by one; what is misspelt or out of range is said by name. */
import { Fault } from '#models/base/fault.ts';

export type Options = Readonly<Record<string, unknown>>;

/** Refuses options that nobody reads: a misspelt one would be left at its default without a word. */
export function knownOptions(owner: string, options: Options, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw optionFault(owner, `It has no option ${unknown.slice(0, 80)}.`, `Use ${names.join(', ') || 'none'}.`);
}

/** A number of the options within bounds, or the default. */
export function numberOption(owner: string, options: Options, name: string, fallback: number, { least = -Infinity, most = Infinity, whole = false } = {}): number {
  const value = options[name] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw optionFault(owner, `${name} is ${JSON.stringify(value)}.`, `Give a ${whole ? 'whole ' : ''}number from ${least} to ${most}.`);
}

/** A list of words of the options, or the default. */
export function wordsOption(owner: string, options: Options, name: string, fallback: readonly string[]): readonly string[] {
  const value = options[name] ?? fallback;
  if (Array.isArray(value) && value.length <= 1000 && value.every((word) => typeof word === 'string' && word.length <= 200)) return value as readonly string[];
  throw optionFault(owner, `${name} is ${JSON.stringify(value)?.slice(0, 200)}.`, 'Give a list of words.');
}

/** One of several words, or the default. */
export function choiceOption<T extends string>(owner: string, options: Options, name: string, choices: readonly T[], fallback: T): T {
  const value = options[name] ?? fallback;
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw optionFault(owner, `${name} is ${JSON.stringify(value)?.slice(0, 80)}.`, `Use ${choices.join(' or ')}.`);
}

/** Yes or no, or the default. */
export function flagOption(owner: string, options: Options, name: string, fallback: boolean): boolean {
  const value = options[name] ?? fallback;
  if (typeof value === 'boolean') return value;
  throw optionFault(owner, `${name} is ${JSON.stringify(value)?.slice(0, 80)}.`, 'Use true or false.');
}

const optionFault = (owner: string, why: string, mend: string): Fault => new Fault({ code: 'curriculum.option', what: `The options of ${owner} cannot be used.`, why, mend });
