/** What a terminal command is: a name, its help, its options and what it does. `electron/cli.ts` dispatches to these. */

import type { ParseArgsConfig } from 'node:util';
import type { WaitingEvent } from '#electron/audit/pending.ts';

/** Options as `node:util` parseArgs takes them, with an optional line of help for each. `json` and `help` are added to every command. */
export type CommandOptions = Readonly<Record<string, NonNullable<ParseArgsConfig['options']>[string] & { readonly help?: string }>>;

/** What was given on the command line, by option name; an option that was not given is absent. */
export type CommandValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

export interface CommandContext {
  /** Everything that is not an option, in order. Relative paths are relative to `process.cwd()`, which is where the user stands. */
  readonly positionals: readonly string[];
  readonly values: CommandValues;
  /** True with `--json`: `print` then writes its value and ignores the text. */
  readonly json: boolean;
  /** Aborted at Ctrl-C, for a command that asks for it; a second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal;
  /**
   * The result, on standard output: with `--json` the value as JSON (call it once), otherwise `text`,
   * or the value as indented JSON when there is no text.
   */
  print(value: unknown, text?: string): void;
  /** A line of progress on standard error. */
  progress(text: string): void;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows `loupe`, as in `decode FILE [--frames N]`. */
  readonly usage: string;
  readonly options: CommandOptions;
  /** What stands in the audit journal of this person's data folder before it is done; absent or null: nothing. */
  readonly journal?: (context: CommandContext) => WaitingEvent | null;
  /**
   * Does it. Throws a Fault for what a user can mend (exit status 1) and UsageError for a wrong command line (exit status 2); gives an exit status of its own
   * where the result is one, 10 and above.
   */
  run(context: CommandContext): Promise<number | void>;
}

/** The command line itself is wrong: the message and the command's help are shown, and the exit status is 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The only positional argument. `what` names it as in `usage`: FILE, PATH, RUN. */
export function onlyPositional(context: CommandContext, what: string): string {
  const [first, ...rest] = context.positionals;
  if (first === undefined) throw new UsageError(`${what} is missing.`);
  if (rest.length > 0) throw new UsageError(`One ${what} is expected, but there is also '${rest[0]}'.`);
  return first;
}

/** A text option, or undefined when it was not given. */
export function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.values[name];
  return typeof value === 'string' ? value : undefined;
}

/** A text option that has to be there. */
export function requiredText(context: CommandContext, name: string): string {
  const value = textOption(context, name);
  if (value === undefined) throw new UsageError(`--${name} is missing.`);
  return value;
}

/** All values of an option declared with `multiple: true`, in order. */
export function textOptions(context: CommandContext, name: string): readonly string[] {
  const value = context.values[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : typeof value === 'string' ? [value] : [];
}

/** The values of an option that may be repeated. @throws UsageError for one that is none of `allowed` */
export function choicesOption<const T extends string>(context: CommandContext, name: string, allowed: readonly T[]): readonly T[] {
  return textOptions(context, name).map((value) => {
    const choice = allowed.find((one) => one === value);
    if (choice === undefined) throw new UsageError(`--${name} is one of ${allowed.join(', ')}, not '${value}'.`);
    return choice;
  });
}

/** True when the flag was given. */
export function flag(context: CommandContext, name: string): boolean {
  return context.values[name] === true;
}

/** A number option within its bounds, or undefined when it was not given. */
export function numberOption(
  context: CommandContext,
  name: string,
  { least = -Infinity, most = Infinity, whole = false }: { readonly least?: number; readonly most?: number; readonly whole?: boolean } = {},
): number | undefined {
  const text = textOption(context, name);
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value) || (whole && !Number.isInteger(value)) || value < least || value > most) {
    const range = most === Infinity ? (least === -Infinity ? '' : ` of at least ${least}`) : ` from ${least} to ${most}`;
    throw new UsageError(`--${name} takes a ${whole ? 'whole ' : ''}number${range}, not '${text}'.`);
  }
  return value;
}
