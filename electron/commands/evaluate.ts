/** `loupe evaluate`: a model answers the questions of held-out cases in words, and a program checks the answers. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { Fault } from '#models/base/fault.ts';
import type { Picture } from '#models/imaging/image.ts';
import { smartResize } from '#models/imaging/patches.ts';
import { openReasoner, type Reasoner } from '#models/reasoner.ts';
import { closeArchives, filterCases, readIndex } from '#training/data/cases.ts';
import { evaluate, type Answerer, type Evaluation, type EvaluationLine, type Measures } from '#training/evaluate.ts';
import { licenceClasses, splits, type CaseRecord } from '#training/records/caseRecord.ts';
import { choicesOption, flag, numberOption, requiredText, textOption, textOptions, UsageError, type Command, type CommandContext } from './command.ts';
import { withMerged } from './merged.ts';

export const command: Command = {
  name: 'evaluate',
  summary: 'accuracy and box measures of a model on held-out cases',
  usage: 'evaluate --model DIR [--adapter DIR] --cases INDEX.jsonl… [--max N] [--counterfactual] [--records FILE]',
  options: {
    model: { type: 'string', help: 'a checkpoint folder' },
    adapter: { type: 'string', help: 'a PEFT adapter that is put upon it' },
    cases: { type: 'string', multiple: true, help: 'index files; more may follow as plain words' },
    max: { type: 'string', help: 'at most so many cases, spread evenly over the tasks' },
    counterfactual: { type: 'boolean', help: 'ask again over blank and over swapped pictures' },
    records: { type: 'string', help: 'a file for one JSON line per question' },
    split: { type: 'string', multiple: true, help: `only this split (${splits.join(', ')}); without it all but train, where there is more` },
    licence: { type: 'string', multiple: true, help: `only this licence class (${licenceClasses.join(', ')})` },
    questions: { type: 'string', multiple: true, help: 'only this question type, as finding_class; may be repeated' },
    direct: { type: 'boolean', help: 'ask for answers without reasoning: faster' },
    rows: { type: 'string', help: 'answers written side by side (default 16)' },
    'max-new-tokens': { type: 'string', help: 'the longest answer, in tokens (default 320)' },
    device: { type: 'string', help: 'auto, cpu, webgpu, cuda, dml, coreml' },
    seed: { type: 'string', help: 'which cases --max takes, and which pictures are swapped (default 0)' },
  },
  journal: () => ({ kind: 'evaluate', body: { command: 'evaluate' } }),
  async run(context) {
    const folder = requiredText(context, 'model');
    const records = await casesOf(context);
    const adapter = textOption(context, 'adapter');
    await (adapter === undefined ? ask(context, folder, records) : withMerged(folder, adapter, (merged) => ask(context, merged, records)));
  },
};

async function ask(context: CommandContext, folder: string, records: readonly CaseRecord[]): Promise<void> {
  const device = textOption(context, 'device');
  const reasoner = await openReasoner({ folder, ...(device === undefined ? {} : { device: device as 'auto' }) });
  const lines = openLines(textOption(context, 'records'));
  try {
    const max = numberOption(context, 'max', { least: 1, whole: true });
    const questionTypes = textOptions(context, 'questions');
    let reported = 0;
    const started = performance.now();
    const result = await evaluate(records, answererOf(reasoner, context), {
      ...(max === undefined ? {} : { max }), ...(questionTypes.length > 0 ? { questionTypes } : {}), batch: 128,
      counterfactual: flag(context, 'counterfactual'), direct: flag(context, 'direct'), seed: numberOption(context, 'seed', { whole: true }) ?? 0,
      signal: context.signal,
      onLine: (line) => lines.write(line),
      onProgress(done, total) {
        if (done < total && performance.now() - reported < 5000) return;
        reported = performance.now();
        const left = ((performance.now() - started) * (total - done)) / Math.max(1, done) / 1000;
        context.progress(`${done} of ${total} questions, about ${Math.ceil(left)} s left`);
      },
    });
    lines.finish();
    context.print(result, tableOf(result));
  } finally {
    lines.abandon();
    closeArchives();
    await reasoner.release();
  }
}

async function casesOf(context: CommandContext): Promise<readonly CaseRecord[]> {
  const paths = [...textOptions(context, 'cases'), ...context.positionals];
  if (paths.length === 0) throw new UsageError('--cases is missing.');
  const chosen = choicesOption(context, 'split', splits);
  const licences = choicesOption(context, 'licence', licenceClasses);
  const all = filterCases((await Promise.all(paths.map(readIndex))).flat(), licences.length > 0 ? { licences } : {});
  if (chosen.length > 0) return filterCases(all, { splits: chosen });
  const heldOut = filterCases(all, { splits: ['val', 'test'] });
  return heldOut.length > 0 ? heldOut : all;
}

export function answererOf(reasoner: Reasoner, context: CommandContext): Answerer {
  const maxNewTokens = numberOption(context, 'max-new-tokens', { least: 1, whole: true }) ?? 320;
  const rows = numberOption(context, 'rows', { least: 1, most: 256, whole: true }) ?? 16;
  // One array for each picture, by which the reasoner knows that it has seen it.
  const frames = new WeakMap<Picture, readonly Picture[]>();
  const framesOf = (picture: Picture): readonly Picture[] => {
    const known = frames.get(picture) ?? [picture];
    frames.set(picture, known);
    return known;
  };
  return {
    seenSize: ({ width, height }) => smartResize(height, width, reasoner.patchOptions),
    convention: reasoner.convention,
    async answer(requests) {
      const asks = requests.map(({ picture, question }) => ({ frames: framesOf(picture), question }));
      const answers = await reasoner.answerMany(asks, { maxNewTokens, rows, signal: context.signal });
      context.signal.throwIfAborted();
      return answers.map(({ text }) => text);
    },
  };
}

/** Lines go to a file beside the wanted one, which takes its name when all are there. */
function openLines(path: string | undefined): { write(line: EvaluationLine): void; finish(): void; abandon(): void } {
  const nothing = (): void => { /* no file was asked for */ };
  if (path === undefined) return { write: nothing, finish: nothing, abandon: nothing };
  const part = `${path}.part`;
  const attempt = <T>(act: () => T): T => {
    try {
      return act();
    } catch (cause) {
      throw new Fault({
        code: 'evaluate.records', what: `${path} cannot be written.`, why: (cause as Error).message, mend: 'Choose a place with room.',
      }, { cause });
    }
  };
  const descriptor = attempt(() => openSync(part, 'w'));
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  return {
    write: (line) => attempt(() => writeSync(descriptor, `${JSON.stringify(line)}\n`)),
    finish: () => attempt(() => {
      close();
      renameSync(part, path);
    }),
    abandon() {
      close();
      rmSync(part, { force: true });
    },
  };
}

