/** The terminal's door: finds the command, reads its options, and turns what it throws into an exit status. */

import './telemetry.ts';
import { parseArgs } from 'node:util';
import { Fault } from '#models/base/fault.ts';
import type { Command, CommandContext, CommandOptions, CommandValues } from './commands/command.ts';
import { UsageError } from './commands/command.ts';

/** Loaded on demand, so that a cold start pays only for the command that was asked for. */
const commands: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  doctor: () => import('./commands/doctor.ts'),
  decode: () => import('./commands/decode.ts'),
  deidentify: () => import('./commands/deidentify.ts'),
  review: () => import('./commands/review.ts'),
  generate: () => import('./commands/generate.ts'),
  score: () => import('./commands/score.ts'),
  evaluate: () => import('./commands/evaluate.ts'),
  train: () => import('./commands/train.ts'),
  promote: () => import('./commands/promote.ts'),
  inspect: () => import('./commands/inspect.ts'),
  curves: () => import('./commands/curves.ts'),
  compare: () => import('./commands/compare.ts'),
  reward: () => import('./commands/reward.ts'),
  library: () => import('./commands/library.ts'),
  dataset: () => import('./commands/dataset.ts'),
  import: () => import('./commands/import.ts'),
  combine: () => import('./commands/combine.ts'),
  serve: () => import('./commands/serve.ts'),
  quantize: () => import('./commands/quantize.ts'),
  sample: () => import('./commands/sample.ts'),
  report: () => import('./commands/report.ts'),
  capsule: () => import('./commands/capsule.ts'),
  verify: () => import('./commands/verify.ts'),
  replay: () => import('./commands/replay.ts'),
  locate: () => import('./commands/locate.ts'),
  similar: () => import('./commands/similar.ts'),
  zeroshot: () => import('./commands/zeroshot.ts'),
  integrity: () => import('./commands/integrity.ts'),
  act: () => import('./commands/act.ts'),
  audit: () => import('./commands/audit.ts'),
  bench: () => import('./commands/bench.ts'),
};

const everyCommand = {
  json: { type: 'boolean', help: 'one JSON value on standard output and nothing else' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
} as const satisfies CommandOptions;

/** Runs one command line (without `node` and the script) and gives the exit status: 0 done, 1 a fault, 2 wrong usage, 10 and above what a check found, 130 stopped by Ctrl-C. */
async function runCommandLine(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    (name === undefined ? process.stderr : process.stdout).write(await overview());
    return name === undefined ? 2 : 0;
  }
  const json = rest.includes('--json');
  try {
    if (!Object.hasOwn(commands, name)) throw new UsageError(`There is no command '${name}'.`);
    const { command } = await commands[name]!();
    return await runOne(command, rest);
  } catch (thrown) {
    return report(thrown, { json, help: Object.hasOwn(commands, name) ? undefined : await overview() });
  }
}

async function runOne(command: Command, words: readonly string[]): Promise<number> {
  const options: CommandOptions = { ...command.options, ...everyCommand };
  try {
    const { values, positionals } = parse(words, options);
    if (values.help === true) {
      process.stdout.write(helpOf(command, options));
      return 0;
    }
    const status = await perform(command, contextOf(values, positionals));
    return isInterrupted() ? interruptedStatus : status ?? 0;
  } catch (thrown) {
    if (isInterrupted()) return interruptedStatus;
    return report(thrown, { json: words.includes('--json'), help: helpOf(command, options) });
  }
}

/** Does it; what must be on record is written down first, and so is that it failed. */
async function perform(command: Command, context: CommandContext): Promise<number | void> {
  const event = command.journal?.(context) ?? null;
  if (event === null) return command.run(context);
  const [{ auditFolder, openAudit }, { noteAct }, { readPassphrase }, { dataFolder, version }] = await Promise.all([import('./audit/audit.ts'), import('./audit/pending.ts'), import('./audit/keys.ts'), import('./storage/folders.ts')]);
  const note = (what: typeof event): Promise<void> =>
    noteAct(auditFolder(dataFolder()), what, () => openAudit({ dataFolder: dataFolder(), version: version(), passphrase: readPassphrase(process.env.LOUPE_PASSPHRASE_FILE) }));
  await note(event);
  try {
    return await command.run(context);
  } catch (thrown) {
    await note({ kind: 'failed', body: { command: command.name, code: thrown instanceof Fault ? thrown.code : thrown instanceof UsageError ? 'usage' : 'internal' } });
    throw thrown;
  }
}

