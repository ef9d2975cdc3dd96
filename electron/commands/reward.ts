/** `loupe reward`: scores completions that come as JSON lines on standard input, one reward on a line of standard output for each. */
import { createInterface } from 'node:readline';
import { Fault } from '#models/base/fault.ts';
import { rewardModes, type NamedReward, type RewardMode, type RewardResult, type RewardRow } from '#training/rewards/reward.ts';
import { findReward, rewards, scoreRow } from '#training/rewards/table.ts';
import { flag, onlyPositional, textOption, UsageError, type Command } from './command.ts';

export const command: Command = {
  name: 'reward',
  summary: 'one reward for one completion',
  usage: 'reward NAME [--mode published|strict] < LINES, or reward --list [NAME]',
  options: {
    list: { type: 'boolean', help: 'the rewards, what they pay and the fields that they read besides "completion"' },
    mode: { type: 'string', help: 'strict (the default, for training): holes closed; published: equal to the released code' },
  },
  async run(context) {
    if (flag(context, 'list')) {
      const listed = context.positionals.length > 0 ? [findReward(onlyPositional(context, 'NAME'))] : rewards;
      const rows = listed.map(({ modes, holes = [], ...rest }) => ({ ...rest, modes: Object.keys(modes), holes }));
      context.print(rows, listed.map(paragraph).join('\n'));
      return;
    }
    const reward = findReward(onlyPositional(context, 'NAME'));
    const mode = modeOf(reward, textOption(context, 'mode'));
    for await (const result of scoredLines(reward, mode, createInterface({ input: process.stdin, crlfDelay: Infinity }))) {
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  },
};

/** The result of each line that is not blank, in order; a Fault names the line, counted from 1. */
export async function* scoredLines(reward: NamedReward, mode: RewardMode, lines: AsyncIterable<string>): AsyncGenerator<RewardResult> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() !== '') yield scored(reward, mode, line, number);
  }
}

const paragraph = ({ name, source, summary, reads, modes, holes = [] }: NamedReward): string => [
  `${name}  (${Object.keys(modes).join(', ')})`, `    ${summary}`, ...reads.map((field) => `    reads ${field}`),
  ...holes.map((hole) => `    published: ${hole}`), `    from ${source}`,
].join('\n');

/** The mode that was asked for; without one strict where the reward has it. */
function modeOf({ name, modes }: NamedReward, asked: string | undefined): RewardMode {
  const offered = rewardModes.filter((mode) => modes[mode]);
  const mode = rewardModes.find((known) => known === (asked ?? (modes.strict ? 'strict' : 'published')));
  if (mode && offered.includes(mode)) return mode;
  throw new UsageError(`The reward ${name} has the mode ${offered.join(' and ')}, not '${asked}'.`);
}

function scored(reward: NamedReward, mode: RewardMode, line: string, number: number): RewardResult {
  const bad = (why: string, mend: string, cause?: unknown): Fault =>
    new Fault({ code: 'reward.line', what: `Line ${number} cannot be scored.`, why, mend }, { cause });
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (cause) {
    throw bad(`It is not JSON: ${(cause as Error).message}.`, 'Give {"completion": TEXT, "target": …} on each line.', cause);
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw bad('It is not an object.',
    'Give {"completion": TEXT, "target": …} on each line.');
  try {
    return scoreRow(reward, mode, row as RewardRow);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    if (fault.code === 'reward.row') throw bad(fault.why, fault.mend, fault);
    throw new Fault({ code: fault.code, what: `Line ${number}: ${fault.what}`, why: fault.why, mend: fault.mend }, { cause: fault });
  }
}
