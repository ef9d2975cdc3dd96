/** `loupe zeroshot`: tells held-out cases apart by words alone, and shows what is taken for what. */
import { readFileSync } from 'node:fs';
import { Fault } from '#models/base/fault.ts';
import { parsePromptEnsemble, type PromptEnsemble } from '#models/clinical/promptEnsemble.ts';
import { casesOf } from '#training/prepare.ts';
import { splits, type Split } from '#training/records/caseRecord.ts';
import { ensembleOf, seeCases, zeroShot, type TaskResult } from '#training/similarCases.ts';
import { requiredText, textOption, textOptions, UsageError, type Command } from './command.ts';
import { encoderFolders, encoderOption, percent, using } from './similar.ts';

export const command: Command = {
  name: 'zeroshot',
  summary: 'classes of images told apart by words alone, with a confusion matrix',
  usage: 'zeroshot --task TASK --cases INDEX… [--prompts FILE] [--encoder DIR]',
  options: {
    task: { type: 'string', help: 'the task of the index whose labels are told apart' },
    cases: { type: 'string', multiple: true, help: 'index files; more may follow as plain words' },
    prompts: { type: 'string', help: 'a JSON file {"classes":[{"name","synonyms"}],"templates":["… CLASSNAME …"]}, or a released one; the vocabulary\'s wordings where absent' },
    split: { type: 'string', help: `${splits.join(', ')}; val where absent` },
    ...encoderOption,
  },
  async run(context) {
    const task = requiredText(context, 'task');
    const indexes = [...textOptions(context, 'cases'), ...context.positionals];
    if (indexes.length === 0) throw new UsageError('--cases is missing.');
    const split = textOption(context, 'split') ?? 'val';
    if (!splits.includes(split as Split)) throw new UsageError(`--split is one of ${splits.join(', ')}, not '${split}'.`);
    const [folder, ...others] = encoderFolders(context);
    if (others.length > 0) throw new UsageError('One --encoder is expected.');
    const prompts = textOption(context, 'prompts');
    const given = prompts === undefined ? null : readEnsemble(prompts);
    const records = (await casesOf(indexes, { splits: [split as Split], licences: ['permissive'] })).filter((record) => record.task === task);
    const ensemble = given ?? ensembleOf(records);
    const { result, leftOut } = await using(folder!, async (similar) => {
      const { cases, leftOut: left } = await seeCases(similar, records, { signal: context.signal });
      return { result: await zeroShot(similar, cases, task, ensemble), leftOut: left };
    });
    const { right: _, ...rest } = result;
    context.print({ ...rest, leftOut, ensemble }, tableOf(result, leftOut.length));
  },
};

function readEnsemble(path: string): PromptEnsemble {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new Fault({ code: 'zeroshot.prompts', what: 'The words cannot be read.', why: cause instanceof Error ? cause.message : String(cause), mend: 'Name a JSON file with classes and templates.' }, { cause });
  }
  return parsePromptEnsemble(json);
}

function tableOf({ task, images, accuracy, majority, classes, confusion }: TaskResult, leftOut: number): string {
  const width = Math.max(...classes.map((name) => name.length), 8) + 2;
  return [
    `${task}: ${images} images${leftOut > 0 ? `, ${leftOut} left out` : ''}, right ${percent(accuracy)}, always the commonest label ${(100 * majority).toFixed(1)} %`,
    `rows: what it is; columns: what was told, numbered in the same order`,
    `${''.padEnd(width)}${classes.map((__, at) => String(at + 1).padStart(6)).join('')}`,
    ...classes.map((name, row) => `${`${row + 1} ${name}`.padEnd(width)}${confusion[row]!.map((count) => String(count).padStart(6)).join('')}`),
    'Research use only, not a medical device.',
  ].join('\n');
}