function parse(words: readonly string[], options: CommandOptions): { values: CommandValues; positionals: readonly string[] } {
  const plain = Object.fromEntries(Object.entries(options).map(([name, { help: _help, ...option }]) => [name, option]));
  try {
    return parseArgs({ args: [...words], options: plain, allowPositionals: true, strict: true });
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function contextOf(values: CommandValues, positionals: readonly string[]): CommandContext {
  const json = values.json === true;
  return {
    positionals,
    values,
    json,
    get signal() {
      return interruption();
    },
    print(value, text) {
      const shown = json ? JSON.stringify(value) : (text ?? JSON.stringify(value, null, 2));
      process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
    },
    progress(text) {
      process.stderr.write(text.endsWith('\n') || text.startsWith('\r') ? text : `${text}\n`);
    },
  };
}

/** What a shell expects of a program that Ctrl-C ended. */
const interruptedStatus = 130;
let interrupter: AbortController | undefined;
const isInterrupted = (): boolean => interrupter?.signal.aborted === true;

/**
 * Aborted at the first Ctrl-C, so that a command can put away what it has; the second one ends the process.
 * Only a command that asks for the signal gets this: any other is ended by the first Ctrl-C, as usual.
 */
function interruption(): AbortSignal {
  if (interrupter) return interrupter.signal;
  const controller = (interrupter = new AbortController());
  process.once('SIGINT', () => {
    process.stderr.write('\nStopping … Ctrl-C again ends it at once.\n');
    process.once('SIGINT', () => process.exit(interruptedStatus));
    controller.abort();
  });
  // A time limit or a shutdown asks once in the same way; asked again it ends the process.
  process.once('SIGTERM', () => controller.abort());
  return controller.signal;
}

/** Says what was thrown, in the form that was asked for, and gives the exit status that belongs to it. */
function report(thrown: unknown, { json, help }: { readonly json: boolean; readonly help: string | undefined }): number {
  if (thrown instanceof UsageError) {
    const { message } = thrown;
    if (json) say({ code: 'usage', what: 'The command line was not understood.', why: message, mend: 'See --help.' });
    process.stderr.write(`${message}\n\n${help ?? ''}`);
    return 2;
  }
  const fault = faultOf(thrown);
  if (json) say(fault);
  else process.stderr.write(`${fault.what}\n${fault.why}\n${fault.mend}\n`);
  if (!(thrown instanceof Fault) && process.env.LOUPE_DEBUG) console.error(thrown);
  return 1;
}

const say = (fault: object): boolean => process.stdout.write(`${JSON.stringify({ fault })}\n`);

/** A Fault as its four fields; anything else is a bug of ours, and is said to be one. */
function faultOf(thrown: unknown): { code: string; what: string; why: string; mend: string } {
  if (thrown instanceof Fault) return thrown.toJSON();
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: 'internal',
    what: 'Something went wrong inside Loupe.',
    why,
    mend: 'This is a defect: run it again with LOUPE_DEBUG=1 and report what it prints.',
  };
}

async function overview(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const width = Math.max(...all.map(({ command: { name } }) => name.length));
  return [
    'loupe COMMAND [ARGUMENTS] [--json]',
    '',
    ...all.map(({ command: { name, summary } }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    "loupe COMMAND --help shows a command's options. Research use only, not a medical device.",
    '',
  ].join('\n');
}

function helpOf({ usage, summary }: Command, options: CommandOptions): string {
  const rows = Object.entries(options).map(([name, option]) => [`--${name}${option.type === 'string' ? ' …' : ''}`, option.help ?? ''] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [`loupe ${usage}`, '', `  ${summary}`, '', ...rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`.trimEnd()), ''].join('\n');
}

// `loupe … | head` closes the pipe early: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const status = await runCommandLine(process.argv.slice(2));
// A worker that still runs must not hold the terminal; what was printed is written out first.
process.stdout.write('', () => process.exit(status));