function tableOf(result: Evaluation): string {
  const percent = (part: number): string => `${(100 * part).toFixed(1).padStart(5)} %`;
  const section = (title: string, measures: Measures): string[] => [
    `${title}: macro accuracy ${percent(measures.macro_accuracy).trim()}`,
    ...Object.entries(measures.tasks).map(
      ([name, { accuracy, ci, n }]) => `  ${name.padEnd(28)} ${percent(accuracy)}  (${percent(ci[0]).trim()} to ${percent(ci[1]).trim()}, n = ${n})`,
    ),
    ...Object.entries(measures.boxes).map(
      ([name, { mean_iou, acc50, n }]) => `  ${name.padEnd(28)} IoU ${mean_iou.toFixed(3)}, ${percent(acc50).trim()} at 0.5 (n = ${n})`,
    ),
  ];
  const types = Object.entries(result.question_types).map(([name, { accuracy, n }]) => `  ${name.padEnd(28)} ${percent(accuracy)}  (n = ${n})`);
  return [
    ...section('As they are', result), 'By question type', ...types,
    ...(result.blank ? section('Blank pictures', result.blank) : []), ...(result.swapped ? section('Swapped pictures', result.swapped) : []),
    `Answers extracted by rules version ${result.extractor.version}, ${result.extractor.sha256.slice(0, 12)}`,
  ].join('\n');
}
