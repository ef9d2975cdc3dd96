/** `loupe reward`: scores completions that come as JSON lines on standard input. */
import { createInterface } from 'node:readline';
import { Fault } from '#models/base/fault.ts';
import { GoldSchema } from '#training/records/gold.ts';
import { verify, type verifiers } from '#training/rewards/verify.ts';
import { flag, onlyPositional, textOption, UsageError, type Command } from './command.ts';

const about: Readonly<Record<keyof typeof verifiers, string>> = {
  choice: '{options, right}: the letter of options[right], or its words',
  yesNo: '{value}: yes or no',
  word: '{accept, reject}: names one of accept and none of reject',
  number: '{value, tolerance}: the first number lies within the tolerance',
  ordinal: '{value, scale}: a word of an ordered scale; neighbours earn part',
  boxes: '{boxes: [{label, box: {x1, y1, x2, y2}}], matchLabels}: mean IoU of matched boxes over the larger count',
  text: '{text}: F1 of the words',
};

export const command: Command = {
  name: 'reward',
  summary: 'one reward for one completion',
  usage: 'reward NAME [--mode strict] < LINES, or reward --list',
  options: {
    list: { type: 'boolean', help: 'the rewards and what their target holds' },
    mode: { type: 'string', help: 'strict (default): the verifiers that training and evaluation use' },
  },
  async run(context) {
    if (flag(context, 'list')) {
      const rows = Object.entries(about).map(([name, target]) => ({ name, mode: 'strict', target }));
      context.print(rows, rows.map(({ name, target }) => `${name.padEnd(8)} ${target}`).join('\n'));
      return;
    }
    const name = onlyPositional(context, 'NAME');
    if (!Object.hasOwn(about, name)) throw new UsageError(`There is no reward '${name}'; --list shows them.`);
    const mode = textOption(context, 'mode') ?? 'strict';
    if (mode !== 'strict') throw new UsageError(`The reward ${name} has the mode strict, not '${mode}'.`);
    let number = 0;
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
      number++;
      if (line.trim() !== '') process.stdout.write(`${JSON.stringify(rewardOf(name, line, number))}\n`);
    }
  },
};

function rewardOf(kind: string, line: string, number: number): { reward: number; correct: boolean } {
  const bad = (why: string): Fault => new Fault({
    code: 'reward.line', what: `Line ${number} cannot be scored.`, why,
    mend: 'Give {"completion": TEXT, "target": {…}} on each line; `loupe reward --list` shows the targets.',
  });
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw bad(`It is not JSON: ${(cause as Error).message}.`);
  }
  const { completion, target } = (json ?? {}) as { completion?: unknown; target?: unknown };
  if (typeof completion !== 'string' || typeof target !== 'object' || target === null) throw bad(
    'It lacks a completion (text) or a target (object).',
  );
  const gold = GoldSchema.safeParse({ ...target, kind });
  if (!gold.success) throw bad(gold.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  const { score, isCorrect } = verify(completion, gold.data);
  return { reward: score, correct: isCorrect };
}
